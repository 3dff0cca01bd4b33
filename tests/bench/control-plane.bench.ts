// P3 and P5: what the control plane itself costs, in the real timeline, without processes and sockets. CPU time.

import { performance } from 'node:perf_hooks';
import {
  cpus,
  type DurationUs,
  FIRST_NODE,
  MANAGER,
  mebibytes,
  type Party,
  partyId,
  type PartyFactory,
  type RunHeader,
  type ServiceSpec,
  Timeline,
  timeUs,
} from '@paperfleet/core';
import { createManager, type Manager } from '@paperfleet/scheduler';
import type { BenchResult } from './result.ts';

const NODES = 5_000;
const REPLICAS = 100_000;
/** The set-up of the placement benches: services of 50, every third with a constraint, all with reservations. */
const SERVICE_SIZE = 50;
const SECOND = 1_000_000;
const ZONES = 4;

const header: RunHeader = {
  format: 1,
  build: 'bench',
  run: 'bench',
  seed: 'bench',
  config: {
    controlLatencyUs: 100_000 as DurationUs,
    dataLatencyUs: 2_000 as DurationUs,
    zoneLatencyUs: 5_000 as DurationUs,
    heartbeatPeriodUs: 5_000_000 as DurationUs,
    heartbeatEpsilonUs: 500_000 as DurationUs,
    // The agents here never send heartbeats: nobody is to be missed while the bench runs.
    heartbeatGrace: 1_000,
    taskHistoryLimit: 5,
    statisticsIntervalUs: 1_000_000 as DurationUs,
    profile: 'swarm',
    startupScalePermille: 0,
    imageCacheBytes: 0 as never,
  },
};

/** An agent that registers and then only listens. */
const listener: PartyFactory = (ports, init): Party => {
  if (init.kind === 'node') ports.send(MANAGER, { type: 'register', attempt: 1, description: init.join.offer.description });
  return { onInput: () => undefined, onMessage: () => undefined, onTimer: () => undefined, save: () => undefined };
};

function fleet(): { timeline: Timeline; manager: Manager } {
  const timeline = new Timeline(header, { manager: createManager, node: listener });
  const manager = timeline.createManager() as Manager;
  for (let i = 0; i < NODES; i++) {
    const party = partyId(FIRST_NODE + i);
    const description = {
      hostname: `n${i}`,
      nanoCpus: cpus(64),
      memoryBytes: mebibytes(262_144),
      platform: { architecture: 'x86_64', os: 'linux' },
      engineLabels: {},
      address: '10.0.0.1',
      generic: {},
      pullBytesPerSecond: 1e9,
      pricePerHour: 0,
    };
    const zone = `z${i % ZONES}`;
    const offer = { description, labels: { zone }, zone, controlLatencyUs: header.config.controlLatencyUs };
    timeline.inject({
      seq: i + 1,
      at: timeUs(0),
      parties: [MANAGER, party],
      input: { kind: 'join', party, name: `n${i}`, key: `k${i}`, offer },
    });
  }
  timeline.runUntil(SECOND);
  return { timeline, manager };
}

function service(index: number, replicas: number): ServiceSpec {
  return {
    name: `s${index}`,
    labels: {},
    mode: { kind: 'replicated', replicas },
    task: {
      containers: [
        {
          name: 'main',
          image: 'app:1',
          stopGracePeriodUs: 10_000_000 as DurationUs,
          reservations: { nanoCpus: cpus(0.1), memoryBytes: mebibytes(64) },
          limits: {},
        },
      ],
      restart: { condition: 'any', delayUs: 5_000_000 as DurationUs, maxAttempts: 0, windowUs: 0 as DurationUs },
      placement: index % 3 === 0 ? { constraints: [`node.labels.zone==z${index % ZONES}`] } : {},
      forceUpdate: 0,
    },
  };
}

const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Decides, commits and events all replicas in one scheduling round. */
function batch(): BenchResult {
  const { timeline, manager } = fleet();
  let seq = NODES;
  const stack = { name: '', networks: [], volumes: [], secrets: [], configs: [] };
  const services = Array.from({ length: REPLICAS / SERVICE_SIZE }, (_, index) => service(index, SERVICE_SIZE));
  timeline.inject({
    seq: ++seq,
    at: timeUs(SECOND),
    parties: [MANAGER],
    input: { kind: 'command', key: '', by: '', command: { do: 'deploy', stack: { ...stack, services }, prune: false } },
  });
  timeline.runUntil(SECOND + 1);
  if (manager.store.tasks.size !== REPLICAS) throw new Error(`${manager.store.tasks.size} tasks were created`);
  const before = manager.events.lastId;
  // Everything up to the round's own instant has happened; the round is the only thing that is left in this span.
  const start = cpuMs();
  timeline.runUntil(SECOND + 50_001);
  const spent = cpuMs() - start;
  const placed = [...manager.store.tasks.values()].filter((task) => task.nodeId !== '').length;
  if (placed !== REPLICAS) throw new Error(`${placed} of ${REPLICAS} were placed`);
  if (manager.events.lastId - before !== REPLICAS) throw new Error('not every placement has its event');
  return {
    goal: 'P3',
    name: `replicas decided, committed, evented and sent, ${REPLICAS.toLocaleString('en')} on ${NODES.toLocaleString('en')} nodes`,
    value: REPLICAS / (spent / 1000),
    unit: 'replicas/s',
    target: 100_000,
    direction: 'min',
    note: 'CPU time of one scheduling round with its digest, events and assignment messages',
  };
}

/** One service after another on an idle fleet: from the command to the assignment on its way. */
function create(): BenchResult {
  const { timeline, manager } = fleet();
  const samples: number[] = [];
  let at = SECOND;
  for (let i = 0; i < 200; i++) {
    at += SECOND;
    timeline.runUntil(at);
    const events = timeline.events;
    timeline.inject({
      seq: NODES + i + 1,
      at: timeUs(at),
      parties: [MANAGER],
      input: { kind: 'command', key: '', by: '', command: { do: 'createService', spec: service(i, 1) } },
    });
    const start = performance.now();
    timeline.runUntil(at + 50_001);
    samples.push(performance.now() - start);
    if (timeline.events - events < 2) throw new Error('nothing happened');
  }
  const assigned = [...manager.store.tasks.values()].filter((task) => task.nodeId !== '').length;
  if (assigned !== 200) throw new Error(`${assigned} of 200 were placed`);
  const sorted = samples.toSorted((a, b) => a - b);
  return {
    goal: 'P5',
    name: `service created → assignment sent, p99, idle fleet of ${NODES.toLocaleString('en')} nodes`,
    value: sorted[197] ?? Number.POSITIVE_INFINITY,
    unit: 'ms',
    target: 100,
    direction: 'max',
    note: "time of the manager's own work; the simulated 50 ms of the scheduler's debounce pass at once",
  };
}

export async function run(): Promise<readonly BenchResult[]> {
  batch();
  return Promise.resolve([batch(), create()]);
}
