/** A control plane under test: the real manager in the real timeline, with probes for agents, and short words for specs. */
import {
  bytes,
  type ClusterConfig,
  type Command,
  type ContainerSpec,
  cpus,
  type DurationUs,
  FIRST_NODE,
  type Input,
  MANAGER,
  mebibytes,
  type NodeOffer,
  type PartyId,
  partyId,
  type RunHeader,
  type ServiceMode,
  type ServiceSpec,
  type TaskSpec,
  TASK_STATE,
  type TaskStateName,
  taskStateName,
  Timeline,
  type TimeUs,
  timeUs,
  type Version,
} from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord, TaskRecord } from '../../store/records.ts';
import { type NodeInit, Store, type TaskInit, type Transaction } from '../../store/store.ts';
import { createManager, type Manager } from '../manager.ts';
import { type ProbeAgent, probeFactory, type ProbeOptions } from './probe-agent.ts';

export const SECOND = 1_000_000;
export const MS = 1_000;

export const TEST_CONFIG: ClusterConfig = {
  controlLatencyUs: (10 * MS) as DurationUs,
  dataLatencyUs: (2 * MS) as DurationUs,
  zoneLatencyUs: (5 * MS) as DurationUs,
  heartbeatPeriodUs: (5 * SECOND) as DurationUs,
  heartbeatEpsilonUs: (500 * MS) as DurationUs,
  heartbeatGrace: 3,
  taskHistoryLimit: 5,
  statisticsIntervalUs: SECOND as DurationUs,
  profile: 'swarm',
  startupScalePermille: 1000,
  imageCacheBytes: bytes(2 ** 34),
};

/** Specs in short: everything that is not said has SwarmKit's default, but no restart delay. */
export interface SpecOptions {
  readonly name?: string;
  readonly replicas?: number;
  readonly mode?: ServiceMode;
  readonly image?: string;
  readonly constraints?: readonly string[];
  readonly maxReplicas?: number;
  readonly container?: Partial<ContainerSpec>;
  readonly restart?: Partial<TaskSpec['restart']>;
  readonly update?: ServiceSpec['update'];
  readonly rollback?: ServiceSpec['rollback'];
  readonly forceUpdate?: number;
  readonly endpoint?: ServiceSpec['endpoint'];
  readonly labels?: ServiceSpec['labels'];
}

export function spec(options: SpecOptions = {}): ServiceSpec {
  const container: ContainerSpec = {
    name: 'main',
    image: options.image ?? 'v:1',
    stopGracePeriodUs: (10 * SECOND) as DurationUs,
    reservations: {},
    limits: {},
    ...options.container,
  };
  return {
    name: options.name ?? 'web',
    labels: options.labels ?? {},
    mode: options.mode ?? { kind: 'replicated', replicas: options.replicas ?? 1 },
    task: {
      containers: [container],
      restart: { condition: 'any', delayUs: 0 as DurationUs, maxAttempts: 0, windowUs: 0 as DurationUs, ...options.restart },
      placement: {
        ...(options.constraints === undefined ? {} : { constraints: options.constraints }),
        ...(options.maxReplicas === undefined ? {} : { maxReplicasPerNode: options.maxReplicas }),
      },
      forceUpdate: options.forceUpdate ?? 0,
    },
    ...(options.update === undefined ? {} : { update: options.update }),
    ...(options.rollback === undefined ? {} : { rollback: options.rollback }),
    ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
  };
}

export const GLOBAL: ServiceMode = { kind: 'global' };

export function offer(name: string, more: Partial<NodeOffer['description']> & { readonly labels?: NodeOffer['labels'] } = {}): NodeOffer {
  const { labels, ...description } = more;
  return {
    description: {
      hostname: name,
      nanoCpus: cpus(8),
      memoryBytes: mebibytes(16_384),
      platform: { architecture: 'x86_64', os: 'linux' },
      engineLabels: {},
      address: '10.0.0.1',
      generic: {},
      pullBytesPerSecond: 1e8,
      pricePerHour: 0,
      ...description,
    },
    labels: labels ?? {},
    zone: 'a',
    controlLatencyUs: TEST_CONFIG.controlLatencyUs,
  };
}

