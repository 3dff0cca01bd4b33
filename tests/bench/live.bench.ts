// The live cluster over WebSockets at its largest: the manager in this process, 5,000 agents in two agent host processes.
// CPU figures are of the manager's thread; wall figures count on two free cores.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_CONFIG, MemoryJournal, type RunHeader, type ServiceSpec, TASK_STATE, Timeline, type TimeUs } from '@paperfleet/core';
import { buildId, FACTORIES, loadCompose, spawnSelf } from '@paperfleet/lab';
import { Conductor, HostEndpoint } from '@paperfleet/scheduler';
import { cpuNs } from './measure.ts';
import type { BenchResult } from './result.ts';

const AGENTS = 5_000;
const HOSTS = 2;
const STORM = 100_000;
const PER_NODE = 50;
const STEADY_SECONDS = 15;
const TOKEN = 'bench';

interface Live {
  readonly conductor: Conductor;
  readonly endpoint: HostEndpoint;
  close(): Promise<void>;
}

async function start(): Promise<Live> {
  const header: RunHeader = {
    format: 1,
    build: buildId(),
    run: 'bench',
    seed: 'bench',
    config: { ...DEFAULT_CONFIG, startupScalePermille: 0 },
  };
  const timeline = new Timeline(header, FACTORIES);
  timeline.createManager();
  const trouble: string[] = [];
  const log = (event: string, detail: Record<string, unknown>): void => {
    if (event !== 'host.attached') trouble.push(`${event} ${JSON.stringify(detail)}`);
  };
  const conductor = new Conductor({
    name: 'bench',
    header,
    timeline,
    journal: new MemoryJournal(),
    inputs: [],
    at: 0 as TimeUs,
    speed: 0,
    paused: false,
    log,
  });
  const endpoint = new HostEndpoint({ conductor, token: TOKEN, build: header.build, resumeMs: 30_000, log });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => endpoint.handleUpgrade(request, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const children = Array.from({ length: HOSTS }, (_, index) =>
    spawnSelf(
      [
        'agent',
        '--join',
        url,
        '--name',
        `h${index}`,
        '--nodes',
        String(AGENTS / HOSTS),
        '--cpu',
        '32',
        '--memory',
        '64GiB',
        '--quiet',
        '--with-parent',
      ],
      { PAPERFLEET_JOIN_TOKEN: TOKEN },
    ),
  );
  return {
    conductor,
    endpoint,
    close: async () => {
      endpoint.close();
      for (const child of children) child.kill();
      await conductor.stop();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      if (trouble.some((line) => line.startsWith('frame.refused') || line.startsWith('host.lost'))) throw new Error(trouble.join('\n'));
    },
  };
}

/** The spec of a service of many small replicas. */
function service(replicas: number, name: string): ServiceSpec {
  const text = `services:\n  ${name}:\n    image: nginx:1.29-alpine\n    deploy:\n      replicas: ${replicas}\n      resources: { reservations: { cpus: "0.1", memory: 64M } }\n`;
  const loaded = loadCompose({
    files: [{ path: 'bench.yml', text }],
    env: {},
    profiles: [],
    projectName: 'bench',
    readFile: () => undefined,
  });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  return loaded.stack.services[0]!;
}

const readyNodes = ({ manager }: Conductor): number => [...manager.store.nodes.values()].filter(({ status }) => status === 'ready').length;

/** Counts running tasks without walking over all of them at every window. */
function runningCounter({ manager }: Conductor): () => number {
  let running = 0;
  manager.store.watch((changes) => {
    for (const change of changes) {
      if (change.kind !== 'task') continue;
      if (change.op !== 'create' && change.oldState === TASK_STATE.running) running--;
      if (change.op !== 'remove' && change.record.state === TASK_STATE.running) running++;
    }
  });
  return () => running;
}

/** Runs windows until it is so; wall and CPU time of the manager. */
async function runUntilSo(conductor: Conductor, so: () => boolean, what: string): Promise<{ wallS: number; cpuS: number }> {
  const wall = performance.now();
  const cpu = cpuNs();
  while (!so()) {
    if (performance.now() - wall > 180_000) throw new Error(`not within 180 s: ${what}`);
    await conductor.runUntil((conductor.at + 100_000) as TimeUs);
  }
  return { wallS: (performance.now() - wall) / 1000, cpuS: (cpuNs() - cpu) / 1e9 };
}

const rssMb = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().rss / 2 ** 20;
};

