/**
 * What the page asks of a server: the live feed and the requests beside it. Two implementations: `http-api.ts` (the real
 * server) and, in development builds only, the simulated cluster of `src/dev`.
 */
import type {
  ClientFrame,
  ClusterEvent,
  Command,
  CommandAck,
  Diagnostic,
  FaultRequest,
  MetricRange,
  PlaybackRequest,
  PlaybackState,
  RunSummary,
  ServerFrame,
  Why,
} from '@paperfleet/core';

/** An open feed. */
export interface LiveSocket {
  send(frame: ClientFrame): void;
  close(): void;
}

/** What a feed tells. After `closed` nothing more comes. */
export interface LiveListener {
  opened(): void;
  frame(frame: ServerFrame): void;
  /** `code` as in WebSocket close events. */
  closed(code: number, reason: string): void;
}

/** One file of a stack as the user gave it. */
export interface DeployFile {
  readonly path: string;
  readonly text: string;
}

export interface ClusterApi {
  /** Opens the feed behind sequence number `from`; null asks for a snapshot. */
  open(from: number | null, listener: LiveListener): LiveSocket;
  command(command: Command): Promise<CommandAck>;
  fault(request: FaultRequest): Promise<CommandAck>;
  playback(request: PlaybackRequest): Promise<PlaybackState>;
  /** Older events first to last, ids below `before`. */
  events(query: { readonly before?: number; readonly limit: number; readonly subject?: string }): Promise<readonly ClusterEvent[]>;
  metrics(subject: string, fromUs: number, toUs: number, buckets: number): Promise<MetricRange>;
  why(subject: string): Promise<Why>;
  runs(): Promise<readonly RunSummary[]>;
  /** Compose files as text; the server checks and deploys them under `name`. */
  deploy(name: string, files: readonly DeployFile[]): Promise<CommandAck>;
}

/**
 * A request that the server refused, in its own words. `code` is stable; `hint` says what to do; `path` where in the input;
 * `details` what is wrong with the files that were sent, place by place.
 */
export class ApiFailure extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  readonly path: string | undefined;
  readonly details: readonly Diagnostic[];
  constructor(code: string, message: string, hint?: string, path?: string, details: readonly Diagnostic[] = []) {
    super(message);
    this.name = 'ApiFailure';
    this.code = code;
    this.hint = hint;
    this.path = path;
    this.details = details;
  }
}
