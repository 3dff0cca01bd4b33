/** A run of one or a few nodes with a scripted manager, for tests and benches. */
import {
  bytes,
  type ClusterConfig,
  type ContainerSpec,
  cpus,
  DEFAULT_RESTART,
  DEFAULT_STOP_GRACE_US,
  digestText,
  type DurationUs,
  durationUs,
  type Fault,
  FIRST_NODE,
  type HostInput,
  MANAGER,
  mebibytes,
  type NodeDescription,
  type PartyId,
  partyId,
  parseState,
  type RunHeader,
  stringifyState,
  type TaskSpec,
  type TaskStatus,
  type TimeUs,
  Timeline,
} from '@paperfleet/core';
import { createNodeAgent, type NodeAgentView, viewNode } from '../node-agent.ts';
import { type ScriptedManager, scriptedManagers, type Step } from './scripted-manager.ts';

export const SECOND = 1_000_000;
export const NODE: PartyId = FIRST_NODE;

export const TEST_CONFIG: ClusterConfig = {
  controlLatencyUs: durationUs(100_000),
  dataLatencyUs: durationUs(2_000),
  zoneLatencyUs: durationUs(5_000),
  heartbeatPeriodUs: durationUs(5_000_000),
  heartbeatEpsilonUs: durationUs(500_000),
  heartbeatGrace: 3,
  taskHistoryLimit: 5,
  statisticsIntervalUs: durationUs(1_000_000),
  profile: 'swarm',
  startupScalePermille: 1000,
  imageCacheBytes: bytes(20e9),
};

const DESCRIPTION: NodeDescription = {
  hostname: 'n1',
  nanoCpus: cpus(4),
  memoryBytes: mebibytes(8192),
  platform: { architecture: 'x86_64', os: 'linux' },
  engineLabels: {},
  address: '10.0.0.1',
  generic: {},
  pullBytesPerSecond: 50_000_000,
  pricePerHour: 0,
};

/** A container's spec with what matters here. */
export function container(image: string, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
  return { name: 'main', image, stopGracePeriodUs: DEFAULT_STOP_GRACE_US, reservations: {}, limits: {}, ...overrides };
}

/** A task's spec of these containers. */
export function taskOf(...containers: readonly ContainerSpec[]): TaskSpec {
  return { containers, restart: DEFAULT_RESTART, placement: {}, forceUpdate: 0 };
}

export interface WorldOptions {
  readonly script?: readonly Step[];
  readonly specs?: readonly TaskSpec[];
  readonly config?: Partial<ClusterConfig>;
  readonly description?: Partial<NodeDescription>;
  /** Faults of the first node: [instant, fault]. */
  readonly faults?: readonly (readonly [number, Fault])[];
  /** Faults of the manager's side of the links. */
  readonly managerFaults?: readonly (readonly [number, Fault])[];
  readonly nodes?: number;
  readonly seed?: string;
}

export class World {
  readonly #manager: ReturnType<typeof scriptedManagers>;
  readonly #header: RunHeader;
  timeline: Timeline;
  #until = 0;

  constructor(options: WorldOptions) {
    this.#manager = scriptedManagers(options.script ?? [], options.specs ?? []);
    this.#header = { format: 1, build: 'test', run: 'test', seed: options.seed ?? 'seed', config: { ...TEST_CONFIG, ...options.config } };
    this.timeline = this.#make();
    this.timeline.createManager();
    for (const input of inputsOf(options)) this.timeline.inject(input);
  }

  get manager(): ScriptedManager {
    return this.#manager.made();
  }

  /** Runs up to and including this instant, µs. */
  run(until: number): this {
    this.#until = until;
    this.timeline.runUntil(until + 1);
    return this;
  }

  /** Saves everything, through text, and goes on with what that gives back. */
  reload(): this {
    const text = stringifyState(this.timeline.save(this.#until as TimeUs));
    const saved = parseState(text);
    if (!saved.ok) throw new Error(saved.reason);
    this.timeline = this.#make();
    this.timeline.restore(saved.value as Parameters<Timeline['restore']>[0]);
    return this;
  }

  node(party: PartyId = NODE): NodeAgentView {
    return viewNode(this.timeline.party(party)!);
  }

  /** What the manager knows of a task. */
  status(task: string, party: PartyId = NODE): TaskStatus | undefined {
    return this.manager.book(party).statuses[task];
  }

  /** What the manager heard of a task, state by state. */
  log(task: string): readonly string[] {
    return this.manager
      .book(NODE)
      .log.filter((line) => line.startsWith(`${task} `))
      .map((line) => line.slice(task.length + 1));
  }

  digest(): string {
    return digestText(this.timeline.digest());
  }

  /** Everything there is, as text. */
  state(): string {
    return stringifyState(this.timeline.save(this.#until as TimeUs));
  }

  #make(): Timeline {
    return new Timeline(this.#header, { manager: this.#manager.factory, node: createNodeAgent });
  }
}

function inputsOf(options: WorldOptions): HostInput[] {
  const nodes = Array.from({ length: options.nodes ?? 1 }, (_, index) => partyId(FIRST_NODE + index));
  let seq = 0;
  const inputs: HostInput[] = nodes.map((party, index) => ({
    seq: ++seq,
    at: 0 as TimeUs,
    parties: [MANAGER, party],
    input: {
      kind: 'join',
      party,
      name: `n${index + 1}`,
      key: `test/${index}`,
      offer: { description: { ...DESCRIPTION, ...options.description }, labels: {}, zone: 'a', controlLatencyUs: 100_000 as DurationUs },
    },
  }));
  const fault = (at: number, party: PartyId, what: Fault): HostInput => ({
    seq: ++seq,
    at: at as TimeUs,
    parties: [party],
    input: { kind: 'fault', parties: [party], label: what.fault, fault: what },
  });
  for (const [at, what] of options.faults ?? []) inputs.push(fault(at, NODE, what));
  for (const [at, what] of options.managerFaults ?? []) inputs.push(fault(at, MANAGER, what));
  return inputs;
}
