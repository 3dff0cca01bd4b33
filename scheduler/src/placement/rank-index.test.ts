import { describe, expect, test } from 'vitest';
import { hasBit } from './bitset.ts';
import { RankIndex } from './rank-index.ts';
import { INDEXED_FROM_NODES, ServiceTally } from './service-tally.ts';

/** Rows by number, in the order of the buckets. */
function contents(index: RankIndex): [number, number[]][] {
  const out: [number, number[]][] = [];
  for (let bucket = index.first; bucket !== undefined; bucket = bucket.next) {
    const { bits, value, count } = bucket;
    const rows = Array.from({ length: bits.length * 32 }, (_, row) => row).filter((row) => hasBit(bits, row));
    expect(rows.length).toBe(count);
    expect(bucket.next?.prev ?? bucket).toBe(bucket);
    out.push([value, rows]);
  }
  return out;
}

test('keeps buckets ascending while rows move, and empty ones out', () => {
  const index = new RankIndex(1);
  for (const row of [3, 1, 31]) index.add(row, 0);
  index.move(1, 0, 1);
  index.add(2, 7);
  index.move(3, 0, 1);
  index.move(3, 1, 2);
  expect(contents(index)).toEqual([
    [0, [31]],
    [1, [1]],
    [2, [3]],
    [7, [2]],
  ]);
  index.move(31, 0, 1);
  index.remove(2, 7);
  expect(contents(index)).toEqual([
    [1, [1, 31]],
    [2, [3]],
  ]);
  index.grow(2);
  index.add(63, 0);
  expect(contents(index)[0]).toEqual([0, [63]]);
});

describe('a service tally', () => {
  test('indexes its rows once they are many, and drops the index when they are few', () => {
    const tally = new ServiceTally(4);
    for (let row = 0; row < INDEXED_FROM_NODES - 1; row++) tally.add(row);
    expect(tally.levels).toBeUndefined();
    tally.add(5);
    tally.add(100);
    expect(contents(tally.levels ?? new RankIndex(0)).map(([value, rows]) => [value, rows.length])).toEqual([
      [1, INDEXED_FROM_NODES - 1],
      [2, 1],
    ]);
    for (let row = 0; row < INDEXED_FROM_NODES; row++) tally.remove(row);
    expect(tally.levels).toBeUndefined();
    expect([...tally.counts]).toEqual([
      [5, 1],
      [100, 1],
    ]);
  });
});
