import { describe, expect, test } from 'vitest';
import { type ConstraintSubject, nodeMatches, parseConstraints } from './constraint.ts';

function subject(address: string): ConstraintSubject {
  return { id: 'n', role: 'manager', labels: { zone: 'a' }, description: { hostname: 'h', engineLabels: {}, address } };
}

function matches(text: string, node: ConstraintSubject): boolean {
  const parsed = parseConstraints([text]);
  if (!parsed.ok) throw new Error(parsed.message);
  return nodeMatches(parsed.constraints, node);
}

describe('errors are in the words of the real system', () => {
  test.each([
    ['node.role', 'constraint expected one operator from ==, !='],
    ['1x == a', "key '1x' is invalid"],
    ['node.id == a=b', "value 'a=b' is invalid"],
    ['node.id != ', "value '' is invalid"],
    ['node.labels.x == ü', "value 'ü' is invalid"],
    ['node.id == a\u00a0b', "value 'a\u00a0b' is invalid"],
  ])('%s', (text, message) => {
    expect(parseConstraints(['node.role==manager', text])).toEqual({ ok: false, message, index: 1 });
  });
});

test('splits at the first ==, even when != stands before it', () => {
  expect(parseConstraints(['node.id != a == b'])).toMatchObject({ ok: false, message: "key 'node.id != a' is invalid" });
});

describe('node.ip', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3', true],
    ['::ffff:10.1.2.3', '10.1.2.3', true],
    ['010.1.2.3', '10.1.2.3', false],
    ['10.1.0.0/16', '10.1.2.3', true],
    ['10.1.0.0/0', '200.1.2.3', true],
    ['10.1.0.0/33', '10.1.2.3', false],
    ['10.1.0.0/-1', '10.1.2.3', false],
    ['fe80::/10', 'fe81::1', true],
    ['fe80::/10', 'ff00::1', false],
    ['::/0', '10.1.2.3', false],
    ['::/0', '2001:db8::1', true],
    ['::ffff:10.1.2.0/120', '10.1.2.3', true],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0', true],
    ['1:2:3:4:5:6:7:8::', '1:2:3:4:5:6:7:8', false],
    ['1::2::3', '1::3', false],
  ])('== %s on %s is %s', (value, address, expected) => {
    expect(matches(`node.ip == ${value}`, subject(address))).toBe(expected);
  });

  test('a well-formed value differs from a missing address, a malformed one never matches', () => {
    expect(matches('node.ip != 10.0.0.1', subject(''))).toBe(true);
    expect(matches('node.ip != 10.0.0', subject('10.0.0.1'))).toBe(false);
  });
});

test('labels named like members of objects are just labels', () => {
  expect(matches('node.labels.constructor != x', subject(''))).toBe(true);
  expect(matches('node.labels.toString == x', { ...subject(''), labels: Object.fromEntries([['toString', 'X']]) })).toBe(true);
});

test('keys without a label name, and role in the other case', () => {
  expect(matches('node.labels. == a', subject(''))).toBe(false);
  expect(matches('NODE.ROLE == Manager', subject(''))).toBe(true);
});
