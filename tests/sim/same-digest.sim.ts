/**
 * The promise of the whole: one scenario gives one digest, however it is run. In one queue, in windows of several lengths
 * and splits, over WebSockets with one and with three agent host processes, at several wall speeds, and by replaying the
 * journal of a live cluster that people played with.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addressed,
  type Command,
  DEFAULT_CONFIG,
  digestText,
  Ensemble,
  MANAGER,
  MemoryJournal,
  type PartyId,
  replay,
  TASK_STATE,
  Timeline,
  timeUs,
} from '@paperfleet/core';
import { buildId, type Cluster, FACTORIES, makeOffers, readStack, runVirtual, startCluster } from '@paperfleet/lab';
import { AgentHost, createNodeAgent } from '@paperfleet/node-agent';
import { CheckpointFiles, Conductor, LocalHost, type ManagerView, readJournal } from '@paperfleet/scheduler';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { chaos, digestOf, type PlannedRun, soloRun } from '../support/chaos.ts';
import { startSocketRun, startWorker, until } from '../support/gossip-cluster.ts';

const SECOND = 1_000_000;
const run = chaos(buildId());
let expected = '';
let oneQueue: Timeline;

beforeAll(() => {
  oneQueue = soloRun(run.header, run.inputs, run.until);
  expected = digestOf(oneQueue);
});

describe('the scenario is worth it', () => {
  test('20 nodes, 200 tasks, ten simulated minutes, every kind of fault, commands that scale', () => {
    expect(run.until).toBeGreaterThanOrEqual(600 * SECOND);
    expect(run.inputs.filter(({ input }) => input.kind === 'join').length).toBeGreaterThanOrEqual(20);
    const { store } = oneQueue.party(MANAGER) as unknown as ManagerView;
    expect([...store.tasks.values()].filter((task) => task.state === TASK_STATE.running).length).toBeGreaterThanOrEqual(200);
    const kinds = new Set<string>();
    for (const { input } of run.inputs) {
      if (input.kind === 'command') kinds.add(input.command.do);
      if (input.kind !== 'fault') continue;
      kinds.add(input.fault.fault);
      if (input.fault.fault !== 'link') continue;
      const { partitioned, lossPpm, duplicatePpm, delayUs, reorder } = input.fault.link;
      const traits = { partitioned, loss: lossPpm > 0, duplicate: duplicatePpm > 0, delay: delayUs.max > 0, reorder };
      for (const [trait, on] of Object.entries(traits)) if (on) kinds.add(trait);
      if (partitioned && !input.fault.peers.includes(MANAGER) && !input.parties.includes(MANAGER)) kinds.add('without-manager');
    }
    for (const kind of [
      'crash',
      'recover',
      'killTask',
      'partitioned',
      'loss',
      'duplicate',
      'delay',
      'reorder',
      'scale',
      'updateService',
      'rollbackService',
      'updateNode',
      'load',
    ])
      expect(kinds).toContain(kind);
  });

  test('a little of everything reaches the digest: another seed gives another, and so does an input more', () => {
    const other = chaos(run.header.build, 'another');
    expect(digestOf(soloRun(other.header, other.inputs, other.until))).not.toBe(expected);
    const scale = { kind: 'command', key: '', by: 'scenario', command: { do: 'scale', service: 'front_web', replicas: 71 } } as const;
    const more = [...run.inputs, { seq: run.inputs.length + 1, at: timeUs(599 * SECOND), input: scale }];
    expect(digestOf(soloRun(run.header, more, run.until))).not.toBe(expected);
  });

  test.each(['crash', 'killTask', 'link', 'scale', 'load', 'updateNode'])('%s leaves its mark', (kind) => {
    const without = run.inputs.filter(
      ({ input }) => !(input.kind === 'fault' && input.fault.fault === kind) && !(input.kind === 'command' && input.command.do === kind),
    );
    expect(without.length).toBeLessThan(run.inputs.length);
    expect(digestOf(soloRun(run.header, without, run.until))).not.toBe(expected);
  });

  test('the same queue again gives the same digest', () => {
    expect(digestOf(soloRun(run.header, run.inputs, run.until))).toBe(expected);
  });
});

describe('in windows', () => {
  const L = oneLatency(run);
  const splits: readonly (readonly [string, number, (party: PartyId) => number])[] = [
    ['the manager alone, all nodes together', 2, () => 1],
    ['round robin over four', 4, (party) => party % 4],
    ['blocks of five, some beside the manager', 5, (party) => Math.floor((party - 16) / 5)],
    ['each party alone', 25, (party) => party - 15],
  ];
  test.each([
    ['L', L, splits[0]!],
    ['L', L, splits[2]!],
    ['L/2', Math.floor(L / 2), splits[1]!],
    ['L/2', Math.floor(L / 2), splits[3]!],
    ['L/7', Math.floor(L / 7), splits[2]!],
    ['L/7', Math.floor(L / 7), splits[1]!],
  ] as const)('windows of %s (%i µs): %s', (_name, windowUs, [, timelines, place]) => {
    const ensemble = new Ensemble(run.header, FACTORIES, timelines, place);
    for (const entry of run.inputs) ensemble.inject(addressed(entry));
    ensemble.runUntil(run.until, windowUs);
    expect(ensemble.windows).toBeGreaterThan(1000);
    expect(digestText(ensemble.digest())).toBe(expected);
  });
});

describe('over WebSockets, agent hosts as processes', () => {
  test('one agent host', async () => {
    const result = await runVirtual({ ...run, transport: 'ws', agents: 1 });
    expect(result.at).toBe(run.until);
    expect(result.digest).toBe(expected);
    expect(result.events).toBe(oneQueue.events);
  });

  test('three agent hosts, the nodes split unevenly', async () => {
    const place = (index: number): number => (index < 3 ? 0 : index % 4 === 1 ? 1 : 2);
    const result = await runVirtual({ ...run, transport: 'ws', agents: 3, place });
    expect(result.digest).toBe(expected);
  });
});

test('agent hosts of another build are refused, and the run says so at once', async () => {
  const header = { ...run.header, build: 'another' };
  await expect(runVirtual({ ...run, header, transport: 'ws', agents: 2 })).rejects.toThrow(
    /0 of 2 agent hosts attached: worker-\d has ended \(exit code 1\)/,
  );
});

describe('at several wall speeds', () => {
  /** A live loop stops between two windows, wherever it is; the rest of the way is run to the exact instant. */
  async function finish(conductor: Conductor): Promise<string> {
    await until(() => conductor.at >= run.until - 60 * SECOND, 'the run comes near its end', 60_000);
    await conductor.stop();
    expect(conductor.at).toBeLessThan(run.until);
    await conductor.runUntil(run.until);
    const digest = conductor.digest();
    await conductor.runUntil(run.until);
    expect((await digest).at).toBe(run.until);
    return (await digest).digest;
  }

  test.each([
    ['50', 50, 3],
    ['400', 400, 2],
    ['as fast as it goes', 0, 5],
  ])('speed %s, hosts in this process', async (_name, speed, hosts) => {
    const timeline = new Timeline(run.header, FACTORIES);
    timeline.createManager();
    const conductor = new Conductor({
      name: 'speed',
      header: run.header,
      timeline,
      journal: new MemoryJournal(),
      inputs: [],
      at: timeUs(0),
      speed,
      paused: false,
    });
    conductor.plan(run.inputs);
    const parties = run.inputs.flatMap(({ input }) => (input.kind === 'join' ? [input.party] : []));
    for (let host = 0; host < hosts; host++) {
      const theirs = parties.filter((party) => party % hosts === host);
      conductor.attach(new LocalHost(`h${host}`, theirs, run.header, FACTORIES));
    }
    conductor.start();
    if (speed === 50) {
      // The rest of the way would take twelve seconds; the speed changes under way, as people change it.
      await until(() => conductor.at >= 100 * SECOND, 'a hundred seconds at speed 50', 20_000);
      conductor.pause();
      conductor.setSpeed(700);
      conductor.resume();
    }
    expect(await finish(conductor)).toBe(expected);
  });

  test('speed 400, three hosts behind sockets', async () => {
    const sockets = await startSocketRun({
      header: run.header,
      factories: FACTORIES,
      inputs: run.inputs.map(addressed),
      hostOf: (party) => `h${party % 3}`,
      speed: 400,
    });
    const hosts = [0, 1, 2].map((host) => startWorker(sockets, FACTORIES, `h${host}`).host);
    try {
      await sockets.conductor.waitForHosts(3, 10_000);
      sockets.conductor.start();
      expect(await finish(sockets.conductor)).toBe(expected);
    } finally {
      for (const host of hosts) host.stop('the test ends');
      await sockets.close();
    }
  });
});

