/** The store as plain data. Specs that tasks share are written once. */
import type { TaskSpec } from '@paperfleet/core';
import type { NodeRecord, ServiceRecord, StackRecord, TaskRecord } from './records.ts';
import type { StoreView } from './view.ts';

type SavedTask = Omit<TaskRecord, 'spec'> & { readonly spec: number };

export interface SavedStore {
  readonly version: number;
  readonly rows: { readonly node: number; readonly service: number; readonly task: number };
  readonly nodes: readonly NodeRecord[];
  /** With the numbers of the specs of their tasks in `specs`; -1 for none. */
  readonly services: readonly (ServiceRecord & { readonly taskSpec: number; readonly previousTaskSpec: number })[];
  readonly specs: readonly TaskSpec[];
  readonly tasks: readonly SavedTask[];
  readonly stacks: readonly StackRecord[];
}

/** Copies every record: what is saved does not change with the store. Specs are immutable and shared. */
export function saveRecords(store: StoreView, rows: SavedStore['rows']): SavedStore {
  const numbers = new Map<TaskSpec, number>();
  const specs: TaskSpec[] = [];
  const numberOf = (spec: TaskSpec): number => {
    const known = numbers.get(spec);
    if (known !== undefined) return known;
    numbers.set(spec, specs.length);
    return specs.push(spec) - 1;
  };
  return {
    version: store.version,
    rows: { ...rows },
    nodes: [...store.nodes.values()].map((node) => ({ ...node })),
    services: [...store.services.values()].map((service) => ({
      ...service,
      taskSpec: numberOf(service.spec.task),
      previousTaskSpec: service.previousSpec === undefined ? -1 : numberOf(service.previousSpec.task),
    })),
    specs,
    tasks: [...store.tasks.values()].map((task) => ({ ...task, spec: numberOf(task.spec) })),
    stacks: [...store.stacks.values()].map((stack) => ({ ...stack })),
  };
}

/** Fills the maps of an empty store. Properties that were undefined when saved are put back as such. */
export function restoreRecords(
  store: {
    readonly nodes: Map<string, NodeRecord>;
    readonly services: Map<string, ServiceRecord>;
    readonly tasks: Map<string, TaskRecord>;
    readonly stacks: Map<string, StackRecord>;
  },
  saved: SavedStore,
): void {
  for (const node of saved.nodes) store.nodes.set(node.id, { ...node });
  for (const service of saved.services) store.services.set(service.id, restoreService(service, saved.specs));
  for (const task of saved.tasks) store.tasks.set(task.id, restoreTask(task, saved.specs));
  for (const stack of saved.stacks) store.stacks.set(stack.name, { ...stack });
}

/** Every property in the usual order, also those that JSON leaves out. */
function restoreService(service: SavedStore['services'][number], specs: readonly TaskSpec[]): ServiceRecord {
  const { spec, previousSpec, updateStatus } = service;
  return {
    row: service.row,
    version: service.version,
    id: service.id,
    spec: { ...spec, task: specs[service.taskSpec] ?? spec.task },
    specVersion: service.specVersion,
    previousSpec: previousSpec && { ...previousSpec, task: specs[service.previousTaskSpec] ?? previousSpec.task },
    previousSpecVersion: service.previousSpecVersion,
    stack: service.stack,
    createdAt: service.createdAt,
    updatedAt: service.updatedAt,
    cause: service.cause,
    updateStatus: updateStatus && {
      state: updateStatus.state,
      message: updateStatus.message,
      startedAt: updateStatus.startedAt,
      completedAt: updateStatus.completedAt,
    },
    ports: service.ports,
    jobIteration: service.jobIteration,
    requestsPerSecond: service.requestsPerSecond,
  };
}

function restoreTask(task: SavedTask, specs: readonly TaskSpec[]): TaskRecord {
  const spec = specs[task.spec];
  if (spec === undefined) throw new Error(`saved state is damaged: task ${task.id} has spec ${task.spec} of ${specs.length}`);
  return {
    row: task.row,
    id: task.id,
    serviceId: task.serviceId,
    slot: task.slot,
    version: task.version,
    spec,
    endpoint: task.endpoint,
    global: task.global,
    serviceName: task.serviceName,
    specVersion: task.specVersion,
    jobIteration: task.jobIteration,
    nodeId: task.nodeId,
    desired: task.desired,
    state: task.state,
    message: task.message,
    error: task.error,
    exitCode: task.exitCode,
    oomKilled: task.oomKilled,
    generic: task.generic,
    stateAt: task.stateAt,
    appliedAt: task.appliedAt,
    createdAt: task.createdAt,
    cause: task.cause,
    explain: task.explain,
    health: task.health,
  };
}
