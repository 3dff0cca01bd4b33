import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TASK_STATE } from '@paperfleet/core';
import type { Served } from '@paperfleet/scheduler/testing';
import { serve } from '@paperfleet/scheduler/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Printed, RunOptions } from './testing/run.ts';
import { paperfleet } from './testing/run.ts';

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(async () => {
  await served.close();
});
const run = (line: string | readonly string[], options: RunOptions = {}): Promise<Printed> =>
  paperfleet(line, { ...options, env: { PAPERFLEET_URL: served.url, ...options.env } });
const json = async (line: string): Promise<unknown> => JSON.parse((await run(`${line} --json`)).out);
const submitted = (): unknown[] => served.run.inputs().map(({ input }) => (input.kind === 'command' ? input.command : input));

describe('looking', () => {
  test('status', async () => {
    expect((await run('status')).out).toMatchInlineSnapshot(`
      "Run       main (seed 42)
      Time      01:20.000, 1x
      Nodes     2 of 3 ready, 1 down
      Services  0 of 3 as wanted
      Tasks     5 of 8 running, 1 without a node
      Reserved  1.75 of 12 CPUs, 448MiB of 24GiB memory
      Engine    3 agents in 1 host, 99 events processed
      "
    `);
  });
  test('services', async () => {
    expect((await run('services')).out).toMatchInlineSnapshot(`
      "NAME      MODE        REPLICAS         IMAGE        LOAD  PORTS  UPDATE
      web       replicated  3/4              nginx:1.27  120/s  -      -
      shop_api  replicated  0/1 (1 pending)  nginx:1.27      -  -      -
      agent     global      2/3              nginx:1.27      -  -      -
      "
    `);
  });
  test('nodes', async () => {
    expect((await run('nodes')).out).toMatchInlineSnapshot(`
      "NAME  STATUS  AVAILABILITY  REALITY  ZONE  TASKS  CPU RESERVED  MEMORY RESERVED
      n1    ready   active        up       a         2         0.5/4      128MiB/8GiB
      n2    ready   active        up       b         3        0.75/4      192MiB/8GiB
      n3    down    active        crashed  c         2         0.5/4      128MiB/8GiB
      "
    `);
  });
  test('ps', async () => {
    expect((await run('ps')).out).toMatchInlineSnapshot(`
      "ID            NAME        IMAGE       NODE  DESIRED  STATE    SINCE   CPU  MEMORY  MESSAGE
      t000000xxxxx  web.1       nginx:1.27  n2    running  running  00:00  0.23   64MiB
      t000001xxxxx  web.2       nginx:1.27  n3    running  running  00:00  0.23   64MiB
      t000002xxxxx  web.3       nginx:1.27  n1    running  running  00:00  0.23   64MiB
      t000003xxxxx  web.4       nginx:1.27  n2    running  running  00:00  0.23   64MiB
      t000004xxxxx  shop_api.1  nginx:1.27  -     running  pending  00:20     -       -  pending task scheduling
      t000005xxxxx  agent.n1    nginx:1.27  n1    running  running  00:01     0      0B
      t000006xxxxx  agent.n2    nginx:1.27  n2    running  running  00:01     0      0B
      t000007xxxxx  agent.n3    nginx:1.27  n3    running  running  00:01     0      0B
      "
    `);
  });
  test('ps of one service on one node', async () => {
    expect(
      (await run('ps web --node n2')).out
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(/ {2,}/)[1]),
    ).toEqual(['web.1', 'web.4']);
  });
  test('runs and digest', async () => {
    await run('fork --at 0:10');
    expect((await run('runs')).out).toMatchInlineSnapshot(`
      "NAME    FORKED FROM             TIME  PLAYBACK  SEED
      main    -                  01:20.000  1x        42
      main-1  main at 00:10.000  00:10.000  paused    42
      "
    `);
    expect((await run('digest')).out).toBe('hand-0 at 01:20.000\n');
    expect((await run('runs --close main-1')).out).not.toContain('main-1');
  });
  test('events', async () => {
    expect((await run('events --limit 5')).out).toMatchInlineSnapshot(`
      "01:20.000  info     task.created        web (t000002)         Created in slot 3: the service wants more replicas than it had.
      01:20.000  info     task.created        web (t000003)         Created in slot 4: the service wants more replicas than it had.
      00:20.000  info     service.created     shop_api              Command deploy: stack shop.
      00:20.050  warning  task.pending        shop_api (t000004)    Waiting for a node: no suitable node (insufficient resources on 3 nodes). Nearest is n2: 1.5 CPU free, 2 needed. It would fit if a node with 2 CPUs joined, or if web were scaled down by 1.
      01:10.000  error    node.down           n3                    n3 is down: its last heartbeat came at 00:55.000 and none followed within 15 s; 2 tasks were on it.
      "
    `);
  });
  test('why a task waits', async () => {
    expect((await run('why shop_api.1 --events')).out).toMatchInlineSnapshot(`
      "shop_api.1 has been pending for 1 min. Waiting for a node: no suitable node (insufficient resources on 3 nodes). Nearest is n2: 1.5 CPU free, 2 needed. It would fit if a node with 2 CPUs joined, or if web were scaled down by 1. It goes back to 00:20.000: Command deploy: stack shop.

      How it came about:
      00:20.000 Command deploy: stack shop.
        └ 00:20.050 Waiting for a node: no suitable node (insufficient resources on 3 nodes). Nearest is n2: 1.5 CPU free, 2 needed. It would fit if a node with 2 CPUs joined, or if web were scaled down by 1.

      Events:
      00:20.050  warning  task.pending        shop_api (t000004)    Waiting for a node: no suitable node (insufficient resources on 3 nodes). Nearest is n2: 1.5 CPU free, 2 needed. It would fit if a node with 2 CPUs joined, or if web were scaled down by 1.
      "
    `);
  });
  test('why a node is down', async () => {
    expect((await run('why n3')).out).toMatchInlineSnapshot(`
      "n3 is down: its last heartbeat came at 00:55.000 and none followed within 15 s; 2 tasks were on it. In truth its machine has crashed.
      "
    `);
  });
  test('every one of them prints the same facts as JSON', async () => {
    expect(await json('status')).toMatchObject({ tasks: { desired: 8, running: 5, starting: 1, pending: 1 } });
    expect(await json('services')).toMatchObject([{ name: 'web' }, { name: 'shop_api' }, { name: 'agent' }]);
    expect(await json('nodes')).toMatchObject([{ name: 'n1' }, { name: 'n2' }, { name: 'n3', status: 'down' }]);
    expect(await json('ps web')).toHaveLength(4);
    expect(await json('events --limit 1')).toMatchObject([{ kind: 'node.down' }]);
    expect(await json('why n3')).toMatchObject({ subject: 'node:n3' });
    expect(await json('runs')).toMatchObject([{ name: 'main' }]);
  });
  test('an empty cluster says what to do', async () => {
    for (const service of [...served.run.store.services.values()]) await run(`rm ${service.spec.name}`);
    expect((await run('services')).out).toBe('No services. Deploy something: paperfleet deploy FILE\n');
  });
  test('following goes on with new events, one JSON object a line, until interrupted', async () => {
    const interrupt = new AbortController();
    let out = '';
    const following = run('events --follow --json --limit 1', {
      signal: interrupt.signal,
      onOut: (text) => {
        out += text;
        if (out.includes('later')) interrupt.abort();
        else if (out.endsWith('\n')) served.run.events.add(served.run.simUs, 'note', { code: 'NOTE', message: 'later' });
      },
    });
    expect((await following).code).toBe(0);
    const kinds = out
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { kind: string }).kind);
    expect(kinds.slice(0, 2)).toEqual(['node.down', 'note']);
  });
  test('names with control characters cannot drive the terminal', async () => {
    served.run.store.addService('evil\u001b[2J\nname', { kind: 'global' });
    const { out } = await run('services', { terminal: false });
    expect(out).not.toContain('\u001b');
    expect(out.split('\n')).toHaveLength(6);
  });
});

