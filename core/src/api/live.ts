/**
 * The live-data protocol between the manager's HTTP/WebSocket API and a page: a columnar snapshot, then deltas.
 *
 *   GET  /api/runs/:run/snapshot            → Snapshot
 *   WS   /api/runs/:run/live?from=SEQ       → ServerFrame as JSON text
 *   POST /api/runs/:run/commands            → CommandRequest → CommandAck (202) | ApiError
 *   POST /api/runs/:run/playback            → PlaybackRequest → PlaybackState
 *   POST /api/runs/:run/faults              → FaultRequest → CommandAck
 *   GET  /api/runs/:run/events?before=ID&limit=N&subject=…   → { events: ClusterEvent[] }
 *   GET  /api/runs/:run/metrics?subject=node:n1&from=US&to=US&buckets=300 → MetricRange
 *   GET  /api/runs/:run/why/:subject        → Why
 *   GET  /api/runs                          → RunSummary[];  POST /api/runs/:run/rewind {at} → Snapshot of the past; POST /api/runs/:run/fork {at} → RunSummary
 *   GET  /api/openapi.json                  → the whole API, generated; what else there is: rest.ts
 *
 * `:run` is a run's name; `live` always names the main one. Times are microseconds of simulated time unless said.
 */
import type { Command, Fault } from '../model/input.ts';
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ClusterEvent } from '../model/explain.ts';
import type { Availability, NodeStatus } from '../model/node.ts';
import type { Labels, PortConfig } from '../model/spec.ts';
import type { TaskState } from '../model/task-state.ts';

export const LIVE_PROTOCOL = 1;

/** A node as shown: what the manager believes (`status`, `lastHeartbeatUs`) and what really is (`truth`). */
export interface NodeView {
  readonly row: number;
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly status: NodeStatus;
  readonly availability: Availability;
  /** Reality: up; crashed by a fault; cut off by a link fault; its agent process is gone. */
  readonly truth: 'up' | 'crashed' | 'partitioned' | 'lost';
  readonly statusMessage: string;
  readonly lastHeartbeatUs: number;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly reservedNanoCpus: number;
  readonly reservedMemoryBytes: number;
  readonly labels: Labels;
  readonly engineLabels: Labels;
  /** Tasks with desired <= complete that are not terminal. */
  readonly tasks: number;
}

export interface ServiceView {
  readonly row: number;
  readonly id: string;
  readonly name: string;
  readonly stack: string;
  readonly image: string;
  readonly mode: 'replicated' | 'global' | 'replicated-job' | 'global-job';
  readonly desired: number;
  readonly running: number;
  /** Tasks wanted but not yet running, and those of them without a node. */
  readonly starting: number;
  readonly pending: number;
  readonly ports: readonly PortConfig[];
  readonly requestsPerSecond: number;
  readonly updateStatus: string;
  readonly limitNanoCpus: number;
  readonly limitMemoryBytes: number;
  readonly reservedNanoCpus: number;
  readonly reservedMemoryBytes: number;
}

/** Tasks as columns: one entry per task in each array. `row` is the task's number in this run, never used twice. */
export interface TaskColumns {
  readonly row: readonly number[];
  /** '' in a delta for a task that pages have already been told of: ids never change and are most of a row's bytes. */
  readonly id: readonly string[];
  readonly service: readonly number[]; // ServiceView.row, -1 when the service is gone
  readonly slot: readonly number[];
  readonly node: readonly number[]; // NodeView.row, -1 without a node
  readonly state: readonly TaskState[]; // observed by the manager
  readonly desired: readonly TaskState[];
  readonly sinceUs: readonly number[]; // instant of the last state change
  readonly error: readonly (string | 0)[];
  /** 0 none, 1 starting, 2 healthy, 3 unhealthy. */
  readonly health: readonly number[];
}

export interface PlaybackState {
  readonly paused: boolean;
  /** Wanted speed, simulated seconds per wall second; 0 is as fast as possible. */
  readonly speed: number;
  /** Speed reached over the last second or two of wall time. */
  readonly reachedSpeed: number;
  readonly simUs: number;
  /** True while a host that is expected is not there and simulated time stands still for it. */
  readonly waitingFor: readonly string[];
}

export interface Totals {
  readonly hosts: number;
  readonly agents: number;
  readonly windows: number;
  readonly eventsProcessed: number;
}

export interface Snapshot {
  readonly protocol: typeof LIVE_PROTOCOL;
  readonly run: string;
  readonly parent: string | null;
  readonly seed: string;
  readonly seq: number;
  readonly playback: PlaybackState;
  readonly totals: Totals;
  readonly nodes: readonly NodeView[];
  readonly services: readonly ServiceView[];
  readonly tasks: TaskColumns;
  /** The newest events, oldest first (at most 200). */
  readonly events: readonly ClusterEvent[];
}

