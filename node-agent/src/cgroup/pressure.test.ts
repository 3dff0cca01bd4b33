import { expect, test } from 'vitest';
import { formatAverage } from './files.ts';
import { nextAverage, PRESSURE_WINDOW_US, PressureTable } from './pressure.ts';

/** The averages of a table whose windows were stalled for these percentages, avg10 and avg60. */
function series(percentages: readonly number[]): readonly (readonly string[])[] {
  const table = new PressureTable();
  const row = table.allocate(0, 0);
  return percentages.map((percent, index) => {
    table.set(row, index * PRESSURE_WINDOW_US, percent * 10_000, 0);
    const { averages } = table.read(row, (index + 1) * PRESSURE_WINDOW_US);
    return [formatAverage(averages[0]!), formatAverage(averages[1]!)];
  });
}

test('averages are those of a thread at half a CPU on a real kernel', () => {
  expect(series([47, 49, 49, 49, 49])).toEqual([
    ['8.51', '1.53'],
    ['15.84', '3.09'],
    ['21.85', '4.59'],
    ['26.77', '6.04'],
    ['30.79', '7.45'],
  ]);
});

test('averages over a long constant stall are those of every single window', () => {
  const table = new PressureTable();
  const row = table.allocate(0, 0);
  table.set(row, 0, 1_000_000, 333_333);
  const windows = 5000;
  let some = 0;
  let full = 0;
  for (let window = 0; window < windows; window++) {
    some = nextAverage(some, 100, 2034);
    full = nextAverage(full, 33, 2034);
  }
  const { averages, someUs, fullUs } = table.read(row, windows * PRESSURE_WINDOW_US);
  expect([averages[2], averages[5]]).toEqual([some, full]);
  expect(someUs).toBe(windows * PRESSURE_WINDOW_US);
  expect(fullUs).toBe(Math.floor((windows * PRESSURE_WINDOW_US * 333_333) / 1e6));
});

test('a total half a percent short of a whole one is cut, not rounded', () => {
  expect(series([0])).toEqual([['0.00', '0.00']]);
  const table = new PressureTable();
  const row = table.allocate(0, 0);
  table.set(row, 0, 499_999, 499_999);
  expect(table.read(row, PRESSURE_WINDOW_US).averages[0]).toBe(nextAverage(0, 49, 1677));
});

test('once idle, averages fall as the kernel lets them', () => {
  const table = new PressureTable();
  const row = table.allocate(0, 0);
  table.set(row, 0, 1_000_000, 0);
  table.set(row, PRESSURE_WINDOW_US, 0, 0);
  let average = nextAverage(0, 100, 1677);
  for (let window = 0; window < 4; window++) average = nextAverage(average, 0, 1677);
  expect(table.read(row, 5 * PRESSURE_WINDOW_US).averages[0]).toBe(average);
  expect(table.read(row, 10_000 * PRESSURE_WINDOW_US).averages).toEqual([0, 0, 0, 0, 0, 0]);
});
