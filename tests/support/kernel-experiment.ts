// Experiments measured on a real kernel, run on the cgroup engine. The schema is that of tests/vectors/kernel-cgroup.json:
// groups with shares, quota, period and burst; processes that spin or replay a trace of (arrival, CPU time); the phase of a
// group's grid of periods; the span that the counters cover.

import { RandomStream, rootKey, timeUs } from '@paperfleet/core';
import { type CgroupKnobs, CgroupTree, type CpuFidelity, ROOT } from '@paperfleet/node-agent';

export interface Check {
  readonly value: number;
  readonly tol: number;
}

interface GroupSpec {
  /** Path, '/' between levels; those above stand before it. */
  readonly name: string;
  readonly shares?: number;
  readonly quota_us?: number;
  readonly period_us?: number;
  readonly burst_us?: number;
}

interface ProcessSpec {
  readonly g: string;
  readonly mode: 'spin' | 'trace';
  /** Threads, 1 when not given. */
  readonly nt?: number;
  /** CPUs that it is pinned to. */
  readonly aff?: readonly number[];
  /** Arrival and CPU time of each job, ms. */
  readonly trace?: readonly (readonly [number, number])[];
}

export interface CpuExperiment {
  readonly id: string;
  readonly kind: string;
  readonly setup: string;
  readonly duration_s: number;
  readonly window_ms: number;
  /** '1' or '0-1'. */
  readonly cpus: string;
  readonly groups: readonly GroupSpec[];
  readonly procs: readonly ProcessSpec[];
  readonly start_ms_after_boundary_of?: Readonly<Record<string, number>>;
  readonly measured: Readonly<Record<string, unknown>>;
  /** Metrics by group, and those of responses. */
  readonly check: Readonly<Record<string, Readonly<Record<string, Check>>>>;
}

export type Metrics = Readonly<Record<string, number>>;
/** Metrics by group, responses under 'response_ms'. */
export type Results = Readonly<Record<string, Metrics>>;

const MS = 1000;
const MILLION = 1_000_000;
/** The pre-run that finds the grid lies this long before the start. */
const LEAD_US = 4_000_000;
const DEFAULT_SHARES = 1024;
/** Runs of an experiment with other phases; the median is compared, as that of the measured repeats is. */
const SEEDS = ['1', '2', '3', '4', '5'] as const;

/** CPUs named by '0-1,3'. */
function cpusOf(text: string): readonly number[] {
  return text.split(',').flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, index) => from! + index);
  });
}

/** A job of a trace while it runs. */
interface Job {
  readonly arrival: number;
  /** `served` of its group at which it is done. */
  target: number;
}

/** A process: spinning threads, or servers with one queue in order of arrival. */
class Load {
  readonly spec: ProcessSpec;
  readonly start: number;
  readonly responses: number[] = [];
  readonly #running: Job[] = [];
  readonly #queue: { readonly arrival: number; readonly work: number }[] = [];
  #next = 0;
  #spinning = 0;

  constructor(spec: ProcessSpec, start: number) {
    this.spec = spec;
    this.start = start;
  }