/** Lossless state changes since the previous frame; whole records replace old ones by row. */
export interface DeltaFrame {
  readonly type: 'delta';
  readonly seq: number;
  readonly playback: PlaybackState;
  readonly totals: Totals;
  readonly nodes?: readonly NodeView[];
  readonly removedNodes?: readonly number[];
  readonly services?: readonly ServiceView[];
  readonly removedServices?: readonly number[];
  readonly tasks?: TaskColumns;
  readonly removedTasks?: readonly number[];
  /** New events; when more than 200 happened since the last frame only the newest 200, `eventsSkipped` counts the rest (all are in the log). */
  readonly events?: readonly ClusterEvent[];
  readonly eventsSkipped?: number;
}

/** CPU and memory of every node and service as of the newest statistics; at most twice a wall second. */
export interface MetricsFrame {
  readonly type: 'metrics';
  readonly simUs: number;
  /** Columns: node row, CPU used (milli-CPU), memory (MiB, one decimal ×10 as integer). */
  readonly nodes: { readonly row: readonly number[]; readonly cpuMilli: readonly number[]; readonly memoryTenthMiB: readonly number[] };
  readonly services: {
    readonly row: readonly number[];
    readonly cpuMilli: readonly number[];
    readonly memoryTenthMiB: readonly number[];
    readonly throttledPermille: readonly number[];
  };
  /**
   * Running tasks, for the fill of the map's cells: CPU and memory used in thousandths of the task's limit, or of its reservation
   * without a limit (memory then of the node's memory when neither is set; CPU of one core). Absent: pages fall back to the service's mean.
   */
  readonly tasks?: { readonly row: readonly number[]; readonly cpuPermille: readonly number[]; readonly memoryPermille: readonly number[] };
}

export type ServerFrame =
  | { readonly type: 'hello'; readonly protocol: number; readonly run: string; readonly seq: number; readonly role: 'operator' | 'viewer' }
  /** Start over with this: sent first when `from` is too old or absent, and to a page that fell behind. */
  | { readonly type: 'snapshot'; readonly snapshot: Snapshot }
  | DeltaFrame
  | MetricsFrame;

/** Page → server. */
export type ClientFrame =
  /** Metric frames per second (0 to 2); 0 while the tab is hidden, which also stops deltas until it is raised again (a snapshot follows). */
  { readonly type: 'rate'; readonly perSecond: number };

export interface CommandRequest {
  readonly command: Command;
  /** Idempotency key; also taken from the header Idempotency-Key. The same key gives the same answer and acts once. */
  readonly key?: string;
}
export interface CommandAck {
  readonly seq: number; // journal sequence
  readonly at: number; // instant it takes effect
}
export interface FaultRequest {
  /** Node names or ids; for killTask the task's node is found from the task. */
  readonly nodes?: readonly string[];
  readonly fault: Fault | { readonly fault: 'partition'; readonly direction: 'both' | 'up' | 'down' } | { readonly fault: 'heal' };
}
export type PlaybackRequest =
  | { readonly do: 'pause' | 'resume' }
  | { readonly do: 'speed'; readonly speed: number }
  /** One window, or up to and including the next event that the event list shows. */
  | { readonly do: 'step'; readonly until: 'window' | 'event' };

/** `path` is the place in the body or query that is wrong; `details` what a file loader found, place by place. */
export interface ApiError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly hint?: string;
    readonly path?: string;
    readonly details?: readonly Diagnostic[];
  };
}

export interface MetricSeries {
  readonly name: 'cpuNano' | 'memoryBytes' | 'throttledPermille' | 'running' | 'desired';
  readonly unit: string;
  /** One entry per bucket; null where there is no sample. */
  readonly min: readonly (number | null)[];
  readonly avg: readonly (number | null)[];
  readonly max: readonly (number | null)[];
  readonly last: readonly (number | null)[];
}
export interface MetricRange {
  readonly subject: string;
  readonly fromUs: number;
  readonly bucketUs: number;
  readonly series: readonly MetricSeries[];
}

/** The answer to "why": the newest explaining event of a subject, the chain of causes up to a command or fault, and what is so now. */
export interface Why {
  readonly subject: string; // task:ID, service:NAME, node:NAME
  readonly summary: string;
  readonly events: readonly ClusterEvent[]; // newest first, those about the subject
  readonly chain: readonly ClusterEvent[]; // from the newest explaining event back to its first cause
}

export interface RunSummary {
  readonly name: string;
  readonly parent: string | null;
  readonly forkedAtUs: number | null;
  readonly seed: string;
  readonly playback: PlaybackState;
}
