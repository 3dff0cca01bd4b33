/** The HTTP and live API of a server: an express app and a handler of WebSocket upgrades, to be mounted on one http.Server. */
import type { IncomingMessage, RequestListener } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { WebSocketServer } from 'ws';
import type { LiveRun } from '../live/run.ts';
import { createApp, single } from './express-app.ts';
import { ApiFailure } from './failure.ts';
import { LiveHub } from './live/hub.ts';
import type { ApiOptions } from './options.ts';
import type { ApiServices } from './routes/route.ts';
import { Gate } from './security.ts';
import { notFound } from './subject.ts';

export interface Api {
  /** Answers HTTP requests. */
  readonly app: RequestListener;
  /** Takes over the socket of an upgrade request below /api and returns true, or returns false and leaves it alone. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Ends all live connections and timers. Requests in flight are finished by the http.Server. */
  close(): void;
}

/** Largest frame a page may send. */
const MAX_FRAME_BYTES: number = 64 * 1024;
/** Pages at a time. A class of forty needs forty. */
const MAX_PAGES = 500;
/** Rewinds, forks and digests under way at a time: each replays or stops the world for a moment. */
const MAX_HEAVY = 2;
const LIVE_PATH = /^\/api\/runs\/([^/]+)\/live$/;

/** Makes the API. @throws Error when `host` is not a loopback address and no `token` is set. */
export function createApi(options: ApiOptions): Api {
  return new Server(options);
}

/** Refuses an upgrade: a plain HTTP answer, then the end of the connection. */
function refuseUpgrade(socket: Duplex, failure: ApiFailure): void {
  const body = JSON.stringify(failure.toJson());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${failure.status} ${STATUS_CODES[failure.status] ?? ''}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

class Server implements Api, ApiServices {
  readonly options: ApiOptions;
  readonly app: RequestListener;
  readonly #gate: Gate;
  readonly #wallMs: () => number;
  readonly #hubs = new Map<LiveRun, LiveHub>();
  readonly #sockets: WebSocketServer;
  #heavy = 0;

  constructor(options: ApiOptions) {
    this.options = options;
    this.#wallMs = options.wallMs ?? Date.now;
    const { host, port, allowedHosts = [], token, viewerToken } = options;
    this.#gate = new Gate({ host, port, allowedHosts, token, viewerToken });
    this.#sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: MAX_FRAME_BYTES, clientTracking: false });
    this.app = createApp(this, this.#gate);
  }

  get runs(): ApiOptions['runs'] {
    return this.options.runs;
  }

  requireRun(name: string): LiveRun {
    const run = this.runs.get(name) ?? (name === 'live' ? this.runs.get(this.options.defaultRun) : undefined);
    if (run === undefined) throw new ApiFailure('PF_NOT_FOUND', notFound('run', name).message, { hint: 'GET /api/runs lists them' });
    return run;
  }

  snapshot(run: LiveRun): ReturnType<ApiServices['snapshot']> {
    return this.#hub(run).snapshot();
  }

  forget(run: LiveRun): void {
    this.#drop(run, 1001, 'the run was closed');
  }

  async heavy<T>(work: () => Promise<T>): Promise<T> {
    if (this.#heavy >= MAX_HEAVY) {
      throw new ApiFailure('PF_UNAVAILABLE', 'too many rewinds, forks or digests are under way', { hint: 'try again in a moment' });
    }
    this.#heavy++;
    try {
      return await work();
    } finally {
      this.#heavy--;
    }
  }

  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const [path = '', query = ''] = (request.url ?? '').split('?', 2);
    if (path !== '/api' && !path.startsWith('/api/')) return false;
    // From here on the socket is ours: whatever it does must not reach the process as an unhandled error.
    socket.on('error', () => socket.destroy());
    try {
      this.#gate.checkOrigin(request);
      const parameters = new URLSearchParams(query);
      const role = this.#gate.role(request, single(parameters.get('token')));
      const name = LIVE_PATH.exec(path)?.[1];
      if (name === undefined) throw new ApiFailure('PF_NOT_FOUND', 'no such live endpoint', { hint: '/api/runs/:run/live' });
      const hub = this.#hub(this.requireRun(decode(name)));
      if (this.#pages() >= MAX_PAGES) throw new ApiFailure('PF_UNAVAILABLE', `${MAX_PAGES} pages are connected already`);
      const from = fromParameter(parameters.get('from'));
      this.#sockets.handleUpgrade(request, socket, head, (page: WebSocket) =>
        hub.add(page, role, from, request.socket.remoteAddress ?? ''),
      );
    } catch (error) {
      const failure = error instanceof ApiFailure ? error : new ApiFailure('PF_INTERNAL', 'the server failed to answer; its log says why');
      if (!(error instanceof ApiFailure)) this.options.log('error', 'api.upgrade-failed', { message: String(error) });
      refuseUpgrade(socket, failure);
    }
    return true;
  }

  close(): void {
    for (const hub of this.#hubs.values()) hub.close(1001, 'the server is stopping');
    this.#hubs.clear();
    this.#sockets.close();
  }

  #pages(): number {
    let pages = 0;
    for (const hub of this.#hubs.values()) pages += hub.pages;
    return pages;
  }

  #hub(run: LiveRun): LiveHub {
    const known = this.#hubs.get(run);
    if (known !== undefined) return known;
    const hub = new LiveHub(run, { log: this.options.log, wallMs: this.#wallMs, onIdle: () => this.#drop(run, 1001, 'idle') });
    this.#hubs.set(run, hub);
    return hub;
  }

  #drop(run: LiveRun, code: number, reason: string): void {
    this.#hubs.get(run)?.close(code, reason);
    this.#hubs.delete(run);
  }
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiFailure('PF_INVALID', 'the path is not valid');
  }
}

/** A page's seq; anything else than a number is refused rather than taken as none. */
function fromParameter(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d{1,16}$/.test(text)) throw new ApiFailure('PF_INVALID', 'from must be a whole number', { path: 'from' });
  return Number(text);
}
