/**
 * Golden frames: the bytes of one sample of each frame. A difference means that the protocol changed: raise
 * PROTOCOL_VERSION, then write them anew with `UPDATE_GOLDEN=1 npx vitest run --project unit core/src/protocol/golden.test.ts`.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { envelopeOf, HELLO_AGENT, HELLO_HOST, INPUTS, MESSAGES, TIMELINE, WELCOME_AGENT, WELCOME_HOST } from '../testing/samples.ts';
import { encodeHandshake, parseAgentWelcome, parseHello, parseHostWelcome } from './handshake.ts';
import { checkInput } from './model-checks.ts';
import { decodeEnvelope, encodeEnvelope, MESSAGE_KIND } from './session-codec.ts';
import { decodeTimeline, encodeTimeline } from './timeline-codec.ts';

const FOLDER = path.join(path.dirname(fileURLToPath(import.meta.url)), 'golden');

/** Sixteen bytes a line, each with its offset. */
function hexDump(data: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < data.length; at += 16) {
    const line = [...data.subarray(at, at + 16)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    lines.push(`${at.toString(16).padStart(4, '0')}  ${line}`);
  }
  return `${lines.join('\n')}\n`;
}

function matchesGolden(name: string, text: string): void {
  const file = path.join(FOLDER, `${name}.txt`);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, text);
  else if (!existsSync(file)) throw new Error(`${name}.txt is missing; write it with UPDATE_GOLDEN=1`);
  expect(text).toBe(readFileSync(file, 'utf8'));
}

describe('session frames', () => {
  test.each(Object.values(MESSAGES).map((message) => [message.type, message] as const))('%s', (type, message) => {
    const envelope = envelopeOf(message);
    const frame = encodeEnvelope(envelope);
    expect(decodeEnvelope(frame)).toStrictEqual({ ok: true, value: envelope });
    matchesGolden(`session-${type}`, hexDump(frame));
  });

  test('every kind has a sample and a number of its own', () => {
    expect(Object.keys(MESSAGES).sort()).toEqual(Object.keys(MESSAGE_KIND).sort());
    expect(new Set(Object.values(MESSAGE_KIND)).size).toBe(Object.keys(MESSAGE_KIND).length);
  });
});

describe('timeline frames', () => {
  test.each(Object.values(TIMELINE).map((frame) => [frame.type, frame] as const))('%s', (type, frame) => {
    const text = encodeTimeline(frame);
    expect(decodeTimeline(text)).toStrictEqual({ ok: true, value: frame });
    matchesGolden(`timeline-${type}`, `${text}\n`);
  });
});

const HANDSHAKES = {
  'hello-host': { frame: HELLO_HOST, parse: parseHello },
  'hello-agent': { frame: HELLO_AGENT, parse: parseHello },
  'welcome-host': { frame: WELCOME_HOST, parse: parseHostWelcome },
  'welcome-agent': { frame: WELCOME_AGENT, parse: parseAgentWelcome },
} as const;

describe('handshake frames', () => {
  test.each(Object.entries(HANDSHAKES))('%s', (name, { frame, parse }) => {
    const text = encodeHandshake(frame);
    expect(parse(text)).toStrictEqual({ ok: true, value: frame });
    matchesGolden(`handshake-${name}`, `${text}\n`);
  });
});

test('every sample input is an input', () => {
  for (const input of INPUTS) expect(checkInput(input)).toStrictEqual({ ok: true, value: input });
});

test('there is no golden file that nothing compares', () => {
  const names = [
    ...Object.keys(MESSAGES).map((type) => `session-${type}.txt`),
    ...Object.keys(TIMELINE).map((type) => `timeline-${type}.txt`),
    ...Object.keys(HANDSHAKES).map((name) => `handshake-${name}.txt`),
  ];
  expect(readdirSync(FOLDER).sort()).toEqual(names.sort());
});
