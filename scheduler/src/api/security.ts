/**
 * Who may ask for what. Three checks, for plain requests and upgrades alike: the Host header names this server (so that a
 * page elsewhere cannot reach it through a DNS name of its own), the Origin header is the server's own (so that a page
 * elsewhere cannot use the visitor's browser), and the token, when one is set, is right.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { ApiFailure } from './failure.ts';

/** Operators may do everything, viewers only look. */
export type Role = 'operator' | 'viewer';

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1']);

/** True for addresses and names that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return LOOPBACK_NAMES.has(host) || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host) || host.endsWith('.localhost');
}

/** Sent with every answer. The page loads nothing from elsewhere and is not framed. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

export interface GateOptions {
  readonly host: string;
  readonly port: number;
  readonly allowedHosts: readonly string[];
  readonly token: string | undefined;
  readonly viewerToken: string | undefined;
}

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/** The host name of a Host header or of an origin's authority, without port, in lower case. */
function hostName(authority: string): string | undefined {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s/@?#]+)(?::(\d{1,5}))?$/.exec(authority);
  return match?.[1]?.toLowerCase();
}

/** Value of a cookie; undefined when it is not there. */
function cookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, ...value] = part.trim().split('=');
    if (key === name) return decodeOr(value.join('='));
  }
  return undefined;
}

function decodeOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export class Gate {
  readonly #options: GateOptions;
  readonly #hosts: ReadonlySet<string>;
  readonly #isWildcard: boolean;
  readonly #tokens: readonly (readonly [Buffer, Role])[];

  /** @throws Error when the server is reachable from other machines and has no token. */
  constructor(options: GateOptions) {
    const { host, token, viewerToken } = options;
    if (!isLoopback(host) && token === undefined) throw new Error(`a token is needed to listen on ${host}, which other machines can reach`);
    this.#options = options;
    this.#isWildcard = host === '0.0.0.0' || host === '::' || host === '';
    const bracketed = isIP(host) === 6 ? `[${host}]` : host;
    this.#hosts = new Set([bracketed.toLowerCase(), ...options.allowedHosts.map((name) => name.toLowerCase())]);
    this.#tokens = [
      ...(token === undefined ? [] : [[digestOf(token), 'operator'] as const]),
      ...(viewerToken === undefined ? [] : [[digestOf(viewerToken), 'viewer'] as const]),
    ];
  }

  /** Cookies ignore ports, so the name carries it: two clusters on one machine do not take each other's. */
  get cookieName(): string {
    return `paperfleet_${this.#options.port}`;
  }

  get needsToken(): boolean {
    return this.#tokens.some(([, role]) => role === 'operator');
  }

  /** @throws ApiFailure when the request is not addressed to this server or comes from a foreign page. */
  checkOrigin(request: IncomingMessage): void {
    const authority = request.headers.host ?? '';
    const name = hostName(authority);
    if (name === undefined || !this.#isOwnHost(name)) {
      throw new ApiFailure('PF_FOREIGN_HOST', 'the Host header does not name this server', {
        hint: `use http://${isLoopback(this.#options.host) ? 'localhost' : this.#options.host}:${this.#options.port}`,
      });
    }
    const { origin } = request.headers;
    if (origin === undefined) return;
    const of = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
    if (of === undefined || of.toLowerCase() !== authority.toLowerCase()) {
      throw new ApiFailure('PF_FOREIGN_ORIGIN', 'requests from pages of other origins are refused', {
        hint: "open the dashboard under this server's own address",
      });
    }
  }

  #isOwnHost(name: string): boolean {
    if (isLoopback(name) || this.#hosts.has(name)) return true;
    // Bound to every address: any address may be meant, but no foreign name.
    return this.#isWildcard && (isIP(name) !== 0 || name.startsWith('['));
  }

  /** The role of the token that was presented. @throws ApiFailure when there is none or it is wrong. */
  role(request: IncomingMessage, queryToken: string | undefined): Role {
    if (!this.needsToken) {
      // Without an operator token everybody here is one, except who comes as a viewer.
      const asViewer = this.#tokens.length > 0 ? this.#roleOf(this.#presented(request, queryToken)) : undefined;
      return asViewer ?? 'operator';
    }
    const presented = this.#presented(request, queryToken);
    if (presented === undefined) {
      throw new ApiFailure('PF_UNAUTHORIZED', 'a token is required', {
        hint: 'send `Authorization: Bearer TOKEN` (paperfleet: --token or PAPERFLEET_TOKEN; browser: open /?token=TOKEN)',
      });
    }
    const role = this.#roleOf(presented);
    if (role === undefined) throw new ApiFailure('PF_UNAUTHORIZED', 'the token is not valid');
    return role;
  }

  #presented(request: IncomingMessage, queryToken: string | undefined): string | undefined {
    const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    return bearer ?? queryToken ?? cookie(request.headers.cookie, this.cookieName);
  }

  #roleOf(presented: string | undefined): Role | undefined {
    if (presented === undefined) return undefined;
    const digest = digestOf(presented);
    let found: Role | undefined;
    // Every token is compared, in constant time.
    for (const [expected, role] of this.#tokens) if (timingSafeEqual(expected, digest)) found ??= role;
    return found;
  }
}
