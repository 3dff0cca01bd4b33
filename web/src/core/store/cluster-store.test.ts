import type { ClusterEvent, NodeView, ServiceView, TaskState } from '@paperfleet/core';
import { TASK_STATE } from '@paperfleet/core';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ClusterStore, EVENTS_KEPT } from './cluster-store.ts';
import { LOOK } from './look.ts';
import type { TaskRow } from './testing.ts';
import { columns, delta, nodeView, serviceView, snapshot } from './testing.ts';

/** Everything that a page can see of the model, in a canonical order. */
function picture(store: ClusterStore): unknown {
  const { tasks } = store;
  const byRow = (a: { row: number }, b: { row: number }): number => a.row - b.row;
  return {
    seq: store.seq,
    nodes: [...store.nodes.values()].sort(byRow),
    services: [...store.services.values()].sort(byRow),
    events: store.events,
    size: tasks.size,
    tasks: store
      .taskIndexes(() => true)
      .map((i) => [
        tasks.row[i],
        tasks.id[i],
        tasks.service[i],
        tasks.slot[i],
        tasks.node[i],
        tasks.state[i],
        tasks.desired[i],
        tasks.error[i],
        tasks.health[i],
        store.taskNameAt(i),
        store.lookAt(i),
        tasks.indexOfId(tasks.id[i]!) === i,
      ]),
    pending: store.pendingTasks().map((i) => tasks.row[i]),
  };
}

const states = Object.values(TASK_STATE) as TaskState[];
const task: fc.Arbitrary<TaskRow> = fc.record({
  row: fc.integer({ min: 0, max: 200 }),
  service: fc.integer({ min: 0, max: 3 }),
  slot: fc.integer({ min: 0, max: 5 }),
  node: fc.integer({ min: -1, max: 4 }),
  state: fc.constantFrom(...states),
  desired: fc.constantFrom(...states),
  error: fc.constantFrom<string | 0>(0, 'task: non-zero exit (1)', 'OOM killed'),
  health: fc.integer({ min: 0, max: 3 }),
});
const node: fc.Arbitrary<NodeView> = fc
  .tuple(fc.integer({ min: 0, max: 4 }), fc.constantFrom('ready' as const, 'down' as const))
  .map(([row, status]) => nodeView(row, { status }));
const service: fc.Arbitrary<ServiceView> = fc
  .tuple(fc.integer({ min: 0, max: 3 }), fc.nat(9))
  .map(([row, desired]) => serviceView(row, { desired }));
const unique = <T extends { readonly row: number }>(items: readonly T[]): T[] => [
  ...new Map(items.map((item) => [item.row, item])).values(),
];
const step = fc.record({
  nodes: fc.array(node, { maxLength: 3 }),
  services: fc.array(service, { maxLength: 2 }),
  tasks: fc.array(task, { maxLength: 90 }),
  removedTasks: fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 30 }),
  removedServices: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 1 }),
  removedNodes: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 1 }),
});

test('a snapshot and its deltas show what a fresh snapshot shows', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 8 }), (steps) => {
      const followed = new ClusterStore();
      followed.receive({ type: 'snapshot', snapshot: snapshot(0, [], [], []) });
      const nodes = new Map<number, NodeView>();
      const services = new Map<number, ServiceView>();
      const tasks = new Map<number, TaskRow>();
      steps.forEach((change, i) => {
        for (const item of change.nodes) nodes.set(item.row, item);
        for (const item of change.services) services.set(item.row, item);
        for (const item of change.tasks) tasks.set(item.row, item);
        for (const row of change.removedTasks) tasks.delete(row);
        for (const row of change.removedServices) services.delete(row);
        for (const row of change.removedNodes) nodes.delete(row);
        followed.receive(
          delta(i + 1, {
            nodes: unique(change.nodes),
            services: unique(change.services),
            tasks: columns(unique(change.tasks)),
            removedTasks: change.removedTasks,
            removedServices: change.removedServices,
            removedNodes: change.removedNodes,
          }),
        );
      });
      const fresh = new ClusterStore();
      fresh.receive({
        type: 'snapshot',
        snapshot: snapshot(steps.length, [...nodes.values()], [...services.values()], [...tasks.values()]),
      });
      expect(picture(followed)).toEqual(picture(fresh));
    }),
    { numRuns: 60 },
  );
});

test('freed places of columns are used again', () => {
  const store = new ClusterStore();
  store.load(snapshot(0, [nodeView(0)], [serviceView(0)], []));
  for (let i = 0; i < 1000; i++) store.apply(delta(i + 1, { tasks: columns([{ row: i }]), removedTasks: [i - 10] }));
  expect(store.tasks.size).toBe(10);
  expect(store.tasks.end).toBeLessThanOrEqual(11);
});

test('a delta before any snapshot, another run and a server that went back are refused', () => {
  const store = new ClusterStore();
  expect(store.receive(delta(1))).toBe(false);
  store.receive({ type: 'snapshot', snapshot: snapshot(5, [], [], []) });
  expect(store.receive({ type: 'hello', protocol: 1, run: 'test', seq: 9, role: 'viewer' })).toBe(true);
  expect(store.role).toBe('viewer');
  expect(store.receive({ type: 'hello', protocol: 1, run: 'test', seq: 4, role: 'operator' })).toBe(false);
  expect(store.seq).toBe(-1);
  expect(store.receive({ type: 'hello', protocol: 99, run: 'test', seq: 4, role: 'operator' })).toBe(false);
});