describe('changing', () => {
  test('scale', async () => {
    expect(await run('scale web=6 shop_api=2')).toEqual({
      code: 0,
      out: 'web scaled to 6 (at 01:20.000)\nshop_api scaled to 2 (at 01:20.000)\n',
      err: '',
    });
    expect(submitted()).toEqual([
      { do: 'scale', service: 'web', replicas: 6 },
      { do: 'scale', service: 'shop_api', replicas: 2 },
    ]);
    expect(served.run.inputs()[0]!.input).toMatchObject({ by: 'paperfleet', key: expect.stringMatching(/^[0-9a-f-]{36}$/) as string });
  });
  test('scale --wait returns when all run, and shows how far it is', async () => {
    const { store } = served.run;
    const service = store.findService('shop_api')!;
    const node = store.findNode('n1')!;
    const { code, err } = await run('scale shop_api=1 --wait', {
      terminal: true,
      env: { NO_COLOR: '1' },
      // The first line of progress is the sign that it has seen the task wait.
      onErr: () => store.updateTask(store.tasksOfService(service.id)[0]!, { nodeId: node.id, state: TASK_STATE.running }),
    });
    expect([code, err.split('\n')[0]]).toEqual([0, 'shop_api 0/1 (1 without a node)']);
  });
  test('load, rm, drain, cordon, activate', async () => {
    await run('load web 0.5');
    await run('drain n1 n2');
    await run('cordon n1');
    await run('activate n1');
    await run('rm agent');
    expect(submitted()).toEqual([
      { do: 'load', service: 'web', requestsPerSecond: 0.5 },
      { do: 'updateNode', node: 'n1', availability: 'drain' },
      { do: 'updateNode', node: 'n2', availability: 'drain' },
      { do: 'updateNode', node: 'n1', availability: 'pause' },
      { do: 'updateNode', node: 'n1', availability: 'active' },
      { do: 'removeService', service: 'agent' },
    ]);
  });
  test('kill, recover, partition, heal', async () => {
    expect((await run('kill n1 n2')).out).toBe('n1, n2 killed (at 01:20.000)\n');
    await run('kill --task web.1 --exit-code 3');
    await run('recover n1');
    await run('partition n1 --direction up');
    await run('heal n1');
    expect(served.run.faults.map(({ label }) => label)).toEqual([
      'crash n1, n2',
      'kill task web.1',
      'recover n1',
      'partition n1 (what they send)',
      'heal n1',
      'heal n1',
    ]);
  });
  test('pause, resume, speed, step', async () => {
    expect((await run('pause')).out).toBe('01:20.000, paused\n');
    expect((await run('speed 20')).out).toBe('01:20.000, paused\n');
    expect((await run('resume')).out).toBe('01:20.000, 20x\n');
    expect((await run('speed max')).out).toBe('01:20.000, as fast as possible (0x reached)\n');
    expect((await run('step --event')).out).toBe('01:21.000, paused\n');
  });
  test('rewind and fork', async () => {
    const rewound = await run('rewind --at 01:10');
    expect(rewound.out.split('\n')[0]).toBe('main at 01:10.000, digest hand-past');
    expect((await run('fork --at 30s')).out).toBe(
      'main-1 forked from main at 00:30.000, paused\ngo on with: paperfleet resume --run main-1\n',
    );
    expect((await run('status --run main-1')).out.split('\n')[0]).toBe('Run       main-1 (seed 42, forked from main at 00:30.000)');
  });
});

