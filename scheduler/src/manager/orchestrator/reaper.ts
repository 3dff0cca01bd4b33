/**
 * Task reaper: deletes tasks that are wanted gone, and history beyond the limit. SwarmKit: orchestrator/taskreaper.
 */
import { isTerminal, LANE, TASK_STATE, type TimerEvent, type TimerId } from '@paperfleet/core';
import type { Change, TaskRecord } from '../../store/records.ts';
import { byTimestamp, type InstanceKey, instanceKey } from '../../store/store.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';

export interface ReapTimer extends TimerEvent {
  readonly type: 'reap';
}
const REAP: ReapTimer = { type: 'reap' };

export interface SavedReaper {
  readonly timer: TimerId;
  readonly dirty: readonly (readonly [string, InstanceKey])[];
  readonly cleanup: readonly string[];
}

const neverRuns = (task: TaskRecord): boolean => task.state < TASK_STATE.assigned && task.desired > TASK_STATE.running;
const isRemovable = (task: TaskRecord): boolean =>
  task.desired === TASK_STATE.remove && (task.state < TASK_STATE.assigned || task.state >= TASK_STATE.complete);
const isOrphanWithoutService = (task: TaskRecord): boolean => task.state >= TASK_STATE.orphaned && task.serviceId === '';

export class TaskReaper {
  readonly #deps: Deps;
  /** Slots in which a task was created, by service and slot (or node). */
  readonly #dirty = new Map<string, readonly [string, InstanceKey]>();
  readonly #cleanup = new Set<string>();
  #timer: TimerId = 0;
  /** A task was written since the last tick: slots that were kept dirty are worth another look. */
  #stirred = false;

  constructor(deps: Deps, saved?: SavedReaper) {
    this.#deps = deps;
    if (saved === undefined) return;
    this.#timer = saved.timer;
    for (const [serviceId, key] of saved.dirty) this.#markDirty(serviceId, key);
    for (const id of saved.cleanup) this.#cleanup.add(id);
  }

  save(): SavedReaper {
    return { timer: this.#timer, dirty: [...this.#dirty.values()], cleanup: [...this.#cleanup] };
  }

  /** At a change of leader: what is wanted gone already. */
  start(): void {
    for (const task of this.#deps.store.tasks.values()) this.#note(task);
    if (this.#cleanup.size > 0) this.reap();
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'task' || change.op === 'remove') continue;
      this.#stirred = true;
      if (change.op === 'create') this.#markDirty(change.record.serviceId, instanceKey(change.record));
      this.#note(change.record);
    }
  }

  /** Arms the timer, or reaps at once when much has come together. True when it reaped. */
  tick(): boolean {
    const waiting = this.#dirty.size + this.#cleanup.size;
    if (waiting > KNOBS.reapMaximumDirty) return this.reap();
    if (waiting > 0 && this.#stirred && this.#timer === 0) this.#timer = this.#deps.ports.in(KNOBS.reapDelayUs, LANE.reconcile, REAP);
    this.#stirred = false;
    return false;
  }

  onTimer(): void {
    this.#timer = 0;
    this.reap();
  }

  /** One pass over what was noted. True when something was deleted. */
  reap(): boolean {
    const { store, ports } = this.#deps;
    if (this.#timer !== 0) {
      ports.cancel(this.#timer);
      this.#timer = 0;
    }
    const doomed = new Set(this.#cleanup);
    this.#cleanup.clear();
    for (const [name, [serviceId, key]] of this.#dirty) {
      if (!this.#reapInstance(serviceId, key, doomed)) this.#dirty.delete(name);
    }
    const tasks = [...doomed].map((id) => store.tasks.get(id)).filter((task) => task !== undefined);
    if (tasks.length === 0) return false;
    store.commit((tx) => {
      for (const task of tasks) tx.removeTask(task);
    });
    return true;
  }

  /** Adds the slot's surplus history to `doomed`. True while more than one of its tasks lives: the slot stays dirty then. */
  #reapInstance(serviceId: string, key: InstanceKey, doomed: Set<string>): boolean {
    const { store, config } = this.#deps;
    const service = store.services.get(serviceId);
    if (service === undefined || (service.spec.mode.kind !== 'replicated' && service.spec.mode.kind !== 'global')) return false;
    const { maxAttempts } = service.spec.task.restart;
    // Restart history is rebuilt from tasks after a change of leader, so that many have to be kept.
    const limit = maxAttempts > 0 ? maxAttempts + 1 : config.taskHistoryLimit;
    const tasks = store.tasksOfInstance(serviceId, key);
    if (limit < 0 || tasks.length <= limit) return false;
    let surplus = tasks.length - limit;
    let living = 0;
    for (const task of [...tasks].sort(byTimestamp)) {
      if (isTerminal(task.state) || neverRuns(task)) {
        doomed.add(task.id);
        if (--surplus <= 0) break;
      } else living++;
    }
    return living > 1;
  }

  #note(task: TaskRecord): void {
    if (isRemovable(task) || isOrphanWithoutService(task)) this.#cleanup.add(task.id);
  }

  #markDirty(serviceId: string, key: InstanceKey): void {
    this.#dirty.set(`${serviceId}/${key}`, [serviceId, key]);
  }
}
