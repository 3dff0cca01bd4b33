// Experiments on a real kernel against the cgroup engine.
import { describe, expect, test } from 'vitest';
import { compare, type Comparison, type CpuExperiment, isSingleGroup, isSingleLevel, simulate } from '../support/kernel-experiment.ts';
import { averagesOf, LEFT_OUT, type OtherExperiment, SCENARIOS } from '../support/kernel-scenarios.ts';
import { loadVectors } from './vectors.ts';

const { vectors } = loadVectors<{ readonly vectors: readonly (CpuExperiment | OtherExperiment)[] }>('kernel-cgroup.json');
const isCpu = (vector: CpuExperiment | OtherExperiment): vector is CpuExperiment => vector.kind === 'cpu';
const cpu = vectors.filter(isCpu);
const others = vectors.filter((vector): vector is OtherExperiment => !isCpu(vector));
const elsewhere = (process.env['PAPERFLEET_VECTORS'] ?? '') !== '';

const comparisons = new Map(cpu.map((experiment) => [experiment.id, compare(experiment, simulate(experiment))]));
const say = ({ id, group, metric, simulated, measured, tolerance }: Comparison): string =>
  `${id} ${group} ${metric}: ${simulated.toFixed(2)} instead of ${measured} ± ${tolerance}`;

/** Share of checks within their tolerance, and the others in words. */
function score(experiments: readonly CpuExperiment[]): { readonly share: number; readonly misses: readonly string[] } {
  const all = experiments.flatMap(({ id }) => comparisons.get(id)!);
  return {
    share: all.filter(({ passed }) => passed).length / Math.max(1, all.length),
    misses: all.filter(({ passed }) => !passed).map(say),
  };
}

describe('CPU experiments', () => {
  test('at least 95 % of all checks are within their tolerance', () => {
    const { share, misses } = score(cpu);
    expect(share, misses.join('\n')).toBeGreaterThanOrEqual(0.95);
  });

  test('at least 99 % of those with a single group are', () => {
    const { share, misses } = score(cpu.filter(isSingleGroup));
    expect(share, misses.join('\n')).toBeGreaterThanOrEqual(0.99);
  });

  test('periods and throttled periods are exact or off by one from what was measured, where groups are not nested', () => {
    const wrong = cpu.filter(isSingleLevel).flatMap((experiment) =>
      comparisons
        .get(experiment.id)!
        .filter(({ metric }) => metric === 'nr_periods' || metric === 'nr_throttled')
        .filter(({ group, metric, simulated, measured, passed }) => {
          // Other experiments may have been disturbed more than these: there the tolerance that came with them is enough.
          if (elsewhere && passed) return false;
          // Where the kernel itself differed between repeats, one more or less than any of them counts as off by one.
          const repeats = (experiment.measured[group] as Readonly<Record<string, readonly number[]>> | undefined)?.[metric] ?? [measured];
          return simulated < Math.min(...repeats) - 1 || simulated > Math.max(...repeats) + 1;
        }),
    );
    expect(wrong.map(say)).toEqual([]);
  });

  test('the mean rates alone would not do: the events matter', () => {
    const all = cpu.flatMap((experiment) => compare(experiment, simulate(experiment, 'steady')));
    expect(all.filter(({ passed }) => passed).length / all.length).toBeLessThan(score(cpu).share);
  });

  test('choosing between events and mean rates by itself does nearly as well', () => {
    const all = cpu.flatMap((experiment) => compare(experiment, simulate(experiment, 'auto')));
    expect(all.filter(({ passed }) => passed).length / all.length).toBeGreaterThanOrEqual(elsewhere ? 0.9 : 0.95);
  });
});

describe('pressure averages', () => {
  const sampled = cpu.filter(({ measured }) => measured['samples_t_avg10_avg60'] !== undefined);

  test.each(sampled)('$id: some run of the kernel equals the formula to the last digit', ({ measured }) => {
    const runs = measured['samples_t_avg10_avg60'] as readonly (readonly (readonly [number, number, number])[])[];
    const series = runs.map((run) => {
      const values = run.map(([, avg10, avg60]) => [avg10, avg60] as const);
      return values.filter((value, index) => value[0] !== values[index - 1]?.[0] && value[0] > 0);
    });
    expect(series.some((values) => values.length > 1 && followsFormula(values))).toBe(true);
  });

  /** True when whole percentages exist that give these averages one after the other. */
  function followsFormula(values: readonly (readonly [number, number])[]): boolean {
    const percentages: number[] = [];
    for (const [avg10, avg60] of values) {
      const percent = Array.from({ length: 101 }, (_, candidate) => candidate).find((candidate) => {
        const last = averagesOf([...percentages, candidate]).at(-1)!;
        return Math.abs(last[0] - avg10) < 0.01 && Math.abs(last[1] - avg60) < 0.01;
      });
      if (percent === undefined) return false;
      percentages.push(percent);
    }
    return true;
  }
});

describe('memory, devices and processes', () => {
  const known = others.filter(({ id }) => Object.hasOwn(SCENARIOS, id));
  const unknown = others.filter(({ id }) => !Object.hasOwn(SCENARIOS, id) && !Object.hasOwn(LEFT_OUT, id)).map(({ id }) => id);

  test.each(known)('$id: $setup', (experiment) => {
    const wrong = SCENARIOS[experiment.id]!(experiment).filter(
      ({ measured, simulated, tolerance }) => !(Math.abs(measured - simulated) <= tolerance),
    );
    expect(wrong).toEqual([]);
  });

  const gaps = elsewhere && unknown.length > 0 ? ` (without one: ${unknown.join(', ')})` : '';
  test(`every experiment is acted out or left out with a reason${gaps}`, () => {
    expect(elsewhere ? [] : unknown).toEqual([]);
  });
});
