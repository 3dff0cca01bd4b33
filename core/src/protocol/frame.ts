/**
 * Frames: what stands on the WebSockets. Two kinds of socket, both opened with `hello` / `welcome` (JSON text):
 *
 *   /session   one per node agent. After `welcome` only binary session frames: one simulated message each, with the
 *              simulated instants of sending and arrival. Nothing is sent when nothing is said.
 *   /timeline  one per agent host. JSON text: `advance` / `report` (the barrier), `state` (saved parties, chunked).
 *
 * Everything received is checked (check.ts) before it is used; a bad frame closes its own socket with a code of
 * CLOSE and a reason, and nothing else.
 */
import type { Input, RunHeader } from '../model/input.ts';
import type { NodeOffer } from '../model/node.ts';
import type { PartyId, TimeUs } from '../units.ts';
import type { Message } from './message.ts';

/** Raised whenever a frame's form changes; both ends must have the same. */
export const PROTOCOL_VERSION = 1;

/** Largest frames accepted, bytes. A session frame may carry a full assignment of thousands of tasks. */
export const MAX_SESSION_FRAME_BYTES: number = 4 * 1024 * 1024;
export const MAX_TIMELINE_FRAME_BYTES: number = 16 * 1024 * 1024;
export const MAX_HANDSHAKE_BYTES: number = 16 * 1024 * 1024;

/** WebSocket close codes of both endpoints. `retry` says whether trying again later can help. */
export const CLOSE = {
  malformed: { code: 4400, retry: false },
  token: { code: 4401, retry: false },
  staleSession: { code: 4403, retry: true },
  timeout: { code: 4408, retry: true },
  nameInUse: { code: 4409, retry: false },
  tooLarge: { code: 4413, retry: false },
  version: { code: 4426, retry: false },
  build: { code: 4427, retry: false },
  replaced: { code: 4410, retry: false },
  unavailable: { code: 1013, retry: true },
  goingAway: { code: 1001, retry: true },
} as const;
export type CloseReason = keyof typeof CLOSE;

/** A message on its way, with its place in the total order: (arriveAt, LANE.transport, from, seq). */
export interface Envelope {
  readonly from: PartyId;
  readonly to: PartyId;
  /** The sender's event sequence. */
  readonly seq: number;
  readonly sentAt: TimeUs;
  readonly arriveAt: TimeUs;
  readonly message: Message;
}

/** First frame on either socket. */
export type Hello =
  | {
      readonly type: 'hello';
      readonly protocol: number;
      readonly build: string;
      readonly token: string;
      readonly role: 'host';
      /** Identity of the host over restarts: its agents' keys are `host/0`, `host/1`, … */
      readonly host: string;
      /** Machines it brings along; empty for a worker that simulates whatever nodes it is given. */
      readonly offers: readonly NodeOffer[];
      /** After a broken connection: the attachment's ticket and the last window it finished. */
      readonly resume?: { readonly ticket: string; readonly window: number };
    }
  | {
      readonly type: 'hello';
      readonly protocol: number;
      readonly build: string;
      readonly token: string;
      readonly role: 'agent';
      readonly party: PartyId;
      /** From the host's `welcome`; a ticket of an earlier attachment is refused as stale. */
      readonly ticket: string;
    };

/** A node that a host simulates. */
export interface PartyAssignment {
  readonly party: PartyId;
  readonly name: string;
  readonly key: string;
  readonly offer: NodeOffer;
}

/**
 * Answer to a host. `begin`: 'join' – its parties are born by the joins that come with `advance`; 'keep' – go on with what
 * it has (the connection broke, both ends lived); 'restore' – `state` frames with the parties' saved state follow.
 */
export interface HostWelcome {
  readonly type: 'welcome';
  readonly role: 'host';
  readonly header: RunHeader;
  readonly ticket: string;
  readonly parties: readonly PartyAssignment[];
  /** Number of the next window's predecessor: where counting starts. */
  readonly window: number;
  readonly begin: 'join' | 'keep' | 'restore';
}
/** Answer to an agent's socket. */
export interface AgentWelcome {
  readonly type: 'welcome';
  readonly role: 'agent';
  readonly party: PartyId;
}

/** An input on its way to the parties of one host. */
export interface HostInput {
  readonly seq: number;
  readonly at: TimeUs;
  readonly parties: readonly PartyId[];
  readonly input: Input;
}

/** Frames count per party: [party, number of session frames sent in this window]. */
export type FrameCounts = readonly (readonly [PartyId, number])[];

/** Manager → host: simulate all events before `until`. */
export interface Advance {
  readonly type: 'advance';
  readonly window: number;
  readonly until: TimeUs;
  /** Inputs that take effect in this window. */
  readonly inputs: readonly HostInput[];
  /** Session frames that must have arrived before the window may be simulated. */
  readonly sent: FrameCounts;
  /** Messages from parties of other hosts. */
  readonly relay: readonly Envelope[];
  /** Parties that no longer exist. */
  readonly drop: readonly PartyId[];
  /** Ask for the hosts' part of the digest, for every party's saved state. */
  readonly wantDigest: boolean;
  readonly wantState: boolean;
}

/** Host → manager: done up to `until`. */
export interface Report {
  readonly type: 'report';
  readonly window: number;
  readonly until: TimeUs;
  /** Earliest pending event of this host's parties, -1 when there is none. */
  readonly next: number;
  readonly sent: FrameCounts;
  readonly relay: readonly Envelope[];
  /** Events handled so far. */
  readonly events: number;
  /** Two 32-bit words, when asked for. */
  readonly digest?: readonly [number, number];
}

export type TimelineFrame =
  /** Host → manager: all agents' sockets are open (first time), state is loaded (resume). */
  | { readonly type: 'ready' }
  | Advance
  | Report
  /** Saved parties, in chunks; `last` ends the set. Host → manager when wanted, manager → host on resume. */
  | { readonly type: 'state'; readonly window: number; readonly parties: readonly (readonly [PartyId, unknown])[]; readonly last: boolean }
  | { readonly type: 'bye'; readonly reason: string };

/** Result of decoding: never throws on what a peer sent. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly close: CloseReason; readonly reason: string };
