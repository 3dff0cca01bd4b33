/**
 * Pressure stall information, as kernel/sched/psi.c keeps it: the time in which some and in which all tasks of a group
 * waited, and averages over 10, 60 and 300 s, renewed every 2 s and one tick in 11-bit fixed point.
 *
 * One row per group that has ever waited for that resource. Between two changes "some" and "full" grow at constant rates
 * (parts per million), so averages are worked out when somebody looks, or when a rate changes.
 */
import { wholeOf } from './work.ts';

/** kernel/sched/psi.c: PSI_FREQ, 2 s and one tick at 250 Hz. */
export const PRESSURE_WINDOW_US = 2_004_000;
/** Fixed point of the averages: 1 is 2048. */
const ONE = 2048;
/** Decay factors of 2 s within 10, 60 and 300 s: EXP_10s, EXP_60s, EXP_300s. */
const DECAY = [1677, 1981, 2034] as const;

/** What a pressure file shows. Averages are in 2048ths of a percent, totals in µs. */
export interface PressureReading {
  /** some avg10, avg60, avg300, then full's. */
  readonly averages: readonly number[];
  readonly someUs: number;
  readonly fullUs: number;
}

export const NO_PRESSURE: PressureReading = { averages: [0, 0, 0, 0, 0, 0], someUs: 0, fullUs: 0 };

/** One step of an average (calc_load): `percent` is whole. */
export function nextAverage(average: number, percent: number, decay: number): number {
  const active = percent * ONE;
  return (average * decay + active * (ONE - decay) + (active >= average ? ONE - 1 : 0)) >> 11;
}

/** Whole percent of a window that was stalled. */
const percentOf = (stalledUs: number): number => Math.floor((100 * Math.min(stalledUs, PRESSURE_WINDOW_US)) / PRESSURE_WINDOW_US);

export interface SavedPressure {
  readonly times: Float64Array;
  readonly rates: Uint32Array;
  readonly rows: number;
  readonly free: readonly number[];
}

const TIMES = 6;
const SINCE = 0;
const SOME = 1;
const FULL = 2;
/** Next renewal of the averages, and the totals at the last one: some, then full. */
const NEXT = 3;
const SOME_MARK = 4;
const RATES = 8;
const SOME_RATE = 0;
const FULL_RATE = 1;
const AVERAGES = 2;

/** Row 0 is nobody's: it stands for "never waited". */
export class PressureTable {
  #times: Float64Array;
  #rates: Uint32Array;
  #rows: number;
  readonly #free: number[];

  constructor(saved?: SavedPressure) {
    this.#times = saved?.times.slice() ?? new Float64Array(0);
    this.#rates = saved?.rates.slice() ?? new Uint32Array(0);
    this.#rows = saved?.rows ?? 1;
    this.#free = [...(saved?.free ?? [])];
  }

