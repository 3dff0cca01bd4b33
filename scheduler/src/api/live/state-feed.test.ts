import { TASK_STATE } from '@paperfleet/core';
import { beforeEach, expect, test } from 'vitest';
import type { HandRun } from '../testing/hand-run.ts';
import { handCluster } from '../testing/hand-run.ts';
import { StateFeed } from './state-feed.ts';

let run: HandRun;
let wallMs: number;
let feed: StateFeed;
beforeEach(() => {
  run = handCluster();
  wallMs = 5_000_000;
  feed = new StateFeed(run, () => wallMs);
});

test('nothing is told when nothing changed', () => {
  expect(feed.flush()).toBeUndefined();
  wallMs += 10_000;
  expect(feed.flush()).toBeUndefined();
});

test('while the run goes on the clock is told twice a second, without rows', () => {
  run.simUs += 50_000;
  wallMs += 100;
  expect(feed.flush()).toBeUndefined();
  wallMs += 400;
  expect(feed.flush()?.frame).toEqual({ type: 'delta', seq: 5_000_001, playback: run.playback(), totals: run.totals() });
});

test('a pause is told at once', () => {
  run.pause();
  expect(feed.flush()?.frame.playback.paused).toBe(true);
});

test('a change of a task brings its service and node along, and only when their numbers change', () => {
  const task = run.store.findTask('web.1')!;
  run.store.updateTask(task, { health: 2 });
  const first = feed.flush()!.frame;
  expect([first.tasks?.row, first.nodes, first.services]).toEqual([[task.row], undefined, undefined]);
  run.store.updateTask(task, { state: TASK_STATE.failed });
  const second = feed.flush()!.frame;
  expect(second.tasks?.state).toEqual([TASK_STATE.failed]);
  expect(second.services?.map(({ name, running }) => [name, running])).toEqual([['web', 2]]);
  expect(second.nodes?.map(({ name, tasks }) => [name, tasks])).toEqual([['n2', 2]]);
});

test('heartbeats of ready nodes are not worth a frame', () => {
  run.store.updateNode(run.store.findNode('n1')!, { lastHeartbeat: 79_000_000 as never });
  expect(feed.flush()).toBeUndefined();
});

test('when a node goes down its tasks stop counting as running', () => {
  run.store.updateNode(run.store.findNode('n1')!, { status: 'down' });
  expect(feed.flush()!.frame.services?.map(({ name, running }) => [name, running])).toEqual([
    ['web', 2],
    ['agent', 1],
  ]);
});

test('a task that came and went between two frames is not mentioned', () => {
  const task = run.store.addTask(run.store.findService('web')!, 9);
  run.store.removeTask(task);
  const frame = feed.flush()?.frame;
  expect([frame?.tasks, frame?.removedTasks]).toEqual([undefined, undefined]);
});

test('of many events a frame carries the newest 200 and counts the rest', () => {
  for (let index = 0; index < 1000; index++) run.events.add(run.simUs, 'note', { code: 'NOTE', message: `${index}` });
  const { events, eventsSkipped } = feed.flush()!.frame;
  expect([events!.length, eventsSkipped, events!.at(-1)!.id]).toEqual([200, 800, run.events.lastId]);
});

test('frames are held for 30 s; an older or foreign seq gives none', () => {
  const start = feed.seq;
  run.pause();
  feed.flush();
  wallMs += 20_000;
  run.resume();
  feed.flush();
  expect(feed.since(start)?.map(({ seq }) => seq)).toEqual([start + 1, start + 2]);
  expect(feed.since(start + 2)).toEqual([]);
  expect(feed.since(start + 3)).toBeUndefined();
  expect(feed.since(start - 1)).toBeUndefined();
  wallMs += 10_001;
  run.pause();
  feed.flush();
  expect(feed.since(start)).toBeUndefined();
  expect(feed.since(start + 1)).toHaveLength(2);
});

test('many who ask for a snapshot share one, completed by the frames since', () => {
  const first = feed.encodedSnapshot().snapshot;
  run.pause();
  wallMs += 100;
  feed.flush();
  const second = feed.encodedSnapshot().snapshot;
  expect(second).toBe(first);
  expect(feed.since(second.seq)).toHaveLength(1);
  wallMs += 500;
  expect(feed.encodedSnapshot().snapshot.seq).toBe(first.seq + 1);
});
