// SwarmKit's placement facts, entry by entry. Entries about the scheduler's queue and about which failures are recorded
// belong to the manager and are run by its suite; every other entry is run here, and an entry this file does not know fails.

import {
  amount,
  checkNode,
  claimGeneric,
  constraintMatches,
  decideGroup,
  type GenericResources,
  MAX_FAILURES,
  NodeSet,
  nodeMatches,
  type PlacementNode,
  type PlacementRequest,
  parseConstraints,
  reclaimGeneric,
  type SpreadTree,
  sanitizeGeneric,
  spreadOf,
} from '@paperfleet/scheduler';
import {
  type ContainerSpec,
  DEFAULT_RESTART,
  durationUs,
  TASK_STATE,
  type TaskSpec,
  seconds,
  type TaskStateName,
  timeUs,
} from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { loadVectors } from './vectors.ts';

type Generic = Readonly<Record<string, number | readonly string[]>>;

interface VectorNode {
  readonly id: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly engineLabels?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly addr?: string;
  readonly role?: 'worker' | 'manager';
  readonly state?: string;
  readonly availability?: string;
  readonly cpu?: number;
  readonly mem?: number;
  readonly generic?: Generic;
  readonly platform?: { readonly arch: string; readonly os: string };
  readonly plugins?: readonly (readonly [string, string])[];
}

interface Reserve {
  readonly cpu?: number;
  readonly mem?: number;
  readonly generic?: Readonly<Record<string, number>>;
}

interface VectorTasks {
  readonly service: string;
  readonly count: number;
  readonly reserve?: Reserve;
  readonly hostPorts?: readonly string[];
}

interface ExistingTasks extends VectorTasks {
  readonly node: string;
  readonly state?: string;
}

interface ScheduledTasks extends VectorTasks {
  readonly oneOff?: boolean;
  readonly preassigned?: string;
  readonly spread?: readonly string[];
  readonly constraints?: readonly string[];
  readonly maxReplicas?: number;
  readonly platforms?: readonly { readonly arch: string; readonly os: string }[];
  readonly volumeDriver?: string;
  readonly networkDriver?: string;
  readonly logDriver?: string;
}

interface Expected {
  readonly perNode?: Readonly<Record<string, number>>;
  readonly atLeast?: Readonly<Record<string, number>>;
  readonly histogram?: Readonly<Record<string, number>>;
  readonly afterHistogram?: Readonly<Record<string, number>>;
  readonly onlyNodes?: readonly string[];
  readonly sums?: readonly { readonly nodes: readonly string[]; readonly total: number }[];
  readonly pending?: number;
  readonly err?: string;
}

const KNOWN_FIELDS: Readonly<Record<'node' | 'existing' | 'schedule' | 'expect', readonly string[]>> = {
  node: [
    'id',
    'labels',
    'engineLabels',
    'hostname',
    'addr',
    'role',
    'state',
    'availability',
    'cpu',
    'mem',
    'generic',
    'platform',
    'plugins',
  ],
  existing: ['service', 'count', 'reserve', 'hostPorts', 'node', 'state'],
  schedule: [
    ...['service', 'count', 'reserve', 'hostPorts', 'oneOff', 'preassigned', 'spread', 'constraints', 'maxReplicas', 'platforms'],
    ...['volumeDriver', 'networkDriver', 'logDriver'],
  ],
  expect: ['perNode', 'atLeast', 'histogram', 'afterHistogram', 'onlyNodes', 'sums', 'pending', 'err'],
};

/** A field that nothing here reads would make an entry pass without being tested. */
function requireKnown(kind: keyof typeof KNOWN_FIELDS, object: object): void {
  for (const field of Object.keys(object)) if (!KNOWN_FIELDS[kind].includes(field)) throw new Error(`${kind} has unknown field '${field}'`);
}

function placementNode(node: VectorNode): PlacementNode {
  return {
    id: node.id,
    name: node.id,
    ready: (node.state ?? 'ready') === 'ready' && (node.availability ?? 'active') === 'active',
    role: node.role ?? 'worker',
    labels: node.labels ?? {},
    description: {
      hostname: node.hostname ?? '',
      nanoCpus: (node.cpu ?? 0) as PlacementNode['description']['nanoCpus'],
      memoryBytes: (node.mem ?? 0) as PlacementNode['description']['memoryBytes'],
      engineLabels: node.engineLabels ?? {},
      address: node.addr ?? '',
      generic: node.generic ?? {},
      ...(node.platform === undefined ? {} : { platform: { architecture: node.platform.arch, os: node.platform.os } }),
      ...(node.plugins === undefined ? {} : { plugins: node.plugins }),
    },
  };
}