  /** A row for a group whose renewals lie on the grid through `origin` (the instant it was made). */
  allocate(at: number, origin: number): number {
    const row = this.#free.pop() ?? this.#rows++;
    if (row * TIMES >= this.#times.length) this.#grow(row + 1);
    const t = row * TIMES;
    this.#times.fill(0, t, t + TIMES);
    this.#times[t + SINCE] = at;
    this.#times[t + NEXT] = origin + (Math.floor((at - origin) / PRESSURE_WINDOW_US) + 1) * PRESSURE_WINDOW_US;
    this.#rates.fill(0, row * RATES, (row + 1) * RATES);
    return row;
  }

  release(row: number): void {
    if (row === 0) return;
    // Its rates are zero from here on, so that a look at a released row finds nothing growing.
    this.#rates.fill(0, row * RATES, (row + 1) * RATES);
    this.#free.push(row);
  }

  /** From `at` on, `some` and `full` grow by these parts per million. */
  set(row: number, at: number, someRate: number, fullRate: number): void {
    const r = row * RATES;
    if (this.#rates[r + SOME_RATE] === someRate && this.#rates[r + FULL_RATE] === fullRate) return;
    this.#settle(row, at);
    this.#rates[r + SOME_RATE] = someRate;
    this.#rates[r + FULL_RATE] = fullRate;
  }

  /** Adds a stall that has been worked out as a length: µs of some and full that lie before `at`. */
  add(row: number, at: number, someUs: number, fullUs: number): void {
    this.#settle(row, at);
    const t = row * TIMES;
    this.#times[t + SOME]! += someUs;
    this.#times[t + FULL]! += fullUs;
  }

  read(row: number, at: number): PressureReading {
    if (row === 0) return NO_PRESSURE;
    this.#renew(row, at);
    const r = row * RATES + AVERAGES;
    return {
      averages: [...this.#rates.subarray(r, r + 6)],
      someUs: this.#total(row, SOME, SOME_RATE, at),
      fullUs: this.#total(row, FULL, FULL_RATE, at),
    };
  }

  /** Bytes of typed arrays. */
  get bytes(): number {
    return this.#times.byteLength + this.#rates.byteLength;
  }

  save(): SavedPressure {
    return {
      times: this.#times.slice(0, this.#rows * TIMES),
      rates: this.#rates.slice(0, this.#rows * RATES),
      rows: this.#rows,
      free: [...this.#free],
    };
  }

  #total(row: number, column: number, rateColumn: number, at: number): number {
    const t = row * TIMES;
    return this.#times[t + column]! + wholeOf(this.#rates[row * RATES + rateColumn]!, at - this.#times[t + SINCE]!, 0);
  }

  #settle(row: number, at: number): void {
    this.#renew(row, at);
    const some = this.#total(row, SOME, SOME_RATE, at);
    const full = this.#total(row, FULL, FULL_RATE, at);
    const t = row * TIMES;
    this.#times[t + SOME] = some;
    this.#times[t + FULL] = full;
    this.#times[t + SINCE] = at;
  }

  /** Renews the averages at every point of the grid up to `at`. */
  #renew(row: number, at: number): void {
    const t = row * TIMES;
    let next = this.#times[t + NEXT]!;
    while (next <= at) {
      const from = next - PRESSURE_WINDOW_US;
      const settled = this.#step(row, this.#percentUntil(row, SOME, SOME_RATE, next), this.#percentUntil(row, FULL, FULL_RATE, next));
      next += PRESSURE_WINDOW_US;
      // Once a whole window of the present rates changes nothing, those like it change nothing either.
      if (!settled || next > at || from < this.#times[t + SINCE]! || !this.#isSteady(row)) continue;
      next += Math.floor((at - next) / PRESSURE_WINDOW_US) * PRESSURE_WINDOW_US;
      this.#percentUntil(row, SOME, SOME_RATE, next);
      this.#percentUntil(row, FULL, FULL_RATE, next);
      next += PRESSURE_WINDOW_US;
    }
    this.#times[t + NEXT] = next;
  }

  /** Whole percent that a total grew by since its mark; the mark moves to `at`. */
  #percentUntil(row: number, column: number, rateColumn: number, at: number): number {
    const total = this.#total(row, column, rateColumn, at);
    const mark = row * TIMES + column + (SOME_MARK - SOME);
    const percent = percentOf(total - this.#times[mark]!);
    this.#times[mark] = total;
    return percent;
  }

  /** One renewal; true when it changed nothing, so that more of the same changes nothing either. */
  #step(row: number, somePercent: number, fullPercent: number): boolean {
    const r = row * RATES + AVERAGES;
    let settled = true;
    for (let i = 0; i < 6; i++) {
      const old = this.#rates[r + i]!;
      const fresh = nextAverage(old, i < 3 ? somePercent : fullPercent, DECAY[i % 3]!);
      if (fresh !== old) settled = false;
      this.#rates[r + i] = fresh;
    }
    return settled;
  }

  /** True when every window at these rates has the same whole percentages, however its µs are rounded. */
  #isSteady(row: number): boolean {
    const r = row * RATES;
    return isConstant(this.#rates[r + SOME_RATE]!) && isConstant(this.#rates[r + FULL_RATE]!);
  }

  #grow(rows: number): void {
    const room = Math.ceil(rows * 1.0625) + 2;
    const times = new Float64Array(room * TIMES);
    times.set(this.#times);
    this.#times = times;
    const rates = new Uint32Array(room * RATES);
    rates.set(this.#rates);
    this.#rates = rates;
  }
}

function isConstant(rate: number): boolean {
  const least = wholeOf(rate, PRESSURE_WINDOW_US, 0);
  return percentOf(least) === percentOf(least + 1);
}
