import { expect, test } from 'vitest';
import { TASK_STATE } from '../model/task-state.ts';
import { mermaidOf, transitionTable } from './mermaid.ts';
import { statesOf, transitionsOf } from './shape.ts';
import { beliefMachine, sessionMachine } from './session.machine.ts';
import { taskTable } from './tables.ts';
import type { TaskEventName, TaskPhase } from './task.machine.ts';
import { ownerOfTaskEvent, TASK_EVENTS, TASK_PHASES, taskMachine } from './task.machine.ts';

const TERMINAL: readonly TaskPhase[] = ['complete', 'shutdown', 'failed', 'rejected', 'orphaned'];

test('states are the observed states of SwarmKit, in rising order', () => {
  expect(statesOf(taskMachine).map(({ key }) => key)).toEqual(TASK_PHASES);
  const observed = Object.entries(TASK_STATE).filter(([name]) => name !== 'remove');
  expect(observed.map(([name]) => name).sort()).toEqual([...TASK_PHASES].sort());
  const numbers = TASK_PHASES.map((name) => TASK_STATE[name]);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
});

test('a phase never goes back, in any cell', () => {
  const { next, states, events } = taskTable();
  for (let cell = 0; cell < next.length; cell++)
    expect(next[cell]).toBeGreaterThanOrEqual(Math.floor(cell / events.length) % states.length);
});

test('terminal states are final and every other state can end', () => {
  const transitions = transitionsOf(taskMachine);
  expect(TASK_PHASES.filter((phase) => transitions.every(({ from }) => from !== phase))).toEqual(TERMINAL);
  for (const phase of TASK_PHASES.filter((name) => !TERMINAL.includes(name))) {
    expect(transitions.some(({ from, to }) => from === phase && TERMINAL.some((end) => end === to))).toBe(true);
  }
});

test('every event has one owner, and every state knows who may move it', () => {
  const owners = (phase: TaskPhase): string[] =>
    [
      ...new Set(
        transitionsOf(taskMachine)
          .filter(({ from }) => from === phase)
          .map(({ event }) => ownerOfTaskEvent(event as TaskEventName)),
      ),
    ].sort();
  expect([...new Set(transitionsOf(taskMachine).map(({ event }) => event))].sort()).toEqual([...TASK_EVENTS].sort());
  expect(owners('new')).toEqual(['allocator', 'scheduler']);
  expect(owners('pending')).toEqual(['scheduler']);
  for (const phase of ['assigned', 'accepted', 'preparing', 'ready', 'starting', 'running'] as const) {
    expect(owners(phase)).toEqual(['agent', 'dispatcher', 'enforcer']);
  }
});

test('an agent never undoes what managers decided: only it, the enforcer and the dispatcher act on an assigned task', () => {
  for (const { from, event, actions } of transitionsOf(taskMachine)) {
    const owner = ownerOfTaskEvent(event as TaskEventName);
    if (owner === 'agent' && !['STOP', 'STARTED'].includes(event)) expect(actions).toContain('report');
    if (TASK_PHASES.indexOf(from as TaskPhase) < TASK_PHASES.indexOf('assigned')) expect(owner).not.toBe('agent');
  }
});

test('a reservation is made once and released at every end', () => {
  for (const { from, to, actions } of transitionsOf(taskMachine)) {
    const assigned = TASK_PHASES.indexOf(from as TaskPhase) >= TASK_PHASES.indexOf('assigned');
    const ends = TERMINAL.some((end) => end === to);
    expect(actions.filter((name) => name === 'release')).toHaveLength(assigned && ends ? 1 : 0);
    expect(actions.includes('reserve')).toBe(from === 'pending' && to === 'assigned');
  }
});

test('diagrams show every state and transition', () => {
  for (const machine of [taskMachine, sessionMachine, beliefMachine]) {
    const diagram = mermaidOf(machine);
    for (const { key } of statesOf(machine)) expect(diagram).toContain(`state "${key}" as s_${key}`);
    for (const { from, event, to } of transitionsOf(machine)) {
      const arrow = diagram.split('\n').find((line) => line.startsWith(`  s_${from} --> s_${to ?? from} : `));
      expect(arrow).toContain(event);
    }
    expect(transitionTable(machine).trim().split('\n')).toHaveLength(transitionsOf(machine).length + 2);
  }
  expect(mermaidOf(beliefMachine)).toContain('  [*] --> s_unknown\n');
  expect(mermaidOf(taskMachine)).toContain('  s_complete --> [*]\n');
});
