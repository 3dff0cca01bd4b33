/**
 * What must hold in every run, checked after every commit of the store and after every event of a node:
 *
 * - books: the tasks that the manager counts on a node (assigned to running) never reserve more than the node has. A node
 *   that came back smaller may hold too much until the enforcer and the agents have made room; nothing is added meanwhile.
 * - truth: every container that exists is in those books, so that machines are not over-committed either. The exceptions
 *   are tasks that the manager itself gave up: deleted by hand or with their node, rejected by the enforcer, orphaned.
 * - one wanted: of the tasks of a slot (or node) one at most is wanted, two only while a start-first update goes on.
 * - one running: a replacement is started (desired ready → running) only when the task it replaces has ended, or its node
 *   is down or gone, or was at any time since the replacement was made, or 60 s have passed (SwarmKit: restart.go, DelayStart). So two containers of one slot run at the
 *   same time only for one of these reasons, or because the older one was stopping already when its slot was filled anew.
 * - phases: observed and desired states of a task never fall, with the manager and with the agent.
 * - patience: a node is declared down for missing heartbeats no sooner than three periods after the last one.
 *
 * And at the end of the calm (`checkCalm`): what is wanted runs, what is not is gone everywhere, and nothing waits.
 */
import {
  isTerminal,
  MANAGER,
  type NodeDescription,
  type PartyId,
  type TaskSpec,
  TASK_STATE,
  type TaskState,
  taskStateName,
  type Timeline,
  type TimeUs,
} from '@paperfleet/core';
import { type NodeAgentView, viewNode } from '@paperfleet/node-agent';
import type { Change, Manager, NodeRecord, ServiceRecord, TaskRecord } from '@paperfleet/scheduler';

const S = TASK_STATE;
const OLD_TASK_TIMEOUT_US = 60_000_000;
type LocalTask = NodeAgentView['tasks'] extends Iterable<infer T> ? T : never;

/** An invariant that does not hold. */
export class Violation extends Error {
  readonly rule: string;
  constructor(rule: string, at: number, detail: string) {
    super(`${rule} at ${(at / 1e6).toFixed(6)} s: ${detail}`);
    this.rule = rule;
  }
}

/** What the watch remembers of a task beyond its record. */
interface Known {
  readonly record: TaskRecord;
  /** The slot, or the node for services with one task per node. */
  readonly instance: string;
  readonly replaces: string | undefined;
  /** The node of the task that it replaces was down or gone when it was made: it waits for nobody. */
  readonly alone: boolean;
  readonly createdAt: number;
  state: TaskState;
  desired: TaskState;
}

/** What the watch remembers of an agent. */
interface KnownAgent {
  readonly tasks: Map<string, { state: TaskState; desired: TaskState }>;
  /** Running containers: task → instance. */
  running: ReadonlyMap<string, string>;
}

