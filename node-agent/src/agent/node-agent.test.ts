import { type Fault, mebibytes, STAT, type TaskSpec, TASK_STATE } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import type { Step } from './testing/scripted-manager.ts';
import { container, NODE, SECOND, taskOf, World, type WorldOptions } from './testing/world.ts';

const S = TASK_STATE;
const at = (seconds: number): number => Math.round(seconds * SECOND);
const healthcheck = {
  test: ['CMD', 'true'],
  intervalUs: at(2) as never,
  timeoutUs: at(1) as never,
  startPeriodUs: 0 as never,
  startIntervalUs: 0 as never,
  retries: 3,
};

/** A world whose first step, at 1 s, runs these tasks with the first spec. */
function running(spec: TaskSpec, options: WorldOptions & { readonly tasks?: readonly string[] } = {}): World {
  const script: Step[] = [{ at: at(1), do: 'run', node: NODE, tasks: options.tasks ?? ['t1'], spec: 0 }, ...(options.script ?? [])];
  return new World({ ...options, specs: [spec, ...(options.specs ?? [])], script });
}
/** Parameters of a program whose times are known. */
const exact = { start: '500ms', boot: '1s', cpuJitter: 0, stop: '200ms' } as const;
const shop = (parameters: Readonly<Record<string, unknown>> = {}, overrides: Parameters<typeof container>[1] = {}): TaskSpec =>
  taskOf(container('shop', { workload: { parameters: { ...exact, ...parameters } }, ...overrides }));
const desire = (seconds: number, desired: number, tasks: readonly string[] = ['t1']): Step => ({
  at: at(seconds),
  do: 'desire',
  node: NODE,
  tasks,
  desired: desired as never,
});
const crash: Fault = { fault: 'crash' };
const recover: Fault = { fault: 'recover' };

