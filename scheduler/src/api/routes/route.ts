/** An endpoint as data: served by express, described in the OpenAPI document and in docs/api.md, all from here. */
import type { z } from 'zod';
import type { LiveRun, Runs } from '../../live/run.ts';
import type { ApiFailure, FailureCode } from '../failure.ts';
import type { EncodedSnapshot } from '../live/state-feed.ts';
import type { ApiOptions } from '../options.ts';
import type { Role } from '../security.ts';

/** What endpoints may use of the server. */
export interface ApiServices {
  readonly runs: Runs;
  readonly options: ApiOptions;
  /** The run of that name; `live` is the main one. @throws ApiFailure PF_NOT_FOUND. */
  requireRun(name: string): LiveRun;
  /** The encoded state for pages. */
  snapshot(run: LiveRun): EncodedSnapshot;
  /** Ends the live connections of a run that is closed. */
  forget(run: LiveRun): void;
  /** Runs something costly; a few at a time. @throws ApiFailure PF_UNAVAILABLE when too many are under way. */
  heavy<T>(work: () => Promise<T>): Promise<T>;
}

export interface RouteRequest<Q, B> {
  readonly api: ApiServices;
  /** Path parameters, decoded. */
  param(name: 'run' | 'ref' | 'subject'): string;
  /** The run that the path names. */
  run(): LiveRun;
  readonly query: Q;
  readonly body: B;
  /** Value of the header Idempotency-Key, checked; '' for none. */
  readonly key: string;
  /** The actor, as events show it. */
  readonly by: string;
}

/** JSON made beforehand. */
export interface EncodedJson {
  readonly json: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}
export const isEncoded = (answer: unknown): answer is EncodedJson =>
  typeof answer === 'object' && answer !== null && 'json' in answer && Buffer.isBuffer(answer.json);

export interface Route<Q = unknown, B = unknown, A = unknown> {
  readonly method: 'get' | 'post' | 'delete';
  /** Express form: `/api/runs/:run`. */
  readonly path: string;
  /** operationId. */
  readonly id: string;
  readonly tag: 'runs' | 'state' | 'commands' | 'time' | 'events' | 'server';
  readonly summary: string;
  readonly description?: string;
  /** Least role; `anyone` needs no token. */
  readonly role: Role | 'anyone';
  readonly query?: z.ZodType<Q>;
  readonly body?: z.ZodType<B>;
  readonly takesKey?: true;
  readonly answer: { readonly status: 200 | 201 | 202; readonly schema: z.ZodType<A>; readonly description: string };
  /** Refusals of its own, besides those any endpoint may give. */
  readonly refusals: readonly FailureCode[];
  handle(request: RouteRequest<Q, B>): A | EncodedJson | Promise<A | EncodedJson>;
}

/** Ties an endpoint's schemas to its handler's types. */
export function route<Q, B, A>(definition: Route<Q, B, A>): Route {
  return definition;
}

/** @throws ApiFailure PF_NOT_FOUND when it is undefined. */
export function found<T>(value: T | undefined, failure: () => ApiFailure): T {
  if (value === undefined) throw failure();
  return value;
}
