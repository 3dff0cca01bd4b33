/** A store driven by hand, for tests of the API: plain Maps behind the interfaces that the real store has. */
import type {
  Bytes,
  ClusterEvent,
  DurationUs,
  Explain,
  NanoCpu,
  PartyId,
  ServiceMode,
  ServiceSpec,
  TaskSpec,
  TimeUs,
  Version,
} from '@paperfleet/core';
import { DEFAULT_RESTART, DEFAULT_STOP_GRACE_US, TASK_STATE } from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord, StackRecord, TaskRecord } from '../../store/records.ts';
import type { EventLogView, MetricsView, StoreView } from '../../store/view.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** 25 characters, different for every kind and number. */
const idOf = (kind: string, row: number): string => `${kind}${String(row).padStart(6, '0')}`.padEnd(25, 'x');

/** What a service of the hand-driven cluster runs: one container with an image and limits. */
export function handTaskSpec(image: string, amounts: { nanoCpus?: number; memoryBytes?: number } = {}): TaskSpec {
  const resources = {
    ...(amounts.nanoCpus === undefined ? {} : { nanoCpus: amounts.nanoCpus as NanoCpu }),
    ...(amounts.memoryBytes === undefined ? {} : { memoryBytes: amounts.memoryBytes as Bytes }),
  };
  return {
    containers: [{ name: 'main', image, stopGracePeriodUs: DEFAULT_STOP_GRACE_US, reservations: resources, limits: resources }],
    restart: DEFAULT_RESTART,
    placement: {},
    forceUpdate: 0,
  };
}

export class HandStore implements StoreView {
  readonly nodes: Map<string, NodeRecord> = new Map();
  readonly services: Map<string, ServiceRecord> = new Map();
  readonly tasks: Map<string, TaskRecord> = new Map();
  readonly stacks: Map<string, StackRecord> = new Map();
  readonly #listeners = new Set<(changes: readonly Change[]) => void>();
  #version = 0;
  readonly #rows = { node: 0, service: 0, task: 0 };
  readonly #ofService = new Map<string, Set<TaskRecord>>();
  readonly #ofNode = new Map<string, Set<TaskRecord>>();

  get version(): Version {
    return this.#version as Version;
  }

