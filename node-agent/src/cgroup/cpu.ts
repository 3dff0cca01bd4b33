/**
 * CPU of one node: who runs how fast between two events, and what the counters say.
 *
 * Between events every group has a constant rate (micro-CPUs). Events are period boundaries, quotas found used up at a
 * tick, threads reaching the CPU time they were waiting for, and changes of demand from outside. `share` divides the
 * machine anew along the paths that an event touched; nothing else is recomputed, and reading never changes anything.
 * Results therefore do not depend on how spans are divided into calls of `advance`.
 *
 * In steady mode, quotas are mean rates, boundaries are counted instead of simulated, and a group costs nothing until
 * its demand changes. See docs/cgroup-model.md.
 */
import type { Rng } from '@paperfleet/core';
import { type BurstTable, endOfPeriod, startPeriods } from './bandwidth.ts';
import { type CgroupColumns, FLAG, NONE } from './columns.ts';
import { type CpusetTable, sharePinned } from './cpuset.ts';
import { EventHeap } from './event-heap.ts';
import type { PressureTable } from './pressure.ts';
import { type Division, divide } from './share.ts';
import { carryOf, MILLION, onGrid, timeFor, wholeOf } from './work.ts';

/**
 * `events`: every boundary and every exhaustion is simulated. `steady`: mean rates always. `auto`: events while threads
 * come and go, mean rates while all demand has been constant for `STEADY_AFTER_US` or is given as a rate.
 */
export type CpuFidelity = 'auto' | 'events' | 'steady';

/** CONFIG_HZ=250: the scheduler looks at used quota every 4 ms. */
export const TICK_US = 4000;
/** Ten default periods: by then the pattern of a constant load repeats. */
export const STEADY_AFTER_US = 1_000_000;
/** Of a thread's CPU, millionths: from here on it counts as having that CPU to itself. */
const WHOLE_CPU = 999_000;

export interface CpuMachine {
  /** Micro-CPUs. */
  readonly capacity: number;
  /** CPUs, at least 1. */
  readonly cpus: number;
  readonly fidelity: CpuFidelity;
}

export interface SavedCpu {
  readonly at: number;
  readonly steady: boolean;
  readonly steadyDue: number | null;
  readonly targets: number;
  readonly due: readonly (readonly [number, number])[];
  readonly finished: readonly number[];
  readonly needsShare: boolean;
}

export class CpuModel {
  readonly machine: CpuMachine;
  readonly columns: CgroupColumns;
  readonly pressure: PressureTable;
  readonly bursts: BurstTable;
  readonly cpusets: CpusetTable;
  /** Rows whose threads reached their target at `at`, in the order found; emptied by the next `advance`. */
  readonly finished: number[] = [];
  /** Instant reached, µs. */
  at = 0;
  /** Offset of the tick, drawn once. */
  readonly #tickOffset: number;
  readonly #heap: EventHeap = new EventHeap();
  readonly #division: Division = { rows: [], given: new Map() };
  #steady: boolean;
  /** When steady mode may begin. */
  #steadyDue = Infinity;
  /** Rows with a target. */
  #targets = 0;
  #needsShare = false;
  /** CPUs with a single thread each were counted anew and PSI depends on it. */
  #dedicatedChanged = false;

  constructor(
    machine: CpuMachine,
    tables: {
      readonly columns: CgroupColumns;
      readonly pressure: PressureTable;
      readonly bursts: BurstTable;
      readonly cpusets: CpusetTable;
      readonly rng: Rng;
    },
    saved?: SavedCpu,
  ) {
    this.machine = machine;
    this.columns = tables.columns;
    this.pressure = tables.pressure;
    this.bursts = tables.bursts;
    this.cpusets = tables.cpusets;
    this.#tickOffset = tables.rng.fork('tick').below(TICK_US);
    this.#steady = machine.fidelity !== 'events';
    if (saved === undefined) return;
    this.at = saved.at;
    this.#steady = saved.steady;
    this.#steadyDue = saved.steadyDue ?? Infinity;
    this.#targets = saved.targets;
    this.#needsShare = saved.needsShare;
    this.finished.push(...saved.finished);
    for (const [row, due] of saved.due) this.#heap.set(row, due);
  }

