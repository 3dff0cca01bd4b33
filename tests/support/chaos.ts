/** The scenario of the same-digest tests: scenarios/chaos.yaml as header and inputs. */
import { addressed, digestText, type JournaledInput, type RunHeader, Timeline, type TimeUs } from '@paperfleet/core';
import { FACTORIES, readScenario, type Scenario, scenarioHeader, scenarioInputs } from '@paperfleet/lab';

export interface PlannedRun {
  readonly scenario: Scenario;
  readonly header: RunHeader;
  readonly inputs: readonly JournaledInput[];
  readonly until: TimeUs;
}

export function chaos(build: string, seed?: string): PlannedRun {
  const path = new URL('../../scenarios/chaos.yaml', import.meta.url).pathname;
  const loaded = readScenario({ path, env: {}, ...(seed === undefined ? {} : { seed }) });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.errors));
  const { scenario } = loaded;
  return { scenario, header: scenarioHeader(scenario, build), inputs: scenarioInputs(scenario), until: scenario.until };
}

/** The run in one queue up to `until`. */
export function soloRun(header: RunHeader, inputs: readonly JournaledInput[], until: TimeUs): Timeline {
  const timeline = new Timeline(header, FACTORIES);
  timeline.createManager();
  for (const entry of inputs) if (entry.at < until) timeline.inject(addressed(entry));
  timeline.runUntil(until);
  return timeline;
}

export const digestOf = (timeline: Timeline): string => digestText(timeline.digest());
