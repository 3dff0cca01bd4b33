/** The barrier over real sockets: splits, broken connections, losses, refusals. */
import {
  addressed,
  CLOSE,
  type CloseReason,
  decodeEnvelope,
  encodeEnvelope,
  encodeHandshake,
  type Hello,
  partyId,
  PROTOCOL_VERSION,
  type TimeUs,
  timeUs,
} from '@paperfleet/core';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { gossipFactories, gossipInputs, testHeader } from '@paperfleet/core/testing';
import { type SocketRun, soloDigest, startSocketRun, startWorker, until } from '../support/gossip-cluster.ts';

const NODES = 9;
const END = timeUs(10_000_000);
const header = testHeader('barrier');
const factories = gossipFactories(NODES);
// Losses are the conductor's to declare; the kernel's own tests cover planned ones.
const inputs = gossipInputs(NODES).filter(({ input }) => input.kind !== 'lost');
const expected = soloDigest(header, factories, inputs, END);

let run: SocketRun;
let stops: (() => void)[] = [];
afterEach(async () => {
  for (const stop of stops) stop();
  stops = [];
  await run.close();
});

/** Starts the manager and its hosts, all attached, at instant 0. */
async function begin(hosts: number, hostOf: (party: number) => string, options: { resumeMs?: number; token?: string } = {}): Promise<void> {
  run = await startSocketRun({ header, factories, inputs, hostOf, ...options });
  for (let i = 0; i < hosts; i++) {
    const { host } = startWorker(run, factories, `h${i}`, header.build, options.token);
    stops.push(() => host.stop('the test ends'));
  }
  await run.conductor.waitForHosts(hosts, 10_000);
}

async function digestAt(end: TimeUs): Promise<string> {
  await run.conductor.runUntil(end);
  const digest = run.conductor.digest();
  await run.conductor.runUntil(end);
  return (await digest).digest;
}

describe('the same digest over sockets', () => {
  test.each([
    ['one host', 1, () => 'h0'],
    ['three hosts', 3, (party: number) => `h${party % 3}`],
    ['three hosts, another split', 3, (party: number) => (party < 20 ? 'h0' : party < 22 ? 'h1' : 'h2')],
  ])('%s', async (_name, hosts, hostOf) => {
    await begin(hosts, hostOf);
    expect(await digestAt(END)).toBe(expected);
  });
});

describe('broken connections', () => {
  test.each(['timeline', 'session'] as const)(
    'a %s socket that breaks is taken up again, at many instants, and nothing shows in the digest',
    async (which) => {
      await begin(2, (party) => `h${party % 2}`);
      for (let cut = 1; cut <= 12; cut++) {
        await run.conductor.runUntil(timeUs(Math.floor((END / 13) * cut)));
        await until(() => run.conductor.hosts.every((host) => !host.detached), 'both hosts are back');
        const sockets = run.sockets.filter(({ path }) => path === `/${which}`);
        const { socket } = sockets[cut % sockets.length]!;
        // At once, or in the middle of the windows that follow.
        if (cut % 3 === 0) socket.destroy();
        else setTimeout(() => socket.destroy(), cut % 5);
      }
      expect(await digestAt(END)).toBe(expected);
      expect(run.log.filter(({ event }) => event === 'host.resumed').length).toBeGreaterThanOrEqual(6);
      expect(run.log.filter(({ event }) => event === 'host.lost')).toEqual([]);
    },
  );

  test('a host that does not come back is lost at a journaled instant; replaying the journal gives the same digest', async () => {
    await begin(2, (party) => `h${party % 2}`, { resumeMs: 50 });
    await run.conductor.runUntil(timeUs(3_000_000));
    stops[1]!();
    const lost = await digestAt(END);
    const entries = run.conductor.inputs();
    const loss = entries.find(({ input }) => input.kind === 'lost' && input.parties.length > 1);
    expect(loss?.at).toBeGreaterThanOrEqual(3_000_000);
    expect(lost).not.toBe(expected);
    expect(soloDigest(header, factories, entries.map(addressed), END)).toBe(lost);
  });
});

