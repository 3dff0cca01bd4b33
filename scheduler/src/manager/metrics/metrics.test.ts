import { type DurationUs, STAT, type Statistics, STATISTICS_COLUMNS, timeUs } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { Fixture, GLOBAL, MS, SECOND } from '../testing/fixture.ts';
import { History } from './history.ts';
import { countTasks } from './metrics.ts';

interface Row {
  readonly container: number;
  readonly task?: string;
  readonly cpu: number;
  readonly memory: number;
  readonly periods?: number;
  readonly throttled?: number;
}

function statistics(at: number, rows: readonly Row[]): Statistics {
  const values = new Float64Array(rows.length * STATISTICS_COLUMNS);
  rows.forEach((row, index) => {
    const base = index * STATISTICS_COLUMNS;
    values[base + STAT.container] = row.container;
    values[base + STAT.cpuNano] = row.cpu;
    values[base + STAT.memoryBytes] = row.memory;
    values[base + STAT.nrPeriods] = row.periods ?? 0;
    values[base + STAT.nrThrottled] = row.throttled ?? 0;
  });
  const sum = (key: 'cpu' | 'memory'): number => rows.reduce((total, row) => total + row[key], 0);
  return {
    at: timeUs(at),
    intervalUs: SECOND as DurationUs,
    nodeCpuNano: sum('cpu'),
    nodeMemoryBytes: sum('memory'),
    count: rows.length,
    values,
    names: rows.flatMap(({ container, task }) => (task === undefined ? [] : [[container, task] as const])),
  };
}

/** Two running replicas on one node with a session. */
function running(): { fixture: Fixture; report: (rows: readonly Row[]) => void } {
  const fixture = new Fixture({ obedient: true });
  fixture.join('n1');
  fixture.run(SECOND);
  fixture.create({ replicas: 2 });
  fixture.run(2 * SECOND);
  const report = (rows: readonly Row[]): void => {
    fixture.probe('n1').send({ type: 'statistics', session: fixture.node('n1').session, statistics: statistics(fixture.now, rows) });
    fixture.run(20 * MS);
  };
  return { fixture, report };
}

describe('statistics', () => {
  test('sum up to tasks and services, with containers named once', () => {
    const { fixture, report } = running();
    const [a, b] = fixture.tasks().map((task) => task.id) as [string, string];
    const { metrics } = fixture.manager;
    report([
      { container: 1, task: a, cpu: 100, memory: 10 },
      { container: 2, task: a, cpu: 50, memory: 5 },
      { container: 3, task: b, cpu: 7, memory: 1 },
    ]);
    expect(metrics.task(a)).toEqual({ cpuNano: 150, memoryBytes: 15, throttledPermille: 0 });
    report([
      { container: 1, cpu: 10, memory: 20, periods: 10, throttled: 4 },
      { container: 3, cpu: 1, memory: 2, periods: 10, throttled: 1 },
    ]);
    expect(metrics.task(a)).toEqual({ cpuNano: 10, memoryBytes: 20, throttledPermille: 400 });
    expect(metrics.service(fixture.service('web').id)).toEqual({ cpuNano: 11, memoryBytes: 22, throttledPermille: 250 });
    expect(metrics.nodeCpuNano[fixture.node('n1').row]).toBe(11);
  });

  test('a task that has ended counts no more', () => {
    const { fixture, report } = running();
    const [a, b] = fixture.tasks() as [ReturnType<Fixture['slot']>, ReturnType<Fixture['slot']>];
    report([
      { container: 1, task: a.id, cpu: 100, memory: 10 },
      { container: 2, task: b.id, cpu: 1, memory: 1 },
    ]);
    fixture.observe(a, 'failed');
    expect(fixture.manager.metrics.task(a.id)).toBeUndefined();
    expect(fixture.manager.metrics.service(fixture.service('web').id)).toMatchObject({ cpuNano: 1, memoryBytes: 1 });
  });

  test('history has buckets, and gaps where nothing was reported', () => {
    const { fixture, report } = running();
    const [a] = fixture.tasks().map((task) => task.id);
    const start = fixture.now;
    for (let second = 0; second < 30; second++) {
      if (second < 10 || second >= 20) report([{ container: 1, task: a!, cpu: second, memory: 1 }]);
      else fixture.run(20 * MS);
      fixture.run(980 * MS);
    }
    const range = fixture.manager.metrics.range(`node:${fixture.node('n1').id}`, start, fixture.now, 3);
    expect(range?.bucketUs).toBe(10 * SECOND);
    const cpu = range?.series.find((series) => series.name === 'cpuNano');
    expect(cpu?.min[0]).toBe(0);
    expect(cpu?.max[2]).toBe(29);
    const wide = fixture.manager.metrics.range(`service:${fixture.service('web').id}`, start, fixture.now, 30);
    expect(wide?.series.find((series) => series.name === 'running')?.last.every((value) => value === 2)).toBe(true);
    const fine = fixture.manager.metrics.range(`node:${fixture.node('n1').id}`, start, fixture.now, 30)?.series[0];
    expect(fine?.avg.slice(14, 19)).toEqual([null, null, null, null, null]);
    expect(fixture.manager.metrics.range('node:nobody', start, fixture.now, 3)).toBeUndefined();
  });
});

