/** Restarts in the middle of things: what is taken up again, what is given up, what is refused, and what the user reads. */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import path from 'node:path';
import { encodeHandshake, encodeTimeline, type Hello, type PartyId, PROTOCOL_VERSION } from '@paperfleet/core';
import { makeOffers } from '@paperfleet/lab';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import {
  type Api,
  composeOf,
  endAll,
  eventually,
  launchManager,
  type Manager,
  type Program,
  replayOf,
  run,
  sleep,
  startAgents,
  startManager,
  temporaryFolder,
} from '../support/paperfleet.ts';

afterEach(endAll);

const EMPTY = ['--nodes', '0', '--empty'];
const FAST = [...EMPTY, '--speed', '20'];
const journalOf = (state: string): string => path.join(state, 'journal.ndjson');

interface JournalInput {
  readonly seq: number;
  readonly at: number;
  readonly input: { readonly kind: string; readonly parties?: readonly number[]; readonly reason?: string };
}
const inputs = async (api: Api, kind: string): Promise<readonly JournalInput[]> =>
  (await api.get<{ inputs: JournalInput[] }>('/journal')).inputs.filter(({ input }) => input.kind === kind);

interface Begun {
  readonly manager: Manager;
  readonly hosts: Readonly<Record<string, Program>>;
}

/** A cluster whose agent hosts are processes of their own, with a settled stack. */
async function begin(hosts: Readonly<Record<string, number>>): Promise<Begun> {
  const manager = await startManager({ state: temporaryFolder(), args: FAST });
  const started = await Promise.all(
    Object.entries(hosts).map(async ([name, nodes]) => [name, await startAgents(manager, name, nodes)] as const),
  );
  await manager.api.deploy(composeOf({ web: 6 }));
  await manager.api.settled(Object.values(hosts).reduce((sum, nodes) => sum + nodes, 0));
  return { manager, hosts: Object.fromEntries(started) };
}

const restart = (manager: Manager, args: readonly string[] = FAST): Promise<Manager> =>
  startManager({ state: manager.state, port: manager.port, args });

/** The cluster waits for nobody any more. */
const complete = (manager: Manager): Promise<unknown> =>
  eventually(
    () => `all hosts are back; the manager wrote ${manager.program.stderr}`,
    async () => (await manager.api.status()).run.playback.waitingFor.length === 0,
  );

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The journal gives the digest that the living cluster says. */
async function expectReplay({ api, state }: Manager): Promise<void> {
  const { at, digest } = await api.digest();
  expect(await replayOf(state, at)).toMatchObject({ digest, mismatches: [] });
}

describe('kill -9 of the manager', () => {
  test('while paused: the run stands where it stood, commands given meanwhile included', async () => {
    const { manager } = await begin({ h: 3 });
    await manager.api.playback({ do: 'pause' });
    await manager.api.command({ do: 'scale', service: 'app_web', replicas: 9 });
    const { simUs } = (await manager.api.status()).run.playback;
    await eventually('the instant is noted in the journal', () =>
      readFileSync(journalOf(manager.state), 'utf8').includes(`{"kind":"mark","at":${simUs}}`),
    );
    await manager.program.kill();

    const second = await restart(manager, [...FAST, '--paused']);
    expect(second.resumedAt).toBe(simUs);
    await complete(second);
    expect((await second.api.status()).run.playback).toMatchObject({ paused: true, simUs });
    expect((await second.api.services())[0]!.desired).toBe(9);
    await second.api.playback({ do: 'resume' });
    await second.api.settled(3);
    expect(await inputs(second.api, 'lost')).toEqual([]);
    await expectReplay(second);
  });

  test('an agent host that is gone too, and does not come back in time, is lost; the other goes on', async () => {
    const { manager, hosts } = await begin({ a: 2, b: 2 });
    await manager.program.kill();
    await hosts['b']!.kill();
    const second = await restart(manager, [...FAST, '--return-within', '3']);
    await eventually('the loss is journaled', async () => (await inputs(second.api, 'lost')).length > 0);
    const [loss, ...others] = await inputs(second.api, 'lost');
    expect(others).toEqual([]);
    expect(loss!.input.parties).toHaveLength(2);
    expect(loss!.input.reason).toContain('did not come back');
    expect(loss!.at).toBe(second.resumedAt); // time stood still until then
    await eventually('its nodes are down', async () => (await second.api.status()).nodes.down === 2);
    await second.api.settled(2);
    expect((await second.api.nodes()).map(({ truth }) => truth).sort()).toEqual(['lost', 'lost', 'up', 'up']);
    await expectReplay(second);
  });

  test('an agent host that dies while it is handed its nodes does not take them with it: the next process under its name gets them', async () => {
    const { manager, hosts } = await begin({ a: 2, b: 2 });
    await manager.program.kill();
    await hosts['b']!.kill();
    const second = await restart(manager, [...FAST, '--paused', '--return-within', '30']);
    // It says hello, hears what it is to simulate, and dies.
    const dying = new WebSocket(`${second.joinUrl}/timeline`);
    const hello = {
      type: 'hello',
      protocol: PROTOCOL_VERSION,
      build: second.build,
      token: second.joinToken,
      role: 'host',
      host: 'b',
      offers: [],
    } as const;
    dying.on('open', () => dying.send(encodeHandshake(hello)));
    const welcome = await new Promise<string>((resolve) => dying.once('message', (data) => resolve((data as Buffer).toString('utf8'))));
    expect(JSON.parse(welcome)).toMatchObject({ begin: 'restore' });
    dying.terminate();
    await eventually('the manager notices', () => second.program.stderr.includes('"host.detached"'));
    // Time must not go on without it, not even by hand: its nodes were handed out as they are now.
    const step = second.api.playback({ do: 'step', until: 'window' });
    await sleep(200);
    expect((await second.api.status()).run.playback.simUs).toBe(second.resumedAt);
    await startAgents(second, 'b', 2);
    await complete(second);
    expect((await second.api.status()).totals.agents).toBe(4);
    expect((await step).simUs).toBeGreaterThan(second.resumedAt!);
    await second.api.playback({ do: 'resume' });
    await second.api.command({ do: 'scale', service: 'app_web', replicas: 12 });
    await second.api.settled(4);
    expect(await inputs(second.api, 'lost')).toEqual([]);
    expect(await inputs(second.api, 'join')).toHaveLength(4);
    await expectReplay(second);
  });
});

