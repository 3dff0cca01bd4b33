/**
 * Quotas, as kernel/sched/fair.c runs them: a pool per group, filled up at every boundary of the group's own grid; debts
 * are paid from the next filling; the timer stops when a whole period has seen no use.
 */
import { type CgroupColumns, FLAG } from './columns.ts';
import { MILLION } from './work.ts';

/** State of a group with cpu.max.burst. */
export interface Burst {
  /** cpu.max.burst, µs. */
  readonly limitUs: number;
  /** The pool after the last filling, ps, without debt. */
  readonly filled: number;
  readonly nrBursts: number;
  readonly burstUs: number;
}

/** Groups with cpu.max.burst; few have it. */
export class BurstTable {
  readonly #rows: Map<number, Burst>;

  constructor(saved: readonly (readonly [number, Burst])[] = []) {
    this.#rows = new Map(saved);
  }

  get(row: number): Burst | undefined {
    return this.#rows.get(row);
  }

  set(row: number, limitUs: number, quotaUs: number): void {
    const old = this.#rows.get(row);
    this.#rows.set(row, { filled: quotaUs * MILLION, nrBursts: 0, burstUs: 0, ...old, limitUs });
  }

  delete(row: number): void {
    this.#rows.delete(row);
  }

  /** What may be saved up beyond the quota, ps. */
  roomOf(row: number): number {
    return (this.#rows.get(row)?.limitUs ?? 0) * MILLION;
  }

  /** Notes the pool's filling where it did not go through `fill`. */
  mark(row: number, filled: number): void {
    const burst = this.#rows.get(row);
    if (burst !== undefined) this.#rows.set(row, { ...burst, filled });
  }

  /** The pool after a boundary: what was left and the quota, up to quota and burst. */
  fill(row: number, left: number, quota: number): number {
    const burst = this.#rows.get(row)!;
    const fresh = left + quota;
    const over = burst.filled - fresh;
    const filled = Math.min(fresh, quota + burst.limitUs * MILLION);
    // A period used more than its quota when the pool is lower than after the last filling.
    const bursts =
      over > 0 && burst.limitUs > 0 ? { nrBursts: burst.nrBursts + 1, burstUs: burst.burstUs + Math.floor(over / MILLION) } : {};
    this.#rows.set(row, { ...burst, ...bursts, filled });
    return filled;
  }

  save(): readonly (readonly [number, Burst])[] {
    return [...this.#rows];
  }
}

/** A boundary: counts the period and fills the pool; ends throttling when that pays all debt. */
export function endOfPeriod(c: CgroupColumns, bursts: BurstTable, row: number): void {
  const flags = c.flags[row]!;
  c.nrPeriods[row]! += 1;
  c.flags[row]! &= ~FLAG.partial;
  c.boundary[row]! += c.period[row]!;
  const quota = c.quota[row]! * MILLION;
  const left = Math.max(0, c.pool[row]!);
  const debt = Math.min(0, c.pool[row]!);
  c.pool[row] = ((flags & FLAG.burst) === 0 ? quota : bursts.fill(row, left, quota)) + debt;
  if ((flags & FLAG.throttled) !== 0) {
    c.nrThrottled[row]! += 1;
    c.flags[row]! &= ~FLAG.idle;
    if (c.pool[row] > 0) c.flags[row]! &= ~FLAG.throttled;
  } else if ((flags & FLAG.idle) !== 0) c.flags[row]! &= ~FLAG.active;
  else c.flags[row]! |= FLAG.idle;
}

/** Threads want to run in a group that had none: its timer goes on, on the same grid; with a debt they wait at once. */
export function startPeriods(c: CgroupColumns, row: number, at: number, steady: boolean): void {
  if ((c.flags[row]! & FLAG.active) === 0) {
    const late = at - c.boundary[row]!;
    if (late >= 0) c.boundary[row]! += (Math.floor(late / c.period[row]!) + 1) * c.period[row]!;
    c.flags[row] = (c.flags[row]! | FLAG.active) & ~FLAG.idle;
  }
  if (steady) c.flags[row]! &= ~FLAG.throttled;
  else if (c.pool[row]! <= 0) c.flags[row]! |= FLAG.throttled;
}
