import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FLAG, NONE } from './columns.ts';
import { TICK_US } from './cpu.ts';
import { advanceTo, build, everything, type LoadPlan, loadPlan, newTree, perform } from './testing/random-load.ts';
import type { CgroupTree } from './tree.ts';
import { MILLION } from './work.ts';

const CHECKS = { numRuns: 60 };

/** Plays a plan; `pause` is called between steps and says how to get to the next instant. */
function play(tree: CgroupTree, plan: LoadPlan, move: (until: number) => void = (until) => advanceTo(tree, until)): void {
  const leaves = build(tree, plan);
  let at = 0;
  for (const { afterUs, leaf, act } of plan.steps) {
    at += afterUs;
    move(at);
    perform(tree, leaves[leaf % leaves.length]!, act);
  }
  move(at + 500_000);
}

/** Rows of groups, parents before children. */
const groupsOf = (tree: CgroupTree): readonly number[] =>
  Array.from({ length: tree.columns.rows }, (_, row) => row).filter((row) => (tree.columns.flags[row]! & FLAG.open) !== 0);

const below = (tree: CgroupTree, row: number): readonly number[] => tree.children(row);

describe('any tree under any load', () => {
  test('shows the same however time is divided into calls', () =>
    fc.assert(
      fc.property(
        loadPlan({ cpusets: true }),
        fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 10 }),
        (plan, cuts) => {
          const whole = newTree(plan.cpus);
          play(whole, plan);
          const divided = newTree(plan.cpus);
          play(divided, plan, (until) => {
            for (const cut of cuts) {
              advanceTo(divided, Math.min(until, divided.now + cut));
              // Looking changes nothing.
              everything(divided);
            }
            advanceTo(divided, until);
          });
          expect(everything(divided)).toEqual(everything(whole));
        },
      ),
      CHECKS,
    ));

  test('goes on from a checkpoint as if nothing had happened', () =>
    fc.assert(
      fc.property(loadPlan({ cpusets: true }), fc.nat(11), (plan, stop) => {
        const straight = newTree(plan.cpus);
        play(straight, plan);
        let tree = newTree(plan.cpus);
        const leaves = build(tree, plan);
        let at = 0;
        plan.steps.forEach(({ afterUs, leaf, act }, index) => {
          at += afterUs;
          advanceTo(tree, at);
          perform(tree, leaves[leaf % leaves.length]!, act);
          if (index === stop % plan.steps.length) tree = newTree(plan.cpus, 'auto', structuredClone(tree.save()));
        });
        advanceTo(tree, at + 500_000);
        expect(everything(tree)).toEqual(everything(straight));
        expect(tree.save()).toEqual(straight.save());
      }),
      CHECKS,
    ));

  test('nobody gets more than the machine has, a group what its children get', () =>
    fc.assert(
      fc.property(loadPlan({ cpusets: true }), (plan) => {
        const tree = newTree(plan.cpus);
        play(tree, plan);
        expect(tree.cpu.usageAt(0)).toBeLessThanOrEqual(plan.cpus * tree.now);
        for (const row of groupsOf(tree)) {
          const children = below(tree, row);
          if (children.length === 0) continue;
          const sum = children.reduce((total, child) => total + tree.cpu.usageAt(child), 0);
          // Both are whole microseconds of exact sums.
          expect(sum).toBeLessThanOrEqual(tree.cpu.usageAt(row));
          expect(sum).toBeGreaterThan(tree.cpu.usageAt(row) - children.length);
        }
      }),
      CHECKS,
    ));

  test('no group uses more than its quota in a period and what one tick lets through, burst included', () =>
    fc.assert(
      fc.property(loadPlan(), fc.constantFrom('auto' as const, 'events' as const, 'steady' as const), (plan, fidelity) => {
        const tree = newTree(plan.cpus, fidelity);
        play(tree, plan);
        for (const row of groupsOf(tree)) {
          const quotaUs = tree.columns.quota[row]!;
          if (quotaUs === 0) continue;
          const periods = Math.ceil(tree.now / tree.columns.period[row]!) + 1;
          const burst = tree.bursts.get(row)?.limitUs ?? 0;
          expect(tree.cpu.usageAt(row)).toBeLessThanOrEqual(quotaUs * periods + burst + TICK_US * plan.cpus + 1);
        }
      }),
      CHECKS,
    ));

  test('no CPU idles while somebody who may run wants it', () =>
    fc.assert(
      fc.property(loadPlan(), (plan) => {
        const tree = newTree(plan.cpus, 'events');
        play(tree, plan, (until) => {
          while (tree.now < until) {
            advanceTo(tree, Math.min(until, Math.max(tree.next, tree.now + 1)));
            expectWorkConserving(tree);
          }
        });
      }),
      CHECKS,
    ));

  test('an idle tree has nothing to do once its timers have stopped', () =>
    fc.assert(
      fc.property(loadPlan(), (plan) => {
        const tree = newTree(plan.cpus);
        play(tree, plan);
        tree.freeze(0, false);
        tree.kill(0);
        advanceTo(tree, tree.now + 300_000_000);
        expect(tree.next).toBe(Infinity);
      }),
      CHECKS,
    ));
});

