/**
 * Rolling updates and rollbacks: replaces dirty slots a few at a time, watches the new tasks, and pauses or rolls back
 * when too many fail. SwarmKit: orchestrator/update. One run per service; its state is plain data (update-run.ts), so it
 * can be saved at any instant.
 */
import { DEFAULT_UPDATE, type Explain, isTerminal, LANE, TASK_STATE, type TimerEvent, type TimeUs } from '@paperfleet/core';
import type { Change, ServiceRecord, TaskRecord, UpdateState } from '../../store/records.ts';
import type { Transaction } from '../../store/store.ts';
import { type Deps, drain } from '../deps.ts';
import { isTaskDirty, sameData } from '../orchestrator/dirty.ts';
import type { RestartSupervisor } from '../orchestrator/restart.ts';
import type { Slot } from '../orchestrator/slot.ts';
import { restoreRun, type SavedUpdateRun, saveRun, type UpdateRun, type UpdateWorker } from './update-run.ts';

export interface UpdateTimer extends TimerEvent {
  readonly type: 'update';
  readonly service: string;
  /** Index of the worker whose delay is over, -1 for the end of monitoring. */
  readonly worker: number;
  /** The run that armed it; a newer run ignores it. */
  readonly run: number;
}

export interface SavedUpdater {
  readonly runs: readonly SavedUpdateRun[];
  readonly lastRun: number;
}

const ONE_SECOND_US = 1_000_000;

export class Updater {
  readonly #deps: Deps;
  readonly #restarts: RestartSupervisor;
  readonly #runs = new Map<string, UpdateRun>();
  readonly #dirty = new Set<string>();
  #lastRun = 0;

  constructor(deps: Deps, restarts: RestartSupervisor, saved?: SavedUpdater) {
    this.#deps = deps;
    this.#restarts = restarts;
    if (saved === undefined) return;
    for (const run of saved.runs) this.#runs.set(run.serviceId, restoreRun(run));
    this.#lastRun = saved.lastRun;
  }

