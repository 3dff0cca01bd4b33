/** The merged Compose model as a stack: profiles, dependencies, names, files of variables; each service by convert-service.ts. */
import type { Labels, ServiceSpec, StackSpec } from '@paperfleet/core';
import type { Assembler } from './assemble.ts';
import { convertService, resourceName, type ServiceContext } from './convert-service.ts';
import { didYouMean, type Diagnostics, type Place } from './diagnostic.ts';
import { parseDotEnv } from './dotenv.ts';
import { joinPath } from './file-path.ts';
import type { Lookup } from './interpolate.ts';
import type { ComposeEnvFile, ComposeModel, ComposeResource, ComposeService, KeyValues, WorkloadCheck } from './model.ts';
import { MAX_SERVICE_NAME, scoped, SERVICE_NAME } from './names.ts';
import { locate, type MapNode } from './source-tree.ts';

export interface ConvertOptions {
  readonly model: ComposeModel;
  readonly root: MapNode;
  readonly stack: string;
  readonly profiles: readonly string[];
  readonly lookup: Lookup;
  readonly assembler: Assembler;
  readonly diagnostics: Diagnostics;
  readonly checkWorkload: WorkloadCheck;
}

/** The stack that the model describes. Meaningful only while `diagnostics` has no errors. */
export function convertStack(options: ConvertOptions): StackSpec {
  const { model, stack } = options;
  const active = activeServices(options);
  checkDependencies(options, active);
  const services = [...active].map(([name, service]) => convertOne(options, name, service, new Set(active.keys())));
  checkPublishedPorts(options, [...active], services);
  const network = ({ driver }: ComposeResource): string => (driver === undefined || driver === 'default' ? 'overlay' : driver);
  const usesDefault = services.some(({ task }) =>
    task.networks?.some(({ name }) => name === resourceName(stack, 'default', model.networks?.get('default'))),
  );
  const declared = new Map(model.networks);
  if (usesDefault && !declared.has('default')) declared.set('default', {});
  const own = (resources: ReadonlyMap<string, ComposeResource> | undefined): [string, ComposeResource][] =>
    [...(resources ?? [])].filter(([, { external }]) => external === undefined || external === false);
  const named = ([name, resource]: [string, ComposeResource]): { readonly name: string; readonly labels: Labels } => ({
    name: resourceName(stack, name, resource),
    labels: labelsOf(resource.labels),
  });
  return {
    name: stack,
    services,
    networks: own(declared).map((each) => ({ ...named(each), driver: network(each[1]) })),
    volumes: own(model.volumes).map((each) => ({ ...named(each), driver: each[1].driver ?? 'local' })),
    secrets: own(model.secrets).map(named),
    configs: own(model.configs).map(named),
  };
}

const labelsOf = (labels: KeyValues | undefined): Labels =>
  Object.fromEntries([...(labels ?? [])].map(([key, value]) => [key, value ?? '']));

/** The place of a key of a service, or of the nearest key above it. */
function placeOf(options: ConvertOptions, name: string, path: readonly string[]): Place {
  return locate(options.root, ['services', name, ...path]).key;
}

function activeServices(options: ConvertOptions): Map<string, ComposeService> {
  const { model, profiles, root, diagnostics } = options;
  const all = [...(model.services ?? [])];
  const active = new Map(
    all.filter(
      ([, service]) =>
        (service.profiles?.length ?? 0) === 0 ||
        profiles.includes('*') ||
        service.profiles?.some((profile) => profiles.includes(profile)) === true,
    ),
  );
  if (all.length === 0) diagnostics.error(root.place, '', 'there are no services', 'a Compose file begins with the key services:');
  else if (active.size === 0) {
    const names = [...new Set(all.flatMap(([, service]) => service.profiles ?? []))].join(', ');
    diagnostics.error(
      placeOf(options, all[0]?.[0] ?? '', ['profiles']),
      'services',
      'every service belongs to a profile, and none of those is active',
      `activate one of: ${names}`,
    );
  }
  for (const [name, service] of active) {
    if (service.provider === undefined) continue;
    active.delete(name);
    diagnostics.warn(
      placeOf(options, name, ['provider']),
      `services.${name}.provider`,
      'the service is left out: providers run programs of their own outside the cluster',
    );
  }
  return active;
}

function checkDependencies({ model, root, diagnostics }: ConvertOptions, active: ReadonlyMap<string, ComposeService>): void {
  const placeAt = (name: string, path: readonly string[]): Place => locate(root, ['services', name, ...path]).key;
  for (const [name, service] of active) {
    for (const [other, { required, place }] of service.dependsOn ?? []) {
      const path = `services.${name}.depends_on`;
      const target = model.services?.get(other);
      if (target === undefined) {
        const near = didYouMean(other, model.services?.keys() ?? []);
        if (required)
          diagnostics.error(
            place,
            path,
            `there is no service '${other}'`,
            near === undefined ? 'declare it, or remove the dependency' : `did you mean '${near}'?`,
          );
      } else if (!active.has(other) && required && target.provider === undefined) {
        const hint = `activate one of its profiles (${(target.profiles ?? []).join(', ')}), or write required: false`;
        diagnostics.error(place, path, `the service '${other}' is not active`, hint);
      }
    }
    for (const key of ['links', 'volumesFrom'] as const) {
      for (const entry of service[key] ?? []) {
        const other = entry.split(':')[0] ?? '';
        const external = key === 'volumesFrom' && other === 'container';
        if (!external && model.services?.has(other) !== true) {
          const yamlKey = key === 'links' ? 'links' : 'volumes_from';
          diagnostics.error(placeAt(name, [yamlKey]), `services.${name}.${yamlKey}`, `there is no service '${other}'`);
        }
      }
    }
  }
  const circle = findCircle(active);
  if (circle === undefined) return;
  const [first = '', second = ''] = circle;
  const place = active.get(first)?.dependsOn?.get(second)?.place ?? placeAt(first, ['depends_on']);
  diagnostics.error(
    place,
    `services.${first}.depends_on`,
    `services depend on one another in a circle: ${circle.join(' → ')}`,
    'remove one of these dependencies',
  );
}

