/**
 * Newest figures of tasks, summed over their containers, with running sums by service. Columns, 64 bytes a task: a large
 * cluster reports a million rows in a few seconds, and objects scattered over the heap cost several times as much.
 */
import { STAT, type Statistics, STATISTICS_COLUMNS } from '@paperfleet/core';

/** Columns of a task's row. All are integers, so that sums do not depend on the order of reports. */
const CPU = 0; // nano-CPUs
const MEMORY = 1; // bytes
const PERIODS = 2; // cumulative
const THROTTLED = 3; // cumulative
const PERIODS_SINCE = 4; // in the newest report
const THROTTLED_SINCE = 5;
const PERIODS_BEFORE = 6; // cumulative, before the newest report
const THROTTLED_BEFORE = 7;
const WIDTH = 8;

/** A handle is a row and how often that row was dealt before: rows are dealt again, handles never. */
const ROWS = 2 ** 24;

export interface Usage {
  readonly cpuNano: number;
  readonly memoryBytes: number;
  /** Share of periods that were throttled, 0 to 1000. */
  readonly throttledPermille: number;
}

/** What is kept of a task's figures: service, then CPU … THROTTLED_SINCE. */
export type SavedFigures = readonly [string, ...number[]];

interface ServiceSums {
  cpuNano: number;
  memoryBytes: number;
  periodsSince: number;
  throttledSince: number;
}

const NO_USAGE: Usage = { cpuNano: 0, memoryBytes: 0, throttledPermille: 0 };
const permille = (throttled: number, periods: number): number => (periods === 0 ? 0 : Math.round((throttled * 1000) / periods));

export class TaskFigures {
  #columns = new Float64Array(64 * WIDTH);
  /** The report that last touched a row. */
  #report = new Float64Array(64);
  /** Sums of the row's service; undefined marks a free row. */
  readonly #sums: (ServiceSums | undefined)[] = [];
  readonly #serviceOf: string[] = [];
  readonly #taskOf: string[] = [];
  #dealt = new Float64Array(64);
  readonly #free: number[] = [];
  readonly #rows = new Map<string, number>();
  readonly #services = new Map<string, ServiceSums>();
  #reports = 0;

  /** The handle of a task, if it has figures. */
  handleOf(taskId: string): number | undefined {
    const row = this.#rows.get(taskId);
    return row === undefined ? undefined : this.#dealt[row]! * ROWS + row;
  }

  /** The task of a handle; undefined when it has been dropped. */
  taskOf(handle: number): string | undefined {
    const row = handle % ROWS;
    return this.#sums[row] !== undefined && this.#dealt[row] === Math.floor(handle / ROWS) ? this.#taskOf[row] : undefined;
  }

  /** Gives a task figures, saved ones or new; returns its handle. */
  add(taskId: string, [serviceId, ...figures]: SavedFigures): number {
    const row = this.#free.pop() ?? this.#sums.length;
    if (row * WIDTH === this.#columns.length) {
      this.#columns = doubled(this.#columns);
      this.#report = doubled(this.#report);
      this.#dealt = doubled(this.#dealt);
    }
    let sums = this.#services.get(serviceId);
    if (sums === undefined) this.#services.set(serviceId, (sums = { cpuNano: 0, memoryBytes: 0, periodsSince: 0, throttledSince: 0 }));
    this.#rows.set(taskId, row);
    this.#sums[row] = sums;
    this.#serviceOf[row] = serviceId;
    this.#columns.fill(0, row * WIDTH, (row + 1) * WIDTH);
    this.#columns.set(figures, row * WIDTH);
    this.#report[row] = 0;
    this.#taskOf[row] = taskId;
    this.#count(row, sums, 1);
    return this.#dealt[row]! * ROWS + row;
  }

  /** Forgets a task. */
  drop(taskId: string): void {
    const row = this.#rows.get(taskId);
    if (row === undefined) return;
    this.#count(row, this.#sums[row]!, -1);
    this.#rows.delete(taskId);
    this.#sums[row] = undefined;
    this.#dealt[row]!++;
    this.#free.push(row);
  }

