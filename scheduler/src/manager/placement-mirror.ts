/** Keeps placement's NodeSet in step with the store: nodes, the tasks that hold reservations on them, recent failures. */
import { isTerminal, TASK_STATE, type TaskState } from '@paperfleet/core';
import { NodeSet, type PlacementNode } from '../placement/index.ts';
import type { Change, NodeRecord, TaskRecord } from '../store/records.ts';
import type { Deps } from './deps.ts';
import { placedTask } from './scheduler.ts';

const holds = (state: TaskState, nodeId: string): boolean => nodeId !== '' && state >= TASK_STATE.assigned && !isTerminal(state);

export class PlacementMirror {
  readonly nodes: NodeSet;
  readonly #deps: Deps;

  constructor(deps: Deps, saved?: unknown) {
    this.#deps = deps;
    this.nodes = saved === undefined ? new NodeSet() : NodeSet.load(saved);
    for (const node of deps.store.nodes.values()) this.nodes.upsertNode(node.row, placementNode(node));
    for (const task of deps.store.tasks.values()) if (holds(task.state, task.nodeId)) this.#add(task);
  }

  save(): unknown {
    return this.nodes.save();
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'task') this.#onTask(change);
      else if (change.kind === 'node') {
        if (change.op === 'remove') this.nodes.removeNode(change.record.row);
        else this.nodes.upsertNode(change.record.row, placementNode(change.record));
      }
    }
  }

  #onTask(change: Extract<Change, { kind: 'task' }>): void {
    const { record, op, oldState } = change;
    // The scheduler has entered what it placed itself, decision by decision.
    if (op === 'update' && oldState === TASK_STATE.pending && record.state === TASK_STATE.assigned) return;
    if (op !== 'remove' && holds(record.state, record.nodeId)) {
      this.#add(record);
      return;
    }
    if (record.nodeId === '') return;
    const node = this.#deps.store.nodes.get(record.nodeId);
    if (node === undefined) return;
    this.nodes.removeTask(node.row, record);
    const failed = record.state === TASK_STATE.failed || record.state === TASK_STATE.rejected;
    if (op === 'update' && failed && oldState !== record.state && !record.global) {
      this.nodes.recordFailure(node.row, record.serviceId, record.specVersion, this.#deps.ports.now());
    }
  }

  #add(task: TaskRecord): void {
    const node = this.#deps.store.nodes.get(task.nodeId);
    if (node !== undefined) this.nodes.addTask(node.row, placedTask(task));
  }
}

function placementNode(node: NodeRecord): PlacementNode {
  return {
    id: node.id,
    name: node.name,
    ready: node.status === 'ready' && node.availability === 'active',
    role: node.role,
    labels: node.labels,
    description: node.description,
  };
}
