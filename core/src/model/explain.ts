/**
 * Why something happened: structured, language-neutral facts filled in by whoever decided. The pages and the command
 * hold one sentence template per code and never rebuild a reason of their own.
 */
import type { TimeUs } from '../units.ts';

export type Explain =
  /** A task was given a node. `nodesConsidered` = all nodes; rejected by filter name; score columns as compared, best first. */
  | {
      readonly code: 'PLACED';
      readonly node: string;
      readonly profile: string;
      readonly considered: number;
      readonly feasible: number;
      readonly rejected: Readonly<Record<string, number>>;
      /** What decided between feasible nodes, in the order compared (swarm: recentFailures, tasksOfService, tasksTotal). */
      readonly scores: readonly { readonly name: string; readonly value: number }[];
      readonly runnerUp?: { readonly node: string; readonly scores: readonly { readonly name: string; readonly value: number }[] };
    }
  /** No node takes the task. `message` is the real system's sentence; `nearest` the best near miss with its shortfall. */
  | {
      readonly code: 'PENDING';
      readonly message: string;
      readonly considered: number;
      readonly rejected: Readonly<Record<string, number>>;
      readonly nearest?: { readonly node: string; readonly filter: string; readonly detail: string };
      readonly wouldFitIf: readonly string[];
    }
  | { readonly code: 'SCALED'; readonly service: string; readonly from: number; readonly to: number; readonly by: string }
  | {
      readonly code: 'CREATED';
      readonly reason: 'replicas' | 'global' | 'job' | 'restart' | 'update';
      readonly slot: number;
      readonly replaces?: string;
    }
  | {
      readonly code: 'RESTART';
      readonly reason: 'exited' | 'node-down' | 'node-drained' | 'node-removed';
      readonly condition: string;
      readonly delayUs: number;
      readonly attempts: number;
      readonly maxAttempts: number;
    }
  | {
      readonly code: 'NOT_RESTARTED';
      readonly why: 'condition' | 'max-attempts' | 'node-paused' | 'constraints';
      readonly attempts: number;
      readonly maxAttempts: number;
    }
  | {
      readonly code: 'SHUTDOWN';
      readonly reason: 'scale-down' | 'update' | 'node-down' | 'drain' | 'removed' | 'superseded' | 'constraints';
    }
  | { readonly code: 'REJECTED'; readonly message: string; readonly detail: string }
  | { readonly code: 'EXITED'; readonly exitCode: number; readonly oomKilled: boolean; readonly message: string }
  | { readonly code: 'NODE_DOWN'; readonly node: string; readonly lastHeartbeat: TimeUs; readonly graceUs: number; readonly tasks: number }
  | { readonly code: 'NODE_READY'; readonly node: string; readonly session: number }
  | { readonly code: 'ROLLOUT'; readonly service: string; readonly state: string; readonly message: string }
  | { readonly code: 'COMMAND'; readonly command: string; readonly detail: string }
  | { readonly code: 'FAULT'; readonly fault: string; readonly detail: string }
  | { readonly code: 'NOTE'; readonly message: string };

export type ExplainCode = Explain['code'];

/** Where an event stands on the severity scale of the page. */
export type EventSeverity = 'info' | 'warning' | 'error';

/** One line of the event list. `cause` is the id of the event that led to this one, 0 for none. Ids rise by one. */
export interface ClusterEvent {
  readonly id: number;
  readonly at: TimeUs;
  readonly cause: number;
  readonly severity: EventSeverity;
  /** Short stable name: 'task.assigned', 'node.down', … (docs/events.md). */
  readonly kind: string;
  readonly service?: string;
  readonly task?: string;
  readonly node?: string;
  readonly explain: Explain;
}
