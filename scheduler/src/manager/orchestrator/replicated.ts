/**
 * Replicated orchestrator: keeps the wanted number of slots. Services and tasks are noted from changes and looked at once
 * per settling, tasks first. SwarmKit: orchestrator/replicated.
 */
import { isRunnable, isTerminal, TASK_STATE } from '@paperfleet/core';
import type { Change, ServiceRecord, TaskRecord } from '../../store/records.ts';
import type { Transaction } from '../../store/store.ts';
import { type Deps, drain, invalidNode } from '../deps.ts';
import type { Updater } from '../updater/updater.ts';
import type { RestartSupervisor } from './restart.ts';
import { freeSlots, inOrderOfKeeping, type Slot, slotsOf } from './slot.ts';

export class ReplicatedOrchestrator {
  readonly #deps: Deps;
  readonly #restarts: RestartSupervisor;
  readonly #updater: Updater;
  readonly #services = new Set<string>();
  readonly #tasks = new Set<string>();

  constructor(deps: Deps, restarts: RestartSupervisor, updater: Updater) {
    this.#deps = deps;
    this.#restarts = restarts;
    this.#updater = updater;
  }

  handles(service: ServiceRecord | undefined): service is ServiceRecord {
    return service?.spec.mode.kind === 'replicated';
  }

  onChanges(changes: readonly Change[]): void {
    const { store } = this.#deps;
    for (const change of changes) {
      switch (change.kind) {
        case 'service':
          if (change.op === 'remove') this.#services.delete(change.record.id);
          else if (this.handles(change.record)) this.#services.add(change.record.id);
          break;
        case 'task':
          if (change.op !== 'remove') this.noteTask(change.record);
          else if (isRunnable(change.record.desired) && this.handles(store.services.get(change.record.serviceId))) {
            this.#services.add(change.record.serviceId);
          }
          break;
        case 'node':
          if (change.op === 'remove' || invalidNode(change.record)) {
            for (const task of store.tasksOfNode(change.record.id)) this.noteTask(task);
          }
      }
    }
  }

  /** Notes a task that ended or whose node is invalid. */
  noteTask(task: TaskRecord): void {
    if (!isRunnable(task.desired)) return;
    const { store } = this.#deps;
    const lost = task.nodeId !== '' && invalidNode(store.nodes.get(task.nodeId));
    if ((isTerminal(task.state) || lost) && this.handles(store.services.get(task.serviceId))) this.#tasks.add(task.id);
  }

  noteService(service: ServiceRecord): void {
    if (this.handles(service)) this.#services.add(service.id);
  }

  /** Acts on what was noted. True when there was something. */
  tick(): boolean {
    if (this.#tasks.size === 0 && this.#services.size === 0) return false;
    this.#tickTasks();
    for (const id of drain(this.#services)) {
      const service = this.#deps.store.services.get(id);
      if (this.handles(service)) this.#reconcile(service);
    }
    return true;
  }

  #tickTasks(): void {
    const { store } = this.#deps;
    const ids = drain(this.#tasks);
    if (ids.length === 0) return;
    store.commit((tx) => {
      for (const id of ids) {
        const task = store.tasks.get(id);
        if (task === undefined || !isRunnable(task.desired)) continue;
        const service = store.services.get(task.serviceId);
        if (this.handles(service)) this.#restarts.restart(tx, service, task);
      }
    });
  }

  #reconcile(service: ServiceRecord): void {
    const { store } = this.#deps;
    const { updatable, dead } = slotsOf(store, this.#restarts, service);
    const want = service.spec.mode.kind === 'replicated' ? service.spec.mode.replicas : 0;
    const slots = [...updatable.values()];
    const missing = want - slots.length;
    if (missing >= 0) {
      this.#updater.update(service, slots);
      if (missing === 0 && dead.size === 0) return;
      store.commit((tx) => {
        const created = freeSlots(updatable, missing);
        for (const slot of created) this.#create(tx, service, slot);
        const reused = new Set(created);
        for (const [slot, tasks] of dead) if (!reused.has(slot)) for (const task of tasks) tx.removeTask(task);
      });
      return;
    }
    const ordered = inOrderOfKeeping(slots);
    this.#updater.update(service, ordered.slice(0, want));
    store.commit((tx) => {
      for (const tasks of dead.values()) for (const task of tasks) tx.removeTask(task);
      for (const slot of ordered.slice(want)) this.#remove(tx, service, slot);
    });
  }

  #create(tx: Transaction, service: ServiceRecord, slot: number): void {
    this.#deps.ledger.createTask(tx, service, {
      slot,
      nodeId: '',
      desired: TASK_STATE.running,
      reason: 'replicas',
      cause: service.cause,
    });
  }

  #remove(tx: Transaction, service: ServiceRecord, slot: Slot): void {
    for (const task of slot) this.#deps.ledger.stop(tx, task, TASK_STATE.remove, 'scale-down', service.cause);
  }
}
