/** Random histories of a node: what it is told to run, and what befalls it and its links. */
import { durationUs, type Fault, type LinkFault, type TaskSpec, type TaskState, TASK_STATE } from '@paperfleet/core';
import fc from 'fast-check';
import type { Step } from './scripted-manager.ts';
import { container, NODE, SECOND, taskOf, type WorldOptions } from './world.ts';

/** Histories end here; until then everything may happen. */
export const HISTORY_US: number = 90 * SECOND;

const probes = {
  test: ['CMD', 'x'],
  intervalUs: durationUs(2_000_000),
  timeoutUs: durationUs(500_000),
  startPeriodUs: durationUs(4_000_000),
  startIntervalUs: durationUs(500_000),
  retries: 2,
};
const quick = { stop: { uniform: ['10ms', '3s'] }, boot: { uniform: ['0ms', '4s'] } };

/** A spec of every kind that behaves differently. */
export const SPECS: readonly TaskSpec[] = [
  taskOf(container('nginx:alpine', { limits: { nanoCpus: 2e8 as never } })),
  taskOf(
    container('redis:alpine', {
      workload: { parameters: { ...quick, leakPerSecond: '2MiB' } },
      limits: { memoryBytes: (48 * 2 ** 20) as never },
    }),
  ),
  taskOf(container('team/api', { healthcheck: probes, workload: { parameters: { ...quick, probeFailRate: 0.3 } } })),
  { ...taskOf(container('postgres')), networks: [{ name: 'back' }] },
  taskOf(container('busybox', { command: ['sleep', '7'] })),
  taskOf(
    container('node:20', { name: 'a' }),
    container('team/sidecar', { name: 'b', workload: { parameters: { exitAfter: { uniform: ['1s', '20s'] }, failRate: 0.5 } } }),
  ),
  taskOf(container('team/app:missing')),
  taskOf(container('team/app', { workload: { parameters: { exitAfter: 'never' } } })),
];

const instant = fc.integer({ min: 0, max: HISTORY_US });
const taskName = fc.integer({ min: 1, max: 12 }).map((number) => `task${number}`);
const desired = fc.constantFrom<TaskState>(TASK_STATE.ready, TASK_STATE.running, TASK_STATE.complete, TASK_STATE.shutdown);

/** The script never takes a desired state back, as managers do not. */
const script: fc.Arbitrary<readonly Step[]> = fc
  .array(
    fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({
          at: instant,
          do: fc.constant('run' as const),
          node: fc.constant<number>(NODE),
          tasks: fc.array(taskName, { minLength: 1, maxLength: 3 }),
          spec: fc.nat(SPECS.length - 1),
          desired,
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          at: instant,
          do: fc.constant('desire' as const),
          node: fc.constant<number>(NODE),
          tasks: fc.array(taskName, { minLength: 1, maxLength: 2 }),
          desired: fc.constantFrom<TaskState>(TASK_STATE.running, TASK_STATE.shutdown),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          at: instant,
          do: fc.constant('remove' as const),
          node: fc.constant<number>(NODE),
          tasks: fc.array(taskName, { minLength: 1, maxLength: 2 }),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ at: instant, do: fc.constant('load' as const), node: fc.constant<number>(NODE), milliRps: fc.nat(500_000) }),
      },
      { weight: 1, arbitrary: fc.record({ at: instant, do: fc.constant('refuse' as const), node: fc.constant<number>(NODE) }) },
    ),
    { minLength: 1, maxLength: 14 },
  )
  .map((steps) => uniqueTasks(steps.toSorted((a, b) => a.at - b.at)));

/** A task's id is never used twice: a second `run` of a name makes another task. */
function uniqueTasks(steps: readonly Step[]): readonly Step[] {
  const runs = new Map<string, number>();
  const current = (name: string): string => `${name}x${runs.get(name) ?? 0}`;
  return steps.map((step) => {
    if (!('tasks' in step)) return step;
    const names = [...new Set(step.tasks)];
    if (step.do === 'run') for (const name of names) runs.set(name, (runs.get(name) ?? 0) + 1);
    return { ...step, tasks: names.map(current) };
  });
}

const linkFault: fc.Arbitrary<LinkFault> = fc.record({
  partitioned: fc.boolean(),
  lossPpm: fc.constantFrom(0, 100_000, 400_000),
  duplicatePpm: fc.constantFrom(0, 300_000),
  delayUs: fc.constantFrom(0, 50_000, 2_000_000).map((max) => ({ min: durationUs(0), max: durationUs(max) })),
  reorder: fc.boolean(),
});
const link = linkFault.map((fault): Fault => ({ fault: 'link', peers: [], link: fault }));
const machine = fc.oneof(
  fc.constant<Fault>({ fault: 'crash' }),
  fc.constant<Fault>({ fault: 'recover' }),
  fc.record({ fault: fc.constant('killTask' as const), task: taskName.map((name) => `${name}x1`), exitCode: fc.constantFrom(0, 1, 137) }),
  link,
);

/** A world's options; faults are over by HISTORY_US and the machine is up then. */
export const history: fc.Arbitrary<WorldOptions> = fc
  .record({
    script,
    faults: fc.array(fc.tuple(instant, machine), { maxLength: 6 }),
    managerFaults: fc.array(fc.tuple(instant, link), { maxLength: 4 }),
    startupScalePermille: fc.constantFrom(0, 300, 1000),
    imageCacheBytes: fc.constantFrom(60e6, 20e9),
    faultPointPermille: fc.constantFrom(0, 0, 200),
    seed: fc.string({ maxLength: 4 }),
  })
  .map(({ script: steps, faults, managerFaults, seed, startupScalePermille, imageCacheBytes, faultPointPermille }) => {
    const healthy: Fault = {
      fault: 'link',
      peers: [],
      link: { partitioned: false, lossPpm: 0, duplicatePpm: 0, delayUs: { min: durationUs(0), max: durationUs(0) }, reorder: false },
    };
    return {
      specs: SPECS,
      script: steps,
      seed,
      config: { startupScalePermille, imageCacheBytes: imageCacheBytes as never, faultPointPermille },
      faults: [...faults.toSorted((a, b) => a[0] - b[0]), [HISTORY_US, healthy], [HISTORY_US, { fault: 'recover' }]],
      managerFaults: [...managerFaults.toSorted((a, b) => a[0] - b[0]), [HISTORY_US, healthy]],
    };
  });
