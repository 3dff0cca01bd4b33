/** Verbs that disturb reality: kill, recover, partition, heal. The manager is not told; it finds out. */
import type { CommandAck, FaultRequest } from '@paperfleet/core';
import type { Command, CommandContext, ExitCode } from '../command.ts';
import { UsageError } from '../command.ts';
import { listOption, textOption } from '../parse.ts';
import { wholeNumber } from '../units.ts';
import { printAcks } from './change.ts';

const fault = (context: CommandContext, request: FaultRequest): Promise<CommandAck> => context.client.post<CommandAck>('faults', request);

export const killCommand: Command = {
  name: 'kill',
  group: 'disturb',
  summary: 'Cut the power of nodes, or kill a task',
  description: 'A killed node says nothing: the manager declares it down when its heartbeats stay away, and starts its tasks elsewhere.',
  usage: 'NODE… | --task TASK',
  examples: [
    { command: 'paperfleet kill n2', comment: 'the machine is off; `paperfleet recover n2` turns it on again' },
    { command: 'paperfleet kill --task web.3 --exit-code 1', comment: "end a task's container" },
  ],
  options: [
    { name: 'task', type: 'string', multiple: true, value: 'TASK', summary: 'Kill this task instead of a node' },
    { name: 'exit-code', type: 'string', value: 'CODE', summary: "The task's exit code", default: '137' },
  ],
  positionals: { min: 0, max: Number.POSITIVE_INFINITY },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const tasks = listOption(context, 'task');
    const nodes = context.positionals;
    if ((tasks.length === 0) === (nodes.length === 0))
      throw new UsageError(nodes.length === 0 ? 'name a node, or a task with --task' : 'name nodes or --task, not both');
    const exitCode = wholeNumber(textOption(context, 'exit-code') ?? '137', '--exit-code', 255);
    const acks: [string, CommandAck][] = [];
    if (nodes.length > 0) acks.push([`${nodes.join(', ')} killed`, await fault(context, { nodes, fault: { fault: 'crash' } })]);
    for (const task of tasks) acks.push([`${task} killed`, await fault(context, { fault: { fault: 'killTask', task, exitCode } })]);
    printAcks(context, acks);
    return 0;
  },
};

export const recoverCommand: Command = {
  name: 'recover',
  group: 'disturb',
  summary: 'Turn killed nodes on again',
  usage: 'NODE…',
  examples: [{ command: 'paperfleet recover n2', comment: 'it boots, registers again, and is ready for tasks' }],
  options: [],
  positionals: { min: 1, max: Number.POSITIVE_INFINITY },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const nodes = context.positionals;
    printAcks(context, [[`${nodes.join(', ')} recovering`, await fault(context, { nodes, fault: { fault: 'recover' } })]]);
    return 0;
  },
};

const DIRECTIONS = ['both', 'up', 'down'] as const;

export const partitionCommand: Command = {
  name: 'partition',
  group: 'disturb',
  summary: 'Cut nodes off from the manager; they run on',
  usage: 'NODE…',
  examples: [
    { command: 'paperfleet partition n1 n2', comment: 'no message gets through, either way' },
    { command: 'paperfleet partition n1 --direction up', comment: 'it hears the manager but is not heard' },
  ],
  options: [
    {
      name: 'direction',
      type: 'string',
      value: 'both|up|down',
      summary: 'up: what the nodes send; down: what they are sent',
      default: 'both',
    },
  ],
  positionals: { min: 1, max: Number.POSITIVE_INFINITY },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const wanted = textOption(context, 'direction') ?? 'both';
    const direction = DIRECTIONS.find((candidate) => candidate === wanted);
    if (direction === undefined) throw new UsageError(`"${wanted}" is no direction`, 'both, up or down');
    const nodes = context.positionals;
    printAcks(context, [[`${nodes.join(', ')} cut off`, await fault(context, { nodes, fault: { fault: 'partition', direction } })]]);
    return 0;
  },
};

export const healCommand: Command = {
  name: 'heal',
  group: 'disturb',
  summary: 'Undo all faults of the links of nodes',
  usage: 'NODE…',
  examples: [{ command: 'paperfleet heal n1 n2', comment: 'messages get through again' }],
  options: [],
  positionals: { min: 1, max: Number.POSITIVE_INFINITY },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const nodes = context.positionals;
    printAcks(context, [[`${nodes.join(', ')} healed`, await fault(context, { nodes, fault: { fault: 'heal' } })]]);
    return 0;
  },
};
