/** A host inside this process: a timeline of its own, advanced at once. For experiments and for tests of the barrier. */
import { type Envelope, type Factories, type PartyId, type RunHeader, Timeline } from '@paperfleet/core';
import type { HostPort, WindowOrder, WindowResult } from './host-port.ts';

export class LocalHost implements HostPort {
  readonly name: string;
  readonly parties: ReadonlySet<PartyId>;
  readonly timeline: Timeline;
  readonly detached: boolean = false;

  constructor(name: string, parties: readonly PartyId[], header: RunHeader, factories: Factories) {
    this.name = name;
    this.parties = new Set(parties);
    this.timeline = new Timeline(header, factories);
  }

  get events(): number {
    return this.timeline.events;
  }

  next(): number {
    return this.timeline.next();
  }

  send(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.timeline.deliver(envelope);
  }

  advance(order: WindowOrder): Promise<WindowResult> {
    for (const input of order.inputs) this.timeline.inject(input);
    for (const envelope of order.relay) this.timeline.deliver(envelope);
    this.timeline.runUntil(order.until);
    const sent = this.timeline.takeOutbox();
    return Promise.resolve({
      ok: true,
      toManager: sent.filter((envelope) => envelope.to === 1),
      relay: sent.filter((envelope) => envelope.to !== 1),
      dropped: [],
      digest: order.wantDigest ? this.timeline.digest() : undefined,
      state: order.wantState ? this.timeline.saveParties() : undefined,
    });
  }

  close(): void {}
}
