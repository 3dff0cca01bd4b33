/** Nodes as a table: belief and truth, reserved and used, and what one can do to each. */
import type { VNode } from 'preact';
import type { NodeView } from '@paperfleet/core';
import { naturalCompare, plural } from '../core/index.ts';
import { belief, gap } from '../core/map/tile-painter.ts';
import { useApp } from './app.ts';
import { NodeBars } from './selection-panel.tsx';
import { useNavigation } from './navigation.ts';
import { NodeVerbs } from './node-verbs.tsx';
import { Empty } from './parts.tsx';

/** Rows drawn at once; more nodes than that are found by searching. */
const MAX_ROWS = 200;

export function NodesPage(): VNode {
  const app = useApp();
  const navigation = useNavigation();
  app.nodes.value;
  const text = (navigation.query['q'] ?? '').replace(/^node:/i, '').toLowerCase();
  const nodes = [...app.store.nodes.values()]
    .filter((node) => node.name.toLowerCase().includes(text) || node.zone.toLowerCase() === text.replace(/^zone:/, ''))
    .sort((a, b) => naturalCompare(a.zone, b.zone) || naturalCompare(a.name, b.name));
  const { totals } = app.store;
  return (
    <main class="page">
      <div class="page-head">
        <h1>Nodes</h1>
        <span class="muted">
          {plural(app.store.nodes.size, 'node')}, {plural(totals.hosts, 'agent host')}
        </span>
      </div>
      {app.loaded.value && nodes.length === 0 ? (
        <Empty title={app.store.nodes.size === 0 ? 'No nodes yet' : 'No node matches'} />
      ) : (
        <div class="scroll">
          <table class="table nodes" data-testid="nodes">
            <thead>
              <tr>
                <th>node</th>
                <th>zone</th>
                <th>manager believes</th>
                <th>really</th>
                <th class="r">tasks</th>
                <th>used over reserved of capacity</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {nodes.slice(0, MAX_ROWS).map((node) => (
                <Row key={node.row} node={node} />
              ))}
            </tbody>
          </table>
          {nodes.length > MAX_ROWS && (
            <p class="muted pad">{plural(nodes.length - MAX_ROWS, 'more node')}; narrow the search to see them.</p>
          )}
        </div>
      )}
    </main>
  );
}

function Row({ node }: { readonly node: NodeView }): VNode {
  const app = useApp();
  const navigation = useNavigation();
  const says = belief(node);
  const apart = gap(node, app.playback.peek().simUs);
  return (
    <tr class={node.truth === 'up' ? '' : 'bad'} data-testid={`row-${node.name}`}>
      <td>
        <a class="name" href={navigation.href('nodes', node.name)}>
          {node.name}
        </a>
      </td>
      <td class="muted">{node.zone === '' ? '–' : node.zone}</td>
      <td class={says.tone}>{says.text}</td>
      <td class={node.truth === 'up' ? 'muted' : 'danger'}>{apart?.truth ?? 'up'}</td>
      <td class="r num">{node.tasks}</td>
      <td>
        <NodeBars node={node} />
      </td>
      <td class="r">
        <NodeVerbs node={node} />
      </td>
    </tr>
  );
}