function taskSpec(tasks: VectorTasks & Partial<ScheduledTasks>): TaskSpec {
  const container: ContainerSpec = {
    name: 'main',
    image: 'any',
    stopGracePeriodUs: durationUs(0),
    reservations: {
      nanoCpus: (tasks.reserve?.cpu ?? 0) as never,
      memoryBytes: (tasks.reserve?.mem ?? 0) as never,
      ...(tasks.reserve?.generic === undefined ? {} : { generic: tasks.reserve.generic }),
    },
    limits: {},
    ...(tasks.volumeDriver === undefined
      ? {}
      : { mounts: [{ type: 'volume', target: '/data', readOnly: false, driver: tasks.volumeDriver }] as const }),
  };
  return {
    containers: [container],
    restart: DEFAULT_RESTART,
    placement: {
      constraints: tasks.constraints ?? [],
      preferences: tasks.spread ?? [],
      maxReplicasPerNode: tasks.maxReplicas ?? 0,
      platforms: (tasks.platforms ?? []).map(({ arch, os }) => ({ architecture: arch, os })),
    },
    ...(tasks.networkDriver === undefined ? {} : { networks: [{ name: 'net', driver: tasks.networkDriver }] }),
    ...(tasks.logDriver === undefined ? {} : { logDriver: tasks.logDriver }),
    forceUpdate: 0,
  };
}

function requestFor(tasks: VectorTasks & Partial<ScheduledTasks>, specVersion: number): PlacementRequest {
  const ports = (tasks.hostPorts ?? []).map((text) => {
    const [protocol, port] = text.split('/');
    return { protocol: protocol as 'tcp', targetPort: Number(port), publishedPort: Number(port), publishMode: 'host' } as const;
  });
  return { serviceId: tasks.service, specVersion, spec: taskSpec(tasks), ports, count: tasks.count, profile: 'swarm' };
}

/** Equal, with a word on what is compared when they are not. */
function same(actual: unknown, wanted: unknown, what: string): void {
  expect({ what, value: actual }).toEqual({ what, value: wanted });
}

/** A cluster of vector nodes and tasks, with what was newly placed. */
class Cluster {
  readonly nodes = new NodeSet();
  readonly ids: readonly string[];
  readonly placedOn: string[] = [];
  readonly errors: string[] = [];
  now = timeUs(0);
  #tasks = 0;

  constructor(nodes: readonly VectorNode[]) {
    this.ids = nodes.map(({ id }) => id);
    for (const [row, node] of nodes.entries()) {
      requireKnown('node', node);
      this.nodes.upsertNode(row, placementNode(node));
    }
  }

  row(id: string): number {
    const row = this.ids.indexOf(id);
    if (row < 0) throw new Error(`no node '${id}'`);
    return row;
  }

  add(request: PlacementRequest, row: number): string {
    const id = `task-${this.#tasks++}`;
    const { serviceId, spec, ports } = request;
    same(this.nodes.addTask(row, { id, serviceId, spec, ports, desired: TASK_STATE.running }), true, 'task added');
    return id;
  }

  addExisting(tasks: ExistingTasks): void {
    requireKnown('existing', tasks);
    const state = tasks.state === undefined ? TASK_STATE.running : TASK_STATE[tasks.state as TaskStateName];
    if (state > TASK_STATE.running) return;
    for (let i = 0; i < tasks.count; i++) this.add(requestFor(tasks, 0), this.row(tasks.node));
  }

  place(request: PlacementRequest): readonly string[] {
    const decision = decideGroup(this.nodes, request, this.now);
    same(decision.placed, decision.nodeRows.length, 'number placed');
    const names = [...decision.nodeRows].map((row, i) => {
      this.add(request, row);
      same(decision.explain(i).node, this.ids[row], 'node explained');
      return this.ids[row] ?? '';
    });
    this.placedOn.push(...names);
    for (let i = decision.placed; i < request.count; i++) this.errors.push(decision.pending?.message ?? 'no reason given');
    return names;
  }

