// SwarmKit's dispatcher: sessions, heartbeats, assignments, statuses.
import { type DurationUs, TASK_STATE, type TaskStateName, taskStateName } from '@paperfleet/core';
import { expect } from 'vitest';
import { Fixture, MS, SECOND, taskInit } from '@paperfleet/scheduler/testing/manager';
import { loadFacts, runScenarios, type Scenarios } from './scenarios.ts';

const STATES = Object.keys(TASK_STATE) as readonly TaskStateName[];

/** One node with a session, and one task of no service per state on it. */
function withTasks(states: readonly TaskStateName[]): Fixture {
  const fixture = new Fixture();
  fixture.join('n1');
  fixture.run(SECOND);
  addTasks(fixture, states);
  return fixture;
}

function addTasks(fixture: Fixture, states: readonly TaskStateName[], node = 'n1'): void {
  const nodeId = fixture.node(node).id;
  fixture.manager.transact((tx) => {
    for (const state of states)
      tx.createTask(
        taskInit(`${node}-${state}`, undefined, state === 'new' || state === 'pending' ? 'shutdown' : 'running', state, {
          nodeId,
          serviceId: 'gone',
        }),
      );
  });
}

const answers = (fixture: Fixture, type: string): readonly { readonly type: string }[] =>
  fixture.probe('n1').received.filter((message) => message.type === type);
const observed = (fixture: Fixture, id: string): string => taskStateName(fixture.store.tasks.get(id)!.state);

