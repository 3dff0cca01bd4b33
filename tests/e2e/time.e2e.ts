/** Simulated time by hand: speeds, pause, steps, rewind, forks, through the API of a live cluster. */
import type { RunSummary, Snapshot } from '@paperfleet/core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Api, composeOf, endAll, eventually, type Manager, sleep, startManager, temporaryFolder } from '../support/paperfleet.ts';

let manager: Manager;
let api: Api;
beforeAll(async () => {
  manager = await startManager({ state: temporaryFolder(), args: ['--nodes', '5', '--hosts', '2', '--empty', '--speed', '20'] });
  api = manager.api;
  await eventually('the nodes are ready', async () => (await api.status()).nodes.ready === 5);
  await api.deploy(composeOf({ web: 6, db: 2 }));
  await api.settled(5);
});
afterAll(endAll);

const simUs = async (run: Api = api): Promise<number> => (await run.status()).run.playback.simUs;

describe('pace', () => {
  interface Pace {
    readonly perWallSecond: number;
    readonly reached: number;
    readonly windowsPerSecond: number;
  }
  /** Over some seconds, with the first instant after the change of speed left out. */
  async function measure(speed: number, forMs = 3500): Promise<Pace> {
    await api.playback({ do: 'speed', speed });
    await api.playback({ do: 'resume' });
    await sleep(300);
    const look = async (): Promise<{ wallMs: number; at: number; windows: number; reached: number }> => {
      const asked = performance.now();
      const { run, totals } = await api.status();
      return {
        wallMs: (asked + performance.now()) / 2,
        at: run.playback.simUs,
        windows: totals.windows,
        reached: run.playback.reachedSpeed,
      };
    };
    const before = await look();
    await sleep(forMs);
    const after = await look();
    const seconds = (after.wallMs - before.wallMs) / 1000;
    return {
      perWallSecond: (after.at - before.at) / 1e6 / seconds,
      reached: after.reached,
      windowsPerSecond: (after.windows - before.windows) / seconds,
    };
  }

  test.each([0.1, 10])('%d simulated seconds a wall second, and no more windows than that takes', async (speed) => {
    const pace = await measure(speed);
    expect(pace.perWallSecond / speed).toBeGreaterThan(0.85);
    expect(pace.perWallSecond / speed).toBeLessThan(1.15);
    expect(pace.reached / speed).toBeGreaterThan(0.85);
    expect(pace.reached / speed).toBeLessThan(1.15);
    // One a tick of 15 ms, and one for each message that needs its own.
    expect(pace.windowsPerSecond).toBeLessThan(500);
  });

  test('as fast as possible is faster than any of these', async () => {
    const pace = await measure(0, 1500);
    expect(pace.perWallSecond).toBeGreaterThan(20);
    expect(pace.reached).toBeGreaterThan(20);
    await api.playback({ do: 'speed', speed: 20 });
  });
});

describe('paused', () => {
  test('time stands still, and a command still takes effect at once', async () => {
    await api.playback({ do: 'pause' });
    const at = await simUs();
    await sleep(400);
    expect(await simUs()).toBe(at);
    const ack = await api.command({ do: 'scale', service: 'app_web', replicas: 7 });
    expect(ack.at).toBe(at);
    const { desired } = (await api.services()).find(({ name }) => name === 'app_web')!;
    expect(desired).toBe(7);
    expect(await simUs()).toBe(at + 1);
  });

  test('a step is one window: no longer than the shortest latency lets it be', async () => {
    const before = await simUs();
    const state = await api.playback({ do: 'step', until: 'window' });
    expect(state.paused).toBe(true);
    expect(state.simUs).toBeGreaterThan(before);
    expect(state.simUs - before).toBeLessThanOrEqual(100_000);
    await sleep(100);
    expect(await simUs()).toBe(state.simUs);
  });

  test('a step to the next event stops there', async () => {
    const before = (await api.status()).lastEvent;
    const state = await api.playback({ do: 'step', until: 'event' });
    const events = await api.events(before);
    expect(events.length).toBeGreaterThan(0);
    expect(new Set(events.map(({ at }) => at))).toEqual(new Set([state.simUs - 1]));
  });
});

