import { describe, expect, test } from 'vitest';
import { HELLO_AGENT, HELLO_HOST, OFFER, WELCOME_AGENT, WELCOME_HOST } from '../testing/samples.ts';
import { MAX_HANDSHAKE_BYTES, PROTOCOL_VERSION } from './frame.ts';
import { admit, encodeHandshake, equalSecrets, parseAgentWelcome, parseHello, parseHostWelcome } from './handshake.ts';

const hello = (change: object): string => JSON.stringify({ ...HELLO_HOST, ...change });
const expected = { build: HELLO_HOST.build, token: HELLO_HOST.token };

describe('a hello', () => {
  test.each([
    ['not JSON', '{', 'malformed'],
    ['hello: must be an object', '[]', 'malformed'],
    ['hello.role: is missing', '{}', 'malformed'],
    ['hello.role: must be one of "host", "agent", not "boss"', hello({ role: 'boss' }), 'malformed'],
    ['hello.type: must be "hello"', hello({ type: 'welcome' }), 'malformed'],
    ['hello.token: must be a text, not 1', hello({ token: 1 }), 'malformed'],
    ['hello.host: must not be empty', hello({ host: '' }), 'malformed'],
    ['hello.extra: is not known here', hello({ extra: 1 }), 'malformed'],
    ['hello.resume.window: must be a whole number', hello({ resume: { ticket: '', window: -1 } }), 'malformed'],
    [
      'hello.offers[0].description.nanoCpus: must be a whole number',
      hello({ offers: [{ ...OFFER, description: { ...OFFER.description, nanoCpus: 0.5 } }] }),
      'malformed',
    ],
    [
      'hello.offers[0].description.generic.apple: ',
      hello({ offers: [{ ...OFFER, description: { ...OFFER.description, generic: { apple: 'x' } } }] }),
      'malformed',
    ],
    ['protocol 2 is spoken there and 1 here', '{"type":"hello","protocol":2,"anything":["else"]}', 'version'],
    ['characters are more than the', ' '.repeat(MAX_HANDSHAKE_BYTES + 1), 'tooLarge'],
  ])('is refused: %s', (reason, text, close) => {
    const result = parseHello(text);
    expect(result).toMatchObject({ ok: false, close });
    expect(result.ok ? '' : result.reason).toContain(reason);
  });

  test('is let in when protocol, build and token are right, for both roles', () => {
    expect(admit(HELLO_HOST, expected)).toEqual({ ok: true });
    expect(admit(HELLO_AGENT, expected)).toEqual({ ok: true });
  });

  test('is refused for the first of: protocol, build, token', () => {
    const all = { ...HELLO_HOST, protocol: PROTOCOL_VERSION + 1, build: 'other', token: 'wrong' };
    expect(admit(all, expected)).toMatchObject({ ok: false, close: 'version' });
    expect(admit({ ...all, protocol: PROTOCOL_VERSION }, expected)).toMatchObject({ ok: false, close: 'build' });
    expect(admit({ ...HELLO_HOST, token: 'wrong' }, expected)).toMatchObject({ ok: false, close: 'token' });
  });

  test('a refusal never tells the token', () => {
    const result = admit({ ...HELLO_HOST, token: 'guess' }, { ...expected, token: 'hidden' });
    expect(JSON.stringify(result)).not.toMatch(/hidden|guess/);
  });
});

test('secrets are equal when all of their characters are', () => {
  const texts = ['', 'a', 'b', 'aa', 'ab', 'abab', 'secret', 'secreu', 'Secret', 'secretsecret'];
  for (const one of texts) for (const other of texts) expect(equalSecrets(one, other)).toBe(one === other);
});

test('a welcome is checked as well', () => {
  expect(parseHostWelcome(encodeHandshake({ ...WELCOME_HOST, begin: 'later' as 'join' }))).toMatchObject({
    ok: false,
    reason: 'welcome.begin: must be one of "join", "keep", "restore", not "later"',
  });
  expect(parseHostWelcome(encodeHandshake(WELCOME_AGENT))).toMatchObject({ ok: false });
  expect(parseAgentWelcome('{"type":"welcome","role":"agent","party":-1}')).toMatchObject({ ok: false, close: 'malformed' });
});
