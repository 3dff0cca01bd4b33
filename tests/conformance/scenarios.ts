// Facts of the form given / when / expect are prose: each is turned into a scenario by hand, keyed by its id. A file that
// holds an id nobody wrote a scenario for fails; facts from another folder (PAPERFLEET_VECTORS) that are not known here
// are named in the report.

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

const title = (fact: Fact): string =>
  `${fact.id}: ${[fact.given, fact.when, fact.expect]
    .map(text)
    .filter((part) => part !== '')
    .join(' → ')}`;

/** One test per fact of the file. `left` names facts that are not covered, with the reason. */
export function runScenarios(
  file: string,
  facts: readonly Fact[],
  scenarios: Scenarios,
  left: Readonly<Record<string, string>> = {},
): void {
  const elsewhere = (process.env['PAPERFLEET_VECTORS'] ?? '') !== '';
  const covered = facts.filter(({ id }) => Object.hasOwn(scenarios, id));
  const missing = facts.filter(({ id }) => !Object.hasOwn(scenarios, id) && !Object.hasOwn(left, id));
  const known = new Set(facts.map(({ id }) => id));
  describe(`facts of ${file}`, () => {
    test.each(covered.map((fact) => ({ name: title(fact), run: scenarios[fact.id] })))('$name', ({ run }) => run?.());
    // Facts of another folder that nobody has turned into scenarios yet are named in the report, and nothing is claimed of them.
    const gaps = elsewhere && missing.length > 0 ? ` (without one: ${missing.map(({ id }) => id).join(', ')})` : '';
    test(`every fact has a scenario or a reason, and every scenario its fact${gaps}`, () => {
      expect(elsewhere ? [] : missing.map(({ id }) => id)).toEqual([]);
      const stale = [...Object.keys(scenarios), ...Object.keys(left)].filter((id) => !known.has(id));
      expect(elsewhere ? [] : stale).toEqual([]);
    });
  });
}

export const loadFacts = (file: string): FactFile => loadVectors<FactFile>(file);
