/** A task in the node's local list. The list survives a crash of the machine, as SwarmKit's worker database does. */
import { type AssignedTask, type TaskSpec, TASK_STATE, type TaskState, type TaskStatus, type TimeUs } from '@paperfleet/core';

/** What is under way for a task. */
export const ACTIVITY = { idle: 0, preparing: 1, starting: 2, stopping: 3 } as const;
export type Activity = (typeof ACTIVITY)[keyof typeof ACTIVITY];

export interface LocalTask {
  readonly id: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly slot: number;
  readonly spec: TaskSpec;
  desired: TaskState;
  state: TaskState;
  message: string;
  at: TimeUs;
  error: string;
  /** -1: none. The first one other than 0 of the task's containers, else 0. */
  exitCode: number;
  oomKilled: boolean;
  /** 0 no health check, 1 starting, 2 healthy, 3 unhealthy: the worst of its containers. */
  health: number;
  /** Left the assignment: it is stopped, cleaned up and forgotten without a word. */
  removed: boolean;
  activity: Activity;
  /** Timer of the container's creation; 0: none. */
  timer: number;
  /** Images still being pulled for it. */
  pulling: number;
  /** Images held against eviction for it. */
  held: string[];
  /** Row of each container, -1: none (not created, or it ended). */
  rows: number[];
}

export function newLocalTask(task: AssignedTask, spec: TaskSpec, at: TimeUs): LocalTask {
  return {
    id: task.id,
    serviceId: task.serviceId,
    serviceName: task.serviceName,
    slot: task.slot,
    spec,
    desired: task.desired,
    state: TASK_STATE.assigned,
    message: '',
    at,
    error: '',
    exitCode: -1,
    oomKilled: false,
    health: 0,
    removed: false,
    activity: ACTIVITY.idle,
    timer: 0,
    pulling: 0,
    held: [],
    rows: [],
  };
}

/** What the agent reports of a task. */
export function statusOf(task: LocalTask): TaskStatus {
  return {
    id: task.id,
    state: task.state,
    at: task.at,
    message: task.message,
    ...(task.error === '' ? {} : { error: task.error }),
    ...(task.exitCode < 0 ? {} : { exitCode: task.exitCode }),
    ...(task.oomKilled ? { oomKilled: true } : {}),
    ...(task.health === 0 ? {} : { health: task.health }),
  };
}

/** The desired state that the agent acts on. */
export const actingDesired = (task: LocalTask): TaskState =>
  task.removed && task.desired < TASK_STATE.shutdown ? TASK_STATE.shutdown : task.desired;
/** True when the task's last container is gone or there never was one. */
export const hasNoContainers = (task: LocalTask): boolean => task.rows.every((row) => row < 0);
/** SERVICE.SLOT; SERVICE.NODE for services with one task per node. */
export const taskName = (task: LocalTask, node: string): string => `${task.serviceName}.${task.slot === 0 ? node : task.slot}`;
