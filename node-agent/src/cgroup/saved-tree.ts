/** What a tree hands to a checkpoint. */
import type { Burst } from './bandwidth.ts';
import type { SavedColumns } from './columns.ts';
import type { SavedCpu } from './cpu.ts';
import type { SavedIo } from './io-table.ts';
import type { MemoryRecord } from './memory-record.ts';
import type { SavedPressure } from './pressure.ts';
import type { SavedStalls } from './stall.ts';

type Rows<T> = readonly (readonly [number, T])[];

export interface SavedTree {
  readonly columns: SavedColumns;
  readonly pressure: SavedPressure;
  readonly bursts: Rows<Burst>;
  readonly cpusets: Rows<readonly number[]>;
  readonly names: readonly string[];
  readonly free: readonly number[];
  readonly suspended: Rows<{ readonly rate: number; readonly threads: number; readonly busy: boolean; readonly targetUs: number }>;
  readonly made: number;
  readonly cpu: SavedCpu;
  readonly memory: Rows<MemoryRecord>;
  readonly io: SavedIo;
  readonly pids: Rows<number>;
  readonly memoryStalls: SavedStalls;
  readonly ioStalls: SavedStalls;
}
