import { bytes, cpus, DEFAULT_RESTART, durationUs, mebibytes, TASK_STATE, type TaskSpec, timeUs } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { checkNode, decideGroup, fits } from './decide.ts';
import { NodeSet } from './node-set.ts';
import { profileProblem } from './profile.ts';
import type { PlacementNode, PlacementRequest } from './request.ts';

const NOW = timeUs(0);

function node(name: string, change: Partial<PlacementNode> = {}, description: Partial<PlacementNode['description']> = {}): PlacementNode {
  const base = { hostname: name, nanoCpus: cpus(1), memoryBytes: mebibytes(1024), engineLabels: {}, address: '', generic: {} };
  return { id: `id-${name}`, name, ready: true, role: 'worker', labels: {}, description: { ...base, ...description }, ...change };
}

function request(
  count: number,
  {
    cpu = 0,
    memory = 0,
    generic,
    ...placement
  }: { cpu?: number; memory?: number; generic?: Record<string, number> } & TaskSpec['placement'] = {},
): PlacementRequest {
  const reservations = { nanoCpus: cpus(cpu), memoryBytes: bytes(memory), ...(generic === undefined ? {} : { generic }) };
  const container = { name: 'main', image: 'any', stopGracePeriodUs: durationUs(0), reservations, limits: {} };
  const spec: TaskSpec = { containers: [container], restart: DEFAULT_RESTART, placement, forceUpdate: 0 };
  return { serviceId: 'web', specVersion: 0, spec, ports: [], count, profile: 'swarm' };
}

function nodeSet(...nodes: readonly PlacementNode[]): NodeSet {
  const set = new NodeSet();
  for (const [row, one] of nodes.entries()) set.upsertNode(row, one);
  return set;
}

let ids = 0;
function add(set: NodeSet, row: number, { serviceId, spec, ports }: PlacementRequest): string {
  const id = `t${ids++}`;
  set.addTask(row, { id, serviceId, spec, ports, desired: TASK_STATE.running });
  return id;
}

