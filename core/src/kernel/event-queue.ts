/**
 * Pending events in the total order (time, lane, party, seq): a binary heap over typed arrays. A binary heap beats a
 * 4-ary one in V8, and the stable order costs a few per cent (tests/bench/kernel.bench.ts).
 *
 * Keys move with the heap; what an event carries stays in its slot. A removed event leaves a dead entry behind that is
 * dropped when it comes to the top, so removal is O(1).
 */
import type { Lane } from './lane.ts';

const INITIAL_CAPACITY = 1024;
/** Parties fit 24 bits, so that lane and party make one 32-bit rank. */
const PARTY_LIMIT = 1 << 24;

export class EventQueue<T> {
  #time: Float64Array = new Float64Array(INITIAL_CAPACITY);
  #rank: Uint32Array = new Uint32Array(INITIAL_CAPACITY);
  #seq: Float64Array = new Float64Array(INITIAL_CAPACITY);
  #slot: Uint32Array = new Uint32Array(INITIAL_CAPACITY);
  #count = 0;
  /** By slot: what the event carries; undefined marks a dead or free slot. */
  readonly #items: (T | undefined)[] = [];
  #free: Uint32Array = new Uint32Array(INITIAL_CAPACITY);
  #freeCount = 0;
  #alive = 0;

  /** Key of the event that `pop` gave last. */
  time = 0;
  lane = 0;
  party = 0;
  seq = 0;

  /** Events that are pending. */
  get size(): number {
    return this.#alive;
  }

  /** Adds an event; the slot returned identifies it until it is popped or removed. */
  push(time: number, lane: Lane, party: number, seq: number, item: T): number {
    if (party >= PARTY_LIMIT) throw new RangeError(`party ${party} does not fit ${PARTY_LIMIT}`);
    if (this.#count === this.#time.length) this.#grow();
    let slot: number;
    if (this.#freeCount > 0) {
      slot = this.#free[--this.#freeCount]!;
      this.#items[slot] = item;
    } else {
      slot = this.#items.length;
      this.#items.push(item);
    }
    this.#alive++;
    this.#siftUp(this.#count++, time, ((lane << 24) | party) >>> 0, seq, slot);
    return slot;
  }

  /** Takes a pending event out. The caller vouches that the slot is still the event's own. */
  remove(slot: number): T | undefined {
    const item = this.#items[slot];
    if (item !== undefined) {
      this.#items[slot] = undefined;
      this.#alive--;
    }
    return item;
  }

  /** Time of the earliest pending event, Infinity when there is none. */
  nextTime(): number {
    while (this.#count > 0 && this.#items[this.#slot[0]!] === undefined) this.#dropTop();
    return this.#count > 0 ? this.#time[0]! : Infinity;
  }

  /** The earliest pending event with time < until, or undefined. Its key is then in time, lane, party and seq. */
  pop(until: number): T | undefined {
    while (this.#count > 0) {
      const slot = this.#slot[0]!;
      const item = this.#items[slot];
      if (item === undefined) {
        this.#dropTop();
        continue;
      }
      const time = this.#time[0]!;
      if (time >= until) return undefined;
      this.time = time;
      const rank = this.#rank[0]!;
      this.lane = rank >>> 24;
      this.party = rank & 0xffffff;
      this.seq = this.#seq[0]!;
      this.#items[slot] = undefined;
      this.#alive--;
      this.#dropTop();
      return item;
    }
    return undefined;
  }

  /** Every pending event with its key, in no particular order. */
  *entries(): IterableIterator<{ time: number; lane: Lane; party: number; seq: number; item: T }> {
    for (let i = 0; i < this.#count; i++) {
      const item = this.#items[this.#slot[i]!];
      if (item === undefined) continue;
      const rank = this.#rank[i]!;
      yield { time: this.#time[i]!, lane: (rank >>> 24) as Lane, party: rank & 0xffffff, seq: this.#seq[i]!, item };
    }
  }

  #siftUp(from: number, time: number, rank: number, seq: number, slot: number): void {
    const times = this.#time;
    const ranks = this.#rank;
    const seqs = this.#seq;
    const slots = this.#slot;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const parentTime = times[parent]!;
      if (time > parentTime) break;
      if (time === parentTime) {
        const parentRank = ranks[parent]!;
        if (rank > parentRank || (rank === parentRank && seq >= seqs[parent]!)) break;
      }
      times[i] = parentTime;
      ranks[i] = ranks[parent]!;
      seqs[i] = seqs[parent]!;
      slots[i] = slots[parent]!;
      i = parent;
    }
    times[i] = time;
    ranks[i] = rank;
    seqs[i] = seq;
    slots[i] = slot;
  }

  /** Removes the top entry, frees its slot and restores the heap. */
  #dropTop(): void {
    this.#freeSlot(this.#slot[0]!);
    const last = --this.#count;
    if (last === 0) return;
    const times = this.#time;
    const ranks = this.#rank;
    const seqs = this.#seq;
    const slots = this.#slot;
    const time = times[last]!;
    const rank = ranks[last]!;
    const seq = seqs[last]!;
    const slot = slots[last]!;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= last) break;
      const right = child + 1;
      let childTime = times[child]!;
      if (right < last) {
        const rightTime = times[right]!;
        if (rightTime < childTime || (rightTime === childTime && before(ranks[right]!, seqs[right]!, ranks[child]!, seqs[child]!))) {
          child = right;
          childTime = rightTime;
        }
      }
      if (time < childTime || (time === childTime && before(rank, seq, ranks[child]!, seqs[child]!))) break;
      times[i] = childTime;
      ranks[i] = ranks[child]!;
      seqs[i] = seqs[child]!;
      slots[i] = slots[child]!;
      i = child;
    }
    times[i] = time;
    ranks[i] = rank;
    seqs[i] = seq;
    slots[i] = slot;
  }

  #freeSlot(slot: number): void {
    if (this.#freeCount === this.#free.length) {
      const grown = new Uint32Array(this.#free.length * 2);
      grown.set(this.#free);
      this.#free = grown;
    }
    this.#free[this.#freeCount++] = slot;
  }

  #grow(): void {
    const capacity = this.#time.length * 2;
    const time = new Float64Array(capacity);
    const rank = new Uint32Array(capacity);
    const seq = new Float64Array(capacity);
    const slot = new Uint32Array(capacity);
    time.set(this.#time);
    rank.set(this.#rank);
    seq.set(this.#seq);
    slot.set(this.#slot);
    this.#time = time;
    this.#rank = rank;
    this.#seq = seq;
    this.#slot = slot;
  }
}

function before(rankA: number, seqA: number, rankB: number, seqB: number): boolean {
  return rankA < rankB || (rankA === rankB && seqA < seqB);
}
