/** The HTTP and live API of a server: an express app and a handler of WebSocket upgrades, to be mounted on one http.Server. */
import type { IncomingMessage, RequestListener } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ApiOptions } from './options.ts';

export interface Api {
  /** Answers HTTP requests. */
  readonly app: RequestListener;
  /** Takes over the socket of an upgrade request below /api and returns true, or returns false and leaves it alone. */
  handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): boolean;
  /** Ends all live connections and timers. Requests in flight are finished by the http.Server. */
  close(): void;
}

/** Makes the API. @throws Error when `host` is not a loopback address and no `token` is set. */
export function createApi(options: ApiOptions): Api {
  void options;
  throw new Error('not ready');
}
