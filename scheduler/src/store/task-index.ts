/** Secondary indexes of tasks: by service, by (service, slot or node) and by node. */
import type { TaskRecord } from './records.ts';

/** A slot's number, or a node's id for services that run one task per node. */
export type InstanceKey = number | string;

/** What tells tasks that replace each other from others of their service. */
export const instanceKey = (task: TaskRecord): InstanceKey => (task.global ? task.nodeId : task.slot);

interface ServiceTasks {
  readonly tasks: Set<TaskRecord>;
  readonly instances: Map<InstanceKey, TaskRecord[]>;
}

const NONE: readonly TaskRecord[] = [];
const NO_INSTANCES: ReadonlyMap<InstanceKey, readonly TaskRecord[]> = new Map();
const byRow = (a: TaskRecord, b: TaskRecord): number => a.row - b.row;

export class TaskIndex {
  readonly #services = new Map<string, ServiceTasks>();
  readonly #nodes = new Map<string, Set<TaskRecord>>();

  add(task: TaskRecord): void {
    let service = this.#services.get(task.serviceId);
    if (service === undefined) {
      service = { tasks: new Set(), instances: new Map() };
      this.#services.set(task.serviceId, service);
    }
    service.tasks.add(task);
    const key = instanceKey(task);
    const instance = service.instances.get(key);
    if (instance === undefined) service.instances.set(key, [task]);
    else instance.push(task);
    if (task.nodeId !== '') this.enterNode(task);
  }

  remove(task: TaskRecord): void {
    const service = this.#services.get(task.serviceId);
    if (service !== undefined) {
      service.tasks.delete(task);
      const key = instanceKey(task);
      const instance = service.instances.get(key);
      if (instance !== undefined) {
        const at = instance.indexOf(task);
        if (at >= 0) instance.splice(at, 1);
        if (instance.length === 0) service.instances.delete(key);
      }
      if (service.tasks.size === 0) this.#services.delete(task.serviceId);
    }
    if (task.nodeId !== '') this.leaveNode(task);
  }

  enterNode(task: TaskRecord): void {
    const tasks = this.#nodes.get(task.nodeId);
    if (tasks === undefined) this.#nodes.set(task.nodeId, new Set([task]));
    else tasks.add(task);
  }

  leaveNode(task: TaskRecord): void {
    const tasks = this.#nodes.get(task.nodeId);
    if (tasks === undefined) return;
    tasks.delete(task);
    if (tasks.size === 0) this.#nodes.delete(task.nodeId);
  }

  ofService(serviceId: string): readonly TaskRecord[] {
    const service = this.#services.get(serviceId);
    return service === undefined ? NONE : [...service.tasks];
  }

  /** Sorted by creation: the order of assignment is not kept in saved state. */
  ofNode(nodeId: string): readonly TaskRecord[] {
    const tasks = this.#nodes.get(nodeId);
    return tasks === undefined ? NONE : [...tasks].sort(byRow);
  }

  ofInstance(serviceId: string, key: InstanceKey): readonly TaskRecord[] {
    return this.#services.get(serviceId)?.instances.get(key) ?? NONE;
  }

  /** Not to be iterated while tasks are written. */
  instances(serviceId: string): ReadonlyMap<InstanceKey, readonly TaskRecord[]> {
    return this.#services.get(serviceId)?.instances ?? NO_INSTANCES;
  }
}
