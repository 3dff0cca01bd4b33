// SwarmKit's replicated and global orchestrators and its constraint enforcer; scheduler facts that are scenarios.
import { type Bytes, bytes, type NodeDescription, taskStateName } from '@paperfleet/core';
import type { NodeRecord, TaskRecord } from '@paperfleet/scheduler';
import { Fixture, GLOBAL, offer, SECOND, spec, taskInit } from '@paperfleet/scheduler/testing/manager';
import { expect } from 'vitest';
import { loadFacts, runScenarios, type Scenarios } from './scenarios.ts';
import { loadVectors } from './vectors.ts';

const desired = (task: TaskRecord): string => taskStateName(task.desired);
const state = (task: TaskRecord): string => taskStateName(task.state);
/** States of tasks as they were when they were created. */
const created = (fixture: Fixture): readonly string[] => fixture.log.filter((entry) => entry.op === 'create').map((entry) => entry.state);
const described = (node: NodeRecord, change: Partial<NodeDescription>): NodeDescription => ({ ...node.description, ...change });

/** A service with one task per given place, written straight into the store of a new leader. */
function stored(
  replicas: number,
  places: readonly (readonly [slot: number, node: string, state: 'running' | 'starting' | 'pending'])[],
): Fixture {
  return new Fixture({
    stored: (builder) => {
      const nodes = new Map(['n1', 'n2', 'n3'].map((name) => [name, builder.node(name, { status: 'ready' })]));
      const service = builder.service({ replicas });
      for (const [slot, node, observed] of places) builder.task(service, 'running', observed, { slot, nodeId: nodes.get(node)?.id ?? '' });
    },
  });
}

const kept = (fixture: Fixture): readonly number[] => fixture.wanted().map((task) => task.slot);

/** TestDrain: a task on each of five nodes; two of them are no place to be. */
function drained(): Fixture {
  const fixture = new Fixture({
    stored: (builder) => {
      builder.node('ready');
      builder.node('down', { status: 'down' });
      builder.node('drained', { availability: 'drain' });
      builder.node('paused', { availability: 'pause' });
      builder.node('unknown', { status: 'unknown' });
      const service = builder.service({ replicas: 5 });
      ['ready', 'down', 'drained', 'paused', 'unknown'].forEach((name, index) =>
        builder.task(service, 'running', 'running', { id: `on-${name}`, slot: index + 1, nodeId: `node-${name}` }),
      );
    },
  });
  const wanted = (name: string): string => desired(fixture.store.tasks.get(`on-${name}`)!);
  expect(['ready', 'down', 'drained', 'paused', 'unknown'].map(wanted)).toEqual(['running', 'shutdown', 'shutdown', 'running', 'running']);
  return fixture;
}

/** A global service on one ready node without an agent. */
function globalOnOneNode(more: Parameters<Fixture['create']>[0] = {}): Fixture {
  const fixture = new Fixture();
  fixture.addNode('n1');
  fixture.create({ mode: GLOBAL, ...more });
  fixture.run(SECOND);
  fixture.runAll();
  return fixture;
}

/** A node of `memory` bytes with a running task, then `change` of the node. */
function enforced(
  container: object,
  change: (node: NodeRecord) => void,
  constraints: readonly string[] = [],
  node: Partial<NodeDescription> = {},
): Fixture {
  const fixture = new Fixture();
  fixture.addNode('n1', { description: offer('n1', node).description });
  fixture.create({ container, constraints, replicas: 1 });
  fixture.run(SECOND);
  const task = fixture.slot(1);
  expect(task.nodeId).toBe('node-n1');
  fixture.runAll();
  fixture.writeNode('n1', change);
  return fixture;
}

function expectRejected(fixture: Fixture): void {
  const task = fixture.tasks().find((candidate) => state(candidate) === 'rejected');
  expect(task).toMatchObject({ message: 'task rejected by constraint enforcer', error: 'assigned node no longer meets constraints' });
  expect(fixture.wanted()).toHaveLength(1);
}

