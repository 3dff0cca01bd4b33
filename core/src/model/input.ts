/**
 * Inputs: everything that reaches a run from outside it. They are the only thing that a journal has to hold, since all
 * else follows from them. Each is appended (and synced) before it takes effect, at a journaled instant, in journal order.
 */
import type { Bytes, DurationUs, PartyId, TimeUs } from '../units.ts';
import type { Availability, NodeOffer } from './node.ts';
import type { Labels, ServiceSpec, StackSpec } from './spec.ts';

/** What a user (page, command, API, scenario timeline) can ask of the manager. Names are service and node names or ids. */
export type Command =
  | { readonly do: 'deploy'; readonly stack: StackSpec; readonly prune: boolean }
  | { readonly do: 'createService'; readonly spec: ServiceSpec }
  | { readonly do: 'updateService'; readonly service: string; readonly spec: ServiceSpec; readonly version?: number }
  | { readonly do: 'rollbackService'; readonly service: string }
  | { readonly do: 'removeService'; readonly service: string }
  | { readonly do: 'removeStack'; readonly stack: string }
  | { readonly do: 'scale'; readonly service: string; readonly replicas: number }
  /** Constant load on a service, spread evenly over its running replicas. */
  | { readonly do: 'load'; readonly service: string; readonly requestsPerSecond: number }
  | { readonly do: 'updateNode'; readonly node: string; readonly availability?: Availability; readonly labels?: Labels }
  | { readonly do: 'removeNode'; readonly node: string; readonly force: boolean }
  | { readonly do: 'removeTask'; readonly task: string };

export type CommandName = Command['do'];

/** A fault or its repair, typed and seeded; delivered to reality (the parties named), never through the control protocol. */
export type Fault =
  /** The machine loses power: containers die, nothing is said. */
  | { readonly fault: 'crash' }
  /** The machine boots again; images and the local task list survive on disk. */
  | { readonly fault: 'recover' }
  /** A running container of the named task (its id, SERVICE.SLOT or SERVICE.NODE) ends with this exit code. */
  | { readonly fault: 'killTask'; readonly task: string; readonly exitCode: number }
  /** What this party sends over links to `peers` (empty: all). Rates are parts per million. A link keeps its last setting. */
  | { readonly fault: 'link'; readonly peers: readonly PartyId[]; readonly link: LinkFault };

export interface LinkFault {
  readonly partitioned: boolean;
  readonly lossPpm: number;
  readonly duplicatePpm: number;
  /** Added to the modelled latency of each message, uniform between min and max. */
  readonly delayUs: { readonly min: DurationUs; readonly max: DurationUs };
  /** False keeps the order of messages on a link, as a stream does. */
  readonly reorder: boolean;
}

export const HEALTHY_LINK: LinkFault = {
  partitioned: false,
  lossPpm: 0,
  duplicatePpm: 0,
  delayUs: { min: 0 as DurationUs, max: 0 as DurationUs },
  reorder: false,
};

export type Input =
  /** A machine joins as this party. `name` is the node's name for people (n1, n2, …), stable over rejoins by `key`. */
  | { readonly kind: 'join'; readonly party: PartyId; readonly name: string; readonly key: string; readonly offer: NodeOffer }
  /**
   * These parties are gone for good: their host process died or its link broke for too long. They did nothing from
   * `since` on (the last barrier that their host passed, at most one window before the input's instant).
   */
  | { readonly kind: 'lost'; readonly parties: readonly PartyId[]; readonly since: TimeUs; readonly reason: string }
  /** A user's command. `key` is its idempotency key, '' for none; `by` the actor shown in events. */
  | { readonly kind: 'command'; readonly key: string; readonly by: string; readonly command: Command }
  /** A fault at these parties; the manager gets a copy to show it in the event list, and believes nothing because of it. */
  | { readonly kind: 'fault'; readonly parties: readonly PartyId[]; readonly label: string; readonly fault: Fault };

/** An input with its place in the journal. `seq` rises by one from 1; `at` never falls. */
export interface JournaledInput {
  readonly seq: number;
  readonly at: TimeUs;
  readonly input: Input;
}

/** What a run is made from, besides its inputs. First line of every journal. */
export interface RunHeader {
  readonly format: 1;
  readonly build: string;
  readonly run: string;
  readonly seed: string;
  readonly config: ClusterConfig;
}

/** Cluster-wide settings that change what happens. All have defaults in knobs.ts. */
export interface ClusterConfig {
  readonly controlLatencyUs: DurationUs;
  readonly dataLatencyUs: DurationUs;
  readonly zoneLatencyUs: DurationUs;
  readonly heartbeatPeriodUs: DurationUs;
  readonly heartbeatEpsilonUs: DurationUs;
  readonly heartbeatGrace: number;
  readonly taskHistoryLimit: number;
  readonly statisticsIntervalUs: DurationUs;
  readonly profile: string;
  /** Scales image sizes and start-up times; 0 makes pulls and starts immediate (goal P4). In parts per thousand. */
  readonly startupScalePermille: number;
  /** Total of image bytes a node's disk cache holds. */
  readonly imageCacheBytes: Bytes;
  /** Chance, in parts per thousand, that an armed fault point fires (PartyPorts.faultPoint); 0 or absent: never. */
  readonly faultPointPermille?: number;
}
