/** A scenario file as read: quantities as integers in their base unit (µs, bytes, nano-CPUs, parts per million). */
import type { LinkDirection } from './scenario.ts';

export interface PoolEntry {
  readonly name?: string | undefined;
  readonly count: number;
  readonly cpu: number;
  readonly memory: number;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly engineLabels?: Readonly<Record<string, string>> | undefined;
  readonly zone?: string | undefined;
  readonly generic?: Readonly<Record<string, number | readonly string[]>> | undefined;
  readonly os?: string | undefined;
  readonly arch?: string | undefined;
  readonly price?: number | undefined;
  readonly pull?: number | undefined;
  readonly latency?: number | undefined;
  readonly at?: number | undefined;
}

export interface AppEntry {
  readonly name?: string | undefined;
  readonly compose?: string | readonly string[] | undefined;
  readonly profiles?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly at?: number | undefined;
  readonly services?: Readonly<Record<string, unknown>> | undefined;
}

export interface LoadEntry {
  readonly to: string;
  readonly rate: number;
  readonly startTime?: number | undefined;
}

export interface WhenEntry {
  readonly at?: number | undefined;
  readonly every?: number | undefined;
  readonly from?: number | undefined;
  readonly until?: number | undefined;
}

export interface NodesEntry {
  readonly node?: string | undefined;
  readonly nodes?: readonly string[] | undefined;
  readonly pool?: string | undefined;
  readonly zone?: string | undefined;
  readonly pick?: number | undefined;
}

interface LastingEntry {
  readonly for?: number | undefined;
}

export type NodeActionEntry = WhenEntry &
  NodesEntry &
  LastingEntry &
  (
    | { readonly do: 'kill' | 'recover' | 'drain' | 'pause' | 'activate' | 'heal' }
    | { readonly do: 'partition'; readonly direction?: LinkDirection | undefined }
    | {
        readonly do: 'link';
        readonly direction?: LinkDirection | undefined;
        readonly loss?: number | undefined;
        readonly duplicate?: number | undefined;
        readonly delay?: number | { readonly uniform: readonly [number, number] } | undefined;
        readonly reorder?: boolean | undefined;
      }
  );

export type ServiceActionEntry = WhenEntry &
  (
    | { readonly do: 'scale'; readonly service: string; readonly replicas: number }
    | {
        readonly do: 'update';
        readonly service: string;
        readonly image?: string | undefined;
        readonly env?: Readonly<Record<string, string>> | undefined;
        readonly force?: boolean | undefined;
      }
    | { readonly do: 'rollback'; readonly service: string }
    | { readonly do: 'remove'; readonly service?: string | undefined; readonly app?: string | undefined }
    | { readonly do: 'load'; readonly to: string; readonly rate: number }
    | { readonly do: 'killTask'; readonly task: string; readonly exitCode?: number | undefined }
  );

export type ActionEntry = NodeActionEntry | ServiceActionEntry;

export interface ConfigEntry {
  readonly controlLatency?: number | undefined;
  readonly dataLatency?: number | undefined;
  readonly zoneLatency?: number | undefined;
  readonly heartbeatPeriod?: number | undefined;
  readonly heartbeatEpsilon?: number | undefined;
  readonly heartbeatGrace?: number | undefined;
  readonly taskHistoryLimit?: number | undefined;
  readonly statisticsInterval?: number | undefined;
  readonly profile?: string | undefined;
  readonly startupScale?: number | undefined;
  readonly imageCache?: number | undefined;
}

export interface ExpectationEntry {
  readonly metric: 'running' | 'desired' | 'pending' | 'nodesReady';
  readonly of?: string | undefined;
  readonly over?: 'end' | undefined;
  readonly op: '==' | '!=' | '<' | '<=' | '>' | '>=';
  readonly value: number;
}

export interface ScenarioFile {
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly seed?: string | undefined;
  readonly until?: number | undefined;
  readonly config?: ConfigEntry | undefined;
  readonly cluster: { readonly pools: readonly PoolEntry[] };
  readonly apps?: readonly AppEntry[] | undefined;
  readonly load?: readonly LoadEntry[] | undefined;
  readonly timeline?: readonly ActionEntry[] | undefined;
  readonly expect?: readonly ExpectationEntry[] | undefined;
}