describe('files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'paperfleet-cli-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);

  test('deploy loads Compose files here and submits the stack', async () => {
    write('compose.yaml', 'name: shop\nservices:\n  front:\n    image: nginx:${TAG}\n    deploy: {replicas: 2}\n');
    write('.env', 'TAG=1.27\n');
    const { code, out, err } = await run('deploy compose.yaml', { cwd: folder });
    expect([code, err]).toEqual([0, '']);
    expect(out).toBe('stack shop deployed: 1 service (at 01:20.000)\n  shop_front\n');
    expect(submitted()).toMatchObject([
      {
        do: 'deploy',
        prune: false,
        stack: { name: 'shop', services: [{ name: 'shop_front', mode: { kind: 'replicated', replicas: 2 } }] },
      },
    ]);
    expect(
      (submitted()[0] as { stack: { services: { task: { containers: { image: string }[] } }[] } }).stack.services[0]!.task.containers[0]!
        .image,
    ).toBe('nginx:1.27');
  });
  test('a file with errors is not deployed; every error has its place', async () => {
    write('compose.yaml', 'name: shop\nservices:\n  front:\n    imag: nginx\n    deploy: {replicas: many}\n');
    const { code, out, err } = await run('deploy compose.yaml', { cwd: folder });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^compose\.yaml:4:\d+: error: /m);
    expect(err).toMatch(/^compose\.yaml:5:\d+: error: /m);
    expect(err).toMatch(/\d errors, nothing was done\n$/);
    expect(submitted()).toEqual([]);
    const asJson = await run('deploy compose.yaml --json', { cwd: folder });
    expect(JSON.parse(asJson.out)).toMatchObject({ ok: false, errors: [{ file: 'compose.yaml', line: 4 }, { line: 5 }] });
  });
  test('validate tells Compose files from scenarios and needs no cluster', async () => {
    write('compose.yaml', 'name: shop\nservices: {front: {image: nginx}}\n');
    expect(await paperfleet('validate compose.yaml', { cwd: folder })).toEqual({
      code: 0,
      out: 'ok compose.yaml: Compose, stack "shop" with 1 service\n',
      err: '',
    });
    write('scenario.yaml', 'name: first\ncluster: {nope: 1}\n');
    const scenario = await paperfleet('validate scenario.yaml', { cwd: folder });
    expect([scenario.code, scenario.err]).toEqual([1, expect.stringMatching(/^scenario\.yaml:2:\d+: error: /)]);
  });
  test('a file that is not there', async () => {
    expect((await run('deploy nope.yaml', { cwd: folder })).err).toBe('paperfleet deploy: cannot read nope.yaml: there is no such file\n');
    expect((await run('validate .', { cwd: folder })).err).toBe('paperfleet validate: cannot read .: it is a folder\n');
  });
});

