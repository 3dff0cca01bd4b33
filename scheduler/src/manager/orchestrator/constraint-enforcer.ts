/**
 * Constraint enforcer: rejects tasks that their node can no longer carry, after the node or its labels changed. SwarmKit:
 * orchestrator/constraintenforcer. Of several that do not fit together the oldest stay.
 */
import { TASK_STATE } from '@paperfleet/core';
import { consumeGeneric, type GenericResources, nodeMatches } from '../../placement/index.ts';
import type { Change, NodeRecord, TaskRecord } from '../../store/records.ts';
import { type Deps, drain } from '../deps.ts';
import { reservationOf } from '../resources.ts';
import { constraintsOf } from './constraints.ts';

const REJECTED = {
  state: TASK_STATE.rejected,
  message: 'task rejected by constraint enforcer',
  error: 'assigned node no longer meets constraints',
};

export class ConstraintEnforcer {
  readonly #deps: Deps;
  readonly #nodeCause: (nodeId: string) => number;
  readonly #nodes = new Set<string>();

  constructor(deps: Deps, nodeCause: (nodeId: string) => number) {
    this.#deps = deps;
    this.#nodeCause = nodeCause;
  }

  /** At a change of leader: every node. */
  start(): void {
    for (const id of this.#deps.store.nodes.keys()) this.#nodes.add(id);
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) if (change.kind === 'node' && change.op === 'update') this.#nodes.add(change.record.id);
  }

  tick(): boolean {
    let wrote = false;
    for (const id of drain(this.#nodes)) {
      const node = this.#deps.store.nodes.get(id);
      // A drained node's tasks are shut down by the orchestrators, a paused node's are left alone.
      if (node?.availability === 'active' && this.#enforce(node)) wrote = true;
    }
    return wrote;
  }

  #enforce(node: NodeRecord): boolean {
    const { store, ledger } = this.#deps;
    const rejected = this.#noncompliant(node);
    if (rejected.length === 0) return false;
    store.commit((tx) => {
      for (const [task, detail] of rejected) {
        const explain = { code: 'REJECTED', message: REJECTED.message, detail } as const;
        const cause = this.#nodeCause(node.id) || task.cause;
        ledger.observe(tx, task, REJECTED, ledger.taskEvent(task, 'task.rejected', 'warning', cause, explain), explain);
      }
    });
    return true;
  }

  #noncompliant(node: NodeRecord): (readonly [TaskRecord, string])[] {
    const { store } = this.#deps;
    const rejected: (readonly [TaskRecord, string])[] = [];
    let cpu: number = node.description.nanoCpus;
    let memory: number = node.description.memoryBytes;
    let generic: GenericResources = node.description.generic;
    for (const task of store.tasksOfNode(node.id)) {
      if (task.desired < TASK_STATE.assigned || task.desired > TASK_STATE.complete || task.state >= TASK_STATE.complete) continue;
      // The service's present constraints count: a task's own may be outdated without the task being replaced.
      const spec = store.services.get(task.serviceId)?.spec.task ?? task.spec;
      const want = reservationOf(task.spec);
      if (!nodeMatches(constraintsOf(spec), node)) rejected.push([task, 'placement constraints']);
      else if (want.memoryBytes > memory) rejected.push([task, `reserves ${want.memoryBytes} bytes of memory, ${memory} are left`]);
      else if (want.nanoCpus > cpu) rejected.push([task, `reserves ${want.nanoCpus} nano-CPUs, ${cpu} are left`]);
      else if (task.generic !== undefined && !holds(generic, task.generic)) rejected.push([task, 'its generic resources are gone']);
      else {
        cpu -= want.nanoCpus;
        memory -= want.memoryBytes;
        if (task.generic !== undefined) generic = consumeGeneric(generic, task.generic);
      }
    }
    return rejected;
  }
}

/** True when all that is claimed is there: the amount, or each name. */
function holds(available: GenericResources, claimed: GenericResources): boolean {
  return Object.entries(claimed).every(([kind, value]) => {
    const have = Object.hasOwn(available, kind) ? available[kind] : undefined;
    if (have === undefined || typeof have !== typeof value) return false;
    if (typeof have === 'number' || typeof value === 'number') return Number(have) >= Number(value);
    return value.every((name) => have.includes(name));
  });
}
