/**
 * Distributions of durations and sizes, sampled to integers from a seeded stream with platform-independent arithmetic.
 */
import { exp, ln } from './elementary.ts';
import type { Rng } from './rng.ts';

export type Distribution =
  | { readonly kind: 'constant'; readonly value: number }
  /** Uniform over the integers from min to max. */
  | { readonly kind: 'uniform'; readonly min: number; readonly max: number }
  | { readonly kind: 'exponential'; readonly mean: number }
  /** Given by its median and 99th percentile. */
  | { readonly kind: 'lognormal'; readonly p50: number; readonly p99: number };

/** 99th percentile of the standard normal distribution. */
const Z99 = 2.3263478740408408;

/** One value, an integer >= 0 in the distribution's own unit. */
export function sample(distribution: Distribution, rng: Rng): number {
  switch (distribution.kind) {
    case 'constant':
      return Math.round(distribution.value);
    case 'uniform': {
      const span = distribution.max - distribution.min;
      return span < 4294967295 ? rng.range(distribution.min, distribution.max) : Math.round(distribution.min + rng.fraction() * span);
    }
    case 'exponential':
      return Math.round(distribution.mean * -ln(1 - rng.fraction()));
    case 'lognormal': {
      const sigma = ln(distribution.p99 / distribution.p50) / Z99;
      return Math.round(distribution.p50 * exp(sigma * normal(rng)));
    }
  }
}

/** A standard normal variate (Marsaglia's polar method). */
export function normal(rng: Rng): number {
  for (;;) {
    const u = 2 * rng.fraction() - 1;
    const v = 2 * rng.fraction() - 1;
    const s = u * u + v * v;
    if (s > 0 && s < 1) return u * Math.sqrt((-2 * ln(s)) / s);
  }
}
