import { describe, expect, test } from 'vitest';
import type { ClusterEvent, Explain, ExplainCode } from '../model/explain.ts';
import type { TimeUs } from '../units.ts';
import type { Names } from './sentence.ts';
import { explainClause, explainSentence } from './sentence.ts';

const sentence = (event: ClusterEvent, called: Names): string => explainClause(event.explain, event, called);

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
const placed = (runnerUp: number | undefined, feasible = 4): Explain => ({
  code: 'PLACED',
  node: 'n2',
  profile: 'swarm',
  considered: 6,
  feasible,
  rejected: { resource: 1, ready: 1 },
  scores: [
    { name: 'recentFailures', value: 0 },
    { name: 'tasksOfService', value: 1 },
  ],
  ...(runnerUp === undefined
    ? {}
    : {
        runnerUp: {
          node: 'n4',
          scores: [
            { name: 'recentFailures', value: 0 },
            { name: 'tasksOfService', value: runnerUp },
          ],
        },
      }),
});

describe('placement', () => {
  test('names the first score that differs', () => {
    expect(sentence(about(placed(2)), names)).toBe(
      'web.3 was placed on n2: 4 of 6 nodes fit (1 short of CPU or memory, 1 not ready); it has fewer tasks of this service (1) than n4 (2)',
    );
  });
  test('other scores are compared as numbers', () => {
    const explain = {
      ...(placed(2) as Extract<Explain, { code: 'PLACED' }>),
      scores: [{ name: 'leastAllocated', value: 90 }],
      runnerUp: { node: 'n4', scores: [{ name: 'leastAllocated', value: 70 }] },
    };
    expect(sentence(about(explain), names)).toContain('it has a higher leastAllocated (90) than n4 (70)');
  });
  test('says when nothing differs, and when nothing else fits', () => {
    expect(sentence(about(placed(1)), names)).toContain('; it is level with n4 and first in order');
    expect(sentence(about(placed(undefined, 1)), names)).toContain('n2: the only one of 6 nodes that fits (1 short');
  });
});

test('pending gives the real system’s reason, or that of every node, and the near miss', () => {
  const explain: Extract<Explain, { code: 'PENDING' }> = {
    code: 'PENDING',
    message: 'no suitable node',
    considered: 6,
    rejected: { resource: 4, ready: 2, constraint: 0, 'my-filter': 1 },
    nearest: { node: 'n2', filter: 'resource', detail: '120m CPU free of 500m needed' },
    wouldFitIf: ['a node joins'],
  };
  const near = 'Nearest is n2: 120m CPU free of 500m needed. It would fit if a node joins';
  expect(sentence(about(explain), names)).toBe(`web.3 waits for a node: no suitable node. ${near}`);
  expect(sentence(about({ ...explain, message: '' }), names)).toBe(
    `web.3 waits for a node: no suitable node among 6 (4 short of CPU or memory, 2 not ready, 1 turned down by my-filter). ${near}`,
  );
});

test('a task that replaces one of the same name does not say so twice', () => {
  expect(sentence(about({ code: 'CREATED', reason: 'restart', slot: 3, replaces: 't0' }), names)).toBe(
    'web.3 was created: an earlier task ended and the restart policy asks for another',
  );
  expect(sentence(about({ code: 'CREATED', reason: 'update', slot: 3, replaces: 't2' }), names)).toContain('in place of web.4');
});

test('out of memory is told by its cause, other ends by their exit code', () => {
  expect(sentence(about({ code: 'EXITED', exitCode: 137, oomKilled: true, message: 'x' }, { node: 'n2' }), names)).toBe(
    'web.3 was killed on n2 for using more memory than its limit (OOM, exit code 137)',
  );
  expect(sentence(about({ code: 'EXITED', exitCode: 1, oomKilled: false, message: 'boom' }), names)).toBe(
    'web.3 ended with exit code 1: boom',
  );
});

test('a lost node tells what was heard of it last', () => {
  const explain: Explain = { code: 'NODE_DOWN', node: 'n3', lastHeartbeat: 4_500_000 as TimeUs, graceUs: 15_000_000, tasks: 1 };
  expect(sentence(about(explain), names)).toBe(
    'n3 is down: its last heartbeat came at 00:04.500 and none followed within 15 s; 1 task was on it',
  );
});

