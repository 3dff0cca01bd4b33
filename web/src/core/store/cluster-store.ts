/**
 * What the page knows of one run: a snapshot kept up to date by deltas. Plain data and typed columns; no signals, no
 * framework. Listeners are called once per frame with what kind of thing changed; the map watches single tasks.
 */
import type {
  ClusterEvent,
  DeltaFrame,
  MetricsFrame,
  NodeView,
  PlaybackState,
  ServerFrame,
  ServiceView,
  Snapshot,
  TaskColumns,
  Totals,
} from '@paperfleet/core';
import { LIVE_PROTOCOL, TASK_STATE } from '@paperfleet/core';
import type { Look } from './look.ts';
import { LOOK, lookOf } from './look.ts';
import { Ring } from './ring.ts';
import { TaskTable } from './task-table.ts';

/** Events kept in the page; older ones are asked of the server. */
export const EVENTS_KEPT = 1000;
/** Points of the short history behind sparklines: a minute at two a second. */
const HISTORY = 120;

/** What one frame changed. */
export interface StoreChange {
  readonly reset: boolean;
  readonly nodes: boolean;
  readonly services: boolean;
  readonly tasks: boolean;
  readonly events: boolean;
  readonly playback: boolean;
  readonly metrics: boolean;
}
export type StoreListener = (change: StoreChange) => void;

/** Is told of every single task, before the listeners are. */
export interface TaskObserver {
  reset(): void;
  /** Index of a task that is new or changed. */
  taskChanged(index: number): void;
  /** Index of a task about to be freed; its columns can still be read. */
  taskRemoved(index: number): void;
}

/** Newest measurement and short history of a node or service. */
export interface Measured {
  cpuMilli: number;
  memoryBytes: number;
  throttledPermille: number;
  readonly cpuHistory: Ring;
  readonly memoryHistory: Ring;
}

/** What is remembered of tasks besides their rows. */
const FORMER_KEPT = 4000;
const NOTHING: StoreChange = { reset: false, nodes: false, services: false, tasks: false, events: false, playback: false, metrics: false };
const IDLE_PLAYBACK: PlaybackState = { paused: true, speed: 1, reachedSpeed: 0, simUs: 0, waitingFor: [] };

const measured = (): Measured => ({
  cpuMilli: 0,
  memoryBytes: 0,
  throttledPermille: 0,
  cpuHistory: new Ring(HISTORY),
  memoryHistory: new Ring(HISTORY),
});

function measuredOf(map: Map<number, Measured>, row: number): Measured {
  let entry = map.get(row);
  if (entry === undefined) map.set(row, (entry = measured()));
  return entry;
}

export class ClusterStore {
  /** -1 until the first snapshot. */
  seq = -1;
  run = '';
  parent: string | null = null;
  seed = '';
  role: 'operator' | 'viewer' = 'operator';
  playback: PlaybackState = IDLE_PLAYBACK;
  totals: Totals = { hosts: 0, agents: 0, windows: 0, eventsProcessed: 0 };
  readonly nodes: Map<number, NodeView> = new Map();
  readonly services: Map<number, ServiceView> = new Map();
  readonly tasks: TaskTable = new TaskTable();
  /** Oldest first. */
  readonly events: ClusterEvent[] = [];
  eventsSkipped = 0;
  readonly nodeMetrics: Map<number, Measured> = new Map();
  readonly serviceMetrics: Map<number, Measured> = new Map();
  /** Instant of the newest statistics. */
  metricsUs = 0;
  readonly #listeners: Set<StoreListener> = new Set();
  readonly #observers: Set<TaskObserver> = new Set();
  readonly #nodeRows: Map<string, number> = new Map();
  readonly #serviceRows: Map<string, number> = new Map();
  /** Ids of tasks that were killed for want of memory: their rows say no more than `non-zero exit (137)`. Bounded. */
  readonly #outOfMemory: Set<string> = new Set();
  /** Names of tasks that are no longer held, for events that still speak of them. Bounded. */
  readonly #formerTasks: Map<string, string> = new Map();

