/** The node's containers as rows of numbers, row-major in one typed array; a row is reused after its container has ended. */
import { assert } from '@paperfleet/core';
import type { LocalTask } from './local-task.ts';

/** Where a container's process stands. `draining`: it is leaving its networks before it is told to stop. */
export const PHASE = { free: 0, created: 1, starting: 2, running: 3, draining: 4, stopping: 5 } as const;

export const CONTAINER = {
  phase: 0,
  /** Number on this node, never used twice. */
  number: 1,
  /** Index in the task's spec. */
  index: 2,
  /** Instants: process started; program answers. */
  startedAt: 3,
  bootedAt: 4,
  /** 0 no health check, 1 starting, 2 healthy, 3 unhealthy; probes failed in a row. */
  health: 5,
  failures: 6,
  /** Timers, 0: none. */
  lifeTimer: 7,
  stopTimer: 8,
  demandTimer: 9,
  probeTimer: 10,
  /** Exit codes that come with lifeTimer and stopTimer. */
  lifeCode: 11,
  stopCode: 12,
  /** Outcome of the probe under way: 1 healthy. */
  probeResult: 13,
  /** CPU time at the last statistics, µs; reports since its name was told in this session, -1: not told. */
  reportedUs: 14,
  told: 15,
} as const;
export type ContainerColumn = (typeof CONTAINER)[keyof typeof CONTAINER];
const STRIDE = 16;

export interface SavedContainers {
  readonly columns: Float64Array;
  readonly owners: readonly string[];
  readonly free: readonly number[];
  readonly nextNumber: number;
}

export class ContainerTable {
  #columns: Float64Array = new Float64Array(0);
  readonly #owners: (LocalTask | undefined)[] = [];
  /** Freed rows, last freed first to be reused. */
  readonly #free: number[] = [];
  #nextNumber = 1;

  /** @param taskOf – the local task of an id, for restoring. */
  constructor(saved: SavedContainers | undefined, taskOf: (id: string) => LocalTask | undefined) {
    if (saved === undefined) return;
    this.#columns = saved.columns.slice();
    this.#owners.push(...saved.owners.map((id) => (id === '' ? undefined : taskOf(id))));
    this.#free.push(...saved.free);
    this.#nextNumber = saved.nextNumber;
  }

  /** Rows end below this. */
  get rows(): number {
    return this.#owners.length;
  }
  /** Containers there are. */
  get size(): number {
    return this.#owners.length - this.#free.length;
  }
  /** Bytes of typed arrays. */
  get columnBytes(): number {
    return this.#columns.byteLength;
  }

  get(row: number, column: ContainerColumn): number {
    return this.#columns[row * STRIDE + column]!;
  }
  set(row: number, column: ContainerColumn, value: number): void {
    this.#columns[row * STRIDE + column] = value;
  }
  owner(row: number): LocalTask {
    const task = this.#owners[row];
    assert(task !== undefined, 'a row without a container is used', { row });
    return task;
  }

  /** A new container, in phase `created`. */
  add(task: LocalTask, index: number): number {
    const row = this.#free.pop() ?? this.#owners.length;
    if ((row + 1) * STRIDE > this.#columns.length) {
      const columns = new Float64Array(Math.max(row + 1, Math.ceil(this.#owners.length * 1.25) + 1) * STRIDE);
      columns.set(this.#columns);
      this.#columns = columns;
    }
    this.#owners[row] = task;
    this.set(row, CONTAINER.phase, PHASE.created);
    this.set(row, CONTAINER.number, this.#nextNumber++);
    this.set(row, CONTAINER.index, index);
    this.set(row, CONTAINER.told, -1);
    return row;
  }

  remove(row: number): void {
    this.#owners[row] = undefined;
    this.#columns.fill(0, row * STRIDE, (row + 1) * STRIDE); // PHASE.free
    this.#free.push(row);
  }

  save(): SavedContainers {
    return {
      columns: this.#columns.slice(0, this.#owners.length * STRIDE),
      owners: this.#owners.map((task) => task?.id ?? ''),
      free: [...this.#free],
      nextNumber: this.#nextNumber,
    };
  }
}
