/** The compiled tables of the machines that are compiled. Made once, when first asked for: about a millisecond each. */
import { compileMachine } from './compile.ts';
import type { MachineTable } from './compile.ts';
import { BELIEF_EVENTS, beliefMachine, SESSION_EVENTS, sessionMachine } from './session.machine.ts';
import { TASK_EVENTS, TASK_GUARDS, taskMachine } from './task.machine.ts';

const once = (make: () => MachineTable): (() => MachineTable) => {
  let table: MachineTable | undefined;
  return () => (table ??= make());
};

/** The task lifecycle; its phases are indexes into TASK_PHASES, its events into TASK_EVENTS, its guard bits those of taskGuardBits. */
export const taskTable: () => MachineTable = once(() => compileMachine(taskMachine, { events: TASK_EVENTS, guards: TASK_GUARDS }));
/** The agent's end of a session. */
export const sessionTable: () => MachineTable = once(() => compileMachine(sessionMachine, { events: SESSION_EVENTS, guards: [] }));
/** The manager's belief of a node. */
export const beliefTable: () => MachineTable = once(() => compileMachine(beliefMachine, { events: BELIEF_EVENTS, guards: [] }));