  save(): SavedUpdater {
    return { runs: [...this.#runs.values()].map(saveRun), lastRun: this.#lastRun };
  }

  /** Brings the slots to the service's present spec. Called by the orchestrators with every reconciliation. */
  update(service: ServiceRecord, slots: readonly Slot[]): void {
    const running = this.#runs.get(service.id);
    if (running !== undefined) {
      if (sameData(running.spec, service.spec)) return;
      this.#cancel(running);
    }
    const state = service.updateStatus?.state;
    if (state === 'paused' || state === 'rollback_paused') return;
    const dirty = slots.filter((slot) => this.#isSlotDirty(service, slot));
    if (dirty.length === 0) {
      if (state === 'updating' || state === 'rollback_started') this.#finish(service);
      return;
    }
    const rollback = state === 'rollback_started';
    if (service.updateStatus === undefined) this.#setStatus(service, 'updating', 'update in progress', service.cause);
    const config = (rollback ? service.spec.rollback : service.spec.update) ?? DEFAULT_UPDATE;
    const workers = config.parallelism === 0 ? dirty.length : Math.min(config.parallelism, dirty.length);
    this.#runs.set(service.id, {
      run: ++this.#lastRun,
      serviceId: service.id,
      spec: service.spec,
      rollback,
      config,
      queue: dirty.map((slot) => slot.map((task) => task.id)),
      slots: dirty.length,
      workers: Array.from({ length: workers }, () => ({ phase: 'idle', slot: [], taskId: '', timer: 0 })),
      created: new Map(),
      failed: [],
      monitorTimer: 0,
      failures: [],
    });
    this.#dirty.add(service.id);
  }

  onChanges(changes: readonly Change[]): void {
    if (this.#runs.size === 0) return;
    for (const change of changes) {
      if (change.kind === 'service' && change.op === 'remove') {
        const run = this.#runs.get(change.record.id);
        if (run !== undefined) this.#cancel(run);
      } else if (change.kind === 'task' && change.op === 'update') {
        const run = this.#runs.get(change.record.serviceId);
        if (run === undefined) continue;
        if (isTerminal(change.record.state)) this.#noteFailure(run, change.record);
        this.#dirty.add(run.serviceId);
      }
    }
  }

  onTimer(event: UpdateTimer): void {
    const run = this.#runs.get(event.service);
    if (run === undefined || run.run !== event.run) return;
    const worker = run.workers[event.worker];
    if (worker !== undefined) {
      worker.timer = 0;
      worker.phase = 'idle';
      this.#dirty.add(run.serviceId);
      return;
    }
    run.monitorTimer = 0;
    this.#runs.delete(run.serviceId);
    const service = this.#deps.store.services.get(run.serviceId);
    if (service !== undefined) this.#finish(service);
  }

  /** Moves runs on. True when there was something to look at. */
  tick(): boolean {
    if (this.#dirty.size === 0) return false;
    for (const id of drain(this.#dirty)) {
      const run = this.#runs.get(id);
      const service = this.#deps.store.services.get(id);
      if (run === undefined || service === undefined) continue;
      if (this.#triggered(run, service)) continue;
      this.#advance(run, service);
    }
    return true;
  }

  #advance(run: UpdateRun, service: ServiceRecord): void {
    run.workers.forEach((worker, index) => {
      this.#watch(run, worker, index);
      while (worker.phase === 'idle' && run.queue.length > 0) {
        worker.slot = run.queue.shift() ?? [];
        if (this.#begin(run, worker, service)) this.#watch(run, worker, index);
        else this.#rest(run, worker, index);
      }
    });
    if (run.monitorTimer !== 0 || run.queue.length > 0 || run.workers.some((worker) => worker.phase !== 'idle')) return;
    const { monitorUs, delayUs } = run.config;
    // A delay as long as the monitoring would hide failures of the last slot.
    const monitor = delayUs >= monitorUs ? delayUs + ONE_SECOND_US : monitorUs;
    run.monitorTimer = this.#arm(run, -1, monitor);
  }

  /** Takes up the worker's slot: starts the clean task that it has, or makes one. False when others have replaced its tasks meanwhile. */
  #begin(run: UpdateRun, worker: UpdateWorker, service: ServiceRecord): boolean {
    const { store } = this.#deps;
    const slot = worker.slot.map((id) => store.tasks.get(id)).filter((task) => task !== undefined);
    const clean = slot.filter((task) => !this.#isDirty(service, task));
    const existing =
      clean.find((task) => task.desired === TASK_STATE.running) ?? clean.findLast((task) => task.desired < TASK_STATE.running);
    if (existing !== undefined) {
      const others = slot.filter((task) => task !== existing);
      if (others.length > 0 && this.#isTaken(others, service)) return false;
      store.commit((tx) => {
        const removed = this.#stopOld(tx, service, others);
        if (existing.desired !== TASK_STATE.running) this.#restarts.delayStart(removed, existing.id, 0);
      });
      worker.taskId = existing.id;
      worker.phase = 'starting';
      return true;
    }
    const first = slot[0];
    if (first === undefined || (run.config.order === 'stop-first' && this.#isTaken(slot, service))) return false;
    this.#replace(run, worker, service, slot, first);
    return true;
  }

  /** Makes a new task for a slot: beside the old ones, or in their stead. */
  #replace(run: UpdateRun, worker: UpdateWorker, service: ServiceRecord, slot: Slot, first: TaskRecord): void {
    const { store, ledger } = this.#deps;
    store.commit((tx) => {
      const created = ledger.createTask(tx, service, {
        slot: first.slot,
        nodeId: service.spec.mode.kind === 'global' ? first.nodeId : '',
        desired: TASK_STATE.ready,
        reason: 'update',
        cause: service.cause,
        replaces: first.id,
      });
      run.created.set(created.id, -1);
      worker.taskId = created.id;
      worker.phase = run.config.order;
      const old = run.config.order === 'start-first' ? undefined : this.#stopOld(tx, service, slot);
      this.#restarts.delayStart(old, created.id, 0);
    });
  }

  /**
   * True when somebody else has shut the tasks down since the update began and is replacing them: each of them failed and
   * was restarted, or its node went down. The replacement has the new spec already.
   */
  #isTaken(tasks: readonly TaskRecord[], service: ServiceRecord): boolean {
    return tasks.every((task) => task.desired > TASK_STATE.running && this.#restarts.shouldRestart(task, service));
  }

  /** Looks whether the worker's slot is done. There is no time-out, as in SwarmKit: a task that never runs holds the update. */
  #watch(run: UpdateRun, worker: UpdateWorker, index: number): void {
    if (worker.phase === 'idle' || worker.phase === 'delay') return;
    const { store, ports } = this.#deps;
    const task = store.tasks.get(worker.taskId);
    if (worker.phase === 'starting') {
      if (this.#restarts.isDelayed(worker.taskId)) return;
    } else {
      // A task that was deleted by hand will never run; its slot is looked at again by the next update.
      if (task !== undefined && task.state < TASK_STATE.running) return;
      if (task !== undefined && run.created.get(task.id) === -1) run.created.set(task.id, ports.now());
      if (worker.phase === 'start-first' && task?.state === TASK_STATE.running) {
        const service = store.services.get(run.serviceId);
        const old = worker.slot.map((id) => store.tasks.get(id)).filter((other) => other !== undefined);
        if (service !== undefined) store.commit((tx) => this.#stopOld(tx, service, old));
      }
    }
    this.#rest(run, worker, index);
  }

  /** The worker is done with its slot and pauses before the next. */
  #rest(run: UpdateRun, worker: UpdateWorker, index: number): void {
    if (run.config.delayUs === 0) {
      worker.phase = 'idle';
      return;
    }
    worker.phase = 'delay';
    worker.timer = this.#arm(run, index, run.config.delayUs);
  }

  /** Shuts tasks down. The one to wait for: the last that was stopped now, or before now and for good. */
  #stopOld(tx: Transaction, service: ServiceRecord, tasks: readonly TaskRecord[]): TaskRecord | undefined {
    let stopped: TaskRecord | undefined;
    for (const task of tasks) {
      if (this.#deps.store.tasks.get(task.id) !== task) continue;
      if (task.desired <= TASK_STATE.running) this.#deps.ledger.stop(tx, task, TASK_STATE.shutdown, 'update', service.cause);
      else if (this.#restarts.shouldRestart(task, service)) continue;
      stopped = task;
    }
    return stopped;
  }

  /** Counts a task made by this run that ended before it ran, or too soon after. Each task once. */
  #noteFailure(run: UpdateRun, task: TaskRecord): void {
    if (run.config.failureAction === 'continue' || run.failed.includes(task.id)) return;
    const startedAt = run.created.get(task.id);
    if (startedAt === undefined) return;
    if (startedAt !== -1 && this.#deps.ports.now() - startedAt > this.#monitorUs(run)) return;
    run.failed.push(task.id);
    run.failures.push(task.id);
  }

  #monitorUs({ config }: UpdateRun): number {
    return config.delayUs >= config.monitorUs ? config.delayUs + ONE_SECOND_US : config.monitorUs;
  }

  /** Follows the failure action when the ratio is exceeded (strictly, in 32-bit floats as SwarmKit computes it). */
  #triggered(run: UpdateRun, service: ServiceRecord): boolean {
    const failures = drainArray(run.failures);
    const total = run.failed.length - failures.length;
    for (const [index, taskId] of failures.entries()) {
      const ratio = Math.fround(Math.fround(total + index + 1) / Math.fround(run.slots));
      if (!(ratio > Math.fround(run.config.maxFailureRatio))) continue;
      const cause = this.#deps.store.tasks.get(taskId)?.cause ?? service.cause;
      this.#cancel(run);
      const what = `due to failure or early termination of task ${taskId}`;
      if (run.rollback) this.#setStatus(service, 'rollback_paused', `rollback paused ${what}`, cause);
      else if (run.config.failureAction === 'pause') this.#setStatus(service, 'paused', `update paused ${what}`, cause);
      else this.#rollBack(service, `update rolled back ${what}`, cause);
      return true;
    }
    return false;
  }

  /** Back to the previous spec; the reconciliation that follows runs the updater again, with the rollback's settings. */
  #rollBack(service: ServiceRecord, message: string, cause: number): void {
    if (service.previousSpec === undefined) {
      this.#setStatus(service, 'paused', `${message}; there is no previous spec to go back to`, cause);
      return;
    }
    this.#setStatus(service, 'rollback_started', message, cause, (record) => {
      record.spec = service.previousSpec ?? service.spec;
      record.specVersion = service.previousSpecVersion;
      record.previousSpec = undefined;
      record.previousSpecVersion = 0 as ServiceRecord['previousSpecVersion'];
    });
  }

  #finish(service: ServiceRecord): void {
    const state = service.updateStatus?.state;
    if (state === 'completed' || state === 'rollback_completed') return;
    if (state === 'rollback_started') this.#setStatus(service, 'rollback_completed', 'rollback completed', service.cause);
    else this.#setStatus(service, 'completed', 'update completed', service.cause);
  }

  #setStatus(service: ServiceRecord, state: UpdateState, message: string, cause: number, change?: (record: ServiceRecord) => void): void {
    const { store, events, ports } = this.#deps;
    const now = ports.now();
    const done = state === 'completed' || state === 'rollback_completed';
    const trouble = state === 'paused' || state === 'rollback_paused' || state === 'rollback_started';
    const explain: Explain = { code: 'ROLLOUT', service: service.spec.name, state, message };
    const severity = trouble ? 'warning' : 'info';
    const event = events.add({ kind: `rollout.${state.replaceAll('_', '-')}`, severity, cause, service: service.spec.name, explain });
    store.commit((tx) => {
      const record = tx.writeService(service);
      const startedAt: TimeUs = state === 'updating' || state === 'rollback_started' ? now : (record.updateStatus?.startedAt ?? now);
      record.updateStatus = { state, message, startedAt, completedAt: done ? now : undefined };
      change?.(record);
      record.cause = event;
    });
  }

  #isSlotDirty(service: ServiceRecord, slot: Slot): boolean {
    return slot.length > 1 || (slot[0] !== undefined && this.#isDirty(service, slot[0]));
  }

  #isDirty(service: ServiceRecord, task: TaskRecord): boolean {
    return isTaskDirty(service, task, this.#deps.store.nodes.get(task.nodeId));
  }

  #cancel(run: UpdateRun): void {
    const { ports } = this.#deps;
    for (const worker of run.workers) if (worker.timer !== 0) ports.cancel(worker.timer);
    if (run.monitorTimer !== 0) ports.cancel(run.monitorTimer);
    if (this.#runs.get(run.serviceId) === run) this.#runs.delete(run.serviceId);
  }

  #arm(run: UpdateRun, worker: number, spanUs: number): number {
    const { ports } = this.#deps;
    const event: UpdateTimer = { type: 'update', service: run.serviceId, worker, run: run.run };
    return ports.at((ports.now() + spanUs) as TimeUs, LANE.reconcile, event);
  }
}

function drainArray<T>(items: T[]): readonly T[] {
  return items.splice(0, items.length);
}
