/** What every part of the manager is given, and how the parts meet. */
import type { ClusterConfig, PartyPorts } from '@paperfleet/core';
import type { NodeRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { EventLog } from './event-log.ts';
import type { Ledger } from './ledger.ts';

export interface Deps {
  readonly ports: PartyPorts;
  readonly config: ClusterConfig;
  readonly store: Store;
  readonly events: EventLog;
  readonly ledger: Ledger;
}

/** SwarmKit's invalid node: missing, down or drained. Its tasks are replaced. Unknown, disconnected and paused nodes keep theirs. */
export const invalidNode = (node: NodeRecord | undefined): boolean =>
  node === undefined || node.status === 'down' || node.availability === 'drain';

/** Takes the members of a set out of it, in insertion order. */
export function drain<T>(set: Set<T>): readonly T[] {
  const taken = [...set];
  set.clear();
  return taken;
}
