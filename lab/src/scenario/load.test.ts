import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkStackSpec, commandCheck, type Command, nodeOfferCheck } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from '../compose/diagnostic.ts';
import { checkExpectations } from './expect.ts';
import { loadScenario, type LoadScenarioOptions } from './load.ts';
import { readScenario } from './read-scenario.ts';
import type { PlannedInput, Scenario } from './scenario.ts';
import { scenarioJsonSchema } from './schema.ts';

const SHIPPED = fileURLToPath(new URL('../../../scenarios', import.meta.url));

function read(text: string, options: Partial<LoadScenarioOptions> = {}): ReturnType<typeof loadScenario> {
  return loadScenario({ file: { path: 'dir/s.yaml', text }, env: {}, readFile: () => undefined, ...options });
}

function load(text: string, options: Partial<LoadScenarioOptions> = {}): Scenario {
  const result = read(text, options);
  if (!result.ok) throw new Error(result.errors.map(formatDiagnostic).join('\n'));
  return result.scenario;
}

const errors = (text: string): string[] => {
  const result = read(text);
  return result.ok ? [] : result.errors.map(formatDiagnostic);
};

const BASE = `
cluster:
  pools:
    - {count: 2, cpu: 4, memory: 8GiB}
    - {name: edge, count: 3, cpu: "0.5", memory: 512M, zone: z}
apps:
  - name: app
    services:
      web: {image: nginx, deploy: {replicas: 2}}
      each: {image: agent, deploy: {mode: global}}
`;

/** What a timeline makes, without the joins and deployments. */
function timeline(actions: string, extra = ''): (PlannedInput['input'] & { at: number })[] {
  const { inputs } = load(`${BASE}${extra}timeline:\n${actions}`);
  return inputs.slice(6).map(({ at, input }) => ({ at: at / 1e6, ...input }));
}

const commands = (actions: string): [number, Command][] =>
  timeline(actions).flatMap((input) => (input.kind === 'command' ? [[input.at, input.command]] : []));
const faults = (actions: string): [number, readonly string[], object][] =>
  timeline(actions).flatMap((input) => (input.kind === 'fault' ? [[input.at, input.nodes, input.fault]] : []));

describe('pools', () => {
  test('become joins with the names and offers of their nodes', () => {
    const { inputs } = load(`
cluster:
  pools:
    - {count: 2, cpu: 4, memory: 8GiB}
    - name: gpu
      count: 1
      cpu: 2.5
      memory: 1.5G
      zone: b
      labels: {rack: 7, zone: other}
      engineLabels: {disk: ssd}
      generic: {gpu: 4, fpga: [a, b]}
      os: linux
      arch: aarch64
      price: 1.25
      pull: 400Mbit/s
      latency: 20ms
      at: 30s
    - {count: 1, cpu: 1, memory: 1g, zone: c}`);
    expect(inputs.map(({ at, input }) => [at / 1e6, input.kind === 'join' && input.name])).toEqual([
      [0, 'n1'],
      [0, 'n2'],
      [0, 'n3'],
      [30, 'gpu-1'],
    ]);
    expect(inputs[3]?.input).toEqual({
      kind: 'join',
      name: 'gpu-1',
      key: 'scenario/gpu-1',
      offer: {
        description: {
          hostname: 'gpu-1',
          nanoCpus: 25e8,
          memoryBytes: 1.5 * 2 ** 30,
          platform: { os: 'linux', architecture: 'aarch64' },
          engineLabels: { disk: 'ssd' },
          address: '10.0.0.2',
          generic: { gpu: 4, fpga: ['a', 'b'] },
          pullBytesPerSecond: 50_000_000,
          pricePerHour: 1.25,
        },
        labels: { rack: '7', zone: 'other' },
        zone: 'b',
        controlLatencyUs: 20_000,
      },
    });
    expect(inputs[2]?.input).toMatchObject({ offer: { zone: 'c', labels: { zone: 'c' }, controlLatencyUs: 100_000 } });
  });
});

