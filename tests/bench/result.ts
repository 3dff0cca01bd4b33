// What a bench hands back. A bench is a file tests/bench/<subject>.bench.ts with `export async function run(): Promise<BenchResult[]>`.

/** One measured goal. */
export interface BenchResult {
  /** Number of the goal in the product's list, e.g. 'P9'; '–' when it belongs to none. */
  readonly goal: string;
  /** What was measured, with its size: 'events, 1 M pending'. */
  readonly name: string;
  readonly value: number;
  /** Unit of value and target. '…/s' is a rate; s, ms, µs, ns and '% of a core' are times; anything else does not depend on the machine's speed. */
  readonly unit: string;
  readonly target: number;
  /** 'min': value must be at least target. 'max': at most. */
  readonly direction: 'min' | 'max';
  /** How it was measured, when that is not obvious: CPU or wall time, what was left out. */
  readonly note?: string;
}

/** A module under tests/bench. */
export interface BenchModule {
  run(): Promise<readonly BenchResult[]>;
}

const TIME_UNITS: Readonly<Record<string, number>> = { s: 1, ms: 1e-3, µs: 1e-6, us: 1e-6, ns: 1e-9 };

/** How a unit depends on the machine's speed. */
export function kindOf(unit: string): 'rate' | 'time' | 'neither' {
  if (unit.endsWith('/s')) return 'rate';
  return Object.hasOwn(TIME_UNITS, unit) || unit === '% of a core' ? 'time' : 'neither';
}

/** Seconds in one unit of time, undefined for other units. */
export function secondsIn(unit: string): number | undefined {
  return Object.hasOwn(TIME_UNITS, unit) ? TIME_UNITS[unit] : undefined;
}

/**
 * The target for a machine that runs the calibration at `speed` times the reference. A faster machine gets no harder goal.
 * @param speed – measured calibration / reference, > 0
 */
export function targetAt(result: BenchResult, speed: number): number {
  const slower = Math.min(1, speed);
  const kind = kindOf(result.unit);
  if (kind === 'rate') return result.target * slower;
  return kind === 'time' ? result.target / slower : result.target;
}

/** True when the value reaches the target that applies at `speed`. */
export function isReached(result: BenchResult, speed: number): boolean {
  const target = targetAt(result, speed);
  return result.direction === 'min' ? result.value >= target : result.value <= target;
}
