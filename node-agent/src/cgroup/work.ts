/**
 * Exact arithmetic of rates over time. Rates are micro-CPUs (millionths of a CPU, or of a second per second), time is in
 * microseconds, so rate × time is an amount in picoseconds ("work"). Counters are kept in whole microseconds with the
 * rest in a carry below a million, which makes sums independent of how a span is divided.
 */

/** Micro-CPUs of one CPU; picoseconds of one microsecond. */
export const MILLION = 1_000_000;

/** Products below this are exact, and so is the whole part of their quotient by a million. */
const EXACT = 2 ** 52;

/** Whole microseconds that `rate` makes of `span` and a carry of picoseconds; exact for rates below 2^31 and any span. */
export function wholeOf(rate: number, span: number, carry: number): number {
  const work = rate * span + carry;
  if (work < EXACT) return Math.floor(work / MILLION);
  const seconds = Math.floor(span / MILLION);
  return rate * seconds + Math.floor((rate * (span - seconds * MILLION) + carry) / MILLION);
}

/** The picoseconds left beside `wholeOf`. */
export function carryOf(rate: number, span: number, carry: number): number {
  return (rate * (span % MILLION) + carry) % MILLION;
}

/** Microseconds until an amount of work (ps) is done at a rate above 0; rounded up. */
export function timeFor(work: number, rate: number): number {
  return work <= 0 ? 0 : Math.ceil(work / rate);
}

/** The first instant of a grid of that step and offset that is not before `at`. */
export function onGrid(at: number, step: number, offset: number): number {
  return offset + Math.ceil((at - offset) / step) * step;
}
