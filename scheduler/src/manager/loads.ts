/**
 * Constant load: a service's requests per second are divided by its running replicas, and every node that holds one is told
 * the share. Told again when the running set changes.
 */
import { LANE, TASK_STATE, type TimerEvent, type TimerId } from '@paperfleet/core';
import type { Change, ServiceRecord, TaskRecord } from '../store/records.ts';
import type { Deps } from './deps.ts';
import { KNOBS } from './knobs.ts';

export interface LoadTimer extends TimerEvent {
  readonly type: 'loads';
}
const LOADS: LoadTimer = { type: 'loads' };
/** Shares are sent as thousandths of a request per second. */
const MILLI = 1000;

/** A service's load as last told. */
interface Share {
  value: number;
  /** Nodes that know it. */
  nodes: Set<string>;
}

export interface SavedLoads {
  readonly timer: TimerId;
  readonly dirty: readonly string[];
  readonly shares: readonly (readonly [string, number, readonly string[]])[];
}

/** A replica takes load while it runs and is wanted. */
const takesLoad = (task: TaskRecord): boolean => task.state === TASK_STATE.running && task.desired <= TASK_STATE.complete;

export class Loads {
  readonly #deps: Deps;
  readonly #tell: (nodeId: string, serviceId: string, share: number) => void;
  readonly #shares = new Map<string, Share>();
  readonly #dirty = new Set<string>();
  #timer: TimerId = 0;

  constructor(deps: Deps, tell: (nodeId: string, serviceId: string, share: number) => void, saved?: SavedLoads) {
    this.#deps = deps;
    this.#tell = tell;
    if (saved === undefined) return;
    this.#timer = saved.timer;
    for (const id of saved.dirty) this.#dirty.add(id);
    for (const [id, value, nodes] of saved.shares) this.#shares.set(id, { value, nodes: new Set(nodes) });
  }

  save(): SavedLoads {
    return {
      timer: this.#timer,
      dirty: [...this.#dirty],
      shares: [...this.#shares].map(([id, { value, nodes }]) => [id, value, [...nodes]] as const),
    };
  }

  onChanges(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'service') {
        const { record } = change;
        if (change.op === 'remove') this.#shares.delete(record.id);
        else if (record.requestsPerSecond > 0 || this.#shares.has(record.id)) this.#dirty.add(record.id);
      } else if (change.kind === 'task' && this.#shares.size + this.#dirty.size > 0) {
        const { record } = change;
        const before = change.op !== 'create' && change.oldState === TASK_STATE.running && change.oldDesired <= TASK_STATE.complete;
        if ((before || takesLoad(record)) && this.#shares.has(record.serviceId)) this.#dirty.add(record.serviceId);
      }
    }
  }

  arm(): void {
    if (this.#dirty.size > 0 && this.#timer === 0) this.#timer = this.#deps.ports.in(KNOBS.loadDelayUs, LANE.observe, LOADS);
  }

  onTimer(): void {
    this.#timer = 0;
    for (const id of this.#dirty) {
      const service = this.#deps.store.services.get(id);
      if (service !== undefined) this.#spread(service);
    }
    this.#dirty.clear();
  }

  /** All loads of a node's running replicas, for a full set of assignments. */
  readonly ofNode = (nodeId: string): readonly (readonly [string, number])[] => {
    const loads = new Map<string, number>();
    for (const task of this.#deps.store.tasksOfNode(nodeId)) {
      const share = this.#shares.get(task.serviceId);
      if (share === undefined || !takesLoad(task)) continue;
      loads.set(task.serviceId, share.value);
      share.nodes.add(nodeId);
    }
    return [...loads];
  };

  #spread(service: ServiceRecord): void {
    const running = this.#deps.store.tasksOfService(service.id).filter(takesLoad);
    const value = running.length === 0 ? 0 : Math.round((service.requestsPerSecond * MILLI) / running.length);
    const nodes = new Set(running.map((task) => task.nodeId));
    const before = this.#shares.get(service.id);
    for (const nodeId of nodes) if (before?.value !== value || !before.nodes.has(nodeId)) this.#tell(nodeId, service.id, value);
    if (service.requestsPerSecond === 0) this.#shares.delete(service.id);
    else this.#shares.set(service.id, { value, nodes });
  }
}
