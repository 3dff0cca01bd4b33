/** Slots of a replicated service: which can be updated, which are dead, and which go first when there are too many. */
import { TASK_STATE } from '@paperfleet/core';
import type { ServiceRecord, TaskRecord } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import type { RestartSupervisor } from './restart.ts';

/** Tasks of one slot, or of one node for global services. Never empty. */
export type Slot = readonly TaskRecord[];

export interface Slots {
  /** By slot number, ascending. */
  readonly updatable: ReadonlyMap<number, Slot>;
  readonly dead: ReadonlyMap<number, Slot>;
}

export function slotsOf(store: Store, restarts: RestartSupervisor, service: ServiceRecord): Slots {
  const updatable = new Map<number, Slot>();
  const dead = new Map<number, Slot>();
  const instances = [...store.instancesOfService(service.id)] as (readonly [number, Slot])[];
  for (const [slot, tasks] of instances.sort((a, b) => a[0] - b[0])) {
    const kept = restarts.updatableTasks(tasks, service);
    if (kept.length > 0) updatable.set(slot, kept);
    else dead.set(slot, [...tasks]);
  }
  return { updatable, dead };
}

/**
 * Slots in the order in which they are kept when a service shrinks: observed running first, then lower numbers; after
 * that the first copy on each node, the second copies, …; slots without a node or with several tasks last. Stable.
 */
export function inOrderOfKeeping(slots: readonly Slot[]): readonly Slot[] {
  const running = (slot: Slot): boolean => slot.some((task) => task.state === TASK_STATE.running);
  const number = (slot: Slot): number => slot[0]?.slot ?? 0;
  const ordered = [...slots].sort((a, b) => Number(running(b)) - Number(running(a)) || number(a) - number(b));
  const copies = new Map<string, number>();
  const ranked = ordered.map((slot, index) => {
    const nodeId = slot.length === 1 ? (slot[0]?.nodeId ?? '') : '';
    if (nodeId === '') return { slot, index, rank: Number.MAX_SAFE_INTEGER };
    const rank = (copies.get(nodeId) ?? 0) + 1;
    copies.set(nodeId, rank);
    return { slot, index, rank };
  });
  return ranked.sort((a, b) => a.rank - b.rank || a.index - b.index).map(({ slot }) => slot);
}

/** The `count` lowest slot numbers from 1 that are not taken. */
export function freeSlots(taken: ReadonlyMap<number, unknown>, count: number): readonly number[] {
  const free: number[] = [];
  for (let slot = 1; free.length < count; slot++) if (!taken.has(slot)) free.push(slot);
  return free;
}