  get nextArrival(): number {
    const job = this.spec.trace?.[this.#next];
    return job === undefined ? Infinity : this.start + Math.round(job[0] * MS);
  }

  get threads(): number {
    return this.#spinning + this.#running.length;
  }

  /** `served` at which its first job is done. */
  get target(): number {
    return this.#running.reduce((least, { target }) => Math.min(least, target), Infinity);
  }

  spin(threads: number): void {
    this.#spinning = threads;
  }

  /** Lets jobs arrive, end and start at an instant. */
  step(at: number, served: number): void {
    while (this.nextArrival <= at) {
      const [, work] = this.spec.trace![this.#next]!;
      this.#queue.push({ arrival: this.nextArrival, work: Math.round(work * MS) });
      this.#next++;
    }
    for (let i = this.#running.length - 1; i >= 0; i--) {
      const job = this.#running[i]!;
      if (job.target > served) continue;
      this.responses.push(at - job.arrival);
      this.#running.splice(i, 1);
    }
    while (this.#running.length < (this.spec.nt ?? 1) && this.#queue.length > 0) {
      const job = this.#queue.shift()!;
      this.#running.push({ arrival: job.arrival, target: served + job.work });
    }
  }
}

/** One run. */
class Run {
  readonly tree: CgroupTree;
  readonly rows: Map<string, number> = new Map();
  readonly #experiment: CpuExperiment;
  readonly #loads: readonly Load[];
  readonly #start: number;
  /** Rows whose spinning threads stop as soon as they run. */
  readonly #stopping: Set<string> = new Set();

  constructor(experiment: CpuExperiment, seed: string, fidelity: CpuFidelity) {
    this.#experiment = experiment;
    const cpus = cpusOf(experiment.cpus);
    this.tree = new CgroupTree(
      { nanoCpus: cpus.length * 1e9, memoryBytes: 2 ** 32, fidelity },
      new RandomStream(rootKey(`${experiment.id}/${seed}`)),
    );
    for (const group of experiment.groups) this.#create(group, cpus);
    this.#prime();
    this.#start = LEAD_US;
    this.#loads = experiment.procs.map((spec) => new Load(spec, this.#start));
  }

  /** Runs the window and hands over what grew in it. */
  results(): Results {
    const { window_ms, duration_s } = this.#experiment;
    const before = this.#counters();
    for (const load of this.#loads) if (load.spec.mode === 'spin') load.spin(load.spec.nt ?? 1);
    this.#demandAll();
    this.#advance(this.#start + Math.round(Math.min(duration_s * MILLION, window_ms * MS)));
    for (const load of this.#loads) if (load.spec.mode === 'spin') this.#stopping.add(load.spec.g);
    this.#stop();
    this.#advance(this.#start + Math.round(window_ms * MS));
    const after = this.#counters();
    const grown: Record<string, Metrics> = {};
    for (const [name, metrics] of Object.entries(after))
      grown[name] = Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, value - before[name]![key]!]));
    const responses = this.#loads.flatMap((load) => load.responses).sort((a, b) => a - b);
    if (responses.length === 0) return grown;
    const mean = responses.reduce((sum, one) => sum + one, 0) / responses.length;
    return { ...grown, response_ms: { mean: mean / MS, p95: responses[Math.floor(0.95 * (responses.length - 1))]! / MS } };
  }

  #create({ name, shares = DEFAULT_SHARES, quota_us, period_us, burst_us }: GroupSpec, cpus: readonly number[]): void {
    const slash = name.lastIndexOf('/');
    const parent = slash < 0 ? ROOT : this.rows.get(name.slice(0, slash))!;
    const cpuMax = {
      ...(quota_us === undefined ? {} : { quotaUs: quota_us }),
      ...(period_us === undefined ? {} : { periodUs: period_us }),
      ...(burst_us === undefined ? {} : { burstUs: burst_us }),
    };
    // cpu.shares of v1 are the scheduler's own weights; only their ratio counts.
    const largest = Math.max(...this.#experiment.groups.map((group) => group.shares ?? DEFAULT_SHARES));
    const knobs: CgroupKnobs = { cpuWeight: Math.max(1, Math.round(largest > 10_000 ? (shares * 10_000) / largest : shares)), cpuMax };
    const row = this.tree.create(parent, name.slice(slash + 1), knobs);
    this.rows.set(name, row);
    const pinned = new Set(this.#experiment.procs.flatMap(({ g, aff }) => (g === name ? (aff ?? []) : [])));
    const own = cpus.map((_, index) => index).filter((index) => pinned.has(cpus[index]!));
    if (own.length > 0 && own.length < cpus.length) this.tree.set(row, { cpuset: own });
    const after = this.#experiment.start_ms_after_boundary_of?.[name];
    if (after !== undefined) this.tree.setPeriodPhase(row, timeUs((LEAD_US - after * MS) % (period_us ?? 100_000)));
  }

  /** The pre-run: every group with a quota runs for a moment, so that its pool is as full as it gets and its timer has stopped. */
  #prime(): void {
    const leaves = [...this.rows].filter(([name]) => ![...this.rows.keys()].some((other) => other.startsWith(`${name}/`)));
    const at = timeUs(LEAD_US / 4);
    this.tree.advance(at);
    for (const [, row] of leaves) this.tree.run(row, 1);
    this.tree.advance(timeUs(at + 1));
    for (const [, row] of leaves) this.tree.run(row, 0);
    this.tree.advance(timeUs(LEAD_US));
  }

  #loadsOf(group: string): readonly Load[] {
    return this.#loads.filter((load) => load.spec.g === group);
  }

