// The task lifecycle by compiled table and by XState actors: the same machine, the same events, effects counted.
// CPU time of one thread; the table over a million tasks in order and at random, actors over a thousand.

import type { MachineDriver, TaskEventName } from '@paperfleet/core';
import { ActorDriver, TASK_ACTIONS, TASK_EVENTS, TASK_PHASES, TableDriver, taskMachine, taskTable } from '@paperfleet/core';
import { cpuNsPerOperation, median, timeOf } from './measure.ts';
import type { BenchResult } from './result.ts';

const TASKS = 1_000_000;
const ACTORS = 1_000;

const LIFE: readonly TaskEventName[] = ['ALLOCATE', 'ASSIGN', 'ACCEPT', 'PREPARE', 'PREPARED', 'START', 'STARTED', 'EXIT_NONZERO'];
const EVENTS = LIFE.map((name) => TASK_EVENTS.indexOf(name));
const WANTED_TO_RUN = 1;
const ROUNDS = 5;
/** Effects of one such life: reserve, prepare, start, release and six reports. */
const EFFECTS_OF_LIFE = 10;

interface Counter {
  effects: number;
}

function effectsInto(counter: Counter): ConstructorParameters<typeof TableDriver>[1] {
  const count = (): void => {
    counter.effects += 1;
  };
  return { actions: Object.fromEntries(TASK_ACTIONS.map((name) => [name, count])), arm: count, cancel: count };
}

/** A permutation of the rows, the same in each run. */
function shuffled(length: number): Int32Array {
  const order = Int32Array.from({ length }, (_, index) => index);
  let state = 1;
  for (let i = length - 1; i > 0; i--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const j = state % (i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Whole lives of all rows: from new to failed. */
function live(driver: MachineDriver, order: Int32Array): void {
  for (const event of EVENTS) for (let i = 0; i < order.length; i++) driver.send(order[i]!, event);
}

/** Nanoseconds of CPU per transition; rows are made anew outside the measured part. */
function nanosecondsPerTransition(make: () => MachineDriver, order: Int32Array): number {
  const samples = Array.from({ length: ROUNDS }, () => {
    const driver = make();
    for (let row = 0; row < order.length; row++) driver.create(row, WANTED_TO_RUN);
    const { cpuNs } = timeOf(() => live(driver, order));
    const failed = TASK_PHASES.indexOf('failed');
    for (let row = 0; row < order.length; row += 97)
      if (driver.phase(row) !== failed) throw new Error('machines bench: a task did not live its life');
    return cpuNs / (order.length * EVENTS.length);
  });
  return median(samples);
}

export async function run(): Promise<BenchResult[]> {
  const table = taskTable();
  const counter: Counter = { effects: 0 };
  const effects = effectsInto(counter);
  const inOrder = Int32Array.from({ length: TASKS }, (_, row) => row);
  const sequential = nanosecondsPerTransition(() => new TableDriver(table, effects, TASKS), inOrder);
  const random = nanosecondsPerTransition(() => new TableDriver(table, effects, TASKS), shuffled(TASKS));
  const expected = 2 * ROUNDS * TASKS * EFFECTS_OF_LIFE;
  if (counter.effects !== expected) throw new Error(`machines bench: ${counter.effects} effects instead of ${expected}`);
  const actors = nanosecondsPerTransition(() => new ActorDriver(taskMachine, table, effects), shuffled(ACTORS));
  const ignored = new TableDriver(table, effects, 1);
  ignored.create(0, 0);
  const nothing = TASK_EVENTS.indexOf('STOPPED');
  const miss = cpuNsPerOperation(() => {
    for (let i = 0; i < 100_000; i++) ignored.send(0, nothing);
  }, 100_000);
  return [
    {
      goal: '–',
      name: 'task transitions by table, 1 M in order',
      value: 1e9 / sequential,
      unit: 'transitions/s',
      target: 20_000_000,
      direction: 'min',
      note: `${sequential.toFixed(1)} ns each, effects called`,
    },
    {
      goal: '–',
      name: 'task transitions by table, 1 M at random',
      value: 1e9 / random,
      unit: 'transitions/s',
      target: 10_000_000,
      direction: 'min',
      note: `${random.toFixed(1)} ns each, effects called`,
    },
    { goal: '–', name: 'events without meaning by table', value: 1e9 / miss, unit: 'events/s', target: 50_000_000, direction: 'min' },
    {
      goal: '–',
      name: 'table against actors',
      value: actors / random,
      unit: '×',
      target: 50,
      direction: 'min',
      note: `${(1e9 / actors).toFixed(0)} transitions/s with 1,000 actors`,
    },
  ];
}
