/**
 * The life of a task, as SwarmKit defines it (api/types.proto TaskState; agent/exec/controller.go Do; manager/*). This is
 * the definition: flat, every action and guard named, no data of its own. It runs as a dense table (table-driver.ts)
 * where tasks are many and as actors (actor-driver.ts) where they are few; a test holds both equal.
 *
 * A state only ever rises: every transition leads to a state with a greater number. `remove` is a desired state alone
 * and is therefore no state here.
 */
import { setup } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import { TASK_STATE } from '../model/task-state.ts';
import type { TaskState, TaskStateName } from '../model/task-state.ts';
import type { RowContext } from './row.ts';
import { guardBit, namedOnly } from './row.ts';

/** Observed states in rising order; a phase is an index into this list. */
export const TASK_PHASES: readonly Exclude<TaskStateName, 'remove'>[] = [
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'orphaned',
];
export type TaskPhase = (typeof TASK_PHASES)[number];

/** The number of a phase's task state. */
export const stateOfPhase = (phase: number): TaskState => {
  const name = TASK_PHASES[phase];
  if (name === undefined) throw new RangeError(`${phase} is no phase of a task`);
  return TASK_STATE[name];
};

/** The phase of an observed task state. @throws RangeError for `remove`, which is never observed. */
export const phaseOfState = (state: TaskState): number => {
  const phase = TASK_PHASES.findIndex((name) => TASK_STATE[name] === state);
  if (phase < 0) throw new RangeError(`${state} is no observed state of a task`);
  return phase;
};

/** Who may cause a transition. */
export type TransitionOwner = 'allocator' | 'scheduler' | 'agent' | 'enforcer' | 'dispatcher';

/** What happens to a task, and who says so. Events are the only way into a machine. */
export const TASK_EVENT_OWNER = {
  /** Networks and ports are allocated. */
  ALLOCATE: 'allocator',
  /** A node was picked, or the node that the task was made for was confirmed. */
  ASSIGN: 'scheduler',
  /** Never given to a node and no longer wanted. */
  CANCEL: 'scheduler',
  /** The agent took it. */
  ACCEPT: 'agent',
  /** Pulling the image, creating networks, volumes and the container. */
  PREPARE: 'agent',
  /** The container is there. */
  PREPARED: 'agent',
  /** Start it; waits at `ready` until the desired state is above that. */
  START: 'agent',
  /** The process runs. With a health check the task stays `starting` until the first success. */
  STARTED: 'agent',
  /** The health check succeeded for the first time. */
  HEALTHY: 'agent',
  /** The health check failed too often. */
  UNHEALTHY: 'agent',
  /** The process ended by itself with 0. */
  EXIT_ZERO: 'agent',
  /** The process ended by itself with another code, or was killed. */
  EXIT_NONZERO: 'agent',
  /** Not wanted any more: stop the container, with grace. */
  STOP: 'agent',
  /** The container that was told to stop has ended. */
  STOPPED: 'agent',
  /** It can never run here: a fatal error before the start. */
  REJECT: 'agent',
  /** A fatal error from the start on. */
  FAIL: 'agent',
  /** Its node no longer meets its constraints or holds its reservations. */
  ENFORCE: 'enforcer',
  /** Its node was gone for too long, or was removed. */
  ORPHAN: 'dispatcher',
} as const;

export type TaskEventName = keyof typeof TASK_EVENT_OWNER;
/** Who causes an event. */
export const ownerOfTaskEvent = (event: TaskEventName): TransitionOwner => TASK_EVENT_OWNER[event];
/** Events in the order of the compiled table's columns. */
export const TASK_EVENTS: readonly TaskEventName[] = Object.keys(TASK_EVENT_OWNER) as TaskEventName[];

/** Facts of a task's row that transitions depend on; a row carries them as bits, in this order. */
export const TASK_GUARDS = ['wantedToRun', 'wantedToStop', 'awaitsHealth'] as const;
export type TaskGuard = (typeof TASK_GUARDS)[number];

