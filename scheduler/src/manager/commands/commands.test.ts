import { bytes, type Command, type DurationUs, nanoCpu, type PortConfig, type StackSpec } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { Fixture, SECOND, spec, type SpecOptions } from '../testing/fixture.ts';

const refusal = (fixture: Fixture, command: Command): string => fixture.manager.check(command)?.message ?? 'ok';
const create = (options: SpecOptions): Command => ({ do: 'createService', spec: spec(options) });
const ports = (
  ...list: readonly (readonly [published: number, mode?: PortConfig['publishMode'], protocol?: PortConfig['protocol']])[]
): NonNullable<SpecOptions['endpoint']> => ({
  mode: 'vip',
  ports: list.map(([publishedPort, publishMode = 'ingress', protocol = 'tcp']) => ({
    publishedPort,
    publishMode,
    protocol,
    targetPort: 80,
  })),
});
const stack = (...services: readonly SpecOptions[]): StackSpec => ({
  name: 'shop',
  services: services.map((options) => spec({ ...options, name: `shop_${options.name}` })),
  networks: [],
  volumes: [],
  secrets: [],
  configs: [],
});
const update = {
  parallelism: 1,
  delayUs: 0 as DurationUs,
  failureAction: 'pause',
  monitorUs: 0 as DurationUs,
  maxFailureRatio: 0,
  order: 'stop-first',
} as const;

describe('validation speaks as SwarmKit does', () => {
  test.each<readonly [string, SpecOptions, string]>([
    ['a name with a bad end', { name: 'web-' }, 'name must be valid as a DNS name component'],
    ['a name too long', { name: 'x'.repeat(64) }, 'name must be 63 characters or fewer'],
    ['too little CPU', { container: { limits: { nanoCpus: nanoCpu(42) } } }, 'invalid cpu value 4.2e-8: Must be at least 0.001'],
    ['too little memory', { container: { reservations: { memoryBytes: bytes(1) } } }, 'invalid memory value 1: Must be at least 4MiB'],
    ['enough of both', { container: { limits: { nanoCpus: nanoCpu(1e6), memoryBytes: bytes(2 ** 22) } } }, 'ok'],
    ['a constraint without operator', { constraints: ['node.role=worker'] }, 'constraint expected one operator from ==, !='],
    ['a ratio above 1', { update: { ...update, maxFailureRatio: 1.1 } }, 'TaskSpec: update-maxfailureratio cannot be bigger than 1'],
    ['a ratio below 0', { update: { ...update, maxFailureRatio: -0.1 } }, 'TaskSpec: update-maxfailureratio cannot be less than 0'],
    ['a negative delay', { update: { ...update, delayUs: -1 as DurationUs } }, 'TaskSpec: update-delay cannot be negative'],
    [
      'dnsrr with an ingress port',
      { endpoint: { ...ports([80]), mode: 'dnsrr' } },
      "EndpointSpec: port published with ingress mode can't be used with dnsrr mode",
    ],
    ['a port twice', { endpoint: ports([80], [80]) }, 'EndpointSpec: duplicate published ports provided'],
    ['a port of two protocols', { endpoint: ports([80], [80, 'ingress', 'udp']) }, 'ok'],
    ['several ports to be picked', { endpoint: ports([0], [0]) }, 'ok'],
    ['negative replicas', { replicas: -1 }, 'Number of replicas must be non-negative'],
  ])('%s', (_what, options, message) => {
    expect(refusal(new Fixture(), create(options))).toBe(message);
  });

  test('conflicts of names, versions, modes and ports', () => {
    const fixture = new Fixture();
    const web = fixture.create({ endpoint: ports([9000]) });
    expect(refusal(fixture, create({}))).toBe('name conflicts with an existing object');
    const other = (endpoint: SpecOptions['endpoint']): string => refusal(fixture, create({ name: 'other', endpoint }));
    expect(other(ports([9000]))).toBe(`port '9000' is already in use by service 'web' (${web.id}) as an ingress port`);
    expect(other(ports([9000, 'host']))).toContain('as an ingress port');
    expect(other(ports([9000, 'ingress', 'udp']))).toBe('ok');
    expect(refusal(fixture, { do: 'updateService', service: 'web', spec: spec(), version: web.version - 1 })).toBe(
      'update out of sequence',
    );
    expect(refusal(fixture, { do: 'updateService', service: 'web', spec: spec({ mode: { kind: 'global' } }) })).toBe(
      'service mode change is not allowed',
    );
    expect(refusal(fixture, { do: 'rollbackService', service: 'web' })).toBe(`service ${web.id} does not have a previous spec`);
    expect(refusal(fixture, { do: 'scale', service: 'nobody', replicas: 1 })).toBe('service nobody not found');
  });

  test('a ready node is removed by force only', () => {
    const fixture = new Fixture();
    const node = fixture.addNode('n1');
    expect(refusal(fixture, { do: 'removeNode', node: 'n1', force: false })).toBe(`node ${node.id} is not down and can't be removed`);
    expect(refusal(fixture, { do: 'removeNode', node: 'n1', force: true })).toBe('ok');
  });
});

