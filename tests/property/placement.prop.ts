// The scheduler's placement against the plain reference, over random histories of a cluster: nodes come, change and go, tasks
// are placed, end and fail, and every decision on the way must be the same.

import { decideGroup, fits, NodeSet, type PlacedTask, type PlacementNode, type PlacementRequest } from '@paperfleet/scheduler';
import { bytes, DEFAULT_RESTART, durationUs, nanoCpu, TASK_STATE, type TaskSpec, type TimeUs, timeUs } from '@paperfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReferenceCluster } from '../reference/swarm-placement.ts';

const nodeArbitrary: fc.Arbitrary<PlacementNode> = fc
  .record({
    ready: fc.boolean(),
    alsoReady: fc.boolean(),
    zone: fc.constantFrom('', 'a', 'b', 'c'),
    rack: fc.constantFrom('', 'r1', 'r2'),
    disk: fc.constantFrom('ssd', 'hdd'),
    cpu: fc.constantFrom(0, 500, 1000, 4000),
    memory: fc.constantFrom(0, 1000, 4000),
    gpu: fc.constantFrom<number | readonly string[] | undefined>(undefined, 2, ['g1', 'g2', 'g3']),
    os: fc.constantFrom(undefined, 'linux', 'windows'),
    plugins: fc.constantFrom(undefined, [], [['Volume', 'nfs:latest']] as const, [['Log', 'journald']] as const),
  })
  .map(({ ready, alsoReady, zone, rack, disk, cpu, memory, gpu, os, plugins }) => ({
    id: 'set below',
    name: 'set below',
    ready: ready || alsoReady,
    role: 'worker' as const,
    labels: { ...(zone === '' ? {} : { zone }), ...(rack === '' ? {} : { rack }) },
    description: {
      hostname: '',
      nanoCpus: nanoCpu(cpu),
      memoryBytes: bytes(memory),
      engineLabels: { disk },
      address: '10.0.0.1',
      generic: gpu === undefined ? {} : { gpu },
      ...(os === undefined ? {} : { platform: { os, architecture: 'x86_64' } }),
      ...(plugins === undefined ? {} : { plugins }),
    },
  }));

interface Service {
  readonly id: string;
  readonly spec: TaskSpec;
  readonly ports: PlacementRequest['ports'];
}

const serviceArbitrary: fc.Arbitrary<Omit<Service, 'id'>> = fc
  .record({
    cpu: fc.constantFrom(0, 0, 100, 300),
    memory: fc.constantFrom(0, 0, 200),
    gpu: fc.constantFrom(undefined, undefined, undefined, 1, 2),
    constraints: fc.constantFrom<readonly string[]>(
      [],
      [],
      ['node.labels.zone == a'],
      ['node.labels.zone != a', 'engine.labels.disk == SSD'],
      ['nothing'],
      ['node.id == n3'],
    ),
    preferences: fc.constantFrom<readonly string[]>(
      [],
      [],
      ['node.labels.zone'],
      ['node.labels.zone', 'node.labels.rack'],
      ['engine.labels.disk', 'spread by magic', 'NODE.LABELS.zone'],
    ),
    maxReplicasPerNode: fc.constantFrom(0, 0, 0, 1, 3),
    platform: fc.constantFrom(undefined, undefined, 'linux'),
    driver: fc.constantFrom(undefined, undefined, undefined, 'nfs'),
    logDriver: fc.constantFrom(undefined, undefined, 'journald', 'none'),
    clusterVolume: fc.constantFrom(false, false, false, false, false, false, true),
    hostPort: fc.constantFrom(0, 0, 0, 80, 81),
  })
  .map(({ cpu, memory, gpu, constraints, preferences, maxReplicasPerNode, platform, driver, logDriver, clusterVolume, hostPort }) => ({
    spec: {
      containers: [
        {
          name: 'main',
          image: 'any',
          stopGracePeriodUs: durationUs(0),
          reservations: { nanoCpus: nanoCpu(cpu), memoryBytes: bytes(memory), ...(gpu === undefined ? {} : { generic: { gpu } }) },
          limits: {},
          mounts: [
            ...(driver === undefined ? [] : [{ type: 'volume', target: '/a', readOnly: false, driver } as const]),
            ...(clusterVolume ? [{ type: 'cluster', source: 'v', target: '/b', readOnly: false } as const] : []),
          ],
        },
      ],
      restart: DEFAULT_RESTART,
      placement: {
        constraints,
        preferences,
        maxReplicasPerNode,
        platforms: platform === undefined ? [] : [{ os: platform, architecture: 'amd64' }],
      },
      ...(logDriver === undefined ? {} : { logDriver }),
      forceUpdate: 0,
    },
    ports: hostPort === 0 ? [] : [{ protocol: 'tcp', targetPort: 80, publishedPort: hostPort, publishMode: 'host' } as const],
  }));

