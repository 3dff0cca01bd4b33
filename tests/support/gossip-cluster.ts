/** A gossiping run (core/src/kernel/testing) over real WebSockets: conductor, endpoint and agent hosts in this process. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  digestText,
  type Factories,
  type HostInput,
  type JournaledInput,
  MemoryJournal,
  type PartyAssignment,
  type RunHeader,
  Timeline,
  type TimeUs,
} from '@paperfleet/core';
import { AgentHost } from '@paperfleet/node-agent';
import { Conductor, HostEndpoint } from '@paperfleet/scheduler';

export interface SocketRun {
  readonly conductor: Conductor;
  readonly endpoint: HostEndpoint;
  readonly server: Server;
  readonly url: string;
  /** TCP sockets of the upgraded connections, by path, to be torn down by tests. */
  readonly sockets: { readonly path: string; readonly socket: Duplex }[];
  readonly log: { event: string; detail: Record<string, unknown> }[];
  close(): Promise<void>;
}

export interface SocketRunOptions {
  readonly header: RunHeader;
  readonly factories: Factories;
  readonly inputs: readonly HostInput[];
  /** Which host simulates a party. */
  readonly hostOf?: (party: number) => string;
  readonly token?: string;
  readonly resumeMs?: number;
  readonly speed?: number;
}

/** A manager with its endpoints on an ephemeral port; hosts are started by the test. */
export async function startSocketRun(options: SocketRunOptions): Promise<SocketRun> {
  const timeline = new Timeline(options.header, options.factories);
  timeline.createManager();
  const log: SocketRun['log'] = [];
  const note = (event: string, detail: Record<string, unknown>): void => void log.push({ event, detail });
  const conductor = new Conductor({
    name: 'test',
    header: options.header,
    timeline,
    journal: new MemoryJournal(),
    inputs: [],
    at: 0 as TimeUs,
    speed: options.speed ?? 0,
    paused: false,
    log: note,
  });
  conductor.plan(options.inputs.map(({ seq, at, input }): JournaledInput => ({ seq, at, input })));
  const joins = options.inputs.flatMap(({ input }) => (input.kind === 'join' ? [input] : []));
  const endpoint = new HostEndpoint({
    conductor,
    token: options.token ?? '',
    build: options.header.build,
    ...(options.resumeMs === undefined ? {} : { resumeMs: options.resumeMs }),
    assignWorker: (host) =>
      joins
        .filter(({ party }) => options.hostOf?.(party) === host)
        .map(({ party, name, key, offer }): PartyAssignment => ({ party, name, key, offer })),
    log: note,
  });
  const server = createServer();
  const sockets: { path: string; socket: Duplex }[] = [];
  server.on('upgrade', (request, socket, head) => {
    const connection = { path: request.url ?? '', socket };
    sockets.push(connection);
    socket.on('close', () => sockets.splice(sockets.indexOf(connection), 1));
    if (!endpoint.handleUpgrade(request, socket, head)) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    conductor,
    endpoint,
    server,
    url,
    sockets,
    log,
    close: async () => {
      endpoint.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Starts a worker host and returns it with the promise of its end. */
export function startWorker(
  run: SocketRun,
  factories: Factories,
  name: string,
  build = run.conductor.header.build,
  token = '',
): { host: AgentHost; ended: Promise<void> } {
  const host = new AgentHost({ url: run.url, token, build, name, offers: [], node: factories.node, log: () => undefined });
  const ended = host.run();
  ended.catch(() => undefined);
  return { host, ended };
}

export async function until(condition: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The digest of the same run in one queue. */
export function soloDigest(header: RunHeader, factories: Factories, inputs: readonly HostInput[], end: number): string {
  const timeline = new Timeline(header, factories);
  timeline.createManager();
  for (const input of inputs) timeline.inject(input);
  timeline.runUntil(end);
  return digestText(timeline.digest());
}
