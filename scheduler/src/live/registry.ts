/** The runs of a server: the live one, side runs for looking back, and branches that go on from an earlier instant. */
import {
  addressed,
  digestText,
  type Factories,
  type JournaledInput,
  MANAGER,
  MemoryJournal,
  type Party,
  type RunHeader,
  type SavedTimeline,
  Timeline,
  type TimeUs,
} from '@paperfleet/core';
import { Conductor } from './conductor.ts';
import type { LiveRun, ManagerView, Refusal, Runs } from './run.ts';

/** Simulated µs replayed between two looks at the wall clock. */
const SLICE_US = 500_000;
const SLICE_MS = 25;
const MAX_BRANCHES = 8;

/** `replay` of core, in slices, so that a server goes on answering meanwhile. */
export async function replayInSlices(
  header: RunHeader,
  factories: Factories,
  inputs: readonly JournaledInput[],
  at: TimeUs,
  checkpoint?: SavedTimeline,
  progress?: (at: number) => void,
): Promise<Timeline> {
  const timeline = new Timeline(header, factories);
  if (checkpoint === undefined) timeline.createManager();
  else timeline.restore(checkpoint);
  const from = checkpoint?.at ?? 0;
  for (const entry of inputs) if (entry.at >= from && entry.at < at) timeline.inject(addressed(entry));
  let slice = performance.now();
  for (let now: number = from; now < at; ) {
    const next = timeline.next();
    now = Math.min(at, Math.max(now, next < 0 ? at : next) + SLICE_US);
    timeline.runUntil(now);
    timeline.takeOutbox();
    if (performance.now() - slice > SLICE_MS) {
      progress?.(now);
      await new Promise((resolve) => setImmediate(resolve));
      slice = performance.now();
    }
  }
  return timeline;
}

export interface RegistryOptions {
  readonly factories: Factories;
  /** The newest checkpoint of a run not later than an instant. */
  readonly checkpoint: (run: string, at: TimeUs) => SavedTimeline | undefined;
}

export class RunRegistry implements Runs {
  readonly #options: RegistryOptions;
  readonly #runs = new Map<string, Conductor>();
  #branches = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  add(run: Conductor): void {
    this.#runs.set(run.name, run);
  }

  get(name: string): LiveRun | undefined {
    return this.#runs.get(name);
  }

  list(): readonly LiveRun[] {
    return [...this.#runs.values()];
  }

  async rewind(name: string, at: TimeUs): Promise<{ at: TimeUs; digest: string; manager: ManagerView } | Refusal> {
    const past = await this.#past(name, at);
    if ('ok' in past) return past;
    return { at, digest: digestText(past.timeline.digest()), manager: past.timeline.party(MANAGER) as Party & ManagerView };
  }

  async fork(name: string, at: TimeUs): Promise<LiveRun | Refusal> {
    if (this.#runs.size > MAX_BRANCHES) {
      return { ok: false, code: 'PF_CONFLICT', message: `there are ${MAX_BRANCHES} branches already`, hint: 'close one first' };
    }
    const past = await this.#past(name, at);
    if ('ok' in past) return past;
    const { run, timeline } = past;
    const inputs = run.inputs().filter((entry) => entry.at < at);
    const journal = new MemoryJournal();
    const branch = new Conductor({
      name: `${name}~${++this.#branches + 1}`,
      parent: name,
      forkedAt: at,
      header: run.header,
      timeline,
      journal,
      inputs,
      at,
      speed: 1,
      paused: true,
    });
    journal.append([{ kind: 'header', header: run.header }, ...inputs.map((entry) => ({ kind: 'input' as const, ...entry }))]);
    this.#runs.set(branch.name, branch);
    branch.start();
    return branch;
  }

  async close(name: string): Promise<void> {
    const run = this.#runs.get(name);
    if (run === undefined || run.parent === null) return;
    this.#runs.delete(name);
    await run.stop();
  }

  async stopAll(): Promise<void> {
    const runs = [...this.#runs.values()];
    this.#runs.clear();
    for (const run of runs) await run.stop();
  }

  async #past(name: string, at: TimeUs): Promise<{ run: Conductor; timeline: Timeline } | Refusal> {
    const run = this.#runs.get(name);
    if (run === undefined) return { ok: false, code: 'PF_NOT_FOUND', message: `no run '${name}'` };
    if (at > run.at) {
      return { ok: false, code: 'PF_INVALID', message: `${at} µs lies in the future: the run is at ${run.at} µs`, path: 'at' };
    }
    const timeline = await replayInSlices(run.header, this.#options.factories, run.inputs(), at, this.#options.checkpoint(name, at));
    return { run, timeline };
  }
}
