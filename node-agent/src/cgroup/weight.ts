/** From Docker's CPU shares (cgroup v1, 2 to 262144) to cpu.weight (1 to 10000). */
import { exp, ln } from '@paperfleet/core';

/**
 * Which conversion the container runtime makes. `linear`: runc before 1.3.2 and crun before 1.23, proportional.
 * `quadratic`: those and later; 1024 shares become the default weight 100, and the curve is not proportional.
 */
export type WeightCurve = 'linear' | 'quadratic';

const SHARES_MIN = 2;
const SHARES_MAX = 262_144;
/** A result this close above an integer is the integer: 1024 shares give 100 + 3e-14 in floating point, and 100 is meant. */
const ROUNDING = 1e-9;

/** cpu.weight when none is set. */
export const WEIGHT_DEFAULT = 100;

/**
 * cpu.weight of a number of shares; 0 shares mean "not set" and leave the default.
 * @param shares – as given to `--cpu-shares`; values outside 2 … 262144 count as the nearest bound
 */
export function weightOfShares(shares: number, curve: WeightCurve): number {
  if (shares === 0) return WEIGHT_DEFAULT;
  const bounded = Math.min(SHARES_MAX, Math.max(SHARES_MIN, Math.floor(shares)));
  if (curve === 'linear') return 1 + Math.floor(((bounded - SHARES_MIN) * 9999) / (SHARES_MAX - SHARES_MIN));
  if (bounded <= SHARES_MIN) return 1;
  if (bounded >= SHARES_MAX) return 10_000;
  const log2 = ln(bounded) / Math.LN2;
  const exponent = (log2 * log2 + 125 * log2) / 612 - 7 / 34;
  return Math.ceil(exp(exponent * Math.LN10) - ROUNDING);
}

/** The Kubernetes runtime's shares of a CPU request: 1024 a core, at least 2. */
export function sharesOfMilliCpu(milliCpu: number): number {
  return Math.min(SHARES_MAX, Math.max(SHARES_MIN, Math.floor((milliCpu * 1024) / 1000)));
}