  watch(listener: (changes: readonly Change[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #commit(change: Change): void {
    this.#version++;
    for (const listener of this.#listeners) listener([change]);
  }

  findNode(reference: string): NodeRecord | undefined {
    return find(this.nodes, reference, ({ name }) => name);
  }
  findService(reference: string): ServiceRecord | undefined {
    return find(this.services, reference, ({ spec }) => spec.name);
  }
  findTask(reference: string): TaskRecord | undefined {
    const named = [...this.tasks.values()].findLast(({ serviceName, slot }) => `${serviceName}.${slot}` === reference);
    return named ?? find(this.tasks, reference, () => '');
  }
  tasksOfService(serviceId: string): readonly TaskRecord[] {
    return [...(this.#ofService.get(serviceId) ?? [])];
  }
  tasksOfNode(nodeId: string): readonly TaskRecord[] {
    return [...(this.#ofNode.get(nodeId) ?? [])];
  }

  addNode(name: string, fields: Partial<NodeRecord> = {}): NodeRecord {
    const row = this.#rows.node++;
    const record: NodeRecord = {
      row,
      id: idOf('n', row),
      name,
      key: `host/${row}`,
      zone: 'a',
      version: this.version,
      party: (16 + row) as PartyId,
      description: {
        hostname: name,
        nanoCpus: 4_000_000_000 as NanoCpu,
        memoryBytes: (8 * 2 ** 30) as Bytes,
        platform: { architecture: 'amd64', os: 'linux' },
        engineLabels: {},
        address: `10.0.0.${row}`,
        generic: {},
        pullBytesPerSecond: 100_000_000,
        pricePerHour: 0,
      },
      labels: { zone: 'a' },
      availability: 'active',
      role: 'worker',
      status: 'ready',
      statusMessage: '',
      statusAt: 0 as TimeUs,
      session: 1,
      lastHeartbeat: 0 as TimeUs,
      joinedAt: 0 as TimeUs,
      truth: 'up',
      ...fields,
    };
    this.nodes.set(record.id, record);
    this.#commit({ kind: 'node', op: 'create', record });
    return record;
  }
  updateNode(record: NodeRecord, fields: Partial<NodeRecord>): void {
    Object.assign(record, fields);
    this.#commit({ kind: 'node', op: 'update', record });
  }
  removeNode(record: NodeRecord): void {
    this.nodes.delete(record.id);
    this.#commit({ kind: 'node', op: 'remove', record });
  }

  addService(name: string, mode: ServiceMode, fields: Partial<ServiceRecord> = {}): ServiceRecord {
    const row = this.#rows.service++;
    const spec: ServiceSpec = {
      name,
      labels: {},
      mode,
      task: handTaskSpec('nginx:1.27', { nanoCpus: 250_000_000, memoryBytes: 64 * 2 ** 20 }),
    };
    const record: ServiceRecord = {
      row,
      id: idOf('s', row),
      version: this.version,
      spec,
      specVersion: 0 as Version,
      previousSpec: undefined,
      previousSpecVersion: 0 as Version,
      stack: '',
      createdAt: 0 as TimeUs,
      updatedAt: 0 as TimeUs,
      cause: 0,
      updateStatus: undefined,
      ports: [],
      jobIteration: 0,
      requestsPerSecond: 0,
      ...fields,
    };
    this.services.set(record.id, record);
    this.#commit({ kind: 'service', op: 'create', record });
    return record;
  }
  updateService(record: ServiceRecord, fields: Partial<ServiceRecord>): void {
    Object.assign(record, fields);
    this.#commit({ kind: 'service', op: 'update', record });
  }
  removeService(record: ServiceRecord): void {
    this.services.delete(record.id);
    this.#commit({ kind: 'service', op: 'remove', record });
  }

  addTask(service: ServiceRecord, slot: number, fields: Partial<TaskRecord> = {}): TaskRecord {
    const row = this.#rows.task++;
    const record: TaskRecord = {
      row,
      id: idOf('t', row),
      serviceId: service.id,
      slot,
      version: this.version,
      spec: service.spec.task,
      endpoint: service.spec.endpoint,
      global: service.spec.mode.kind === 'global',
      serviceName: service.spec.name,
      specVersion: service.specVersion,
      jobIteration: service.jobIteration,
      nodeId: '',
      desired: TASK_STATE.running,
      state: TASK_STATE.pending,
      message: 'pending task scheduling',
      error: '',
      exitCode: undefined,
      oomKilled: false,
      generic: undefined,
      stateAt: 0 as TimeUs,
      appliedAt: 0 as TimeUs,
      createdAt: 0 as TimeUs,
      cause: 0,
      explain: undefined,
      health: 0,
      ...fields,
    };
    this.tasks.set(record.id, record);
    enter(this.#ofService, record.serviceId, record);
    enter(this.#ofNode, record.nodeId, record);
    this.#commit({ kind: 'task', op: 'create', record, oldState: TASK_STATE.new, oldDesired: TASK_STATE.new, oldNodeId: '' });
    return record;
  }
  updateTask(
    record: TaskRecord,
    fields: Partial<Pick<TaskRecord, 'nodeId' | 'desired' | 'state' | 'stateAt' | 'error' | 'health' | 'explain' | 'message' | 'exitCode'>>,
  ): void {
    const { state: oldState, desired: oldDesired, nodeId: oldNodeId } = record;
    Object.assign(record as Mutable<TaskRecord>, fields);
    if (record.nodeId !== oldNodeId) {
      this.#ofNode.get(oldNodeId)?.delete(record);
      enter(this.#ofNode, record.nodeId, record);
    }
    this.#commit({ kind: 'task', op: 'update', record, oldState, oldDesired, oldNodeId });
  }
  removeTask(record: TaskRecord): void {
    this.tasks.delete(record.id);
    this.#ofService.get(record.serviceId)?.delete(record);
    this.#ofNode.get(record.nodeId)?.delete(record);
    this.#commit({ kind: 'task', op: 'remove', record, oldState: record.state, oldDesired: record.desired, oldNodeId: record.nodeId });
  }
}

function enter(index: Map<string, Set<TaskRecord>>, key: string, record: TaskRecord): void {
  const entries = index.get(key);
  if (entries === undefined) index.set(key, new Set([record]));
  else entries.add(record);
}

function find<T>(records: ReadonlyMap<string, T>, reference: string, nameOf: (record: T) => string): T | undefined {
  const exact = records.get(reference);
  if (exact !== undefined) return exact;
  if (reference === '') return undefined;
  for (const record of records.values()) if (nameOf(record) === reference) return record;
  const byPrefix = [...records].filter(([id]) => id.startsWith(reference));
  return byPrefix.length === 1 ? byPrefix[0]![1] : undefined;
}

/** An event log that keeps the newest `capacity` events. */
export class HandEvents implements EventLogView {
  readonly #events: ClusterEvent[] = [];
  readonly #listeners = new Set<(event: ClusterEvent) => void>();
  readonly #capacity: number;
  #lastId = 0;

  constructor(capacity = 10_000) {
    this.#capacity = capacity;
  }
  get lastId(): number {
    return this.#lastId;
  }
  get firstId(): number {
    return this.#events[0]?.id ?? this.#lastId + 1;
  }
  add(at: number, kind: string, explain: Explain, fields: Partial<ClusterEvent> = {}): ClusterEvent {
    const event: ClusterEvent = { id: ++this.#lastId, at: at as TimeUs, cause: 0, severity: 'info', kind, explain, ...fields };
    this.#events.push(event);
    if (this.#events.length > this.#capacity) this.#events.shift();
    for (const listener of this.#listeners) listener(event);
    return event;
  }
  newest(limit: number, before: number = Number.POSITIVE_INFINITY): readonly ClusterEvent[] {
    return this.#events.filter(({ id }) => id < before).slice(-limit);
  }
  get(id: number): ClusterEvent | undefined {
    return this.#events[id - this.firstId];
  }
  about(subject: string, limit: number): readonly ClusterEvent[] {
    const [kind, name] = [subject.slice(0, subject.indexOf(':')), subject.slice(subject.indexOf(':') + 1)];
    return this.#events.filter((event) => event[kind as 'task' | 'service' | 'node'] === name).slice(-limit);
  }
  watch(listener: (event: ClusterEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

type Usage = NonNullable<ReturnType<MetricsView['task']>>;
const NO_USAGE: Usage = { cpuNano: 0, memoryBytes: 0, throttledPermille: 0 };

/** Metrics that are what a test put in. */
export class HandMetrics implements MetricsView {
  readonly nodeCpuNano: Float64Array = new Float64Array(16_384);
  readonly nodeMemoryBytes: Float64Array = new Float64Array(16_384);
  readonly nodeAt: Float64Array = new Float64Array(16_384).fill(-1);
  readonly tasks: Map<string, Usage> = new Map();
  readonly services: Map<string, Usage> = new Map();
  readonly #store: HandStore;

  constructor(store: HandStore) {
    this.#store = store;
  }
  task(taskId: string): Usage | undefined {
    return this.tasks.get(taskId);
  }
  service(serviceId: string): Usage {
    return this.services.get(serviceId) ?? NO_USAGE;
  }
  range(subject: string, from: TimeUs, to: TimeUs, buckets: number): ReturnType<MetricsView['range']> {
    const id = subject.replace(/^(node|service):/, '');
    if (!this.#store.nodes.has(id) && !this.#store.services.has(id)) return undefined;
    const bucketUs = Math.max(1, Math.ceil((to - from) / buckets)) as DurationUs;
    const values = [1, null, 3];
    return { fromUs: from, bucketUs, series: [{ name: 'cpuNano', unit: 'nano-CPU', min: values, avg: values, max: values, last: values }] };
  }
}
