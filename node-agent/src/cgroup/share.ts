/** Water-filling: divides a rate among a group's children by weight; nobody gets more than it wants. */
import { type CgroupColumns, NONE } from './columns.ts';

/** Scratch space and result of one division. */
export interface Division {
  /** All children. */
  rows: number[];
  /** Part of each child that wants something. */
  given: Map<number, number>;
}

/** What was left for the children that want more than their part, and their weights. */
export interface Divided extends Division {
  readonly left: number;
  readonly weights: number;
}

/**
 * Divides `grant` micro-CPUs among the children of `row`, who together want more. Parts are whole; what rounding leaves
 * goes to the oldest children, one micro-CPU each. O(children × distinct saturations).
 */
export function divide(c: CgroupColumns, row: number, grant: number, scratch: Division): Divided {
  const { rows, given } = scratch;
  rows.length = 0;
  given.clear();
  let pending: number[] = [];
  let weights = 0;
  for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) {
    rows.push(child);
    if (c.want[child] === 0) continue;
    pending.push(child);
    weights += c.weight[child]!;
  }
  let left = grant;
  for (;;) {
    const hungry: number[] = [];
    let taken = 0;
    let gone = 0;
    for (const child of pending) {
      const want = c.want[child]!;
      if (want * weights > left * c.weight[child]!) hungry.push(child);
      else {
        given.set(child, want);
        taken += want;
        gone += c.weight[child]!;
      }
    }
    if (hungry.length === pending.length) break;
    left -= taken;
    weights -= gone;
    pending = hungry;
  }
  let rest = left;
  for (const child of pending) {
    const part = Math.floor((left * c.weight[child]!) / weights);
    given.set(child, part);
    rest -= part;
  }
  // Who wants more than its exact part wants at least the next whole number.
  for (const child of pending) if (rest-- > 0) given.set(child, given.get(child)! + 1);
  return { ...scratch, left, weights };
}
