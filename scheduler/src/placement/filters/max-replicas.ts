import type { FilterPlugin } from '../filter.ts';

/** At most so many active tasks of the service on a node. */
export const maxReplicasFilter: FilterPlugin = {
  name: 'maxReplicas',
  requeueOn: ['node.joined', 'node.changed', 'task.ended'],
  dependsOnTasks: true,
  applies: (needs) => needs.maxReplicas > 0,
  filter: (nodes, needs, row, placed) => nodes.tasksOfService(needs.serviceId, row) + placed < needs.maxReplicas,
  filterBatch(nodes, needs, candidates, count) {
    const counts = nodes.services.get(needs.serviceId)?.counts;
    if (counts === undefined) return count;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = candidates[i] ?? 0;
      if ((counts.get(row) ?? 0) < needs.maxReplicas) candidates[kept++] = row;
    }
    return kept;
  },
  // SwarmKit's text has no number, and this grammar.
  explain: () => 'max replicas per node limit exceed',
  shortfall(nodes, needs, row, placed) {
    const there = nodes.tasksOfService(needs.serviceId, row) + placed;
    return {
      detail: `runs ${there} of at most ${needs.maxReplicas} tasks of the service`,

      wouldFitIf: [`max replicas per node were at least ${there + 1}`, 'another node joined'],
    };
  },
};
