/** A manager that is saved and restored at any instants goes on exactly as one that is not. */
import {
  type Command,
  digestText,
  type DurationUs,
  type Fault,
  HEALTHY_LINK,
  type Input,
  MANAGER,
  parseState,
  type PartyId,
  stringifyState,
  TASK_STATE,
  Timeline,
  timeUs,
} from '@paperfleet/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createManager, type Manager } from './manager.ts';
import { GLOBAL, MS, offer, SECOND, spec, TEST_CONFIG } from './testing/fixture.ts';
import { probeFactory } from './testing/probe-agent.ts';

const NODES = 5;
const END = 60 * SECOND;
/** Far more than a minute of five nodes takes. */
const MAXIMUM_EVENTS = 200_000;
const nodes: readonly PartyId[] = Array.from({ length: NODES }, (_, index) => (16 + index) as PartyId);

const factories = {
  manager: createManager,
  node: probeFactory({ obedient: true, startUs: 120 * MS, stopUs: 80 * MS }),
};
const newTimeline = (seed: string): Timeline =>
  new Timeline({ format: 1, build: 'test', run: 'test', seed, config: { ...TEST_CONFIG, taskHistoryLimit: 2 } }, factories);

const name = fc.constantFrom('a', 'b', 'c');
const node = fc.integer({ min: 0, max: NODES - 1 });
const update = {
  parallelism: 1,
  delayUs: SECOND as DurationUs,
  failureAction: 'rollback',
  monitorUs: (2 * SECOND) as DurationUs,
  maxFailureRatio: 0,
  order: 'stop-first',
} as const;

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ name, replicas: fc.integer({ min: 0, max: 8 }), global: fc.boolean(), maxAttempts: fc.integer({ min: 0, max: 2 }) }).map(
    ({ global, maxAttempts, ...rest }): Command => ({
      do: 'createService',
      spec: spec({ ...rest, restart: { delayUs: SECOND as DurationUs, maxAttempts }, update, ...(global ? { mode: GLOBAL } : {}) }),
    }),
  ),
  fc.record({ name, replicas: fc.integer({ min: 0, max: 8 }), image: fc.constantFrom('v:1', 'v:2', 'v:3') }).map(
    (options): Command => ({
      do: 'updateService',
      service: options.name,
      spec: spec({ ...options, update: { ...update, order: 'start-first' } }),
    }),
  ),
  fc.record({ service: name, replicas: fc.integer({ min: 0, max: 10 }) }).map((options): Command => ({ do: 'scale', ...options })),
  fc.record({ service: name, requestsPerSecond: fc.integer({ min: 0, max: 100 }) }).map((options): Command => ({ do: 'load', ...options })),
  name.map((service): Command => ({ do: 'removeService', service })),
  name.map((service): Command => ({ do: 'rollbackService', service })),
  fc
    .record({ node: node.map((index) => `n${index}`), availability: fc.constantFrom('active', 'pause', 'drain' as const) })
    .map((options): Command => ({ do: 'updateNode', node: options.node, availability: options.availability as 'active' })),
  node.map((index): Command => ({ do: 'removeNode', node: `n${index}`, force: true })),
);
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.constant<Fault>({ fault: 'crash' }),
  fc.constant<Fault>({ fault: 'recover' }),
  fc
    .record({
      partitioned: fc.boolean(),
      lossPpm: fc.constantFrom(0, 200_000),
      duplicatePpm: fc.constantFrom(0, 200_000),
      reorder: fc.boolean(),
    })
    .map(
      (link): Fault => ({
        fault: 'link',
        peers: [],
        link: { ...HEALTHY_LINK, ...link, delayUs: { min: 0 as DurationUs, max: (400 * MS) as DurationUs } },
      }),
    ),
);
const action = fc.record({
  at: fc.integer({ min: SECOND, max: END - 5 * SECOND }),
  what: fc.oneof(
    command.map((value) => ({ command: value })),
    fc.record({ fault, node }),
  ),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

interface Entry {
  readonly at: number;
  readonly parties: readonly PartyId[];
  readonly input: Input;
}

function entries(actions: readonly Action[]): readonly Entry[] {
  const joins: Entry[] = nodes.map((party, index) => ({
    at: 0,
    parties: [MANAGER, party],
    input: { kind: 'join', party, name: `n${index}`, key: `k${index}`, offer: offer(`n${index}`) },
  }));
  const later = actions.map(({ at, what }): Entry => {
    if ('command' in what) return { at, parties: [MANAGER], input: { kind: 'command', key: '', by: 'test', command: what.command } };
    const party = nodes[what.node] ?? nodes[0]!;
    return { at, parties: [MANAGER, party], input: { kind: 'fault', parties: [party], label: 'test', fault: what.fault } };
  });
  return [...joins, ...later.sort((a, b) => a.at - b.at)];
}

/** What ends all trouble: links heal, machines boot, nodes take tasks again. Nodes that were removed stay away. */
function peace(at: number): readonly Entry[] {
  return nodes.flatMap((party, index): Entry[] => [
    {
      at,
      parties: [MANAGER, party],
      input: { kind: 'fault', parties: [party], label: 'heal', fault: { fault: 'link', peers: [], link: HEALTHY_LINK } },
    },
    { at, parties: [MANAGER, party], input: { kind: 'fault', parties: [party], label: 'boot', fault: { fault: 'recover' } } },
    {
      at,
      parties: [MANAGER],
      input: { kind: 'command', key: '', by: 'test', command: { do: 'updateNode', node: `n${index}`, availability: 'active' } },
    },
  ]);
}

/** Runs the entries; at each of `saves` the whole run goes through text and comes back in a new timeline. */
function play(
  seed: string,
  all: readonly Entry[],
  saves: readonly number[],
  end: number = END,
  check?: (manager: Manager) => void,
): { readonly digest: string; readonly manager: Manager } {
  let timeline = newTimeline(seed);
  const first = timeline.createManager() as Manager;
  if (check !== undefined) first.store.watch(() => check(first));
  let next = 0;
  for (const until of [...new Set([...saves, end])].sort((a, b) => a - b)) {
    for (; next < all.length && all[next]!.at < until; next++) {
      const { at, parties, input } = all[next]!;
      timeline.inject({ seq: next + 1, at: timeUs(at), parties, input });
    }
    while (timeline.stepOne(until)) if (timeline.events > MAXIMUM_EVENTS) throw new Error(`runs away at ${timeline.now}`);
    if (until === end) break;
    const parsed = parseState(stringifyState(timeline.save(timeUs(until))));
    if (!parsed.ok) throw new Error(parsed.reason);
    timeline = newTimeline(seed);
    timeline.restore(parsed.value as ReturnType<Timeline['save']>);
  }
  return { digest: digestText(timeline.digest()), manager: timeline.party(MANAGER) as Manager };
}

/** The saved state as texts by part, so that a difference names its part. */
function parts(manager: Manager): ReadonlyMap<string, string> {
  const { store, memory } = manager.save();
  return new Map(Object.entries({ ...store, ...memory }).map(([part, value]) => [part, stringifyState(value)]));
}

describe('save and restore', () => {
  test('do not show in what follows', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 4 }),
        fc.array(action, { minLength: 3, maxLength: 25 }),
        fc.array(fc.integer({ min: 1, max: END - 1 }), { minLength: 1, maxLength: 6 }),
        (seed, actions, saves) => {
          const all = entries(actions);
          const undisturbed = play(seed, all, []);
          const restored = play(seed, all, saves);
          expect(restored.digest).toBe(undisturbed.digest);
          for (const [part, text] of parts(undisturbed.manager)) expect([part, parts(restored.manager).get(part)]).toEqual([part, text]);
        },
      ),
      { numRuns: 60 },
    );
  });

  test('after the trouble everything that is wanted runs, and on the way no rule is broken', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 4 }), fc.array(action, { minLength: 3, maxLength: 25 }), (seed, actions) => {
        const states = new Map<string, readonly [state: number, desired: number]>();
        const { manager } = play(seed, [...entries(actions), ...peace(END)], [], END + 200 * SECOND, ({ store }) => {
          for (const task of store.tasks.values()) {
            const [state, desired] = states.get(task.id) ?? [0, 0];
            if (task.state < state || task.desired < desired) throw new Error(`task ${task.id} goes back`);
            states.set(task.id, [task.state, task.desired]);
          }
        });
        const { store } = manager;
        const down = [...store.nodes.values()].filter((member) => member.status !== 'ready');
        expect(down.map((member) => member.name)).toEqual([]);
        if (store.nodes.size === 0) return;
        for (const service of store.services.values()) {
          if (service.spec.task.restart.maxAttempts > 0 || service.spec.mode.kind !== 'replicated') continue;
          const running = store
            .tasksOfService(service.id)
            .filter((task) => task.state === TASK_STATE.running && task.desired === TASK_STATE.running);
          expect(new Set(running.map((task) => task.slot)).size).toBe(service.spec.mode.replicas);
          expect(running).toHaveLength(service.spec.mode.replicas);
        }
      }),
      { numRuns: 60 },
    );
  });
});