describe('apps and load', () => {
  const files: Readonly<Record<string, string>> = {
    'dir/a/shop.yml': 'services:\n  web: {image: "nginx:${TAG}"}\n  db: {image: postgres, profiles: [data]}',
    'dir/a/more.yml': 'services:\n  web: {deploy: {replicas: 4}, x-paperfleet: {load: {rate: 5/s}}}',
    'dir/a/.env': 'TAG=1',
  };
  test('from Compose files, with profiles, variables and the name of the first file', () => {
    const scenario = load(
      'cluster: {pools: [{count: 1, cpu: 1, memory: 1g}]}\napps: [{compose: [a/shop.yml, a/more.yml], profiles: [data], env: {TAG: 2}, at: 5s}]',
      { readFile: (path) => files[path] },
    );
    const [, deploy, declared] = scenario.inputs;
    expect(deploy).toMatchObject({ at: 5e6, input: { command: { do: 'deploy', prune: true, stack: { name: 'shop' } } } });
    const { stack } = (deploy!.input as { command: Extract<Command, { do: 'deploy' }> }).command;
    expect(stack.services.map(({ name, mode, task }) => [name, mode, task.containers[0]?.image])).toEqual([
      ['shop_web', { kind: 'replicated', replicas: 4 }, 'nginx:2'],
      ['shop_db', { kind: 'replicated', replicas: 1 }, 'postgres'],
    ]);
    expect(declared).toEqual({ at: 5e6, input: { kind: 'command', command: { do: 'load', service: 'shop_web', requestsPerSecond: 5 } } });
  });
  test('loads begin with their app, or later', () => {
    const { inputs } = load(`${BASE}load: [{to: web, rate: 90/min}, {to: app_web, rate: 7, startTime: 30s}]`);
    expect(inputs.slice(6)).toEqual([
      { at: 1e6, input: { kind: 'command', command: { do: 'load', service: 'app_web', requestsPerSecond: 1.5 } } },
      { at: 30e6, input: { kind: 'command', command: { do: 'load', service: 'app_web', requestsPerSecond: 7 } } },
    ]);
  });
  test('mistakes in a Compose file are told in that file, mistakes of services written here in this one', () => {
    const broken = { 'dir/b.yml': 'services:\n  web: {imag: nginx}' };
    const result = read('cluster: {pools: [{count: 1, cpu: 1, memory: 1g}]}\napps: [{compose: b.yml}]', {
      readFile: (path) => (broken as Record<string, string>)[path],
    });
    expect(result.ok ? [] : result.errors.map(formatDiagnostic)).toEqual([
      "dir/b.yml:2:9: services.web.imag: unknown key 'imag' (did you mean 'image'?)",
    ]);
    expect(
      errors(
        'cluster: {pools: [{count: 1, cpu: 1, memory: 1g}]}\napps:\n  - name: x\n    services:\n      web:\n        image: nginx\n        port: ["80:80"]',
      ),
    ).toEqual(["dir/s.yaml:7:9: services.web.port: unknown key 'port' (did you mean 'ports'?)"]);
  });
});

