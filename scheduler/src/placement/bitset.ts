/**
 * Sets of node rows as bits of an Int32Array (signed words stay small integers in V8, unsigned ones become doubles).
 * Row r is bit r & 31 of word r >> 5, so walking words upward and bits from the lowest visits rows in ascending order.
 */
export type Bitset = Int32Array;

/** Words needed for rows 0 to count - 1. */
export const wordsFor = (count: number): number => (count + 31) >>> 5;

export function setBit(bits: Bitset, row: number): void {
  bits[row >>> 5] = (bits[row >>> 5] ?? 0) | (1 << (row & 31));
}

export function clearBit(bits: Bitset, row: number): void {
  bits[row >>> 5] = (bits[row >>> 5] ?? 0) & ~(1 << (row & 31));
}

export const hasBit = (bits: Bitset, row: number): boolean => (((bits[row >>> 5] ?? 0) >>> (row & 31)) & 1) === 1;

/** The same set with room for more words. */
export function grown(bits: Bitset, words: number): Bitset {
  const out = new Int32Array(words);
  out.set(bits);
  return out;
}
