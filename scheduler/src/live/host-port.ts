/** An agent host as the conductor sees it: something that simulates some of the nodes, window by window. */
import type { DigestWords, Envelope, HostInput, PartyId, SavedParty, TimeUs } from '@paperfleet/core';

/** One window's order. */
export interface WindowOrder {
  readonly until: TimeUs;
  readonly inputs: readonly HostInput[];
  readonly relay: readonly Envelope[];
  readonly wantDigest: boolean;
  readonly wantState: boolean;
}

/** What a host did in a window; not ok when it is gone for good. */
export type WindowResult =
  | {
      readonly ok: true;
      /** Messages to the manager, and to parties of other hosts. */
      readonly toManager: readonly Envelope[];
      readonly relay: readonly Envelope[];
      /** Parties whose own connection was closed for breaking the protocol in this window; nothing of theirs counts. */
      readonly dropped: readonly PartyId[];
      readonly digest: DigestWords | undefined;
      readonly state: readonly SavedParty[] | undefined;
    }
  | { readonly ok: false; readonly reason: string };

export interface HostPort {
  readonly name: string;
  readonly parties: ReadonlySet<PartyId>;
  /** Earliest pending event of its parties, messages on their way to it included; -1 when there is none. */
  next(): number;
  /** Events handled by it so far. */
  readonly events: number;
  /** True while its connection is broken and may yet resume. */
  readonly detached: boolean;
  /** Messages from the manager to its parties; they count for its next window. */
  send(envelopes: readonly Envelope[]): void;
  advance(order: WindowOrder): Promise<WindowResult>;
  close(reason: string): void;
}