  /** Calls back after every frame until the returned function is called. */
  subscribe(listener: StoreListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  observe(observer: TaskObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  /** Takes a frame of the feed. False: it cannot be applied to what is held, a snapshot is needed. */
  receive(frame: ServerFrame): boolean {
    switch (frame.type) {
      case 'hello':
        if (frame.protocol !== LIVE_PROTOCOL) return false;
        this.role = frame.role;
        if (this.seq >= 0 && (frame.run !== this.run || frame.seq < this.seq)) {
          this.seq = -1;
          return false;
        }
        return true;
      case 'snapshot':
        this.load(frame.snapshot);
        return true;
      case 'delta':
        if (this.seq < 0) return false;
        this.apply(frame);
        return true;
      case 'metrics':
        this.measure(frame);
        return true;
    }
  }

  /** Replaces everything. */
  load(snapshot: Snapshot): void {
    const sameRun = snapshot.run === this.run;
    this.run = snapshot.run;
    this.parent = snapshot.parent;
    this.seed = snapshot.seed;
    this.seq = snapshot.seq;
    this.playback = snapshot.playback;
    this.totals = snapshot.totals;
    this.nodes.clear();
    this.services.clear();
    this.#nodeRows.clear();
    this.#serviceRows.clear();
    this.tasks.clear();
    this.events.length = 0;
    this.eventsSkipped = 0;
    if (!sameRun) {
      this.nodeMetrics.clear();
      this.serviceMetrics.clear();
      this.#formerTasks.clear();
      this.#outOfMemory.clear();
    }
    for (const observer of this.#observers) observer.reset();
    for (const node of snapshot.nodes) this.#putNode(node);
    for (const service of snapshot.services) this.#putService(service);
    this.#putTasks(snapshot.tasks);
    this.#noteOutOfMemory(snapshot.events);
    for (const event of snapshot.events) this.events.push(event);
    this.#tell({ reset: true, nodes: true, services: true, tasks: true, events: true, playback: true, metrics: true });
  }

  /** Applies state changes. Records replace those with the same row; removals come last. */
  apply(delta: DeltaFrame): void {
    this.seq = delta.seq;
    this.playback = delta.playback;
    this.totals = delta.totals;
    for (const node of delta.nodes ?? []) this.#putNode(node);
    for (const service of delta.services ?? []) this.#putService(service);
    this.#noteOutOfMemory(delta.events ?? []);
    if (delta.tasks !== undefined) this.#putTasks(delta.tasks);
    for (const row of delta.removedTasks ?? []) this.#removeTask(row);
    for (const row of delta.removedServices ?? []) this.#removeService(row);
    for (const row of delta.removedNodes ?? []) this.#removeNode(row);
    this.#addEvents(delta);
    const nodes = delta.nodes !== undefined || delta.removedNodes !== undefined;
    this.#tell({
      reset: false,
      nodes,
      services: delta.services !== undefined || delta.removedServices !== undefined,
      tasks: delta.tasks !== undefined || delta.removedTasks !== undefined || nodes,
      events: delta.events !== undefined || (delta.eventsSkipped ?? 0) > 0,
      playback: true,
      metrics: false,
    });
  }

  /** Takes the newest statistics. Rows that are not held (yet) are passed over. */
  measure(frame: MetricsFrame): void {
    this.metricsUs = frame.simUs;
    const { nodes, services, tasks } = frame;
    for (let i = 0; i < nodes.row.length; i++) {
      if (!this.nodes.has(nodes.row[i]!)) continue;
      this.#measureInto(measuredOf(this.nodeMetrics, nodes.row[i]!), frame.simUs, nodes.cpuMilli[i]!, nodes.memoryTenthMiB[i]!);
    }
    for (let i = 0; i < services.row.length; i++) {
      if (!this.services.has(services.row[i]!)) continue;
      const entry = measuredOf(this.serviceMetrics, services.row[i]!);
      entry.throttledPermille = services.throttledPermille[i]!;
      this.#measureInto(entry, frame.simUs, services.cpuMilli[i]!, services.memoryTenthMiB[i]!);
    }
    if (tasks === undefined) this.#spreadOverTasks();
    else {
      for (let i = 0; i < tasks.row.length; i++) {
        const index = this.tasks.indexOfRow(tasks.row[i]!);
        if (index < 0) continue;
        this.tasks.cpuPermille[index] = Math.min(32_000, tasks.cpuPermille[i]!);
        this.tasks.memoryPermille[index] = Math.min(32_000, tasks.memoryPermille[i]!);
      }
    }
    this.#tell({ ...NOTHING, metrics: true });
  }

  /** A node by name or id. */
  node(reference: string): NodeView | undefined {
    const row = this.#nodeRows.get(reference);
    return row === undefined ? undefined : this.nodes.get(row);
  }

  /** A service by name or id. */
  service(reference: string): ServiceView | undefined {
    const row = this.#serviceRows.get(reference);
    return row === undefined ? undefined : this.services.get(row);
  }

  /** A task's name for people: `web.3`; for global services `agent.n2`; its shortened id when nothing else is known. */
  taskName(id: string): string {
    const index = this.tasks.indexOfId(id);
    return index < 0 ? (this.#formerTasks.get(id) ?? id.slice(0, 8)) : this.taskNameAt(index);
  }

  taskNameAt(index: number): string {
    const service = this.services.get(this.tasks.service[index]!)?.name ?? 'removed';
    const slot = this.tasks.slot[index]!;
    if (slot > 0) return `${service}.${slot}`;
    return `${service}.${this.nodes.get(this.tasks.node[index]!)?.name ?? 'unplaced'}`;
  }

  lookAt(index: number): Look {
    const { tasks } = this;
    const node = this.nodes.get(tasks.node[index]!);
    const look = lookOf(
      tasks.state[index]!,
      tasks.desired[index]!,
      tasks.node[index]!,
      tasks.health[index]!,
      tasks.error[index]!,
      node?.status === 'down',
    );
    return look === LOOK.failed && this.#outOfMemory.has(tasks.id[index]!) ? LOOK.oom : look;
  }

  /** Indexes of the tasks that hold `keep`, in order of their rows (creation). */
  taskIndexes(keep: (index: number) => boolean): number[] {
    const { row } = this.tasks;
    const found: number[] = [];
    for (let index = 0; index < this.tasks.end; index++) if (row[index]! >= 0 && keep(index)) found.push(index);
    return found.sort((a, b) => row[a]! - row[b]!);
  }

  /** Tasks that want a node and have none. */
  pendingTasks(): number[] {
    const { state, desired, node } = this.tasks;
    return this.taskIndexes((i) => node[i]! < 0 && state[i]! < TASK_STATE.assigned && desired[i]! <= TASK_STATE.running);
  }

  event(id: number): ClusterEvent | undefined {
    // Ids rise, so the place is found by bisection.
    let low = 0;
    let high = this.events.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const event = this.events[middle]!;
      if (event.id === id) return event;
      if (event.id < id) low = middle + 1;
      else high = middle - 1;
    }
    return undefined;
  }

  #putNode(node: NodeView): void {
    const before = this.nodes.get(node.row);
    this.nodes.set(node.row, node);
    this.#nodeRows.set(node.name, node.row);
    this.#nodeRows.set(node.id, node.row);
    // What is shown of a node's tasks depends on the belief about it.
    if (before !== undefined && (before.status === 'down') !== (node.status === 'down')) {
      for (let index = 0; index < this.tasks.end; index++) {
        if (this.tasks.row[index]! >= 0 && this.tasks.node[index] === node.row)
          for (const observer of this.#observers) observer.taskChanged(index);
      }
    }
  }

  #putService(service: ServiceView): void {
    this.services.set(service.row, service);
    this.#serviceRows.set(service.name, service.row);
    this.#serviceRows.set(service.id, service.row);
  }

