import { nodeMatches, nodeMatchesOne } from '../constraint.ts';
import { type FilterPlugin, nodesText } from '../filter.ts';

/** Placement constraints. Which nodes meet them is kept per list of constraints. */
export const constraintsFilter: FilterPlugin = {
  name: 'constraints',
  requeueOn: ['node.joined', 'node.changed'],
  dependsOnTasks: false,
  applies: (needs) => needs.constraints !== undefined,
  filter(nodes, needs, row) {
    const node = nodes.nodeAt(row);
    return node !== undefined && needs.constraints !== undefined && nodeMatches(needs.constraints, node);
  },
  cacheKey: (needs) => needs.constraintKey,
  explain: (rejected) => `scheduling constraints not satisfied on ${nodesText(rejected)}`,
  shortfall(nodes, needs, row) {
    const node = nodes.nodeAt(row);
    const unmet = (needs.constraints ?? [])
      .filter((constraint) => node === undefined || !nodeMatchesOne(constraint, node))
      .map(({ key, operator, value }) => `${key} ${operator} ${value}`)
      .join(', ');
    return {
      detail: `does not meet ${unmet}`,

      wouldFitIf: [`${node?.name ?? String(row)} met ${unmet}`, `a node joined that meets ${unmet}`],
    };
  },
};
