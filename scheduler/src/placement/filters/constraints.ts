import { type FilterPlugin, nodesText } from '../filter.ts';

/** Placement constraints. Which nodes meet them is kept per list of constraints. */
export const constraintsFilter: FilterPlugin = {
  name: 'constraints',
  requeueOn: ['node.joined', 'node.changed'],
  dependsOnTasks: false,
  applies: (needs) => needs.constraints !== undefined,
  filter(nodes, needs, row) {
    const node = nodes.nodeAt(row);
    return node !== undefined && needs.constraintTests.every((holds) => holds(node));
  },
  cacheKey: (needs) => needs.constraintKey,
  explain: (rejected) => `scheduling constraints not satisfied on ${nodesText(rejected)}`,
  shortfall(nodes, needs, row) {
    const node = nodes.nodeAt(row);
    const unmet = (needs.constraints ?? [])
      .filter((_constraint, i) => node === undefined || needs.constraintTests[i]?.(node) === false)
      .map(({ key, operator, value }) => `${key} ${operator} ${value}`)
      .join(', ');
    return {
      detail: `does not meet ${unmet}`,

      wouldFitIf: [`${node?.name ?? String(row)} met ${unmet}`, `a node joined that meets ${unmet}`],
    };
  },
};