  schedule(entries: readonly ScheduledTasks[]): void {
    for (const tasks of entries) requireKnown('schedule', tasks);
    for (const tasks of entries.filter(({ preassigned }) => preassigned !== undefined)) {
      for (let i = 0; i < tasks.count; i++) this.#confirm(tasks, tasks.preassigned ?? '');
    }
    const free = entries.filter(({ preassigned }) => preassigned === undefined);
    for (const tasks of free.filter(({ oneOff }) => oneOff !== true)) this.place(requestFor(tasks, 1));
    for (const tasks of free.filter(({ oneOff }) => oneOff === true)) {
      for (let i = 0; i < tasks.count; i++) this.place({ ...requestFor(tasks, 0), count: 1 });
    }
  }

  #confirm(tasks: ScheduledTasks, id: string): void {
    const request = requestFor(tasks, 0);
    const check = checkNode(this.nodes, request, this.row(id), this.now);
    if (check.ok) {
      this.add(request, this.row(id));
      this.placedOn.push(id);
    } else this.errors.push(check.message);
  }

  count(id: string): number {
    return this.placedOn.filter((placed) => placed === id).length;
  }

  histogram(valueOf: (id: string) => number): Record<string, number> {
    const out: Record<string, number> = {};
    for (const id of this.ids) out[valueOf(id)] = (out[valueOf(id)] ?? 0) + 1;
    return out;
  }
}

function judge(cluster: Cluster, expected: Expected, services: readonly string[]): void {
  requireKnown('expect', expected);
  const { perNode = {}, atLeast = {}, sums = [], onlyNodes } = expected;
  same(cluster.errors.length, expected.pending ?? 0, 'pending tasks');
  for (const error of cluster.errors) if (expected.err !== undefined) expect(error).toBe(expected.err);
  for (const [id, count] of Object.entries(perNode)) same(cluster.count(id), count, `new tasks on ${id}`);
  for (const [id, count] of Object.entries(atLeast)) same(cluster.count(id) >= count, true, `at least ${count} new tasks on ${id}`);
  for (const { nodes, total } of sums) expect(nodes.reduce((sum, id) => sum + cluster.count(id), 0)).toBe(total);
  if (onlyNodes !== undefined) for (const id of cluster.placedOn) expect(onlyNodes).toContain(id);
  const checkHistogram = (wanted: Readonly<Record<string, number>> | undefined, valueOf: (id: string) => number): void => {
    if (wanted === undefined) return;
    const { 0: idle = 0, ...busy } = cluster.histogram(valueOf);
    expect(Object.hasOwn(wanted, '0') ? { 0: idle, ...busy } : busy).toEqual(wanted);
  };
  checkHistogram(expected.histogram, (id) => cluster.count(id));
  checkHistogram(expected.afterHistogram, (id) =>
    services.reduce((sum, service) => sum + cluster.nodes.tasksOfService(service, cluster.row(id)), 0),
  );
}

interface SchedulerVectors {
  readonly vectors: readonly {
    readonly id: string;
    readonly nodes: readonly VectorNode[];
    readonly existing: readonly ExistingTasks[];
    readonly schedule: readonly ScheduledTasks[];
    readonly expect: Expected;
  }[];
  readonly faults: readonly {
    readonly id: string;
    readonly steps?: number;
    readonly expect: Readonly<Record<string, number | readonly (string | number)[]>>;
    readonly numbers?: { readonly maxFailures: number; readonly windowSeconds: number };
  }[];
  readonly misc: readonly { readonly id: string; readonly given: unknown; readonly expect: unknown }[];
}

/** Entries about the queue and the bookkeeping of the manager, run by its suite. */
const OF_THE_MANAGER: ReadonlySet<string> = new Set([
  'sched-fault-002',
  'sched-misc-001',
  'sched-misc-002',
  'sched-misc-003',
  'sched-misc-004',
]);

const scheduler = loadVectors<SchedulerVectors>('swarm-scheduler.json');

