import { timeUs } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import type { CgroupCounters } from './accounting.ts';
import { FluidAccounting } from './fluid-accounting.ts';

const CORE = 1e9;
const GIB = 2 ** 30;

function counters(accounting: FluidAccounting, row: number): CgroupCounters {
  const out = { cpuUsageUs: 0, nrPeriods: 0, nrThrottled: 0, throttledUs: 0, memoryBytes: 0, memoryPeakBytes: 0, oomKills: 0 };
  accounting.read(row, out);
  return out;
}

/** A machine whose containers ask for this much from the start. */
function machine(
  cores: number,
  ...asks: readonly {
    readonly cpu: number;
    readonly limit?: number;
    readonly weight?: number;
    readonly memory?: number;
    readonly memoryLimit?: number;
  }[]
): FluidAccounting {
  const accounting = new FluidAccounting(cores * CORE, 16 * GIB, undefined);
  asks.forEach(({ cpu, limit = 0, weight = 100, memory = 0, memoryLimit = 0 }, row) => {
    accounting.open(row, { cpuNano: limit * CORE, memoryBytes: memoryLimit, weight });
    accounting.demand(row, cpu * CORE, memory);
  });
  return accounting;
}

describe('CPU', () => {
  test('everybody gets what it asks for while there is enough', () => {
    const accounting = machine(4, { cpu: 1.5 }, { cpu: 0.25 });
    accounting.settle(timeUs(0));
    accounting.advance(timeUs(10_000_000));
    expect([0, 1].map((row) => counters(accounting, row).cpuUsageUs)).toEqual([15_000_000, 2_500_000]);
    expect(accounting.totalCpuUs).toBe(17_500_000);
  });

  test('a limit throttles in every period, for the time that the quota does not cover', () => {
    // the kernel, measured: quota 50 % of one thread that spins: 30 of 30 periods in 3 s, throttled 1.5 s.
    const accounting = machine(2, { cpu: 1, limit: 0.5 }, { cpu: 2, limit: 1 }, { cpu: 0.3, limit: 0.5 });
    accounting.settle(timeUs(0));
    accounting.advance(timeUs(3_000_000));
    expect(counters(accounting, 0)).toMatchObject({ cpuUsageUs: 1_500_000, nrPeriods: 30, nrThrottled: 30, throttledUs: 1_500_000 });
    // Two threads at a quota of one core: throttled time is summed over threads.
    expect(counters(accounting, 1)).toMatchObject({ cpuUsageUs: 3_000_000, nrThrottled: 30, throttledUs: 3_000_000 });
    expect(counters(accounting, 2)).toMatchObject({ cpuUsageUs: 900_000, nrPeriods: 30, nrThrottled: 0, throttledUs: 0 });
  });

  test('scarce cores are shared by weight among those who want more', () => {
    // Measured on a kernel: weights 1:3 → 750:2250; a w3 limit 60 %, b w1 → 1800:1200 (of 3 s on one core).
    const equal = machine(1, { cpu: 1, weight: 100 }, { cpu: 1, weight: 300 });
    const limited = machine(1, { cpu: 1, weight: 300, limit: 0.6 }, { cpu: 1, weight: 100 });
    const modest = machine(1, { cpu: 0.1 }, { cpu: 1 }, { cpu: 1 });
    const usage = (accounting: FluidAccounting, rows: number): number[] => {
      accounting.settle(timeUs(0));
      accounting.advance(timeUs(3_000_000));
      return Array.from({ length: rows }, (_, row) => counters(accounting, row).cpuUsageUs);
    };
    expect(usage(equal, 2)).toEqual([750_000, 2_250_000]);
    expect(usage(limited, 2)).toEqual([1_800_000, 1_200_000]);
    expect(usage(modest, 3)).toEqual([300_000, 1_350_000, 1_350_000]);
    expect(counters(limited, 0).nrThrottled).toBe(30);
    // Bound by its share and not by its limit: not throttled (measured: quota 30, fair share 25 → 0 of 30).
    const shared = machine(1, { cpu: 1, limit: 0.3 }, { cpu: 1 }, { cpu: 1, weight: 200 });
    expect(usage(shared, 3)).toEqual([750_000, 750_000, 1_500_000]);
    expect(counters(shared, 0).nrThrottled).toBe(0);
  });

  test('counters go on over changes, and remainders are not lost', () => {
    const accounting = machine(1, { cpu: 0.333333 });
    accounting.settle(timeUs(0));
    for (let at = 7; at <= 3_000_000; at += 7) accounting.advance(timeUs(at));
    accounting.advance(timeUs(3_000_000));
    expect(counters(accounting, 0).cpuUsageUs).toBe(999_999);
    accounting.demand(0, CORE, 5);
    accounting.settle(timeUs(3_000_000));
    accounting.advance(timeUs(4_000_000));
    expect(counters(accounting, 0)).toMatchObject({ cpuUsageUs: 1_999_999, memoryBytes: 5 });
  });
});

describe('memory', () => {
  test('a container above its limit is killed with its peak at the limit', () => {
    const accounting = machine(1, { cpu: 0, memory: 60, memoryLimit: 64 }, { cpu: 0.5, memory: 65, memoryLimit: 64 });
    expect(accounting.settle(timeUs(0))).toEqual([1]);
    expect(counters(accounting, 1)).toMatchObject({ memoryBytes: 0, memoryPeakBytes: 64, oomKills: 1 });
    expect(counters(accounting, 0)).toMatchObject({ memoryBytes: 60, memoryPeakBytes: 60, oomKills: 0 });
    accounting.close(1);
    expect(accounting.settle(timeUs(0))).toEqual([]);
  });

  test('the biggest go when the machine is full, until the rest fits', () => {
    const accounting = machine(
      1,
      { cpu: 0, memory: 5 * GIB },
      { cpu: 0, memory: 9 * GIB },
      { cpu: 0, memory: 8 * GIB },
      { cpu: 0, memory: 4 * GIB },
    );
    expect(accounting.settle(timeUs(0))).toEqual([1, 2]);
    expect(accounting.totalMemoryBytes).toBe(9 * GIB);
  });

  test('the peak stays when memory falls', () => {
    const accounting = machine(1, { cpu: 0, memory: 100 });
    accounting.settle(timeUs(0));
    accounting.demand(0, 0, 40);
    accounting.settle(timeUs(1));
    expect(counters(accounting, 0)).toMatchObject({ memoryBytes: 40, memoryPeakBytes: 100 });
  });
});
