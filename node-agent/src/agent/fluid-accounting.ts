/**
 * Accounting in the mean. Between two changes every container uses a constant share of the machine: its demand, at most
 * its limit (cpu.max as a rate), the cores shared by weighted max-min where they do not suffice. A container whose limit
 * is what binds it is throttled in every 100 ms period. Memory is what the workload holds; above its limit the container
 * is killed, and when the node's memory does not suffice the biggest container is.
 *
 * What it leaves out: bursts within a period (they throttle below the mean limit too), nested groups, memory.high,
 * reclaim, swap, pressure.
 *
 * Integers throughout: rates in micro-CPUs (µs of CPU time per second), so that rate × µs stays below 2^53; remainders
 * are carried. Columns are kept row-major in one typed array per node. A change costs O(containers of the node).
 */
import { assert, type TimeUs } from '@paperfleet/core';
import type { Accounting, CgroupCounters, CgroupLimits } from './accounting.ts';

const COL = {
  open: 0,
  /** Micro-CPUs: asked for, allowed (0: no limit), given. */
  demand: 1,
  limit: 2,
  rate: 3,
  weight: 4,
  usageUs: 5,
  usageCarry: 6,
  /** Time with demand, and of that with the limit binding, µs: whole periods are counted from them. */
  activeUs: 7,
  boundUs: 8,
  /** Throttled µs per second, summed over threads; and what they have come to. */
  throttleRate: 9,
  throttledUs: 10,
  throttledCarry: 11,
  memory: 12,
  memoryPeak: 13,
  memoryLimit: 14,
  oomKills: 15,
} as const;
const STRIDE = 16;

/** cpu.max's default period. */
const PERIOD_US = 100_000;
const MILLION = 1_000_000;
/** Longest step of one multiplication: 1000 cores × this stays below 2^53. */
const MAX_STEP_US = 4_000_000;
const NONE: readonly number[] = [];

interface SavedFluid {
  readonly columns: Float64Array;
  readonly rows: number;
  readonly at: number;
  readonly totalCpuUs: number;
  readonly changed: boolean;
}

export class FluidAccounting implements Accounting {
  /** Micro-CPUs of the node. */
  readonly #capacity: number;
  readonly #nodeMemoryBytes: number;
  #columns: Float64Array = new Float64Array(0);
  /** Rows in use end below this. */
  #rows = 0;
  #at = 0;
  #totalCpuUs = 0;
  #changed = false;

  constructor(nanoCpus: number, memoryBytes: number, saved: unknown) {
    this.#capacity = Math.floor(nanoCpus / 1000);
    this.#nodeMemoryBytes = memoryBytes;
    if (saved === undefined) return;
    const state = saved as SavedFluid;
    this.#columns = state.columns.slice();
    this.#rows = state.rows;
    this.#at = state.at;
    this.#totalCpuUs = state.totalCpuUs;
    this.#changed = state.changed;
  }

  get totalCpuUs(): number {
    return this.#totalCpuUs;
  }

