/**
 * Equal specs become one object. Every assignment that came over a wire brings copies of its own; sharing them keeps the
 * memory of 50,000 tasks small and lets the workload of a spec be resolved once. The pool is pure memory: forgetting it
 * costs space, never a result.
 */
import type { TaskSpec } from '@paperfleet/core';

const POOL_MAX = 4096;
const pool = new Map<string, TaskSpec>();
/** Specs that came out of the pool: in one process the same object arrives again and again. */
const pooled = new WeakMap<TaskSpec, TaskSpec>();

/** The one object for specs that are spelled alike. */
export function internSpec(spec: TaskSpec): TaskSpec {
  const known = pooled.get(spec);
  if (known !== undefined) return known;
  const text = JSON.stringify(spec);
  let shared = pool.get(text);
  if (shared === undefined) {
    if (pool.size >= POOL_MAX) pool.clear();
    pool.set(text, (shared = spec));
  }
  pooled.set(spec, shared);
  pooled.set(shared, shared);
  return shared;
}
