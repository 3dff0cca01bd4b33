/**
 * The fabric: what a party's messages meet on their way out. Latency comes from the directory of parties, faults from
 * inputs; both are applied by the sender's kernel, so that a message that is lost never reaches a wire and every copy's
 * instant of arrival is fixed when it is sent.
 */
import type { ClusterConfig, LinkFault } from '../model/input.ts';
import type { NodeOffer } from '../model/node.ts';
import type { PartyId } from '../units.ts';
import type { Rng } from './rng.ts';

const MANAGER_PARTY = 1;
const MILLION = 1_000_000;

/** Where parties are: every timeline learns every join. */
export class Directory {
  readonly #config: ClusterConfig;
  readonly #places = new Map<number, { readonly zone: string; readonly controlLatencyUs: number }>();
  #minimumControl = Infinity;

  constructor(config: ClusterConfig) {
    this.#config = config;
  }

  learn(party: PartyId, offer: NodeOffer): void {
    this.#places.set(party, { zone: offer.zone, controlLatencyUs: offer.controlLatencyUs });
    this.#minimumControl = Math.min(this.#minimumControl, offer.controlLatencyUs);
  }

  forget(party: PartyId): void {
    this.#places.delete(party);
  }

  /** One-way latency without faults, µs. */
  latency(from: PartyId, to: PartyId): number {
    const sender = this.#places.get(from);
    const receiver = this.#places.get(to);
    if (from === MANAGER_PARTY) return receiver?.controlLatencyUs ?? this.#config.controlLatencyUs;
    if (to === MANAGER_PARTY) return sender?.controlLatencyUs ?? this.#config.controlLatencyUs;
    return sender !== undefined && receiver !== undefined && sender.zone === receiver.zone
      ? this.#config.dataLatencyUs
      : this.#config.zoneLatencyUs;
  }

  /**
   * The look-ahead between the manager and everybody else: no message crosses sooner. It only ever shrinks within a
   * run, and a node that joins brings its latency before its first message.
   */
  minimumControlLatency(): number {
    return Math.min(this.#config.controlLatencyUs, this.#minimumControl);
  }
}

interface LinkState {
  fault: LinkFault | undefined;
  lastArrival: number;
}

export interface SavedLinks {
  readonly everywhere: LinkFault | null;
  readonly links: readonly (readonly [number, LinkFault | null, number])[];
}

/** One party's outgoing links. */
export class Links {
  readonly #owner: PartyId;
  readonly #directory: Directory;
  readonly #links = new Map<number, LinkState>();
  #everywhere: LinkFault | undefined;

  constructor(owner: PartyId, directory: Directory) {
    this.#owner = owner;
    this.#directory = directory;
  }

  /** Sets the fault of the links to `peers`, or of all links (and of those not named before) when there are none. */
  setFault(peers: readonly PartyId[], fault: LinkFault): void {
    if (peers.length === 0) {
      this.#everywhere = fault;
      for (const link of this.#links.values()) link.fault = undefined;
      return;
    }
    for (const peer of peers) this.#link(peer).fault = fault;
  }

  /**
   * The instants at which copies of a message sent now arrive: none when it is lost, two when it is duplicated.
   * Draws from `rng` only where a fault asks for it. Order on a link is kept unless its fault says otherwise.
   */
  arrivals(to: PartyId, now: number, rng: () => Rng): readonly number[] {
    const link = this.#link(to);
    const latency = this.#directory.latency(this.#owner, to);
    const fault = link.fault ?? this.#everywhere;
    if (fault === undefined) return [this.#arrive(link, now + latency, true)];
    if (fault.partitioned) return [];
    const random = rng();
    if (fault.lossPpm > 0 && random.chance(fault.lossPpm, MILLION)) return [];
    const copies = fault.duplicatePpm > 0 && random.chance(fault.duplicatePpm, MILLION) ? 2 : 1;
    const arrivals: number[] = [];
    for (let copy = 0; copy < copies; copy++) {
      const extra = fault.delayUs.max > 0 ? random.range(fault.delayUs.min, fault.delayUs.max) : 0;
      arrivals.push(this.#arrive(link, now + latency + extra, !fault.reorder));
    }
    return arrivals;
  }

  save(): SavedLinks {
    return {
      everywhere: this.#everywhere ?? null,
      links: [...this.#links].map(([peer, link]) => [peer, link.fault ?? null, link.lastArrival] as const),
    };
  }

  restore(saved: SavedLinks): void {
    this.#everywhere = saved.everywhere ?? undefined;
    for (const [peer, fault, lastArrival] of saved.links) this.#links.set(peer, { fault: fault ?? undefined, lastArrival });
  }

  #arrive(link: LinkState, at: number, inOrder: boolean): number {
    if (!inOrder) return at;
    link.lastArrival = Math.max(link.lastArrival, at);
    return link.lastArrival;
  }

  #link(peer: PartyId): LinkState {
    let link = this.#links.get(peer);
    if (link === undefined) {
      link = { fault: undefined, lastArrival: 0 };
      this.#links.set(peer, link);
    }
    return link;
  }
}
