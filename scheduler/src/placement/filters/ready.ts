import { type FilterPlugin, nodesText } from '../filter.ts';

/** Node status ready and availability active. */
export const readyFilter: FilterPlugin = {
  name: 'ready',
  requeueOn: ['node.joined', 'node.changed'],
  dependsOnTasks: false,
  applies: () => true,
  filter: (nodes, _needs, row) => nodes.ready[row] === 1,
  filterBatch(nodes, _needs, candidates, count) {
    const { ready } = nodes;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = candidates[i] ?? 0;
      if (ready[row] === 1) candidates[kept++] = row;
    }
    return kept;
  },
  explain: (rejected) => `${nodesText(rejected)} not available for new tasks`,
  shortfall(nodes, _needs, row) {
    const name = nodes.nodeAt(row)?.name ?? String(row);
    return { detail: 'not ready, or not active', wouldFitIf: [`${name} were ready and active`, 'another node joined'] };
  },
};
