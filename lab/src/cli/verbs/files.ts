/** Verbs that read files: deploy, validate. */
import path from 'node:path';
import type { CommandAck } from '@paperfleet/core';
import type { ComposeResult } from '../../compose/load.ts';
import type { ScenarioResult } from '../../scenario/load.ts';
import type { Command, CommandContext, ExitCode, OptionSpec } from '../command.ts';
import { CommandError, UsageError } from '../command.ts';
import { fileReader, printDiagnostics, readNamedFile, shellVariables } from '../files.ts';
import { flagOption, listOption, textOption } from '../parse.ts';
import { clockText } from '../units.ts';
import { submit, WAIT_OPTION, waitUntilSettled } from './change.ts';

const LOAD_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'name',
    type: 'string',
    value: 'NAME',
    summary: "Stack name, prefix of the service names [default: the files' name:, else their folder's]",
  },
  { name: 'env-file', type: 'string', value: 'FILE', summary: 'Variables for ${…} [default: .env beside the first file]' },
  { name: 'profile', type: 'string', multiple: true, value: 'NAME', summary: 'Include the services of this profile; * for all' },
];

/** Text of the file with variables: the one named, or .env when there is one. */
function dotEnvText(context: CommandContext, first: string): string | undefined {
  const named = textOption(context, 'env-file');
  if (named !== undefined) return readNamedFile(context.io, named);
  return fileReader(context.io)(path.join(path.dirname(first), '.env'));
}

/** Loads Compose files as `deploy` and `validate` do. */
async function load(context: CommandContext, names: readonly string[]): Promise<ComposeResult> {
  const { io } = context;
  // Loaded on demand: most commands never read a file.
  const { loadCompose } = await import('../../compose/load.ts');
  const dotEnv = dotEnvText(context, names[0]!);
  return loadCompose({
    files: names.map((name) => ({ path: name, text: readNamedFile(io, name) })),
    env: shellVariables(io),
    ...(dotEnv === undefined ? {} : { dotEnv }),
    profiles: listOption(context, 'profile'),
    projectName: textOption(context, 'name') ?? '',
    readFile: fileReader(io),
  });
}

const errorCount = (count: number): string => `${count} ${count === 1 ? 'error' : 'errors'}`;
const serviceCount = (count: number): string => `${count} ${count === 1 ? 'service' : 'services'}`;

export const deployCommand: Command = {
  name: 'deploy',
  group: 'change',
  summary: 'Deploy Compose files as a stack',
  description: 'Creates the services that are new and updates those that differ. Later files override earlier ones.',
  usage: 'FILE…',
  examples: [
    { command: 'paperfleet deploy compose.yaml', comment: 'the stack is called as the file says, or as its folder' },
    { command: 'paperfleet deploy compose.yaml compose.prod.yaml --name shop', comment: 'two files merged' },
    { command: 'paperfleet deploy compose.yaml --prune --wait', comment: 'remove what the file no longer names, and wait until all runs' },
  ],
  options: [
    ...LOAD_OPTIONS,
    { name: 'prune', type: 'boolean', summary: "Remove the stack's services that the files do not name" },
    WAIT_OPTION,
  ],
  positionals: { min: 1, max: 64 },
  remote: true,
  run: async (context): Promise<ExitCode> => {
    const loaded = await load(context, context.positionals);
    if (!loaded.ok) return failed(context, loaded.errors);
    const { stack, warnings } = loaded;
    if (!context.json) printDiagnostics(context, warnings, 'warning');
    const ack: CommandAck = await submit(context, { do: 'deploy', stack, prune: flagOption(context, 'prune') });
    const services = stack.services.map(({ name }) => name);
    if (flagOption(context, 'wait')) await waitUntilSettled(context, services);
    if (context.json) context.printJson({ ...ack, stack: stack.name, services, warnings });
    else {
      context.print(
        `${stack.name === '' ? 'deployed' : `stack ${stack.name} deployed`}: ${serviceCount(services.length)} ${context.style.dim(`(at ${clockText(ack.at)})`)}`,
      );
      for (const service of services) context.print(`  ${service}`);
    }
    return 0;
  },
};

