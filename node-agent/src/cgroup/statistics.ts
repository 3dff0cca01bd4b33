/** Counters of all leaves as typed columns, for statistics frames and history. */
import { FLAG, FLOAT, WORD } from './columns.ts';
import type { CgroupTree } from './tree.ts';
import { wholeOf } from './work.ts';

export interface CgroupSample {
  /** Row of each leaf. */
  readonly rows: Uint32Array;
  readonly usageUs: Float64Array;
  readonly nrPeriods: Float64Array;
  readonly nrThrottled: Float64Array;
  readonly throttledUs: Float64Array;
  readonly memoryBytes: Float64Array;
  readonly memoryPeakBytes: Float64Array;
}

export const newSample = (capacity: number): CgroupSample => ({
  rows: new Uint32Array(capacity),
  usageUs: new Float64Array(capacity),
  nrPeriods: new Float64Array(capacity),
  nrThrottled: new Float64Array(capacity),
  throttledUs: new Float64Array(capacity),
  memoryBytes: new Float64Array(capacity),
  memoryPeakBytes: new Float64Array(capacity),
});

/**
 * Writes the counters of all leaves as of now into `out`, from index `at` on; returns the index after the last. O(groups).
 * One flat loop with everything in local variables on purpose: it runs a million times a second, and calls and reads of
 * properties in it double its cost. CpuModel has the same arithmetic in readable form, and a test holds the two equal.
 */
export function sampleLeaves(tree: CgroupTree, out: CgroupSample, at: number = 0): number {
  const { capacity, rows, floats, words } = tree.columns; // `since` and `flags` stand at 0
  const { rows: outRows, usageUs, nrPeriods, nrThrottled, throttledUs, memoryBytes, memoryPeakBytes } = out;
  const now = tree.cpu.at;
  const steady = tree.cpu.isSteady;
  const usage = FLOAT.usage * capacity;
  const memory = FLOAT.memory * capacity;
  const memoryPeak = FLOAT.memoryPeak * capacity;
  const throttled = FLOAT.throttled * capacity;
  const boundary = FLOAT.boundary * capacity;
  const rates = WORD.rate * capacity;
  const carries = WORD.usageCarry * capacity;
  const throttleRates = WORD.throttleRate * capacity;
  const periods = WORD.periods * capacity;
  const throttledPeriods = WORD.throttledPeriods * capacity;
  const period = WORD.period * capacity;
  const threads = WORD.threads * capacity;
  const { open, inner, limited, active, bound } = FLAG;
  const leafMask = open | inner;
  let index = at;
  for (let row = 1; row < rows; row++) {
    const flag = words[row]!;
    if ((flag & leafMask) !== open) continue;
    const span = now - floats[row]!;
    const rate = words[rates + row]!;
    const carry = words[carries + row]!;
    const work = rate * span + carry;
    outRows[index] = row;
    usageUs[index] = floats[usage + row]! + (work < 2 ** 52 ? Math.floor(work / 1_000_000) : wholeOf(rate, span, carry));
    memoryBytes[index] = floats[memory + row]!;
    memoryPeakBytes[index] = floats[memoryPeak + row]!;
    let allPeriods = 0;
    let allThrottled = 0;
    let lost = 0;
    if ((flag & limited) !== 0) {
      let passed = 0;
      if (steady && (flag & active) !== 0 && words[threads + row]! > 0) {
        const late = now - floats[boundary + row]!;
        if (late >= 0) passed = Math.floor(late / words[period + row]!) + 1;
      }
      allPeriods = words[periods + row]! + passed;
      allThrottled = words[throttledPeriods + row]! + ((flag & bound) === 0 ? 0 : passed);
      const halted = words[throttleRates + row]! * span;
      lost = floats[throttled + row]! + (halted < 2 ** 52 ? Math.floor(halted / 1_000_000) : wholeOf(words[throttleRates + row]!, span, 0));
    }
    nrPeriods[index] = allPeriods;
    nrThrottled[index] = allThrottled;
    throttledUs[index] = lost;
    index++;
  }
  return index;
}
