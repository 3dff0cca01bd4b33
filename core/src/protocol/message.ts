/**
 * Messages between parties: the simulated part of the session protocol. Each travels over the modelled link of its
 * sender (latency, faults) and, between processes, as one frame (frame.ts) of the node agent's WebSocket.
 *
 * A session survives loss, delay and duplication: assignments are numbered (`appliesTo` → `resultsIn`; a gap makes the
 * agent ask for a full set), statuses are resent until acknowledged, heartbeats carry the session's number.
 */
import type { NodeDescription } from '../model/node.ts';
import type { TaskSpec } from '../model/spec.ts';
import type { TaskState } from '../model/task-state.ts';
import type { DurationUs, TimeUs } from '../units.ts';

/** A task as the agent needs it. */
export interface AssignedTask {
  readonly id: string;
  readonly serviceId: string;
  readonly serviceName: string;
  readonly slot: number;
  readonly desired: TaskState;
  /** Index into the message's `specs`. */
  readonly spec: number;
}

/** An agent's report on one task; the newest per task wins. */
export interface TaskStatus {
  readonly id: string;
  readonly state: TaskState;
  readonly at: TimeUs;
  readonly message: string;
  readonly error?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
  /** 0 (or absent) no health check, 1 starting, 2 healthy, 3 unhealthy; the worst of the task's containers. */
  readonly health?: number;
}

/** Columns of a statistics report, one fixed 64-byte row per container (protocol/statistics.ts). */
export interface Statistics {
  /** End of the interval the rates cover. */
  readonly at: TimeUs;
  readonly intervalUs: DurationUs;
  /** Node totals: CPU used over the interval in nano-CPUs, memory in bytes, network and disk in bytes. */
  readonly nodeCpuNano: number;
  readonly nodeMemoryBytes: number;
  /** Row r describes the container with this number on its node (container numbers are dealt by the agent, told in `names`). */
  readonly count: number;
  /** STATISTICS_COLUMNS numbers per container, row-major. */
  readonly values: Float64Array;
  /** For rows seen for the first time since the session began: container number → task id. */
  readonly names: readonly (readonly [number, string])[];
}

/** Column indexes of `Statistics.values`; on the wire a row is 64 bytes. */
export const STAT = {
  container: 0, // container number on its node (u32)
  state: 1, // 1 running, 2 paused, 3 unhealthy (u8)
  cpuNano: 2, // CPU used over the interval, nano-CPUs (f64: averages of billions)
  cpuUsageUs: 3, // cumulative cpu.stat usage_usec (u64 as f64)
  nrPeriods: 4, // cumulative (u32)
  nrThrottled: 5, // cumulative (u32)
  throttledUs: 6, // cumulative (f64)
  memoryBytes: 7, // memory.current (f64)
  memoryPeakBytes: 8, // memory.peak (f64)
  oomKills: 9, // cumulative (u16)
  restarts: 10, // of this container in place (u16)
} as const;
export const STATISTICS_COLUMNS = 11;

export type Message =
  /** Agent → manager: opens a session; answered by `registered`. `attempt` tells apart answers to different tries. */
  | { readonly type: 'register'; readonly attempt: number; readonly description: NodeDescription }
  /** Manager → agent. `full` assignments follow in a message of their own. */
  | { readonly type: 'registered'; readonly attempt: number; readonly session: number; readonly periodUs: DurationUs }
  /** Manager → agent: the session is over (`node not registered`, `session invalid`); the agent registers again after its back-off. */
  | { readonly type: 'refused'; readonly session: number; readonly reason: string }
  | { readonly type: 'heartbeat'; readonly session: number }
  /**
   * `resultsIn`: number of the newest assignments sent in this session. An agent that has not reached it a while later asks for a
   * full set; without it the loss of the last assignments before a silence would stay unnoticed.
   */
  | { readonly type: 'heartbeatAck'; readonly session: number; readonly periodUs: DurationUs; readonly resultsIn?: number }
  | {
      readonly type: 'assignments';
      readonly session: number;
      readonly full: boolean;
      readonly appliesTo: number;
      readonly resultsIn: number;
      readonly specs: readonly TaskSpec[];
      readonly update: readonly AssignedTask[];
      readonly remove: readonly string[];
      /** Load settings that changed (all of them when `full`): service id → thousandths of a request per second for each of its running replicas. */
      readonly loads: readonly (readonly [string, number])[];
    }
  /** Agent → manager: a gap in the numbering was seen; the manager answers with a full set. */
  | { readonly type: 'resync'; readonly session: number; readonly at: number }
  | { readonly type: 'status'; readonly session: number; readonly batch: number; readonly updates: readonly TaskStatus[] }
  | { readonly type: 'statusAck'; readonly session: number; readonly batch: number }
  | { readonly type: 'statistics'; readonly session: number; readonly statistics: Statistics }
  /** Agent → manager: an orderly leave. */
  | { readonly type: 'bye'; readonly session: number; readonly reason: string };

export type MessageType = Message['type'];
