/** Which tasks differ from what their service now asks for. */
import type { ServiceSpec, TaskSpec } from '@paperfleet/core';
import type { NodeRecord, ServiceRecord, TaskRecord } from '../../store/records.ts';
import { constraintsOf } from './constraints.ts';
import { nodeMatches } from '../../placement/index.ts';

/** Structural equality of plain data; absent and undefined properties are the same, the order of properties does not count. */
export function sameData(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, index) => sameData(item, b[index]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key of Object.keys(left)) if (left[key] !== undefined && !sameData(left[key], right[key])) return false;
  for (const key of Object.keys(right)) if (right[key] !== undefined && left[key] === undefined) return false;
  return true;
}

/** A spec as before but for the task part, which is reused when it says the same, so that equal specs stay one object. */
export function shareTaskSpec(spec: ServiceSpec, ...known: readonly (TaskSpec | undefined)[]): ServiceSpec {
  const same = known.find((candidate) => candidate !== undefined && candidate !== spec.task && sameData(candidate, spec.task));
  return same === undefined ? spec : { ...spec, task: same };
}

/**
 * True when the task has to be replaced to follow its service (orchestrator/task.go IsTaskDirty). A change of placement
 * alone leaves tasks where they are while their node meets the new constraints.
 */
export function isTaskDirty(service: ServiceRecord, task: TaskRecord, node: NodeRecord | undefined): boolean {
  if (task.specVersion === service.specVersion) return false;
  const wanted = service.spec.task;
  const sameTask = sameData(wanted, task.spec);
  if (!sameTask && node !== undefined && sameData({ ...wanted, placement: task.spec.placement }, task.spec)) {
    if (nodeMatches(constraintsOf(service.spec.task), node)) return false;
  }
  return !sameTask || !sameData(service.spec.endpoint, task.endpoint);
}
