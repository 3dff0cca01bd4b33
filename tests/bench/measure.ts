// Measuring CPU time. Wall time on a shared machine is 2.4 to 3.5 times off, CPU time at most some 8 %, so single-threaded
// goals are measured in CPU time of the main thread; see docs of each bench for what it includes.

import { readFileSync } from 'node:fs';

const SCHEDSTAT = '/proc/thread-self/schedstat';

/** Nanoseconds that this thread has spent on a CPU (Linux); elsewhere those of the process, with all its threads. */
export function cpuNs(): number {
  if (hasSchedstat) return Number(readFileSync(SCHEDSTAT, 'latin1').split(' ')[0]);
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

const hasSchedstat = ((): boolean => {
  try {
    return Number(readFileSync(SCHEDSTAT, 'latin1').split(' ')[0]) > 0;
  } catch {
    return false;
  }
})();

/** One measurement. */
export interface Span {
  readonly cpuNs: number;
  readonly wallNs: number;
}

/** Time of one call. */
export function timeOf(body: () => void): Span {
  const wall = process.hrtime.bigint();
  const cpu = cpuNs();
  body();
  return { cpuNs: cpuNs() - cpu, wallNs: Number(process.hrtime.bigint() - wall) };
}

/** Median, for an odd number of values the middle one. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * CPU nanoseconds of one operation: the median of some rounds, each repeated until it has taken long enough.
 * @param operations – how many operations one call of body makes
 */
export function cpuNsPerOperation(
  body: () => void,
  operations: number,
  options: { readonly rounds?: number; readonly roundNs?: number } = {},
): number {
  const { rounds = 5, roundNs = 2e8 } = options;
  body(); // compiles it
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    let calls = 0;
    const start = cpuNs();
    let spent = 0;
    while (spent < roundNs) {
      body();
      calls++;
      spent = cpuNs() - start;
    }
    samples.push(spent / (calls * operations));
  }
  return median(samples);
}