/** Guard bits of a task: desired state above `ready`, desired state `shutdown` or more, has a health check. */
export const taskGuardBits = (desired: TaskState, hasHealthcheck: boolean): number =>
  (desired > TASK_STATE.ready ? 1 : 0) | (desired >= TASK_STATE.shutdown ? 2 : 0) | (hasHealthcheck ? 4 : 0);

/** What a driver does for a task; named here, done by its user. */
export const TASK_ACTIONS = [
  'reserve',
  'prepareContainer',
  'startContainer',
  'probeHealth',
  'stopContainer',
  'killContainer',
  'release',
  'report',
] as const;
export type TaskAction = (typeof TASK_ACTIONS)[number];

const ended = ['release', 'report'] as const;
const cut = ['killContainer', 'release', 'report'] as const;

/** The managers may take a task away from the moment that it holds reservations. */
const taken = {
  ENFORCE: { target: 'rejected', actions: ['release'] },
  ORPHAN: { target: 'orphaned', actions: ['release'] },
} as const;

/** The same, and what an agent may say before the start. */
const beforeStart = {
  ...taken,
  STOP: { target: 'shutdown', actions: ended },
  REJECT: { target: 'rejected', actions: ended },
} as const;

/** The same, and how a process ends once it was started. A stop that was asked for counts as `shutdown` whatever the exit code. */
const onceStarted = {
  ...taken,
  UNHEALTHY: { target: 'failed', actions: cut },
  EXIT_NONZERO: [
    { guard: 'wantedToStop', target: 'shutdown', actions: ended },
    { target: 'failed', actions: ended },
  ],
  FAIL: { target: 'failed', actions: cut },
  STOP: { actions: ['stopContainer'] },
  STOPPED: { target: 'shutdown', actions: ended },
} as const;

/** The lifecycle. States that nothing leaves are terminal. */
export const taskMachine: AnyStateMachine = setup({
  types: { context: {} as RowContext, events: {} as { readonly type: TaskEventName }, input: {} as RowContext },
  guards: { wantedToRun: guardBit(0), wantedToStop: guardBit(1), awaitsHealth: guardBit(2) },
  actions: namedOnly(TASK_ACTIONS),
}).createMachine({
  id: 'task',
  context: ({ input }) => input,
  initial: 'new',
  states: {
    new: { on: { ALLOCATE: 'pending', CANCEL: 'shutdown' } },
    pending: { on: { ASSIGN: { target: 'assigned', actions: ['reserve'] }, CANCEL: 'shutdown' } },
    assigned: { on: { ...beforeStart, ACCEPT: { target: 'accepted', actions: ['report'] } } },
    accepted: { on: { ...beforeStart, PREPARE: { target: 'preparing', actions: ['prepareContainer', 'report'] } } },
    preparing: { on: { ...beforeStart, PREPARED: { target: 'ready', actions: ['report'] } } },
    // A replacement waits here, prepared, until the task it replaces has ended.
    ready: { on: { ...beforeStart, START: { guard: 'wantedToRun', target: 'starting', actions: ['startContainer', 'report'] } } },
    starting: {
      on: {
        ...onceStarted,
        STARTED: [
          { guard: 'awaitsHealth', actions: ['probeHealth'] },
          { target: 'running', actions: ['report'] },
        ],
        HEALTHY: { target: 'running', actions: ['report'] },
        // Ended before it was ever healthy: dockerd's controller reports an error even for exit code 0.
        EXIT_ZERO: [
          { guard: 'wantedToStop', target: 'shutdown', actions: ended },
          { target: 'failed', actions: ended },
        ],
      },
    },
    running: {
      on: {
        ...onceStarted,
        EXIT_ZERO: [
          { guard: 'wantedToStop', target: 'shutdown', actions: ended },
          { target: 'complete', actions: ended },
        ],
      },
    },
    complete: {},
    shutdown: {},
    failed: {},
    rejected: {},
    orphaned: {},
  },
});
