/** `paperfleet up`: the live cluster with its dashboard, until Ctrl-C. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEFAULT_CONFIG, type StackSpec } from '@paperfleet/core';
import type { ApiLog } from '@paperfleet/scheduler';
import { type Command, type CommandContext, CommandError, UsageError } from '../cli/command.ts';
import { flagOption, listOption, textOption } from '../cli/parse.ts';
import { clockText } from '../cli/units.ts';
import { formatDiagnostic } from '../compose/diagnostic.ts';
import { readStack } from '../compose/read-stack.ts';
import { buildId } from '../run/build-id.ts';
import { type ClusterOptions, startCluster } from './cluster.ts';
import { loadRequestedStack } from './load-stack.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const DEFAULT_STACK = join(ROOT, 'scenarios/compose/shop.yml');
const WEB_ROOT = join(ROOT, 'web/dist');
const DEFAULT_PORT = '7070';
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/;
/** Where the client verbs look when nobody says otherwise. */
const DEFAULT_URL = `http://127.0.0.1:${DEFAULT_PORT}`;

export const upCommand: Command = {
  name: 'up',
  group: 'cluster',
  summary: 'Start a live cluster with its dashboard',
  usage: '',
  description:
    'Starts the manager, agent hosts with simulated machines, and the dashboard. The run is journaled: started again, it goes on where it stopped, also after a crash. --fresh begins anew.',
  examples: [
    { command: 'paperfleet up', comment: 'ten machines and a small web shop' },
    { command: 'paperfleet up --nodes 100 --hosts 2 --stack my-compose.yml --fresh', comment: 'a hundred machines and your own stack' },
    { command: 'paperfleet up --nodes 0 --empty', comment: 'the manager alone; add machines with `paperfleet agent`' },
  ],
  options: [
    { name: 'port', type: 'string', value: 'PORT', summary: 'Port of dashboard and API (or PAPERFLEET_PORT)', default: DEFAULT_PORT },
    {
      name: 'host',
      type: 'string',
      value: 'ADDRESS',
      summary: 'Address to bind; beyond loopback a token is required',
      default: '127.0.0.1',
    },
    { name: 'token', type: 'string', value: 'TOKEN', summary: 'Token people must present (or PAPERFLEET_TOKEN)' },
    { name: 'viewer-token', type: 'string', value: 'TOKEN', summary: 'Token for read-only access' },
    { name: 'allow-host', type: 'string', multiple: true, value: 'NAME', summary: 'Another host name under which the server is reached' },
    { name: 'nodes', type: 'string', value: 'N', summary: 'Machines to start with', default: '10' },
    { name: 'hosts', type: 'string', value: 'N', summary: 'Agent host processes to spread them over', default: '1' },
    { name: 'cpu', type: 'string', value: 'CORES', summary: 'Cores of each machine', default: '8' },
    { name: 'memory', type: 'string', value: 'SIZE', summary: 'Memory of each machine', default: '16GiB' },
    { name: 'zones', type: 'string', value: 'N', summary: 'Zones to spread them over', default: '3' },
    {
      name: 'stack',
      short: 'f',
      type: 'string',
      multiple: true,
      value: 'FILE',
      summary: 'Compose file to deploy at the start',
      default: 'a small web shop',
    },
    { name: 'name', type: 'string', value: 'NAME', summary: 'Name of that stack' },
    { name: 'empty', type: 'boolean', summary: 'Deploy nothing' },
    { name: 'seed', type: 'string', value: 'SEED', summary: 'Seed of a new run', default: 'drawn and printed' },
    { name: 'speed', type: 'string', value: 'X', summary: 'Simulated seconds per wall second, or max', default: '1' },
    { name: 'paused', type: 'boolean', summary: 'Start paused' },
    { name: 'state', type: 'string', value: 'FOLDER', summary: 'Folder of journal and checkpoints', default: '.paperfleet' },
    { name: 'fresh', type: 'boolean', summary: 'Put the earlier run aside and begin anew' },
    {
      name: 'checkpoint-every',
      type: 'string',
      value: 'SECONDS',
      summary: 'Wall time between checkpoints; more often while much happens',
      default: '60',
    },
    {
      name: 'return-within',
      type: 'string',
      value: 'SECONDS',
      summary: 'After a restart, how long to wait for agent hosts',
      default: '15',
    },
    {
      name: 'startup-scale',
      type: 'string',
      value: 'PERMILLE',
      summary: 'Scale of image pulls and start-up times; 0 is immediate',
      default: '1000',
    },
    { name: 'verbose', type: 'boolean', summary: 'Print log lines (NDJSON) to stderr' },
  ],
  positionals: { min: 0, max: 0 },
  remote: false,
  async run(context) {
    const { io } = context;
    const options = optionsOf(context);
    const cluster = await startCluster(options);
    const { url, joinUrl, joinToken, conductor, resumedAt, movedAside } = cluster;
    if (context.json) {
      context.printJson({
        url,
        joinUrl,
        joinToken,
        seed: conductor.header.seed,
        build: conductor.header.build,
        resumedAt: resumedAt ?? null,
        movedAside: movedAside?.path ?? null,
        pid: process.pid,
      });
    } else {
      print(context, [
        '',
        `  ${context.style.bold('Paperfleet')}  ${context.style.cyan(url)}`,
        '',
        resumedAt === undefined
          ? `  new run, seed ${conductor.header.seed}`
          : `  the run goes on at ${clockText(resumedAt)} (seed ${conductor.header.seed}; --fresh begins anew)`,
        ...(movedAside === undefined
          ? []
          : [
              `  the earlier run ${movedAside.build === '' ? '' : `is of another build (${movedAside.build}) and `}was put aside: ${movedAside.path}`,
            ]),
        '',
        '  try next, in another terminal:',
        ...(url === DEFAULT_URL ? [] : [`    export PAPERFLEET_URL=${url}`]),
        // A stack that was just handed in takes effect with the first window.
        ...tryNext(
          [...conductor.manager.store.services.values()]
            .map(({ spec }) => spec.name)
            .concat(options.stack?.services.map(({ name }) => name) ?? []),
        ),
        `    npx paperfleet agent --join ${joinUrl} --token ${joinToken} --name more --nodes 5`,
        '',
        '  Ctrl-C stops; the run can be taken up again.',
        '',
      ]);
    }
    await new Promise<void>((resolve) => {
      if (io.signal.aborted) resolve();
      else io.signal.addEventListener('abort', () => resolve());
    });
    context.progress('stopping …');
    await cluster.stop();
    return 0;
  },
};

