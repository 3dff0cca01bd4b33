import { createMachine, setup, transition } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import { describe, expect, test } from 'vitest';
import { compileMachine, MAX_GUARDS, NotCompilable, tableDigest } from './compile.ts';
import type { Effect, MachineTable } from './compile.ts';
import { statesOf } from './shape.ts';
import { beliefMachine, sessionMachine } from './session.machine.ts';
import { beliefTable, sessionTable, taskTable } from './tables.ts';
import { taskMachine } from './task.machine.ts';

const MACHINES: readonly (readonly [string, AnyStateMachine, () => MachineTable])[] = [
  ['task', taskMachine, taskTable],
  ['session', sessionMachine, sessionTable],
  ['belief', beliefMachine, beliefTable],
];

/** What XState's public `transition` says of a cell: an oracle that shares nothing with the compiler but the machine. */
function oracle(
  machine: AnyStateMachine,
  table: MachineTable,
  bits: number,
  state: string,
  event: string,
): { state: string; effects: Effect[] } {
  const [snapshot, actions] = transition(machine, machine.resolveState({ value: state, context: { row: 0, guards: bits } }), {
    type: event,
  });
  const isTimer = ({ type }: { type: string }): boolean => type === 'xstate.raise' || type === 'xstate.cancel';
  const timer = (id: string): number => table.timers.findIndex((candidate) => table.events[candidate.event] === id);
  const timed = actions.filter(isTimer).map(({ type, params }) => {
    const { id, sendId } = params as { id?: string; sendId?: string };
    return type === 'xstate.raise' ? { arm: timer(id!) } : { cancel: timer(sendId!) };
  });
  const done = actions.filter((action) => !isTimer(action)).map(({ type }) => ({ do: type }));
  return { state: (snapshot as { value: string }).value, effects: [...done, ...timed] };
}

/** Cells whose next state or effects differ from the oracle's. */
function differences(machine: AnyStateMachine, table: MachineTable): number[] {
  const wrong: number[] = [];
  for (let cell = 0; cell < table.next.length; cell++) {
    const event = table.events[cell % table.events.length]!;
    const state = table.states[Math.floor(cell / table.events.length) % table.states.length]!;
    const bits = Math.floor(cell / (table.events.length * table.states.length));
    const expected = oracle(machine, table, bits, state, event);
    const effects = table.effects[table.effect[cell]!]!;
    if (table.states[table.next[cell]!] !== expected.state || JSON.stringify(effects) !== JSON.stringify(expected.effects))
      wrong.push(cell);
  }
  return wrong;
}

describe.each(MACHINES)('the table of the %s machine', (_name, machine, makeTable) => {
  test('says in every cell what the public transition() says', () => {
    expect(differences(machine, makeTable())).toEqual([]);
  });

  test('is caught when a cell is wrong: its next state, its effects', () => {
    const table = makeTable();
    const cell = table.next.findIndex((next, index) => next !== Math.floor(index / table.events.length) % table.states.length);
    const next = table.next.slice();
    next[cell] = (next[cell]! + 1) % table.states.length;
    expect(differences(machine, { ...table, next })).toEqual([cell]);
    const acting = table.effect.findIndex((effect) => effect !== 0);
    const effect = table.effect.slice();
    effect[acting] = 0;
    expect(differences(machine, { ...table, effect })).toEqual([acting]);
    expect(tableDigest({ ...table, next })).not.toBe(tableDigest(table));
  });
});

test('the tables are those that were reviewed: a change of a machine shows here', () => {
  expect(Object.fromEntries(MACHINES.map(([name, , table]) => [name, tableDigest(table())]))).toMatchInlineSnapshot(`
    {
      "belief": "d285dba385e631e3",
      "session": "658a506248b71e1c",
      "task": "aee107be04395ff0",
    }
  `);
});

describe('what cannot be a table is refused with its place', () => {
  const layout = (events: readonly string[], guards: readonly string[] = []): { events: readonly string[]; guards: readonly string[] } => ({
    events,
    guards,
  });
  const plain = { context: { row: 0, guards: 0 }, initial: 'a' };
  const refuse = (machine: AnyStateMachine, events: readonly string[], reason: string, guards: readonly string[] = []): void => {
    expect(() => compileMachine(machine, layout(events, guards))).toThrow(NotCompilable);
    expect(() => compileMachine(machine, layout(events, guards))).toThrow(reason);
  };

  test('nested, parallel and final states', () => {
    refuse(createMachine({ id: 'm', ...plain, states: { a: { initial: 'b', states: { b: {} } } } }), [], 'state a is compound');
    refuse(createMachine({ id: 'm', ...plain, states: { a: { type: 'parallel', states: { b: {} } } } }), [], 'state a is parallel');
    refuse(createMachine({ id: 'm', ...plain, states: { a: {}, z: { type: 'final' } } }), [], 'state z is final');
  });

  test('more than 255 states', () => {
    const states = Object.fromEntries(Array.from({ length: 256 }, (_, index) => [index === 0 ? 'a' : `s${index}`, {}]));
    refuse(createMachine({ id: 'm', ...plain, states }), [], 'has 256 states');
  });

  test('more than 6 guards', () => {
    const names = Array.from({ length: MAX_GUARDS + 1 }, (_, index) => `g${index}`);
    const guards = Object.fromEntries(names.map((name) => [name, () => true]));
    refuse(setup({ guards }).createMachine({ id: 'm', ...plain, states: { a: {} } }), [], 'has 7 guards', names);
  });

  test('invocations, eventless transitions and transitions outside states', () => {
    refuse(createMachine({ id: 'm', ...plain, states: { a: { invoke: { src: 'x' } } } }), [], 'state a invokes an actor');
    refuse(createMachine({ id: 'm', ...plain, states: { a: { always: 'b' }, b: {} } }), [], 'state a has an eventless transition');
    refuse(createMachine({ id: 'm', ...plain, on: { E: '.a' }, states: { a: {} } }), ['E'], 'outside its states');
  });

  test('assignments, inline actions, unnamed guards and delays', () => {
    const withAssign = setup({});
    refuse(
      createMachine({ id: 'm', ...plain, states: { a: { on: { E: { actions: withAssign.assign({}) } } } } }),
      ['E'],
      'E in state a has xstate.assign',
    );
    const hidden = setup({ actions: { count: withAssign.assign({}) } });
    refuse(hidden.createMachine({ id: 'm', ...plain, states: { a: { entry: 'count' } } }), [], "the action count is XState's own");
    refuse(createMachine({ id: 'm', ...plain, states: { a: { exit: (): void => {} } } }), [], 'exit of state a has');
    refuse(
      createMachine({ id: 'm', ...plain, states: { a: { on: { E: { guard: () => true, target: 'a' } } } } }),
      ['E'],
      'a guard without a name',
    );
    refuse(createMachine({ id: 'm', ...plain, states: { a: { after: { 500: 'a' } } } }), [], 'a delay without a name');
  });

  test('a layout that forgets or invents a name', () => {
    expect(statesOf(taskMachine)).toHaveLength(13);
    refuse(taskMachine, ['ALLOCATE'], 'does not name exactly its guards');
    refuse(sessionMachine, ['CONNECT'], 'does not name exactly its events');
  });
});