const scenarios: Scenarios = {
  'disp-001': () => {
    const fixture = new Fixture();
    fixture.join('n1');
    fixture.run(SECOND);
    const first = fixture.node('n1').session;
    fixture.probe('n1').register();
    fixture.run(SECOND);
    expect(first).toBeGreaterThan(0);
    expect(fixture.node('n1').session).not.toBe(first);
    expect(answers(fixture, 'registered')).toHaveLength(2);
  },
  'disp-002': () => {
    const fixture = new Fixture();
    fixture.join('n1');
    fixture.run(SECOND);
    const known = fixture.timeline.header.config.heartbeatPeriodUs * 2;
    fixture.run(known);
    for (let i = 0; i < 4; i++) {
      fixture.probe('n1').register();
      fixture.run(100 * MS);
    }
    expect(answers(fixture, 'registered')).toHaveLength(1 + 3);
    expect(answers(fixture, 'refused')).toMatchObject([{ reason: expect.stringContaining('exceeded rate limit') as string }]);
  },
  'disp-004': () => {
    const period = (100 * MS) as DurationUs;
    const fixture = new Fixture({ config: { heartbeatPeriodUs: period, heartbeatEpsilonUs: 0 as DurationUs } });
    fixture.join('n1');
    fixture.run(SECOND);
    const { session } = fixture.node('n1');
    fixture.probe('n1').silent = true;
    fixture.run(20 * MS);
    const deadline = fixture.node('n1').lastHeartbeat + 300 * MS;
    fixture.run(deadline - fixture.now);
    expect(fixture.node('n1').status).toBe('ready');
    fixture.run(1);
    expect(fixture.node('n1')).toMatchObject({ status: 'down', statusMessage: 'heartbeat failure' });
    fixture.probe('n1').send({ type: 'heartbeat', session });
    fixture.run(30 * MS);
    expect(answers(fixture, 'refused')).toMatchObject([{ session, reason: 'node not registered' }]);
  },
  'disp-005': () => {
    const config = { heartbeatPeriodUs: 100 as DurationUs, heartbeatEpsilonUs: 50 as DurationUs };
    const fixture = new Fixture({ config });
    const sessions = fixture.manager.sessions;
    const periods = Array.from({ length: 1024 }, () => sessions.choosePeriod());
    expect(periods.every((period) => period >= 50 && period <= 150)).toBe(true);
    expect(new Set(periods).size).toBeGreaterThan(50);
  },
  'disp-007': () => {
    const fixture = new Fixture();
    fixture.join('n1');
    fixture.run(SECOND);
    fixture.probe('n1').received.length = 0;
    addTasks(fixture, STATES);
    fixture.probe('n1').register();
    fixture.run(SECOND);
    const full = fixture.probe('n1').assignments.find((message) => message.session === fixture.node('n1').session)!;
    expect(full.full).toBe(true);
    const expected = STATES.filter((state) => TASK_STATE[state] >= TASK_STATE.assigned).map((state) => `n1-${state}`);
    expect(full.update.map((task) => task.id)).toEqual(expected);
  },
  'disp-008': () => {
    const fixture = withTasks(STATES);
    const before = fixture.probe('n1').assignments.length;
    expect(before).toBe(1);
    fixture.run(SECOND);
    const [, increment, ...more] = fixture.probe('n1').assignments;
    expect(more).toEqual([]);
    expect(increment).toMatchObject({ full: false, appliesTo: 1, resultsIn: 2 });
    expect(increment!.update.map((task) => task.id)).toEqual(
      STATES.filter((state) => TASK_STATE[state] >= TASK_STATE.assigned).map((state) => `n1-${state}`),
    );
  },
  'disp-011': () => {
    const fixture = withTasks(['assigned']);
    fixture.run(SECOND);
    const sent = fixture.probe('n1').assignments.length;
    for (const state of ['accepted', 'preparing', 'ready', 'starting', 'running'] as const) {
      fixture.observe(fixture.store.tasks.get('n1-assigned')!, state);
      fixture.run(SECOND);
    }
    expect(fixture.probe('n1').assignments).toHaveLength(sent);
    fixture.manager.transact((tx) => void (tx.writeTask(fixture.store.tasks.get('n1-assigned')!).desired = TASK_STATE.shutdown));
    fixture.run(SECOND);
    expect(fixture.probe('n1').assignments).toHaveLength(sent + 1);
  },
  'disp-013': () => {
    const fixture = withTasks(['running']);
    fixture.join('n2');
    fixture.run(SECOND);
    fixture.probe('n2').report('n1-running', 'failed');
    fixture.run(SECOND);
    expect(observed(fixture, 'n1-running')).toBe('running');
    expect(fixture.manager.events.newest(100).map((event) => event.kind)).toContain('status.denied');
  },
  'disp-014': () => {
    const fixture = withTasks(['shutdown']);
    fixture.probe('n1').report('n1-shutdown', 'running');
    fixture.run(SECOND);
    expect(observed(fixture, 'n1-shutdown')).toBe('shutdown');
  },
  'disp-016': () => {
    const fixture = withTasks(STATES);
    const { id } = fixture.node('n1');
    const start = fixture.changes.length;
    fixture.command({ do: 'removeNode', node: 'n1', force: true });
    const commit = fixture.changes.slice(start);
    const gone = commit.findIndex((change) => change.kind === 'node' && change.op === 'remove' && change.record.id === id);
    const orphans = commit.filter((change) => change.kind === 'task' && change.record.state === TASK_STATE.orphaned);
    const expected = STATES.filter((state) => TASK_STATE[state] < TASK_STATE.complete).map((state) => `n1-${state}`);
    expect(orphans.map((change) => change.record.id)).toEqual(expected);
    expect(gone).toBe(orphans.length);
    expect(observed(fixture, 'n1-complete')).toBe('complete');
    expect(observed(fixture, 'n1-failed')).toBe('failed');
  },
  'disp-017': () => {
    const fixture = new Fixture({
      config: { heartbeatEpsilonUs: 0 as DurationUs },
      stored: (builder) => {
        builder.node('ready');
        builder.node('down', { status: 'down' });
      },
    });
    const status = (): readonly string[] => ['ready', 'down'].map((name) => fixture.node(name).status);
    expect(status()).toEqual(['unknown', 'down']);
    fixture.run(6 * 5 * SECOND - MS);
    expect(status()).toEqual(['unknown', 'down']);
    fixture.run(2 * MS);
    expect(status()).toEqual(['down', 'down']);
  },
};

runScenarios('swarm-dispatcher.json', loadFacts('swarm-dispatcher.json').vectors, scenarios, {
  'disp-010': 'secrets and configs are names only so far: nothing depends on their contents',
});
