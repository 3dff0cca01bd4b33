/** Serves an API on an ephemeral port, for tests. */
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Api } from '../api.ts';
import { createApi } from '../api.ts';
import type { ApiOptions } from '../options.ts';
import { HandRuns, handCluster } from './hand-run.ts';
import type { HandRun } from './hand-run.ts';

export interface Served {
  readonly api: Api;
  readonly run: HandRun;
  readonly runs: HandRuns;
  readonly server: Server;
  readonly port: number;
  readonly url: string;
  /** Errors that the API logged. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

/** Starts a server on 127.0.0.1 with a hand-driven cluster behind it. */
export async function serve(options: Partial<ApiOptions> = {}, run: HandRun = handCluster()): Promise<Served> {
  const runs = new HandRuns(run);
  const errors: string[] = [];
  const api = createApi({
    runs,
    defaultRun: run.name,
    host: '127.0.0.1',
    port: 7070,
    log: (level, event, fields) => {
      if (level === 'error') errors.push(`${event} ${JSON.stringify(fields)}`);
    },
    ...options,
  });
  const server = createServer(api.app);
  server.on('upgrade', (request, socket, head) => {
    if (!api.handleUpgrade(request, socket, head)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    api,
    run,
    runs,
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    errors,
    close: async () => {
      api.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
