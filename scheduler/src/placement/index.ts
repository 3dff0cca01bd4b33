/** Placement: which node runs a task, and why. Pure; see docs in request.ts. */
export * from './constraint.ts';
export * from './decide.ts';
export * from './generic-resource.ts';
export * from './node-set.ts';
export * from './request.ts';
