/**
 * The newest changed rows, in a ring. Whatever is derived from columns remembers the sequence number up to which it is in
 * step and catches up row by row, or starts over when it has fallen behind the ring.
 */
export class Journal {
  /** Number of changes so far; also the number of the next one. */
  seq = 0;
  #rows: Int32Array;

  /** @param size – rows remembered, a power of two */
  constructor(size: number) {
    this.#rows = new Int32Array(size);
  }

  push(row: number): void {
    this.#rows[this.seq & (this.#rows.length - 1)] = row;
    this.seq++;
  }

  /** How many changes back the ring reaches. */
  get reach(): number {
    return this.#rows.length;
  }

  /** The row of change number `seq`, which must lie within reach. */
  rowAt(seq: number): number {
    return this.#rows[seq & (this.#rows.length - 1)] ?? 0;
  }
}
