import { describe, expect, test } from 'vitest';
import { Diagnostics, formatDiagnostic } from './diagnostic.ts';
import { mergeFiles, settle } from './merge.ts';
import { type MapNode, parseYaml, toPlain } from './source-tree.ts';

/** Files merged in order, as plain data. */
function merge(...texts: readonly string[]): { merged: unknown; errors: string[] } {
  const diagnostics = new Diagnostics();
  const roots = texts.map((text, index) => parseYaml(`${index + 1}.yml`, text, diagnostics)[0] as MapNode);
  const merged = roots.reduce((base, over) => mergeFiles(base, over, diagnostics));
  const settled = settle(merged, []);
  return { merged: settled && toPlain(settled), errors: diagnostics.errors.map(formatDiagnostic) };
}

/** The service `s` of two files. */
function service(base: string, over: string): unknown {
  const { merged, errors } = merge(`services: {s: ${base}}`, `services: {s: ${over}}`);
  expect(errors).toEqual([]);
  return (merged as { services: { s: unknown } }).services.s;
}

describe('a later file over an earlier one', () => {
  test.each<[string, string, string, unknown]>([
    ['single values replace', '{image: a, tty: true}', '{image: b}', { image: 'b', tty: true }],
    ['an empty value changes nothing', '{image: a}', '{image: }', { image: 'a' }],
    [
      'maps merge',
      '{deploy: {replicas: 1, resources: {limits: {cpus: "1"}}}}',
      '{deploy: {resources: {limits: {memory: 1g}}}}',
      { deploy: { replicas: 1, resources: { limits: { cpus: '1', memory: '1g' } } } },
    ],
    ['lists append', '{cap_add: [A]}', '{cap_add: [B]}', { cap_add: ['A', 'B'] }],
    [
      'equal items stay one',
      '{cap_add: [A, B], expose: ["80"]}',
      '{cap_add: [B], expose: ["80", "81"]}',
      { cap_add: ['A', 'B'], expose: ['80', '81'] },
    ],
    [
      'constraints append',
      '{deploy: {placement: {constraints: [a == b]}}}',
      '{deploy: {placement: {constraints: [c == d]}}}',
      { deploy: { placement: { constraints: ['a == b', 'c == d'] } } },
    ],
    ['command replaces', '{command: [a, b], entrypoint: [x]}', '{command: [c], entrypoint: y}', { command: ['c'], entrypoint: 'y' }],
    ['a command may become empty', '{command: [a]}', '{command: }', { command: null }],
    [
      'the test of a health check replaces, the rest merges',
      '{healthcheck: {test: [CMD, a], interval: 5s}}',
      '{healthcheck: {test: b, retries: 2}}',
      { healthcheck: { test: 'b', interval: '5s', retries: 2 } },
    ],
    ['environment: map over map', '{environment: {A: 1, B: 2}}', '{environment: {B: 3, C: 4}}', { environment: { A: 1, B: 3, C: 4 } }],
    [
      'environment: list over map',
      '{environment: {A: 1, B: 2}}',
      '{environment: ["B=3", "C"]}',
      { environment: { A: 1, B: '3', C: null } },
    ],
    ['environment: map over list', '{environment: ["A=1", "B=x=y"]}', '{environment: {A: }}', { environment: { A: null, B: 'x=y' } }],
    ['labels like environment', '{labels: ["a=1"]}', '{labels: {a: 2, b: 3}}', { labels: { a: 2, b: 3 } }],
    ['deploy labels', '{deploy: {labels: {a: x}}}', '{deploy: {labels: ["b=y"]}}', { deploy: { labels: { a: 'x', b: 'y' } } }],
    [
      'ports: the same one stays one',
      '{ports: ["80:80", "443:443/tcp"]}',
      '{ports: ["443:443", "53:53/udp"]}',
      { ports: ['80:80', '443:443', '53:53/udp'] },
    ],
    [
      'ports: another address or number is another port',
      '{ports: ["80:80"]}',
      '{ports: ["127.0.0.1:80:80", "81:80"]}',
      { ports: ['80:80', '127.0.0.1:80:80', '81:80'] },
    ],
    [
      'ports: long over short',
      '{ports: ["80:80"]}',
      '{ports: [{target: 80, published: 80, mode: host}]}',
      { ports: [{ target: 80, published: 80, mode: 'host' }] },
    ],
    [
      'volumes: by target',
      '{volumes: ["a:/data", "./x:/x:ro"]}',
      '{volumes: ["b:/data", {type: tmpfs, target: /x}]}',
      { volumes: ['b:/data', { type: 'tmpfs', target: '/x' }] },
    ],
    ['secrets: by target', '{secrets: [a, {source: b, target: /run/secrets/c}]}', '{secrets: [c, a]}', { secrets: ['a', 'c'] }],
    ['networks: list over map', '{networks: {a: {aliases: [x]}}}', '{networks: [a, b]}', { networks: { a: { aliases: ['x'] }, b: null } }],
    [
      'networks: aliases append',
      '{networks: {a: {aliases: [x, y]}}}',
      '{networks: {a: {aliases: [y, z]}}}',
      { networks: { a: { aliases: ['x', 'y', 'z'] } } },
    ],
    [
      'depends_on: map over list',
      '{depends_on: [a, b]}',
      '{depends_on: {b: {condition: service_healthy}}}',
      { depends_on: { a: { condition: 'service_started' }, b: { condition: 'service_healthy' } } },
    ],
    ['build: long over short', '{build: ./x}', '{build: {target: t}}', { build: { context: './x', target: 't' } }],
    ['build arguments', '{build: {args: ["A=1"]}}', '{build: {args: {B: 2}}}', { build: { args: { A: '1', B: 2 } } }],
    ['dns: single values become a list', '{dns: 1.1.1.1}', '{dns: [8.8.8.8, 1.1.1.1]}', { dns: ['1.1.1.1', '8.8.8.8'] }],
    [
      'env files append, each once',
      '{env_file: a.env}',
      '{env_file: [b.env, {path: a.env, required: false}]}',
      { env_file: [{ path: 'a.env', required: false }, 'b.env'] },
    ],
    [
      'logging of the same driver merges',
      '{logging: {driver: x, options: {a: "1"}}}',
      '{logging: {options: {b: "2"}}}',
      { logging: { driver: 'x', options: { a: '1', b: '2' } } },
    ],
    [
      'logging of another driver replaces',
      '{logging: {driver: x, options: {a: "1"}}}',
      '{logging: {driver: y}}',
      { logging: { driver: 'y' } },
    ],
    [
      'ulimits replace one by one',
      '{ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}}',
      '{ulimits: {nofile: 9}}',
      { ulimits: { nofile: 9, nproc: 5 } },
    ],
    ['sysctls', '{sysctls: ["a=1"]}', '{sysctls: {b: 2}}', { sysctls: { a: '1', b: 2 } }],
    [
      '!reset takes away',
      '{image: a, ports: ["80:80"], environment: {A: 1, B: 2}}',
      '{ports: !reset [], environment: {A: !reset null}}',
      { image: 'a', environment: { B: 2 } },
    ],
    [
      '!override replaces whole',
      '{ports: ["80:80"], environment: {A: 1}}',
      '{ports: !override ["81:80"], environment: !override {B: 2}}',
      { ports: ['81:80'], environment: { B: 2 } },
    ],
    ['extensions merge like anything else', '{x-a: {b: 1}}', '{x-a: {c: 2}}', { 'x-a': { b: 1, c: 2 } }],
  ])('%s', (_, base, over, expected) => {
    expect(service(base, over)).toEqual(expected);
  });

  test('a whole service, network or file section', () => {
    const { merged } = merge(
      'services: {a: {image: x}, b: {image: y}}\nnetworks: {n: {driver: overlay}}',
      'services: {b: !reset null, c: {image: z}}\nnetworks: {n: !override {driver: bridge}}',
    );
    expect(merged).toEqual({ services: { a: { image: 'x' }, c: { image: 'z' } }, networks: { n: { driver: 'bridge' } } });
  });
  test('three files, the last one wins', () => {
    expect(merge('services: {s: {image: a}}', 'services: {s: {image: b, tty: true}}', 'services: {s: {image: c}}').merged).toEqual({
      services: { s: { image: 'c', tty: true } },
    });
  });
  test('a map over a list is an error at the later value, with the place of the earlier one', () => {
    expect(merge('services:\n  s:\n    cap_add: [A]', 'services:\n  s:\n    cap_add: {A: 1}').errors).toEqual([
      '2.yml:3:14: services.s.cap_add: cannot merge a map over a list (the earlier value stands at 1.yml:3:14; write both alike, or put !override before this one)',
    ]);
  });
});

test('one file: !reset and !override mean the same without anything below, doubles in a list go', () => {
  const { merged } = merge('services: {s: {image: !override a, ports: !reset ["1:1"], cap_add: [A, A]}}');
  expect(merged).toEqual({ services: { s: { image: 'a', cap_add: ['A'] } } });
});