describe('a live cluster that people played with', () => {
  let folder = '';
  const hosts: AgentHost[] = [];
  let live: Cluster | undefined;
  afterEach(async () => {
    for (const host of hosts.splice(0)) host.stop('the test ends');
    await live?.stop();
    if (folder !== '') rmSync(folder, { recursive: true, force: true });
  });

  const stack = (name: string) => {
    const path = new URL(`../../lab/src/compose/testing/stacks/${name}`, import.meta.url).pathname;
    const loaded = readStack({ paths: [path], env: {}, profiles: [], projectName: 'vote' });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
    return loaded.stack;
  };

  async function startLive(port: number): Promise<Cluster> {
    const cluster = await startCluster({
      build: run.header.build,
      host: '127.0.0.1',
      port,
      stateFolder: folder,
      fresh: false,
      seed: 'played',
      config: DEFAULT_CONFIG,
      speed: 20,
      paused: false,
      agentHosts: [],
      loadStack: () => ({ ok: false, errors: [] }),
      log: () => undefined,
      returnMs: 20_000,
    });
    live = cluster;
    return cluster;
  }

  function bring(cluster: Cluster, name: string, nodes: number): AgentHost {
    const offers = makeOffers({ nodes, cpu: '4', memory: '8GiB', labels: [], zones: 2, latencyMs: undefined });
    const host = new AgentHost({
      url: cluster.joinUrl,
      token: cluster.joinToken,
      build: run.header.build,
      name,
      offers,
      node: createNodeAgent,
      log: () => undefined,
    });
    host.run().catch(() => undefined);
    hosts.push(host);
    return host;
  }
  const nodesReady = (cluster: Cluster): number =>
    [...cluster.conductor.manager.store.nodes.values()].filter((node) => node.status === 'ready').length;
  const stop = async (cluster: Cluster): Promise<void> => {
    live = undefined;
    await cluster.stop();
  };
  const tell = async (cluster: Cluster, command: Command): Promise<void> => {
    expect(await cluster.conductor.submit(command, 'test', '')).toMatchObject({ ok: true });
  };
  const lull = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  test('its journal, replayed, gives its digests; so does the rest of it from a checkpoint', async () => {
    folder = mkdtempSync(join(tmpdir(), 'paperfleet-sim-'));
    let cluster = await startLive(0);
    const port = Number(new URL(cluster.url).port);
    bring(cluster, 'one', 6);
    const two = bring(cluster, 'two', 5);
    await until(() => nodesReady(cluster) === 11, 'eleven nodes are ready');
    await tell(cluster, { do: 'deploy', stack: stack('vote-stack.yml'), prune: false });
    await lull(300);
    const service = [...cluster.conductor.manager.store.services.values()].find(({ spec }) => spec.mode.kind === 'replicated')!;
    for (let step = 0; step < 6; step++) {
      await tell(cluster, { do: 'scale', service: service.spec.name, replicas: 4 + ((step * 7) % 11) });
      await tell(cluster, { do: 'load', service: service.spec.name, requestsPerSecond: 100 * step });
      await lull(31 * (step + 1));
      await tell(cluster, { do: 'updateNode', node: `n${1 + step}`, availability: step % 2 === 0 ? 'drain' : 'active' });
      const victim = cluster.conductor.manager.store.findNode(`n${7 + (step % 4)}`)!;
      await cluster.conductor.submitFault([victim.party], `kill ${victim.name}`, { fault: step % 3 === 2 ? 'recover' : 'crash' });
      if (step === 2) cluster.conductor.setSpeed(100);
      if (step === 3) await cluster.conductor.step('event').then(() => cluster.conductor.resume());
    }
    await cluster.conductor.digest();
    two.stop('goes home');
    await until(() => cluster.conductor.hosts.length === 1, 'the host has left');
    await lull(200);
    bring(cluster, 'three', 3);
    await until(() => cluster.conductor.hosts.length === 2, 'another host has come');
    await lull(150);

    // A restart: the hosts stay, the manager comes back from its checkpoint and the rest of the journal.
    const before = await cluster.conductor.digest();
    await stop(cluster);
    cluster = await startLive(port);
    expect(cluster.resumedAt).toBeGreaterThanOrEqual(before.at);
    await until(() => cluster.conductor.hosts.length === 2, 'the hosts are back', 20_000);
    await tell(cluster, { do: 'scale', service: service.spec.name, replicas: 9 });
    bring(cluster, 'two', 5);
    await until(() => cluster.conductor.hosts.length === 3, 'the one that left is back too');
    await lull(300);
    await tell(cluster, { do: 'removeService', service: service.spec.name });
    await lull(200);
    const last = await cluster.conductor.digest();
    const expectedTasks = [...cluster.conductor.manager.store.tasks.values()].map(({ id, state, desired, nodeId }) => ({
      id,
      state,
      desired,
      nodeId,
    }));
    await stop(cluster);

    const journal = readJournal(join(folder, 'journal.ndjson'));
    expect(journal.inputs.length).toBeGreaterThan(30);
    expect(journal.inputs.map(({ input }) => input.kind)).toContain('lost');
    expect(journal.digests.length).toBeGreaterThanOrEqual(3);
    for (const { at, digest } of journal.digests) expect(digestOf(replay(journal.header, FACTORIES, journal.inputs, at))).toBe(digest);
    const whole = replay(journal.header, FACTORIES, journal.inputs, last.at);
    expect(
      [...(whole.party(MANAGER) as unknown as ManagerView).store.tasks.values()].map(({ id, state, desired, nodeId }) => ({
        id,
        state,
        desired,
        nodeId,
      })),
    ).toEqual(expectedTasks);
    const saved = new CheckpointFiles(folder, run.header.build).newest(last.at);
    expect(saved?.at).toBeGreaterThan(0);
    expect(digestOf(replay(journal.header, FACTORIES, journal.inputs, last.at, saved))).toBe(last.digest);
  });
});

/** The least latency between the manager and a node: the longest window. */
function oneLatency({ inputs, header }: PlannedRun): number {
  const latencies = inputs.flatMap(({ input }) => (input.kind === 'join' ? [input.offer.controlLatencyUs as number] : []));
  return Math.min(header.config.controlLatencyUs, ...latencies);
}
