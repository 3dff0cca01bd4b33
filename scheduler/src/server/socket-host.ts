/**
 * An agent host behind WebSockets: one timeline socket, one session socket per agent. A window is done when the report
 * is here and every session frame that it counts.
 *
 * When a socket breaks, the whole attachment is laid down and may be taken up again within a bound of wall time. Windows
 * are numbered, and both ends keep what the other may not have got: the manager the messages and the order of the window
 * in progress, the host the frames and the report of its last window. So nothing is done twice and nothing is lost.
 */
import {
  type Advance,
  CLOSE,
  type CloseReason,
  decodeEnvelope,
  encodeEnvelope,
  encodeTimeline,
  type Envelope,
  type FrameCounts,
  MANAGER,
  type PartyId,
  type Report,
  type SavedParty,
  type TimelineFrame,
} from '@paperfleet/core';
import type WebSocket from 'ws';
import type { HostPort, WindowOrder, WindowResult } from '../live/host-port.ts';

export interface SocketHostEvents {
  /** A session or timeline frame was bad. */
  readonly refused: (party: PartyId | undefined, close: CloseReason, reason: string) => void;
  /** The attachment broke and did not come back in time. */
  readonly gone: (host: SocketHost, reason: string) => void;
  /** A socket broke; the host may come back until the bound. */
  readonly detached: (host: SocketHost, reason: string) => void;
}

interface Pending {
  readonly order: Advance;
  /** Messages that the order counts, in case they have to be sent again. */
  readonly envelopes: readonly Envelope[];
  readonly resolve: (result: WindowResult) => void;
  report: Report | undefined;
  readonly state: SavedParty[];
  stateDone: boolean;
}