  #demandAll(): void {
    for (const group of new Set(this.#loads.map((load) => load.spec.g))) this.#demand(group);
  }

  #demand(group: string): void {
    const row = this.rows.get(group)!;
    const served = this.tree.served(row);
    const loads = this.#loadsOf(group);
    for (const load of loads) load.step(this.tree.now, served);
    this.tree.run(
      row,
      loads.reduce((sum, load) => sum + load.threads, 0),
      loads.reduce((least, load) => Math.min(least, load.target), Infinity),
    );
  }

  /** Spinning threads look at the clock when they run, so one that is throttled ends late. */
  #stop(): void {
    for (const group of this.#stopping) {
      if (!this.#mayRun(this.rows.get(group)!)) continue;
      this.#stopping.delete(group);
      for (const load of this.#loadsOf(group)) load.spin(0);
      this.#demand(group);
    }
  }

  #mayRun(row: number): boolean {
    return this.tree.columns.rate[row]! > 0 || this.tree.columns.threads[row] === 0;
  }

  #advance(until: number): void {
    for (;;) {
      const arrival = this.#loads.reduce((least, load) => Math.min(least, load.nextArrival), Infinity);
      const next = Math.min(until, arrival, this.#stopping.size > 0 ? this.tree.next : Infinity);
      const at = this.tree.advance(timeUs(next));
      const groups = new Set(this.#loads.filter((load) => load.nextArrival <= at).map((load) => load.spec.g));
      for (const row of this.tree.finished) for (const [name, other] of this.rows) if (other === row) groups.add(name);
      for (const group of groups) this.#demand(group);
      this.tree.cpu.flush();
      if (this.#stopping.size > 0) this.#stop();
      if (at >= until && groups.size === 0) return;
    }
  }

  #counters(): Record<string, Record<string, number>> {
    return Object.fromEntries([...this.rows].map(([name, row]) => [name, countersOf(this.tree, row)]));
  }
}

/** Counters of a group in the vectors' words, read from its files as anybody would. */
function countersOf(tree: CgroupTree, row: number): Record<string, number> {
  const stat = keyed(tree.file(row, 'cpu.stat'));
  const local = keyed(tree.file(row, 'cpu.stat.local'));
  const [some, full] = tree
    .file(row, 'cpu.pressure')
    .trimEnd()
    .split('\n')
    .map((text) => Number(/total=(\d+)/.exec(text)![1]));
  return {
    usage_ms: stat['usage_usec']! / MS,
    nr_periods: stat['nr_periods']!,
    nr_throttled: stat['nr_throttled']!,
    throttled_ms: stat['throttled_usec']! / MS,
    local_throttled_ms: local['throttled_usec']! / MS,
    nr_bursts: stat['nr_bursts']!,
    burst_ms: stat['burst_usec']! / MS,
    psi_cpu_some_ms: some! / MS,
    psi_cpu_full_ms: full! / MS,
  };
}

/** `key value` lines. */
export function keyed(text: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    text
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([key, value]) => [key!, Number(value)]),
  );
}

const middle = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** Medians of an experiment over runs with other phases of tick and periods. */
export function simulate(experiment: CpuExperiment, fidelity: CpuFidelity = 'events'): Results {
  const runs = SEEDS.map((seed) => new Run(experiment, seed, fidelity).results());
  const medians: Record<string, Metrics> = {};
  for (const [group, metrics] of Object.entries(runs[0]!))
    medians[group] = Object.fromEntries(Object.keys(metrics).map((key) => [key, middle(runs.map((run) => run[group]![key]!))]));
  return medians;
}

/** One comparison of a simulated figure with a measured one. */
export interface Comparison {
  readonly id: string;
  readonly group: string;
  readonly metric: string;
  readonly measured: number;
  readonly tolerance: number;
  readonly simulated: number;
  readonly passed: boolean;
}

/** All checks of an experiment. */
export function compare(experiment: CpuExperiment, results: Results): readonly Comparison[] {
  return Object.entries(experiment.check).flatMap(([group, checks]) =>
    Object.entries(checks).map(([metric, { value, tol }]) => {
      const simulated = results[group]?.[metric] ?? Number.NaN;
      return {
        id: experiment.id,
        group,
        metric,
        measured: value,
        tolerance: tol,
        simulated,
        passed: Math.abs(simulated - value) <= tol,
      };
    }),
  );
}

/** A single group on its own: nothing shares its CPUs with it. */
export const isSingleGroup = (experiment: CpuExperiment): boolean => experiment.groups.length === 1;
/** No group inside another. */
export const isSingleLevel = (experiment: CpuExperiment): boolean => experiment.groups.every(({ name }) => !name.includes('/'));
