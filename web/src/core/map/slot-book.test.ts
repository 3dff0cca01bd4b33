import { TASK_STATE } from '@paperfleet/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClusterStore } from '../store/cluster-store.ts';
import { LOOK } from '../store/look.ts';
import type { TaskRow } from '../store/testing.ts';
import { columns, delta, nodeView, serviceView, snapshot } from '../store/testing.ts';
import { GHOST_MS, SlotBook } from './slot-book.ts';

function setUp(tasks: readonly TaskRow[]): { readonly store: ClusterStore; readonly book: SlotBook } {
  const store = new ClusterStore();
  const book = new SlotBook(store);
  store.observe(book);
  store.load(snapshot(0, [nodeView(0), nodeView(1)], [serviceView(0)], tasks));
  book.settle(0);
  return { store, book };
}
const placeOf = (store: ClusterStore, book: SlotBook, row: number): unknown => book.placeOfTask(store.tasks.indexOfRow(row));

test('a task keeps its slot whatever its neighbours do, and a new one takes the lowest free slot', () => {
  const { store, book } = setUp([{ row: 0 }, { row: 1 }, { row: 2 }]);
  store.apply(delta(1, { tasks: columns([{ row: 1, state: TASK_STATE.shutdown }]) }));
  book.settle(10);
  book.expire(10 + GHOST_MS);
  expect(placeOf(store, book, 2)).toEqual({ node: 0, position: 2 });
  store.apply(delta(2, { tasks: columns([{ row: 3 }, { row: 4 }]) }));
  book.settle(20);
  expect(placeOf(store, book, 3)).toEqual({ node: 0, position: 1 });
  expect(placeOf(store, book, 4)).toEqual({ node: 0, position: 3 });
});

test('a ghost holds the slot for three seconds', () => {
  const { store, book } = setUp([{ row: 0 }]);
  store.apply(delta(1, { tasks: columns([{ row: 0, state: TASK_STATE.shutdown }]) }));
  book.settle(100);
  expect(book.occupant(0, 0)).toMatchObject({ ghost: { name: 'svc0.1', look: LOOK.stopped } });
  expect(book.expire(100 + GHOST_MS - 1)).toBe(100 + GHOST_MS);
  expect(book.occupant(0, 0)).toBeDefined();
  expect(book.expire(100 + GHOST_MS)).toBe(Number.POSITIVE_INFINITY);
  expect(book.occupant(0, 0)).toBeUndefined();
});

test('a failure that nothing replaced stays; its replacement ends it', () => {
  const { store, book } = setUp([{ row: 0, slot: 1 }]);
  store.apply(delta(1, { tasks: columns([{ row: 0, slot: 1, state: TASK_STATE.failed, error: 'OOM' }]) }));
  book.settle(0);
  book.expire(50_000);
  expect(book.occupant(0, 0)).toMatchObject({ ghost: { look: LOOK.oom } });
  store.apply(delta(2, { tasks: columns([{ row: 1, slot: 1, node: 1 }]) }));
  book.settle(50_001);
  book.expire(60_000);
  expect(book.occupant(0, 0)).toBeUndefined();
});

test('a snapshot shows of ended tasks only failures without a replacement', () => {
  const failed = TASK_STATE.failed;
  const { book } = setUp([
    { row: 0, slot: 1, state: failed, error: 'exit 1' },
    { row: 1, slot: 1 },
    { row: 2, slot: 2, state: failed, error: 'exit 1' },
    { row: 3, slot: 3, state: TASK_STATE.shutdown },
  ]);
  expect([0, 1, 2].map((position) => book.occupant(0, position))).toEqual([
    { task: expect.any(Number) as number },
    { ghost: expect.objectContaining({ row: 2 }) as unknown },
    undefined,
  ]);
});

test('a replacement on another node is a move from the old slot; a page that just loaded shows none', () => {
  const { store, book } = setUp([
    { row: 0, slot: 1 },
    { row: 1, slot: 1, node: 1 },
  ]);
  expect(book.moves).toEqual([]);
  store.apply(
    delta(1, {
      tasks: columns([
        { row: 1, slot: 1, node: 1, state: TASK_STATE.shutdown },
        { row: 2, slot: 1, node: 0 },
      ]),
    }),
  );
  book.settle(5);
  expect(book.moves).toEqual([{ service: 0, fromNode: 1, fromPosition: 0, toNode: 0, toPosition: 1 }]);
});

test('no two occupants share a slot and every live placed task has one', () => {
  const change = fc.record({
    row: fc.nat(40),
    slot: fc.integer({ min: 1, max: 9 }),
    node: fc.integer({ min: -1, max: 1 }),
    state: fc.constantFrom(...Object.values(TASK_STATE)),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(change, { maxLength: 12 }), fc.array(fc.nat(40), { maxLength: 4 })), { maxLength: 15 }),
      (steps) => {
        const { store, book } = setUp([]);
        const placed = new Map<number, number>();
        steps.forEach(([changes, removed], i) => {
          // Rows are not used twice, and a task that has a node keeps it, as in the real control plane.
          const tasks = [...new Map(changes.map((task) => [task.row, task])).values()].map((task) => ({
            ...task,
            node: placed.get(task.row) ?? task.node,
          }));
          for (const task of tasks) if (task.node >= 0) placed.set(task.row, task.node);
          store.apply(delta(i + 1, { tasks: columns(tasks), removedTasks: removed }));
          book.settle(i * 900);
          book.expire(i * 900);
          const seen = new Set<number>();
          for (const node of [0, 1]) {
            for (let position = 0; position < book.used(node); position++) {
              const occupant = book.occupant(node, position);
              if (occupant === undefined || !('task' in occupant)) continue;
              expect(seen.has(occupant.task)).toBe(false);
              seen.add(occupant.task);
              expect(book.placeOfTask(occupant.task)).toEqual({ node, position });
            }
          }
          const { tasks: held } = store;
          for (const index of store.taskIndexes((k) => held.node[k]! >= 0 && held.state[k]! <= TASK_STATE.running))
            expect(seen.has(index)).toBe(true);
        });
      },
    ),
    { numRuns: 50 },
  );
});
