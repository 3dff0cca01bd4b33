/**
 * Reports task statuses until the manager has acknowledged them. The newest status of a task stands for all before it, so
 * the queue holds at most one entry per task. Everything that changes at one instant goes in one batch.
 */
import { type DurationUs, LANE, MANAGER, type PartyPorts, type TaskStatus, type TimerId } from '@paperfleet/core';

/** A batch that is not acknowledged by then is sent again (with the newest statuses, as a new batch). */
const RESEND_US = 3_000_000;
/** Keeps a frame well below the size limit. */
const MAX_UPDATES = 1000;

export interface SavedReporter {
  readonly batch: number;
  readonly waiting: readonly (readonly [string, number])[];
  readonly sent: readonly (readonly [number, number])[];
  readonly flushTimer: TimerId;
  readonly resendTimer: TimerId;
}

export class StatusReporter {
  readonly #ports: PartyPorts;
  readonly #status: (task: string) => TaskStatus | undefined;
  /** Batch numbers rise over all sessions, so that an answer to an old batch cannot be taken for one to a new. */
  #batch = 0;
  /** Task → batch its newest status went with, 0: not sent yet. */
  readonly #waiting = new Map<string, number>();
  /** Batches without an answer → instant they were sent. Oldest first. */
  readonly #sent = new Map<number, number>();
  #flushTimer: TimerId = 0;
  #resendTimer: TimerId = 0;

  /** @param status – the present status of a task; undefined when it is not (or no longer) to be reported. */
  constructor(ports: PartyPorts, status: (task: string) => TaskStatus | undefined, saved: SavedReporter | undefined) {
    this.#ports = ports;
    this.#status = status;
    if (saved === undefined) return;
    this.#batch = saved.batch;
    for (const [task, batch] of saved.waiting) this.#waiting.set(task, batch);
    for (const [batch, at] of saved.sent) this.#sent.set(batch, at);
    this.#flushTimer = saved.flushTimer;
    this.#resendTimer = saved.resendTimer;
  }

  /** Entries not yet acknowledged. */
  get size(): number {
    return this.#waiting.size;
  }

  /** A task's status has changed. */
  changed(task: string, session: number): void {
    this.#waiting.set(task, 0);
    if (session !== 0) this.#armFlush();
  }

  /** A task is forgotten. */
  forget(task: string): void {
    this.#waiting.delete(task);
  }

  /** A session opened: every task's status is told anew. */
  opened(tasks: Iterable<string>): void {
    this.closed();
    for (const task of tasks) this.#waiting.set(task, 0);
    if (this.#waiting.size > 0) this.#armFlush();
  }

  /** The session is over; what was not acknowledged goes with the next. */
  closed(): void {
    this.#sent.clear();
    for (const task of this.#waiting.keys()) this.#waiting.set(task, 0);
    if (this.#flushTimer !== 0) this.#ports.cancel(this.#flushTimer);
    if (this.#resendTimer !== 0) this.#ports.cancel(this.#resendTimer);
    this.#flushTimer = 0;
    this.#resendTimer = 0;
  }

  /** The machine went down: the queue was in memory. */
  crash(): void {
    this.closed();
    this.#waiting.clear();
  }

  /** Sends what has not been sent. */
  flush(session: number): void {
    this.#flushTimer = 0;
    let updates: TaskStatus[] = [];
    for (const [task, batch] of this.#waiting) {
      if (batch !== 0) continue;
      const status = this.#status(task);
      if (status === undefined) {
        this.#waiting.delete(task);
        continue;
      }
      this.#waiting.set(task, this.#batch + 1);
      updates.push(status);
      if (updates.length === MAX_UPDATES) {
        this.#send(session, updates);
        updates = [];
      }
    }
    if (updates.length > 0) this.#send(session, updates);
  }

  /** The manager has a batch. */
  acknowledged(batch: number): void {
    if (!this.#sent.delete(batch)) return;
    for (const [task, sentWith] of this.#waiting) if (sentWith === batch) this.#waiting.delete(task);
    if (this.#sent.size === 0 && this.#resendTimer !== 0) {
      this.#ports.cancel(this.#resendTimer);
      this.#resendTimer = 0;
    }
  }

  /** The oldest answer is overdue. */
  resend(session: number): void {
    this.#resendTimer = 0;
    const now = this.#ports.now();
    for (const [batch, at] of this.#sent) {
      if (at + RESEND_US > now) break;
      this.#sent.delete(batch);
      for (const [task, sentWith] of this.#waiting) if (sentWith === batch) this.#waiting.set(task, 0);
    }
    this.flush(session);
    this.#armResend();
  }

  save(): SavedReporter {
    return {
      batch: this.#batch,
      waiting: [...this.#waiting],
      sent: [...this.#sent],
      flushTimer: this.#flushTimer,
      resendTimer: this.#resendTimer,
    };
  }

  #send(session: number, updates: readonly TaskStatus[]): void {
    this.#batch++;
    this.#sent.set(this.#batch, this.#ports.now());
    // A fault point: the batch is lost on its way; the resend must heal it.
    if (!this.#ports.faultPoint('agent.status.lost')) this.#ports.send(MANAGER, { type: 'status', session, batch: this.#batch, updates });
    this.#armResend();
  }

  #armFlush(): void {
    if (this.#flushTimer === 0) this.#flushTimer = this.#ports.in(0 as DurationUs, LANE.observe, { type: 'status.flush' });
  }

  #armResend(): void {
    if (this.#resendTimer !== 0) return;
    for (const at of this.#sent.values()) {
      const span = Math.max(0, at + RESEND_US - this.#ports.now());
      this.#resendTimer = this.#ports.in(span as DurationUs, LANE.observe, { type: 'status.resend' });
      return;
    }
  }
}
