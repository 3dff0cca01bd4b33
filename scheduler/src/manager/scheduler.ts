/**
 * Scheduler: collects pending tasks, decides about them in rounds and commits what was decided in one batch. Owner of the
 * step pending → assigned. SwarmKit: manager/scheduler. Deciding itself is placement/.
 *
 * A round checks tasks with a preset node one by one, then places groups of equal tasks (service, spec version). A row
 * of the plan whose task was written meanwhile is dropped and looked at again. Cost: one pass over the queue, plus what
 * placement takes; nothing per task but its record and its place in the event list.
 */
import { type Explain, isActive, isTerminal, LANE, TASK_STATE, type TimerEvent, type TimerId, type TimeUs } from '@paperfleet/core';
import { checkNode, decideGroup, type GroupDecision, type NodeSet } from '../placement/index.ts';
import type { Change, NodeRecord, ServiceRecord, TaskRecord } from '../store/records.ts';
import type { Transaction } from '../store/store.ts';
import type { Deps } from './deps.ts';
import type { NewEvent } from './event-log.ts';
import { KNOBS } from './knobs.ts';

export interface ScheduleTimer extends TimerEvent {
  readonly type: 'schedule';
}
const SCHEDULE: ScheduleTimer = { type: 'schedule' };

export interface SavedScheduler {
  readonly unassigned: readonly string[];
  readonly preassigned: readonly string[];
  readonly timer: TimerId;
  readonly since: number;
}

interface Group {
  readonly first: TaskRecord;
  readonly tasks: TaskRecord[];
}

const ASSIGNED_MESSAGE = 'scheduler assigned task to node';
const CONFIRMED_MESSAGE = 'scheduler confirmed task can run on preassigned node';

/** Tasks that are waiting for a node: unassigned ones, and those whose node is preset. */
const isPending = (task: TaskRecord): boolean => task.state === TASK_STATE.pending;

export class Scheduler {
  readonly #deps: Deps;
  readonly #nodes: NodeSet;
  readonly #unassigned = new Set<TaskRecord>();
  readonly #preassigned = new Set<TaskRecord>();
  #timer: TimerId = 0;
  /** Instant of the first commit that asked for the round that is due. */
  #since = 0;
  /** Something happened that makes a round worthwhile, not yet followed by arming the timer. */
  #wanted = false;
  /** Any commit since the last settling: it puts a due round off a little. */
  #stirred = false;
  #committing = false;
  /** Placements of the round that keep their explanation in the task. */
  #explained = 0;

