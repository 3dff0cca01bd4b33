import { checkStackSpec, type ServiceSpec, type StackSpec } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { formatDiagnostic } from './diagnostic.ts';
import { loadCompose, type LoadComposeOptions } from './load.ts';

/** Loads files given by path ('c.yml' is the first main file unless `main` says otherwise). */
function load(
  files: Readonly<Record<string, string>> | string,
  options: Partial<LoadComposeOptions> & { main?: readonly string[] } = {},
): StackSpec {
  const all = typeof files === 'string' ? { 'app/c.yml': files } : files;
  const main = options.main ?? Object.keys(all).slice(0, 1);
  const result = loadCompose({
    files: main.map((path) => ({ path, text: all[path] ?? '' })),
    env: {},
    profiles: [],
    projectName: 'p',
    readFile: (path) => all[path],
    ...options,
  });
  if (!result.ok) throw new Error(result.errors.map(formatDiagnostic).join('\n'));
  const checked = checkStackSpec(JSON.parse(JSON.stringify(result.stack)));
  expect(checked).toMatchObject({ ok: true });
  return result.stack;
}

function service(body: string, options: Partial<LoadComposeOptions> = {}): ServiceSpec {
  return load(`services:\n  s:\n    image: i\n${body.replace(/^/gm, '    ')}`, options).services[0]!;
}

const container = (body: string, options: Partial<LoadComposeOptions> = {}) => service(body, options).task.containers[0]!;

