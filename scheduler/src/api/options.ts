/** What the API needs from whoever composes the server. */
import type { Diagnostic, StackSpec } from '@paperfleet/core';
import type { Runs } from '../live/run.ts';

/** What a Compose loader is asked. Absent `name`: the files' own, else none. */
export interface LoadStackRequest {
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly name?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly profiles?: readonly string[];
}

export type LoadedStack =
  | { readonly ok: true; readonly stack: StackSpec; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] };

/** Structured log line: a stable event name and its fields. */
export type ApiLog = (level: 'debug' | 'info' | 'warn' | 'error', event: string, fields?: Readonly<Record<string, unknown>>) => void;

export interface ApiOptions {
  readonly runs: Runs;
  /** Name of the run that `live` stands for. */
  readonly defaultRun: string;
  /** Bearer token of operators. Required when `host` is not loopback. */
  readonly token?: string;
  /** Bearer token of viewers, who may read and nothing else. */
  readonly viewerToken?: string;
  /** Address and port the server is bound to; requests must name that host (or a loopback name). */
  readonly host: string;
  readonly port: number;
  /** Further host names under which the server is reached, as in a Host header, without port. */
  readonly allowedHosts?: readonly string[];
  /** Folder with the built dashboard; absent: a plain page says how to build it. */
  readonly webRoot?: string;
  /** Reads Compose files; absent: deploying files answers 501. */
  readonly loadStack?: (request: LoadStackRequest) => LoadedStack;
  readonly log: ApiLog;
  /** Wall clock in milliseconds, for flushing and time-outs; tests drive their own. */
  readonly wallMs?: () => number;
}
