/**
 * The two WebSocket endpoints for agent hosts, /timeline and /session: handshake, admission, attachment. Whatever is
 * wrong with a peer closes that peer's socket with a code and a reason, is logged, and touches nobody else.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  admit,
  CLOSE,
  type CloseReason,
  decodeTimeline,
  encodeHandshake,
  encodeTimeline,
  type Hello,
  MAX_SESSION_FRAME_BYTES,
  MAX_TIMELINE_FRAME_BYTES,
  type PartyAssignment,
  type PartyId,
  parseHello,
  type SavedParty,
  type TimelineFrame,
} from '@paperfleet/core';
import WebSocket, { WebSocketServer } from 'ws';
import type { Conductor } from '../live/conductor.ts';
import { Membership } from '../live/membership.ts';
import { shortReason, SocketHost, type SocketHostEvents } from './socket-host.ts';

export interface HostEndpointOptions {
  readonly conductor: Conductor;
  /** Join token; '' admits anybody who can reach the socket. */
  readonly token: string;
  readonly build: string;
  /** How long a broken attachment may stay broken, wall milliseconds. */
  readonly resumeMs?: number;
  /** Nodes for a worker host that brings none along; undefined: workers are refused. */
  readonly assignWorker?: (host: string) => readonly PartyAssignment[] | undefined;
  readonly log: (event: string, detail: Record<string, unknown>) => void;
}

interface Attachment {
  readonly host: SocketHost;
  /** It is handed the state of nodes that the run has already, after a restart of the manager. */
  readonly takesOver: boolean;
  attached: boolean;
}

type HostHello = Extract<Hello, { role: 'host' }>;

const HANDSHAKE_MS = 10_000;
/** Loading the state of thousands of nodes takes its time; the shorter bound is for hosts that are silent. */
const LOADING_MS = 60_000;
const DEFAULT_RESUME_MS = 3_000;
/** Saved parties per `state` frame. */
const STATE_CHUNK = 50;

export class HostEndpoint {
  readonly #options: HostEndpointOptions;
  readonly #timelineServer = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_TIMELINE_FRAME_BYTES });
  readonly #sessionServer = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_SESSION_FRAME_BYTES });
  readonly #membership: Membership;
  #greeted = 0;
  /** Attachments by name, from the handshake on. */
  readonly #hosts = new Map<string, Attachment>();

  constructor(options: HostEndpointOptions) {
    this.#options = options;
    this.#membership = new Membership(options.conductor.inputs());
  }

  /** Hosts that have said hello so far. */
  get greeted(): number {
    return this.#greeted;
  }

