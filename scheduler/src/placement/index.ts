/** Placement: which node runs a task, and why. Pure: request.ts says what goes in and what comes out. */
export * from './constraint.ts';
export { checkNode, decideGroup, fits, spreadOf } from './decide.ts';
export { FAILURE_WINDOW_US, MAX_FAILURES } from './failures.ts';
export type { FilterPlugin, Shortfall } from './filter.ts';
export * from './generic-resource.ts';
export { reservations, type Reservations } from './needs.ts';
export { NodeSet } from './node-set.ts';
export { PROFILES, type Profile, profileProblem } from './profile.ts';
export * from './request.ts';
export type { SpreadTree } from './spread-fill.ts';
