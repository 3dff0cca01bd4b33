/** What is kept of a group's memory besides the columns: settings, kinds of pages, events, processes. */
import type { CgroupKnobs } from './knobs.ts';

export interface MemoryEvents {
  low: number;
  high: number;
  max: number;
  oom: number;
  oomKill: number;
  oomGroupKill: number;
}

/** A process beside the leaf's main one (whose anonymous memory stands in the columns). */
export interface ExtraProcess {
  readonly pid: number;
  anon: number;
  oomScoreAdj: number;
}

/** A file of which the group holds pages. Pages read once are inactive, pages read again active. */
export interface CachedFile {
  readonly name: string;
  inactive: number;
  active: number;
  /** Of the inactive bytes, those not yet written back. */
  dirty: number;
  /** Bytes that were pushed out since the file was last read, for refaults. */
  evicted: number;
}

export interface MemoryRecord {
  min: number;
  low: number;
  high: number;
  swapMax: number;
  oomGroup: boolean;
  /** Of the main process. */
  oomScoreAdj: number;
  kernel: number;
  swap: number;
  readonly files: CachedFile[];
  readonly processes: ExtraProcess[];
  readonly events: MemoryEvents;
  readonly localEvents: MemoryEvents;
  refaults: number;
  activations: number;
  scanned: number;
  stolen: number;
  faults: number;
  majorFaults: number;
  nextPid: number;
}

const noEvents = (): MemoryEvents => ({ low: 0, high: 0, max: 0, oom: 0, oomKill: 0, oomGroupKill: 0 });

export const newRecord = (): MemoryRecord => ({
  min: 0,
  low: 0,
  high: Infinity,
  swapMax: Infinity,
  oomGroup: false,
  oomScoreAdj: 0,
  kernel: 0,
  swap: 0,
  files: [],
  processes: [],
  events: noEvents(),
  localEvents: noEvents(),
  refaults: 0,
  activations: 0,
  scanned: 0,
  stolen: 0,
  faults: 0,
  majorFaults: 0,
  nextPid: 1,
});

/** True when settings need a record. */
export const needsRecord = ({ memoryMin, memoryLow, memoryHigh, memorySwapMax, memoryOomGroup }: CgroupKnobs): boolean =>
  [memoryMin, memoryLow, memoryHigh, memorySwapMax, memoryOomGroup].some((value) => value !== undefined);

export const inactiveFile = (record: MemoryRecord): number => record.files.reduce((sum, file) => sum + file.inactive, 0);
export const activeFile = (record: MemoryRecord): number => record.files.reduce((sum, file) => sum + file.active, 0);
export const dirtyFile = (record: MemoryRecord): number => record.files.reduce((sum, file) => sum + file.dirty, 0);

/** Records by row; made when first needed. */
export class MemoryRecords {
  readonly #rows: Map<number, MemoryRecord> = new Map();

  constructor(saved: readonly (readonly [number, MemoryRecord])[] = []) {
    for (const [row, record] of saved) this.#rows.set(row, copyOf(record));
  }

  peek(row: number): MemoryRecord | undefined {
    return this.#rows.get(row);
  }

  get(row: number): MemoryRecord {
    let record = this.#rows.get(row);
    if (record === undefined) {
      record = newRecord();
      this.#rows.set(row, record);
    }
    return record;
  }

  delete(row: number): void {
    this.#rows.delete(row);
  }

  save(): readonly (readonly [number, MemoryRecord])[] {
    return [...this.#rows].map(([row, record]) => [row, copyOf(record)]);
  }
}

function copyOf(record: MemoryRecord): MemoryRecord {
  return {
    ...record,
    files: record.files.map((file) => ({ ...file })),
    processes: record.processes.map((process) => ({ ...process })),
    events: { ...record.events },
    localEvents: { ...record.localEvents },
  };
}
