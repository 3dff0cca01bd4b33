/** Verbs that say what happened and why: events, why. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterEvent, EventPage, Why } from '@paperfleet/core';
import { explainSentence } from '@paperfleet/core';
import type { Command, CommandContext, ExitCode } from '../command.ts';
import { flagOption, textOption } from '../parse.ts';
import type { Style } from '../style.ts';
import { printable } from '../table.ts';
import { clockText, wholeNumber } from '../units.ts';

const FOLLOW_MS = 250;
const FOLLOW_LIMIT = 1000;

/** Whom an event is about: the task's service with the task's short id, else the service or node. */
const aboutText = ({ task, service, node }: ClusterEvent): string =>
  task !== undefined ? `${service ?? 'task'} (${task.slice(0, 7)})` : (service ?? node ?? '-');

/** `01:20.500  warning  task.pending  web (4f2k9xd)  sentence` */
export function eventLine(event: ClusterEvent, style: Style): string {
  const paint = (text: string): string =>
    event.severity === 'error' ? style.red(text) : event.severity === 'warning' ? style.yellow(text) : style.dim(text);
  const parts = [
    clockText(event.at).padStart(9),
    paint(event.severity.padEnd(7)),
    event.kind.padEnd(18),
    printable(aboutText(event)).padEnd(20),
  ];
  return `${parts.join('  ')}  ${printable(explainSentence(event.explain))}`;
}

function printEvents(context: CommandContext, events: readonly ClusterEvent[], asLines: boolean): void {
  if (!context.json) for (const event of events) context.print(eventLine(event, context.style));
  else if (asLines) for (const event of events) context.print(JSON.stringify(event));
  else context.printJson(events);
}

/** Prints new events until interrupted. */
async function follow(context: CommandContext, from: number, subject: string | undefined): Promise<void> {
  const { signal } = context.io;
  for (let after = from; !signal.aborted; ) {
    const { events, firstId, lastId } = await context.client.get<EventPage>('events', { after, limit: FOLLOW_LIMIT, subject });
    if (firstId > after + 1 && after > 0) context.progress(`(${firstId - after - 1} events went by too fast to be shown)`);
    printEvents(context, events, true);
    // A server that started over counts from one again.
    const next =
      lastId < after
        ? 0
        : events.length === FOLLOW_LIMIT
          ? events.at(-1)!.id
          : Math.max(after, events.at(-1)?.id ?? 0, subject === undefined ? lastId : 0);
    const isBehind = events.length === FOLLOW_LIMIT;
    after = next;
    if (!isBehind) await sleep(FOLLOW_MS, undefined, { signal }).catch(() => undefined);
  }
}

export const eventsCommand: Command = {
  name: 'events',
  group: 'observe',
  summary: 'Show what happened, with reasons',
  usage: '',
  examples: [
    { command: 'paperfleet events', comment: 'the newest 50' },
    { command: 'paperfleet events --follow', comment: 'and whatever happens from now on, until Ctrl-C' },
    { command: 'paperfleet events --subject web --limit 200', comment: 'about one service, node or task' },
    { command: 'paperfleet events --follow --json', comment: 'one JSON object per line, for a script' },
  ],
  options: [
    { name: 'follow', short: 'f', type: 'boolean', summary: 'Go on with new events until interrupted' },
    { name: 'subject', type: 'string', value: 'NAME', summary: 'Only about this service, node or task' },
    { name: 'limit', short: 'n', type: 'string', value: 'N', summary: 'How many of the past ones', default: '50' },
  ],
  positionals: { min: 0, max: 0 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const subject = textOption(context, 'subject');
    const limit = wholeNumber(textOption(context, 'limit') ?? '50', '--limit', 1000);
    const following = flagOption(context, 'follow');
    const page: EventPage =
      limit === 0
        ? { ...(await context.client.get<EventPage>('events', { limit: 1, subject })), events: [] }
        : await context.client.get<EventPage>('events', { limit, subject });
    if (page.events.length === 0 && !following && !context.json) context.print('No events yet.');
    else printEvents(context, page.events, following);
    if (following) await follow(context, page.lastId, subject);
    return 0;
  },
};

/** The causes of an event, oldest first, each a step further to the right. */
function chainLines({ chain }: Why, style: Style): string[] {
  return [...chain]
    .reverse()
    .map(
      (event, depth) =>
        `${'  '.repeat(depth)}${depth === 0 ? '' : '└ '}${style.dim(clockText(event.at))} ${printable(explainSentence(event.explain))}`,
    );
}

export const whyCommand: Command = {
  name: 'why',
  group: 'observe',
  summary: 'Explain why a task, service or node is as it is',
  usage: 'TASK|SERVICE|NODE',
  examples: [
    { command: 'paperfleet why web.3', comment: 'why it is where it is, or why it waits' },
    { command: 'paperfleet why web', comment: 'why the service is not what it should be' },
    { command: 'paperfleet why node:n2', comment: 'the node, when something else has that name too' },
  ],
  options: [{ name: 'events', type: 'boolean', summary: 'With the events about it, newest first' }],
  positionals: { min: 1, max: 1 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const why = await context.client.get<Why>(`why/${encodeURIComponent(context.positionals[0]!)}`);
    if (context.json) {
      context.printJson(why);
      return 0;
    }
    const { style } = context;
    context.print(printable(why.summary));
    if (why.chain.length > 1) for (const line of ['', style.bold('How it came about:'), ...chainLines(why, style)]) context.print(line);
    if (flagOption(context, 'events'))
      for (const line of ['', style.bold('Events:'), ...why.events.map((event) => eventLine(event, style))]) context.print(line);
    return 0;
  },
};
