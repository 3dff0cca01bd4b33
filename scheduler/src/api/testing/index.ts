/** For tests of other workspaces: an API in front of a cluster that is driven by hand. */
export { HandRun, HandRuns, handCluster } from './hand-run.ts';
export { HandStore, handTaskSpec } from './hand-store.ts';
export type { Served } from './serve.ts';
export { serve } from './serve.ts';
