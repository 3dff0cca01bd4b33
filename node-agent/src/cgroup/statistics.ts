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
 * One flat loop on purpose: it runs a million times a second, and calls and property reads in it double its cost.
 */
export function sampleLeaves(tree: CgroupTree, out: CgroupSample, at: number = 0): number {
  const { capacity, rows, floats, words } = tree.columns;
  const { rows: outRows, usageUs, nrPeriods, nrThrottled, throttledUs, memoryBytes, memoryPeakBytes } = out;
  const now = tree.cpu.at;
  const steady = tree.cpu.isSteady;
  const usage = FLOAT.usage * capacity;
  const throttled = FLOAT.throttled * capacity;
  const boundary = FLOAT.boundary * capacity;
  const memory = FLOAT.memory * capacity;
  const memoryPeak = FLOAT.memoryPeak * capacity;
  const usageCarry = WORD.usageCarry * capacity;
  const rate = WORD.rate * capacity;
  const threads = WORD.threads * capacity;
  const throttleRate = WORD.throttleRate * capacity;
  const period = WORD.period * capacity;
  const periods = WORD.periods * capacity;
  const throttledPeriods = WORD.throttledPeriods * capacity;
  const flags = WORD.flags * capacity;
  const { open, inner, limited, active, bound } = FLAG;
  let index = at;
  for (let row = 1; row < rows; row++) {
    const flag = words[flags + row]!;
    if ((flag & (open | inner)) !== open) continue;
    const span = now - floats[row]!; // since
    outRows[index] = row;
    usageUs[index] = floats[usage + row]! + wholeOf(words[rate + row]!, span, words[usageCarry + row]!);
    memoryBytes[index] = floats[memory + row]!;
    memoryPeakBytes[index] = floats[memoryPeak + row]!;
    let periodsUntil = 0;
    let throttledUntil = 0;
    let lost = 0;
    if ((flag & limited) !== 0) {
      let passed = 0;
      if (steady && (flag & active) !== 0 && words[threads + row]! > 0) {
        const late = now - floats[boundary + row]!;
        if (late >= 0) passed = Math.floor(late / words[period + row]!) + 1;
      }
      periodsUntil = words[periods + row]! + passed;
      throttledUntil = words[throttledPeriods + row]! + ((flag & bound) === 0 ? 0 : passed);
      lost = floats[throttled + row]! + wholeOf(words[throttleRate + row]!, span, 0);
    }
    nrPeriods[index] = periodsUntil;
    nrThrottled[index] = throttledUntil;
    throttledUs[index] = lost;
    index++;
  }
  return index;
}
