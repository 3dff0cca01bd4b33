/**
 * What the user asks for: services and what their tasks run. Specs are immutable plain data (they travel in frames,
 * journals and checkpoints as they are) and are shared by reference between the tasks made from them.
 * Field names follow SwarmKit and the Docker Engine API, in camel case, with the unit last.
 */
import type { Bytes, DurationUs, NanoCpu } from '../units.ts';

export type Labels = Readonly<Record<string, string>>;

/** Reserved or limited amounts. Generic resources are discrete counts by kind (`gpu: 2`). */
export interface Resources {
  readonly nanoCpus?: NanoCpu;
  readonly memoryBytes?: Bytes;
  readonly pids?: number;
  readonly generic?: Readonly<Record<string, number>>;
}

export interface Healthcheck {
  /** Docker's form: ['NONE'], ['CMD', …] or ['CMD-SHELL', …]. */
  readonly test: readonly string[];
  readonly intervalUs: DurationUs;
  readonly timeoutUs: DurationUs;
  readonly startPeriodUs: DurationUs;
  readonly startIntervalUs: DurationUs;
  readonly retries: number;
}

export interface Mount {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'npipe' | 'cluster' | 'image';
  readonly source?: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Volume driver; absent means `local`. */
  readonly driver?: string;
}

/** How a container behaves. A name from the workload catalogue, or numbers of its own. Absent: by image name. */
export interface WorkloadSpec {
  readonly name?: string;
  /** Everything else is validated by the workload model that takes it. */
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly labels?: Labels;
  readonly healthcheck?: Healthcheck;
  readonly stopGracePeriodUs: DurationUs;
  readonly stopSignal?: string;
  readonly mounts?: readonly Mount[];
  readonly secrets?: readonly string[];
  readonly configs?: readonly string[];
  readonly reservations: Resources;
  readonly limits: Resources;
  readonly workload?: WorkloadSpec;
}

export interface RestartPolicy {
  readonly condition: 'none' | 'on-failure' | 'any';
  readonly delayUs: DurationUs;
  /** 0 is unlimited. N means 1 + N runs. */
  readonly maxAttempts: number;
  /** 0 is unbounded. */
  readonly windowUs: DurationUs;
}

export interface Platform {
  /** '' is any. */
  readonly architecture: string;
  readonly os: string;
}

export interface Placement {
  readonly constraints?: readonly string[];
  /** Spread descriptors, outermost first: `node.labels.zone`. */
  readonly preferences?: readonly string[];
  /** 0 or absent is unlimited. */
  readonly maxReplicasPerNode?: number;
  readonly platforms?: readonly Platform[];
}

export interface TaskSpec {
  /** One for a Swarm task, one or more for a pod. */
  readonly containers: readonly ContainerSpec[];
  readonly restart: RestartPolicy;
  readonly placement: Placement;
  /** Names of networks, with the driver when it is not built in. */
  readonly networks?: readonly { readonly name: string; readonly driver?: string; readonly aliases?: readonly string[] }[];
  readonly logDriver?: string;
  /** Raised by a forced update; any change makes the tasks dirty. */
  readonly forceUpdate: number;
}

export interface UpdateConfig {
  /** 0 is all at once. */
  readonly parallelism: number;
  readonly delayUs: DurationUs;
  readonly failureAction: 'pause' | 'continue' | 'rollback';
  readonly monitorUs: DurationUs;
  readonly maxFailureRatio: number;
  readonly order: 'stop-first' | 'start-first';
}

export interface PortConfig {
  readonly name?: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly targetPort: number;
  /** 0: the cluster picks one. */
  readonly publishedPort: number;
  readonly publishMode: 'ingress' | 'host';
}

export type ServiceMode =
  | { readonly kind: 'replicated'; readonly replicas: number }
  | { readonly kind: 'global' }
  | { readonly kind: 'replicated-job'; readonly maxConcurrent: number; readonly totalCompletions: number }
  | { readonly kind: 'global-job' };

export interface ServiceSpec {
  readonly name: string;
  readonly labels: Labels;
  readonly mode: ServiceMode;
  readonly task: TaskSpec;
  readonly update?: UpdateConfig;
  readonly rollback?: UpdateConfig;
  readonly endpoint?: { readonly mode: 'vip' | 'dnsrr'; readonly ports: readonly PortConfig[] };
  /** Scheduler profile by name; absent is the cluster's default (`swarm`). */
  readonly profile?: string;
  /** Extensions (x-paperfleet): read by later parts, carried untouched. */
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** A deployable set of services, as one or more Compose files describe it: `docker stack deploy`'s unit. */
export interface StackSpec {
  /** Name of the stack; '' for none. Services, networks and so on carry full names already (`stack_service`). */
  readonly name: string;
  readonly services: readonly ServiceSpec[];
  readonly networks: readonly { readonly name: string; readonly driver: string; readonly labels: Labels }[];
  readonly volumes: readonly { readonly name: string; readonly driver: string; readonly labels: Labels }[];
  readonly secrets: readonly { readonly name: string; readonly labels: Labels }[];
  readonly configs: readonly { readonly name: string; readonly labels: Labels }[];
}

/** SwarmKit's defaults (api/defaults/service.go; docker CLI for health checks). */
export const DEFAULT_RESTART: RestartPolicy = {
  condition: 'any',
  delayUs: 5_000_000 as DurationUs,
  maxAttempts: 0,
  windowUs: 0 as DurationUs,
};
export const DEFAULT_UPDATE: UpdateConfig = {
  parallelism: 1,
  delayUs: 0 as DurationUs,
  failureAction: 'pause',
  monitorUs: 5_000_000 as DurationUs,
  maxFailureRatio: 0,
  order: 'stop-first',
};
export const DEFAULT_STOP_GRACE_US: DurationUs = 10_000_000 as DurationUs;