describe('the timeline', () => {
  test('runs in order of time, inputs of one time as written', () => {
    expect(
      commands(
        '- {at: 9s, do: scale, service: web, replicas: 1}\n- {at: 3s, do: scale, service: web, replicas: 2}\n- {at: 9s, do: scale, service: web, replicas: 3}'.replace(
          /^/gm,
          '  ',
        ),
      ),
    ).toEqual([
      [3, { do: 'scale', service: 'app_web', replicas: 2 }],
      [9, { do: 'scale', service: 'app_web', replicas: 1 }],
      [9, { do: 'scale', service: 'app_web', replicas: 3 }],
    ]);
  });
  test('every: from its own length or `from`, up to `until` or the end', () => {
    const times = (when: string): number[] => faults(`  - {${when}, do: killTask, task: web.1}`).map(([at]) => at);
    expect(times('every: 100s')).toEqual([100, 200, 300]);
    expect(times('every: 100s, from: 10s')).toEqual([10, 110, 210]);
    expect(times('every: 50s, until: 120s')).toEqual([50, 100]);
  });
  test('updates build on the spec as it stands then', () => {
    const list = commands(`
  - {at: 10s, do: scale, service: web, replicas: 5}
  - {at: 20s, do: update, service: web, image: "nginx:2", env: {A: 1}}
  - {at: 30s, do: update, service: web, env: {B: x}, force: true}
  - {at: 40s, do: rollback, service: web}
  - {at: 50s, do: update, service: web, env: {C: y}}`);
    const specs = list.map(([, command]) =>
      command.do === 'updateService'
        ? [command.spec.mode, command.spec.task.containers[0]?.image, command.spec.task.containers[0]?.env, command.spec.task.forceUpdate]
        : command.do,
    );
    const five = { kind: 'replicated', replicas: 5 };
    expect(specs).toEqual([
      'scale',
      [five, 'nginx:2', { A: '1' }, 0],
      [five, 'nginx:2', { A: '1', B: 'x' }, 1],
      'rollbackService',
      [five, 'nginx:2', { A: '1', C: 'y' }, 0],
    ]);
  });
  test('removals', () => {
    expect(commands('  - {at: 10s, do: remove, service: web}\n  - {at: 20s, do: remove, app: app}')).toEqual([
      [10, { do: 'removeService', service: 'app_web' }],
      [20, { do: 'removeStack', stack: 'app' }],
    ]);
  });
  test('availability, and back', () => {
    expect(
      commands(
        '  - {at: 10s, do: drain, nodes: [n1, edge-2], for: 5s}\n  - {at: 12s, do: pause, node: n2}\n  - {at: 13s, do: activate, node: n2}',
      ),
    ).toEqual([
      [10, { do: 'updateNode', node: 'n1', availability: 'drain' }],
      [10, { do: 'updateNode', node: 'edge-2', availability: 'drain' }],
      [12, { do: 'updateNode', node: 'n2', availability: 'pause' }],
      [13, { do: 'updateNode', node: 'n2', availability: 'active' }],
      [15, { do: 'updateNode', node: 'n1', availability: 'active' }],
      [15, { do: 'updateNode', node: 'edge-2', availability: 'active' }],
    ]);
  });
  test('faults, and back', () => {
    expect(
      faults(`
  - {at: 10s, do: kill, pool: edge, for: 5s}
  - {at: 20s, do: recover, node: n1}
  - {at: 30s, do: partition, zone: z, direction: in, for: 1s}
  - {at: 40s, do: partition, node: n1}
  - {at: 50s, do: heal, node: n1}
  - {at: 60s, do: link, node: n2, loss: 2.5%, duplicate: 1%, delay: {uniform: [1ms, 9ms]}, reorder: true}
  - {at: 61s, do: link, node: n2, delay: 5ms, direction: out}
  - {at: 70s, do: killTask, task: app_web.2, exitCode: 1}
  - {at: 80s, do: killTask, task: each.n1}`),
    ).toEqual([
      [10, ['edge-1', 'edge-2', 'edge-3'], { fault: 'crash' }],
      [15, ['edge-1', 'edge-2', 'edge-3'], { fault: 'recover' }],
      [20, ['n1'], { fault: 'recover' }],
      [30, ['edge-1', 'edge-2', 'edge-3'], { fault: 'partition', direction: 'in' }],
      [31, ['edge-1', 'edge-2', 'edge-3'], { fault: 'heal' }],
      [40, ['n1'], { fault: 'partition', direction: 'both' }],
      [50, ['n1'], { fault: 'heal' }],
      [
        60,
        ['n2'],
        {
          fault: 'link',
          direction: 'both',
          link: { partitioned: false, lossPpm: 25_000, duplicatePpm: 10_000, delayUs: { min: 1000, max: 9000 }, reorder: true },
        },
      ],
      [
        61,
        ['n2'],
        {
          fault: 'link',
          direction: 'out',
          link: { partitioned: false, lossPpm: 0, duplicatePpm: 0, delayUs: { min: 5000, max: 5000 }, reorder: false },
        },
      ],
      [70, [], { fault: 'killTask', task: 'app_web.2', exitCode: 1 }],
      [80, [], { fault: 'killTask', task: 'app_each.n1', exitCode: 137 }],
    ]);
  });
  test('picked nodes hang on the seed alone, differ from time to time and come back themselves', () => {
    const text = `${BASE}timeline: [{every: 20s, do: kill, pick: 2, for: 5s}, {at: 7s, do: kill, pool: edge, pick: 1}]`;
    const picks = (seed: string): string[] =>
      load(text, { seed }).inputs.flatMap(({ input }) => (input.kind === 'fault' ? [`${input.fault.fault} ${input.nodes.join()}`] : []));
    expect(picks('a')).toEqual(picks('a'));
    expect(picks('a')).not.toEqual(picks('b'));
    const crashes = picks('a')
      .filter((each) => each.startsWith('crash'))
      .slice(1);
    expect(new Set(crashes).size).toBeGreaterThan(3);
    expect(
      picks('a')
        .filter((each) => each.startsWith('recover'))
        .map((each) => each.slice(8)),
    ).toEqual(crashes.slice(0, 14).map((each) => each.slice(6)));
  });
  test('nodes that join later are neither named nor picked before', () => {
    const pools = 'cluster: {pools: [{count: 2, cpu: 1, memory: 1g}, {name: late, count: 2, cpu: 1, memory: 1g, at: 60s}]}\n';
    const picked = load(`${pools}timeline: [{every: 20s, do: kill, pick: 2}]`).inputs.flatMap(({ at, input }) =>
      input.kind === 'fault' ? [[at / 1e6, input.nodes] as const] : [],
    );
    expect(picked.slice(0, 2)).toEqual([
      [20, ['n1', 'n2']],
      [40, ['n1', 'n2']],
    ]);
    expect(picked.slice(2).some(([, nodes]) => nodes.some((name) => name.startsWith('late')))).toBe(true);
    expect(errors(`${pools}timeline:\n  - {at: 30s, do: kill, pool: late}`)).toEqual([
      "dir/s.yaml:3:31: timeline[0].pool: 'late' has not joined at that time (check the times of pools)",
    ]);
  });
  test('another action changes no picks', () => {
    const picks = (extra: string): unknown =>
      load(`${BASE}timeline:\n  - {every: 20s, do: kill, pick: 2}\n${extra}`).inputs.flatMap(({ input }) =>
        input.kind === 'fault' && input.fault.fault === 'crash' ? [input.nodes] : [],
      );
    expect(picks('  - {every: 10s, do: partition, pick: 3}')).toEqual(picks(''));
  });
});

