/**
 * The versioned store of the control plane. Every write happens inside `commit`; the change list of a commit goes to the
 * watchers once, at its end, synchronously and in the order in which they subscribed. A watcher notes what it has to
 * look at and acts in a commit of its own later.
 *
 * One sequence numbers all writes: an object's `version` is the number of its last write, so a plan made from a version
 * can tell whether its object has changed since. Cost of a write: O(1); of a commit: O(objects written).
 */
import { assert, type TaskState, TASK_STATE, type TimeUs, type Version } from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord, StackRecord, TaskRecord } from './records.ts';
import { restoreRecords, type SavedStore, saveRecords } from './saved-store.ts';
import { type InstanceKey, instanceKey, TaskIndex } from './task-index.ts';
import type { StoreView } from './view.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
export type NodeInit = Omit<NodeRecord, 'row' | 'version'>;
export type ServiceInit = Omit<ServiceRecord, 'row' | 'version'>;
export type TaskInit = Omit<TaskRecord, 'row' | 'version'>;
type Listener = (changes: readonly Change[]) => void;

/** What may be written inside a commit. Valid only there. */
export interface Transaction {
  createNode(init: NodeInit): NodeRecord;
  createService(init: ServiceInit): ServiceRecord;
  createTask(init: TaskInit): TaskRecord;
  /** Announces a write and gives the record to be written to now. `nodeId` of a task is set by `assign` alone. */
  writeNode(record: NodeRecord): NodeRecord;
  writeService(record: ServiceRecord): ServiceRecord;
  writeTask(record: TaskRecord): TaskRecord;
  /**
   * Writes a task only when it is still what a plan was made from. False when it was written or removed since: the
   * caller then drops that row of its plan and looks again.
   */
  writeTaskAt(record: TaskRecord, version: Version): boolean;
  assign(record: TaskRecord, nodeId: string): void;
  removeNode(record: NodeRecord): void;
  removeService(record: ServiceRecord): void;
  removeTask(record: TaskRecord): void;
  putStack(stack: Omit<StackRecord, 'version'>): StackRecord;
  removeStack(name: string): void;
}

type TaskChange = Writable<Extract<Change, { kind: 'task' }>>;
type OtherChange = Writable<Exclude<Change, { kind: 'task' }>>;

export class Store implements StoreView {
  readonly nodes: Map<string, NodeRecord> = new Map();
  readonly services: Map<string, ServiceRecord> = new Map();
  readonly tasks: Map<string, TaskRecord> = new Map();
  readonly stacks: Map<string, StackRecord> = new Map();
  readonly #index = new TaskIndex();
  readonly #serviceByName = new Map<string, ServiceRecord>();
  readonly #nodeByKey = new Map<string, NodeRecord>();
  readonly #nodeByRow: (NodeRecord | undefined)[] = [];
  /** The manager's own parts, then everybody else. */
  readonly #parts: Listener[] = [];
  readonly #watchers = new Set<Listener>();
  readonly #pending: (readonly Change[])[] = [];
  readonly #transaction: Transaction;
  #version = 0;
  #rows = { node: 0, service: 0, task: 0 };
  #changes: Map<object, TaskChange | OtherChange> | undefined;
  #delivering = false;
  #broken = false;

  constructor(saved?: SavedStore) {
    this.#transaction = this.#makeTransaction();
    if (saved !== undefined) this.#restore(saved);
  }

  get version(): Version {
    return this.#version as Version;
  }

