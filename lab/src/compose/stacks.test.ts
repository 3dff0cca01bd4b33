import { fileURLToPath } from 'node:url';
import { checkStackSpec, type StackSpec } from '@paperfleet/core';
import { expect, test } from 'vitest';
import { formatDiagnostic } from './diagnostic.ts';
import { readStack } from './read-stack.ts';

const FOLDER = fileURLToPath(new URL('testing/stacks', import.meta.url));

/** Files in the style of those that people have, from disk. */
function load(
  file: string,
  options: { env?: Record<string, string>; profiles?: readonly string[] } = {},
): { stack: StackSpec; warnings: string[] } {
  const result = readStack({ paths: [`${FOLDER}/${file}`], env: options.env ?? {}, profiles: options.profiles ?? [], projectName: 'x' });
  if (!result.ok) throw new Error(result.errors.map(formatDiagnostic).join('\n'));
  expect(checkStackSpec(result.stack)).toMatchObject({ ok: true });
  return { stack: result.stack, warnings: result.warnings.map(({ path, message }) => `${path} ${message}`) };
}

const line = (stack: StackSpec): string[] =>
  stack.services.map(
    ({ name, mode, task }) => `${name} ${mode.kind === 'replicated' ? mode.replicas : mode.kind} ${task.containers[0]?.image ?? ''}`,
  );

test('a blog', () => {
  const { stack, warnings } = load('blog.yml');
  expect(line(stack)).toEqual(['x_cms 1 wordpress', 'x_db 1 mysql:8.0']);
  expect(stack.services[1]?.task.containers[0]).toMatchObject({
    args: ['--default-authentication-plugin=mysql_native_password'],
    env: { MYSQL_RANDOM_ROOT_PASSWORD: "'1'" },
  });
  expect(warnings).toEqual(['version is not needed any more and changes nothing']);
});

test('a workflow engine', () => {
  const { stack, warnings } = load('workflow.yaml');
  expect(line(stack)).toEqual([
    'x_postgres 1 postgres:16',
    'x_redis 1 redis:7.2-bookworm',
    'x_server 1 example/engine:|version|',
    'x_worker 1 example/engine:|version|',
    'x_init 1 example/engine:|version|',
  ]);
  const byName = new Map(stack.services.map((each) => [each.name, each]));
  expect(byName.get('x_server')?.extensions?.['dependsOn']).toEqual({
    x_redis: { condition: 'service_healthy', required: true, restart: false },
    x_postgres: { condition: 'service_healthy', required: true, restart: false },
    x_init: { condition: 'service_completed_successfully', required: true, restart: false },
  });
  expect(byName.get('x_server')?.task.containers[0]?.healthcheck?.test[1]).toBe('engine check --hostname "${HOSTNAME}"');
  expect(byName.get('x_worker')?.task.containers[0]?.env).toEqual({
    ENGINE__CORE__EXECUTOR: 'Queue',
    ENGINE__CORE__LOAD_EXAMPLES: 'true',
    _EXTRA_REQUIREMENTS: '',
    DUMB_INIT_SETSID: '0',
  });
  expect(byName.get('x_init')).toMatchObject({ task: { restart: { condition: 'none' }, containers: [{ command: ['/bin/bash'] }] } });
  expect(byName.get('x_init')?.task.containers[0]?.args?.[1]).toContain('available=$(($(getconf _PHYS_PAGES) * $(getconf PAGE_SIZE)))');
  expect(warnings).toEqual([]);
});

test('a monitoring stack', () => {
  const { stack } = load('monitoring-stack.yml', { env: { DOMAIN: 'example.org', REVISION: '7' } });
  expect(line(stack)).toEqual([
    'x_metrics 1 prom/prometheus:v2.5.0',
    'x_node-agent global stefanprodan/swarmprom-node-exporter:v0.16.0',
    'x_dashboard 1 grafana/grafana:5.3.4',
  ]);
  expect(stack.services[0]?.task.containers[0]?.configs).toEqual(['node_rules_7']);
  expect(stack.services[1]?.task.containers[0]).toMatchObject({
    configs: ['entrypoint'],
    env: { NODE_ID: '{{.Node.ID}}' },
    args: ['--collector.filesystem.ignored-mount-points=^/(sys|proc|dev|host|etc)($|/)'],
  });
  expect(stack.services[2]).toMatchObject({
    labels: {
      'traefik.http.routers.dashboard.rule': 'Host(`dashboard.example.org`)',
      'traefik.http.middlewares.auth.basicauth.users': 'admin:$apr1$x',
    },
    endpoint: { ports: [{ publishMode: 'host', publishedPort: 3000 }] },
    task: { networks: [{ name: 'x_net' }, { name: 'traefik-public' }] },
  });
  expect(stack.networks).toEqual([{ name: 'x_net', driver: 'overlay', labels: {} }]);
  expect(() => load('monitoring-stack.yml')).toThrow('required variable DOMAIN is not set: Variable DOMAIN not set');
});

test('search and logs', () => {
  const { stack, warnings } = load('logs.yml', { env: { LOGS_VERSION: '9.0' } });
  expect(line(stack)).toEqual(['x_search 1 x_search', 'x_intake 1 example/intake:9.0']);
  expect(warnings).toEqual(["services.search.build nothing is built; the image counts as 'x_search'"]);
  expect(stack.services[0]?.task.containers[0]).toMatchObject({ limits: { memoryBytes: 2 ** 30 }, env: { 'node.name': 'search' } });
  expect(line(load('logs.yml', { env: { LOGS_VERSION: '9.0' }, profiles: ['setup'] }).stack)[0]).toBe('x_setup 1 x_setup');
});

test('voting', () => {
  const { stack, warnings } = load('vote-stack.yml');
  expect(line(stack).map((each) => each.split('/').at(-1))).toEqual([
    'x_redis 1 redis:alpine',
    'x_db 1 postgres:15-alpine',
    'examplevotingapp_vote',
    'examplevotingapp_result',
    'examplevotingapp_worker',
  ]);
  expect(stack.services[4]?.task.networks?.map(({ name }) => name)).toEqual(['x_frontend', 'x_backend']);
  expect(warnings).toEqual([]);
});