describe('settings', () => {
  test('by default', () => expect(load(BASE)).toMatchObject({ name: 's', seed: '1', until: 300e6, config: {}, expect: [] }));
  test('as written', () => {
    const scenario = load(
      `name: mine\nseed: 5\nuntil: 90s\nconfig: {controlLatency: 50ms, heartbeatPeriod: 2s, heartbeatGrace: 4, taskHistoryLimit: 1, profile: binpack, startupScale: 0.5, imageCache: 1GiB}\n${BASE}`,
    );
    expect(scenario).toMatchObject({ name: 'mine', seed: '5', until: 90e6 });
    expect(scenario.config).toEqual({
      controlLatencyUs: 50e3,
      heartbeatPeriodUs: 2e6,
      heartbeatGrace: 4,
      taskHistoryLimit: 1,
      profile: 'binpack',
      startupScalePermille: 500,
      imageCacheBytes: 2 ** 30,
    });
    expect(scenario.inputs[0]?.input).toMatchObject({ offer: { controlLatencyUs: 50e3 } });
  });
  test('the seed that is asked for wins', () => expect(load(`seed: 5\n${BASE}`, { seed: 'x' }).seed).toBe('x'));
});

test('expectations', () => {
  const { expect: claims } = load(
    `${BASE}expect: [{metric: running, of: web, op: "==", value: 2}, {metric: pending, op: "<", value: 1}, {metric: nodesReady, over: end, op: ">=", value: 6}]`,
  );
  expect(claims[0]).toEqual({ metric: 'running', service: 'app_web', op: '==', value: 2 });
  const services = [
    { name: 'app_web', desired: 2, running: 2, pending: 0 },
    { name: 'app_each', desired: 5, running: 4, pending: 1 },
  ];
  expect(checkExpectations(claims, { nodesReady: 5, services }).map(({ ok, text }) => [ok, text])).toEqual([
    [true, 'running of app_web == 2: 2'],
    [false, 'pending < 1: 1'],
    [false, 'nodesReady >= 6: 5'],
  ]);
});

