/**
 * Which assignments to take. Within a session they are numbered: a full set stands on its own, an incremental one applies
 * to the number before it. Copies and latecomers are dropped; after a gap (or when a heartbeat's answer tells of more than
 * has come) the agent asks for a full set, and asks again until it comes.
 */
import { DIGEST, type DurationUs, LANE, MANAGER, type Message, type PartyPorts, type TimerId } from '@paperfleet/core';

/** A full set that was asked for or is due after registering may take this long; also the least time between two requests. */
const RESYNC_RETRY_US = 2_000_000 as DurationUs;
/** What a heartbeat's answer tells of may still be on its way this long: links reorder. */
const RESYNC_GRACE_US = 500_000 as DurationUs;

export interface SavedAssignments {
  readonly sequence: number;
  readonly timer: TimerId;
  readonly target: number;
  readonly askedAt: number;
}

type Assignments = Extract<Message, { type: 'assignments' }>;

export class AssignmentTracker {
  readonly #ports: PartyPorts;
  /** Number reached, -1: no full set yet. */
  #sequence = -1;
  #timer: TimerId = 0;
  /** The number that makes asking unnecessary: a gap was seen up to here. */
  #target = 0;
  /** Instant of the last request, -1: none in this session. */
  #askedAt = -1;

  constructor(ports: PartyPorts, saved: SavedAssignments | undefined) {
    this.#ports = ports;
    if (saved === undefined) return;
    this.#sequence = saved.sequence;
    this.#timer = saved.timer;
    this.#target = saved.target;
    this.#askedAt = saved.askedAt;
  }

  get sequence(): number {
    return this.#sequence;
  }

  /** A session opened: its full set is on its way. */
  opened(): void {
    this.closed();
    this.#arm(RESYNC_RETRY_US);
  }

  /** The session is over. */
  closed(): void {
    this.#disarm();
    this.#sequence = -1;
    this.#target = 0;
    this.#askedAt = -1;
  }

  /** True when the message is the next one to apply; its number then counts as reached. */
  accept(message: Assignments, session: number): boolean {
    if (message.resultsIn <= this.#sequence) return false;
    if (!message.full && (this.#sequence < 0 || message.appliesTo !== this.#sequence)) {
      this.#lag(message.resultsIn, 0 as DurationUs, session);
      return false;
    }
    this.#sequence = message.resultsIn;
    if (this.#sequence >= this.#target) this.#disarm();
    this.#ports.record(DIGEST.assignmentsApplied, '', this.#sequence, message.full ? 1 : 0);
    return true;
  }

  /** A heartbeat's answer names the newest number sent. */
  told(resultsIn: number | undefined, session: number): void {
    if (resultsIn !== undefined && resultsIn > this.#sequence) this.#lag(resultsIn, RESYNC_GRACE_US, session);
  }

  /** The timer fired: what was missing has not come. */
  ask(session: number): void {
    this.#timer = 0;
    this.#askedAt = this.#ports.now();
    this.#ports.record(DIGEST.sessionResync, '', this.#sequence);
    this.#ports.send(MANAGER, { type: 'resync', session, at: Math.max(0, this.#sequence) });
    this.#arm(RESYNC_RETRY_US);
  }

  save(): SavedAssignments {
    return { sequence: this.#sequence, timer: this.#timer, target: this.#target, askedAt: this.#askedAt };
  }

  #lag(target: number, graceUs: DurationUs, session: number): void {
    this.#target = Math.max(this.#target, target);
    if (this.#timer !== 0) return; // a request is on its way or about to be made
    const earliest = this.#askedAt < 0 ? 0 : this.#askedAt + RESYNC_RETRY_US;
    const due = Math.max(this.#ports.now() + graceUs, earliest);
    if (due === this.#ports.now()) this.ask(session);
    else this.#arm((due - this.#ports.now()) as DurationUs);
  }

  #arm(span: DurationUs): void {
    this.#timer = this.#ports.in(span, LANE.agent, { type: 'resync' });
  }

  #disarm(): void {
    if (this.#timer !== 0) this.#ports.cancel(this.#timer);
    this.#timer = 0;
  }
}
