import { expect, test } from 'vitest';
import { sharesOfMilliCpu, weightOfShares } from './weight.ts';

test.each([
  // request in milli-CPUs, shares, linear weight, quadratic weight
  [10, 10, 1, 4],
  [100, 102, 4, 17],
  [250, 256, 10, 35],
  [500, 512, 20, 59],
  [1000, 1024, 39, 100],
  [2000, 2048, 79, 174],
  [4000, 4096, 157, 303],
  [8000, 8192, 313, 532],
  [64_000, 65_536, 2500, 3023],
])('%i m: %i shares, weight %i, later %i', (milliCpu, shares, linear, quadratic) => {
  expect(sharesOfMilliCpu(milliCpu)).toBe(shares);
  expect(weightOfShares(shares, 'linear')).toBe(linear);
  expect(weightOfShares(shares, 'quadratic')).toBe(quadratic);
});

test('no shares leave the default, and both curves run from 1 to 10000', () => {
  for (const curve of ['linear', 'quadratic'] as const) {
    expect(weightOfShares(0, curve)).toBe(100);
    expect([weightOfShares(1, curve), weightOfShares(2, curve)]).toEqual([1, 1]);
    expect([weightOfShares(262_144, curve), weightOfShares(1e9, curve)]).toEqual([10_000, 10_000]);
  }
});
