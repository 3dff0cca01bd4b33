// The simulated machines: what 1,000 nodes with 10 containers each cost per simulated second in the steady state, kernel
// included (statistics every second, heartbeats, demand changes), and the memory of a container's state.

import {
  cpus,
  DEFAULT_CONFIG,
  DEFAULT_RESTART,
  DEFAULT_STOP_GRACE_US,
  type TaskSpec,
  FIRST_NODE,
  mebibytes,
  type HostInput,
  MANAGER,
  type Message,
  type Party,
  type PartyFactory,
  type PartyId,
  type PartyPorts,
  type TimeUs,
  Timeline,
} from '@paperfleet/core';
import { createNodeAgent, viewNode } from '@paperfleet/node-agent';
import { median, timeOf } from './measure.ts';
import type { BenchResult } from './result.ts';

const NODES = 1000;
const CONTAINERS = 10;
const SECOND = 1_000_000;
const SPECS: readonly TaskSpec[] = ['nginx', 'redis', 'postgres', 'team/api', 'node'].map((image) => ({
  containers: [{ name: 'main', image, stopGracePeriodUs: DEFAULT_STOP_GRACE_US, reservations: {}, limits: { nanoCpus: cpus(0.5) } }],
  restart: DEFAULT_RESTART,
  placement: {},
  forceUpdate: 0,
}));

/** A manager that costs next to nothing: answers what must be answered, keeps nothing. */
class SilentManager implements Party {
  readonly #ports: PartyPorts;
  reports = 0;
  running = 0;

  constructor(ports: PartyPorts) {
    this.#ports = ports;
  }
  onInput(): void {}
  onTimer(): void {}
  save(): unknown {
    return null;
  }
  onMessage(from: PartyId, _sentAt: TimeUs, message: Message): void {
    switch (message.type) {
      case 'register':
        this.#ports.send(from, { type: 'registered', attempt: message.attempt, session: 1, periodUs: DEFAULT_CONFIG.heartbeatPeriodUs });
        this.#ports.send(from, assignmentsOf(from));
        break;
      case 'heartbeat':
        this.#ports.send(from, { type: 'heartbeatAck', session: 1, periodUs: DEFAULT_CONFIG.heartbeatPeriodUs, resultsIn: 1 });
        break;
      case 'status':
        for (const update of message.updates) if (update.message === 'started') this.running++;
        this.#ports.send(from, { type: 'statusAck', session: 1, batch: message.batch });
        break;
      case 'statistics':
        this.reports += message.statistics.count;
        break;
      default:
        break;
    }
  }
}

function assignmentsOf(node: PartyId): Message {
  const update = Array.from({ length: CONTAINERS }, (_, index) => ({
    id: `task${String(node).padStart(8, '0')}${String(index).padStart(12, '0')}`,
    serviceId: `service${index % SPECS.length}`,
    serviceName: `service${index % SPECS.length}`,
    slot: node * CONTAINERS + index,
    desired: 512 as const,
    spec: index % SPECS.length,
  }));
  const loads = SPECS.map((_, index) => [`service${index}`, 5000] as const);
  return { type: 'assignments', session: 1, full: true, appliesTo: 0, resultsIn: 1, specs: SPECS, update, remove: [], loads };
}

function joins(): HostInput[] {
  return Array.from({ length: NODES }, (_, index): HostInput => {
    const party = (FIRST_NODE + index) as PartyId;
    const description = {
      hostname: `n${index + 1}`,
      nanoCpus: cpus(8),
      memoryBytes: mebibytes(32 * 1024),
      platform: { architecture: 'x86_64', os: 'linux' },
      engineLabels: {},
      address: '10.0.0.1',
      generic: {},
      pullBytesPerSecond: 100_000_000,
      pricePerHour: 0,
    };
    const offer = { description, labels: {}, zone: 'a', controlLatencyUs: DEFAULT_CONFIG.controlLatencyUs };
    return {
      seq: index + 1,
      at: 0 as TimeUs,
      parties: [party],
      input: { kind: 'join', party, name: `n${index + 1}`, key: `bench/${index}`, offer },
    };
  });
}

const heapBytes = (): number => {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

export async function run(): Promise<BenchResult[]> {
  let manager: SilentManager | undefined;
  const managerFactory: PartyFactory = (ports) => (manager = new SilentManager(ports));
  const header = { format: 1, build: 'bench', run: 'bench', seed: 'bench', config: DEFAULT_CONFIG } as const;
  const timeline = new Timeline(header, { manager: managerFactory, node: createNodeAgent });
  const before = heapBytes();
  timeline.createManager();
  for (const input of joins()) timeline.inject(input);
  timeline.runUntil(0.19 * SECOND); // all have registered, nothing is assigned
  const idle = heapBytes();
  let at = 60;
  timeline.runUntil(at * SECOND);
  if (manager!.running !== NODES * CONTAINERS) throw new Error(`${manager!.running} of ${NODES * CONTAINERS} containers run`);
  const loaded = heapBytes();
  let columns = 0;
  for (const party of timeline.parties()) if (party !== MANAGER) columns += viewNode(timeline.party(party)!).columnBytes;

  const perNodeSecond: number[] = [];
  const reportsBefore = manager!.reports;
  const eventsBefore = timeline.events;
  const rounds = 7;
  for (let round = 0; round < rounds; round++) {
    const { cpuNs } = timeOf(() => timeline.runUntil((at += 10) * SECOND));
    perNodeSecond.push(cpuNs / (10 * NODES));
  }
  const reports = manager!.reports - reportsBefore;
  if (reports !== rounds * 10 * NODES * CONTAINERS) throw new Error(`${reports} container reports in ${rounds * 10} s`);
  const events = timeline.events - eventsBefore;
  const containers = NODES * CONTAINERS;
  const note = `kernel and messages included; ${(events / (rounds * 10 * NODES)).toFixed(2)} events per node and second`;
  return [
    {
      goal: '–',
      name: 'node, 10 containers, one simulated second, steady',
      value: median(perNodeSecond) / 1000,
      unit: 'µs',
      target: 20,
      direction: 'max',
      note,
    },
    {
      goal: 'P14',
      name: 'container state in typed arrays',
      value: columns / containers,
      unit: 'B',
      target: 300,
      direction: 'max',
      note: 'capacity, not use',
    },
    {
      goal: '–',
      name: 'container in memory, all told',
      value: (loaded - idle) / containers,
      unit: 'B',
      target: 1500,
      direction: 'max',
      note: 'with its task, timers and pending messages',
    },
    {
      goal: '–',
      name: 'idle node in memory',
      value: (idle - before) / NODES,
      unit: 'B',
      target: 12_000,
      direction: 'max',
      note: 'with its random streams, links and timers',
    },
  ];
}
