/** The map's content as a table: the same tasks, one row each. */
import type { VNode } from 'preact';
import { matches, parseQuery, percent, LOOK_NAMES } from '../core/index.ts';
import { TASK_STATE } from '@paperfleet/core';
import { useApp } from './app.ts';
import type { Navigation } from './navigation.ts';
import { State, Swatch } from './parts.tsx';

const MAX_ROWS = 500;

export function MapTable({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.tasks.value;
  const { store } = app;
  const { tasks } = store;
  const query = parseQuery(navigation.query['q'] ?? '');
  const shown = store
    .taskIndexes((index) => tasks.state[index]! <= TASK_STATE.running)
    .filter((index) => {
      const node = store.nodes.get(tasks.node[index]!);
      const service = store.services.get(tasks.service[index]!);
      return matches(query, {
        name: store.taskNameAt(index),
        service: service?.name ?? '',
        node: node?.name ?? '',
        zone: node?.zone ?? '',
        image: service?.image ?? '',
        state: LOOK_NAMES[store.lookAt(index)]!,
      });
    });
  return (
    <div class="scroll">
      <table class="table" data-testid="map-table">
        <caption class="hidden">Tasks and where they run</caption>
        <thead>
          <tr>
            <th>task</th>
            <th>state</th>
            <th>node</th>
            <th class="r">CPU of limit</th>
            <th class="r">memory of limit</th>
            <th>error</th>
          </tr>
        </thead>
        <tbody>
          {shown.slice(0, MAX_ROWS).map((index) => (
            <tr key={tasks.id[index]}>
              <td>
                <button type="button" class="link name" onClick={() => navigation.select({ kind: 'task', id: tasks.id[index]! })}>
                  <Swatch row={tasks.service[index]!} />
                  {store.taskNameAt(index)}
                </button>
              </td>
              <td>
                <State look={store.lookAt(index)} />
              </td>
              <td>{store.nodes.get(tasks.node[index]!)?.name ?? '–'}</td>
              <td class="r num">{tasks.cpuPermille[index]! < 0 ? '–' : percent(tasks.cpuPermille[index]! / 1000)}</td>
              <td class="r num">{tasks.memoryPermille[index]! < 0 ? '–' : percent(tasks.memoryPermille[index]! / 1000)}</td>
              <td class="muted">{tasks.error[index] || ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {shown.length > MAX_ROWS && <p class="muted pad">{shown.length - MAX_ROWS} more; narrow the search to see them.</p>}
    </div>
  );
}
