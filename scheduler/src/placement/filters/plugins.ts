import { type FilterPlugin, nodesText } from '../filter.ts';
import type { NeededPlugin, TaskNeeds } from '../needs.ts';
import type { NodeSet } from '../node-set.ts';

function has(plugins: readonly (readonly [string, string])[], needed: NeededPlugin): boolean {
  if (plugins.some(([type, name]) => type === needed.type && (name === needed.name || name === `${needed.name}:latest`))) return true;
  // A node that reports no log drivers at all runs an engine too old to report them.
  return needed.type === 'Log' && !plugins.some(([type]) => type === 'Log');
}

function missing(nodes: NodeSet, needs: TaskNeeds, row: number): readonly NeededPlugin[] {
  const plugins = nodes.nodeAt(row)?.description.plugins;
  // Without an engine description nothing is known, and nothing is refused.
  return plugins === undefined ? [] : needs.plugins.filter((needed) => !has(plugins, needed));
}

/** Volume drivers other than `local`, network drivers and the log driver a task uses. */
export const pluginsFilter: FilterPlugin = {
  name: 'plugins',
  requeueOn: ['node.joined', 'node.changed'],
  dependsOnTasks: false,
  applies: (needs) => needs.plugins.length > 0,
  filter: (nodes, needs, row) => missing(nodes, needs, row).length === 0,
  cacheKey: (needs) => JSON.stringify(needs.plugins),
  explain: (rejected) => `missing plugin on ${nodesText(rejected)}`,
  shortfall(nodes, needs, row) {
    const list = missing(nodes, needs, row)
      .map(({ type, name }) => `${type.toLowerCase()} plugin ${name}`)
      .join(', ');
    const name = nodes.nodeAt(row)?.name ?? String(row);
    return { detail: `has no ${list}`, wouldFitIf: [`${name} had ${list}`] };
  },
};
