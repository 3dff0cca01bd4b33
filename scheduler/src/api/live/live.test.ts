import type { DeltaFrame, ServerFrame, Snapshot } from '@paperfleet/core';
import { CLOSE } from '@paperfleet/core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { serverFrame } from '../schemas/answers.ts';
import type { Served } from '../testing/serve.ts';
import { serve } from '../testing/serve.ts';
import { applyDelta } from './delta.ts';

let served: Served;
const pages: Page[] = [];
beforeEach(async () => {
  served = await serve();
});
afterEach(async () => {
  for (const page of pages.splice(0)) page.socket.terminate();
  expect(served.errors).toEqual([]);
  await served.close();
});

/** A page that keeps every frame and can wait for one. */
class Page {
  readonly socket: WebSocket;
  readonly frames: ServerFrame[] = [];
  readonly closed: Promise<number>;
  readonly #waiting: (() => void)[] = [];

  constructor(query = '', run = 'live') {
    this.socket = new WebSocket(`ws://127.0.0.1:${served.port}/api/runs/${run}/live${query}`);
    this.socket.on('message', (data: Buffer, isBinary) => {
      expect(isBinary).toBe(false);
      this.frames.push(serverFrame.parse(JSON.parse(data.toString('utf8'))));
      for (const resolve of this.#waiting.splice(0)) resolve();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code) => resolve(code));
    });
    pages.push(this);
  }
  /** The first frame that `pick` finds something in, among those there are and those to come. */
  async frame<T>(pick: (frame: ServerFrame) => T | undefined): Promise<T> {
    for (;;) {
      for (const frame of this.frames) {
        const found = pick(frame);
        if (found !== undefined) return found;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
const snapshotOf = (frame: ServerFrame): Snapshot | undefined => (frame.type === 'snapshot' ? frame.snapshot : undefined);
const deltaWith =
  (key: keyof DeltaFrame) =>
  (frame: ServerFrame): DeltaFrame | undefined =>
    frame.type === 'delta' && frame[key] !== undefined ? frame : undefined;

test('a page is greeted, gets the state, then what changes, and metrics', async () => {
  const page = new Page();
  const snapshot = await page.frame(snapshotOf);
  expect(page.frames[0]).toMatchObject({ type: 'hello', run: 'main', role: 'operator' });
  served.run.scale(served.run.store.findService('web')!, 7);
  const delta = await page.frame(deltaWith('tasks'));
  const state = applyDelta(snapshot, delta);
  expect(state.services.find(({ name }) => name === 'web')).toMatchObject({ desired: 7 });
  expect(state.tasks.row).toHaveLength(11);
  const metrics = await page.frame((frame) => (frame.type === 'metrics' ? frame : undefined));
  expect(metrics).toMatchObject({
    nodes: { row: [0], cpuMilli: [1500], memoryTenthMiB: [5120] },
    services: { row: [0, 1, 2], cpuMilli: [900, 0, 0], memoryTenthMiB: [2560, 0, 0], throttledPermille: [12, 0, 0] },
    tasks: { row: [0, 1, 2, 3], cpuPermille: [900, 900, 900, 900], memoryPermille: [1000, 1000, 1000, 1000] },
  });
});

test('a page that fetched the snapshot goes on from its seq', async () => {
  const response = await fetch(`${served.url}/api/runs/live/snapshot`);
  const { seq } = (await response.json()) as Snapshot;
  served.run.store.updateService(served.run.store.findService('web')!, { requestsPerSecond: 5 });
  const page = new Page(`?from=${seq}`);
  const delta = await page.frame(deltaWith('services'));
  expect(delta.services).toMatchObject([{ name: 'web', requestsPerSecond: 5 }]);
  expect(page.frames.some(({ type }) => type === 'snapshot')).toBe(false);
});

test('frames that are not understood cost their sender the connection, and nobody else anything', async () => {
  const control = new Page();
  await control.frame(snapshotOf);
  for (const bad of ['{', '[]', '{"type":"rate","perSecond":9}', '{"type":"rate","perSecond":1,"x":1}', Buffer.from([1, 2, 3])]) {
    const page = new Page();
    await page.frame(snapshotOf);
    for (let index = 0; index < 5; index++) page.socket.send(bad);
    expect(await page.closed).toBe(CLOSE.malformed.code);
  }
  const oversized = new Page();
  await oversized.frame(snapshotOf);
  oversized.socket.send('x'.repeat(70_000));
  expect(await oversized.closed).toBe(1009);
  const flood = new Page();
  await flood.frame(snapshotOf);
  for (let index = 0; index < 100; index++) flood.socket.send('{"type":"rate","perSecond":1}');
  expect(await flood.closed).toBe(1008);
  served.run.scale(served.run.store.findService('web')!, 5);
  expect((await control.frame(deltaWith('tasks'))).tasks?.row).toHaveLength(1);
  expect(control.socket.readyState).toBe(WebSocket.OPEN);
});

test.each([
  ['/api/runs/nope/live', {}, 404],
  ['/api/elsewhere', {}, 404],
  ['/api/runs/live/live?from=abc', {}, 400],
  ['/api/runs/%ff/live', {}, 400],
  ['/api/runs/live/live', { origin: 'http://evil.example' }, 403],
  ['/api/runs/live/live', { host: 'evil.example' }, 403],
])('an upgrade of %s with %j is answered %i', async (path, headers, status) => {
  const socket = new WebSocket(`ws://127.0.0.1:${served.port}${path}`, { headers });
  const answered = await new Promise((resolve, reject) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(response.statusCode);
      response.resume();
    });
    socket.on('open', () => reject(new Error('opened')));
    socket.on('error', reject);
  });
  expect(answered).toBe(status);
});

test('closing a branch ends its pages', async () => {
  await fetch(`${served.url}/api/runs/live/fork`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"at":0}' });
  const page = new Page('', 'main-1');
  await page.frame(snapshotOf);
  await fetch(`${served.url}/api/runs/main-1`, { method: 'DELETE' });
  expect(await page.closed).toBe(1001);
});
