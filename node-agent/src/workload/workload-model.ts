/**
 * What the program in a container wants of its machine and what it does by itself. Demand is piecewise constant: the
 * runtime asks again when the answer's time is over or the load changes, never on a tick.
 */
import type { Rng } from '@paperfleet/core';

/** What a program asks for from now on. */
export interface Demand {
  /** CPU it would use if it had the machine to itself, nano-CPUs. */
  readonly cpuNano: number;
  /** Memory it holds, bytes. */
  readonly memoryBytes: number;
  /** How long this holds unless the load changes, µs; 0: until then. */
  readonly holdsForUs: number;
}

/** Something the program will do by itself. */
export interface Outcome {
  readonly afterUs: number;
  readonly exitCode: number;
}

/** Result of one health probe. */
export interface Probe {
  /** Time until the answer, µs. The runtime gives up at the probe's time-out. */
  readonly afterUs: number;
  readonly healthy: boolean;
}

export interface Startup {
  /** From the start order until the process runs, µs. */
  readonly startUs: number;
  /** From then until the program answers, µs. */
  readonly bootUs: number;
}

/** One program's behaviour; has no state of its own, so that every container of a service can share it. Ages count from the process's start, µs. */
export interface WorkloadModel {
  readonly name: string;
  startup(rng: Rng): Startup;
  /** Demand until the program has booted. */
  readonly booting: Demand;
  /** @param sinceBootUs – µs since it booted. @param milliRps – load on this container, thousandths of a request per second. */
  demand(sinceBootUs: number, milliRps: number, rng: Rng): Demand;
  /** When and how it ends by itself, from the process's start; undefined: it runs until it is stopped. */
  outcome(rng: Rng): Outcome | undefined;
  /** Its answer to the stop signal; undefined: it does not react and has to be killed. */
  stop(ageUs: number, booted: boolean, rng: Rng): Outcome | undefined;
  probe(ageUs: number, booted: boolean, rng: Rng): Probe;
}
