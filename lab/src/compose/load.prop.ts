import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkStackSpec } from '@paperfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { interpolate } from './interpolate.ts';
import { loadCompose } from './load.ts';
import { ERRORS } from './testing/mistakes.ts';

const FOLDER = fileURLToPath(new URL('testing/stacks', import.meta.url));
const texts = [...readdirSync(FOLDER).map((name) => readFileSync(`${FOLDER}/${name}`, 'utf8')), ...ERRORS.map(([, text]) => text)];

const junk = fc.oneof(
  fc.constantFrom(
    'null',
    '[]',
    '{}',
    '~',
    ':',
    '- ',
    '\n',
    '\n  ',
    '&a ',
    '*a',
    '<<: ',
    '!reset ',
    '!override ',
    '${',
    '${A:-',
    '}',
    '$',
    '"',
    "'",
    '0',
    '-1',
    '1e400',
    '\t',
    '__proto__: ',
    '? ',
    '--- \n',
    '|',
    '%',
  ),
  fc.string({ maxLength: 4 }),
);

/** A real file with a few pieces cut out, moved or replaced. */
const damaged = fc
  .tuple(fc.constantFrom(...texts), fc.array(fc.tuple(fc.nat(), fc.nat(30), junk), { minLength: 1, maxLength: 4 }))
  .map(([text, cuts]) =>
    cuts.reduce(
      (whole, [at, length, piece]) => whole.slice(0, at % (whole.length + 1)) + piece + whole.slice((at % (whole.length + 1)) + length),
      text,
    ),
  );

describe('damaged files', () => {
  test('either load as a stack that core accepts, or are told with places; nothing is thrown', () => {
    let loaded = 0;
    fc.assert(
      fc.property(damaged, (text) => {
        const result = loadCompose({
          files: [{ path: 'c.yml', text }],
          env: { DOMAIN: 'd' },
          profiles: ['*'],
          projectName: 'p',
          readFile: () => undefined,
        });
        if (result.ok) {
          loaded++;
          expect(checkStackSpec(JSON.parse(JSON.stringify(result.stack)))).toMatchObject({ ok: true });
          return;
        }
        expect(result.errors.length).toBeGreaterThan(0);
        for (const { line, column, message } of result.errors) expect(line >= 1 && column >= 1 && message !== '').toBe(true);
      }),
      { numRuns: 1500 },
    );
    expect(loaded).toBeGreaterThan(10);
  });
});

test('a file merged over itself is the same stack, but for lists that append', () => {
  for (const text of texts) {
    const load = (times: number): unknown =>
      loadCompose({
        files: Array.from({ length: times }, () => ({ path: 'c.yml', text })),
        env: { DOMAIN: 'd' },
        profiles: [],
        projectName: 'p',
        readFile: () => undefined,
      });
    const [once, twice] = [load(1), load(2)] as { ok: boolean; stack?: unknown }[];
    if (once?.ok === true && !text.includes('placement') && !text.includes('devices')) expect(twice?.stack).toEqual(once.stack);
  }
});

test('text without a dollar is its own substitution, and escaping survives it', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(interpolate(text.replaceAll('$', '$$$$'), () => 'x')).toEqual({ ok: true, value: text, unset: [] });
    }),
  );
});