function expectWorkConserving(tree: CgroupTree): void {
  tree.cpu.flush();
  const c = tree.columns;
  const capacity = tree.cpu.machine.capacity;
  if (c.rate[0] === capacity) return;
  for (const row of groupsOf(tree)) {
    if (!tree.isLeaf(row) || c.demand[row] === 0) continue;
    let stopped = false;
    for (let at = row; at !== NONE; at = c.parent[at]!) if ((c.flags[at]! & FLAG.throttled) !== 0) stopped = true;
    if (!stopped) expect(c.rate[row]).toBe(Math.min(c.demand[row]!, tree.cpu.machine.cpus * MILLION));
  }
}

describe('constant load', () => {
  // Quotas that end more than a tick before the period does, or never.
  const quotaUs = fc.oneof(fc.integer({ min: 2000, max: 90_000 }), fc.integer({ min: 300_000, max: 400_000 }));
  const plan = fc.record({
    cpus: fc.integer({ min: 1, max: 4 }),
    groups: fc.array(fc.record({ quotaUs, threads: fc.integer({ min: 1, max: 3 }) }), {
      minLength: 1,
      maxLength: 4,
    }),
  });

  test('costs no events once it is steady, and counts what events would have counted', () =>
    fc.assert(
      fc.property(plan, ({ cpus, groups }) => {
        // Enough CPUs for all threads: then every group is on its own, and mean rates are exact.
        const enough = Math.max(
          cpus,
          groups.reduce((sum, { threads }) => sum + threads, 0),
        );
        const [events, auto] = (['events', 'auto'] as const).map((fidelity) => {
          const tree = newTree(enough, fidelity);
          const rows = groups.map(({ quotaUs }, index) => tree.create(0, `g${index}`, { cpuMax: { quotaUs } }));
          rows.forEach((row, index) => tree.run(row, groups[index]!.threads));
          advanceTo(tree, 20_000_000);
          return tree;
        }) as [CgroupTree, CgroupTree];
        expect(auto.next).toBe(Infinity);
        expect(events.next).toBeLessThan(Infinity);
        groups.forEach(({ quotaUs, threads }, index) => {
          const row = index + 1;
          const overrun = TICK_US * threads;
          expect(auto.cpu.periodsAt(row)).toBe(events.cpu.periodsAt(row));
          expect(Math.abs(auto.cpu.throttledPeriodsAt(row) - events.cpu.throttledPeriodsAt(row))).toBeLessThanOrEqual(1);
          // Both use the quota of every whole period; they differ within the last one, and by what a tick let through.
          expect(Math.abs(auto.cpu.usageAt(row) - events.cpu.usageAt(row))).toBeLessThanOrEqual(
            Math.min(quotaUs, threads * 100_000) + overrun,
          );
          expect(Math.abs(auto.cpu.throttledAt(row) - events.cpu.throttledAt(row))).toBeLessThanOrEqual(threads * 100_000 + overrun);
        });
      }),
      CHECKS,
    ));

  test('on a contended machine mean rates come within 3 % of the machine of what events give', () =>
    fc.assert(
      fc.property(plan, ({ groups }) => {
        const usages = (['events', 'steady'] as const).map((fidelity) => {
          const tree = newTree(1, fidelity);
          const rows = groups.map(({ quotaUs }, index) => tree.create(0, `g${index}`, { cpuMax: { quotaUs } }));
          rows.forEach((row, index) => tree.run(row, groups[index]!.threads));
          tree.run(tree.create(0, 'free'), 1);
          advanceTo(tree, 20_000_000);
          return [...rows, rows.length + 1].map((row) => tree.cpu.usageAt(row));
        }) as [number[], number[]];
        usages[0].forEach((usage, index) => expect(Math.abs(usage - usages[1][index]!)).toBeLessThanOrEqual(0.03 * 20_000_000));
      }),
      CHECKS,
    ));
});
