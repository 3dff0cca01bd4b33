/** What a task reserves: the sum over its containers. */
import type { TaskSpec } from '@paperfleet/core';

export interface Reservation {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly generic: Readonly<Record<string, number>>;
}

const known = new WeakMap<TaskSpec, Reservation>();

export function reservationOf(spec: TaskSpec): Reservation {
  const cached = known.get(spec);
  if (cached !== undefined) return cached;
  let nanoCpus = 0;
  let memoryBytes = 0;
  const generic: Record<string, number> = {};
  for (const { reservations } of spec.containers) {
    nanoCpus += reservations.nanoCpus ?? 0;
    memoryBytes += reservations.memoryBytes ?? 0;
    for (const [kind, count] of Object.entries(reservations.generic ?? {})) generic[kind] = (generic[kind] ?? 0) + count;
  }
  const sum = { nanoCpus, memoryBytes, generic };
  known.set(spec, sum);
  return sum;
}
