/** Durations, byte sizes, CPU amounts and rates as Compose and Docker spell them. All are read strictly; numbers stay integers. */

/** A value, or why the text is none. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string; readonly hint: string };

const fail = (message: string, hint: string): { readonly ok: false; readonly message: string; readonly hint: string } => ({
  ok: false,
  message,
  hint,
});

/** Nanoseconds a unit has (time.ParseDuration, and days and weeks as compose-go reads them). */
const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
  w: 604_800e9,
};
const DURATION_PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w)/y;

/** '1m30s', '500ms', '1.5h' → microseconds, rounded. A bare number is refused except 0. */
export function parseDuration(text: string): Parsed<number> {
  const trimmed = text.trim();
  if (trimmed === '0') return { ok: true, value: 0 };
  const hint = /^\d+(\.\d+)?$/.test(trimmed) ? `add a unit: ${trimmed}s` : 'write e.g. 30s, 1m30s, 500ms or 2h';
  if (trimmed.startsWith('-')) return fail(`'${text}' is negative`, 'a duration is 0 or more');
  let nanoseconds = 0;
  let at = 0;
  while (at < trimmed.length) {
    DURATION_PART.lastIndex = at;
    const part = DURATION_PART.exec(trimmed);
    if (part === null) return fail(`'${text}' is no duration`, hint);
    nanoseconds += Number(part[1]) * DURATION_UNITS[part[2]!]!;
    at = DURATION_PART.lastIndex;
  }
  if (at === 0) return fail('an empty text is no duration', hint);
  const microseconds = Math.round(nanoseconds / 1e3);
  return Number.isSafeInteger(microseconds) ? { ok: true, value: microseconds } : fail(`'${text}' is too long`, 'at most 285 years');
}

const BYTES = /^(\d+(?:\.\d+)?|\.\d+) ?([kmgtp])?(i)?(b)?$/i;
const BYTE_POWERS = ['', 'k', 'm', 'g', 't', 'p'];

/** '512m', '1.5GB', '64MiB', '1024' → bytes. All prefixes are binary, as in Docker (go-units RAMInBytes). */
export function parseBytes(text: string): Parsed<number> {
  const match = BYTES.exec(text.trim());
  if (match === null) return fail(`'${text}' is no size`, 'write e.g. 512M, 1.5GiB or a number of bytes');
  const power = BYTE_POWERS.indexOf((match[2] ?? '').toLowerCase());
  const value = Math.floor(Number(match[1]) * 1024 ** power);
  return Number.isSafeInteger(value) ? { ok: true, value } : fail(`'${text}' is too large`, 'at most 8 PiB');
}

const CPUS = /^(\d+)(?:\.(\d+))?$|^\.(\d+)$/;

/** '0.5', '2', '.25' → nano-CPUs. Finer than a nano-CPU is refused, as Docker does. */
export function parseCpus(text: string): Parsed<number> {
  const trimmed = text.trim();
  const match = CPUS.exec(trimmed);
  if (match === null) {
    const milli = /^(\d+)m$/.exec(trimmed);
    return fail(
      `'${text}' is no number of CPUs`,
      milli === null ? "write e.g. '0.5' for half a core" : `write '${Number(milli[1]) / 1000}'`,
    );
  }
  const fraction = (match[2] ?? match[3] ?? '').replace(/0+$/, '');
  if (fraction.length > 9) return fail(`'${text}' is too precise`, 'at most nine decimals');
  const value = Number(match[1] ?? '0') * 1e9 + Number(fraction.padEnd(9, '0') || '0');
  return Number.isSafeInteger(value) ? { ok: true, value } : fail(`'${text}' is too many CPUs`, 'at most nine million');
}

const RATE = /^(\d+(?:\.\d+)?)\/(s|min|m|h)$/;
const RATE_SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, m: 60, h: 3600 };

/** '50/s', '1200/min' or a plain number of requests a second → requests a second. */
export function parseRate(text: string): Parsed<number> {
  const trimmed = text.trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return { ok: true, value: Number(trimmed) };
  const match = RATE.exec(trimmed);
  return match === null
    ? fail(`'${text}' is no rate`, "write e.g. '50/s' or '1200/min'")
    : { ok: true, value: Number(match[1]) / RATE_SECONDS[match[2]!]! };
}

const INTEGER = /^[+-]?\d+$/;

/** A whole number from a number or its text. */
export function parseInteger(value: unknown): Parsed<number> {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && INTEGER.test(value.trim()) ? Number(value.trim()) : Number.NaN;
  return Number.isSafeInteger(number) ? { ok: true, value: number } : fail(`'${String(value)}' is no whole number`, '');
}
