import type { ApiError, Snapshot } from '@paperfleet/core';
import { HEALTHY_LINK, MANAGER } from '@paperfleet/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createApi } from './api.ts';
import type { Route } from './routes/route.ts';
import { ROUTES } from './routes/routes.ts';
import { apiError } from './schemas/answers.ts';
import { HandRuns, handCluster } from './testing/hand-run.ts';
import type { Served } from './testing/serve.ts';
import { serve } from './testing/serve.ts';

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(async () => {
  expect(served.errors).toEqual([]);
  await served.close();
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> => fetch(served.url + path, { headers });
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(served.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const command = (body: unknown, headers?: Record<string, string>): Promise<Response> => post('/api/runs/live/commands', body, headers);
const failure = async (response: Response): Promise<ApiError['error']> => apiError.parse(await response.json()).error;

describe('reading', () => {
  const examples: readonly (readonly [string, string])[] = [
    ['listRuns', '/api/runs'],
    ['getRun', '/api/runs/main'],
    ['getSnapshot', '/api/runs/live/snapshot'],
    ['listNodes', '/api/runs/live/nodes'],
    ['getNode', '/api/runs/live/nodes/n1'],
    ['listServices', '/api/runs/live/services'],
    ['getService', '/api/runs/live/services/web'],
    ['listTasks', '/api/runs/live/tasks?service=web'],
    ['getTask', '/api/runs/live/tasks/shop_api.1'],
    ['listEvents', '/api/runs/live/events?limit=3'],
    ['getMetrics', '/api/runs/live/metrics?subject=node:n1&buckets=10'],
    ['getWhy', '/api/runs/live/why/service:web'],
    ['listInputs', '/api/runs/live/journal'],
    ['getDigest', '/api/runs/live/digest'],
    ['getHealth', '/healthz'],
  ];
  const byId = new Map(ROUTES.map((route) => [route.id, route]));

  test.each(examples)('%s answers with what its schema says', async (id, path) => {
    const route: Route = byId.get(id)!;
    const response = await get(path);
    expect(response.status).toBe(route.answer.status);
    const parsed = route.answer.schema.safeParse(await response.json());
    expect(parsed.error?.issues ?? []).toEqual([]);
  });

  test('every endpoint that reads has an example above', () => {
    expect(ROUTES.filter(({ method }) => method === 'get').map(({ id }) => id)).toEqual(expect.arrayContaining(examples.map(([id]) => id)));
    expect(examples.length).toBe(ROUTES.filter(({ method }) => method === 'get').length);
  });

  test('services tell how many tasks run, start and wait; a task on a node that is down does not count as running', async () => {
    const { services } = (await (await get('/api/runs/live/services')).json()) as { services: Snapshot['services'] };
    expect(services.map(({ name, desired, running, starting, pending }) => [name, desired, running, starting, pending])).toEqual([
      ['web', 4, 3, 0, 0],
      ['shop_api', 1, 0, 1, 1],
      ['agent', 3, 2, 0, 0],
    ]);
  });

  test('reservations of a node are those of its tasks that have not ended', async () => {
    const { nodes } = (await (await get('/api/runs/live/nodes')).json()) as { nodes: Snapshot['nodes'] };
    const [n1, n2] = nodes;
    expect([n1!.tasks, n1!.reservedNanoCpus, n1!.reservedMemoryBytes]).toEqual([2, 500_000_000, 128 * 2 ** 20]);
    expect([n2!.tasks, n2!.reservedNanoCpus]).toEqual([3, 750_000_000]);
  });

  test('a large snapshot is compressed for who accepts it, and the same', async () => {
    served.run.scale(served.run.store.findService('web')!, 400);
    const packed = await get('/api/runs/live/snapshot');
    const plain = await get('/api/runs/live/snapshot', { 'accept-encoding': 'identity' });
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(((await packed.json()) as Snapshot).tasks).toEqual(((await plain.json()) as Snapshot).tasks);
  });

  test('events are paged backwards, forwards and by subject', async () => {
    const { lastId } = served.run.events;
    const ids = async (query: string): Promise<number[]> =>
      ((await (await get(`/api/runs/live/events?${query}`)).json()) as { events: { id: number }[] }).events.map(({ id }) => id);
    expect(await ids('limit=2')).toEqual([lastId - 1, lastId]);
    expect(await ids(`limit=2&before=${lastId}`)).toEqual([lastId - 2, lastId - 1]);
    expect(await ids('limit=2&after=0')).toEqual([1, 2]);
    expect(await ids(`after=${lastId}`)).toEqual([]);
    expect(await ids('subject=node:n3')).toEqual([lastId]);
    expect(await ids('subject=shop_api&limit=1')).toEqual([lastId - 1]);
    expect(await ids(`subject=shop_api&before=${lastId - 1}`)).toEqual([lastId - 2]);
    expect(await ids(`subject=shop_api&after=${lastId - 2}`)).toEqual([lastId - 1]);
  });

  test('ended tasks are listed only when asked for', async () => {
    const task = served.run.store.findTask('web.1')!;
    served.run.store.updateTask(task, { state: 704, desired: 640, error: 'task: non-zero exit (1)' });
    const names = async (query: string): Promise<string[]> =>
      ((await (await get(`/api/runs/live/tasks?${query}`)).json()) as { tasks: { name: string }[] }).tasks.map(({ name }) => name);
    expect(await names('service=web')).toEqual(['web.2', 'web.3', 'web.4']);
    expect(await names('service=web&all=true')).toEqual(['web.1', 'web.2', 'web.3', 'web.4']);
    expect(await names('service=web&node=n1')).toEqual(['web.3']);
  });

  test('why says what is so, the reason, and what it goes back to', async () => {
    const { summary, chain } = (await (await get('/api/runs/live/why/shop_api.1')).json()) as {
      summary: string;
      chain: { kind: string }[];
    };
    expect(summary).toBe(
      'shop_api.1 has been pending for 1 min. Waiting for a node: no suitable node (insufficient resources on 3 nodes). ' +
        'Nearest is n2: 1.5 CPU free, 2 needed. It would fit if a node with 2 CPUs joined, or if web were scaled down by 1. ' +
        'It goes back to 00:20.000: Command deploy: stack shop.',
    );
    expect(chain.map(({ kind }) => kind)).toEqual(['task.pending', 'service.created']);
  });

  test('why a node is down tells of the node, not of the tasks that were moved because of it', async () => {
    const { events } = served.run;
    const down = events.lastId;
    const restart = { code: 'RESTART', reason: 'node-down', condition: 'any', delayUs: 0, attempts: 1, maxAttempts: 0 } as const;
    events.add(80_000_000, 'task.restarted', restart, { task: 't1', service: 'web', node: 'n3', cause: down });
    const { summary } = (await (await get('/api/runs/live/why/n3')).json()) as { summary: string };
    expect(summary).toMatch(/^n3 is down: its last heartbeat came at 00:55\.000 .* In truth its machine has crashed\.$/);
  });

  test('a service named without its stack is recognised in the hint', async () => {
    expect((await failure(await get('/api/runs/live/why/api.1'))).hint).toBe('did you mean shop_api.1?');
    expect((await failure(await get('/api/runs/live/tasks?service=api'))).hint).toBe('did you mean shop_api?');
  });

  test('what no longer exists is explained while its events are held', async () => {
    const { store } = served.run;
    const task = store.findTask('web.4')!;
    store.removeTask(task);
    const { summary } = (await (await get(`/api/runs/live/why/${task.id}`)).json()) as { summary: string };
    expect(summary).toContain('no longer exists. Created in slot 4');
  });
});

describe('commands', () => {
  test('a command is acknowledged with its place in the journal and takes effect', async () => {
    const response = await command({ command: { do: 'scale', service: 'web', replicas: 6 } }, { 'paperfleet-actor': 'page' });
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ seq: 1, at: 80_000_000 });
    expect(served.run.store.tasksOfService(served.run.store.findService('web')!.id)).toHaveLength(6);
    expect(served.run.inputs()[0]!.input).toMatchObject({ kind: 'command', by: 'page' });
  });

  test('the same key acts once and answers the same, from the header and from the body', async () => {
    const body = { command: { do: 'scale', service: 'web', replicas: 6 } };
    const first: unknown = await (await command(body, { 'idempotency-key': 'k1' })).json();
    const second: unknown = await (await command({ ...body, key: 'k1' })).json();
    expect(second).toEqual(first);
    expect(served.run.inputs()).toHaveLength(1);
    const other = await command({ ...body, key: 'k2' }, { 'idempotency-key': 'k1' });
    expect([other.status, (await failure(other)).path]).toEqual([400, 'key']);
  });

  test.each([
    [{ command: { do: 'scale', service: 'nope', replicas: 1 } }, 404, 'PF_NOT_FOUND', undefined],
    [{ command: { do: 'scale', service: 'agent', replicas: 1 } }, 409, 'PF_CONFLICT', 'command.service'],
    [{ command: { do: 'scale', service: 'web', replicas: -1 } }, 400, 'PF_INVALID', 'command.replicas'],
    [{ command: { do: 'scale', service: 'web', replicas: 1.5 } }, 400, 'PF_INVALID', 'command.replicas'],
    [{ command: { do: 'scale', service: 'web', replicas: 1, extra: 1 } }, 400, 'PF_INVALID', 'command.extra'],
    [{ command: { do: 'explode' } }, 400, 'PF_INVALID', 'command.do'],
    [{ command: { do: 'createService', spec: { name: 'x' } } }, 400, 'PF_INVALID', 'command.spec.labels'],
    [[], 400, 'PF_INVALID', ''],
    ['{"command":', 400, 'PF_INVALID', undefined],
    [`{"command":{"do":"scale","service":"web","replicas":1},"__proto__":{"key":"x"}}`, 400, 'PF_INVALID', undefined],
    [`{"key":${'['.repeat(50_000)}${']'.repeat(50_000)}}`, 400, 'PF_INVALID', undefined],
    ['{"command":{"do":"load","service":"web","requestsPerSecond":1e999}}', 400, 'PF_INVALID', undefined],
  ])('%j is refused with a code and a place', async (body, status, code, path) => {
    const response = await command(body);
    const error = await failure(response);
    expect([response.status, error.code, error.path]).toEqual([status, code, path]);
    expect(served.run.inputs()).toHaveLength(0);
  });

  test('bodies that are no JSON, too large or compressed beyond bounds are refused', async () => {
    const plain = await fetch(`${served.url}/api/runs/live/commands`, { method: 'POST', body: 'scale web' });
    expect([plain.status, (await failure(plain)).code]).toEqual([415, 'PF_MEDIA_TYPE']);
    const large = await command({ key: 'x'.repeat(3_000_000) });
    expect([large.status, (await failure(large)).code]).toEqual([413, 'PF_TOO_LARGE']);
  });

  test('partitions, heals and link faults concern what nodes send and what the manager sends them', async () => {
    const fault = (body: unknown): Promise<Response> => post('/api/runs/live/faults', body);
    expect((await fault({ nodes: ['n1', 'n2'], fault: { fault: 'partition', direction: 'both' } })).status).toBe(202);
    const cut = { ...HEALTHY_LINK, partitioned: true };
    expect(served.run.faults).toEqual([
      { parties: [16, 17], label: 'partition n1, n2', fault: { fault: 'link', peers: [], link: cut } },
      { parties: [MANAGER], label: 'partition n1, n2', fault: { fault: 'link', peers: [16, 17], link: cut } },
    ]);
    served.run.faults.length = 0;
    await fault({ nodes: ['n1'], fault: { fault: 'partition', direction: 'up' } });
    await fault({ nodes: ['n1'], fault: { fault: 'partition', direction: 'down' } });
    await fault({ nodes: ['n1'], fault: { fault: 'heal' } });
    await fault({ nodes: ['n1'], fault: { fault: 'crash' } });
    expect(served.run.faults.map(({ parties, label, fault: { fault: name } }) => [parties, label, name])).toEqual([
      [[16], 'partition n1 (what they send)', 'link'],
      [[MANAGER], 'partition n1 (what they are sent)', 'link'],
      [[16], 'heal n1', 'link'],
      [[MANAGER], 'heal n1', 'link'],
      [[16], 'crash n1', 'crash'],
    ]);
  });

  test('a fault finds the node of a task, and refuses what it cannot reach', async () => {
    const fault = (body: unknown): Promise<Response> => post('/api/runs/live/faults', body);
    await fault({ fault: { fault: 'killTask', task: 'web.1', exitCode: 137 } });
    expect(served.run.faults[0]).toMatchObject({ parties: [17], label: 'kill task web.1' });
    const pending = await fault({ fault: { fault: 'killTask', task: 'shop_api.1', exitCode: 1 } });
    expect([pending.status, (await failure(pending)).message]).toEqual([409, 'shop_api.1 has no node yet: there is nothing to kill']);
    const unknown = await fault({ nodes: ['n1', 'n9'], fault: { fault: 'crash' } });
    expect([unknown.status, (await failure(unknown)).path]).toEqual([404, 'nodes[1]']);
    expect((await fault({ fault: { fault: 'crash' } })).status).toBe(400);
    expect(served.run.faults).toHaveLength(1);
  });

  test('playback is set and answered', async () => {
    const playback = async (body: unknown): Promise<unknown> => (await post('/api/runs/live/playback', body)).json();
    expect(await playback({ do: 'pause' })).toMatchObject({ paused: true });
    expect(await playback({ do: 'speed', speed: 20 })).toMatchObject({ speed: 20 });
    expect(await playback({ do: 'step', until: 'window' })).toMatchObject({ paused: true, simUs: 80_100_000 });
    expect((await post('/api/runs/live/playback', { do: 'speed', speed: 0.01 })).status).toBe(400);
  });

  test('rewind gives the past, fork a branch that can be closed; the live run cannot', async () => {
    const past = await post('/api/runs/live/rewind', { at: 10_000_000 });
    expect(past.headers.get('paperfleet-digest')).toBe('hand-past');
    expect(((await past.json()) as Snapshot).playback).toMatchObject({ simUs: 10_000_000, paused: true });
    expect((await post('/api/runs/live/rewind', { at: 10_000_000_000 })).status).toBe(400);
    const fork = await post('/api/runs/live/fork', { at: 5_000_000 });
    expect(fork.status).toBe(201);
    const branch = (await fork.json()) as { name: string; forkedAtUs: number };
    expect(branch.forkedAtUs).toBe(5_000_000);
    expect((await get(`/api/runs/${branch.name}/snapshot`)).status).toBe(200);
    expect((await fetch(`${served.url}/api/runs/${branch.name}`, { method: 'DELETE' })).status).toBe(200);
    expect((await get(`/api/runs/${branch.name}/snapshot`)).status).toBe(404);
    expect((await fetch(`${served.url}/api/runs/live`, { method: 'DELETE' })).status).toBe(409);
  });
});

describe('deploying Compose files', () => {
  const stack = { name: 'shop', services: [], networks: [], volumes: [], secrets: [], configs: [] };

  test('submits what the loader made of them and passes its warnings on', async () => {
    const mine = await serve({
      loadStack: (request) => {
        expect(request).toEqual({ files: [{ path: 'compose.yaml', text: 'services: {}' }], name: 'shop', profiles: ['dev'] });
        return { ok: true, stack, warnings: [{ message: 'ignored', file: 'compose.yaml', line: 1 }] };
      },
    });
    const response = await fetch(`${mine.url}/api/runs/live/deploy`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ files: [{ path: 'compose.yaml', text: 'services: {}' }], name: 'shop', profiles: ['dev'], prune: true }),
    });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ seq: 1, stack: 'shop', warnings: [{ message: 'ignored' }] });
    expect(mine.run.inputs()[0]!.input).toMatchObject({ command: { do: 'deploy', stack, prune: true } });
    await mine.close();
  });

  test('answers with every error of the files', async () => {
    const errors = [
      { message: 'must be a number', file: 'c.yaml', line: 4, column: 7, path: 'services.web.deploy.replicas', hint: '' },
      { message: 'unknown key', file: 'c.yaml', line: 9, column: 1, path: 'servces', hint: 'did you mean services?' },
    ];
    const mine = await serve({ loadStack: () => ({ ok: false, errors }) });
    const response = await fetch(`${mine.url}/api/runs/live/deploy`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ files: [{ path: 'c.yaml', text: '' }] }),
    });
    expect(response.status).toBe(400);
    const error = await failure(response);
    expect([error.message, error.details]).toEqual(['c.yaml:4: must be a number (and 1 more)', errors]);
    await mine.close();
  });

  test('is not available without a loader', async () => {
    expect((await post('/api/runs/live/deploy', { files: [{ path: 'c.yaml', text: '' }] })).status).toBe(501);
  });
});

describe('addresses', () => {
  test.each([
    ['/api/runs/nope/snapshot', 404],
    ['/api/nope', 404],
    ['/api/runs/live/nodes/n9', 404],
    ['/api/runs/live/events?limit=0', 400],
    ['/api/runs/live/events?nope=1', 400],
    ['/api/runs/live/events?before=1&after=2', 400],
    ['/api/runs/live/metrics', 400],
    ['/api/runs/live/metrics?subject=web.1', 400],
    ['/api/runs/%ff/snapshot', 400],
    ['/api/runs/live/commands', 405],
  ])('%s answers %i as an error of ours', async (path, status) => {
    const response = await get(path);
    expect(response.status).toBe(status);
    await failure(response);
  });

  test('a path that exists names the methods it has', async () => {
    const response = await fetch(`${served.url}/api/runs/live/commands`, { method: 'PUT' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

test('without a token nothing but loopback is listened on', () => {
  const options = { runs: new HandRuns(handCluster()), defaultRun: 'main', port: 7070, log: () => {} };
  expect(() => createApi({ ...options, host: '0.0.0.0' })).toThrow(/token/);
  createApi({ ...options, host: '0.0.0.0', token: 't' }).close();
  createApi({ ...options, host: '::1' }).close();
});
