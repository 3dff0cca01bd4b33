/**
 * Pending events in the total order (time, lane, party, seq).
 *
 * Near events stand in a binary heap over typed arrays, far ones unsorted in bins of equal width that are poured into the
 * heap when their time comes. So the heap stays small enough for the processor's caches, and an event that is due in some
 * seconds costs an append now and a short way through a small heap later (tests/bench/kernel.bench.ts has the figures). A
 * queue that is small anyway has no bins.
 *
 * The heap moves pairs (time, slot), side by side; the rest of the key stays in the slot and is looked at only when times
 * are equal. A popped event leaves a hole at the top that the next push may fill. A removed event leaves a dead entry
 * behind that is dropped when it comes up, so removal is O(1).
 */
import type { Lane } from './lane.ts';

const INITIAL_CAPACITY = 1024;
/** Parties fit 24 bits, so that lane and party make one 32-bit rank. */
const PARTY_LIMIT = 1 << 24;
const BINS = 1024;
/** Entries that a near bin shall hold: few enough for the first-level cache. */
const BIN_ENTRIES = 1024;
/** Times looked at to find the width of bins. */
const SAMPLE = 1024;

/** Pairs (time, slot) that grow. */
class Entries {
  pairs: Float64Array = new Float64Array(64);
  /** Numbers used: twice the entries. */
  length = 0;

  append(time: number, slot: number): void {
    if (this.length === this.pairs.length) this.pairs = grown(this.pairs);
    this.pairs[this.length++] = time;
    this.pairs[this.length++] = slot;
  }

  appendAll({ pairs, length }: Entries): void {
    for (let i = 0; i < length; i += 2) this.append(pairs[i]!, pairs[i + 1]!);
  }
}

export class EventQueue<T> {
  /** Entry i: time at 2i, slot at 2i + 1. */
  #heap: Float64Array = new Float64Array(2 * INITIAL_CAPACITY);
  #count = 0;
  /** True when the top entry was popped and its place is free. */
  #hole = false;

  /** Events from here on stand in bins; Infinity when there are none. */
  #horizon = Infinity;
  #binStart = 0;
  /** Width of a bin, a power of two, and its reciprocal: products with it are exact. */
  #binWidth = 1;
  #binScale = 1;
  /** Bins before this one have been poured out. */
  #nextBin = 0;
  /** NONE where a bin is empty. */
  #bins: Entries[] = [];
  /** Lists that were poured out, to be filled again. */
  readonly #spare: Entries[] = [];
  /** Beyond the last bin. */
  #beyond = new Entries();
  readonly #spillAt: number;
  /** Events added since the bins were laid out. */
  #pushed = 0;

  /** By slot: rank (lane and party) at 2 × slot, sequence behind it. */
  #key: Float64Array = new Float64Array(2 * INITIAL_CAPACITY);
  /** By slot: what the event carries; undefined marks a dead or free slot. */
  readonly #items: (T | undefined)[] = [];
  #free: Uint32Array = new Uint32Array(INITIAL_CAPACITY);
  #freeCount = 0;
  #alive = 0;

  #popped = 0;
  /** Time of the event that `pop` gave last. */
  time = 0;

  /** @param spillAt – entries in the heap from which on bins are used. */
  constructor(spillAt = 32_768) {
    this.#spillAt = spillAt;
  }

