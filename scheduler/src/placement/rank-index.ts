/**
 * Rows by a small number each has (its tasks): one bitset per number, linked in ascending order. Moving a row to the next
 * number is O(1); the rows with the smallest numbers, in row order, are found by walking words instead of sorting nodes.
 * Measured against a scan of all nodes it is what makes single decisions independent of the number of nodes.
 */
import { type Bitset, clearBit, grown, setBit } from './bitset.ts';

export interface Bucket {
  readonly value: number;
  /** Rows in it, at least 1. */
  count: number;
  bits: Bitset;
  next: Bucket | undefined;
  prev: Bucket | undefined;
}

export class RankIndex {
  /** The bucket of the smallest number. */
  first: Bucket | undefined;
  #words: number;
  readonly #byValue = new Map<number, Bucket>();
  /** Bitsets of emptied buckets: all zero, so they can be used again as they are. */
  #spare: Bitset[] = [];

  constructor(words: number) {
    this.#words = words;
  }

  /** Makes room for rows up to 32 * words - 1. */
  grow(words: number): void {
    this.#words = words;
    this.#spare = [];
    for (let bucket = this.first; bucket !== undefined; bucket = bucket.next) bucket.bits = grown(bucket.bits, words);
  }

  add(row: number, value: number): void {
    this.#put(row, value, undefined);
  }

  remove(row: number, value: number): void {
    const bucket = this.#byValue.get(value);
    if (bucket !== undefined) this.#take(row, bucket);
  }

  move(row: number, from: number, to: number): void {
    const bucket = this.#byValue.get(from);
    this.#put(row, to, bucket);
    if (bucket !== undefined) this.#take(row, bucket);
  }

  /** `near` is a bucket from which to look for the place of a new one. */
  #put(row: number, value: number, near: Bucket | undefined): void {
    const bucket = this.#byValue.get(value) ?? this.#insert(value, near);
    setBit(bucket.bits, row);
    bucket.count++;
  }

  #take(row: number, bucket: Bucket): void {
    clearBit(bucket.bits, row);
    bucket.count--;
    if (bucket.count > 0) return;
    this.#byValue.delete(bucket.value);
    if (bucket.prev === undefined) this.first = bucket.next;
    else bucket.prev.next = bucket.next;
    if (bucket.next !== undefined) bucket.next.prev = bucket.prev;
    if (this.#spare.length < 64) this.#spare.push(bucket.bits);
  }

  #insert(value: number, near: Bucket | undefined): Bucket {
    let prev: Bucket | undefined = near;
    while (prev !== undefined && prev.value > value) prev = prev.prev;
    let next: Bucket | undefined = prev === undefined ? this.first : prev.next;
    while (next !== undefined && next.value < value) {
      prev = next;
      next = next.next;
    }
    const bucket: Bucket = { value, count: 0, bits: this.#spare.pop() ?? new Int32Array(this.#words), next, prev };
    if (prev === undefined) this.first = bucket;
    else prev.next = bucket;
    if (next !== undefined) next.prev = bucket;
    this.#byValue.set(value, bucket);
    return bucket;
  }
}
