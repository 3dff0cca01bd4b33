/**
 * Start of the control plane over stored objects: what a new leader does before it reacts to anything. A run's manager
 * starts with an empty store and is then restored with all of its memory, so this matters where only the store survives.
 * SwarmKit: orchestrator/taskinit.
 */
import { isTerminal, TASK_STATE } from '@paperfleet/core';
import type { TaskRecord } from '../store/records.ts';
import { type InstanceKey, instanceKey } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { invalidNode } from './deps.ts';
import { statusInstant } from './ledger.ts';
import type { GlobalOrchestrator } from './orchestrator/global.ts';
import type { ReplicatedOrchestrator } from './orchestrator/replicated.ts';
import type { RestartSupervisor } from './orchestrator/restart.ts';

export interface InitParts {
  readonly replicated: ReplicatedOrchestrator;
  readonly global: GlobalOrchestrator;
  readonly restarts: RestartSupervisor;
}

/** Notes all services and checks all tasks. */
export function initialise(deps: Deps, parts: InitParts): void {
  const { store } = deps;
  for (const service of store.services.values()) {
    parts.replicated.noteService(service);
    parts.global.noteService(service);
  }
  rebuildHistory(deps, parts.restarts);
  const tasks = [...store.tasks.values()];
  if (tasks.length > 0) store.commit((tx) => tasks.forEach((task) => checkTask(deps, parts, tx, task)));
}

function checkTask(
  { store, ports }: Deps,
  { replicated, global, restarts }: InitParts,
  tx: Parameters<Parameters<typeof store.commit>[0]>[0],
  task: TaskRecord,
): void {
  if (task.serviceId === '') return;
  const service = store.services.get(task.serviceId);
  if (service === undefined) {
    // Tasks of a removed service that are still to be stopped keep their object until then; all others go.
    if (task.desired !== TASK_STATE.remove) tx.removeTask(task);
    return;
  }
  if (global.handles(service)) {
    if (task.desired <= TASK_STATE.running && invalidNode(store.nodes.get(task.nodeId))) {
      global.shutdown(tx, task);
      return;
    }
    global.noteTask(task);
  } else if (replicated.handles(service)) replicated.noteTask(task);
  if (task.desired !== TASK_STATE.ready || isTerminal(task.state)) return;
  // Left waiting for its restart delay: it waits for the rest of it.
  const rest = Math.min(statusInstant(task) + task.spec.restart.delayUs - ports.now(), task.spec.restart.delayUs);
  restarts.delayStart(undefined, task.id, Math.max(0, rest));
}

/** All but the oldest of the newest spec version's tasks in a slot count as restarts. */
function rebuildHistory({ store }: Deps, restarts: RestartSupervisor): void {
  const instances = new Map<string, Map<InstanceKey, TaskRecord[]>>();
  for (const task of store.tasks.values()) {
    let ofService = instances.get(task.serviceId);
    if (ofService === undefined) instances.set(task.serviceId, (ofService = new Map<InstanceKey, TaskRecord[]>()));
    const key = instanceKey(task);
    const tasks = ofService.get(key);
    if (tasks === undefined) ofService.set(key, [task]);
    else tasks.push(task);
  }
  for (const ofService of instances.values()) {
    for (const tasks of ofService.values()) {
      const newest = Math.max(...tasks.map((task) => task.specVersion));
      for (const task of tasks.filter(({ specVersion }) => specVersion === newest).slice(1)) restarts.record(task, task.createdAt);
    }
  }
}
