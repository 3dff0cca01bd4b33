/**
 * Allocator: gives services their ports and moves new tasks to pending, the state in which the scheduler takes them.
 * SwarmKit: manager/allocator. Networks and addresses come with the part that models them.
 */
import { type PortConfig, type ServiceSpec, TASK_STATE } from '@paperfleet/core';
import type { Change, ServiceRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import type { Deps } from './deps.ts';
import { KNOBS } from './knobs.ts';

export class Allocator {
  readonly #deps: Deps;
  readonly #tasks = new Set<string>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  start(): void {
    for (const task of this.#deps.store.tasks.values()) if (task.state === TASK_STATE.new) this.#tasks.add(task.id);
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind !== 'task' || change.op === 'remove') continue;
      if (change.record.state === TASK_STATE.new && change.record.desired <= TASK_STATE.complete) this.#tasks.add(change.record.id);
    }
  }

  tick(): boolean {
    if (this.#tasks.size === 0) return false;
    const { store, ports } = this.#deps;
    const now = ports.now();
    store.commit((tx) => {
      for (const id of this.#tasks) {
        const task = store.tasks.get(id);
        if (task === undefined || task.state !== TASK_STATE.new || task.desired > TASK_STATE.complete) continue;
        tx.writeTask(task);
        task.state = TASK_STATE.pending;
        task.message = 'pending task scheduling';
        task.stateAt = now;
        task.appliedAt = now;
      }
    });
    this.#tasks.clear();
    return true;
  }
}

/** Why the ports of a spec cannot be had: SwarmKit's sentence. Host ports against host ports are the scheduler's matter. */
export function portConflict(store: Store, spec: ServiceSpec, self: string | undefined): string | undefined {
  for (const port of spec.endpoint?.ports ?? []) {
    if (port.publishedPort === 0) continue;
    for (const other of store.services.values()) {
      if (other.id === self) continue;
      for (const taken of other.ports) {
        if (taken.protocol !== port.protocol || taken.publishedPort !== port.publishedPort) continue;
        if (taken.publishMode === 'host' && port.publishMode === 'host') continue;
        const how = taken.publishMode === 'ingress' ? 'an ingress port' : 'a host-published port';
        return `port '${port.publishedPort}' is already in use by service '${other.spec.name}' (${other.id}) as ${how}`;
      }
    }
  }
  return undefined;
}

/** The spec's ports with numbers dealt out where it says 0; ports that the service has already are kept. */
export function allocatePorts(store: Store, spec: ServiceSpec, previous: ServiceRecord | undefined): readonly PortConfig[] {
  const wanted = spec.endpoint?.ports ?? [];
  if (wanted.every((port) => port.publishedPort !== 0 || port.publishMode === 'host')) return wanted;
  const taken = new Set<string>();
  const key = (port: PortConfig, number: number): string => `${port.protocol}/${number}`;
  for (const service of store.services.values()) {
    if (service.id !== previous?.id) for (const port of service.ports) taken.add(key(port, port.publishedPort));
  }
  for (const port of wanted) if (port.publishedPort !== 0) taken.add(key(port, port.publishedPort));
  const kept = [...(previous?.ports ?? [])];
  return wanted.map((port) => {
    if (port.publishedPort !== 0 || port.publishMode === 'host') return port;
    const same = kept.findIndex(
      (old) =>
        old.protocol === port.protocol &&
        old.targetPort === port.targetPort &&
        old.publishMode === 'ingress' &&
        !taken.has(key(port, old.publishedPort)),
    );
    const sticky = same >= 0 ? kept.splice(same, 1)[0]?.publishedPort : undefined;
    let number: number = sticky ?? KNOBS.dynamicPortFirst;
    while (taken.has(key(port, number)) && number < KNOBS.dynamicPortLast) number++;
    taken.add(key(port, number));
    return { ...port, publishedPort: number };
  });
}
