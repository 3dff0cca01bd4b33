/**
 * Checks of data that came from outside: small combinators whose types follow the model, so a field that is added to a
 * model type does not compile until its check knows it. Unknown keys are errors. A check never throws, never changes
 * its value, allocates nothing while all is well, and names the place of the first fault: `update[3].slot: …`.
 */
import type { CloseReason, Decoded } from './frame.ts';

/** What is wrong, and where. `path` is '' for the value itself, else `.key` and `[index]` steps. */
export interface Problem {
  path: string;
  readonly reason: string;
}

declare const checked: unique symbol;
/** Tells what is wrong with a value, undefined when it is a T. */
export interface Check<T> {
  (value: unknown): Problem | undefined;
  readonly [checked]?: T;
}
/** A check of a property that may be absent. */
export interface OptionalCheck<T> {
  readonly optional: Check<T>;
}

/** A check for each property of T: an optional one where the property may be absent. */
type Fields<T> = { readonly [K in keyof T]-?: object extends Pick<T, K> ? OptionalCheck<Exclude<T[K], undefined>> : Check<T[K]> };

const problem = (reason: string): Problem => ({ path: '', reason });

/** The same problem one step further out. */
function inside(found: Problem, step: string): Problem {
  found.path = step + found.path;
  return found;
}