const action = (body: string): string => `${BASE}timeline:\n  - {${body}}`;
const HEAD = BASE.split('\n').length;

describe('mistakes', () => {
  test.each<[string, string]>([
    ['', 'dir/s.yaml:1:1: the file is empty (a scenario begins with cluster: {pools: […]})'],
    ['[]', 'dir/s.yaml:1:1: a scenario is a map, not a list (a scenario begins with cluster: {pools: […]})'],
    ['name: x', 'dir/s.yaml:1:1: cluster: is missing'],
    ['cluster: {}', 'dir/s.yaml:1:1: cluster.pools: is missing'],
    ['cluster: {pools: []}', 'dir/s.yaml:1:18: cluster.pools: must not be empty'],
    [
      'cluster:\n  pools:\n    - {count: 2, cpu: 4, memory: 8}',
      "dir/s.yaml:3:34: cluster.pools[0].memory: must be a string, not a number (write e.g. '512M' or '32GiB')",
    ],
    ['cluster:\n  pools:\n    - {count: 0, cpu: 4, memory: 8g}', 'dir/s.yaml:3:15: cluster.pools[0].count: must be at least 1'],
    [
      'cluster:\n  pools:\n    - {count: 1, cpu: 500m, memory: 8g}',
      "dir/s.yaml:3:23: cluster.pools[0].cpu: '500m' is no number of CPUs (write '0.5')",
    ],
    ['cluster:\n  pools:\n    - {count: 1, cpus: 1, memory: 8g}', 'dir/s.yaml:3:7: cluster.pools[0].cpu: is missing'],
    [
      'cluster:\n  pools:\n    - {name: n, count: 1, cpu: 1, memory: 8g}\n    - {name: n, count: 1, cpu: 1, memory: 8g}',
      "dir/s.yaml:4:7: cluster.pools[1]: a second node is called 'n-1' (give the pools different names)",
    ],
    [`${BASE}timline: []`, `dir/s.yaml:${HEAD}:1: timline: unknown key 'timline' (did you mean 'timeline'?)`],
    [`${BASE}until: 5`, `dir/s.yaml:${HEAD}:8: until: must be a string, not a number (write e.g. '30s' or '1m30s')`],
    [`${BASE}until: soon`, `dir/s.yaml:${HEAD}:8: until: 'soon' is no duration (write e.g. 30s, 1m30s, 500ms or 2h)`],
    [
      `${BASE}config: {hartbeatPeriod: 1s}`,
      `dir/s.yaml:${HEAD}:10: config.hartbeatPeriod: unknown key 'hartbeatPeriod' (did you mean 'heartbeatPeriod'?)`,
    ],
    [`${BASE}load: [{to: wbe, rate: 1}]`, `dir/s.yaml:${HEAD}:13: load[0].to: there is no service 'wbe' (did you mean 'web'?)`],
    [`${BASE}load: [{to: web, rate: fast}]`, `dir/s.yaml:${HEAD}:24: load[0].rate: 'fast' is no rate (write e.g. '50/s' or '1200/min')`],
    [
      `${BASE}expect: [{metric: runing, op: "==", value: 1}]`,
      `dir/s.yaml:${HEAD}:19: expect[0].metric: 'runing' is not one of running, desired, pending, nodesReady (did you mean 'running'?)`,
    ],
    [
      action('at: 1s, do: scal, service: web, replicas: 1'),
      `dir/s.yaml:${HEAD + 1}:18: timeline[0].do: 'scal' is not one of scale, update, rollback, remove, load, kill, recover, drain, pause, activate, killTask, partition, heal, link (did you mean 'scale'?)`,
    ],
    [
      action('at: 1s, service: web'),
      `dir/s.yaml:${HEAD + 1}:5: timeline[0].do: is missing (one of scale, update, rollback, remove, load, kill, recover, drain, pause, activate, killTask, partition, heal, link)`,
    ],
    [action('at: 1s, do: scale, service: web, replica: 1'), `dir/s.yaml:${HEAD + 1}:5: timeline[0].replicas: is missing`],
    [
      action('at: 1s, do: scale, service: each, replicas: 1'),
      `dir/s.yaml:${HEAD + 1}:34: timeline[0].service: 'app_each' is global and cannot be scaled (scaling is for replicated services)`,
    ],
    [
      action('do: kill, node: n1'),
      `dir/s.yaml:${HEAD + 1}:5: timeline[0]: says neither 'at' nor 'every' (write at: 30s for once, or every: 30s)`,
    ],
    [
      action('at: 1s, every: 1s, do: kill, node: n1'),
      `dir/s.yaml:${HEAD + 1}:5: timeline[0]: says both 'at' and 'every' (write at: 30s for once, or every: 30s)`,
    ],
    [action('every: 0s, do: kill, node: n1'), `dir/s.yaml:${HEAD + 1}:13: timeline[0].every: must be more than 0`],
    [
      action('every: 1us, do: killTask, task: web.1'),
      `dir/s.yaml:${HEAD + 1}:13: timeline[0].every: makes more than 200000 inputs (repeat less often, or end earlier)`,
    ],
    [action('at: 1s, do: kill'), `dir/s.yaml:${HEAD + 1}:5: timeline[0]: names no nodes (add node, nodes, pool, zone or pick)`],
    [
      action('at: 1s, do: kill, node: edg-1'),
      `dir/s.yaml:${HEAD + 1}:30: timeline[0].node: there is no node 'edg-1' (did you mean 'edge-1'?)`,
    ],
    [action('at: 1s, do: kill, pool: egde'), `dir/s.yaml:${HEAD + 1}:30: timeline[0].pool: there is no pool 'egde' (did you mean 'edge'?)`],
    [
      action('at: 1s, do: kill, node: n1, zone: z'),
      `dir/s.yaml:${HEAD + 1}:40: timeline[0].zone: contradicts node (name the nodes in one way)`,
    ],
    [action('at: 1s, do: kill, pick: 9'), `dir/s.yaml:${HEAD + 1}:30: timeline[0].pick: only 5 nodes to pick from (pick fewer)`],
    [
      action('at: 1s, do: link, node: n1'),
      `dir/s.yaml:${HEAD + 1}:5: timeline[0]: disturbs nothing (give loss, duplicate, delay or reorder)`,
    ],
    [
      action('at: 1s, do: link, node: n1, loss: 0.1'),
      `dir/s.yaml:${HEAD + 1}:40: timeline[0].loss: must be a string, not a number (write e.g. '5%' or '0.1%')`,
    ],
    [
      action('at: 1s, do: link, node: n1, loss: 120%'),
      `dir/s.yaml:${HEAD + 1}:40: timeline[0].loss: '120%' is no percentage (write e.g. '5%', at most 100%)`,
    ],
    [action('at: 1s, do: update, service: web'), `dir/s.yaml:${HEAD + 1}:5: timeline[0]: changes nothing (give image, env or force: true)`],
    [
      action('at: 0s, do: scale, service: web, replicas: 1'),
      `dir/s.yaml:${HEAD + 1}:34: timeline[0].service: 'app_web' is not deployed at that time (check the times of apps and of remove)`,
    ],
    [
      action('at: 9s, do: rollback, service: web'),
      `dir/s.yaml:${HEAD + 1}:5: timeline[0]: 'app_web' has nothing to go back to (update it before)`,
    ],
    [
      action('at: 9s, do: killTask, task: web'),
      `dir/s.yaml:${HEAD + 1}:34: timeline[0].task: 'web' is no task (write SERVICE.SLOT, e.g. 'web.2')`,
    ],
    [
      `${BASE}  - {name: app, services: {x: {image: i}}}`,
      "dir/s.yaml:7:3: apps: two apps are called 'app' (give one of them another name)",
    ],
    [
      `${BASE}  - {name: b}`,
      `dir/s.yaml:${HEAD}:5: apps[1]: has neither 'compose' nor 'services' (name Compose files, or write the services here)`,
    ],
    [
      `${BASE}  - {services: {x: {image: i}}}`,
      `dir/s.yaml:${HEAD}:5: apps[1]: has no 'name' (services written here need the name of their stack)`,
    ],
    [
      `${BASE}  - {compose: none.yml}`,
      `dir/s.yaml:${HEAD}:15: apps[1].compose: the file dir/none.yml cannot be read (the path starts from the folder of this file)`,
    ],
  ])('%#: %j', (text, message) => expect(errors(text).find((each) => each === message) ?? errors(text)[0]).toBe(message));
});