type Step =
  | { readonly do: 'node'; readonly row: number; readonly node: PlacementNode }
  | { readonly do: 'removeNode'; readonly row: number }
  | { readonly do: 'decide'; readonly service: number; readonly count: number; readonly commit: boolean }
  | { readonly do: 'preset'; readonly service: number; readonly row: number; readonly ending: boolean }
  | { readonly do: 'end'; readonly pick: number }
  | { readonly do: 'deactivate'; readonly pick: number }
  | { readonly do: 'fail'; readonly service: number; readonly row: number; readonly times: number }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'restart' };

const row = fc.nat({ max: 11 });
const service = fc.nat({ max: 3 });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant('decide' as const), service, count: fc.integer({ min: 1, max: 14 }), commit: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('decide' as const), service, count: fc.constant(1), commit: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('node' as const), row, node: nodeArbitrary }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('removeNode' as const), row }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('preset' as const), service, row, ending: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('end' as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('deactivate' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('fail' as const), service, row, times: fc.integer({ min: 1, max: 7 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 100, 300) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

function same(actual: unknown, wanted: unknown): void {
  expect(actual).toEqual(wanted);
}

/** Both placements, kept in step; what the store would hold is kept as well, to restore from. */
class Twins {
  nodes = new NodeSet();
  readonly reference = new ReferenceCluster();
  readonly stored = new Map<string, { row: number; task: PlacedTask }>();
  readonly present = new Map<number, PlacementNode>();
  now: TimeUs = timeUs(0);
  #ids = 0;

  upsertNode(at: number, node: PlacementNode): void {
    const named = { ...node, id: `n${at}`, name: `n${at}` };
    this.present.set(at, named);
    this.nodes.upsertNode(at, named);
    this.reference.upsertNode(at, named);
  }

  removeNode(at: number): void {
    this.present.delete(at);
    for (const [id, { row: of }] of this.stored) if (of === at) this.stored.delete(id);
    this.nodes.removeNode(at);
    this.reference.removeNode(at);
  }

  add(at: number, { id: serviceId, spec, ports }: Service, ending = false): void {
    if (!this.present.has(at)) return;
    this.put(at, { id: `t${this.#ids++}`, serviceId, spec, ports, desired: ending ? TASK_STATE.shutdown : TASK_STATE.running });
  }

  put(at: number, task: PlacedTask): void {
    this.stored.set(task.id, { row: at, task });
    this.nodes.addTask(at, task);
    this.reference.addTask(at, task);
  }

  pick(number: number): { row: number; task: PlacedTask } | undefined {
    return [...this.stored.values()][number % Math.max(1, this.stored.size)];
  }

  end(number: number): void {
    const picked = this.pick(number);
    if (picked === undefined) return;
    this.stored.delete(picked.task.id);
    same(this.nodes.removeTask(picked.row, picked.task), true);
    this.reference.removeTask(picked.row, picked.task.id);
  }

  /** Saves, and rebuilds the rest from what is stored, in another order than it came about. */
  restart(): void {
    const saved: unknown = JSON.parse(JSON.stringify(this.nodes.save()));
    this.nodes = NodeSet.load(saved);
    for (const [at, node] of [...this.present].toReversed()) this.nodes.upsertNode(at, structuredClone(node));
    for (const { row: at, task } of [...this.stored.values()].toReversed()) this.nodes.addTask(at, structuredClone(task));
    same(this.nodes.save(), saved);
  }

  decide(of: Service, count: number, commit: boolean): void {
    const request: PlacementRequest = { serviceId: of.id, specVersion: 1, spec: of.spec, ports: of.ports, count, profile: 'swarm' };
    const decision = decideGroup(this.nodes, request, this.now);
    const wanted = this.reference.decide(request, this.now);
    same([...decision.nodeRows], wanted.rows);
    same(decision.pending?.message, wanted.message);
    same(decision.pending?.count ?? 0, count - wanted.rows.length);
    if (decision.pending !== undefined) {
      const { considered, rejected, nearest, wouldFitIf } = decision.pending.explain;
      same(rejected, wanted.rejected);
      same(considered, this.present.size);
      const rejectedInAll = Object.values(rejected).reduce((sum, number) => sum + number, 0);
      same(nearest === undefined, rejectedInAll === 0);
      if (nearest !== undefined) same(wouldFitIf.length > 0, true);
    }
    for (const [i, at] of decision.nodeRows.entries()) this.#checkExplain(decision.explain(i), at);
    if (!commit) return;
    for (const at of decision.nodeRows) {
      same(fits(this.nodes, request, at), true);
      this.add(at, of);
    }
  }

  #checkExplain(explain: ReturnType<ReturnType<typeof decideGroup>['explain']>, at: number): void {
    same(explain.node, `n${at}`);
    same(explain.considered, this.present.size);
    same(explain.feasible + Object.values(explain.rejected).reduce((sum, number) => sum + number, 0), explain.considered);
    const { runnerUp } = explain;
    if (runnerUp === undefined) return;
    same(runnerUp.node === explain.node, false);
    // The winner is at least as good in the order compared.
    const difference = explain.scores.map(({ value }, i) => value - (runnerUp.scores[i]?.value ?? 0)).find((value) => value !== 0) ?? 0;
    same(difference <= 0, true);
  }

  /** Reservations of what was placed by decisions fit; presets may exceed them, so they are left out of such histories. */
  expectNothingOvercommitted(): void {
    for (const at of this.present.keys()) {
      same((this.nodes.cpuFree[at] ?? -1) >= 0, true);
      same((this.nodes.memoryFree[at] ?? -1) >= 0, true);
    }
  }
}

function run(twins: Twins, services: readonly Service[], step: Step): void {
  switch (step.do) {
    case 'node':
      return twins.upsertNode(step.row, step.node);
    case 'removeNode':
      return twins.removeNode(step.row);
    case 'decide':
      return twins.decide(services[step.service]!, step.count, step.commit);
    case 'preset':
      return twins.add(step.row, services[step.service]!, step.ending);
    case 'end':
      return twins.end(step.pick);
    case 'deactivate': {
      const picked = twins.pick(step.pick);
      if (picked !== undefined) twins.put(picked.row, { ...picked.task, desired: TASK_STATE.shutdown });
      return;
    }
    case 'fail':
      for (let i = 0; i < step.times; i++) {
        twins.nodes.recordFailure(step.row, services[step.service]!.id, 1, twins.now);
        twins.reference.recordFailure(step.row, services[step.service]!.id, 1, twins.now);
      }
      return;
    case 'wait':
      twins.now = timeUs(twins.now + step.seconds * 1_000_000);
      return;
    case 'restart':
      return twins.restart();
  }
}

const history = (steps: fc.Arbitrary<Step>): fc.Arbitrary<[readonly PlacementNode[], readonly Omit<Service, 'id'>[], readonly Step[]]> =>
  fc.tuple(
    fc.array(nodeArbitrary, { minLength: 0, maxLength: 12 }),
    fc.array(serviceArbitrary, { minLength: 4, maxLength: 4 }),
    fc.array(steps, { minLength: 1, maxLength: 25 }),
  );

function play(
  [nodes, specs, steps]: [readonly PlacementNode[], readonly Omit<Service, 'id'>[], readonly Step[]],
  each?: (twins: Twins) => void,
): void {
  const twins = new Twins();
  for (const [at, node] of nodes.entries()) twins.upsertNode(at, node);
  const services = specs.map((spec, i): Service => ({ ...spec, id: `s${i}` }));
  for (const step of steps) {
    run(twins, services, step);
    each?.(twins);
  }
}

describe('placement', () => {
  test('decides as the reference does, whatever happened before', () => {
    fc.assert(
      fc.property(history(stepArbitrary), (given) => play(given)),
      { numRuns: 1500 },
    );
  });

  test('never places more on a node than it has', () => {
    const steps = stepArbitrary.filter((step) => step.do !== 'preset' && step.do !== 'node');
    fc.assert(
      fc.property(history(steps), (given) => play(given, (twins) => twins.expectNothingOvercommitted())),
      { numRuns: 300 },
    );
  });
});

describe('placement at sizes where indexes are used', () => {
  test('decides as the reference does for services on many nodes', () => {
    const plain = serviceArbitrary.map((of) => ({
      ...of,
      spec: { ...of.spec, placement: { ...of.spec.placement, maxReplicasPerNode: 0 } },
    }));
    const arbitrary = fc.tuple(
      fc.array(nodeArbitrary, { minLength: 90, maxLength: 140 }),
      fc.array(plain, { minLength: 2, maxLength: 2 }),
      fc.array(
        fc.record({ service: fc.nat({ max: 1 }), count: fc.constantFrom(1, 1, 1, 60, 150), ends: fc.nat({ max: 40 }), pick: fc.nat() }),
        { minLength: 1, maxLength: 12 },
      ),
    );
    fc.assert(
      fc.property(arbitrary, ([nodes, specs, rounds]) => {
        const twins = new Twins();
        for (const [at, node] of nodes.entries()) twins.upsertNode(at, { ...node, ready: true });
        const services = specs.map((spec, i): Service => ({ ...spec, id: `s${i}` }));
        for (const { service: of, count, ends, pick } of rounds) {
          twins.decide(services[of]!, count, true);
          for (let i = 0; i < ends; i++) twins.end(pick + i * 7);
        }
      }),
      { numRuns: 40 },
    );
  });
});
