// Two fixed kernels that say how fast this machine is right now, run in the process of each bench: goals are read relative
// to them. They must never change, or all stored ratios lose their meaning.

import { cpuNsPerOperation } from './measure.ts';

/** Operations per CPU second of the two kernels. */
export interface Calibration {
  /** Scans of 5,000 nodes in typed arrays for the least loaded one that fits. */
  readonly scansPerSecond: number;
  /** JSON round trips (stringify and parse) of a report of 50 containers with 13 fields each. */
  readonly roundTripsPerSecond: number;
}

/** What the machine class of the goals reaches (2 virtual CPUs AMD EPYC Zen 5, Node 20.20; median of ten runs): the goals are meant for it. */
export const REFERENCE: Calibration = { scansPerSecond: 157_000, roundTripsPerSecond: 9_700 };

const NODES = 5_000;
const SCANS = 200;

/** A generator of integers that is the same everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}

function scanKernel(): () => void {
  const next = generator(1);
  const free = Int32Array.from({ length: NODES }, () => 1_000 + (next() % 31_000));
  const memory = Float64Array.from({ length: NODES }, () => (next() % 64) * 2 ** 30);
  const labels = Uint32Array.from({ length: NODES }, () => 1 << (next() % 4));
  const tasks = Int32Array.from({ length: NODES }, () => next() % 40);
  let turn = 0;
  return () => {
    for (let i = 0; i < SCANS; i++) {
      const wanted = 1 << (turn & 3);
      let best = -1;
      let bestCount = 0x7fff_ffff;
      for (let node = 0; node < NODES; node++) {
        if ((labels[node]! & wanted) === 0 || free[node]! < 100 || memory[node]! < 67_108_864) continue;
        const count = tasks[node]!;
        if (count < bestCount) {
          best = node;
          bestCount = count;
        }
      }
      if (best < 0) throw new Error('calibration: no node fits');
      tasks[best] = (tasks[best]! + 1) % 64;
      turn++;
    }
  };
}

function jsonKernel(): () => void {
  const next = generator(2);
  const report = {
    node: 'node-0421',
    at: 86_400_000_000,
    containers: Array.from({ length: 50 }, (_, index) => ({
      id: `container-${String(next()).padStart(12, '0')}-${index}`,
      service: `service-${next() % 100}`,
      phase: 'running',
      cpuUsageNanos: next() * 1_000,
      cpuThrottledNanos: next(),
      memoryBytes: next() * 256,
      memoryPeakBytes: next() * 256,
      pageFaults: next(),
      rxBytes: next() * 64,
      txBytes: next() * 64,
      readBytes: next() * 16,
      writeBytes: next() * 16,
      processes: next() % 32,
    })),
  };
  return () => {
    const back = JSON.parse(JSON.stringify(report)) as typeof report;
    if (back.containers.length !== 50) throw new Error('calibration: JSON round trip failed');
  };
}

/** Runs both kernels, about two seconds of CPU time. */
export function calibrate(): Calibration {
  return {
    scansPerSecond: 1e9 / cpuNsPerOperation(scanKernel(), SCANS),
    roundTripsPerSecond: 1e9 / cpuNsPerOperation(jsonKernel(), 1),
  };
}

/** Speed of this machine relative to the reference: the geometric mean of both kernels. */
export function speedOf({ scansPerSecond, roundTripsPerSecond }: Calibration): number {
  return Math.sqrt((scansPerSecond / REFERENCE.scansPerSecond) * (roundTripsPerSecond / REFERENCE.roundTripsPerSecond));
}