/** A circle of dependencies, its first service repeated at the end; undefined when there is none. */
function findCircle(services: ReadonlyMap<string, ComposeService>): readonly string[] | undefined {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (name: string): readonly string[] | undefined => {
    if (done.has(name)) return undefined;
    const start = trail.indexOf(name);
    if (start >= 0) return [...trail.slice(start), name];
    trail.push(name);
    for (const other of services.get(name)?.dependsOn?.keys() ?? []) {
      const circle = services.has(other) ? visit(other) : undefined;
      if (circle !== undefined) return circle;
    }
    trail.pop();
    done.add(name);
    return undefined;
  };
  for (const name of services.keys()) {
    const circle = visit(name);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** Names with dots are allowed in Compose and not in Swarm. */
const swarmName = (stack: string, name: string): string => scoped(stack, name).replaceAll('.', '-');

function convertOne(options: ConvertOptions, name: string, service: ComposeService, active: ReadonlySet<string>): ServiceSpec {
  const { stack, model, diagnostics, lookup } = options;
  const report =
    (kind: 'error' | 'warn'): ServiceContext['error'] =>
    (path, message, hint = '', place) => {
      diagnostics[kind](place ?? placeOf(options, name, path), ['services', name, ...path].join('.'), message, hint);
    };
  const full = swarmName(stack, name);
  if (!SERVICE_NAME.test(full) || full.length > MAX_SERVICE_NAME) {
    report('error')(
      [],
      `'${full}' is no service name`,
      `at most ${MAX_SERVICE_NAME} letters, digits, - and _, with a letter or digit at both ends`,
    );
  } else if (full !== scoped(stack, name)) report('warn')([], `is called '${full}'`, 'service names of a cluster have no dots');
  const files = new Map<string, string>();
  for (const file of service.envFiles ?? []) readVariables(options, file, `services.${name}.env_file`, files);
  const labels = new Map<string, string>();
  for (const file of service.labelFiles ?? []) readVariables(options, file, `services.${name}.label_file`, labels);
  for (const [key, value] of service.environment ?? []) {
    const resolved = value ?? lookup(key);
    if (resolved === undefined) files.delete(key);
    else files.set(key, resolved);
  }
  const spec = convertService(name, service, {
    stack,
    model,
    active,
    environment: Object.fromEntries(files),
    labels: Object.fromEntries(labels),
    serviceName: (other) => swarmName(stack, other),
    error: report('error'),
    warn: report('warn'),
  });
  if (service.extension?.workload !== undefined) {
    for (const container of spec.task.containers) {
      for (const problem of options.checkWorkload(container))
        report('error')(['x-paperfleet', 'workload'], problem, 'docs/workloads.md lists all');
    }
  }
  return spec;
}

function readVariables(
  { assembler, diagnostics, lookup }: ConvertOptions,
  file: ComposeEnvFile,
  keyPath: string,
  into: Map<string, string>,
): void {
  const path = joinPath(assembler.folderAt(file.place), file.path);
  const text = assembler.read(path);
  if (text === undefined) {
    if (file.required)
      diagnostics.warn(
        file.place,
        keyPath,
        `the file ${path} cannot be read; its variables are left out`,
        'the path starts from the folder of this file',
      );
    return;
  }
  if (file.raw) {
    for (const line of text.split(/\r?\n/)) {
      const equals = line.indexOf('=');
      if (equals > 0 && !line.startsWith('#')) into.set(line.slice(0, equals).trim(), line.slice(equals + 1));
    }
    return;
  }
  const { variables, errors } = parseDotEnv(text, (name) => lookup(name) ?? into.get(name));
  for (const { line, message } of errors) diagnostics.error({ file: path, line, column: 1 }, '', message, 'one NAME=value on each line');
  for (const [name, value] of variables) into.set(name, value);
}

/** In a cluster an ingress port belongs to one service; on one machine two services may share it on two addresses. */
function checkPublishedPorts(options: ConvertOptions, active: readonly [string, ComposeService][], specs: readonly ServiceSpec[]): void {
  const holders = new Map<string, { readonly service: string; readonly mode: string; readonly hostIp: string }>();
  for (const [index, [name, service]] of active.entries()) {
    for (const { publishedPort, protocol, publishMode } of specs[index]?.endpoint?.ports ?? []) {
      const key = `${publishedPort}/${protocol}`;
      const port = service.ports?.find(({ published, protocol: same }) => published === publishedPort && same === protocol);
      const holder = publishedPort === 0 ? undefined : holders.get(key);
      if (publishedPort === 0 || port === undefined) continue;
      if (holder === undefined) holders.set(key, { service: name, mode: publishMode, hostIp: port.hostIp });
      if (holder === undefined || holder.service === name || (holder.mode === 'host' && publishMode === 'host')) continue;
      const message = `port ${key} is published by the service '${holder.service}' already`;
      options.diagnostics.error(
        port.place,
        `services.${name}.ports`,
        message,
        'publish another port, or put the services into different profiles',
      );
    }
  }
}