const scenarios: Scenarios = {
  'orch-001': () => {
    const fixture = new Fixture({ stored: (builder) => void builder.service({ replicas: 2 }) });
    expect(fixture.shape()).toEqual(['1 running/pending', '2 running/pending']);
    expect(fixture.tasks().every((task) => task.createdAt === task.stateAt)).toBe(true);
  },
  'orch-002': () => {
    const fixture = new Fixture();
    fixture.create({ replicas: 1 });
    expect(created(fixture)).toEqual(['new']);
    fixture.command({ do: 'scale', service: 'web', replicas: 3 });
    expect(created(fixture)).toEqual(['new', 'new', 'new']);
    expect(fixture.shape()).toEqual(['1 running/pending', '2 running/pending', '3 running/pending']);
  },
  'orch-004': () => {
    const fixture = new Fixture();
    fixture.create();
    const before = fixture.slot(1).id;
    fixture.manager.transact((tx) => tx.removeTask(fixture.slot(1)));
    expect(fixture.shape()).toEqual(['1 running/pending']);
    expect(fixture.slot(1).id).not.toBe(before);
  },
  'orch-005': () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    fixture.create({ replicas: 2 });
    fixture.run(SECOND);
    fixture.runAll();
    fixture.command({ do: 'removeService', service: 'web' });
    expect(fixture.shape()).toEqual(['1 remove/running', '2 remove/running']);
  },
  'orch-007': () => {
    const places = [1, 2, 3, 4, 5, 6].map(
      (slot) => [slot, ['n1', 'n2', 'n2', 'n3', 'n3', 'n3'][slot - 1]!, slot === 1 ? 'starting' : 'running'] as const,
    );
    const fixture = stored(6, places);
    fixture.command({ do: 'scale', service: 'web', replicas: 4 });
    expect(kept(fixture)).toEqual([1, 2, 3, 4]);
    expect(
      fixture
        .tasks()
        .filter((task) => desired(task) === 'remove')
        .map((task) => task.slot),
    ).toEqual([5, 6]);
  },
  'orch-008': () => {
    const fixture = stored(4, [
      [1, 'n1', 'starting'],
      [2, 'n2', 'running'],
      [3, 'n2', 'running'],
      [4, 'n3', 'running'],
    ]);
    fixture.command({ do: 'scale', service: 'web', replicas: 2 });
    expect(kept(fixture)).toEqual([2, 4]);
  },
  'orch-010': () => {
    const fixture = drained();
    const service = fixture.service('web');
    const task = fixture.manager.transact((tx) =>
      tx.createTask(taskInit('late', service, 'running', 'assigned', { slot: 6, nodeId: 'node-down' })),
    );
    expect(desired(task)).toBe('shutdown');
  },
  'orch-011': () => {
    const fixture = drained();
    fixture.writeNode('paused', (node) => (node.availability = 'drain'));
    expect(desired(fixture.store.tasks.get('on-paused')!)).toBe('shutdown');
    expect(desired(fixture.store.tasks.get('on-ready')!)).toBe('running');
  },
  'orch-013': () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    fixture.create({ mode: GLOBAL });
    expect(fixture.tasks().map((task) => task.nodeId)).toEqual(['node-n1']);
    fixture.addNode('n2');
    expect(fixture.tasks().map((task) => task.nodeId)).toEqual(['node-n1', 'node-n2']);
  },
  'orch-014': () => {
    const fixture = globalOnOneNode();
    fixture.command({ do: 'removeNode', node: 'n1', force: true });
    expect(fixture.tasks()).toHaveLength(0);
  },
  'orch-016': () => {
    const fixture = globalOnOneNode();
    fixture.writeNode('n1', (node) => (node.availability = 'pause'));
    fixture.observe(fixture.tasks()[0]!, 'failed');
    expect(fixture.shape()).toEqual(['0 shutdown/failed']);
    fixture.update('web', { mode: GLOBAL, image: 'v:2' });
    fixture.run(SECOND);
    expect(fixture.shape()).toEqual(['0 shutdown/failed']);
  },
  'orch-017': () => {
    const fixture = globalOnOneNode();
    fixture.writeNode('n1', (node) => (node.status = 'down'));
    expect(fixture.shape()).toEqual(['0 shutdown/running']);
    fixture.writeNode('n1', (node) => (node.status = 'ready'));
    expect(fixture.wanted().map((task) => task.nodeId)).toEqual(['node-n1']);
  },
  'orch-019': () => {
    const fixture = globalOnOneNode();
    const old = fixture.tasks()[0]!;
    fixture.observe(old, 'failed');
    expect(desired(old)).toBe('shutdown');
    const [replacement] = fixture.wanted();
    expect(replacement).toMatchObject({ nodeId: 'node-n1', slot: 0 });
    const wanted = fixture.log.filter((entry) => entry.id === replacement!.id).map((entry) => entry.desired);
    expect([...new Set(wanted)]).toEqual(['ready', 'running']);
  },
  'orch-020': () => {
    const fixture = globalOnOneNode({ restart: { condition: 'none' } });
    fixture.observe(fixture.tasks()[0]!, 'failed');
    expect(fixture.shape()).toEqual(['0 shutdown/failed']);
    fixture.manager.transact((tx) => tx.writeService(fixture.service('web')));
    fixture.run(SECOND);
    expect(fixture.tasks()).toHaveLength(1);
    fixture.update('web', { mode: GLOBAL, image: 'v:2', restart: { condition: 'none' } });
    fixture.run(SECOND);
    expect(fixture.wanted()).toHaveLength(1);
  },
  'orch-022': () => {
    const fixture = new Fixture({
      stored: (builder) => {
        builder.node('n1');
        for (const name of ['one', 'two'])
          builder.task(builder.service({ name, mode: GLOBAL }), 'running', 'running', { nodeId: 'node-n1', specVersion: 0 as never });
      },
    });
    const start = fixture.log.length;
    fixture.update('one', { mode: GLOBAL, image: 'v:2' });
    expect(fixture.tasks('two')).toHaveLength(1);
    expect(fixture.tasks('one')).toHaveLength(2);
    const [old, fresh] = fixture.tasks('one');
    const steps = fixture.log
      .slice(start)
      .filter((entry) => entry.id === old!.id || entry.op === 'create')
      .map((entry) => `${entry.id === fresh!.id ? 'new' : 'old'} ${entry.desired}`);
    expect(steps.slice(0, 2)).toEqual(['new ready', 'old shutdown']);
  },
  'orch-023': () => {
    const fixture = new Fixture({
      stored: (builder) => {
        builder.node('n1');
        const service = builder.service({ mode: GLOBAL });
        builder.task(service, 'running', 'running', { nodeId: 'node-n1' });
        builder.removeService(service);
      },
    });
    expect(fixture.tasks()).toHaveLength(0);
  },
  'orch-025': () => {
    const fixture = new Fixture({
      stored: (builder) => void builder.task(builder.service({ mode: GLOBAL }), 'running', 'running', { nodeId: 'nowhere' }),
    });
    expect(fixture.shape()).toEqual(['0 shutdown/running']);
  },
  'orch-026': () => {
    const fixture = new Fixture();
    fixture.addNode('n1', { description: offer('n1', { memoryBytes: bytes(1024) }).description });
    const container = { reservations: { memoryBytes: 700 as Bytes } };
    const service = fixture.create({ restart: { condition: 'none' } });
    const { task } = spec({ container });
    fixture.manager.transact((tx) => {
      tx.createTask(taskInit('running', service, 'running', 'running', { slot: 2, nodeId: 'node-n1', spec: task }));
      tx.createTask(taskInit('complete', undefined, 'complete', 'complete', { nodeId: 'node-n1', spec: task }));
    });
    fixture.writeNode('n1', (node) => (node.labels = { touched: 'yes' }));
    expect(['running', 'complete'].map((id) => state(fixture.store.tasks.get(id)!))).toEqual(['running', 'complete']);
  },
  'orch-028': () => expectRejected(enforced({}, (node) => (node.role = 'manager'), ['node.role==worker'])),
  'orch-029': () => {
    const container = { reservations: { memoryBytes: bytes(9e8) } };
    expectRejected(
      enforced(container, (node) => (node.description = described(node, { memoryBytes: bytes(5e8) })), [], { memoryBytes: bytes(1e9) }),
    );
  },
  'orch-031': () => {
    const container = { reservations: { generic: { mygeneric: 1 } } };
    const fixture = enforced(container, (node) => (node.description = described(node, { generic: { mygeneric: ['2'] } })), [], {
      generic: { mygeneric: ['1'] },
    });
    expectRejected(fixture);
  },
  'orch-032': () => {
    const container = { reservations: { generic: { mygeneric: 2 } } };
    expectRejected(
      enforced(container, (node) => (node.description = described(node, { generic: { mygeneric: 1 } })), [], { generic: { mygeneric: 2 } }),
    );
  },
};