/** What to try, with names that are there. */
function tryNext(services: readonly string[]): string[] {
  const [service] = services;
  const lines: [string, string][] = [
    ['ps', 'what runs where'],
    ...(service === undefined
      ? ([['deploy FILE', 'your Compose file']] as [string, string][])
      : ([[`scale ${service}=12`, 'more replicas']] as [string, string][])),
    ['kill n1', 'a machine fails: watch its tasks move'],
    ['why n1', '… and why'],
  ];
  return lines.map(([command, what]) => `    npx paperfleet ${command.padEnd(28)} ${what}`);
}

function print(context: CommandContext, lines: readonly string[]): void {
  for (const line of lines) context.print(line);
}

function optionsOf(context: CommandContext): ClusterOptions {
  const { io } = context;
  const port = numberOf(context, 'port', io.env['PAPERFLEET_PORT'] || DEFAULT_PORT, 0, 65_535);
  const hosts = numberOf(context, 'hosts', '1', 1, 64);
  const nodes = numberOf(context, 'nodes', '10', 0, 100_000);
  const speedText = textOption(context, 'speed') ?? '1';
  const speed = speedText === 'max' ? 0 : numberOf(context, 'speed', '1', 0.1, 1000);
  const token = textOption(context, 'token') ?? (io.env['PAPERFLEET_TOKEN'] || undefined);
  const viewerToken = textOption(context, 'viewer-token');
  const host = textOption(context, 'host') ?? '127.0.0.1';
  if (!LOOPBACK.test(host) && token === undefined) {
    throw new UsageError(
      `--host ${host}: other machines can reach that, so people must present a token`,
      'give one with --token (or PAPERFLEET_TOKEN)',
    );
  }
  const stateFolder = resolve(io.cwd, textOption(context, 'state') ?? '.paperfleet');
  const stack = flagOption(context, 'empty') ? undefined : firstStack(context);
  const machine = [
    '--cpu',
    textOption(context, 'cpu') ?? '8',
    '--memory',
    textOption(context, 'memory') ?? '16GiB',
    '--zones',
    textOption(context, 'zones') ?? '3',
  ];
  return {
    build: buildId(),
    host,
    port,
    stateFolder,
    fresh: flagOption(context, 'fresh'),
    seed: textOption(context, 'seed') ?? Math.trunc(Math.random() * 1e9).toString(36),
    config: { ...DEFAULT_CONFIG, startupScalePermille: numberOf(context, 'startup-scale', '1000', 0, 100_000) },
    speed,
    paused: flagOption(context, 'paused'),
    agentHosts: Array.from({ length: nodes === 0 ? 0 : Math.min(hosts, nodes) }, (_, index) => ({
      name: hosts === 1 ? 'local' : `local-${index + 1}`,
      args: ['--nodes', String(share(nodes, Math.min(hosts, nodes), index)), ...machine],
    })),
    checkpointMs: numberOf(context, 'checkpoint-every', '60', 0.1, 86_400) * 1000,
    returnMs: numberOf(context, 'return-within', '15', 0, 3600) * 1000,
    loadStack: (request) => loadRequestedStack(request),
    log: logTo(context),
    progress: (message) => context.progress(message),
    ...(token === undefined ? {} : { token }),
    ...(viewerToken === undefined ? {} : { viewerToken }),
    allowedHosts: listOption(context, 'allow-host'),
    ...(stack === undefined ? {} : { stack }),
    ...(existsSync(WEB_ROOT) ? { webRoot: WEB_ROOT } : {}),
  };
}

/** How many of `total` the nth of `parts` gets. */
const share = (total: number, parts: number, index: number): number => Math.floor(total / parts) + (index < total % parts ? 1 : 0);

function firstStack(context: CommandContext): StackSpec {
  const given = listOption(context, 'stack');
  const loaded = readStack({
    paths: given.length > 0 ? given.map((path) => resolve(context.io.cwd, path)) : [DEFAULT_STACK],
    env: definedOf(context.io.env),
    profiles: [],
    projectName: textOption(context, 'name') ?? '',
  });
  if (loaded.ok) return loaded.stack;
  throw new CommandError(`the stack cannot be read:\n${loaded.errors.map(formatDiagnostic).join('\n')}`);
}

const definedOf = (env: Readonly<Record<string, string | undefined>>): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined));

function numberOf(context: CommandContext, name: string, fallback: string, min: number, max: number): number {
  const text = textOption(context, name) ?? fallback;
  const value = Number(text);
  if (!(value >= min && value <= max)) throw new UsageError(`--${name} ${text}: a number from ${min} to ${max}`);
  return value;
}

function logTo(context: CommandContext): ApiLog {
  const verbose = flagOption(context, 'verbose');
  return (level, event, fields) => {
    if (!verbose && level !== 'warn' && level !== 'error') return;
    context.io.stderr(`${JSON.stringify({ level, event, ...fields })}\n`);
  };
}