describe('looking back', () => {
  interface Known {
    readonly at: number;
    readonly digest: string;
    readonly web: number;
  }
  const known: Known[] = [];
  const web = async (run: Api = api): Promise<number> => (await run.services()).find(({ name }) => name === 'app_web')!.desired;

  beforeAll(async () => {
    await api.playback({ do: 'resume' });
    for (const replicas of [9, 3, 5]) {
      await api.command({ do: 'scale', service: 'app_web', replicas });
      const start = await simUs();
      await eventually('a few simulated seconds', async () => (await simUs()) > start + 8_000_000);
      known.push({ ...(await api.digest()), web: replicas });
    }
    await api.playback({ do: 'pause' });
  });

  test('rewind: at each instant the digest and the state that there were', async () => {
    for (const { at, digest, web: replicas } of known.toReversed()) {
      const response = await api.request('POST', '/rewind', { at });
      const snapshot = (await response.json()) as Snapshot;
      expect([at, response.headers.get('paperfleet-digest')]).toEqual([at, digest]);
      expect(snapshot.playback.simUs).toBe(at);
      expect(snapshot.services.find(({ name }) => name === 'app_web')!.desired).toBe(replicas);
    }
    await expect(api.request('POST', '/rewind', { at: (await simUs()) + 1_000_000 })).rejects.toMatchObject({ code: 'PF_INVALID' });
  });

  test('a fork that is left alone does what the run did; commands to it change it and leave the run as it is', async () => {
    const live = await api.digest();
    const liveWeb = await web();
    const [first, second] = known;
    const summary = await api.post<RunSummary>('/fork', { at: second!.at });
    expect(summary).toMatchObject({ parent: 'live', forkedAtUs: second!.at, playback: { paused: true, simUs: second!.at } });
    const branch = api.of(summary.name);
    expect(await branch.digest()).toMatchObject({ digest: second!.digest });
    // Its own past is the run's.
    expect((await branch.request('POST', '/rewind', { at: first!.at })).headers.get('paperfleet-digest')).toBe(first!.digest);

    await branch.command({ do: 'scale', service: 'app_web', replicas: 11 });
    await branch.playback({ do: 'speed', speed: 0 });
    await branch.playback({ do: 'resume' });
    await branch.settled(5);
    expect(await web(branch)).toBe(11);
    expect(await simUs(branch)).toBeGreaterThan(second!.at + 1_000_000);

    expect(await api.digest()).toEqual(live);
    expect(await web()).toBe(liveWeb);
    const runs = (await (await fetch(`${api.base}/api/runs`)).json()) as RunSummary[];
    expect(runs.map(({ name }) => name)).toEqual(['live', summary.name]);
    await branch.request('DELETE', '');
    await expect(branch.status()).rejects.toMatchObject({ code: 'PF_NOT_FOUND' });
  });

  test('a fork without commands comes to the digest of the run', async () => {
    const [first, , third] = known;
    // From before the second and third command: without them it is another run …
    const early = api.of((await api.post<RunSummary>('/fork', { at: first!.at })).name);
    await early.playback({ do: 'speed', speed: 0 });
    await early.playback({ do: 'resume' });
    await eventually('the branch is past the last instant known', async () => (await simUs(early)) > third!.at);
    expect((await early.request('POST', '/rewind', { at: third!.at })).headers.get('paperfleet-digest')).not.toBe(third!.digest);
    // … and from after them the same.
    const late = api.of((await api.post<RunSummary>('/fork', { at: third!.at - 2_000_000 })).name);
    await late.playback({ do: 'speed', speed: 0 });
    await late.playback({ do: 'resume' });
    await eventually('the branch is past the last instant known', async () => (await simUs(late)) > third!.at);
    expect((await late.request('POST', '/rewind', { at: third!.at })).headers.get('paperfleet-digest')).toBe(third!.digest);
  });
});
