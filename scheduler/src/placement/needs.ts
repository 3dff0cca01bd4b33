/** What a task asks of a node, in the form filters read; worked out once per spec and reused for all tasks made from it. */
import type { PortConfig, Platform, TaskSpec } from '@paperfleet/core';
import {
  type Constraint,
  type ConstraintTest,
  constraintTest,
  ENGINE_LABEL_PREFIX,
  NODE_LABEL_PREFIX,
  nameAfter,
  parseConstraints,
} from './constraint.ts';
import type { GenericDemand } from './generic-resource.ts';
import type { PlacementRequest } from './request.ts';

/** What a task reserves on its node: sums over its containers. */
export interface Reservations {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly generic: GenericDemand;
  readonly genericKinds: readonly string[];
}

/** One level of a spread: the label whose values are the branches. */
export interface SpreadLevel {
  readonly descriptor: string;
  readonly of: 'node' | 'engine';
  readonly label: string;
}

export interface NeededPlugin {
  readonly type: 'Volume' | 'Network' | 'Log';
  readonly name: string;
}

export interface TaskNeeds {
  readonly spec: TaskSpec;
  readonly serviceId: string;
  readonly ports: readonly PortConfig[];
  readonly reservations: Reservations;
  /** Undefined when there are none, or when they do not parse: SwarmKit then leaves the filter out. */
  readonly constraints: readonly Constraint[] | undefined;
  /** One for each of `constraints`. */
  readonly constraintTests: readonly ConstraintTest[];
  readonly constraintKey: string;
  /** With architectures normalised; any one of them will do. */
  readonly platforms: readonly Platform[];
  readonly plugins: readonly NeededPlugin[];
  /** Keys of the ports wanted in host mode: see hostPortKeys. */
  readonly hostPorts: readonly string[];
  /** 0 is unlimited. */
  readonly maxReplicas: number;
  /** Names or groups of the cluster (CSI) volumes mounted. */
  readonly clusterVolumes: readonly string[];
  readonly spread: readonly SpreadLevel[];
  readonly spreadKey: string;
  /** Equal for needs that every filter answers alike. */
  readonly key: string;
}

const NOTHING: Reservations = { nanoCpus: 0, memoryBytes: 0, generic: {}, genericKinds: [] };
const reservationsOf = new WeakMap<TaskSpec, Reservations>();

/** Sums of a spec's reservations over its containers. */
export function reservations(spec: TaskSpec): Reservations {
  const known = reservationsOf.get(spec);
  if (known !== undefined) return known;
  const made = sumReservations(spec);
  reservationsOf.set(spec, made);
  return made;
}

function sumReservations(spec: TaskSpec): Reservations {
  let nanoCpus = 0;
  let memoryBytes = 0;
  const generic = new Map<string, number>();
  for (const container of spec.containers) {
    nanoCpus += container.reservations.nanoCpus ?? 0;
    memoryBytes += container.reservations.memoryBytes ?? 0;
    for (const [kind, wanted] of Object.entries(container.reservations.generic ?? {})) {
      generic.set(kind, (generic.get(kind) ?? 0) + wanted);
    }
  }
  if (nanoCpus === 0 && memoryBytes === 0 && generic.size === 0) return NOTHING;
  return { nanoCpus, memoryBytes, generic: Object.fromEntries(generic), genericKinds: [...generic.keys()] };
}

const NO_KEYS: readonly string[] = [];

/** Keys (`tcp/80`) of the ports that are published in host mode under a given number. */
export function hostPortKeys(ports: readonly PortConfig[]): readonly string[] {
  if (ports.length === 0) return NO_KEYS;
  const keys = new Set<string>();
  for (const port of ports) {
    if (port.publishMode === 'host' && port.publishedPort !== 0) keys.add(`${port.protocol}/${port.publishedPort}`);
  }
  return keys.size === 0 ? NO_KEYS : [...keys];
}

