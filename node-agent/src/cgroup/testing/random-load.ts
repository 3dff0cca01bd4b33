/** Random trees and loads for properties, and the check that two trees show the same. */
import { RandomStream, rootKey, timeUs } from '@paperfleet/core';
import fc from 'fast-check';
import { FLAG } from '../columns.ts';
import type { CpuFidelity } from '../cpu.ts';
import { fileNames } from '../files.ts';
import type { CgroupKnobs } from '../knobs.ts';
import type { SavedTree } from '../saved-tree.ts';
import { CgroupTree, ROOT } from '../tree.ts';

export interface GroupPlan {
  /** Index of the group that it stands below, among those before it and the root. */
  readonly below: number;
  readonly knobs: CgroupKnobs;
}

/** What a leaf does from an instant on. */
export type Act =
  | { readonly kind: 'rate'; readonly rate: number }
  | { readonly kind: 'threads'; readonly threads: number; readonly workUs: number }
  | { readonly kind: 'freeze'; readonly frozen: boolean };

export interface Step {
  readonly afterUs: number;
  readonly leaf: number;
  readonly act: Act;
}

export interface LoadPlan {
  readonly cpus: number;
  readonly groups: readonly GroupPlan[];
  readonly steps: readonly Step[];
}

const quota = fc.record({
  quotaUs: fc.integer({ min: 1000, max: 250_000 }),
  periodUs: fc.constantFrom(10_000, 50_000, 100_000),
});
const cpuMax = quota.chain((max) =>
  fc.record({
    quotaUs: fc.constant(max.quotaUs),
    periodUs: fc.constant(max.periodUs),
    burstUs: fc.constantFrom(0, 0, Math.floor(max.quotaUs / 2)),
  }),
);
const knobs = (cpus: number, withCpusets: boolean): fc.Arbitrary<CgroupKnobs> =>
  fc.record(
    {
      cpuWeight: fc.integer({ min: 1, max: 10_000 }),
      cpuMax,
      ...(withCpusets ? { cpuset: fc.subarray([...Array(cpus).keys()], { minLength: 1 }) } : {}),
    },
    { requiredKeys: [] },
  );
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('rate' as const), rate: fc.integer({ min: 0, max: 3_000_000 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('threads' as const),
      threads: fc.integer({ min: 0, max: 4 }),
      workUs: fc.oneof(fc.constant(Infinity), fc.integer({ min: 1, max: 200_000 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('freeze' as const), frozen: fc.boolean() }) },
);

/** Trees of up to 8 groups on 1 to 4 CPUs, and up to 12 changes of load within some seconds. */
export const loadPlan = (options: { readonly cpusets?: boolean } = {}): fc.Arbitrary<LoadPlan> =>
  fc.integer({ min: 1, max: 4 }).chain((cpus) =>
    fc.record({
      cpus: fc.constant(cpus),
      groups: fc.array(fc.record({ below: fc.nat(8), knobs: knobs(cpus, options.cpusets ?? false) }), { minLength: 1, maxLength: 8 }),
      steps: fc.array(fc.record({ afterUs: fc.integer({ min: 0, max: 700_000 }), leaf: fc.nat(8), act }), { minLength: 1, maxLength: 12 }),
    }),
  );

export const newTree = (cpus: number, fidelity: CpuFidelity = 'auto', saved?: SavedTree): CgroupTree =>
  new CgroupTree({ nanoCpus: cpus * 1e9, memoryBytes: 2 ** 30, fidelity }, new RandomStream(rootKey('random-load')), saved);

/** Builds the plan's groups; returns the rows of those without children. */
export function build(tree: CgroupTree, { groups }: LoadPlan): readonly number[] {
  const rows: number[] = [ROOT];
  groups.forEach((group, index) => rows.push(tree.create(rows[group.below % rows.length]!, `g${index}`, group.knobs)));
  return rows.filter((row) => row !== ROOT && tree.isLeaf(row));
}

/** Advances to an instant; threads that reach their target stop. */
export function advanceTo(tree: CgroupTree, until: number): void {
  while (tree.advance(timeUs(until)) < until || tree.finished.length > 0) for (const row of [...tree.finished]) tree.run(row, 0);
}

export function perform(tree: CgroupTree, row: number, what: Act): void {
  if (what.kind === 'rate') tree.demand(row, what.rate);
  else if (what.kind === 'threads') tree.run(row, what.threads, what.threads === 0 ? Infinity : tree.served(row) + what.workUs);
  else tree.freeze(row, what.frozen);
}

/** Every file of every group, by path. */
export function everything(tree: CgroupTree): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (let row = 0; row < tree.columns.rows; row++) {
    if ((tree.columns.flags[row]! & FLAG.open) === 0) continue;
    for (const name of fileNames(row)) files[`${row} ${tree.path(row)} ${name}`] = tree.file(row, name);
  }
  return files;
}
