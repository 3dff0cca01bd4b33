/**
 * One page on a live socket: decides, by how much the socket has not sent yet, whether a frame goes out now, is held back
 * and merged, or is replaced by a snapshot. It owns no timer: the hub calls `tick`.
 */
import { mergeDeltas } from './delta.ts';
import type { EncodedDelta, StateFeed } from './state-feed.ts';

/** Below this many unsent bytes frames go straight out. */
export const BUSY_BYTES: number = 64 * 1024;
/** Above this many, deltas are given up and a snapshot follows when the socket has drained. */
export const LAGGING_BYTES: number = 512 * 1024;
/** A socket that has not drained for this long is closed; the page comes back with its seq. */
export const STUCK_MS = 15_000;

/** The part of a WebSocket that is used. */
export interface FrameSink {
  /** Bytes given to `send` that the network has not taken yet. */
  readonly bufferedAmount: number;
  send(bytes: Buffer): void;
  close(code: number, reason: string): void;
}

type State =
  /** Frames go out as they come. */
  | 'live'
  /** The socket is busy: deltas wait in the feed's ring. */
  | 'held'
  /** Too far behind: a snapshot will follow. */
  | 'lagging'
  /** The page asked for nothing (hidden tab). */
  | 'asleep'
  | 'closed';

export class Viewer {
  readonly #sink: FrameSink;
  readonly #feed: StateFeed;
  #state: State = 'live';
  #seq = 0;
  #busySince = 0;
  #heldBytes = 0;
  /** The bytes under way are a snapshot's: they must not count as falling behind. */
  #snapshotUnderWay = false;
  #metricsPerSecond = 2;
  #metricsAt = Number.NEGATIVE_INFINITY;

  constructor(sink: FrameSink, feed: StateFeed) {
    this.#sink = sink;
    this.#feed = feed;
  }

  get state(): State {
    return this.#state;
  }

  /** Sends what a new page needs: the frames after `from`, or a snapshot. Returns a frame that was flushed on the way, for the others. */
  begin(from: number | undefined, wallMs: number): EncodedDelta | undefined {
    const missed = from === undefined ? undefined : this.#feed.since(from);
    if (missed === undefined || sizeOf(missed) > LAGGING_BYTES) return this.#sendSnapshot(wallMs);
    for (const { bytes } of missed) this.#sink.send(bytes);
    this.#seq = this.#feed.seq;
    return undefined;
  }

  /** A new delta frame. */
  delta(encoded: EncodedDelta, wallMs: number): void {
    // Frames flushed while this page's snapshot was made are part of that snapshot.
    if (encoded.seq <= this.#seq) return;
    if (this.#state === 'live') {
      const buffered = this.#sink.bufferedAmount;
      if (buffered === 0 || buffered + encoded.bytes.length < BUSY_BYTES) {
        this.#sink.send(encoded.bytes);
        this.#seq = encoded.seq;
        return;
      }
      this.#state = 'held';
      this.#busySince = wallMs;
      this.#heldBytes = 0;
    }
    if (this.#state !== 'held') return;
    this.#heldBytes += encoded.bytes.length;
    const unsent = this.#snapshotUnderWay ? 0 : this.#sink.bufferedAmount;
    if (unsent + this.#heldBytes > LAGGING_BYTES) this.#state = 'lagging';
  }

  /** True when metric frames are due to this page now. */
  wantsMetrics(wallMs: number): boolean {
    // The hub ticks every 100 ms: half a tick of slack keeps 2 per second from becoming 1.7.
    return this.#state === 'live' && this.#metricsPerSecond > 0 && wallMs - this.#metricsAt >= 1000 / this.#metricsPerSecond - 50;
  }

  /** True once it was given metrics since it opened or woke up. */
  get hasMetrics(): boolean {
    return this.#metricsAt > Number.NEGATIVE_INFINITY;
  }

  /** A metrics frame: sent, or dropped when the socket is busy. */
  metrics(bytes: Buffer, wallMs: number): void {
    const buffered = this.#sink.bufferedAmount;
    if (this.#state !== 'live' || (buffered !== 0 && buffered + bytes.length >= BUSY_BYTES)) return;
    this.#sink.send(bytes);
    this.#metricsAt = wallMs;
  }

  /** Looks whether a busy socket has drained, or has not for too long. Returns a frame that was flushed on the way. */
  tick(wallMs: number): EncodedDelta | undefined {
    if (this.#snapshotUnderWay && this.#sink.bufferedAmount < BUSY_BYTES) this.#snapshotUnderWay = false;
    if (this.#state !== 'held' && this.#state !== 'lagging') return undefined;
    if (this.#sink.bufferedAmount < BUSY_BYTES) return this.#catchUp(wallMs);
    if (wallMs - this.#busySince > STUCK_MS) {
      this.#state = 'closed';
      this.#sink.close(1013, 'too slow: not drained for 15 s, try again');
    }
    return undefined;
  }

  /** The page's wish: metric frames per second; 0 stops everything until it is raised, when a snapshot follows. */
  setRate(perSecond: number, wallMs: number): EncodedDelta | undefined {
    this.#metricsPerSecond = perSecond;
    if (this.#state === 'closed') return undefined;
    if (perSecond === 0) {
      this.#state = 'asleep';
      this.#metricsAt = Number.NEGATIVE_INFINITY;
      return undefined;
    }
    if (this.#state !== 'asleep') return undefined;
    if (this.#sink.bufferedAmount < BUSY_BYTES) return this.#sendSnapshot(wallMs);
    // Waking up again and again must not pile up snapshots: this one waits until the last is through.
    this.#state = 'lagging';
    this.#busySince = wallMs;
    return undefined;
  }

  #catchUp(wallMs: number): EncodedDelta | undefined {
    const missed = this.#state === 'held' ? this.#feed.since(this.#seq) : undefined;
    if (missed === undefined || sizeOf(missed) > LAGGING_BYTES) return this.#sendSnapshot(wallMs);
    if (missed.length === 1) this.#sink.send(missed[0]!.bytes);
    else if (missed.length > 1) this.#sink.send(Buffer.from(JSON.stringify(mergeDeltas(missed.map(({ frame }) => frame)))));
    this.#seq = this.#feed.seq;
    this.#state = 'live';
    return undefined;
  }

  #sendSnapshot(wallMs: number): EncodedDelta | undefined {
    const { snapshot, flushed } = this.#feed.encodedSnapshot();
    this.#sink.send(snapshot.frame);
    // The snapshot may be a moment old: the frames since then complete it.
    for (const { bytes } of this.#feed.since(snapshot.seq) ?? []) this.#sink.send(bytes);
    this.#seq = this.#feed.seq;
    this.#state = 'live';
    this.#snapshotUnderWay = this.#sink.bufferedAmount >= BUSY_BYTES;
    this.#busySince = wallMs;
    return flushed;
  }
}

const sizeOf = (frames: readonly EncodedDelta[]): number => frames.reduce((sum, { bytes }) => sum + bytes.length, 0);
