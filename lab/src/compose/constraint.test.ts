import { readFileSync } from 'node:fs';
import { parseConstraints } from '@paperfleet/scheduler';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isConstraintKey, parseConstraint } from './constraint.ts';

/** What both grammars say: the key, or nothing. */
const ours = (text: string): string | undefined => {
  const parsed = parseConstraint(text);
  return parsed.ok ? parsed.value : undefined;
};
const theirs = (text: string): string | undefined => {
  const parsed = parseConstraints([text]);
  return parsed.ok ? parsed.constraints[0]?.key : undefined;
};

describe('one grammar in two places', () => {
  test('every text of the conformance vectors', () => {
    const texts =
      JSON.stringify(JSON.parse(readFileSync(new URL('../../../tests/vectors/swarm-constraint.json', import.meta.url), 'utf8'))).match(
        /"[^"]*[!=]=[^"]*"/g,
      ) ?? [];
    expect(texts.length).toBeGreaterThan(20);
    for (const text of texts.map((each) => JSON.parse(each) as string)) expect([text, ours(text)]).toEqual([text, theirs(text)]);
  });
  test('random texts', () => {
    const piece = fc.oneof(
      fc.constantFrom('node.', 'labels.', '==', '!=', '=', ' ', '\u00a0', '\t', 'zone', 'é', '-', '*', '$', '_', 'a'),
      fc.string({ maxLength: 2 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 9 }), (pieces) => {
        expect(ours(pieces.join(''))).toBe(theirs(pieces.join('')));
      }),
    );
  });
});

test.each([
  ['node.role = manager', "write 'node.role == manager'"],
  ['node.role=manager', "write 'node.role == manager'"],
  ['node.hostname ==', 'is a variable in it not set?'],
  ['node.role manager', "write e.g. 'node.role == worker' or 'node.labels.zone != a'"],
])('advice for %s', (text, hint) => expect(parseConstraint(text)).toMatchObject({ ok: false, hint }));

test('keys that some node may have', () => {
  expect(['node.id', 'Node.Labels.zone', 'engine.labels.disk', 'node.platform.arch'].every(isConstraintKey)).toBe(true);
  expect(['node.zone', 'labels.zone', 'node.labels.'].some(isConstraintKey)).toBe(false);
});
