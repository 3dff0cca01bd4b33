/** Records of the store as the pages' views of them. Nothing is remembered here: same state, same view. */
import type { NodeView, ServiceMode, ServiceView, TaskColumns, TaskRow, TaskSpec, TaskState } from '@paperfleet/core';
import { isActive, isRunnable, isTerminal, TASK_STATE, taskStateName } from '@paperfleet/core';
import type { NodeRecord, ServiceRecord, TaskRecord } from '../../store/records.ts';
import type { MetricsView, StoreView } from '../../store/view.ts';

/** Sums over a task's containers, 0 for amounts that no container states. */
export interface SpecAmounts {
  readonly reservedNanoCpus: number;
  readonly reservedMemoryBytes: number;
  readonly limitNanoCpus: number;
  readonly limitMemoryBytes: number;
}

const amountsOf = new WeakMap<TaskSpec, SpecAmounts>();

/** Reservations and limits of a task. Specs are shared by all tasks of a service version, so each is summed once. */
export function specAmounts(spec: TaskSpec): SpecAmounts {
  const known = amountsOf.get(spec);
  if (known !== undefined) return known;
  const sum = (pick: (container: TaskSpec['containers'][number]) => number | undefined): number =>
    spec.containers.reduce((total, container) => total + (pick(container) ?? 0), 0);
  const amounts = {
    reservedNanoCpus: sum(({ reservations }) => reservations.nanoCpus),
    reservedMemoryBytes: sum(({ reservations }) => reservations.memoryBytes),
    limitNanoCpus: sum(({ limits }) => limits.nanoCpus),
    limitMemoryBytes: sum(({ limits }) => limits.memoryBytes),
  };
  amountsOf.set(spec, amounts);
  return amounts;
}

/** A node as shown. Reservations count until a task has really ended, `tasks` only those that are meant to be there. */
export function nodeView(node: NodeRecord, store: StoreView): NodeView {
  let reservedNanoCpus = 0;
  let reservedMemoryBytes = 0;
  let tasks = 0;
  for (const task of store.tasksOfNode(node.id)) {
    if (isTerminal(task.state)) continue;
    const amounts = specAmounts(task.spec);
    reservedNanoCpus += amounts.reservedNanoCpus;
    reservedMemoryBytes += amounts.reservedMemoryBytes;
    if (isActive(task.desired)) tasks++;
  }
  const { description } = node;
  return {
    row: node.row,
    id: node.id,
    name: node.name,
    zone: node.zone,
    status: node.status,
    availability: node.availability,
    truth: node.truth,
    statusMessage: node.statusMessage,
    lastHeartbeatUs: node.lastHeartbeat,
    nanoCpus: description.nanoCpus,
    memoryBytes: description.memoryBytes,
    reservedNanoCpus,
    reservedMemoryBytes,
    labels: node.labels,
    engineLabels: description.engineLabels,
    tasks,
  };
}

interface ServiceCounts {
  readonly desired: number;
  readonly running: number;
  readonly starting: number;
  readonly pending: number;
}

/** True for tasks that the managers want to be running (or, of a job, to complete). */
const isWanted = (mode: ServiceMode, desired: TaskState): boolean =>
  mode.kind === 'replicated-job' || mode.kind === 'global-job' ? isActive(desired) : isRunnable(desired);

/**
 * How many tasks a service wants now, and how far they are. A task on a node that is believed down does not count as running.
 * A global service wants what its orchestrator has decided on; a job wants what it may still run at once.
 */
export function serviceCounts(service: ServiceRecord, store: StoreView): ServiceCounts {
  const { mode } = service.spec;
  let wanted = 0;
  let running = 0;
  let starting = 0;
  let pending = 0;
  let completed = 0;
  for (const task of store.tasksOfService(service.id)) {
    if (task.state === TASK_STATE.complete && task.jobIteration === service.jobIteration) completed++;
    if (!isWanted(mode, task.desired) || isTerminal(task.state)) continue;
    wanted++;
    if (task.state === TASK_STATE.running) {
      if (store.nodes.get(task.nodeId)?.status !== 'down') running++;
    } else {
      starting++;
      if (task.nodeId === '') pending++;
    }
  }
  let desired = wanted;
  if (mode.kind === 'replicated') desired = mode.replicas;
  if (mode.kind === 'replicated-job') desired = Math.max(0, Math.min(mode.maxConcurrent, mode.totalCompletions - completed));
  return { desired, running, starting, pending };
}

/** A service as shown. */
export function serviceView(service: ServiceRecord, store: StoreView): ServiceView {
  const { spec } = service;
  const amounts = specAmounts(spec.task);
  return {
    row: service.row,
    id: service.id,
    name: spec.name,
    stack: service.stack,
    image: spec.task.containers[0]?.image ?? '',
    mode: spec.mode.kind,
    ...serviceCounts(service, store),
    ports: service.ports,
    requestsPerSecond: service.requestsPerSecond,
    updateStatus: service.updateStatus?.state ?? '',
    ...amounts,
  };
}

/** Tasks as columns, in the order given. `isKnown` tells which tasks need not be named again. */
export function taskColumns(
  tasks: Iterable<TaskRecord>,
  store: StoreView,
  isKnown: (task: TaskRecord) => boolean = () => false,
): TaskColumns {
  const columns = {
    row: [] as number[],
    id: [] as string[],
    service: [] as number[],
    slot: [] as number[],
    node: [] as number[],
    state: [] as TaskState[],
    desired: [] as TaskState[],
    sinceUs: [] as number[],
    error: [] as (string | 0)[],
    health: [] as number[],
  };
  for (const task of tasks) {
    columns.row.push(task.row);
    columns.id.push(isKnown(task) ? '' : task.id);
    columns.service.push(store.services.get(task.serviceId)?.row ?? -1);
    columns.slot.push(task.slot);
    columns.node.push(store.nodes.get(task.nodeId)?.row ?? -1);
    columns.state.push(task.state);
    columns.desired.push(task.desired);
    columns.sinceUs.push(task.stateAt);
    columns.error.push(task.error === '' ? 0 : task.error);
    columns.health.push(task.health);
  }
  return columns;
}

const HEALTH = ['none', 'starting', 'healthy', 'unhealthy'] as const;

/** `web.3`; a task without a slot is named after its node, one without either after its id. */
export function taskName(task: TaskRecord, store: StoreView): string {
  const isGlobal = task.slot === 0;
  return `${task.serviceName}.${isGlobal ? (store.nodes.get(task.nodeId)?.name ?? task.id.slice(0, 7)) : task.slot}`;
}

/** A task with names, for lists and tables. */
export function taskRow(task: TaskRecord, store: StoreView, metrics: MetricsView): TaskRow {
  const used = task.state === TASK_STATE.running ? metrics.task(task.id) : undefined;
  return {
    id: task.id,
    name: taskName(task, store),
    service: task.serviceName,
    slot: task.slot,
    node: store.nodes.get(task.nodeId)?.name ?? '',
    image: task.spec.containers[0]?.image ?? '',
    state: taskStateName(task.state),
    desired: taskStateName(task.desired),
    sinceUs: task.stateAt,
    createdUs: task.createdAt,
    health: HEALTH[task.health] ?? 'none',
    message: task.message,
    error: task.error,
    exitCode: task.exitCode ?? null,
    cpuNano: Math.round(used?.cpuNano ?? 0),
    memoryBytes: Math.round(used?.memoryBytes ?? 0),
  };
}
