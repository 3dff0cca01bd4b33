/** Adds every change of the store to the digest. */
import { DIGEST, type PartyPorts } from '@paperfleet/core';
import type { Change, NodeRecord, ServiceRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';

const STATUS = { unknown: 0, down: 1, ready: 2, disconnected: 3 } as const;
const AVAILABILITY = { active: 0, pause: 1, drain: 2 } as const;
const AVAILABILITIES = 4;

export class DigestRecorder {
  readonly #ports: PartyPorts;
  readonly #store: Store;

  constructor(ports: PartyPorts, store: Store) {
    this.#ports = ports;
    this.#store = store;
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'task') this.#onTask(change);
      else if (change.kind === 'node') this.#onNode(change.op, change.record);
      else this.#onService(change.op, change.record);
    }
  }

  #onTask({ op, record, oldState, oldDesired, oldNodeId }: Extract<Change, { kind: 'task' }>): void {
    const ports = this.#ports;
    if (op === 'remove') {
      ports.record(DIGEST.taskDeleted, record.id);
      return;
    }
    if (op === 'create') ports.record(DIGEST.taskCreated, record.id, record.desired, record.slot);
    else if (record.desired !== oldDesired) ports.record(DIGEST.taskDesired, record.id, record.desired);
    if (record.nodeId !== '' && (op === 'create' || record.nodeId !== oldNodeId)) {
      ports.record(DIGEST.taskAssigned, record.id, this.#store.nodes.get(record.nodeId)?.row ?? -1);
    }
    if (op === 'update' && record.state !== oldState) ports.record(DIGEST.taskObserved, record.id, record.state, record.exitCode ?? -1);
  }

  #onNode(op: Change['op'], node: NodeRecord): void {
    const ports = this.#ports;
    if (op === 'remove') ports.record(DIGEST.nodeRemoved, node.id);
    else if (op === 'create') ports.record(DIGEST.nodeJoined, node.id, node.row, node.party);
    else ports.record(DIGEST.nodeChanged, node.id, STATUS[node.status] * AVAILABILITIES + AVAILABILITY[node.availability], node.session);
  }

  #onService(op: Change['op'], service: ServiceRecord): void {
    const ports = this.#ports;
    const { mode } = service.spec;
    const replicas = mode.kind === 'replicated' ? mode.replicas : -1;
    if (op === 'remove') ports.record(DIGEST.serviceRemoved, service.id);
    else ports.record(op === 'create' ? DIGEST.serviceCreated : DIGEST.serviceUpdated, service.id, replicas, service.specVersion);
  }
}
