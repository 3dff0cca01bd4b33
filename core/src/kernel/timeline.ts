/**
 * A timeline runs parties: it holds their pending events in one queue and hands them out in the total order. A run is one
 * timeline, or several that exchange envelopes at barriers (windows); the outcome is the same, because an event's key
 * (time, lane, originating party, that party's sequence) does not depend on who else shares the queue.
 */
import { assert } from '../errors.ts';
import type { Input, RunHeader } from '../model/input.ts';
import type { Envelope, HostInput } from '../protocol/frame.ts';
import type { Message } from '../protocol/message.ts';
import type { DurationUs, PartyId, TimeUs } from '../units.ts';
import { addDigests, DigestChain, type DigestWords, EMPTY_DIGEST } from './digest.ts';
import { EventQueue } from './event-queue.ts';
import { LANE, type Lane } from './lane.ts';
import { Directory, Links, type SavedLinks } from './links.ts';
import {
  MANAGER,
  OUTSIDE,
  type Party,
  type PartyFactory,
  type PartyInit,
  type PartyPorts,
  type TimerEvent,
  type TimerId,
} from './party.ts';
import { deriveKey, RandomStream, type Rng, type RngKey, type RngState, rootKey } from './rng.ts';

/** How parties are made. A timeline without a manager factory cannot host the manager. */
export interface Factories {
  readonly manager?: PartyFactory;
  readonly node: PartyFactory;
}

type Item =
  | { readonly kind: 'timer'; readonly resident: Resident; readonly event: TimerEvent }
  | { readonly kind: 'message'; readonly resident: Resident; readonly from: PartyId; readonly sentAt: TimeUs; readonly message: Message }
  | { readonly kind: 'input'; readonly resident: Resident; readonly input: Input }
  | { readonly kind: 'spawn'; readonly resident: Resident }
  | { readonly kind: 'vanish'; readonly resident: Resident };

/** A pending event of a saved party: time, lane, origin, seq and what it carries. */
type SavedEvent = readonly [
  number,
  Lane,
  number,
  number,
  (
    | { readonly kind: 'timer'; readonly event: TimerEvent }
    | { readonly kind: 'message'; readonly from: PartyId; readonly sentAt: TimeUs; readonly message: Message }
    | { readonly kind: 'input'; readonly input: Input }
  ),
];

/** Everything there is of a party at an instant; plain data but for typed arrays in messages (protocol/json.ts writes those). */
export interface SavedParty {
  readonly id: PartyId;
  readonly init: PartyInit;
  readonly seq: number;
  readonly chain: readonly [number, number, number];
  readonly streams: readonly (readonly [string, RngState])[];
  readonly links: SavedLinks;
  readonly events: readonly SavedEvent[];
  readonly state: unknown;
}

/** Everything there is of a run at a barrier. */
export interface SavedTimeline {
  readonly at: TimeUs;
  readonly events: number;
  readonly parties: readonly SavedParty[];
}

/** Spreads a journal entry over the parties it reaches without ties: 2^21 parties at most. */
const INPUT_STRIDE = 2097152;

export class Timeline {
  readonly header: RunHeader;
  readonly directory: Directory;
  readonly #factories: Factories;
  readonly #root: RngKey;
  readonly #queue = new EventQueue<Item>();
  readonly #residents = new Map<number, Resident>();
  /** Messages for parties that are not here, in the order sent; the shell takes them at the barrier. */
  #outbox: Envelope[] = [];
  #now = 0;
  #events = 0;
  readonly #disowned = new Map<number, TimeUs>();
  /** Called after each event when set: invariant checkers of simulation runs. */
  afterEvent: ((at: TimeUs, party: PartyId) => void) | undefined;

  constructor(header: RunHeader, factories: Factories) {
    this.header = header;
    this.#factories = factories;
    this.#root = rootKey(header.seed);
    this.directory = new Directory(header.config);
  }

  /** Instant of the newest event handled. */
  get now(): TimeUs {
    return this.#now as TimeUs;
  }
  /** Events handled so far. */
  get events(): number {
    return this.#events;
  }
  /** Which fault points are armed is a matter of the run, not of a party. */
  get faultPointKey(): RngKey {
    return this.#root;
  }
  get size(): number {
    return this.#queue.size;
  }