export interface FixtureOptions extends Partial<ProbeOptions> {
  readonly seed?: string;
  readonly config?: Partial<ClusterConfig>;
  /** Fills the store before the manager starts over it as a new leader. */
  readonly stored?: (stored: StoredBuilder) => void;
}

export class Fixture {
  readonly timeline: Timeline;
  readonly changes: Change[] = [];
  /** Desired and observed state of each change of a task, in order: `ID created ready/new`, `ID running/pending`, … */
  readonly log: { readonly id: string; readonly op: Change['op']; readonly desired: TaskStateName; readonly state: TaskStateName }[] = [];
  #now = 0;
  #seq = 0;
  #parties = 0;

  constructor(options: FixtureOptions = {}) {
    const config = { ...TEST_CONFIG, ...options.config };
    const header: RunHeader = { format: 1, build: 'test', run: 'test', seed: options.seed ?? 'seed', config };
    const probes: ProbeOptions = {
      obedient: options.obedient ?? false,
      startUs: options.startUs ?? 50 * MS,
      stopUs: options.stopUs ?? 50 * MS,
    };
    const { stored } = options;
    this.timeline = new Timeline(header, {
      manager: (ports, init, saved) => {
        const store = stored === undefined ? undefined : new StoredBuilder();
        if (store !== undefined) stored?.(store);
        return createManager(ports, init, saved ?? (store === undefined ? undefined : { format: 1, store: store.store.save() }));
      },
      node: probeFactory(probes),
    });
    this.timeline.createManager();
    this.watch();
  }

  /** Notes changes from now on; called anew after a restore. */
  watch(): void {
    this.manager.store.watch((changes) => {
      this.changes.push(...changes);
      for (const change of changes) {
        if (change.kind !== 'task') continue;
        const { id, desired, state } = change.record;
        this.log.push({ id, op: change.op, desired: taskStateName(desired), state: taskStateName(state) });
      }
    });
  }

