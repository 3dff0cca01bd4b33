/**
 * What an agent host simulates: its nodes in one timeline, advanced window by window, with all that is needed to go on
 * after a broken connection. No sockets here.
 */
import {
  type Advance,
  encodeEnvelope,
  encodeTimeline,
  type Envelope,
  type HostWelcome,
  MANAGER,
  type PartyFactory,
  type PartyId,
  type SavedParty,
  Timeline,
  type TimeUs,
} from '@paperfleet/core';

/** Saved parties per `state` frame. */
const STATE_CHUNK = 50;

/** What a window brought forth: session frames by agent, then texts of the timeline link in their order. */
export interface FinishedWindow {
  readonly window: number;
  readonly frames: readonly (readonly [PartyId, Uint8Array])[];
  readonly texts: readonly string[];
}

export class HostedWindows {
  readonly #node: PartyFactory;
  #timeline: Timeline | undefined;
  #parties = new Set<PartyId>();
  /** Messages received and not yet counted by an order. */
  readonly #inbox = new Map<PartyId, Envelope[]>();
  #order: Advance | undefined;
  #last: FinishedWindow = { window: 0, frames: [], texts: [] };
  /** Where the last window began (the end of the one before) and ended. */
  #start = 0;
  #end = 0;

  constructor(node: PartyFactory) {
    this.#node = node;
  }

  get parties(): readonly PartyId[] {
    return [...this.#parties];
  }
  /** The last window, kept until the next in case the manager did not get all of it. */
  get last(): FinishedWindow {
    return this.#last;
  }

  /** A new attachment: starts over, unless the manager says to keep what there is. */
  begin(welcome: HostWelcome): void {
    this.interrupt();
    if (welcome.begin === 'keep') return;
    this.#parties = new Set(welcome.parties.map(({ party }) => party));
    this.#timeline = new Timeline(welcome.header, { node: this.#node });
    this.#last = { window: welcome.window, frames: [], texts: [] };
    this.#start = 0;
    this.#end = 0;
  }

  /** Saved nodes that this host takes over. */
  restore(parties: readonly (readonly [PartyId, unknown])[]): void {
    for (const [, saved] of parties) this.#timeline?.restoreParty(saved as SavedParty, 0 as TimeUs);
  }

  /** The connection broke: what belongs to an unfinished window will come again. */
  interrupt(): void {
    this.#inbox.clear();
    this.#order = undefined;
  }

  /** A message from the manager; returns the window that it completes, if any. */
  onEnvelope(envelope: Envelope): FinishedWindow | undefined {
    const inbox = this.#inbox.get(envelope.to);
    if (inbox === undefined) this.#inbox.set(envelope.to, [envelope]);
    else inbox.push(envelope);
    return this.#order === undefined ? undefined : this.#proceed();
  }

  /** An order; returns its window once simulated, the last one again when the manager asks for it again. */
  onAdvance(order: Advance): FinishedWindow | undefined {
    if (order.window <= this.#last.window) return this.#last;
    this.#order = order;
    return this.#proceed();
  }

  /** Simulates the ordered window once every message that it counts is here. */
  #proceed(): FinishedWindow | undefined {
    const order = this.#order;
    const timeline = this.#timeline;
    if (order === undefined || timeline === undefined) return undefined;
    for (const [party, count] of order.sent) if ((this.#inbox.get(party)?.length ?? 0) < count) return undefined;
    this.#order = undefined;
    for (const party of order.drop) {
      timeline.disown(party, this.#start as TimeUs);
      this.#parties.delete(party);
    }
    for (const [party, count] of order.sent) {
      for (const envelope of this.#inbox.get(party)?.splice(0, count) ?? []) timeline.deliver(envelope);
    }
    for (const input of order.inputs) timeline.inject(input);
    for (const envelope of order.relay) timeline.deliver(envelope);
    timeline.runUntil(order.until);
    this.#start = this.#end;
    this.#end = order.until;
    this.#last = account(order, timeline);
    return this.#last;
  }
}

/** Frames, state if wanted, and the report that counts the frames. */
function account(order: Advance, timeline: Timeline): FinishedWindow {
  const frames: (readonly [PartyId, Uint8Array])[] = [];
  const relay: Envelope[] = [];
  const counts = new Map<PartyId, number>();
  for (const envelope of timeline.takeOutbox()) {
    if (envelope.to !== MANAGER) {
      relay.push(envelope);
      continue;
    }
    frames.push([envelope.from, encodeEnvelope(envelope)]);
    counts.set(envelope.from, (counts.get(envelope.from) ?? 0) + 1);
  }
  const texts = order.wantState ? stateFrames(order.window, timeline.saveParties()) : [];
  texts.push(
    encodeTimeline({
      type: 'report',
      window: order.window,
      until: order.until,
      next: timeline.next(),
      sent: [...counts],
      relay,
      events: timeline.events,
      ...(order.wantDigest ? { digest: timeline.digest() } : {}),
    }),
  );
  return { window: order.window, frames, texts };
}

function stateFrames(window: number, saved: readonly SavedParty[]): string[] {
  const texts: string[] = [];
  for (let i = 0; i === 0 || i < saved.length; i += STATE_CHUNK) {
    const parties = saved.slice(i, i + STATE_CHUNK).map((party) => [party.id, party] as const);
    texts.push(encodeTimeline({ type: 'state', window, parties, last: i + STATE_CHUNK >= saved.length }));
  }
  return texts;
}