  /**
   * Runs `work` as one transaction and then delivers what it changed. A throw inside is a programmer's error: the store
   * is left as it is and takes no further commits.
   */
  commit<T>(work: (tx: Transaction) => T): T {
    assert(this.#changes === undefined, 'a commit inside a commit');
    assert(!this.#broken, 'a commit after one that threw');
    const changes = new Map<object, TaskChange | OtherChange>();
    this.#changes = changes;
    let result: T;
    try {
      result = work(this.#transaction);
    } catch (error) {
      this.#broken = true;
      throw error;
    } finally {
      this.#changes = undefined;
    }
    if (changes.size > 0) this.#deliver([...changes.values()] as readonly Change[]);
    return result;
  }

  watch(listener: Listener): () => void {
    this.#watchers.add(listener);
    return () => this.#watchers.delete(listener);
  }

  /** Subscribes a part of the manager, for good. Parts hear of a commit before watchers do, in the order of subscription. */
  attach(listener: Listener): void {
    this.#parts.push(listener);
  }

  /** Notes a heartbeat. An observation that no decision reads: it takes no version and wakes no watcher. */
  noteHeartbeat(node: NodeRecord, at: TimeUs): void {
    node.lastHeartbeat = at;
  }

  /**
   * Notes what is really so with a machine, for pages: watchers hear of it, the manager's own parts do not, since none
   * of its decisions may depend on it.
   */
  noteTruth(node: NodeRecord, truth: NodeRecord['truth']): void {
    node.truth = truth;
    for (const listener of this.#watchers) listener([{ kind: 'node', op: 'update', record: node }]);
  }

  findNode(reference: string): NodeRecord | undefined {
    const exact = this.nodes.get(reference);
    if (exact !== undefined) return exact;
    for (const node of this.nodes.values()) if (node.name === reference) return node;
    for (const node of this.nodes.values()) if (node.description.hostname === reference) return node;
    return uniquePrefix(this.nodes, reference);
  }

  findService(reference: string): ServiceRecord | undefined {
    return this.services.get(reference) ?? this.#serviceByName.get(reference) ?? uniquePrefix(this.services, reference);
  }

  findTask(reference: string): TaskRecord | undefined {
    const exact = this.tasks.get(reference);
    if (exact !== undefined) return exact;
    const dot = reference.lastIndexOf('.');
    if (dot > 0) {
      const service = this.findService(reference.slice(0, dot));
      const suffix = reference.slice(dot + 1);
      if (service !== undefined) {
        const node = this.findNode(suffix);
        const instance = /^\d+$/.test(suffix) && Number(suffix) > 0 ? this.tasksOfInstance(service.id, Number(suffix)) : [];
        const found = instance.at(-1) ?? (node === undefined ? undefined : this.tasksOfInstance(service.id, node.id).at(-1));
        if (found !== undefined) return found;
      }
      const full = /^(.+)\.[^.]+$/.exec(reference) === null ? undefined : this.tasks.get(suffix);
      if (full !== undefined) return full;
    }
    return uniquePrefix(this.tasks, reference);
  }

  /** The service of exactly that name. */
  serviceNamed(name: string): ServiceRecord | undefined {
    return this.#serviceByName.get(name);
  }

  nodeByKey(key: string): NodeRecord | undefined {
    return this.#nodeByKey.get(key);
  }

  nodeByRow(row: number): NodeRecord | undefined {
    return this.#nodeByRow[row];
  }

  /** In order of creation. */
  tasksOfService(serviceId: string): readonly TaskRecord[] {
    return this.#index.ofService(serviceId);
  }

  /** In order of creation. */
  tasksOfNode(nodeId: string): readonly TaskRecord[] {
    return this.#index.ofNode(nodeId);
  }

  /** Tasks that replace each other: of one slot, or of one node for global services. In order of creation. */
  tasksOfInstance(serviceId: string, key: InstanceKey): readonly TaskRecord[] {
    return this.#index.ofInstance(serviceId, key);
  }

  /** All slots (or nodes) of a service with their tasks, in order of first use. */
  instancesOfService(serviceId: string): ReadonlyMap<InstanceKey, readonly TaskRecord[]> {
    return this.#index.instances(serviceId);
  }

  save(): SavedStore {
    return saveRecords(this, this.#rows);
  }

  #restore(saved: SavedStore): void {
    restoreRecords(this, saved);
    this.#version = saved.version;
    this.#rows = { ...saved.rows };
    for (const service of this.services.values()) this.#serviceByName.set(service.spec.name, service);
    for (const node of this.nodes.values()) {
      this.#nodeByKey.set(node.key, node);
      this.#nodeByRow[node.row] = node;
    }
    for (const task of this.tasks.values()) this.#index.add(task);
  }

  #deliver(changes: readonly Change[]): void {
    this.#pending.push(changes);
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
        for (const listener of this.#parts) listener(next);
        for (const listener of this.#watchers) listener(next);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #next(): Version {
    return ++this.#version as Version;
  }

  #noteOther(kind: 'node' | 'service', op: 'create' | 'update' | 'remove', record: NodeRecord | ServiceRecord): void {
    const changes = this.#changes;
    assert(changes !== undefined, 'a write outside of a commit');
    const known = changes.get(record);
    if (known === undefined) changes.set(record, { kind, op, record } as OtherChange);
    else if (op === 'remove') {
      if (known.op === 'create') changes.delete(record);
      else known.op = 'remove';
    }
  }

  #noteTask(op: 'create' | 'update' | 'remove', record: TaskRecord): void {
    const changes = this.#changes;
    assert(changes !== undefined, 'a write outside of a commit');
    const known = changes.get(record) as TaskChange | undefined;
    if (known === undefined) {
      changes.set(record, { kind: 'task', op, record, oldState: record.state, oldDesired: record.desired, oldNodeId: record.nodeId });
    } else if (op === 'remove') {
      if (known.op === 'create') changes.delete(record);
      else known.op = 'remove';
    }
  }

  #makeTransaction(): Transaction {
    return { ...this.#creations(), ...this.#writes(), ...this.#removals() };
  }

  #creations(): Pick<Transaction, 'createNode' | 'createService' | 'createTask' | 'putStack'> {
    return {
      createNode: (init) => {
        assert(!this.#nodeByKey.has(init.key), 'a node with that key exists', { key: init.key });
        const node: NodeRecord = { row: this.#rows.node++, version: this.#next(), ...init };
        this.nodes.set(node.id, node);
        this.#nodeByKey.set(node.key, node);
        this.#nodeByRow[node.row] = node;
        this.#noteOther('node', 'create', node);
        return node;
      },
      createService: (init) => {
        assert(!this.#serviceByName.has(init.spec.name), 'a service with that name exists', { name: init.spec.name });
        const service: ServiceRecord = { row: this.#rows.service++, version: this.#next(), ...init };
        this.services.set(service.id, service);
        this.#serviceByName.set(service.spec.name, service);
        this.#noteOther('service', 'create', service);
        return service;
      },
      createTask: (init) => {
        const task = newTaskRecord(this.#rows.task++, this.#next(), init);
        this.tasks.set(task.id, task);
        this.#index.add(task);
        this.#noteTask('create', task);
        return task;
      },
      putStack: (stack) => {
        assert(this.#changes !== undefined, 'a write outside of a commit');
        const record = { ...stack, version: this.#next() };
        this.stacks.set(record.name, record);
        return record;
      },
    };
  }

  #writes(): Pick<Transaction, 'writeNode' | 'writeService' | 'writeTask' | 'writeTaskAt' | 'assign'> {
    return {
      writeNode: (record) => {
        this.#noteOther('node', 'update', record);
        record.version = this.#next();
        return record;
      },
      writeService: (record) => {
        this.#noteOther('service', 'update', record);
        record.version = this.#next();
        return record;
      },
      writeTask: (record) => {
        this.#noteTask('update', record);
        record.version = this.#next();
        return record;
      },
      writeTaskAt: (record, version) => {
        if (record.version !== version || this.tasks.get(record.id) !== record) return false;
        this.#noteTask('update', record);
        record.version = this.#next();
        return true;
      },
      assign: (record, nodeId) => {
        this.#noteTask('update', record);
        if (record.nodeId !== '') this.#index.leaveNode(record);
        record.nodeId = nodeId;
        if (nodeId !== '') this.#index.enterNode(record);
      },
    };
  }

  #removals(): Pick<Transaction, 'removeNode' | 'removeService' | 'removeTask' | 'removeStack'> {
    return {
      removeNode: (record) => {
        this.#noteOther('node', 'remove', record);
        record.version = this.#next();
        this.nodes.delete(record.id);
        this.#nodeByKey.delete(record.key);
        this.#nodeByRow[record.row] = undefined;
      },
      removeService: (record) => {
        this.#noteOther('service', 'remove', record);
        record.version = this.#next();
        this.services.delete(record.id);
        this.#serviceByName.delete(record.spec.name);
      },
      removeTask: (record) => {
        this.#noteTask('remove', record);
        record.version = this.#next();
        this.tasks.delete(record.id);
        this.#index.remove(record);
      },
      removeStack: (name) => {
        assert(this.#changes !== undefined, 'a write outside of a commit');
        this.stacks.delete(name);
        this.#next();
      },
    };
  }
}

export { type InstanceKey, instanceKey };

/** One literal for all tasks, so that they share a hidden class. */
export function newTaskRecord(row: number, version: Version, init: TaskInit): TaskRecord {
  return {
    row,
    id: init.id,
    serviceId: init.serviceId,
    slot: init.slot,
    version,
    spec: init.spec,
    endpoint: init.endpoint,
    global: init.global,
    serviceName: init.serviceName,
    specVersion: init.specVersion,
    jobIteration: init.jobIteration,
    nodeId: init.nodeId,
    desired: init.desired,
    state: init.state,
    message: init.message,
    error: init.error,
    exitCode: init.exitCode,
    oomKilled: init.oomKilled,
    generic: init.generic,
    stateAt: init.stateAt,
    appliedAt: init.appliedAt,
    createdAt: init.createdAt,
    cause: init.cause,
    explain: init.explain,
    health: init.health,
  };
}

/** SwarmKit's order of tasks in a slot: by the manager's instant of the last state change, then by creation. */
export const byTimestamp = (a: TaskRecord, b: TaskRecord): number => a.appliedAt - b.appliedAt || a.row - b.row;

/** True when the agent may still act on the task: assigned to a node and not ended. */
export const isLive = (state: TaskState): boolean => state >= TASK_STATE.assigned && state <= TASK_STATE.running;

/** Shortest prefix that is looked up; shorter ones would match by accident. */
const MINIMUM_PREFIX = 3;

function uniquePrefix<T>(records: ReadonlyMap<string, T>, prefix: string): T | undefined {
  if (prefix.length < MINIMUM_PREFIX) return undefined;
  let found: T | undefined;
  for (const [id, record] of records) {
    if (!id.startsWith(prefix)) continue;
    if (found !== undefined) return undefined;
    found = record;
  }
  return found;
}
