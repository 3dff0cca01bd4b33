/**
 * Checks of the model's data: specs, inputs, commands, offers, headers. They say whether data has the right form and
 * sane sizes; whether a command makes sense now (the service exists, the name is free) is the manager's to say.
 */
import type { ClusterConfig, Command, Fault, Input, JournaledInput, LinkFault, RunHeader } from '../model/input.ts';
import type { NodeDescription, NodeOffer } from '../model/node.ts';
import type {
  ContainerSpec,
  Healthcheck,
  Labels,
  Mount,
  Placement,
  Platform,
  PortConfig,
  Resources,
  RestartPolicy,
  ServiceMode,
  ServiceSpec,
  StackSpec,
  TaskSpec,
  UpdateConfig,
  WorkloadSpec,
} from '../model/spec.ts';
import type { Check, Problem } from './check.ts';
import {
  boolean,
  decode,
  either,
  integer,
  json,
  list,
  literal,
  number,
  object,
  oneOf,
  optional,
  record,
  refine,
  text,
  tuple,
  variants,
} from './check.ts';
import type { Decoded } from './frame.ts';

/** Longest name or id. */
const MAX_NAME = 255;
/** Longest free text: an environment value, a label, a message. */
const MAX_TEXT = 65_536;
/** Most entries of a map or list inside one spec. */
const MAX_ENTRIES = 4096;
/** Most services of a stack, parties of a fault, offers of a host. */
const MAX_MANY = 100_000;
/** Most replicas of one service. */
const MAX_REPLICAS = 10_000_000;
/** Exit codes and container numbers are 32 bits. */
const MAX_U32 = 0xffff_ffff;

const name = text(MAX_NAME, 1);
const maybeName = text(MAX_NAME);
const prose = text(MAX_TEXT);
const strings: Check<readonly string[]> = list(prose, MAX_ENTRIES);
const names: Check<readonly string[]> = list(name, MAX_ENTRIES);
const labels: Check<Labels> = record(prose, MAX_ENTRIES);

const resources: Check<Resources> = object<Resources>({
  nanoCpus: optional(integer()),
  memoryBytes: optional(integer()),
  pids: optional(integer()),
  generic: optional(record(integer(), MAX_ENTRIES)),
});

const healthcheck: Check<Healthcheck> = object<Healthcheck>({
  test: strings,
  intervalUs: integer(),
  timeoutUs: integer(),
  startPeriodUs: integer(),
  startIntervalUs: integer(),
  retries: integer(0, MAX_U32),
});

const mount: Check<Mount> = object<Mount>({
  type: oneOf('bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image'),
  source: optional(prose),
  target: prose,
  readOnly: boolean,
  driver: optional(maybeName),
});

const freeForm: Check<Readonly<Record<string, unknown>>> = record(json(24, 20_000), MAX_ENTRIES);

const workload: Check<WorkloadSpec> = object<WorkloadSpec>({ name: optional(maybeName), parameters: optional(freeForm) });

const container: Check<ContainerSpec> = object<ContainerSpec>({
  name,
  image: text(1024, 1),
  command: optional(strings),
  args: optional(strings),
  env: optional(record(prose, MAX_ENTRIES)),
  labels: optional(labels),
  healthcheck: optional(healthcheck),
  stopGracePeriodUs: integer(),
  stopSignal: optional(maybeName),
  mounts: optional(list(mount, MAX_ENTRIES)),
  secrets: optional(names),
  configs: optional(names),
  reservations: resources,
  limits: resources,
  workload: optional(workload),
});

const restart: Check<RestartPolicy> = object<RestartPolicy>({
  condition: oneOf('none', 'on-failure', 'any'),
  delayUs: integer(),
  maxAttempts: integer(),
  windowUs: integer(),
});

const platform: Check<Platform> = object<Platform>({ architecture: maybeName, os: maybeName });

const placement: Check<Placement> = object<Placement>({
  constraints: optional(strings),
  preferences: optional(strings),
  maxReplicasPerNode: optional(integer()),
  platforms: optional(list(platform, MAX_ENTRIES)),
});

type Network = NonNullable<TaskSpec['networks']>[number];
const attachment: Check<Network> = object<Network>({ name, driver: optional(maybeName), aliases: optional(names) });

/** What a task runs. */
export const taskSpecCheck: Check<TaskSpec> = object<TaskSpec>({
  containers: list(container, 256, 1),
  restart,
  placement,
  networks: optional(list(attachment, MAX_ENTRIES)),
  logDriver: optional(maybeName),
  forceUpdate: integer(),
});