function failed(context: CommandContext, errors: (ComposeResult & { ok: false })['errors']): ExitCode {
  if (context.json) context.printJson({ ok: false, errors });
  else {
    printDiagnostics(context, errors, 'error');
    context.io.stderr(`${context.style.red(errorCount(errors.length))}, nothing was done\n`);
  }
  return 1;
}

/** Keys that only a scenario has at its top. */
const SCENARIO_KEYS = ['cluster', 'apps', 'until', 'timeline', 'expect', 'sweep'];

/** What a file is, by the keys at its top; a file that cannot be read as YAML passes for Compose, whose loader says what is wrong. */
async function kindOf(text: string): Promise<'compose' | 'scenario'> {
  const { parseDocument, isMap } = await import('yaml');
  const { contents } = parseDocument(text, { logLevel: 'silent' });
  if (!isMap(contents) || contents.has('services')) return 'compose';
  return SCENARIO_KEYS.some((key) => contents.has(key)) ? 'scenario' : 'compose';
}

async function loadAsScenario(context: CommandContext, file: string, text: string): Promise<ScenarioResult> {
  const { loadScenario } = await import('../../scenario/load.ts');
  return loadScenario({ file: { path: file, text }, env: shellVariables(context.io), readFile: fileReader(context.io) });
}

type Checked = { readonly what: string; readonly result: ComposeResult | ScenarioResult };

async function check(context: CommandContext): Promise<Checked> {
  const [first = '', ...others] = context.positionals;
  const text = readNamedFile(context.io, first);
  const wanted = textOption(context, 'kind');
  if (wanted !== undefined && wanted !== 'compose' && wanted !== 'scenario')
    throw new UsageError(`"${wanted}" is no kind`, 'compose or scenario');
  const kind = wanted ?? (await kindOf(text));
  if (kind === 'compose') {
    const result = await load(context, context.positionals);
    const { name, services } = result.ok ? result.stack : { name: '', services: [] };
    return { what: `Compose, stack "${name}" with ${serviceCount(services.length)}`, result };
  }
  if (others.length > 0) throw new CommandError(`${first} is a scenario: scenarios are validated one at a time`);
  const result = await loadAsScenario(context, first, text);
  const inputs = result.ok ? result.scenario.inputs.length : 0;
  return { what: `scenario${result.ok ? ` "${result.scenario.name}"` : ''} with ${inputs} planned inputs`, result };
}

export const validateCommand: Command = {
  name: 'validate',
  group: 'files',
  summary: 'Check Compose files or a scenario, without a cluster',
  description: 'Prints every error with its file and line. Exit code 1 when there are errors; warnings alone are fine.',
  usage: 'FILE…',
  examples: [
    { command: 'paperfleet validate compose.yaml', comment: 'a Compose file' },
    { command: 'paperfleet validate compose.yaml compose.prod.yaml', comment: 'two files as they are merged' },
    { command: 'paperfleet validate scenarios/first.yaml', comment: 'a scenario: told apart by its keys' },
  ],
  options: [
    ...LOAD_OPTIONS,
    { name: 'kind', type: 'string', value: 'compose|scenario', summary: 'What the file is, instead of finding out' },
  ],
  positionals: { min: 1, max: 64 },
  remote: false,
  run: async (context): Promise<ExitCode> => {
    const { what, result } = await check(context);
    const files = context.positionals.join(' + ');
    if (!result.ok) {
      if (context.json) context.printJson({ ok: false, errors: result.errors, warnings: [] });
      else {
        printDiagnostics(context, result.errors, 'error');
        context.io.stderr(`${context.style.red(`${files}: ${errorCount(result.errors.length)}`)}\n`);
      }
      return 1;
    }
    const { warnings } = result;
    if (context.json) context.printJson({ ok: true, errors: [], warnings });
    else {
      printDiagnostics(context, warnings, 'warning');
      const noted = warnings.length === 0 ? '' : ` (${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'})`;
      context.print(`${context.style.green('ok')} ${files}: ${what}${noted}`);
    }
    return 0;
  },
};