test('a checkpoint that is later than the journal is of a future that never was: it is not taken up, neither now nor later', async () => {
  const { manager } = await begin({ h: 2 });
  const args = [...FAST, '--checkpoint-every', '0.1'];
  await manager.program.kill();
  const short = readFileSync(journalOf(manager.state), 'utf8');
  const second = await restart(manager, args);
  const checkpoints = (): number[] =>
    readdirSync(manager.state).flatMap((name) => (/^checkpoint-\d+\.json$/.test(name) ? [Number(/\d+/.exec(name)![0])] : []));
  await eventually('two checkpoints are written', () => checkpoints().filter((at) => at > second.resumedAt!).length >= 2);
  await second.program.kill();
  const future = Math.max(...checkpoints());
  // As if the last seconds of the journal had been lost with the machine.
  writeFileSync(journalOf(manager.state), short);

  const third = await restart(manager, [...FAST, '--checkpoint-every', '86400']);
  expect(third.resumedAt).toBeLessThan(future);
  expect(checkpoints().filter((at) => at > third.resumedAt!)).toEqual([]);
  await third.api.command({ do: 'scale', service: 'app_web', replicas: 9 });
  await eventually('the run is past that checkpoint', async () => (await third.api.status()).run.playback.simUs > future);
  await third.api.digest(); // noted in the journal: the next start goes on from there
  await third.program.kill();
  const fourth = await restart(manager);
  expect(fourth.resumedAt).toBeGreaterThan(future);
  expect((await fourth.api.services())[0]!.desired).toBe(9);
  await complete(fourth);
  await expectReplay(fourth);
});

test('an agent host that says goodbye with its first breath leaves no nodes behind that nobody simulates', async () => {
  const manager = await startManager({ state: temporaryFolder(), args: FAST });
  const hello = { type: 'hello', protocol: PROTOCOL_VERSION, build: manager.build, token: manager.joinToken } as const;
  const sockets: WebSocket[] = [];
  /** Opens a socket, says hello and returns the welcome. */
  const greet = async (where: string, first: Hello): Promise<{ socket: WebSocket; welcome: Record<string, unknown> }> => {
    const socket = new WebSocket(`${manager.joinUrl}/${where}`);
    sockets.push(socket);
    socket.on('open', () => socket.send(encodeHandshake(first)));
    const text = await new Promise<string>((resolve) => socket.once('message', (data) => resolve((data as Buffer).toString('utf8'))));
    return { socket, welcome: JSON.parse(text) as Record<string, unknown> };
  };
  const offers = makeOffers({ nodes: 2, cpu: '4', memory: '8GiB', labels: [], zones: 1, latencyMs: undefined });
  const { socket, welcome } = await greet('timeline', { ...hello, role: 'host', host: 'brief', offers });
  for (const { party } of welcome['parties'] as { party: PartyId }[])
    await greet('session', { ...hello, role: 'agent', party, ticket: welcome['ticket'] as string });
  // Both in one packet: the manager hears the second before it has acted on the first.
  const { _socket: wire } = socket as unknown as { readonly _socket: Socket };
  wire.cork();
  socket.send(encodeTimeline({ type: 'ready' }));
  socket.send(encodeTimeline({ type: 'bye', reason: 'that was all' }));
  wire.uncork();
  const { at } = await manager.api.digest();
  await eventually('time goes on', async () => (await manager.api.status()).run.playback.simUs > at + 5_000_000);
  expect((await manager.api.status()).totals).toMatchObject({ hosts: 0, agents: 0 });
  await expectReplay(manager);
  for (const one of sockets) one.terminate();
});

