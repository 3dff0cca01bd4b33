// The cgroup engine: what a steady fleet costs per simulated second, what changes cost, how fast threads come and go, and
// the memory of a group.

import { RandomStream, rootKey, timeUs } from '@paperfleet/core';
import { CgroupTree, newSample, ROOT, sampleLeaves, type CgroupSample } from '@paperfleet/node-agent';
import { cpuNs, median, timeOf } from './measure.ts';
import type { BenchResult } from './result.ts';

const SECOND = 1_000_000;
const CONTAINERS = 100;
const CPUS = 8;
const MIB = 2 ** 20;

/** A node with containers on constant demand: half with a quota; seven nodes of ten want more than they have. */
function steadyNode(index: number, rng: RandomStream): CgroupTree {
  const stream = rng.fork(`node/${index}`);
  const tree = new CgroupTree({ nanoCpus: CPUS * 1e9, memoryBytes: 64 * 1024 * MIB }, stream);
  const isContended = index % 10 < 7;
  for (let i = 0; i < CONTAINERS; i++) {
    const quotaUs = 5000 + stream.below(20_000);
    const row = tree.create(ROOT, `c${i}`, {
      cpuWeight: 20 + stream.below(400),
      ...(i % 2 === 0 ? { cpuMax: { quotaUs } } : {}),
      memoryMax: 512 * MIB,
    });
    tree.demand(row, isContended ? 50_000 + stream.below(250_000) : stream.below(100_000));
    tree.setAnon(row, MIB * (1 + stream.below(300)));
  }
  return tree;
}

interface Fleet {
  readonly trees: readonly CgroupTree[];
  readonly sample: CgroupSample;
  readonly bytesPerContainer: number;
}

function newFleet(nodes: number): Fleet {
  const before = heapBytes();
  const rng = new RandomStream(rootKey('bench'));
  const trees = Array.from({ length: nodes }, (_, index) => steadyNode(index, rng));
  for (const tree of trees) tree.advance(timeUs(SECOND));
  const bytesPerContainer = (heapBytes() - before) / (nodes * CONTAINERS);
  return { trees, sample: newSample(CONTAINERS), bytesPerContainer };
}

/** Bytes of objects and typed arrays, garbage included unless the process was started with --expose-gc. */
function heapBytes(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Simulated seconds of a fleet: all counters brought up to date and read into columns. Returns CPU ms of one, the median of some rounds. */
function tickMs({ trees, sample }: Fleet, rounds: number, seconds: number): number {
  let now = trees[0]!.now as number;
  const spans: number[] = [];
  let usage = 0;
  for (let round = 0; round < rounds; round++) {
    let written = 0;
    let total = 0;
    const span = timeOf(() => {
      for (let second = 0; second < seconds; second++) {
        now += SECOND;
        const at = timeUs(now);
        for (const tree of trees) {
          tree.advance(at);
          written += sampleLeaves(tree, sample);
          total += sample.usageUs[0]! + sample.usageUs[CONTAINERS - 1]!;
        }
      }
    });
    spans.push(span.cpuNs / 1e6 / seconds);
    if (written !== trees.length * CONTAINERS * seconds || total <= usage) throw new Error('the fleet stood still');
    usage = total;
  }
  return median(spans);
}

/** Changes of demand on contended nodes, each shared anew: CPU µs of one. */
function changeUs({ trees }: Fleet): number {
  const rng = new RandomStream(rootKey('changes'));
  const changes = 20_000;
  let now = trees[0]!.now as number;
  const spent = timeOf(() => {
    for (let i = 0; i < changes; i++) {
      if (i % trees.length === 0) now += 1000;
      const tree = trees[i % trees.length]!;
      tree.advance(timeUs(now));
      tree.demand(1 + rng.below(CONTAINERS), 50_000 + rng.below(250_000));
      tree.cpu.flush();
    }
  });
  return spent.cpuNs / 1e3 / changes;
}

/** Jobs that come and go on a node of 10 containers, some of them throttled: jobs finished per CPU second. */
function jobsPerSecond(): number {
  const rng = new RandomStream(rootKey('jobs'));
  const tree = new CgroupTree({ nanoCpus: 4e9, memoryBytes: 1024 * MIB }, rng);
  const rows = Array.from({ length: 10 }, (_, i) => tree.create(ROOT, `c${i}`, i % 3 === 0 ? { cpuMax: { quotaUs: 20_000 } } : {}));
  const arrivals = rows.map(() => rng.below(10_000));
  const jobs = 100_000;
  let finished = 0;
  const start = cpuNs();
  while (finished < jobs) {
    let first = 0;
    for (let i = 1; i < rows.length; i++) if (arrivals[i]! < arrivals[first]!) first = i;
    const at = tree.advance(timeUs(Math.max(tree.now, arrivals[first]!)));
    for (const row of [...tree.finished]) {
      finished++;
      tree.run(row, 0);
      arrivals[row - 1] = at + 1 + rng.below(10_000);
    }
    if (at < arrivals[first]!) continue;
    const row = rows[first]!;
    tree.run(row, 1, tree.served(row) + 500 + rng.below(4000));
    arrivals[first] = Infinity;
    if (arrivals.every((arrival) => arrival === Infinity)) arrivals[first] = Infinity;
    while (arrivals.every((arrival) => arrival === Infinity)) {
      const reached = tree.advance(timeUs(tree.next));
      for (const done of [...tree.finished]) {
        finished++;
        tree.run(done, 0);
        arrivals[done - 1] = reached + 1 + rng.below(10_000);
      }
    }
  }
  return finished / ((cpuNs() - start) / 1e9);
}

export async function run(): Promise<BenchResult[]> {
  const million = newFleet(10_000);
  const bytes = million.bytesPerContainer;
  const columns = million.trees.reduce((sum, tree) => sum + tree.columnBytes, 0) / (10_000 * CONTAINERS);
  tickMs(million, 1, 3);
  const large = tickMs(million, 5, 5);
  const change = changeUs(million);
  const small = newFleet(1000);
  const medium = tickMs(small, 5, 50);
  const note = '100 containers a node, half with a quota, 70 % of the nodes contended; every counter read into the columns of its node';
  return [
    {
      goal: 'P7',
      name: 'accounting of one second, 1 M containers on 10,000 nodes',
      value: large,
      unit: 'ms',
      target: 35,
      direction: 'max',
      note,
    },
    {
      goal: 'P7',
      name: 'accounting of one second, 100,000 containers on 1,000 nodes',
      value: medium,
      unit: 'ms',
      target: 4,
      direction: 'max',
      note,
    },
    { goal: 'P14', name: 'typed columns of a container', value: columns, unit: 'B', target: 300, direction: 'max' },
    {
      goal: '–',
      name: 'memory of a container with its share of the node',
      value: bytes,
      unit: 'B',
      target: 700,
      direction: 'max',
      note: 'heap and typed arrays',
    },
    { goal: '–', name: 'a change of demand on a node of 100 containers', value: change, unit: 'µs', target: 40, direction: 'max' },
    {
      goal: '–',
      name: 'jobs that come and go, 10 containers a node',
      value: jobsPerSecond(),
      unit: 'jobs/s',
      target: 150_000,
      direction: 'min',
    },
  ];
}
