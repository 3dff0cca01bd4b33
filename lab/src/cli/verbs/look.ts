/** Verbs that look at a running cluster: status, services, nodes, ps, runs, digest. */
import type { NodeView, RunDigest, RunStatus, RunSummary, ServiceView, TaskRow } from '@paperfleet/core';
import type { Command, CommandContext, ExitCode } from '../command.ts';
import { flagOption, textOption } from '../parse.ts';
import type { Style } from '../style.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';
import { bytesText, clockText, coresText } from '../units.ts';

/** Prints a table, or a sentence when there is nothing to show. */
function printTable<T>(context: CommandContext, columns: readonly Column<T>[], rows: readonly T[], none: string): void {
  if (rows.length === 0) context.print(none);
  else for (const line of tableLines(columns, rows)) context.print(line);
}

/** Green when all is well, yellow when it is on its way, red when something is wrong. */
const byLevel = (style: Style, level: 'good' | 'middling' | 'bad', text: string): string =>
  level === 'good' ? style.green(text) : level === 'middling' ? style.yellow(text) : style.red(text);

/** `3/4`, and how many of the missing ones have no node. */
const replicasText = ({ running, desired, pending }: ServiceView): string =>
  `${running}/${desired}${pending === 0 ? '' : ` (${pending} pending)`}`;
const serviceLevel = ({ running, desired, pending }: ServiceView): 'good' | 'middling' | 'bad' =>
  pending > 0 ? 'bad' : running === desired ? 'good' : 'middling';
const portText = ({ ports }: ServiceView): string =>
  ports
    .map(({ publishedPort, targetPort, protocol }) => `${publishedPort === 0 ? '*' : publishedPort}->${targetPort}/${protocol}`)
    .join(', ') || '-';

/** Columns of a list of services. */
export const serviceColumns = (style: Style): readonly Column<ServiceView>[] => [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'MODE', text: ({ mode }) => mode },
  { title: 'REPLICAS', text: replicasText, paint: (text, service) => byLevel(style, serviceLevel(service), text) },
  { title: 'IMAGE', text: ({ image }) => image },
  { title: 'LOAD', text: ({ requestsPerSecond }) => (requestsPerSecond === 0 ? '-' : `${requestsPerSecond}/s`), align: 'right' },
  { title: 'PORTS', text: portText },
  { title: 'UPDATE', text: ({ updateStatus }) => updateStatus || '-' },
];

const nodeLevel = ({ status, availability }: NodeView): 'good' | 'middling' | 'bad' =>
  status === 'down' ? 'bad' : status === 'ready' && availability === 'active' ? 'good' : 'middling';

/** Columns of a list of nodes: what the manager believes, and under REALITY what is so. */
export const nodeColumns = (style: Style): readonly Column<NodeView>[] => [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'STATUS', text: ({ status }) => status, paint: (text, node) => byLevel(style, nodeLevel(node), text) },
  { title: 'AVAILABILITY', text: ({ availability }) => availability },
  { title: 'REALITY', text: ({ truth }) => truth },
  { title: 'ZONE', text: ({ zone }) => zone || '-' },
  { title: 'TASKS', text: ({ tasks }) => String(tasks), align: 'right' },
  {
    title: 'CPU RESERVED',
    text: ({ reservedNanoCpus, nanoCpus }) => `${coresText(reservedNanoCpus)}/${coresText(nanoCpus)}`,
    align: 'right',
  },
  {
    title: 'MEMORY RESERVED',
    text: ({ reservedMemoryBytes, memoryBytes }) => `${bytesText(reservedMemoryBytes)}/${bytesText(memoryBytes)}`,
    align: 'right',
  },
];

const taskLevel = ({ state, health }: TaskRow): 'good' | 'middling' | 'bad' => {
  if (state === 'failed' || state === 'rejected' || state === 'orphaned' || health === 'unhealthy') return 'bad';
  return state === 'running' || state === 'complete' ? 'good' : 'middling';
};

