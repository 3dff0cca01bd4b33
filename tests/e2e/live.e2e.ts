/** The page's live connection over a real cluster: snapshot and deltas, pages that never read, restarts of the server. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { ServerFrame, Snapshot } from '@paperfleet/core';
import { afterEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { composeOf, endAll, eventually, type Manager, sleep, startManager, temporaryFolder } from '../support/paperfleet.ts';

let sockets: (WebSocket | Socket)[] = [];
afterEach(async () => {
  for (const socket of sockets) {
    if (socket instanceof WebSocket) socket.terminate();
    else socket.destroy();
  }
  sockets = [];
  await endAll();
});

/** A page that keeps what it is sent. */
class Page {
  readonly frames: ServerFrame[] = [];
  readonly socket: WebSocket;
  bytes = 0;

  constructor(manager: Manager, from?: number) {
    this.socket = new WebSocket(`${manager.joinUrl}/api/runs/live/live${from === undefined ? '' : `?from=${from}`}`);
    this.socket.on('error', () => undefined);
    this.socket.on('message', (data) => {
      this.bytes += (data as Buffer).length;
      this.frames.push(JSON.parse((data as Buffer).toString('utf8')) as ServerFrame);
    });
    sockets.push(this.socket);
  }

  of<T extends ServerFrame['type']>(type: T): Extract<ServerFrame, { type: T }>[] {
    return this.frames.filter((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
  }
  get seq(): number {
    return this.of('delta').at(-1)?.seq ?? this.snapshot!.seq;
  }
  get snapshot(): Snapshot | undefined {
    return this.of('snapshot').at(-1)?.snapshot;
  }
  /** How many replicas of a service are wanted, as this page knows it by now. */
  desired(service: string): number | undefined {
    const rows = new Map(this.snapshot?.services.map((view) => [view.row, view]));
    for (const frame of this.of('delta')) for (const view of frame.services ?? []) rows.set(view.row, view);
    return [...rows.values()].find(({ name }) => name === service)?.desired;
  }
}

async function begin(nodes: number, services: Readonly<Record<string, number>>): Promise<Manager> {
  const manager = await startManager({ state: temporaryFolder(), args: ['--nodes', String(nodes), '--empty', '--speed', '20'] });
  await eventually('the nodes are ready', async () => (await manager.api.status()).nodes.ready === nodes);
  await manager.api.deploy(composeOf(services));
  await manager.api.settled(nodes);
  return manager;
}

test('a page gets a snapshot, then each change; after a break it goes on where it was; after a restart of the server it starts over', async () => {
  const manager = await begin(3, { web: 3 });
  const page = new Page(manager);
  await eventually('a snapshot', () => page.snapshot !== undefined);
  expect(page.frames[0]).toMatchObject({ type: 'hello', run: 'live' });
  expect(page.snapshot).toMatchObject({ run: 'live', seed: manager.seed });
  expect(page.snapshot!.nodes).toHaveLength(3);
  expect(page.snapshot!.tasks.row).toHaveLength(3);

  await manager.api.command({ do: 'scale', service: 'app_web', replicas: 5 });
  await eventually('the change arrives', () => page.desired('app_web') === 5);
  const seqs = page.of('delta').map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_, index) => page.snapshot!.seq + 1 + index));
  await eventually('metrics arrive', () => page.of('metrics').length > 0);

  page.socket.terminate();
  await manager.api.command({ do: 'scale', service: 'app_web', replicas: 6 });
  const again = new Page(manager, page.seq);
  await eventually('what it missed arrives', () =>
    again.of('delta').some(({ services }) => services?.some(({ desired }) => desired === 6)),
  );
  expect(again.of('snapshot')).toEqual([]);
  expect(again.of('delta')[0]!.seq).toBe(page.seq + 1);

  const closed = new Promise((resolve) => again.socket.once('close', resolve));
  await manager.program.kill('SIGKILL');
  await closed;
  const second = await startManager({ state: manager.state, port: manager.port, args: ['--nodes', '3', '--empty', '--speed', '20'] });
  const back = new Page(second, again.seq);
  await eventually('a snapshot', () => back.snapshot !== undefined);
  expect(back.of('delta').filter(({ seq }) => seq <= back.snapshot!.seq)).toEqual([]);
  expect(back.desired('app_web')).toBe(6);
});

/** A page's connection whose owner never reads a byte but goes on asking: hides and shows itself, which asks for snapshots. */
async function deafPage(manager: Manager): Promise<Socket> {
  const socket = connect(manager.port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.pause();
  const key = randomBytes(16).toString('base64');
  socket.write(
    `GET /api/runs/live/live HTTP/1.1\r\nHost: 127.0.0.1:${manager.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  return socket;
}

/** A text frame as clients send it: masked (with zeros). */
function textFrame(value: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
}

test.runIf(process.platform === 'linux')(
  'pages that never read and go on asking disturb nobody, and the server does not grow by what they ask for',
  async () => {
    const manager = await begin(5, Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`s${index}`, 15])));
    const residentMb = (): number =>
      Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${manager.program.pid}/status`, 'utf8'))![1]) / 1024;
    const page = new Page(manager);
    await eventually('a snapshot', () => page.snapshot !== undefined);
    const snapshotMb = page.bytes / 1e6;
    const deaf = await Promise.all(Array.from({ length: 100 }, () => deafPage(manager)));
    const before = residentMb();
    const framesBefore = page.frames.length;
    const simBefore = (await manager.api.status()).run.playback.simUs;
    const began = performance.now();
    let askedMb = 0;
    for (let round = 0; round < 24; round++) {
      for (const socket of deaf) for (const perSecond of [0, 2]) socket.write(textFrame({ type: 'rate', perSecond }));
      askedMb += deaf.length * snapshotMb;
      if (round % 8 === 0) await manager.api.command({ do: 'scale', service: 'app_s0', replicas: 10 + round });
      await sleep(110);
    }
    const seconds = (performance.now() - began) / 1000;
    expect(residentMb() - before).toBeLessThan(Math.max(60, askedMb / 2));
    // The page that reads got its frames all the while, and simulated time went on.
    expect((page.frames.length - framesBefore) / seconds).toBeGreaterThan(2);
    expect(page.of('snapshot')).toHaveLength(1);
    expect(page.desired('app_s0')).toBe(26);
    expect(((await manager.api.status()).run.playback.simUs - simBefore) / 1e6 / seconds).toBeGreaterThan(4);
  },
);
