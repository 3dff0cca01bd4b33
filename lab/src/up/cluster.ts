/**
 * The composition root of the live cluster: journal and checkpoints, the conductor, the endpoints for agent hosts, the
 * API with the dashboard, and the agent host processes that it starts itself.
 */
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import {
  type ClusterConfig,
  type JournalContents,
  MANAGER,
  PaperfleetError,
  type RunHeader,
  type StackSpec,
  Timeline,
  type TimeUs,
} from '@paperfleet/core';
import {
  type Api,
  type ApiLog,
  buildOfJournal,
  CheckpointFiles,
  Conductor,
  createApi,
  HostEndpoint,
  JournalFile,
  type LoadedStack,
  type LoadStackRequest,
  Membership,
  readJournal,
  replayInSlices,
  RunRegistry,
} from '@paperfleet/scheduler';
import { FACTORIES } from '../run/factories.ts';
import { endSelf, spawnSelf } from '../run/program.ts';
import { lockState, type StateLock } from './state-lock.ts';

export interface ClusterOptions {
  readonly build: string;
  readonly host: string;
  readonly port: number;
  /** Folder of journal, checkpoints and join token. */
  readonly stateFolder: string;
  /** Put an earlier run aside and begin anew. */
  readonly fresh: boolean;
  readonly seed: string;
  readonly config: ClusterConfig;
  readonly speed: number;
  readonly paused: boolean;
  /** Token of people; required beyond loopback. */
  readonly token?: string;
  readonly viewerToken?: string;
  readonly allowedHosts?: readonly string[];
  /** Agent host processes to start: name and arguments for `paperfleet agent`. */
  readonly agentHosts: readonly { readonly name: string; readonly args: readonly string[] }[];
  /** Deployed when the run is new. */
  readonly stack?: StackSpec;
  readonly webRoot?: string;
  readonly loadStack: (request: LoadStackRequest) => LoadedStack;
  readonly log: ApiLog;
  /** Wall milliseconds between two checkpoints while little happens; more often when much does. */
  readonly checkpointMs?: number;
  /** How long to wait, in wall milliseconds, for hosts to come back after a restart. */
  readonly returnMs: number;
  /** How long a broken attachment may stay broken. */
  readonly resumeMs?: number;
  readonly progress?: (message: string) => void;
}

export interface Cluster {
  readonly url: string;
  readonly joinUrl: string;
  readonly joinToken: string;
  readonly conductor: Conductor;
  /** Where an earlier run was taken up, if one was. */
  readonly resumedAt: TimeUs | undefined;
  /** The journal of an earlier run that was put aside: another build's, or because a fresh run was asked for. */
  readonly movedAside: { readonly path: string; readonly build: string } | undefined;
  stop(): Promise<void>;
}

/** Starts the cluster; resolves when it serves. @throws PaperfleetError when the state folder or the port is taken, or the journal unusable. */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const lock = lockState(options.stateFolder);
  const server = createServer();
  try {
    const serve = answerStarting(server);
    await listen(server, options.host, options.port);
    return await startOn(server, serve, lock, options);
  } catch (error) {
    server.close();
    lock.release();
    throw error;
  }
}

type Serve = (api: Api, endpoint: HostEndpoint) => void;

async function startOn(server: Server, serve: Serve, lock: StateLock, options: ClusterOptions): Promise<Cluster> {
  const { stateFolder, build, log } = options;
  const { earlier, movedAside } = earlierRun(options);
  const header: RunHeader = earlier?.header ?? { format: 1, build, run: 'live', seed: options.seed, config: options.config };
  const checkpoints = new CheckpointFiles(stateFolder, build);
  if (earlier === undefined) checkpoints.clear();
  else checkpoints.dropAfter(earlier.end);
  const timeline = await timelineOf(header, earlier, checkpoints, options.progress);
  const inputs = earlier?.inputs ?? [];
  const expected = new Membership(inputs).hosts();
  const conductor = new Conductor({
    name: 'live',
    header,
    timeline,
    journal: new JournalFile(journalPath(stateFolder), earlier === undefined ? header : undefined),
    inputs,
    at: earlier?.end ?? (0 as TimeUs),
    speed: options.speed,
    paused: options.paused,
    expected: timeline.parties().some((party) => party !== MANAGER) ? expected : [],
    expectedMs: options.returnMs,
    ...(options.checkpointMs === undefined ? {} : { checkpointMs: options.checkpointMs }),
    onCheckpoint: (saved) => checkpoints.write(saved, (error) => log('warn', 'checkpoint.failed', { message: error.message })),
    log: (event, detail) => log('info', event, detail),
  });
  const registry = new RunRegistry({
    factories: FACTORIES,
    checkpoint: (run, at) => (run === 'live' ? checkpoints.newest(at) : undefined),
  });
  registry.add(conductor);
  const joinToken = tokenIn(stateFolder);
  const endpoint = new HostEndpoint({
    conductor,
    token: joinToken,
    build,
    ...(options.resumeMs === undefined ? {} : { resumeMs: options.resumeMs }),
    log: (event, detail) => log('info', event, detail),
  });
  const api = createApi({
    runs: registry,
    defaultRun: 'live',
    host: options.host,
    port: portOf(server),
    loadStack: options.loadStack,
    log,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.viewerToken === undefined ? {} : { viewerToken: options.viewerToken }),
    ...(options.allowedHosts === undefined ? {} : { allowedHosts: options.allowedHosts }),
    ...(options.webRoot === undefined ? {} : { webRoot: options.webRoot }),
  });
  serve(api, endpoint);
  conductor.start();
  const shown = shownHost(options.host);
  const joinUrl = `ws://${shown}:${portOf(server)}`;
  lock.serving(`http://${shown}:${portOf(server)}`);
  const children = startAgents(options, joinUrl, joinToken);
  if (earlier === undefined && options.stack !== undefined) await deploy(conductor, options.stack);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    // The journal's last mark first: the agents' leaving is no part of the run.
    if (conductor.at > 0)
      checkpoints.write(await conductor.checkpoint(), (error) => log('warn', 'checkpoint.failed', { message: error.message }));
    api.close();
    await registry.stopAll();
    endpoint.close();
    for (const child of children) child.stop();
    await checkpoints.flushed();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    lock.release();
  };
  return {
    url: `http://${shown}:${portOf(server)}`,
    joinUrl,
    joinToken,
    conductor,
    resumedAt: earlier?.end,
    movedAside,
    stop: () => (stopping ??= stop()),
  };
}

