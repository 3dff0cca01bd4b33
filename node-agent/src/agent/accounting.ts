/**
 * Accounting of CPU and memory: what the node's kernel does with what containers ask for. One cgroup per container, named
 * by its row. The port is meant for more than one implementation; this is FluidAccounting.
 */
import type { TimeUs } from '@paperfleet/core';

/** A cgroup's settings. */
export interface CgroupLimits {
  /** cpu.max as a rate, nano-CPUs; 0: none. */
  readonly cpuNano: number;
  /** memory.max, bytes; 0: none. */
  readonly memoryBytes: number;
  /** cpu.weight, 1 to 10000 (default 100). */
  readonly weight: number;
}

/** A cgroup's counters, as cpu.stat and memory.* show them. */
export interface CgroupCounters {
  cpuUsageUs: number;
  nrPeriods: number;
  nrThrottled: number;
  throttledUs: number;
  memoryBytes: number;
  memoryPeakBytes: number;
  oomKills: number;
}

export interface Accounting {
  /** A container's process starts. */
  open(row: number, limits: CgroupLimits): void;
  /** What it asks for from now on; takes effect with the next `settle`. */
  demand(row: number, cpuNano: number, memoryBytes: number): void;
  /** It ended; its counters are gone. */
  close(row: number): void;
  /**
   * Brings all counters to `now` and shares the machine anew. Returns the rows that the OOM killer takes, in the order
   * killed; their memory is free already, and the caller has to close them.
   */
  settle(now: TimeUs): readonly number[];
  /** Brings all counters to `now`. */
  advance(now: TimeUs): void;
  /** Counters as of the last `settle` or `advance`, written into `out`. */
  read(row: number, out: CgroupCounters): void;
  /** All containers since the node was born, ended ones too: CPU time in µs. */
  readonly totalCpuUs: number;
  /** Memory of all containers, bytes. */
  readonly totalMemoryBytes: number;
  save(): unknown;
}
