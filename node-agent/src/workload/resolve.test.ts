import { type ContainerSpec, RandomStream, rootKey } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { container } from '../agent/testing/world.ts';
import { interpretCommand } from './command.ts';
import type { ProfileModel } from './profile.ts';
import { readBytes, readCpu, readDistribution, readDuration } from './quantity.ts';
import { resolveWorkload } from './resolve.ts';
import type { WorkloadModel } from './workload-model.ts';

const rng = (): RandomStream => new RandomStream(rootKey('test'));

function modelOf(image: string, overrides: Partial<ContainerSpec> = {}): WorkloadModel {
  const resolved = resolveWorkload(container(image, overrides));
  if (!resolved.ok) throw new Error(resolved.problems.join());
  return resolved.model;
}
const withParameters = (parameters: Readonly<Record<string, unknown>>, image = 'shop'): WorkloadModel =>
  modelOf(image, { workload: { parameters } });
const problems = (parameters: Readonly<Record<string, unknown>>): readonly string[] => {
  const resolved = resolveWorkload(container('shop', { workload: { parameters } }));
  return resolved.ok ? [] : resolved.problems;
};

describe('quantities', () => {
  test.each([
    ['1m30s', 90e6],
    ['250ms', 250e3],
    ['1.5h', 5400e6],
    [2, 2e6],
    ['0', 0],
    ['3 apples', undefined],
    [-1, undefined],
    ['', undefined],
  ])('duration %j', (value, expected) => expect(readDuration(value)).toBe(expected));
  test.each([
    ['64MiB', 64 * 2 ** 20],
    ['64m', 64 * 2 ** 20],
    ['1.5 GB', 1.5 * 2 ** 30],
    [17, 17],
    ['7 bananas', undefined],
  ])('bytes %j', (value, expected) => expect(readBytes(value)).toBe(expected));
  test.each([
    ['250m', 250e6],
    [0.5, 500e6],
    ['2', 2e9],
    ['m', undefined],
  ])('cpu %j', (value, expected) => expect(readCpu(value)).toBe(expected));
  test.each([
    ['3s', { kind: 'constant', value: 3e6 }],
    [{ uniform: ['1s', '5s'] }, { kind: 'uniform', min: 1e6, max: 5e6 }],
    [{ exponential: '8ms' }, { kind: 'exponential', mean: 8000 }],
    [{ lognormal: { p50: '2s', p99: '9s' } }, { kind: 'lognormal', p50: 2e6, p99: 9e6 }],
    [{ uniform: ['5s', '1s'] }, undefined],
    [{ lognormal: { p50: '2s', p99: '9s', p90: '4s' } }, undefined],
    [{ normal: 3 }, undefined],
    [null, undefined],
  ])('distribution %j', (value, expected) => expect(readDistribution(value)).toEqual(expected));
});

describe('a workload is found', () => {
  test('by name before image, with the default for what nobody knows', () => {
    expect(modelOf('team/shop').name).toBe('default');
    expect(modelOf('team/shop', { workload: { name: 'redis' } }).name).toBe('redis');
    expect(modelOf('mysql:8').name).toBe('mysql');
  });

  test('or the problem is told with what is known', () => {
    const unknown = resolveWorkload(container('shop', { workload: { name: 'reddis' } }));
    expect(unknown).toMatchObject({ ok: false });
    expect(unknown.ok ? '' : unknown.problems[0]).toMatch(/unknown workload 'reddis'; known: default, nginx/);
    expect(problems({ cpuBse: 1 })[0]).toMatch(/unknown workload parameter 'cpuBse'; known: cpuBase/);
    expect(problems({ exitAfter: 'soon', exitCode: 256 })).toEqual([
      expect.stringMatching(/^workload parameter 'exitAfter' must be a duration or distribution.*not "soon"$/),
      expect.stringMatching(/^workload parameter 'exitCode' must be an exit code from 0 to 255, not 256$/),
    ]);
    expect(problems({ failRate: 0.5 })).toEqual([expect.stringContaining("needs 'exitAfter'")]);
  });
});

