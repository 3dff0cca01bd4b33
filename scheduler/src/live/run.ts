/**
 * A run as the API, the command and the page see it, whatever executes it: agents behind WebSockets, agents inside this
 * process, or a side run made by replay.
 */
import type { Command, Fault, Input, PartyId, PlaybackState, RunHeader, TimeUs, Totals } from '@paperfleet/core';
import type { ManagerView, Refusal } from '../store/manager-view.ts';

export type { ManagerView, Refusal } from '../store/manager-view.ts';

export type Submitted = { readonly ok: true; readonly seq: number; readonly at: TimeUs } | Refusal;

export interface LiveRun {
  readonly name: string;
  readonly parent: string | null;
  readonly forkedAt: TimeUs | null;
  readonly header: RunHeader;
  readonly manager: ManagerView;
  playback(): PlaybackState;
  totals(): Totals;
  pause(): void;
  resume(): void;
  /** Simulated seconds per wall second, 0.1 to 1000; 0 is as fast as possible. */
  setSpeed(speed: number): void;
  /** Resolves when the step is done (the run is paused then). */
  step(until: 'window' | 'event'): Promise<void>;
  /** Checks, journals (synced) and injects. `key` '' for none; a key seen before gives the first answer again. */
  submit(command: Command, by: string, key: string): Promise<Submitted>;
  submitFault(parties: readonly PartyId[], label: string, fault: Fault, by: string): Promise<Submitted>;
  /** Called after every window in which something happened, and after playback changes. Returns the unsubscriber. */
  onAdvance(listener: () => void): () => void;
  /** Digest of all state changes so far, at the last barrier. */
  digest(): Promise<{ readonly at: TimeUs; readonly digest: string }>;
  /** The inputs so far, in journal order. */
  inputs(): readonly { readonly seq: number; readonly at: TimeUs; readonly input: Input }[];
}

/** All runs of this server: the live one and branches forked from it. */
export interface Runs {
  get(name: string): LiveRun | undefined;
  list(): readonly LiveRun[];
  /** State at an earlier instant, made by replay in a side run that is dropped afterwards. */
  rewind(name: string, at: TimeUs): Promise<{ readonly at: TimeUs; readonly digest: string; readonly manager: ManagerView } | Refusal>;
  /** A new branch that goes on, paused, from an earlier instant, with its agents inside this process. */
  fork(name: string, at: TimeUs): Promise<LiveRun | Refusal>;
  close(name: string): Promise<void>;
}
