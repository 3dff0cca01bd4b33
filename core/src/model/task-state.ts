/**
 * Task states with SwarmKit's numbers (api/types.proto, TaskState). They are spaced by 64 and act as a Lamport
 * counter: a task's observed state and its desired state only ever rise, so the greater of two reports is the newer.
 */
export const TASK_STATE = {
  new: 0,
  pending: 64,
  assigned: 192,
  accepted: 256,
  preparing: 320,
  ready: 384,
  starting: 448,
  running: 512,
  complete: 576,
  shutdown: 640,
  failed: 704,
  rejected: 768,
  remove: 800,
  orphaned: 832,
} as const;

/** A state's name, as the Docker API spells it. */
export type TaskStateName = keyof typeof TASK_STATE;
/** A state's number. */
export type TaskState = (typeof TASK_STATE)[TaskStateName];

const names = new Map<number, TaskStateName>((Object.keys(TASK_STATE) as TaskStateName[]).map((name) => [TASK_STATE[name], name]));

/** The name of a state's number. @throws RangeError for a number that is no state. */
export function taskStateName(state: TaskState): TaskStateName {
  const name = names.get(state);
  if (name === undefined) throw new RangeError(`${state} is no task state`);
  return name;
}

/** True once the task's container has ended or never ran: observed > running. */
export const isTerminal = (state: TaskState): boolean => state > TASK_STATE.running;
/** SwarmKit's "runnable": wanted by an orchestrator, desired <= running. */
export const isRunnable = (desired: TaskState): boolean => desired <= TASK_STATE.running;
/** SwarmKit's "active" for the scheduler's counts: desired <= complete. */
export const isActive = (desired: TaskState): boolean => desired <= TASK_STATE.complete;
