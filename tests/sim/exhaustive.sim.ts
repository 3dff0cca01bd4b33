/**
 * Two machines, three tasks, and every fate of the first messages that matter: each of them passes, is lost, comes twice or
 * comes late, in all combinations; and every place among them for a crash or a partition. Random runs may miss a corner of
 * the protocol; here there is none left.
 */
import {
  addressed,
  bytes,
  type Command,
  cpus,
  DEFAULT_CONFIG,
  DEFAULT_RESTART,
  DEFAULT_UPDATE,
  durationUs,
  type Fault,
  FIRST_NODE,
  HEALTHY_LINK,
  type Input,
  MANAGER,
  mebibytes,
  type PartyId,
  partyId,
  type RunHeader,
  type ServiceSpec,
  TASK_STATE,
  Timeline,
  timeUs,
} from '@paperfleet/core';
import type { Manager } from '@paperfleet/scheduler';
import { describe, expect, test } from 'vitest';
import { FACTORIES } from '@paperfleet/lab';
import { checkCalm } from '../support/calm.ts';
import { Watch } from '../support/invariants.ts';

const SECOND = 1_000_000;
const END_US = 130 * SECOND;
const NODES = [partyId(FIRST_NODE), partyId(FIRST_NODE + 1)];
const FATES = ['passes', 'is lost', 'comes twice', 'comes late'] as const;
type Fate = (typeof FATES)[number];
/** A second copy comes after what was sent next, a late message after the answers to it. */
const TWICE_US = 150_000;
const LATE_US = 2_500_000;

const HEADER: RunHeader = {
  format: 1,
  build: 'sim',
  run: 'exhaustive',
  seed: 'exhaustive',
  config: {
    ...DEFAULT_CONFIG,
    statisticsIntervalUs: durationUs(60 * SECOND),
    startupScalePermille: 100,
    imageCacheBytes: bytes(1e10),
    taskHistoryLimit: 2,
  },
};

function spec(version: number): ServiceSpec {
  const parameters = { start: '100ms', boot: '100ms', stop: '300ms' };
  const container = {
    name: 'main',
    image: 'team/app',
    env: { VERSION: String(version) },
    stopGracePeriodUs: durationUs(2 * SECOND),
    reservations: { nanoCpus: cpus(0.7), memoryBytes: mebibytes(100) },
    limits: {},
    workload: { parameters },
  };
  return {
    name: 'web',
    labels: {},
    mode: { kind: 'replicated', replicas: 3 },
    task: { containers: [container], restart: { ...DEFAULT_RESTART, delayUs: durationUs(SECOND) }, placement: {}, forceUpdate: 0 },
    update: { ...DEFAULT_UPDATE, failureAction: 'continue', monitorUs: durationUs(SECOND) },
  };
}

/** What is under way when the messages meet their fates. */
const STAGES: Readonly<Record<string, { readonly at: number; readonly commands: readonly (readonly [number, Command])[] }>> = {
  'the machines register': { at: 0, commands: [] },
  'a service is deployed': { at: SECOND, commands: [] },
  'the service is updated': { at: 8 * SECOND, commands: [[8 * SECOND, { do: 'updateService', service: 'web', spec: spec(2) }]] },
  'it shrinks and grows again': {
    at: 8 * SECOND,
    commands: [
      [8 * SECOND, { do: 'scale', service: 'web', replicas: 1 }],
      [8 * SECOND + 350_000, { do: 'scale', service: 'web', replicas: 3 }],
    ],
  },
  'a machine is drained': {
    at: 8 * SECOND,
    commands: [
      [8 * SECOND, { do: 'updateNode', node: 'n1', availability: 'drain' }],
      [20 * SECOND, { do: 'updateNode', node: 'n1', availability: 'active' }],
    ],
  },
};

interface Tiny {
  readonly timeline: Timeline;
  /** Messages counted so far. */
  readonly messages: () => number;
}