const taskColumns = (style: Style): readonly Column<TaskRow>[] => [
  { title: 'ID', text: ({ id }) => id.slice(0, 12) },
  { title: 'NAME', text: ({ name }) => name },
  { title: 'IMAGE', text: ({ image }) => image },
  { title: 'NODE', text: ({ node }) => node || '-' },
  { title: 'DESIRED', text: ({ desired }) => desired },
  {
    title: 'STATE',
    text: ({ state, health }) => (health === 'none' ? state : `${state} (${health})`),
    paint: (text, task) => byLevel(style, taskLevel(task), text),
  },
  { title: 'SINCE', text: ({ sinceUs }) => clockText(sinceUs, 0), align: 'right' },
  { title: 'CPU', text: ({ state, cpuNano }) => (state === 'running' ? coresText(cpuNano) : '-'), align: 'right' },
  { title: 'MEMORY', text: ({ state, memoryBytes }) => (state === 'running' ? bytesText(memoryBytes) : '-'), align: 'right' },
  { title: 'MESSAGE', text: ({ error, message, state }) => error || (state === 'running' ? '' : message) },
];

/** What an empty list of tasks says: a filter that left nothing, or a cluster without tasks. */
function noTasks(service: string | undefined, node: string | undefined): string {
  if (service === undefined && node === undefined) return 'No tasks. Deploy something: paperfleet deploy FILE';
  const of = service === undefined ? '' : ` of ${service}`;
  const on = node === undefined ? '' : ` on ${node}`;
  return `No tasks${of}${on} that run, start or wait. With ended ones: --all`;
}

/** How fast a run plays, in words. */
export function playbackText({ paused, speed, reachedSpeed, waitingFor }: RunSummary['playback']): string {
  if (paused) return 'paused';
  if (waitingFor.length > 0) return `waiting for ${waitingFor.join(', ')}`;
  const reached = Math.round(reachedSpeed * 10) / 10;
  if (speed === 0) return `as fast as possible (${reached}x reached)`;
  if (reachedSpeed === 0) return `${speed}x`; // not measured yet
  return Math.abs(reachedSpeed - speed) > speed / 20 ? `${speed}x wanted, ${reached}x reached` : `${speed}x`;
}

export const psCommand: Command = {
  name: 'ps',
  aliases: ['tasks'],
  group: 'observe',
  summary: 'List tasks, of all services or of one',
  usage: '[SERVICE]',
  examples: [
    { command: 'paperfleet ps', comment: 'all tasks that run, start or wait' },
    { command: 'paperfleet ps web --all', comment: "the service's ended tasks too" },
    { command: 'paperfleet ps --node n3 --json', comment: 'what is on a node, for a script' },
  ],
  options: [
    { name: 'all', short: 'a', type: 'boolean', summary: 'With ended tasks' },
    { name: 'node', type: 'string', value: 'NODE', summary: 'Only tasks on this node' },
  ],
  positionals: { min: 0, max: 1 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const [service] = context.positionals;
    const answer = await context.client.get<{ tasks: TaskRow[] }>('tasks', {
      service,
      node: textOption(context, 'node'),
      all: flagOption(context, 'all'),
    });
    if (context.json) context.printJson(answer.tasks);
    else printTable(context, taskColumns(context.style), answer.tasks, noTasks(service, textOption(context, 'node')));
    return 0;
  },
};

export const servicesCommand: Command = {
  name: 'services',
  aliases: ['ls'],
  group: 'observe',
  summary: 'List services with their replicas',
  usage: '',
  examples: [{ command: 'paperfleet services', comment: 'running and wanted replicas of every service' }],
  options: [],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const { services } = await context.client.get<{ services: ServiceView[] }>('services');
    if (context.json) context.printJson(services);
    else printTable(context, serviceColumns(context.style), services, 'No services. Deploy something: paperfleet deploy FILE');
    return 0;
  },
};

