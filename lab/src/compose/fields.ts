/**
 * Every key of a Compose file: those with a meaning for a cluster are read, those without one (privileged, devices, tty, …) are
 * accepted and skipped, all others are errors. The keys are those of the Compose Specification's schema.
 */
import { deploy, gpus, pids } from './deploy-fields.ts';
import type { ComposeExtension, ComposeModel, ComposeResource, ComposeService } from './model.ts';
import { mounts } from './mounts.ts';
import { ports } from './ports.ts';
import { parseRate } from './quantity.ts';
import {
  anything,
  boolean,
  cpuAmount,
  duration,
  either,
  integer,
  kindOf,
  list,
  mapOf,
  number,
  parsed,
  shape,
  size,
  string,
  strings,
  text,
  wrong,
  type Cursor,
  type Reader,
} from './reader.ts';
import { toPlain, type SourceNode } from './source-tree.ts';
import { command, dependsOn, envFiles, fileReferences, healthcheck, keyValues, networks, restart } from './values.ts';

const NAME = /^[a-zA-Z0-9._-]+$/;
const name = (key: string): string | undefined => (NAME.test(key) ? undefined : `'${key}' is no name: letters, digits, . _ and - only`);

/** True for any value: the reader of a key whose presence alone counts. */
const present: Reader<true> = anything;

const workload: Reader<NonNullable<ComposeExtension['workload']>> = (node, at) => {
  if (node.kind === 'map') {
    const { name: named, ...parameters } = toPlain(node) as Record<string, unknown>;
    if (named !== undefined && typeof named !== 'string') return wrong(node, at, "'name' must be a string");
    return { ...(named === undefined ? {} : { name: named }), ...(Object.keys(parameters).length === 0 ? {} : { parameters }) };
  }
  const named = string(node, at);
  return named === undefined ? undefined : { name: named };
};

const untouched: Reader<unknown> = (node) => toPlain(node);

const extension: Reader<ComposeExtension> = shape<ComposeExtension>({
  workload: ['workload', workload],
  load: ['load', shape<NonNullable<ComposeExtension['load']>>({ rate: ['rate', parsed(parseRate)] }, { required: ['rate'] })],
  autoscale: ['autoscale', untouched],
  profile: ['profile', string],
});

const logDriver: Reader<string> = (node, at) =>
  shape<{ readonly driver?: string }>({ driver: ['driver', string] }, { ignored: { options: anything } })(node, at)?.driver;

const build: Reader<true> = either<true>({ scalar: (node, at) => (string(node, at) === undefined ? undefined : true), map: anything });

const expose: Reader<readonly string[]> = list((node, at) => {
  const value = text(node, at);
  return value === undefined || /^\d{1,5}(-\d{1,5})?(\/(tcp|udp|sctp))?$/.test(value)
    ? value
    : wrong(node, at, `'${value}' is no port`, "write '8080', '8080/udp' or '8000-8010'");
});

/** Keys of a service that say nothing about scheduling, resources or life cycle in a simulated cluster. */
const IGNORED: Readonly<Record<string, Reader<unknown>>> = {
  annotations: keyValues,
  attach: boolean,
  blkio_config: anything,
  cap_add: list(string),
  cap_drop: list(string),
  cgroup: string,
  cgroup_parent: string,
  cpu_count: anything,
  cpu_percent: anything,
  cpu_rt_period: anything,
  cpu_rt_runtime: anything,
  cpu_shares: number(0, 262_144),
  cpuset: anything,
  credential_spec: anything,
  develop: anything,
  device_cgroup_rules: list(string),
  devices: anything,
  dns: strings,
  dns_opt: list(string),
  dns_search: strings,
  domainname: string,
  expose,
  external_links: list(string),
  extra_hosts: anything,
  group_add: anything,
  hostname: string,
  init: boolean,
  ipc: string,
  isolation: string,
  mac_address: string,
  mem_swappiness: anything,
  memswap_limit: anything,
  models: anything,
  oom_kill_disable: boolean,
  oom_score_adj: integer(-1000, 1000),
  pid: anything,
  post_start: anything,
  pre_start: anything,
  pre_stop: anything,
  privileged: boolean,
  pull_policy: string,
  pull_refresh_after: string,
  read_only: boolean,
  runtime: string,
  security_opt: list(string),
  shm_size: size,
  stdin_open: boolean,
  storage_opt: anything,
  sysctls: anything,
  tty: boolean,
  ulimits: anything,
  use_api_socket: boolean,
  user: text,
  userns_mode: string,
  uts: string,
  working_dir: string,
};

