/**
 * The map for keyboards and screen readers: a grid whose rows are nodes and whose cells are tasks, of which only the row
 * in focus and its neighbours exist. The ring that shows the focus is drawn on the canvas.
 */
import type { RefObject, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { NodeView } from '@paperfleet/core';
import type { MapRenderer, MapTarget } from '../core/index.ts';
import { LOOK_LABEL, LOOK_NAMES } from '../core/index.ts';
import { belief } from '../core/map/tile-painter.ts';
import { useApp } from './app.ts';

interface Cursor {
  readonly row: number;
  /** 0 is the node itself, 1 its first task. */
  readonly column: number;
}

export function MapGrid({
  renderer,
  onFocus,
  onChoose,
}: {
  readonly renderer: MapRenderer;
  readonly onFocus: (target: MapTarget | undefined) => void;
  readonly onChoose: (target: MapTarget) => void;
}): VNode {
  const app = useApp();
  const [cursor, setCursor] = useState<Cursor>({ row: 0, column: 0 });
  const [active, setActive] = useState(false);
  const current = useRef<HTMLDivElement>(null);
  const [, arranged] = useState(0);
  app.nodes.value;
  if (active) app.tasks.value; // not worth a rendering while nobody is here
  // The map arranges itself in the frame after a change; the rows are known from then on.
  useEffect(() => {
    const timer = setTimeout(() => arranged(renderer.layout.order.length), 100);
    return () => clearTimeout(timer);
  }, [renderer, app.nodes.value]);
  const { order } = renderer.layout;
  const row = Math.min(cursor.row, Math.max(0, order.length - 1));
  const targetAt = (place: number, column: number): MapTarget | undefined =>
    targetIn(renderer, app.store.nodes.get(order[place] ?? -1), column);
  useEffect(() => {
    if (!active) return;
    current.current?.focus();
    onFocus(targetAt(row, cursor.column));
  }, [row, cursor.column, active]);
  const move = (event: KeyboardEvent): void => {
    const last = renderer.tasksOn(order[row] ?? -1).length;
    const next = {
      ArrowRight: { row, column: Math.min(last, cursor.column + 1) },
      ArrowLeft: { row, column: Math.max(0, cursor.column - 1) },
      ArrowDown: { row: Math.min(order.length - 1, row + 1), column: cursor.column },
      ArrowUp: { row: Math.max(0, row - 1), column: cursor.column },
      Home: { row, column: 0 },
      End: { row, column: last },
    }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setCursor({ row: next.row, column: Math.min(next.column, renderer.tasksOn(order[next.row] ?? -1).length) });
    } else if (event.key === 'Enter') {
      const target = targetAt(row, cursor.column);
      if (target !== undefined) onChoose(target);
    }
  };
  const rows = [row - 1, row, row + 1].filter((place) => place >= 0 && place < order.length);
  return (
    <div
      class="map-grid"
      role="grid"
      aria-label="Nodes and their tasks"
      aria-rowcount={order.length}
      onKeyDown={move}
      onFocusIn={() => setActive(true)}
      onFocusOut={() => {
        setActive(false);
        onFocus(undefined);
      }}
    >
      {rows.map((place) => {
        const node = app.store.nodes.get(order[place]!);
        return node === undefined ? null : (
          <GridRow
            key={node.row}
            node={node}
            index={place + 1}
            column={place === row ? cursor.column : -1}
            tasks={place === row ? renderer.tasksOn(node.row) : []}
            current={current}
          />
        );
      })}
    </div>
  );
}

/** What a column of a node's row stands for: 0 the node, 1 its first task. */
function targetIn(renderer: MapRenderer, node: NodeView | undefined, column: number): MapTarget | undefined {
  if (node === undefined) return undefined;
  const task = column === 0 ? undefined : renderer.tasksOn(node.row)[column - 1]?.id;
  return task === undefined ? { node: node.name } : { node: node.name, task };
}

/** A node and, when the focus is in its row, its tasks. `column` is -1 in rows without the focus. */
function GridRow({
  node,
  index,
  column,
  tasks,
  current,
}: {
  readonly node: NodeView;
  readonly index: number;
  readonly column: number;
  readonly tasks: readonly { readonly id: string }[];
  readonly current: RefObject<HTMLDivElement | null>;
}): VNode {
  const { store } = useApp();
  return (
    <div role="row" aria-rowindex={index}>
      <div role="rowheader" tabIndex={column === 0 ? 0 : -1} ref={column === 0 ? current : null}>
        {node.name}, {belief(node).text}
        {node.truth === 'up' ? '' : `, really ${node.truth}`}
      </div>
      {tasks.map(({ id }, i) => {
        const task = store.tasks.indexOfId(id);
        return (
          <div key={id} role="gridcell" tabIndex={column === i + 1 ? 0 : -1} ref={column === i + 1 ? current : null}>
            {store.taskName(id)}, {task < 0 ? 'gone' : LOOK_LABEL[LOOK_NAMES[store.lookAt(task)]!]}
          </div>
        );
      })}
    </div>
  );
}
