/**
 * What inputs tell of reality: machines that crashed, were cut off or are gone. It is shown beside the manager's belief and
 * starts the chains of causes; no decision reads it.
 */
import { type Fault, type Input, MANAGER, type PartyId } from '@paperfleet/core';
import type { NodeRecord } from '../store/records.ts';
import type { Causes } from './causes.ts';
import type { Deps } from './deps.ts';

type FaultInput = Extract<Input, { kind: 'fault' }>;
type Truth = NodeRecord['truth'];

interface Reality {
  crashed: boolean;
  lost: boolean;
  /** What the node sends to the manager is dropped; what the manager sends to the node is. */
  cutUp: boolean;
  cutDown: boolean;
}

export interface SavedFaults {
  readonly nodes: readonly (readonly [string, Reality])[];
}

const WHOLE: Reality = { crashed: false, lost: false, cutUp: false, cutDown: false };

export class Faults {
  readonly #deps: Deps;
  readonly #causes: Causes;
  readonly #nodeOf: (party: PartyId) => NodeRecord | undefined;
  readonly #reality = new Map<string, Reality>();

  constructor(deps: Deps, causes: Causes, nodeOf: (party: PartyId) => NodeRecord | undefined, saved?: SavedFaults) {
    this.#deps = deps;
    this.#causes = causes;
    this.#nodeOf = nodeOf;
    for (const [id, reality] of saved?.nodes ?? []) this.#reality.set(id, { ...reality });
  }

  save(): SavedFaults {
    return { nodes: [...this.#reality].map(([id, reality]) => [id, { ...reality }] as const) };
  }

  /** A copy of a fault at other parties, or one of the manager's own links. */
  onFault({ parties, label, fault }: FaultInput): void {
    if (fault.fault === 'killTask') {
      this.#kill(fault, label);
      return;
    }
    for (const party of parties) {
      const node = this.#nodeOf(party);
      if (node !== undefined) this.#strike(node, label, fault, 'up');
      if (party !== MANAGER || fault.fault !== 'link') continue;
      const peers = fault.peers.length === 0 ? [...this.#deps.store.nodes.values()].map((peer) => peer.party) : fault.peers;
      for (const peer of peers) {
        const other = this.#nodeOf(peer);
        if (other !== undefined) this.#strike(other, label, fault, 'down');
      }
    }
  }

  /** Parties that are gone for good. */
  onLost(parties: readonly PartyId[], reason: string): void {
    for (const party of parties) {
      const node = this.#nodeOf(party);
      if (node === undefined) continue;
      this.#event(node, 'node.lost', 'error', { fault: 'lost', detail: reason }, true);
      this.#set(node, { lost: true });
    }
  }

  /** A machine joined (again): it is what it says. */
  onJoin(node: NodeRecord): void {
    this.#reality.delete(node.id);
  }

  forget(nodeId: string): void {
    this.#reality.delete(nodeId);
  }

  #strike(node: NodeRecord, label: string, fault: Exclude<Fault, { fault: 'killTask' }>, direction: 'up' | 'down'): void {
    switch (fault.fault) {
      case 'crash':
        this.#event(node, 'fault.crash', 'error', { fault: 'crash', detail: label }, true);
        this.#set(node, { crashed: true });
        return;
      case 'recover':
        this.#event(node, 'fault.recover', 'info', { fault: 'recover', detail: label }, false);
        this.#set(node, { crashed: false });
        return;
      case 'link': {
        const toManager = direction === 'down' || fault.peers.length === 0 || fault.peers.includes(MANAGER);
        if (!toManager) return;
        const cut = fault.link.partitioned;
        this.#event(node, 'fault.link', cut ? 'error' : 'warning', { fault: cut ? 'partition' : 'link', detail: label }, false);
        this.#set(node, direction === 'up' ? { cutUp: cut } : { cutDown: cut });
      }
    }
  }

  #kill(fault: Extract<Fault, { fault: 'killTask' }>, label: string): void {
    const { store, ledger } = this.#deps;
    const task = store.findTask(fault.task); // scenarios name it SERVICE.SLOT
    if (task === undefined) return;
    const explain = { code: 'FAULT', fault: 'killTask', detail: label } as const;
    this.#causes.noteKill(task.id, ledger.taskEvent(task, 'fault.kill', 'warning', 0, explain));
  }

  #event(
    node: NodeRecord,
    kind: string,
    severity: 'info' | 'warning' | 'error',
    what: { fault: string; detail: string },
    endsContainers: boolean,
  ): void {
    const event = this.#deps.events.add({ kind, severity, cause: 0, node: node.name, explain: { code: 'FAULT', ...what } });
    this.#causes.noteFault(node.id, event, endsContainers);
  }

  #set(node: NodeRecord, change: Partial<Reality>): void {
    const reality = { ...(this.#reality.get(node.id) ?? WHOLE), ...change };
    this.#reality.set(node.id, reality);
    const { crashed, lost, cutUp, cutDown } = reality;
    const truth: Truth = lost ? 'lost' : crashed ? 'crashed' : cutUp || cutDown ? 'partitioned' : 'up';
    if (truth !== node.truth) this.#deps.store.noteTruth(node, truth);
  }
}
