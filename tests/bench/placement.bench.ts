// Decisions per second of the scheduler's placement (goals P1 and P2), in CPU time of one thread: deciding and taking the
// decision over into the node set, without store, events and explanations. The workload is that of the anchor: tasks
// reserve 0.1 CPU and 64 MiB, services have 50 tasks, every third one is bound to a zone by a constraint.

import { decideGroup, NodeSet, type PlacedTask, type PlacementRequest } from '@paperfleet/scheduler';
import { bytes, cpus, DEFAULT_RESTART, durationUs, mebibytes, TASK_STATE, type TaskSpec, timeUs } from '@paperfleet/core';
import { pathToFileURL } from 'node:url';
import { median, timeOf } from './measure.ts';
import { type BenchResult, isReached } from './result.ts';

const TASKS = 100_000;
const SERVICE_SIZE = 50;
const ZONES = 4;
const ROUNDS = 5;
const NOW = timeUs(0);

/** Nodes in four zones, half of them twice as large; none is full at the end, so that every decision has work to do. */
function cluster(nodeCount: number): NodeSet {
  const nodes = new NodeSet();
  for (let row = 0; row < nodeCount; row++) {
    nodes.upsertNode(row, {
      id: `node-${row}`,
      name: `n${row + 1}`,
      ready: true,
      role: 'worker',
      labels: { zone: `z${row % ZONES}` },
      description: {
        hostname: `host-${row}`,
        nanoCpus: cpus(row % 2 === 0 ? 16 : 32),
        memoryBytes: mebibytes(65_536),
        engineLabels: {},
        address: '10.0.0.1',
        generic: {},
        platform: { architecture: 'x86_64', os: 'linux' },
      },
    });
  }
  return nodes;
}

function spec(constraints: readonly string[]): TaskSpec {
  return {
    containers: [
      {
        name: 'main',
        image: 'nginx:1.27',
        stopGracePeriodUs: durationUs(10_000_000),
        reservations: { nanoCpus: cpus(0.1), memoryBytes: mebibytes(64) },
        limits: { memoryBytes: bytes(0) },
      },
    ],
    restart: DEFAULT_RESTART,
    placement: { constraints },
    forceUpdate: 0,
  };
}

interface Workload {
  /** One per decision. */
  readonly requests: readonly PlacementRequest[];
  /** In task order. */
  readonly tasks: readonly PlacedTask[];
}

/** @param sizeOf – how many tasks the n-th decision places; @param serviceOf – which service they belong to */
function workload(decisions: number, size: number, serviceOf: (decision: number) => number): Workload {
  const services = new Map<number, TaskSpec>();
  const requests: PlacementRequest[] = [];
  const tasks: PlacedTask[] = [];
  for (let decision = 0; decision < decisions; decision++) {
    const service = serviceOf(decision);
    let of = services.get(service);
    if (of === undefined) services.set(service, (of = spec(service % 3 === 0 ? [`node.labels.zone == z${(service / 3) % ZONES}`] : [])));
    const serviceId = `service-${service}`;
    requests.push({ serviceId, specVersion: 0, spec: of, ports: [], count: size, profile: 'swarm' });
    for (let i = 0; i < size; i++) tasks.push({ id: `task-${tasks.length}`, serviceId, spec: of, ports: [], desired: TASK_STATE.running });
  }
  return { requests, tasks };
}

/** Decides everything and takes it over; returns the number of tasks placed. */
function decideAll(nodes: NodeSet, { requests, tasks }: Workload): number {
  let placed = 0;
  for (const request of requests) {
    const { nodeRows } = decideGroup(nodes, request, NOW);
    for (const row of nodeRows) nodes.addTask(row, tasks[placed++]!);
  }
  return placed;
}

/** @throws when not all was placed, or placed against the rules */
function check(nodes: NodeSet, nodeCount: number, work: Workload, placed: number): void {
  if (placed !== work.tasks.length) throw new Error(`${placed} of ${work.tasks.length} tasks placed`);
  const totals = Array.from({ length: nodeCount }, (_, row) => nodes.tasksTotal[row]!);
  const sum = totals.reduce((all, count) => all + count, 0);
  if (sum !== placed) throw new Error(`nodes hold ${sum} tasks, ${placed} were placed`);
  for (const row of totals.keys())
    if (nodes.cpuFree[row]! < 0 || nodes.memoryFree[row]! < 0) throw new Error(`node ${row} is over-committed`);
  for (const { serviceId, spec: of } of work.requests) {
    const zone = of.placement.constraints?.[0]?.split('== ')[1];
    if (zone === undefined) continue;
    for (const row of nodes.services.get(serviceId)?.counts.keys() ?? []) {
      if (nodes.nodeAt(row)?.labels['zone'] !== zone) throw new Error(`${serviceId} runs outside ${zone}`);
    }
  }
}

/** Tasks placed per CPU second: the median of some rounds, each with a fresh node set. */
function rate(nodeCount: number, work: Workload): number {
  decideAll(cluster(nodeCount), work); // compiles it
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const nodes = cluster(nodeCount);
    let placed = 0;
    const { cpuNs } = timeOf(() => {
      placed = decideAll(nodes, work);
    });
    check(nodes, nodeCount, work, placed);
    rates.push((placed / cpuNs) * 1e9);
  }
  return median(rates);
}

export async function run(): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  const note = 'CPU time; deciding and taking over, without store';
  const groups = workload(TASKS / SERVICE_SIZE, SERVICE_SIZE, (decision) => decision);
  for (const [nodeCount, target] of [
    [1_000, 260_000],
    [5_000, 260_000],
    [10_000, 160_000],
  ] as const) {
    const name = `decisions, ${nodeCount.toLocaleString('en-US')} nodes, services of ${SERVICE_SIZE}`;
    results.push({ goal: 'P1', name, value: rate(nodeCount, groups), unit: 'tasks/s', target, direction: 'min', note });
  }
  const services = TASKS / SERVICE_SIZE;
  for (const [what, serviceOf] of [
    ['service by service', (decision: number): number => Math.floor(decision / SERVICE_SIZE)],
    ['services in turn', (decision: number): number => decision % services],
    ['one service', (): number => 1],
  ] as const) {
    const single = workload(TASKS, 1, serviceOf);
    const name = `one-off decisions, 5,000 nodes, ${what}`;
    results.push({ goal: 'P2', name, value: rate(5_000, single), unit: 'tasks/s', target: 100_000, direction: 'min', note });
  }
  return results;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const result of await run()) {
    const { goal, name, value, unit, target } = result;
    console.log(
      `${isReached(result, 1) ? '✓' : '✗'} ${goal} ${name}: ${Math.round(value).toLocaleString('en-US')} ${unit} (goal ${target.toLocaleString('en-US')})`,
    );
  }
}
