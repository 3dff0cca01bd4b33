/** A random run under watch. */
import { addressed, digestText, type Factories, Timeline } from '@paperfleet/core';
import { FACTORIES } from '@paperfleet/lab';
import { checkCalm } from './calm.ts';
import { Watch } from './invariants.ts';
import type { RandomRun } from './random-run.ts';

export interface Outcome {
  readonly digest: string;
  readonly events: number;
  readonly commits: number;
  readonly timeline: Timeline;
}

/** Runs to the end of the calm. @throws Violation, or whatever the code under test throws. */
export function runChecked(run: RandomRun, factories: Factories = FACTORIES): Outcome {
  const timeline = new Timeline(run.header, factories);
  timeline.createManager();
  const watch = new Watch(timeline);
  for (const entry of run.inputs) timeline.inject(addressed(entry));
  timeline.runUntil(run.until);
  checkCalm(timeline);
  return { digest: digestText(timeline.digest()), events: timeline.events, commits: watch.commits, timeline };
}

/** Runs without watching: the digest must not notice. */
export function runPlain(run: RandomRun, factories: Factories = FACTORIES): string {
  const timeline = new Timeline(run.header, factories);
  timeline.createManager();
  for (const entry of run.inputs) timeline.inject(addressed(entry));
  timeline.runUntil(run.until);
  return digestText(timeline.digest());
}
