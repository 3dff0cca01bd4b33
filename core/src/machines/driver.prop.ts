/** Conformance of both drivers, and that they are equal: states, order of effects, timers. */
import { createActor } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import { describe, expect, test } from 'vitest';
import { ActorDriver } from './actor-driver.ts';
import type { MachineTable } from './compile.ts';
import type { DriverEffects, MachineDriver } from './driver.ts';
import { BELIEF_ACTIONS, beliefMachine, SESSION_ACTIONS, sessionMachine } from './session.machine.ts';
import { TableDriver } from './table-driver.ts';
import { beliefTable, sessionTable, taskTable } from './tables.ts';
import { phaseOfState, stateOfPhase, TASK_ACTIONS, TASK_EVENTS, TASK_PHASES, taskGuardBits, taskMachine } from './task.machine.ts';
import { TASK_STATE } from '../model/task-state.ts';

/** A generator of whole numbers below a bound; the same for the same seed. */
function numbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % bound;
  };
}

/** Effects that write down what they are asked. */
function recorder(actions: readonly string[], log: string[]): DriverEffects {
  return {
    actions: Object.fromEntries(actions.map((name) => [name, (row: number) => void log.push(`${row} ${name}`)])),
    arm: (row, timer) => void log.push(`${row} arm ${timer}`),
    cancel: (row, timer) => void log.push(`${row} cancel ${timer}`),
  };
}

const MACHINES: readonly (readonly [string, AnyStateMachine, () => MachineTable, readonly string[]])[] = [
  ['task', taskMachine, taskTable, TASK_ACTIONS],
  ['session', sessionMachine, sessionTable, SESSION_ACTIONS],
  ['belief', beliefMachine, beliefTable, BELIEF_ACTIONS],
];

/** Events that mean something in each state, for some guard bits. */
function meaningful({ states, events, next, effect }: MachineTable): number[][] {
  const found = states.map(() => new Set<number>());
  for (let cell = 0; cell < next.length; cell++) {
    const state = Math.floor(cell / events.length) % states.length;
    if (next[cell] !== state || effect[cell] !== 0) found[state]!.add(cell % events.length);
  }
  return found.map((set) => [...set]);
}

/** Often an event that leads to the next phase in order, mostly one that means something, else any. */
function pick(table: MachineTable, phase: number, known: readonly number[], random: (bound: number) => number): number {
  const choice = random(8);
  const onward = known.find((event) => table.next[phase * table.events.length + event] === phase + 1);
  if (choice < 4 && onward !== undefined) return onward;
  return choice < 7 && known.length > 0 ? known[random(known.length)]! : random(table.events.length);
}

/** Makes a driver do random things; what it did and said, and which events happened in which phase. */
function exercise(driver: MachineDriver, table: MachineTable, log: string[], steps: number, seed: number): Set<string> {
  const random = numbers(seed);
  const known = meaningful(table);
  const rows = 20;
  const vectors = 1 << table.guards.length;
  const seen = new Set<string>();
  for (let row = 0; row < rows; row++) driver.create(row, random(vectors));
  for (let step = 0; step < steps; step++) {
    const row = random(rows);
    const phase = driver.phase(row);
    if (known[phase]!.length === 0) {
      driver.remove(row);
      driver.create(row, random(vectors));
    } else if (random(8) === 0) driver.setGuards(row, random(vectors));
    else {
      const event = pick(table, phase, known[phase]!, random);
      const timer = table.timers.findIndex((candidate) => candidate.event === event);
      seen.add(`${phase} ${event}`);
      log.push(`${row} ${event} → ${timer < 0 ? driver.send(row, event) : driver.fire(row, timer)} ${driver.armed(row)}`);
    }
  }
  return seen;
}

