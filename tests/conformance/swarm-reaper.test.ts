// SwarmKit's task reaper: which tasks are deleted, and when.
import { TASK_STATE, type TaskStateName, taskStateName } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import {
  EventLog,
  Fixture,
  Ledger,
  MS,
  SECOND,
  StoredBuilder,
  TaskReaper,
  taskInit,
  TEST_CONFIG,
} from '@paperfleet/scheduler/testing/manager';
import { loadFacts, runScenarios, type Scenarios } from './scenarios.ts';
import { loadVectors } from './vectors.ts';

/** The reaper alone over a store, as SwarmKit's tests run it: no orchestrator that would replace what ends. */
function reaperOver(limit: number, fill: (builder: StoredBuilder) => void): { builder: StoredBuilder; reaper: TaskReaper } {
  const builder = new StoredBuilder();
  const { store } = builder;
  const ports = new Fixture().timeline;
  const unused = (): never => {
    throw new Error('the reaper alone has no ports');
  };
  const stub = {
    id: 1 as never,
    now: () => ports.now,
    at: unused,
    in: unused,
    cancel: () => false,
    send: unused,
    rng: unused,
    faultPoint: () => false,
    record: () => undefined,
  };
  const events = new EventLog(10, () => ports.now);
  const deps = { ports: stub, config: { ...TEST_CONFIG, taskHistoryLimit: limit }, store, events, ledger: new Ledger(stub, store, events) };
  const reaper = new TaskReaper(deps);
  store.attach((changes) => reaper.onChanges(changes));
  fill(builder);
  return { builder, reaper };
}

const stateNamed = (name: string): TaskStateName => {
  const found = Object.keys(TASK_STATE).find((known) => known === name.toLowerCase());
  if (found === undefined) throw new Error(`no task state ${name}`);
  return found as TaskStateName;
};

const { historyLimit0Table: table } = loadVectors<{ historyLimit0Table: readonly { desired: string; actual: string; deleted: boolean }[] }>(
  'swarm-reaper.json',
);

describe('swarm-reaper.json, history limit 0', () => {
  test('the table is there', () => expect(table.length).toBeGreaterThan(0));
  test.each(table)('desired $desired, observed $actual: deleted $deleted', ({ desired, actual, deleted }) => {
    const { builder, reaper } = reaperOver(0, (stored) => void stored.task(stored.service(), stateNamed(desired), stateNamed(actual)));
    reaper.reap();
    expect(builder.store.tasks.size === 0).toBe(deleted);
  });
});

const left = (fixture: Fixture): readonly string[] => [...fixture.store.tasks.keys()];

/** A removed service's two tasks, observed as given. */
function removed(state: TaskStateName): Fixture {
  const fixture = new Fixture();
  fixture.addNode('n1');
  fixture.create({ replicas: 2 });
  fixture.run(SECOND);
  fixture.runAll();
  if (state !== 'running') {
    fixture.command({
      do: 'updateService',
      service: 'web',
      spec: {
        ...fixture.service('web').spec,
        task: {
          ...fixture.service('web').spec.task,
          restart: { condition: 'none', delayUs: 0 as never, maxAttempts: 0, windowUs: 0 as never },
        },
      },
    });
    for (const task of fixture.tasks()) fixture.observe(task, state);
  }
  fixture.command({ do: 'removeService', service: 'web' });
  return fixture;
}

const scenarios: Scenarios = {
  'reaper-001': () => {
    const gone = ['shutdown', 'complete', 'pending', 'new'] as const;
    const fixture = new Fixture({
      config: { taskHistoryLimit: 2 },
      stored: (builder) => {
        builder.node('n1');
        const service = builder.service({ replicas: 2, restart: { condition: 'none' } });
        const onNode = { nodeId: 'node-n1' };
        builder.task(service, 'running', 'running', { id: 'run-1', slot: 1, ...onNode });
        builder.task(service, 'running', 'running', { id: 'run-2', slot: 2, ...onNode });
        builder.task(service, 'shutdown', 'failed', { id: 'failed', slot: 1, ...onNode });
        for (const state of gone)
          builder.task(service, 'remove', state, {
            id: `remove-${state}`,
            slot: 1,
            nodeId: state === 'new' || state === 'pending' ? '' : 'node-n1',
          });
        builder.task(service, 'remove', 'running', { id: 'remove-running', slot: 1, ...onNode });
      },
    });
    expect(left(fixture).toSorted()).toEqual(['failed', 'remove-running', 'run-1', 'run-2']);
  },
  'reaper-002': () => {
    const fixture = new Fixture({ config: { taskHistoryLimit: 2 } });
    fixture.addNode('n1');
    fixture.create({ replicas: 2 });
    fixture.run(SECOND);
    const oldest = new Set(fixture.tasks().map((task) => task.id));
    for (let round = 0; round < 2; round++) {
      fixture.runAll();
      for (const slot of [1, 2]) fixture.observe(fixture.slot(slot), 'failed');
      fixture.run(SECOND);
    }
    expect(left(fixture)).toHaveLength(4);
    expect(left(fixture).filter((id) => oldest.has(id))).toEqual([]);
  },
  'reaper-004': () => {
    const fixture = removed('running');
    expect(fixture.shape()).toEqual(['1 remove/running', '2 remove/running']);
    fixture.run(SECOND);
    expect(left(fixture)).toHaveLength(2);
    for (const task of fixture.tasks()) fixture.observe(task, 'shutdown');
    fixture.run(SECOND);
    expect(left(fixture)).toEqual([]);
  },
  'reaper-005': () => {
    const fixture = removed('complete');
    fixture.run(300 * MS);
    expect(left(fixture)).toEqual([]);
  },
  'reaper-007': () => {
    const { builder, reaper } = reaperOver(1, (stored) => void stored.task(stored.service(), 'shutdown', 'shutdown', { id: 'old' }));
    reaper.reap();
    expect([...builder.store.tasks.keys()]).toEqual(['old']);
    builder.task([...builder.store.services.values()][0], 'running', 'new', { id: 'fresh' });
    reaper.reap();
    expect([...builder.store.tasks.keys()]).toEqual(['fresh']);
  },
  'reaper-008': () => {
    const fixture = new Fixture();
    const service = fixture.create({ replicas: 0 });
    const condemned = (count: number): void =>
      fixture.manager.transact((tx) => {
        for (let i = 0; i < count; i++) tx.createTask(taskInit(`${fixture.now}-${i}`, service, 'remove', 'new', { slot: i + 1 }));
      });
    condemned(2);
    fixture.run(249 * MS);
    expect(left(fixture)).toHaveLength(2);
    fixture.run(2 * MS);
    expect(left(fixture)).toEqual([]);
    condemned(501);
    expect(left(fixture)).toEqual([]);
  },
  'reaper-010': () => {
    const fixture = new Fixture({ config: { taskHistoryLimit: -1 } });
    fixture.addNode('n1');
    fixture.create();
    for (let round = 0; round < 12; round++) {
      fixture.run(SECOND);
      fixture.runAll();
      fixture.observe(fixture.slot(1), 'failed');
    }
    fixture.run(SECOND);
    expect(
      fixture
        .tasks()
        .map((task) => taskStateName(task.state))
        .filter((state) => state === 'failed'),
    ).toHaveLength(12);
  },
};

runScenarios('swarm-reaper.json', loadFacts('swarm-reaper.json').vectors, scenarios);
