import type { ClusterEvent, Explain, Names, TimeUs } from '@paperfleet/core';
import { expect, test } from 'vitest';
import { facts, sentence } from './sentences.ts';

const names: Names = { task: (id) => ({ t1: 'web.3', t0: 'web.3', t2: 'web.4' })[id] ?? id, node: (n) => n, service: (s) => s };
const about = (explain: Explain, more: Partial<ClusterEvent> = {}): ClusterEvent => ({
  id: 7,
  at: 20_000_000 as TimeUs,
  cause: 0,
  severity: 'info',
  kind: 'test',
  task: 't1',
  service: 'web',
  ...more,
  explain,
});
const placed: Explain = {
  code: 'PLACED',
  node: 'n2',
  profile: 'swarm',
  considered: 6,
  feasible: 4,
  rejected: { resource: 1, ready: 1 },
  scores: [{ name: 'tasksOfService', value: 1 }],
};

test('the sentence of an event calls things by their names and stands without a full stop', () => {
  expect(sentence(about(placed), names)).toMatch(/^web\.3 was placed on n2: .*\w\)?$/);
});

test('the facts of a placement are the nodes, by what turned them down', () => {
  expect(facts(about(placed), names)).toEqual([
    ['profile', 'swarm'],
    ['nodes that fit', '4 of 6'],
    ['short of CPU or memory', '1'],
    ['not ready', '1'],
  ]);
});

test('the facts of waiting are the reasons of every node and what would help', () => {
  const explain: Explain = {
    code: 'PENDING',
    message: 'no suitable node',
    considered: 6,
    rejected: { resource: 4, ready: 2, constraint: 0 },
    nearest: { node: 'n2', filter: 'resource', detail: '120m CPU free of 500m needed' },
    wouldFitIf: ['a node joins'],
  };
  expect(facts(about(explain), names)).toEqual([
    ['nodes considered', '6'],
    ['short of CPU or memory', '4'],
    ['not ready', '2'],
    ['nearest', 'n2: 120m CPU free of 500m needed'],
    ['would fit if', 'a node joins'],
    ['in Swarm’s words', 'no suitable node'],
  ]);
});
