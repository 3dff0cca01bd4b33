// Facts of the form given / when / expect are prose: each is turned into a scenario by hand, keyed by its id. A file that
// holds an id nobody wrote a scenario for fails; facts from another folder (PAPERFLEET_VECTORS) that are not known here
// are shown as skipped.

import { describe, expect, test } from 'vitest';
import { loadVectors } from './vectors.ts';

interface Fact {
  readonly id: string;
  readonly given?: unknown;
  readonly when?: unknown;
  readonly expect?: unknown;
}

export interface FactFile {
  readonly subject: string;
  readonly vectors: readonly Fact[];
}

export type Scenarios = Readonly<Record<string, () => void>>;

const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''));

/** One test per fact of the file. `left` names facts that are not covered, with the reason. */
export function runScenarios(
  file: string,
  facts: readonly Fact[],
  scenarios: Scenarios,
  left: Readonly<Record<string, string>> = {},
): void {
  const elsewhere = (process.env['PAPERFLEET_VECTORS'] ?? '') !== '';
  describe(file, () => {
    for (const fact of facts) {
      const name = `${fact.id}: ${[fact.given, fact.when, fact.expect]
        .map(text)
        .filter((part) => part !== '')
        .join(' → ')}`;
      const scenario = scenarios[fact.id];
      const reason = left[fact.id];
      if (scenario !== undefined) test(name, scenario);
      else if (reason !== undefined) test.skip(`${name} (${reason})`, () => undefined);
      else if (elsewhere) test.skip(`${name} (no scenario is written for this fact)`, () => undefined);
      else {
        test(name, () => {
          expect.fail(`${fact.id} has no scenario`);
        });
      }
    }
    test('no scenario is left over', () => {
      if (elsewhere) return;
      const known = new Set(facts.map((fact) => fact.id));
      expect([...Object.keys(scenarios), ...Object.keys(left)].filter((id) => !known.has(id))).toEqual([]);
    });
  });
}

export const loadFacts = (file: string): FactFile => loadVectors<FactFile>(file);
