/**
 * An agent host: a process that simulates any number of nodes for a manager elsewhere. It holds one timeline link and one
 * session socket per agent, simulates its nodes window by window as it is told, and comes back by itself (with back-off
 * and jitter) when the connection breaks.
 */
import {
  type Advance,
  CLOSE,
  decodeEnvelope,
  decodeTimeline,
  encodeEnvelope,
  encodeHandshake,
  encodeTimeline,
  type Envelope,
  type Hello,
  type HostWelcome,
  MANAGER,
  MAX_TIMELINE_FRAME_BYTES,
  type NodeOffer,
  PaperfleetError,
  parseHostWelcome,
  type PartyFactory,
  type PartyId,
  PROTOCOL_VERSION,
  type SavedParty,
  Timeline,
  type TimeUs,
} from '@paperfleet/core';
import WebSocket from 'ws';
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
  readonly log: (event: string, detail: Record<string, unknown>) => void;
}

/** Back-off between attempts to attach: doubling from 100 ms to 5 s, each wait drawn from its upper half. */
const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5_000;
const HANDSHAKE_MS = 15_000;
/** Saved parties per `state` frame. */
const STATE_CHUNK = 50;

/** What the manager may not have got of the last window. */
interface LastWindow {
  readonly window: number;
  readonly frames: readonly (readonly [PartyId, Uint8Array])[];
  readonly texts: readonly string[];
}

export class AgentHost {
  readonly #options: AgentHostOptions;
  #link: WebSocket | undefined;
  #sessions: SessionSockets | undefined;
  #timeline: Timeline | undefined;
  #ticket: string | undefined;
  #parties = new Set<PartyId>();
  #window = 0;
  /** Where the last window began (the end of the one before) and ended. */
  #windowStart = 0;
  #windowEnd = 0;
  #last: LastWindow = { window: 0, frames: [], texts: [] };
  /** Messages received and not yet counted by an order. */
  readonly #inbox = new Map<PartyId, Envelope[]>();
  #order: Advance | undefined;
  #stopped = false;
  #wakeUp: (() => void) | undefined;

  constructor(options: AgentHostOptions) {
    this.#options = options;
  }

  /** Nodes simulated here. */
  get agents(): number {
    return this.#parties.size;
  }