describe('commands', () => {
  test('the same key acts once, and what has become invalid leaves an event', () => {
    const fixture = new Fixture();
    fixture.command(create({}), 'key-1');
    fixture.command({ do: 'removeService', service: 'web' });
    fixture.command(create({}), 'key-1');
    expect(fixture.store.services.size).toBe(0);
    fixture.command({ do: 'scale', service: 'web', replicas: 2 });
    expect(fixture.manager.events.newest(1)).toMatchObject([{ kind: 'command.refused', severity: 'warning' }]);
  });

  test('deploy creates, updates and prunes a stack', () => {
    const fixture = new Fixture();
    fixture.command({ do: 'deploy', stack: stack({ name: 'web', replicas: 2 }, { name: 'db', endpoint: ports([5432]) }), prune: false });
    const web = fixture.service('shop_web');
    fixture.command({ do: 'deploy', stack: stack({ name: 'web', replicas: 3 }), prune: false });
    expect(fixture.service('shop_web')).toBe(web);
    expect(fixture.wanted('shop_web')).toHaveLength(3);
    expect(fixture.store.stacks.get('shop')?.spec.services).toHaveLength(2);
    // The port that the pruned service holds is free for the one that comes.
    fixture.command({ do: 'deploy', stack: stack({ name: 'web', replicas: 3 }, { name: 'sql', endpoint: ports([5432]) }), prune: true });
    expect([...fixture.store.services.values()].map((service) => service.spec.name)).toEqual(['shop_web', 'shop_sql']);
    expect(fixture.wanted('shop_db')).toHaveLength(0);
    fixture.command({ do: 'removeStack', stack: 'shop' });
    expect(fixture.store.services.size).toBe(0);
    fixture.run(SECOND);
    expect(fixture.store.tasks.size).toBe(0);
  });

  test('ports are dealt out from 30000 and kept over updates', () => {
    const fixture = new Fixture();
    fixture.create({ name: 'a', endpoint: ports([0], [30_001]) });
    fixture.create({ name: 'b', endpoint: ports([0]) });
    expect(fixture.service('b').ports[0]?.publishedPort).toBe(30_002);
    fixture.update('b', { endpoint: ports([0]), image: 'v:2' });
    expect(fixture.service('b').ports[0]?.publishedPort).toBe(30_002);
  });

  test('the spec version is zero at first and then what an update was based on', () => {
    const fixture = new Fixture();
    const web = fixture.create();
    expect(web.specVersion).toBe(0);
    const { version } = web;
    fixture.update('web', { image: 'v:2' });
    expect(web.specVersion).toBe(version);
    fixture.command({ do: 'rollbackService', service: 'web' });
    expect(web).toMatchObject({ specVersion: 0, previousSpecVersion: version });
    expect(web.spec.task.containers[0]?.image).toBe('v:1');
  });

  test('labels of a node reject tasks that no longer belong there', () => {
    const fixture = new Fixture();
    fixture.addNode('n1', { labels: { disk: 'ssd' } });
    fixture.create({ constraints: ['node.labels.disk==ssd'] });
    fixture.run(SECOND);
    fixture.runAll();
    fixture.command({ do: 'updateNode', node: 'n1', labels: { disk: 'hdd' } });
    expect(fixture.shape()[0]).toBe('1 shutdown/rejected');
    fixture.run(SECOND);
    expect(fixture.slot(1).error).toBe('no suitable node (scheduling constraints not satisfied on 1 node)');
  });
});
