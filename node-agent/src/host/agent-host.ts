/**
 * An agent host: a process that simulates any number of nodes for a manager elsewhere. It holds one timeline link and one
 * session socket per agent, simulates its nodes window by window as it is told, and comes back by itself when the
 * connection breaks: the link is a live XState actor (core/src/machines/link.machine.ts).
 */
import {
  CLOSE,
  type CloseReason,
  closeReasonOf,
  createLink,
  decodeEnvelope,
  decodeTimeline,
  encodeHandshake,
  encodeTimeline,
  type Hello,
  type HostWelcome,
  type Link,
  MAX_TIMELINE_FRAME_BYTES,
  type NodeOffer,
  PaperfleetError,
  parseHostWelcome,
  type PartyFactory,
  type PartyId,
  PROTOCOL_VERSION,
} from '@paperfleet/core';
import WebSocket from 'ws';
import { type FinishedWindow, HostedWindows } from './hosted-windows.ts';
import { SessionSockets } from './session-sockets.ts';

export interface AgentHostOptions {
  /** The manager: ws://host:port. */
  readonly url: string;
  readonly token: string;
  readonly build: string;
  /** Identity over restarts; the nodes keep their names under it. */
  readonly name: string;
  /** Machines to bring along; empty for a worker. */
  readonly offers: readonly NodeOffer[];
  readonly node: PartyFactory;
  /** Longest wait between two tries to connect, ms; absent: 8 s. */
  readonly maxBackoffMs?: number;
  readonly log: (event: string, detail: Record<string, unknown>) => void;
}

export class AgentHost {
  readonly #options: AgentHostOptions;
  readonly #windows: HostedWindows;
  #link: Link | undefined;
  #socket: WebSocket | undefined;
  #sessions: SessionSockets | undefined;
  #ticket: string | undefined;
  /** What the broken socket said, for the log. */
  #reason = '';
  #stateLoaded: (() => void) | undefined;
  #ended: (() => void) | undefined;

  constructor(options: AgentHostOptions) {
    this.#options = options;
    this.#windows = new HostedWindows(options.node);
  }

  /** Nodes simulated here. */
  get agents(): number {
    return this.#windows.parties.length;
  }

  /** Runs until `stop`. @throws PaperfleetError PF_REFUSED when the manager refuses for a reason that trying again cannot mend. */
  run(): Promise<void> {
    const { log, url } = this.#options;
    return new Promise((resolve, reject) => {
      this.#ended = resolve;
      this.#link = createLink({
        open: () => this.#open(),
        sayHello: () => this.#socket?.send(encodeHandshake(this.#hello())),
        close: (reason) => this.#close(reason),
        attached: () => undefined,
        detached: (waitMs, tries) => log('link.broken', { reason: this.#reason, retryMs: waitMs, tries }),
        refused: (code, reason) => {
          const close = closeReasonOf(code);
          reject(
            new PaperfleetError('PF_REFUSED', `the manager at ${url} refused this host: ${reason || String(close ?? code)}`, {
              hint: hintFor(close),
            }),
          );
        },
        ...(this.#options.maxBackoffMs === undefined ? {} : { maxBackoffMs: this.#options.maxBackoffMs }),
        random: () => Math.random(),
        clock: { setTimeout: (due, delayMs) => setTimeout(due, delayMs), clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout) },
      });
      this.#link.start();
    });
  }