describe('swarm-scheduler.json', () => {
  test.each(scheduler.vectors)('$id', (vector) => {
    const cluster = new Cluster(vector.nodes);
    for (const tasks of vector.existing) cluster.addExisting(tasks);
    cluster.schedule(vector.schedule);
    judge(cluster, vector.expect, [...new Set(vector.schedule.map(({ service }) => service))]);
  });

  test.each(scheduler.faults.filter(({ id }) => !OF_THE_MANAGER.has(id)))('$id', (fault) => {
    // Zero-based step from which on the spec version is a new one; the facts give it in words.
    const newVersionFrom: Readonly<Record<string, number>> = { 'sched-fault-001': Number.POSITIVE_INFINITY, 'sched-fault-003': 6 };
    const from = newVersionFrom[fault.id];
    if (from === undefined || fault.steps === undefined) throw new Error(`fault sequence ${fault.id} is not known here`);
    const cluster = new Cluster([{ id: 'id1' }, { id: 'id2' }]);
    const request = requestFor({ service: 'service1', count: 1 }, 1);
    cluster.add(request, cluster.row('id1'));
    const seen: Record<string, (string | number)[]> = { assignedTo: [], failuresOnId1BeforeStep: [], failuresOnId2BeforeStep: [] };
    for (let step = 0; step < fault.steps; step++) {
      const attempt = { ...request, specVersion: step < from ? 1 : 2 };
      for (const id of ['id1', 'id2']) {
        const failures = cluster.nodes.failures.count(cluster.row(id), 'service1', attempt.specVersion, cluster.now);
        seen[`failuresOn${id === 'id1' ? 'Id1' : 'Id2'}BeforeStep`]?.push(failures);
      }
      const { nodeRows } = decideGroup(cluster.nodes, attempt, cluster.now);
      const row = nodeRows[0] ?? -1;
      seen['assignedTo']?.push(cluster.ids[row] ?? '');
      const id = cluster.add(attempt, row);
      cluster.nodes.removeTask(row, { id });
      cluster.nodes.recordFailure(row, 'service1', attempt.specVersion, cluster.now);
    }
    for (const [what, values] of Object.entries(fault.expect)) same(seen[what], values, what);
    if (fault.numbers === undefined) return;
    const { maxFailures, windowSeconds } = fault.numbers;
    same(MAX_FAILURES, maxFailures, 'failures that count');
    const failures = (): number => cluster.nodes.failures.count(1, 'service1', 1, cluster.now);
    cluster.now = timeUs(seconds(windowSeconds));
    expect(failures()).toBe(maxFailures);
    cluster.now = timeUs(seconds(windowSeconds) + 1);
    expect(failures()).toBe(0);
  });

  test.each(scheduler.misc.filter(({ id }) => !OF_THE_MANAGER.has(id)))('$id', ({ id, given, expect: expected }) => {
    if (id !== 'sched-misc-005') throw new Error(`${id} is not known here`);
    const { spread, nodes } = given as {
      spread: readonly string[];
      nodes: Readonly<Record<string, readonly [string | null, string | null, number]>>;
    };
    const names = spread.map((descriptor) => descriptor.split('.').at(-1) ?? '');
    const cluster = new Cluster(
      Object.entries(nodes).map(([node, values]) => ({
        id: node,
        labels: Object.fromEntries(names.flatMap((name, i) => (values[i] === null ? [] : [[name, String(values[i])]]))),
      })),
    );
    const request = requestFor({ service: 's1', count: 1, spread }, 1);
    for (const [node, [, , count]] of Object.entries(nodes)) for (let i = 0; i < count; i++) cluster.add(request, cluster.row(node));
    const counts: Record<string, number> = {};
    const walk = (tree: SpreadTree, key: string | undefined): void => {
      counts[key ?? 'root'] = tree.tasks;
      for (const child of tree.children) walk(child, key === undefined ? child.value : `${key}/${child.value}`);
    };
    walk(spreadOf(cluster.nodes, request), undefined);
    expect(counts).toEqual(expected);
  });
});

interface ConstraintVectors {
  readonly vectors: readonly (
    | { readonly id: string; readonly fn: 'parse'; readonly input: readonly string[]; readonly expect: Readonly<Record<string, unknown>> }
    | {
        readonly id: string;
        readonly fn: 'match';
        readonly input: { readonly constraint: string; readonly value: string | readonly string[] };
        readonly expect: boolean;
      }
    | {
        readonly id: string;
        readonly fn: 'nodeMatches';
        readonly input: { readonly constraints: readonly string[]; readonly node: VectorNode };
        readonly expect: boolean;
      }
  )[];
}

