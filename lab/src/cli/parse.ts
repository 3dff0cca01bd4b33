/** Parses the arguments after a command's name, with messages that help. */
import { parseArgs } from 'node:util';
import { didYouMean } from '../compose/diagnostic.ts';
import type { Command, OptionSpec, ParsedArgs } from './command.ts';
import { UsageError } from './command.ts';

/** Options that every command has. */
export const COMMON_OPTIONS: readonly OptionSpec[] = [
  { name: 'json', type: 'boolean', summary: 'Print JSON instead of text' },
  { name: 'help', short: 'h', type: 'boolean', summary: 'Show this help' },
];

/** Options of commands that speak to a running cluster. */
export const REMOTE_OPTIONS: readonly OptionSpec[] = [
  { name: 'url', type: 'string', value: 'URL', summary: 'The cluster to speak to (PAPERFLEET_URL)', default: 'http://127.0.0.1:7070' },
  { name: 'token', type: 'string', value: 'TOKEN', summary: 'Token, when the cluster asks for one (PAPERFLEET_TOKEN)' },
  { name: 'run', type: 'string', value: 'NAME', summary: 'Run to speak about; branches have names of their own', default: 'live' },
];

/** All options of a command. */
export function optionsOf(command: Command): readonly OptionSpec[] {
  return [...command.options, ...(command.remote ? REMOTE_OPTIONS : []), ...COMMON_OPTIONS];
}

interface ParseError {
  readonly code?: unknown;
  readonly message: string;
}

/** Parses. @throws UsageError for unknown options, missing values, too few or too many arguments. */
export function parseCommandLine(command: Command, argv: readonly string[]): ParsedArgs {
  const specs = optionsOf(command);
  const options = Object.fromEntries(
    specs.map(({ name, short, type, multiple }) => [
      name,
      { type, ...(short === undefined ? {} : { short }), ...(multiple === true ? { multiple } : {}) },
    ]),
  );
  let parsed: { values: ParsedArgs['options']; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true }) as typeof parsed;
  } catch (error) {
    throw asUsageError(error as ParseError, specs);
  }
  const { values, positionals } = parsed;
  if (values['help'] !== true) checkCount(command, positionals);
  return { positionals, options: { ...values } };
}

function asUsageError(error: ParseError, specs: readonly OptionSpec[]): UsageError {
  const named = /'(-[^' ]+)/.exec(error.message)?.[1] ?? '';
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const meant = didYouMean(
      named.replace(/^-+/, ''),
      specs.map(({ name }) => name),
    );
    return new UsageError(`unknown option ${named}`, meant === undefined ? undefined : `did you mean --${meant}?`);
  }
  if (error.code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') {
    // parseArgs names it as '-f, --file <value>'.
    const name = /--[\w-]+/.exec(error.message)?.[0] ?? named;
    const spec = specs.find((candidate) => `--${candidate.name}` === name);
    if (spec?.type === 'boolean') return new UsageError(`option ${name} takes no value`);
    return new UsageError(`option ${name} needs a value`, spec?.value === undefined ? undefined : `${name} ${spec.value}`);
  }
  return new UsageError(error.message.split('\n')[0] ?? 'the arguments cannot be read');
}

function checkCount({ positionals: { min, max }, usage }: Command, given: readonly string[]): void {
  if (given.length < min) throw new UsageError(given.length === 0 ? `an argument is missing: ${usage}` : `arguments are missing: ${usage}`);
  if (given.length > max)
    throw new UsageError(max === 0 ? `takes no arguments, but got "${given[0]}"` : `too many arguments: "${given[max]}"`);
}

/** A string option, undefined when it was not given. */
export function textOption({ options }: ParsedArgs, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}
/** A repeated string option. */
export function listOption({ options }: ParsedArgs, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? (value as readonly string[]) : typeof value === 'string' ? [value] : [];
}
/** A flag. */
export function flagOption({ options }: ParsedArgs, name: string): boolean {
  return options[name] === true;
}
