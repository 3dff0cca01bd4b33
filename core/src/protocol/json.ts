/**
 * Saved state as JSON text that restores exactly: what `stringifyState` takes, `parseState` gives back, also the values
 * that JSON cannot spell.
 *
 *   typed arrays            {"$f64":"base64 of the little-endian bytes"}   ($f32 $i32 $u32 $i16 $u16 $i8 $u8 likewise)
 *   -0, NaN, ±Infinity      {"$num":"-0"} | "NaN" | "Infinity" | "-Infinity"
 *   bigint                  {"$big":"-123"}
 *   objects with a key that starts with '$'   {"$obj":[["$key",value],…]}
 *
 * A property whose value is undefined is left out, as JSON does; everything else that could not be restored (Map, Set,
 * class instances, functions, holes, cycles) is refused with its place. Cost: one walk besides JSON's own; parts without
 * special values are handed to JSON.stringify as they are.
 */
import { fromBase64, toBase64 } from './base64.ts';
import type { Decoded } from './frame.ts';

/** Deepest nesting of saved state, so that neither side can run out of stack. */
export const MAX_STATE_DEPTH = 64;

type TypedArray = Float64Array | Float32Array | Int32Array | Uint32Array | Int16Array | Uint16Array | Int8Array | Uint8Array;
interface Form {
  readonly tag: string;
  readonly size: number;
  readonly is: (value: object) => boolean;
  readonly make: (buffer: ArrayBuffer) => TypedArray;
}
const FORMS: readonly Form[] = [
  { tag: '$f64', size: 8, is: (value) => value instanceof Float64Array, make: (buffer) => new Float64Array(buffer) },
  { tag: '$u8', size: 1, is: (value) => value instanceof Uint8Array, make: (buffer) => new Uint8Array(buffer) },
  { tag: '$i32', size: 4, is: (value) => value instanceof Int32Array, make: (buffer) => new Int32Array(buffer) },
  { tag: '$u32', size: 4, is: (value) => value instanceof Uint32Array, make: (buffer) => new Uint32Array(buffer) },
  { tag: '$f32', size: 4, is: (value) => value instanceof Float32Array, make: (buffer) => new Float32Array(buffer) },
  { tag: '$i16', size: 2, is: (value) => value instanceof Int16Array, make: (buffer) => new Int16Array(buffer) },
  { tag: '$u16', size: 2, is: (value) => value instanceof Uint16Array, make: (buffer) => new Uint16Array(buffer) },
  { tag: '$i8', size: 1, is: (value) => value instanceof Int8Array, make: (buffer) => new Int8Array(buffer) },
];
const FORM_BY_TAG: ReadonlyMap<string, Form> = new Map(FORMS.map((form) => [form.tag, form]));

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Bytes in wire order (little-endian); reverses each element where the platform is big-endian. */
function wireOrder(data: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  if (LITTLE_ENDIAN || size === 1) return data;
  const out = new Uint8Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = data[i - (i % size) + size - 1 - (i % size)]!;
  return out;
}

function refuse(path: string, what: string): never {
  throw new TypeError(`state cannot be saved: ${path === '' ? 'the value' : path.replace(/^\./, '')} ${what}`);
}

function packNumber(value: number): unknown {
  if (Number.isFinite(value) && !Object.is(value, -0)) return value;
  return { $num: Object.is(value, -0) ? '-0' : String(value) };
}

function packArray(value: readonly unknown[], path: string, depth: number): unknown {
  let copy: unknown[] | undefined;
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    if (item === undefined) refuse(`${path}[${i}]`, 'is undefined; write null');
    const packed = typeof item === 'string' ? item : pack(item, depth >= PATH_DEPTH ? path : `${path}[${i}]`, depth + 1);
    if (packed !== item && copy === undefined) copy = value.slice(0, i);
    if (copy !== undefined) copy[i] = packed;
  }
  return copy ?? value;
}

/** Paths are spelled out near the top only; deeper they would cost more than the walk itself. */
const PATH_DEPTH = 6;

function packObject(value: Record<string, unknown>, path: string, depth: number): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    refuse(path, `is a ${value.constructor?.name ?? 'class instance'}; save plain objects, arrays and typed arrays`);
  }
  const keys = Object.keys(value);
  let copy: Record<string, unknown> | undefined;
  let reserved = false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key === '__proto__') refuse(path, 'has the key __proto__');
    if (key.charCodeAt(0) === 36) reserved = true;
    const item = value[key];
    const packed =
      item === undefined || typeof item === 'string' ? item : pack(item, depth >= PATH_DEPTH ? path : `${path}.${key}`, depth + 1);
    if (packed !== item && copy === undefined) copy = { ...value };
    if (copy !== undefined) copy[key] = packed;
  }
  const plain = copy ?? value;
  return reserved ? { $obj: keys.filter((key) => plain[key] !== undefined).map((key) => [key, plain[key]]) } : plain;
}

