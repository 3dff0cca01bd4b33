import { expect, test } from 'vitest';
import { axisTime, cpu, cpuPair, memory, memoryPair, naturalCompare, plural, reached, simClock, span, speed } from './format.ts';

const MIB = 1024 * 1024;

test('the simulated clock shows tenths, rounds down and keeps hours', () => {
  expect(simClock(83_500_000)).toBe('00:01:23.5');
  expect(simClock(83_599_999)).toBe('00:01:23.5');
  expect(simClock(0)).toBe('00:00:00.0');
  expect(simClock(100 * 3600 * 1e6)).toBe('100:00:00.0');
  expect(axisTime(3723)).toBe('1:02:03');
  expect(axisTime(83)).toBe('01:23');
});

test('spans take the unit that suits them', () => {
  expect([0, 400, 350_000, 4_200_000, 9_960_000, 59_700_000, 125_000_000, 3_725_000_000].map(span)).toEqual([
    '0 s',
    '400 µs',
    '350 ms',
    '4.2 s',
    '10 s',
    '1 min 00 s',
    '2 min 05 s',
    '1 h 02 min',
  ]);
});

test('CPU is in milli-CPU below one core and in cores from there', () => {
  expect([0, 182.4, 999, 999.6, 1000, 1250, 12_340].map(cpu)).toEqual([
    '0m',
    '182m',
    '999m',
    '1 core',
    '1 core',
    '1.3 cores',
    '12.3 cores',
  ]);
  expect(cpuPair(182, 500)).toBe('182 / 500m');
  expect(cpuPair(90, 8000)).toBe('0.09 / 8 cores');
  expect(cpuPair(5100, 8000)).toBe('5.1 / 8 cores');
});

test('memory shares one unit between used and total', () => {
  expect([0, 512, 110 * MIB, 1023 * MIB, 1536 * MIB].map(memory)).toEqual(['0 B', '512 B', '110 MiB', '1023 MiB', '1.5 GiB']);
  expect(memoryPair(110 * MIB, 256 * MIB)).toBe('110 / 256 MiB');
  expect(memoryPair(33 * MIB, 16_384 * MIB)).toBe('33 MiB / 16 GiB');
  expect(memoryPair(410 * MIB, 16_384 * MIB)).toBe('0.4 / 16 GiB');
});

test('a wanted speed of 0 is max, a reached one is standing still', () => {
  expect([0, 0.1, 1, 2.5, 20].map(speed)).toEqual(['max', '0.1×', '1×', '2.5×', '20×']);
  expect(reached(0)).toBe('0×');
});

test('n2 comes before n10, and the order is total', () => {
  expect(['n10', 'n2', 'a', 'n2b', ''].sort(naturalCompare)).toEqual(['', 'a', 'n2', 'n2b', 'n10']);
  expect(naturalCompare('n02', 'n2')).not.toBe(0);
});

test('plurals', () => {
  expect([plural(1, 'task'), plural(0, 'task'), plural(2, 'match')]).toEqual(['1 task', '0 tasks', '2 matches']);
});
