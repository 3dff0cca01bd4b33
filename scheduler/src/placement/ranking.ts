/**
 * The nodes that may take a task, best first, without looking at the others. SwarmKit's order: fewer recent failures once a
 * node has at least MAX_FAILURES of them, fewer active tasks of the service, fewer active tasks in all; ties: lower row.
 *
 * Nodes without tasks of the service come straight from the index by total, a bucket at a time; nodes with some from the
 * service's own index crossed with it, or, while they are few, by sorting them.
 */
import type { Bitset } from './bitset.ts';
import { clearBit, hasBit, setBit } from './bitset.ts';
import type { NodeSet } from './node-set.ts';
import type { Bucket } from './rank-index.ts';
import type { ServiceTally } from './service-tally.ts';
import type { Workspace } from './workspace.ts';

/** What the order of nodes depends on, for one service and instant. */
export interface RankBasis {
  readonly nodes: NodeSet;
  readonly tally: ServiceTally | undefined;
  /** Rows with enough failures to count, with their number. */
  readonly failing: ReadonlyMap<number, number> | undefined;
}

/** Effective failures of a row: 0 below the threshold. */
export const failuresOf = ({ failing }: RankBasis, row: number): number => failing?.get(row) ?? 0;

/** Appends to `out` rows that are in all of a, b and not in c, ascending, up to `limit` in all. Returns the new count. */
function take(a: Bitset, b: Bitset, c: Bitset, out: Int32Array, from: number, limit: number): number {
  let count = from;
  for (let w = 0; w < a.length; w++) {
    let word = (a[w] ?? 0) & (b[w] ?? 0) & ~(c[w] ?? 0);
    while (word !== 0) {
      out[count++] = (w << 5) + 31 - Math.clz32(word & -word);
      if (count === limit) return count;
      word &= word - 1;
    }
  }
  return count;
}

/** The same with one more set to be in. */
function takeCrossed(a: Bitset, a2: Bitset, b: Bitset, c: Bitset, out: Int32Array, from: number, limit: number): number {
  let count = from;
  for (let w = 0; w < a.length; w++) {
    let word = (a[w] ?? 0) & (a2[w] ?? 0) & (b[w] ?? 0) & ~(c[w] ?? 0);
    while (word !== 0) {
      out[count++] = (w << 5) + 31 - Math.clz32(word & -word);
      if (count === limit) return count;
      word &= word - 1;
    }
  }
  return count;
}

function sortedRows(rows: number[], basis: RankBasis): number[] {
  const { nodes, tally } = basis;
  return rows.sort(
    (a, b) =>
      failuresOf(basis, a) - failuresOf(basis, b) ||
      (tally?.countOf(a) ?? 0) - (tally?.countOf(b) ?? 0) ||
      (nodes.tasksTotal[a] ?? 0) - (nodes.tasksTotal[b] ?? 0) ||
      a - b,
  );
}

/**
 * Writes the best `limit` rows of `pass`, best first, into `out` (which must have room). Returns how many there are.
 * @param feasible – number of rows in `pass`; lets the search end early
 */
export function rank(basis: RankBasis, pass: Bitset, feasible: number, limit: number, work: Workspace, out: Int32Array): number {
  const { tally, failing } = basis;
  const most = Math.min(limit, feasible);
  if (most <= 0) return 0;
  if (failing === undefined) return rankSound(basis, pass, tally?.members ?? mark(tally, work), work.zeros, most, out, work);
  // Failing nodes are set aside, and come last.
  const aside = new Int32Array(pass.length);
  for (const row of failing.keys()) setBit(aside, row);
  const excluded = (tally?.members ?? mark(tally, work)).map((word, w) => word | (aside[w] ?? 0));
  let count = rankSound(basis, pass, excluded, aside, most, out, work);
  for (const row of sortedRows(
    [...failing.keys()].filter((failed) => hasBit(pass, failed)),
    basis,
  )) {
    if (count === most) break;
    out[count++] = row;
  }
  return count;
}

/** Marks the rows of a small service; unmarked again by rankSound. */
function mark(tally: ServiceTally | undefined, work: Workspace): Bitset {
  if (tally === undefined) return work.zeros;
  for (const row of tally.counts.keys()) setBit(work.marks, row);
  return work.marks;
}

/** Rows that are not failing. `excluded`: rows with tasks of the service, and failing ones. */
function rankSound(
  basis: RankBasis,
  pass: Bitset,
  excluded: Bitset,
  aside: Bitset,
  limit: number,
  out: Int32Array,
  work: Workspace,
): number {
  const { nodes, tally } = basis;
  let count = 0;
  // A service on every node leaves nothing to find here.
  const free = tally === undefined || tally.counts.size < nodes.size ? nodes.byTotal.first : undefined;
  for (let bucket = free; bucket !== undefined && count < limit; bucket = bucket.next) {
    count = take(bucket.bits, pass, excluded, out, count, limit);
  }
  if (tally === undefined) return count;
  if (tally.levels === undefined) {
    const rows: number[] = [];
    for (const row of tally.counts.keys()) {
      clearBit(work.marks, row);
      if (count < limit && hasBit(pass, row) && !hasBit(aside, row)) rows.push(row);
    }
    for (const row of sortedRows(rows, basis)) {
      if (count === limit) break;
      out[count++] = row;
    }
    return count;
  }
  for (let level: Bucket | undefined = tally.levels.first; level !== undefined && count < limit; level = level.next) {
    for (let bucket = nodes.byTotal.first; bucket !== undefined && count < limit; bucket = bucket.next) {
      // A node with so many tasks of the service has at least as many in all.
      if (bucket.value >= level.value) count = takeCrossed(bucket.bits, level.bits, pass, aside, out, count, limit);
    }
  }
  return count;
}
