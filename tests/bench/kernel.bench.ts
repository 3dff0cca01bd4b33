// The kernel: the event queue under the hold model (take the earliest event, put one back later) and whole timelines.
// CPU time of one thread.

import { durationUs, EventQueue, LANE, type PartyFactory, partyId, RandomStream, rootKey, Timeline, timeUs } from '@paperfleet/core';
import { gossipFactories, gossipInputs, testHeader } from '@paperfleet/core/testing';
import { cpuNs, cpuNsPerOperation } from './measure.ts';
import type { BenchResult } from './result.ts';

const PENDING = 1_000_000;
const CALLS = 500_000;
const PARTIES = 10_000;

/** Delays of the hold model of a cluster: 70 % heartbeats of 5 s, 20 % around 30 s, 10 % around 600 s, drawn beforehand. */
function delays(): Float64Array {
  const rng = new RandomStream(rootKey('bench/kernel'));
  return Float64Array.from({ length: 1 << 16 }, () => {
    const kind = rng.below(10);
    return kind < 7 ? 5_000_000 + rng.below(1000) : kind < 9 ? rng.below(60_000_000) : rng.below(1_200_000_000);
  });
}

function queueRate(): number {
  const queue = new EventQueue<number>();
  const delay = delays();
  let seq = 0;
  for (let i = 0; i < PENDING; i++) queue.push(delay[i & 0xffff]!, LANE.agent, i % PARTIES, ++seq, i);
  const hold = (): void => {
    for (let i = 0; i < CALLS; i++) {
      const item = queue.pop(Infinity)!;
      queue.push(queue.time + delay[seq & 0xffff]!, LANE.agent, item % PARTIES, ++seq, item);
    }
  };
  const perEvent = cpuNsPerOperation(hold, CALLS, { rounds: 7, roundNs: 5e8 });
  if (queue.size !== PENDING) throw new Error(`${queue.size} events are pending, not ${PENDING}`);
  return 1e9 / perEvent;
}

/** Parties that do nothing but arm their next timer: the cost of the loop itself. */
function timelineRate(): number {
  const parties = 10_000;
  const node: PartyFactory = (ports) => {
    ports.in(durationUs(ports.rng('start').below(5_000_000)), LANE.agent, { type: 'tick' });
    return {
      onInput: () => undefined,
      onMessage: () => undefined,
      onTimer: () => void ports.in(durationUs(5_000_000), LANE.agent, { type: 'tick' }),
      save: () => ({}),
    };
  };
  const timeline = new Timeline(testHeader('bench'), { node });
  const join = gossipInputs(1).flatMap(({ input }) => (input.kind === 'join' ? [input] : []))[0]!;
  for (let i = 0; i < parties; i++) {
    const party = partyId(16 + i);
    timeline.inject({ seq: i + 1, at: timeUs(0), parties: [party], input: { ...join, party } });
  }
  timeline.runUntil(10_000_000);
  const before = timeline.events;
  const start = cpuNs();
  timeline.runUntil(1_000_000_000);
  const spent = cpuNs() - start;
  const handled = timeline.events - before;
  if (handled < 190 * parties) throw new Error(`only ${handled} events were handled`);
  return (handled * 1e9) / spent;
}

/** Gossiping parties: timers, cancellations, random draws, messages over links, digest. */
function gossipRate(): number {
  const nodes = 500;
  const timeline = new Timeline(testHeader('bench'), gossipFactories(nodes));
  timeline.createManager();
  for (const input of gossipInputs(nodes)) timeline.inject(input);
  timeline.runUntil(1_000_000);
  const before = timeline.events;
  const start = cpuNs();
  timeline.runUntil(timeUs(30_000_000));
  const spent = cpuNs() - start;
  if (timeline.events - before < 500_000) throw new Error('too few events to measure');
  return ((timeline.events - before) * 1e9) / spent;
}

export function run(): Promise<BenchResult[]> {
  return Promise.resolve([
    {
      goal: 'P9',
      name: 'event queue, 1 M pending, stable order',
      value: queueRate(),
      unit: 'events/s',
      target: 3_000_000,
      direction: 'min',
    },
    {
      goal: 'P9',
      name: 'timeline, 10,000 parties with a timer each',
      value: timelineRate(),
      unit: 'events/s',
      target: 1_000_000,
      direction: 'min',
      note: 'queue, dispatch, timer table',
    },
    {
      goal: '–',
      name: 'timeline, 500 gossiping parties',
      value: gossipRate(),
      unit: 'events/s',
      target: 400_000,
      direction: 'min',
      note: 'with random draws, links and faults, messages, digest; the target is our own',
    },
  ]);
}
