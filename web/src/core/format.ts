/** Numbers as people read them: simulated clock, spans, CPU in cores and milli-CPU (m), memory in MiB and GiB, speeds. */

const pad = (value: number, width: number): string => String(value).padStart(width, '0');

/** `00:01:23.5` from microseconds; hours are not wrapped. Rounds down, so that a shown instant was really reached. */
export function simClock(us: number): string {
  const tenths = Math.floor(Math.max(0, us) / 100_000);
  const seconds = Math.floor(tenths / 10);
  return `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}.${tenths % 10}`;
}

/** `01:23` or `1:02:03`: the label of a time axis, from seconds. */
export function axisTime(seconds: number): string {
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const rest = `${pad(Math.floor(whole / 60) % 60, 2)}:${pad(whole % 60, 2)}`;
  return hours > 0 ? `${hours}:${rest}` : rest;
}

/** A span from microseconds: `350 ms`, `4.2 s`, `12 s`, `2 min 05 s`, `1 h 02 min`. */
export function span(us: number): string {
  if (us === 0) return '0 s';
  const ms = us / 1000;
  if (ms < 1) return `${Math.round(us)} µs`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 9.95) return `${trim(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60, 2)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor(whole / 60) % 60, 2)} min`;
}

const trim = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);

/** Cores with as many digits as matter: `0.25`, `5.1`, `128`. */
const coreCount = (milli: number): string => trim((milli / 1000).toFixed(milli < 1000 ? 2 : milli < 99_950 ? 1 : 0));

/** CPU from milli-CPU: `182m` under one core, `5.1 cores` from there. */
export function cpu(milli: number): string {
  if (milli < 999.5) return `${Math.round(milli)}m`;
  const count = coreCount(milli);
  return `${count} ${count === '1' ? 'core' : 'cores'}`;
}

/** `182 / 500m`, `5.1 / 8 cores`: one unit for both, chosen by the larger. */
export function cpuPair(usedMilli: number, totalMilli: number): string {
  if (Math.max(usedMilli, totalMilli) < 999.5) return `${Math.round(usedMilli)} / ${Math.round(totalMilli)}m`;
  const total = coreCount(totalMilli);
  return `${coreCount(usedMilli)} / ${total} ${total === '1' ? 'core' : 'cores'}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
function binaryUnit(bytes: number): number {
  let unit = 0;
  for (let value = bytes; value >= 1023.5 && unit < UNITS.length - 1; value /= 1024) unit++;
  return unit;
}
function inUnit(bytes: number, unit: number): string {
  const value = bytes / 1024 ** unit;
  return trim(value.toFixed(unit < 3 || value >= 99.95 ? 0 : 1));
}

/** Memory from bytes: `110 MiB`, `1.5 GiB`. */
export function memory(bytes: number): string {
  const unit = binaryUnit(bytes);
  return `${inUnit(bytes, unit)} ${UNITS[unit]}`;
}

/** `110 / 256 MiB`, `0.4 / 16 GiB`: one unit for both, chosen by the larger. */
export function memoryPair(usedBytes: number, totalBytes: number): string {
  const unit = binaryUnit(Math.max(usedBytes, totalBytes));
  // Far less than a tenth would read as nothing.
  if (usedBytes > 0 && unit > 2 && usedBytes < 0.1 * 1024 ** unit) return `${memory(usedBytes)} / ${memory(totalBytes)}`;
  return `${inUnit(usedBytes, unit)} / ${inUnit(totalBytes, unit)} ${UNITS[unit]}`;
}

/** `0.5×`, `12×`; 0 is as fast as possible. */
export function speed(value: number): string {
  if (value === 0) return 'max';
  return reached(value);
}

/** A speed that was reached, where 0 means that nothing moves. */
export function reached(value: number): string {
  return `${trim(value.toFixed(value < 1 ? 2 : value < 9.95 ? 1 : 0))}×`;
}

/** `1 task`, `3 tasks`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : /(?:s|ch|x)$/.test(noun) ? 'es' : 's'}`;
}

/** `9 %` from 0 to 1. */
export const percent = (ratio: number): string => `${Math.round(ratio * 100)} %`;

/** Orders n2 before n10, then by code unit; total. */
export function naturalCompare(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const l = left[i]!;
    const r = right[i]!;
    if (l === r) continue;
    const numbers = /^\d/.test(l) && /^\d/.test(r) ? Number(l) - Number(r) : 0;
    if (numbers !== 0) return numbers;
    return l < r ? -1 : 1;
  }
  return left.length - right.length || (a < b ? -1 : a > b ? 1 : 0);
}
