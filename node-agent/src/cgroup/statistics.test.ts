import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newSample, sampleLeaves } from './statistics.ts';
import { advanceTo, build, loadPlan, newTree, perform } from './testing/random-load.ts';

test('columns hold what the files of each leaf say', () =>
  fc.assert(
    fc.property(loadPlan(), fc.constantFrom('auto' as const, 'events' as const, 'steady' as const), (plan, fidelity) => {
      const tree = newTree(plan.cpus, fidelity);
      const leaves = build(tree, plan);
      let at = 0;
      for (const { afterUs, leaf, act } of plan.steps) {
        at += afterUs;
        advanceTo(tree, at);
        perform(tree, leaves[leaf % leaves.length]!, act);
        tree.setAnon(leaves[leaf % leaves.length]!, afterUs);
      }
      advanceTo(tree, at + 777_777);
      const sample = newSample(leaves.length);
      expect(sampleLeaves(tree, sample)).toBe(leaves.length);
      expect([...sample.rows]).toEqual([...leaves].sort((a, b) => a - b));
      sample.rows.forEach((row, index) => {
        const stat = tree.file(row, 'cpu.stat');
        expect(stat).toContain(`usage_usec ${sample.usageUs[index]!}\n`);
        expect(stat).toContain(
          `nr_periods ${sample.nrPeriods[index]!}\nnr_throttled ${sample.nrThrottled[index]!}\nthrottled_usec ${sample.throttledUs[index]!}\n`,
        );
        expect(tree.file(row, 'memory.current')).toBe(`${sample.memoryBytes[index]!}\n`);
        expect(tree.file(row, 'memory.peak')).toBe(`${sample.memoryPeakBytes[index]!}\n`);
      });
    }),
    { numRuns: 40 },
  ));
