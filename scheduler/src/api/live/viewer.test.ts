import { beforeEach, describe, expect, test } from 'vitest';
import type { HandRun } from '../testing/hand-run.ts';
import { handCluster } from '../testing/hand-run.ts';
import type { EncodedDelta } from './state-feed.ts';
import { StateFeed } from './state-feed.ts';
import type { FrameSink } from './viewer.ts';
import { BUSY_BYTES, LAGGING_BYTES, STUCK_MS, Viewer } from './viewer.ts';

/** A socket whose network takes bytes only when the test says so. */
class Pipe implements FrameSink {
  readonly sent: { readonly type: string; readonly seq?: number; readonly snapshot?: { readonly seq: number } }[] = [];
  closed: number | undefined;
  bufferedAmount = 0;
  readonly #clogged: () => boolean;

  constructor(clogged: () => boolean) {
    this.#clogged = clogged;
  }
  send(bytes: Buffer): void {
    this.sent.push(JSON.parse(bytes.toString('utf8')) as Pipe['sent'][number]);
    if (this.#clogged()) this.bufferedAmount += bytes.length;
  }
  close(code: number): void {
    this.closed = code;
  }
}

let run: HandRun;
let wallMs: number;
let feed: StateFeed;
let clogged: boolean;
let pipe: Pipe;
let viewer: Viewer;
beforeEach(() => {
  run = handCluster();
  wallMs = 5_000_000;
  clogged = false;
  feed = new StateFeed(run, () => wallMs);
  pipe = new Pipe(() => clogged);
  viewer = new Viewer(pipe, feed);
});

/** A change of about `bytes` bytes, flushed and offered to the viewer. */
function change(bytes = 100): EncodedDelta {
  wallMs += 100;
  run.events.add(run.simUs, 'note', { code: 'NOTE', message: 'x'.repeat(bytes) });
  const encoded = feed.flush()!;
  viewer.delta(encoded, wallMs);
  return encoded;
}
const types = (): string[] => pipe.sent.map(({ type }) => type);
function drain(): void {
  clogged = false;
  pipe.bufferedAmount = 0;
}

test('a new page gets a snapshot, one that comes back the frames it missed, one with a foreign seq a snapshot', () => {
  viewer.begin(undefined, wallMs);
  expect(types()).toEqual(['snapshot']);
  const from = feed.seq;
  change();
  change();
  const back = new Pipe(() => false);
  new Viewer(back, feed).begin(from, wallMs);
  expect(back.sent.map(({ type, seq }) => [type, seq])).toEqual([
    ['delta', from + 1],
    ['delta', from + 2],
  ]);
  const foreign = new Pipe(() => false);
  new Viewer(foreign, feed).begin(17, wallMs);
  // The snapshot made a moment ago, completed by the frames since.
  expect(foreign.sent.map(({ type }) => type)).toEqual(['snapshot', 'delta', 'delta']);
});

test('frames that are part of the snapshot are not sent again', () => {
  viewer.begin(undefined, wallMs);
  const last = feed.since(feed.seq - 1)?.[0];
  if (last !== undefined) viewer.delta(last, wallMs);
  expect(types()).toEqual(['snapshot']);
});

describe('a busy socket', () => {
  beforeEach(() => {
    viewer.begin(undefined, wallMs);
    clogged = true;
    change(BUSY_BYTES);
    expect(viewer.state).toBe('live');
  });

  test('holds deltas and drops metrics, then gets one merged frame', () => {
    const first = change();
    const last = change();
    expect(viewer.state).toBe('held');
    viewer.metrics(Buffer.from('{"type":"metrics"}'), wallMs);
    expect(types()).toEqual(['snapshot', 'delta']);
    drain();
    viewer.tick(wallMs);
    expect(viewer.state).toBe('live');
    expect(types()).toEqual(['snapshot', 'delta', 'delta']);
    expect(pipe.sent.at(-1)!.seq).toBe(last.seq);
    expect(first.seq).toBe(last.seq - 1);
    viewer.metrics(Buffer.from('{"type":"metrics"}'), wallMs);
    expect(types().at(-1)).toBe('metrics');
  });

  test('with more than 512 KB waiting gets a snapshot instead, once', () => {
    for (let index = 0; index < 10; index++) change(LAGGING_BYTES / 8);
    expect(viewer.state).toBe('lagging');
    viewer.tick(wallMs);
    expect(types()).toEqual(['snapshot', 'delta']);
    drain();
    viewer.tick(wallMs);
    viewer.tick(wallMs);
    expect(types()).toEqual(['snapshot', 'delta', 'snapshot']);
    expect(pipe.sent.at(-1)!.snapshot!.seq).toBe(feed.seq);
    change();
    expect(types().at(-1)).toBe('delta');
  });

  test('is closed with 1013 when it has not drained for 15 s', () => {
    change();
    wallMs += STUCK_MS;
    viewer.tick(wallMs);
    expect(pipe.closed).toBeUndefined();
    wallMs += 101;
    viewer.tick(wallMs);
    expect(pipe.closed).toBe(1013);
    const sent = pipe.sent.length;
    change();
    expect(pipe.sent).toHaveLength(sent);
  });
});

test('a large snapshot under way does not count as falling behind', () => {
  run.scale(run.store.findService('web')!, 10_000);
  clogged = true;
  viewer.begin(undefined, wallMs);
  expect(pipe.bufferedAmount).toBeGreaterThan(LAGGING_BYTES);
  change();
  change();
  expect(viewer.state).toBe('held');
  drain();
  viewer.tick(wallMs);
  expect(types()).toEqual(['snapshot', 'delta']);
});

test('a hidden tab gets nothing, and a snapshot when it is shown again', () => {
  viewer.begin(undefined, wallMs);
  viewer.setRate(0, wallMs);
  change();
  expect(viewer.wantsMetrics(wallMs + 10_000)).toBe(false);
  expect(types()).toEqual(['snapshot']);
  wallMs += 1000;
  viewer.setRate(1, wallMs);
  expect(types()).toEqual(['snapshot', 'snapshot']);
  expect(pipe.sent.at(-1)!.snapshot!.seq).toBe(feed.seq);
});

test('showing and hiding again and again does not pile up snapshots on a busy socket', () => {
  run.scale(run.store.findService('web')!, 1000);
  clogged = true;
  viewer.begin(undefined, wallMs);
  for (let index = 0; index < 10; index++) {
    viewer.setRate(0, wallMs);
    viewer.setRate(2, wallMs);
  }
  expect(types()).toEqual(['snapshot']);
  drain();
  viewer.tick(wallMs);
  expect(types()).toEqual(['snapshot', 'snapshot']);
});

test('metrics keep to the rate that the page asked for', () => {
  viewer.begin(undefined, wallMs);
  viewer.setRate(1, wallMs);
  let count = 0;
  for (let index = 0; index < 50; index++, wallMs += 100) {
    if (!viewer.wantsMetrics(wallMs)) continue;
    viewer.metrics(Buffer.from('{"type":"metrics"}'), wallMs);
    count++;
  }
  expect(count).toBe(5);
});
