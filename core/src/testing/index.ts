/** What tests of all workspaces share: one sample of every frame, message, input and spec. */
export * as samples from './samples.ts';
export * from '../kernel/testing/gossip.ts';
