/** Checkpoints of the whole: saved as text at any barrier and taken up again, in as many timelines as you like, a run goes on as if nothing had happened. */
import { RandomStream, rootKey } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { FACTORIES } from '@paperfleet/lab';
import { chaos, digestOf, soloRun } from '../support/chaos.ts';
import { runPlain } from '../support/checked-run.ts';
import { randomRun } from '../support/random-run.ts';
import { type Place, SplitRun } from '../support/split-run.ts';

const PLACES: readonly Place[] = [() => 0, (party) => party, (party) => Math.floor(party / 3), (party) => (party % 5 === 0 ? 0 : 1)];

describe('the chaos scenario', () => {
  const run = chaos('checkpoints');

  test('moved twelve times, to another split each time', () => {
    const rng = new RandomStream(rootKey('checkpoints/chaos'));
    let split = new SplitRun(run.header, FACTORIES, run.inputs, 3, PLACES[1]!);
    const instants = Array.from({ length: 12 }, () => rng.below(run.until)).toSorted((a, b) => a - b);
    for (const at of instants) split = split.runUntil(at).moved(rng.range(1, 6), PLACES[rng.below(PLACES.length)]!);
    expect(split.runUntil(run.until).digest()).toBe(digestOf(soloRun(run.header, run.inputs, run.until)));
  });

  test('a checkpoint that is taken up at once is written the same', () => {
    const split = new SplitRun(run.header, FACTORIES, run.inputs, 2, PLACES[1]!).runUntil(250_000_000);
    const text = split.save();
    expect(split.moved(4, PLACES[2]!).save() === text).toBe(true); // too long to be printed
    expect(text.length).toBeGreaterThan(100_000);
  });
});

describe('random runs', () => {
  test.each([1, 21, 41, 61])('moved at many barriers, from the thick of it to the calm: twenty seeds from %i', (first) => {
    for (let seed = first; seed < first + 20; seed++) {
      const run = randomRun(seed);
      const rng = new RandomStream(rootKey(`checkpoints/${seed}`));
      let split = new SplitRun(run.header, FACTORIES, run.inputs, rng.range(1, 4), PLACES[rng.below(PLACES.length)]!);
      const instants = Array.from({ length: 8 }, () => rng.below(run.calmAt + 30_000_000)).toSorted((a, b) => a - b);
      for (const at of instants) split = split.runUntil(at).moved(rng.range(1, 4), PLACES[rng.below(PLACES.length)]!);
      expect(split.runUntil(run.until).digest(), `seed ${seed}, moved at ${instants.join(', ')} µs`).toBe(runPlain(run));
    }
  });
});

test('something that is forgotten shows: without the pending events of one node the digest differs', () => {
  const run = randomRun(2);
  const split = new SplitRun(run.header, FACTORIES, run.inputs, 1, PLACES[0]!).runUntil(30_000_000);
  const saved = JSON.parse(split.save()) as { parties: { id: number; events: unknown[] }[] };
  const node = saved.parties.find(({ id, events }) => id >= 16 && events.length > 0);
  node!.events = [];
  const forgetful = new SplitRun(run.header, FACTORIES, run.inputs, 1, PLACES[0]!, JSON.stringify(saved));
  expect(forgetful.runUntil(run.until).digest()).not.toBe(runPlain(run));
});
