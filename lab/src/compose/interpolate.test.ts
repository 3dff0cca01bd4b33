import { describe, expect, test } from 'vitest';
import { interpolate } from './interpolate.ts';

const VARIABLES: Readonly<Record<string, string>> = { SET: 'value', EMPTY: '', OTHER: 'other', _A1: 'under' };
const lookup = (name: string): string | undefined => VARIABLES[name];

describe('substitution', () => {
  test.each([
    ['no variables', 'plain text', 'plain text'],
    ['named', '$SET', 'value'],
    ['named inside words', 'a-$SET.b', 'a-value.b'],
    ['a name ends at the first other character', '$SET-x $_A1!', 'value-x under!'],
    ['braced', '${SET}', 'value'],
    ['braced next to letters', 'x${SET}y', 'xvaluey'],
    ['unset is empty', '<$UNSET><${UNSET}>', '<><>'],
    ['dollar', '$$', '$'],
    ['escaped variable', '$${SET} $$SET', '${SET} $SET'],
    ['four dollars', '$$$$SET', '$$SET'],
    ['three dollars', '$$$SET', '$value'],
    ['shell arithmetic', '$$(($$(getconf A) * 2))', '$(($(getconf A) * 2))'],
    ['a dollar before anything else stands for itself', 'cost: $5, $(date), $', 'cost: $5, $(date), $'],
    [':- of a set one', '${SET:-d}', 'value'],
    [':- of an empty one', '${EMPTY:-d}', 'd'],
    [':- of an unset one', '${UNSET:-d}', 'd'],
    ['- of a set one', '${SET-d}', 'value'],
    ['- of an empty one', '${EMPTY-d}', ''],
    ['- of an unset one', '${UNSET-d}', 'd'],
    [':+ of a set one', '${SET:+a}', 'a'],
    [':+ of an empty one', '${EMPTY:+a}', ''],
    [':+ of an unset one', '${UNSET:+a}', ''],
    ['+ of a set one', '${SET+a}', 'a'],
    ['+ of an empty one', '${EMPTY+a}', 'a'],
    ['+ of an unset one', '${UNSET+a}', ''],
    [':? of a set one', '${SET:?message}', 'value'],
    ['? of an empty one', '${EMPTY?message}', ''],
    ['empty default', '${UNSET:-}', ''],
    ['default with colons', '${UNSET:-registry:5000/app:1.0}', 'registry:5000/app:1.0'],
    ['default with operators', '${UNSET:-a-b?c+d}', 'a-b?c+d'],
    ['default of ports', '${UNSET-:2283:2283}', ':2283:2283'],
    ['default in words', '${UNSET:-some words}!', 'some words!'],
    ['nested', '${UNSET:-${OTHER}}', 'other'],
    ['nested twice', '${UNSET:-${UNSET:-${OTHER:-x}}}-$SET', 'other-value'],
    ['nested in the middle', '${UNSET:-a${SET}b$OTHER}', 'avaluebother'],
    ['nested in the other', '${SET:+${OTHER}}', 'other'],
    ['braces in a default', '${UNSET:-{"a":{}}}', '{"a":{}}'],
    ['escape in a default', '${UNSET:-$$x}', '$x'],
    ['two in a row', '${SET}${OTHER}', 'valueother'],
  ])('%s: %s', (_, text, expected) => {
    expect(interpolate(text, lookup)).toMatchObject({ ok: true, value: expected });
  });

  test.each([
    ['${UNSET:?}', 'required variable UNSET is not set'],
    ['${UNSET:?say why}', 'required variable UNSET is not set: say why'],
    ['${EMPTY:?say why}', 'required variable EMPTY is empty: say why'],
    ['${UNSET?because $OTHER}', 'required variable UNSET is not set: because other'],
    ['${UNSET:-${NESTED?x}}', 'required variable NESTED is not set: x'],
    ['${', "no closing brace in '${'"],
    ['a ${SET', "no closing brace in '${SET'"],
    ['${}', "'${}' names no variable"],
    ['${1A}', "'${1A}' names no variable"],
    ['${SET.name}', "'${SET.name}' is no valid substitution"],
    ['${SET:name}', "'${SET:name}' is no valid substitution"],
  ])('%s is refused', (text, message) => {
    expect(interpolate(text, lookup)).toMatchObject({ ok: false, message });
  });

  test('lists the variables without a value, those with a default excepted', () => {
    expect(interpolate('$A ${B} ${C:-x} ${D:+x} $A $SET', lookup)).toEqual({ ok: true, value: '  x   value', unset: ['A', 'B'] });
  });
});