export async function run(): Promise<BenchResult[]> {
  const live = await start();
  const { conductor } = live;
  const results: BenchResult[] = [];
  try {
    const idleMb = rssMb();
    // From the first host's hello on: the time that the processes take to start is not the manager's.
    const deadline = performance.now() + 60_000;
    while (live.endpoint.greeted === 0) {
      if (performance.now() > deadline) throw new Error('no agent host said hello within 60 s');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const connect = performance.now();
    await conductor.waitForHosts(HOSTS, 60_000);
    const joined = await runUntilSo(conductor, () => readyNodes(conductor) === AGENTS, 'all nodes ready');
    const connectS = (performance.now() - connect) / 1000;
    results.push({
      goal: 'P13',
      name: '5,000 agents connected and registered',
      value: connectS,
      unit: 's',
      target: 3,
      direction: 'max',
      note: `wall, registering alone ${joined.wallS.toFixed(1)} s`,
    });
    const perAgent = ((rssMb() - idleMb) * 1024) / AGENTS;
    results.push({
      goal: 'P14',
      name: 'manager memory per agent',
      value: perAgent,
      unit: 'KiB',
      target: 40,
      direction: 'max',
      note: 'RSS, 5,000 agents registered',
    });

    const running = runningCounter(conductor);
    const submitted = conductor.submitInput({
      kind: 'command',
      key: '',
      by: 'bench',
      command: { do: 'createService', spec: service(STORM, 'storm') },
    });
    const storm = await runUntilSo(conductor, () => running() === STORM, 'all replicas running');
    await submitted;
    results.push({
      goal: 'P4',
      name: '100,000 replicas reported running by 5,000 agents',
      value: storm.wallS,
      unit: 's',
      target: 5,
      direction: 'max',
      note: `wall; manager ${storm.cpuS.toFixed(1)} s CPU`,
    });

    const more = conductor.submitInput({
      kind: 'command',
      key: '',
      by: 'bench',
      command: { do: 'createService', spec: service(150_000 - STORM, 'more') },
    });
    await runUntilSo(conductor, () => running() === 150_000, '150,000 replicas running');
    await more;
    results.push({
      goal: 'P14',
      name: 'manager, 5,000 nodes and 150,000 tasks live',
      value: rssMb(),
      unit: 'MB',
      target: 500,
      direction: 'max',
      note: 'RSS, history of metrics included',
    });

    const full = conductor.submitInput({
      kind: 'command',
      key: '',
      by: 'bench',
      command: { do: 'createService', spec: service(AGENTS * PER_NODE - 150_000, 'full') },
    });
    await runUntilSo(conductor, () => running() === AGENTS * PER_NODE, 'all nodes full');
    await full;
    await conductor.runUntil((conductor.at + 10_000_000) as TimeUs);
    const cpu = cpuNs();
    const from = conductor.at;
    await conductor.runUntil((from + STEADY_SECONDS * 1_000_000) as TimeUs);
    const perSecond = (cpuNs() - cpu) / 1e9 / STEADY_SECONDS;
    results.push(
      {
        goal: 'P11',
        name: '5,000 agents × 50 containers at 1 Hz: manager',
        value: 100 * perSecond,
        unit: '% of a core',
        target: 15,
        direction: 'max',
        note: 'CPU per simulated second; heartbeats, windows and history included',
      },
      {
        goal: 'P12',
        name: 'reports of 50 containers, received and stored',
        value: AGENTS / perSecond,
        unit: 'reports/s',
        target: 45_000,
        direction: 'min',
        note: 'per CPU second of the manager',
      },
    );
  } finally {
    await live.close();
  }
  return results;
}
