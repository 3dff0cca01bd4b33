/**
 * Who has joined: party numbers and node names, derived from the inputs so far, so that a machine that comes back under
 * its key keeps its name and a restart deals the same numbers.
 */
import { FIRST_NODE, type JournaledInput, type NodeOffer, type PartyAssignment, type PartyId } from '@paperfleet/core';

export class Membership {
  #nextParty: number = FIRST_NODE;
  readonly #names = new Map<string, string>();
  readonly #taken = new Set<string>();
  /** Live parties by key. */
  readonly #present = new Map<string, PartyAssignment>();
  #nextName = 1;

  constructor(inputs: readonly JournaledInput[]) {
    for (const { input } of inputs) {
      if (input.kind === 'join') this.#note({ party: input.party, name: input.name, key: input.key, offer: input.offer });
      else if (input.kind === 'lost') this.lost(input.parties);
    }
  }

  /** Deals party numbers and names for a host's machines: `host/0`, `host/1`, … */
  assign(host: string, offers: readonly NodeOffer[]): PartyAssignment[] {
    return offers.map((offer, index) => {
      const key = `${host}/${index}`;
      const name = this.#names.get(key) ?? this.#freshName();
      const party = this.#nextParty as PartyId;
      const description = { ...offer.description, hostname: name, address: addressOf(party) };
      const assignment: PartyAssignment = { party, name, key, offer: { ...offer, description } };
      this.#note(assignment);
      return assignment;
    });
  }

  /** The present parties of a host, by its name. */
  ofHost(host: string): PartyAssignment[] {
    return [...this.#present.values()].filter(({ key }) => hostOf(key) === host);
  }

  /** Names of hosts that have present parties. */
  hosts(): string[] {
    return [...new Set([...this.#present.keys()].map(hostOf))];
  }

  lost(parties: readonly PartyId[]): void {
    const gone = new Set(parties);
    for (const [key, { party }] of this.#present) if (gone.has(party)) this.#present.delete(key);
  }

  #note(assignment: PartyAssignment): void {
    this.#nextParty = Math.max(this.#nextParty, assignment.party + 1);
    this.#names.set(assignment.key, assignment.name);
    this.#taken.add(assignment.name);
    this.#present.set(assignment.key, assignment);
  }

  #freshName(): string {
    while (this.#taken.has(`n${this.#nextName}`)) this.#nextName++;
    const name = `n${this.#nextName}`;
    this.#taken.add(name);
    return name;
  }
}

/** An address of 10.0.0.0/8, as a data centre deals them. */
const addressOf = (party: PartyId): string => `10.${(party >>> 16) & 255}.${(party >>> 8) & 255}.${party & 255}`;

/** The host's name in a node's key. */
export const hostOf = (key: string): string => key.slice(0, key.lastIndexOf('/'));