describe('a task', () => {
  test("goes from assigned to running with SwarmKit's messages", () => {
    const world = running(shop()).run(at(30));
    expect(world.log('t1')).toEqual([`${S.preparing} preparing`, `${S.starting} starting`, `${S.running} started`]);
    // Every state is in the digest; the manager hears the newest of an instant.
    expect([...world.node().tasks][0]).toMatchObject({ state: S.running, desired: S.running, message: 'started' });
  });

  test('parks at ready until more is desired', () => {
    const world = new World({
      specs: [shop()],
      script: [{ at: at(1), do: 'run', node: NODE, tasks: ['t1'], spec: 0, desired: S.ready }, desire(40, S.running)],
    });
    expect(world.run(at(40)).log('t1').at(-1)).toBe(`${S.ready} prepared`);
    expect(world.run(at(43)).log('t1').at(-1)).toBe(`${S.running} started`);
  });

  test('is never taken back to a lower desired state', () => {
    const world = running(shop(), { script: [desire(1.05, S.ready), desire(30, S.shutdown), desire(31, S.running)] }).run(at(60));
    expect(world.log('t1').map((line) => Number(line.split(' ')[0]))).toEqual([S.preparing, S.starting, S.running, S.shutdown]);
    expect([...world.node().tasks][0]!.desired).toBe(S.shutdown);
  });

  test("is stopped with the program's own exit code within its grace period", () => {
    const world = running(shop({ stopExitCode: 7 }), { script: [desire(30, S.shutdown)] }).run(at(33));
    expect(world.status('t1')).toMatchObject({ state: S.shutdown, message: 'shutdown', exitCode: 7, at: at(30.3) });
    expect(world.status('t1')?.error).toBeUndefined();
  });

  test('is killed when the grace period is over, and leaves its networks first', () => {
    const stubborn: TaskSpec = { ...shop({ ignoreStop: true }, { stopGracePeriodUs: at(4) as never }), networks: [{ name: 'front' }] };
    const world = running(stubborn, { script: [desire(30, S.shutdown)] });
    expect(world.run(at(36.05)).status('t1')?.state).toBe(S.running);
    expect(world.run(at(37)).status('t1')).toMatchObject({ state: S.shutdown, exitCode: 137, at: at(36.1) }); // 30.1 + 2 + 4
  });

  test('that is stopped before it runs reports shutdown and gives up its pull', () => {
    const world = running(taskOf(container('mysql')), { script: [desire(2, S.shutdown)], description: { pullBytesPerSecond: 1_000_000 } });
    world.run(at(2));
    expect(world.node().images.pulls).toBe(1);
    world.run(at(4));
    expect(world.log('t1')).toEqual([`${S.preparing} preparing`, `${S.shutdown} shutdown`]);
    expect(world.node().images).toMatchObject({ pulls: 0, cachedBytes: 0 });
  });

  test('that leaves the assignment is stopped, forgotten and not reported', () => {
    const world = running(shop(), { script: [{ at: at(30), do: 'remove', node: NODE, tasks: ['t1'] }] }).run(at(40));
    expect(world.log('t1').at(-1)).toBe(`${S.running} started`);
    expect([...world.node().tasks]).toEqual([]);
    expect(world.node().containers).toBe(0);
  });

  test('completes when its program ends with 0 and fails when it does not', () => {
    const good = running(shop({ exitAfter: '5s' })).run(at(30));
    expect(good.status('t1')).toMatchObject({ state: S.complete, message: 'finished', exitCode: 0 });
    const bad = running(shop({ exitAfter: '5s', exitCode: 3 })).run(at(30));
    expect(bad.status('t1')).toMatchObject({ state: S.failed, message: 'started', error: 'task: non-zero exit (3)', exitCode: 3 });
  });

  test('is rejected for an image that cannot be had and for a workload that makes no sense', () => {
    const missing = running(taskOf(container('team/app:missing'))).run(at(10));
    expect(missing.log('t1')).toEqual([`${S.preparing} preparing`, `${S.rejected} preparing | No such image: team/app:missing`]);
    const senseless = running(shop({ exitCode: 'one' })).run(at(10));
    expect(senseless.status('t1')).toMatchObject({ state: S.rejected, error: expect.stringContaining("'exitCode' must be") as unknown });
  });

  test('whose container is killed by a fault fails with that exit code', () => {
    const world = running(shop(), { faults: [[at(20), { fault: 'killTask', task: 't1', exitCode: 9 }]] }).run(at(25));
    expect(world.status('t1')).toMatchObject({ state: S.failed, error: 'task: non-zero exit (9)', at: at(20) });
  });

  test('is killed by its name too, and by no other', () => {
    const other = running(shop(), { faults: [[at(20), { fault: 'killTask', task: 'web.2', exitCode: 9 }]] }).run(at(25));
    expect(other.status('t1')).toMatchObject({ state: S.running });
    const world = running(shop(), { faults: [[at(20), { fault: 'killTask', task: 'web.1', exitCode: 9 }]] }).run(at(25));
    expect(world.status('t1')).toMatchObject({ state: S.failed, at: at(20) });
  });

  test('of several containers runs when all run and fails when one fails', () => {
    const pod = taskOf(
      container('shop', { name: 'a', workload: { parameters: { ...exact, start: '4s' } } }),
      container('shop', { name: 'b', workload: { parameters: { ...exact, exitAfter: '20s', exitCode: 2 } } }),
    );
    const world = running(pod);
    const startedAt = (): number => [...world.node().tasks][0]!.at;
    world.run(at(20));
    expect(world.status('t1')?.state).toBe(S.running);
    const started = startedAt();
    expect(world.node().containers).toBe(2);
    world.run(at(40));
    // The second ran 3.5 s before the first and ended after 20 s; the first was killed with it.
    expect(world.status('t1')).toMatchObject({
      state: S.failed,
      exitCode: 2,
      error: 'task: non-zero exit (2)',
      at: started - at(3.5) + at(20),
    });
    expect(world.node().containers).toBe(0);
  });

  test('runs at once when start-up times are scaled to 0', () => {
    const world = running(taskOf(container('mysql')), { config: { startupScalePermille: 0 } }).run(at(2));
    expect(world.log('t1')).toEqual([`${S.running} started`]);
    expect(world.status('t1')?.at).toBe(at(1.1));
  });
});

describe('health checks', () => {
  test('keep a task starting until the first success', () => {
    const world = running(shop({ boot: '5s', probeTime: 0 }, { healthcheck }));
    let seconds = 1;
    while (world.status('t1')?.health === undefined) world.run(at((seconds += 0.1)));
    const first = world.status('t1')!;
    expect(first).toMatchObject({ state: S.starting, health: 1 });
    // Probes at 2, 4 and 6 s after the process's start; the program answers from 5 s on.
    expect(world.run(at(30)).status('t1')).toMatchObject({ state: S.running, health: 2, at: first.at + at(6) });
  });

  test('fail a task that hangs: its container is killed', () => {
    const world = running(shop({ hangAfter: '10s', probeTime: 0 }, { healthcheck }));
    world.run(at(60));
    expect(world.status('t1')).toMatchObject({
      state: S.failed,
      exitCode: 137,
      error: 'task: non-zero exit (137): dockerexec: unhealthy container',
    });
    const runs = world.log('t1').map((line) => line.split(' ')[0]);
    expect(runs).toEqual([S.preparing, S.starting, S.running, S.failed].map(String));
  });

  test('fail a task that never becomes healthy, but not within its start period', () => {
    const never = { ...healthcheck, retries: 2 };
    const soon = running(shop({ probeFailRate: 1, probeTime: 0 }, { healthcheck: never })).run(at(20));
    expect(soon.status('t1')).toMatchObject({ state: S.failed, error: expect.stringContaining('unhealthy container') as unknown });
    const patient = running(shop({ probeFailRate: 1, probeTime: 0 }, { healthcheck: { ...never, startPeriodUs: at(60) as never } }));
    expect(patient.run(at(60)).status('t1')).toMatchObject({ state: S.starting, health: 1 });
    expect(patient.run(at(80)).status('t1')?.state).toBe(S.failed);
  });
});