export const nodesCommand: Command = {
  name: 'nodes',
  group: 'observe',
  summary: 'List nodes: what the manager believes, and what is so',
  usage: '',
  examples: [{ command: 'paperfleet nodes', comment: 'status, availability and reservations of every node' }],
  options: [],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const { nodes } = await context.client.get<{ nodes: NodeView[] }>('nodes');
    if (context.json) context.printJson(nodes);
    else printTable(context, nodeColumns(context.style), nodes, 'No nodes. Add some: paperfleet agent --join URL --nodes 3');
    return 0;
  },
};

export const statusCommand: Command = {
  name: 'status',
  group: 'observe',
  summary: 'Show the cluster at a glance',
  usage: '',
  examples: [{ command: 'paperfleet status', comment: 'time, speed, nodes, services, tasks' }],
  options: [],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const status = await context.client.get<RunStatus>('');
    if (context.json) context.printJson(status);
    else for (const line of statusLines(status)) context.print(line);
    return 0;
  },
};

function statusLines(status: RunStatus): string[] {
  const { run, nodes, services, tasks, totals } = status;
  const origin = run.parent === null ? '' : `, forked from ${run.parent} at ${clockText(run.forkedAtUs ?? 0)}`;
  const some = (count: number, word: string): string => (count === 0 ? '' : `, ${count} ${word}`);
  return [
    `Run       ${run.name} (seed ${run.seed}${origin})`,
    `Time      ${clockText(run.playback.simUs)}, ${playbackText(run.playback)}`,
    `Nodes     ${nodes.ready} of ${nodes.total} ready${some(nodes.down, 'down')}${some(nodes.notActive, 'paused or drained')}`,
    `Services  ${services.converged} of ${services.total} as wanted`,
    `Tasks     ${tasks.running} of ${tasks.desired} running${some(tasks.starting - tasks.pending, 'starting')}${some(tasks.pending, 'without a node')}`,
    `Reserved  ${coresText(status.reservedNanoCpus)} of ${coresText(status.nanoCpus)} CPUs, ${bytesText(status.reservedMemoryBytes)} of ${bytesText(status.memoryBytes)} memory`,
    `Engine    ${totals.agents} agents in ${totals.hosts} ${totals.hosts === 1 ? 'host' : 'hosts'}, ${totals.eventsProcessed} events processed`,
  ];
}

export const digestCommand: Command = {
  name: 'digest',
  group: 'observe',
  summary: 'Show the digest of all state changes so far',
  description: 'Runs with equal inputs have equal digests, however fast and wherever they were executed.',
  usage: '',
  examples: [{ command: 'paperfleet digest', comment: 'compare it with the digest of a replay' }],
  options: [],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const answer = await context.client.get<RunDigest>('digest');
    if (context.json) context.printJson(answer);
    else context.print(`${answer.digest} at ${clockText(answer.at)}`);
    return 0;
  },
};

const runColumns: readonly Column<RunSummary>[] = [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'FORKED FROM', text: ({ parent, forkedAtUs }) => (parent === null ? '-' : `${parent} at ${clockText(forkedAtUs ?? 0)}`) },
  { title: 'TIME', text: ({ playback }) => clockText(playback.simUs), align: 'right' },
  { title: 'PLAYBACK', text: ({ playback }) => playbackText(playback) },
  { title: 'SEED', text: ({ seed }) => seed },
];

export const runsCommand: Command = {
  name: 'runs',
  group: 'time',
  summary: 'List the live run and its branches, or end a branch',
  usage: '',
  examples: [
    { command: 'paperfleet runs', comment: 'all runs of this server' },
    { command: 'paperfleet runs --close live~2', comment: 'end a branch' },
  ],
  options: [{ name: 'close', type: 'string', value: 'NAME', summary: 'End this branch' }],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const close = textOption(context, 'close');
    const { value: runs } =
      close === undefined
        ? await context.client.request<RunSummary[]>('GET', 'runs')
        : await context.client.request<RunSummary[]>('DELETE', `runs/${encodeURIComponent(close)}`);
    if (context.json) context.printJson(runs);
    else printTable(context, runColumns, runs, 'No runs.');
    return 0;
  },
};
