/** Disks of one node: who may use them how fast, and what they have done. */
import { type CgroupColumns, NONE } from './columns.ts';
import { type IoCounters, type IoDevice, type IoRecord, type IoRequest, newIoRecord, pass } from './io.ts';
import type { IoMax } from './knobs.ts';

export interface SavedIo {
  readonly records: readonly (readonly [number, readonly (readonly [string, IoRecord])[]])[];
  readonly busy: readonly (readonly [string, number])[];
}

export class IoTable {
  readonly #columns: CgroupColumns;
  readonly #devices: ReadonlyMap<string, IoDevice>;
  readonly #records: Map<number, Map<string, IoRecord>> = new Map();
  /** Until when each device works on what it has been given. */
  readonly #busy: Map<string, number>;

  constructor(columns: CgroupColumns, devices: ReadonlyMap<string, IoDevice>, saved?: SavedIo) {
    this.#columns = columns;
    this.#devices = devices;
    this.#busy = new Map(saved?.busy);
    for (const [row, records] of saved?.records ?? [])
      this.#records.set(row, new Map(records.map(([device, record]) => [device, copyOf(record)])));
  }

  setMax(row: number, device: string, max: IoMax): void {
    const record = this.#recordOf(row, device);
    this.#records.get(row)!.set(device, { ...record, max });
  }

  /**
   * A request of a leaf, issued at `at`: passes the limits of all groups above it and then the device, which serves in
   * order of arrival. Counted at once in every group. @returns when it is done
   */
  issue(row: number, at: number, { device, write, bytes, operations }: IoRequest): number {
    let ready = at;
    for (let group = row; group !== NONE; group = this.#columns.parent[group]!) {
      const record = this.#recordOf(group, device);
      const { rbps, wbps, riops, wiops } = record.max;
      const passed = write ? pass(record.write, at, bytes, operations, wbps, wiops) : pass(record.read, at, bytes, operations, rbps, riops);
      ready = Math.max(ready, passed);
      count(record.counters, write, bytes, operations);
    }
    return this.#serve(device, at, ready, bytes, operations);
  }

  countersOf(row: number): readonly (readonly [string, IoCounters])[] {
    return [...(this.#records.get(row) ?? [])].map(([device, record]) => [device, record.counters]);
  }

  maxOf(row: number): readonly (readonly [string, IoMax])[] {
    return [...(this.#records.get(row) ?? [])].map(([device, record]) => [device, record.max]);
  }

  removed(row: number): void {
    this.#records.delete(row);
  }

  save(): SavedIo {
    return {
      records: [...this.#records].map(([row, records]) => [row, [...records].map(([device, record]) => [device, copyOf(record)] as const)]),
      busy: [...this.#busy],
    };
  }

  /** Time on the device itself; work that limits hold back does not occupy it meanwhile. */
  #serve(device: string, at: number, ready: number, bytes: number, operations: number): number {
    const speed = this.#devices.get(device);
    if (speed === undefined) return ready;
    const time = Math.max(Math.ceil((bytes * 1_000_000) / speed.bps), Math.ceil((operations * 1_000_000) / speed.iops));
    const done = Math.max(at, this.#busy.get(device) ?? 0) + time;
    this.#busy.set(device, done);
    return Math.max(ready, done);
  }

  #recordOf(row: number, device: string): IoRecord {
    let records = this.#records.get(row);
    if (records === undefined) {
      records = new Map();
      this.#records.set(row, records);
    }
    let record = records.get(device);
    if (record === undefined) {
      record = newIoRecord({});
      records.set(device, record);
    }
    return record;
  }
}

function count(counters: IoCounters, write: boolean, bytes: number, operations: number): void {
  if (write) {
    counters.wbytes += bytes;
    counters.wios += operations;
  } else {
    counters.rbytes += bytes;
    counters.rios += operations;
  }
}

const copyOf = (record: IoRecord): IoRecord => ({
  max: record.max,
  counters: { ...record.counters },
  read: { ...record.read },
  write: { ...record.write },
});
