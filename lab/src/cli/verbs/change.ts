/** Verbs that change what runs: scale, load, rm, drain, cordon, activate. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Availability, Command as ClusterCommand, CommandAck, RunStatus, ServiceView } from '@paperfleet/core';
import type { Command, CommandContext, ExitCode, OptionSpec } from '../command.ts';
import { CommandError, UsageError } from '../command.ts';
import { flagOption, textOption } from '../parse.ts';
import { clockText, wholeNumber } from '../units.ts';

const POLL_MS = 300;
const MAX_REPLICAS = 1_000_000;

/** Sends a command and returns its acknowledgement. */
export const submit = (context: CommandContext, command: ClusterCommand): Promise<CommandAck> =>
  context.client.post<CommandAck>('commands', { command });

/** Prints acknowledgements: a line each, or as a list of JSON. */
export function printAcks(context: CommandContext, acks: readonly (readonly [string, CommandAck])[]): void {
  if (context.json) context.printJson(acks.map(([, ack]) => ack));
  else for (const [text, ack] of acks) context.print(`${text} ${context.style.dim(`(at ${clockText(ack.at)})`)}`);
}

export const WAIT_OPTION: OptionSpec = { name: 'wait', short: 'w', type: 'boolean', summary: 'Return only when all replicas run' };

const isSettled = ({ running, desired, starting }: ServiceView): boolean => running === desired && starting === 0;

/** Waits until the named services (all, when none is named) are as wanted. @throws CommandError when a service disappears or we are interrupted. */
export async function waitUntilSettled(context: CommandContext, names: readonly string[]): Promise<void> {
  const { signal } = context.io;
  let shown = '';
  let hasWarned = false;
  while (!signal.aborted) {
    const { services } = await context.client.get<{ services: ServiceView[] }>('services');
    const chosen = names.map((name) => services.find((service) => service.name === name || service.id.startsWith(name)));
    const missing = chosen.indexOf(undefined);
    if (missing !== -1) throw new CommandError(`the service ${names[missing]} no longer exists`, { code: 'PF_NOT_FOUND' });
    const present = chosen.filter((service) => service !== undefined);
    const text = present
      .map(({ name, running, desired, pending }) => `${name} ${running}/${desired}${pending === 0 ? '' : ` (${pending} without a node)`}`)
      .join(', ');
    if (text !== shown) context.progress(text);
    shown = text;
    if (present.every(isSettled)) return;
    if (!hasWarned) hasWarned = await warnWhenPaused(context);
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  throw new CommandError('interrupted; the cluster goes on by itself', { code: 'PF_INTERRUPTED' });
}

async function warnWhenPaused(context: CommandContext): Promise<boolean> {
  const { run } = await context.client.get<RunStatus>('');
  if (run.playback.paused) context.io.stderr('the run is paused: nothing will happen until `paperfleet resume`\n');
  return run.playback.paused;
}

/** `web=10` */
function scaleTarget(text: string): { service: string; replicas: number } {
  const at = text.lastIndexOf('=');
  if (at < 1) throw new UsageError(`"${text}" is not of the form SERVICE=REPLICAS`, `for example ${at === 0 ? 'web' : text}=3`);
  return {
    service: text.slice(0, at),
    replicas: wholeNumber(text.slice(at + 1), `the number of replicas of ${text.slice(0, at)}`, MAX_REPLICAS),
  };
}

export const scaleCommand: Command = {
  name: 'scale',
  group: 'change',
  summary: 'Set how many replicas of services shall run',
  usage: 'SERVICE=REPLICAS…',
  examples: [
    { command: 'paperfleet scale web=10', comment: 'ten replicas of web' },
    { command: 'paperfleet scale web=10 api=4 --wait', comment: 'several services, and wait until they all run' },
  ],
  options: [WAIT_OPTION],
  positionals: { min: 1, max: Number.POSITIVE_INFINITY },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const targets = context.positionals.map(scaleTarget);
    const acks: [string, CommandAck][] = [];
    for (const { service, replicas } of targets)
      acks.push([`${service} scaled to ${replicas}`, await submit(context, { do: 'scale', service, replicas })]);
    if (flagOption(context, 'wait'))
      await waitUntilSettled(
        context,
        targets.map(({ service }) => service),
      );
    printAcks(context, acks);
    return 0;
  },
};

export const loadCommand: Command = {
  name: 'load',
  group: 'change',
  summary: 'Put a constant load on a service',
  usage: 'SERVICE RATE',
  examples: [
    { command: 'paperfleet load web 200', comment: '200 requests a second, spread over its replicas' },
    { command: 'paperfleet load web 0', comment: 'none any more' },
  ],
  options: [],
  positionals: { min: 2, max: 2 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const [service = '', rate = ''] = context.positionals;
    const requestsPerSecond = Number(rate.replace(/\/s$/, ''));
    if (!/^\d+(\.\d+)?(\/s)?$/.test(rate)) throw new UsageError(`"${rate}" is no rate`, 'write requests per second: 200 or 0.5');
    printAcks(context, [
      [`${service} gets ${requestsPerSecond} requests/s`, await submit(context, { do: 'load', service, requestsPerSecond })],
    ]);
    return 0;
  },
};

export const rmCommand: Command = {
  name: 'rm',
  group: 'change',
  summary: 'Remove services, or a whole stack',
  usage: 'SERVICE… | --stack NAME',
  examples: [
    { command: 'paperfleet rm web api', comment: 'two services' },
    { command: 'paperfleet rm --stack shop', comment: 'everything deployed as shop' },
  ],
  options: [{ name: 'stack', type: 'string', value: 'NAME', summary: 'Remove this stack' }],
  positionals: { min: 0, max: Number.POSITIVE_INFINITY },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const stack = textOption(context, 'stack');
    if ((stack === undefined) === (context.positionals.length === 0)) {
      throw new UsageError(stack === undefined ? 'name a service, or a stack with --stack' : 'name services or --stack, not both');
    }
    const acks: [string, CommandAck][] = [];
    if (stack !== undefined) acks.push([`stack ${stack} removed`, await submit(context, { do: 'removeStack', stack })]);
    for (const service of context.positionals) acks.push([`${service} removed`, await submit(context, { do: 'removeService', service })]);
    printAcks(context, acks);
    return 0;
  },
};

function availabilityCommand(name: string, availability: Availability, summary: string, done: string, comment: string): Command {
  return {
    name,
    group: 'change',
    summary,
    usage: 'NODE…',
    examples: [{ command: `paperfleet ${name} n2`, comment }],
    options: [],
    positionals: { min: 1, max: Number.POSITIVE_INFINITY },
    remote: true,
    run: async (context): Promise<ExitCode> => {
      const acks: [string, CommandAck][] = [];
      for (const node of context.positionals)
        acks.push([`${node} ${done}`, await submit(context, { do: 'updateNode', node, availability })]);
      printAcks(context, acks);
      return 0;
    },
  };
}

export const drainCommand: Command = availabilityCommand(
  'drain',
  'drain',
  'Move all tasks off nodes, and give them no new ones',
  'is being drained',
  'its tasks are started elsewhere',
);
export const cordonCommand: Command = availabilityCommand(
  'cordon',
  'pause',
  'Give nodes no new tasks; those they have stay',
  'gets no new tasks',
  'what runs there goes on',
);
export const activateCommand: Command = availabilityCommand(
  'activate',
  'active',
  'Let nodes take tasks again',
  'is active',
  'after a drain or cordon',
);