  has(party: PartyId): boolean {
    return this.#residents.get(party)?.party !== undefined;
  }
  parties(): PartyId[] {
    return ([...this.#residents.keys()] as PartyId[]).filter((party) => this.has(party));
  }
  /** The party itself, for reading. */
  party(id: PartyId): Party | undefined {
    return this.#residents.get(id)?.party;
  }

  /** Instant of the earliest pending event, -1 when nothing is pending. */
  next(): number {
    const time = this.#queue.nextTime();
    return time === Infinity ? -1 : time;
  }

  /** Makes the manager at the start of a run. */
  createManager(): Party {
    const resident = this.#admit(MANAGER, { kind: 'manager', config: this.header.config });
    this.#bear(resident, undefined);
    return resident.party!;
  }

  /** Handles every event before `until`. */
  runUntil(until: number): void {
    const queue = this.#queue;
    for (;;) {
      const item = queue.pop(until);
      if (item === undefined) break;
      this.#now = queue.time;
      this.#events++;
      this.#dispatch(item, queue.seq);
    }
  }

  /** Handles the earliest event if it comes before `until`; false when there was none. */
  stepOne(until: number): boolean {
    const item = this.#queue.pop(until);
    if (item === undefined) return false;
    this.#now = this.#queue.time;
    this.#events++;
    this.#dispatch(item, this.#queue.seq);
    return true;
  }

  /** Puts an input before the parties that are here. Everybody learns of joins (and losses), wherever the node is simulated. */
  inject(entry: HostInput): void {
    const { input, at, seq } = entry;
    if (input.kind === 'join') this.directory.learn(input.party, input.offer);
    for (const party of entry.parties) {
      const key = seq * INPUT_STRIDE + party;
      if (input.kind === 'join' && party === input.party) {
        // Admitted now, born at its instant: what is sent to it before then waits for it.
        const resident = this.#admit(party, { kind: 'node', join: input, config: this.header.config });
        this.#queue.push(at, LANE.fault, OUTSIDE, key, { kind: 'spawn', resident });
        continue;
      }
      const resident = this.#residents.get(party);
      if (resident === undefined) continue;
      if (input.kind === 'lost' && input.parties.includes(party))
        this.#queue.push(input.since, LANE.fault, OUTSIDE, key, { kind: 'vanish', resident });
      else this.#queue.push(at, LANE.fault, OUTSIDE, key, { kind: 'input', resident, input });
    }
  }

  /** Takes a message from a party that is elsewhere. False when its receiver is not here. */
  deliver(envelope: Envelope): boolean {
    const resident = this.#residents.get(envelope.to);
    if (resident === undefined) return false;
    assert(envelope.arriveAt >= this.#now, 'a message arrived in the past of its receiver', { envelope, now: this.#now });
    this.#enqueue(resident, envelope);
    return true;
  }

  /** Hands over the messages for parties elsewhere. */
  takeOutbox(): Envelope[] {
    const taken = this.#outbox;
    if (taken.length > 0) this.#outbox = [];
    return taken;
  }

  /**
   * Takes a party out: it vanished, or it moves to another timeline. Its chain leaves with it, since the last words of a
   * process that died are unknown to everybody else; the loss itself is in the manager's chain.
   */
  remove(party: PartyId): void {
    const resident = this.#residents.get(party);
    if (resident === undefined) return;
    resident.alive = false;
    this.#residents.delete(party);
  }

  /** Takes a party out as of an instant that its neighbours here have passed: what it sent since then never was. */
  disown(party: PartyId, since: TimeUs): void {
    this.remove(party);
    this.#disowned.set(party, since);
  }

  /** The digest's part of the parties here. */
  digest(): DigestWords {
    let words = EMPTY_DIGEST;
    for (const resident of this.#residents.values()) {
      if (resident.party !== undefined) words = addDigests(words, resident.chain.words(resident.id));
    }
    return words;
  }

  saveParties(): SavedParty[] {
    const events = new Map<number, SavedEvent[]>();
    for (const { time, lane, party, seq, item } of this.#queue.entries()) {
      if (!item.resident.alive) continue;
      assert(item.kind !== 'spawn' && item.kind !== 'vanish', 'parties are saved between joins and losses only');
      const id = item.resident.id;
      let list = events.get(id);
      if (list === undefined) events.set(id, (list = []));
      const payload =
        item.kind === 'timer'
          ? { kind: item.kind, event: item.event }
          : item.kind === 'message'
            ? { kind: item.kind, from: item.from, sentAt: item.sentAt, message: item.message }
            : { kind: item.kind, input: item.input };
      list.push([time, lane, party, seq, payload]);
    }
    const born = [...this.#residents.values()].filter((resident) => resident.party !== undefined);
    return born.map((resident) => resident.save((events.get(resident.id) ?? []).sort(bySavedKey)));
  }

  /** The whole state at a barrier (no spawn or vanish may be pending). */
  save(at: TimeUs): SavedTimeline {
    return { at, events: this.#events, parties: this.saveParties() };
  }

  restore(saved: SavedTimeline): void {
    this.#now = saved.at;
    this.#events = saved.events;
    for (const party of saved.parties) this.restoreParty(party, saved.at);
  }

  /** Learns of a node that is simulated elsewhere, so that messages to it take the right time. */
  learn(party: SavedParty): void {
    if (party.init.kind === 'node') this.directory.learn(party.id, party.init.join.offer);
  }

  /** Puts a saved party here; it goes on exactly as it would have elsewhere. */
  restoreParty(saved: SavedParty, at: TimeUs): void {
    this.#now = Math.max(this.#now, at);
    if (saved.init.kind === 'node') this.directory.learn(saved.id, saved.init.join.offer);
    const resident = this.#admit(saved.id, saved.init);
    resident.restore(saved);
    this.#bear(resident, saved.state);
    for (const [time, lane, origin, seq, payload] of saved.events) {
      const slot = this.#queue.push(time, lane, origin, seq, { ...payload, resident });
      if (payload.kind === 'timer') resident.timers.set(seq, slot);
    }
  }

  /** Gives a party its place and ports; it exists from `#bear` on. */
  #admit(id: PartyId, init: PartyInit): Resident {
    assert(!this.#residents.has(id), 'a party is created twice', { party: id });
    const resident = new Resident(id, init, this.#root, this.directory, this, this.header.config.faultPointPermille ?? 0);
    this.#residents.set(id, resident);
    return resident;
  }

  #bear(resident: Resident, saved: unknown): void {
    const factory = resident.init.kind === 'manager' ? this.#factories.manager : this.#factories.node;
    assert(factory !== undefined, 'this timeline has no factory for such a party', { kind: resident.init.kind });
    resident.party = factory(resident, resident.init, saved);
  }

  #dispatch(item: Item, seq: number): void {
    const { resident } = item;
    if (!resident.alive) return;
    switch (item.kind) {
      case 'timer':
        resident.timers.delete(seq);
        resident.party!.onTimer(item.event, seq);
        break;
      case 'message':
        if (this.#disowned.size > 0 && item.sentAt >= (this.#disowned.get(item.from) ?? Infinity)) return;
        resident.party?.onMessage(item.from, item.sentAt, item.message);
        break;
      case 'input': {
        const { input } = item;
        if (input.kind === 'fault' && input.fault.fault === 'link' && input.parties.includes(resident.id)) {
          resident.links.setFault(input.fault.peers, input.fault.link);
        }
        resident.party?.onInput(input);
        break;
      }
      case 'spawn':
        this.#bear(resident, undefined);
        break;
      case 'vanish':
        this.remove(resident.id);
        break;
    }
    if (this.afterEvent !== undefined) this.afterEvent(this.#now as TimeUs, resident.id);
  }

  /** Used by residents. */
  schedule(resident: Resident, due: TimeUs, lane: Lane, seq: number, event: TimerEvent): number {
    assert(due >= this.#now, 'a timer is armed in the past', { due, now: this.#now, event: event.type });
    return this.#queue.push(due, lane, resident.id, seq, { kind: 'timer', resident, event });
  }
  /** Used by residents. */
  unschedule(slot: number): void {
    this.#queue.remove(slot);
  }
  /** Used by residents. */
  post(envelope: Envelope): void {
    const resident = this.#residents.get(envelope.to);
    if (resident !== undefined) this.#enqueue(resident, envelope);
    else this.#outbox.push(envelope);
  }

  #enqueue(resident: Resident, { arriveAt, from, seq, sentAt, message }: Envelope): void {
    this.#queue.push(arriveAt, LANE.transport, from, seq, { kind: 'message', resident, from, sentAt, message });
  }
}

function bySavedKey(a: SavedEvent, b: SavedEvent): number {
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2] || a[3] - b[3];
}

/** A party in a timeline: its ports, counters, streams, links and chain. */
class Resident implements PartyPorts {
  readonly id: PartyId;
  readonly init: PartyInit;
  readonly chain: DigestChain = new DigestChain();
  readonly links: Links;
  /** Slots of armed timers by their sequence. */
  readonly timers: Map<number, number> = new Map();
  alive = true;
  party: Party | undefined;
  readonly #timeline: Timeline;
  readonly #key: RngKey;
  readonly #streams = new Map<string, RandomStream>();
  readonly #faultPointPermille: number;
  #seq = 0;

  constructor(id: PartyId, init: PartyInit, root: RngKey, directory: Directory, timeline: Timeline, faultPointPermille: number) {
    this.id = id;
    this.init = init;
    this.#timeline = timeline;
    this.#key = deriveKey(root, `party/${id}`);
    this.links = new Links(id, directory);
    this.#faultPointPermille = faultPointPermille;
  }

  now(): TimeUs {
    return this.#timeline.now;
  }

  at(due: TimeUs, lane: Lane, event: TimerEvent): TimerId {
    const seq = ++this.#seq;
    this.timers.set(seq, this.#timeline.schedule(this, due, lane, seq, event));
    return seq;
  }

  in(span: DurationUs, lane: Lane, event: TimerEvent): TimerId {
    return this.at((this.#timeline.now + span) as TimeUs, lane, event);
  }

  cancel(timer: TimerId): boolean {
    const slot = this.timers.get(timer);
    if (slot === undefined) return false;
    this.timers.delete(timer);
    this.#timeline.unschedule(slot);
    return true;
  }

  send(to: PartyId, message: Message): void {
    const sentAt = this.#timeline.now;
    for (const arriveAt of this.links.arrivals(to, sentAt, this.#linkStream)) {
      this.#timeline.post({ from: this.id, to, seq: ++this.#seq, sentAt, arriveAt: arriveAt as TimeUs, message });
    }
  }

  rng(label: string): Rng {
    let stream = this.#streams.get(label);
    if (stream === undefined) {
      stream = new RandomStream(deriveKey(this.#key, label));
      this.#streams.set(label, stream);
    }
    return stream;
  }

  faultPoint(name: string): boolean {
    if (this.#faultPointPermille === 0) return false;
    // Armed by the name and the run's seed alone: the same sites are live in every party of a run.
    const armed = deriveKey(this.#timeline.faultPointKey, `fault-point/${name}`)[0] % 4 === 0;
    return armed && this.rng('fault-points').chance(this.#faultPointPermille, 1000);
  }

  record(code: number, subject: string, a = 0, b = 0): void {
    this.chain.add(this.#timeline.now, code, subject, a, b);
  }

  save(events: readonly SavedEvent[]): SavedParty {
    return {
      id: this.id,
      init: this.init,
      seq: this.#seq,
      chain: this.chain.save(),
      streams: [...this.#streams].map(([label, stream]) => [label, stream.save()] as const),
      links: this.links.save(),
      events,
      state: this.party!.save(),
    };
  }

  restore(saved: SavedParty): void {
    this.#seq = saved.seq;
    this.chain.restore(saved.chain);
    this.links.restore(saved.links);
    for (const [label, state] of saved.streams) (this.rng(label) as RandomStream).restore(state);
  }

  readonly #linkStream = (): Rng => this.rng('links');
}
