import { type FilterPlugin, nodesText } from '../filter.ts';

/** Ports published in host mode: one task per node, protocol and port. */
export const hostPortFilter: FilterPlugin = {
  name: 'hostPort',
  requeueOn: ['node.joined', 'node.changed', 'task.ended'],
  dependsOnTasks: true,
  applies: (needs) => needs.hostPorts.length > 0,
  filter: (nodes, needs, row, placed) => placed === 0 && !needs.hostPorts.some((key) => nodes.holdsPort(key, row)),
  filterBatch(nodes, needs, candidates, count) {
    let kept = count;
    for (const key of needs.hostPorts) {
      const before = kept;
      kept = 0;
      for (let i = 0; i < before; i++) {
        const row = candidates[i] ?? 0;
        if (!nodes.holdsPort(key, row)) candidates[kept++] = row;
      }
    }
    return kept;
  },
  explain: (rejected) => `host-mode port already in use on ${nodesText(rejected)}`,
  shortfall(nodes, needs, row, placed) {
    const taken = needs.hostPorts.filter((key) => placed > 0 || nodes.holdsPort(key, row)).join(', ');
    const name = nodes.nodeAt(row)?.name ?? String(row);
    return { detail: `port ${taken} is in use`, wouldFitIf: [`${taken} were free on ${name}`, 'another node joined'] };
  },
};
