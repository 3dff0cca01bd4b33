/** Read access to the store: what the API, pages and command may use. */
import type { ClusterEvent, TimeUs, Version } from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord, StackRecord, TaskRecord } from './records.ts';

export interface StoreView {
  readonly version: Version;
  /** By id. Iteration is in order of creation. */
  readonly nodes: ReadonlyMap<string, NodeRecord>;
  readonly services: ReadonlyMap<string, ServiceRecord>;
  readonly tasks: ReadonlyMap<string, TaskRecord>;
  readonly stacks: ReadonlyMap<string, StackRecord>;
  /** By name, id, or unambiguous id prefix. */
  findNode(reference: string): NodeRecord | undefined;
  findService(reference: string): ServiceRecord | undefined;
  /** Also `service.slot` (the newest task of that slot). */
  findTask(reference: string): TaskRecord | undefined;
  tasksOfService(serviceId: string): readonly TaskRecord[];
  tasksOfNode(nodeId: string): readonly TaskRecord[];
  watch(listener: (changes: readonly Change[]) => void): () => void;
}

/** The event list: a bounded ring of the newest events, ids rising by one from 1. */
export interface EventLogView {
  readonly lastId: number;
  readonly firstId: number;
  /** Up to `limit` events with id < before (or the newest), newest last. */
  newest(limit: number, before?: number): readonly ClusterEvent[];
  get(id: number): ClusterEvent | undefined;
  /** Events about `node:NAME`, `service:NAME` or `task:ID`, newest last. */
  about(subject: string, limit: number): readonly ClusterEvent[];
  watch(listener: (event: ClusterEvent) => void): () => void;
}

/** Newest statistics and one-second history of nodes and services. */
export interface MetricsView {
  /** Columns by node row. */
  readonly nodeCpuNano: Float64Array;
  readonly nodeMemoryBytes: Float64Array;
  /** Instant of the newest report by node row, -1 when none. */
  readonly nodeAt: Float64Array;
  /** Newest CPU (nano-CPUs), memory (bytes) and throttled share (0 to 1000) of a task. */
  task(taskId: string): { readonly cpuNano: number; readonly memoryBytes: number; readonly throttledPermille: number } | undefined;
  service(serviceId: string): { readonly cpuNano: number; readonly memoryBytes: number; readonly throttledPermille: number };
  /** History bucketed; `subject` is `node:ID` or `service:ID`. Undefined when the subject is unknown. */
  range(
    subject: string,
    from: TimeUs,
    to: TimeUs,
    buckets: number,
  ):
    | {
        fromUs: number;
        bucketUs: number;
        series: readonly {
          name: string;
          unit: string;
          min: (number | null)[];
          avg: (number | null)[];
          max: (number | null)[];
          last: (number | null)[];
        }[];
      }
    | undefined;
}