runScenarios('swarm-orchestrator.json', loadFacts('swarm-orchestrator.json').vectors, scenarios);

const scheduling: Scenarios = {
  'sched-misc-001': () => {
    const fixture = new Fixture();
    fixture.create();
    fixture.run(SECOND);
    const [task] = fixture.tasks();
    expect(task!.error).toBe('no suitable node');
    // The service object goes, the task stays behind.
    fixture.manager.transact((tx) => tx.removeService(fixture.service('web')));
    fixture.addNode('n1');
    fixture.run(2 * SECOND);
    expect(state(task!)).toBe('pending');
    expect(fixture.manager.save().memory!.scheduler.unassigned).toEqual([]);
  },
  'sched-misc-002': () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    const service = fixture.create({ mode: GLOBAL, constraints: ['node.labels.none==here'] });
    fixture.manager.transact((tx) => {
      for (const wanted of ['shutdown', 'remove', 'running'] as const) {
        tx.createTask(
          taskInit(wanted, undefined, wanted, 'pending', { nodeId: 'node-n1', global: true, serviceId: service.id, spec: spec().task }),
        );
      }
    });
    fixture.run(200_000);
    expect(['shutdown', 'running'].map((id) => state(fixture.store.tasks.get(id)!))).toEqual(['pending', 'assigned']);
    expect(fixture.log.filter((entry) => entry.id === 'remove').map((entry) => entry.state)).not.toContain('assigned');
  },
  'sched-misc-003': () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    fixture.create({ replicas: 2, maxReplicas: 1 });
    fixture.run(SECOND);
    const [a, b] = fixture.tasks();
    expect([state(a!), state(b!)]).toEqual(['assigned', 'pending']);
    fixture.manager.transact((tx) => {
      const service = tx.writeService(fixture.service('web'));
      service.specVersion = service.version;
      tx.writeTask(b!).desired = 640;
    });
    fixture.run(100_000);
    expect(b).toMatchObject({ state: 640, error: '' });
  },
  'sched-misc-004': () => {
    const fixture = new Fixture();
    fixture.addNode('n1');
    fixture.create();
    fixture.run(SECOND);
    const task = fixture.slot(1);
    expect(state(task)).toBe('assigned');
    fixture.manager.transact((tx) => {
      tx.assign(task, '');
      tx.writeTask(task).state = 64;
    });
    fixture.run(SECOND);
    expect(task).toMatchObject({ state: 192, nodeId: 'node-n1' });
  },
};

const { misc } = loadVectors<{ readonly misc: readonly { readonly id: string }[] }>('swarm-scheduler.json');
runScenarios('swarm-scheduler.json, misc', misc, scheduling, { 'sched-misc-005': 'the tree of spread preferences: see swarm-placement' });
