/**
 * Global orchestrator: one task on each eligible node (not drained, not down, constraints met). SwarmKit:
 * orchestrator/global. A task object deleted by hand is not noticed, as there.
 */
import { isRunnable, isTerminal, TASK_STATE } from '@paperfleet/core';
import { nodeMatches } from '../../placement/index.ts';
import type { Change, NodeRecord, ServiceRecord, TaskRecord } from '../../store/records.ts';
import type { Transaction } from '../../store/store.ts';
import { type Deps, drain, invalidNode } from '../deps.ts';
import type { ShutdownReason } from '../ledger.ts';
import type { Updater } from '../updater/updater.ts';
import { constraintsOf } from './constraints.ts';
import { isTaskDirty } from './dirty.ts';
import type { RestartSupervisor } from './restart.ts';
import type { Slot } from './slot.ts';

export class GlobalOrchestrator {
  readonly #deps: Deps;
  readonly #restarts: RestartSupervisor;
  readonly #updater: Updater;
  readonly #nodeCause: (nodeId: string) => number;
  readonly #services = new Set<string>();
  readonly #nodes = new Set<string>();
  readonly #goneNodes = new Set<string>();
  readonly #tasks = new Set<string>();

  constructor(deps: Deps, restarts: RestartSupervisor, updater: Updater, nodeCause: (nodeId: string) => number) {
    this.#deps = deps;
    this.#restarts = restarts;
    this.#updater = updater;
    this.#nodeCause = nodeCause;
  }

