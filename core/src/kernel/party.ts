/**
 * A party is a participant of the simulation with state of its own: the manager, each node, the client edge.
 * Parties share nothing and meet only through messages, which take at least the link's latency; that is what lets a
 * run be cut into windows and spread over processes without changing its outcome.
 *
 * A party is pure: it reacts to events, synchronously, through the ports below. Its events and messages are plain
 * JSON-able data (no closures, no class instances), because journals, frames and checkpoints carry them.
 */
import type { ClusterConfig, Input } from '../model/input.ts';
import type { Message } from '../protocol/message.ts';
import type { DurationUs, PartyId, TimeUs } from '../units.ts';
import type { Lane } from './lane.ts';
import type { Rng } from './rng.ts';

/** The outside world (journal); origin of inputs. */
export const OUTSIDE: PartyId = 0 as PartyId;
export const MANAGER: PartyId = 1 as PartyId;
export const EDGE: PartyId = 2 as PartyId;
/** Nodes are numbered from here in order of joining; a node that joins again gets a new number. */
export const FIRST_NODE: PartyId = 16 as PartyId;

/** A party's own timer: plain data with a discriminating `type`. */
export interface TimerEvent {
  readonly type: string;
}

/** Handle of an armed timer; 0 is none. Valid until it fires or is cancelled; it may be kept in saved state. */
export type TimerId = number;

/** What the kernel gives a party. Everything a party may do goes through here. */
export interface PartyPorts {
  readonly id: PartyId;
  /** The instant of the event being handled. */
  now(): TimeUs;
  /** Arms a timer at `due` >= now; at one instant lanes run in order. */
  at(due: TimeUs, lane: Lane, event: TimerEvent): TimerId;
  in(span: DurationUs, lane: Lane, event: TimerEvent): TimerId;
  /** Disarms; false when it has fired or was cancelled already. */
  cancel(timer: TimerId): boolean;
  /** Sends over the link to another party: latency and faults are the link's. */
  send(to: PartyId, message: Message): void;
  /** This party's random stream of that label. The same label gives the same stream object; streams do not disturb one another. */
  rng(label: string): Rng;
  /**
   * A named place where a rare but legal turn may be taken in simulation runs (an early time-out, a full resync, a
   * dropped batch). False unless the run's `faultPointPermille` is set; then each name is armed for one run in four.
   */
  faultPoint(name: string): boolean;
  /** Adds a state change to the digest: a code from DIGEST (kernel/digest.ts), a subject and numbers (integers). Call for every observable change. */
  record(code: number, subject: string, a?: number, b?: number): void;
}

/** A simulated participant. */
export interface Party {
  onInput(input: Input): void;
  onMessage(from: PartyId, sentAt: TimeUs, message: Message): void;
  onTimer(event: TimerEvent, timer: TimerId): void;
  /** The whole state as JSON-able data, timers and random streams excepted (the kernel keeps those). */
  save(): unknown;
}

/** Makes a party, new (`saved` undefined) or from what `save()` gave. A new party arms its first timers here. */
export type PartyFactory = (ports: PartyPorts, init: PartyInit, saved?: unknown) => Party;

/** What a party is born with. */
export type PartyInit =
  | { readonly kind: 'manager'; readonly config: ClusterConfig }
  | { readonly kind: 'node'; readonly join: Extract<Input, { kind: 'join' }>; readonly config: ClusterConfig };
