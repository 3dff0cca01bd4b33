/**
 * Statistics of nodes, tasks and services: newest values in columns, history in rings. Nothing here is read by a decision,
 * and nothing here is part of the digest.
 */
import { isTerminal, LANE, type Statistics, TASK_STATE, type TimerEvent, type TimerId, type TimeUs } from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord } from '../../store/records.ts';
import type { MetricsView } from '../../store/view.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';
import { History, type SavedHistory } from './history.ts';
import { type SavedFigures, TaskFigures, type Usage } from './task-figures.ts';

export interface SampleTimer extends TimerEvent {
  readonly type: 'sample';
}
const SAMPLE: SampleTimer = { type: 'sample' };

const SERIES = {
  nodeCpu: 'cpuNano',
  nodeMemory: 'memoryBytes',
  serviceCpu: 'cpuNano',
  serviceMemory: 'memoryBytes',
  serviceThrottled: 'throttledPermille',
  serviceRunning: 'running',
  serviceDesired: 'desired',
} as const;
type SeriesKey = keyof typeof SERIES;
const UNITS = { cpuNano: 'nano-CPU', memoryBytes: 'B', throttledPermille: '‰', running: 'tasks', desired: 'tasks' } as const;

export interface SavedMetrics {
  readonly timer: TimerId;
  readonly nodeCpu: Float64Array;
  readonly nodeMemory: Float64Array;
  readonly nodeAt: Float64Array;
  readonly tasks: readonly (readonly [string, SavedFigures])[];
  readonly names: readonly (readonly [string, number, readonly (readonly [number, string])[]])[];
  readonly history: Readonly<Record<SeriesKey, SavedHistory>>;
}

const isRunning = (state: number): number => (state === TASK_STATE.running ? 1 : 0);
const isWanted = (desired: number): number => (desired === TASK_STATE.running ? 1 : 0);

export class Metrics implements MetricsView {
  readonly #deps: Deps;
  #nodeCpu: Float64Array;
  #nodeMemory: Float64Array;
  #nodeAt: Float64Array;
  readonly #figures = new TaskFigures();
  /** By node: the session, and handles of tasks by container number. */
  readonly #names = new Map<string, { readonly session: number; readonly containers: Map<number, number> }>();
  readonly #history: Record<SeriesKey, History>;
  /** Tasks by service: observed running, and desired running. Follows the store, so it is not saved. */
  readonly #counts = new Map<string, { running: number; wanted: number }>();
  #timer: TimerId;

  constructor(deps: Deps, saved?: SavedMetrics) {
    this.#deps = deps;
    this.#timer = saved?.timer ?? 0;
    this.#nodeCpu = saved?.nodeCpu.slice() ?? new Float64Array(0);
    this.#nodeMemory = saved?.nodeMemory.slice() ?? new Float64Array(0);
    this.#nodeAt = saved?.nodeAt.slice() ?? new Float64Array(0);
    for (const [taskId, figures] of saved?.tasks ?? []) this.#figures.add(taskId, figures);
    for (const [nodeId, session, names] of saved?.names ?? []) {
      this.#names.set(nodeId, {
        session,
        containers: new Map(names.map(([container, taskId]) => [container, this.#figures.handleOf(taskId)!])),
      });
    }
    for (const task of deps.store.tasks.values()) this.#recount(task.serviceId, isRunning(task.state), isWanted(task.desired));
    const make = (key: SeriesKey): History => new History(saved?.history[key]);
    this.#history = {
      nodeCpu: make('nodeCpu'),
      nodeMemory: make('nodeMemory'),
      serviceCpu: make('serviceCpu'),
      serviceMemory: make('serviceMemory'),
      serviceThrottled: make('serviceThrottled'),
      serviceRunning: make('serviceRunning'),
      serviceDesired: make('serviceDesired'),
    };
  }