const update: Check<UpdateConfig> = object<UpdateConfig>({
  parallelism: integer(),
  delayUs: integer(),
  failureAction: oneOf('pause', 'continue', 'rollback'),
  monitorUs: integer(),
  maxFailureRatio: number(0, 1),
  order: oneOf('stop-first', 'start-first'),
});

const port: Check<PortConfig> = object<PortConfig>({
  name: optional(maybeName),
  protocol: oneOf('tcp', 'udp', 'sctp'),
  targetPort: integer(1, 65_535),
  publishedPort: integer(0, 65_535),
  publishMode: oneOf('ingress', 'host'),
});

const mode: Check<ServiceMode> = variants<ServiceMode, 'kind'>('kind', {
  replicated: object<Extract<ServiceMode, { kind: 'replicated' }>>({ kind: literal('replicated'), replicas: integer(0, MAX_REPLICAS) }),
  global: object<Extract<ServiceMode, { kind: 'global' }>>({ kind: literal('global') }),
  'replicated-job': object<Extract<ServiceMode, { kind: 'replicated-job' }>>({
    kind: literal('replicated-job'),
    maxConcurrent: integer(0, MAX_REPLICAS),
    totalCompletions: integer(0, MAX_REPLICAS),
  }),
  'global-job': object<Extract<ServiceMode, { kind: 'global-job' }>>({ kind: literal('global-job') }),
});

type Endpoint = NonNullable<ServiceSpec['endpoint']>;
/** A service. */
export const serviceSpecCheck: Check<ServiceSpec> = object<ServiceSpec>({
  name,
  labels,
  mode,
  task: taskSpecCheck,
  update: optional(update),
  rollback: optional(update),
  endpoint: optional(object<Endpoint>({ mode: oneOf('vip', 'dnsrr'), ports: list(port, MAX_ENTRIES) })),
  profile: optional(maybeName),
  extensions: optional(freeForm),
});

type Driven = StackSpec['networks'][number];
type Named = StackSpec['secrets'][number];
const driven = list(object<Driven>({ name, driver: maybeName, labels }), MAX_ENTRIES);
const named = list(object<Named>({ name, labels }), MAX_ENTRIES);

/** A stack of services. */
export const stackSpecCheck: Check<StackSpec> = object<StackSpec>({
  name: maybeName,
  services: list(serviceSpecCheck, MAX_MANY),
  networks: driven,
  volumes: driven,
  secrets: named,
  configs: named,
});

/** What a machine says of itself. */
export const nodeDescriptionCheck: Check<NodeDescription> = object<NodeDescription>({
  hostname: name,
  nanoCpus: integer(),
  memoryBytes: integer(),
  platform,
  engineLabels: labels,
  address: maybeName,
  generic: record(either(integer(), names), MAX_ENTRIES),
  plugins: optional(list(tuple<readonly [string, string]>(maybeName, maybeName), MAX_ENTRIES)),
  pullBytesPerSecond: integer(),
  pricePerHour: number(0, 1e9),
});

/** A machine on offer. */
export const nodeOfferCheck: Check<NodeOffer> = object<NodeOffer>({
  description: nodeDescriptionCheck,
  labels,
  zone: maybeName,
  controlLatencyUs: integer(),
});

const availability = oneOf('active', 'pause', 'drain');
type Do<D extends Command['do']> = Extract<Command, { do: D }>;
/** A user's command. */
export const commandCheck: Check<Command> = variants<Command, 'do'>('do', {
  deploy: object<Do<'deploy'>>({ do: literal('deploy'), stack: stackSpecCheck, prune: boolean }),
  createService: object<Do<'createService'>>({ do: literal('createService'), spec: serviceSpecCheck }),
  updateService: object<Do<'updateService'>>({
    do: literal('updateService'),
    service: name,
    spec: serviceSpecCheck,
    version: optional(integer()),
  }),
  rollbackService: object<Do<'rollbackService'>>({ do: literal('rollbackService'), service: name }),
  removeService: object<Do<'removeService'>>({ do: literal('removeService'), service: name }),
  removeStack: object<Do<'removeStack'>>({ do: literal('removeStack'), stack: name }),
  scale: object<Do<'scale'>>({ do: literal('scale'), service: name, replicas: integer(0, MAX_REPLICAS) }),
  load: object<Do<'load'>>({ do: literal('load'), service: name, requestsPerSecond: number(0, 1e12) }),
  updateNode: object<Do<'updateNode'>>({
    do: literal('updateNode'),
    node: name,
    availability: optional(availability),
    labels: optional(labels),
  }),
  removeNode: object<Do<'removeNode'>>({ do: literal('removeNode'), node: name, force: boolean }),
  removeTask: object<Do<'removeTask'>>({ do: literal('removeTask'), task: name }),
});

