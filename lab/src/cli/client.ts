/** Client of the HTTP API of a running cluster. */
import type { ApiError } from '@paperfleet/core';
import { CommandError } from './command.ts';

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
  /** POST below the run. A fresh idempotency key is sent, so that a repeated try after a broken connection acts once. */
  post<T>(path: string, body: unknown): Promise<T>;
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
  const request = async (method: string, path: string, body?: unknown, key?: string): Promise<string> => {
    const url = `${base}${path}`;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (key !== undefined) headers['idempotency-key'] = key;
    let response: Response;
    try {
      response = await fetch(url, {
        method,
        headers,
        signal: options.signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      if (options.signal.aborted) throw new CommandError('interrupted', { cause });
      throw new CommandError(`no Paperfleet cluster answers at ${base}`, {
        hint: 'start one with `paperfleet up` (or `npm start`), or name another with --url',
        cause,
      });
    }
    const text = await response.text();
    if (!response.ok) throw failure(response.status, text, base);
    return text;
  };
  const runPath = (path: string): string => `/api/runs/${encodeURIComponent(options.run)}${path === '' ? '' : `/${path}`}`;
  const parse = <T>(text: string): T => {
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new CommandError(`${base} did not answer with JSON`, { hint: 'check --url (or PAPERFLEET_URL)', cause });
    }
  };
  return {
    options,
    get: async (path, query = {}) => {
      const parameters = new URLSearchParams();
      for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
      const suffix = parameters.size === 0 ? '' : `?${parameters.toString()}`;
      return parse(await request('GET', runPath(path) + suffix));
    },
    post: async (path, body) => parse(await request('POST', runPath(path), body, crypto.randomUUID())),
  };
}