/** The host for URLs. An address that means "all of mine" is none to go to. */
function shownHost(host: string): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return reached.includes(':') ? `[${reached}]` : reached;
}

/** The journaled run in the state folder, if it can be taken up; one that cannot is moved aside. */
function earlierRun({ stateFolder, fresh, build, log }: ClusterOptions): {
  readonly earlier?: JournalContents;
  readonly movedAside?: { readonly path: string; readonly build: string };
} {
  const path = journalPath(stateFolder);
  if (!existsSync(path)) return {};
  if (fresh) return { movedAside: { path: moveAside(path), build: '' } };
  const writer = buildOfJournal(path);
  if (writer === build) return { earlier: readJournal(path, { repair: true }) };
  if (writer === undefined) {
    rmSync(path);
    return {};
  }
  const aside = moveAside(path);
  log('info', 'journal.other-build', { movedTo: aside, build: writer, thisBuild: build });
  return { movedAside: { path: aside, build: writer } };
}

function moveAside(path: string): string {
  for (let n = 1; ; n++) {
    const aside = path.replace(/\.ndjson$/, `.old-${n}.ndjson`);
    if (existsSync(aside)) continue;
    renameSync(path, aside);
    return aside;
  }
}

const journalPath = (folder: string): string => join(folder, 'journal.ndjson');

async function timelineOf(
  header: RunHeader,
  earlier: JournalContents | undefined,
  checkpoints: CheckpointFiles,
  progress: ((message: string) => void) | undefined,
): Promise<Timeline> {
  if (earlier === undefined) {
    const timeline = new Timeline(header, FACTORIES);
    timeline.createManager();
    return timeline;
  }
  return replayInSlices(header, FACTORIES, earlier.inputs, earlier.end, checkpoints.newest(earlier.end), (at) =>
    progress?.(`replaying the journal: ${Math.floor(at / 1e6)} s of ${Math.floor(earlier.end / 1e6)} s`),
  );
}

/** The join token of this state folder; made at the first start and kept, so that agents find their way back. */
function tokenIn(folder: string): string {
  const path = join(folder, 'join-token');
  if (existsSync(path)) return readFileSync(path, 'utf8').trim();
  const token = randomBytes(24).toString('base64url');
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return token;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      reject(
        new PaperfleetError(
          taken ? 'PF_PORT_TAKEN' : 'PF_LISTEN',
          taken ? `port ${port} on ${host} is in use` : `cannot listen on ${host}:${port}: ${cause.message}`,
          {
            hint: taken ? 'is another cluster running? choose another port with --port (or PAPERFLEET_PORT)' : 'check --host and --port',
            cause,
          },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * Answers everybody who comes while the journal is replayed that it takes a moment (unanswered they would wait for ever,
 * since nobody looks at their request again), until the returned function says who serves.
 */
function answerStarting(server: Server): Serve {
  const starting = {
    error: { code: 'PF_UNAVAILABLE', message: 'the cluster is starting: its journal is being replayed', hint: 'try again in a moment' },
  };
  const headers = { 'content-type': 'application/json', 'retry-after': '1', connection: 'close' };
  let api: Api | undefined;
  let endpoint: HostEndpoint | undefined;
  server.on('request', (request, response) => {
    if (api !== undefined) api.app(request, response);
    else response.writeHead(503, headers).end(JSON.stringify(starting));
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (endpoint?.handleUpgrade(request, socket, head) === true || api?.handleUpgrade(request, socket, head) === true) return;
    socket.end(`HTTP/1.1 ${api === undefined ? '503 Service Unavailable' : '404 Not Found'}\r\nConnection: close\r\n\r\n`);
  });
  return (servingApi, servingEndpoint) => {
    api = servingApi;
    endpoint = servingEndpoint;
  };
}

/** Our own agent hosts; one that dies is started again after a second. */
function startAgents({ agentHosts, log }: ClusterOptions, joinUrl: string, joinToken: string): { stop: () => void }[] {
  return agentHosts.map(({ name, args }) => {
    let child: ChildProcess | undefined;
    let stopped = false;
    const start = (): void => {
      child = spawnSelf(['agent', '--join', joinUrl, '--name', name, '--quiet', '--with-parent', ...args], {
        PAPERFLEET_JOIN_TOKEN: joinToken,
      });
      child.on('exit', (code, signal) => {
        if (stopped) return;
        log('warn', 'agent-host.exited', { host: name, code, signal });
        setTimeout(() => {
          if (!stopped) start();
        }, 1000);
      });
    };
    start();
    return {
      stop: () => {
        stopped = true;
        if (child !== undefined) endSelf(child);
      },
    };
  });
}

async function deploy(conductor: Conductor, stack: StackSpec): Promise<void> {
  const deployed = await conductor.submit({ do: 'deploy', stack, prune: false }, 'start', '');
  if (!deployed.ok) throw new PaperfleetError(deployed.code, `the first stack cannot be deployed: ${deployed.message}`);
}
