/** The port that both executions of a machine implement: by table and by actors. */

/**
 * Runs many rows of one machine. Rows are small integers dealt by the user; effects run synchronously inside the call
 * that causes them, in table order, and must not call the driver for the same row.
 */
export interface MachineDriver {
  /** Puts a row into the initial state and does that state's effects. @throws AssertionFailure when the row exists. */
  create(row: number, guardBits: number): void;
  /** Puts a row into a state without any effect: restored from saved state, or handed over by another driver. `armed`: its timers, as bits. */
  restore(row: number, phase: number, guardBits: number, armed: number): void;
  /** Changes the facts that the row's guards ask. */
  setGuards(row: number, guardBits: number): void;
  /** Handles an event (index into the table's events); an event that means nothing here changes nothing. @returns the new phase. */
  send(row: number, event: number): number;
  /** A timer that was armed is due (index into the table's timers); nothing happens when it is no longer armed. @returns the phase. */
  fire(row: number, timer: number): number;
  phase(row: number): number;
  /** Armed timers as bits. */
  armed(row: number): number;
  /** Forgets a row, without effects: its timers are the user's to cancel. */
  remove(row: number): void;
}

/** What a driver has done by its user. */
export interface DriverEffects {
  /** By action name; every action of the machine must be there. */
  readonly actions: Readonly<Record<string, (row: number) => void>>;
  /** Arms the timer (index into the table's timers) of a row; the user says how long its delay is and calls `fire`. */
  readonly arm: (row: number, timer: number) => void;
  /** Cancels a timer that is armed. */
  readonly cancel: (row: number, timer: number) => void;
}
