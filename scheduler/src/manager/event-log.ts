/**
 * The event list: a bounded ring of what happened and why. Each event names the event that led to it (`cause`), so that
 * "why" walks from an effect back to a command, a fault or the exit of a container.
 *
 * A batch of like events (100,000 placements) is one entry that makes its events when somebody looks.
 */
import { assert, type ClusterEvent } from '@paperfleet/core';
import type { EventLogView } from '../store/view.ts';

export type NewEvent = Omit<ClusterEvent, 'id' | 'at'>;
/** Makes event number `index` of a batch. Pure: it may be called late, more than once or never. */
export type EventMaker = (index: number) => NewEvent;

interface Batch {
  readonly first: number;
  readonly at: ClusterEvent['at'];
  readonly make: EventMaker;
}

export interface SavedEventLog {
  readonly lastId: number;
  readonly events: readonly ClusterEvent[];
}

export class EventLog implements EventLogView {
  readonly #ring: (ClusterEvent | Batch | undefined)[];
  readonly #now: () => ClusterEvent['at'];
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  #lastId = 0;

  constructor(capacity: number, now: () => ClusterEvent['at'], saved?: SavedEventLog) {
    this.#ring = new Array<undefined>(capacity).fill(undefined);
    this.#now = now;
    if (saved === undefined) return;
    this.#lastId = saved.lastId;
    for (const event of saved.events) this.#ring[event.id % capacity] = event;
  }

  get lastId(): number {
    return this.#lastId;
  }

  get firstId(): number {
    return Math.max(1, this.#lastId - this.#ring.length + 1);
  }

  /** Adds an event now and returns its id. */
  add(event: NewEvent): number {
    const id = ++this.#lastId;
    const full: ClusterEvent = { id, at: this.#now(), ...event };
    this.#ring[id % this.#ring.length] = full;
    for (const listener of this.#listeners) listener(full);
    return id;
  }

  /** Adds `count` events now; returns the id of the first, the others follow. */
  addBatch(count: number, make: EventMaker): number {
    const first = this.#lastId + 1;
    const capacity = this.#ring.length;
    const batch: Batch = { first, at: this.#now(), make };
    this.#lastId += count;
    for (let id = Math.max(first, this.#lastId - capacity + 1); id <= this.#lastId; id++) this.#ring[id % capacity] = batch;
    if (this.#listeners.size > 0) {
      for (let id = first; id <= this.#lastId; id++) {
        const event = this.get(id) ?? expand(batch, id);
        for (const listener of this.#listeners) listener(event);
      }
    }
    return first;
  }

  get(id: number): ClusterEvent | undefined {
    if (id > this.#lastId || id < this.firstId) return undefined;
    const slot = id % this.#ring.length;
    const entry = this.#ring[slot];
    if (entry === undefined || !('make' in entry)) return entry;
    const event = expand(entry, id);
    this.#ring[slot] = event;
    return event;
  }

  newest(limit: number, before: number = this.#lastId + 1): readonly ClusterEvent[] {
    const last = Math.min(before - 1, this.#lastId);
    const found: ClusterEvent[] = [];
    for (let id = Math.max(this.firstId, last - limit + 1); id <= last; id++) {
      const event = this.get(id);
      if (event !== undefined) found.push(event);
    }
    return found;
  }

  about(subject: string, limit: number): readonly ClusterEvent[] {
    const colon = subject.indexOf(':');
    const kind = subject.slice(0, colon);
    const name = subject.slice(colon + 1);
    const found: ClusterEvent[] = [];
    if (kind !== 'node' && kind !== 'service' && kind !== 'task') return found;
    for (let id = this.#lastId; id >= this.firstId && found.length < limit; id--) {
      const event = this.get(id);
      if (event !== undefined && event[kind] === name) found.push(event);
    }
    return found.reverse();
  }

  watch(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  save(): SavedEventLog {
    const events = this.newest(this.#ring.length);
    assert(events.length <= this.#ring.length, 'more events than the ring holds');
    return { lastId: this.#lastId, events: [...events] };
  }
}

function expand(batch: Batch, id: number): ClusterEvent {
  return { id, at: batch.at, ...batch.make(id - batch.first) };
}
