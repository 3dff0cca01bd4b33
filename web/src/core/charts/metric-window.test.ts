import type { MetricRange } from '@paperfleet/core';
import { expect, test } from 'vitest';
import { BUCKETS, MetricWindow, windowSeconds } from './metric-window.ts';

const range = (values: (number | null)[], bucketUs = 1_000_000): MetricRange => ({
  subject: 'node:n1',
  fromUs: 0,
  bucketUs,
  series: [{ name: 'cpuNano', unit: '', min: values, avg: values, max: values, last: values }],
});

test('the window is a minute of wall time at the wanted speed, from a minute to an hour', () => {
  expect([0.1, 1, 10, 100, 0].map(windowSeconds)).toEqual([60, 60, 600, 3600, 3600]);
});

test('history is continued by samples; a long silence is a gap, a bucket between samples is none', () => {
  const data = new MetricWindow(60);
  data.load(range([1, null, 3, null, null, null, null, null, null, null, 9]));
  data.append(12_000_000, { cpuNano: 5 });
  const points = data.points('cpuNano');
  expect(points.map((point) => point.y)).toEqual([1, 3, Number.NaN, 9, 5]);
  expect(data.valueAt('cpuNano', 2.5)).toBe(3);
  expect(data.valueAt('cpuNano', 5)).toBeUndefined();
  expect(data.peak('cpuNano')).toBe(9);
  // The axis is a minute wide even before a minute has passed.
  expect([data.fromSeconds, data.toSeconds]).toEqual([0, 60]);
});

test('samples closer than a bucket share a point, old points leave, memory stays bounded', () => {
  const data = new MetricWindow(60);
  for (let i = 0; i <= 10_000; i++) data.append(i * 100_000, { cpuNano: i });
  const points = data.points('cpuNano');
  expect(points.length).toBeLessThanOrEqual(BUCKETS + 3);
  expect(points.at(-1)).toEqual({ x: 1000, y: 10_000 });
  expect(points[1]!.x).toBeGreaterThanOrEqual(data.fromSeconds - 1);
  expect(points.every((point, i) => i === 0 || point.x > points[i - 1]!.x)).toBe(true);
});

test('time that went back starts over', () => {
  const data = new MetricWindow(60);
  data.append(100_000_000, { cpuNano: 1 });
  data.append(20_000_000, { cpuNano: 2 });
  expect(data.points('cpuNano')).toEqual([{ x: 20, y: 2 }]);
});
