import { describe, expect, test } from 'vitest';
import { normal, sample } from './distribution.ts';
import { exp, ln } from './elementary.ts';
import { deriveKey, RandomStream, rootKey } from './rng.ts';

const stream = (label: string): RandomStream => new RandomStream(deriveKey(rootKey('seed'), label));

describe('random streams', () => {
  test('known answers: a change of the generator changes every run', () => {
    const rng = stream('golden');
    expect([rng.u32(), rng.u32(), rng.u32()]).toMatchInlineSnapshot(`
      [
        3021629400,
        2706408868,
        1328844271,
      ]
    `);
    expect(rng.fork('child').u32()).toMatchInlineSnapshot(`2864065151`);
  });

  test('a fork does not depend on the draws of its parent', () => {
    const drawn = stream('parent');
    for (let i = 0; i < 100; i++) drawn.u32();
    expect(drawn.fork('x').u32()).toBe(stream('parent').fork('x').u32());
    expect(drawn.fork('x').u32()).not.toBe(drawn.fork('y').u32());
  });

  test('saved and restored it goes on the same', () => {
    const rng = stream('save');
    for (let i = 0; i < 17; i++) rng.below(1000);
    const copy = stream('save');
    copy.restore(rng.save());
    expect(Array.from({ length: 50 }, () => copy.u32())).toEqual(Array.from({ length: 50 }, () => rng.u32()));
    expect(copy.draws).toBe(rng.draws);
  });

  test('uniform: every residue of below(10) within 4 standard deviations', () => {
    const rng = stream('uniform');
    const counts = new Array<number>(10).fill(0);
    const n = 100_000;
    for (let i = 0; i < n; i++) counts[rng.below(10)]!++;
    for (const count of counts) expect(Math.abs(count - n / 10)).toBeLessThan(4 * Math.sqrt(n * 0.09));
  });
});

describe('elementary functions', () => {
  test('ln and exp agree with the platform to 4 ulp over their range', () => {
    const rng = stream('elementary');
    for (let i = 0; i < 20_000; i++) {
      const x = rng.fraction() * 10 ** rng.range(-12, 12) + Number.MIN_VALUE;
      expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(4 * Number.EPSILON * Math.max(1, Math.abs(Math.log(x))));
      const y = (rng.fraction() - 0.5) * 200;
      expect(Math.abs(exp(y) / Math.exp(y) - 1)).toBeLessThan(8 * Number.EPSILON);
    }
  });

  test('edges', () => {
    expect(ln(1)).toBe(0);
    expect(ln(0)).toBe(-Infinity);
    expect(ln(-1)).toBeNaN();
    expect(ln(5e-324)).toBeCloseTo(Math.log(5e-324), 10);
    expect(exp(0)).toBe(1);
    expect(exp(1000)).toBe(Infinity);
    expect(exp(-1000)).toBe(0);
    expect(exp(-740)).toBeCloseTo(Math.exp(-740), 320);
  });
});

describe('distributions', () => {
  const mean = (n: number, draw: () => number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += draw();
    return sum / n;
  };

  test('means and percentiles', () => {
    const rng = stream('distributions');
    expect(Math.abs(mean(50_000, () => sample({ kind: 'exponential', mean: 8000 }, rng)) / 8000 - 1)).toBeLessThan(0.02);
    expect(Math.abs(mean(50_000, () => sample({ kind: 'uniform', min: 100, max: 300 }, rng)) - 200)).toBeLessThan(2);
    expect(Math.abs(mean(50_000, () => normal(rng)))).toBeLessThan(0.02);
    const values = Array.from({ length: 50_000 }, () => sample({ kind: 'lognormal', p50: 2_000_000, p99: 9_000_000 }, rng)).sort(
      (a, b) => a - b,
    );
    expect(Math.abs(values[25_000]! / 2_000_000 - 1)).toBeLessThan(0.02);
    expect(Math.abs(values[49_500]! / 9_000_000 - 1)).toBeLessThan(0.06);
    expect(sample({ kind: 'constant', value: 7 }, rng)).toBe(7);
  });
});
