/**
 * A workload in numbers, and the one model made of them: base CPU, CPU and memory per request, memory that grows to a
 * plateau, times to start, boot and stop, ways to fail.
 */
import { type Distribution, type Rng, sample } from '@paperfleet/core';
import type { Demand, Outcome, Probe, Startup, WorkloadModel } from './workload-model.ts';

export interface WorkloadProfile {
  /** CPU when idle, nano-CPUs, and how far it wanders, parts per thousand of it either way. */
  readonly baseCpuNano: number;
  readonly jitterPermille: number;
  /** CPU time per request, µs. */
  readonly requestCpuUs: number;
  /** Time a request spends inside when nothing else waits, µs (CPU, disk and calls); decides how many are in flight. */
  readonly requestUs: number;
  /** Requests in flight at most. */
  readonly concurrency: number;
  /** Memory once booted, bytes; rises in steps to the plateau within `memoryGrowthUs`. */
  readonly memoryBytes: number;
  readonly memoryPlateauBytes: number;
  readonly memoryGrowthUs: number;
  /** Memory per request in flight, bytes. */
  readonly requestMemoryBytes: number;
  /** Memory that is never given back, bytes per second. */
  readonly leakBytesPerSecond: number;
  readonly startUs: Distribution;
  readonly bootUs: Distribution;
  /** CPU while booting, nano-CPUs. */
  readonly bootCpuNano: number;
  readonly stopUs: Distribution;
  /** Exit code after the stop signal. */
  readonly stopExitCode: number;
  /** True: the stop signal has no effect. */
  readonly ignoresStop: boolean;
  /** Ends by itself after this long, from the process's start. */
  readonly exitAfterUs: Distribution | undefined;
  readonly exitCode: number;
  /** Share of runs, parts per thousand, that end with `failCode` instead of `exitCode`. */
  readonly failPermille: number;
  readonly failCode: number;
  /** Hangs from this age on: probes time out and the stop signal has no effect, µs; undefined: never. */
  readonly hangAfterUs: number | undefined;
  /** Share of probes that fail, parts per thousand. */
  readonly probeFailPermille: number;
  /** Time a probe takes, µs. */
  readonly probeUs: number;
}

/** Memory grows to the plateau in this many steps. */
const GROWTH_STEPS = 8;
/** The idle CPU of a program is drawn anew after a time within these bounds, µs. */
const JITTER_MIN_US = 5_000_000;
const JITTER_MAX_US = 15_000_000;
/** A leak is followed in steps of this length, µs. */
const LEAK_STEP_US = 1_000_000;
/** A program that is stopped before it has booted dies of the signal (its handlers are not in place yet): 128 + SIGTERM. */
const UNHANDLED_STOP: Outcome = { afterUs: 50_000, exitCode: 143 };
/** A hung program's probe never answers. */
const NO_ANSWER: Probe = { afterUs: Number.MAX_SAFE_INTEGER, healthy: false };
const MILLION = 1_000_000;

/** The model of a profile. */
export class ProfileModel implements WorkloadModel {
  readonly name: string;
  readonly profile: WorkloadProfile;
  readonly booting: Demand;

  constructor(name: string, profile: WorkloadProfile) {
    this.name = name;
    this.profile = profile;
    this.booting = { cpuNano: profile.bootCpuNano, memoryBytes: Math.floor(profile.memoryBytes / 2), holdsForUs: 0 };
  }

  startup(rng: Rng): Startup {
    return { startUs: sample(this.profile.startUs, rng), bootUs: sample(this.profile.bootUs, rng) };
  }

  demand(sinceBootUs: number, milliRps: number, rng: Rng): Demand {
    const p = this.profile;
    let holdsForUs = 0;
    let cpuNano = p.baseCpuNano;
    if (p.jitterPermille > 0 && cpuNano > 0) {
      const parts = Math.floor((cpuNano * p.jitterPermille) / 1000);
      cpuNano += Math.floor((parts * rng.range(-1000, 1000)) / 1000);
      holdsForUs = rng.range(JITTER_MIN_US, JITTER_MAX_US);
    }
    // One request per second × one µs of CPU time = 1000 nano-CPUs, so thousandths of a request × µs = nano-CPUs.
    cpuNano += milliRps * p.requestCpuUs;
    // Little: requests in flight = rate × time inside, here without queueing, at most what the program takes at once.
    const inFlight = Math.min(p.concurrency, Math.ceil((milliRps * p.requestUs) / (1000 * MILLION)));
    let memoryBytes = p.memoryBytes + inFlight * p.requestMemoryBytes;
    if (p.memoryPlateauBytes > p.memoryBytes) {
      const stepUs = Math.ceil(p.memoryGrowthUs / GROWTH_STEPS);
      const step = stepUs === 0 ? GROWTH_STEPS : Math.min(GROWTH_STEPS, Math.floor(sinceBootUs / stepUs));
      memoryBytes += Math.floor(((p.memoryPlateauBytes - p.memoryBytes) * step) / GROWTH_STEPS);
      if (step < GROWTH_STEPS) holdsForUs = sooner(holdsForUs, (step + 1) * stepUs - sinceBootUs);
    }
    if (p.leakBytesPerSecond > 0) {
      memoryBytes += Math.floor(sinceBootUs / LEAK_STEP_US) * p.leakBytesPerSecond;
      holdsForUs = sooner(holdsForUs, LEAK_STEP_US - (sinceBootUs % LEAK_STEP_US));
    }
    return { cpuNano, memoryBytes, holdsForUs };
  }

  outcome(rng: Rng): Outcome | undefined {
    const p = this.profile;
    if (p.exitAfterUs === undefined) return undefined;
    const afterUs = sample(p.exitAfterUs, rng);
    return { afterUs, exitCode: p.failPermille > 0 && rng.chance(p.failPermille, 1000) ? p.failCode : p.exitCode };
  }

  stop(ageUs: number, booted: boolean, rng: Rng): Outcome | undefined {
    const p = this.profile;
    if (p.ignoresStop || this.#hangs(ageUs)) return undefined;
    if (!booted) return UNHANDLED_STOP;
    return { afterUs: sample(p.stopUs, rng), exitCode: p.stopExitCode };
  }

  probe(ageUs: number, booted: boolean, rng: Rng): Probe {
    const p = this.profile;
    if (this.#hangs(ageUs)) return NO_ANSWER;
    const failed = p.probeFailPermille > 0 && rng.chance(p.probeFailPermille, 1000);
    return { afterUs: p.probeUs, healthy: booted && !failed };
  }

  #hangs(ageUs: number): boolean {
    return this.profile.hangAfterUs !== undefined && ageUs >= this.profile.hangAfterUs;
  }
}

/** The sooner of two spans where 0 means never. */
function sooner(a: number, b: number): number {
  return a === 0 ? b : Math.min(a, b);
}
