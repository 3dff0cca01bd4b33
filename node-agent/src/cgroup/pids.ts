/** The pids controller: processes and threads, counted in every group above. */
import { type CgroupColumns, NONE } from './columns.ts';

export class PidsModel {
  readonly #columns: CgroupColumns;
  /** pids.events max by row: forks refused because of this group's limit, or one's below. */
  readonly #refused: Map<number, number>;

  constructor(columns: CgroupColumns, saved: readonly (readonly [number, number])[] = []) {
    this.#columns = columns;
    this.#refused = new Map(saved);
  }

  /** Starts up to `count` threads or processes in the leaf, one by one; returns how many did start. The others got EAGAIN. */
  fork(row: number, count: number): number {
    const c = this.#columns;
    let room = count;
    let limit = NONE;
    for (let at = row; at !== NONE; at = c.parent[at]!) {
      const max = c.pidsMax[at]!;
      if (max === NONE || c.pids[at]! + room <= max) continue;
      room = Math.max(0, max - c.pids[at]!);
      limit = at;
    }
    for (let at = row; at !== NONE; at = c.parent[at]!) {
      c.pids[at]! += room;
      if (c.pids[at]! > c.pidsPeak[at]!) c.pidsPeak[at] = c.pids[at]!;
    }
    for (let at = limit; at !== NONE; at = c.parent[at]!) this.#refused.set(at, this.refusedAt(at) + count - room);
    return room;
  }

  /** So many of the leaf's threads or processes have ended. */
  exit(row: number, count: number): void {
    const c = this.#columns;
    const ended = Math.min(count, c.pids[row]!);
    for (let at = row; at !== NONE; at = c.parent[at]!) c.pids[at]! -= ended;
  }

  refusedAt(row: number): number {
    return this.#refused.get(row) ?? 0;
  }

  removed(row: number): void {
    this.#refused.delete(row);
  }

  save(): readonly (readonly [number, number])[] {
    return [...this.#refused];
  }
}
