import type { Snapshot, TaskState } from '@paperfleet/core';
import { TASK_STATE } from '@paperfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HandRun } from '../testing/hand-run.ts';
import { applyDelta, mergeDeltas } from './delta.ts';
import { buildSnapshot, StateFeed } from './state-feed.ts';

type Step =
  | {
      readonly do: 'addNode' | 'removeNode' | 'addService' | 'removeService' | 'addTask' | 'removeTask' | 'event' | 'flush' | 'heartbeat';
      readonly pick: number;
    }
  | { readonly do: 'node'; readonly pick: number; readonly status: 'ready' | 'down'; readonly truth: 'up' | 'crashed' }
  | { readonly do: 'service'; readonly pick: number; readonly rate: number }
  | { readonly do: 'task'; readonly pick: number; readonly state: TaskState; readonly desired: TaskState; readonly node: number };

const pick = fc.nat(30);
const state = fc.constantFrom(...Object.values(TASK_STATE));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('addTask' as const), pick }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('task' as const), pick, state, desired: state, node: pick }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom('addNode', 'removeNode', 'addService', 'removeService', 'removeTask', 'event', 'flush', 'heartbeat' as const),
      pick,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('node' as const),
      pick,
      status: fc.constantFrom('ready', 'down' as const),
      truth: fc.constantFrom('up', 'crashed' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('service' as const), pick, rate: fc.nat(100) }) },
) as fc.Arbitrary<Step>;

const choose = <T>(records: ReadonlyMap<string, T>, index: number): T | undefined =>
  [...records.values()][records.size === 0 ? 0 : index % records.size];

function act(run: HandRun, step: Step): void {
  const { store } = run;
  const node = choose(store.nodes, step.pick);
  const service = choose(store.services, step.pick);
  const task = choose(store.tasks, step.pick);
  run.simUs += 1000;
  if (step.do === 'addNode') store.addNode(`n${store.nodes.size}`);
  else if (step.do === 'addService')
    store.addService(`s${store.services.size}`, step.pick % 3 === 0 ? { kind: 'global' } : { kind: 'replicated', replicas: step.pick });
  else if (step.do === 'event') run.events.add(run.simUs, 'note', { code: 'NOTE', message: `${step.pick}` });
  else if (step.do === 'addTask' && service !== undefined)
    store.addTask(service, step.pick, { nodeId: step.pick % 2 === 0 ? (node?.id ?? '') : '' });
  else if (step.do === 'removeTask' && task !== undefined) store.removeTask(task);
  else if (step.do === 'removeService' && service !== undefined) store.removeService(service);
  else if (step.do === 'removeNode' && node !== undefined) store.removeNode(node);
  else if (step.do === 'heartbeat' && node !== undefined) store.updateNode(node, { lastHeartbeat: run.simUs as typeof node.lastHeartbeat });
  else if (step.do === 'node' && node !== undefined) store.updateNode(node, { status: step.status, truth: step.truth });
  else if (step.do === 'service' && service !== undefined) store.updateService(service, { requestsPerSecond: step.rate });
  else if (step.do === 'task' && task !== undefined)
    store.updateTask(task, { state: step.state, desired: step.desired, nodeId: choose(store.nodes, step.node)?.id ?? '' });
}

/** Snapshots are sets of rows; heartbeats of ready nodes are not told one by one. */
function comparable(snapshot: Snapshot): unknown {
  const { row } = snapshot.tasks;
  const order = row.map((_, index) => index).sort((a, b) => row[a]! - row[b]!);
  return {
    ...snapshot,
    nodes: snapshot.nodes.map((node) => (node.status === 'ready' ? { ...node, lastHeartbeatUs: 0 } : node)).sort((a, b) => a.row - b.row),
    services: [...snapshot.services].sort((a, b) => a.row - b.row),
    tasks: Object.fromEntries(
      Object.entries(snapshot.tasks).map(([name, column]) => [name, order.map((index) => (column as unknown[])[index])]),
    ),
    playback: undefined,
  };
}

test('deltas applied to an old snapshot give the new snapshot, frame by frame and merged', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.array(step, { maxLength: 60 }), (before, after) => {
      const run = new HandRun('main');
      let wallMs = 1_000_000;
      for (const each of before) act(run, each);
      const feed = new StateFeed(run, () => wallMs);
      const old = JSON.parse(feed.encodedSnapshot().snapshot.json.toString('utf8')) as Snapshot;
      for (const each of after) {
        wallMs += 10;
        if (each.do === 'flush') feed.flush();
        else act(run, each);
      }
      wallMs += 1000;
      feed.flush();
      const frames = feed.since(old.seq)!.map(({ frame }) => frame);
      const fresh = buildSnapshot(run, run.manager, run.playback(), feed.seq);
      const oneByOne = frames.reduce(applyDelta, old);
      expect(comparable(oneByOne)).toEqual(comparable(fresh));
      if (frames.length > 0) expect(comparable(applyDelta(old, mergeDeltas(frames)))).toEqual(comparable(fresh));
      // What pages get is what was encoded.
      for (const { frame, bytes } of feed.since(old.seq)!) expect(JSON.parse(bytes.toString('utf8'))).toEqual(frame);
      feed.close();
    }),
    { numRuns: 300 },
  );
});
