/**
 * The agent's step function: from what is observed and what is desired to the one thing to do next, and from how that
 * went to the next observation. SwarmKit's agent/exec/controller.go; this file is the only place that knows it.
 */
import { TASK_STATE, type TaskState } from '@paperfleet/core';

const S = TASK_STATE;

/** What to do next for a task. `wait` is for a running one: something will happen to it. */
export type TaskAction = 'none' | 'accept' | 'beginPrepare' | 'prepare' | 'beginStart' | 'start' | 'wait' | 'stop';

/** How an action went. `already`: it had been done before (counts as done). `retry`: a passing hindrance, try again. */
export type ActionResult = 'done' | 'already' | 'retry' | { readonly fatal: string };

/** A change of a task's observed state; `error` goes with failures, the message is then that of the state before. */
export interface Transition {
  readonly state: TaskState;
  readonly message: string | undefined;
  readonly error: string;
}

/** The next thing to do. */
export function nextAction(observed: TaskState, desired: TaskState): TaskAction {
  if (desired >= S.shutdown) return observed >= S.complete ? 'none' : 'stop';
  if (observed > desired) return 'none';
  // These three go on even when what is desired has been reached.
  if (observed === S.preparing) return 'prepare';
  if (observed === S.starting) return 'start';
  if (observed === S.running) return 'wait';
  if (observed >= desired) return 'none';
  if (observed <= S.assigned) return 'accept';
  if (observed === S.accepted) return 'beginPrepare';
  if (observed === S.ready) return 'beginStart';
  return 'none';
}

const DONE: Readonly<Record<Exclude<TaskAction, 'none'>, Transition>> = {
  accept: { state: S.accepted, message: 'accepted', error: '' },
  beginPrepare: { state: S.preparing, message: 'preparing', error: '' },
  prepare: { state: S.ready, message: 'prepared', error: '' },
  beginStart: { state: S.starting, message: 'starting', error: '' },
  start: { state: S.running, message: 'started', error: '' },
  wait: { state: S.complete, message: 'finished', error: '' },
  stop: { state: S.shutdown, message: 'shutdown', error: '' },
};

/** What an action's result makes of a task; undefined: nothing changes and the action is tried again. */
export function transitionOf(observed: TaskState, action: Exclude<TaskAction, 'none'>, result: ActionResult): Transition | undefined {
  if (result === 'retry') return undefined;
  if (typeof result === 'string') return DONE[action];
  return { state: observed < S.starting ? S.rejected : S.failed, message: undefined, error: result.fatal };
}

/** dockerd's text for a container that ended with another code than 0. */
export const exitError = (exitCode: number, unhealthy: boolean): string =>
  `task: non-zero exit (${exitCode})${unhealthy ? ': dockerexec: unhealthy container' : ''}`;
/** dockerd's text for an image that neither the registry nor the node has. */
export const imageError = (image: string): string => `No such image: ${image}`;
