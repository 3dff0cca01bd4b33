/**
 * CPU and memory of the node's containers, told to the manager at a fixed interval; each node has a phase of its own, so
 * that reports of a fleet spread over the interval.
 */
import { DIGEST, type DurationUs, LANE, MANAGER, type PartyPorts, STAT, STATISTICS_COLUMNS, type TimerId } from '@paperfleet/core';
import type { Accounting, CgroupCounters } from './accounting.ts';
import { HEALTH } from './container-runtime.ts';
import { CONTAINER, type ContainerTable, PHASE } from './container-table.ts';

/** A container's name goes with its first report in a session and again after so many, should that one be lost. */
const NAMES_EVERY = 32;
const STATE_RUNNING = 1;
const STATE_UNHEALTHY = 3;

export interface SavedStatistics {
  readonly timer: TimerId;
  /** End of the last interval and the node's CPU time then. */
  readonly at: number;
  readonly cpuUs: number;
}

export class StatisticsReporter {
  readonly #ports: PartyPorts;
  readonly #table: ContainerTable;
  readonly #accounting: Accounting;
  readonly #intervalUs: DurationUs;
  #timer: TimerId = 0;
  #at = 0;
  #cpuUs = 0;
  readonly #counters: CgroupCounters = {
    cpuUsageUs: 0,
    nrPeriods: 0,
    nrThrottled: 0,
    throttledUs: 0,
    memoryBytes: 0,
    memoryPeakBytes: 0,
    oomKills: 0,
  };

  constructor(
    ports: PartyPorts,
    table: ContainerTable,
    accounting: Accounting,
    intervalUs: DurationUs,
    saved: SavedStatistics | undefined,
  ) {
    this.#ports = ports;
    this.#table = table;
    this.#accounting = accounting;
    this.#intervalUs = intervalUs;
    if (saved === undefined) return;
    this.#timer = saved.timer;
    this.#at = saved.at;
    this.#cpuUs = saved.cpuUs;
  }

  /** The machine is up: reports begin after a random part of the interval. */
  start(): void {
    this.#at = this.#ports.now();
    this.#cpuUs = this.#accounting.totalCpuUs;
    const phase = 1 + this.#ports.rng('statistics').below(this.#intervalUs);
    this.#timer = this.#ports.in(phase as DurationUs, LANE.observe, { type: 'statistics' });
  }

  crash(): void {
    if (this.#timer !== 0) this.#ports.cancel(this.#timer);
    this.#timer = 0;
  }

  /** Names are told anew: a session opened or a full set came. */
  forgetNames(): void {
    for (let row = 0; row < this.#table.rows; row++) this.#table.set(row, CONTAINER.told, -1);
  }

  /** Reports the interval that ends now, when there is a session. */
  report(session: number): void {
    const now = this.#ports.now();
    this.#timer = this.#ports.in(this.#intervalUs, LANE.observe, { type: 'statistics' });
    this.#accounting.advance(now);
    const intervalUs = Math.max(1, now - this.#at);
    const nodeUs = this.#accounting.totalCpuUs - this.#cpuUs;
    const nodeMemoryBytes = this.#accounting.totalMemoryBytes;
    this.#at = now;
    this.#cpuUs = this.#accounting.totalCpuUs;
    this.#ports.record(DIGEST.nodeUsage, '', this.#cpuUs, nodeMemoryBytes);
    const rows = this.#running();
    const values = new Float64Array(rows.length * STATISTICS_COLUMNS);
    const names: [number, string][] = [];
    for (let i = 0; i < rows.length; i++) this.#fill(rows[i]!, values, i * STATISTICS_COLUMNS, intervalUs, names, session !== 0);
    if (session === 0) return;
    this.#ports.send(MANAGER, {
      type: 'statistics',
      session,
      statistics: {
        at: now,
        intervalUs: intervalUs as DurationUs,
        nodeCpuNano: nanoOver(nodeUs, intervalUs),
        nodeMemoryBytes,
        count: rows.length,
        values,
        names,
      },
    });
  }

  save(): SavedStatistics {
    return { timer: this.#timer, at: this.#at, cpuUs: this.#cpuUs };
  }

  /** Rows with a process, in row order. */
  #running(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#table.rows; row++) if (this.#table.get(row, CONTAINER.phase) >= PHASE.running) rows.push(row);
    return rows;
  }

  #fill(row: number, values: Float64Array, base: number, intervalUs: number, names: [number, string][], told: boolean): void {
    const table = this.#table;
    const counters = this.#counters;
    this.#accounting.read(row, counters);
    const number = table.get(row, CONTAINER.number);
    values[base + STAT.container] = number;
    values[base + STAT.state] = table.get(row, CONTAINER.health) === HEALTH.unhealthy ? STATE_UNHEALTHY : STATE_RUNNING;
    values[base + STAT.cpuNano] = nanoOver(counters.cpuUsageUs - table.get(row, CONTAINER.reportedUs), intervalUs);
    values[base + STAT.cpuUsageUs] = counters.cpuUsageUs;
    values[base + STAT.nrPeriods] = counters.nrPeriods;
    values[base + STAT.nrThrottled] = counters.nrThrottled;
    values[base + STAT.throttledUs] = counters.throttledUs;
    values[base + STAT.memoryBytes] = counters.memoryBytes;
    values[base + STAT.memoryPeakBytes] = counters.memoryPeakBytes;
    values[base + STAT.oomKills] = counters.oomKills;
    table.set(row, CONTAINER.reportedUs, counters.cpuUsageUs);
    if (!told) return;
    const reports = table.get(row, CONTAINER.told);
    if (reports < 0 || reports >= NAMES_EVERY) names.push([number, table.owner(row).id]);
    table.set(row, CONTAINER.told, reports < 0 || reports >= NAMES_EVERY ? 0 : reports + 1);
  }
}

/** CPU time over a span as a rate, nano-CPUs. */
const nanoOver = (cpuUs: number, intervalUs: number): number => Math.round((cpuUs / intervalUs) * 1e9);
