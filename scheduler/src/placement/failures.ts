/**
 * Recent failures of services on nodes, per spec version. A node on which a service failed again and again is chosen last
 * for that service. Constants and rules: swarmkit manager/scheduler/scheduler.go and nodeinfo.go.
 */
import { type DurationUs, seconds, type TimeUs } from '@paperfleet/core';

/** From this many recent failures on, failures decide between nodes before anything else. */
export const MAX_FAILURES = 5;
/** How far back a failure counts. */
export const FAILURE_WINDOW_US: DurationUs = seconds(300);

/** [spec version, service id, row, instants in ascending order] */
export type SavedFailure = readonly [number, string, number, readonly number[]];

export interface SavedFailures {
  readonly sweptAt: number;
  readonly recent: readonly SavedFailure[];
}

interface ServiceFailures {
  readonly specVersion: number;
  readonly serviceId: string;
  readonly byRow: Map<number, number[]>;
}

export class Failures {
  readonly #byService = new Map<string, ServiceFailures>();
  #sweptAt = 0;

  record(row: number, serviceId: string, specVersion: number, at: TimeUs): void {
    if (at - this.#sweptAt >= FAILURE_WINDOW_US) this.#sweep(at);
    const key = `${specVersion}/${serviceId}`;
    let entry = this.#byService.get(key);
    if (entry === undefined) this.#byService.set(key, (entry = { specVersion, serviceId, byRow: new Map() }));
    const recent = (entry.byRow.get(row) ?? []).filter((instant) => at - instant < FAILURE_WINDOW_US);
    recent.push(at);
    entry.byRow.set(row, recent);
  }

  /** Rows with at least MAX_FAILURES recent failures of the service, and how many; undefined when there is none. */
  failing(serviceId: string, specVersion: number, now: TimeUs): ReadonlyMap<number, number> | undefined {
    if (this.#byService.size === 0) return undefined;
    const entry = this.#byService.get(`${specVersion}/${serviceId}`);
    if (entry === undefined) return undefined;
    let out: Map<number, number> | undefined;
    for (const [row, instants] of entry.byRow) {
      const count = recentCount(instants, now);
      if (count >= MAX_FAILURES) (out ??= new Map()).set(row, count);
    }
    return out;
  }

  /** Recent failures of one service on one node. */
  count(row: number, serviceId: string, specVersion: number, now: TimeUs): number {
    return recentCount(this.#byService.get(`${specVersion}/${serviceId}`)?.byRow.get(row) ?? [], now);
  }

  removeRow(row: number): void {
    for (const [key, entry] of this.#byService) {
      entry.byRow.delete(row);
      if (entry.byRow.size === 0) this.#byService.delete(key);
    }
  }

  save(): SavedFailures {
    const recent = [...this.#byService.values()].flatMap(({ specVersion, serviceId, byRow }) =>
      [...byRow].map(([row, instants]): SavedFailure => [specVersion, serviceId, row, [...instants]]),
    );
    return { sweptAt: this.#sweptAt, recent };
  }

  load(saved: SavedFailures): void {
    this.#sweptAt = saved.sweptAt;
    for (const [specVersion, serviceId, row, instants] of saved.recent) {
      const key = `${specVersion}/${serviceId}`;
      let entry = this.#byService.get(key);
      if (entry === undefined) this.#byService.set(key, (entry = { specVersion, serviceId, byRow: new Map() }));
      entry.byRow.set(row, [...instants]);
    }
  }

  /** Forgets what is too old to count, to bound memory; no decision can see it. */
  #sweep(now: TimeUs): void {
    this.#sweptAt = now;
    for (const [key, entry] of this.#byService) {
      for (const [row, instants] of entry.byRow) if (recentCount(instants, now) === 0) entry.byRow.delete(row);
      if (entry.byRow.size === 0) this.#byService.delete(key);
    }
  }
}

function recentCount(instants: readonly number[], now: TimeUs): number {
  let count = 0;
  for (const instant of instants) if (now - instant <= FAILURE_WINDOW_US) count++;
  return count;
}
