// Whatever a peer sends, decoders answer: never an exception, never a hang, and what they accept can be written again.

import type { Decoded, TimelineFrame } from '@paperfleet/core';
import {
  checkInput,
  checkJournaledInput,
  checkRunHeader,
  decodeEnvelope,
  decodeSessionHeader,
  decodeStatisticsRows,
  decodeTimeline,
  encodeEnvelope,
  encodeHandshake,
  encodeTimeline,
  MESSAGE_KIND,
  parseAgentWelcome,
  parseHello,
  parseHostWelcome,
  parseState,
  PROTOCOL_VERSION,
  SESSION_HEADER_BYTES,
  SESSION_MAGIC,
  stringifyState,
} from '@paperfleet/core';
import { samples } from '@paperfleet/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { envelope, timelineFrame } from './arbitraries.ts';

/** A generator of whole numbers below a bound: cheaper than fast-check for 100,000 mutations, and repeated by the run's seed. */
function numbers(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

const seed = Number(process.env['PAPERFLEET_SEED']);
const SESSION_FRAMES = Object.values(samples.MESSAGES).map((message) => encodeEnvelope(samples.envelopeOf(message)));
const SESSION_FRAMES_TRIED = 100_000;
const TEXTS_PER_DECODER = 6_000;

const NASTY = [0, 1, 2, 3, 4, 8, 10, 47, 48, 63, 64, 127, 128, 191, 192, 237, 240, 254, 255];

/** A valid frame with bytes changed, cut off, inserted or repeated; every third keeps an honest length field. */
function mutate(frame: Uint8Array, random: (bound: number) => number): Uint8Array {
  let bytes = [...frame];
  for (let times = 1 + random(3); times > 0; times--) {
    const at = random(bytes.length + 1);
    const byte = random(2) === 0 ? random(256) : NASTY[random(NASTY.length)]!;
    const kind = random(6);
    if (kind < 3) bytes[Math.min(at, bytes.length - 1)] = byte;
    else if (kind === 3) bytes = bytes.slice(0, at);
    else if (kind === 4) bytes.splice(at, 0, ...Array.from({ length: 1 + random(9) }, () => byte));
    else bytes.splice(random(bytes.length + 1), 0, ...bytes.slice(at, at + random(80)));
  }
  const out = Uint8Array.from(bytes, (byte) => byte ?? 0);
  if (out.length >= SESSION_HEADER_BYTES && random(3) > 0) new DataView(out.buffer).setUint32(4, out.length - SESSION_HEADER_BYTES, true);
  return out;
}

/** Random bytes behind a header that is right, so that they reach the bodies. */
function noise(random: (bound: number) => number): Uint8Array {
  const out = Uint8Array.from({ length: random(400) }, () => random(256));
  if (out.length < SESSION_HEADER_BYTES || random(4) === 0) return out;
  out.set([SESSION_MAGIC, PROTOCOL_VERSION, 1 + random(Object.keys(MESSAGE_KIND).length), 0]);
  const view = new DataView(out.buffer);
  view.setUint32(4, out.length - SESSION_HEADER_BYTES, true);
  for (let at = 12; at < SESSION_HEADER_BYTES; at += 8) view.setUint32(at, random(0x20_0000), true);
  view.setUint32(36, 0, true);
  return out;
}

/** A valid text with characters changed, or with a value replaced by another one. */
function mutateText(source: string, random: (bound: number) => number): string {
  const values = [
    'null',
    '-1',
    '1e999',
    '-0',
    '""',
    '"x"',
    '[]',
    '{}',
    'true',
    '1.5',
    '{"$f64":"AAAA"}',
    '{"__proto__":1}',
    '"\\ud800"',
    '9007199254740993',
  ];
  if (random(2) === 0) {
    const places = [...source.matchAll(/(?<=[:,[])(?:-?\d+|"[^"\\]*"|true|false|null)(?=[,\]}])/g)];
    const place = places[random(Math.max(1, places.length))];
    if (place !== undefined)
      return source.slice(0, place.index) + values[random(values.length)]! + source.slice(place.index + place[0].length);
  }
  const at = random(source.length);
  const letters = '{}[]",:0-\\u\u0000é$_ntf';
  const kind = random(3);
  if (kind === 0) return source.slice(0, at) + letters[random(letters.length)]! + source.slice(at + 1);
  if (kind === 1) return source.slice(0, at);
  return source.slice(0, at) + source.slice(at, at + random(50)) + source.slice(at);
}

/** Refusals must tell a reason that fits into a close frame's neighbourhood; what is accepted is handed on. */
function judge<T>(result: Decoded<T>, again: (value: T) => void): boolean {
  if (result.ok) again(result.value);
  else if (result.reason.length === 0 || result.reason.length > 2000) throw new Error(`odd reason: ${result.reason}`);
  return result.ok;
}

const asciiNoise = (random: (bound: number) => number): string =>
  String.fromCharCode(...Array.from({ length: random(60) }, () => random(128)));

/** One kind of text that is read from outside. */
interface TextKind {
  readonly name: string;
  readonly valid: readonly string[];
  readonly decode: (source: string) => Decoded<unknown>;
  readonly encode: (value: unknown) => string;
}

/** Journal lines and bodies: whoever reads them has parsed them. */
const parsed =
  (check: (value: unknown) => Decoded<unknown>) =>
  (source: string): Decoded<unknown> => {
    let value: unknown;
    try {
      value = JSON.parse(source);
    } catch {
      return { ok: false, close: 'malformed', reason: 'not JSON' };
    }
    return check(value);
  };

const { HEADER, HELLO_AGENT, HELLO_HOST, INPUTS, TIMELINE, WELCOME_AGENT, WELCOME_HOST } = samples;
const TEXT_KINDS: readonly TextKind[] = [
  {
    name: 'timeline frames',
    valid: Object.values(TIMELINE).map(encodeTimeline),
    decode: decodeTimeline,
    encode: (value) => encodeTimeline(value as TimelineFrame),
  },
  {
    name: 'saved states',
    valid: [stringifyState(TIMELINE.state), stringifyState({ $a: [-0, Number.NaN, 5n] })],
    decode: parseState,
    encode: stringifyState,
  },
  { name: 'hellos', valid: [HELLO_HOST, HELLO_AGENT].map(encodeHandshake), decode: parseHello, encode: JSON.stringify },
  { name: 'welcomes to hosts', valid: [encodeHandshake(WELCOME_HOST)], decode: parseHostWelcome, encode: JSON.stringify },
  { name: 'welcomes to agents', valid: [encodeHandshake(WELCOME_AGENT)], decode: parseAgentWelcome, encode: JSON.stringify },
  {
    name: 'journal lines',
    valid: INPUTS.map((input, index) => JSON.stringify({ seq: index + 1, at: index, input })),
    decode: parsed(checkJournaledInput),
    encode: JSON.stringify,
  },
  { name: 'inputs', valid: INPUTS.map((input) => JSON.stringify(input)), decode: parsed(checkInput), encode: JSON.stringify },
  { name: 'journal headers', valid: [JSON.stringify(HEADER)], decode: parsed(checkRunHeader), encode: JSON.stringify },
];

describe('round trips', () => {
  test('of any message in a session frame', () => {
    fc.assert(
      fc.property(envelope, (value) => {
        expect(decodeEnvelope(encodeEnvelope(value))).toStrictEqual({ ok: true, value });
      }),
      { numRuns: 2000 },
    );
  });

  test('of any timeline frame', () => {
    fc.assert(
      fc.property(timelineFrame, (value) => {
        expect(decodeTimeline(encodeTimeline(value))).toStrictEqual({ ok: true, value });
      }),
      { numRuns: 500 },
    );
  });
});

describe('fuzz', () => {
  test('session frames, mutated and random: accepted frames have one spelling only', () => {
    const random = numbers(seed);
    const rows = new Float64Array(5000 * 11);
    let accepted = 0;
    for (let i = 0; i < SESSION_FRAMES_TRIED; i++) {
      const frame = i % 3 === 2 ? noise(random) : mutate(SESSION_FRAMES[random(SESSION_FRAMES.length)]!, random);
      const header = decodeSessionHeader(frame);
      const read = decodeStatisticsRows(frame, rows);
      const ok = judge(decodeEnvelope(frame), (value) => {
        const back = encodeEnvelope(value);
        const isJson = ['register', 'assignments', 'status'].includes(value.message.type);
        if (!isJson && Buffer.compare(back, frame) !== 0) throw new Error(`two spellings: ${Buffer.from(frame).toString('hex')}`);
        expect(decodeEnvelope(back)).toStrictEqual({ ok: true, value });
        if (value.message.type === 'statistics') expect(read).toEqual({ ok: true, value: value.message.statistics.count });
      });
      if (ok && !header.ok) throw new Error('a frame without a header was accepted');
      if (ok) accepted += 1;
    }
    // Both sides of the fence are reached, or this test would prove little.
    expect(accepted).toBeGreaterThan(SESSION_FRAMES_TRIED / 50);
    expect(accepted).toBeLessThan(SESSION_FRAMES_TRIED / 2);
  });

  test.each(TEXT_KINDS)('$name, mutated and random', ({ name, valid, decode, encode }) => {
    const random = numbers(seed ^ name.length);
    for (let i = 0; i < TEXTS_PER_DECODER; i++) {
      const source = i % 10 === 9 ? asciiNoise(random) : mutateText(valid[random(valid.length)]!, random);
      judge(decode(source), (value) => {
        expect(decode(encode(value))).toStrictEqual({ ok: true, value });
      });
    }
    for (const source of valid) expect(decode(source).ok).toBe(true);
  });

  test('arbitrary JSON at every check', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
        for (const check of [checkInput, checkJournaledInput, checkRunHeader]) expect(check(value).ok).toBe(false);
        judge(decodeTimeline(JSON.stringify(value)), () => {});
        judge(parseHello(JSON.stringify(value)), () => {});
      }),
      { numRuns: 1000 },
    );
  });
});
