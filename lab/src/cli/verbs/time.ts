/** Verbs that control simulated time: pause, resume, speed, step, rewind, fork. */
import type { PlaybackRequest, PlaybackState, RunSummary, Snapshot } from '@paperfleet/core';
import type { Command, CommandContext, ExitCode } from '../command.ts';
import { UsageError } from '../command.ts';
import { flagOption, textOption } from '../parse.ts';
import { tableLines } from '../table.ts';
import { clockText, parseInstant } from '../units.ts';
import { nodeColumns, playbackText, serviceColumns } from './look.ts';

async function playback(context: CommandContext, request: PlaybackRequest): Promise<ExitCode> {
  const state = await context.client.post<PlaybackState>('playback', request);
  if (context.json) context.printJson(state);
  else context.print(`${clockText(state.simUs)}, ${playbackText(state)}`);
  return 0;
}

function simpleCommand(name: 'pause' | 'resume', summary: string, comment: string): Command {
  return {
    name,
    group: 'time',
    summary,
    usage: '',
    examples: [{ command: `paperfleet ${name}`, comment }],
    options: [],
    positionals: { min: 0, max: 0 },
    remote: true,
    run: (context) => playback(context, { do: name }),
  };
}

export const pauseCommand: Command = simpleCommand('pause', 'Stop simulated time', 'nothing happens any more; commands are still taken');
export const resumeCommand: Command = simpleCommand('resume', 'Let simulated time go on', 'at the speed it had');

export const speedCommand: Command = {
  name: 'speed',
  group: 'time',
  summary: 'Set how fast simulated time goes',
  usage: 'FACTOR|max',
  examples: [
    { command: 'paperfleet speed 20', comment: 'twenty simulated seconds a second' },
    { command: 'paperfleet speed 0.5', comment: 'half as fast as the wall clock' },
    { command: 'paperfleet speed max', comment: 'as fast as this machine can' },
  ],
  options: [],
  positionals: { min: 1, max: 1 },
  remote: true,
  run: (context) => {
    const text = context.positionals[0]!;
    if (text === 'max') return playback(context, { do: 'speed', speed: 0 });
    const speed = Number(text.replace(/x$/, ''));
    if (!/^\d+(\.\d+)?x?$/.test(text) || speed < 0.1 || speed > 1000)
      throw new UsageError(`"${text}" is no speed`, 'from 0.1 to 1000, or max');
    return playback(context, { do: 'speed', speed });
  },
};

export const stepCommand: Command = {
  name: 'step',
  group: 'time',
  summary: 'Simulate one window, or up to the next event, then stop',
  usage: '',
  examples: [
    { command: 'paperfleet step', comment: 'one window' },
    { command: 'paperfleet step --event', comment: 'until something happens that `events` shows' },
  ],
  options: [{ name: 'event', type: 'boolean', summary: 'Up to and including the next event' }],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: (context) => playback(context, { do: 'step', until: flagOption(context, 'event') ? 'event' : 'window' }),
};

function requiredInstant(context: CommandContext): number {
  const at = textOption(context, 'at');
  if (at === undefined) throw new UsageError('--at is missing', '--at 01:20 (minutes:seconds of simulated time)');
  return parseInstant(at);
}

const AT_OPTION = { name: 'at', type: 'string', value: 'TIME', summary: 'Instant of simulated time: 01:20, 1:02:03, 80s' } as const;

export const rewindCommand: Command = {
  name: 'rewind',
  group: 'time',
  summary: 'Show the cluster as it was at an earlier instant',
  description: 'Replays the journal in a side run; the run itself goes on undisturbed. To go on from there, fork.',
  usage: '--at TIME',
  examples: [{ command: 'paperfleet rewind --at 01:20', comment: 'services and nodes as they were' }],
  options: [AT_OPTION],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const at = requiredInstant(context);
    context.progress(`replaying to ${clockText(at)} …`);
    const { client, style } = context;
    const { value: past, headers } = await client.request<Snapshot>('POST', client.runPath('rewind'), { at });
    const digest = headers.get('paperfleet-digest') ?? '';
    if (context.json) {
      context.printJson({ digest, snapshot: past });
      return 0;
    }
    context.print(`${past.run} at ${clockText(past.playback.simUs)}, digest ${digest}`);
    if (past.services.length > 0) for (const line of ['', ...tableLines(serviceColumns(style), past.services)]) context.print(line);
    if (past.nodes.length > 0) for (const line of ['', ...tableLines(nodeColumns(style), past.nodes)]) context.print(line);
    return 0;
  },
};

export const forkCommand: Command = {
  name: 'fork',
  group: 'time',
  summary: 'Start a branch from an earlier instant',
  description: 'The branch starts paused, with its nodes inside the server. Speak about it with --run NAME.',
  usage: '--at TIME',
  examples: [
    { command: 'paperfleet fork --at 01:20', comment: 'what if? from 1 min 20 s on' },
    { command: 'paperfleet resume --run live~2', comment: 'let the branch go on' },
  ],
  options: [AT_OPTION],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const at = requiredInstant(context);
    context.progress(`replaying to ${clockText(at)} …`);
    const branch = await context.client.post<RunSummary>('fork', { at });
    if (context.json) context.printJson(branch);
    else {
      context.print(`${branch.name} forked from ${branch.parent ?? '-'} at ${clockText(branch.forkedAtUs ?? at)}, paused`);
      context.print(`go on with: paperfleet resume --run ${branch.name}`);
    }
    return 0;
  },
};
