/** How the page tells of decisions: the sentences of core with the names it knows, and the facts that the drawer lists. */
import type { ClusterEvent, Names } from '@paperfleet/core';
import { explainClause, filterText } from '@paperfleet/core';
import { simClock, span } from '../format.ts';

/** The sentence of an event; in lists it stands without a full stop. */
export const sentence = (event: ClusterEvent, names: Names): string => explainClause(event.explain, event, names);

/** A fact of a decision with its label, for the drawer. */
export type Fact = readonly [label: string, value: string];

/** The inputs of a decision, complete, in reading order. */
export function facts(event: ClusterEvent, names: Names): readonly Fact[] {
  const { explain } = event;
  switch (explain.code) {
    case 'PLACED':
      return [
        ['profile', explain.profile],
        ['nodes that fit', `${explain.feasible} of ${explain.considered}`],
        ...rejectedFacts(explain.rejected),
      ];
    case 'PENDING':
      return [
        ['nodes considered', String(explain.considered)],
        ...rejectedFacts(explain.rejected),
        ...(explain.nearest === undefined ? [] : [['nearest', `${names.node(explain.nearest.node)}: ${explain.nearest.detail}`] as const]),
        ...explain.wouldFitIf.map((what): Fact => ['would fit if', what]),
        ['in Swarm’s words', explain.message],
      ];
    case 'RESTART':
      return [
        ['condition', explain.condition],
        ['delay', span(explain.delayUs)],
        ['attempts', explain.maxAttempts === 0 ? `${explain.attempts}, no limit` : `${explain.attempts} of ${explain.maxAttempts}`],
      ];
    case 'NODE_DOWN':
      return [
        ['last heartbeat', simClock(explain.lastHeartbeat)],
        ['grace', span(explain.graceUs)],
        ['tasks to replace', String(explain.tasks)],
      ];
    case 'EXITED':
      return [
        ['exit code', String(explain.exitCode)],
        ['out of memory', explain.oomKilled ? 'yes' : 'no'],
      ];
    case 'SCALED':
      return [
        ['from', String(explain.from)],
        ['to', String(explain.to)],
        ['by', explain.by],
      ];
    default:
      return [];
  }
}

function rejectedFacts(rejected: Readonly<Record<string, number>>): Fact[] {
  return Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => [filterText(name), String(count)]);
}
