/** Lanes order what happens at one instant: inputs and faults first, then messages, then each actor's own timers. */
export const LANE = { fault: 0, transport: 1, agent: 2, reconcile: 3, schedule: 4, observe: 5 } as const;
export type Lane = (typeof LANE)[keyof typeof LANE];