test('without a subject sentences begin with what was done', () => {
  expect(explainSentence({ code: 'SHUTDOWN', reason: 'drain' })).toBe('Shut down: its node is being drained.');
  expect(explainSentence({ code: 'CREATED', reason: 'restart', slot: 3, replaces: 't0' })).toBe(
    'Created in slot 3 in place of t0: an earlier task ended and the restart policy asks for another.',
  );
  expect(explainSentence({ code: 'FAULT', fault: 'crash', detail: 'crash n3' })).toBe('Fault crash: crash n3.');
});

test('a fault is told in words, with what is more than the request', () => {
  const node = { task: undefined, service: undefined, node: 'n3' } as unknown as Partial<ClusterEvent>;
  expect(sentence(about({ code: 'FAULT', fault: 'crash', detail: 'crash n3' }, node), names)).toBe('n3 lost power');
  expect(sentence(about({ code: 'FAULT', fault: 'partition', detail: 'partition n3 (what they send)' }, node), names)).toBe(
    'n3 was cut off: no message passes (what they send)',
  );
  expect(sentence(about({ code: 'FAULT', fault: 'link', detail: 'heal n3' }, node), names)).toBe('n3 can be reached again');
  expect(sentence(about({ code: 'FAULT', fault: 'slow', detail: 'x' }, node), names)).toBe('Fault slow on n3: x');
});

test('notes and commands say whom they are about', () => {
  const cluster = { task: undefined, service: undefined } as unknown as Partial<ClusterEvent>;
  expect(sentence(about({ code: 'NOTE', message: 'started' }, { node: 'n2' }), names)).toBe('web.3: started on n2');
  expect(sentence(about({ code: 'NOTE', message: 'noted' }, cluster), names)).toBe('noted');
  expect(sentence(about({ code: 'COMMAND', command: 'deploy', detail: 'deploy shop: 5 services (start)' }, cluster), names)).toBe(
    'Command deploy shop: 5 services (start)',
  );
});

test('every code has a sentence that ends without a dangling separator', () => {
  const all: { readonly [C in ExplainCode]: Extract<Explain, { code: C }> } = {
    PLACED: placed(2) as Extract<Explain, { code: 'PLACED' }>,
    PENDING: { code: 'PENDING', message: 'm', considered: 0, rejected: {}, wouldFitIf: [] },
    SCALED: { code: 'SCALED', service: 'web', from: 1, to: 2, by: 'you' },
    CREATED: { code: 'CREATED', reason: 'replicas', slot: 1 },
    RESTART: { code: 'RESTART', reason: 'exited', condition: 'any', delayUs: 5_000_000, attempts: 2, maxAttempts: 3 },
    NOT_RESTARTED: { code: 'NOT_RESTARTED', why: 'max-attempts', attempts: 3, maxAttempts: 3 },
    SHUTDOWN: { code: 'SHUTDOWN', reason: 'drain' },
    REJECTED: { code: 'REJECTED', message: 'no such image', detail: '' },
    EXITED: { code: 'EXITED', exitCode: 0, oomKilled: false, message: '' },
    NODE_DOWN: { code: 'NODE_DOWN', node: 'n1', lastHeartbeat: 0 as TimeUs, graceUs: 1, tasks: 0 },
    NODE_READY: { code: 'NODE_READY', node: 'n1', session: 2 },
    ROLLOUT: { code: 'ROLLOUT', service: 'web', state: 'paused', message: '' },
    COMMAND: { code: 'COMMAND', command: 'load', detail: '' },
    FAULT: { code: 'FAULT', fault: 'crash', detail: '' },
    NOTE: { code: 'NOTE', message: 'noted' },
  };
  for (const explain of Object.values(all)) {
    const text = sentence(about(explain), names);
    const said = `${explain.code} ${text}`;
    expect(said).toMatch(/\S \S.*\S$/);
    expect(said).not.toMatch(/[:;,(]$|undefined|NaN/);
    expect(explainSentence(explain)).toMatch(/^\S.*\w\)?\.$/);
  }
});
