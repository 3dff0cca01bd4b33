// Fast against plain: the batch twin of every filter, and the feasible sets kept up to date from journals, against asking
// FilterPlugin.filter of every node.

import { bytes, DEFAULT_RESTART, durationUs, nanoCpu, TASK_STATE, type TaskSpec } from '@paperfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasBit } from './bitset.ts';
import { taskNeeds } from './needs.ts';
import { NodeSet } from './node-set.ts';
import { SWARM_PROFILE } from './profile.ts';
import type { PlacementNode } from './request.ts';
import { Workspace } from './workspace.ts';

const node = fc
  .record({
    ready: fc.boolean(),
    zone: fc.constantFrom('a', 'b'),
    cpu: fc.integer({ min: 0, max: 10 }),
    memory: fc.integer({ min: 0, max: 10 }),
    generic: fc.constantFrom<PlacementNode['description']['generic']>({}, { gpu: 3 }, { gpu: ['x', 'y'] }),
    os: fc.constantFrom('', 'linux', 'windows'),
    plugins: fc.constantFrom(undefined, [['Log', 'json-file']] as const, [['Log', 'splunk']] as const),
  })
  .map(
    ({ ready, zone, cpu, memory, generic, os, plugins }): PlacementNode => ({
      id: 'n',
      name: 'n',
      ready,
      role: 'worker',
      labels: { zone },
      description: {
        hostname: 'h',
        nanoCpus: nanoCpu(cpu),
        memoryBytes: bytes(memory),
        engineLabels: {},
        address: '',
        generic,
        platform: { architecture: '', os },
        ...(plugins === undefined ? {} : { plugins }),
      },
    }),
  );

const kind = fc
  .record({
    serviceId: fc.constantFrom('s1', 's2'),
    cpu: fc.nat({ max: 3 }),
    memory: fc.nat({ max: 3 }),
    generic: fc.constantFrom<Record<string, number> | undefined>(undefined, { gpu: 1 }, { gpu: 0 }, { tpu: 1 }),
    constraints: fc.constantFrom<readonly string[]>([], ['node.labels.zone == a']),
    logDriver: fc.constantFrom(undefined, 'splunk'),
    os: fc.constantFrom(undefined, 'linux', ''),
    maxReplicasPerNode: fc.constantFrom(0, 1, 2),
    port: fc.constantFrom(0, 80, 81),
    clusterVolume: fc.constantFrom(false, false, false, true),
  })
  .map(({ serviceId, cpu, memory, generic, constraints, logDriver, os, maxReplicasPerNode, port, clusterVolume }) => {
    const spec: TaskSpec = {
      containers: [
        {
          name: 'main',
          image: 'any',
          stopGracePeriodUs: durationUs(0),
          reservations: { nanoCpus: nanoCpu(cpu), memoryBytes: bytes(memory), ...(generic === undefined ? {} : { generic }) },
          limits: {},
          mounts: clusterVolume ? [{ type: 'cluster', source: 'v', target: '/v', readOnly: false }] : [],
        },
      ],
      restart: DEFAULT_RESTART,
      placement: { constraints, maxReplicasPerNode, platforms: os === undefined ? [] : [{ architecture: '', os }] },
      ...(logDriver === undefined ? {} : { logDriver }),
      forceUpdate: 0,
    };
    const ports = port === 0 ? [] : [{ protocol: 'tcp', targetPort: 1, publishedPort: port, publishMode: 'host' } as const];
    return { serviceId, spec, ports };
  });

type Change =
  | { readonly row: number; readonly node: PlacementNode | undefined }
  | { readonly row: number; readonly kind: number; readonly tasks: number };

const change = fc.oneof(
  fc.record({ row: fc.nat({ max: 40 }), node: fc.option(node, { nil: undefined, freq: 4 }) }),
  fc.record({ row: fc.nat({ max: 40 }), kind: fc.nat({ max: 2 }), tasks: fc.integer({ min: -3, max: 3 }) }),
);

function apply(nodes: NodeSet, kinds: readonly Parameters<typeof taskNeeds>[0][], { row, ...of }: Change): void {
  if ('node' in of) {
    if (of.node === undefined) nodes.removeNode(row);
    else nodes.upsertNode(row, of.node);
    return;
  }
  const { serviceId, spec, ports } = kinds[of.kind]!;
  for (let i = 0; i < Math.abs(of.tasks); i++) {
    const id = `${row}/${of.kind}/${i}`;
    if (of.tasks > 0) nodes.addTask(row, { id, serviceId, spec, ports, desired: TASK_STATE.running });
    else nodes.removeTask(row, { id });
  }
}

test('filterBatch keeps exactly what filter keeps, in order', () => {
  fc.assert(
    fc.property(
      fc.array(node, { maxLength: 40 }),
      fc.array(kind, { minLength: 3, maxLength: 3 }),
      fc.array(change, { maxLength: 40 }),
      (all, kinds, changes) => {
        const nodes = new NodeSet();
        for (const [row, one] of all.entries()) nodes.upsertNode(row, one);
        for (const one of changes) apply(nodes, kinds, one);
        const rows = Array.from({ length: nodes.rows }, (_, row) => row).filter((row) => nodes.has(row));
        for (const needs of kinds.map(taskNeeds)) {
          for (const filter of SWARM_PROFILE.filters.filter((one) => one.applies(needs) && one.filterBatch !== undefined)) {
            const candidates = Int32Array.from(rows);
            const kept = filter.filterBatch?.(nodes, needs, candidates, candidates.length);
            expect([...candidates.subarray(0, kept)]).toEqual(rows.filter((row) => filter.filter(nodes, needs, row, 0)));
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a feasible set brought up to date equals asking every filter of every node', () => {
  fc.assert(
    fc.property(
      fc.array(node, { minLength: 5, maxLength: 40 }),
      fc.array(kind, { minLength: 3, maxLength: 3 }),
      // Short rounds are caught up row by row, long ones make the set start over.
      fc.array(fc.array(change, { maxLength: 30 }), { minLength: 1, maxLength: 6 }),
      (all, kinds, rounds) => {
        const nodes = new NodeSet();
        const work = new Workspace();
        for (const [row, one] of all.entries()) nodes.upsertNode(row, one);
        for (const round of rounds) {
          for (const one of round) apply(nodes, kinds, one);
          for (const needs of kinds.map(taskNeeds)) {
            const set = work.feasible(nodes, SWARM_PROFILE, needs);
            const counts = new Array<number>(set.counts.length).fill(0);
            for (let row = 0; row < nodes.rows; row++) {
              if (!nodes.has(row)) {
                expect(hasBit(set.pass, row)).toBe(false);
                continue;
              }
              const first = set.filters.findIndex((filter) => !filter.filter(nodes, needs, row, 0)) + 1;
              counts[first] = (counts[first] ?? 0) + 1;
              expect(set.firstRejecting(row)).toBe(first);
              expect(hasBit(set.pass, row)).toBe(first === 0);
            }
            expect([...set.countsNow()]).toEqual(counts);
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
