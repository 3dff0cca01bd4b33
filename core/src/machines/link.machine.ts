/**
 * The live connection of an agent host to the manager: real sockets and wall-clock delays, so it runs as one live actor
 * in a shell, with the shell's clock and chance. It is no part of the simulation and never reaches a digest.
 */
import { assign, createActor, setup } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import type { CloseReason } from '../protocol/frame.ts';
import { CLOSE } from '../protocol/frame.ts';

/** Milliseconds of wall time. `handshake`: from the start of a try until the welcome. */
export const LINK_DELAY_MS = { handshake: 10_000, firstBackoff: 100, maxBackoff: 8000 } as const;

export type LinkState = 'idle' | 'connecting' | 'handshaking' | 'attached' | 'backoff' | 'refused' | 'stopped';

type LinkEvent =
  | { readonly type: 'START' }
  | { readonly type: 'OPENED' }
  | { readonly type: 'WELCOMED' }
  | { readonly type: 'CLOSED'; readonly code: number; readonly reason: string }
  | { readonly type: 'STOP' };

interface LinkContext {
  readonly ports: LinkPorts;
  /** Upper bound of the next wait, ms. */
  readonly backoffMs: number;
  /** The wait that is under way, ms. */
  readonly waitMs: number;
  /** Tries since the last attachment. */
  readonly tries: number;
}

/** What a link needs of its shell. All calls are made from inside the actor; answers come as `opened`, `welcomed`, `closed`. */
export interface LinkPorts {
  /** Opens the socket; answer with `opened` or `closed`. */
  readonly open: () => void;
  /** Sends the `hello`; answer with `welcomed` once the welcome has been read. */
  readonly sayHello: () => void;
  /** Closes the socket if there is one; no answer is awaited. */
  readonly close: (reason: 'timeout' | 'stopped') => void;
  /** The connection stands. */
  readonly attached: () => void;
  /** It does not (any more) and will be tried again after `waitMs`. */
  readonly detached: (waitMs: number, tries: number) => void;
  /** The manager does not want this host, or not any more; trying again cannot help. */
  readonly refused: (code: number, reason: string) => void;
  /** Longest wait between two tries, ms; absent: LINK_DELAY_MS.maxBackoff. */
  readonly maxBackoffMs?: number;
  /** A number from 0 to below 1. */
  readonly random: () => number;
  /** The shell's timers. */
  readonly clock: { setTimeout(due: () => void, delayMs: number): unknown; clearTimeout(timer: unknown): void };
}

const RETRY_OF_CODE: ReadonlyMap<number, boolean> = new Map(Object.values(CLOSE).map(({ code, retry }) => [code, retry]));

/** True unless the close code says that trying again cannot help. Unknown codes (1006: the connection broke) are tried again. */
export const mayRetry = (code: number): boolean => RETRY_OF_CODE.get(code) ?? true;

/** The name of a close code, undefined for codes that are not Paperfleet's. */
export const closeReasonOf = (code: number): CloseReason | undefined =>
  (Object.keys(CLOSE) as CloseReason[]).find((name) => CLOSE[name].code === code);

const closed = [
  { guard: 'mayRetry', target: 'backoff' },
  { target: 'refused', actions: ['refused'] },
] as const;

/** The definition; use `createLink`. */
export const linkMachine: AnyStateMachine = setup({
  types: { context: {} as LinkContext, events: {} as LinkEvent, input: {} as LinkPorts },
  guards: { mayRetry: ({ event }) => event.type !== 'CLOSED' || mayRetry(event.code) },
  actions: {
    open: ({ context }) => context.ports.open(),
    sayHello: ({ context }) => context.ports.sayHello(),
    giveUp: ({ context }) => context.ports.close('timeout'),
    attached: ({ context }) => context.ports.attached(),
    detached: ({ context }) => context.ports.detached(context.waitMs, context.tries),
    refused: ({ context, event }) => {
      if (event.type === 'CLOSED') context.ports.refused(event.code, event.reason);
    },
    close: ({ context }) => context.ports.close('stopped'),
    resetBackoff: assign({ backoffMs: 0, tries: 0 }),
    // SwarmKit's agent: min(100 ms + 2 × the last, 8 s), and a random part of that, so that a fleet does not come back at once.
    growBackoff: assign(({ context }) => {
      const longest = context.ports.maxBackoffMs ?? LINK_DELAY_MS.maxBackoff;
      const backoffMs = Math.min(LINK_DELAY_MS.firstBackoff + 2 * context.backoffMs, longest);
      return { backoffMs, waitMs: Math.floor(context.ports.random() * backoffMs), tries: context.tries + 1 };
    }),
  },
  delays: { handshake: LINK_DELAY_MS.handshake, wait: ({ context }) => context.waitMs },
}).createMachine({
  id: 'link',
  context: ({ input }) => ({ ports: input, backoffMs: 0, waitMs: 0, tries: 0 }),
  initial: 'idle',
  on: { STOP: '.stopped' },
  states: {
    idle: { on: { START: 'connecting' } },
    connecting: {
      entry: ['open'],
      on: { OPENED: 'handshaking', CLOSED: closed },
      after: { handshake: { target: 'backoff', actions: ['giveUp'] } },
    },
    handshaking: {
      entry: ['sayHello'],
      on: { WELCOMED: 'attached', CLOSED: closed },
      after: { handshake: { target: 'backoff', actions: ['giveUp'] } },
    },
    attached: {
      entry: ['resetBackoff', 'attached'],
      on: { CLOSED: closed },
    },
    backoff: {
      entry: ['growBackoff', 'detached'],
      after: { wait: 'connecting' },
    },
    refused: {},
    // Stopping twice closes once.
    stopped: { entry: ['close'], on: { STOP: {} } },
  },
});

/** A live link. Calls about a socket that the link has given up are ignored by the shell, which knows its sockets. */
export interface Link {
  start(): void;
  opened(): void;
  welcomed(): void;
  /** The socket is closed, or could not be opened. */
  closed(code: number, reason: string): void;
  /** Ends it for good. */
  stop(): void;
  state(): LinkState;
}

/** A link that is idle until `start`. */
export function createLink(ports: LinkPorts): Link {
  const clock = {
    setTimeout: (due: () => void, delayMs: number): number => ports.clock.setTimeout(due, delayMs) as number,
    clearTimeout: (timer: number): void => ports.clock.clearTimeout(timer),
  };
  const actor = createActor(linkMachine, { input: ports, clock });
  const send = (event: LinkEvent): void => actor.send(event);
  actor.start();
  return {
    start: () => send({ type: 'START' }),
    opened: () => send({ type: 'OPENED' }),
    welcomed: () => send({ type: 'WELCOMED' }),
    closed: (code, reason) => send({ type: 'CLOSED', code, reason }),
    stop: () => send({ type: 'STOP' }),
    state: () => (actor.getSnapshot() as { readonly value: LinkState }).value,
  };
}
