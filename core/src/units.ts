/**
 * Units as branded numbers. A quantity is created by one of the constructors below and nowhere else,
 * so a value of one unit cannot be passed where another is meant.
 *
 * All state is kept in integers below 2^53: microseconds, nano-CPUs, bytes. Integers make sums exact and
 * therefore equal on every platform and for every order of additions.
 */
declare const unit: unique symbol;

/** A number that carries its unit in the type only. */
export type Unit<U extends string> = number & { readonly [unit]: U };

/** An instant: microseconds since the start of the run. */
export type TimeUs = Unit<'TimeUs'>;
/** A span of time in microseconds. */
export type DurationUs = Unit<'DurationUs'>;
/** Billionths of a CPU, Docker's NanoCPUs: 500_000_000 is half a core. */
export type NanoCpu = Unit<'NanoCpu'>;
/** Bytes. */
export type Bytes = Unit<'Bytes'>;
/** A participant of the simulation: see kernel/party.ts. */
export type PartyId = Unit<'PartyId'>;
/** A number from the one global sequence of the store; every write takes the next. */
export type Version = Unit<'Version'>;

function integer(value: number, what: string): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what} must be an integer from 0 to 2^53 - 1, not ${value}`);
  return value;
}

/** An instant from microseconds. @throws RangeError when it is negative, fractional or above 2^53 - 1. */
export const timeUs = (microseconds: number): TimeUs => integer(microseconds, 'time (µs)') as TimeUs;
/** A span from microseconds. @throws RangeError as for timeUs. */
export const durationUs = (microseconds: number): DurationUs => integer(microseconds, 'duration (µs)') as DurationUs;
/** A span from milliseconds, rounded to a microsecond. */
export const milliseconds = (value: number): DurationUs => durationUs(Math.round(value * 1000));
/** A span from seconds, rounded to a microsecond. */
export const seconds = (value: number): DurationUs => durationUs(Math.round(value * 1_000_000));
/** CPU from billionths of a CPU. */
export const nanoCpu = (value: number): NanoCpu => integer(value, 'CPU (nano)') as NanoCpu;
/** CPU from whole or fractional cores, rounded to a nano-CPU. */
export const cpus = (cores: number): NanoCpu => nanoCpu(Math.round(cores * 1e9));
/** Bytes. */
export const bytes = (value: number): Bytes => integer(value, 'bytes') as Bytes;
/** Bytes from mebibytes. */
export const mebibytes = (value: number): Bytes => bytes(Math.round(value * 1024 * 1024));
/** A party's number. */
export const partyId = (value: number): PartyId => integer(value, 'party') as PartyId;
/** A store version. */
export const version = (value: number): Version => integer(value, 'version') as Version;

/** The instant a span later. */
export const after = (at: TimeUs, span: DurationUs): TimeUs => (at + span) as TimeUs;
/** The span from one instant to a later one. @throws RangeError when `to` is before `from`. */
export const between = (from: TimeUs, to: TimeUs): DurationUs => durationUs(to - from);
