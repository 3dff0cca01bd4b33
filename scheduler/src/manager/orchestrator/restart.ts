/**
 * Restart supervisor: replaces a task that ended (or whose node is gone) after the policy's delay, and keeps count of
 * restarts per slot or node. Owner of the step desired ready → running. SwarmKit: orchestrator/restart/restart.go.
 */
import { type Explain, isTerminal, LANE, TASK_STATE, type TimerEvent, type TimerId, type TimeUs } from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord, TaskRecord } from '../../store/records.ts';
import { byTimestamp, type InstanceKey, instanceKey, type Transaction } from '../../store/store.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';
import { statusInstant } from '../ledger.ts';

interface History {
  specVersion: number;
  total: number;
  /** Instants of restarts, oldest first; kept only for policies with a window. */
  restarts: number[];
}

/** A task at desired ready that waits to be started. */
interface Delay {
  readonly taskId: string;
  /** The task it replaces and that task's node; '' when it waits for none. */
  readonly oldTaskId: string;
  readonly oldNodeId: string;
  readonly timeoutAt: TimeUs;
  timer: TimerId;
  /** The delay itself is over; now the old task has to end. */
  elapsed: boolean;
  oldStopped: boolean;
  /** The waiting task failed itself: restart it once it has been started. */
  restartAfter: boolean;
}

export interface SavedRestarts {
  readonly delays: readonly Delay[];
  readonly history: readonly (readonly [string, readonly (readonly [InstanceKey, History])[]])[];
  readonly due: readonly string[];
}

export interface RestartTimer extends TimerEvent {
  readonly type: 'restart';
  readonly task: string;
}

/** Why a task is replaced. */
type RestartReason = Extract<Explain, { code: 'RESTART' }>['reason'];

const isJob = (service: ServiceRecord): boolean => service.spec.mode.kind === 'replicated-job' || service.spec.mode.kind === 'global-job';

export class RestartSupervisor {
  readonly #deps: Deps;
  readonly #delays = new Map<string, Delay>();
  /** Old task → tasks that wait for its end. */
  readonly #waiting = new Map<string, Set<string>>();
  readonly #history = new Map<string, Map<InstanceKey, History>>();
  /** Tasks to be started at the next tick. */
  readonly #due = new Set<string>();
  /** Why the node of a task is gone: set by the manager, read here for causes. */
  readonly #nodeCause: (nodeId: string) => number;

  constructor(deps: Deps, nodeCause: (nodeId: string) => number, saved?: SavedRestarts) {
    this.#deps = deps;
    this.#nodeCause = nodeCause;
    if (saved === undefined) return;
    for (const delay of saved.delays) this.#register({ ...delay });
    for (const [service, instances] of saved.history) {
      this.#history.set(service, new Map(instances.map(([key, history]) => [key, { ...history, restarts: [...history.restarts] }])));
    }
    for (const task of saved.due) this.#due.add(task);
  }

