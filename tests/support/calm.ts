/** What must hold once the faults are over and some minutes have passed: everything desired runs, nothing else does, nothing waits. */
import { isTerminal, MANAGER, TASK_STATE, type TaskSpec, type TaskState, taskStateName, type Timeline } from '@paperfleet/core';
import { viewNode } from '@paperfleet/node-agent';
import type { Manager, NodeRecord, ServiceRecord, TaskRecord } from '@paperfleet/scheduler';
import { excessOf, isRestless, Violation } from './invariants.ts';

const S = TASK_STATE;
/** News younger than this may still be on their way: reports are repeated for a while where fault points drop them. */
const ON_ITS_WAY_US = 20_000_000;

/** The parts of the manager's memory that hold what waits. */
interface Waiting {
  readonly memory: {
    readonly scheduler: { readonly unassigned: readonly string[]; readonly preassigned: readonly string[] };
    readonly restarts: { readonly delays: readonly { readonly taskId: string }[]; readonly due: readonly string[] };
    readonly updater: { readonly runs: readonly { readonly serviceId: string }[] };
    readonly reports: { readonly queue: readonly unknown[] };
    readonly assignments: { readonly dirty: readonly string[] };
    readonly reaper: { readonly cleanup: readonly string[] };
  };
}

/** @throws Violation naming the first thing that is not as it should be. */
export function checkCalm(timeline: Timeline): void {
  new Calm(timeline).check();
}