function pack(value: unknown, path: string, depth: number): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return packNumber(value);
    case 'bigint':
      return { $big: value.toString() };
    case 'object':
      break;
    default:
      return refuse(path, `is ${value === undefined ? 'undefined' : `a ${typeof value}`}`);
  }
  if (value === null) return value;
  if (depth > MAX_STATE_DEPTH) refuse(path, `is nested deeper than ${MAX_STATE_DEPTH} or contains itself`);
  if (Array.isArray(value)) return packArray(value, path, depth);
  if (ArrayBuffer.isView(value)) {
    const form = FORMS.find((candidate) => candidate.is(value));
    if (form === undefined) refuse(path, `is a ${value.constructor.name}`);
    const data = new Uint8Array(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength);
    return { [form.tag]: toBase64(wireOrder(data, form.size)) };
  }
  return packObject(value as Record<string, unknown>, path, depth);
}

/** A value as plain JSON data (see the module's head); shares the parts that need no change. @throws TypeError with the place of what cannot be saved. */
export const packState = (value: unknown): unknown => pack(value, '', 0);

/** State as JSON text. @throws TypeError with the place of what cannot be saved. */
export const stringifyState = (value: unknown): string => JSON.stringify(pack(value, '', 0));

/** Thrown inside this module only. */
class Unreadable extends Error {}

function unpackTagged(tag: string, inner: unknown, depth: number): unknown {
  const form = FORM_BY_TAG.get(tag);
  if (form !== undefined) {
    const data = typeof inner === 'string' ? fromBase64(inner) : undefined;
    if (data === undefined || data.length % form.size !== 0) throw new Unreadable(`${tag} is no base64 of whole elements`);
    return form.make(wireOrder(data, form.size).buffer);
  }
  if (tag === '$num') {
    if (inner === '-0') return -0;
    if (inner === 'NaN') return Number.NaN;
    if (inner === 'Infinity') return Number.POSITIVE_INFINITY;
    if (inner === '-Infinity') return Number.NEGATIVE_INFINITY;
    throw new Unreadable('$num is none of -0, NaN, Infinity, -Infinity');
  }
  if (tag === '$big') {
    if (typeof inner !== 'string' || !/^(0|-?[1-9][0-9]*)$/.test(inner)) throw new Unreadable('$big is no integer');
    return BigInt(inner);
  }
  if (tag !== '$obj' || !Array.isArray(inner)) throw new Unreadable(`unknown tag ${tag.slice(0, 32)}`);
  const out: Record<string, unknown> = {};
  for (const entry of inner as readonly unknown[]) {
    if (!Array.isArray(entry) || entry.length !== 2 || typeof entry[0] !== 'string')
      throw new Unreadable('$obj holds something other than [key, value]');
    if (entry[0] === '__proto__') throw new Unreadable('the key __proto__ is not allowed');
    out[entry[0]] = unpack(entry[1], depth + 1);
  }
  return out;
}

/** Replaces packed values inside freshly parsed JSON, in place. */
function unpack(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_STATE_DEPTH) throw new Unreadable(`nested deeper than ${MAX_STATE_DEPTH}`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item === 'object' && item !== null) value[i] = unpack(item, depth + 1);
    }
    return value;
  }
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]!;
    if (key.charCodeAt(0) === 36) {
      if (keys.length !== 1) throw new Unreadable(`unknown key ${key.slice(0, 32)}`);
      return unpackTagged(key, record[key], depth);
    }
    if (key === '__proto__') throw new Unreadable('the key __proto__ is not allowed');
    const item = record[key];
    if (typeof item === 'object' && item !== null) record[key] = unpack(item, depth + 1);
  }
  return record;
}

/** The inverse of `packState` for freshly parsed JSON, which it changes in place. Never throws. */
export function unpackState(json: unknown): Decoded<unknown> {
  try {
    return { ok: true, value: unpack(json, 0) };
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return { ok: false, close: 'malformed', reason: `state cannot be read: ${error.message}` };
  }
}

/** State from the text of `stringifyState`. Never throws. */
export function parseState(text: string): Decoded<unknown> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { ok: false, close: 'malformed', reason: `not JSON: ${(error as Error).message}` };
  }
  return unpackState(json);
}