  handles(service: ServiceRecord | undefined): service is ServiceRecord {
    return service?.spec.mode.kind === 'global';
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'service':
          if (change.op === 'remove') this.#services.delete(change.record.id);
          else if (this.handles(change.record)) this.#services.add(change.record.id);
          break;
        case 'node':
          if (change.op === 'remove') this.#goneNodes.add(change.record.id);
          else this.#nodes.add(change.record.id);
          break;
        case 'task':
          if (change.op !== 'remove') this.noteTask(change.record);
      }
    }
  }

  noteTask(task: TaskRecord): void {
    if (!isRunnable(task.desired) || !isTerminal(task.state)) return;
    if (this.handles(this.#deps.store.services.get(task.serviceId))) this.#tasks.add(task.id);
  }

  noteService(service: ServiceRecord): void {
    if (this.handles(service)) this.#services.add(service.id);
  }

  tick(): boolean {
    if (this.#tasks.size + this.#services.size + this.#nodes.size + this.#goneNodes.size === 0) return false;
    this.#dropNodes();
    this.#tickTasks();
    for (const id of drain(this.#services)) {
      const service = this.#deps.store.services.get(id);
      if (this.handles(service)) this.#reconcileService(service);
    }
    const services = [...this.#deps.store.services.values()].filter((service) => this.handles(service));
    for (const id of drain(this.#nodes)) {
      const node = this.#deps.store.nodes.get(id);
      if (node !== undefined && services.length > 0) this.#reconcileNode(node, services);
    }
    return true;
  }

  /** Shuts down a task whose node is gone for it, at the orchestrator's start. */
  shutdown(tx: Transaction, task: TaskRecord): void {
    this.#stop(tx, task, 'node-down', this.#nodeCause(task.nodeId) || task.cause);
  }

  #dropNodes(): void {
    const { store } = this.#deps;
    const ids = drain(this.#goneNodes);
    if (ids.length === 0) return;
    store.commit((tx) => {
      for (const id of ids) {
        for (const task of store.tasksOfNode(id)) if (this.handles(store.services.get(task.serviceId))) tx.removeTask(task);
      }
    });
  }

  #tickTasks(): void {
    const { store, ledger } = this.#deps;
    const ids = drain(this.#tasks);
    if (ids.length === 0) return;
    store.commit((tx) => {
      for (const id of ids) {
        const task = store.tasks.get(id);
        const service = task === undefined ? undefined : store.services.get(task.serviceId);
        if (task === undefined || !isRunnable(task.desired) || !this.handles(service)) continue;
        const node = store.nodes.get(task.nodeId);
        if (node === undefined || invalidNode(node)) continue;
        const paused = node.availability === 'pause';
        if (!paused && nodeMatches(constraintsOf(service.spec.task), node)) {
          this.#restarts.restart(tx, service, task);
          continue;
        }
        const explain = { code: 'NOT_RESTARTED', why: paused ? 'node-paused' : 'constraints', attempts: 0, maxAttempts: 0 } as const;
        ledger.raiseDesired(tx, task, TASK_STATE.shutdown, ledger.taskEvent(task, 'task.not-restarted', 'info', task.cause, explain));
        task.explain = explain;
      }
    });
  }

  #reconcileService(service: ServiceRecord): void {
    const { store } = this.#deps;
    const slots = this.#slotsByNode(service);
    const updates: Slot[] = [];
    const constraints = constraintsOf(service.spec.task);
    store.commit((tx) => {
      for (const node of store.nodes.values()) {
        if (invalidNode(node)) continue;
        const tasks = slots.get(node.id) ?? [];
        slots.delete(node.id);
        if (!nodeMatches(constraints, node)) {
          for (const task of tasks) this.#stop(tx, task, 'constraints', service.cause);
        } else if (node.availability !== 'pause') {
          if (tasks.length === 0) this.#create(tx, service, node.id, service.cause);
          else updates.push(tasks);
        }
      }
      // What is left is on nodes that are drained, down or gone.
      for (const [nodeId, tasks] of slots) {
        const reason = store.nodes.get(nodeId)?.availability === 'drain' ? 'drain' : 'node-down';
        for (const task of tasks) this.#stop(tx, task, reason, this.#nodeCause(nodeId) || task.cause);
      }
    });
    if (updates.length > 0) this.#updater.update(service, updates);
  }

  #reconcileNode(node: NodeRecord, services: readonly ServiceRecord[]): void {
    const { store } = this.#deps;
    const cause = this.#nodeCause(node.id);
    if (invalidNode(node)) {
      const reason = node.availability === 'drain' ? 'drain' : 'node-down';
      store.commit((tx) => {
        for (const task of store.tasksOfNode(node.id)) {
          if (this.handles(store.services.get(task.serviceId))) this.#stop(tx, task, reason, cause || task.cause);
        }
      });
      return;
    }
    if (node.availability === 'pause') return;
    store.commit((tx) => {
      for (const service of services) this.#reconcileServiceOnNode(tx, service, node, cause || service.cause);
    });
  }

  /** Not a rolling update: it was not asked for by a change of the service, and must not cancel one that runs. */
  #reconcileServiceOnNode(tx: Transaction, service: ServiceRecord, node: NodeRecord, cause: number): void {
    if (!nodeMatches(constraintsOf(service.spec.task), node)) return;
    const tasks = this.#restarts.updatableTasks(this.#deps.store.tasksOfInstance(service.id, node.id), service);
    if (tasks.length === 0) {
      this.#create(tx, service, node.id, cause);
      return;
    }
    const clean = tasks.filter((task) => !isTaskDirty(service, task, node));
    const surplus = tasks.filter((task) => !clean.includes(task)).concat(clean.slice(1));
    if (clean.length === 0) this.#create(tx, service, node.id, service.cause);
    for (const task of surplus) this.#stop(tx, task, 'superseded', service.cause);
  }

  /** Updatable tasks by node, in the nodes' order of joining. */
  #slotsByNode(service: ServiceRecord): Map<string, Slot> {
    const { store } = this.#deps;
    const row = (nodeId: string): number => store.nodes.get(nodeId)?.row ?? Number.MAX_SAFE_INTEGER;
    const slots = new Map<string, Slot>();
    const instances = [...store.instancesOfService(service.id)] as (readonly [string, Slot])[];
    for (const [nodeId, tasks] of instances.sort((a, b) => row(a[0]) - row(b[0]) || (a[0] < b[0] ? -1 : 1))) {
      const kept = this.#restarts.updatableTasks(tasks, service);
      if (kept.length > 0) slots.set(nodeId, kept);
    }
    return slots;
  }

  #create(tx: Transaction, service: ServiceRecord, nodeId: string, cause: number): void {
    this.#deps.ledger.createTask(tx, service, { slot: 0, nodeId, desired: TASK_STATE.running, reason: 'global', cause });
  }

  #stop(tx: Transaction, task: TaskRecord, reason: ShutdownReason, cause: number): void {
    this.#deps.ledger.stop(tx, task, TASK_STATE.shutdown, reason, cause);
  }
}
