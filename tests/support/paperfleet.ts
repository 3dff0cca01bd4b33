/**
 * Real processes of the built `paperfleet` command: clusters on ephemeral ports with state folders of their own, agent
 * hosts, and commands that end by themselves. Everything is ended by `endAll`, each process by its own id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type {
  ApiError,
  ClusterEvent,
  Command,
  CommandAck,
  EventPage,
  FaultRequest,
  NodeView,
  PlaybackState,
  RunDigest,
  RunStatus,
  ServiceView,
} from '@paperfleet/core';
import { COMMAND } from './build.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Wall milliseconds for a process to do what is waited for, on a busy machine. */
const PATIENCE_MS = 60_000;

const programs = new Set<Program>();
const folders: string[] = [];

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A `paperfleet` process. */
export interface Program {
  readonly args: readonly string[];
  readonly pid: number;
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout: string;
  stderr: string;
  /** Sends a signal to this process alone and waits for its end. */
  kill(signal?: NodeJS.Signals): Promise<Ended>;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** In a process group of its own, so that a signal can be sent to all of it as a terminal does. */
  readonly group?: boolean;
}

/** Starts `paperfleet ARGS…`. */
export function start(args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: options.cwd ?? ROOT,
    env: { ...process.env, NO_COLOR: '1', PAPERFLEET_URL: '', PAPERFLEET_TOKEN: '', PAPERFLEET_PORT: '', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: options.group === true,
  });
  const program: Program = {
    args,
    pid: child.pid!,
    process: child,
    stdout: '',
    stderr: '',
    ended: new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal }))),
    kill: (signal = 'SIGKILL') => {
      child.kill(signal);
      return program.ended;
    },
  };
  child.stdout.on('data', (data: Buffer) => (program.stdout += data.toString('utf8')));
  child.stderr.on('data', (data: Buffer) => (program.stderr += data.toString('utf8')));
  programs.add(program);
  void program.ended.then(() => programs.delete(program));
  return program;
}

