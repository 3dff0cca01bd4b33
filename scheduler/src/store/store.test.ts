import { TASK_STATE, timeUs } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { nodeInit, StoredBuilder, taskInit } from '../manager/testing/fixture.ts';
import { EventLog } from '../manager/event-log.ts';
import type { Change } from './records.ts';
import { Store, type Transaction } from './store.ts';

function stored(): StoredBuilder {
  const builder = new StoredBuilder();
  builder.node('n1');
  const service = builder.service({ name: 'shop_web' });
  for (const slot of [1, 2]) builder.task(service, 'running', 'running', { id: `task${slot}aaaa`, slot, nodeId: 'node-n1' });
  return builder;
}

describe('a commit', () => {
  test('delivers one change per object, with the values from before', () => {
    const { store } = stored();
    const seen: Change[] = [];
    store.watch((changes) => seen.push(...changes));
    const task = store.tasks.get('task1aaaa')!;
    store.commit((tx) => {
      tx.writeTask(task).desired = TASK_STATE.shutdown;
      tx.writeTask(task).state = TASK_STATE.shutdown;
      const short = tx.createTask(taskInit('short', undefined, 'running', 'new'));
      tx.removeTask(short);
    });
    expect(seen).toEqual([{ kind: 'task', op: 'update', record: task, oldState: 512, oldDesired: 512, oldNodeId: 'node-n1' }]);
  });

  test('takes a version for every write, and refuses a row that was written since', () => {
    const { store } = stored();
    const task = store.tasks.get('task1aaaa')!;
    const planned = task.version;
    store.commit((tx) => void (tx.writeTask(task).message = 'written'));
    expect(task.version).toBeGreaterThan(planned);
    expect(store.commit((tx) => tx.writeTaskAt(task, planned))).toBe(false);
    expect(store.commit((tx) => tx.writeTaskAt(task, task.version))).toBe(true);
    store.commit((tx) => tx.removeTask(task));
    expect(store.commit((tx) => tx.writeTaskAt(task, task.version))).toBe(false);
  });

  test('parts hear before watchers, in order, and a commit of theirs comes after', () => {
    const { store } = stored();
    const heard: string[] = [];
    const node = store.nodes.get('node-n1')!;
    store.attach((changes) => {
      heard.push(`first ${changes.length}`);
      if (changes[0]?.kind === 'node') store.commit((tx) => store.tasks.forEach((task) => tx.writeTask(task)));
    });
    store.watch((changes) => heard.push(`watcher ${changes.length}`));
    store.commit((tx) => tx.writeNode(node));
    expect(heard).toEqual(['first 1', 'watcher 1', 'first 2', 'watcher 2']);
  });

  test('writes outside and nested commits are programming errors', () => {
    const { store } = stored();
    let leaked: Transaction | undefined;
    store.commit((tx) => void (leaked = tx));
    expect(() => leaked?.writeNode(store.nodes.get('node-n1')!)).toThrow(/outside of a commit/);
    expect(() => store.commit(() => store.commit(() => undefined))).toThrow(/inside a commit/);
    expect(() => store.commit(() => undefined)).toThrow(/after one that threw/);
  });
});

describe('lookups', () => {
  test('by name, id, prefix and slot', () => {
    const { store } = stored();
    expect(store.findTask('shop_web.2')?.id).toBe('task2aaaa');
    expect(store.findTask('task1')?.id).toBe('task1aaaa');
    expect(store.findTask('task')).toBeUndefined();
    expect(store.findTask('shop_web.2.task2aaaa')?.id).toBe('task2aaaa');
    expect(store.findService('shop_web')?.id).toBe('service-shop_web');
    expect(store.findNode('n1')?.id).toBe('node-n1');
    expect(store.findNode('nowhere')).toBeUndefined();
  });

  test('indexes follow assignments and removals, also after a restore', () => {
    const { store } = stored();
    store.commit((tx) => tx.createNode(nodeInit('n2')));
    store.commit((tx) => tx.assign(store.tasks.get('task1aaaa')!, 'node-n2'));
    store.commit((tx) => tx.removeTask(store.tasks.get('task2aaaa')!));
    for (const view of [store, new Store(JSON.parse(JSON.stringify(store.save())) as ReturnType<Store['save']>)]) {
      const ids = (tasks: readonly { readonly id: string }[]): readonly string[] => tasks.map((task) => task.id);
      expect(ids(view.tasksOfNode('node-n1'))).toEqual([]);
      expect(ids(view.tasksOfNode('node-n2'))).toEqual(['task1aaaa']);
      expect(ids(view.tasksOfService('service-shop_web'))).toEqual(['task1aaaa']);
      expect(ids(view.tasksOfInstance('service-shop_web', 1))).toEqual(['task1aaaa']);
      expect(view.tasks.get('task1aaaa')?.spec).toEqual(store.tasks.get('task1aaaa')?.spec);
    }
  });
});

describe('the event list', () => {
  const note = (message: string): Parameters<EventLog['add']>[0] => ({
    kind: 'note',
    severity: 'info',
    cause: 0,
    task: message,
    explain: { code: 'NOTE', message },
  });

  test('keeps the newest, makes those of a batch when asked, and saves both', () => {
    const log = new EventLog(4, () => timeUs(5));
    log.add(note('a'));
    let made = 0;
    const first = log.addBatch(3, (index) => {
      made++;
      return note(`b${index}`);
    });
    log.add(note('c'));
    expect([first, log.firstId, log.lastId, made]).toEqual([2, 2, 5, 0]);
    expect(log.get(1)).toBeUndefined();
    expect(log.get(3)).toMatchObject({ id: 3, at: 5, task: 'b1' });
    expect(made).toBe(1);
    expect(log.newest(2).map((event) => event.task)).toEqual(['b2', 'c']);
    expect(log.about('task:b0', 5).map((event) => event.id)).toEqual([2]);
    const again = new EventLog(4, () => timeUs(9), log.save());
    expect(again.newest(10)).toEqual(log.newest(10));
    expect(again.add(note('d'))).toBe(6);
  });

  test('tells watchers of every event of a batch larger than itself', () => {
    const log = new EventLog(2, () => timeUs(0));
    const seen: number[] = [];
    log.watch((event) => seen.push(event.id));
    log.addBatch(5, (index) => note(`${index}`));
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });
});