const event = (id: number): ClusterEvent => ({
  id,
  at: id as ClusterEvent['at'],
  cause: 0,
  severity: 'info',
  kind: 'x',
  explain: { code: 'NOTE', message: 'm' },
});

test('events are kept up to a bound, found by id and never twice', () => {
  const store = new ClusterStore();
  store.load(snapshot(0, [], [], [], [event(1), event(2)]));
  store.apply(delta(1, { events: [event(2), event(3)], eventsSkipped: 4 }));
  expect(store.events.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(store.eventsSkipped).toBe(4);
  for (let id = 4; id < 4000; id++) store.apply(delta(id, { events: [event(id)] }));
  expect(store.events.length).toBe(EVENTS_KEPT);
  expect(store.event(3999)?.id).toBe(3999);
  expect(store.event(4)).toBeUndefined();
});

test('measurements reach tasks, and without figures per task the mean of the service stands in', () => {
  const store = new ClusterStore();
  store.load(
    snapshot(0, [nodeView(0)], [serviceView(0, { running: 2 })], [{ row: 1 }, { row: 2 }, { row: 3, state: TASK_STATE.starting }]),
  );
  const frame = {
    type: 'metrics',
    simUs: 1,
    nodes: { row: [0, 77], cpuMilli: [250, 1], memoryTenthMiB: [1005, 1] },
    services: { row: [0], cpuMilli: [500], memoryTenthMiB: [2560], throttledPermille: [12] },
  } as const;
  store.receive(frame);
  expect(store.nodeMetrics.get(0)?.memoryBytes).toBe(100.5 * 1024 * 1024);
  expect(store.nodeMetrics.has(77)).toBe(false);
  // 500m over two tasks with a limit of 500m each.
  expect(store.tasks.cpuPermille[store.tasks.indexOfRow(1)]).toBe(500);
  expect(store.tasks.cpuPermille[store.tasks.indexOfRow(3)]).toBe(-1);
  store.receive({ ...frame, tasks: { row: [2, 99], cpuPermille: [700, 1], memoryPermille: [10, 1] } });
  expect(store.tasks.cpuPermille[store.tasks.indexOfRow(2)]).toBe(700);
});

test('looks: failure and memory, waiting, restarting, stopping, lost', () => {
  const store = new ClusterStore();
  const rows: TaskRow[] = [
    { row: 0, state: TASK_STATE.failed, error: 'task: non-zero exit (137): OOM killed' },
    { row: 1, state: TASK_STATE.failed, error: 'task: non-zero exit (1)' },
    { row: 2, state: TASK_STATE.pending, node: -1 },
    { row: 3, state: TASK_STATE.ready, desired: TASK_STATE.ready },
    { row: 4, desired: TASK_STATE.shutdown },
    { row: 5, node: 1 },
    { row: 6, health: 3 },
    { row: 7 },
  ];
  store.load(snapshot(0, [nodeView(0), nodeView(1, { status: 'down' })], [serviceView(0)], rows));
  const looks = store.taskIndexes(() => true).map((i) => store.lookAt(i));
  expect(looks).toEqual([LOOK.oom, LOOK.failed, LOOK.pending, LOOK.backoff, LOOK.stopping, LOOK.unknown, LOOK.unhealthy, LOOK.running]);
});

test('names outlive tasks', () => {
  const store = new ClusterStore();
  store.load(
    snapshot(
      0,
      [nodeView(0)],
      [serviceView(0)],
      [
        { row: 1, slot: 4 },
        { row: 2, slot: 0 },
      ],
    ),
  );
  expect(store.taskName('task-2')).toBe('svc0.n1');
  store.apply(delta(1, { removedTasks: [1] }));
  expect(store.taskName('task-1')).toBe('svc0.4');
});

test('a task that was killed for want of memory looks so, whichever comes first, its row or the reason', () => {
  const row = (state: TaskState): TaskRow => ({
    row: 5,
    service: 0,
    slot: 1,
    node: 0,
    state,
    desired: TASK_STATE.running,
    error: 0,
    health: 0,
  });
  const failed = { ...row(TASK_STATE.failed), error: 'task: non-zero exit (137)' };
  const start = (): ClusterStore => {
    const store = new ClusterStore();
    store.load(snapshot(0, [nodeView(0)], [serviceView(0)], [row(TASK_STATE.running)]));
    return store;
  };
  const look = (store: ClusterStore): number => store.lookAt(store.tasks.indexOfRow(5));
  const ended = (oomKilled: boolean): ClusterEvent => ({
    id: 9,
    at: 1 as ClusterEvent['at'],
    cause: 0,
    severity: 'error',
    kind: 'task.failed',
    task: columns([failed]).id[0]!,
    explain: { code: 'EXITED', exitCode: 137, oomKilled, message: '' },
  });
  for (const oomKilled of [true, false]) {
    const [rowFirst, reasonFirst] = [start(), start()];
    rowFirst.apply(delta(1, { tasks: columns([failed]) }));
    rowFirst.apply(delta(2, { events: [ended(oomKilled)] }));
    reasonFirst.apply(delta(1, { events: [ended(oomKilled)] }));
    expect(look(reasonFirst)).toBe(LOOK.running);
    reasonFirst.apply(delta(2, { tasks: columns([failed]) }));
    expect([look(rowFirst), look(reasonFirst)]).toEqual(oomKilled ? [LOOK.oom, LOOK.oom] : [LOOK.failed, LOOK.failed]);
  }
});