describe('a service', () => {
  test('with nothing but an image has Docker’s and SwarmKit’s defaults', () => {
    expect(load('services:\n  web: {image: nginx}')).toEqual({
      name: 'p',
      services: [
        {
          name: 'p_web',
          labels: { 'com.docker.stack.image': 'nginx', 'com.docker.stack.namespace': 'p' },
          mode: { kind: 'replicated', replicas: 1 },
          task: {
            containers: [
              {
                name: 'web',
                image: 'nginx',
                labels: { 'com.docker.stack.namespace': 'p' },
                stopGracePeriodUs: 10_000_000,
                reservations: {},
                limits: {},
              },
            ],
            restart: { condition: 'any', delayUs: 5_000_000, maxAttempts: 0, windowUs: 0 },
            placement: {},
            networks: [{ name: 'p_default' }],
            forceUpdate: 0,
          },
        },
      ],
      networks: [{ name: 'p_default', driver: 'overlay', labels: {} }],
      volumes: [],
      secrets: [],
      configs: [],
    });
  });

  test('with everything', () => {
    const spec = load(`
services:
  web:
    image: nginx:1.29
    entrypoint: /entry.sh --flag "two words"
    command: ["run", "it"]
    environment: {A: 1, B: true, C: 1.50, D: "x y", E: }
    labels: ["a=b", "c"]
    ports: ["8080:80", "9000-9001:9000-9001/udp", {target: 443, published: 8443, mode: host, name: tls}]
    networks: {back: {aliases: [w]}, ext: }
    volumes: ["data:/data", "./conf:/etc/conf:ro", /anonymous, {type: tmpfs, target: /tmp}, {type: volume, source: nfs, target: /nfs, read_only: true}]
    tmpfs: /run:size=64m
    secrets: [token, {source: key, target: /k}]
    configs: [{source: settings, target: /s, mode: 0440}]
    healthcheck: {test: curl -f localhost, interval: 1m30s, timeout: 10s, retries: 5, start_period: 40s, start_interval: 2s}
    stop_grace_period: 1m
    stop_signal: SIGINT
    logging: {driver: fluentd, options: {tag: x}}
    platform: linux/arm64
    depends_on: {db: {condition: service_healthy, restart: true}}
    deploy:
      mode: replicated
      replicas: 5
      endpoint_mode: vip
      labels: {tier: front}
      resources:
        limits: {cpus: "1.5", memory: 512M, pids: 100}
        reservations: {cpus: 0.25, memory: 64M, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 2}}]}
      restart_policy: {condition: on-failure, delay: 3s, max_attempts: 4, window: 2m}
      placement:
        constraints: ["node.labels.zone == a", "node.role!=manager"]
        preferences: [{spread: node.labels.zone}, {spread: engine.labels.rack}]
        max_replicas_per_node: 2
      update_config: {parallelism: 0, delay: 5s, failure_action: rollback, monitor: 20s, max_failure_ratio: 0.25, order: start-first}
      rollback_config: {failure_action: continue}
    x-paperfleet: {workload: {name: nginx, cpuBase: 100m}, load: {rate: 30/s}, autoscale: {max: 9}, profile: binpack}
    x-mine: {anything: goes}
  db: {image: postgres, network_mode: host}
networks: {back: {driver: weave, labels: {n: "1"}}, ext: {external: true, name: shared}}
volumes: {data: {}, nfs: {driver: netshare, name: exact}}
secrets: {token: {file: ./t}, key: {external: true}}
configs: {settings: {content: "a"}}`);
    expect(spec.services[0]).toEqual({
      name: 'p_web',
      labels: { tier: 'front', 'com.docker.stack.image': 'nginx:1.29', 'com.docker.stack.namespace': 'p' },
      mode: { kind: 'replicated', replicas: 5 },
      task: {
        containers: [
          {
            name: 'web',
            image: 'nginx:1.29',
            command: ['/entry.sh', '--flag', 'two words'],
            args: ['run', 'it'],
            env: { A: '1', B: 'true', C: '1.5', D: 'x y' },
            labels: { a: 'b', c: '', 'com.docker.stack.namespace': 'p' },
            healthcheck: {
              test: ['CMD-SHELL', 'curl -f localhost'],
              intervalUs: 90e6,
              timeoutUs: 10e6,
              startPeriodUs: 40e6,
              startIntervalUs: 2e6,
              retries: 5,
            },
            stopGracePeriodUs: 60e6,
            stopSignal: 'SIGINT',
            mounts: [
              { type: 'volume', source: 'p_data', target: '/data', readOnly: false },
              { type: 'bind', source: './conf', target: '/etc/conf', readOnly: true },
              { type: 'volume', target: '/anonymous', readOnly: false },
              { type: 'tmpfs', target: '/tmp', readOnly: false },
              { type: 'volume', source: 'exact', target: '/nfs', readOnly: true, driver: 'netshare' },
              { type: 'tmpfs', target: '/run', readOnly: false },
            ],
            secrets: ['p_token', 'key'],
            configs: ['p_settings'],
            reservations: { nanoCpus: 25e7, memoryBytes: 64 * 2 ** 20, generic: { gpu: 2 } },
            limits: { nanoCpus: 15e8, memoryBytes: 512 * 2 ** 20, pids: 100 },
            workload: { name: 'nginx', parameters: { cpuBase: '100m' } },
          },
        ],
        restart: { condition: 'on-failure', delayUs: 3e6, maxAttempts: 4, windowUs: 120e6 },
        placement: {
          constraints: ['node.labels.zone == a', 'node.role!=manager'],
          preferences: ['node.labels.zone', 'engine.labels.rack'],
          maxReplicasPerNode: 2,
          platforms: [{ os: 'linux', architecture: 'arm64' }],
        },
        networks: [{ name: 'p_back', driver: 'weave', aliases: ['w'] }, { name: 'shared' }],
        logDriver: 'fluentd',
        forceUpdate: 0,
      },
      update: { parallelism: 0, delayUs: 5e6, failureAction: 'rollback', monitorUs: 20e6, maxFailureRatio: 0.25, order: 'start-first' },
      rollback: { parallelism: 1, delayUs: 0, failureAction: 'continue', monitorUs: 5e6, maxFailureRatio: 0, order: 'stop-first' },
      endpoint: {
        mode: 'vip',
        ports: [
          { protocol: 'tcp', targetPort: 80, publishedPort: 8080, publishMode: 'ingress' },
          { protocol: 'udp', targetPort: 9000, publishedPort: 9000, publishMode: 'ingress' },
          { protocol: 'udp', targetPort: 9001, publishedPort: 9001, publishMode: 'ingress' },
          { name: 'tls', protocol: 'tcp', targetPort: 443, publishedPort: 8443, publishMode: 'host' },
        ],
      },
      profile: 'binpack',
      extensions: {
        dependsOn: { p_db: { condition: 'service_healthy', required: true, restart: true } },
        load: { requestsPerSecond: 30 },
        autoscale: { max: 9 },
      },
    });
    expect(spec.services[1]?.task.networks).toEqual([{ name: 'host' }]);
    expect({ ...spec, services: [] }).toEqual({
      name: 'p',
      services: [],
      networks: [{ name: 'p_back', driver: 'weave', labels: { n: '1' } }],
      volumes: [
        { name: 'p_data', driver: 'local', labels: {} },
        { name: 'exact', driver: 'netshare', labels: {} },
      ],
      secrets: [{ name: 'p_token', labels: {} }],
      configs: [{ name: 'p_settings', labels: {} }],
    });
  });

  test.each<[string, ServiceSpec['mode']]>([
    ['deploy: {mode: global}', { kind: 'global' }],
    ['deploy: {mode: replicated-job, replicas: 4}', { kind: 'replicated-job', maxConcurrent: 4, totalCompletions: 4 }],
    ['deploy: {mode: replicated-job}', { kind: 'replicated-job', maxConcurrent: 1, totalCompletions: 1 }],
    ['deploy: {mode: global-job}', { kind: 'global-job' }],
    ['deploy: {replicas: "0"}', { kind: 'replicated', replicas: 0 }],
    ['scale: 3', { kind: 'replicated', replicas: 3 }],
    ['scale: 3\ndeploy: {replicas: 3}', { kind: 'replicated', replicas: 3 }],
  ])('mode of %j', (body, mode) => expect(service(body).mode).toEqual(mode));

  test.each<[string, object]>([
    ['restart: "no"', { condition: 'none' }],
    ['restart: no', { condition: 'none' }],
    ['restart: always', { condition: 'any' }],
    ['restart: unless-stopped', { condition: 'any' }],
    ['restart: on-failure', { condition: 'on-failure', maxAttempts: 0 }],
    ['restart: on-failure:3', { condition: 'on-failure', maxAttempts: 3, delayUs: 5e6 }],
    ['restart: always\ndeploy: {restart_policy: {condition: none}}', { condition: 'none', delayUs: 5e6 }],
    ['deploy: {restart_policy: {delay: 0s}}', { condition: 'any', delayUs: 0 }],
  ])('restart of %j', (body, expected) => expect(service(body).task.restart).toMatchObject(expected));

  test.each<[string, object, object]>([
    [
      'mem_limit: 1g\nmem_reservation: 512m\ncpus: 1.5\npids_limit: 50',
      { nanoCpus: 15e8, memoryBytes: 2 ** 30, pids: 50 },
      { memoryBytes: 2 ** 29 },
    ],
    ['cpu_quota: 50000', { nanoCpus: 5e8 }, {}],
    ['cpu_quota: 50000\ncpu_period: 25000', { nanoCpus: 2e9 }, {}],
    ['pids_limit: -1\nmem_limit: 0', {}, {}],
    ['mem_limit: 67108864', { memoryBytes: 2 ** 26 }, {}],
    ['gpus: all', {}, { generic: { gpu: 1 } }],
    [
      'deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 2}, {capabilities: [gpu], device_ids: ["0", "3"]}]}}}',
      {},
      { generic: { gpu: 4 } },
    ],
  ])('resources of %j', (body, limits, reservations) => expect(container(body)).toMatchObject({ limits, reservations }));
  test('a legacy limit under a deploy section without limits', () => {
    expect(container('mem_limit: 64m\ndeploy: {resources: {limits: {cpus: "2"}}}').limits).toEqual({ memoryBytes: 2 ** 26, nanoCpus: 2e9 });
  });

  test.each<[string, readonly string[] | undefined]>([
    ['healthcheck: {test: "true"}', ['CMD-SHELL', 'true']],
    ['healthcheck: {test: [CMD, curl, x]}', ['CMD', 'curl', 'x']],
    ['healthcheck: {test: [NONE]}', ['NONE']],
    ['healthcheck: {disable: true}', ['NONE']],
    ['healthcheck: {disable: false}', undefined],
    ['healthcheck: {interval: 5s}', undefined],
  ])('the check of %j', (body, expected) => expect(container(body).healthcheck?.test).toEqual(expected));
  test('times of a health check by default', () => {
    expect(container('healthcheck: {test: "true"}').healthcheck).toEqual({
      test: ['CMD-SHELL', 'true'],
      intervalUs: 30e6,
      timeoutUs: 30e6,
      startPeriodUs: 0,
      startIntervalUs: 5e6,
      retries: 3,
    });
  });

  test.each<[string, readonly (readonly [number, number, string])[]]>([
    ['"80"', [[0, 80, 'tcp']]],
    ['80', [[0, 80, 'tcp']]],
    ['"8080:80"', [[8080, 80, 'tcp']]],
    ['"127.0.0.1:8080:80"', [[8080, 80, 'tcp']]],
    ['"127.0.0.1::80"', [[0, 80, 'tcp']]],
    ['":8080:80"', [[8080, 80, 'tcp']]],
    ['"[::1]:8080:80/UDP"', [[8080, 80, 'udp']]],
    ['"53:53/udp"', [[53, 53, 'udp']]],
    ['22:22', [[22, 22, 'tcp']]],
    [
      '"3000-3002"',
      [
        [0, 3000, 'tcp'],
        [0, 3001, 'tcp'],
        [0, 3002, 'tcp'],
      ],
    ],
    [
      '"9090-9091:80-81"',
      [
        [9090, 80, 'tcp'],
        [9091, 81, 'tcp'],
      ],
    ],
    ['"8000-8010:80"', [[8000, 80, 'tcp']]],
    ['{target: 80, published: "8080"}', [[8080, 80, 'tcp']]],
    ['{target: "80", host_ip: 127.0.0.1, protocol: sctp, app_protocol: http}', [[0, 80, 'sctp']]],
    ['"80:80", "80:80"', [[80, 80, 'tcp']]],
    ['"127.0.0.1:80:80", "10.0.0.1:80:80"', [[80, 80, 'tcp']]],
  ])('port %s', (port, expected) => {
    expect(service(`ports: [${port}]`).endpoint?.ports.map((each) => [each.publishedPort, each.targetPort, each.protocol])).toEqual(
      expected,
    );
  });

  test.each<[string, object]>([
    ['/data', { type: 'volume', target: '/data' }],
    ['./a:/b', { type: 'bind', source: './a', target: '/b', readOnly: false }],
    ['../a:/b:ro,z', { type: 'bind', source: '../a', target: '/b', readOnly: true }],
    ['~/a:/b', { type: 'bind', source: '~/a', target: '/b' }],
    ['/var/run/docker.sock:/var/run/docker.sock', { type: 'bind', source: '/var/run/docker.sock', target: '/var/run/docker.sock' }],
    ['C:\\data:/data', { type: 'bind', source: 'C:\\data', target: '/data' }],
    ['C:\\data:C:\\inside:ro', { type: 'bind', source: 'C:\\data', target: 'C:\\inside', readOnly: true }],
    ['v:/b', { type: 'volume', source: 'p_v', target: '/b' }],
    ['\\\\.\\pipe\\docker_engine:\\\\.\\pipe\\docker_engine', { type: 'npipe' }],
  ])('volume %s', (mount, expected) => {
    const stack = load(`services:\n  s:\n    image: i\n    volumes:\n      - '${mount}'\nvolumes: {v: }`);
    expect(stack.services[0]?.task.containers[0]?.mounts?.[0]).toMatchObject(expected);
  });
});

