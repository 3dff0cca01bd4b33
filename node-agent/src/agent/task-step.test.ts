import { TASK_STATE, type TaskState } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { exitError, nextAction, type Transition, transitionOf } from './task-step.ts';

const S = TASK_STATE;
const STATES = Object.values(TASK_STATE) as TaskState[];

describe('the step function', () => {
  test("goes from assigned to the end with SwarmKit's messages", () => {
    const seen: string[] = [];
    let state: TaskState = S.assigned;
    for (;;) {
      const action = nextAction(state, S.running);
      if (action === 'none') break;
      const next: Transition = transitionOf(state, action, 'done')!;
      seen.push(`${action} ${next.message}`);
      state = next.state;
    }
    expect(seen).toEqual([
      'accept accepted',
      'beginPrepare preparing',
      'prepare prepared',
      'beginStart starting',
      'start started',
      'wait finished',
    ]);
    expect(state).toBe(S.complete);
  });

  test('parks at ready while no more is desired', () => {
    expect(nextAction(S.preparing, S.ready)).toBe('prepare');
    expect(nextAction(S.ready, S.ready)).toBe('none');
    expect(nextAction(S.ready, S.running)).toBe('beginStart');
  });

  test('stops whatever has not ended when shutdown or removal is desired', () => {
    for (const desired of [S.shutdown, S.remove]) {
      for (const state of STATES) expect(nextAction(state, desired), `${state}`).toBe(state >= S.complete ? 'none' : 'stop');
    }
  });

  test('a fatal error rejects before the start and fails from it on, and keeps the message', () => {
    for (const state of [S.assigned, S.accepted, S.preparing, S.ready]) {
      expect(transitionOf(state, 'prepare', { fatal: 'no' })).toEqual({ state: S.rejected, message: undefined, error: 'no' });
    }
    for (const state of [S.starting, S.running]) expect(transitionOf(state, 'start', { fatal: 'no' })?.state).toBe(S.failed);
  });

  test('no transition leads back', () => {
    for (const state of STATES.filter((candidate) => candidate <= S.running)) {
      for (const desired of STATES) {
        const action = nextAction(state, desired);
        if (action === 'none') continue;
        expect(transitionOf(state, action, 'done')!.state).toBeGreaterThan(state);
        expect(transitionOf(state, action, { fatal: 'x' })!.state).toBeGreaterThan(state);
        expect(transitionOf(state, action, 'retry')).toBeUndefined();
      }
    }
  });

  test("dockerd's error texts", () => {
    expect(exitError(1, false)).toBe('task: non-zero exit (1)');
    expect(exitError(137, true)).toBe('task: non-zero exit (137): dockerexec: unhealthy container');
  });
});