describe('refusals', () => {
  const hello = (change: Partial<Extract<Hello, { role: 'host' }>>): Hello => ({
    type: 'hello',
    protocol: PROTOCOL_VERSION,
    build: header.build,
    token: 'secret',
    role: 'host',
    host: 'intruder',
    offers: [],
    ...change,
  });

  async function closeOf(path: string, first: string | Uint8Array): Promise<{ code: number; reason: string }> {
    const socket = new WebSocket(`${run.url}${path}`);
    socket.on('error', () => undefined);
    return new Promise((resolve) => {
      socket.on('open', () => socket.send(first));
      socket.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  test.each<[string, string, string | Uint8Array, CloseReason]>([
    ['a wrong token', '/timeline', encodeHandshake(hello({ token: 'guess' })), 'token'],
    ['another protocol version', '/timeline', JSON.stringify({ ...hello({}), protocol: 99 }), 'version'],
    ['another build', '/timeline', encodeHandshake(hello({ build: 'other' })), 'build'],
    ['something that is no JSON', '/timeline', '{"type":', 'malformed'],
    ['binary instead of a hello', '/session', new Uint8Array([1, 2, 3]), 'malformed'],
    [
      'a ticket of nobody',
      '/session',
      encodeHandshake({
        type: 'hello',
        protocol: PROTOCOL_VERSION,
        build: header.build,
        token: 'secret',
        role: 'agent',
        party: partyId(16),
        ticket: 'old',
      }),
      'staleSession',
    ],
    ['a name in use', '/timeline', encodeHandshake(hello({ host: 'h0' })), 'nameInUse'],
    ['an oversized hello', '/timeline', 'x'.repeat(17 * 1024 * 1024), 'tooLarge'],
  ])('%s gets a clear close code; the run goes on undisturbed', async (_what, path, first, close) => {
    await begin(1, () => 'h0', { token: 'secret' });
    await run.conductor.runUntil(timeUs(2_000_000));
    const closed = await closeOf(path, first);
    expect([CLOSE[close].code, close === 'tooLarge' ? 1009 : CLOSE[close].code]).toContain(closed.code);
    if (closed.code !== 1009) expect(closed.reason).not.toBe('');
    expect(await digestAt(END)).toBe(expected);
  });

  test('an agent that breaks the protocol loses its own connection; the others and the journal’s replay do not notice', async () => {
    await begin(1, () => 'h0');
    await run.conductor.runUntil(timeUs(2_000_000));
    // The host's own socket of party 18 says something that party 17 would have to say.
    const { prototype } = WebSocket;
    const original = Object.getOwnPropertyDescriptor(prototype, 'send')!;
    const send = original.value as (this: WebSocket, data: unknown, ...rest: unknown[]) => void;
    let forged = false;
    prototype.send = function (this: WebSocket, data: unknown, ...rest: unknown[]): void {
      const envelope = !forged && data instanceof Uint8Array ? decodeEnvelope(data) : undefined;
      if (envelope?.ok === true && envelope.value.from === 18) {
        forged = true;
        send.call(this, encodeEnvelope({ ...envelope.value, from: partyId(17) }), ...rest);
      }
      send.call(this, data, ...rest);
    };
    stops.push(() => Object.defineProperty(prototype, 'send', original));
    const digest = await digestAt(END);
    expect(run.log.some(({ event, detail }) => event === 'frame.refused' && detail['party'] === 18)).toBe(true);
    expect(run.conductor.hosts[0]!.parties.has(partyId(18))).toBe(false);
    expect(run.conductor.hosts[0]!.parties.size).toBe(NODES - 1);
    await until(
      () => run.conductor.inputs().some(({ input }) => input.kind === 'lost' && input.parties.includes(partyId(18))),
      'the loss is journaled',
    );
    expect(digest).not.toBe(expected);
    expect(soloDigest(header, factories, run.conductor.inputs().map(addressed), END)).toBe(digest);
  });
});