describe('usage', () => {
  test('load raises CPU up to the limit, and statistics tell it with throttling', () => {
    const spec = shop({ cpuBase: 0.1, cpuPerRequest: '10ms' }, { limits: { nanoCpus: 5e8 as never } });
    const world = running(spec, {
      script: [
        { at: at(30), do: 'load', node: NODE, milliRps: 20_000 },
        { at: at(60), do: 'load', node: NODE, milliRps: 90_000 },
      ],
    });
    const rates = (): readonly number[] =>
      [STAT.cpuNano, STAT.nrThrottled].map((column) => world.manager.book(NODE).statistics!.values[column]!);
    expect(world.run(at(29)).manager.book(NODE).statistics).toMatchObject({ count: 1, nodeCpuNano: 1e8 });
    world.run(at(40));
    expect(rates()).toEqual([3e8, 0]);
    world.run(at(70));
    expect(rates()[0]).toBe(5e8);
    expect(rates()[1]).toBeGreaterThan(80);
    expect(world.manager.book(NODE).names).toEqual({ 1: 't1' });
  });

  test('a leak ends in an OOM kill at the limit', () => {
    const world = running(
      shop({ memoryBase: '40MiB', memoryPlateau: '40MiB', leakPerSecond: '1MiB' }, { limits: { memoryBytes: mebibytes(64) } }),
    );
    world.run(at(20));
    expect(world.status('t1')?.state).toBe(S.running);
    world.run(at(60));
    expect(world.status('t1')).toMatchObject({ state: S.failed, exitCode: 137, oomKilled: true, error: 'task: non-zero exit (137)' });
  });

  test('a machine without memory left kills the biggest', () => {
    const big = shop({ memoryBase: '600MiB', memoryPlateau: '600MiB' });
    const small = shop({ memoryBase: '500MiB', memoryPlateau: '500MiB' });
    const world = running(small, {
      specs: [big],
      description: { memoryBytes: mebibytes(1024) },
      script: [{ at: at(1), do: 'run', node: NODE, tasks: ['big'], spec: 1 }],
    }).run(at(40));
    expect(world.status('big')).toMatchObject({ state: S.failed, oomKilled: true });
    expect(world.status('t1')?.state).toBe(S.running);
  });

  test('each node reports at an instant of its own', () => {
    const world = new World({ nodes: 8 }).run(at(10));
    const phases = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => world.manager.book(NODE + index).statistics!.at % SECOND);
    expect(new Set(phases).size).toBe(8);
    expect(world.manager.book(NODE).heard['statistics']).toBeGreaterThanOrEqual(8);
  });
});

describe('a crash', () => {
  test('ends what ran with 137, keeps images, and what had not started goes on', () => {
    const world = running(shop(), {
      specs: [taskOf(container('team/huge'))],
      script: [{ at: at(19), do: 'run', node: NODE, tasks: ['t2'], spec: 1 }],
      faults: [
        [at(20), crash],
        [at(50), recover],
      ],
    });
    world.run(at(20));
    expect(world.status('t1')?.state).toBe(S.running);
    const cached = world.node().images.cachedBytes;
    expect(cached).toBeGreaterThan(0);
    world.run(at(49));
    expect(world.node()).toMatchObject({ up: false, session: 0, containers: 0 });
    expect(world.status('t1')?.state).toBe(S.running); // nobody was told
    expect(world.manager.book(NODE).statistics!.at).toBeLessThan(at(20));
    world.run(at(80));
    expect(world.status('t1')).toMatchObject({ state: S.failed, exitCode: 137, error: 'task: non-zero exit (137)', at: at(50) });
    expect(world.status('t2')?.state).toBe(S.running);
    expect(world.node().images.cachedBytes).toBeGreaterThan(cached);
    expect(world.manager.book(NODE).session).toBe(2);
  });

  test('during a stop: the task is reported as shut down', () => {
    const world = running(shop({ ignoreStop: true }, { stopGracePeriodUs: at(60) as never }), {
      script: [desire(20, S.shutdown)],
      faults: [
        [at(25), crash],
        [at(30), recover],
      ],
    }).run(at(40));
    expect(world.status('t1')).toMatchObject({ state: S.shutdown });
  });

  test('a task removed while the machine was down is cleaned up by the full set', () => {
    const world = running(shop(), {
      script: [{ at: at(25), do: 'remove', node: NODE, tasks: ['t1'] }],
      faults: [
        [at(20), crash],
        [at(30), recover],
      ],
    }).run(at(40));
    expect([...world.node().tasks]).toEqual([]);
  });
});
