/** Quantities as people write them in workload parameters, read to integers. Each reader returns undefined for what it cannot read. */
import type { Distribution } from '@paperfleet/core';

const DURATION_UNITS: Readonly<Record<string, number>> = { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 60e6, h: 3600e6, d: 86400e6 };
const BYTE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kb: 2 ** 10,
  kib: 2 ** 10,
  m: 2 ** 20,
  mb: 2 ** 20,
  mib: 2 ** 20,
  g: 2 ** 30,
  gb: 2 ** 30,
  gib: 2 ** 30,
  t: 2 ** 40,
  tb: 2 ** 40,
  tib: 2 ** 40,
};

const safe = (value: number): number | undefined => (Number.isSafeInteger(value) && value >= 0 ? value : undefined);

/** '250ms', '1m30s', '1.5h' → µs. A bare number is seconds. */
export function readDuration(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= 0 ? safe(Math.round(value * 1e6)) : undefined;
  if (typeof value !== 'string' || !/^(\d+(\.\d+)?(us|µs|ms|s|m|h|d))+$/.test(value)) return value === '0' ? 0 : undefined;
  let total = 0;
  for (const [, amount, unit] of value.matchAll(/(\d+(?:\.\d+)?)(us|µs|ms|s|m|h|d)/g)) total += Number(amount) * DURATION_UNITS[unit!]!;
  return safe(Math.round(total));
}

/** '64MiB', '64m', '1.5GiB', 1024 → bytes. As in Compose files `m` and `MB` are 2^20. */
export function readBytes(value: unknown): number | undefined {
  if (typeof value === 'number') return safe(value);
  if (typeof value !== 'string') return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(value.toLowerCase());
  const unit = match === null ? undefined : BYTE_UNITS[match[2]!];
  return match === null || unit === undefined ? undefined : safe(Math.round(Number(match[1]) * unit));
}

/** 0.25, '0.25' or '250m' (cores) → nano-CPUs. */
export function readCpu(value: unknown): number | undefined {
  if (typeof value === 'number') return value >= 0 ? safe(Math.round(value * 1e9)) : undefined;
  const match = typeof value === 'string' ? /^(\d+(?:\.\d+)?)(m?)$/.exec(value) : null;
  return match === null ? undefined : safe(Math.round(Number(match[1]) * (match[2] === 'm' ? 1e6 : 1e9)));
}

/** A share from 0 to 1 → parts per thousand. */
export function readShare(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value <= 1 ? Math.round(value * 1000) : undefined;
}

/** `'3s'`, `{uniform: ['1s', '5s']}`, `{exponential: '8ms'}`, `{lognormal: {p50: '2s', p99: '9s'}}` → distribution in µs. */
export function readDistribution(value: unknown): Distribution | undefined {
  const constant = readDuration(value);
  if (constant !== undefined) return { kind: 'constant', value: constant };
  if (typeof value !== 'object' || value === null) return undefined;
  const entries: readonly (readonly [string, unknown])[] = Object.entries(value);
  if (entries.length !== 1) return undefined;
  const [kind, argument] = entries[0]!;
  switch (kind) {
    case 'uniform': {
      if (!Array.isArray(argument) || argument.length !== 2) return undefined;
      const [min, max] = [readDuration(argument[0]), readDuration(argument[1])];
      return min !== undefined && max !== undefined && min <= max ? { kind, min, max } : undefined;
    }
    case 'exponential': {
      const mean = readDuration(argument);
      return mean === undefined ? undefined : { kind, mean };
    }
    case 'lognormal': {
      const { p50, p99, ...others } = (argument ?? {}) as Readonly<Record<string, unknown>>;
      const [median, tail] = [readDuration(p50), readDuration(p99)];
      if (median === undefined || tail === undefined || Object.keys(others).length > 0) return undefined;
      return median > 0 && tail >= median ? { kind, p50: median, p99: tail } : undefined;
    }
    default:
      return undefined;
  }
}

/** µs for people: '250 ms', '1.5 s', '2 min'. */
export function showDuration(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 1e6) return `${us / 1e3} ms`;
  if (us < 60e6) return `${us / 1e6} s`;
  return `${us / 60e6} min`;
}

/** Bytes for people: '64 MiB'. */
export function showBytes(bytes: number): string {
  if (bytes < 2 ** 10) return `${bytes} B`;
  if (bytes < 2 ** 20) return `${Math.round(bytes / 2 ** 10)} KiB`;
  if (bytes < 2 ** 30) return `${Math.round(bytes / 2 ** 20)} MiB`;
  return `${Math.round((bytes / 2 ** 30) * 10) / 10} GiB`;
}

/** A distribution of durations for people. */
export function showDistribution(distribution: Distribution): string {
  switch (distribution.kind) {
    case 'constant':
      return showDuration(distribution.value);
    case 'uniform':
      return `${showDuration(distribution.min)} – ${showDuration(distribution.max)}`;
    case 'exponential':
      return `mean ${showDuration(distribution.mean)}, exponential`;
    case 'lognormal':
      return `median ${showDuration(distribution.p50)}, p99 ${showDuration(distribution.p99)}`;
  }
}
