/**
 * Filling the nodes of one leaf with equal tasks (swarmkit scheduleNTasksOnNodes). Nodes are in order, best first. A task goes
 * to the current node; the next node becomes current once it is strictly better than the current one has become. Behind the
 * last node the rest is dealt out one task a turn. A node that stops passing the filters is passed over from then on.
 */
import type { PlacementLog } from './placement-log.ts';
import { type RankBasis, failuresOf } from './ranking.ts';
import type { Rejections } from './rejections.ts';

export class LeafFill {
  readonly #basis: RankBasis;
  readonly #leaf: number;
  /** Node rows in order; the first #count are candidates, the one behind them only serves as a runner-up to name. */
  #rows: Int32Array;
  #count: number;
  /** True when there is such a node behind the candidates. */
  readonly #extra: boolean;
  /** By place in #rows: tasks of the service and in all, with those placed here, and how many those are. */
  #ofService: Int32Array;
  #total: Int32Array;
  #placed: Int32Array;
  #filled = false;

  /** @param rows – candidates, best first, then optionally the best node beyond them */
  constructor(basis: RankBasis, leaf: number, rows: Int32Array, count: number) {
    const { nodes, tally } = basis;
    this.#basis = basis;
    this.#leaf = leaf;
    this.#rows = rows;
    this.#count = Math.min(count, rows.length);
    this.#extra = rows.length > count;
    this.#ofService = new Int32Array(rows.length);
    this.#total = new Int32Array(rows.length);
    this.#placed = new Int32Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] ?? 0;
      this.#ofService[i] = tally === undefined ? 0 : tally.countOf(row);
      this.#total[i] = nodes.tasksTotal[row] ?? 0;
    }
  }

  /** Places up to `wanted` tasks, as far as the log has tasks left. Returns how many. */
  fill(wanted: number, log: PlacementLog, rejections: Rejections): number {
    if (this.#filled) this.#reorder(rejections);
    this.#filled = true;
    if (this.#count === 0) return 0;
    const level = this.#raise(wanted, log, rejections);
    if (level.done) return level.placed;
    return level.placed + this.#deal(wanted - level.placed, level.full, log, rejections);
  }

  /** Tasks this leaf has put on its nodes: calls back with each row and its number. */
  eachPlaced(callback: (row: number, placed: number) => void): void {
    for (let i = 0; i < this.#rows.length; i++) {
      const placed = this.#placed[i] ?? 0;
      if (placed > 0) callback(this.#rows[i] ?? 0, placed);
    }
  }

  /** First pass over the nodes. `full`: places that stopped passing; not done: the rest is to be dealt out. */
  #raise(wanted: number, log: PlacementLog, rejections: Rejections): { done: boolean; placed: number; full: ReadonlySet<number> } {
    const { nodes } = this.#basis;
    const full = new Set<number>();
    let placed = 0;
    let at = 0;
    while (log.left > 0) {
      const next = at + 1 < this.#count ? at + 1 : -1;
      this.#place(at, next, 0, next < 0 && this.#count > 1 ? 1 : 0, next < 0 ? this.#firstOpen(full, at) : next, log);
      placed++;
      if (placed === wanted) return { done: true, placed, full };
      if (next < 0) return { done: false, placed, full };
      if (this.#compare(next, at) < 0) at = next;
      while (!rejections.passes(nodes, this.#rows[at] ?? 0, this.#placed[at] ?? 0)) {
        full.add(at);
        at++;
        if (at === this.#count) return { done: false, placed, full };
      }
    }
    return { done: true, placed, full };
  }

  /** Later passes: one task a turn to each node that still passes. */
  #deal(wanted: number, full: ReadonlySet<number>, log: PlacementLog, rejections: Rejections): number {
    const { nodes } = this.#basis;
    const ring = new Int32Array(this.#count);
    let size = 0;
    for (let i = 0; i < this.#count; i++) if (!full.has(i)) ring[size++] = i;
    let placed = 0;
    for (let turn = 1; size > 0; turn++) {
      let kept = 0;
      for (let r = 0; r < size; r++) {
        const at = ring[r] ?? 0;
        if (!rejections.passes(nodes, this.#rows[at] ?? 0, this.#placed[at] ?? 0)) continue;
        if (log.left === 0) return placed;
        ring[kept++] = at;
        const last = r + 1 === size;
        const next = last ? (ring[0] ?? -1) : (ring[r + 1] ?? -1);
        this.#place(at, next, turn, last ? turn + 1 : turn, next, log);
        placed++;
        if (placed === wanted) return placed;
      }
      size = kept;
    }
    return placed;
  }

  /** Records a placement with the figures that decided, then counts it. `runner` is a place, or -1. */
  #place(at: number, next: number, turn: number, runnerTurn: number, runner: number, log: PlacementLog): void {
    log.add(this.#rows[at] ?? 0, this.#ofService[at] ?? 0, this.#total[at] ?? 0, turn, this.#leaf);
    const beyond = next < 0 && this.#extra;
    const second = beyond ? this.#rows.length - 1 : runner;
    if (second >= 0 && second !== at) {
      log.addRunnerUp(this.#rows[second] ?? 0, this.#ofService[second] ?? 0, this.#total[second] ?? 0, beyond ? 0 : runnerTurn);
    }
    this.#ofService[at] = (this.#ofService[at] ?? 0) + 1;
    this.#total[at] = (this.#total[at] ?? 0) + 1;
    this.#placed[at] = (this.#placed[at] ?? 0) + 1;
  }

  #firstOpen(full: ReadonlySet<number>, except: number): number {
    for (let i = 0; i < this.#count; i++) if (i !== except && !full.has(i)) return i;
    return -1;
  }

  /** Less than 0 when the node at place a is strictly better than the one at b. */
  #compare(a: number, b: number): number {
    const failures =
      this.#basis.failing === undefined ? 0 : failuresOf(this.#basis, this.#rows[a] ?? 0) - failuresOf(this.#basis, this.#rows[b] ?? 0);
    return failures || (this.#ofService[a] ?? 0) - (this.#ofService[b] ?? 0) || (this.#total[a] ?? 0) - (this.#total[b] ?? 0);
  }

  /** A leaf that is filled again drops nodes that no longer pass (the last one takes their place) and is sorted anew. */
  #reorder(rejections: Rejections): void {
    const { nodes } = this.#basis;
    const order = Array.from({ length: this.#count }, (_, i) => i);
    for (let i = 0; i < order.length; ) {
      const at = order[i] ?? 0;
      if (rejections.passes(nodes, this.#rows[at] ?? 0, this.#placed[at] ?? 0)) i++;
      else {
        order[i] = order[order.length - 1] ?? 0;
        order.pop();
      }
    }
    order.sort((a, b) => this.#compare(a, b) || (this.#rows[a] ?? 0) - (this.#rows[b] ?? 0));
    // Places of dropped nodes stay behind the candidates, so that what was placed on them is still known.
    const kept = new Set(order);
    const all = [...order, ...Array.from({ length: this.#rows.length }, (_, i) => i).filter((i) => !kept.has(i))];
    this.#rows = Int32Array.from(all, (i) => this.#rows[i] ?? 0);
    this.#ofService = Int32Array.from(all, (i) => this.#ofService[i] ?? 0);
    this.#total = Int32Array.from(all, (i) => this.#total[i] ?? 0);
    this.#placed = Int32Array.from(all, (i) => this.#placed[i] ?? 0);
    this.#count = order.length;
  }
}
