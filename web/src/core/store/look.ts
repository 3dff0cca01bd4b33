/**
 * How a task looks: its observed state, the managers' will and its health folded into what a person tells apart. One
 * number per look, so that a column of them fits a byte. Order is the order of the legend.
 */
import { TASK_STATE } from '@paperfleet/core';

export const LOOK = {
  running: 0,
  pending: 1,
  preparing: 2,
  starting: 3,
  unhealthy: 4,
  backoff: 5,
  failed: 6,
  oom: 7,
  rejected: 8,
  stopping: 9,
  stopped: 10,
  unknown: 11,
} as const;
export type LookName = keyof typeof LOOK;
export type Look = (typeof LOOK)[LookName];

export const LOOK_NAMES: readonly LookName[] = Object.keys(LOOK) as LookName[];
/** The words of the legend, drawers and tables. */
export const LOOK_LABEL: Readonly<Record<LookName, string>> = {
  running: 'running',
  pending: 'pending',
  preparing: 'pulling image',
  starting: 'starting',
  unhealthy: 'unhealthy',
  backoff: 'waiting to restart',
  failed: 'failed',
  oom: 'out of memory',
  rejected: 'rejected',
  stopping: 'stopping',
  stopped: 'stopped',
  unknown: 'lost with its node',
};

/** Shorter words for the legend, which is always on screen and must keep to one line. */
export const LOOK_SHORT: Readonly<Record<LookName, string>> = {
  ...LOOK_LABEL,
  preparing: 'pulling',
  backoff: 'restart delay',
  oom: 'OOM',
  unknown: 'lost',
};

const OUT_OF_MEMORY = /\boom|out of memory/i;

/**
 * @param nodeRow – -1 without a node
 * @param health – 0 none, 1 starting, 2 healthy, 3 unhealthy
 * @param nodeGone – the manager believes the node down, so what the task does is not known
 */
export function lookOf(state: number, desired: number, nodeRow: number, health: number, error: string | 0, nodeGone: boolean): Look {
  if (state === TASK_STATE.failed) return error !== 0 && OUT_OF_MEMORY.test(error) ? LOOK.oom : LOOK.failed;
  if (state === TASK_STATE.rejected) return LOOK.rejected;
  if (state === TASK_STATE.orphaned) return LOOK.unknown;
  if (state > TASK_STATE.running) return LOOK.stopped;
  if (nodeGone && nodeRow >= 0 && state >= TASK_STATE.assigned) return LOOK.unknown;
  if (desired > TASK_STATE.running && nodeRow >= 0) return LOOK.stopping;
  if (state < TASK_STATE.assigned && nodeRow < 0) return LOOK.pending;
  if (desired === TASK_STATE.ready) return LOOK.backoff;
  if (state === TASK_STATE.running) return health === 3 ? LOOK.unhealthy : LOOK.running;
  if (state === TASK_STATE.starting || state === TASK_STATE.ready) return LOOK.starting;
  return LOOK.preparing;
}
