// SwarmKit's restart supervisor.
import { type DurationUs, TASK_STATE, taskStateName } from '@paperfleet/core';
import { expect } from 'vitest';
import type { TaskRecord } from '@paperfleet/scheduler';
import { Fixture, GLOBAL, MS, SECOND, type SpecOptions } from '@paperfleet/scheduler/testing/manager';
import { loadFacts, runScenarios, type Scenarios } from './scenarios.ts';

const us = (value: number): DurationUs => value as DurationUs;
const desired = (task: TaskRecord): string => taskStateName(task.desired);

/** Two running replicas on a ready node without an agent. */
function running(options: SpecOptions = {}): Fixture {
  const fixture = new Fixture();
  fixture.addNode('n1');
  fixture.create({ replicas: 2, ...options });
  fixture.run(SECOND);
  fixture.runAll();
  return fixture;
}

/** What was wanted of a task over time. */
const wishes = (fixture: Fixture, task: TaskRecord): readonly string[] => [
  ...new Set(fixture.log.filter((entry) => entry.id === task.id).map((entry) => entry.desired)),
];

/** Lets the wanted task of the slot end, after it has been started if need be. */
function end(fixture: Fixture, slot: number, state: 'failed' | 'complete' = 'failed'): TaskRecord {
  const task = fixture.slot(slot);
  fixture.observe(task, state);
  return task;
}

const live = (fixture: Fixture, slot: number): readonly TaskRecord[] => fixture.wanted().filter((task) => task.slot === slot);

function expectReplaced(fixture: Fixture, old: TaskRecord): void {
  expect(desired(old)).toBe('shutdown');
  const [replacement, ...more] = live(fixture, old.slot);
  expect(more).toEqual([]);
  expect(replacement).toMatchObject({ slot: old.slot });
  expect(wishes(fixture, replacement!)).toEqual(['ready', 'running']);
}

function expectNotReplaced(fixture: Fixture, old: TaskRecord): void {
  expect(desired(old)).toBe('shutdown');
  expect(live(fixture, old.slot)).toEqual([]);
}

const limited = (windowUs = 0): SpecOptions => ({
  restart: { condition: 'any', delayUs: us(100 * MS), maxAttempts: 1, windowUs: us(windowUs) },
});

/** A global service whose stored tasks are one restart already. */
function restartedBefore(): Fixture {
  return new Fixture({
    stored: (builder) => {
      builder.node('n1');
      const service = builder.service({ mode: GLOBAL, restart: { condition: 'any', delayUs: us(0), maxAttempts: 1, windowUs: us(0) } }, 1);
      builder.task(service, 'shutdown', 'failed', { nodeId: 'node-n1' });
      builder.task(service, 'running', 'running', { nodeId: 'node-n1' });
    },
  });
}