  get totalMemoryBytes(): number {
    let total = 0;
    for (let base = 0; base < this.#rows * STRIDE; base += STRIDE)
      if (this.#columns[base] === 1) total += this.#columns[base + COL.memory]!;
    return total;
  }

  /** Bytes of typed arrays. */
  get columnBytes(): number {
    return this.#columns.byteLength;
  }

  open(row: number, limits: CgroupLimits): void {
    const base = row * STRIDE;
    if (base >= this.#columns.length) this.#grow(row + 1);
    const c = this.#columns;
    assert(c[base] === 0, 'a cgroup is opened twice', { row });
    c.fill(0, base, base + STRIDE);
    c[base] = 1;
    c[base + COL.limit] = Math.max(limits.cpuNano > 0 ? 1 : 0, Math.floor(limits.cpuNano / 1000));
    c[base + COL.weight] = limits.weight;
    c[base + COL.memoryLimit] = limits.memoryBytes;
    this.#rows = Math.max(this.#rows, row + 1);
  }

  demand(row: number, cpuNano: number, memoryBytes: number): void {
    const base = row * STRIDE;
    const c = this.#columns;
    const demand = Math.floor(cpuNano / 1000);
    if (c[base + COL.demand] === demand && c[base + COL.memory] === memoryBytes) return;
    c[base + COL.demand] = demand;
    c[base + COL.memory] = memoryBytes;
    this.#changed = true;
  }

  close(row: number): void {
    this.#columns.fill(0, row * STRIDE, (row + 1) * STRIDE);
    while (this.#rows > 0 && this.#columns[(this.#rows - 1) * STRIDE] === 0) this.#rows--;
    this.#changed = true;
  }

  settle(now: TimeUs): readonly number[] {
    if (!this.#changed) return NONE;
    this.advance(now);
    this.#changed = false;
    const killed = this.#killOverLimit();
    this.#share();
    return killed;
  }

  advance(now: TimeUs): void {
    let left = now - this.#at;
    this.#at = now;
    while (left > 0) {
      const step = Math.min(left, MAX_STEP_US);
      this.#advanceBy(step);
      left -= step;
    }
  }

  read(row: number, out: CgroupCounters): void {
    const base = row * STRIDE;
    const c = this.#columns;
    out.cpuUsageUs = c[base + COL.usageUs]!;
    out.nrPeriods = Math.floor(c[base + COL.activeUs]! / PERIOD_US);
    out.nrThrottled = Math.floor(c[base + COL.boundUs]! / PERIOD_US);
    out.throttledUs = c[base + COL.throttledUs]!;
    out.memoryBytes = c[base + COL.memory]!;
    out.memoryPeakBytes = c[base + COL.memoryPeak]!;
    out.oomKills = c[base + COL.oomKills]!;
  }

  save(): SavedFluid {
    return {
      columns: this.#columns.slice(0, this.#rows * STRIDE),
      rows: this.#rows,
      at: this.#at,
      totalCpuUs: this.#totalCpuUs,
      changed: this.#changed,
    };
  }

  #advanceBy(step: number): void {
    const c = this.#columns;
    const end = this.#rows * STRIDE;
    let total = 0;
    for (let base = 0; base < end; base += STRIDE) {
      if (c[base] === 0 || c[base + COL.demand] === 0) continue;
      const work = c[base + COL.rate]! * step + c[base + COL.usageCarry]!;
      const used = Math.floor(work / MILLION);
      c[base + COL.usageUs]! += used;
      c[base + COL.usageCarry] = work - used * MILLION;
      total += used;
      if (c[base + COL.limit] === 0) continue;
      c[base + COL.activeUs]! += step;
      const throttleRate = c[base + COL.throttleRate]!;
      if (throttleRate === 0) continue;
      c[base + COL.boundUs]! += step;
      const lost = throttleRate * step + c[base + COL.throttledCarry]!;
      const throttled = Math.floor(lost / MILLION);
      c[base + COL.throttledUs]! += throttled;
      c[base + COL.throttledCarry] = lost - throttled * MILLION;
    }
    this.#totalCpuUs += total;
  }

  /** The OOM killer: containers above their own limit, then the biggest while the node's memory does not suffice. */
  #killOverLimit(): readonly number[] {
    const c = this.#columns;
    let killed: number[] | undefined;
    let total = 0;
    for (let row = 0, base = 0; row < this.#rows; row++, base += STRIDE) {
      if (c[base] === 0) continue;
      const limit = c[base + COL.memoryLimit]!;
      const memory = c[base + COL.memory]!;
      if (limit > 0 && memory > limit) {
        this.#kill(base, limit);
        (killed ??= []).push(row);
        continue;
      }
      if (memory > c[base + COL.memoryPeak]!) c[base + COL.memoryPeak] = memory;
      total += memory;
    }
    while (total > this.#nodeMemoryBytes) {
      const row = this.#biggest();
      const memory = c[row * STRIDE + COL.memory]!;
      this.#kill(row * STRIDE, memory);
      (killed ??= []).push(row);
      total -= memory;
    }
    return killed ?? NONE;
  }

  #kill(base: number, peak: number): void {
    const c = this.#columns;
    c[base + COL.memoryPeak] = Math.max(c[base + COL.memoryPeak]!, peak);
    c[base + COL.memory] = 0;
    c[base + COL.demand] = 0;
    c[base + COL.oomKills]! += 1;
  }

  /** The open row with the most memory, the lowest of equals. */
  #biggest(): number {
    let best = 0;
    let most = -1;
    for (let row = 0, base = 0; row < this.#rows; row++, base += STRIDE) {
      if (this.#columns[base] === 1 && this.#columns[base + COL.memory]! > most) {
        most = this.#columns[base + COL.memory]!;
        best = row;
      }
    }
    return best;
  }

  /** Gives each container its rate. */
  #share(): void {
    const c = this.#columns;
    const end = this.#rows * STRIDE;
    let wanted = 0;
    for (let base = 0; base < end; base += STRIDE) {
      if (c[base] === 0) continue;
      const limit = c[base + COL.limit]!;
      const demand = c[base + COL.demand]!;
      const capped = limit > 0 && demand > limit ? limit : demand;
      c[base + COL.rate] = capped;
      wanted += capped;
    }
    if (wanted > this.#capacity) this.#waterFill();
    for (let base = 0; base < end; base += STRIDE) {
      if (c[base] === 1)
        c[base + COL.throttleRate] = throttleRate(c[base + COL.demand]!, c[base + COL.limit]!, c[base + COL.rate]!, this.#capacity);
    }
  }

  /**
   * Weighted max-min: who wants less than its part gets what it wants, the others share the rest by weight. `rate` holds
   * the capped demands on entry. Parts are rounded down to a micro-CPU.
   */
  #waterFill(): void {
    const c = this.#columns;
    let left = this.#capacity;
    let weights = 0;
    let pending: number[] = [];
    for (let base = 0; base < this.#rows * STRIDE; base += STRIDE) {
      if (c[base] === 0 || c[base + COL.rate] === 0) continue;
      pending.push(base);
      weights += c[base + COL.weight]!;
    }
    for (;;) {
      const unsatisfied = pending.filter((base) => c[base + COL.rate]! * weights > left * c[base + COL.weight]!);
      if (unsatisfied.length === pending.length) break;
      const satisfied = pending.filter((base) => c[base + COL.rate]! * weights <= left * c[base + COL.weight]!);
      for (const base of satisfied) {
        left -= c[base + COL.rate]!;
        weights -= c[base + COL.weight]!;
      }
      pending = unsatisfied;
    }
    for (const base of pending) c[base + COL.rate] = Math.floor((left * c[base + COL.weight]!) / weights);
  }

  #grow(rows: number): void {
    // By a quarter: containers come and go, and most nodes hold few.
    const columns = new Float64Array(Math.max(rows, Math.ceil((this.#columns.length / STRIDE) * 1.25) + 1) * STRIDE);
    columns.set(this.#columns);
    this.#columns = columns;
  }
}

/**
 * Throttled µs per second, summed over the threads that wait (as cpu.stat's throttled_usec is): m threads run at their
 * demand d until the quota q of the period is used up and then wait for the rest of it, a part 1 - q/d.
 */
function throttleRate(demand: number, limit: number, rate: number, capacity: number): number {
  if (limit === 0 || demand <= limit || rate < limit) return 0;
  const effective = Math.min(demand, capacity);
  if (effective <= limit) return 0;
  const threads = Math.ceil(effective / MILLION);
  return Math.floor((threads * MILLION * (effective - limit)) / effective);
}