/** Runs a stage; `meet` decides about the nth message that counts (from 0): its arrivals as spans added to the usual. */
function run(stage: string, meet: (index: number, timeline: Timeline) => readonly number[]): Tiny {
  const { at, commands } = STAGES[stage]!;
  const timeline = new Timeline(HEADER, FACTORIES);
  timeline.createManager();
  const watch = new Watch(timeline);
  let seq = 0;
  const input = (when: number, what: Input): void => timeline.inject(addressed({ seq: ++seq, at: timeUs(when), input: what }));
  NODES.forEach((party, index) => input(index * 1000, join(party, `n${index + 1}`)));
  const all: readonly (readonly [number, Command])[] = [[SECOND, { do: 'createService', spec: spec(1) }], ...commands];
  for (const [when, command] of all) input(when, { kind: 'command', key: '', by: 'test', command });
  let count = 0;
  const post = timeline.post.bind(timeline);
  timeline.post = (envelope) => {
    const { type } = envelope.message;
    if (timeline.now < at || type === 'statistics' || type === 'heartbeat' || type === 'heartbeatAck') return post(envelope);
    for (const extra of meet(count++, timeline)) post({ ...envelope, arriveAt: timeUs(envelope.arriveAt + extra) });
  };
  timeline.runUntil(END_US);
  checkCalm(timeline);
  expect(watch.commits).toBeGreaterThan(5);
  const { store } = timeline.party(MANAGER) as Manager;
  const running = [...store.tasks.values()].filter(({ state, desired }) => state === TASK_STATE.running && desired === TASK_STATE.running);
  expect(new Set(running.map(({ slot }) => slot))).toEqual(new Set([1, 2, 3]));
  expect(running.length).toBe(3);
  return { timeline, messages: () => count };
}

const ARRIVALS: Readonly<Record<Fate, readonly number[]>> = {
  passes: [0],
  'is lost': [],
  'comes twice': [0, TWICE_US],
  'comes late': [LATE_US],
};

function join(party: PartyId, name: string): Input {
  const description = {
    hostname: name,
    nanoCpus: cpus(2.2),
    memoryBytes: mebibytes(4096),
    platform: { architecture: 'x86_64', os: 'linux' },
    engineLabels: {},
    address: '10.0.0.1',
    generic: {},
    pullBytesPerSecond: 1e9,
    pricePerHour: 0,
  };
  return {
    kind: 'join',
    party,
    name,
    key: name,
    offer: { description, labels: {}, zone: 'a', controlLatencyUs: HEADER.config.controlLatencyUs },
  };
}

describe('every fate of the first five messages', () => {
  const MESSAGES = 5;
  test.each(Object.keys(STAGES))('while %s', (stage) => {
    const counted = run(stage, () => [0]).messages();
    expect(counted).toBeGreaterThan(MESSAGES);
    for (let code = 0; code < FATES.length ** MESSAGES; code++) {
      const fates = Array.from({ length: MESSAGES }, (_, index) => FATES[Math.floor(code / FATES.length ** index) % FATES.length]!);
      try {
        run(stage, (index) => (index < MESSAGES ? ARRIVALS[fates[index]!] : [0]));
      } catch (error) {
        throw new Error(
          `while ${stage}: the first ${fates.map((fate, index) => `${index + 1} ${fate}`).join(', ')}: ${(error as Error).message}`,
          { cause: error },
        );
      }
    }
  });
});

describe('trouble after every single message', () => {
  const FROM: Readonly<Record<string, (party: PartyId) => readonly (readonly [readonly PartyId[], Fault])[]>> = {
    'a crash': (party) => [[[party], { fault: 'crash' }]],
    'a partition of what it sends': (party) => [[[party], cut([MANAGER])]],
    'a partition of what it is sent': (party) => [[[MANAGER], cut([party])]],
    'a partition both ways': (party) => [
      [[party], cut([MANAGER])],
      [[MANAGER], cut([party])],
    ],
  };
  const cut = (peers: readonly PartyId[]): Fault => ({ fault: 'link', peers, link: { ...HEALTHY_LINK, partitioned: true } });

  test.each(Object.keys(STAGES))('while %s', (stage) => {
    const messages = Math.min(24, run(stage, () => [0]).messages());
    for (let after = 0; after < messages; after++) {
      for (const [name, faults] of Object.entries(FROM)) {
        for (const party of NODES) for (const span of [1.5, 30]) strike({ stage, after, name, party, span, faults: faults(party) });
      }
    }
  });

  interface Strike {
    readonly stage: string;
    readonly after: number;
    readonly name: string;
    readonly party: PartyId;
    readonly span: number;
    readonly faults: readonly (readonly [readonly PartyId[], Fault])[];
  }

  function strike({ stage, after, name, party, span, faults }: Strike): void {
    let seq = 1000;
    try {
      run(stage, (index, timeline) => {
        if (index !== after) return [0];
        const inject = (at: number, parties: readonly PartyId[], fault: Fault): void =>
          timeline.inject(addressed({ seq: ++seq, at: timeUs(Math.floor(at)), input: { kind: 'fault', parties, label: name, fault } }));
        for (const [parties, fault] of faults) {
          inject(timeline.now + 1, parties, fault);
          inject(timeline.now + span * SECOND, parties, fault.fault === 'link' ? { ...fault, link: HEALTHY_LINK } : { fault: 'recover' });
        }
        return [0];
      });
    } catch (error) {
      throw new Error(`while ${stage}: ${name} of party ${party} for ${span} s after message ${after + 1}: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }
});
