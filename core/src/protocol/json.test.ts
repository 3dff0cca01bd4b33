import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from './base64.ts';
import { MAX_STATE_DEPTH, packState, parseState, stringifyState } from './json.ts';
import { fromUtf8, toUtf8 } from './utf8.ts';

const restored = (value: unknown): unknown => {
  const result = parseState(stringifyState(value));
  if (!result.ok) throw new Error(result.reason);
  return result.value;
};

const numbers = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY));
const typed = fc.oneof(
  fc.float64Array(),
  fc.float32Array(),
  fc.int32Array(),
  fc.uint32Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int8Array(),
  fc.uint8Array(),
);
const state = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    numbers,
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    typed,
    fc.array(tie('value')),
    fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('$f64', '$obj', '$', 'a$')).filter((key) => key !== '__proto__'),
      tie('value'),
      {
        noNullPrototype: true,
      },
    ),
  ),
})).value;

describe('saved state', () => {
  test('is restored exactly, whatever it holds', () => {
    fc.assert(
      fc.property(state, (value) => {
        expect(restored(value)).toStrictEqual(value);
      }),
      { numRuns: 300 },
    );
  });

  test('typed arrays that are windows of larger buffers keep only their part', () => {
    const whole = new Float64Array([1, 2, -0, Number.NaN, 5]);
    expect(restored({ part: whole.subarray(1, 4) })).toStrictEqual({ part: new Float64Array([2, -0, Number.NaN]) });
  });

  test('the text of a typed array is fixed', () => {
    expect(stringifyState({ a: new Float64Array([1, 0.5]), n: -0 })).toBe('{"a":{"$f64":"AAAAAAAA8D8AAAAAAADgPw=="},"n":{"$num":"-0"}}');
  });

  test('a property that is undefined is left out and plain parts are shared', () => {
    expect(stringifyState({ a: undefined, b: 1 })).toBe('{"b":1}');
    const plain = { list: [1, 2, { deep: 'x' }] };
    expect(packState(plain)).toBe(plain);
  });

  test.each([
    [{ tasks: [1, new Map()] }, 'tasks[1] is a Map'],
    [{ at: new Date(0) }, 'at is a Date'],
    [{ list: [undefined] }, 'list[0] is undefined'],
    [{ f: () => 1 }, 'f is a function'],
    [{ big: new BigInt64Array(1) }, 'big is a BigInt64Array'],
  ])('what cannot be restored is refused with its place: %#', (value, message) => {
    expect(() => stringifyState(value)).toThrow(message);
  });

  test('a value that contains itself is refused, not followed', () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(() => stringifyState(loop)).toThrow('contains itself');
  });

  test('the deepest state that can be saved can be read', () => {
    let value: unknown = 1;
    for (let i = 0; i < MAX_STATE_DEPTH + 1; i++) value = { $inner: value };
    expect(restored(value)).toStrictEqual(value);
    expect(() => stringifyState({ $inner: value })).toThrow('nested deeper');
  });

  test.each([
    '{',
    '',
    '{"$f64":"AAAA"}',
    '{"$f64":1}',
    '{"$num":"1"}',
    '{"$big":"01"}',
    '{"$big":"-0"}',
    '{"$x":1}',
    '{"$f64":"","a":1}',
    '{"$obj":[["a"]]}',
    '{"__proto__":{"a":1}}',
    '['.repeat(200) + ']'.repeat(200),
  ])('text that no state gives is refused: %s', (text) => {
    expect(parseState(text)).toMatchObject({ ok: false, close: 'malformed' });
  });
});

describe('base64 and UTF-8', () => {
  test('agree with the platform on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        expect(toBase64(data)).toBe(Buffer.from(data).toString('base64'));
        expect(fromBase64(toBase64(data))).toStrictEqual(new Uint8Array(data));
        let text: string | undefined;
        try {
          text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
        } catch {
          text = undefined;
        }
        expect(fromUtf8(data)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  test('agree with the platform on any text, lone surrogates included', () => {
    const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit }), fc.string({ unit: 'binary' }), fc.string({ minLength: 8000, maxLength: 9000 })), (text) => {
        const data = toUtf8(text);
        expect(Buffer.compare(data, new TextEncoder().encode(text))).toBe(0);
        expect(fromUtf8(data)).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(new TextEncoder().encode(text)));
      }),
      { numRuns: 150 },
    );
  });

  test.each(['A', 'A===', 'AA=', 'AB==', 'AAB=', 'A-AA', 'AAA=AAAA', 'ĀAAA'])('base64 that is not canonical is refused: %s', (text) => {
    expect(fromBase64(text)).toBeUndefined();
  });
});
