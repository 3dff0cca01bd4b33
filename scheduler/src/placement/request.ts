/**
 * What placement is asked and what it answers. Plain data in, plain data out: a decision changes nothing, whoever commits
 * it adds the tasks to the NodeSet.
 */
import type { Explain, Labels, NodeDescription, NodeRole, Platform, PortConfig, TaskSpec, TaskState } from '@paperfleet/core';

/** The parts of a node's description that filters read. A NodeDescription is one. */
export interface PlacementDescription
  extends Pick<NodeDescription, 'hostname' | 'nanoCpus' | 'memoryBytes' | 'engineLabels' | 'address' | 'generic' | 'plugins'> {
  /** Absent, or both fields empty: the node does not say. */
  readonly platform?: Platform;
}

/** A node as placement sees it. */
export interface PlacementNode {
  readonly id: string;
  /** For explanations. */
  readonly name: string;
  /** Status ready and availability active: the node takes new tasks. */
  readonly ready: boolean;
  readonly role: NodeRole;
  /** Node labels; engine labels are in the description. */
  readonly labels: Labels;
  readonly description: PlacementDescription;
}

/** A task that holds its reservations on a node: assigned, and observed no further than running. */
export interface PlacedTask {
  readonly id: string;
  readonly serviceId: string;
  readonly spec: TaskSpec;
  /** Ports of its service's endpoint, as copied at creation. */
  readonly ports: readonly PortConfig[];
  /** Counts as active, in the scores and for max replicas, while desired <= complete. */
  readonly desired: TaskState;
}

/** A group of equal tasks (same service, same spec version) that want nodes. A task without a spec version is a group of one. */
export interface PlacementRequest {
  readonly serviceId: string;
  readonly specVersion: number;
  readonly spec: TaskSpec;
  readonly ports: readonly PortConfig[];
  /** Number of tasks, >= 1. */
  readonly count: number;
  /** Name of a scheduler profile: see profile.ts. */
  readonly profile: string;
}

export type PlacedExplain = Extract<Explain, { code: 'PLACED' }>;
export type PendingExplain = Extract<Explain, { code: 'PENDING' }>;

/** What happened in the cluster that makes it worth trying a rejected task again. */
export type RequeueEvent = 'node.joined' | 'node.changed' | 'task.ended' | 'volume.changed';

/** Why some tasks of a group got no node. */
export interface Pending {
  /** How many: the last ones of the group, in task order. */
  readonly count: number;
  /** SwarmKit's sentence for the task's error: `no suitable node (insufficient resources on 3 nodes)`. */
  readonly message: string;
  /** Why every node was rejected, counted after this group's own placements. */
  readonly explain: PendingExplain;
  /** What the filters that rejected nodes wait for. */
  readonly requeueOn: readonly RequeueEvent[];
}

export interface GroupDecision {
  /** Node rows, one per placed task, in task order. Tasks past its end stay pending. */
  readonly nodeRows: Int32Array;
  readonly placed: number;
  /** Why the i-th task was placed where it is; built on demand from recorded figures, valid at any later time. */
  explain(index: number): PlacedExplain;
  /** Present when at least one task got no node. */
  readonly pending?: Pending;
}

/** Answer for a task whose node is already chosen (global services). `message` is the bare filter sentence. */
export type NodeCheck =
  | { readonly ok: true; readonly explain: PlacedExplain }
  | { readonly ok: false; readonly message: string; readonly explain: PendingExplain };