  /** Takes over an upgrade to /timeline or /session; false for any other path. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const path = (request.url ?? '').split('?', 1)[0];
    if (path === '/timeline') this.#timelineServer.handleUpgrade(request, socket, head, (ws) => this.#greet(ws, 'host'));
    else if (path === '/session') this.#sessionServer.handleUpgrade(request, socket, head, (ws) => this.#greet(ws, 'agent'));
    else return false;
    return true;
  }

  /** Closes every attachment. */
  close(): void {
    for (const { host } of this.#hosts.values()) host.close('the manager stops');
    for (const server of [this.#timelineServer, this.#sessionServer]) {
      for (const client of server.clients) client.close(CLOSE.goingAway.code, 'the manager stops');
      server.close();
    }
  }

  /** Waits for the first frame, which must be a hello of the right role. */
  #greet(ws: WebSocket, role: Hello['role']): void {
    ws.on('error', (error) => this.#options.log('socket.error', { role, message: error.message }));
    const timer = setTimeout(() => this.#refuse(ws, 'timeout', `no hello within ${HANDSHAKE_MS / 1000} s`), HANDSHAKE_MS);
    ws.once('close', () => clearTimeout(timer));
    ws.once('message', (data, isBinary) => {
      clearTimeout(timer);
      if (isBinary) return this.#refuse(ws, 'malformed', 'the first frame is a hello, as JSON text');
      const hello = parseHello((data as Buffer).toString('utf8'));
      if (!hello.ok) return this.#refuse(ws, hello.close, hello.reason);
      const admission = admit(hello.value, { build: this.#options.build, token: this.#options.token });
      if (!admission.ok) return this.#refuse(ws, admission.close, admission.reason);
      if (hello.value.role !== role) return this.#refuse(ws, 'malformed', `a hello of an ${hello.value.role} on the ${role}'s socket`);
      if (hello.value.role === 'host') this.#onHost(ws, hello.value);
      else this.#onAgent(ws, hello.value.party, hello.value.ticket);
    });
  }

  #onAgent(ws: WebSocket, party: PartyId, ticket: string): void {
    for (const { host } of this.#hosts.values()) {
      if (host.ticket !== ticket || !host.parties.has(party)) continue;
      host.attachSession(party, ws);
      ws.send(encodeHandshake({ type: 'welcome', role: 'agent', party }));
      return;
    }
    this.#refuse(ws, 'staleSession', 'this ticket is not valid (any more) for that party');
  }

  #onHost(ws: WebSocket, hello: HostHello): void {
    this.#greeted++;
    const known = this.#hosts.get(hello.host);
    if (known !== undefined && hello.resume?.ticket === known.host.ticket) return this.#onReturn(ws, known.host, hello.resume.window);
    if (known !== undefined && !known.host.detached) {
      return this.#refuse(ws, 'nameInUse', `a host named '${hello.host}' is attached; choose another name`);
    }
    // A new process under the old name: whatever the old one did not finish is lost.
    if (known !== undefined) this.#forget(known.host, 'its process was started anew');
    const present = this.#membership.ofHost(hello.host);
    void this.#options.conductor.atBarrier(() => {
      const saved = this.#options.conductor.handOver(present.map(({ party }) => party));
      if (saved.length > 0) this.#welcome(ws, hello, present, saved);
      else this.#welcome(ws, hello, undefined, []);
    });
  }

  /** Sends the welcome of a new attachment and waits until it is ready. `present`: parties whose state it is handed. */
  #welcome(ws: WebSocket, hello: HostHello, present: readonly PartyAssignment[] | undefined, saved: readonly SavedParty[]): void {
    if (ws.readyState !== WebSocket.OPEN) return;
    if (this.#hosts.has(hello.host)) return this.#refuse(ws, 'nameInUse', `a host named '${hello.host}' is attached; choose another name`);
    const { conductor, assignWorker } = this.#options;
    const worker = present === undefined && hello.offers.length === 0 ? assignWorker?.(hello.host) : undefined;
    if (present === undefined && hello.offers.length === 0 && worker === undefined) {
      return this.#refuse(ws, 'malformed', 'a host without machines has no place here: this run has no work for it');
    }
    const parties = present ?? worker ?? this.#membership.assign(hello.host, hello.offers);
    const ticket = randomBytes(18).toString('base64url');
    const host = new SocketHost(
      hello.host,
      ticket,
      parties.map(({ party }) => party),
      this.#options.resumeMs ?? DEFAULT_RESUME_MS,
      this.#events(hello.host),
    );
    const entry: Attachment = { host, takesOver: saved.length > 0, attached: false };
    this.#hosts.set(hello.host, entry);
    host.attachTimeline(ws);
    ws.send(
      encodeHandshake({
        type: 'welcome',
        role: 'host',
        header: conductor.header,
        ticket,
        parties,
        window: 0,
        begin: saved.length > 0 ? 'restore' : 'join',
      }),
    );
    for (let i = 0; i < saved.length; i += STATE_CHUNK) {
      const chunk = saved.slice(i, i + STATE_CHUNK).map((party) => [party.id, party] as const);
      ws.send(encodeTimeline({ type: 'state', window: 0, parties: chunk, last: i + STATE_CHUNK >= saved.length }));
    }
    if (entry.takesOver) conductor.expect(host.name, LOADING_MS);
    this.#listen(ws, host, () => {
      if (entry.attached) return;
      entry.attached = true;
      void conductor.atBarrier(() => {
        if (this.#hosts.get(host.name) !== entry) return; // it left, or broke, on the way to this barrier
        if (entry.takesOver && !parties.every(({ party }) => conductor.timeline.has(party))) {
          entry.attached = false;
          return this.#forget(host, 'it came too late: its nodes were given up');
        }
        if (entry.takesOver) host.begin(conductor.at);
        const joining = entry.takesOver || worker !== undefined ? [] : parties;
        conductor.attach(
          host,
          joining.map(({ party, name, key, offer }) => ({ kind: 'join', party, name, key, offer })),
        );
      });
    });
  }