  save(): SavedMetrics {
    const history = Object.fromEntries((Object.keys(SERIES) as SeriesKey[]).map((key) => [key, this.#history[key].save()]));
    return {
      timer: this.#timer,
      nodeCpu: this.#nodeCpu.slice(),
      nodeMemory: this.#nodeMemory.slice(),
      nodeAt: this.#nodeAt.slice(),
      tasks: this.#figures.save(),
      names: [...this.#names].map(([nodeId, { session, containers }]) => [nodeId, session, this.#namesOf(containers)] as const),
      history: history as SavedMetrics['history'],
    };
  }

  get nodeCpuNano(): Float64Array {
    return this.#nodeCpu;
  }
  get nodeMemoryBytes(): Float64Array {
    return this.#nodeMemory;
  }
  get nodeAt(): Float64Array {
    return this.#nodeAt;
  }

  task(taskId: string): Usage | undefined {
    return this.#figures.task(taskId);
  }

  service(serviceId: string): Usage {
    return this.#figures.service(serviceId);
  }

  range(subject: string, from: TimeUs, to: TimeUs, buckets: number): ReturnType<MetricsView['range']> {
    const colon = subject.indexOf(':');
    const kind = subject.slice(0, colon);
    const id = subject.slice(colon + 1);
    const { store } = this.#deps;
    const row = kind === 'node' ? store.nodes.get(id)?.row : kind === 'service' ? store.services.get(id)?.row : undefined;
    if (row === undefined || buckets < 1) return undefined;
    // Whole seconds, so that every sample of the range has its bucket.
    const first = Math.floor(from / KNOBS.fineIntervalUs);
    const seconds = Math.max(1, Math.floor(to / KNOBS.fineIntervalUs) - first);
    const bucketSeconds = Math.ceil(seconds / buckets);
    const count = Math.ceil(seconds / bucketSeconds);
    const fromUs = first * KNOBS.fineIntervalUs;
    const bucketUs = bucketSeconds * KNOBS.fineIntervalUs;
    const keys = (Object.keys(SERIES) as SeriesKey[]).filter((key) => key.startsWith(kind));
    const series = keys.map((key) => {
      const name = SERIES[key];
      return { name, unit: UNITS[name], ...this.#history[key].range(row, fromUs, bucketUs, count) };
    });
    return { fromUs, bucketUs, series };
  }

  /** Bytes of history held. */
  get historyBytes(): number {
    return Object.values(this.#history).reduce((bytes, history) => bytes + history.byteLength, 0);
  }

  /** A report of a node's session. */
  report(node: NodeRecord, session: number, statistics: Statistics): void {
    this.#growNodes(node.row + 1);
    if (statistics.at <= (this.#nodeAt[node.row] ?? -1)) return;
    this.#nodeCpu[node.row] = statistics.nodeCpuNano;
    this.#nodeMemory[node.row] = statistics.nodeMemoryBytes;
    this.#nodeAt[node.row] = statistics.at;
    let names = this.#names.get(node.id);
    if (names?.session !== session) this.#names.set(node.id, (names = { session, containers: new Map() }));
    for (const [container, taskId] of statistics.names) {
      const handle = this.#handleOf(taskId);
      if (handle !== undefined) names.containers.set(container, handle);
    }
    this.#figures.take(statistics, names.containers);
    // Containers come and go; what is left of those that went is cleared away once it outweighs the rest.
    if (names.containers.size > 2 * statistics.count + 64) {
      for (const [container, handle] of names.containers)
        if (this.#figures.taskOf(handle) === undefined) names.containers.delete(container);
    }
  }

  /** The handle of a task's figures; undefined when the task is gone or has ended. */
  #handleOf(taskId: string): number | undefined {
    const known = this.#figures.handleOf(taskId);
    if (known !== undefined) return known;
    const task = this.#deps.store.tasks.get(taskId);
    return task === undefined || isTerminal(task.state) ? undefined : this.#figures.add(taskId, [task.serviceId]);
  }

  /** What container numbers stand for, by number; those of tasks that have ended are forgotten. */
  #namesOf(containers: ReadonlyMap<number, number>): [number, string][] {
    return [...containers]
      .flatMap(([container, handle]): [number, string][] => {
        const taskId = this.#figures.taskOf(handle);
        return taskId === undefined ? [] : [[container, taskId]];
      })
      .sort(([a], [b]) => a - b);
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'task') {
        this.#countChange(change);
        if (change.op === 'remove' || isTerminal(change.record.state)) this.#figures.drop(change.record.id);
      } else if (change.kind === 'node') {
        this.#growNodes(change.record.row + 1);
        if (change.op === 'remove') this.#names.delete(change.record.id);
        if (change.op === 'remove' || change.record.status === 'down') this.#silence(change.record.row);
      } else if (change.op === 'remove') {
        this.#figures.dropService(change.record.id);
        this.#counts.delete(change.record.id);
      }
    }
  }

  #countChange({ op, record, oldState, oldDesired }: Extract<Change, { kind: 'task' }>): void {
    if (!this.#deps.store.services.has(record.serviceId)) return;
    const running = (op === 'remove' ? 0 : isRunning(record.state)) - (op === 'create' ? 0 : isRunning(oldState));
    const wanted = (op === 'remove' ? 0 : isWanted(record.desired)) - (op === 'create' ? 0 : isWanted(oldDesired));
    this.#recount(record.serviceId, running, wanted);
  }

  #silence(row: number): void {
    this.#nodeCpu[row] = 0;
    this.#nodeMemory[row] = 0;
  }

  /** Starts sampling with the first node. */
  arm(): void {
    if (this.#timer !== 0 || this.#deps.store.nodes.size === 0) return;
    const now = this.#deps.ports.now();
    const next = (Math.floor(now / KNOBS.fineIntervalUs) + 1) * KNOBS.fineIntervalUs;
    this.#timer = this.#deps.ports.at(next as TimeUs, LANE.observe, SAMPLE);
  }

  /** Samples the second that has just passed. */
  onTimer(): void {
    const { ports, store } = this.#deps;
    const now = ports.now();
    this.#timer = ports.at((now + KNOBS.fineIntervalUs) as TimeUs, LANE.observe, SAMPLE);
    const tick = Math.floor(now / KNOBS.fineIntervalUs) - 1;
    const stale = now - 3 * this.#deps.config.statisticsIntervalUs - 2 * this.#deps.config.controlLatencyUs;
    const fresh = (row: number): boolean => (this.#nodeAt[row] ?? -1) >= stale && (this.#nodeAt[row] ?? -1) >= 0;
    const nodes = this.#nodeAt.length;
    this.#history.nodeCpu.sample(tick, nodes, (row) => (fresh(row) ? (this.#nodeCpu[row] ?? 0) : Number.NaN));
    this.#history.nodeMemory.sample(tick, nodes, (row) => (fresh(row) ? (this.#nodeMemory[row] ?? 0) : Number.NaN));
    this.#sampleServices(tick, [...store.services.values()]);
  }

  #sampleServices(tick: number, services: readonly ServiceRecord[]): void {
    const rows = (services.at(-1)?.row ?? -1) + 1;
    const byRow = new Array<ServiceRecord | undefined>(rows).fill(undefined);
    for (const service of services) byRow[service.row] = service;
    const sample = (key: SeriesKey, read: (service: ServiceRecord) => number): void => {
      this.#history[key].sample(tick, rows, (row) => {
        const service = byRow[row];
        return service === undefined ? Number.NaN : read(service);
      });
    };
    sample('serviceCpu', (service) => this.service(service.id).cpuNano);
    sample('serviceMemory', (service) => this.service(service.id).memoryBytes);
    sample('serviceThrottled', (service) => this.service(service.id).throttledPermille);
    sample('serviceRunning', (service) => this.#counts.get(service.id)?.running ?? 0);
    sample('serviceDesired', (service) =>
      service.spec.mode.kind === 'replicated' ? service.spec.mode.replicas : (this.#counts.get(service.id)?.wanted ?? 0),
    );
  }

  /** Keeps the running counts: sampling must not walk over all tasks every second. */
  #recount(serviceId: string, running: number, wanted: number): void {
    if (running === 0 && wanted === 0) return;
    const counts = this.#counts.get(serviceId);
    if (counts === undefined) this.#counts.set(serviceId, { running, wanted });
    else {
      counts.running += running;
      counts.wanted += wanted;
    }
  }

  #growNodes(rows: number): void {
    const old = this.#nodeAt.length;
    if (rows <= old) return;
    const grown = (column: Float64Array, fill: number): Float64Array => {
      const larger = new Float64Array(rows).fill(fill);
      larger.set(column);
      return larger;
    };
    this.#nodeCpu = grown(this.#nodeCpu, 0);
    this.#nodeMemory = grown(this.#nodeMemory, 0);
    this.#nodeAt = grown(this.#nodeAt, -1);
  }
}

export interface ServiceCounts {
  readonly desired: number;
  readonly running: number;
  readonly completed: number;
}

/**
 * A service's figures as `docker service ls` shows them (controlapi ListServiceStatuses). Without the service (it was just
 * removed) nothing is desired.
 */
export function countTasks(
  service: ServiceRecord | undefined,
  tasks: Iterable<{ readonly state: number; readonly desired: number; readonly jobIteration: number }>,
): ServiceCounts {
  let running = 0;
  let completed = 0;
  let wanted = 0;
  const mode = service?.spec.mode;
  for (const task of tasks) {
    if (task.state === TASK_STATE.running) running++;
    const current = service !== undefined && task.jobIteration === service.jobIteration;
    if (task.state === TASK_STATE.complete && current && (mode?.kind === 'replicated-job' || mode?.kind === 'global-job')) completed++;
    if (mode?.kind === 'global' && task.desired === TASK_STATE.running) wanted++;
    if (mode?.kind === 'global-job' && current && task.desired === TASK_STATE.complete && task.state !== TASK_STATE.complete) wanted++;
  }
  const desired = mode?.kind === 'replicated' ? mode.replicas : mode?.kind === 'replicated-job' ? mode.maxConcurrent : wanted;
  return { desired, running, completed };
}
