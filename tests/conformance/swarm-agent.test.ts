// The agent's step function against facts read off SwarmKit's agent/exec/controller_test.go (swarm-agent.json).

import { type ActionResult, nextAction, type TaskAction, transitionOf } from '@paperfleet/node-agent';
import { TASK_STATE, type TaskState } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { loadVectors, vectorFolder } from './vectors.ts';

interface Vector {
  readonly id: string;
  readonly source: string;
  readonly given: { readonly observed?: string | readonly string[]; readonly desired?: string };
  readonly when: string;
  readonly expect: string | readonly string[];
}

/** What is observed of a task. */
interface Observation {
  readonly state: TaskState;
  readonly message: string;
  readonly error: string;
}

/** A form that this file does not know. */
class UnknownForm extends Error {}

function stateOf(name: string): TaskState {
  const state = (TASK_STATE as Readonly<Record<string, TaskState>>)[name.toLowerCase()];
  if (state === undefined) throw new UnknownForm(`no task state: ${name}`);
  return state;
}

/** The message that a task in this state carries. */
const MESSAGES: Readonly<Record<number, string>> = {
  [TASK_STATE.accepted]: 'accepted',
  [TASK_STATE.preparing]: 'preparing',
  [TASK_STATE.ready]: 'prepared',
  [TASK_STATE.starting]: 'starting',
  [TASK_STATE.running]: 'started',
};
/** The controller's methods by the action that calls them. */
const METHODS: Readonly<Record<string, TaskAction>> = { Prepare: 'prepare', Start: 'start', Wait: 'wait', Shutdown: 'stop' };

/** How a method went, in words. */
function resultOf(words: string): ActionResult {
  if (/already|succeeds|returns nil|\bok\b/i.test(words)) return 'already';
  if (/interrupt|cancel|temporar|context|deadline/i.test(words)) return 'retry';
  const exit = /(?:ends?|exits?|returns|fails|code|status)\D*?(\d+)/i.exec(words);
  if (exit !== null) return exit[1] === '0' ? 'done' : { fatal: `task: non-zero exit (${exit[1]})` };
  if (/fail|fatal|error|reject/i.test(words)) return { fatal: /"([^"]*)"/.exec(words)?.[1] ?? 'error' };
  throw new UnknownForm(`how did it go: ${words}`);
}

/** One step; what is then observed. */
function step(now: Observation, desired: TaskState, result: ActionResult): Observation {
  const action = nextAction(now.state, desired);
  if (action === 'none') return now;
  const next = transitionOf(now.state, action, result);
  return next === undefined ? now : { state: next.state, message: next.message ?? now.message, error: next.error };
}

/** All observations after the given one, in order; a step that changes nothing repeats the last. */
function play(from: Observation, desired: TaskState, when: string): readonly Observation[] {
  const seen: Observation[] = [];
  let now = from;
  const take = (result: ActionResult): void => {
    now = step(now, desired, result);
    seen.push(now);
  };
  for (const clause of when.split(/\bthen\b|;/).map((part) => part.trim())) {
    const steps = /^step(?:\s*x\s*(\d+))?$/i.exec(clause);
    const method = /^(Prepare|Start|Wait|Shutdown)\b(.*)$/.exec(clause);
    if (steps !== null) for (let i = 0; i < Number(steps[1] ?? 1); i++) take('done');
    else if (method !== null) {
      for (let i = 0; i < 8 && nextAction(now.state, desired) !== METHODS[method[1]!]; i++) take('done');
      expect(nextAction(now.state, desired), `${method[1]} is called`).toBe(METHODS[method[1]!]);
      take(resultOf(method[2]!));
    } else throw new UnknownForm(`what happens: ${clause}`);
  }
  return seen;
}

/** Compares one observation with 'STATE "message"', with an error where the text tells of one. */
function check(observation: Observation | undefined, text: string): void {
  const form = /^([A-Z]+)\b\s*(?:"([^"]*)")?(.*)$/.exec(text);
  if (form === null) throw new UnknownForm(`what is expected: ${text}`);
  const error = /err(?:or)?\b[^"]*"([^"]*)"/i.exec(form[3]!)?.[1];
  expect(observation).toMatchObject({
    state: stateOf(form[1]!),
    ...(form[2] === undefined ? {} : { message: form[2] }),
    ...(error === undefined ? {} : { error: expect.stringContaining(error) as unknown }),
  });
}

function run(vector: Vector, observed: string): void {
  const desired = stateOf(vector.given.desired ?? 'RUNNING');
  const state = stateOf(observed);
  const from: Observation = { state, message: MESSAGES[state] ?? '', error: '' };
  const seen = play(from, desired, vector.when);
  if (Array.isArray(vector.expect)) {
    const expected = vector.expect as readonly string[];
    expected.forEach((text, index) => check(seen[seen.length - expected.length + index], text));
    return;
  }
  const text = vector.expect as string;
  const stays = /^(?:stays|pauses at|remains) ([A-Z]+)/.exec(text);
  if (stays === null && text !== 'no change') return check(seen.at(-1), text);
  expect(seen.at(-1)).toEqual(from);
  if (stays !== null) expect(from.state).toBe(stateOf(stays[1]!));
  if (text.includes('until desired goes past')) expect(step(from, TASK_STATE.running, 'done').state).toBeGreaterThan(from.state);
}

function observedOf(vector: Vector): readonly string[] {
  const { observed } = vector.given;
  if (typeof observed === 'string') return [observed];
  if (Array.isArray(observed)) return observed as readonly string[];
  throw new UnknownForm(`what is given: ${JSON.stringify(vector.given)}`);
}

describe('swarm-agent.json', () => {
  const { vectors } = loadVectors<{ readonly vectors: readonly Vector[] }>('swarm-agent.json');
  const own = vectorFolder().endsWith('tests/vectors');
  test.for(vectors.map((vector) => [vector.id, vector] as const))('%s', ([, vector], context) => {
    try {
      for (const one of observedOf(vector)) run(vector, one);
    } catch (error) {
      // The project's own vectors must all be understood; others may be phrased in ways that this file does not know.
      if (own || !(error instanceof UnknownForm)) throw error;
      context.skip(error.message);
    }
  });
  test('holds vectors', () => expect(vectors.length).toBeGreaterThanOrEqual(own ? 8 : 1));
});
