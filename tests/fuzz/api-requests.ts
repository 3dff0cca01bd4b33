// Arbitrary requests to the HTTP API: valid ones, valid ones with something changed, and noise.

import fc from 'fast-check';

export interface FuzzRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes as latin1 text, so that a failing request prints. */
  readonly body: string | undefined;
}

const spec = {
  name: 'fuzz',
  labels: { a: 'b' },
  mode: { kind: 'replicated', replicas: 2 },
  task: {
    containers: [
      { name: 'main', image: 'nginx', stopGracePeriodUs: 10_000_000, reservations: { nanoCpus: 1 }, limits: { memoryBytes: 1 } },
    ],
    restart: { condition: 'any', delayUs: 0, maxAttempts: 0, windowUs: 0 },
    placement: { constraints: ['node.labels.zone == a'] },
    forceUpdate: 0,
  },
  update: { parallelism: 1, delayUs: 0, failureAction: 'pause', monitorUs: 0, maxFailureRatio: 0.5, order: 'stop-first' },
  endpoint: { mode: 'vip', ports: [{ protocol: 'tcp', targetPort: 80, publishedPort: 8080, publishMode: 'ingress' }] },
};
const stack = { name: 'fuzzstack', services: [spec], networks: [], volumes: [], secrets: [], configs: [] };
const link = { partitioned: false, lossPpm: 10, duplicatePpm: 0, delayUs: { min: 0, max: 5 }, reorder: true };

/** Bodies that are valid, by path below the run. */
const VALID: readonly (readonly [string, unknown])[] = [
  ['commands', { command: { do: 'scale', service: 'web', replicas: 5 } }],
  ['commands', { command: { do: 'scale', service: 'web', replicas: 3 }, key: 'k' }],
  ['commands', { command: { do: 'deploy', stack, prune: false } }],
  ['commands', { command: { do: 'createService', spec } }],
  ['commands', { command: { do: 'updateService', service: 'web', spec, version: 3 } }],
  ['commands', { command: { do: 'load', service: 'web', requestsPerSecond: 1.5 } }],
  ['commands', { command: { do: 'updateNode', node: 'n1', availability: 'drain', labels: { x: 'y' } } }],
  ['commands', { command: { do: 'removeNode', node: 'n2', force: true } }],
  ['commands', { command: { do: 'removeTask', task: 'web.1' } }],
  ['commands', { command: { do: 'removeStack', stack: 'shop' } }],
  ['faults', { nodes: ['n1', 'n2'], fault: { fault: 'partition', direction: 'both' } }],
  ['faults', { nodes: ['n1'], fault: { fault: 'crash' } }],
  ['faults', { nodes: ['n1'], fault: { fault: 'link', peers: [1], link } }],
  ['faults', { fault: { fault: 'killTask', task: 'web.2', exitCode: 9 } }],
  ['playback', { do: 'pause' }],
  ['playback', { do: 'speed', speed: 20 }],
  ['playback', { do: 'step', until: 'event' }],
  [
    'deploy',
    { files: [{ path: 'c.yaml', text: 'services: {a: {image: nginx}}' }], name: 's', env: { A: 'b' }, profiles: ['p'], prune: true },
  ],
  ['rewind', { at: 1000 }],
  ['fork', { at: 1000 }],
];

const GETS = [
  '',
  'snapshot',
  'nodes',
  'nodes/n1',
  'services',
  'services/web',
  'tasks?service=web',
  'tasks/web.1',
  'events?limit=3',
  'events?after=2&subject=web',
  'metrics?subject=node:n1&from=0&to=5&buckets=3',
  'why/web.1',
  'journal?after=1&limit=2',
  'digest',
];

/** Values that programs trip over. */
const nasty = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    '',
    ' ',
    '\0',
    '../..',
    '__proto__',
    'constructor',
    '\ud800',
    'ünïcødé✓',
    'a'.repeat(5000),
    -1,
    -0,
    0.1,
    1e21,
    2 ** 53,
    Number.MAX_VALUE,
    [],
    {},
    [[[[]]]],
    { toString: 1 },
    { length: -1 },
    { __proto__: { polluted: true } },
  ),
  fc.jsonValue({ maxDepth: 3 }),
);

/** Changes one thing somewhere in a JSON value; `choices` decides what and where. */
function mutate(value: unknown, choices: readonly number[], replacement: unknown): unknown {
  const [choice = 0, ...rest] = choices;
  const isContainer = typeof value === 'object' && value !== null;
  if (!isContainer || rest.length === 0) return replacement;
  const keys = Object.keys(value);
  const kind = choice % 6;
  if (Array.isArray(value)) {
    if (kind === 0) return [...(value as unknown[]), replacement];
    if (kind === 1 || keys.length === 0) return value.slice(1);
    return value.map((item: unknown, index) => (index === choice % keys.length ? mutate(item, rest, replacement) : item));
  }
  if (kind === 0) return { ...value, [`k${choice}`]: replacement };
  const key = keys[choice % Math.max(1, keys.length)];
  if (key === undefined) return { x: replacement };
  if (kind === 1) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [key]: mutate((value as Record<string, unknown>)[key], rest, replacement) };
}

