/**
 * How the manager writes tasks: each write carries the event that led to it, and leaves an event of its own where a
 * person would want one. Every part of the manager writes tasks through here, so that no change is without a cause.
 */
import { assert, type Explain, type PartyPorts, TASK_STATE, type TaskState, type TaskStatus, type TimeUs } from '@paperfleet/core';
import { newId } from '../store/ids.ts';
import type { ServiceRecord, TaskRecord } from '../store/records.ts';
import type { Store, Transaction } from '../store/store.ts';
import type { EventLog, NewEvent } from './event-log.ts';

export type CreateReason = Extract<Explain, { code: 'CREATED' }>['reason'];
export type ShutdownReason = Extract<Explain, { code: 'SHUTDOWN' }>['reason'];

export interface TaskOrder {
  /** 0 for services with one task per node. */
  readonly slot: number;
  /** Preset for services with one task per node, '' otherwise. */
  readonly nodeId: string;
  readonly desired: TaskState;
  readonly reason: CreateReason;
  readonly cause: number;
  readonly replaces?: string;
}

/** An observation as the manager itself makes it. */
export interface Observation {
  readonly state: TaskState;
  readonly message: string;
  readonly error?: string;
}

export class Ledger {
  readonly #ports: PartyPorts;
  readonly #store: Store;
  readonly #events: EventLog;

  constructor(ports: PartyPorts, store: Store, events: EventLog) {
    this.#ports = ports;
    this.#store = store;
    this.#events = events;
  }

  newId(): string {
    return newId(this.#ports.rng('ids'));
  }

  /** Adds an event about a task. */
  taskEvent(task: TaskRecord, kind: string, severity: NewEvent['severity'], cause: number, explain: Explain): number {
    const node = task.nodeId === '' ? undefined : this.#store.nodes.get(task.nodeId)?.name;
    const event = { kind, severity, cause, service: task.serviceName, task: task.id, explain };
    return this.#events.add(node === undefined ? event : { ...event, node });
  }

  /** A new task: everything it needs is copied from the service and never changes afterwards. */
  createTask(tx: Transaction, service: ServiceRecord, order: TaskOrder): TaskRecord {
    const now = this.#ports.now();
    const explain: Explain = {
      code: 'CREATED',
      reason: order.reason,
      slot: order.slot,
      ...(order.replaces === undefined ? {} : { replaces: order.replaces }),
    };
    const task = tx.createTask({
      id: this.newId(),
      serviceId: service.id,
      slot: order.slot,
      spec: service.spec.task,
      endpoint: service.spec.endpoint,
      global: service.spec.mode.kind === 'global' || service.spec.mode.kind === 'global-job',
      serviceName: service.spec.name,
      specVersion: service.specVersion,
      jobIteration: service.jobIteration,
      nodeId: order.nodeId,
      desired: order.desired,
      state: TASK_STATE.new,
      message: 'created',
      error: '',
      exitCode: undefined,
      oomKilled: false,
      generic: undefined,
      stateAt: now,
      appliedAt: now,
      createdAt: now,
      cause: order.cause,
      explain,
      health: 0,
    });
    task.cause = this.taskEvent(task, 'task.created', 'info', order.cause, explain);
    return task;
  }

  /** Raises a task's desired state; a lower or equal one changes nothing. The event is left by whoever decided (`cause`). */
  raiseDesired(tx: Transaction, task: TaskRecord, desired: TaskState, cause: number): boolean {
    if (desired <= task.desired) return false;
    tx.writeTask(task);
    task.desired = desired;
    task.cause = cause;
    return true;
  }

  /** Wants a task stopped (or, with `remove`, gone) and says why. */
  stop(tx: Transaction, task: TaskRecord, desired: TaskState, reason: ShutdownReason, cause: number): void {
    if (desired <= task.desired) return;
    const explain: Explain = { code: 'SHUTDOWN', reason };
    const kind = desired === TASK_STATE.remove ? 'task.removing' : 'task.stopping';
    this.raiseDesired(tx, task, desired, this.taskEvent(task, kind, 'info', cause, explain));
    task.explain = explain;
  }

  /** Notes what the manager itself found out about a task. States only rise. */
  observe(tx: Transaction, task: TaskRecord, seen: Observation, cause: number, explain?: Explain): void {
    assert(seen.state >= task.state, 'an observed state falls', { task: task.id, from: task.state, to: seen.state });
    tx.writeTask(task);
    const now = this.#ports.now();
    task.state = seen.state;
    task.message = seen.message;
    task.error = seen.error ?? '';
    task.stateAt = now;
    task.appliedAt = now;
    task.cause = cause;
    if (explain !== undefined) task.explain = explain;
  }

  /** Applies an agent's report that was found to be news. `cause` is what the manager knows to have led to it, 0 for nothing. */
  report(tx: Transaction, task: TaskRecord, status: TaskStatus, cause: number): void {
    const before = task.state;
    const healthBefore = task.health;
    tx.writeTask(task);
    task.state = status.state;
    task.message = status.message;
    task.error = status.error ?? '';
    if (status.exitCode !== undefined) task.exitCode = status.exitCode;
    if (status.oomKilled === true) task.oomKilled = true;
    task.health = status.health ?? task.health;
    task.stateAt = status.at;
    task.appliedAt = this.#ports.now();
    const because = cause === 0 ? task.cause : cause;
    if (before !== task.state) this.#reportEvent(task, because);
    else if (healthBefore !== task.health && task.health === UNHEALTHY) {
      this.taskEvent(task, 'task.unhealthy', 'warning', because, {
        code: 'NOTE',
        message: task.error || task.message || 'unhealthy container',
      });
    }
  }

  #reportEvent(task: TaskRecord, cause: number): void {
    switch (task.state) {
      case TASK_STATE.running:
        task.cause = this.taskEvent(task, 'task.running', 'info', cause, { code: 'NOTE', message: task.message });
        return;
      case TASK_STATE.complete:
      case TASK_STATE.failed: {
        const explain: Explain = {
          code: 'EXITED',
          exitCode: task.exitCode ?? 0,
          oomKilled: task.oomKilled,
          message: task.error === '' ? task.message : task.error,
        };
        const failed = task.state === TASK_STATE.failed;
        task.cause = this.taskEvent(task, failed ? 'task.failed' : 'task.complete', failed ? 'error' : 'info', cause, explain);
        task.explain = explain;
        return;
      }
      case TASK_STATE.shutdown:
        task.cause = this.taskEvent(task, 'task.shutdown', 'info', cause, { code: 'NOTE', message: task.message });
        return;
      case TASK_STATE.rejected: {
        const explain: Explain = { code: 'REJECTED', message: task.message, detail: task.error };
        task.cause = this.taskEvent(task, 'task.rejected', 'error', cause, explain);
        task.explain = explain;
        return;
      }
      default:
        // Accepted, preparing, ready and starting are shown by the task itself; they would drown the list.
        task.cause = cause;
    }
  }
}

const UNHEALTHY = 3;

/** The instant that SwarmKit sorts and counts by: the manager's, which is more trustworthy than the agent's. */
export const statusInstant = (task: TaskRecord): TimeUs => task.appliedAt;
