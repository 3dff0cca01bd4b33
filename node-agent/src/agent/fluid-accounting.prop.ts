import { timeUs } from '@paperfleet/core';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { FluidAccounting } from './fluid-accounting.ts';

const SECOND = 1_000_000;
const ask = fc.record({
  milli: fc.integer({ min: 0, max: 8000 }),
  limitMilli: fc.option(fc.integer({ min: 1, max: 8000 }), { nil: 0 }),
  weight: fc.integer({ min: 1, max: 10_000 }),
});
type Ask = { readonly milli: number; readonly limitMilli: number; readonly weight: number };

/** CPU time of each container after one second. */
function usage(coresMilli: number, asks: readonly Ask[]): number[] {
  const accounting = new FluidAccounting(coresMilli * 1e6, 1e12, undefined);
  asks.forEach(({ milli, limitMilli, weight }, row) => {
    accounting.open(row, { cpuNano: limitMilli * 1e6, memoryBytes: 0, weight });
    accounting.demand(row, milli * 1e6, 0);
  });
  accounting.settle(timeUs(0));
  accounting.advance(timeUs(SECOND));
  const out = { cpuUsageUs: 0, nrPeriods: 0, nrThrottled: 0, throttledUs: 0, memoryBytes: 0, memoryPeakBytes: 0, oomKills: 0 };
  return asks.map((_, row) => {
    accounting.read(row, out);
    return out.cpuUsageUs;
  });
}
const capOf = ({ milli, limitMilli }: Ask): number => (limitMilli > 0 ? Math.min(milli, limitMilli) : milli) * 1000;

describe('shares of a machine', () => {
  const machines = fc.tuple(fc.integer({ min: 100, max: 16_000 }), fc.array(ask, { minLength: 1, maxLength: 12 }));

  test('nobody gets more than it wants or may, and the machine no more than it has, but for rounding all of it', () =>
    fc.assert(
      fc.property(machines, ([coresMilli, asks]) => {
        const used = usage(coresMilli, asks);
        const sum = used.reduce((total, part) => total + part, 0);
        const wanted = asks.reduce((total, one) => total + capOf(one), 0);
        const possible = Math.min(wanted, coresMilli * 1000);
        return used.every((part, row) => part <= capOf(asks[row]!)) && sum <= possible && sum >= possible - asks.length;
      }),
    ));

  test('who gets less than it wants has no smaller part by weight than anybody', () =>
    fc.assert(
      fc.property(machines, ([coresMilli, asks]) => {
        const used = usage(coresMilli, asks);
        return asks.every((one, row) => {
          if (used[row]! >= capOf(one)) return true;
          return asks.every((other, peer) => (used[row]! + 1) / one.weight >= (used[peer]! - 1) / other.weight);
        });
      }),
    ));

  test('the order of containers does not matter', () =>
    fc.assert(
      fc.property(machines, ([coresMilli, asks]) => {
        const forward = usage(coresMilli, asks);
        const backward = usage(coresMilli, asks.toReversed()).toReversed();
        return forward.every((part, row) => part === backward[row]);
      }),
    ));
});
