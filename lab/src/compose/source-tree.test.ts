import { describe, expect, test } from 'vitest';
import { Diagnostics, formatDiagnostic } from './diagnostic.ts';
import { locate, parseYaml, toPlain } from './source-tree.ts';

function parse(text: string): { plain: unknown; errors: string[] } {
  const diagnostics = new Diagnostics();
  const [root] = parseYaml('f.yml', text, diagnostics);
  return { plain: root === undefined ? undefined : toPlain(root), errors: diagnostics.errors.map(formatDiagnostic) };
}

describe('anchors and merge keys', () => {
  test('own keys win over merged ones, wherever << stands', () => {
    expect(parse('a: &a {x: 1, y: 1}\nb: {y: 2, <<: *a, z: 3}').plain).toEqual({ a: { x: 1, y: 1 }, b: { x: 1, y: 2, z: 3 } });
  });
  test('of several sources the first wins', () => {
    expect(parse('a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]').plain).toMatchObject({ c: { x: 1, y: 2 } });
  });
  test('merge keys in merged maps', () => {
    expect(parse('a: &a {x: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: *b}').plain).toMatchObject({ c: { x: 1, y: 2 } });
  });
  test('a quoted << is a key like any other', () => {
    expect(parse('"<<": {x: 1}').plain).toEqual({ '<<': { x: 1 } });
  });
  test('values keep the place where they were written', () => {
    const [root] = parseYaml('f.yml', 'a: &a\n  x: 1\nb:\n  <<: *a\n', new Diagnostics());
    expect(locate(root!, ['b', 'x']).node.place).toEqual({ file: 'f.yml', line: 2, column: 6 });
  });
  test.each([
    ['a: *nope', 'f.yml:1:4: the alias *nope has no anchor before it'],
    ['a: &a [*a]', 'f.yml:1:8: the alias *a stands inside its own anchor'],
    ['a: {<<: 5}', 'f.yml:1:5: a merge key (<<) takes a map or a list of maps (write <<: *name, with name anchored at a map)'],
  ])('%s', (text, error) => expect(parse(text).errors).toEqual([error]));
  test('an alias bomb is refused', () => {
    const lines = Array.from({ length: 9 }, (_, level) => `l${level + 1}: &l${level + 1} [${Array(10).fill(`*l${level}`).join(', ')}]`);
    expect(parse(`l0: &l0 x\n${lines.join('\n')}`).errors[0]).toContain('more than 400000 values');
  });
  test('deep nesting is refused', () => {
    expect(parse('['.repeat(400) + ']'.repeat(400)).errors[0]).toContain('nested more than 200 levels deep');
  });
});

describe('scalars', () => {
  test('as YAML 1.2 reads them, as Compose does', () => {
    expect(parse('[yes, on, 22:22, 0440, 1.10, 123456789012345678901, true, null, ~, "5"]').plain).toEqual([
      'yes',
      'on',
      '22:22',
      440,
      1.1,
      '123456789012345678901',
      true,
      null,
      null,
      '5',
    ]);
  });
  test('a key named __proto__ is only a key', () => {
    const { plain } = parse('__proto__: {polluted: true}');
    expect(Object.keys(plain as object)).toEqual(['__proto__']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('broken YAML', () => {
  test.each([
    ['a: 1\na: 2', 'f.yml:2:1: this key stands twice in the same map (keep one of them, or merge the two values)'],
    ['a:\n\t- b', 'f.yml:2:1: not valid YAML: tabs are not allowed as indentation (indent with spaces, not tabs)'],
    ['a: "open', 'f.yml:1:9: not valid YAML: missing closing "quote (check indentation and quotes on this line and the one before it)'],
    [
      'a: [x=${Y}]',
      'f.yml:1:8: not valid YAML: missing , or : between flow sequence items (inside […] and {…} a variable ${…} needs quotes)',
    ],
    ['a: !custom 1', 'f.yml:1:12: unknown tag !custom (Compose files know !reset and !override)'],
    ['a: {{b}}', 'f.yml:1:5: a key must be a plain word ({{…}} and ${…} with braces need quotes in YAML)'],
  ])('%j', (text, error) => expect(parse(text).errors[0]).toBe(error));
});