  dropService(serviceId: string): void {
    this.#services.delete(serviceId);
  }

  task(taskId: string): Usage | undefined {
    const row = this.#rows.get(taskId);
    if (row === undefined) return undefined;
    const at = row * WIDTH;
    const columns = this.#columns;
    return {
      cpuNano: columns[at + CPU]!,
      memoryBytes: columns[at + MEMORY]!,
      throttledPermille: permille(columns[at + THROTTLED_SINCE]!, columns[at + PERIODS_SINCE]!),
    };
  }

  service(serviceId: string): Usage {
    const sums = this.#services.get(serviceId);
    if (sums === undefined) return NO_USAGE;
    const { cpuNano, memoryBytes, throttledSince, periodsSince } = sums;
    return { cpuNano, memoryBytes, throttledPermille: permille(throttledSince, periodsSince) };
  }

  /**
   * Takes the rows of a node's report.
   * @param containers – handles of tasks by container number; a task may have several containers
   */
  take({ values, count }: Statistics, containers: ReadonlyMap<number, number>): void {
    const report = ++this.#reports;
    const columns = this.#columns;
    for (let from = 0; from < count * STATISTICS_COLUMNS; from += STATISTICS_COLUMNS) {
      const handle = containers.get(values[from + STAT.container]!);
      if (handle === undefined) continue;
      const row = handle % ROWS;
      const sums = this.#sums[row];
      if (sums === undefined || this.#dealt[row] !== Math.floor(handle / ROWS)) continue;
      const at = row * WIDTH;
      if (this.#report[row] !== report) {
        this.#report[row] = report;
        sums.cpuNano -= columns[at + CPU]!;
        sums.memoryBytes -= columns[at + MEMORY]!;
        columns[at + CPU] = 0;
        columns[at + MEMORY] = 0;
        columns[at + PERIODS_BEFORE] = columns[at + PERIODS]!;
        columns[at + THROTTLED_BEFORE] = columns[at + THROTTLED]!;
        columns[at + PERIODS] = 0;
        columns[at + THROTTLED] = 0;
      }
      const cpuNano = Math.round(values[from + STAT.cpuNano]!);
      const memoryBytes = values[from + STAT.memoryBytes]!;
      columns[at + CPU]! += cpuNano;
      sums.cpuNano += cpuNano;
      columns[at + MEMORY]! += memoryBytes;
      sums.memoryBytes += memoryBytes;
      columns[at + PERIODS]! += values[from + STAT.nrPeriods]!;
      columns[at + THROTTLED]! += values[from + STAT.nrThrottled]!;
      const periods = Math.max(0, columns[at + PERIODS]! - columns[at + PERIODS_BEFORE]!);
      sums.periodsSince += periods - columns[at + PERIODS_SINCE]!;
      columns[at + PERIODS_SINCE] = periods;
      const throttled = Math.max(0, columns[at + THROTTLED]! - columns[at + THROTTLED_BEFORE]!);
      sums.throttledSince += throttled - columns[at + THROTTLED_SINCE]!;
      columns[at + THROTTLED_SINCE] = throttled;
    }
  }

  save(): [string, SavedFigures][] {
    return [...this.#rows].map(([taskId, row]) => {
      const at = row * WIDTH;
      return [taskId, [this.#serviceOf[row]!, ...this.#columns.subarray(at, at + PERIODS_BEFORE)]];
    });
  }

  #count(row: number, sums: ServiceSums, sign: 1 | -1): void {
    const at = row * WIDTH;
    sums.cpuNano += sign * this.#columns[at + CPU]!;
    sums.memoryBytes += sign * this.#columns[at + MEMORY]!;
    sums.periodsSince += sign * this.#columns[at + PERIODS_SINCE]!;
    sums.throttledSince += sign * this.#columns[at + THROTTLED_SINCE]!;
  }
}

function doubled(old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(2 * old.length);
  larger.set(old);
  return larger;
}