export class SocketHost implements HostPort {
  readonly name: string;
  readonly ticket: string;
  readonly parties: Set<PartyId>;
  readonly #resumeMs: number;
  readonly #on: SocketHostEvents;
  #timeline: WebSocket | undefined;
  readonly #sessions = new Map<PartyId, WebSocket>();
  /** Session frames received and not yet counted by a report. */
  readonly #inbox = new Map<PartyId, Envelope[]>();
  /** Highest sequence seen of each party: a frame that repeats one is no new message. */
  readonly #lastSeq = new Map<PartyId, number>();
  readonly #broken = new Set<PartyId>();
  /** Messages sent since the last order. */
  #outgoing: Envelope[] = [];
  #pending: Pending | undefined;
  #window = 0;
  #until = 0;
  #next = -1;
  #events = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(name: string, ticket: string, parties: readonly PartyId[], resumeMs: number, on: SocketHostEvents) {
    this.name = name;
    this.ticket = ticket;
    this.parties = new Set(parties);
    this.#resumeMs = resumeMs;
    this.#on = on;
  }

  get events(): number {
    return this.#events;
  }
  get detached(): boolean {
    return this.#timeline === undefined && !this.#closed;
  }
  /** The last window whose report has been taken in whole. */
  get finishedWindow(): number {
    return this.#pending === undefined ? this.#window : this.#window - 1;
  }
  /** Agents whose session socket is open. */
  get sessions(): number {
    return this.#sessions.size;
  }

  next(): number {
    let next = this.#next < 0 ? Infinity : this.#next;
    for (const { arriveAt } of this.#outgoing) if (arriveAt < next) next = arriveAt;
    return next === Infinity ? -1 : next;
  }

  /** The earliest event that the host has before its first report: its joins' instant. */
  begin(next: number): void {
    this.#next = next;
  }

  // ---------------------------------------------------------------- sockets

  /** Takes the timeline socket of a new or returning attachment. Session sockets follow; then `taken`. */
  attachTimeline(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#timeline = socket;
    // What a window in progress had brought comes again, whole.
    this.#inbox.clear();
    if (this.#pending !== undefined) {
      this.#pending.report = undefined;
      this.#pending.state.length = 0;
      this.#pending.stateDone = !this.#pending.order.wantState;
    }
    socket.on('close', (code, reason) => {
      if (this.#timeline === socket) this.#detach(`timeline link closed (${code}${reason.length > 0 ? ` ${reason.toString()}` : ''})`);
    });
  }

  attachSession(party: PartyId, socket: WebSocket): void {
    this.#sessions.get(party)?.terminate();
    this.#sessions.set(party, socket);
    socket.on('message', (data, isBinary) => this.#onSessionFrame(party, socket, data as Buffer, isBinary));
    socket.on('close', (code) => {
      if (this.#sessions.get(party) !== socket) return;
      this.#sessions.delete(party);
      if (!this.#broken.has(party)) this.#detach(`session of party ${party} closed (${code})`);
    });
  }

  /**
   * The host says that all its sockets are open again.
   * @param finished – the last window that the host has finished.
   */
  resumed(finished: number): void {
    const pending = this.#pending;
    if (pending !== undefined && finished < this.#window) {
      this.#write(pending.envelopes);
      this.#timeline?.send(encodeTimeline(pending.order));
    }
    this.#write(this.#outgoing);
  }

  // ---------------------------------------------------------------- windows

  send(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.#outgoing.push(envelope);
    if (this.#timeline !== undefined) this.#write(envelopes);
  }

  advance(order: WindowOrder): Promise<WindowResult> {
    if (this.#closed) return Promise.resolve({ ok: false, reason: 'the host is gone' });
    const envelopes = this.#broken.size === 0 ? this.#outgoing : this.#outgoing.filter(({ to }) => !this.#broken.has(to));
    this.#outgoing = [];
    this.#window++;
    this.#until = order.until;
    const frame: Advance = {
      type: 'advance',
      window: this.#window,
      until: order.until,
      inputs: order.inputs,
      sent: countByReceiver(envelopes),
      relay: order.relay,
      drop: [...this.#broken].filter((party) => this.parties.has(party)),
      wantDigest: order.wantDigest,
      wantState: order.wantState,
    };
    for (const party of frame.drop) this.parties.delete(party);
    return new Promise((resolve) => {
      this.#pending = { order: frame, envelopes, resolve, report: undefined, state: [], stateDone: !order.wantState };
      this.#timeline?.send(encodeTimeline(frame));
    });
  }

  /** Takes a frame of the timeline link; false when it makes no sense here. */
  onTimelineFrame(frame: TimelineFrame): boolean {
    const pending = this.#pending;
    if (frame.type === 'report') {
      if (pending === undefined || frame.window !== this.#window) return frame.window <= this.#window;
      if (frame.until !== pending.order.until) return false;
      pending.report = frame;
      this.#finish();
      return true;
    }
    if (frame.type === 'state') {
      if (pending === undefined || frame.window !== this.#window) return frame.window <= this.#window;
      for (const [, saved] of frame.parties) pending.state.push(saved as SavedParty);
      pending.stateDone ||= frame.last;
      this.#finish();
      return true;
    }
    return frame.type === 'bye' || frame.type === 'ready';
  }

  /** Ends the attachment for good. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#hangUp('goingAway', reason);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.resolve({ ok: false, reason });
  }

  #onSessionFrame(party: PartyId, socket: WebSocket, data: Buffer, isBinary: boolean): void {
    if (this.#sessions.get(party) !== socket || this.#broken.has(party)) return;
    if (!isBinary) return this.#violation(party, 'malformed', 'session frames are binary');
    const decoded = decodeEnvelope(data);
    if (!decoded.ok) return this.#violation(party, decoded.close, decoded.reason);
    const envelope = decoded.value;
    const problem = this.#implausible(party, envelope);
    if (problem !== undefined) return this.#violation(party, 'malformed', problem);
    this.#lastSeq.set(party, Math.max(envelope.seq, this.#lastSeq.get(party) ?? 0));
    const inbox = this.#inbox.get(party);
    if (inbox === undefined) this.#inbox.set(party, [envelope]);
    else inbox.push(envelope);
    if (this.#pending?.report !== undefined) this.#finish();
  }

  /** What no honest agent sends: someone else's messages, messages from outside the window or into the past. */
  #implausible(party: PartyId, envelope: Envelope): string | undefined {
    if (envelope.from !== party) return `the frame says party ${envelope.from}, the session is party ${party}'s`;
    if (envelope.to !== MANAGER) return `session frames go to the manager, not to party ${envelope.to}`;
    if (envelope.sentAt >= this.#until) return `sent at ${envelope.sentAt} µs, but the window ends at ${this.#until} µs`;
    if (envelope.arriveAt < this.#until) return `arrives at ${envelope.arriveAt} µs, before the window's end`;
    return undefined;
  }

  /** The agent broke the protocol: its connection goes, and nothing it said in this window counts. The other agents go on. */
  #violation(party: PartyId, close: CloseReason, reason: string): void {
    this.#broken.add(party);
    this.#inbox.delete(party);
    this.#on.refused(party, close, reason);
    this.#sessions.get(party)?.close(CLOSE[close].code, shortReason(reason));
    this.#sessions.delete(party);
    this.#finish();
  }

  #finish(): void {
    const pending = this.#pending;
    if (pending?.report === undefined || !pending.stateDone) return;
    const { report } = pending;
    for (const [party, count] of report.sent) {
      if (!this.#broken.has(party) && (this.#inbox.get(party)?.length ?? 0) < count) return;
    }
    const toManager: Envelope[] = [];
    for (const [party, count] of report.sent) {
      const inbox = this.#inbox.get(party);
      if (inbox === undefined || this.#broken.has(party)) continue;
      for (const envelope of count === inbox.length ? inbox : inbox.slice(0, count)) toManager.push(envelope);
      if (count === inbox.length) this.#inbox.delete(party);
      else this.#inbox.set(party, inbox.slice(count));
    }
    this.#pending = undefined;
    this.#next = report.next;
    this.#events = report.events;
    const dropped = [...this.#broken].filter((party) => this.parties.has(party));
    pending.resolve({
      ok: true,
      toManager,
      relay: this.#broken.size === 0 ? report.relay : report.relay.filter(({ from }) => !this.#broken.has(from)),
      dropped,
      digest: report.digest,
      state: pending.order.wantState ? pending.state : undefined,
    });
  }

  #write(envelopes: readonly Envelope[]): void {
    for (const envelope of envelopes) this.#sessions.get(envelope.to)?.send(encodeEnvelope(envelope));
  }

  #detach(reason: string): void {
    if (this.#timeline === undefined || this.#closed) return;
    this.#hangUp('unavailable', 'the attachment broke; come back with your ticket');
    this.#on.detached(this, reason);
    this.#timer = setTimeout(() => {
      this.#on.gone(this, `${reason}; it did not come back in time`);
    }, this.#resumeMs);
  }

  #hangUp(close: CloseReason, reason: string): void {
    const timeline = this.#timeline;
    this.#timeline = undefined;
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    timeline?.close(CLOSE[close].code, shortReason(reason));
    for (const session of sessions) session.close(CLOSE[close].code);
  }
}

/** A close frame carries at most 123 bytes of reason. */
export const shortReason = (reason: string): string =>
  Buffer.byteLength(reason) <= 123 ? reason : `${Buffer.from(reason).subarray(0, 117).toString('utf8')}…`;

function countByReceiver(envelopes: readonly Envelope[]): FrameCounts {
  const counts = new Map<PartyId, number>();
  for (const { to } of envelopes) counts.set(to, (counts.get(to) ?? 0) + 1);
  return [...counts];
}
