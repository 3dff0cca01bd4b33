/**
 * kill -9 of the manager at fifty random moments, with commands under way: nothing that was acknowledged is lost, nothing
 * is done twice, the agent hosts go on, and the run is the one that its inputs make when nothing disturbs it.
 */
import { readdirSync } from 'node:fs';
import type { CommandAck, JournaledInput } from '@paperfleet/core';
import { afterEach, expect, test } from 'vitest';
import {
  Api,
  composeOf,
  endAll,
  eventually,
  launchManager,
  type Manager,
  type Program,
  Refused,
  replayOf,
  sleep,
  startAgents,
  startManager,
  temporaryFolder,
} from '../support/paperfleet.ts';

afterEach(endAll);

/** Killed while it serves, with commands under way. */
const KILLS = 28;
/** Killed before it serves: while it starts, reads, replays. */
const KILLS_AT_START = 24;
const CLIENTS = 3;
const NODES = 6;
const SERVICES = ['web', 'api', 'db'];
const ARGS = ['--nodes', '0', '--empty', '--speed', '30', '--seed', 'manager-crash', '--checkpoint-every', '0.1'];

/** They come back quickly: in most of these restarts the cluster must not have to wait for them. */
const AGENT_ARGS = ['--retry', '0.2'];

/** The test's own chance, repeatable: PAPERFLEET_SEED is printed by every run. */
function dice(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
const roll = dice(Number(process.env['PAPERFLEET_SEED'] ?? 1));

interface Sent {
  readonly key: string;
  readonly service: string;
  readonly replicas: number;
  ack: CommandAck | undefined;
}

/** Users who go on sending commands, each its next one when the last is answered, whatever happens to the manager. */
class Users {
  readonly sent: Sent[] = [];
  #stopped = false;
  readonly #api: Api;
  readonly #running: Promise<void>[];

  constructor(api: Api) {
    this.#api = api;
    this.#running = Array.from({ length: CLIENTS }, (_, client) => this.#use(client));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #use(client: number): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const command: Sent = {
        key: `client-${client}-${n}`,
        service: `app_${SERVICES[client]!}`,
        replicas: 1 + ((n * 7) % 12),
        ack: undefined,
      };
      this.sent.push(command);
      // Until it is answered the same command is sent again, as a user would who saw the connection break.
      while (!this.#stopped && command.ack === undefined) command.ack = await this.#send(command);
      await sleep(roll(60));
    }
  }

  async #send({ key, service, replicas }: Sent): Promise<CommandAck | undefined> {
    try {
      return await send(this.#api, key, service, replicas);
    } catch (error) {
      if (error instanceof Refused && error.code !== 'PF_UNAVAILABLE') throw error;
      await sleep(40);
      return undefined;
    }
  }
}

/** The key is given as the actor too: events say who asked. */
const send = (api: Api, key: string, service: string, replicas: number): Promise<CommandAck> =>
  api.post('/commands', { command: { do: 'scale', service, replicas } }, { 'idempotency-key': key, 'paperfleet-actor': key });

async function journalOf(api: Api): Promise<readonly JournaledInput[]> {
  const inputs: JournaledInput[] = [];
  for (;;) {
    const page = await api.get<{ inputs: JournaledInput[]; more: boolean }>(`/journal?after=${inputs.at(-1)?.seq ?? 0}&limit=1000`);
    inputs.push(...page.inputs);
    if (!page.more) return inputs;
  }
}

/** After a restart: what was acknowledged is journaled once, at its place, and is answered the same again. */
async function expectNothingLost({ api }: Manager, acknowledged: readonly Sent[]): Promise<void> {
  const byKey = new Map<string, JournaledInput[]>();
  for (const entry of await journalOf(api)) {
    expect(entry.input.kind).not.toBe('lost');
    if (entry.input.kind === 'command') byKey.set(entry.input.key, [...(byKey.get(entry.input.key) ?? []), entry]);
  }
  for (const { key, ack } of acknowledged) expect(byKey.get(key)?.map(({ seq, at }) => ({ seq, at }))).toEqual([ack]);
  for (const [key, entries] of byKey) if (key !== '') expect(entries, `command ${key} is journaled once`).toHaveLength(1);
  const again = acknowledged[roll(acknowledged.length)];
  if (again !== undefined) expect(await send(api, again.key, again.service, again.replicas)).toEqual(again.ack);
}

