/** Test support for the control plane: the real manager with scripted agents, and its parts for tests of one of them. */
export { EventLog } from '../event-log.ts';
export { Ledger } from '../ledger.ts';
export { TaskReaper } from '../orchestrator/reaper.ts';
export * from './fixture.ts';
export * from './probe-agent.ts';
