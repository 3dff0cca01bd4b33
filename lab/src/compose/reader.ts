/**
 * Readers: small functions that check a node of the source tree and give its value. A reader that finds something wrong says
 * so at the node's own place and gives undefined; the readers of its neighbours go on, so one load reports every mistake.
 */
import { didYouMean, type Diagnostics, type Place } from './diagnostic.ts';
import { parseBytes, parseCpus, parseDuration, parseInteger, type Parsed } from './quantity.ts';
import type { MapNode, ScalarNode, SourceNode } from './source-tree.ts';

/** Where a reader stands: the key path for messages and the list that takes them. */
export interface Cursor {
  readonly path: string;
  /** The place of the key that leads here; of the item in a list. */
  readonly key: Place;
  readonly diagnostics: Diagnostics;
}

export type Reader<T> = (node: SourceNode, at: Cursor) => T | undefined;

/** The cursor of a key or an item (a number) below `at`. */
export function below(at: Cursor, step: string | number, key: Place): Cursor {
  const path = at.path === '' ? String(step) : typeof step === 'number' ? `${at.path}[${step}]` : `${at.path}.${step}`;
  return { path, key, diagnostics: at.diagnostics };
}

/** Reports an error at a node. */
export function wrong(node: SourceNode, at: Cursor, message: string, hint = ''): undefined {
  at.diagnostics.error(node.place, at.path, message, hint);
  return undefined;
}

/** 'a string', 'a map', …: what a node is, for messages. */
export function kindOf(node: SourceNode): string {
  if (node.kind === 'map') return 'a map';
  if (node.kind === 'list') return 'a list';
  if (node.value === null) return 'empty';
  return typeof node.value === 'string' ? 'a string' : typeof node.value === 'number' ? 'a number' : `${node.text} (a boolean)`;
}

/** The value of a scalar in quotes, the kind of anything else. */
function shown(node: SourceNode): string {
  return node.kind === 'scalar' && node.value !== null ? `'${node.text}'` : kindOf(node);
}

const isNull = (node: SourceNode): boolean => node.kind === 'scalar' && node.value === null;

/** A string. Numbers and booleans are refused, as Compose does, since YAML may already have changed them (1.10 → 1.1). */
export const string: Reader<string> = (node, at) => {
  if (node.kind === 'scalar' && typeof node.value === 'string') return node.value;
  const hint = node.kind === 'scalar' && node.value !== null ? `put it in quotes: '${node.text}'` : '';
  return wrong(node, at, `must be a string, not ${kindOf(node)}`, hint);
};

/** Any scalar as text: what environment variables, labels and driver options take. */
export const text: Reader<string> = (node, at) =>
  node.kind === 'scalar' && node.value !== null
    ? scalarText(node)
    : wrong(node, at, `must be a string, a number or a boolean, not ${kindOf(node)}`);

/** A scalar's text: whole numbers as written, other numbers as YAML reads them (1.10 is 1.1). */
export function scalarText(node: ScalarNode): string {
  if (typeof node.value === 'number') return /^[+-]?\d+$/.test(node.text) ? node.text : String(node.value);
  return node.value === null ? '' : String(node.value);
}

/** Runs a parser of a text (duration, size …) over a scalar. */
export function parsed<T>(parse: (text: string) => Parsed<T>): Reader<T> {
  return (node, at) => {
    if (node.kind !== 'scalar' || node.value === null || typeof node.value === 'boolean')
      return wrong(node, at, `must be a string, not ${kindOf(node)}`);
    const result = parse(node.text);
    return result.ok ? result.value : wrong(node, at, result.message, result.hint);
  };
}

export const duration: Reader<number> = parsed(parseDuration);
export const size: Reader<number> = parsed(parseBytes);
export const cpuAmount: Reader<number> = parsed(parseCpus);

/** A whole number of at least `min`. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (node, at) => {
    const result = node.kind === 'scalar' ? parseInteger(node.value) : undefined;
    if (result === undefined || !result.ok) return wrong(node, at, `must be a whole number, not ${shown(node)}`);
    if (result.value < min) return wrong(node, at, `must be at least ${min}, not ${result.value}`);
    return result.value > max ? wrong(node, at, `must be at most ${max}, not ${result.value}`) : result.value;
  };
}

/** A number between two bounds. */
export function number(min: number, max: number): Reader<number> {
  return (node, at) => {
    const value =
      node.kind === 'scalar' && node.value !== null && typeof node.value !== 'boolean' && node.text.trim() !== ''
        ? Number(node.text)
        : Number.NaN;
    if (!Number.isFinite(value)) return wrong(node, at, `must be a number, not ${shown(node)}`);
    return value < min || value > max ? wrong(node, at, `must be from ${min} to ${max}, not ${shown(node)}`) : value;
  };
}

const TRUE = new Set(['true', 'yes', 'y', 'on', '1']);
const FALSE = new Set(['false', 'no', 'n', 'off', '0']);

/** true or false, also as the words that Compose takes after interpolation. */
export const boolean: Reader<boolean> = (node, at) => {
  const word = node.kind === 'scalar' && node.value !== null ? String(node.value).toLowerCase() : '';
  if (TRUE.has(word)) return true;
  if (FALSE.has(word)) return false;
  return wrong(node, at, `must be true or false, not ${shown(node)}`);
};

