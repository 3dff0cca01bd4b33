/** Client of the HTTP API of a running cluster. */
import { randomUUID } from 'node:crypto';
import type { ApiError } from '@paperfleet/core';
import { CommandError } from './errors.ts';

export interface ClientOptions {
  /** Base URL: `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly token: string | undefined;
  /** Name of the run the command is about. */
  readonly run: string;
  readonly signal: AbortSignal;
}

export interface ApiClient {
  readonly options: ClientOptions;
  /** GET below the run: `get('services')`, with query parameters. @throws CommandError with the server's code, message and hint. */
  get<T>(path: string, query?: Readonly<Record<string, string | number | boolean | undefined>>): Promise<T>;
  /** POST below the run. A fresh idempotency key goes along. */
  post<T>(path: string, body: unknown): Promise<T>;
  /** Any request below /api, with the headers of the answer. */
  request<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<{ readonly value: T; readonly headers: Headers }>;
  /** Path below /api of something of the run: `runs/live/nodes`. */
  runPath(path: string): string;
}

/** What a failed request means for the user. */
function failure(status: number, text: string, url: string): CommandError {
  try {
    const { error } = JSON.parse(text) as ApiError;
    if (typeof error?.message === 'string') {
      const place = error.path === undefined || error.path === '' ? '' : ` (at ${error.path})`;
      return new CommandError(`${error.message}${place}`, { code: error.code, ...(error.hint === undefined ? {} : { hint: error.hint }) });
    }
  } catch {
    // Not our API: said below.
  }
  return new CommandError(`${url} answered ${status} and does not look like a Paperfleet server`, {
    hint: 'check --url (or PAPERFLEET_URL)',
  });
}

/** Makes a client; nothing is sent yet. */
export function createClient(options: ClientOptions): ApiClient {
  const base = options.url.replace(/\/+$/, '');
  const request: ApiClient['request'] = async <T>(method: string, path: string, body?: unknown) => {
    const headers: Record<string, string> = { accept: 'application/json', 'paperfleet-actor': 'paperfleet' };
    if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (method === 'POST') headers['idempotency-key'] = randomUUID();
    const init = { method, headers, signal: options.signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await reached(() => fetch(`${base}/api/${path}`, init), base, options.signal);
    const text = await reached(() => response.text(), base, options.signal);
    if (!response.ok) throw failure(response.status, text, base);
    try {
      return { value: JSON.parse(text) as T, headers: response.headers };
    } catch (cause) {
      throw new CommandError(`${base} did not answer with JSON`, { hint: 'check --url (or PAPERFLEET_URL)', cause });
    }
  };
  const runPath = (path: string): string => `runs/${encodeURIComponent(options.run)}${path === '' ? '' : `/${path}`}`;
  return {
    options,
    request,
    runPath,
    get: async <T>(path: string, query: Readonly<Record<string, string | number | boolean | undefined>> = {}) => {
      const parameters = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
      const suffix = parameters.size === 0 ? '' : `?${parameters.toString()}`;
      return (await request<T>('GET', runPath(path) + suffix)).value;
    },
    post: async <T>(path: string, body: unknown) => (await request<T>('POST', runPath(path), body)).value,
  };
}

/** Does a step of a request; what the network does wrong becomes a message. */
async function reached<T>(step: () => Promise<T>, base: string, signal: AbortSignal): Promise<T> {
  try {
    return await step();
  } catch (cause) {
    if (signal.aborted) throw new CommandError('interrupted', { code: 'PF_INTERRUPTED', cause });
    throw new CommandError(`no Paperfleet cluster answers at ${base}`, {
      code: 'PF_UNREACHABLE',
      hint: 'start one with `paperfleet up` (or `npm start`), or name another with --url',
      cause,
    });
  }
}