describe('what ships', () => {
  test.each(readdirSync(SHIPPED).filter((name) => name.endsWith('.yaml')))(
    '%s loads without a warning, and core takes every input',
    (name) => {
      const result = readScenario({ path: `${SHIPPED}/${name}`, env: {} });
      expect(result).toMatchObject({ ok: true, warnings: [] });
      if (!result.ok) return;
      for (const { input } of result.scenario.inputs) {
        if (input.kind === 'command') expect(commandCheck(input.command)).toBeUndefined();
        if (input.kind === 'join') expect(nodeOfferCheck(input.offer)).toBeUndefined();
      }
    },
  );
  test('chaos has 24 nodes, more than 200 tasks, every kind of fault, and ends quietly', () => {
    const result = readScenario({ path: `${SHIPPED}/chaos.yaml`, env: {} });
    if (!result.ok) throw new Error('chaos does not load');
    const { inputs, until } = result.scenario;
    const stacks = inputs.flatMap(({ input }) => (input.kind === 'command' && input.command.do === 'deploy' ? [input.command.stack] : []));
    const tasks = stacks
      .flatMap(({ services }) => services)
      .reduce((sum, { mode }) => sum + (mode.kind === 'replicated' ? mode.replicas : 24), 0);
    const kinds = new Set(inputs.flatMap(({ input }) => (input.kind === 'fault' ? [input.fault.fault] : [])));
    expect(inputs.filter(({ input }) => input.kind === 'join')).toHaveLength(24);
    expect(tasks).toBeGreaterThan(200);
    expect([...kinds].toSorted()).toEqual(['crash', 'heal', 'killTask', 'link', 'partition', 'recover']);
    expect(until).toBe(600e6);
    expect(Math.max(...inputs.map(({ at }) => at))).toBeLessThanOrEqual(480e6);
    for (const stack of stacks) expect(checkStackSpec(stack)).toMatchObject({ ok: true });
  });
  test('the example of the documentation loads', () => {
    const page = readFileSync(fileURLToPath(new URL('../../../docs/scenarios.md', import.meta.url)), 'utf8');
    const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const shop = readFileSync(`${SHIPPED}/compose/shop.yml`, 'utf8');
    const { inputs } = load(text, { readFile: (path) => (path === 'dir/compose/shop.yml' ? shop : undefined) });
    expect(
      inputs.flatMap(({ input }) => (input.kind === 'command' && input.command.do === 'deploy' ? [input.command.stack.name] : [])),
    ).toEqual(['shop', 'extra']);
  });
  test('the JSON Schema knows every action', () => {
    const text = JSON.stringify(scenarioJsonSchema());
    for (const name of ['scale', 'update', 'rollback', 'remove', 'kill', 'killTask', 'partition', 'link'])
      expect(text).toContain(`"const":"${name}"`);
  });
});
