// What the live protocol costs the manager: a delta of 5,000 changed tasks, a snapshot of 50,000, twenty pages at 2 Hz.
// CPU time of the manager's thread. The cluster is put together by hand; the feed, the views and the encoding are the product's.

import { TASK_STATE } from '@paperfleet/core';
import { buildMetrics, buildSnapshot, StateFeed } from '@paperfleet/scheduler';
import { HandRun } from '@paperfleet/scheduler/testing';
import { cpuNs, cpuNsPerOperation, median } from './measure.ts';
import type { BenchResult } from './result.ts';

/** A cluster of services with 50 tasks each, 10 tasks a node, all running. */
function cluster(tasks: number): HandRun {
  const run = new HandRun('main');
  const { store } = run;
  const nodes = Array.from({ length: tasks / 10 }, (_, index) => store.addNode(`n${index + 1}`));
  for (let service = 0; service < tasks / 50; service++) {
    const record = store.addService(`service-${service}`, { kind: 'replicated', replicas: 50 });
    for (let slot = 1; slot <= 50; slot++) {
      const nodeId = nodes[(service * 50 + slot) % nodes.length]!.id;
      const task = store.addTask(record, slot, { nodeId, state: TASK_STATE.starting });
      run.metrics.tasks.set(task.id, { cpuNano: 125_000_000 + slot, memoryBytes: 50_000_000, throttledPermille: 3 });
    }
    run.metrics.services.set(record.id, { cpuNano: 6e9, memoryBytes: 2.5e9, throttledPermille: 3 });
  }
  for (const { row } of nodes) {
    run.metrics.nodeAt[row] = 1;
    run.metrics.nodeCpuNano[row] = 1.25e9 + row;
    run.metrics.nodeMemoryBytes[row] = 5e8 + row;
  }
  return run;
}

/** All tasks change; the CPU time from there to the bytes, their number, and that of the same as one JSON object a row. */
function deltas(run: HandRun): { readonly milliseconds: number; readonly bytes: number; readonly rowBytes: number } {
  const feed = new StateFeed(run, Date.now);
  const tasks = [...run.store.tasks.values()];
  const samples: number[] = [];
  let bytes = 0;
  for (let round = 0; round < 21; round++) {
    const state = round % 2 === 0 ? TASK_STATE.running : TASK_STATE.failed;
    for (const task of tasks) run.store.updateTask(task, { state, stateAt: (90_000_000 + round * 1_000_000) as typeof task.stateAt });
    const start = cpuNs();
    const encoded = feed.flush();
    samples.push((cpuNs() - start) / 1e6);
    if (encoded?.frame.tasks?.row.length !== tasks.length) throw new Error('the frame does not hold all tasks');
    bytes = encoded.bytes.length;
  }
  feed.close();
  const { nodes, services } = buildSnapshot(run, run.manager, run.playback(), 0);
  const rows = tasks.map(({ row, id, serviceId, slot, nodeId, state, desired, stateAt, error, health }) => ({
    row,
    id,
    serviceId,
    slot,
    nodeId,
    state,
    desired,
    stateAt,
    error,
    health,
  }));
  return { milliseconds: median(samples), bytes, rowBytes: JSON.stringify({ rows, nodes, services }).length };
}

/** The whole state from nothing, encoded. */
function snapshots(run: HandRun): { readonly milliseconds: number; readonly bytes: number } {
  let wallMs = 0;
  const feed = new StateFeed(run, () => (wallMs += 1000));
  let bytes = 0;
  const nanoseconds = cpuNsPerOperation(() => {
    bytes = feed.encodedSnapshot().snapshot.json.length;
  }, 1);
  feed.close();
  return { milliseconds: nanoseconds / 1e6, bytes };
}

/** Building and encoding one metrics frame. */
function metricsFrame(run: HandRun): { readonly milliseconds: number; readonly bytes: number } {
  let bytes = 0;
  const nanoseconds = cpuNsPerOperation(() => {
    bytes = Buffer.from(JSON.stringify(buildMetrics(run.manager, 1))).length;
  }, 1);
  return { milliseconds: nanoseconds / 1e6, bytes };
}

/** Measures. */
export async function run(): Promise<BenchResult[]> {
  const small = cluster(5000);
  const delta = deltas(small);
  const metrics = metricsFrame(small);
  const large = snapshots(cluster(50_000));
  return [
    {
      goal: 'P15',
      name: 'metrics of 5,000 tasks, encode',
      value: metrics.milliseconds,
      unit: 'ms',
      target: 1.5,
      direction: 'max',
      note: 'columns, with their nodes and services',
    },
    { goal: 'P15', name: 'metrics of 5,000 tasks, size', value: metrics.bytes / 1000, unit: 'KB', target: 130, direction: 'max' },
    {
      goal: 'P15',
      name: 'metrics of 5,000 tasks at 2 Hz',
      value: metrics.milliseconds * 2 * 0.1,
      unit: '% of a core',
      target: 3,
      direction: 'max',
      note: 'encoding, once for all pages; sending not included',
    },
    {
      goal: '–',
      name: 'state delta, 5,000 of 5,000 tasks changed',
      value: delta.milliseconds,
      unit: 'ms',
      target: 10,
      direction: 'max',
      note: 'looking up, encoding; with 100 services and 500 nodes',
    },
    {
      goal: '–',
      name: 'its size, against JSON objects',
      value: (delta.bytes / delta.rowBytes) * 100,
      unit: '%',
      target: 50,
      direction: 'max',
      note: `${(delta.bytes / 1000).toFixed(0)} KB against ${(delta.rowBytes / 1000).toFixed(0)} KB`,
    },
    {
      goal: '–',
      name: 'snapshot of 50,000 tasks, encode',
      value: large.milliseconds,
      unit: 'ms',
      target: 150,
      direction: 'max',
      note: `${(large.bytes / 1e6).toFixed(1)} MB before compression; at most twice a second`,
    },
  ];
}
