/** Parsed constraints of task specs. */
import type { TaskSpec } from '@paperfleet/core';
import { type Constraint, parseConstraints } from '../../placement/index.ts';

const NONE: readonly Constraint[] = [];
const parsed = new WeakMap<TaskSpec, readonly Constraint[]>();

/** The constraints of a spec; text that does not parse counts as no constraint, as in SwarmKit (it is refused at creation). */
export function constraintsOf(spec: TaskSpec): readonly Constraint[] {
  const texts = spec.placement.constraints;
  if (texts === undefined || texts.length === 0) return NONE;
  const known = parsed.get(spec);
  if (known !== undefined) return known;
  const result = parseConstraints(texts);
  const constraints = result.ok ? result.constraints : NONE;
  parsed.set(spec, constraints);
  return constraints;
}