export class Watch {
  readonly #timeline: Timeline;
  readonly #manager: Manager;
  readonly #tasks = new Map<string, Known>();
  readonly #instances = new Map<string, Set<Known>>();
  /** Tasks that the manager ended itself, while their containers may go on for a while. */
  readonly #givenUp = new Set<string>();
  /** Services that have had an update (or rollback) in which the new task runs beside the old one. */
  readonly #startFirst = new Set<string>();
  /** Pairs of tasks of one slot that may run at the same time. */
  readonly #excused = new Set<string>();
  /** When a node was down last; Infinity: its record is gone. */
  readonly #downAt = new Map<string, number>();
  readonly #descriptions = new Map<string, NodeDescription>();
  readonly #shrunk = new Set<string>();
  readonly #nodeOfParty = new Map<PartyId, string>();
  readonly #agents = new Map<PartyId, KnownAgent>();
  /** Running containers as they are: instance → task → party. */
  readonly #running = new Map<string, Map<string, PartyId>>();
  #commits = 0;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#manager = timeline.party(MANAGER) as Manager;
    this.#manager.store.watch((changes) => this.#onCommit(changes));
    timeline.afterEvent = (_at, party) => {
      if (party !== MANAGER) this.#onNodeEvent(party);
    };
  }

  /** Commits checked so far. */
  get commits(): number {
    return this.#commits;
  }

  get #now(): TimeUs {
    return this.#timeline.now;
  }

  #fail(rule: string, detail: string): never {
    throw new Violation(rule, this.#now, detail);
  }

  // ---------------------------------------------------------------- the manager

  #onCommit(changes: readonly Change[]): void {
    this.#commits++;
    const nodes = new Set<string>();
    const instances = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'node') this.#onNode(change.record, change.op, nodes);
      else if (change.kind === 'service') this.#onService(change.record);
    }
    for (const change of changes) if (change.kind === 'task') this.#onTask(change, nodes, instances);
    for (const instance of instances) this.#checkWanted(instance);
    const added = new Map<string, TaskSpec[]>();
    for (const change of changes) {
      if (change.kind !== 'task' || change.record.state !== S.assigned || change.oldState >= S.assigned) continue;
      added.set(change.record.nodeId, [...(added.get(change.record.nodeId) ?? []), change.record.spec]);
    }
    for (const id of nodes) this.#checkBooks(id, added.get(id) ?? []);
  }

  #onNode(node: NodeRecord, op: Change['op'], touched: Set<string>): void {
    if (op === 'remove') {
      this.#downAt.set(node.id, Number.POSITIVE_INFINITY);
      this.#shrunk.delete(node.id);
      return;
    }
    this.#nodeOfParty.set(node.party, node.id);
    const before = this.#descriptions.get(node.id);
    this.#descriptions.set(node.id, node.description);
    if (before !== undefined && isSmaller(node.description, before)) this.#shrunk.add(node.id);
    touched.add(node.id);
    if (node.status !== 'down') return;
    const { heartbeatPeriodUs, heartbeatEpsilonUs, heartbeatGrace } = this.#timeline.header.config;
    const silence = this.#now - node.lastHeartbeat;
    const wasDown = this.#downAt.get(node.id) === node.statusAt;
    this.#downAt.set(node.id, this.#now);
    if (
      !wasDown &&
      node.statusAt === this.#now &&
      node.statusMessage === 'heartbeat failure' &&
      silence < (heartbeatPeriodUs - heartbeatEpsilonUs) * heartbeatGrace
    )
      this.#fail('patience', `${node.name} is declared down ${silence} µs after its last heartbeat`);
  }

  #onService({ id, spec }: ServiceRecord): void {
    if (spec.update?.order === 'start-first' || spec.rollback?.order === 'start-first') this.#startFirst.add(id);
  }

  #onTask({ record, op, oldState }: Extract<Change, { kind: 'task' }>, nodes: Set<string>, instances: Set<string>): void {
    const known = this.#tasks.get(record.id) ?? this.#meet(record);
    instances.add(known.instance);
    if (record.nodeId !== '') nodes.add(record.nodeId);
    if (record.state < known.state || (op !== 'create' && record.state < oldState))
      this.#fail(
        'phases',
        `the manager's task ${record.serviceName}.${record.slot} (${record.id}) falls from ${taskStateName(known.state)} to ${taskStateName(record.state)}`,
      );
    if (record.desired < known.desired)
      this.#fail(
        'phases',
        `the desired state of ${record.serviceName}.${record.slot} (${record.id}) falls from ${taskStateName(known.desired)} to ${taskStateName(record.desired)}`,
      );
    const ended = isTerminal(record.state) && !isTerminal(known.state);
    if (ended && (record.state === S.orphaned || record.message === 'task rejected by constraint enforcer')) this.#givenUp.add(record.id);
    if (op === 'remove') {
      if (holds(record)) this.#givenUp.add(record.id);
      this.#instances.get(known.instance)?.delete(known);
      this.#tasks.delete(record.id);
      return;
    }
    if (known.desired < S.running && record.desired === S.running) this.#checkStart(known);
    known.state = record.state;
    known.desired = record.desired;
  }

  #meet(record: TaskRecord): Known {
    const { id, explain, state, desired } = record;
    const instance = instanceOf(record);
    const replaces = explain?.code === 'CREATED' ? explain.replaces : undefined;
    const replaced = replaces === undefined ? undefined : this.#manager.store.tasks.get(replaces);
    const alone = replaced === undefined || this.#isDown(replaced.nodeId);
    const known: Known = { record, instance, replaces, alone, createdAt: this.#now, state, desired };
    this.#tasks.set(id, known);
    const others = this.#instances.get(instance);
    if (others === undefined) this.#instances.set(instance, new Set([known]));
    else {
      // Made to run at once: whatever is left of its slot is stopping (rule 'one wanted' says so).
      if (desired === S.running) for (const other of others) if (holds(other.record)) this.#excuse(known, other);
      others.add(known);
    }
    return known;
  }

  #isDown(nodeId: string): boolean {
    const node = this.#manager.store.nodes.get(nodeId);
    return node === undefined || node.status === 'down';
  }

  #excuse(a: Known, b: Known): void {
    this.#excused.add(pair(a.record.id, b.record.id));
  }

  /** A waiting task is started: has the one that it replaces ended? */
  #checkStart(known: Known): void {
    for (const other of this.#instances.get(known.instance) ?? []) {
      const { record } = other;
      if (other === known || !holds(record)) continue;
      if (record.id === known.replaces && !this.#startFirst.has(record.serviceId)) {
        const since = this.#downAt.get(record.nodeId) ?? -1;
        const late = this.#now - known.createdAt >= OLD_TASK_TIMEOUT_US;
        const excuse = known.alone || late || since >= known.createdAt || this.#isDown(record.nodeId);
        if (!excuse)
          this.#fail(
            'one running',
            `${known.record.serviceName}.${known.record.slot} (${known.record.id}) is started while ${record.id}, which it replaces, is ${taskStateName(record.state)} on ${this.#manager.store.nodes.get(record.nodeId)?.name}`,
          );
      }
      this.#excuse(known, other);
    }
  }

  #checkWanted(instance: string): void {
    const wanted = [...(this.#instances.get(instance) ?? [])].filter(({ record }) => record.desired <= S.running);
    if (wanted.length < 2 || this.#startFirst.has(wanted[0]!.record.serviceId)) return;
    this.#fail(
      'one wanted',
      `${wanted[0]!.record.serviceName} ${instance} has ${wanted.map(({ record }) => `${record.id} ${taskStateName(record.desired)}/${taskStateName(record.state)}`).join(' and ')}`,
    );
  }

  #checkBooks(nodeId: string, added: readonly TaskSpec[]): void {
    const { store } = this.#manager;
    const node = store.nodes.get(nodeId);
    if (node === undefined) return;
    const held = store.tasksOfNode(nodeId).filter(holds);
    const specs = held.map(({ spec }) => spec);
    if (excessOf(node.description, specs) === undefined) this.#shrunk.delete(nodeId);
    // On a node that has become too small only what the new tasks ask for must be there.
    const asked = this.#shrunk.has(nodeId) ? reservedBy(added) : undefined;
    const excess = excessOf(node.description, specs, asked);
    if (excess !== undefined) this.#fail('books', `${node.name} is over-committed: ${excess}`);
  }

  // ---------------------------------------------------------------- the nodes

  #onNodeEvent(party: PartyId): void {
    const party_ = this.#timeline.party(party);
    const view = party_ === undefined ? undefined : viewNode(party_);
    const agent = this.#agentOf(party);
    const nodeId = this.#nodeOfParty.get(party);
    const containers: TaskSpec[] = [];
    const running = new Map<string, string>();
    for (const task of view?.tasks ?? []) {
      this.#checkAgentPhases(agent.tasks, party, task);
      if (!view!.up || !task.rows.some((row) => row >= 0)) continue;
      if (task.state === S.running) running.set(task.id, `${task.serviceId}/${task.slot === 0 ? nodeId : task.slot}`);
      if (task.state === S.running && !agent.running.has(task.id)) this.#beginsToRun(party, task, running.get(task.id)!);
      if (this.#inBooks(nodeId, party, task)) containers.push(task.spec);
    }
    for (const [id, instance] of agent.running) if (!running.has(id)) this.#running.get(instance)?.delete(id);
    agent.running = running;
    const node = nodeId === undefined ? undefined : this.#manager.store.nodes.get(nodeId);
    if (node === undefined || containers.length === 0 || this.#shrunk.has(node.id)) return;
    const excess = excessOf(node.description, containers);
    if (excess !== undefined) this.#fail('truth', `${node.name} really is over-committed: ${excess}`);
  }

  #agentOf(party: PartyId): KnownAgent {
    let known = this.#agents.get(party);
    if (known === undefined) this.#agents.set(party, (known = { tasks: new Map(), running: new Map() }));
    return known;
  }

  #checkAgentPhases(known: Map<string, { state: TaskState; desired: TaskState }>, party: PartyId, task: LocalTask): void {
    const before = known.get(task.id);
    if (before === undefined) {
      known.set(task.id, { state: task.state, desired: task.desired });
      return;
    }
    if (task.state < before.state || task.desired < before.desired) {
      const text = (state: TaskState, desired: TaskState): string => `${taskStateName(desired)}/${taskStateName(state)}`;
      this.#fail(
        'phases',
        `the task ${task.serviceName}.${task.slot} (${task.id}) of party ${party} falls from ${text(before.state, before.desired)} to ${text(task.state, task.desired)}`,
      );
    }
    before.state = task.state;
    before.desired = task.desired;
  }

  /** True when the manager counts the container; otherwise it must have given the task up itself. */
  #inBooks(nodeId: string | undefined, party: PartyId, task: LocalTask): boolean {
    const record = this.#manager.store.tasks.get(task.id);
    if (record !== undefined && record.nodeId === nodeId && holds(record)) return true;
    if (this.#givenUp.has(task.id)) return false;
    return this.#fail(
      'truth',
      `party ${party} has a container of ${task.serviceName}.${task.slot} (${task.id}), which the manager ${record === undefined ? 'does not know' : `believes ${taskStateName(record.state)}`}`,
    );
  }

  /** A container begins to run: may those of its slot that run already? */
  #beginsToRun(party: PartyId, task: LocalTask, instance: string): void {
    const there = this.#running.get(instance);
    if (there === undefined) {
      this.#running.set(instance, new Map([[task.id, party]]));
      return;
    }
    for (const [other, where] of there) this.#checkBeside(task, other, where);
    there.set(task.id, party);
  }

  #checkBeside(task: LocalTask, other: string, where: PartyId): void {
    if (
      this.#excused.has(pair(task.id, other)) ||
      this.#givenUp.has(other) ||
      this.#givenUp.has(task.id) ||
      this.#startFirst.has(task.serviceId)
    )
      return;
    this.#fail('one running', `${task.serviceName}.${task.slot}: ${task.id} begins to run while ${other} runs at party ${where}`);
  }
}