  constructor(deps: Deps, nodes: NodeSet, saved?: SavedScheduler) {
    this.#deps = deps;
    this.#nodes = nodes;
    if (saved === undefined) return;
    const restore = (ids: readonly string[], queue: Set<TaskRecord>): void => {
      for (const id of ids) {
        const task = deps.store.tasks.get(id);
        if (task !== undefined) queue.add(task);
      }
    };
    restore(saved.unassigned, this.#unassigned);
    restore(saved.preassigned, this.#preassigned);
    this.#timer = saved.timer;
    this.#since = saved.since;
  }

  save(): SavedScheduler {
    const ids = (queue: Set<TaskRecord>): string[] => [...queue].map((task) => task.id);
    return { unassigned: ids(this.#unassigned), preassigned: ids(this.#preassigned), timer: this.#timer, since: this.#since };
  }

  /** Tasks that wait for a node. */
  get queued(): number {
    return this.#unassigned.size + this.#preassigned.size;
  }

  /** At a change of leader: what is pending in the store. */
  start(): void {
    for (const task of this.#deps.store.tasks.values()) if (isPending(task)) this.#enqueue(task);
    this.#wanted = this.queued > 0;
  }

  onChanges(changes: readonly Change[]): void {
    if (this.#committing) return;
    this.#stirred = true;
    for (const change of changes) {
      if (change.kind === 'task') this.#noteTask(change);
      else if (change.kind === 'node' && change.op !== 'remove') this.#wanted = true;
    }
  }

  #noteTask(change: Extract<Change, { kind: 'task' }>): void {
    const { record, op } = change;
    if (op === 'remove') {
      this.#dequeue(record);
      this.#wanted = true;
    } else if (isTerminal(record.state)) {
      if (op === 'update' && isTerminal(change.oldState)) return;
      this.#dequeue(record);
      this.#wanted = true;
    } else if (isPending(record)) {
      this.#dequeue(record);
      this.#enqueue(record);
      this.#wanted = true;
    } else this.#dequeue(record);
  }

  #enqueue(task: TaskRecord): void {
    if (task.nodeId === '') this.#unassigned.add(task);
    else this.#preassigned.add(task);
  }

  #dequeue(task: TaskRecord): void {
    this.#unassigned.delete(task);
    this.#preassigned.delete(task);
  }

  /** Arms the next round: 50 ms after the last commit, at most 1 s after the first that asked for it. */
  arm(): void {
    const { ports } = this.#deps;
    const now = ports.now();
    const stirred = this.#stirred;
    this.#stirred = false;
    if (this.#timer === 0) {
      if (!this.#wanted) return;
      this.#since = now;
    } else {
      if (!stirred) return;
      ports.cancel(this.#timer);
    }
    const due = Math.min(now + KNOBS.scheduleDebounceUs, Math.max(now, this.#since + KNOBS.scheduleMaximumUs));
    this.#timer = ports.at(due as TimeUs, LANE.schedule, SCHEDULE);
  }

  onTimer(): void {
    this.#timer = 0;
    this.round();
  }

  /** One round over everything that waits. */
  round(): void {
    this.#wanted = false;
    if (this.queued === 0) return;
    this.#committing = true;
    this.#explained = 0;
    try {
      this.#confirmPreassigned();
      for (const group of this.#takeGroups()) this.#placeGroup(group);
    } finally {
      this.#committing = false;
    }
  }

  #confirmPreassigned(): void {
    if (this.#preassigned.size === 0) return;
    const { store, ports, ledger } = this.#deps;
    const now = ports.now();
    store.commit((tx) => {
      for (const task of [...this.#preassigned]) {
        const node = store.nodes.get(task.nodeId);
        if (!isActive(task.desired) || node === undefined) continue;
        const service = store.services.get(task.serviceId);
        const check = checkNode(this.#nodes, this.#request(task, service, 1), node.row, now);
        if (!check.ok) {
          this.#explainPending(tx, task, check.message, check.explain);
          continue;
        }
        this.#preassigned.delete(task);
        const cause = ledger.taskEvent(task, 'task.assigned', 'info', task.cause, check.explain);
        tx.writeTask(task);
        this.#assigned(task, CONFIRMED_MESSAGE, now, cause);
        task.explain = check.explain;
        this.#hold(task, node);
      }
    });
  }

  /** The unassigned tasks by (service, spec version), in order of creation of each group's first task. */
  #takeGroups(): readonly Group[] {
    const groups = new Map<string, Group>();
    const queue = [...this.#unassigned];
    for (const task of queue) {
      const key = `${task.serviceId}/${task.specVersion}`;
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { first: task, tasks: [task] });
      else group.tasks.push(task);
    }
    return [...groups.values()].sort((a, b) => a.first.row - b.first.row);
  }

  #placeGroup(group: Group): void {
    const { store, ports } = this.#deps;
    const now = ports.now();
    const service = store.services.get(group.first.serviceId);
    const wanted: TaskRecord[] = [];
    for (const task of group.tasks.sort((a, b) => a.row - b.row)) {
      if (service === undefined) this.#unassigned.delete(task);
      else if (isActive(task.desired)) wanted.push(task);
      else this.#giveUp(task, service);
    }
    if (service === undefined || wanted.length === 0) return;
    const decision = decideGroup(this.#nodes, this.#request(group.first, service, wanted.length), now);
    const versions = wanted.map((task) => task.version);
    store.commit((tx) => {
      this.#commitPlaced(tx, wanted, versions, decision, now);
      const { pending } = decision;
      if (pending === undefined) return;
      for (let i = decision.placed; i < wanted.length; i++) {
        const task = wanted[i];
        if (task !== undefined) this.#explainPending(tx, task, pending.message, pending.explain);
      }
    });
  }

  /** Applies the plan's rows, one batch and one entry in the event list for all of them. */
  #commitPlaced(
    tx: Transaction,
    tasks: readonly TaskRecord[],
    versions: readonly TaskRecord['version'][],
    decision: GroupDecision,
    now: TimeUs,
  ): void {
    const { store, events } = this.#deps;
    const first = events.lastId + 1;
    const placed: TaskRecord[] = [];
    const nodes: NodeRecord[] = [];
    const rows: number[] = [];
    const causes: number[] = [];
    for (let i = 0; i < decision.placed; i++) {
      const task = tasks[i];
      const node = store.nodeByRow(decision.nodeRows[i] ?? -1);
      const version = versions[i];
      if (task === undefined || version === undefined) continue;
      // The plan was made from these versions; whatever was written since stays queued and is looked at again.
      if (node === undefined || !tx.writeTaskAt(task, version)) {
        this.#wanted = true;
        continue;
      }
      this.#unassigned.delete(task);
      tx.assign(task, node.id);
      causes.push(task.cause);
      this.#assigned(task, ASSIGNED_MESSAGE, now, first + placed.length);
      placed.push(task);
      nodes.push(node);
      rows.push(i);
      this.#hold(task, node);
    }
    if (placed.length === 0) return;
    const service = placed[0]?.serviceName ?? '';
    const make = (index: number): NewEvent => ({
      kind: 'task.assigned',
      severity: 'info',
      cause: causes[index] ?? 0,
      service,
      task: placed[index]?.id ?? '',
      node: nodes[index]?.name ?? '',
      explain: decision.explain(rows[index] ?? 0),
    });
    events.addBatch(placed.length, make);
    for (let i = 0; i < placed.length; i++) {
      const task = placed[i];
      if (task === undefined) continue;
      task.explain = this.#explained++ < KNOBS.explainedPlacements ? decision.explain(rows[i] ?? 0) : undefined;
    }
  }

  #assigned(task: TaskRecord, message: string, now: TimeUs, cause: number): void {
    task.state = TASK_STATE.assigned;
    task.message = message;
    task.error = '';
    task.stateAt = now;
    task.appliedAt = now;
    task.cause = cause;
  }

  /** Takes the task's reservations on the node at once, so that the next decision of the round sees them. */
  #hold(task: TaskRecord, node: NodeRecord): void {
    this.#nodes.addTask(node.row, placedTask(task));
    const generic = this.#nodes.genericOf(task.id);
    if (Object.keys(generic).length > 0) task.generic = generic;
  }

  /** A task that is wanted no more and never got a node: the scheduler itself ends it once its service has moved on. */
  #giveUp(task: TaskRecord, service: ServiceRecord): void {
    const { store, ledger } = this.#deps;
    if (task.desired !== TASK_STATE.shutdown || service.specVersion <= task.specVersion) return;
    this.#unassigned.delete(task);
    store.commit((tx) => ledger.observe(tx, task, { state: TASK_STATE.shutdown, message: task.message }, task.cause));
  }

  #explainPending(tx: Transaction, task: TaskRecord, message: string, explain: Explain): void {
    if (task.error === message) return;
    tx.writeTask(task);
    task.error = message;
    task.stateAt = this.#deps.ports.now();
    task.explain = explain;
    // The chain goes on from what created the task, not through each of the scheduler's attempts.
    this.#deps.ledger.taskEvent(task, 'task.pending', 'warning', task.cause, explain);
  }

  #request(task: TaskRecord, service: ServiceRecord | undefined, count: number): Parameters<typeof decideGroup>[1] {
    return {
      serviceId: task.serviceId,
      specVersion: task.specVersion,
      spec: task.spec,
      ports: task.endpoint?.ports ?? [],
      count,
      profile: service?.spec.profile ?? this.#deps.config.profile,
    };
  }
}

/** A task as placement sees it. */
export function placedTask(task: TaskRecord): Parameters<NodeSet['addTask']>[1] {
  return { id: task.id, serviceId: task.serviceId, spec: task.spec, ports: task.endpoint?.ports ?? [], desired: task.desired };
}