const choices = fc.array(fc.nat(1000), { minLength: 1, maxLength: 7 });
const run = fc.oneof(
  { weight: 8, arbitrary: fc.constant('live') },
  { weight: 1, arbitrary: fc.constantFrom('main', 'main-1', 'nope', '..', '%00', '%ff') },
);

const mutatedBody = fc.record({ run, valid: fc.constantFrom(...VALID), choices, replacement: nasty, mutated: fc.boolean() });
const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'));

/** Flips, drops and repeats characters of a text. */
const scrambled = (text: string, places: readonly number[], insert: string): string => {
  let result = text;
  for (const place of places) {
    const at = place % (result.length + 1);
    result = place % 3 === 0 ? result.slice(0, at) + insert + result.slice(at) : result.slice(0, at) + result.slice(at + 1 + (place % 5));
  }
  return result;
};

const body = fc.oneof(
  {
    weight: 5,
    arbitrary: mutatedBody.map(({ run, valid: [path, value], choices, replacement, mutated }) => ({
      path: `/api/runs/${run}/${path}`,
      body: JSON.stringify(mutated ? mutate(value, choices, replacement) : value),
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        valid: fc.constantFrom(...VALID),
        places: fc.array(fc.nat(5000), { minLength: 1, maxLength: 4 }),
        insert: fc.constantFrom('"', '{', '[', ',', '1e999', '\\u0000', '\0', '"__proto__":1,', '-'),
      })
      .map(({ valid: [path, value], places, insert }) => ({
        path: `/api/runs/live/${path}`,
        body: scrambled(JSON.stringify(value), places, insert),
      })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ valid: fc.constantFrom(...VALID), value: nasty })
      .map(({ valid: [path], value }) => ({ path: `/api/runs/live/${path}`, body: JSON.stringify(value) })),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ valid: fc.constantFrom(...VALID), body: noise })
      .map(({ valid: [path], body }) => ({ path: `/api/runs/live/${path}`, body })),
  },
);

const headers = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ 'content-type': 'application/json' }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Record<string, string>>(
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=latin1' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
      { 'content-type': 'application/json', 'content-encoding': 'br' },
      { 'content-type': 'application/json', origin: 'http://evil.example' },
      { 'content-type': 'application/json', host: 'evil.example' },
      { 'content-type': 'application/json', host: '[::1' },
      { 'content-type': 'application/json', authorization: 'Bearer ' },
      { 'content-type': 'application/json', cookie: 'paperfleet_7070=%E0%A4%A; ;=' },
      { 'content-type': 'application/json', 'idempotency-key': '' },
      { 'content-type': 'application/json', 'idempotency-key': 'k'.repeat(200) },
      { 'content-type': 'application/json', 'accept-encoding': 'gzip;q=0, *;q=0.1' },
      { 'content-type': 'application/json', 'accept-encoding': ';;;' },
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({
        name: fc.constantFrom('idempotency-key', 'paperfleet-actor', 'accept', 'authorization', 'cookie', 'if-none-match', 'range'),
        value: fc.stringMatching(/^[ -~]{0,30}$/),
      })
      .map(({ name, value }) => ({ 'content-type': 'application/json', [name]: value })),
  },
);

/** Characters that may stand in a request line; node's client refuses others before they are sent. */
const segment = fc.oneof(
  fc.stringMatching(/^[!-~]{0,12}$/),
  fc.constantFrom(
    '%',
    '%zz',
    '%00',
    '%2e%2e',
    '%2f',
    '..',
    '.',
    '~',
    'a'.repeat(3000),
    '%F0%9F%92%A9',
    '*',
    '(',
    ':run',
    'task:',
    'service:',
    'node:',
  ),
);
const path = fc.oneof(
  fc.record({ run, get: fc.constantFrom(...GETS) }).map(({ run, get }) => `/api/runs/${run}/${get}`),
  fc
    .record({ get: fc.constantFrom('nodes', 'services', 'tasks', 'why', 'events', 'metrics'), segment })
    .map(({ get, segment }) => `/api/runs/live/${get}/${segment}`),
  fc
    .record({
      get: fc.constantFrom('events', 'metrics', 'tasks', 'journal', 'snapshot'),
      name: fc.constantFrom(
        'limit',
        'before',
        'after',
        'subject',
        'from',
        'to',
        'buckets',
        'service',
        'node',
        'all',
        'token',
        'x',
        '__proto__',
      ),
      value: segment,
      twice: fc.boolean(),
    })
    .map(({ get, name, value, twice }) => `/api/runs/live/${get}?${name}=${value}${twice ? `&${name}=${value}` : ''}`),
  fc.array(segment, { maxLength: 5 }).map((segments) => `/${segments.join('/')}`),
  fc.array(segment, { maxLength: 4 }).map((segments) => `/api/${segments.join('/')}`),
);

/** A request. */
export const fuzzRequest: fc.Arbitrary<FuzzRequest> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc
      .record({ method: fc.constantFrom(...Array.from({ length: 20 }, () => 'POST'), 'PUT', 'GET', 'DELETE'), target: body, headers })
      .map(({ method, target, headers }) => ({
        method,
        path: target.path,
        headers,
        body: method === 'GET' ? undefined : Buffer.from(target.body).toString('latin1'),
      })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        method: fc.constantFrom(...Array.from({ length: 20 }, () => 'GET'), 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'PATCH'),
        path,
        headers,
      })
      .map((request) => ({ ...request, body: undefined })),
  },
);