describe('variables', () => {
  const text = 'services:\n  s: {image: "${IMAGE:-nginx}:${TAG}", environment: [TOKEN, "LEVEL=${LEVEL-info}", MISSING]}';
  test('the environment wins over .env', () => {
    const { containers } = load(text, { env: { TAG: '2' }, dotEnv: 'TAG=1\nIMAGE=httpd\nTOKEN=secret' }).services[0]!.task;
    expect(containers[0]).toMatchObject({ image: 'httpd:2', env: { TOKEN: 'secret', LEVEL: 'info' } });
    expect(Object.keys(containers[0]?.env ?? {})).toEqual(['TOKEN', 'LEVEL']);
  });
  test('env files: later ones win, environment wins over all, values see earlier ones', () => {
    const files = {
      'app/c.yml':
        'services:\n  s: {image: i, env_file: [a.env, {path: b.env}, {path: none.env, required: false}, {path: raw.env, format: raw}], environment: {C: own, D: }}',
      'app/a.env': 'A=1\nB=1\nC=1\nD=1',
      'app/b.env': 'B=2\nE=${A}${SHELL_VAR}',
      'app/raw.env': 'R="$A"',
    };
    expect(load(files, { env: { SHELL_VAR: 'x' } }).services[0]?.task.containers[0]?.env).toEqual({
      A: '1',
      B: '2',
      C: 'own',
      E: '1x',
      R: '"$A"',
    });
  });
  test('label files', () => {
    const stack = load({ 'app/c.yml': 'services:\n  s: {image: i, label_file: l.txt, labels: {b: own}}', 'app/l.txt': 'a=1\nb=1' });
    expect(stack.services[0]?.task.containers[0]?.labels).toMatchObject({ a: '1', b: 'own' });
  });
  test('keys, numbers and switches may be variables; keys themselves are not', () => {
    expect(service('deploy: {replicas: "${N}"}\nread_only: ${RO}\nx-$N: 1', { env: { N: '7', RO: 'yes' } }).mode).toEqual({
      kind: 'replicated',
      replicas: 7,
    });
  });
});

