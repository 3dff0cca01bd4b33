/**
 * The objects the control plane keeps. Three fields, three writers: `spec` is the user's intent, `desired` the managers'
 * will, `state`/`status` what agents observed. Records are mutated only inside `Store.commit`; everybody else reads.
 */
import type {
  Availability,
  Explain,
  Labels,
  NodeDescription,
  NodeRole,
  NodeStatus,
  PartyId,
  PortConfig,
  ServiceSpec,
  StackSpec,
  TaskSpec,
  TaskState,
  TimeUs,
  Version,
} from '@paperfleet/core';

export interface NodeRecord {
  /** Dense number, never reused within a run; index of every node column. */
  readonly row: number;
  /** 25 characters, base 36. */
  readonly id: string;
  /** For people: n1, n2, … */
  readonly name: string;
  /** Identity across rejoins: the agent host's name and the agent's index in it. */
  readonly key: string;
  readonly zone: string;
  version: Version;
  /** The party that speaks for this node now; changes when the machine joins again. */
  party: PartyId;
  description: NodeDescription;
  labels: Labels;
  availability: Availability;
  role: NodeRole;
  status: NodeStatus;
  statusMessage: string;
  statusAt: TimeUs;
  /** Session number, 0 when none is open. */
  session: number;
  lastHeartbeat: TimeUs;
  joinedAt: TimeUs;
  /** Reality as inputs tell it (the manager's decisions never read this; pages show it beside the belief). */
  truth: 'up' | 'crashed' | 'partitioned' | 'lost';
}

/** Where a rolling update or a rollback stands; SwarmKit's names in lower case. */
export type UpdateState = 'updating' | 'paused' | 'completed' | 'rollback_started' | 'rollback_paused' | 'rollback_completed';

export interface UpdateStatus {
  readonly state: UpdateState;
  readonly message: string;
  readonly startedAt: TimeUs;
  readonly completedAt: TimeUs | undefined;
}

export interface ServiceRecord {
  readonly row: number;
  readonly id: string;
  version: Version;
  spec: ServiceSpec;
  /** Zero at creation; on an update the version the update was based on. Decides which tasks are current. */
  specVersion: Version;
  previousSpec: ServiceSpec | undefined;
  previousSpecVersion: Version;
  readonly stack: string;
  readonly createdAt: TimeUs;
  updatedAt: TimeUs;
  /** Id of the event that last changed the spec: cause of what the orchestrators then do. */
  cause: number;
  updateStatus: UpdateStatus | undefined;
  /** Published ports as allocated: those of the spec, with a port from 30000–32767 where it says 0. */
  ports: readonly PortConfig[];
  jobIteration: number;
  requestsPerSecond: number;
}

export interface TaskRecord {
  readonly row: number;
  readonly id: string;
  readonly serviceId: string;
  /** 0 for global services and for the first task of a replicated job. */
  readonly slot: number;
  version: Version;
  /** Copied at creation, never changed. */
  readonly spec: TaskSpec;
  /** The service's endpoint as it was when the task was created. */
  readonly endpoint: ServiceSpec['endpoint'];
  /** One task per node (global services): the node, not the slot, tells tasks that replace each other. */
  readonly global: boolean;
  readonly serviceName: string;
  readonly specVersion: Version;
  readonly jobIteration: number;
  /** Node id, '' until assigned (preset for global services). */
  nodeId: string;
  desired: TaskState;
  state: TaskState;
  message: string;
  error: string;
  exitCode: number | undefined;
  oomKilled: boolean;
  /** Named or counted generic resources claimed on the node, undefined when the task reserves none or has no node. */
  generic: Readonly<Record<string, number | readonly string[]>> | undefined;
  /** Instant of the observation, by the agent's clock, and the instant the manager applied it. */
  stateAt: TimeUs;
  appliedAt: TimeUs;
  readonly createdAt: TimeUs;
  /** Id of the event to blame for the newest change of this task. */
  cause: number;
  /** The newest decision about this task: PLACED, PENDING, RESTART … Undefined after a very large round: then the event `cause` leads to it. */
  explain: Explain | undefined;
  /** 0 none, 1 starting, 2 healthy, 3 unhealthy. */
  health: number;
}

/** A named stack as deployed, to prune and to remove it. */
export interface StackRecord {
  readonly name: string;
  version: Version;
  spec: StackSpec;
}

/** What changed in one commit, one entry per object; listeners get the list once, at the end of the commit. */
export type Change =
  | { readonly kind: 'node'; readonly op: 'create' | 'update' | 'remove'; readonly record: NodeRecord }
  | { readonly kind: 'service'; readonly op: 'create' | 'update' | 'remove'; readonly record: ServiceRecord }
  | {
      readonly kind: 'task';
      readonly op: 'create' | 'update' | 'remove';
      readonly record: TaskRecord;
      readonly oldState: TaskState;
      readonly oldDesired: TaskState;
      readonly oldNodeId: string;
    };
