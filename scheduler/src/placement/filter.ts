/**
 * The plugin point of placement: a filter says which nodes a task may not run on, and why. Filters run in the order of their
 * profile and the first that rejects a node is the one that is counted for it.
 */
import type { NodeSet } from './node-set.ts';
import type { TaskNeeds } from './needs.ts';
import type { RequeueEvent } from './request.ts';

/** How far a rejected node is from taking the task. */
export interface Shortfall {
  /** For people: `cpu free 120m of 500m needed`. */
  readonly detail: string;
  /** Changes each of which would make this filter let the task pass, as clauses: `n2 had 380m more free cpu`. */
  readonly wouldFitIf: readonly string[];
}

export interface FilterPlugin {
  readonly name: string;
  /** After which events a task rejected by this filter is worth trying again. */
  readonly requeueOn: readonly RequeueEvent[];
  /** True when the answer depends on the tasks on the node, false when on the node alone. */
  readonly dependsOnTasks: boolean;
  /** False: the filter has nothing to say about such tasks and is left out. */
  applies(needs: TaskNeeds): boolean;
  /**
   * The readable rule: true when the node takes one more such task after `placed` others like it that a decision under way
   * has put there already (they are not in the node set yet).
   */
  filter(nodes: NodeSet, needs: TaskNeeds, row: number, placed: number): boolean;
  /** The fast twin for placed = 0: keeps, in order, exactly the candidates that filter() keeps. Returns how many. */
  filterBatch?(nodes: NodeSet, needs: TaskNeeds, candidates: Int32Array, count: number): number;
  /**
   * For filters that look at the node alone and are costly to ask: needs with equal keys get equal answers, so the answers
   * are kept per key and node, and a node is asked again only when it changed.
   */
  cacheKey?(needs: TaskNeeds): string;
  /** SwarmKit's sentence part for so many rejected nodes. */
  explain(rejected: number): string;
  /**
   * Part of what is needed that a rejected node misses, 0 to 1: decides which miss is nearest. Absent: there is no halfway,
   * always 1.
   */
  missing?(nodes: NodeSet, needs: TaskNeeds, row: number, placed: number): number;
  /** Only asked of nodes this filter rejects. */
  shortfall(nodes: NodeSet, needs: TaskNeeds, row: number, placed: number): Shortfall;
}

/** `2 nodes`, `1 node`. */
export const nodesText = (count: number): string => (count === 1 ? '1 node' : `${count} nodes`);