describe('a profile', () => {
  test('load raises CPU by its cost and memory by what is in flight', () => {
    const model = withParameters({
      cpuBase: 0.1,
      cpuJitter: 0,
      cpuPerRequest: '4ms',
      requestTime: '100ms',
      concurrency: 5,
      memoryBase: 1000,
      memoryPlateau: 1000,
      memoryPerRequest: 10,
    });
    expect(model.demand(0, 0, rng())).toEqual({ cpuNano: 100e6, memoryBytes: 1000, holdsForUs: 0 });
    expect(model.demand(0, 20_000, rng())).toEqual({ cpuNano: 180e6, memoryBytes: 1020, holdsForUs: 0 });
    expect(model.demand(0, 1_000_000, rng()).memoryBytes).toBe(1050); // at most its concurrency
  });

  test('memory grows to its plateau in steps that it announces, and leaks beyond', () => {
    const model = withParameters({ cpuJitter: 0, memoryBase: 800, memoryPlateau: 1600, memoryGrowth: '80s' });
    const seen: [number, number][] = [];
    let age = 0;
    for (;;) {
      const { memoryBytes, holdsForUs } = model.demand(age, 0, rng());
      seen.push([age / 1e6, memoryBytes]);
      if (holdsForUs === 0) break;
      age += holdsForUs;
    }
    expect(seen).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80].map((at, step) => [at, 800 + step * 100]));
    expect(withParameters({ memoryBase: 0, memoryPlateau: 0, leakPerSecond: 7 }).demand(5_500_000, 0, rng())).toMatchObject({
      memoryBytes: 35,
    });
  });

  test('idle CPU wanders around its base within the jitter', () => {
    const model = withParameters({ cpuBase: 1, cpuJitter: 0.2 });
    const stream = rng();
    const drawn = Array.from({ length: 200 }, () => model.demand(0, 0, stream).cpuNano);
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0.8e9);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1.2e9);
    expect(new Set(drawn).size).toBeGreaterThan(100);
  });

  test('start, boot and failures follow their distributions', () => {
    const model = withParameters({ start: { uniform: ['1s', '2s'] }, exitAfter: '30s', exitCode: 0, failRate: 0.25, failCode: 3 });
    const stream = rng();
    const runs = Array.from({ length: 1000 }, () => ({ ...model.startup(stream), ...model.outcome(stream)! }));
    expect(runs.every(({ startUs }) => startUs >= 1e6 && startUs <= 2e6)).toBe(true);
    expect(runs.every(({ afterUs, exitCode }) => afterUs === 30e6 && (exitCode === 0 || exitCode === 3))).toBe(true);
    expect(runs.filter(({ exitCode }) => exitCode === 3).length).toBeGreaterThan(200);
    expect(runs.filter(({ exitCode }) => exitCode === 3).length).toBeLessThan(300);
  });

  test('a program that hangs answers neither probes nor the stop signal', () => {
    const model = withParameters({ hangAfter: '10s' });
    expect(model.probe(9e6, true, rng()).healthy).toBe(true);
    expect(model.probe(10e6, true, rng())).toMatchObject({ healthy: false });
    expect(model.stop(9e6, true, rng())).toMatchObject({ exitCode: 0 });
    expect(model.stop(10e6, true, rng())).toBeUndefined();
    expect(model.stop(1e6, false, rng())).toMatchObject({ exitCode: 143 });
  });
});

describe('commands of one-shot images', () => {
  test.each<[string[], number | undefined, number]>([
    [[], 0, 0],
    [['sh'], 0, 0],
    [['sleep', '30'], 30e6, 0],
    [['sleep', '1m'], 60e6, 0],
    [['sleep', 'infinity'], undefined, 0],
    [['echo', 'hello'], 30e3, 0],
    [['false'], 30e3, 1],
    [['sh', '-c', 'exit 3'], 0, 3],
    [['sh', '-c', 'echo hi; sleep 5; exit 7; sleep 100'], 5.03e6, 7],
    [['sh', '-c', 'while true; do date; sleep 1; done'], undefined, 0],
    [['/bin/sh', '-c', 'sleep 2 && tail -f /dev/null'], undefined, 0],
    [['ping', 'docker.com'], undefined, 0],
    [['./server'], undefined, 0],
  ])('%j', (words, exitAfterUs, exitCode) => {
    expect(interpretCommand(words)).toMatchObject({ exitAfterUs, exitCode });
  });

  test('decide what busybox does, and nothing of what a server does', () => {
    const stream = rng();
    expect(modelOf('busybox').outcome(stream)).toEqual({ afterUs: 0, exitCode: 0 });
    expect(modelOf('alpine', { command: ['sleep'], args: ['9'] }).outcome(stream)).toEqual({ afterUs: 9e6, exitCode: 0 });
    expect(modelOf('hello-world').outcome(stream)).toMatchObject({ exitCode: 0 });
    expect(modelOf('nginx', { args: ['sleep', '9'] }).outcome(stream)).toBeUndefined();
    expect((modelOf('busybox', { command: ['yes'] }) as ProfileModel).profile.baseCpuNano).toBe(1e9);
  });
});
