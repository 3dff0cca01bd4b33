import { describe, expect, test } from 'vitest';
import { parseBytes, parseCpus, parseDuration, parseRate } from './quantity.ts';
import { shellWords } from './words.ts';

const MIB = 1024 * 1024;

describe('durations', () => {
  test.each([
    ['30s', 30_000_000],
    ['1m30s', 90_000_000],
    ['1h5m30s20ms', 3_930_020_000],
    ['1.5s', 1_500_000],
    ['.5s', 500_000],
    ['500ms', 500_000],
    ['10us', 10],
    ['10µs', 10],
    ['1500ns', 2],
    ['2d', 172_800_000_000],
    ['0', 0],
    ['0s', 0],
  ])('%s', (text, value) => expect(parseDuration(text)).toEqual({ ok: true, value }));
  test.each([
    ['30', 'add a unit: 30s'],
    ['', 'write e.g. 30s, 1m30s, 500ms or 2h'],
    ['5 s', 'write e.g. 30s, 1m30s, 500ms or 2h'],
    ['1x', 'write e.g. 30s, 1m30s, 500ms or 2h'],
    ['-1s', 'a duration is 0 or more'],
    ['1m30', 'write e.g. 30s, 1m30s, 500ms or 2h'],
    ['99999999999h', 'at most 285 years'],
  ])('%j is refused', (text, hint) => expect(parseDuration(text)).toMatchObject({ ok: false, hint }));
});

describe('sizes', () => {
  test.each([
    ['1024', 1024],
    ['0', 0],
    ['1b', 1],
    ['512k', 512 * 1024],
    ['64M', 64 * MIB],
    ['64mb', 64 * MIB],
    ['64MiB', 64 * MIB],
    ['1.5G', 1536 * MIB],
    ['2 gb', 2048 * MIB],
    ['1T', MIB * MIB],
  ])('%s', (text, value) => expect(parseBytes(text)).toEqual({ ok: true, value }));
  test.each(['', 'lots', '-1', '5X', '1,5G', '64 M B', '9000P'])('%j is refused', (text) => expect(parseBytes(text).ok).toBe(false));
});

describe('CPUs', () => {
  test.each([
    ['2', 2e9],
    ['0.5', 5e8],
    ['.25', 25e7],
    ['0.10', 1e8],
    ['0.000000001', 1],
    ['1.3', 13e8],
  ])('%s', (text, value) => expect(parseCpus(text)).toEqual({ ok: true, value }));
  test('milli-CPUs are Kubernetes’s', () => expect(parseCpus('500m')).toMatchObject({ ok: false, hint: "write '0.5'" }));
  test.each(['', '-1', '1e3', 'two', '0.0000000001', '1.'])('%j is refused', (text) => expect(parseCpus(text).ok).toBe(false));
});

test.each([
  ['50/s', 50],
  ['1200/min', 20],
  ['1800/h', 0.5],
  ['7.5', 7.5],
])('rate %s', (text, value) => expect(parseRate(text)).toEqual({ ok: true, value }));
test.each(['fast', '5/d', '-1', ''])('rate %j is refused', (text) => expect(parseRate(text).ok).toBe(false));

describe('command lines', () => {
  test.each<[string, string[]]>([
    ['nginx -g "daemon off;"', ['nginx', '-g', 'daemon off;']],
    ['sh -c \'echo "$A" && exit 1\'', ['sh', '-c', 'echo "$A" && exit 1']],
    ['a  b\tc\nd', ['a', 'b', 'c', 'd']],
    ['a\\ b "c\\"d" "e\\n"', ['a b', 'c"d', 'e\\n']],
    ['--x="a b"c \'\'', ['--x=a bc', '']],
    ['', []],
    ['one \\\n two', ['one', 'two']],
  ])('%s', (text, value) => expect(shellWords(text)).toEqual({ ok: true, value }));
  test('an open quote is refused', () =>
    expect(shellWords('sh -c "echo')).toMatchObject({ ok: false, message: 'the quote " is never closed' }));
});
