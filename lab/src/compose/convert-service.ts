/** One Compose service as a service spec, with the defaults of Docker and SwarmKit. */
import {
  bytes,
  DEFAULT_RESTART,
  DEFAULT_STOP_GRACE_US,
  DEFAULT_UPDATE,
  durationUs,
  nanoCpu,
  type ContainerSpec,
  type Healthcheck,
  type Mount,
  type Placement,
  type PortConfig,
  type Resources,
  type RestartPolicy,
  type ServiceMode,
  type ServiceSpec,
  type TaskSpec,
  type UpdateConfig,
} from '@paperfleet/core';
import { isConstraintKey, parseConstraint } from './constraint.ts';
import { didYouMean, type Place } from './diagnostic.ts';
import type { ComposeDevice, ComposeModel, ComposeResource, ComposeService, ComposeUpdateConfig } from './model.ts';
import { scoped, STACK_IMAGE_LABEL, STACK_LABEL } from './names.ts';

/** What a conversion needs besides the service. */
export interface ServiceContext {
  readonly stack: string;
  readonly model: ComposeModel;
  /** Environment and label files already read: values in order of precedence, lowest first. */
  readonly environment: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Services that are left after profiles, by their Compose names. */
  readonly active: ReadonlySet<string>;
  readonly serviceName: (name: string) => string;
  /** Reports at the key under this path, seen from the service. */
  readonly error: (path: readonly string[], message: string, hint?: string, place?: Place) => void;
  readonly warn: (path: readonly string[], message: string, hint?: string, place?: Place) => void;
}

/** Docker's defaults of a health check (moby daemon/health.go). */
const HEALTH_INTERVAL_US = 30_000_000;
const HEALTH_TIMEOUT_US = 30_000_000;
const HEALTH_START_INTERVAL_US = 5_000_000;
const HEALTH_RETRIES = 3;

/** The full name of a network, volume, secret or config. */
export function resourceName(stack: string, name: string, resource: ComposeResource | undefined): string {
  if (typeof resource?.external === 'string') return resource.external;
  if (resource?.name !== undefined) return resource.name;
  return resource?.external === true ? name : scoped(stack, name);
}

