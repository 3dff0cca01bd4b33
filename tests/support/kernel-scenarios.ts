// The kernel's experiments with memory, devices and processes. Their procedure is prose, so each is acted out by hand,
// keyed by its id; what is compared, and how closely, follows the file's own "tolerance".

import { RandomStream, rootKey } from '@paperfleet/core';
import { type CgroupKnobs, CgroupTree, type CgroupMachine, ROOT, nextAverage } from '@paperfleet/node-agent';
import { keyed } from './kernel-experiment.ts';

/** A vector of another kind than 'cpu'. */
export interface OtherExperiment {
  readonly id: string;
  readonly kind: string;
  readonly setup: string;
  readonly measured: Readonly<Record<string, unknown>>;
}

export interface Finding {
  readonly metric: string;
  readonly measured: number;
  readonly simulated: number;
  readonly tolerance: number;
}

const MIB = 2 ** 20;
/** A small process: what libc touches, and its stacks and page tables. */
const LIBC_BYTES = 0.1 * MIB;
const KERNEL_BYTES = 0.15 * MIB;
const STEP = 4 * MIB;

const newTree = (machine: Partial<CgroupMachine> = {}): CgroupTree =>
  new CgroupTree({ nanoCpus: 2e9, memoryBytes: 8 * 2 ** 30, ...machine }, new RandomStream(rootKey('kernel')));

/** A group with a process that has started and touched nothing of its own yet. */
function withProcess(tree: CgroupTree, parent: number, name: string, knobs: CgroupKnobs): number {
  const row = tree.create(parent, name, knobs);
  tree.pids.fork(row, 1);
  tree.memory.growKernel(row, Math.round(KERNEL_BYTES));
  tree.grow(row, Math.round(LIBC_BYTES));
  return row;
}

/** Grows by steps as long as it lives; returns whether it got there. */
function growTo(tree: CgroupTree, row: number, bytes: number, pid: number): boolean {
  for (let grown = 0; grown < bytes; grown += STEP) if (!tree.grow(row, Math.min(STEP, bytes - grown), pid).ok) return false;
  return true;
}

const stat = (tree: CgroupTree, row: number, key: string): number => keyed(tree.file(row, 'memory.stat'))[key]!;
const event = (tree: CgroupTree, row: number, key: string): number => keyed(tree.file(row, 'memory.events'))[key]!;
const localEvent = (tree: CgroupTree, row: number, key: string): number => keyed(tree.file(row, 'memory.events.local'))[key]!;

/** Median of a measured list; lists of lists and booleans are not figures. */
function measuredOf(experiment: OtherExperiment, key: string): number {
  const values = (experiment.measured[key] as readonly (number | boolean)[]).map(Number).sort((a, b) => a - b);
  return values[values.length >> 1]!;
}

type Scenario = (experiment: OtherExperiment) => readonly Finding[];

const exact = (experiment: OtherExperiment, key: string, simulated: number, metric: string = key): Finding => ({
  metric,
  measured: measuredOf(experiment, key),
  simulated,
  tolerance: 0,
});
const close = (experiment: OtherExperiment, key: string, simulated: number, tolerance: number): Finding => ({
  metric: key,
  measured: measuredOf(experiment, key),
  simulated,
  tolerance,
});