describe('explain of a placed task', () => {
  test('names what was compared, the runner-up and what was rejected', () => {
    const set = nodeSet(node('n1'), node('n2'), node('n3', { ready: false }), node('n4', {}, { nanoCpus: cpus(0.2) }));
    add(set, 0, request(1));
    const decision = decideGroup(set, request(2, { cpu: 0.5 }), NOW);
    // The second one stays: n1 is now as good as n2, and not strictly better.
    expect([...decision.nodeRows]).toEqual([1, 1]);
    expect(decision.explain(0)).toEqual({
      code: 'PLACED',
      node: 'n2',
      profile: 'swarm',
      considered: 4,
      feasible: 2,
      rejected: { ready: 1, resources: 1 },
      scores: [
        { name: 'recentFailures', value: 0 },
        { name: 'tasksOfService', value: 0 },
        { name: 'tasksTotal', value: 0 },
      ],
      runnerUp: {
        node: 'n1',
        scores: [
          { name: 'recentFailures', value: 0 },
          { name: 'tasksOfService', value: 1 },
          { name: 'tasksTotal', value: 1 },
        ],
      },
    });
  });

  test('stays as it was when nodes change afterwards', () => {
    const set = nodeSet(node('n1'), node('n2'));
    const decision = decideGroup(set, request(1), NOW);
    const before = structuredClone(decision.explain(0));
    add(set, 0, request(1));
    set.removeNode(1);
    set.removeNode(0);
    expect(decision.explain(0)).toEqual(before);
  });

  test('names the turn once tasks are dealt out, and the branches of a spread', () => {
    const set = nodeSet(
      node('n1', { labels: { zone: 'a' } }),
      node('n2', { labels: { zone: 'b' } }),
      node('n3', { labels: { zone: 'a' } }),
    );
    add(set, 1, request(1));
    const decision = decideGroup(set, request(6, { preferences: ['node.labels.zone'] }), NOW);
    expect([...decision.nodeRows].toSorted((a, b) => a - b)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(decision.explain(0).scores[0]).toEqual({ name: 'tasks in node.labels.zone=a', value: 0 });
    expect(decision.explain(2).scores[1]).toEqual({ name: 'turn', value: 1 });
  });

  test('refuses a task that was not placed', () => {
    expect(() => decideGroup(nodeSet(node('n1')), request(1), NOW).explain(1)).toThrow('task 1 of the group was not placed: 1 were');
  });
});

describe('explain of a pending task', () => {
  test('gives the nearest miss with its shortfall and what would help', () => {
    const set = nodeSet(node('n1'), node('n2'), node('n3', { ready: false }));
    for (let i = 0; i < 9; i++) add(set, 0, request(1, { cpu: 0.1 }));
    for (let i = 0; i < 88; i++) add(set, 1, request(1, { cpu: 0.01 }));
    const { pending } = decideGroup(set, request(2, { cpu: 0.5 }), NOW);
    expect(pending).toEqual({
      count: 2,
      message: 'no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks)',
      explain: {
        code: 'PENDING',
        message: 'no suitable node (insufficient resources on 2 nodes; 1 node not available for new tasks)',
        considered: 3,
        rejected: { ready: 1, resources: 2 },
        nearest: { node: 'n2', filter: 'resources', detail: 'cpu free 120m of 500m needed' },
        wouldFitIf: ['n2 had 380m more free cpu', 'each task reserved at most 120m cpu'],
      },
      requeueOn: ['node.joined', 'node.changed', 'task.ended'],
    });
  });

  test('counts the tasks placed by the same decision', () => {
    const set = nodeSet(node('n1'), node('n2'));
    const decision = decideGroup(set, request(5, { cpu: 0.5, memory: 1024 }), NOW);
    expect(decision.placed).toBe(4);
    expect(decision.pending?.count).toBe(1);
    expect(decision.pending?.explain).toMatchObject({
      rejected: { resources: 2 },
      nearest: { node: 'n1', filter: 'resources', detail: 'cpu free 0 of 500m needed' },
      wouldFitIf: ['n1 had 500m more free cpu'],
    });
  });

  test('joins the shortfalls of a node that several filters reject', () => {
    const set = nodeSet(node('n1', { labels: { disk: 'hdd' } }));
    const { pending } = decideGroup(set, request(1, { memory: 2 ** 31, constraints: ['node.labels.disk == ssd'] }), NOW);
    expect(pending?.message).toBe('no suitable node (insufficient resources on 1 node)');
    expect(pending?.explain.nearest).toEqual({
      node: 'n1',
      filter: 'resources',
      detail: 'memory free 1GiB of 2GiB needed; does not meet node.labels.disk == ssd',
    });
    expect(pending?.explain.wouldFitIf).toEqual(['n1 had 1GiB more free memory and n1 met node.labels.disk == ssd']);
  });

  test('says so when there is no node at all', () => {
    const { pending } = decideGroup(new NodeSet(), request(1, { preferences: ['node.labels.zone'] }), NOW);
    expect(pending?.explain).toEqual({
      code: 'PENDING',
      message: 'no suitable node',
      considered: 0,
      rejected: {},
      wouldFitIf: ['a node joined'],
    });
  });
});

describe('a task whose node is preset', () => {
  test('gets the bare sentence of the filter', () => {
    const set = nodeSet(node('n1'), node('n2'));
    add(set, 0, request(1, { cpu: 1 }));
    const check = checkNode(set, request(1, { cpu: 0.5 }), 0, NOW);
    expect(check).toMatchObject({
      ok: false,
      message: 'insufficient resources on 1 node',
      explain: { rejected: { resources: 1 }, considered: 1 },
    });
    expect(checkNode(set, request(1, { cpu: 0.5 }), 1, NOW)).toMatchObject({ ok: true, explain: { node: 'n2' } });
    expect(fits(set, request(1, { cpu: 0.5 }), 0)).toBe(false);
    expect(fits(set, request(1, { cpu: 0.5 }), 1)).toBe(true);
  });

  test('does not fit on a node that is gone', () => {
    const set = nodeSet(node('n1'));
    set.removeNode(0);
    expect(checkNode(set, request(1), 0, NOW)).toMatchObject({ ok: false, message: 'assigned node no longer exists' });
    expect(fits(set, request(1), 0)).toBe(false);
  });
});

describe('a node set', () => {
  test('takes over a change of a description under running tasks', () => {
    const set = nodeSet(node('n1', {}, { generic: { gpu: ['a', 'b', 'c'] } }));
    const id = add(set, 0, request(1, { cpu: 0.5, generic: { gpu: 2 } }));
    expect(set.genericOf(id)).toEqual({ gpu: ['a', 'b'] });
    set.upsertNode(0, node('n1', {}, { nanoCpus: cpus(0.4), generic: { gpu: ['b', 'd'] } }));
    expect(set.cpuFree[0]).toBe(-100_000_000);
    expect(set.genericFreeOf(0)).toEqual({ gpu: ['d'] });
    expect(fits(set, request(1, { cpu: 0.1 }), 0)).toBe(false);
    expect(set.removeTask(0, { id })).toBe(true);
    expect(set.genericFreeOf(0)).toEqual({ gpu: ['d', 'b'] });
    expect(set.cpuFree[0]).toBe(cpus(0.4));
  });

  test('holds a host port until the last task that has it is gone', () => {
    const set = nodeSet(node('n1'));
    const port = { protocol: 'tcp', targetPort: 80, publishedPort: 80, publishMode: 'host' } as const;
    const wanted = { ...request(1), ports: [port] };
    const first = add(set, 0, wanted);
    const second = add(set, 0, wanted);
    set.removeTask(0, { id: first });
    expect(fits(set, wanted, 0)).toBe(false);
    expect(fits(set, { ...wanted, ports: [{ ...port, protocol: 'udp' }] }, 0)).toBe(true);
    set.removeTask(0, { id: second });
    expect(fits(set, wanted, 0)).toBe(true);
  });

  test('ignores tasks and failures of nodes it does not know', () => {
    const set = nodeSet(node('n1'));
    expect(set.addTask(7, { id: 't', ...request(1), desired: TASK_STATE.running })).toBe(false);
    expect(set.removeTask(0, { id: 't' })).toBe(false);
    set.recordFailure(7, 'web', 0, NOW);
    expect(set.save()).toEqual(new NodeSet().save());
  });

  test('refuses a saved form of another build', () => {
    expect(() => NodeSet.load({ format: 2 })).toThrow('saved node set has format 2, this build reads 1');
  });
});

test('bad requests are refused with what to do', () => {
  const set = nodeSet(node('n1'));
  expect(() => decideGroup(set, request(0), NOW)).toThrow('a group has at least one task, not 0');
  expect(() => decideGroup(set, { ...request(1), profile: 'random' }, NOW)).toThrow(
    "scheduler profile 'random' is not known; profiles are: swarm",
  );
  expect(profileProblem('swarm')).toBeUndefined();
});