describe('history', () => {
  test('coarse samples stand for what the fine ring has forgotten', () => {
    const history = new History();
    for (let tick = 0; tick < 3000; tick++) history.sample(tick, 1, () => tick);
    const { min, avg, max, last } = history.range(0, 0, 10 * SECOND, 300);
    expect([min[0], avg[0], max[0], last[0]]).toEqual([0, 4.5, 9, 9]);
    expect([min[299], avg[299], max[299], last[299]]).toEqual([2990, 2994.5, 2999, 2999]);
    expect(avg.filter((value) => value === null)).toEqual([]);
  });

  test('5,000 nodes for two hours stay under 150 MB', () => {
    const NODES = 50;
    const history = new History();
    for (let tick = 0; tick < 7300; tick++) history.sample(tick, NODES, () => 1);
    const perNode = (2 * history.byteLength) / NODES; // CPU and memory
    expect(perNode * 5000).toBeLessThan(150e6);
  });

  test('a service is counted as docker service ls counts it', () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    const service = fixture.create({ mode: GLOBAL });
    const tasks = [
      [512, 512],
      [0, 512],
      [704, 640],
    ].map(([state, desired]) => ({ state: state!, desired: desired!, jobIteration: 0 }));
    expect(countTasks(service, tasks)).toEqual({ desired: 2, running: 1, completed: 0 });
    expect(countTasks(undefined, tasks)).toEqual({ desired: 0, running: 1, completed: 0 });
  });
});

describe('load', () => {
  test('is shared by the running replicas and told anew when they change', () => {
    const fixture = new Fixture({ obedient: true });
    for (const name of ['n1', 'n2']) fixture.join(name);
    fixture.run(SECOND);
    const { id } = fixture.create({ replicas: 4 });
    fixture.run(2 * SECOND);
    fixture.command({ do: 'load', service: 'web', requestsPerSecond: 10 });
    fixture.run(SECOND);
    const newest = (name: string): unknown =>
      fixture
        .probe(name)
        .assignments.flatMap((message) => message.loads)
        .at(-1);
    expect(newest('n1')).toEqual([id, 2500]);
    fixture.command({ do: 'scale', service: 'web', replicas: 5 });
    fixture.run(SECOND);
    expect([newest('n1'), newest('n2')]).toEqual([
      [id, 2000],
      [id, 2000],
    ]);
    fixture.probe('n1').register();
    fixture.run(SECOND);
    expect(fixture.probe('n1').assignments.at(-1)).toMatchObject({ full: true, loads: [[id, 2000]] });
    fixture.command({ do: 'load', service: 'web', requestsPerSecond: 0 });
    fixture.run(SECOND);
    expect([newest('n1'), newest('n2')]).toEqual([
      [id, 0],
      [id, 0],
    ]);
  });
});