/** In the books of its node: placed there and not known to have ended. */
const holds = ({ nodeId, state }: TaskRecord): boolean => nodeId !== '' && state >= S.assigned && !isTerminal(state);
const instanceOf = (task: TaskRecord): string => `${task.serviceId}/${task.global ? task.nodeId : task.slot}`;
const pair = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

interface Amounts {
  readonly [resource: string]: number;
}

function capacityOf({ nanoCpus, memoryBytes, generic }: NodeDescription): Amounts {
  const counts = Object.entries(generic).map(([kind, amount]) => [kind, typeof amount === 'number' ? amount : amount.length] as const);
  return { cpu: nanoCpus, memory: memoryBytes, ...Object.fromEntries(counts) };
}

export function reservedBy(specs: readonly TaskSpec[]): Amounts {
  const sum: Record<string, number> = {};
  const add = (resource: string, amount: number | undefined): void => void (sum[resource] = (sum[resource] ?? 0) + (amount ?? 0));
  for (const { containers } of specs) {
    for (const { reservations } of containers) {
      add('cpu', reservations.nanoCpus);
      add('memory', reservations.memoryBytes);
      for (const [kind, amount] of Object.entries(reservations.generic ?? {})) add(kind, amount);
    }
  }
  return sum;
}

/** What is reserved beyond the node's capacity, in words; with `asked`, only of resources that are asked for there. */
export function excessOf(description: NodeDescription, specs: readonly TaskSpec[], asked?: Amounts): string | undefined {
  const capacity = capacityOf(description);
  for (const [resource, amount] of Object.entries(reservedBy(specs))) {
    if (asked !== undefined && (asked[resource] ?? 0) === 0) continue;
    if (amount > (capacity[resource] ?? 0)) return `${amount} of ${capacity[resource] ?? 0} ${resource} by ${specs.length} tasks`;
  }
  return undefined;
}

function isSmaller(now: NodeDescription, before: NodeDescription): boolean {
  const capacity = capacityOf(now);
  return Object.entries(capacityOf(before)).some(([resource, amount]) => (capacity[resource] ?? 0) < amount);
}

/** True when tasks of such a spec may end by themselves or stop being replaced: they never come to rest. */
export function isRestless({ containers, restart }: TaskSpec): boolean {
  const ends = containers.some(({ workload }) => workload?.parameters?.['exitAfter'] !== undefined);
  return ends || restart.condition !== 'any' || restart.maxAttempts > 0;
}