/** Docker images say amd64 and arm64 where machines say x86_64 and aarch64. */
export const normalArchitecture = (name: string): string => (name === 'x86_64' ? 'amd64' : name === 'aarch64' ? 'arm64' : name);

function pluginsOf(spec: TaskSpec): readonly NeededPlugin[] {
  const needed: NeededPlugin[] = [];
  for (const container of spec.containers) {
    for (const mount of container.mounts ?? []) {
      const driver = mount.driver ?? '';
      if (mount.type === 'volume' && driver !== '' && driver !== 'local') needed.push({ type: 'Volume', name: driver });
    }
  }
  for (const network of spec.networks ?? []) {
    if (network.driver !== undefined && network.driver !== '') needed.push({ type: 'Network', name: network.driver });
  }
  const log = spec.logDriver ?? '';
  if (log !== '' && log !== 'none') needed.push({ type: 'Log', name: log });
  return needed;
}

function clusterVolumesOf(spec: TaskSpec): readonly string[] {
  return spec.containers.flatMap((container) =>
    (container.mounts ?? []).filter((mount) => mount.type === 'cluster').map((mount) => mount.source ?? ''),
  );
}

/** Levels of a spread; descriptors that name no label are skipped, as SwarmKit does. */
function spreadLevels(descriptors: readonly string[]): readonly SpreadLevel[] {
  const levels: SpreadLevel[] = [];
  for (const descriptor of descriptors) {
    const node = nameAfter(descriptor, NODE_LABEL_PREFIX);
    const engine = nameAfter(descriptor, ENGINE_LABEL_PREFIX);
    if (node !== undefined) levels.push({ descriptor, of: 'node', label: node });
    else if (engine !== undefined) levels.push({ descriptor, of: 'engine', label: engine });
  }
  return levels;
}

const needsOf = new WeakMap<TaskSpec, TaskNeeds>();

/** The needs of a request's tasks. */
export function taskNeeds(request: Pick<PlacementRequest, 'serviceId' | 'spec' | 'ports'>): TaskNeeds {
  const known = needsOf.get(request.spec);
  if (known !== undefined && known.serviceId === request.serviceId && samePorts(known.ports, request.ports)) return known;
  const made = makeNeeds(request);
  needsOf.set(request.spec, made);
  return made;
}

function samePorts(a: readonly PortConfig[], b: readonly PortConfig[]): boolean {
  if (a === b) return true;
  return (
    a.length === b.length &&
    a.every((port, i) => {
      const other = b[i];
      return port.publishMode === other?.publishMode && port.publishedPort === other.publishedPort && port.protocol === other.protocol;
    })
  );
}

function makeNeeds({ serviceId, spec, ports }: Pick<PlacementRequest, 'serviceId' | 'spec' | 'ports'>): TaskNeeds {
  const texts = spec.placement.constraints ?? [];
  const parsed = parseConstraints(texts);
  const constraints = parsed.ok && texts.length > 0 ? parsed.constraints : undefined;
  const platforms = (spec.placement.platforms ?? []).map(({ architecture, os }) => ({
    architecture: normalArchitecture(architecture),
    os,
  }));
  const spread = spreadLevels(spec.placement.preferences ?? []);
  const maxReplicas = spec.placement.maxReplicasPerNode ?? 0;
  const body = {
    reservations: reservations(spec),
    constraintKey: constraints === undefined ? '' : JSON.stringify(texts),
    platforms,
    plugins: pluginsOf(spec),
    hostPorts: hostPortKeys(ports),
    maxReplicas,
    clusterVolumes: clusterVolumesOf(spec),
  };
  // Only max replicas looks at the service, so services with equal needs share one key otherwise.
  const key = JSON.stringify([body, maxReplicas > 0 ? serviceId : '']);
  const constraintTests = (constraints ?? []).map(constraintTest);
  return { ...body, spec, serviceId, ports, constraints, constraintTests, spread, spreadKey: JSON.stringify(spread), key };
}