/** Instants at which commands were carried out, by key; looked at after every restart, since the list of events is bounded. */
class Effects {
  readonly #at = new Map<string, number>();
  readonly nodeEvents = new Set<string>();
  #lastEvent = 0;

  async look(api: Api): Promise<void> {
    // The newest ones may have been undone by a crash and have come again under other numbers.
    for (const { id, kind, at, node, explain } of await api.events(Math.max(0, this.#lastEvent - 2000))) {
      this.#lastEvent = id;
      if (kind.startsWith('node.')) this.nodeEvents.add(`${at} ${kind} ${node}`);
      if (kind !== 'command.accepted' || explain.code !== 'COMMAND') continue;
      const key = /\(([^)]*)\)$/.exec(explain.detail)?.[1];
      if (key !== undefined) this.#at.set(key, at);
    }
  }

  /** Each command was carried out at its instant, and each service is what its newest command wants. */
  async expect(api: Api, acknowledged: readonly Sent[]): Promise<void> {
    for (const { key, ack } of acknowledged) expect([key, this.#at.get(key)]).toEqual([key, ack!.at]);
    const newest = new Map<string, number>();
    for (const { input } of await journalOf(api))
      if (input.kind === 'command' && input.command.do === 'scale') newest.set(input.command.service, input.command.replicas);
    for (const { name, desired } of await api.services()) expect([name, desired]).toEqual([name, newest.get(name)]);
  }
}

test(`${KILLS + KILLS_AT_START} kills`, async () => {
  const state = temporaryFolder();
  let manager = await startManager({ state, args: ARGS });
  const { port } = manager;
  const hosts: readonly Program[] = [
    await startAgents(manager, 'a', NODES / 2, AGENT_ARGS),
    await startAgents(manager, 'b', NODES / 2, AGENT_ARGS),
  ];
  await manager.api.deploy(composeOf(Object.fromEntries(SERVICES.map((name) => [name, 2]))));
  await manager.api.settled(NODES);
  const users = new Users(new Api(manager.url));
  const acknowledged = (): Sent[] => users.sent.filter(({ ack }) => ack !== undefined);
  const effects = new Effects();
  await effects.look(manager.api);
  let resumedFromCheckpoint = 0;
  let atStart = 0;
  for (let kill = 1; kill <= KILLS; kill++) {
    await sleep(roll(400));
    await manager.program.kill('SIGKILL');
    const before = acknowledged();
    for (; atStart < Math.floor((kill * KILLS_AT_START) / KILLS); atStart++) {
      const early = launchManager({ state, port, args: ARGS });
      await sleep(100 + roll(700));
      await early.kill('SIGKILL');
    }
    if (readdirSync(state).some((name) => /^checkpoint-.*json$/.test(name))) resumedFromCheckpoint++;
    manager = await startManager({ state, port, args: ARGS });
    await expectNothingLost(manager, before);
    // The hosts are back with their nodes, and time goes on.
    await eventually(
      () => `the hosts are back after kill ${kill}; the manager wrote ${manager.program.stderr}`,
      async () => {
        const { run, totals } = await manager.api.status();
        return run.playback.waitingFor.length === 0 && totals.agents === NODES && run.playback.simUs > manager.resumedAt!;
      },
    );
    await effects.look(manager.api);
  }
  await users.stop();

  const { api } = manager;
  for (const host of hosts) expect([host.process.exitCode, host.process.signalCode]).toEqual([null, null]);
  const unanswered = users.sent.filter(({ ack }) => ack === undefined);
  for (const command of unanswered) command.ack = await send(api, command.key, command.service, command.replicas);
  await expectNothingLost(manager, users.sent);
  await api.settled(NODES);
  await effects.look(api);
  await effects.expect(api, users.sent);
  // No node ever went down, and none had to come back.
  expect([...effects.nodeEvents].filter((text) => text.includes('node.down'))).toEqual([]);
  expect([...effects.nodeEvents].filter((text) => text.includes('node.ready'))).toHaveLength(NODES);
  expect(users.sent.length).toBeGreaterThan(KILLS);
  expect(resumedFromCheckpoint).toBeGreaterThan(KILLS / 4);
  expect(readdirSync(state).filter((name) => name.startsWith('checkpoint-')).length).toBeLessThanOrEqual(4);

  const { at, digest } = await api.digest();
  await manager.program.kill('SIGTERM');
  // In one queue, from the beginning, without checkpoints.
  expect(await replayOf(state, at)).toMatchObject({ at, digest, mismatches: [] });
}, 400_000);
