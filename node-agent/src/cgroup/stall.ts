/**
 * Waiting for memory or for a device, as pressure: a leaf's process sleeps for a while; "some" holds in every group above
 * it, "full" where nothing else of the group could run meanwhile.
 */
import { type CgroupColumns, NONE } from './columns.ts';
import { EventHeap } from './event-heap.ts';
import type { PressureReading, PressureTable } from './pressure.ts';
import { NO_PRESSURE } from './pressure.ts';
import { MILLION } from './work.ts';

export interface SavedStalls {
  readonly due: readonly (readonly [number, number])[];
  readonly pressure: readonly (readonly [number, number])[];
  readonly waiting: readonly (readonly [number, number])[];
}

export class StallTable {
  readonly #columns: CgroupColumns;
  readonly #table: PressureTable;
  /** When each waiting leaf goes on. */
  readonly #heap: EventHeap = new EventHeap();
  readonly #until: Map<number, number> = new Map();
  /** Row of the pressure table by group. */
  readonly #pressure: Map<number, number>;
  /** Waiting leaves at or below each group. */
  readonly #waiting: Map<number, number>;

  constructor(columns: CgroupColumns, table: PressureTable, saved?: SavedStalls) {
    this.#columns = columns;
    this.#table = table;
    this.#pressure = new Map(saved?.pressure);
    this.#waiting = new Map(saved?.waiting);
    for (const [row, due] of saved?.due ?? []) {
      this.#heap.set(row, due);
      this.#until.set(row, due);
    }
  }

  /** When the leaf's process goes on; `at` or before: it is not waiting. */
  untilOf(row: number): number {
    return this.#until.get(row) ?? 0;
  }

  get next(): number {
    return this.#heap.next;
  }

  /** The leaf's process sleeps from `at`, or from the end of its present sleep, for that long. Returns when it goes on. */
  begin(row: number, at: number, us: number): number {
    this.advance(at);
    if (us <= 0) return Math.max(at, this.untilOf(row));
    const waiting = this.#until.has(row);
    const until = (waiting ? this.untilOf(row) : at) + us;
    this.#until.set(row, until);
    this.#heap.set(row, until);
    if (!waiting) this.#count(row, at, 1);
    return until;
  }

  /** Ends all waits that are over at `at`. */
  advance(at: number): void {
    while (this.#heap.next <= at) this.#end(this.#heap.first, this.#heap.next);
  }

  /** Threads of the row have started or stopped at `at`. */
  refresh(row: number, at: number): void {
    if (this.#waiting.size === 0) return;
    for (let group = row; group !== NONE; group = this.#columns.parent[group]!) if (this.#waiting.has(group)) this.#set(group, at);
  }

  /** The row's processes are gone, or its group is. */
  cancel(row: number, at: number): void {
    this.advance(at);
    if (this.#until.has(row)) this.#end(row, at);
  }

  removed(row: number): void {
    const pressure = this.#pressure.get(row);
    if (pressure !== undefined) this.#table.release(pressure);
    this.#pressure.delete(row);
  }

  read(row: number, at: number): PressureReading {
    this.advance(at);
    const pressure = this.#pressure.get(row);
    return pressure === undefined ? NO_PRESSURE : this.#table.read(pressure, at);
  }

  save(): SavedStalls {
    return { due: this.#heap.save(), pressure: [...this.#pressure], waiting: [...this.#waiting] };
  }

  #end(row: number, at: number): void {
    this.#heap.set(row, Infinity);
    this.#until.delete(row);
    this.#count(row, at, -1);
  }

  #count(row: number, at: number, more: number): void {
    for (let group = row; group !== NONE; group = this.#columns.parent[group]!) {
      const waiting = (this.#waiting.get(group) ?? 0) + more;
      if (waiting === 0) this.#waiting.delete(group);
      else this.#waiting.set(group, waiting);
      this.#set(group, at);
    }
  }

  #set(group: number, at: number): void {
    const waits = (this.#waiting.get(group) ?? 0) > 0;
    let pressure = this.#pressure.get(group);
    if (pressure === undefined) {
      if (!waits) return;
      pressure = this.#table.allocate(at, this.#columns.born[group]!);
      this.#pressure.set(group, pressure);
    }
    const full = waits && this.#columns.threads[group] === 0;
    this.#table.set(pressure, at, waits ? MILLION : 0, full ? MILLION : 0);
  }
}