const scenarios: Scenarios = {
  'restart-001': () => {
    const fixture = running();
    expectReplaced(fixture, end(fixture, 1));
  },
  'restart-002': () => {
    const fixture = running();
    expectReplaced(fixture, end(fixture, 2, 'complete'));
  },
  'restart-004': () => {
    const fixture = running({ restart: { condition: 'on-failure' } });
    expectReplaced(fixture, end(fixture, 1));
    expectNotReplaced(fixture, end(fixture, 2, 'complete'));
  },
  'restart-005': () => {
    const fixture = running({ restart: { condition: 'on-failure' } });
    const old = end(fixture, 2, 'complete');
    fixture.manager.transact((tx) => tx.writeService(fixture.service('web')));
    fixture.run(SECOND);
    expectNotReplaced(fixture, old);
  },
  'restart-007': () => {
    const fixture = running({ restart: { condition: 'none' } });
    const failed = end(fixture, 1);
    const complete = end(fixture, 2, 'complete');
    fixture.manager.transact((tx) => tx.writeService(fixture.service('web')));
    fixture.run(SECOND);
    expectNotReplaced(fixture, failed);
    expectNotReplaced(fixture, complete);
  },
  'restart-008': () => {
    const fixture = running({ restart: { condition: 'none' } });
    end(fixture, 1);
    end(fixture, 2, 'complete');
    fixture.update('web', { replicas: 2, restart: { condition: 'none' }, forceUpdate: 1 });
    fixture.run(SECOND);
    expect(fixture.wanted().map((task) => task.slot)).toEqual([1]);
    fixture.runAll();
    fixture.run(SECOND);
    expect(fixture.wanted().map((task) => task.slot)).toEqual([1, 2]);
  },
  'restart-010': () => {
    const fixture = running(limited());
    for (const slot of [1, 2]) {
      const old = end(fixture, slot);
      fixture.run(150 * MS);
      expectReplaced(fixture, old);
    }
  },
  'restart-011': () => {
    const fixture = running(limited());
    for (const slot of [1, 2]) end(fixture, slot);
    fixture.run(SECOND);
    fixture.runAll();
    for (const slot of [1, 2]) expectNotReplaced(fixture, end(fixture, slot));
  },
  'restart-013': () => {
    const fixture = running(limited(500 * MS));
    end(fixture, 1);
    fixture.run(150 * MS);
    fixture.runAll();
    expectNotReplaced(fixture, end(fixture, 1));
  },
  'restart-014': () => {
    const fixture = running(limited(500 * MS));
    end(fixture, 2);
    fixture.run(SECOND);
    fixture.runAll();
    const second = end(fixture, 2);
    fixture.run(150 * MS);
    expectReplaced(fixture, second);
  },
  'restart-016': () => {
    const fixture = restartedBefore();
    const [task] = fixture.wanted();
    fixture.observe(task!, 'rejected');
    fixture.run(SECOND);
    expect(desired(task!)).toBe('shutdown');
    expect(fixture.wanted()).toEqual([]);
  },
  'restart-017': () => {
    const fixture = new Fixture({
      stored: (builder) => {
        builder.node('n1');
        builder.task(builder.service({ restart: { delayUs: us(SECOND) } }), 'ready', 'rejected', { nodeId: 'node-n1' });
      },
    });
    const [old, fresh] = fixture.tasks();
    expect(desired(old!)).toBe('shutdown');
    expect(fresh).toMatchObject({ slot: 1, nodeId: '', desired: TASK_STATE.ready });
  },
  'restart-019': () => {
    const fixture = new Fixture({
      stored: (builder) => {
        builder.node('n1', { status: 'down' });
        builder.task(builder.service({ restart: { delayUs: us(SECOND) } }), 'running', 'running', { nodeId: 'node-n1' });
      },
    });
    expect(fixture.shape()).toEqual(['1 shutdown/running', '1 ready/pending']);
  },
  'restart-020': () => {
    const fixture = new Fixture({
      stored: (builder) => {
        builder.node('n1');
        builder.task(builder.service({ restart: { delayUs: us(100 * MS) } }), 'ready', 'ready', { nodeId: 'node-n1' });
      },
    });
    fixture.run(99 * MS);
    expect(fixture.shape()).toEqual(['1 ready/ready']);
    fixture.run(2 * MS);
    expect(fixture.shape()).toEqual(['1 running/ready']);
  },
  'restart-022': () => {
    const fixture = running({ replicas: 1, restart: { delayUs: us(5 * SECOND) } });
    const old = fixture.slot(1);
    fixture.writeNode('n1', (node) => (node.availability = 'drain'));
    expect(fixture.slot(1).desired).toBe(TASK_STATE.ready);
    fixture.observe(old, 'shutdown');
    expect(fixture.slot(1).desired).toBe(TASK_STATE.running);
  },
  'restart-023': () => {
    const waitsFor = (stop: (fixture: Fixture, old: TaskRecord) => void, span: number): void => {
      const fixture = running({ replicas: 1, restart: { delayUs: us(5 * SECOND) } });
      const old = fixture.slot(1);
      fixture.writeNode('n1', (node) => (node.availability = 'drain'));
      fixture.run(span);
      expect(fixture.slot(1).desired).toBe(TASK_STATE.ready);
      stop(fixture, old);
      expect(fixture.slot(1).desired).toBe(TASK_STATE.running);
    };
    waitsFor((fixture, old) => fixture.observe(old, 'shutdown'), 30 * SECOND);
    waitsFor((fixture) => fixture.writeNode('n1', (node) => (node.status = 'down')), 30 * SECOND);
    waitsFor((fixture) => fixture.command({ do: 'removeNode', node: 'n1', force: true }), 30 * SECOND);
    waitsFor((fixture) => fixture.run(2 * SECOND), 59 * SECOND);
  },
};

runScenarios('swarm-restart.json', loadFacts('swarm-restart.json').vectors, scenarios);