  /** Says goodbye and ends `run`. The nodes are lost to the cluster. */
  stop(reason: string): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(encodeTimeline({ type: 'bye', reason }));
    this.#link?.stop();
    this.#ended?.();
  }

  #hello(): Hello {
    const { build, token, name, offers } = this.#options;
    const resume = this.#ticket === undefined ? {} : { resume: { ticket: this.#ticket, window: this.#windows.last.window } };
    return { type: 'hello', protocol: PROTOCOL_VERSION, build, token, role: 'host', host: name, offers, ...resume };
  }

  #open(): void {
    const socket = new WebSocket(`${this.#options.url}/timeline`, { perMessageDeflate: false, maxPayload: MAX_TIMELINE_FRAME_BYTES });
    this.#socket = socket;
    this.#reason = '';
    let welcomed = false;
    socket.on('open', () => this.#link?.opened());
    socket.on('error', (error) => (this.#reason = error.message));
    socket.on('message', (data) => {
      if (this.#socket !== socket) return;
      const text = (data as Buffer).toString('utf8');
      if (welcomed) return this.#onFrame(socket, text);
      const welcome = parseHostWelcome(text);
      if (!welcome.ok) return this.#fail(socket, welcome.close, welcome.reason);
      welcomed = true;
      this.#link?.welcomed();
      this.#begin(socket, welcome.value).catch((error: unknown) => {
        this.#reason = (error as Error).message;
        socket.terminate();
      });
    });
    socket.on('close', (code, reason) => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      this.#reason = reason.toString() || this.#reason;
      this.#letGo();
      this.#link?.closed(code, this.#reason);
    });
  }

  #close(reason: 'timeout' | 'stopped'): void {
    const socket = this.#socket;
    this.#socket = undefined;
    if (reason === 'timeout') this.#reason = 'no answer in time';
    this.#letGo();
    if (reason === 'stopped') socket?.close(1000);
    else socket?.terminate();
  }

  /** Ends what belongs to the attachment; the simulated nodes stay. */
  #letGo(): void {
    this.#sessions?.closeAll();
    this.#sessions = undefined;
    this.#stateLoaded = undefined;
    this.#windows.interrupt();
  }

  async #begin(socket: WebSocket, welcome: HostWelcome): Promise<void> {
    const { build, token, url, log } = this.#options;
    this.#ticket = welcome.ticket;
    this.#windows.begin(welcome);
    const sessions = new SessionSockets(
      `${url}/session`,
      (party) => ({ type: 'hello', protocol: PROTOCOL_VERSION, build, token, role: 'agent', party, ticket: welcome.ticket }),
      {
        frame: (party, data) => this.#onSessionFrame(party, data),
        closed: (party, code, reason) => {
          if (this.#sessions !== sessions) return;
          log('session.closed', { party, code, reason });
          // An agent that the manager refuses is its own affair; any other break takes the attachment down, to come back whole.
          if (code < 4000) socket.close(1001, 'a session broke');
        },
      },
    );
    this.#sessions = sessions;
    if (welcome.begin === 'restore') await new Promise<void>((resolve) => (this.#stateLoaded = resolve));
    await sessions.open(this.#windows.parties);
    socket.send(encodeTimeline({ type: 'ready' }));
    if (welcome.begin === 'keep' && this.#windows.last.window > welcome.window) this.#tell(this.#windows.last);
    log('link.attached', { begin: welcome.begin, agents: this.agents });
  }

  #onFrame(socket: WebSocket, text: string): void {
    const decoded = decodeTimeline(text);
    if (!decoded.ok) return this.#fail(socket, decoded.close, decoded.reason);
    const frame = decoded.value;
    if (frame.type === 'state') {
      this.#windows.restore(frame.parties);
      if (frame.last) this.#stateLoaded?.();
    } else if (frame.type === 'advance') {
      this.#tell(this.#windows.onAdvance(frame));
      for (const party of frame.drop) this.#sessions?.close(party);
    }
  }

  #onSessionFrame(party: PartyId, data: Uint8Array): void {
    const decoded = decodeEnvelope(data);
    if (decoded.ok && decoded.value.to === party) this.#tell(this.#windows.onEnvelope(decoded.value));
    else this.#options.log('frame.refused', { party, reason: decoded.ok ? `addressed to party ${decoded.value.to}` : decoded.reason });
  }

  #tell(finished: FinishedWindow | undefined): void {
    if (finished === undefined) return;
    for (const [party, frame] of finished.frames) this.#sessions?.send(party, frame);
    for (const text of finished.texts) this.#socket?.send(text);
  }

  #fail(socket: WebSocket, close: CloseReason, reason: string): void {
    this.#options.log('frame.refused', { close, reason });
    this.#reason = reason;
    socket.close(CLOSE[close].code);
  }
}

function hintFor(close: CloseReason | undefined): string {
  switch (close) {
    case 'token':
      return 'give the token that the manager printed: --token';
    case 'nameInUse':
      return 'another agent host has this name: choose one with --name';
    case 'build':
    case 'version':
      return 'run the same version of Paperfleet on both sides';
    default:
      return 'see the manager’s log for details';
  }
}
