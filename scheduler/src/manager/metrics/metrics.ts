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

/** Newest figures of a task, summed over its containers, and the counters behind its throttled share. */
interface TaskFigures {
  readonly taskId: string;
  readonly service: ServiceFigures;
  readonly serviceId: string;
  cpuNano: number;
  memoryBytes: number;
  periods: number;
  throttled: number;
  periodsSince: number;
  throttledSince: number;
  /** The report that is being taken, and the counters before it. */
  report: number;
  periodsBefore: number;
  throttledBefore: number;
  /** False once the task has ended: what is still reported of it no longer counts. */
  alive: boolean;
}

type SavedFigures = Pick<
  TaskFigures,
  'serviceId' | 'cpuNano' | 'memoryBytes' | 'periods' | 'throttled' | 'periodsSince' | 'throttledSince'
>;

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
  readonly tasks: readonly (readonly [string, SavedFigures])[];
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
  readonly #names = new Map<string, { readonly session: number; readonly containers: Map<number, TaskFigures> }>();
  /** Counts reports, to tell apart the first and the further rows of a task in one. */
  #reports = 0;
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
    for (const [id, figures] of saved?.tasks ?? []) this.#restore(id, figures);
    for (const [nodeId, session, names] of saved?.names ?? []) {
      const containers = new Map(names.map(([container, taskId]) => [container, this.#figuresOf(taskId)!] as const));
      this.#names.set(nodeId, { session, containers });
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
      tasks: [...this.#tasks].map(([id, figures]) => [id, savedFigures(figures)] as const),
      names: [...this.#names].map(([nodeId, { session, containers }]) => [nodeId, session, namesOf(containers)] as const),
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
    if (names?.session !== session) this.#names.set(node.id, (names = { session, containers: new Map() }));
    for (const [container, taskId] of statistics.names) {
      const figures = this.#figuresOf(taskId);
      if (figures !== undefined) names.containers.set(container, figures);
    }
    this.#takeRows(statistics, names.containers);
  }

  /** A task's figures; undefined when it is gone or has ended. */
  #figuresOf(taskId: string): TaskFigures | undefined {
    const known = this.#tasks.get(taskId);
    if (known !== undefined) return known;
    const task = this.#deps.store.tasks.get(taskId);
    if (task === undefined || isTerminal(task.state)) return undefined;
    return this.#restore(taskId, {
      serviceId: task.serviceId,
      cpuNano: 0,
      memoryBytes: 0,
      periods: 0,
      throttled: 0,
      periodsSince: 0,
      throttledSince: 0,
    });
  }

  #restore(taskId: string, saved: SavedFigures): TaskFigures {
    let service = this.#services.get(saved.serviceId);
    if (service === undefined)
      this.#services.set(saved.serviceId, (service = { cpuNano: 0, memoryBytes: 0, periodsSince: 0, throttledSince: 0 }));
    const figures: TaskFigures = { taskId, service, ...saved, report: 0, periodsBefore: 0, throttledBefore: 0, alive: true };
    this.#tasks.set(taskId, figures);
    service.cpuNano += figures.cpuNano;
    service.memoryBytes += figures.memoryBytes;
    service.periodsSince += figures.periodsSince;
    service.throttledSince += figures.throttledSince;
    return figures;
  }

  /**
   * Takes the rows of a report in place: a million of them come in a few seconds of a large cluster. A task's rows (it may
   * have several containers) are summed, its service's sums follow by the difference.
   */
  #takeRows({ values, count }: Statistics, containers: Map<number, TaskFigures>): void {
    const report = ++this.#reports;
    for (let at = 0; at < count * STATISTICS_COLUMNS; at += STATISTICS_COLUMNS) {
      const container = values[at + STAT.container]!;
      const figures = containers.get(container);
      if (figures === undefined) continue;
      if (!figures.alive) {
        containers.delete(container);
        continue;
      }
      const { service } = figures;
      if (figures.report !== report) {
        figures.report = report;
        service.cpuNano -= figures.cpuNano;
        service.memoryBytes -= figures.memoryBytes;
        figures.cpuNano = 0;
        figures.memoryBytes = 0;
        figures.periodsBefore = figures.periods;
        figures.throttledBefore = figures.throttled;
        figures.periods = 0;
        figures.throttled = 0;
      }
      const cpuNano = Math.round(values[at + STAT.cpuNano]!);
      const memoryBytes = values[at + STAT.memoryBytes]!;
      figures.cpuNano += cpuNano;
      service.cpuNano += cpuNano;
      figures.memoryBytes += memoryBytes;
      service.memoryBytes += memoryBytes;
      figures.periods += values[at + STAT.nrPeriods]!;
      figures.throttled += values[at + STAT.nrThrottled]!;
      const periodsSince = Math.max(0, figures.periods - figures.periodsBefore);
      service.periodsSince += periodsSince - figures.periodsSince;
      figures.periodsSince = periodsSince;
      const throttledSince = Math.max(0, figures.throttled - figures.throttledBefore);
      service.throttledSince += throttledSince - figures.throttledSince;
      figures.throttledSince = throttledSince;
    }
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
    const { service } = figures;
    service.cpuNano -= figures.cpuNano;
    service.memoryBytes -= figures.memoryBytes;
    service.periodsSince -= figures.periodsSince;
    service.throttledSince -= figures.throttledSince;
    figures.alive = false;
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

function savedFigures({ serviceId, cpuNano, memoryBytes, periods, throttled, periodsSince, throttledSince }: TaskFigures): SavedFigures {
  return { serviceId, cpuNano, memoryBytes, periods, throttled, periodsSince, throttledSince };
}

/** What container numbers stand for, by number; those of tasks that have ended are forgotten. */
const namesOf = (containers: ReadonlyMap<number, TaskFigures>): [number, string][] =>
  [...containers]
    .filter(([, { alive }]) => alive)
    .map(([container, { taskId }]): [number, string] => [container, taskId])
    .sort(([a], [b]) => a - b);

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
