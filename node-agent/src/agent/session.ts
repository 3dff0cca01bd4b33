/**
 * The agent's session with the manager. SwarmKit's agent/session.go: back-off `min(100 ms + 2 × previous, 8 s)` with a
 * random wait below it, 5 s per try, back-off forgotten once registered, a heartbeat at once and then at the period told.
 * A missing answer to a heartbeat changes nothing: only the manager ends a session.
 */
import {
  after,
  DIGEST,
  type DurationUs,
  LANE,
  MANAGER,
  type Message,
  type NodeDescription,
  type PartyPorts,
  type TimerId,
} from '@paperfleet/core';

const BACKOFF_STEP_US = 100_000;
const BACKOFF_MAX_US = 8_000_000;
const TRY_TIMEOUT_US = 5_000_000 as DurationUs;
const NOW = 0 as DurationUs;

export interface SavedSession {
  readonly attempt: number;
  readonly backoffUs: number;
  readonly registering: boolean;
  readonly session: number;
  readonly periodUs: number;
  readonly beatAt: number;
  readonly timer: TimerId;
}

type Registered = Extract<Message, { type: 'registered' }>;
type Refused = Extract<Message, { type: 'refused' }>;
type HeartbeatAck = Extract<Message, { type: 'heartbeatAck' }>;

export class Session {
  readonly #ports: PartyPorts;
  readonly #description: NodeDescription;
  #attempt = 0;
  #backoffUs = 0;
  #registering = false;
  /** Number of the open session, 0: none. */
  #session = 0;
  #periodUs = 0;
  #beatAt = 0;
  /** One timer at a time: connect, time-out of a try, or heartbeat. */
  #timer: TimerId = 0;

  constructor(ports: PartyPorts, description: NodeDescription, saved: SavedSession | undefined) {
    this.#ports = ports;
    this.#description = description;
    if (saved === undefined) return;
    this.#attempt = saved.attempt;
    this.#backoffUs = saved.backoffUs;
    this.#registering = saved.registering;
    this.#session = saved.session;
    this.#periodUs = saved.periodUs;
    this.#beatAt = saved.beatAt;
    this.#timer = saved.timer;
  }

  /** Number of the open session, 0 when there is none. */
  get number(): number {
    return this.#session;
  }

  /** The agent starts: the first try is made at once. */
  start(): void {
    this.#backoffUs = 0;
    this.#arm(NOW, { type: 'session.connect' });
  }

  /** The machine went down. Attempts are counted on, so that late answers stay recognisable. */
  crash(): void {
    this.#disarm();
    this.#session = 0;
    this.#registering = false;
  }

  /** Time to try: registers and waits for the answer. */
  connect(): void {
    this.#attempt++;
    this.#registering = true;
    this.#ports.record(DIGEST.sessionRegister, '', this.#attempt);
    this.#ports.send(MANAGER, { type: 'register', attempt: this.#attempt, description: this.#description });
    this.#arm(TRY_TIMEOUT_US, { type: 'session.timeout' });
  }

  /** No answer in time. */
  timeout(): void {
    this.#retry();
  }

  /** True when this opened a session; answers to other tries and repeated ones are ignored. */
  onRegistered(message: Registered): boolean {
    if (!this.#registering || message.attempt !== this.#attempt) return false;
    this.#registering = false;
    this.#backoffUs = 0;
    this.#session = message.session;
    this.#periodUs = message.periodUs;
    this.#ports.record(DIGEST.sessionOpen, '', message.session, message.attempt);
    this.beat();
    return true;
  }

  /** True when this ended the session, or the try to open one (`session` 0). The next try follows after the back-off. */
  onRefused(message: Refused): boolean {
    const concerned = this.#registering ? message.session === 0 : this.#session !== 0 && message.session === this.#session;
    if (!concerned) return false;
    this.#ports.record(DIGEST.sessionRefused, message.reason, message.session);
    this.#retry();
    return true;
  }

  /** Sends a heartbeat and arms the next. */
  beat(): void {
    this.#beatAt = this.#ports.now();
    this.#ports.send(MANAGER, { type: 'heartbeat', session: this.#session });
    this.#arm(this.#periodUs as DurationUs, { type: 'heartbeat' });
  }

  /** The manager tells the period that follows the heartbeat just made. */
  onHeartbeatAck(message: HeartbeatAck): void {
    if (message.periodUs === this.#periodUs) return;
    this.#periodUs = message.periodUs;
    const due = Math.max(this.#ports.now(), this.#beatAt + this.#periodUs);
    this.#arm((due - this.#ports.now()) as DurationUs, { type: 'heartbeat' });
  }

  save(): SavedSession {
    return {
      attempt: this.#attempt,
      backoffUs: this.#backoffUs,
      registering: this.#registering,
      session: this.#session,
      periodUs: this.#periodUs,
      beatAt: this.#beatAt,
      timer: this.#timer,
    };
  }

  #retry(): void {
    this.#session = 0;
    this.#registering = false;
    this.#backoffUs = nextBackoff(this.#backoffUs);
    this.#arm(this.#ports.rng('session').below(this.#backoffUs) as DurationUs, { type: 'session.connect' });
  }

  #arm(span: DurationUs, event: { readonly type: string }): void {
    this.#disarm();
    this.#timer = this.#ports.at(after(this.#ports.now(), span), LANE.agent, event);
  }

  #disarm(): void {
    if (this.#timer !== 0) this.#ports.cancel(this.#timer);
    this.#timer = 0;
  }
}

/** SwarmKit: 0 → 100 ms → 300 ms → 700 ms → … → 8 s. */
export const nextBackoff = (previousUs: number): number => Math.min(BACKOFF_STEP_US + 2 * previousUs, BACKOFF_MAX_US);
