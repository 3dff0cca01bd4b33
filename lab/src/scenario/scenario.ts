/**
 * A scenario as it stands after loading: what happens when, in terms of names. Who runs it turns node names into parties
 * and task names into the node that runs them at that instant.
 */
import type { ClusterConfig, Command, Fault, LinkFault, NodeOffer, TimeUs } from '@paperfleet/core';

/** Seen from the named nodes: what they send (`out`), what is sent to them (`in`), or both. */
export type LinkDirection = 'out' | 'in' | 'both';

/** A machine joins. `key` is its identity if it ever joins again. */
export interface PlannedJoin {
  readonly kind: 'join';
  readonly name: string;
  readonly key: string;
  readonly offer: NodeOffer;
}

/** A user's command; service and node names are full names. */
export interface PlannedCommand {
  readonly kind: 'command';
  readonly command: Command;
}

/**
 * A fault at the named nodes. `killTask` names no node: its `task` is 'SERVICE.SLOT' (a global service: 'SERVICE.NODE'),
 * to be looked up at that instant; nothing happens when no such task runs. `partition`, `heal` and `link` concern the links
 * between the named nodes and the manager and among nodes: `out` is set at the nodes for all peers, `in` at everybody else
 * with the nodes as peers. `heal` sets these links back to HEALTHY_LINK in both directions.
 */
export interface PlannedFault {
  readonly kind: 'fault';
  readonly nodes: readonly string[];
  /** For the event list: 'kill n3'. */
  readonly label: string;
  readonly fault:
    | Exclude<Fault, { readonly fault: 'link' }>
    | { readonly fault: 'link'; readonly direction: LinkDirection; readonly link: LinkFault }
    | { readonly fault: 'partition'; readonly direction: LinkDirection }
    | { readonly fault: 'heal' };
}

export interface PlannedInput {
  readonly at: TimeUs;
  readonly input: PlannedJoin | PlannedCommand | PlannedFault;
}

/** A claim about the end of the run. `service` is a full name; absent: the sum over all services (`nodesReady`: all nodes). */
export interface Expectation {
  readonly metric: 'running' | 'desired' | 'pending' | 'nodesReady';
  readonly service?: string;
  readonly op: '==' | '!=' | '<' | '<=' | '>' | '>=';
  readonly value: number;
}

export interface Scenario {
  readonly name: string;
  readonly seed: string;
  readonly until: TimeUs;
  /** Overrides of the cluster's settings. */
  readonly config: Partial<ClusterConfig>;
  /** By instant; those of one instant in the order joins, apps, load, timeline, each as written. */
  readonly inputs: readonly PlannedInput[];
  readonly expect: readonly Expectation[];
}