describe('a clean stop', () => {
  test('Ctrl-C in the terminal, which reaches the agent hosts too: nothing is lost, and the next start goes on there', async () => {
    const state = temporaryFolder();
    const args = ['--nodes', '4', '--hosts', '2', '--empty', '--speed', '20'];
    const first = await startManager({ state, args, group: true });
    await eventually('the nodes are there', async () => (await first.api.status()).nodes.ready === 4);
    await first.api.deploy(composeOf({ web: 6 }));
    await first.api.settled(4);
    const before = (await first.api.status()).run.playback.simUs;
    process.kill(-first.program.pid, 'SIGINT');
    expect(await first.program.ended).toEqual({ code: 0, signal: null });
    expect(readdirSync(state).filter((name) => name.startsWith('checkpoint-'))).not.toEqual([]);
    expect(existsSync(path.join(state, 'lock'))).toBe(false);

    const second = await startManager({ state, port: first.port, args });
    expect(second.resumedAt).toBeGreaterThanOrEqual(before);
    await complete(second);
    await second.api.command({ do: 'scale', service: 'app_web', replicas: 8 });
    await second.api.settled(4);
    expect(await inputs(second.api, 'lost')).toEqual([]);
    expect(await inputs(second.api, 'join')).toHaveLength(4);
    expect((await second.api.events()).filter(({ kind }) => kind === 'node.down')).toEqual([]);
    await expectReplay(second);
    expect(await second.program.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });
});

describe('what a start finds', () => {
  let template: string | undefined;
  /** A state folder with the journal of a short run: a copy of one that is made once. */
  async function journaled(): Promise<{ state: string }> {
    const state = temporaryFolder();
    template ??= await journalText();
    writeFileSync(journalOf(state), template);
    return { state };
  }

  async function journalText(): Promise<string> {
    const manager = await startManager({ state: temporaryFolder(), args: ['--nodes', '1', '--empty', '--speed', '20'] });
    await eventually('the node is ready', async () => (await manager.api.status()).nodes.ready === 1);
    await manager.api.deploy(composeOf({ web: 1 }));
    await manager.program.kill();
    return readFileSync(journalOf(manager.state), 'utf8');
  }

  test('a last line that a crash cut off is dropped, and what is written next stands on a line of its own', async () => {
    const { state } = await journaled();
    const whole = readFileSync(journalOf(state), 'utf8');
    appendFileSync(journalOf(state), '{"kind":"input","seq":99,"at":1,"inp');
    const manager = await startManager({ state, args: ['--nodes', '1', '--empty', '--speed', '20'] });
    await complete(manager);
    await manager.api.command({ do: 'scale', service: 'app_web', replicas: 2 });
    await expectReplay(manager);
    const text = readFileSync(journalOf(state), 'utf8');
    expect(text.startsWith(whole)).toBe(true);
    expect(text).not.toContain('"seq":99');
  });

  test('a damaged line: exit code 1, file, line and a way out; the file stays as it was', async () => {
    const { state } = await journaled();
    const lines = readFileSync(journalOf(state), 'utf8').split('\n');
    const damaged = lines.findIndex((line) => line.includes('"kind":"input"'));
    lines[damaged] = lines[damaged]!.replace('"seq":', '"sek":');
    writeFileSync(journalOf(state), lines.join('\n'));
    const human = await run(['up', '--port', '0', '--state', state, ...EMPTY]);
    expect(human.code).toBe(1);
    expect(human.stdout).toBe('');
    expect(human.stderr).toContain(`${journalOf(state)}:${damaged + 1}`);
    expect(human.stderr).toContain('--fresh');
    expect(human.stderr).not.toMatch(/^\s+at /m); // no stack
    expect(readFileSync(journalOf(state), 'utf8')).toBe(lines.join('\n'));
    const replayed = await run(['replay', journalOf(state), '--json']);
    expect(replayed.code).toBe(1);
    expect(JSON.parse(replayed.stderr)).toMatchObject({ error: { code: 'PF_JOURNAL_CORRUPT' } });
    // The way out works.
    const manager = await startManager({ state, args: [...EMPTY, '--fresh'] });
    expect(manager.resumedAt).toBeNull();
  });

  test('a journal of another build is put aside, whatever it holds, and said so', async () => {
    const { state } = await journaled();
    const lines = readFileSync(journalOf(state), 'utf8').split('\n');
    lines[0] = lines[0]!.replace(/"build":"[^"]*"/, '"build":"0.0.1+other"');
    lines[1] = '{"kind":"something that this build does not know"}';
    writeFileSync(journalOf(state), lines.join('\n'));
    const program = launchManager({ state, args: EMPTY });
    const manager = await eventually(
      () => `it starts: ${program.stderr}`,
      () => /^\}$/m.test(program.stdout) && (JSON.parse(program.stdout) as { resumedAt: number | null; movedAside: string }),
    );
    expect(manager.resumedAt).toBeNull();
    expect(readFileSync(manager.movedAside, 'utf8')).toBe(lines.join('\n'));
    expect(readFileSync(journalOf(state), 'utf8')).not.toContain('0.0.1+other');
    await program.kill('SIGTERM');

    lines[0] = lines[0].replace('0.0.1+other', '0.0.2+other');
    writeFileSync(journalOf(state), lines.join('\n'));
    const human = launchManager({ state, args: EMPTY, human: true });
    await eventually(
      () => `it says so: ${human.stdout} ${human.stderr}`,
      () => human.stdout.includes('is of another build (0.0.2+other) and was put aside:'),
    );
    expect(await human.kill('SIGTERM')).toMatchObject({ code: 0 });
  });

  test('who comes while the journal is replayed is told so, and not left waiting', async () => {
    const { state } = await journaled();
    appendFileSync(journalOf(state), `{"kind":"mark","at":${20 * 3_600_000_000}}\n`); // twenty hours to replay
    const port = await freePort();
    const program = launchManager({ state, port, args: EMPTY });
    const response = await eventually(
      () => `it answers: ${program.stderr}`,
      () => fetch(`http://127.0.0.1:${port}/api/runs/live`),
    );
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ error: { code: 'PF_UNAVAILABLE' } });
    const socket = new WebSocket(`ws://127.0.0.1:${port}/timeline`);
    expect(await new Promise<Error>((resolve) => socket.once('error', resolve))).toMatchObject({
      message: expect.stringContaining('503') as string,
    });
  });

  test('a journal that was not even begun when the process died is begun now', async () => {
    const state = temporaryFolder();
    writeFileSync(journalOf(state), '{"kind":"header","hea');
    const manager = await startManager({ state, args: EMPTY });
    expect(manager.resumedAt).toBeNull();
    await manager.program.kill('SIGTERM');
    expect((await replayOf(state)).mismatches).toEqual([]);
  });

  test('a folder that another cluster uses: refused, with its process and address, and not disturbed', async () => {
    const first = await startManager({ state: temporaryFolder(), args: EMPTY });
    const before = readFileSync(journalOf(first.state), 'utf8');
    const second = await run(['up', '--json', '--port', '0', '--state', first.state, '--fresh', ...EMPTY]);
    expect(second.code).toBe(1);
    const { error } = JSON.parse(second.stderr) as { error: { code: string; message: string } };
    expect(error.code).toBe('PF_STATE_IN_USE');
    expect(error.message).toContain(`process ${first.program.pid}`);
    expect(error.message).toContain(first.url);
    expect(readFileSync(journalOf(first.state), 'utf8').startsWith(before)).toBe(true);
    // A lock left behind by kill -9 holds nobody up.
    await first.program.kill();
    await startManager({ state: first.state, args: EMPTY });
  });

  test('a port in use: exit code 1 and what to do; nothing is left behind', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as { port: number };
      const state = temporaryFolder();
      const { code, stdout, stderr } = await run(['up', '--port', String(port), '--state', state, ...EMPTY]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(`port ${port} on 127.0.0.1 is in use`);
      expect(stderr).toContain('--port');
      expect(readdirSync(state)).toEqual([]);
    } finally {
      server.close();
    }
  });

  test('an agent host with a wrong token: exit code 1 and where to find the right one', async () => {
    const manager = await startManager({ state: temporaryFolder(), args: EMPTY });
    const { code, stderr } = await run(['agent', '--join', manager.joinUrl, '--token', 'guess', '--name', 'x', '--nodes', '1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/refused this host: .*token/);
    expect(stderr).toContain('--token');
    expect((await manager.api.status()).nodes.total).toBe(0);
  });
});