describe('the name of the stack', () => {
  const text = 'name: ${WHO:-inside}\nservices:\n  s: {image: i, labels: {n: "${COMPOSE_PROJECT_NAME}"}}';
  test.each<[string, Partial<LoadComposeOptions>, string]>([
    ['as asked', { projectName: 'asked', env: { COMPOSE_PROJECT_NAME: 'env' } }, 'asked'],
    ['from the environment', { env: { COMPOSE_PROJECT_NAME: 'env' } }, 'env'],
    ['from .env', { dotEnv: 'COMPOSE_PROJECT_NAME=dot' }, 'dot'],
    ['from the file', {}, 'inside'],
    ['from the file, with a variable', { env: { WHO: 'me' } }, 'me'],
  ])('%s', (_, options, expected) => {
    const stack = load(text, { projectName: '', ...options });
    expect([stack.name, stack.services[0]?.name, stack.services[0]?.task.containers[0]?.labels?.['n']]).toEqual([
      expected,
      `${expected}_s`,
      expected,
    ]);
  });
  test('from the folder, or as the caller falls back', () => {
    expect(load({ 'x/My App.v2/c.yml': 'services: {s: {image: i}}' }, { projectName: '' }).name).toBe('myappv2');
    expect(load('services: {s: {image: i}}', { projectName: '', fallbackName: 'other' }).name).toBe('other');
  });
});

