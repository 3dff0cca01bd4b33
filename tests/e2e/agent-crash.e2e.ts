/** kill -9 of an agent host process: what the cluster does about it, and what happens when it comes back. */
import type { ClusterEvent } from '@paperfleet/core';
import { afterEach, expect, test } from 'vitest';
import { type Api, composeOf, endAll, eventually, replayOf, startAgents, startManager, temporaryFolder } from '../support/paperfleet.ts';

afterEach(endAll);

/** Heartbeats are due every 5 s, give or take half a second, and three may be missing. */
const GRACE_US = { least: 3 * 4_500_000, most: 3 * 5_500_000 };

async function nodesOf(api: Api, key: string): Promise<{ id: string; name: string }[]> {
  const journal = await api.get<{ inputs: { input: { kind: string; key: string; name: string } }[] }>('/journal');
  const names = new Set(
    journal.inputs.flatMap(({ input }) => (input.kind === 'join' && input.key.startsWith(`${key}/`) ? [input.name] : [])),
  );
  return (await api.nodes()).filter(({ name }) => names.has(name)).map(({ id, name }) => ({ id, name }));
}

test('a killed agent host: nodes down after the grace, tasks elsewhere, the same nodes back with a new process, and the journal replays to the same digest', async () => {
  const manager = await startManager({
    state: temporaryFolder(),
    args: ['--nodes', '0', '--empty', '--speed', '20', '--seed', 'agent-crash'],
  });
  const { api } = manager;
  await startAgents(manager, 'left', 4);
  const right = await startAgents(manager, 'right', 3);
  await api.deploy(composeOf({ web: 14, db: 7 }));
  await api.settled(7);
  const lost = await nodesOf(api, 'right');
  expect(lost).toHaveLength(3);
  const lostNames = new Set(lost.map(({ name }) => name));
  const moving = (await api.get<{ tasks: { node: string }[] }>('/tasks')).tasks.filter(({ node }) => lostNames.has(node)).length;
  expect(moving).toBeGreaterThan(0);

  await right.kill('SIGKILL');

  await eventually('its nodes are down', async () => (await api.status()).nodes.down === 3);
  const events = await api.events();
  const journal = await api.get<{ inputs: { at: number; input: { kind: string } }[] }>('/journal');
  const loss = journal.inputs.find(({ input }) => input.kind === 'lost');
  const downs = events.filter((event): event is ClusterEvent & { explain: { code: 'NODE_DOWN' } } => event.explain.code === 'NODE_DOWN');
  expect(downs.map(({ explain }) => explain.node).sort()).toEqual([...lostNames].sort());
  for (const { at, explain } of downs) {
    expect(at).toBeGreaterThan(loss!.at);
    expect(at - explain.lastHeartbeat).toBeGreaterThanOrEqual(GRACE_US.least);
    expect(at - explain.lastHeartbeat).toBeLessThanOrEqual(GRACE_US.most);
  }
  for (const node of await api.nodes()) {
    expect([node.status, node.truth]).toEqual(lostNames.has(node.name) ? ['down', 'lost'] : ['ready', 'up']);
    if (node.status === 'down') expect(node.statusMessage).toBe('heartbeat failure');
  }

  await api.settled(4);
  const running = (await api.get<{ tasks: { node: string; state: string }[] }>('/tasks')).tasks.filter(({ state }) => state === 'running');
  expect(running.filter(({ node }) => !lostNames.has(node))).toHaveLength(21);

  await startAgents(manager, 'right', 3);
  await eventually('all nodes are ready again', async () => (await api.status()).nodes.ready === 7);
  expect(await nodesOf(api, 'right')).toEqual(lost);
  // They take tasks again.
  await api.command({ do: 'scale', service: 'app_web', replicas: 28 });
  await api.settled(7);
  const back = (await api.get<{ tasks: { node: string; state: string }[] }>('/tasks')).tasks;
  expect(back.some(({ node, state }) => state === 'running' && lostNames.has(node))).toBe(true);

  const { at, digest } = await api.digest();
  await manager.program.kill('SIGKILL');
  const replayed = await replayOf(manager.state, at);
  expect(replayed).toMatchObject({ at, digest, mismatches: [] });
  expect(replayed.digestsChecked).toBe(1);
});
