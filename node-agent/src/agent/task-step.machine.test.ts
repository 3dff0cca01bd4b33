// The step function and the task lifecycle (core/src/machines) say the same: every step the agent takes is a transition
// that the machine allows the agent, and the machine takes it to the same state.
import {
  phaseOfState,
  stateOfPhase,
  TASK_EVENT_OWNER,
  TASK_EVENTS,
  type TaskEventName,
  TASK_STATE,
  type TaskState,
  taskGuardBits,
  taskTable,
} from '@paperfleet/core';
import { expect, test } from 'vitest';
import { type ActionResult, nextAction, type TaskAction, transitionOf } from './task-step.ts';

const S = TASK_STATE;

/** The machine's event for an action that was done, or that failed for good. */
function eventOf(action: Exclude<TaskAction, 'none'>, observed: TaskState, result: ActionResult, hasHealthcheck: boolean): TaskEventName {
  if (typeof result !== 'string') return observed < S.starting ? 'REJECT' : 'FAIL';
  switch (action) {
    case 'accept':
      return 'ACCEPT';
    case 'beginPrepare':
      return 'PREPARE';
    case 'prepare':
      return 'PREPARED';
    case 'beginStart':
      return 'START';
    case 'start':
      return hasHealthcheck ? 'HEALTHY' : 'STARTED';
    case 'wait':
      return 'EXIT_ZERO';
    case 'stop':
      return observed < S.starting ? 'STOP' : 'STOPPED';
  }
}

test('step function and machine agree on every observed and desired state', () => {
  const table = taskTable();
  const observed = Object.values(TASK_STATE).filter((state) => state >= S.assigned && state <= S.running);
  let compared = 0;
  for (const from of observed) {
    for (const desired of [S.ready, S.running, S.complete, S.shutdown, S.remove]) {
      for (const hasHealthcheck of [false, true]) {
        for (const result of ['done', { fatal: 'x' }] as const) {
          const action = nextAction(from, desired);
          if (action === 'none') continue;
          if (action === 'stop' && result !== 'done') continue; // stopping ends in a kill, which cannot fail
          const event = eventOf(action, from, result, hasHealthcheck);
          expect(TASK_EVENT_OWNER[event]).toBe('agent');
          const cell =
            (taskGuardBits(desired, hasHealthcheck) * table.states.length + phaseOfState(from)) * table.events.length +
            TASK_EVENTS.indexOf(event);
          expect(stateOfPhase(table.next[cell]!), `${from} desired ${desired}: ${event}`).toBe(transitionOf(from, action, result)!.state);
          compared++;
        }
      }
    }
  }
  expect(compared).toBeGreaterThan(60);
});