  get manager(): Manager {
    return this.timeline.party(MANAGER) as Manager;
  }
  get store(): Store {
    return this.manager.store;
  }
  get now(): TimeUs {
    return timeUs(this.#now);
  }

  /** Lets time pass. */
  run(microseconds: number): this {
    this.#now += microseconds;
    this.timeline.runUntil(this.#now);
    return this;
  }

  input(input: Input, parties: readonly PartyId[] = [MANAGER]): void {
    this.timeline.inject({ seq: ++this.#seq, at: timeUs(this.#now), parties, input });
    this.run(1);
  }

  command(command: Command, key = '', by = 'test'): void {
    this.input({ kind: 'command', key, by, command });
  }

  create(options: SpecOptions = {}): ServiceRecord {
    const wanted = spec(options);
    this.command({ do: 'createService', spec: wanted });
    return this.service(wanted.name);
  }

  update(name: string, options: SpecOptions): void {
    this.command({ do: 'updateService', service: name, spec: spec({ name, ...options }) });
  }

  service(name: string): ServiceRecord {
    const service = this.store.findService(name);
    if (service === undefined) throw new Error(`no service ${name}`);
    return service;
  }

  /** Joins a node with a probe; `key` is its name unless given. */
  join(name: string, more: Parameters<typeof offer>[1] & { readonly key?: string } = {}): NodeRecord {
    const { key, ...description } = more;
    const party = partyId(FIRST_NODE + this.#parties++);
    this.input({ kind: 'join', party, name, key: key ?? name, offer: offer(name, description) }, [MANAGER, party]);
    return this.node(name);
  }

  node(name: string): NodeRecord {
    const node = this.store.findNode(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  probe(name: string): ProbeAgent {
    return this.timeline.party(this.node(name).party) as ProbeAgent;
  }

  /** A node without an agent, as SwarmKit's own tests make them: ready unless said otherwise. */
  addNode(name: string, more: Partial<NodeInit> = {}): NodeRecord {
    return this.manager.transact((tx) => tx.createNode(nodeInit(name, more)));
  }

  writeNode(name: string, write: (node: NodeRecord) => void): void {
    this.manager.transact((tx) => write(tx.writeNode(this.node(name))));
  }

  /** All tasks of a service, in order of creation. */
  tasks(service = 'web'): readonly TaskRecord[] {
    return [...this.store.tasks.values()].filter((task) => task.serviceName === service);
  }

  /** Tasks wanted to run (or to be ready to). */
  wanted(service = 'web'): readonly TaskRecord[] {
    return this.tasks(service).filter((task) => task.desired <= TASK_STATE.running);
  }

  /** The wanted task of a slot. */
  slot(slot: number, service = 'web'): TaskRecord {
    const task = this.wanted(service).find((candidate) => candidate.slot === slot);
    if (task === undefined) throw new Error(`no wanted task in slot ${slot}`);
    return task;
  }

  /** Writes what an agent would have reported. */
  observe(task: TaskRecord, state: TaskStateName, more: Partial<Pick<TaskRecord, 'error' | 'exitCode'>> = {}): void {
    this.manager.transact((tx) => {
      const record = tx.writeTask(task);
      record.state = TASK_STATE[state];
      record.stateAt = this.timeline.now;
      record.appliedAt = this.timeline.now;
      Object.assign(record, more);
    });
  }

  /** Runs all wanted tasks of a service. */
  runAll(service = 'web'): void {
    for (const task of this.wanted(service)) if (task.state < TASK_STATE.running) this.observe(task, 'running');
  }

  /** A task in short: `slot desired/state`. */
  shape(service = 'web'): readonly string[] {
    return this.tasks(service).map((task) => `${task.slot} ${taskStateName(task.desired)}/${taskStateName(task.state)}`);
  }
}

export function nodeInit(name: string, more: Partial<NodeInit> = {}): NodeInit {
  const { description, labels, zone } = offer(name);
  return {
    id: `node-${name}`,
    name,
    key: name,
    zone,
    party: partyId(1000),
    description,
    labels,
    availability: 'active',
    role: 'worker',
    status: 'ready',
    statusMessage: '',
    statusAt: timeUs(0),
    session: 0,
    lastHeartbeat: timeUs(0),
    joinedAt: timeUs(0),
    truth: 'up',
    ...more,
  };
}

/** Builds what a store holds before a new leader starts over it. */
export class StoredBuilder {
  readonly store: Store = new Store();
  #tasks = 0;

  #commit<T>(work: (tx: Transaction) => T): T {
    return this.store.commit(work);
  }

  node(name: string, more: Partial<NodeInit> = {}): NodeRecord {
    return this.#commit((tx) => tx.createNode(nodeInit(name, more)));
  }

  service(options: SpecOptions = {}, specVersion = 0): ServiceRecord {
    const wanted = spec(options);
    return this.#commit((tx) =>
      tx.createService({
        id: `service-${wanted.name}`,
        spec: wanted,
        specVersion: specVersion as Version,
        previousSpec: undefined,
        previousSpecVersion: 0 as Version,
        stack: '',
        createdAt: timeUs(0),
        updatedAt: timeUs(0),
        cause: 0,
        updateStatus: undefined,
        ports: wanted.endpoint?.ports ?? [],
        jobIteration: 0,
        requestsPerSecond: 0,
      }),
    );
  }

  task(service: ServiceRecord | undefined, desired: TaskStateName, state: TaskStateName, more: Partial<TaskInit> = {}): TaskRecord {
    return this.#commit((tx) => tx.createTask(taskInit(`task-${++this.#tasks}`, service, desired, state, more)));
  }

  removeService(service: ServiceRecord): void {
    this.#commit((tx) => tx.removeService(service));
  }
}

export function taskInit(
  id: string,
  service: ServiceRecord | undefined,
  desired: TaskStateName,
  state: TaskStateName,
  more: Partial<TaskInit> = {},
): TaskInit {
  const wanted = service?.spec ?? spec();
  return {
    id,
    serviceId: service?.id ?? '',
    slot: wanted.mode.kind === 'global' ? 0 : 1,
    spec: wanted.task,
    endpoint: wanted.endpoint,
    global: wanted.mode.kind === 'global',
    serviceName: service?.spec.name ?? '',
    specVersion: service?.specVersion ?? (0 as Version),
    jobIteration: 0,
    nodeId: '',
    desired: TASK_STATE[desired],
    state: TASK_STATE[state],
    message: '',
    error: '',
    exitCode: undefined,
    oomKilled: false,
    generic: undefined,
    stateAt: timeUs(0),
    appliedAt: timeUs(0),
    createdAt: timeUs(0),
    cause: 0,
    explain: undefined,
    health: 0,
    ...more,
  };
}
