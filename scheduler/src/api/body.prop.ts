import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checked, checkShape } from './body.ts';
import { ApiFailure } from './failure.ts';
import { commandRequest, deployRequest, faultRequest, playbackRequest } from './schemas/requests.ts';

const SCHEMAS = { commandRequest, faultRequest, playbackRequest, deployRequest };

/** The checks that a body passes before it is used. */
function accepts(name: keyof typeof SCHEMAS, text: string): unknown {
  try {
    const body: unknown = JSON.parse(text);
    checkShape(body);
    return checked(SCHEMAS[name] as typeof playbackRequest, body, 'body');
  } catch (error) {
    if (error instanceof ApiFailure) expect(error.status).toBe(400);
    else expect(error).toBeInstanceOf(SyntaxError);
    return undefined;
  }
}

const scalar = fc.constantFrom<unknown>(
  'web',
  'scale',
  'n1',
  0,
  3,
  1.5,
  -1,
  1e300,
  true,
  null,
  '',
  'x'.repeat(300),
  [],
  {},
  ['n1'],
  { fault: 'heal' },
  '\u0000',
);
const key = fc.constantFrom(
  'command',
  'do',
  'service',
  'replicas',
  'key',
  'nodes',
  'fault',
  'direction',
  'files',
  'spec',
  'speed',
  '__proto__',
  'constructor',
  'toString',
);
const body = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value;

test('whatever the body, it is accepted as it is or refused with 400', () => {
  fc.assert(
    fc.property(fc.constantFrom(...(Object.keys(SCHEMAS) as (keyof typeof SCHEMAS)[])), body, (name, value) => {
      const text = JSON.stringify(value);
      const taken = accepts(name, text);
      // Nothing is dropped, added or changed on the way into the journal.
      if (taken !== undefined) expect(taken).toEqual(JSON.parse(text));
    }),
    { numRuns: 20_000 },
  );
});

test.each([
  ['numbers beyond bounds', '{"command":{"do":"load","service":"web","requestsPerSecond":1e999}}'],
  ['deep nesting', `{"command":${'{"a":'.repeat(60)}1${'}'.repeat(60)}}`],
  ['very deep nesting', `{"command":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ['keys that are no data', '{"command":{"do":"removeService","service":"web"},"__proto__":{"key":"x"}}'],
  ['such keys further in', '{"command":{"do":"removeService","service":"web","x":{"__proto__":1}}}'],
])('refused: %s', (_, text) => {
  expect(accepts('commandRequest', text)).toBeUndefined();
});

test('free-form parts are bounded too', () => {
  const spec = (parameters: string): string =>
    `{"command":{"do":"createService","spec":{"name":"a","labels":{},"mode":{"kind":"global"},"task":{"containers":[{"name":"m","image":"i","stopGracePeriodUs":0,"reservations":{},"limits":{},"workload":{"parameters":${parameters}}}],"restart":{"condition":"any","delayUs":0,"maxAttempts":0,"windowUs":0},"placement":{},"forceUpdate":0}}}}`;
  expect(accepts('commandRequest', spec('{"x":[1,{"y":2}]}'))).toBeDefined();
  expect(accepts('commandRequest', spec('{"x":1e999}'))).toBeUndefined();
  expect(accepts('commandRequest', spec('{"__proto__":1}'))).toBeUndefined();
  expect(accepts('commandRequest', spec(`${'['.repeat(5000)}${']'.repeat(5000)}`))).toBeUndefined();
  expect(accepts('commandRequest', spec(`{"x":${'['.repeat(50)}${']'.repeat(50)}}`))).toBeUndefined();
});
