/**
 * Statistics of nodes, tasks and services: newest values in columns, history in rings. Nothing here is read by a decision,
 * and nothing here is part of the digest.
 */
import {
  isTerminal,
  LANE,
  STAT,
  type Statistics,
  STATISTICS_COLUMNS,
  TASK_STATE,
  type TimerEvent,
  type TimerId,
  type TimeUs,
} from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord } from '../../store/records.ts';
import type { MetricsView } from '../../store/view.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';
import { History, type SavedHistory } from './history.ts';

export interface SampleTimer extends TimerEvent {
  readonly type: 'sample';
}
const SAMPLE: SampleTimer = { type: 'sample' };

/** Newest figures of a task, and the counters behind its throttled share. */
interface TaskFigures {
  readonly serviceId: string;
  cpuNano: number;
  memoryBytes: number;
  periods: number;
  throttled: number;
  periodsSince: number;
  throttledSince: number;
}

interface ServiceFigures {
  cpuNano: number;
  memoryBytes: number;
  periodsSince: number;
  throttledSince: number;
}

interface Usage {
  readonly cpuNano: number;
  readonly memoryBytes: number;
  readonly throttledPermille: number;
}

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
  readonly tasks: readonly (readonly [string, TaskFigures])[];
  readonly names: readonly (readonly [string, number, readonly (readonly [number, string])[]])[];
  readonly history: Readonly<Record<SeriesKey, SavedHistory>>;
}

const permille = (throttled: number, periods: number): number => (periods === 0 ? 0 : Math.round((throttled * 1000) / periods));

const isRunning = (state: number): number => (state === TASK_STATE.running ? 1 : 0);
const isWanted = (desired: number): number => (desired === TASK_STATE.running ? 1 : 0);

export class Metrics implements MetricsView {
  readonly #deps: Deps;
  #nodeCpu: Float64Array;
  #nodeMemory: Float64Array;
  #nodeAt: Float64Array;
  readonly #tasks = new Map<string, TaskFigures>();
  /** Sums over a service's tasks. Integers, so that the order of reports does not show. */
  readonly #services = new Map<string, ServiceFigures>();
  /** By node: the session, and what its container numbers stand for. */
  readonly #names = new Map<string, { readonly session: number; readonly tasks: Map<number, string> }>();
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
    for (const [id, figures] of saved?.tasks ?? []) {
      this.#tasks.set(id, { ...figures });
      this.#add(figures, 1);
    }
    for (const [nodeId, session, names] of saved?.names ?? []) this.#names.set(nodeId, { session, tasks: new Map(names) });
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
      tasks: [...this.#tasks].map(([id, figures]) => [id, { ...figures }] as const),
      names: [...this.#names].map(([nodeId, { session, tasks }]) => [nodeId, session, [...tasks]] as const),
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
    const figures = this.#tasks.get(taskId);
    if (figures === undefined) return undefined;
    const { cpuNano, memoryBytes, throttledSince, periodsSince } = figures;
    return { cpuNano, memoryBytes, throttledPermille: permille(throttledSince, periodsSince) };
  }

  service(serviceId: string): Usage {
    const figures = this.#services.get(serviceId);
    if (figures === undefined) return { cpuNano: 0, memoryBytes: 0, throttledPermille: 0 };
    const { cpuNano, memoryBytes, throttledSince, periodsSince } = figures;
    return { cpuNano, memoryBytes, throttledPermille: permille(throttledSince, periodsSince) };
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
    if (names?.session !== session) this.#names.set(node.id, (names = { session, tasks: new Map() }));
    for (const [container, taskId] of statistics.names) names.tasks.set(container, taskId);
    this.#takeRows(statistics, names.tasks);
  }

  /** Sums the rows of a task's containers (they may be several) and replaces its figures. */
  #takeRows({ values, count }: Statistics, names: ReadonlyMap<number, string>): void {
    const sums = new Map<string, { cpuNano: number; memoryBytes: number; periods: number; throttled: number }>();
    for (let r = 0; r < count; r++) {
      const at = r * STATISTICS_COLUMNS;
      const taskId = names.get(values[at + STAT.container] ?? -1);
      if (taskId === undefined) continue;
      const sum = sums.get(taskId) ?? { cpuNano: 0, memoryBytes: 0, periods: 0, throttled: 0 };
      sum.cpuNano += Math.round(values[at + STAT.cpuNano] ?? 0);
      sum.memoryBytes += values[at + STAT.memoryBytes] ?? 0;
      sum.periods += values[at + STAT.nrPeriods] ?? 0;
      sum.throttled += values[at + STAT.nrThrottled] ?? 0;
      sums.set(taskId, sum);
    }
    for (const [taskId, sum] of sums) {
      const task = this.#deps.store.tasks.get(taskId);
      if (task === undefined || isTerminal(task.state)) continue;
      const old = this.#tasks.get(taskId);
      if (old !== undefined) this.#add(old, -1);
      const figures: TaskFigures = {
        serviceId: task.serviceId,
        ...sum,
        periodsSince: Math.max(0, sum.periods - (old?.periods ?? 0)),
        throttledSince: Math.max(0, sum.throttled - (old?.throttled ?? 0)),
      };
      this.#tasks.set(taskId, figures);
      this.#add(figures, 1);
    }
  }

  #add(figures: TaskFigures, sign: 1 | -1): void {
    let sum = this.#services.get(figures.serviceId);
    if (sum === undefined)
      this.#services.set(figures.serviceId, (sum = { cpuNano: 0, memoryBytes: 0, periodsSince: 0, throttledSince: 0 }));
    sum.cpuNano += sign * figures.cpuNano;
    sum.memoryBytes += sign * figures.memoryBytes;
    sum.periodsSince += sign * figures.periodsSince;
    sum.throttledSince += sign * figures.throttledSince;
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'task') {
        this.#countChange(change);
        if (change.op === 'remove' || isTerminal(change.record.state)) this.#drop(change.record.id);
      } else if (change.kind === 'node') {
        this.#growNodes(change.record.row + 1);
        if (change.op === 'remove') this.#names.delete(change.record.id);
        if (change.op === 'remove' || change.record.status === 'down') this.#silence(change.record.row);
      } else if (change.op === 'remove') {
        this.#services.delete(change.record.id);
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

  #drop(taskId: string): void {
    const figures = this.#tasks.get(taskId);
    if (figures === undefined) return;
    this.#add(figures, -1);
    this.#tasks.delete(taskId);
    if (!this.#deps.store.services.has(figures.serviceId)) this.#services.delete(figures.serviceId);
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
