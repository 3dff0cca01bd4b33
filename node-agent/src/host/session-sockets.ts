/** The session sockets of a host's agents: one WebSocket each, opened a few at a time. */
import { type AgentWelcome, encodeHandshake, type Hello, MAX_SESSION_FRAME_BYTES, parseAgentWelcome, type PartyId } from '@paperfleet/core';
import WebSocket from 'ws';

const PARALLEL = 64;
const HANDSHAKE_MS = 10_000;

export interface SessionEvents {
  readonly frame: (party: PartyId, data: Uint8Array) => void;
  /** A socket that was open closed by itself. */
  readonly closed: (party: PartyId, code: number, reason: string) => void;
}

export class SessionSockets {
  readonly #url: string;
  readonly #hello: (party: PartyId) => Hello;
  readonly #on: SessionEvents;
  readonly #sockets = new Map<PartyId, WebSocket>();
  #closing = false;

  constructor(url: string, hello: (party: PartyId) => Hello, on: SessionEvents) {
    this.#url = url;
    this.#hello = hello;
    this.#on = on;
  }

  /** Opens the sockets of all parties. @throws Error naming the first party that could not be opened, and why. */
  async open(parties: readonly PartyId[]): Promise<void> {
    let index = 0;
    const worker = async (): Promise<void> => {
      while (index < parties.length && !this.#closing) await this.#openOne(parties[index++]!);
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL, parties.length) }, worker));
    if (this.#closing) throw new Error('closed while opening');
  }

  send(party: PartyId, frame: Uint8Array): void {
    this.#sockets.get(party)?.send(frame);
  }

  close(party: PartyId): void {
    const socket = this.#sockets.get(party);
    this.#sockets.delete(party);
    socket?.close(1000);
  }

  closeAll(): void {
    this.#closing = true;
    for (const party of [...this.#sockets.keys()]) this.close(party);
  }

  #openOne(party: PartyId): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = new WebSocket(this.#url, {
        perMessageDeflate: false,
        maxPayload: MAX_SESSION_FRAME_BYTES,
        handshakeTimeout: HANDSHAKE_MS,
      });
      let welcomed = false;
      const timer = setTimeout(() => socket.terminate(), HANDSHAKE_MS);
      this.#sockets.set(party, socket);
      socket.on('open', () => socket.send(encodeHandshake(this.#hello(party))));
      socket.on('error', () => undefined); // 'close' follows and carries what there is to know
      socket.on('message', (data, isBinary) => {
        if (welcomed) {
          if (isBinary) this.#on.frame(party, data as Buffer);
          return;
        }
        const welcome = isBinary ? undefined : parseAgentWelcome((data as Buffer).toString('utf8'));
        if (welcome?.ok !== true || (welcome.value satisfies AgentWelcome).party !== party) return socket.terminate();
        welcomed = true;
        clearTimeout(timer);
        resolve();
      });
      socket.on('close', (code, reason) => {
        clearTimeout(timer);
        if (!welcomed) return reject(new Error(`session of party ${party}: closed with ${code} ${reason.toString()}`));
        if (this.#sockets.get(party) !== socket) return;
        this.#sockets.delete(party);
        this.#on.closed(party, code, reason.toString());
      });
    });
  }
}
