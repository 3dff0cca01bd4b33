/**
 * A node's session with the manager, seen from both ends: what the agent does (`sessionMachine`) and what the manager
 * believes of the node (`beliefMachine`). Both are flat and compile to tables. After SwarmKit's agent/session.go and
 * manager/dispatcher/{dispatcher,nodes}.go.
 */
import { setup } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import type { RowContext } from './row.ts';
import { namedOnly } from './row.ts';

/** What an agent's session reacts to; its timers besides. */
export const SESSION_EVENTS = ['CONNECT', 'REGISTERED', 'HEARTBEAT_ACK', 'REFUSED', 'LEAVE', 'CRASH'] as const;
export type SessionEvent = (typeof SESSION_EVENTS)[number];

export const SESSION_ACTIONS = [
  'sendRegister',
  'sessionOpened',
  'sendHeartbeat',
  'sessionClosed',
  'growBackoff',
  'resetBackoff',
  'sendBye',
] as const;
export type SessionAction = (typeof SESSION_ACTIONS)[number];

/**
 * Delays of an agent's session, µs, as SwarmKit has them. `heartbeat` is the period that the manager gives (5 s ± 0.5 s);
 * `backoff` is drawn from 0 to min(100 ms + 2 × the last, 8 s).
 */
export const SESSION_DELAY_US = { registerTimeout: 5_000_000, heartbeat: 5_000_000, ackTimeout: 5_000_000, backoff: 100_000 } as const;
export type SessionDelay = keyof typeof SESSION_DELAY_US;

const milliseconds = <D extends string>(delays: Readonly<Record<D, number>>): Record<D, number> =>
  Object.fromEntries(Object.entries<number>(delays).map(([name, delay]) => [name, delay / 1000])) as Record<D, number>;

const types = <E extends string>(): { context: RowContext; events: { readonly type: E }; input: RowContext } => ({
  context: { row: 0, guards: 0 },
  events: { type: '' as E },
  input: { row: 0, guards: 0 },
});

const off = {
  LEAVE: { target: 'disconnected', actions: ['sendBye', 'sessionClosed'] },
  CRASH: { target: 'disconnected', actions: ['sessionClosed'] },
} as const;
const lost = { target: 'backoff', actions: ['sessionClosed', 'growBackoff'] } as const;

/** The agent's end. `suspect`: a heartbeat is on its way and not answered yet. */
export const sessionMachine: AnyStateMachine = setup({
  types: types<SessionEvent>(),
  actions: namedOnly(SESSION_ACTIONS),
  delays: milliseconds(SESSION_DELAY_US),
}).createMachine({
  id: 'session',
  context: ({ input }) => input,
  initial: 'disconnected',
  states: {
    disconnected: { on: { CONNECT: { target: 'registering', actions: ['sendRegister'] } } },
    registering: {
      on: {
        REGISTERED: { target: 'ready', actions: ['resetBackoff', 'sessionOpened'] },
        REFUSED: { target: 'backoff', actions: ['growBackoff'] },
        LEAVE: 'disconnected',
        CRASH: 'disconnected',
      },
      after: { registerTimeout: { target: 'backoff', actions: ['growBackoff'] } },
    },
    ready: {
      on: { ...off, REFUSED: lost },
      after: { heartbeat: { target: 'suspect', actions: ['sendHeartbeat'] } },
    },
    suspect: {
      on: { ...off, HEARTBEAT_ACK: 'ready', REFUSED: lost },
      after: { ackTimeout: lost },
    },
    backoff: {
      on: { LEAVE: 'disconnected', CRASH: 'disconnected' },
      after: { backoff: { target: 'registering', actions: ['sendRegister'] } },
    },
  },
});

/** What changes the manager's belief about a node; its timers besides. */
export const BELIEF_EVENTS = ['REGISTER', 'HEARTBEAT', 'LEAVE', 'DROP_SESSION', 'MANAGER_RESTART'] as const;
export type BeliefEvent = (typeof BELIEF_EVENTS)[number];

export const BELIEF_ACTIONS = ['markReady', 'markDown', 'markDisconnected', 'markUnknown', 'evictTasks', 'orphanTasks'] as const;
export type BeliefAction = (typeof BELIEF_ACTIONS)[number];

/**
 * Delays of the manager's belief, µs, as SwarmKit has them: three heartbeat periods without a heartbeat, twice that
 * after a restart of the manager, a day until the tasks of a node that stays away are orphaned.
 */
export const BELIEF_DELAY_US = { heartbeatGrace: 15_000_000, unknownGrace: 30_000_000, orphanAfter: 86_400_000_000 } as const;
export type BeliefDelay = keyof typeof BELIEF_DELAY_US;

const down = { target: 'down', actions: ['markDown', 'evictTasks'] } as const;
const registered = { target: 'ready', actions: ['markReady'], reenter: true } as const;
const restarted = { target: 'unknown', actions: ['markUnknown'], reenter: true } as const;

/** The manager's end. */
export const beliefMachine: AnyStateMachine = setup({
  types: types<BeliefEvent>(),
  actions: namedOnly(BELIEF_ACTIONS),
  delays: milliseconds(BELIEF_DELAY_US),
}).createMachine({
  id: 'belief',
  context: ({ input }) => input,
  initial: 'unknown',
  states: {
    unknown: {
      on: { REGISTER: registered, MANAGER_RESTART: restarted },
      after: { unknownGrace: down },
    },
    ready: {
      on: {
        REGISTER: registered,
        // Entering again starts the grace anew.
        HEARTBEAT: { target: 'ready', reenter: true },
        LEAVE: down,
        DROP_SESSION: { target: 'disconnected', actions: ['markDisconnected'] },
        MANAGER_RESTART: restarted,
      },
      after: { heartbeatGrace: down },
    },
    disconnected: {
      on: { REGISTER: registered, LEAVE: down, MANAGER_RESTART: restarted },
      after: { orphanAfter: { actions: ['orphanTasks'] } },
    },
    down: {
      on: { REGISTER: registered },
      after: { orphanAfter: { actions: ['orphanTasks'] } },
    },
  },
});