  /** Runs until `stop`. @throws PaperfleetError when the manager refuses for a reason that trying again cannot mend. */
  async run(): Promise<void> {
    let attempt = 0;
    while (!this.#stopped) {
      const ended = await this.#attachment(() => (attempt = 0));
      if (this.#stopped) return;
      const fatal = Object.entries(CLOSE).find(([, close]) => close.code === ended.code && !close.retry);
      if (fatal !== undefined) {
        throw new PaperfleetError('PF_REFUSED', `the manager at ${this.#options.url} refused this host: ${ended.reason || fatal[0]}`, { hint: hintFor(fatal[0]) });
      }
      const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_MIN_MS * 2 ** attempt++);
      const waitMs = ceiling / 2 + (Math.random() * ceiling) / 2;
      this.#options.log('link.broken', { code: ended.code, reason: ended.reason, retryMs: Math.round(waitMs) });
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, waitMs);
        this.#wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Says goodbye and ends `run`. The nodes are lost to the cluster. */
  stop(reason: string): void {
    this.#stopped = true;
    if (this.#link?.readyState === WebSocket.OPEN) this.#link.send(encodeTimeline({ type: 'bye', reason }));
    this.#link?.close(1000);
    this.#wakeUp?.();
  }

  /** One attachment, from connecting to the close of its link. */
  #attachment(attached: () => void): Promise<{ code: number; reason: string }> {
    const { url, log } = this.#options;
    return new Promise((resolve) => {
      const link = new WebSocket(`${url}/timeline`, { perMessageDeflate: false, maxPayload: MAX_TIMELINE_FRAME_BYTES, handshakeTimeout: HANDSHAKE_MS });
      this.#link = link;
      const timer = setTimeout(() => link.terminate(), HANDSHAKE_MS);
      let lastError = '';
      let begin: ((text: string) => void) | undefined = (text) => {
        clearTimeout(timer);
        const welcome = parseHostWelcome(text);
        if (!welcome.ok) {
          lastError = welcome.reason;
          return link.terminate();
        }
        begin = undefined;
        this.#begin(link, welcome.value, attached).catch((error: unknown) => {
          lastError = (error as Error).message;
          link.terminate();
        });
      };
      link.on('open', () => link.send(encodeHandshake(this.#hello())));
      link.on('error', (error) => (lastError = error.message));
      link.on('message', (data) => {
        const text = (data as Buffer).toString('utf8');
        if (begin !== undefined) begin(text);
        else this.#onFrame(link, text);
      });
      link.on('close', (code, reason) => {
        clearTimeout(timer);
        this.#sessions?.closeAll();
        this.#sessions = undefined;
        this.#inbox.clear();
        this.#order = undefined;
        this.#stateReady = undefined;
        log('link.closed', { code, reason: reason.toString() || lastError });
        resolve({ code, reason: reason.toString() || lastError });
      });
    });
  }

  #hello(): Hello {
    const { build, token, name, offers } = this.#options;
    const resume = this.#ticket === undefined ? {} : { resume: { ticket: this.#ticket, window: this.#window } };
    return { type: 'hello', protocol: PROTOCOL_VERSION, build, token, role: 'host', host: name, offers, ...resume };
  }

  async #begin(link: WebSocket, welcome: HostWelcome, attached: () => void): Promise<void> {
    const { build, token, url, node } = this.#options;
    this.#ticket = welcome.ticket;
    if (welcome.begin !== 'keep') {
      this.#parties = new Set(welcome.parties.map(({ party }) => party));
      this.#timeline = new Timeline(welcome.header, { node });
      this.#window = welcome.window;
      this.#last = { window: welcome.window, frames: [], texts: [] };
    }
    const sessions = new SessionSockets(`${url}/session`, (party) => ({ type: 'hello', protocol: PROTOCOL_VERSION, build, token, role: 'agent', party, ticket: welcome.ticket }), {
      frame: (party, data) => this.#onSessionFrame(party, data),
      closed: (party, code, reason) => {
        if (this.#sessions !== sessions) return;
        this.#options.log('session.closed', { party, code, reason });
        // A single agent that the manager refuses is its own affair; any other break takes the attachment down, to come back whole.
        if (code < 4000) link.close(1001, 'a session broke');
      },
    });
    this.#sessions = sessions;
    if (welcome.begin === 'restore') await new Promise<void>((resolve) => (this.#stateReady = resolve));
    await sessions.open([...this.#parties]);
    link.send(encodeTimeline({ type: 'ready' }));
    if (welcome.begin === 'keep' && this.#last.window > welcome.window) this.#tell(this.#last);
    this.#options.log('link.attached', { begin: welcome.begin, agents: this.#parties.size });
    attached();
  }

  #stateReady: (() => void) | undefined;

  #onFrame(link: WebSocket, text: string): void {
    const decoded = decodeTimeline(text);
    if (!decoded.ok) {
      this.#options.log('frame.refused', { close: decoded.close, reason: decoded.reason });
      return link.close(CLOSE[decoded.close].code, decoded.reason.slice(0, 100));
    }
    const frame = decoded.value;
    if (frame.type === 'state') {
      for (const [, saved] of frame.parties) this.#timeline?.restoreParty(saved as SavedParty, 0 as TimeUs);
      if (frame.last) this.#stateReady?.();
    } else if (frame.type === 'advance') {
      if (frame.window <= this.#window) return this.#tell(this.#last); // it asks again for what it did not get
      this.#order = frame;
      this.#proceed();
    }
  }

  #onSessionFrame(party: PartyId, data: Uint8Array): void {
    const decoded = decodeEnvelope(data);
    if (!decoded.ok) return this.#options.log('frame.refused', { party, close: decoded.close, reason: decoded.reason });
    const inbox = this.#inbox.get(party);
    if (inbox === undefined) this.#inbox.set(party, [decoded.value]);
    else inbox.push(decoded.value);
    if (this.#order !== undefined) this.#proceed();
  }

  /** Simulates the ordered window once every message that it counts is here. */
  #proceed(): void {
    const order = this.#order;
    const timeline = this.#timeline;
    if (order === undefined || timeline === undefined) return;
    for (const [party, count] of order.sent) if ((this.#inbox.get(party)?.length ?? 0) < count) return;
    this.#order = undefined;
    for (const party of order.drop) {
      timeline.disown(party, this.#windowStart as TimeUs);
      this.#parties.delete(party);
      this.#sessions?.close(party);
    }
    for (const [party, count] of order.sent) {
      for (const envelope of this.#inbox.get(party)?.splice(0, count) ?? []) timeline.deliver(envelope);
    }
    for (const input of order.inputs) timeline.inject(input);
    for (const envelope of order.relay) timeline.deliver(envelope);
    timeline.runUntil(order.until);
    this.#windowStart = this.#windowEnd;
    this.#windowEnd = order.until;
    this.#window = order.window;
    this.#last = this.#account(order, timeline);
    this.#tell(this.#last);
  }

  #account(order: Advance, timeline: Timeline): LastWindow {
    const frames: (readonly [PartyId, Uint8Array])[] = [];
    const relay: Envelope[] = [];
    const counts = new Map<PartyId, number>();
    for (const envelope of timeline.takeOutbox()) {
      if (envelope.to !== MANAGER) {
        relay.push(envelope);
        continue;
      }
      frames.push([envelope.from, encodeEnvelope(envelope)]);
      counts.set(envelope.from, (counts.get(envelope.from) ?? 0) + 1);
    }
    const texts: string[] = [];
    if (order.wantState) {
      const saved = timeline.saveParties();
      for (let i = 0; i === 0 || i < saved.length; i += STATE_CHUNK) {
        const chunk = saved.slice(i, i + STATE_CHUNK).map((party) => [party.id, party] as const);
        texts.push(encodeTimeline({ type: 'state', window: order.window, parties: chunk, last: i + STATE_CHUNK >= saved.length }));
      }
    }
    texts.push(
      encodeTimeline({
        type: 'report',
        window: order.window,
        until: order.until,
        next: timeline.next(),
        sent: [...counts],
        relay,
        events: timeline.events,
        ...(order.wantDigest ? { digest: timeline.digest() } : {}),
      }),
    );
    return { window: order.window, frames, texts };
  }

  #tell(last: LastWindow): void {
    for (const [party, frame] of last.frames) this.#sessions?.send(party, frame);
    for (const text of last.texts) this.#link?.send(text);
  }
}

function hintFor(close: string): string {
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