describe('profiles', () => {
  const text =
    'services:\n  a: {image: i}\n  b: {image: i, profiles: [dev], depends_on: [a]}\n  c: {image: i, profiles: [dev, test], depends_on: {d: {condition: service_started, required: false}}}\n  d: {image: i, profiles: [never]}';
  test.each<[string, Partial<LoadComposeOptions>, string[]]>([
    ['none', {}, ['p_a']],
    ['one', { profiles: ['test'] }, ['p_a', 'p_c']],
    ['two', { profiles: ['dev', 'never'] }, ['p_a', 'p_b', 'p_c', 'p_d']],
    ['all', { profiles: ['*'] }, ['p_a', 'p_b', 'p_c', 'p_d']],
    ['from the environment', { env: { COMPOSE_PROFILES: 'dev, x' } }, ['p_a', 'p_b', 'p_c']],
  ])('%s', (_, options, names) => expect(load(text, options).services.map(({ name }) => name)).toEqual(names));
  test('a dependency that may be absent is left out', () => {
    expect(load(text, { profiles: ['test'] }).services[1]?.extensions).toBeUndefined();
  });
});

describe('extends', () => {
  test('of the same file, over several steps, merged like files', () => {
    const { containers } = load(
      'services:\n  a: {image: i, environment: {A: 1}, command: [x]}\n  b: {extends: a, environment: {B: 2}}\n  c: {extends: {service: b}, environment: {A: 3}, command: [y]}',
    ).services[2]!.task;
    expect(containers[0]).toMatchObject({ name: 'c', image: 'i', env: { A: '3', B: '2' }, args: ['y'] });
  });
  test('of another file, whose own extends and env files start from its folder', () => {
    const files = {
      'app/c.yml': 'services:\n  s: {extends: {file: ../lib/base.yml, service: base}, ports: ["80:80"]}',
      'lib/base.yml':
        'services:\n  base: {extends: {file: deep/root.yml, service: root}, env_file: base.env}\n  unused: {image: x, depends_on: [nobody]}',
      'lib/base.env': 'FROM=lib',
      'lib/deep/root.yml': 'services:\n  root: {image: "${IMG}", ports: ["81:81"]}',
    };
    const spec = load(files, { env: { IMG: 'i' } }).services[0]!;
    expect(spec.task.containers[0]).toMatchObject({ image: 'i', env: { FROM: 'lib' } });
    expect(spec.endpoint?.ports.map(({ publishedPort }) => publishedPort)).toEqual([81, 80]);
  });
  test('a later file overrides what was extended', () => {
    const stack = load(
      { 'app/c.yml': 'services:\n  a: {image: i}\n  b: {extends: a}', 'app/o.yml': 'services:\n  a: {image: o}' },
      { main: ['app/c.yml', 'app/o.yml'] },
    );
    expect(stack.services.map(({ task }) => task.containers[0]?.image)).toEqual(['o', 'i']);
  });
});