function parsed(texts: readonly string[]): Extract<ReturnType<typeof parseConstraints>, { ok: true }>['constraints'] {
  const result = parseConstraints(texts);
  if (!result.ok) throw new Error(result.message);
  return result.constraints;
}

describe('swarm-constraint.json', () => {
  test.each(loadVectors<ConstraintVectors>('swarm-constraint.json').vectors)('$id $fn', (vector) => {
    switch (vector.fn) {
      case 'parse': {
        const { error, ok, ...fields } = vector.expect;
        const result = parseConstraints(vector.input);
        expect(result.ok).toBe(error !== true);
        expect(ok ?? false).toBe(result.ok);
        if (result.ok) expect(result.constraints[0]).toMatchObject(fields);
        return;
      }
      case 'match': {
        const values = typeof vector.input.value === 'string' ? [vector.input.value] : vector.input.value;
        const [constraint] = parsed([vector.input.constraint]);
        expect(constraint !== undefined && constraintMatches(constraint, ...values)).toBe(vector.expect);
        return;
      }
      case 'nodeMatches':
        expect(nodeMatches(parsed(vector.input.constraints), placementNode(vector.input.node))).toBe(vector.expect);
        return;
      default:
        throw new Error(`function ${(vector as { fn: string }).fn} is not known here`);
    }
  });
});

interface GenericVectors {
  readonly vectors: readonly {
    readonly id: string;
    readonly fn: string;
    readonly input: Readonly<Record<string, Generic>>;
    readonly expect: Readonly<Record<string, Generic | number>>;
  }[];
}

const part = (input: Readonly<Record<string, Generic>>, name: string): Generic => {
  const value = input[name];
  if (value === undefined) throw new Error(`input has no '${name}'`);
  return value;
};

function expectNode(node: GenericResources, expected: Readonly<Record<string, Generic | number>>, others: readonly string[]): void {
  for (const field of Object.keys(expected)) expect(['node', 'nodeLen', ...others]).toContain(field);
  if (expected['node'] !== undefined) expect(node).toEqual(expected['node']);
  if (expected['nodeLen'] !== undefined) {
    expect(Object.fromEntries(Object.entries(node).map(([kind, value]) => [kind, amount(value)]))).toEqual(expected['nodeLen']);
  }
}

/** `avail` and `reserve` mix cpu and mem with the generic kinds. */
function splitCapacity({ cpu = 0, mem = 0, ...generic }: Generic): { cpu: number; mem: number; generic: Generic } {
  return { cpu: Number(cpu), mem: Number(mem), generic };
}

describe('swarm-genericresource.json', () => {
  test.each(loadVectors<GenericVectors>('swarm-genericresource.json').vectors)('$id $fn', ({ fn, input, expect: expected }) => {
    if (fn === 'claim') {
      const { left, claimed } = claimGeneric(part(input, 'node'), part(input, 'want') as Record<string, number>);
      expectNode(left, expected, ['task']);
      expect(claimed).toEqual(expected['task']);
    } else if (fn === 'reclaim') expectNode(reclaimGeneric(part(input, 'node'), part(input, 'back')), expected, []);
    else if (fn === 'sanitize') expectNode(sanitizeGeneric(part(input, 'spec'), part(input, 'avail')), expected, []);
    else if (fn === 'nodeAdd') {
      const { cpu, mem, generic } = splitCapacity(part(input, 'avail'));
      const cluster = new Cluster([{ id: 'n1', cpu, mem, generic }]);
      const reserve = splitCapacity(part(input, 'reserve'));
      const request = requestFor(
        { service: 's1', count: 1, reserve: { ...reserve, generic: reserve.generic as Record<string, number> } },
        1,
      );
      const task = { id: 't', serviceId: 's1', spec: request.spec, ports: [], desired: TASK_STATE.running };
      expect(cluster.nodes.addTask(0, task)).toBe(true);
      expect(cluster.nodes.addTask(0, task)).toBe(false);
      const free = cluster.nodes.genericFreeOf(0);
      for (const [field, value] of Object.entries(expected)) {
        if (field === 'cpu') expect(cluster.nodes.cpuFree[0]).toBe(value);
        else if (field === 'mem') expect(cluster.nodes.memoryFree[0]).toBe(value);
        else same(amount(free[field.replace(/Left$/, '')]), value, field);
      }
    } else throw new Error(`function ${fn} is not known here`);
  });
});
