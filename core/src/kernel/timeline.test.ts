import { describe, expect, test } from 'vitest';
import { partyId, timeUs } from '../units.ts';
import { addDigests, digestText, type DigestWords } from './digest.ts';
import { Ensemble } from './ensemble.ts';
import { FIRST_NODE } from './party.ts';
import { gossipFactories, gossipInputs, testHeader } from './testing/gossip.ts';
import { Timeline } from './timeline.ts';

const NODES = 9;
const END = timeUs(10_000_000);
const LATENCY = 100_000;

function alone(seed: string): Timeline {
  const timeline = new Timeline(testHeader(seed), gossipFactories(NODES));
  timeline.createManager();
  for (const input of gossipInputs(NODES)) timeline.inject(input);
  return timeline;
}

function soloDigest(seed: string): string {
  const timeline = alone(seed);
  timeline.runUntil(END);
  return digestText(timeline.digest());
}

function split(seed: string, count: number, place: (party: number) => number, windowUs: number): Ensemble {
  const ensemble = new Ensemble(testHeader(seed), gossipFactories(NODES), count, (party) => place(party));
  for (const input of gossipInputs(NODES)) ensemble.inject(input);
  ensemble.runUntil(END, windowUs);
  return ensemble;
}

describe('one timeline', () => {
  test('the same seed gives the same digest, another seed another', () => {
    expect(soloDigest('a')).toBe(soloDigest('a'));
    expect(soloDigest('a')).not.toBe(soloDigest('b'));
  });

  test.each([
    [2, (party: number) => 1 - (party % 1), LATENCY],
    [2, (party: number) => party % 2, LATENCY / 2],
    [4, (party: number) => party % 4, Math.floor(LATENCY / 7)],
    [4, (party: number) => (party * 7 + 3) % 4, 1_000],
    [NODES + 1, (party: number) => party - FIRST_NODE + 1, LATENCY],
  ])('split over %i timelines in windows of any length: same digest', (count, place, windowUs) => {
    const ensemble = split('a', count, place, windowUs);
    expect(digestText(ensemble.digest())).toBe(soloDigest('a'));
    expect(ensemble.windows).toBeGreaterThan(10);
  });

  test('a window longer than the look-ahead is caught', () => {
    expect(() => split('a', 2, (party) => party % 2, LATENCY * 3)).toThrow(/too soon|past of its receiver/);
  });

  test('saved and restored at any barrier, in another process with another split, it goes on the same', () => {
    for (const at of [1, 1_234_567, 5_000_001, 7_940_000]) {
      const first = alone('a');
      // Inputs that come later are injected where the run goes on, as a journal's rest is.
      const before = new Timeline(testHeader('a'), gossipFactories(NODES));
      before.createManager();
      for (const input of gossipInputs(NODES)) if (input.at < at) before.inject(input);
      before.runUntil(at);
      const saved = JSON.parse(JSON.stringify(before.save(timeUs(at)))) as ReturnType<Timeline['save']>;

      const timelines = [0, 1].map(() => new Timeline(testHeader('a'), gossipFactories(NODES)));
      timelines[0]!.restore({ ...saved, parties: saved.parties.filter((party) => party.id % 2 === 0) });
      timelines[1]!.restore({ ...saved, parties: saved.parties.filter((party) => party.id % 2 === 1) });
      for (const timeline of timelines) for (const party of saved.parties) timeline.learn(party);
      for (const input of gossipInputs(NODES)) {
        if (input.at < at) continue;
        timelines[0]!.inject({ ...input, parties: input.parties.filter((party) => party % 2 === 0) });
        timelines[1]!.inject({ ...input, parties: input.parties.filter((party) => party % 2 === 1) });
      }
      for (let now = at; now < END; now = Math.min(END, now + LATENCY)) {
        const end = Math.min(END, now + LATENCY);
        for (const timeline of timelines) timeline.runUntil(end);
        for (const timeline of timelines) {
          for (const envelope of timeline.takeOutbox()) timelines[envelope.to % 2]!.deliver(envelope);
        }
      }
      first.runUntil(END);
      const sum: DigestWords = addDigests(timelines[0]!.digest(), timelines[1]!.digest());
      expect(digestText(sum)).toBe(digestText(first.digest()));
    }
  });

  test('a lost party does nothing from the named instant on, and leaves the digest', () => {
    const timeline = alone('a');
    timeline.runUntil(7_950_000);
    expect(timeline.has(partyId(FIRST_NODE))).toBe(true);
    timeline.runUntil(7_950_001);
    expect(timeline.has(partyId(FIRST_NODE))).toBe(false);
    expect(timeline.parties()).toHaveLength(NODES);
  });

  test('arming a timer in the past is refused', () => {
    const timeline = new Timeline(testHeader('a'), {
      manager: (ports) => ({
        onInput: () => ports.at(timeUs(5), 0, { type: 'late' }),
        onMessage: () => undefined,
        onTimer: () => undefined,
        save: () => ({}),
      }),
      node: gossipFactories(1).node,
    });
    timeline.createManager();
    timeline.inject({
      seq: 1,
      at: timeUs(10),
      parties: [partyId(1)],
      input: { kind: 'command', key: '', by: 'test', command: { do: 'removeTask', task: 'x' } },
    });
    expect(() => timeline.runUntil(20)).toThrow(/armed in the past/);
  });
});