const ppm = integer(0, 1_000_000);
const parties = list(integer<LinkParty>(), MAX_MANY);
type LinkParty = Extract<Fault, { fault: 'link' }>['peers'][number];

const delayRange: Check<LinkFault['delayUs']> = refine(
  object<LinkFault['delayUs']>({ min: integer(), max: integer() }),
  ({ min, max }): Problem | undefined =>
    min <= max ? undefined : { path: '.max', reason: `must not be below min (${min}), but is ${max}` },
);
const linkFault: Check<LinkFault> = object<LinkFault>({
  partitioned: boolean,
  lossPpm: ppm,
  duplicatePpm: ppm,
  delayUs: delayRange,
  reorder: boolean,
});
type Broken<F extends Fault['fault']> = Extract<Fault, { fault: F }>;
/** A fault. */
export const faultCheck: Check<Fault> = variants<Fault, 'fault'>('fault', {
  crash: object<Broken<'crash'>>({ fault: literal('crash') }),
  recover: object<Broken<'recover'>>({ fault: literal('recover') }),
  killTask: object<Broken<'killTask'>>({ fault: literal('killTask'), task: name, exitCode: integer(0, 255) }),
  link: object<Broken<'link'>>({ fault: literal('link'), peers: parties, link: linkFault }),
});

type Kind<K extends Input['kind']> = Extract<Input, { kind: K }>;
/** An input. */
export const inputCheck: Check<Input> = variants<Input, 'kind'>('kind', {
  join: object<Kind<'join'>>({ kind: literal('join'), party: integer(), name, key: text(1024), offer: nodeOfferCheck }),
  lost: object<Kind<'lost'>>({ kind: literal('lost'), parties, since: integer(), reason: prose }),
  command: object<Kind<'command'>>({ kind: literal('command'), key: text(1024), by: text(1024), command: commandCheck }),
  fault: object<Kind<'fault'>>({ kind: literal('fault'), parties, label: prose, fault: faultCheck }),
});

/** Cluster-wide settings. */
export const clusterConfigCheck: Check<ClusterConfig> = object<ClusterConfig>({
  controlLatencyUs: integer(1),
  dataLatencyUs: integer(1),
  zoneLatencyUs: integer(),
  heartbeatPeriodUs: integer(1),
  heartbeatEpsilonUs: integer(),
  heartbeatGrace: integer(1, MAX_U32),
  taskHistoryLimit: integer(-1),
  statisticsIntervalUs: integer(),
  profile: name,
  startupScalePermille: integer(),
  imageCacheBytes: integer(),
  faultPointPermille: optional(integer(0, 1000)),
});

/** First line of a journal. */
export const runHeaderCheck: Check<RunHeader> = object<RunHeader>({
  format: literal(1),
  build: text(1024),
  run: text(MAX_NAME, 1),
  seed: text(1024),
  config: clusterConfigCheck,
});

const journaledInput: Check<JournaledInput> = object<JournaledInput>({ seq: integer(1), at: integer(), input: inputCheck });

/** Is this an input? The reason names the place: `input.command.spec.task.containers[0].image: is missing`. */
export const checkInput = (value: unknown): Decoded<Input> => decode(inputCheck, value, 'input');
/** Is this a line of a journal after its header? */
export const checkJournaledInput = (value: unknown): Decoded<JournaledInput> => decode(journaledInput, value, '');
/** Is this the first line of a journal? */
export const checkRunHeader = (value: unknown): Decoded<RunHeader> => decode(runHeaderCheck, value, 'header');
/** Is this a user's command? */
export const checkCommand = (value: unknown): Decoded<Command> => decode(commandCheck, value, 'command');
/** Is this a fault? */
export const checkFault = (value: unknown): Decoded<Fault> => decode(faultCheck, value, 'fault');
/** Is this a service's spec? */
export const checkServiceSpec = (value: unknown): Decoded<ServiceSpec> => decode(serviceSpecCheck, value, 'service');
/** Is this a task's spec? */
export const checkTaskSpec = (value: unknown): Decoded<TaskSpec> => decode(taskSpecCheck, value, 'task');
/** Is this a stack? */
export const checkStackSpec = (value: unknown): Decoded<StackSpec> => decode(stackSpecCheck, value, 'stack');
/** Is this a machine on offer? */
export const checkNodeOffer = (value: unknown): Decoded<NodeOffer> => decode(nodeOfferCheck, value, 'offer');
/** Are these cluster settings? */
export const checkClusterConfig = (value: unknown): Decoded<ClusterConfig> => decode(clusterConfigCheck, value, 'config');