/** Runs `paperfleet ARGS…` to its end. */
export async function run(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Ended & { readonly stdout: string; readonly stderr: string }> {
  const program = start(args, options);
  const timer = setTimeout(() => void program.kill(), PATIENCE_MS);
  const ended = await program.ended;
  clearTimeout(timer);
  return { ...ended, stdout: program.stdout, stderr: program.stderr };
}

/** Kills what was started and removes the folders. For `afterEach`. */
export async function endAll(): Promise<void> {
  await Promise.all([...programs].map((program) => program.kill('SIGKILL')));
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** A folder of this test's own. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'paperfleet-e2e-'));
  folders.push(folder);
  return folder;
}

/** Waits until `look` gives something else than undefined or false. @throws Error with `what` after a while. */
export async function eventually<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs: number = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let trouble: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      trouble = undefined;
    } catch (error) {
      trouble = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${typeof what === 'string' ? what : what()}`, { cause: trouble });
    }
    await sleep(10);
  }
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What `paperfleet up --json` prints once it serves. */
interface Announcement {
  readonly url: string;
  readonly joinUrl: string;
  readonly joinToken: string;
  readonly seed: string;
  readonly build: string;
  readonly resumedAt: number | null;
  readonly pid: number;
}

export interface Manager extends Announcement {
  readonly program: Program;
  readonly state: string;
  readonly port: number;
  readonly api: Api;
  /** Wall milliseconds from the start of the process until it served. */
  readonly startedMs: number;
}

export interface ManagerOptions extends ProgramOptions {
  readonly state: string;
  /** 0 (the default) takes a free one; a restart takes the port that agents and clients know. */
  readonly port?: number;
  /** Further arguments; `--nodes 0 --empty` unless some are given. */
  readonly args?: readonly string[];
  /** Without --json and --verbose. */
  readonly human?: boolean;
}

/** Starts `paperfleet up` without waiting. */
export function launchManager(options: ManagerOptions): Program {
  const args = options.args ?? ['--nodes', '0', '--empty'];
  return start(
    [
      'up',
      ...(options.human === true ? [] : ['--json', '--verbose']),
      '--port',
      String(options.port ?? 0),
      '--state',
      options.state,
      ...args,
    ],
    options,
  );
}

/** Starts `paperfleet up` and waits until it serves. */
export async function startManager(options: ManagerOptions): Promise<Manager> {
  const began = performance.now();
  const program = launchManager(options);
  const announcement = await eventually(
    () => `the cluster serves; it wrote: ${program.stderr}`,
    () => {
      if (program.process.exitCode !== null) throw new Error(`it ended with ${program.process.exitCode}`);
      return /^\}$/m.test(program.stdout) && (JSON.parse(program.stdout) as Announcement);
    },
  );
  const port = Number(new URL(announcement.url).port);
  return { ...announcement, program, state: options.state, port, api: new Api(announcement.url), startedMs: performance.now() - began };
}

/** Starts an agent host for a cluster, and waits until it is attached. */
export async function startAgents(manager: Manager, name: string, nodes: number, args: readonly string[] = []): Promise<Program> {
  const program = launchAgents(manager, name, nodes, args);
  await eventually(
    () => `${name} attaches; it wrote: ${program.stderr}`,
    () => program.stdout.includes('attached to'),
  );
  return program;
}

export function launchAgents(manager: Manager, name: string, nodes: number, args: readonly string[] = []): Program {
  return start(['agent', '--join', manager.joinUrl, '--name', name, '--nodes', String(nodes), ...args], {
    env: { PAPERFLEET_JOIN_TOKEN: manager.joinToken },
  });
}

/** A refusal by the API. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, { error }: ApiError) {
    super(`${status} ${error.code}: ${error.message}`);
    this.status = status;
    this.code = error.code;
  }
}

/** The HTTP API of a cluster. */
export class Api {
  readonly base: string;
  readonly #run: string;
  constructor(base: string, run = 'live') {
    this.base = base;
    this.#run = run;
  }

  /** The same server, another run. */
  of(runName: string): Api {
    return new Api(this.base, runName);
  }

  async request(
    method: 'GET' | 'POST' | 'DELETE',
    route: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const response = await fetch(`${this.base}/api/runs/${encodeURIComponent(this.#run)}${route}`, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Refused(response.status, (await response.json()) as ApiError);
    return response;
  }
  async get<T>(route: string): Promise<T> {
    return (await (await this.request('GET', route)).json()) as T;
  }
  async post<T>(route: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<T> {
    return (await (await this.request('POST', route, body, headers)).json()) as T;
  }

  status(): Promise<RunStatus> {
    return this.get('');
  }
  digest(): Promise<RunDigest> {
    return this.get('/digest');
  }
  async nodes(): Promise<readonly NodeView[]> {
    return (await this.get<{ nodes: NodeView[] }>('/nodes')).nodes;
  }
  async services(): Promise<readonly ServiceView[]> {
    return (await this.get<{ services: ServiceView[] }>('/services')).services;
  }
  command(command: Command, key = ''): Promise<CommandAck> {
    return this.post('/commands', { command }, key === '' ? {} : { 'idempotency-key': key });
  }
  fault(request: FaultRequest): Promise<CommandAck> {
    return this.post('/faults', request);
  }
  playback(request: object): Promise<PlaybackState> {
    return this.post('/playback', request);
  }
  async deploy(compose: string, name = 'app'): Promise<void> {
    await this.post('/deploy', { files: [{ path: 'compose.yml', text: compose }], name });
  }

  /** All events after that id that the cluster still holds, oldest first. */
  async events(from = 0): Promise<readonly ClusterEvent[]> {
    const events: ClusterEvent[] = [];
    for (let after = from; ; ) {
      const page = await this.get<EventPage>(`/events?after=${after}&limit=1000`);
      events.push(...page.events);
      const last = page.events.at(-1);
      if (last === undefined || last.id >= page.lastId) return events;
      after = last.id;
    }
  }

  /** Waits until all services are as wanted and so many nodes are ready. */
  settled(nodesReady?: number): Promise<RunStatus> {
    let status: RunStatus | undefined;
    return eventually(
      () => `the cluster is as wanted: ${JSON.stringify(status)}`,
      async () => {
        status = await this.status();
        const { tasks, services, nodes } = status;
        return (
          services.converged === services.total &&
          tasks.running === tasks.desired &&
          (nodesReady === undefined || nodes.ready === nodesReady) &&
          status
        );
      },
    );
  }
}

/** A Compose file of services without image details: name and replicas. */
export function composeOf(services: Readonly<Record<string, number>>, extra = ''): string {
  const blocks = Object.entries(services).map(
    ([name, replicas]) =>
      `  ${name}:\n    image: nginx:alpine\n    deploy:\n      replicas: ${replicas}\n      resources: { reservations: { cpus: "0.1", memory: 32M } }\n${extra}`,
  );
  return `services:\n${blocks.join('')}`;
}

/** `paperfleet replay JOURNAL --json`. */
export async function replayOf(
  state: string,
  until?: number,
): Promise<{ readonly at: number; readonly digest: string; readonly digestsChecked: number; readonly mismatches: readonly string[] }> {
  const { code, stdout, stderr } = await run([
    'replay',
    path.join(state, 'journal.ndjson'),
    '--json',
    ...(until === undefined ? [] : ['--until', `${until}us`]),
  ]);
  if (stdout === '') throw new Error(`replay ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof replayOf>>;
}