/** A value's kind, and the value itself when it is short: for messages. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return value.length <= 40 ? JSON.stringify(value) : `a text of ${value.length} characters`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value === null || typeof value === 'boolean' || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** A key as a step of a path: `.name`, or `["odd key"]`. */
const keyStep = (key: string): string => (/^[A-Za-z_$][\w$-]{0,63}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 64))}]`);

/** True for `{…}` as JSON.parse makes it. */
const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const has = (value: object, key: string): boolean => Object.prototype.hasOwnProperty.call(value, key);

/** A whole number from `min` to `max`. */
export function integer<T extends number = number>(min = 0, max: number = Number.MAX_SAFE_INTEGER): Check<T> {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max && !Object.is(value, -0)
      ? undefined
      : problem(`must be a whole number from ${min} to ${max}, not ${shown(value)}`);
}

/** A number from `min` to `max`, fractions allowed; no NaN, no infinity, no negative zero. */
export function number<T extends number = number>(min: number, max: number): Check<T> {
  return (value) =>
    typeof value === 'number' && value >= min && value <= max && !Object.is(value, -0)
      ? undefined
      : problem(`must be a number from ${min} to ${max}, not ${shown(value)}`);
}

/** A text of at most `maxLength` UTF-16 units. */
export function text(maxLength: number, minLength = 0): Check<string> {
  return (value) => {
    if (typeof value !== 'string') return problem(`must be a text, not ${shown(value)}`);
    if (value.length > maxLength) return problem(`must have at most ${maxLength} characters, not ${value.length}`);
    return value.length < minLength
      ? problem(minLength === 1 ? 'must not be empty' : `must have at least ${minLength} characters`)
      : undefined;
  };
}

export const boolean: Check<boolean> = (value) =>
  typeof value === 'boolean' ? undefined : problem(`must be true or false, not ${shown(value)}`);

/** Exactly this value. */
export function literal<const T extends string | number | boolean>(expected: T): Check<T> {
  return (value) => (value === expected ? undefined : problem(`must be ${JSON.stringify(expected)}, not ${shown(value)}`));
}

/** One of these values. */
export function oneOf<const T extends string | number>(...values: readonly T[]): Check<T> {
  const known: ReadonlySet<unknown> = new Set(values);
  const list = values.map((value) => JSON.stringify(value)).join(', ');
  return (value) => (known.has(value) ? undefined : problem(`must be one of ${list}, not ${shown(value)}`));
}

/** A list of at most `maxLength` items. */
export function list<T>(item: Check<T>, maxLength: number, minLength = 0): Check<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value)) return problem(`must be a list, not ${shown(value)}`);
    if (value.length > maxLength) return problem(`must have at most ${maxLength} items, not ${value.length}`);
    if (value.length < minLength) return problem(`must have at least ${minLength} item${minLength === 1 ? '' : 's'}`);
    for (let i = 0; i < value.length; i++) {
      const found = item(value[i]);
      if (found !== undefined) return inside(found, `[${i}]`);
    }
    return undefined;
  };
}

/** A list of fixed length. */
export function tuple<T extends readonly unknown[]>(...items: { readonly [I in keyof T]: Check<T[I]> }): Check<T> {
  return (value) => {
    if (!Array.isArray(value) || value.length !== items.length)
      return problem(`must be a list of ${items.length} items, not ${shown(value)}`);
    for (let i = 0; i < items.length; i++) {
      const found = items[i]!(value[i]);
      if (found !== undefined) return inside(found, `[${i}]`);
    }
    return undefined;
  };
}

/** An object with any keys, of at most `maxKeys`, whose values are alike. */
export function record<T>(item: Check<T>, maxKeys: number, maxKeyLength = 1024): Check<Readonly<Record<string, T>>> {
  return (value) => {
    if (!isRecord(value)) return problem(`must be an object, not ${shown(value)}`);
    const keys = Object.keys(value);
    if (keys.length > maxKeys) return problem(`must have at most ${maxKeys} keys, not ${keys.length}`);
    for (const key of keys) {
      if (key === '__proto__' || key.length > maxKeyLength) return inside(problem('is no allowed key'), keyStep(key));
      const found = item(value[key]);
      if (found !== undefined) return inside(found, keyStep(key));
    }
    return undefined;
  };
}

/** Makes a property optional inside `object`. An absent one has no key; undefined is refused, since it would not survive JSON. */
export const optional = <T>(check: Check<T>): OptionalCheck<T> => ({ optional: check });

/** An object with exactly these keys. */
export function object<T extends object>(fields: Fields<T>): Check<T> {
  const entries = Object.entries(fields as Record<string, Check<unknown> | OptionalCheck<unknown>>).map(([key, check]) => ({
    key,
    step: keyStep(key),
    needed: typeof check === 'function',
    check: typeof check === 'function' ? check : check.optional,
  }));
  const known: ReadonlySet<string> = new Set(entries.map(({ key }) => key));
  return (value) => {
    if (!isRecord(value)) return problem(`must be an object, not ${shown(value)}`);
    let present = 0;
    for (let i = 0; i < entries.length; i++) {
      const { key, step, needed, check } = entries[i]!;
      if (!has(value, key)) {
        if (needed) return inside(problem('is missing'), step);
        continue;
      }
      present += 1;
      const found = check(value[key]);
      if (found !== undefined) return inside(found, step);
    }
    const keys = Object.keys(value);
    if (keys.length === present) return undefined;
    const unknown = keys.find((key) => !known.has(key));
    return unknown === undefined ? problem('has a hidden key') : inside(problem('is not known here'), keyStep(unknown));
  };
}

/** One of several object forms, told apart by the text in one of their keys. */
export function variants<T extends object, D extends keyof T & string>(
  discriminant: D,
  forms: { readonly [V in T[D] & string]: Check<Extract<T, Readonly<Record<D, V>>>> },
): Check<T> {
  const byName: ReadonlyMap<unknown, Check<unknown>> = new Map(Object.entries(forms as Record<string, Check<unknown>>));
  const names = [...byName.keys()].map((name) => JSON.stringify(name)).join(', ');
  return (value) => {
    if (!isRecord(value)) return problem(`must be an object, not ${shown(value)}`);
    if (!has(value, discriminant)) return inside(problem(`is missing; it is one of ${names}`), keyStep(discriminant));
    const form = byName.get(value[discriminant]);
    if (form === undefined) return inside(problem(`must be one of ${names}, not ${shown(value[discriminant])}`), keyStep(discriminant));
    return form(value);
  };
}

/** A value that passes either check; both complaints are told when it passes neither. */
export function either<A, B>(first: Check<A>, second: Check<B>): Check<A | B> {
  return (value) => {
    const one = first(value);
    if (one === undefined) return undefined;
    const two = second(value);
    if (two === undefined) return undefined;
    return two.path === '' ? { path: one.path, reason: `${one.reason}; or ${two.reason}` } : two;
  };
}

/** A check followed by a further one that may rely on it. */
export function refine<T>(check: Check<T>, further: (value: T) => Problem | undefined): Check<T> {
  return (value) => check(value) ?? further(value as T);
}

/** Any JSON data down to `maxDepth` levels and `maxValues` values in all. */
export function json(maxDepth: number, maxValues: number): Check<unknown> {
  const walk = (value: unknown, depth: number, left: { values: number }): Problem | undefined => {
    left.values -= 1;
    if (left.values < 0) return problem(`holds more than ${maxValues} values`);
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
    if (typeof value === 'number') {
      return Number.isFinite(value) && !Object.is(value, -0) ? undefined : problem(`must be a finite number, not ${shown(value)}`);
    }
    if (typeof value !== 'object') return problem(`must be JSON data, not ${shown(value)}`);
    if (depth >= maxDepth) return problem(`is nested deeper than ${maxDepth}`);
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) {
        const found = walk(value[i], depth + 1, left);
        if (found !== undefined) return inside(found, `[${i}]`);
      }
      return undefined;
    }
    const prototype: unknown = Object.getPrototypeOf(value);
    if (prototype !== Object.prototype && prototype !== null) return problem('must be JSON data, not a class instance');
    for (const key of Object.keys(value)) {
      const found = key === '__proto__' ? problem('is no allowed key') : walk((value as Record<string, unknown>)[key], depth + 1, left);
      if (found !== undefined) return inside(found, keyStep(key));
    }
    return undefined;
  };
  return (value) => walk(value, 0, { values: maxValues });
}

/** Anything: for parts that were read by `parseState` and are checked by whoever takes them. */
export const anything: Check<unknown> = () => undefined;

/** A problem as a sentence: `command.service: must be a text, not 3`. */
export function describe(found: Problem, root: string): string {
  const place = root === '' ? found.path.replace(/^\./, '') : `${root}${found.path}`;
  return place === '' ? found.reason : `${place}: ${found.reason}`;
}

/** A refusal as decoders return it. */
export const refusal = (
  close: CloseReason,
  reason: string,
): { readonly ok: false; readonly close: CloseReason; readonly reason: string } => ({
  ok: false,
  close,
  reason,
});

/** Applies a check; `root` names the value in the reason ('' for none). */
export function decode<T>(check: Check<T>, value: unknown, root: string): Decoded<T> {
  const found = check(value);
  return found === undefined ? { ok: true, value: value as T } : refusal('malformed', describe(found, root));
}

/** Parses JSON text of at most `maxLength` characters and applies a check. */
export function decodeJson<T>(check: Check<T>, source: string, maxLength: number, root: string): Decoded<T> {
  const parsed = parseJson(source, maxLength);
  return parsed.ok ? decode(check, parsed.value, root) : parsed;
}

/** JSON text of at most `maxLength` characters as data. */
export function parseJson(source: string, maxLength: number): Decoded<unknown> {
  if (source.length > maxLength) return refusal('tooLarge', `${source.length} characters are more than the ${maxLength} allowed`);
  try {
    return { ok: true, value: JSON.parse(source) as unknown };
  } catch (error) {
    return refusal('malformed', `not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}