/** One of a few words. */
export function oneOf<const W extends readonly string[]>(words: W): Reader<W[number]> {
  return (node, at) => {
    const value = string(node, at);
    if (value === undefined || words.includes(value)) return value;
    const near = didYouMean(value, words);
    return wrong(node, at, `'${value}' is not one of ${words.join(', ')}`, near === undefined ? '' : `did you mean '${near}'?`);
  };
}

/** Anything at all; the value itself is not used. */
export const anything: Reader<true> = () => true;

export function list<T>(item: Reader<T>): Reader<readonly T[]> {
  return (node, at) => {
    if (isNull(node)) return [];
    if (node.kind !== 'list')
      return wrong(
        node,
        at,
        `must be a list, not ${kindOf(node)}`,
        node.kind === 'scalar' ? 'write each item on a line of its own after a dash' : '',
      );
    const values: T[] = [];
    for (const [index, entry] of node.items.entries()) {
      const value = item(entry, below(at, index, entry.place));
      if (value !== undefined) values.push(value);
    }
    return values;
  };
}

/** A map with free keys. `name` checks a key when given. */
export function mapOf<T>(value: Reader<T>, name?: (key: string) => string | undefined): Reader<ReadonlyMap<string, T>> {
  return (node, at) => {
    const result = new Map<string, T>();
    if (isNull(node)) return result;
    if (node.kind !== 'map') return wrong(node, at, `must be a map, not ${kindOf(node)}`);
    for (const [key, entry] of node.entries) {
      const inside = below(at, key, entry.key);
      const problem = name?.(key);
      if (problem !== undefined) at.diagnostics.error(entry.key, inside.path, problem);
      const read = value(entry.value, inside);
      if (read !== undefined) result.set(key, read);
    }
    return result;
  };
}

/** One reader for each form that a value may take. */
export function either<T>(forms: { readonly scalar?: Reader<T>; readonly list?: Reader<T>; readonly map?: Reader<T> }): Reader<T> {
  return (node, at) => {
    const reader = forms[node.kind];
    if (reader !== undefined) return reader(node, at);
    const names = [forms.scalar && 'a string', forms.list && 'a list', forms.map && 'a map'].filter((name) => name !== undefined);
    return wrong(node, at, `must be ${names.join(' or ')}, not ${kindOf(node)}`);
  };
}

/** A string or a list of strings, as a list. */
export const strings: Reader<readonly string[]> = either<readonly string[]>({
  scalar: (node, at) => {
    const value = string(node, at);
    return value === undefined ? undefined : [value];
  },
  list: list(string),
});

type Fields<T> = { readonly [K in keyof T]-?: readonly [key: string, reader: Reader<Exclude<T[K], undefined>>] };

export interface ShapeOptions {
  /** Keys that are valid and mean nothing here. */
  readonly ignored?: Readonly<Record<string, Reader<unknown>>>;
  /** Advice for a key that does not belong here; undefined falls back to the nearest known key. */
  readonly advise?: (key: string) => string | undefined;
  readonly required?: readonly string[];
}

/**
 * A map with known keys. `x-…` keys are allowed everywhere and skipped, an empty value counts as an absent key, and any other
 * key is an error with the key that was probably meant.
 */
export function shape<T extends object>(fields: Fields<T>, options: ShapeOptions = {}): Reader<T> {
  const ignored = options.ignored ?? {};
  const properties = new Map<string, { name: string | undefined; reader: Reader<unknown> }>();
  for (const [name, field] of Object.entries<readonly [string, Reader<unknown>]>(fields))
    properties.set(field[0], { name, reader: field[1] });
  for (const [key, reader] of Object.entries(ignored)) properties.set(key, { name: undefined, reader });
  return (node, at) => {
    if (node.kind !== 'map')
      return wrong(
        node,
        at,
        `must be a map, not ${kindOf(node)}`,
        node.kind === 'scalar' && node.value !== null ? 'put a space after the colon of each key' : '',
      );
    const result: Record<string, unknown> = {};
    for (const [key, entry] of node.entries) {
      const property = properties.get(key);
      if (property === undefined) {
        if (!key.startsWith('x-')) unknownKey(key, entry.key, at, properties.keys(), options.advise);
      } else if (!isNull(entry.value)) {
        const value = property.reader(entry.value, below(at, key, entry.key));
        if (property.name !== undefined && value !== undefined) result[property.name] = value;
      }
    }
    for (const key of options.required ?? []) if (!node.entries.has(key)) missingKey(node, at, key);
    return result as T;
  };
}

function missingKey(node: MapNode, at: Cursor, key: string): void {
  at.diagnostics.error(node.place, at.path, `the key '${key}' is missing`);
}

function unknownKey(key: string, place: Place, at: Cursor, known: Iterable<string>, advise: ShapeOptions['advise']): void {
  const near = didYouMean(key, known);
  const hint = advise?.(key) ?? (near === undefined ? 'keys of your own start with x-' : `did you mean '${near}'?`);
  at.diagnostics.error(place, at.path === '' ? key : `${at.path}.${key}`, `unknown key '${key}'`, hint);
}
