/**
 * Assignments: what each session tells its agent to run. A full set opens a session; then increments, numbered so that
 * the agent notices a gap. Changes are collected per node and sent once per instant. SwarmKit: dispatcher/assignments.go.
 *
 * Only tasks from assigned on are told; afterwards a task is told again when its desired state changes, not when its
 * observed state does: that came from the agent.
 */
import { type AssignedTask, LANE, type Message, TASK_STATE, type TaskSpec, type TimerEvent, type TimerId } from '@paperfleet/core';
import type { Change, NodeRecord, TaskRecord } from '../../store/records.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';

export interface AssignTimer extends TimerEvent {
  readonly type: 'assign';
}
const ASSIGN: AssignTimer = { type: 'assign' };

interface Outgoing {
  readonly nodeId: string;
  readonly session: number;
  /** Number of the newest message sent. */
  sequence: number;
  /** Tasks the agent has been told of. */
  readonly told: Set<string>;
  /** Tasks and loads to be told with the next message. */
  readonly update: Set<string>;
  readonly remove: Set<string>;
  readonly loads: Map<string, number>;
}

export interface SavedAssignments {
  readonly timer: TimerId;
  readonly sessions: readonly {
    readonly nodeId: string;
    readonly session: number;
    readonly sequence: number;
    readonly told: readonly string[];
    readonly update: readonly string[];
    readonly remove: readonly string[];
    readonly loads: readonly (readonly [string, number])[];
  }[];
  readonly dirty: readonly string[];
}

type LoadsOfNode = (nodeId: string) => readonly (readonly [string, number])[];

export class Assignments {
  readonly #deps: Deps;
  readonly #loadsOfNode: LoadsOfNode;
  readonly #sessions = new Map<string, Outgoing>();
  readonly #dirty = new Set<string>();
  #timer: TimerId = 0;

