import { expect, test } from 'vitest';
import { ChartScheduler, ROUND_MS, SLICE_MS } from './chart-scheduler.ts';

/** A clock that a test turns. Frames come 16 ms apart. */
function clockwork(): { now: number; run(ms: number): void; clock: ConstructorParameters<typeof ChartScheduler>[0] } {
  const due: { at: number; id: number; callback: () => void }[] = [];
  let ids = 0;
  const state = {
    now: 0,
    run(ms: number): void {
      const end = state.now + ms;
      for (;;) {
        due.sort((a, b) => a.at - b.at || a.id - b.id);
        const next = due[0];
        if (next === undefined || next.at > end) break;
        due.shift();
        state.now = Math.max(state.now, next.at);
        next.callback();
      }
      state.now = end;
    },
    clock: {
      now: () => state.now,
      requestFrame: (callback: () => void) => void due.push({ at: state.now + 16, id: ++ids, callback }),
      setTimer(callback: () => void, ms: number) {
        due.push({ at: state.now + ms, id: ++ids, callback });
        return ids;
      },
      clearTimer(id: number) {
        const at = due.findIndex((entry) => entry.id === id);
        if (at >= 0) due.splice(at, 1);
      },
    },
  };
  return state;
}

test('many changes are one drawing per round', () => {
  const time = clockwork();
  const scheduler = new ChartScheduler(time.clock);
  let drawn = 0;
  scheduler.add({ refresh: () => drawn++ });
  for (let i = 0; i < 200; i++) {
    scheduler.dataChanged();
    time.run(10);
  }
  expect(drawn).toBeGreaterThanOrEqual(3);
  expect(drawn).toBeLessThanOrEqual(2000 / ROUND_MS + 1);
});

test('nothing is drawn without news, out of sight or while the page is hidden', () => {
  const time = clockwork();
  const scheduler = new ChartScheduler(time.clock);
  let drawn = 0;
  const chart = { refresh: (): number => drawn++ };
  scheduler.add(chart);
  time.run(5000);
  expect(drawn).toBe(1);
  scheduler.setVisible(chart, false);
  scheduler.dataChanged();
  time.run(2000);
  expect(drawn).toBe(1);
  scheduler.setVisible(chart, true);
  time.run(2000);
  expect(drawn).toBe(2);
  scheduler.setHidden(true);
  scheduler.dataChanged();
  time.run(2000);
  expect(drawn).toBe(2);
  scheduler.setHidden(false);
  time.run(2000);
  expect(drawn).toBe(3);
});

test('a frame gives charts its slice only, the one under the pointer first', () => {
  const time = clockwork();
  const scheduler = new ChartScheduler(time.clock);
  const order: string[] = [];
  const frames: number[] = [];
  const chart = (name: string): { refresh(): void } => ({
    refresh() {
      order.push(name);
      frames.push(time.now);
      time.now += SLICE_MS - 1;
    },
  });
  const all = ['a', 'b', 'c', 'd'].map(chart);
  for (const one of all) scheduler.add(one);
  scheduler.setHovered(all[2]!, true);
  time.run(3000);
  expect(order[0]).toBe('c');
  expect(order.toSorted()).toEqual(['a', 'b', 'c', 'd']);
  // Two charts of 5 ms pass the 6 ms slice: the third waits for the next frame.
  expect(frames[2]! - frames[1]!).toBeGreaterThanOrEqual(16);
});

test('a removed chart is never drawn again', () => {
  const time = clockwork();
  const scheduler = new ChartScheduler(time.clock);
  let drawn = 0;
  const remove = scheduler.add({ refresh: () => drawn++ });
  remove();
  scheduler.dataChanged();
  time.run(3000);
  expect(drawn).toBe(0);
});
