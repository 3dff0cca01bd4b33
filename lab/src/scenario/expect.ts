/** Whether a run came out as its scenario expects. */
import type { Expectation } from './scenario.ts';

/** What the manager believes at the end of a run. */
export interface FinalState {
  readonly nodesReady: number;
  readonly services: readonly { readonly name: string; readonly desired: number; readonly running: number; readonly pending: number }[];
}

export interface ExpectationResult {
  readonly expectation: Expectation;
  readonly actual: number;
  readonly ok: boolean;
  /** 'running of shop_web == 4: 3' */
  readonly text: string;
}

/** Checks every expectation. A service that is gone counts as 0. */
export function checkExpectations(expectations: readonly Expectation[], state: FinalState): readonly ExpectationResult[] {
  return expectations.map((expectation) => {
    const { metric, service, op, value } = expectation;
    const actual =
      metric === 'nodesReady'
        ? state.nodesReady
        : state.services.filter(({ name }) => service === undefined || name === service).reduce((sum, each) => sum + each[metric], 0);
    const of = service === undefined ? '' : ` of ${service}`;
    return { expectation, actual, ok: holds(actual, op, value), text: `${metric}${of} ${op} ${value}: ${actual}` };
  });
}

function holds(actual: number, op: Expectation['op'], value: number): boolean {
  switch (op) {
    case '==':
      return actual === value;
    case '!=':
      return actual !== value;
    case '<':
      return actual < value;
    case '<=':
      return actual <= value;
    case '>':
      return actual > value;
    case '>=':
      return actual >= value;
  }
}