  #putTasks(columns: TaskColumns): void {
    for (let i = 0; i < columns.row.length; i++) {
      const index = this.tasks.put(columns, i);
      for (const observer of this.#observers) observer.taskChanged(index);
    }
  }

  /** The reason may come before or after the row that tells of the end. */
  #noteOutOfMemory(events: readonly ClusterEvent[]): void {
    for (const { task, explain } of events) {
      if (task === undefined || explain.code !== 'EXITED' || !explain.oomKilled) continue;
      this.#outOfMemory.add(task);
      if (this.#outOfMemory.size > FORMER_KEPT) this.#outOfMemory.delete(this.#outOfMemory.values().next().value!);
      const index = this.tasks.indexOfId(task);
      if (index >= 0) for (const observer of this.#observers) observer.taskChanged(index);
    }
  }

  #removeTask(row: number): void {
    const index = this.tasks.indexOfRow(row);
    if (index < 0) return;
    this.#formerTasks.set(this.tasks.id[index]!, this.taskNameAt(index));
    if (this.#formerTasks.size > FORMER_KEPT) this.#formerTasks.delete(this.#formerTasks.keys().next().value!);
    for (const observer of this.#observers) observer.taskRemoved(index);
    this.tasks.remove(row);
  }

  #removeNode(row: number): void {
    const node = this.nodes.get(row);
    if (node === undefined) return;
    for (const key of [node.name, node.id]) if (this.#nodeRows.get(key) === row) this.#nodeRows.delete(key);
    this.nodes.delete(row);
    this.nodeMetrics.delete(row);
  }

  #removeService(row: number): void {
    const service = this.services.get(row);
    if (service === undefined) return;
    for (const key of [service.name, service.id]) if (this.#serviceRows.get(key) === row) this.#serviceRows.delete(key);
    this.services.delete(row);
    this.serviceMetrics.delete(row);
  }

  #addEvents(delta: DeltaFrame): void {
    this.eventsSkipped += delta.eventsSkipped ?? 0;
    const newest = this.events.at(-1)?.id ?? 0;
    for (const event of delta.events ?? []) if (event.id > newest) this.events.push(event);
    if (this.events.length > EVENTS_KEPT) this.events.splice(0, this.events.length - EVENTS_KEPT);
  }

  #measureInto(entry: Measured, simUs: number, cpuMilli: number, memoryTenthMiB: number): void {
    entry.cpuMilli = cpuMilli;
    entry.memoryBytes = (memoryTenthMiB / 10) * 1024 * 1024;
    entry.cpuHistory.push(simUs, cpuMilli);
    entry.memoryHistory.push(simUs, entry.memoryBytes);
  }

  /** Without figures per task, each running task is shown at the mean of its service. */
  #spreadOverTasks(): void {
    const { tasks } = this;
    for (let index = 0; index < tasks.end; index++) {
      if (tasks.row[index]! < 0 || tasks.state[index] !== TASK_STATE.running) continue;
      const service = this.services.get(tasks.service[index]!);
      const entry = this.serviceMetrics.get(tasks.service[index]!);
      if (service === undefined || entry === undefined || service.running === 0) continue;
      const cpuOf = (service.limitNanoCpus || service.reservedNanoCpus || 1e9) / 1e6;
      const memoryOf = service.limitMemoryBytes || service.reservedMemoryBytes;
      tasks.cpuPermille[index] = Math.min(32_000, (1000 * entry.cpuMilli) / service.running / cpuOf);
      if (memoryOf > 0) tasks.memoryPermille[index] = Math.min(32_000, (1000 * entry.memoryBytes) / service.running / memoryOf);
    }
  }

  #tell(change: StoreChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