  /** Rest of the key of the event that `pop` gave last; valid until the next call of any method. */
  get lane(): Lane {
    return (this.#key[2 * this.#popped]! >>> 24) as Lane;
  }
  get party(): number {
    return this.#key[2 * this.#popped]! & 0xffffff;
  }
  get seq(): number {
    return this.#key[2 * this.#popped + 1]!;
  }

  /** Events that are pending. */
  get size(): number {
    return this.#alive;
  }

  /** Adds an event; the slot returned identifies it until it is popped or removed. */
  push(time: number, lane: Lane, party: number, seq: number, item: T): number {
    if (party >= PARTY_LIMIT) throw new RangeError(`party ${party} does not fit ${PARTY_LIMIT}`);
    const slot = this.#takeSlot(item);
    this.#key[2 * slot] = ((lane << 24) | party) >>> 0;
    this.#key[2 * slot + 1] = seq;
    this.#alive++;
    this.#pushed++;
    if (time >= this.#horizon) {
      this.#store(time, slot);
      return slot;
    }
    this.#insert(time, slot);
    // Laying out costs one pass over all; doing it only after half as many additions makes that a constant per event.
    if (this.#count > this.#spillAt && 2 * this.#pushed >= this.#alive) this.#layOut();
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
    this.#clean();
    return this.#count > 0 ? this.#heap[0]! : Infinity;
  }

  /** The earliest pending event with time < until, or undefined. Its key is then in time, lane, party and seq. */
  pop(until: number): T | undefined {
    this.#clean();
    if (this.#count === 0) return undefined;
    const time = this.#heap[0]!;
    if (time >= until) return undefined;
    const slot = this.#heap[1]!;
    const item = this.#items[slot]!;
    this.time = time;
    this.#popped = slot;
    this.#items[slot] = undefined;
    this.#alive--;
    this.#freeSlot(slot);
    this.#hole = true;
    return item;
  }

  /** Every pending event with its key, in no particular order. */
  *entries(): IterableIterator<{ time: number; lane: Lane; party: number; seq: number; item: T }> {
    const { pairs, length } = this.#everything();
    for (let i = 0; i < length; i += 2) {
      const slot = pairs[i + 1]!;
      const item = this.#items[slot];
      if (item === undefined) continue;
      const rank = this.#key[2 * slot]!;
      yield { time: pairs[i]!, lane: (rank >>> 24) as Lane, party: rank & 0xffffff, seq: this.#key[2 * slot + 1]!, item };
    }
  }

  /** Makes the top of the heap the earliest pending event. */
  #clean(): void {
    if (this.#hole) {
      this.#hole = false;
      this.#fillTop();
    }
    for (;;) {
      while (this.#count > 0) {
        const slot = this.#heap[1]!;
        if (this.#items[slot] !== undefined) return;
        this.#freeSlot(slot);
        this.#fillTop();
      }
      if (this.#horizon === Infinity) return;
      this.#pour();
    }
  }

  // ---------------------------------------------------------------- bins

  #store(time: number, slot: number): void {
    const bin = Math.floor((time - this.#binStart) * this.#binScale);
    if (bin >= BINS) return this.#beyond.append(time, slot);
    let entries = this.#bins[bin]!;
    if (entries === NONE) this.#bins[bin] = entries = this.#spare.pop() ?? new Entries();
    entries.append(time, slot);
  }

  /** All entries, dead ones included. */
  #everything(): Entries {
    if (this.#hole) {
      this.#hole = false;
      this.#fillTop();
    }
    const all = new Entries();
    all.pairs = this.#heap.slice(0, Math.max(64, 2 * this.#count));
    all.length = 2 * this.#count;
    for (const bin of this.#bins) all.appendAll(bin);
    all.appendAll(this.#beyond);
    return all;
  }

  /** The heap has grown large: lays out bins anew for all there is, so that only the nearest stay in the heap. */
  #layOut(): void {
    const all = this.#everything();
    this.#count = 0;
    this.#sortIntoBins(all);
  }

  /** Lays out bins from the earliest of these entries on and pours out the first. */
  #sortIntoBins(all: Entries): void {
    let first = Infinity;
    for (let i = 0; i < all.length; i += 2) if (all.pairs[i]! < first) first = all.pairs[i]!;
    // Half of the entries lie before the median: so wide that they fill bins as they should.
    const wanted = ((medianTime(all) - first) * BIN_ENTRIES) / Math.max(1, all.length / 4);
    this.#binWidth = 1;
    while (this.#binWidth < wanted) this.#binWidth *= 2;
    this.#binScale = 1 / this.#binWidth;
    this.#binStart = first;
    this.#nextBin = 0;
    this.#pushed = 0;
    this.#horizon = first;
    this.#bins = Array.from({ length: BINS }, () => NONE);
    this.#beyond = new Entries();
    for (let i = 0; i < all.length; i += 2) this.#store(all.pairs[i]!, all.pairs[i + 1]!);
    this.#pour();
  }

  /** Moves the next bin into the heap; after the last one, lays out new bins or does without. */
  #pour(): void {
    if (this.#nextBin === BINS) {
      const beyond = this.#beyond;
      this.#bins = [];
      this.#beyond = new Entries();
      this.#horizon = Infinity;
      if (beyond.length > this.#spillAt / 2) this.#sortIntoBins(beyond);
      else this.#insertAll(beyond);
      return;
    }
    const bin = this.#bins[this.#nextBin]!;
    this.#bins[this.#nextBin] = NONE;
    this.#nextBin++;
    this.#horizon = this.#binStart + this.#nextBin * this.#binWidth;
    this.#insertAll(bin);
    if (bin === NONE) return;
    bin.length = 0;
    this.#spare.push(bin);
  }

  #insertAll({ pairs, length }: Entries): void {
    for (let i = 0; i < length; i += 2) this.#insert(pairs[i]!, pairs[i + 1]!);
  }

  // ---------------------------------------------------------------- heap

  #insert(time: number, slot: number): void {
    if (this.#hole) {
      this.#hole = false;
      this.#siftDown(time, slot);
      return;
    }
    if (2 * this.#count === this.#heap.length) this.#heap = grown(this.#heap);
    this.#siftUp(this.#count++, time, slot);
  }

  /** Puts the last entry in the place of the top one. */
  #fillTop(): void {
    const last = --this.#count;
    if (last > 0) this.#siftDown(this.#heap[2 * last]!, this.#heap[2 * last + 1]!);
  }

  #siftUp(from: number, time: number, slot: number): void {
    const heap = this.#heap;
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      const parentTime = heap[2 * parent]!;
      if (time > parentTime || (time === parentTime && !this.#before(slot, heap[2 * parent + 1]!))) break;
      heap[2 * i] = parentTime;
      heap[2 * i + 1] = heap[2 * parent + 1]!;
      i = parent;
    }
    heap[2 * i] = time;
    heap[2 * i + 1] = slot;
  }

  /** Places an entry from the top downwards. */
  #siftDown(time: number, slot: number): void {
    const heap = this.#heap;
    const count = this.#count;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= count) break;
      let childTime = heap[2 * child]!;
      const right = child + 1;
      if (right < count) {
        const rightTime = heap[2 * right]!;
        if (rightTime < childTime || (rightTime === childTime && this.#before(heap[2 * right + 1]!, heap[2 * child + 1]!))) {
          child = right;
          childTime = rightTime;
        }
      }
      if (time < childTime || (time === childTime && this.#before(slot, heap[2 * child + 1]!))) break;
      heap[2 * i] = childTime;
      heap[2 * i + 1] = heap[2 * child + 1]!;
      i = child;
    }
    heap[2 * i] = time;
    heap[2 * i + 1] = slot;
  }

  /** Order of two events of one instant. A dead entry's key stays in its slot until the entry is dropped. */
  #before(slotA: number, slotB: number): boolean {
    const key = this.#key;
    const rankA = key[2 * slotA]!;
    const rankB = key[2 * slotB]!;
    return rankA < rankB || (rankA === rankB && key[2 * slotA + 1]! < key[2 * slotB + 1]!);
  }

  // ---------------------------------------------------------------- slots

  #takeSlot(item: T): number {
    if (this.#freeCount > 0) {
      const slot = this.#free[--this.#freeCount]!;
      this.#items[slot] = item;
      return slot;
    }
    const slot = this.#items.length;
    this.#items.push(item);
    if (2 * slot === this.#key.length) this.#key = grown(this.#key);
    return slot;
  }

  #freeSlot(slot: number): void {
    if (this.#freeCount === this.#free.length) this.#free = grown(this.#free);
    this.#free[this.#freeCount++] = slot;
  }
}

/** Stands for bins that are empty or have been poured out. */
const NONE = new Entries();

/** The median of a sample of the times. */
function medianTime({ pairs, length }: Entries): number {
  const step = 2 * Math.max(1, Math.floor(length / 2 / SAMPLE));
  const times: number[] = [];
  for (let i = 0; i < length; i += step) times.push(pairs[i]!);
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? 0;
}

function grown<A extends Float64Array | Uint32Array>(old: A): A {
  const larger = new (old.constructor as new (length: number) => A)(2 * old.length);
  larger.set(old);
  return larger;
}
