/** Every verb of the `paperfleet` command against a live cluster, as real processes: exit codes, JSON, words. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeOf, endAll, eventually, type Manager, run, start, startManager, temporaryFolder } from '../support/paperfleet.ts';

let manager: Manager;
let folder: string;
const used = new Set<string>();

beforeAll(async () => {
  folder = temporaryFolder();
  manager = await startManager({ state: temporaryFolder(), args: ['--nodes', '4', '--empty', '--speed', '20'] });
  await eventually('the nodes are ready', async () => (await manager.api.status()).nodes.ready === 4);
  await manager.api.deploy(composeOf({ web: 4, db: 1 }));
  await manager.api.settled(4);
});
afterAll(endAll);

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a verb against the cluster. */
function verb(...args: string[]): Promise<Outcome> {
  used.add(args[0]!);
  return run(args, { env: { PAPERFLEET_URL: manager.url }, cwd: folder });
}

/** The verb's JSON. @throws when it does not end with 0. */
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await verb(...args, '--json');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}: ${stderr}`);
  expect(stderr).toBe('');
  return JSON.parse(stdout) as T;
}

async function text(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await verb(...args);
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
  return stdout;
}

describe('verbs that look', () => {
  test('status, services, nodes, ps', async () => {
    const [status, services, nodes, ofService, servicesText, psText] = await Promise.all([
      json<{ nodes: { ready: number } }>('status'),
      json<{ name: string; desired: number }[]>('services'),
      json<{ name: string; status: string }[]>('nodes'),
      json<{ service: string }[]>('ps', 'app_db'),
      text('services'),
      text('ps', 'app_web'),
    ]);
    expect(status.nodes.ready).toBe(4);
    expect(services.map(({ name, desired }) => `${name}=${desired}`).sort()).toEqual(['app_db=1', 'app_web=4']);
    expect(nodes.map(({ name, status: state }) => `${name} ${state}`)).toEqual(['n1 ready', 'n2 ready', 'n3 ready', 'n4 ready']);
    expect(ofService.map(({ service }) => service)).toEqual(['app_db']);
    expect(servicesText).toMatch(/app_web +replicated +4\/4/);
    expect(psText.match(/running/g)!.length).toBeGreaterThanOrEqual(4);
  });

  test('events, why, digest, runs', async () => {
    const [events, whyNode, digest, runs, whyText] = await Promise.all([
      json<{ kind: string }[]>('events', '--limit', '1000'),
      json<{ subject: string; summary: string }>('why', 'n1'),
      json<{ digest: string }>('digest'),
      json<{ name: string }[]>('runs'),
      text('why', 'app_web.1'),
    ]);
    expect(events.map(({ kind }) => kind)).toContain('node.ready');
    expect(whyNode).toMatchObject({ subject: 'node:n1' });
    expect(whyNode.summary).not.toBe('');
    expect(digest.digest).toMatch(/^[0-9a-f]{16,}$/);
    expect(runs.map(({ name }) => name)).toEqual(['live']);
    expect(whyText).toMatch(/n[1-4]/);
  });

  test('events --follow prints what happens until Ctrl-C, which is a clean end', async () => {
    used.add('events');
    const program = start(['events', '--follow', '--json', '--limit', '0'], { env: { PAPERFLEET_URL: manager.url } });
    await eventually(
      () => `an event of the change: ${program.stdout} ${program.stderr}`,
      async () => {
        await manager.api.command({ do: 'load', service: 'app_web', requestsPerSecond: 50 });
        return program.stdout.includes('command.accepted');
      },
    );
    for (const line of program.stdout.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('explain');
    expect(await program.kill('SIGINT')).toEqual({ code: 0, signal: null });
  });
});

describe('verbs that change', () => {
  test('scale, load, drain, cordon, activate, rm', async () => {
    expect(await json<{ seq: number; at: number }[]>('scale', 'app_web=6', 'app_db=2', '--wait')).toHaveLength(2);
    expect((await manager.api.services()).map(({ name, running }) => `${name}=${running}`).sort()).toEqual(['app_db=2', 'app_web=6']);
    expect(await text('load', 'app_web', '120')).toContain('120');
    await Promise.all([json('drain', 'n1'), json('cordon', 'n2')]);
    await eventually('the drained node is empty', async () => (await manager.api.nodes()).find(({ name }) => name === 'n1')!.tasks === 0);
    expect((await manager.api.nodes()).map(({ name, availability }) => `${name} ${availability}`)).toEqual([
      'n1 drain',
      'n2 pause',
      'n3 active',
      'n4 active',
    ]);
    expect(await text('activate', 'n1', 'n2')).toContain('is active');
    expect((await manager.api.services()).find(({ name }) => name === 'app_web')!.requestsPerSecond).toBe(120);
    expect(await json('rm', 'app_db')).toHaveLength(1);
    await eventually('the service is gone', async () => (await manager.api.services()).length === 1);
  });

  test('deploy, validate, rm --stack', async () => {
    writeFileSync(path.join(folder, 'good.yml'), composeOf({ one: 1, two: 2 }));
    writeFileSync(path.join(folder, 'bad.yml'), 'services:\n  web:\n    image: nginx\n    deploy:\n      replicsa: 3\n');
    expect(await text('validate', 'good.yml')).not.toBe('');
    expect(await json<{ services: string[] }>('deploy', 'good.yml', '--name', 'more')).toMatchObject({ stack: 'more' });
    await manager.api.settled();
    const bad = await verb('deploy', 'bad.yml');
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain('bad.yml:5');
    expect(bad.stderr).toContain('replicas');
    expect(await json('rm', '--stack', 'more')).toHaveLength(1);
    await eventually('the stack is gone', async () => (await manager.api.services()).every(({ stack }) => stack !== 'more'));
  });
});

describe('verbs that disturb', () => {
  test('kill, recover, partition, heal', async () => {
    const truth = async (): Promise<string> => (await manager.api.nodes()).map(({ truth: state }) => state).join(' ');
    expect(await json('kill', 'n3')).toHaveLength(1);
    expect(await text('partition', 'n4', '--direction', 'up')).toContain('cut off');
    await eventually('reality is so', async () => (await truth()) === 'up up crashed partitioned');
    await eventually('both are down', async () => (await manager.api.status()).nodes.down === 2);
    await Promise.all([json('recover', 'n3'), json('heal', 'n4')]);
    await eventually('both are back', async () => (await manager.api.status()).nodes.ready === 4);
    expect(await truth()).toBe('up up up up');
    await manager.api.settled(4);
    expect(await text('kill', '--task', 'app_web.1', '--exit-code', '3')).toContain('killed');
    await eventually('it ends with that code', async () =>
      (await manager.api.events()).some(({ explain }) => explain.code === 'EXITED' && explain.exitCode === 3),
    );
  });
});

describe('verbs about time', () => {
  test('pause, step, resume, speed, rewind, fork', async () => {
    const paused = await json<{ paused: boolean; simUs: number }>('pause');
    expect(paused.paused).toBe(true);
    expect((await json<{ simUs: number }>('step')).simUs).toBeGreaterThan(paused.simUs);
    expect(await text('step', '--event')).toContain('paused');
    const { digest } = await json<{ digest: string; snapshot: { nodes: unknown[] } }>('rewind', '--at', '0:01');
    expect(digest).toMatch(/^[0-9a-f]{16,}$/);
    const fork = await json<{ name: string; parent: string }>('fork', '--at', '0:01');
    expect(fork.parent).toBe('live');
    expect(await text('status', '--run', fork.name)).toContain('forked from live');
    expect(await text('speed', 'max')).not.toBe('');
    expect(await json('speed', '20')).toMatchObject({ speed: 20, paused: true });
    expect(await json('resume')).toMatchObject({ paused: false });
  });
});

// All refusals are held word for word by the command's own tests; here: that they come through a process and a server.
describe('exit codes', () => {
  test.each([
    ['an unknown service', 1, ['scale', 'nope=3'], 'nope'],
    ['an instant in the future', 1, ['rewind', '--at', '99:00:00'], 'run has only come to'],
    ['an unknown option', 2, ['ps', '--sideways'], '--sideways'],
  ] as const)('%s: %i', async (_what, code, args, word) => {
    const [human, machine] = await Promise.all([verb(...args), verb(...args, '--json')]);
    expect([human.code, human.stdout]).toEqual([code, '']);
    expect(human.stderr).toContain(word);
    expect(human.stderr).not.toMatch(/^\s+at /m);
    expect([machine.code, machine.stdout]).toEqual([code, '']);
    const { error } = JSON.parse(machine.stderr) as { error: { code: string; message: string } };
    expect(error.code).toMatch(/^PF_/);
  });

  test('no cluster there: 1, and how to start one', async () => {
    const { code, stderr } = await run(['ps', '--url', 'http://127.0.0.1:1']);
    expect(code).toBe(1);
    expect(stderr).toContain('paperfleet up');
  });
});

test('no verb was left out', () => {
  const document = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
  const names = [...document.matchAll(/^### (\w+)$/gm)].map(([, name]) => name!);
  expect(names.length).toBeGreaterThan(20);
  // These start clusters or need none, and have tests of their own.
  const elsewhere = new Set(['up', 'agent', 'run', 'replay']);
  expect(names.filter((name) => !used.has(name) && !elsewhere.has(name))).toEqual([]);
});
