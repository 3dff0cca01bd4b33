import { type DurationUs, TASK_STATE, type UpdateConfig } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import type { TaskRecord } from '../../store/records.ts';
import { Fixture, MS, SECOND, type SpecOptions } from '../testing/fixture.ts';

const us = (value: number): DurationUs => value as DurationUs;
const config = (more: Partial<UpdateConfig> = {}): UpdateConfig => ({
  parallelism: 1,
  delayUs: us(0),
  failureAction: 'pause',
  monitorUs: us(500 * MS),
  maxFailureRatio: 0,
  order: 'stop-first',
  ...more,
});

/** Replicas of v:1 that run on a node without an agent; `fate` decides what becomes of each task that is to run. */
class Rollout {
  readonly fixture = new Fixture();
  readonly #options: SpecOptions;
  readonly #fate: (task: TaskRecord) => 'running' | 'failed' | 'stuck';
  readonly #seen = new Set<string>();

  constructor(options: SpecOptions, fate: (task: TaskRecord) => 'running' | 'failed' | 'stuck' = () => 'running') {
    this.#options = { replicas: 3, restart: { delayUs: us(SECOND) }, ...options };
    this.#fate = fate;
    this.fixture.addNode('n1');
    this.fixture.create(this.#options);
    this.live(SECOND);
  }

  update(more: SpecOptions): this {
    this.fixture.update('web', { ...this.#options, ...more });
    return this;
  }

  /** Lets time pass while tasks start and stop at once. */
  live(span: number, stopOld = true): this {
    for (let passed = 0; passed < span; passed += 10 * MS) {
      this.fixture.run(10 * MS);
      for (const task of this.fixture.tasks()) {
        if (stopOld && task.desired > TASK_STATE.running && task.state >= TASK_STATE.assigned && task.state <= TASK_STATE.running)
          this.fixture.observe(task, 'shutdown');
        if (task.desired !== TASK_STATE.running || task.state !== TASK_STATE.assigned || this.#seen.has(task.id)) continue;
        const fate = this.#fate(task);
        if (fate === 'stuck') continue;
        this.#seen.add(task.id);
        this.fixture.observe(task, fate);
      }
    }
    return this;
  }

  images(): readonly string[] {
    return this.fixture
      .wanted()
      .map((task) => task.spec.containers[0]?.image ?? '')
      .toSorted();
  }
  get state(): string {
    return this.fixture.service('web').updateStatus?.state ?? 'none';
  }
}

const image = (task: TaskRecord): string => task.spec.containers[0]?.image ?? '';

describe('rolling updates', () => {
  test('replace all tasks, one after another', () => {
    const rollout = new Rollout({ update: config() }).update({ image: 'v:2' });
    expect(rollout.fixture.wanted().filter((task) => image(task) === 'v:2')).toHaveLength(1);
    expect(rollout.state).toBe('updating');
    rollout.live(3 * SECOND);
    expect(rollout.images()).toEqual(['v:2', 'v:2', 'v:2']);
    expect(rollout.state).toBe('completed');
  });

  test('start-first never has fewer running than wanted', () => {
    const rollout = new Rollout({ update: config({ order: 'start-first', delayUs: us(10 * MS) }) }).update({ image: 'v:2' });
    for (let i = 0; i < 100; i++) {
      rollout.live(10 * MS);
      const running = rollout.fixture.tasks().filter((task) => task.state === TASK_STATE.running);
      expect(running.length).toBeGreaterThanOrEqual(3);
    }
    rollout.live(2 * SECOND);
    expect(rollout.images()).toEqual(['v:2', 'v:2', 'v:2']);
  });

  test('constraints that the node still meets replace nothing', () => {
    const rollout = new Rollout({ update: config() });
    const before = rollout.fixture.wanted().map((task) => task.id);
    rollout.update({ constraints: ['node.hostname==n1'] }).live(SECOND);
    expect(rollout.fixture.wanted().map((task) => task.id)).toEqual(before);
  });

  test('pause at ratio 0 leaves two old and one new; a new update goes on', () => {
    const options = { update: config({ delayUs: us(500 * MS) }), restart: { delayUs: us(10 * SECOND) } };
    const rollout = new Rollout(options, (task) => (image(task) === 'v:2' ? 'failed' : 'running'))
      .update({ image: 'v:2' })
      .live(2 * SECOND);
    expect(rollout.images()).toEqual(['v:1', 'v:1', 'v:2']);
    expect(rollout.state).toBe('paused');
    expect(rollout.fixture.service('web').updateStatus?.message).toMatch(/^update paused due to failure or early termination of task /);
    rollout.update({ image: 'v:3' }).live(5 * SECOND);
    expect(rollout.images()).toEqual(['v:3', 'v:3', 'v:3']);
  });

  test('continue converges whatever fails', () => {
    const rollout = new Rollout({ update: config({ failureAction: 'continue' }), restart: { delayUs: us(50 * MS) } }, (task) =>
      image(task) === 'v:2' ? 'failed' : 'running',
    );
    rollout
      .update({ image: 'v:2' })
      .live(2 * SECOND)
      .update({ image: 'v:3' })
      .live(3 * SECOND);
    expect(rollout.images()).toEqual(['v:3', 'v:3', 'v:3']);
  });

  test('ratio 0.4 of 4: three new tasks, then back', () => {
    let started = 0;
    const fate = (task: TaskRecord): 'running' | 'failed' => (image(task) === 'v:2' && started++ % 2 === 0 ? 'failed' : 'running');
    const rollout = new Rollout(
      { replicas: 4, update: config({ failureAction: 'rollback', maxFailureRatio: 0.4 }), restart: { delayUs: us(10 * SECOND) } },
      fate,
    );
    rollout.update({ image: 'v:2' }).live(10 * SECOND);
    const made = rollout.fixture.log.filter((entry) => entry.op === 'create').length;
    expect(started).toBe(3);
    expect(made).toBe(4 + 3 + 2 + 3);
    expect(rollout.images()).toEqual(['v:1', 'v:1', 'v:1', 'v:1']);
    expect(rollout.state).toBe('rollback_completed');
  });

  test('old tasks that never stop hold a slot for a minute', () => {
    const rollout = new Rollout({ replicas: 1, update: config() }).update({ image: 'v:2' }).live(59 * SECOND, false);
    expect(rollout.fixture.slot(1).desired).toBe(TASK_STATE.ready);
    rollout.live(2 * SECOND, false);
    expect(rollout.images()).toEqual(['v:2']);
  });

  test('why an update was paused leads to the end of the task', () => {
    const rollout = new Rollout({ update: config() }, (task) => (image(task) === 'v:2' ? 'failed' : 'running'))
      .update({ image: 'v:2' })
      .live(SECOND);
    const { events } = rollout.fixture.manager;
    const paused = events.newest(200).find((event) => event.kind === 'rollout.paused');
    expect(events.get(paused?.cause ?? 0)?.task).toBeDefined();
  });
});
