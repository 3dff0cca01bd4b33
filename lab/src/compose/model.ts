/** The Compose model after merging and checking: short forms spelled out, quantities as integers. Names are those of the files. */
import type { ContainerSpec } from '@paperfleet/core';
import type { Place } from './diagnostic.ts';

/** Problems of a container's workload, as sentences; none for a good one. */
export type WorkloadCheck = (container: ContainerSpec) => readonly string[];

export type KeyValues = ReadonlyMap<string, string | null>;

export interface ComposePort {
  readonly name?: string | undefined;
  readonly target: number;
  /** 0: picked by the cluster. */
  readonly published: number;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly mode: 'ingress' | 'host';
  readonly hostIp: string;
  readonly place: Place;
}

export interface ComposeMount {
  readonly type: 'bind' | 'volume' | 'tmpfs' | 'npipe' | 'cluster' | 'image';
  readonly source?: string | undefined;
  readonly target: string;
  readonly readOnly: boolean;
  readonly place: Place;
}

export interface ComposeFileReference {
  readonly source: string;
  readonly place: Place;
}

export interface ComposeEnvFile {
  readonly path: string;
  readonly required: boolean;
  /** 'raw': values are taken as they are. */
  readonly raw: boolean;
  readonly place: Place;
}

export interface ComposeHealthcheck {
  readonly test?: readonly string[];
  readonly disable?: boolean;
  readonly interval?: number;
  readonly timeout?: number;
  readonly retries?: number;
  readonly startPeriod?: number;
  readonly startInterval?: number;
}

export interface ComposeDependency {
  readonly condition: 'service_started' | 'service_healthy' | 'service_completed_successfully';
  readonly required: boolean;
  readonly restart: boolean;
  readonly place: Place;
}

export interface ComposeRestart {
  readonly condition: 'none' | 'on-failure' | 'any';
  readonly maxAttempts: number;
}

export interface ComposeRestartPolicy {
  readonly condition?: 'none' | 'on-failure' | 'any';
  readonly delay?: number;
  readonly maxAttempts?: number;
  readonly window?: number;
}

export interface ComposeUpdateConfig {
  readonly parallelism?: number;
  readonly delay?: number;
  readonly failureAction?: 'pause' | 'continue' | 'rollback';
  readonly monitor?: number;
  readonly maxFailureRatio?: number;
  readonly order?: 'stop-first' | 'start-first';
}

export interface ComposeDevice {
  readonly capabilities?: readonly string[];
  /** 'all' or a number. */
  readonly count?: number | 'all';
  readonly deviceIds?: readonly string[];
  readonly driver?: string;
}

export interface ComposeLimits {
  readonly cpus?: number;
  readonly memory?: number;
  readonly pids?: number;
}

export interface ComposeReservations {
  readonly cpus?: number;
  readonly memory?: number;
  readonly generic?: readonly { readonly kind: string; readonly value: number }[];
  readonly devices?: readonly ComposeDevice[];
}

export interface ComposePlacement {
  readonly constraints?: readonly string[];
  readonly preferences?: readonly string[];
  readonly maxReplicasPerNode?: number;
}

export interface ComposeDeploy {
  readonly mode?: 'replicated' | 'global' | 'replicated-job' | 'global-job';
  readonly endpointMode?: 'vip' | 'dnsrr';
  readonly replicas?: number;
  readonly labels?: KeyValues;
  readonly update?: ComposeUpdateConfig;
  readonly rollback?: ComposeUpdateConfig;
  readonly resources?: { readonly limits?: ComposeLimits; readonly reservations?: ComposeReservations };
  readonly restartPolicy?: ComposeRestartPolicy;
  readonly placement?: ComposePlacement;
}

/** `x-paperfleet` on a service. */
export interface ComposeExtension {
  readonly workload?: { readonly name?: string; readonly parameters?: Readonly<Record<string, unknown>> };
  /** Constant requests a second. */
  readonly load?: { readonly rate?: number };
  /** Carried untouched. */
  readonly autoscale?: unknown;
  readonly profile?: string;
}

export interface ComposeService {
  readonly image?: string;
  readonly build?: true;
  readonly provider?: true;
  readonly containerName?: string;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly environment?: KeyValues;
  readonly envFiles?: readonly ComposeEnvFile[];
  readonly labelFiles?: readonly ComposeEnvFile[];
  readonly labels?: KeyValues;
  readonly ports?: readonly ComposePort[];
  readonly networks?: ReadonlyMap<string, { readonly aliases?: readonly string[] }>;
  readonly networkMode?: string;
  readonly volumes?: readonly ComposeMount[];
  readonly tmpfs?: readonly string[];
  readonly volumesFrom?: readonly string[];
  readonly links?: readonly string[];
  readonly healthcheck?: ComposeHealthcheck;
  readonly dependsOn?: ReadonlyMap<string, ComposeDependency>;
  readonly secrets?: readonly ComposeFileReference[];
  readonly configs?: readonly ComposeFileReference[];
  readonly restart?: ComposeRestart;
  readonly stopGracePeriod?: number;
  readonly stopSignal?: string;
  readonly memLimit?: number;
  readonly memReservation?: number;
  readonly cpus?: number;
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly pidsLimit?: number;
  readonly scale?: number;
  readonly deploy?: ComposeDeploy;
  readonly platform?: string;
  readonly profiles?: readonly string[];
  readonly logDriver?: string;
  readonly gpus?: readonly ComposeDevice[];
  readonly extension?: ComposeExtension;
}

/** A network, volume, secret or config of the top level. */
export interface ComposeResource {
  readonly name?: string;
  readonly external?: boolean | string;
  readonly driver?: string;
  readonly labels?: KeyValues;
}

export interface ComposeModel {
  readonly name?: string;
  readonly version?: true;
  readonly services?: ReadonlyMap<string, ComposeService>;
  readonly networks?: ReadonlyMap<string, ComposeResource>;
  readonly volumes?: ReadonlyMap<string, ComposeResource>;
  readonly secrets?: ReadonlyMap<string, ComposeResource>;
  readonly configs?: ReadonlyMap<string, ComposeResource>;
}