describe.each(MACHINES)('drivers of the %s machine', (_name, machine, makeTable, actions) => {
  test('by table and by actors do the same, in the same order', () => {
    const table = makeTable();
    const tableLog: string[] = [];
    const actorLog: string[] = [];
    const seen = exercise(new TableDriver(table, recorder(actions, tableLog), 4), table, tableLog, 20_000, 7);
    exercise(new ActorDriver(machine, table, recorder(actions, actorLog)), table, actorLog, 20_000, 7);
    expect(actorLog).toEqual(tableLog);
    expect(tableLog.length).toBeGreaterThan(15_000);
    for (const [phase, events] of meaningful(table).entries()) for (const event of events) expect(seen).toContain(`${phase} ${event}`);
  });

  test('a row moves from one driver to the other and goes on as if it had stayed', () => {
    const table = makeTable();
    for (let seed = 1; seed <= 40; seed++) {
      const stayed: string[] = [];
      const moved: string[] = [];
      const first = new TableDriver(table, recorder(actions, stayed));
      const second = new ActorDriver(machine, table, recorder(actions, moved));
      exercise(first, table, [], 200, seed);
      for (let row = 0; row < 20; row++) second.restore(row, first.phase(row), 0, first.armed(row));
      for (let row = 0; row < 20; row++) first.setGuards(row, 0);
      stayed.length = 0;
      expect(moved).toEqual([]);
      const random = numbers(seed * 31);
      for (let step = 0; step < 200; step++) {
        const row = random(20);
        const event = random(table.events.length - table.timers.length);
        if (table.timers.length > 0 && random(4) === 0) {
          const timer = random(table.timers.length);
          expect(second.fire(row, timer)).toBe(first.fire(row, timer));
        } else expect(second.send(row, event)).toBe(first.send(row, event));
        expect(second.armed(row)).toBe(first.armed(row));
      }
      expect(moved).toEqual(stayed);
    }
  });

  test('2,000 random walks of the table are those of a bare actor', () => {
    const table = makeTable();
    const known = meaningful(table);
    const tableLog: string[] = [];
    const actorLog: string[] = [];
    const effects = { ...recorder(actions, tableLog), arm: (): void => {}, cancel: (): void => {} };
    const bare = machine.provide({ actions: Object.fromEntries(actions.map((name) => [name, () => void actorLog.push(`0 ${name}`)])) });
    const clock = { setTimeout: (): number => 0, clearTimeout: (): void => {} };
    let steps = 0;
    for (let walk = 0; walk < 2000; walk++) {
      const random = numbers(walk * 7919 + 1);
      const bits = random(1 << table.guards.length);
      const driver = new TableDriver(table, effects, 1);
      const actor = createActor(bare as AnyStateMachine, { input: { row: 0, guards: bits }, clock }).start();
      driver.create(0, bits);
      for (let left = 5 + random(25); left > 0; left--, steps++) {
        const event = pick(table, driver.phase(0), known[driver.phase(0)]!, random);
        actor.send({ type: table.events[event]! });
        tableLog.push(table.states[driver.send(0, event)]!);
        actorLog.push((actor.getSnapshot() as { value: string }).value);
      }
    }
    expect(actorLog).toEqual(tableLog);
    expect(steps).toBeGreaterThan(30_000);
  });

  test.each(['table', 'actors'])('rows are made once, and asked only while they exist (%s)', (kind) => {
    const table = makeTable();
    const effects = recorder(actions, []);
    const driver = kind === 'table' ? new TableDriver(table, effects, 1) : new ActorDriver(machine, table, effects);
    expect(() => driver.phase(500)).toThrow('no such row');
    driver.create(500, 0);
    expect(() => driver.create(500, 0)).toThrow('row exists already');
    driver.remove(500);
    expect(() => driver.phase(500)).toThrow('no such row');
    expect(() =>
      kind === 'table' ? new TableDriver(table, { ...effects, actions: {} }) : new ActorDriver(machine, table, { ...effects, actions: {} }),
    ).toThrow('machine action has no implementation');
  });
});

describe('a task', () => {
  const event = (name: (typeof TASK_EVENTS)[number]): number => TASK_EVENTS.indexOf(name);
  const start = (
    desired: (typeof TASK_STATE)[keyof typeof TASK_STATE],
    hasHealthcheck: boolean,
  ): { driver: MachineDriver; log: string[] } => {
    const log: string[] = [];
    const driver = new TableDriver(taskTable(), recorder(TASK_ACTIONS, log));
    driver.create(0, taskGuardBits(desired, hasHealthcheck));
    for (const name of ['ALLOCATE', 'ASSIGN', 'ACCEPT', 'PREPARE', 'PREPARED'] as const) driver.send(0, event(name));
    return { driver, log };
  };
  const name = (phase: number): string => TASK_PHASES[phase]!;

  test('parks at ready until it is wanted to run', () => {
    const { driver, log } = start(TASK_STATE.ready, false);
    expect(name(driver.send(0, event('START')))).toBe('ready');
    driver.setGuards(0, taskGuardBits(TASK_STATE.running, false));
    expect(name(driver.send(0, event('START')))).toBe('starting');
    expect(log.at(-2)).toBe('0 startContainer');
  });

  test('with a health check stays starting until it is healthy', () => {
    const { driver } = start(TASK_STATE.running, true);
    driver.send(0, event('START'));
    expect(name(driver.send(0, event('STARTED')))).toBe('starting');
    expect(name(driver.send(0, event('HEALTHY')))).toBe('running');
  });

  test('ends as shutdown when it was told to stop, whatever its exit code', () => {
    const { driver, log } = start(TASK_STATE.running, false);
    driver.send(0, event('START'));
    driver.send(0, event('STARTED'));
    driver.setGuards(0, taskGuardBits(TASK_STATE.shutdown, false));
    expect(name(driver.send(0, event('STOP')))).toBe('running');
    expect(log.at(-1)).toBe('0 stopContainer');
    expect(name(driver.send(0, event('EXIT_NONZERO')))).toBe('shutdown');
    expect(log.slice(-2)).toEqual(['0 release', '0 report']);
  });

  test('phases and state numbers name the same', () => {
    for (const [phase, state] of TASK_PHASES.entries()) expect(stateOfPhase(phaseOfState(TASK_STATE[state]))).toBe(stateOfPhase(phase));
    expect(() => phaseOfState(TASK_STATE.remove)).toThrow('no observed state');
  });
});
