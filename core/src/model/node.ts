/** A node as it describes itself, as the user wants it and as the manager believes it to be. */
import type { Bytes, DurationUs, NanoCpu } from '../units.ts';
import type { Labels, Platform } from './spec.ts';

/** What an agent says of its machine when it registers. Immutable plain data. */
export interface NodeDescription {
  readonly hostname: string;
  readonly nanoCpus: NanoCpu;
  readonly memoryBytes: Bytes;
  readonly platform: Platform;
  /** Engine labels, set where the machine is defined; node labels belong to the user. */
  readonly engineLabels: Labels;
  readonly address: string;
  /** Discrete (`apple: 4`) or named (`orange: ['red', 'blue']`) generic resources. */
  readonly generic: Readonly<Record<string, number | readonly string[]>>;
  /** [type, name] pairs as dockerd lists them; absent: no engine description, the plugin filter passes. */
  readonly plugins?: readonly (readonly [string, string])[];
  /** Bandwidth of the node's link to the registry, bytes per second, shared by concurrent pulls. */
  readonly pullBytesPerSecond: number;
  /** Price per hour, for cost figures; 0 when unknown. */
  readonly pricePerHour: number;
}

/** What a pool or `paperfleet agent` asks for: a description plus the node labels it starts with. */
export interface NodeOffer {
  readonly description: NodeDescription;
  readonly labels: Labels;
  readonly zone: string;
  /** One-way modelled latency between the manager and this node. */
  readonly controlLatencyUs: DurationUs;
}

export type Availability = 'active' | 'pause' | 'drain';
export type NodeStatus = 'unknown' | 'down' | 'ready' | 'disconnected';
export type NodeRole = 'worker' | 'manager';