describe('refusals', () => {
  test.each([
    ['scale nope=3', 1, 'paperfleet scale: no service "nope"\n'],
    [
      'scale agent=3',
      1,
      'paperfleet scale: agent is not a replicated service (at command.service)\nhint: only replicated services can be scaled\n',
    ],
    [
      'why nope',
      1,
      'paperfleet why: no task, service or node "nope"\nhint: use a name, an id, or the beginning of an id that only one has\n',
    ],
    ['kill n1 n9', 1, 'paperfleet kill: no node "n9" (at nodes[1])\n'],
    ['ps --run nope', 1, 'paperfleet ps: no run "nope"\nhint: GET /api/runs lists them\n'],
    ['runs --close main', 1, 'paperfleet runs: the live run cannot be closed; only branches can\n'],
  ])('%s', async (line, code, err) => {
    expect(await run(line)).toEqual({ code, out: '', err });
  });
  test('with --json an error is JSON too', async () => {
    const { code, out, err } = await run('scale nope=3 --json');
    expect([code, out, JSON.parse(err)]).toEqual([1, '', { error: { code: 'PF_NOT_FOUND', message: 'no service "nope"' } }]);
  });
  test('a wrong token', async () => {
    const guarded = await serve({ token: 'secret' });
    const without = await paperfleet('ps', { env: { PAPERFLEET_URL: guarded.url } });
    expect([without.code, without.err.split('\n')[0]]).toEqual([1, 'paperfleet ps: a token is required']);
    expect((await paperfleet('ps', { env: { PAPERFLEET_URL: guarded.url, PAPERFLEET_TOKEN: 'secret' } })).code).toBe(0);
    expect((await paperfleet(`ps --url ${guarded.url} --token secret`)).code).toBe(0);
    await guarded.close();
  });
  test('no cluster, and something else at the address', async () => {
    const closed = await serve();
    await closed.close();
    const nobody = await paperfleet(`ps --url ${closed.url}`);
    expect(nobody).toEqual({
      code: 1,
      out: '',
      err: `paperfleet ps: no Paperfleet cluster answers at ${closed.url}\nhint: start one with \`paperfleet up\` (or \`npm start\`), or name another with --url\n`,
    });
  });
});