/** Converts a service. Problems go to the context; the result is used only when there were none. */
export function convertService(name: string, service: ComposeService, context: ServiceContext): ServiceSpec {
  const { stack } = context;
  const image = service.image ?? scoped(stack, name);
  if (image === '') context.error(['image'], 'is empty', 'name an image, e.g. nginx:alpine');
  if (service.image === undefined) {
    if (service.build === undefined)
      context.error(
        [],
        'neither image nor build is given',
        'name an image; a file that only overrides goes after the file that it overrides',
      );
    else
      context.warn(
        ['build'],
        `nothing is built; the image counts as '${image}'`,
        'give the service an image to choose its size and workload',
      );
  }
  checkContradictions(service, context);
  const mode = serviceMode(service, context);
  const stackLabels = stack === '' ? {} : { [STACK_LABEL]: stack };
  const endpoint = endpointOf(service, context);
  const extensions = extensionsOf(service, context);
  const { deploy } = service;
  return {
    name: context.serviceName(name),
    labels: { ...plainLabels(deploy?.labels), ...(stack === '' ? {} : { [STACK_IMAGE_LABEL]: image }), ...stackLabels },
    mode,
    task: taskOf(name, image, service, context, stackLabels),
    ...(deploy?.update === undefined ? {} : { update: updateConfig(deploy.update) }),
    ...(deploy?.rollback === undefined ? {} : { rollback: updateConfig(deploy.rollback) }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(service.extension?.profile === undefined ? {} : { profile: service.extension.profile }),
    ...(Object.keys(extensions).length === 0 ? {} : { extensions }),
  };
}

const plainLabels = (labels: ReadonlyMap<string, string | null> | undefined): Record<string, string> =>
  Object.fromEntries([...(labels ?? [])].map(([key, value]) => [key, value ?? '']));

function taskOf(
  name: string,
  image: string,
  service: ComposeService,
  context: ServiceContext,
  stackLabels: Readonly<Record<string, string>>,
): TaskSpec {
  const logDriver = service.logDriver;
  const networks = networksOf(service, context);
  return {
    containers: [containerOf(name, image, service, context, stackLabels)],
    restart: restartOf(service),
    placement: placementOf(service, context),
    ...(networks.length === 0 ? {} : { networks }),
    ...(logDriver === undefined ? {} : { logDriver }),
    forceUpdate: 0,
  };
}

function containerOf(
  name: string,
  image: string,
  service: ComposeService,
  context: ServiceContext,
  stackLabels: Readonly<Record<string, string>>,
): ContainerSpec {
  const healthcheck = healthcheckOf(service, context);
  const mounts = mountsOf(service, context);
  const secrets = referencesOf('secrets', service, context);
  const configs = referencesOf('configs', service, context);
  const { environment } = context;
  const workload = service.extension?.workload;
  return {
    name,
    image,
    ...(service.entrypoint === undefined ? {} : { command: service.entrypoint }),
    ...(service.command === undefined ? {} : { args: service.command }),
    ...(Object.keys(environment).length === 0 ? {} : { env: environment }),
    labels: { ...context.labels, ...plainLabels(service.labels), ...stackLabels },
    ...(healthcheck === undefined ? {} : { healthcheck }),
    stopGracePeriodUs: service.stopGracePeriod === undefined ? DEFAULT_STOP_GRACE_US : durationUs(service.stopGracePeriod),
    ...(service.stopSignal === undefined ? {} : { stopSignal: service.stopSignal }),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...(secrets.length === 0 ? {} : { secrets }),
    ...(configs.length === 0 ? {} : { configs }),
    reservations: reservationsOf(service, context),
    limits: limitsOf(service),
    ...(workload === undefined ? {} : { workload }),
  };
}

// --- contradictions ---

function checkContradictions(service: ComposeService, context: ServiceContext): void {
  const { deploy } = service;
  const limits = deploy?.resources?.limits;
  const distinct = (key: string, own: number | undefined, path: string, other: number | undefined): void => {
    if (own !== undefined && other !== undefined && own !== other)
      context.error([key], `contradicts ${path}`, 'give the same value in both places, or remove one');
  };
  distinct('scale', service.scale, 'deploy.replicas', deploy?.replicas);
  distinct('mem_limit', service.memLimit, 'deploy.resources.limits.memory', limits?.memory);
  distinct('cpus', service.cpus, 'deploy.resources.limits.cpus', limits?.cpus);
  distinct('pids_limit', service.pidsLimit, 'deploy.resources.limits.pids', limits?.pids);
  distinct('mem_reservation', service.memReservation, 'deploy.resources.reservations.memory', deploy?.resources?.reservations?.memory);
  if (service.networkMode !== undefined && service.networks !== undefined)
    context.error(['network_mode'], 'contradicts networks', 'a service has one of network_mode and networks');
  if (deploy?.rollback?.failureAction === 'rollback')
    context.warn(['deploy', 'rollback_config', 'failure_action'], 'a failed rollback pauses', "write 'pause' or 'continue'");
  const { limits: limit, reservations } = { limits: limitsOf(service), reservations: reservationsOf(service) };
  const less = (what: string, limited: number | undefined, reserved: number | undefined): void => {
    if (limited === undefined || reserved === undefined || limited >= reserved) return;
    context.warn(['deploy', 'resources'], `the limit of ${what} is less than the reservation`, 'the rest of the reservation is never used');
  };
  less('CPUs', limit.nanoCpus, reservations.nanoCpus);
  less('memory', limit.memoryBytes, reservations.memoryBytes);
  if (service.containerName !== undefined && (service.scale ?? deploy?.replicas ?? 1) > 1) {
    context.warn(['container_name'], 'is not used: several replicas cannot have one name');
  }
}

// --- mode, updates, restarts ---

function serviceMode(service: ComposeService, context: ServiceContext): ServiceMode {
  const kind = service.deploy?.mode ?? 'replicated';
  const replicas = service.scale ?? service.deploy?.replicas;
  if (kind === 'global' || kind === 'global-job') {
    if (replicas !== undefined) {
      const path = service.deploy?.replicas === undefined ? ['scale'] : ['deploy', 'replicas'];
      context.error(path, `contradicts mode ${kind}`, 'replicas are for the modes replicated and replicated-job');
    }
    if (kind === 'global' && (service.deploy?.placement?.maxReplicasPerNode ?? 0) > 0) {
      context.error(
        ['deploy', 'placement', 'max_replicas_per_node'],
        'contradicts mode global',
        'a global service has one task on each node',
      );
    }
  }
  if (kind.endsWith('-job') && service.deploy?.update !== undefined)
    context.error(['deploy', 'update_config'], 'jobs may not have an update config', 'remove it, or use the mode replicated');
  switch (kind) {
    case 'global':
      return { kind };
    case 'global-job':
      return { kind };
    case 'replicated-job':
      return { kind, maxConcurrent: replicas ?? 1, totalCompletions: replicas ?? 1 };
    case 'replicated':
      return { kind, replicas: replicas ?? 1 };
  }
}

function updateConfig(config: ComposeUpdateConfig): UpdateConfig {
  return {
    parallelism: config.parallelism ?? DEFAULT_UPDATE.parallelism,
    delayUs: config.delay === undefined ? DEFAULT_UPDATE.delayUs : durationUs(config.delay),
    failureAction: config.failureAction ?? DEFAULT_UPDATE.failureAction,
    // A monitor of 0 is an absent one (SwarmKit).
    monitorUs: config.monitor === undefined || config.monitor === 0 ? DEFAULT_UPDATE.monitorUs : durationUs(config.monitor),
    maxFailureRatio: config.maxFailureRatio ?? DEFAULT_UPDATE.maxFailureRatio,
    order: config.order ?? DEFAULT_UPDATE.order,
  };
}

/** deploy.restart_policy, else restart:, else SwarmKit's default. */
function restartOf(service: ComposeService): RestartPolicy {
  const policy = service.deploy?.restartPolicy;
  if (policy === undefined) return service.restart === undefined ? DEFAULT_RESTART : { ...DEFAULT_RESTART, ...service.restart };
  return {
    condition: policy.condition ?? DEFAULT_RESTART.condition,
    delayUs: policy.delay === undefined ? DEFAULT_RESTART.delayUs : durationUs(policy.delay),
    maxAttempts: policy.maxAttempts ?? DEFAULT_RESTART.maxAttempts,
    windowUs: policy.window === undefined ? DEFAULT_RESTART.windowUs : durationUs(policy.window),
  };
}

// --- resources ---

/** Without `context` problems are not reported. */
function reservationsOf(service: ComposeService, context?: ServiceContext): Resources {
  const reservations = service.deploy?.resources?.reservations;
  const memory = reservations?.memory ?? service.memReservation;
  const generic: Record<string, number> = {};
  for (const { kind, value } of reservations?.generic ?? []) generic[kind] = (generic[kind] ?? 0) + value;
  const devices = [
    ...(reservations?.devices ?? []).map((device) => ({ device, path: ['deploy', 'resources', 'reservations', 'devices'] })),
    ...(service.gpus ?? []).map((device) => ({ device, path: ['gpus'] })),
  ];
  for (const { device, path } of devices) {
    const reserved = deviceResource(device);
    if (reserved === undefined)
      context?.warn(path, 'is not reserved: only devices with the capability gpu are', 'reserve others as generic_resources');
    else {
      generic[reserved.kind] = (generic[reserved.kind] ?? 0) + reserved.value;
      context?.warn(
        path,
        `counts as ${reserved.value} of the generic resource '${reserved.kind}'`,
        'nodes need it: generic: {gpu: 4} in a pool',
      );
    }
  }
  return {
    ...(positive(reservations?.cpus) && { nanoCpus: nanoCpu(reservations?.cpus ?? 0) }),
    ...(positive(memory) && { memoryBytes: bytes(memory ?? 0) }),
    ...(Object.keys(generic).length > 0 && { generic }),
  };
}

const positive = (value: number | undefined): boolean => value !== undefined && value > 0;

/** A device request as a generic resource; 'all' counts as one, since the number differs from node to node. */
function deviceResource(device: ComposeDevice): { readonly kind: string; readonly value: number } | undefined {
  if (device.capabilities?.includes('gpu') !== true) return undefined;
  return { kind: 'gpu', value: device.deviceIds?.length ?? (typeof device.count === 'number' ? device.count : 1) };
}

function limitsOf(service: ComposeService): Resources {
  const limits = service.deploy?.resources?.limits;
  // cpu_quota / cpu_period is what `cpus` is made of.
  const quota = positive(service.cpuQuota)
    ? Math.floor(((service.cpuQuota ?? 0) * 1e9) / (positive(service.cpuPeriod) ? (service.cpuPeriod ?? 1) : 100_000))
    : undefined;
  const cpu = limits?.cpus ?? service.cpus ?? quota;
  const memory = limits?.memory ?? service.memLimit;
  const pids = limits?.pids ?? service.pidsLimit;
  return {
    ...(positive(cpu) && { nanoCpus: nanoCpu(cpu ?? 0) }),
    ...(positive(memory) && { memoryBytes: bytes(memory ?? 0) }),
    ...(positive(pids) && { pids: pids ?? 0 }),
  };
}

// --- health, mounts, references ---

function healthcheckOf(service: ComposeService, context: ServiceContext): Healthcheck | undefined {
  const check = service.healthcheck;
  if (check === undefined) return undefined;
  const none = check.disable === true || check.test?.[0] === 'NONE';
  if (!none && (check.test === undefined || check.test.length === 0)) {
    context.warn(['healthcheck'], "has no test; the image's own check is not known here, so the service has none", 'give the test');
    return undefined;
  }
  const span = (value: number | undefined, fallback: number): number => (value === undefined || value === 0 ? fallback : value);
  return {
    test: none ? ['NONE'] : (check.test ?? []),
    intervalUs: durationUs(span(check.interval, HEALTH_INTERVAL_US)),
    timeoutUs: durationUs(span(check.timeout, HEALTH_TIMEOUT_US)),
    startPeriodUs: durationUs(check.startPeriod ?? 0),
    startIntervalUs: durationUs(span(check.startInterval, HEALTH_START_INTERVAL_US)),
    retries: span(check.retries, HEALTH_RETRIES),
  };
}

function mountsOf(service: ComposeService, context: ServiceContext): readonly Mount[] {
  const mounts: Mount[] = [];
  for (const { type, source, target, readOnly, place } of service.volumes ?? []) {
    const named = source !== undefined && (type === 'volume' || type === 'cluster');
    const volume = named ? context.model.volumes?.get(source) : undefined;
    if (named && volume === undefined) undefinedName(context, ['volumes'], 'volume', source, context.model.volumes?.keys(), place);
    const driver = volume?.driver;
    mounts.push({
      type,
      ...(source === undefined ? {} : { source: named ? resourceName(context.stack, source, volume) : source }),
      target,
      readOnly,
      ...(driver === undefined || driver === 'local' || driver === 'default' ? {} : { driver }),
    });
  }
  for (const entry of service.tmpfs ?? []) mounts.push({ type: 'tmpfs', target: entry.split(':')[0] ?? entry, readOnly: false });
  return mounts;
}

function undefinedName(
  context: ServiceContext,
  path: readonly string[],
  kind: string,
  name: string,
  known: Iterable<string> | undefined,
  place?: Place,
): void {
  const near = didYouMean(name, known ?? []);
  const section = `${kind}s`;
  context.error(
    path,
    `there is no ${kind} '${name}'`,
    near === undefined ? `declare it at the top level: ${section}: {${name}: {}}` : `did you mean '${near}'?`,
    place,
  );
}

function referencesOf(section: 'secrets' | 'configs', service: ComposeService, context: ServiceContext): readonly string[] {
  const known = context.model[section];
  return (service[section] ?? []).map(({ source, place }) => {
    if (known?.has(source) !== true) undefinedName(context, [section], section.slice(0, -1), source, known?.keys(), place);
    return resourceName(context.stack, source, known?.get(source));
  });
}

// --- network, placement ---

/** Network drivers that every engine has; others must be reported by a node. */
const BUILT_IN_DRIVERS = new Set(['overlay', 'bridge', 'host', 'null', 'none', 'macvlan', 'ipvlan', 'default']);

function networksOf(service: ComposeService, context: ServiceContext): NonNullable<TaskSpec['networks']> {
  const mode = service.networkMode;
  if (mode !== undefined) return networkOfMode(mode, context);
  const attachments = service.networks ?? new Map([['default', {}]]);
  return [...(attachments.size === 0 ? new Map([['default', {}]]) : attachments)].map(
    ([name, attachment]: [string, { readonly aliases?: readonly string[] }]) => {
      const network = context.model.networks?.get(name);
      if (network === undefined && name !== 'default')
        undefinedName(context, ['networks', name], 'network', name, context.model.networks?.keys());
      const driver = network?.driver;
      return {
        name: resourceName(context.stack, name, network),
        ...(driver === undefined || BUILT_IN_DRIVERS.has(driver) ? {} : { driver }),
        ...(attachment.aliases === undefined ? {} : { aliases: attachment.aliases }),
      };
    },
  );
}

function networkOfMode(mode: string, context: ServiceContext): NonNullable<TaskSpec['networks']> {
  if (mode === 'none') return [];
  const service = /^service:(.+)$/.exec(mode)?.[1];
  if (service !== undefined) {
    if (context.model.services?.has(service) !== true)
      undefinedName(context, ['network_mode'], 'service', service, context.model.services?.keys());
    context.warn(['network_mode'], `a cluster cannot share the network of '${service}'; the service has a network of its own`);
  }
  return service === undefined && !mode.startsWith('container:') ? [{ name: mode }] : [];
}

function placementOf(service: ComposeService, context: ServiceContext): Placement {
  const placement = service.deploy?.placement;
  const platforms = platformOf(service, context);
  for (const constraint of placement?.constraints ?? []) {
    const parsed = parseConstraint(constraint);
    if (parsed.ok && !isConstraintKey(parsed.value)) {
      context.warn(
        ['deploy', 'placement', 'constraints'],
        `no node ever satisfies '${constraint}'`,
        'keys are node.id, node.hostname, node.ip, node.role, node.platform.os, node.platform.arch, node.labels.NAME and engine.labels.NAME',
      );
    }
  }
  const most = placement?.maxReplicasPerNode ?? 0;
  return {
    ...((placement?.constraints?.length ?? 0) > 0 && { constraints: placement?.constraints ?? [] }),
    ...((placement?.preferences?.length ?? 0) > 0 && { preferences: placement?.preferences ?? [] }),
    ...(most > 0 && { maxReplicasPerNode: most }),
    ...(platforms && { platforms }),
  };
}

/** `platform: linux/arm64/v8` → os and architecture; a word alone is an operating system or an architecture. */
function platformOf(service: ComposeService, context: ServiceContext): Placement['platforms'] {
  if (service.platform === undefined || service.platform === '') return undefined;
  const [first = '', architecture = '', ...rest] = service.platform.split('/');
  if (rest.length > 1) context.error(['platform'], `'${service.platform}' is no platform`, "write e.g. 'linux/amd64'");
  if (architecture !== '') return [{ os: first, architecture }];
  return [['linux', 'windows', 'darwin', 'freebsd'].includes(first) ? { os: first, architecture: '' } : { os: '', architecture: first }];
}

function endpointOf(service: ComposeService, context: ServiceContext): ServiceSpec['endpoint'] {
  const mode = service.deploy?.endpointMode;
  const ports: PortConfig[] = [];
  const taken = new Map<string, string>();
  for (const port of service.ports ?? []) {
    const key = `${port.published}/${port.protocol}`;
    if (port.published !== 0 && taken.has(key)) {
      // The same published port on two addresses of one machine is one port of a cluster.
      if (taken.get(key) !== port.hostIp) continue;
      context.error(['ports'], `port ${key} is published twice`, 'publish each port once', port.place);
    }
    taken.set(key, port.hostIp);
    if (mode === 'dnsrr' && port.mode === 'ingress') {
      context.error(
        ['ports'],
        'an ingress port contradicts endpoint_mode dnsrr',
        "publish it with 'mode: host', or use endpoint_mode vip",
        port.place,
      );
    }
    ports.push({
      ...(port.name === undefined ? {} : { name: port.name }),
      protocol: port.protocol,
      targetPort: port.target,
      publishedPort: port.published,
      publishMode: port.mode,
    });
  }
  return mode === undefined && ports.length === 0 ? undefined : { mode: mode ?? 'vip', ports };
}

// --- extensions ---

function extensionsOf(service: ComposeService, context: ServiceContext): Record<string, unknown> {
  const dependsOn: Record<string, unknown> = {};
  for (const [name, { condition, required, restart }] of service.dependsOn ?? []) {
    if (context.active.has(name)) dependsOn[context.serviceName(name)] = { condition, required, restart };
  }
  const { load, autoscale } = service.extension ?? {};
  return {
    ...(Object.keys(dependsOn).length > 0 && { dependsOn }),
    ...(load?.rate !== undefined && { load: { requestsPerSecond: load.rate } }),
    ...(autoscale !== undefined && { autoscale }),
  };
}
