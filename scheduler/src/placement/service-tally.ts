/** Active tasks of one service by node row. Services on many nodes also get an index of rows by that number. */
import { type Bitset, clearBit, grown, setBit } from './bitset.ts';
import { RankIndex } from './rank-index.ts';

/** Below this many nodes a service's rows are sorted when needed; from it on they are kept in an index. */
export const INDEXED_FROM_NODES = 64;

export class ServiceTally {
  /** Number of active tasks, at least 1, by row. */
  readonly counts: Map<number, number> = new Map();
  /** Rows by their number of active tasks; only for services on many nodes. */
  levels: RankIndex | undefined;
  /** All rows of `counts`; present together with `levels`. */
  members: Bitset | undefined;
  #words: number;

  constructor(words: number) {
    this.#words = words;
  }

  countOf(row: number): number {
    return this.counts.get(row) ?? 0;
  }

  grow(words: number): void {
    this.#words = words;
    this.levels?.grow(words);
    if (this.members !== undefined) this.members = grown(this.members, words);
  }

  add(row: number): void {
    const before = this.counts.get(row) ?? 0;
    this.counts.set(row, before + 1);
    if (this.levels === undefined) {
      if (this.counts.size >= INDEXED_FROM_NODES) this.#index();
    } else if (before === 0) {
      this.levels.add(row, 1);
      if (this.members !== undefined) setBit(this.members, row);
    } else this.levels.move(row, before, before + 1);
  }

  remove(row: number): void {
    const before = this.counts.get(row) ?? 0;
    if (before === 0) return;
    if (before > 1) {
      this.counts.set(row, before - 1);
      this.levels?.move(row, before, before - 1);
      return;
    }
    this.#drop(row, before);
  }

  /** Forgets a row and all tasks on it. */
  removeRow(row: number): void {
    const before = this.counts.get(row) ?? 0;
    if (before > 0) this.#drop(row, before);
  }

  #drop(row: number, before: number): void {
    this.counts.delete(row);
    this.levels?.remove(row, before);
    if (this.members !== undefined) clearBit(this.members, row);
    // Half the limit, so that a service at the limit does not build and drop its index with every task.
    if (this.levels !== undefined && this.counts.size < INDEXED_FROM_NODES / 2) {
      this.levels = undefined;
      this.members = undefined;
    }
  }

  #index(): void {
    const levels = new RankIndex(this.#words);
    const members = new Int32Array(this.#words);
    for (const [row, count] of this.counts) {
      levels.add(row, count);
      setBit(members, row);
    }
    this.levels = levels;
    this.members = members;
  }
}
