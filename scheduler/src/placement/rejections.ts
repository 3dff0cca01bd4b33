/**
 * SwarmKit's counting of rejected nodes: each rejecting filter counts the nodes it rejects, and all counters go back to zero
 * whenever some node passes, so that after a partial fill the sentence speaks of the nodes rejected since the last success.
 */
import type { FeasibleSet } from './feasible-set.ts';
import type { NodeSet } from './node-set.ts';

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
  message(nodes: NodeSet): string {
    const counts = this.#counts ?? new Int32Array(this.#set.counts.length);
    if (this.#untouched) addCollected(counts, this.#set, nodes);
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
 * Counts the nodes rejected while candidates were collected, in row order, since the last that passed. SwarmKit does not even
 * ask a node that is no better than the worst of a leaf that already has a candidate for every task of the group; but such a
 * leaf takes the whole group, so when tasks are left over there was none, and every node was asked.
 */
function addCollected(counts: Int32Array, set: FeasibleSet, nodes: NodeSet): void {
  for (let row = nodes.rows - 1; row >= 0; row--) {
    if (!nodes.has(row)) continue;
    const rejecting = set.firstRejecting(row);
    if (rejecting === 0) return;
    counts[rejecting] = (counts[rejecting] ?? 0) + 1;
  }
}