  constructor(deps: Deps, loadsOfNode: LoadsOfNode, saved?: SavedAssignments) {
    this.#deps = deps;
    this.#loadsOfNode = loadsOfNode;
    if (saved === undefined) return;
    this.#timer = saved.timer;
    for (const { nodeId, session, sequence, told, update, remove, loads } of saved.sessions) {
      this.#sessions.set(nodeId, {
        nodeId,
        session,
        sequence,
        told: new Set(told),
        update: new Set(update),
        remove: new Set(remove),
        loads: new Map(loads),
      });
    }
    for (const nodeId of saved.dirty) this.#dirty.add(nodeId);
  }

  save(): SavedAssignments {
    return {
      timer: this.#timer,
      sessions: [...this.#sessions.values()].map(({ nodeId, session, sequence, told, update, remove, loads }) => ({
        nodeId,
        session,
        sequence,
        told: [...told],
        update: [...update],
        remove: [...remove],
        loads: [...loads],
      })),
      dirty: [...this.#dirty],
    };
  }

  /** Number of the newest assignments of a node's session, 0 before the first. */
  sequence(nodeId: string): number {
    return this.#sessions.get(nodeId)?.sequence ?? 0;
  }

  /** A session begins: the full set goes out at once. */
  open(node: NodeRecord, session: number): void {
    this.close(node.id);
    const outgoing: Outgoing = {
      nodeId: node.id,
      session,
      sequence: 0,
      told: new Set(),
      update: new Set(),
      remove: new Set(),
      loads: new Map(),
    };
    this.#sessions.set(node.id, outgoing);
    this.#sendFull(node, outgoing);
  }

  close(nodeId: string): void {
    this.#sessions.delete(nodeId);
    this.#dirty.delete(nodeId);
  }

  /** The agent has missed something. */
  resync(node: NodeRecord): void {
    const outgoing = this.#sessions.get(node.id);
    if (outgoing !== undefined) this.#sendFull(node, outgoing);
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) if (change.kind === 'task' && change.record.nodeId !== '') this.#noteTask(change);
  }

  #noteTask(change: Extract<Change, { kind: 'task' }>): void {
    const { record, op } = change;
    const outgoing = this.#sessions.get(record.nodeId);
    if (outgoing === undefined) return;
    if (op === 'remove') {
      outgoing.update.delete(record.id);
      if (!outgoing.told.has(record.id)) return;
      outgoing.remove.add(record.id);
    } else {
      if (record.state < TASK_STATE.assigned) return;
      const known = outgoing.told.has(record.id) || outgoing.update.has(record.id);
      if (known && record.state > TASK_STATE.assigned && change.oldDesired === record.desired) return;
      outgoing.update.add(record.id);
    }
    this.#dirty.add(record.nodeId);
  }

  /** A service's share of load for each of its replicas on that node. */
  tellLoad(nodeId: string, serviceId: string, share: number): void {
    const outgoing = this.#sessions.get(nodeId);
    if (outgoing === undefined) return;
    outgoing.loads.set(serviceId, share);
    this.#dirty.add(nodeId);
  }

  /** Arms the sending of what was collected. */
  arm(): void {
    if (this.#dirty.size > 0 && this.#timer === 0) this.#timer = this.#deps.ports.in(KNOBS.assignmentDelayUs, LANE.observe, ASSIGN);
  }

  onTimer(): void {
    this.#timer = 0;
    const { store, ports } = this.#deps;
    for (const nodeId of this.#dirty) {
      const node = store.nodes.get(nodeId);
      const outgoing = this.#sessions.get(nodeId);
      if (node === undefined || outgoing === undefined) continue;
      // Always legal, and rare enough in practice to need practice.
      if (ports.faultPoint('dispatcher/full-set')) this.#sendFull(node, outgoing);
      else this.#sendIncrement(node, outgoing);
    }
    this.#dirty.clear();
  }

  #sendFull(node: NodeRecord, outgoing: Outgoing): void {
    const tasks = this.#deps.store.tasksOfNode(node.id).filter((task) => task.state >= TASK_STATE.assigned);
    outgoing.told.clear();
    outgoing.remove.clear();
    this.#send(node, outgoing, tasks, [], true, this.#loadsOfNode(node.id));
  }

  #sendIncrement(node: NodeRecord, outgoing: Outgoing): void {
    const tasks: TaskRecord[] = [];
    for (const id of outgoing.update) {
      const task = this.#deps.store.tasks.get(id);
      if (task !== undefined) tasks.push(task);
    }
    const removed = [...outgoing.remove];
    const loads = [...outgoing.loads];
    if (tasks.length + removed.length + loads.length === 0) return;
    this.#send(node, outgoing, tasks, removed, false, loads);
  }

  #send(
    node: NodeRecord,
    outgoing: Outgoing,
    tasks: readonly TaskRecord[],
    removed: readonly string[],
    full: boolean,
    loads: readonly (readonly [string, number])[],
  ): void {
    const numbers = new Map<TaskSpec, number>();
    const update: AssignedTask[] = [];
    for (const task of tasks) {
      let spec = numbers.get(task.spec);
      if (spec === undefined) numbers.set(task.spec, (spec = numbers.size));
      const { id, serviceId, serviceName, slot, desired } = task;
      update.push({ id, serviceId, serviceName, slot, desired, spec });
      outgoing.told.add(id);
    }
    for (const id of removed) outgoing.told.delete(id);
    outgoing.update.clear();
    outgoing.remove.clear();
    outgoing.loads.clear();
    const appliesTo = outgoing.sequence;
    const resultsIn = ++outgoing.sequence;
    const specs = [...numbers.keys()];
    const message: Message = {
      type: 'assignments',
      session: outgoing.session,
      full,
      appliesTo,
      resultsIn,
      specs,
      update,
      remove: removed,
      loads,
    };
    this.#deps.ports.send(node.party, message);
  }
}