class Calm {
  readonly #timeline: Timeline;
  readonly #manager: Manager;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#manager = timeline.party(MANAGER) as Manager;
  }

  check(): void {
    const { store } = this.#manager;
    for (const node of store.nodes.values()) this.#checkNode(node);
    for (const service of store.services.values()) this.#checkService(service);
    for (const task of store.tasks.values()) this.#checkTask(task);
    this.#checkQueues();
  }

  #fail(rule: string, detail: string): never {
    throw new Violation(rule, this.#timeline.now, detail);
  }

  /** The machine is up and known to be, and both sides tell the same tale of its tasks. */
  #checkNode(node: NodeRecord): void {
    const party = this.#timeline.party(node.party);
    if (party === undefined) return this.#fail('calm: nodes', `${node.name} (party ${node.party}) is not there`);
    const view = viewNode(party);
    if (!view.up || node.status !== 'ready' || node.session !== view.session || node.truth !== 'up')
      return this.#fail(
        'calm: nodes',
        `${node.name}: ${view.up ? 'up' : 'off'}, session ${view.session}; believed ${node.status}, session ${node.session}, shown ${node.truth}`,
      );
    const old = this.#timeline.now - ON_ITS_WAY_US;
    const theirs = new Map([...view.tasks].map((task) => [task.id, task]));
    for (const record of this.#manager.store.tasksOfNode(node.id)) {
      const task = theirs.get(record.id);
      theirs.delete(record.id);
      if (record.state < S.assigned || record.appliedAt > old) continue;
      // A machine that came back empty calls shut down what failed before; a known state never falls.
      if (task !== undefined && isTerminal(task.state) && isTerminal(record.state)) continue;
      if (task === undefined) {
        this.#fail('calm: belief', `${node.name} knows nothing of ${nameOf(record)}, believed ${taskStateName(record.state)}`);
      } else if (
        task.at <= old &&
        (task.state !== record.state || task.desired !== record.desired || (task.health !== record.health && task.state === S.running))
      ) {
        const text = (state: TaskState, desired: TaskState, health: number): string =>
          `${taskStateName(desired)}/${taskStateName(state)} health ${health}`;
        this.#fail(
          'calm: belief',
          `${nameOf(record)} on ${node.name} is ${text(task.state, task.desired, task.health)}, believed ${text(record.state, record.desired, record.health)}`,
        );
      }
    }
    for (const task of theirs.values())
      if (!this.#isRestless(task))
        this.#fail(
          'calm: orphans',
          `${node.name} still keeps ${task.serviceName}.${task.slot} (${task.id}), ${taskStateName(task.state)}, which the manager has not placed there`,
        );
  }

  /** As many wanted tasks as there should be, one each slot or node. */
  #checkService(service: ServiceRecord): void {
    const { store } = this.#manager;
    const tasks = store.tasksOfService(service.id);
    const wanted = new Map<string, TaskRecord[]>();
    for (const task of tasks) {
      if (task.desired > S.running) continue;
      const instance = task.global ? task.nodeId : String(task.slot);
      wanted.set(instance, [...(wanted.get(instance) ?? []), task]);
    }
    const { mode } = service.spec;
    if (isRestless(service.spec.task) || tasks.some((task) => isRestless(task.spec))) return;
    for (const [instance, several] of wanted) {
      if (several.length > 1 && this.#updates(service.id).length === 0)
        this.#fail('calm: services', `${service.spec.name} has ${several.length} wanted tasks in ${instance}`);
    }
    const want =
      mode.kind === 'replicated'
        ? mode.replicas
        : mode.kind === 'global'
          ? [...store.nodes.values()].filter((node) => matches(service, node)).length
          : 0;
    if (wanted.size !== want) this.#fail('calm: services', `${service.spec.name} has ${wanted.size} wanted tasks, not ${want}`);
    if (mode.kind === 'replicated')
      for (const slot of wanted.keys()) if (Number(slot) < 1) this.#fail('calm: services', `${service.spec.name} uses slot ${slot}`);
  }

  /** A wanted task runs, or has a good reason; one that is not wanted has ended. */
  #checkTask(task: TaskRecord): void {
    const { store } = this.#manager;
    if (task.desired > S.running) {
      const stuck = task.state >= S.assigned && !isTerminal(task.state);
      if (stuck && this.#timeline.now - task.appliedAt > 30_000_000 && !this.#freshlyStopped(task))
        this.#fail('calm: orphans', `${nameOf(task)} is to be ${taskStateName(task.desired)} and still ${taskStateName(task.state)}`);
      if (!stuck && task.desired === S.remove && !this.#reaping().includes(task.id))
        this.#fail('calm: orphans', `${nameOf(task)} is to be removed and still there`);
      return;
    }
    if (store.services.get(task.serviceId) === undefined) this.#fail('calm: orphans', `${nameOf(task)} has no service`);
    if (task.state === S.running || this.#timeline.now - task.createdAt < 60_000_000) return;
    if (task.state === S.pending) {
      const node = [...store.nodes.values()].find((candidate) => this.#fits(task, candidate));
      if (node !== undefined)
        this.#fail('calm: pending', `${nameOf(task)} waits for a node (${task.error}) although ${node.name} would take it`);
      return;
    }
    if (isRestless(task.spec) || task.health !== 0) return;
    // Held by an update whose other half cannot be placed, which has no time-out; or by a machine that is still pulling.
    if (task.desired === S.ready && this.#updates(task.serviceId).length > 0) return;
    this.#fail(
      'calm: services',
      `${nameOf(task)} is to be ${taskStateName(task.desired)} and only ${taskStateName(task.state)} (${task.message}) since ${(task.appliedAt / 1e6).toFixed(3)} s`,
    );
  }

  /** Its own word on what the scheduler's filters decide. */
  #fits(task: TaskRecord, node: NodeRecord): boolean {
    if (node.status !== 'ready' || node.availability !== 'active') return false;
    if (task.nodeId !== '' && task.nodeId !== node.id) return false;
    const there = this.#manager.store.tasksOfNode(node.id).filter((other) => other.state >= S.assigned && !isTerminal(other.state));
    if (excessOf(node.description, [...there.map(({ spec }) => spec), task.spec]) !== undefined) return false;
    if (!constraintsHold(task.spec.placement.constraints ?? [], node)) return false;
    const { maxReplicasPerNode = 0 } = task.spec.placement;
    if (
      maxReplicasPerNode > 0 &&
      there.filter((other) => other.serviceId === task.serviceId && other.desired <= S.complete).length >= maxReplicasPerNode
    )
      return false;
    const held = new Set(there.flatMap(hostPorts));
    return !hostPorts(task).some((port) => held.has(port));
  }

  #checkQueues(): void {
    const { memory } = this.#manager.save() as unknown as Waiting;
    const { store } = this.#manager;
    const pending = [...memory.scheduler.unassigned, ...memory.scheduler.preassigned];
    for (const id of pending)
      if (store.tasks.get(id)?.state !== S.pending) this.#fail('calm: queues', `the scheduler keeps ${id}, which is not pending`);
    if (memory.reports.queue.length > 0 || memory.assignments.dirty.length > 0)
      this.#fail('calm: queues', 'reports or assignments wait within the instant');
    if (memory.restarts.due.length > 0) this.#fail('calm: queues', 'a restart is due and was not made');
    for (const { taskId } of memory.restarts.delays) {
      const task = store.tasks.get(taskId);
      if (task === undefined || task.desired !== S.ready)
        this.#fail('calm: queues', `the restart supervisor keeps ${taskId}, which does not wait`);
      else if (this.#timeline.now - task.createdAt > 90_000_000)
        this.#fail('calm: queues', `${nameOf(task)} waits for its start since ${task.createdAt} µs`);
    }
    for (const { serviceId } of memory.updater.runs) {
      const service = store.services.get(serviceId);
      if (service === undefined) this.#fail('calm: queues', `an update of service ${serviceId}, which is gone`);
      else if (
        !isRestless(service.spec.task) &&
        store.tasksOfService(serviceId).every((task) => task.state === S.running || isTerminal(task.state))
      )
        this.#fail('calm: queues', `the update of ${service.spec.name} does not end`);
    }
  }

  /** Itself, or the service that it belongs to: its history is being cleared all the time. */
  #isRestless(task: { readonly spec: TaskSpec; readonly serviceId: string }): boolean {
    const service = this.#manager.store.services.get(task.serviceId);
    return isRestless(task.spec) || (service !== undefined && isRestless(service.spec.task));
  }

  #updates(serviceId: string): readonly unknown[] {
    const { memory } = this.#manager.save() as unknown as Waiting;
    return memory.updater.runs.filter((run) => run.serviceId === serviceId);
  }
  #reaping(): readonly string[] {
    return (this.#manager.save() as unknown as Waiting).memory.reaper.cleanup;
  }

  /** Its replacement was made a moment ago. */
  #freshlyStopped(task: TaskRecord): boolean {
    return this.#manager.events.about(`task:${task.id}`, 1).some((event) => this.#timeline.now - event.at < 30_000_000);
  }
}

const nameOf = (task: TaskRecord): string => `${task.serviceName}.${task.global ? task.nodeId : task.slot} (${task.id})`;
const hostPorts = ({ endpoint }: TaskRecord): readonly string[] =>
  (endpoint?.ports ?? []).flatMap((port) =>
    port.publishMode === 'host' && port.publishedPort > 0 ? [`${port.protocol}/${port.publishedPort}`] : [],
  );

/** `node.labels.zone == a` and `!=` alone: what random runs use. */
function constraintsHold(constraints: readonly string[], node: NodeRecord): boolean {
  return constraints.every((text) => {
    const [, label, operator, value] = /^node\.labels\.(\w+) (==|!=) (\w+)$/.exec(text) ?? [];
    if (label === undefined) throw new Error(`unexpected constraint ${text}`);
    return ((node.labels[label] ?? '') === value) === (operator === '==');
  });
}
const matches = ({ spec }: ServiceRecord, node: NodeRecord): boolean => constraintsHold(spec.task.placement.constraints ?? [], node);