describe('include', () => {
  const files = {
    'app/c.yml':
      'include:\n  - ../db/compose.yaml\n  - {path: [cache/a.yml, cache/b.yml], env_file: cache.env, project_directory: .}\nservices:\n  web: {image: web, depends_on: [db], networks: [back]}\n  db: {environment: {EXTRA: 1}}',
    'db/compose.yaml':
      'services:\n  db: {image: "postgres:${PG}", env_file: db.env, networks: [back], volumes: ["data:/d"]}\nnetworks: {back: }\nvolumes: {data: }',
    'db/.env': 'PG=17\nSHARED=db',
    'db/db.env': 'IN=db',
    'app/cache.env': 'REDIS=7',
    'app/cache/a.yml': 'services:\n  cache: {image: "redis:${REDIS}", env_file: here.env}',
    'app/cache/b.yml': 'services:\n  cache: {deploy: {replicas: 2}}',
    'app/here.env': 'IN=app',
  };
  test('brings services, networks and volumes, with variables and folders of its own', () => {
    const stack = load(files);
    const byName = new Map(stack.services.map((spec) => [spec.name, spec]));
    expect([...byName.keys()].toSorted()).toEqual(['p_cache', 'p_db', 'p_web']);
    expect(byName.get('p_db')?.task.containers[0]).toMatchObject({ image: 'postgres:17', env: { IN: 'db', EXTRA: '1' } });
    expect(byName.get('p_cache')).toMatchObject({
      mode: { replicas: 2 },
      task: { containers: [{ image: 'redis:7', env: { IN: 'app' } }] },
    });
    expect(stack.volumes.map(({ name }) => name)).toEqual(['p_data']);
  });
  test('the environment of the whole wins', () => {
    expect(load(files, { env: { PG: '18' } }).services.find(({ name }) => name === 'p_db')?.task.containers[0]?.image).toBe('postgres:18');
  });
  test('a circle is an error', () => {
    const circle = { 'a.yml': 'include: [b.yml]\nservices: {s: {image: i}}', 'b.yml': 'include: [a.yml]' };
    expect(() => load(circle)).toThrow('files include one another in a circle: a.yml → b.yml → a.yml');
  });
});

test('several documents in one file merge like files', () => {
  expect(load('services: {s: {image: a}}\n---\nservices: {s: {image: b}}').services[0]?.task.containers[0]?.image).toBe('b');
});

test('the same files give the same stack, and it is plain data', () => {
  const text = 'x-a: &a {image: i, environment: {A: 1}}\nservices:\n  one: *a\n  two: {<<: *a, ports: ["80:80"]}';
  expect(load(text)).toEqual(load(text));
  expect(JSON.parse(JSON.stringify(load(text)))).toEqual(load(text));
});

test('two hundred services load with all their references resolved', () => {
  const body = Array.from(
    { length: 200 },
    (_, i) =>
      `  s${i}:\n    <<: *base\n    image: i:${i}\n    ports: ["${10_000 + i}:80"]\n    depends_on: [s${(i + 199) % 200 === 199 ? 's' : i - 1}]`,
  )
    .join('\n')
    .replace('[ss]', '[]');
  const stack = load(
    `x-base: &base {environment: {A: "\${A:-1}"}, networks: [n], volumes: ["v:/v"], deploy: {resources: {limits: {memory: 64M}}}}\nservices:\n${body}\nnetworks: {n: }\nvolumes: {v: }`,
  );
  expect(stack.services).toHaveLength(200);
  expect(stack.services[199]).toMatchObject({
    name: 'p_s199',
    extensions: { dependsOn: { p_s198: {} } },
    endpoint: { ports: [{ publishedPort: 10_199 }] },
  });
});

test('words that JavaScript objects know by themselves are words like any other', () => {
  for (const word of ['__proto__', 'constructor', 'toString']) {
    const text = `services:\n  web:\n    image: nginx\n${word}: ["curl", "localhost"]\n`;
    const result = loadCompose({ files: [{ path: 'c.yml', text }], env: {}, profiles: [], projectName: 'p', readFile: () => undefined });
    expect(result.ok ? [] : result.errors.map(({ line, path }) => [line, path])).toEqual([[4, word]]);
  }
});
