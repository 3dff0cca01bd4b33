/**
 * Answers of the HTTP API that pages do not need but the `paperfleet` command and other programs do. The endpoints:
 *
 *   GET  /healthz                              → { status, simUs }
 *   GET  /api/runs/:run                        → RunStatus
 *   GET  /api/runs/:run/{nodes,services,tasks} → { nodes | services | tasks }
 *   GET  /api/runs/:run/nodes/:ref, services/:ref, tasks/:ref → NodeDetail, ServiceDetail, TaskDetail
 *   POST /api/runs/:run/deploy                 → DeployAnswer
 *   GET  /api/runs/:run/digest                 → RunDigest
 *   GET  /api/runs/:run/journal?after=SEQ&limit=N → JournalPage
 *   GET  /api/runs/:run/events?after=ID | before=ID → EventPage
 *
 * Times are microseconds of simulated time.
 */
import type { Diagnostic } from '../model/diagnostic.ts';
import type { ClusterEvent, Explain } from '../model/explain.ts';
import type { JournaledInput } from '../model/input.ts';
import type { NodeDescription } from '../model/node.ts';
import type { ServiceSpec, TaskSpec } from '../model/spec.ts';
import type { TaskStateName } from '../model/task-state.ts';
import type { NodeView, RunSummary, ServiceView, Totals } from './live.ts';

/** A task with names instead of row numbers. */
export interface TaskRow {
  readonly id: string;
  /** `web.3`; for tasks without a slot `web.NODE`. */
  readonly name: string;
  readonly service: string;
  readonly slot: number;
  /** The node's name, '' without a node. */
  readonly node: string;
  readonly image: string;
  readonly state: TaskStateName;
  readonly desired: TaskStateName;
  /** Instant of the last state change. */
  readonly sinceUs: number;
  readonly createdUs: number;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly message: string;
  readonly error: string;
  readonly exitCode: number | null;
  readonly cpuNano: number;
  readonly memoryBytes: number;
}

export interface TaskDetail {
  readonly task: TaskRow;
  readonly spec: TaskSpec;
  /** The newest decision about this task, null when there was none. */
  readonly explain: Explain | null;
  /** Id of the event to blame for its newest change, 0 for none. */
  readonly cause: number;
}

export interface ServiceDetail {
  readonly service: ServiceView;
  readonly version: number;
  readonly createdUs: number;
  readonly updatedUs: number;
  readonly spec: ServiceSpec;
  readonly tasks: readonly TaskRow[];
}

export interface NodeDetail {
  readonly node: NodeView;
  readonly joinedUs: number;
  readonly description: NodeDescription;
  readonly tasks: readonly TaskRow[];
}

/** A run at a glance. */
export interface RunStatus {
  readonly run: RunSummary;
  readonly build: string;
  readonly totals: Totals;
  readonly nodes: { readonly total: number; readonly ready: number; readonly down: number; readonly notActive: number };
  readonly services: { readonly total: number; readonly converged: number };
  readonly tasks: { readonly desired: number; readonly running: number; readonly starting: number; readonly pending: number };
  readonly reservedNanoCpus: number;
  readonly nanoCpus: number;
  readonly reservedMemoryBytes: number;
  readonly memoryBytes: number;
  readonly lastEvent: number;
}

export interface RunDigest {
  readonly at: number;
  readonly digest: string;
}

export interface JournalPage {
  readonly inputs: readonly JournaledInput[];
  /** True when there are more after the last of these. */
  readonly more: boolean;
}

export interface EventPage {
  /** Oldest first. */
  readonly events: readonly ClusterEvent[];
  /** Ids of the oldest and newest event that are still held. */
  readonly firstId: number;
  readonly lastId: number;
}

export interface DeployRequest {
  /** Compose files in order; later ones override earlier ones. Paths are relative to the first file's folder. */
  readonly files: readonly { readonly path: string; readonly text: string }[];
  /** Stack name: prefix of the service names. Absent: the files' `name`, else none. */
  readonly name?: string;
  /** Variables for interpolation. */
  readonly env?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
  /** Remove the stack's services that the files no longer name. */
  readonly prune?: boolean;
}

export interface DeployAnswer {
  readonly seq: number;
  readonly at: number;
  readonly stack: string;
  readonly services: readonly string[];
  readonly warnings: readonly Diagnostic[];
}
