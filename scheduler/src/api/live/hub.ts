/** All live pages of one run: ticks every 100 ms of wall time, flushes the feed and hands the same bytes to everybody. */
import type { ClientFrame, ServerFrame } from '@paperfleet/core';
import { CLOSE, LIVE_PROTOCOL } from '@paperfleet/core';
import type { WebSocket } from 'ws';
import type { LiveRun } from '../../live/run.ts';
import type { ApiLog } from '../options.ts';
import { clientFrame } from '../schemas/requests.ts';
import type { Role } from '../security.ts';
import { buildMetrics } from './metrics.ts';
import type { EncodedDelta, EncodedSnapshot } from './state-feed.ts';
import { StateFeed } from './state-feed.ts';
import { Viewer } from './viewer.ts';

export const FLUSH_MS = 100;
/** Metric frames are built at most this often. */
const METRICS_MS = 500;
/** Without pages the feed lives on for as long as a page may come back with its seq. */
const IDLE_MS = 30_000;
const PING_MS = 30_000;
/** A page sends one frame when its tab is hidden or shown; more than this many a second are no page's. */
const MAX_FRAMES_PER_SECOND = 20;
/** Frames that are not understood before the connection is closed. */
const MAX_BAD_FRAMES = 5;

interface Page {
  readonly socket: WebSocket;
  readonly viewer: Viewer;
  readonly address: string;
  badFrames: number;
  frames: number;
  framesSince: number;
  answered: boolean;
}

export class LiveHub {
  readonly #run: LiveRun;
  readonly #log: ApiLog;
  readonly #wallMs: () => number;
  readonly #pages = new Set<Page>();
  readonly #feed: StateFeed;
  readonly #timer: NodeJS.Timeout;
  readonly #onIdle: () => void;
  #usedAt: number;
  #metricsAt = Number.NEGATIVE_INFINITY;
  #metricsSimUs = -1;
  #pingAt: number;
  #failed = false;

  constructor(run: LiveRun, options: { readonly log: ApiLog; readonly wallMs: () => number; readonly onIdle: () => void }) {
    this.#run = run;
    this.#log = options.log;
    this.#wallMs = options.wallMs;
    this.#onIdle = options.onIdle;
    this.#feed = new StateFeed(run, options.wallMs);
    this.#usedAt = options.wallMs();
    this.#pingAt = this.#usedAt;
    this.#timer = setInterval(() => this.#guardedTick(), FLUSH_MS);
    this.#timer.unref();
  }

  get run(): LiveRun {
    return this.#run;
  }

  get pages(): number {
    return this.#pages.size;
  }

  /** The state for a GET; its seq is good for `from` for the next 30 s. */
  snapshot(): EncodedSnapshot {
    this.#usedAt = this.#wallMs();
    const { snapshot, flushed } = this.#feed.encodedSnapshot();
    this.#broadcast(flushed);
    return snapshot;
  }

  /** Takes a page in; `from` is the seq it has. */
  add(socket: WebSocket, role: Role, from: number | undefined, address: string): void {
    const wallMs = this.#wallMs();
    const viewer = new Viewer(
      {
        get bufferedAmount(): number {
          return socket.bufferedAmount;
        },
        send: (bytes) => socket.send(bytes, { binary: false }),
        close: (code, reason) => socket.close(code, reason),
      },
      this.#feed,
    );
    const page: Page = { socket, viewer, address, badFrames: 0, frames: 0, framesSince: wallMs, answered: true };
    socket.on('message', (data, isBinary) => this.#receive(page, data as Buffer, isBinary));
    socket.on('pong', () => {
      page.answered = true;
    });
    // A protocol error or an oversized frame: ws closes the socket itself; only this page is concerned.
    socket.on('error', (error) => this.#log('info', 'live.socket-error', { address, message: error.message }));
    socket.on('close', () => {
      this.#pages.delete(page);
      this.#usedAt = this.#wallMs();
    });
    const hello: ServerFrame = { type: 'hello', protocol: LIVE_PROTOCOL, run: this.#run.name, seq: this.#feed.seq, role };
    socket.send(JSON.stringify(hello));
    const flushed = viewer.begin(from, wallMs);
    this.#pages.add(page);
    this.#broadcast(flushed);
  }

  /** Closes all pages and stops. */
  close(code: number, reason: string): void {
    clearInterval(this.#timer);
    this.#feed.close();
    for (const { socket } of this.#pages) socket.close(code, reason);
    this.#pages.clear();
  }

  #guardedTick(): void {
    try {
      this.#tick();
      this.#failed = false;
    } catch (error) {
      // A fault in a view must not stop the simulation; say it once and try again with the next tick.
      if (!this.#failed) this.#log('error', 'live.flush-failed', { message: String(error) });
      this.#failed = true;
    }
  }

  #tick(): void {
    const wallMs = this.#wallMs();
    this.#broadcast(this.#feed.flush());
    for (const { viewer } of this.#pages) this.#broadcast(viewer.tick(wallMs));
    this.#sendMetrics(wallMs);
    if (wallMs - this.#pingAt >= PING_MS) this.#ping(wallMs);
    if (this.#pages.size === 0 && wallMs - this.#usedAt > IDLE_MS) this.#onIdle();
  }

  #broadcast(encoded: EncodedDelta | undefined): void {
    if (encoded === undefined) return;
    for (const { viewer } of this.#pages) viewer.delta(encoded, encoded.wallMs);
  }

  #sendMetrics(wallMs: number): void {
    if (wallMs - this.#metricsAt < METRICS_MS) return;
    const { simUs } = this.#run.playback();
    // While simulated time stands still only pages that have nothing yet need a frame.
    const isNews = simUs !== this.#metricsSimUs;
    const due = [...this.#pages].filter(({ viewer }) => viewer.wantsMetrics(wallMs) && (isNews || !viewer.hasMetrics));
    if (due.length === 0) return;
    this.#metricsAt = wallMs;
    this.#metricsSimUs = simUs;
    const bytes = Buffer.from(JSON.stringify(buildMetrics(this.#run.manager, simUs)));
    for (const { viewer } of due) viewer.metrics(bytes, wallMs);
  }

  /** Drops pages that did not answer the last ping: their network is gone without a word. */
  #ping(wallMs: number): void {
    this.#pingAt = wallMs;
    for (const page of this.#pages) {
      if (!page.answered) {
        page.socket.terminate();
        continue;
      }
      page.answered = false;
      page.socket.ping();
    }
  }

  #receive(page: Page, data: Buffer, isBinary: boolean): void {
    if (page.socket.readyState !== page.socket.OPEN) return;
    const wallMs = this.#wallMs();
    if (wallMs - page.framesSince >= 1000) {
      page.frames = 0;
      page.framesSince = wallMs;
    }
    if (++page.frames > MAX_FRAMES_PER_SECOND) {
      page.socket.close(1008, 'too many frames');
      return;
    }
    const frame = isBinary ? undefined : parse(data);
    if (frame === undefined) {
      this.#refuse(page);
      return;
    }
    this.#broadcast(page.viewer.setRate(frame.perSecond, wallMs));
  }

  #refuse(page: Page): void {
    if (++page.badFrames < MAX_BAD_FRAMES) return;
    this.#log('info', 'live.bad-frames', { address: page.address });
    page.socket.close(CLOSE.malformed.code, 'frames not understood');
  }
}

function parse(data: Buffer): ClientFrame | undefined {
  try {
    const result = clientFrame.safeParse(JSON.parse(data.toString('utf8')));
    return result.success ? result.data : undefined;
  } catch {
    return undefined;
  }
}