  save(): SavedRestarts {
    return {
      delays: [...this.#delays.values()].map((delay) => ({ ...delay })),
      history: [...this.#history].map(([service, instances]) => [
        service,
        [...instances].map(([key, history]) => [key, { ...history, restarts: [...history.restarts] }] as const),
      ]),
      due: [...this.#due],
    };
  }

  /** True while the task waits at desired ready. */
  isDelayed(taskId: string): boolean {
    return this.#delays.has(taskId);
  }

  onChanges(changes: readonly Change[]): void {
    if (this.#delays.size === 0) return;
    for (const change of changes) {
      if (change.kind === 'task') {
        const { record, op } = change;
        if (op === 'remove') this.#cancel(record.id);
        if (op === 'remove' || isTerminal(record.state)) this.#oldTaskEnded(record.id);
      } else if (change.kind === 'node' && (change.op === 'remove' || change.record.status === 'down')) {
        for (const delay of this.#delays.values()) if (delay.oldNodeId === change.record.id) this.#markStopped(delay);
      }
    }
  }

  onTimer(event: RestartTimer): void {
    const delay = this.#delays.get(event.task);
    if (delay === undefined) return;
    delay.timer = 0;
    const now = this.#deps.ports.now();
    if (!delay.elapsed) {
      delay.elapsed = true;
      if (!delay.oldStopped && now < delay.timeoutAt) {
        delay.timer = this.#deps.ports.at(delay.timeoutAt, LANE.reconcile, event);
        return;
      }
    }
    this.#due.add(event.task);
  }

  /** Starts what is due. True when something was written. */
  tick(): boolean {
    if (this.#due.size === 0) return false;
    const { store } = this.#deps;
    store.commit((tx) => {
      for (const id of [...this.#due]) {
        this.#due.delete(id);
        const delay = this.#delays.get(id);
        this.#unregister(id);
        this.startNow(tx, id);
        if (delay?.restartAfter !== true) continue;
        const task = store.tasks.get(id);
        const service = task === undefined ? undefined : store.services.get(task.serviceId);
        if (task !== undefined && service !== undefined && task.desired <= TASK_STATE.complete) this.restart(tx, service, task);
      }
    });
    return true;
  }

  /**
   * Shuts `task` down and, when the policy says so, makes its replacement: same slot (or node), desired ready, started
   * after the delay and, unless the old task is over or its node down, after the old task's end.
   */
  restart(tx: Transaction, service: ServiceRecord, task: TaskRecord): void {
    const { store, ledger } = this.#deps;
    const waiting = this.#delays.get(task.id);
    if (waiting !== undefined) {
      waiting.restartAfter = true;
      return;
    }
    if (task.desired > TASK_STATE.complete) return;
    const node = store.nodes.get(task.nodeId);
    const reason = this.#reason(task, node);
    const origin = reason === 'exited' ? task.cause : this.#nodeCause(task.nodeId) || task.cause;
    const policy = task.spec.restart;
    const attempts = this.#attempts(task);
    if (!this.shouldRestart(task, service)) {
      const why: Extract<Explain, { code: 'NOT_RESTARTED' }>['why'] = this.#conditionHolds(task, service) ? 'max-attempts' : 'condition';
      const explain: Explain = { code: 'NOT_RESTARTED', why, attempts, maxAttempts: policy.maxAttempts };
      const failed = task.state !== TASK_STATE.complete;
      const event = ledger.taskEvent(task, 'task.not-restarted', failed ? 'warning' : 'info', origin, explain);
      ledger.raiseDesired(tx, task, TASK_STATE.shutdown, event);
      task.explain = explain;
      return;
    }
    // A drained node is emptied at once: its tasks did nothing wrong.
    const delayUs = node?.availability === 'drain' ? 0 : policy.delayUs;
    const explain: Explain = {
      code: 'RESTART',
      reason,
      condition: policy.condition,
      delayUs,
      attempts: attempts + 1,
      maxAttempts: policy.maxAttempts,
    };
    const event = ledger.taskEvent(task, 'task.restarting', reason === 'node-drained' ? 'info' : 'warning', origin, explain);
    ledger.raiseDesired(tx, task, TASK_STATE.shutdown, event);
    task.explain = explain;
    const replacement = ledger.createTask(tx, service, {
      slot: task.global ? 0 : task.slot,
      nodeId: task.global ? task.nodeId : '',
      desired: TASK_STATE.ready,
      reason: 'restart',
      cause: event,
      replaces: task.id,
    });
    this.record(replacement);
    const waitForOld = node?.status !== 'down' && !isTerminal(task.state);
    this.delayStart(waitForOld ? task : undefined, replacement.id, delayUs);
  }

  /** Starts a task at desired ready after a delay, and after the end of `oldTask` (or 60 s) when there is one to wait for. */
  delayStart(oldTask: TaskRecord | undefined, taskId: string, delayUs: number): void {
    const { ports, store } = this.#deps;
    this.#cancel(taskId);
    const now = ports.now();
    const node = oldTask === undefined ? undefined : store.nodes.get(oldTask.nodeId);
    const delay: Delay = {
      taskId,
      oldTaskId: oldTask?.id ?? '',
      oldNodeId: oldTask?.nodeId ?? '',
      timeoutAt: (now + KNOBS.oldTaskTimeoutUs) as TimeUs,
      timer: 0,
      elapsed: delayUs === 0,
      oldStopped:
        oldTask === undefined || isTerminal(oldTask.state) || (oldTask.nodeId !== '' && (node === undefined || node.status === 'down')),
      restartAfter: false,
    };
    this.#register(delay);
    if (delay.elapsed && delay.oldStopped) {
      this.#due.add(taskId);
      return;
    }
    const due = delay.elapsed ? delay.timeoutAt : ((now + delayUs) as TimeUs);
    const event: RestartTimer = { type: 'restart', task: taskId };
    delay.timer = ports.at(due, LANE.reconcile, event);
  }

  /** Raises a waiting task to running (to complete for jobs). */
  startNow(tx: Transaction, taskId: string): void {
    const { store, ledger } = this.#deps;
    const task = store.tasks.get(taskId);
    if (task === undefined || task.desired >= TASK_STATE.running) return;
    const service = store.services.get(task.serviceId);
    const desired = service !== undefined && isJob(service) ? TASK_STATE.complete : TASK_STATE.running;
    ledger.raiseDesired(tx, task, desired, task.cause);
  }

  /** Forgets a service. */
  forgetService(serviceId: string): void {
    this.#history.delete(serviceId);
  }

  /** Counts a restart. Without a limit there is nothing to count for. */
  record(replacement: TaskRecord, at: TimeUs = this.#deps.ports.now()): void {
    const { maxAttempts, windowUs } = replacement.spec.restart;
    if (maxAttempts === 0) return;
    let instances = this.#history.get(replacement.serviceId);
    if (instances === undefined) this.#history.set(replacement.serviceId, (instances = new Map<InstanceKey, History>()));
    const key = instanceKey(replacement);
    let history = instances.get(key);
    // Failures of an older spec do not count against the new one.
    if (history === undefined || history.specVersion !== replacement.specVersion) {
      history = { specVersion: replacement.specVersion, total: 0, restarts: [] };
      instances.set(key, history);
    }
    history.total++;
    if (windowUs > 0) history.restarts.push(at);
  }

  /** The policy's decision about a task that ended (or is treated as such). Drops restarts that fell out of the window. */
  shouldRestart(task: TaskRecord, service: ServiceRecord): boolean {
    if (!this.#conditionHolds(task, service)) return false;
    const { maxAttempts, windowUs } = task.spec.restart;
    if (maxAttempts === 0) return true;
    const history = this.#history.get(task.serviceId)?.get(instanceKey(task));
    if (history === undefined || history.specVersion !== task.specVersion) return true;
    if (windowUs === 0) return history.total < maxAttempts;
    const end = statusInstant(task);
    history.restarts = history.restarts.filter((at) => at > end - windowUs);
    return history.restarts.filter((at) => at < end).length < maxAttempts;
  }

  /**
   * The tasks of a slot (or node) that an update has to look at: those that are wanted; without any, the newest one if
   * the policy leaves it dead. None: the slot is dead.
   */
  updatableTasks(instance: readonly TaskRecord[], service: ServiceRecord): readonly TaskRecord[] {
    const wanted = instance.filter((task) => task.desired <= TASK_STATE.running);
    if (wanted.length > 0 || service.updateStatus?.state === 'rollback_started') return wanted;
    const newest = [...instance].sort(byTimestamp).at(-1);
    return newest !== undefined && !this.shouldRestart(newest, service) ? [newest] : [];
  }

  #conditionHolds(task: TaskRecord, service: ServiceRecord): boolean {
    const { condition } = task.spec.restart;
    if (condition === 'none') return false;
    if (condition === 'on-failure' || isJob(service)) return task.state !== TASK_STATE.complete;
    return true;
  }

  #attempts(task: TaskRecord): number {
    const history = this.#history.get(task.serviceId)?.get(instanceKey(task));
    return history === undefined || history.specVersion !== task.specVersion ? 0 : history.total;
  }

  #reason(task: TaskRecord, node: NodeRecord | undefined): RestartReason {
    if (isTerminal(task.state) && task.state !== TASK_STATE.orphaned) return 'exited';
    if (task.nodeId !== '' && node === undefined) return 'node-removed';
    if (node?.status === 'down') return 'node-down';
    return node?.availability === 'drain' ? 'node-drained' : 'exited';
  }

  #oldTaskEnded(oldTaskId: string): void {
    const waiting = this.#waiting.get(oldTaskId);
    if (waiting === undefined) return;
    for (const id of [...waiting]) {
      const delay = this.#delays.get(id);
      if (delay !== undefined) this.#markStopped(delay);
    }
  }

  #markStopped(delay: Delay): void {
    if (delay.oldStopped) return;
    delay.oldStopped = true;
    if (!delay.elapsed) return;
    this.#deps.ports.cancel(delay.timer);
    delay.timer = 0;
    this.#due.add(delay.taskId);
  }

  #register(delay: Delay): void {
    this.#delays.set(delay.taskId, delay);
    if (delay.oldTaskId === '') return;
    const waiting = this.#waiting.get(delay.oldTaskId);
    if (waiting === undefined) this.#waiting.set(delay.oldTaskId, new Set([delay.taskId]));
    else waiting.add(delay.taskId);
  }

  #unregister(taskId: string): void {
    const delay = this.#delays.get(taskId);
    if (delay === undefined) return;
    this.#delays.delete(taskId);
    const waiting = this.#waiting.get(delay.oldTaskId);
    waiting?.delete(taskId);
    if (waiting?.size === 0) this.#waiting.delete(delay.oldTaskId);
  }

  #cancel(taskId: string): void {
    const delay = this.#delays.get(taskId);
    if (delay === undefined) return;
    if (delay.timer !== 0) this.#deps.ports.cancel(delay.timer);
    this.#due.delete(taskId);
    this.#unregister(taskId);
  }
}
