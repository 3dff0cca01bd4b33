import { TASK_STATE, type TaskState } from '@paperfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LocalTask } from './local-task.ts';
import { HISTORY_US, history } from './testing/history.ts';
import { NODE, SECOND, World } from './testing/world.ts';

const S = TASK_STATE;
const END_US = HISTORY_US + 120 * SECOND;

describe('a node through random histories', () => {
  test('saved and restored at any instants goes on exactly as if nothing had happened', () =>
    fc.assert(
      fc.property(history, fc.array(fc.integer({ min: 0, max: END_US }), { minLength: 1, maxLength: 4 }), (options, instants) => {
        const undisturbed = new World(options).run(END_US);
        const reloaded = new World(options);
        for (const at of instants.toSorted((a, b) => a - b)) reloaded.run(at).reload();
        reloaded.run(END_US);
        expect(reloaded.digest()).toBe(undisturbed.digest());
        expect(reloaded.state()).toBe(undisturbed.state());
      }),
      { numRuns: 60 },
    ));

  test('no task ever goes back, and containers are those of tasks that have not ended', () =>
    fc.assert(
      fc.property(history, (options) => {
        const world = new World(options);
        const highest = new Map<string, TaskState>();
        world.timeline.afterEvent = () => {
          if (!world.timeline.has(NODE)) return;
          const node = world.node();
          let rows = 0;
          for (const task of node.tasks) {
            expect(task.state).toBeGreaterThanOrEqual(highest.get(task.id) ?? 0);
            highest.set(task.id, task.state);
            rows += task.rows.filter((row) => row >= 0).length;
            if (task.state >= S.complete) expect(task.rows.every((row) => row < 0)).toBe(true);
            if (node.up && task.state === S.running) expect(task.rows.some((row) => row >= 0)).toBe(true);
          }
          expect(node.containers).toBe(rows);
        };
        world.run(END_US);
      }),
      { numRuns: 60 },
    ));

  test('once the faults are over the manager knows what is, and what is desired comes about', () =>
    fc.assert(
      fc.property(history, (options) => {
        const world = new World(options).run(END_US);
        const book = world.manager.book(NODE);
        const tasks = new Map([...world.node().tasks].map((task) => [task.id, task]));
        expect(world.node()).toMatchObject({ up: true, session: book.session });
        expect([...tasks.keys()].toSorted()).toEqual(Object.keys(book.tasks).toSorted());
        for (const [id, { desired }] of Object.entries(book.tasks)) {
          const task: Readonly<LocalTask> = tasks.get(id)!;
          expect(book.statuses[id]).toMatchObject({ state: task.state, at: task.at });
          if (desired >= S.shutdown) expect(task.state).toBeGreaterThanOrEqual(S.complete);
          else if (desired === S.ready) expect([S.ready, S.rejected, S.failed]).toContain(task.state);
          else expect(task.state >= S.running || task.health === 1).toBe(true); // health 1: its probes keep failing
        }
      }),
      { numRuns: 60 },
    ));

  test('another seed is another history', () => {
    const digests = fc
      .sample(history, { numRuns: 1, seed: 1 })
      .flatMap((options) => ['a', 'b', 'a'].map((seed) => new World({ ...options, seed }).run(END_US).digest()));
    expect(digests[0]).toBe(digests[2]);
    expect(digests[0]).not.toBe(digests[1]);
  });
});