  get isSteady(): boolean {
    return this.#steady;
  }

  /** The earliest instant at which something happens by itself; Infinity when nothing will. */
  get next(): number {
    this.#settleShares();
    return Math.min(this.#heap.next, this.#steadyDue);
  }

  get heapBytes(): number {
    return this.#heap.bytes;
  }

  save(): SavedCpu {
    return {
      at: this.at,
      steady: this.#steady,
      steadyDue: this.#steadyDue === Infinity ? null : this.#steadyDue,
      targets: this.#targets,
      due: this.#heap.save(),
      finished: [...this.finished],
      needsShare: this.#needsShare,
    };
  }

  /** A row was added below `parent`; its columns are set. */
  added(row: number): void {
    this.columns.since[row] = this.at;
    this.columns.target[row] = Infinity;
  }

  /** A row without demand is about to be removed. */
  removed(row: number): void {
    this.#heap.set(row, Infinity);
  }

  /**
   * Simulates up to `until`, or up to the first instant at which threads reach their target: those rows stand in
   * `finished`, and the caller sets their new demand before it goes on.
   * @returns the instant reached
   */
  advance(until: number): number {
    this.finished.length = 0;
    for (;;) {
      this.#settleShares();
      const next = this.#heap.next;
      if (Math.min(next, this.#steadyDue) > until) {
        this.at = until;
        return until;
      }
      if (this.#steadyDue < next) {
        this.at = this.#steadyDue;
        this.#enterSteady();
        continue;
      }
      this.at = next;
      while (this.#heap.next === next) this.#handle(this.#heap.first);
      if (this.finished.length > 0) return next;
    }
  }

  /** A leaf's demand as a rate, however its threads bring it about. Micro-CPUs. */
  demandRate(row: number, rate: number): void {
    this.#demand(row, rate, Math.ceil(rate / MILLION), Infinity);
  }

  /**
   * A leaf's demand as threads that never sleep.
   * @param target – value of `served` at which the caller is told; Infinity: never
   */
  demandThreads(row: number, threads: number, target: number): void {
    const c = this.columns;
    if (c.threads[row] === threads && c.demand[row] === threads * MILLION && c.target[row] === target) return;
    if (this.machine.fidelity === 'auto') {
      if (this.#steady) this.#leaveSteady();
      this.#steadyDue = Infinity;
    }
    this.#demand(row, threads * MILLION, threads, target);
    if (this.machine.fidelity === 'auto' && this.#targets === 0) this.#steadyDue = this.at + STEADY_AFTER_US;
  }

  /** CPU time that each thread of the leaf has had so far, µs. */
  servedAt(row: number): number {
    const c = this.columns;
    const span = this.at - c.since[row]!;
    return c.served[row]! + wholeOf(this.#threadRate(row), span, c.servedCarry[row]!);
  }

  usageAt(row: number): number {
    const c = this.columns;
    return c.usage[row]! + wholeOf(c.rate[row]!, this.at - c.since[row]!, c.usageCarry[row]!);
  }

  throttledAt(row: number): number {
    const c = this.columns;
    return c.throttled[row]! + wholeOf(c.throttleRate[row]!, this.at - c.since[row]!, 0);
  }

  throttledLocalAt(row: number): number {
    const c = this.columns;
    return c.throttledLocal[row]! + wholeOf(c.localRate[row]!, this.at - c.since[row]!, 0);
  }

  periodsAt(row: number): number {
    return this.columns.nrPeriods[row]! + this.#periodsPassed(row);
  }

  throttledPeriodsAt(row: number): number {
    const c = this.columns;
    return c.nrThrottled[row]! + ((c.flags[row]! & FLAG.bound) === 0 ? 0 : this.#periodsPassed(row));
  }

  /** The leaf has threads that never sleep, rather than a rate. */
  isBusy(row: number): boolean {
    const c = this.columns;
    return c.demand[row]! > 0 && c.demand[row] === c.threads[row]! * MILLION;
  }

  /** The leaf wants nothing any more. */
  stop(row: number): void {
    this.#demand(row, 0, 0, Infinity);
  }

  /** Shares the machine now if something has changed, rather than before time goes on. */
  flush(): void {
    this.#settleShares();
  }

  /** Settles a row before one of its bounds is changed from outside; `bound` has to follow. */
  unbind(row: number): void {
    this.#settle(row);
  }

  /** A bound of the row (quota, weight, width) has changed. */
  bound(row: number): void {
    const c = this.columns;
    if (c.threads[row]! > 0 && c.quota[row]! > 0) startPeriods(c, row, this.at, this.#steady);
    this.#rewant(row);
    if (c.parent[row] !== NONE) c.flags[c.parent[row]!]! &= ~FLAG.satisfied;
    else c.flags[row]! &= ~FLAG.satisfied;
  }

  // ── counters ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #threadRate(row: number): number {
    const threads = this.columns.threads[row]!;
    return threads === 0 ? 0 : Math.floor(this.columns.rate[row]! / threads);
  }

  /** Boundaries since the counters were settled, where they are counted rather than simulated. */
  #periodsPassed(row: number): number {
    const c = this.columns;
    if (!this.#steady || (c.flags[row]! & FLAG.active) === 0 || c.threads[row] === 0 || c.boundary[row]! > this.at) return 0;
    return Math.floor((this.at - c.boundary[row]!) / c.period[row]!) + 1;
  }

  /** Brings a row's counters to `at`. */
  #settle(row: number): void {
    const c = this.columns;
    const periods = this.#periodsPassed(row);
    if (periods > 0) {
      c.nrPeriods[row]! += periods;
      if ((c.flags[row]! & FLAG.bound) !== 0) c.nrThrottled[row]! += periods;
      c.boundary[row]! += periods * c.period[row]!;
    }
    const span = this.at - c.since[row]!;
    if (span === 0) return;
    c.since[row] = this.at;
    const rate = c.rate[row]!;
    if (rate > 0) {
      const threadRate = this.#threadRate(row);
      c.usage[row]! += wholeOf(rate, span, c.usageCarry[row]!);
      c.usageCarry[row] = carryOf(rate, span, c.usageCarry[row]!);
      c.served[row]! += wholeOf(threadRate, span, c.servedCarry[row]!);
      c.servedCarry[row] = carryOf(threadRate, span, c.servedCarry[row]!);
      c.flags[row]! &= ~FLAG.idle;
      if (!this.#steady && c.quota[row]! > 0) c.pool[row]! -= rate * span;
    }
    if (c.throttleRate[row]! > 0) c.throttled[row]! += wholeOf(c.throttleRate[row]!, span, 0);
    if (c.localRate[row]! > 0) c.throttledLocal[row]! += wholeOf(c.localRate[row]!, span, 0);
  }

  // ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #handle(row: number): void {
    const c = this.columns;
    const periodEnds = (c.flags[row]! & FLAG.active) !== 0 && c.boundary[row]! <= this.at;
    const counted = this.#periodsPassed(row) > 0;
    this.#heap.set(row, Infinity);
    this.#settle(row);
    if (periodEnds && counted) c.flags[row]! &= ~FLAG.partial;
    else if (periodEnds) endOfPeriod(c, this.bursts, row);
    if (this.#isExhausted(row)) c.flags[row]! |= FLAG.throttled;
    if (c.served[row]! >= c.target[row]!) {
      this.finished.push(row);
      c.target[row] = Infinity;
      this.#targets--;
    }
    this.#rewant(row);
  }

  /** Found to have used up its quota: at a tick, while it runs. */
  #isExhausted(row: number): boolean {
    const c = this.columns;
    if (this.#steady || c.quota[row] === 0 || c.threads[row] === 0 || c.pool[row]! > 0) return false;
    return onGrid(this.at, TICK_US, this.#tickOffset) === this.at;
  }

  /** The next instant at which something happens to the row by itself. */
  #dueOf(row: number): number {
    const c = this.columns;
    const flags = c.flags[row]!;
    const rate = c.rate[row]!;
    let due = Infinity;
    if ((flags & FLAG.active) !== 0 && (!this.#steady || c.threads[row] === 0 || (flags & FLAG.partial) !== 0)) due = c.boundary[row]!;
    if (rate === 0) return due;
    // Counters stand at `since`: a row whose rate stays is not settled.
    const since = c.since[row]!;
    if (!this.#steady && c.quota[row]! > 0 && (flags & FLAG.throttled) === 0)
      due = Math.min(due, onGrid(Math.max(this.at, since + timeFor(c.pool[row]!, rate)), TICK_US, this.#tickOffset));
    if (c.target[row]! < Infinity) {
      const left = (c.target[row]! - c.served[row]!) * MILLION - c.servedCarry[row]!;
      const threadRate = this.#threadRate(row);
      if (threadRate > 0) due = Math.min(due, since + timeFor(left, threadRate));
    }
    return due;
  }

  #demand(row: number, demand: number, threads: number, target: number): void {
    const c = this.columns;
    const more = demand - c.demand[row]!;
    const moreThreads = threads - c.threads[row]!;
    if (target < Infinity !== c.target[row]! < Infinity) this.#targets += target < Infinity ? 1 : -1;
    if (more === 0 && moreThreads === 0 && c.target[row] === target) return;
    for (let at = row; at !== NONE; at = c.parent[at]!) {
      this.#settle(at);
      const before = c.threads[at]!;
      c.demand[at]! += more;
      c.threads[at] = before + moreThreads;
      if (c.quota[at] === 0) continue;
      if (before === 0 && moreThreads > 0) startPeriods(c, at, this.at, this.#steady);
      // put_prev_entity: a group that goes to sleep with a debt is throttled, though nobody waits in it.
      if (before > 0 && before + moreThreads === 0 && !this.#steady && c.pool[at]! < 0) c.flags[at]! |= FLAG.throttled;
    }
    c.target[row] = target;
    this.#rewant(row);
  }

  // ── sharing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a row may use now. */
  #wantOf(row: number): number {
    const c = this.columns;
    if ((c.flags[row]! & FLAG.throttled) !== 0) return 0;
    const base = this.#baseOf(row);
    return this.#steady && c.quota[row]! > 0 ? Math.min(base, this.#capOf(row)) : base;
  }

  /** What it may use as far as its quota is not concerned. */
  #baseOf(row: number): number {
    const c = this.columns;
    return Math.min(c.firstChild[row] === NONE ? c.demand[row]! : c.sum[row]!, c.width[row]! * MILLION);
  }

  /** Steady mode: the quota as a rate. */
  #capOf(row: number): number {
    const c = this.columns;
    return (c.flags[row]! & FLAG.partial) === 0 ? Math.floor((c.quota[row]! * MILLION) / c.period[row]!) : c.pool[row]!;
  }

  /** Passes a row's changed want upwards and marks the path for the next sharing. */
  #rewant(row: number): void {
    const c = this.columns;
    for (let at = row; at !== NONE; at = c.parent[at]!) {
      const want = this.#wantOf(at);
      const parent = c.parent[at]!;
      if (parent !== NONE) c.sum[parent]! += want - c.want[at]!;
      c.want[at] = want;
      c.flags[at]! |= FLAG.dirty;
    }
    this.#needsShare = true;
  }

  /** Shares the machine if something has changed. */
  #settleShares(): void {
    if (!this.#needsShare) return;
    this.#needsShare = false;
    const { capacity, cpus } = this.machine;
    const c = this.columns;
    if (this.cpusets.isEmpty) {
      const grant = Math.min(c.want[0]!, capacity);
      this.#assign(0, grant, capacity, 0, false);
    } else {
      const given = sharePinned(c, this.cpusets, capacity, cpus, (row) => (this.#steady ? this.#wantOf(row) : c.want[row]!));
      this.#assignAll(0, given, 0);
    }
    if (!this.#dedicatedChanged) return;
    this.#dedicatedChanged = false;
    if (cpus > 1 && (c.flags[0]! & FLAG.satisfied) === 0) for (let row = 0; row < c.rows; row++) if (c.threads[row]! > 0) this.#stall(row);
  }

  /**
   * Gives a row its rate and divides it among its children, visiting only those for which something has changed.
   * @param running – what the row would get while its quota lasts (steady mode)
   * @param halted – part of the time in which a quota above keeps it from running, millionths
   * @param force – visit all children
   */
  #assign(row: number, grant: number, running: number, halted: number, force: boolean): void {
    const c = this.columns;
    const changed = this.#give(row, grant, running, halted);
    const wasSatisfied = (c.flags[row]! & FLAG.satisfied) !== 0;
    const dirty = (c.flags[row]! & FLAG.dirty) !== 0;
    c.flags[row]! &= ~(FLAG.dirty | FLAG.satisfied);
    if (c.firstChild[row] === NONE) return;
    const own = c.halted[row]!;
    const visitAll = force || changed;
    if (grant >= c.sum[row]!) {
      c.flags[row]! |= FLAG.satisfied;
      if (wasSatisfied && !dirty && !visitAll) return;
      const spare = Math.max(0, running - grant);
      for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) {
        if (wasSatisfied && !visitAll && (c.flags[child]! & FLAG.dirty) === 0) continue;
        const want = c.want[child]!;
        this.#assign(child, want, Math.min(this.#baseOf(child), want + spare), own, visitAll);
      }
      return;
    }
    const division = divide(c, row, grant, this.#division);
    // A division deeper down uses the same scratch space, so this one is read out first.
    const children = [...division.rows];
    const parts = children.map((child) => division.given.get(child) ?? 0);
    const { left, weights } = division;
    for (let i = 0; i < children.length; i++) {
      const child = children[i]!;
      const part = parts[i]!;
      if (!wasSatisfied && !visitAll && part === c.rate[child] && (c.flags[child]! & FLAG.dirty) === 0) continue;
      const weight = c.weight[child]!;
      const alone = part < c.want[child]! ? part : Math.floor(((left + part) * weight) / (weights + weight));
      this.#assign(child, part, Math.min(this.#baseOf(child), Math.max(alone, part)), own, visitAll);
    }
  }

  /** As `#assign`, with the parts known. */
  #assignAll(row: number, given: Float64Array, halted: number): void {
    const c = this.columns;
    this.#give(row, given[row]!, this.#baseOf(row), halted);
    c.flags[row]! &= ~(FLAG.dirty | FLAG.satisfied);
    for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) this.#assignAll(child, given, c.halted[row]!);
  }

  /** Sets a row's rates from now on. Returns whether the part of time in which it is halted has changed. */
  #give(row: number, rate: number, running: number, haltedAbove: number): boolean {
    const c = this.columns;
    const own = this.#ownHalt(row, rate, running);
    const halted = own + haltedAbove - Math.floor((own * haltedAbove) / MILLION);
    const queues = Math.min(c.threads[row]!, c.width[row]!);
    const throttleRate = queues * own;
    const localRate = queues * halted;
    if (rate !== c.rate[row] || throttleRate !== c.throttleRate[row] || localRate !== c.localRate[row]) {
      this.#settle(row);
      c.rate[row] = rate;
      c.throttleRate[row] = throttleRate;
      c.localRate[row] = localRate;
    }
    if (own > 0 && this.#steady) c.flags[row]! |= FLAG.bound;
    else c.flags[row]! &= ~FLAG.bound;
    const changed = halted !== c.halted[row];
    c.halted[row] = halted;
    this.#dedicate(row);
    this.#stall(row);
    this.#heap.set(row, this.#dueOf(row));
    return changed;
  }

  /** Part of the time in which the row's own quota keeps it from running, millionths. */
  #ownHalt(row: number, rate: number, running: number): number {
    const c = this.columns;
    if ((c.flags[row]! & FLAG.throttled) !== 0) return MILLION;
    if (!this.#steady || c.quota[row] === 0 || c.threads[row] === 0) return 0;
    if (rate < this.#capOf(row) || running <= rate) return 0;
    return MILLION - Math.floor((rate * MILLION) / running);
  }

  /** Counts the threads that have a CPU to themselves, here and above. */
  #dedicate(row: number): void {
    const c = this.columns;
    if (this.machine.cpus === 1 || c.firstChild[row] !== NONE) return;
    const threads = c.threads[row]!;
    const dedicated = threads > 0 && c.rate[row]! >= threads * WHOLE_CPU ? threads : 0;
    const more = dedicated - c.dedicated[row]!;
    if (more === 0) return;
    for (let at = row; at !== NONE; at = c.parent[at]!) c.dedicated[at] = c.dedicated[at]! + more;
    this.#dedicatedChanged = true;
  }

  /**
   * Pressure. Threads that do not have a CPU to themselves stand on as many of the other CPUs as they can. On each the
   * group is fully stalled while none of its threads runs, and stalled in part when it has more than one there.
   */
  #stall(row: number): void {
    const c = this.columns;
    const threads = c.threads[row]!;
    let some = 0;
    let full = 0;
    if (threads > 0) {
      const alone = c.dedicated[row]!;
      const satisfied = (c.flags[0]! & FLAG.satisfied) !== 0;
      const others = satisfied ? this.machine.cpus : Math.max(1, this.machine.cpus - c.dedicated[0]!);
      const cpus = Math.min(alone + Math.min(threads - alone, others), c.width[row]!);
      const wanted = Math.min(c.demand[row]!, cpus * MILLION);
      full = wanted > c.rate[row]! ? MILLION - Math.floor((c.rate[row]! * MILLION) / wanted) : 0;
      const crowded = Math.min(MILLION, Math.floor(((threads - cpus) * MILLION) / cpus));
      some = crowded + full - Math.floor((crowded * full) / MILLION);
    }
    if (some === 0 && c.pressure[row] === 0) return;
    if (c.pressure[row] === 0) c.pressure[row] = this.pressure.allocate(this.at, c.born[row]!);
    // psi.c: the system as a whole has no "full" for CPU.
    this.pressure.set(c.pressure[row]!, this.at, some, row === 0 ? 0 : full);
  }

  // ── steady mode ───────────────────────────────────────────────────────────────────────────────────────────────────

  #enterSteady(): void {
    const c = this.columns;
    this.#steadyDue = Infinity;
    for (let row = 0; row < c.rows; row++) {
      if ((c.flags[row]! & FLAG.open) === 0) continue;
      this.#settle(row);
      if (c.quota[row] === 0 || (c.flags[row]! & FLAG.active) === 0 || c.threads[row] === 0) continue;
      c.flags[row]! &= ~FLAG.throttled;
      // What is left of the quota is spread over what is left of the period.
      const rest = c.boundary[row]! - this.at;
      const cap = Math.floor(Math.max(0, c.pool[row]!) / rest);
      if (cap >= Math.floor((c.quota[row]! * MILLION) / c.period[row]!)) continue;
      c.flags[row]! |= FLAG.partial;
      c.pool[row] = cap;
    }
    this.#steady = true;
    this.#rebuild();
  }

  #leaveSteady(): void {
    const c = this.columns;
    for (let row = 0; row < c.rows; row++) {
      if ((c.flags[row]! & FLAG.open) === 0) continue;
      this.#settle(row);
      if (c.quota[row] === 0) continue;
      const passed = this.at - (c.boundary[row]! - c.period[row]!);
      const active = (c.flags[row]! & FLAG.active) !== 0;
      const quota = c.quota[row]! * MILLION + ((c.flags[row]! & FLAG.bound) === 0 ? this.bursts.roomOf(row) : 0);
      if ((c.flags[row]! & FLAG.partial) !== 0) c.pool[row]! *= c.boundary[row]! - this.at;
      else c.pool[row] = active ? quota - c.rate[row]! * passed : quota;
      this.bursts.mark(row, quota);
      c.flags[row]! &= ~(FLAG.partial | FLAG.bound);
    }
    this.#steady = false;
    this.#rebuild();
  }

  /** Works out all wants anew; everything is shared anew. */
  #rebuild(): void {
    const visit = (row: number): number => {
      const c = this.columns;
      c.sum[row] = 0;
      for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) c.sum[row] += visit(child);
      c.want[row] = this.#wantOf(row);
      c.flags[row] = (c.flags[row]! | FLAG.dirty) & ~FLAG.satisfied;
      return c.want[row];
    };
    visit(0);
    this.#needsShare = true;
  }
}