/** A sleeper of 16 MiB and a grower to 60 MiB in one group of 64 MiB. */
function sleeperAndGrower(experiment: OtherExperiment, oomScoreAdj: number): readonly Finding[] {
  const tree = newTree();
  const row = withProcess(tree, ROOT, 'g', { memoryMax: 64 * MIB });
  const sleeper = tree.memory.addProcess(row, oomScoreAdj);
  tree.grow(row, 16 * MIB, sleeper);
  const survived = growTo(tree, row, 60 * MIB, 0);
  const sleeperAlive = tree.memory.records.get(row).processes.some(({ pid }) => pid === sleeper);
  return [
    exact(experiment, 'growing_rc', survived ? 0 : -9),
    exact(experiment, 'small_alive_at_end', Number(sleeperAlive)),
    exact(experiment, 'delta.oom_kill', event(tree, row, 'oom_kill')),
  ];
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'mem-fit': (experiment) => {
    const tree = newTree();
    const row = withProcess(tree, ROOT, 'g', { memoryMax: 64 * MIB });
    growTo(tree, row, 48 * MIB, 0);
    return [
      close(experiment, 'during.usage', tree.columns.memory[row]!, MIB / 2),
      close(experiment, 'during.rss', stat(tree, row, 'anon'), MIB / 2),
      close(experiment, 'during.pgfault', stat(tree, row, 'pgfault'), 100),
    ];
  },
  'mem-pagecache': (experiment) => {
    const tree = newTree();
    const row = tree.create(ROOT, 'g', { memoryMax: 64 * MIB });
    tree.memory.growKernel(row, Math.round(KERNEL_BYTES));
    tree.readFile(row, 'file', 192 * MIB);
    return [
      close(experiment, 'delta.usage', tree.columns.memory[row]!, 4 * MIB),
      close(experiment, 'delta.max_usage', tree.columns.memoryPeak[row]!, MIB),
      close(experiment, 'delta.inactive_file', stat(tree, row, 'inactive_file'), 4 * MIB),
      exact(experiment, 'delta.oom_kill', event(tree, row, 'oom_kill')),
    ];
  },
  'mem-cache-hit': (experiment) => {
    const tree = newTree();
    const row = tree.create(ROOT, 'g', { memoryMax: 256 * MIB });
    tree.readFile(row, 'file', 192 * MIB);
    tree.readFile(row, 'file', 192 * MIB);
    return [
      exact(experiment, 'delta.active_file', stat(tree, row, 'active_file')),
      exact(experiment, 'delta.failcnt', event(tree, row, 'max')),
    ];
  },
  'mem-scan-fit': (experiment) => {
    const tree = newTree();
    const row = tree.create(ROOT, 'g', { memoryMax: 64 * MIB });
    for (let pass = 0; pass < 3; pass++) tree.readFile(row, 'file', 48 * MIB);
    return [
      exact(experiment, 'delta.refault_file', stat(tree, row, 'workingset_refault_file')),
      exact(experiment, 'delta.active_file', stat(tree, row, 'active_file')),
    ];
  },
  'mem-cache-yields-to-anon': (experiment) => {
    const tree = newTree();
    const row = withProcess(tree, ROOT, 'g', { memoryMax: 64 * MIB });
    tree.readFile(row, 'file', 48 * MIB);
    const cache = stat(tree, row, 'file');
    growTo(tree, row, 40 * MIB, 0);
    const findings = [
      close(experiment, 'with_anon.cache', stat(tree, row, 'file'), 1.5 * MIB),
      close(experiment, 'with_anon.usage', tree.columns.memory[row]!, MIB),
      exact(experiment, 'with_anon.oom_kill', event(tree, row, 'oom_kill')),
    ];
    tree.kill(row);
    return [
      exact(experiment, 'after_read.cache', cache),
      ...findings,
      close(experiment, 'after_exit.usage', tree.columns.memory[row]!, 1.5 * MIB),
    ];
  },
  'mem-victim-largest': (experiment) => sleeperAndGrower(experiment, 0),
  'mem-victim-adj700': (experiment) => sleeperAndGrower(experiment, 700),
  'mem-pod-limit': (experiment) => {
    const tree = newTree();
    const pod = tree.create(ROOT, 'pod', { memoryMax: 64 * MIB });
    const c1 = withProcess(tree, pod, 'c1', { memoryMax: 48 * MIB });
    const c2 = withProcess(tree, pod, 'c2', { memoryMax: 48 * MIB });
    growTo(tree, c1, 44 * MIB, 0);
    const survived = growTo(tree, c2, 40 * MIB, 0);
    return [
      exact(experiment, 'big44_rc', tree.columns.anon[c1] === 0 ? -9 : 0),
      exact(experiment, 'small_growing_rc', survived ? 0 : -9),
      exact(experiment, 'c1.oom_kill', localEvent(tree, c1, 'oom_kill')),
      exact(experiment, 'c2.oom_kill', localEvent(tree, c2, 'oom_kill')),
      exact(experiment, 'pod.oom_kill', localEvent(tree, pod, 'oom_kill')),
      close(experiment, 'pod.max_usage', tree.columns.memoryPeak[pod]!, STEP),
    ];
  },
  'pids-max': (experiment) => {
    const tree = newTree();
    const row = tree.create(ROOT, 'g', { pidsMax: 10 });
    tree.pids.fork(row, 1);
    let ok = 0;
    for (let child = 0; child < 20; child++) ok += tree.pids.fork(row, 1);
    const [out] = experiment.measured['out'] as readonly { readonly ok: number; readonly fail: number }[];
    const [events] = experiment.measured['events'] as readonly { readonly max: number }[];
    return [
      { metric: 'children', measured: out!.ok, simulated: ok, tolerance: 0 },
      { metric: 'events.max', measured: events!.max, simulated: keyed(tree.file(row, 'pids.events'))['max']!, tolerance: 0 },
      exact(experiment, 'peak', Number(tree.file(row, 'pids.peak'))),
    ];
  },
  'io-wbps': (experiment) => throttledWrites(experiment, { wbps: 4 * MIB }, 256 * 1024, 32),
  'io-wiops': (experiment) => throttledWrites(experiment, { wiops: 50 }, 4096, 100),
};

/** Writes one after the other, each issued when the one before is done. */
function throttledWrites(
  experiment: OtherExperiment,
  max: { readonly wbps?: number; readonly wiops?: number },
  bytes: number,
  count: number,
): readonly Finding[] {
  const tree = newTree();
  const row = tree.create(ROOT, 'g', { ioMax: { '8:0': max } });
  for (let i = 0; i < count; i++) tree.advance(tree.issue(row, { device: '8:0', write: true, bytes, operations: 1 }));
  const ms = tree.now / 1000;
  const measuredMs = measuredOf(experiment, 'out.ms');
  const pressure = Number(/some .*total=(\d+)/.exec(tree.file(row, 'io.pressure'))![1]) / 1000;
  const written = Number(/wbytes=(\d+)/.exec(tree.file(row, 'io.stat'))![1]);
  return [
    { metric: 'out.ms', measured: measuredMs, simulated: ms, tolerance: 0.02 * measuredMs },
    close(experiment, 'delta.io_some_ms', pressure, 0.02 * measuredMs),
    ...(experiment.measured['delta.io_write'] === undefined ? [] : [exact(experiment, 'delta.io_write', written)]),
  ];
}

/** Experiments that are left out, with the reason. */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  'mem-oom-disabled-v1': 'cgroup v2 has no switch that turns the OOM killer off',
  'mem-victim-adj500': 'a near tie that the file itself keeps out of comparisons',
};

/** Averages after windows of whole percentages, in percent cut to two digits: avg10, avg60. */
export function averagesOf(percentages: readonly number[]): readonly (readonly [number, number])[] {
  let avg10 = 0;
  let avg60 = 0;
  return percentages.map((percent) => {
    avg10 = nextAverage(avg10, percent, 1677);
    avg60 = nextAverage(avg60, percent, 1981);
    return [Math.floor((avg10 * 100) / 2048) / 100, Math.floor((avg60 * 100) / 2048) / 100] as const;
  });
}
