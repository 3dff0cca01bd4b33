/** Amounts as people read them, and back. */
import { UsageError } from './command.ts';

export { clockText } from '@paperfleet/core';

/** `1.25` cores from billionths, without needless zeros. */
export const coresText = (nanoCpus: number): string => String(Math.round(nanoCpus / 1e7) / 100);

const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
/** `512MiB`, `1.5GiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let step = 0;
  while (value >= 1024 && step < STEPS.length - 1) {
    value /= 1024;
    step++;
  }
  return `${value >= 100 || Number.isInteger(value) ? Math.round(value) : Math.round(value * 10) / 10}${STEPS[step]}`;
}

/** A whole number, from `what`. @throws UsageError. */
export function wholeNumber(text: string, what: string, max: number = Number.MAX_SAFE_INTEGER): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > max)
    throw new UsageError(`${what} must be a whole number${max < Number.MAX_SAFE_INTEGER ? ` up to ${max}` : ''}, not "${text}"`);
  return value;
}

/** An instant from `01:20`, `1:02:03.5`, `80s`, `80` (seconds), `1500ms`, `2m`, `1h`: microseconds. @throws UsageError. */
export function parseInstant(text: string): number {
  const clock = /^(?:(\d+):)?(\d{1,3}):(\d{1,2}(?:\.\d{1,6})?)$/.exec(text);
  if (clock !== null && Number(clock[3]) < 60 && (clock[1] === undefined || Number(clock[2]) < 60)) {
    const seconds = Number(clock[1] ?? 0) * 3600 + Number(clock[2]) * 60 + Number(clock[3]);
    return Math.round(seconds * 1e6);
  }
  const span = /^(\d+(?:\.\d+)?)(us|µs|ms|s|m|min|h)?$/.exec(text);
  if (span === null) throw new UsageError(`"${text}" is no instant`, 'write 01:20 (minutes:seconds), 1:02:03, 80s, 1500ms or 2m');
  const factor = { us: 1, µs: 1, ms: 1e3, s: 1e6, m: 6e7, min: 6e7, h: 3.6e9 }[span[2] ?? 's'] ?? 1e6;
  return Math.round(Number(span[1]) * factor);
}