/** What people write where another key is meant. */
const ADVICE: Readonly<Record<string, string>> = {
  env: "did you mean 'environment'?",
  envs: "did you mean 'environment'?",
  cmd: "did you mean 'command'?",
  args: "build arguments stand under build.args; a container's arguments are 'command'",
  memory: 'write it under deploy.resources.limits, or use mem_limit',
  cpu: "did you mean 'cpus'?",
  cpu_limit: "did you mean 'cpus'?",
  log_driver: 'write logging: {driver: …}',
  log_opt: 'write logging: {options: …}',
  net: "did you mean 'network_mode'?",
  dockerfile: 'write build: {context: ., dockerfile: …}',
  volume_driver: 'name the driver of a volume at the top level: volumes: {NAME: {driver: …}}',
  services: 'services stands at the top level, without indentation',
  version: 'version stands at the top level and is no longer needed',
};
for (const key of ['replicas', 'mode', 'endpoint_mode', 'resources', 'restart_policy', 'placement', 'update_config', 'rollback_config']) {
  Object.assign(ADVICE, { [key]: `write it under deploy: {${key}: …}` });
}
for (const key of ['limits', 'reservations']) Object.assign(ADVICE, { [key]: 'write it under deploy.resources' });
for (const key of ['constraints', 'preferences', 'max_replicas_per_node'])
  Object.assign(ADVICE, { [key]: 'write it under deploy.placement' });

const service: Reader<ComposeService> = shape<ComposeService>(
  {
    image: ['image', string],
    build: ['build', build],
    provider: ['provider', present],
    containerName: ['container_name', string],
    command: ['command', command],
    entrypoint: ['entrypoint', command],
    environment: ['environment', keyValues],
    envFiles: ['env_file', envFiles],
    labelFiles: ['label_file', envFiles],
    labels: ['labels', keyValues],
    ports: ['ports', ports],
    networks: ['networks', networks],
    networkMode: ['network_mode', string],
    volumes: ['volumes', mounts],
    tmpfs: ['tmpfs', strings],
    volumesFrom: ['volumes_from', list(string)],
    links: ['links', list(string)],
    healthcheck: ['healthcheck', healthcheck],
    dependsOn: ['depends_on', dependsOn],
    secrets: ['secrets', fileReferences],
    configs: ['configs', fileReferences],
    restart: ['restart', restart],
    stopGracePeriod: ['stop_grace_period', duration],
    stopSignal: ['stop_signal', string],
    memLimit: ['mem_limit', size],
    memReservation: ['mem_reservation', size],
    cpus: ['cpus', cpuAmount],
    cpuQuota: ['cpu_quota', parsedQuota()],
    cpuPeriod: ['cpu_period', parsedQuota()],
    pidsLimit: ['pids_limit', pids],
    scale: ['scale', integer(0)],
    deploy: ['deploy', deploy],
    platform: ['platform', string],
    profiles: ['profiles', list(string)],
    logDriver: ['logging', logDriver],
    gpus: ['gpus', gpus],
    extension: ['x-paperfleet', extension],
  },
  { ignored: IGNORED, advise: (key) => (Object.hasOwn(ADVICE, key) ? ADVICE[key] : undefined) },
);

/** Microseconds as a number, or a duration ('50ms'); -1 is no quota. */
function parsedQuota(): Reader<number> {
  return (node, at) => (node.kind === 'scalar' && /^-?\d+$/.test(node.text) ? Number(node.text) : duration(node, at));
}

const external: Reader<boolean | string> = either<boolean | string>({
  scalar: boolean,
  map: (node, at) => shape<{ readonly name?: string }>({ name: ['name', string] })(node, at)?.name ?? true,
});

function resource(ignored: Readonly<Record<string, Reader<unknown>>>): Reader<ComposeResource> {
  const read = shape<ComposeResource>(
    { name: ['name', string], external: ['external', external], driver: ['driver', string], labels: ['labels', keyValues] },
    { ignored },
  );
  return (node, at) => (node.kind === 'scalar' && node.value === null ? {} : read(node, at));
}

const network = resource({
  driver_opts: anything,
  ipam: anything,
  internal: boolean,
  enable_ipv4: boolean,
  enable_ipv6: boolean,
  attachable: boolean,
});
const volume = resource({ driver_opts: anything });
const secret = resource({ environment: string, file: string, content: string, driver_opts: anything, template_driver: string });
const config = resource({ environment: string, file: string, content: string, template_driver: string });

const SERVICE_KEYS = new Set(['image', 'build', 'ports', 'environment', 'volumes_from', 'links', 'command']);

const model: Reader<ComposeModel> = shape<ComposeModel>(
  {
    name: ['name', string],
    version: ['version', present],
    services: ['services', mapOf(service, name)],
    networks: ['networks', mapOf(network, name)],
    volumes: ['volumes', mapOf(volume, name)],
    secrets: ['secrets', mapOf(secret, name)],
    configs: ['configs', mapOf(config, name)],
  },
  { ignored: { include: anything, models: anything } },
);

/** Reads a whole file (or several merged ones). */
export function readModel(root: SourceNode, at: Cursor): ComposeModel | undefined {
  if (root.kind !== 'map') return wrong(root, at, `a Compose file is a map, not ${kindOf(root)}`, 'it begins with the key services:');
  const stray = root.entries.has('services')
    ? undefined
    : [...root.entries].find(([, { value }]) => value.kind === 'map' && [...value.entries.keys()].some((key) => SERVICE_KEYS.has(key)));
  if (stray !== undefined && !stray[0].startsWith('x-')) {
    const hint = 'put it, indented, under a key services: at the top level (files of version 1 had none)';
    at.diagnostics.error(stray[1].key, stray[0], `the service '${stray[0]}' stands at the top level`, hint);
    return undefined;
  }
  return model(root, at);
}
