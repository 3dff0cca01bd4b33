/**
 * The page's connection to a run: open, follow, and after a break come back with exponential back-off and full jitter,
 * from the last sequence number seen. A hidden tab asks for nothing (rate 0) and gets a fresh snapshot when shown again.
 */
import type { AnyStateMachine } from 'xstate';
import { assign, createActor, fromCallback, setup } from 'xstate';
import type { ServerFrame } from '@paperfleet/core';
import type { ClusterApi, LiveSocket } from './api.ts';

/** Metric frames a second that a visible page asks for. */
export const METRIC_RATE = 2;
/** First and longest wait before a new try, wall milliseconds. */
export const BACKOFF = { firstMs: 500, longestMs: 10_000 } as const;
/** Close codes after which a new try cannot do better: refused by policy, protocol error, unknown run. */
const HOPELESS: ReadonlySet<number> = new Set([1002, 1008, 4404, 4426]);

/** Milliseconds before try number `attempt` (from 1): uniform over the upper half of an exponentially growing span. */
export function backoffMs(attempt: number, random: () => number): number {
  const ceiling = Math.min(BACKOFF.longestMs, BACKOFF.firstMs * 2 ** Math.max(0, attempt - 1));
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}

export interface ConnectionInput {
  readonly api: ClusterApi;
  /** Takes every frame. False: the frame does not continue what is held (another run, an older build); the feed starts over. */
  readonly receive: (frame: ServerFrame) => boolean;
  /** Where a new try continues from; null asks for a snapshot. */
  readonly lastSeq: () => number | null;
  readonly random: () => number;
  readonly hidden: boolean;
}

interface Context extends ConnectionInput {
  readonly attempt: number;
  readonly delayMs: number;
  readonly reason: string;
}

export type ConnectionEvent =
  | { readonly type: 'opened' }
  | { readonly type: 'closed'; readonly code: number; readonly reason: string }
  | { readonly type: 'retry' }
  | { readonly type: 'visibility'; readonly hidden: boolean };

type SocketInput = Pick<Context, 'api' | 'receive' | 'lastSeq' | 'hidden'>;

const feed = fromCallback<ConnectionEvent, SocketInput>(({ input, sendBack, receive }) => {
  const rate = (hidden: boolean): void => socket.send({ type: 'rate', perSecond: hidden ? 0 : METRIC_RATE });
  let hidden = input.hidden;
  const socket: LiveSocket = input.api.open(input.lastSeq(), {
    opened() {
      sendBack({ type: 'opened' });
      rate(hidden);
    },
    frame(frame) {
      if (!input.receive(frame)) sendBack({ type: 'closed', code: 4000, reason: 'starting over with a fresh snapshot' });
    },
    closed: (code, reason) => sendBack({ type: 'closed', code, reason }),
  });
  receive((event) => {
    if (event.type !== 'visibility') return;
    hidden = event.hidden;
    rate(hidden);
  });
  return () => socket.close();
});

const machine = setup({
  // XState reads only the types of this.
  types: { context: {} as Context, events: {} as ConnectionEvent, input: {} as ConnectionInput },
  actors: { feed },
  delays: { backoff: ({ context }) => context.delayMs },
  guards: {
    isHopeless: ({ event }) => event.type === 'closed' && HOPELESS.has(event.code),
  },
  actions: {
    forgetAttempts: assign({ attempt: 0, reason: '' }),
    noteClose: assign(({ context, event }) => {
      if (event.type !== 'closed') return {};
      const attempt = context.attempt + 1;
      return {
        attempt,
        delayMs: backoffMs(attempt, context.random),
        reason: event.reason === '' ? `connection closed (${event.code})` : event.reason,
      };
    }),
    noteVisibility: assign(({ context, event }) => ({ hidden: event.type === 'visibility' ? event.hidden : context.hidden })),
  },
}).createMachine({
  id: 'connection',
  context: ({ input }) => ({ ...input, attempt: 0, delayMs: 0, reason: '' }),
  initial: 'following',
  on: { visibility: { actions: ['noteVisibility'] } },
  states: {
    following: {
      invoke: {
        id: 'feed',
        src: 'feed',
        input: ({ context }): SocketInput => ({
          api: context.api,
          receive: context.receive,
          lastSeq: context.lastSeq,
          hidden: context.hidden,
        }),
      },
      initial: 'opening',
      on: {
        closed: [
          { guard: 'isHopeless', target: 'refused', actions: 'noteClose' },
          { target: 'waiting', actions: 'noteClose' },
        ],
        visibility: { actions: ['noteVisibility', ({ self, event }) => self.getSnapshot().children['feed']?.send(event)] },
      },
      states: {
        opening: { on: { opened: 'live' } },
        live: { entry: 'forgetAttempts' },
      },
    },
    waiting: {
      after: { backoff: 'following' },
      on: {
        retry: 'following',
        visibility: [
          { guard: ({ event }) => !event.hidden, target: 'following', actions: 'noteVisibility' },
          { actions: 'noteVisibility' },
        ],
      },
    },
    refused: { on: { retry: 'following' } },
  },
});

/** The definition, for diagrams and for who wants to inspect it. */
export const connectionMachine: AnyStateMachine = machine;

/** How the connection stands, for the page. */
export interface ConnectionStatus {
  readonly state: 'opening' | 'live' | 'waiting' | 'refused';
  readonly attempt: number;
  /** Wall milliseconds until the next try, from the moment of the break. */
  readonly delayMs: number;
  readonly reason: string;
}

export interface Connection {
  /** Tries at once instead of waiting. */
  retry(): void;
  setHidden(hidden: boolean): void;
  stop(): void;
}

/** Starts following a run. `changed` is called with every new standing, first at once. */
export function connect(input: ConnectionInput, changed: (status: ConnectionStatus) => void): Connection {
  const actor = createActor(machine, { input });
  actor.subscribe((snapshot) => {
    const { attempt, delayMs, reason } = snapshot.context;
    const state = snapshot.matches('waiting')
      ? 'waiting'
      : snapshot.matches('refused')
        ? 'refused'
        : snapshot.matches({ following: 'live' })
          ? 'live'
          : 'opening';
    changed({ state, attempt, delayMs, reason });
  });
  actor.start();
  return {
    retry: () => actor.send({ type: 'retry' }),
    setHidden: (hidden) => actor.send({ type: 'visibility', hidden }),
    stop: () => actor.stop(),
  };
}
