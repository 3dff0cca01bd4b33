/**
 * SwarmKit's counting of rejected nodes: each rejecting filter counts the nodes it rejects, and all counters go back to zero
 * whenever some node passes, so that after a partial fill the sentence speaks of the nodes rejected since the last success.
 */
import type { FeasibleSet } from './feasible-set.ts';
import type { NodeSet } from './node-set.ts';
import { type RankBasis, failuresOf } from './ranking.ts';

export class Rejections {
  readonly #set: FeasibleSet;
  /** By place plus one; made when the first node is rejected, as most decisions reject none. */
  #counts: Int32Array | undefined;
  /** No node was asked again since the candidates were collected. */
  #untouched = true;

  constructor(set: FeasibleSet) {
    this.#set = set;
  }

  /** Asks again whether a node takes one more task, and counts the answer. */
  passes(nodes: NodeSet, row: number, placed: number): boolean {
    const rejecting = this.#set.rejectsAfter(nodes, row, placed);
    if (rejecting === 0) {
      this.#untouched = false;
      this.#counts = undefined;
      return true;
    }
    this.#counts ??= new Int32Array(this.#set.counts.length);
    this.#counts[rejecting] = (this.#counts[rejecting] ?? 0) + 1;
    return false;
  }

  /**
   * The sentence for tasks left over. When no node has passed since the candidates were collected, the nodes rejected then
   * still count; they are only counted here, because few decisions need them.
   */
  message(basis: RankBasis, groupSize: number, leafOf: Int32Array | undefined): string {
    const counts = this.#counts ?? new Int32Array(this.#set.counts.length);
    if (this.#untouched) addCollected(counts, this.#set, basis, groupSize, leafOf);
    return sentence(this.#set, counts);
  }
}

/** `no suitable node (A; B)`: filters by descending count, ties in the order they run. */
function sentence(set: FeasibleSet, counts: Int32Array): string {
  const parts = set.filters
    .map((filter, i) => ({ filter, count: counts[i + 1] ?? 0, i }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count || a.i - b.i)
    .map(({ filter, count }) => filter.explain(count));
  return parts.length === 0 ? 'no suitable node' : `no suitable node (${parts.join('; ')})`;
}

/**
 * Counts as SwarmKit does while it collects candidates, in row order: each leaf keeps the best `groupSize` nodes, and a node
 * that is no better than the worst of a full leaf is not asked at all.
 */
function addCollected(counts: Int32Array, set: FeasibleSet, basis: RankBasis, groupSize: number, leafOf: Int32Array | undefined): void {
  const { nodes, tally } = basis;
  const compare = (a: number, b: number): number =>
    failuresOf(basis, a) - failuresOf(basis, b) ||
    (tally?.countOf(a) ?? 0) - (tally?.countOf(b) ?? 0) ||
    (nodes.tasksTotal[a] ?? 0) - (nodes.tasksTotal[b] ?? 0);
  const collected = new Int32Array(counts.length);
  const leaves = new Map<number, number[]>();
  for (let row = 0; row < nodes.rows; row++) {
    if (!nodes.has(row)) continue;
    const leaf = leafOf?.[row] ?? 0;
    let best = leaves.get(leaf);
    if (best === undefined) leaves.set(leaf, (best = []));
    const worst = best[best.length - 1];
    const full = best.length >= groupSize;
    if (full && worst !== undefined && compare(row, worst) >= 0) continue;
    const rejecting = set.firstRejecting(row);
    if (rejecting !== 0) {
      collected[rejecting] = (collected[rejecting] ?? 0) + 1;
      continue;
    }
    collected.fill(0);
    if (full) best.pop();
    let at = best.length;
    while (at > 0 && compare(row, best[at - 1] ?? 0) < 0) at--;
    best.splice(at, 0, row);
  }
  for (let i = 1; i < counts.length; i++) counts[i] = (counts[i] ?? 0) + (collected[i] ?? 0);
}