  #onReturn(ws: WebSocket, host: SocketHost, finished: number): void {
    host.attachTimeline(ws);
    ws.send(
      encodeHandshake({
        type: 'welcome',
        role: 'host',
        header: this.#options.conductor.header,
        ticket: host.ticket,
        parties: [],
        window: host.finishedWindow,
        begin: 'keep',
      }),
    );
    this.#listen(ws, host, () => {
      host.resumed(finished);
      this.#options.log('host.resumed', { host: host.name, window: finished });
    });
  }

  #listen(ws: WebSocket, host: SocketHost, ready: () => void): void {
    ws.on('message', (data, isBinary) => {
      if (isBinary) return this.#break(ws, host, 'malformed', 'timeline frames are JSON text');
      const frame = decodeTimeline((data as Buffer).toString('utf8'));
      if (!frame.ok) return this.#break(ws, host, frame.close, frame.reason);
      if (frame.value.type === 'ready') return this.#onReady(ws, host, ready);
      if (frame.value.type === 'bye') return this.#leave(host, frame.value);
      if (!host.onTimelineFrame(frame.value)) this.#break(ws, host, 'malformed', `a ${frame.value.type} that answers nothing`);
    });
  }

  #onReady(ws: WebSocket, host: SocketHost, ready: () => void): void {
    if (host.sessions < host.parties.size) {
      return this.#break(ws, host, 'malformed', `ready with ${host.sessions} of ${host.parties.size} sessions open`);
    }
    ready();
  }

  #leave(host: SocketHost, bye: Extract<TimelineFrame, { type: 'bye' }>): void {
    this.#forget(host, `left: ${bye.reason}`);
  }

  /** A host that breaks the protocol is lost as a whole, at once: its word cannot be trusted. */
  #break(ws: WebSocket, host: SocketHost, close: CloseReason, reason: string): void {
    this.#refuse(ws, close, reason);
    this.#forget(host, `its host broke the protocol: ${reason}`);
  }

  #forget(host: SocketHost, reason: string): void {
    const entry = this.#hosts.get(host.name);
    if (entry?.host !== host) return;
    this.#hosts.delete(host.name);
    host.close(reason);
    if (entry.takesOver && !entry.attached) {
      // Its nodes are still here, as they were handed to it: whoever comes next under this name gets them.
      this.#options.log('host.detached', { host: host.name, reason });
      this.#options.conductor.expect(host.name);
      return;
    }
    this.#membership.lost([...host.parties]);
    void this.#options.conductor.atBarrier(() => this.#options.conductor.detach(host, reason));
  }

  #events(name: string): SocketHostEvents {
    return {
      refused: (party, close, reason) => this.#options.log('frame.refused', { host: name, party, close, reason }),
      gone: (host, reason) => this.#forget(host, reason),
      detached: (host, reason) => {
        this.#options.log('host.detached', { host: name, reason });
        if (this.#hosts.get(name)?.attached === false) this.#forget(host, reason);
      },
    };
  }

  #refuse(ws: WebSocket, close: CloseReason, reason: string): void {
    this.#options.log('socket.refused', { close, code: CLOSE[close].code, reason });
    ws.close(CLOSE[close].code, shortReason(reason));
  }
}
