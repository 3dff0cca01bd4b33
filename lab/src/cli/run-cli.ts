/** Finds the command, parses its arguments, runs it, and turns whatever goes wrong into a message and an exit code. */
import { PaperfleetError } from '@paperfleet/core';
import { didYouMean } from '../compose/diagnostic.ts';
import { createClient } from './client.ts';
import type { CliIo, Command, CommandContext, ExitCode, ParsedArgs } from './command.ts';
import { CommandError, UsageError } from './command.ts';
import { COMMANDS } from './commands.ts';
import { commandHelp, generalHelp, usageLine } from './help.ts';
import { parseCommandLine, textOption } from './parse.ts';
import { styleFor } from './style.ts';
import { VERSION } from './version.ts';

const DEFAULT_URL = 'http://127.0.0.1:7070';

/** Runs `paperfleet` with these arguments. Never throws. */
export async function runCli(argv: readonly string[], io: CliIo, commands: readonly Command[] = COMMANDS): Promise<ExitCode> {
  const [first, ...rest] = argv;
  const style = styleFor(io.env, io.stdoutIsTerminal);
  if (first === undefined) {
    io.stderr(`${generalHelp(commands, styleFor(io.env, io.stderrIsTerminal))}\n`);
    return 2;
  }
  if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
    io.stdout(`${generalHelp(commands, style)}\n`);
    return 0;
  }
  if (first === '--version' || first === '-V' || first === 'version') {
    io.stdout(`paperfleet ${VERSION}\n`);
    return 0;
  }
  const name = first === 'help' ? rest[0]! : first;
  const command = commands.find((candidate) => candidate.name === name || candidate.aliases?.includes(name) === true);
  if (command === undefined) return unknownCommand(name, io, commands);
  if (first === 'help') {
    io.stdout(`${commandHelp(command, style)}\n`);
    return 0;
  }
  return runCommand(command, rest, io);
}

function unknownCommand(name: string, io: CliIo, commands: readonly Command[]): ExitCode {
  const names = commands.flatMap((command) => [command.name, ...(command.aliases ?? [])]);
  const meant = didYouMean(name, names);
  const what = name.startsWith('-') ? `unknown option ${name}` : `unknown command "${name}"`;
  io.stderr(`paperfleet: ${what}\n`);
  io.stderr(meant === undefined ? 'see `paperfleet --help`\n' : `did you mean \`paperfleet ${meant}\`?\n`);
  return 2;
}

async function runCommand(command: Command, argv: readonly string[], io: CliIo): Promise<ExitCode> {
  let json = argv.includes('--json');
  try {
    const parsed = parseCommandLine(command, argv);
    if (parsed.options['help'] === true) {
      io.stdout(`${commandHelp(command, styleFor(io.env, io.stdoutIsTerminal))}\n`);
      return 0;
    }
    json = parsed.options['json'] === true;
    return await command.run(contextOf(parsed, io, json));
  } catch (error) {
    return report(error, command, io, json);
  }
}

function contextOf(parsed: ParsedArgs, io: CliIo, json: boolean): CommandContext {
  const url = textOption(parsed, 'url') ?? nonEmpty(io.env['PAPERFLEET_URL']) ?? DEFAULT_URL;
  if (!/^https?:\/\/[^/]/.test(url)) throw new UsageError(`"${url}" is no URL of a cluster`, `it looks like ${DEFAULT_URL}`);
  return {
    ...parsed,
    io,
    json,
    style: styleFor(io.env, io.stdoutIsTerminal),
    client: createClient({
      url,
      token: textOption(parsed, 'token') ?? nonEmpty(io.env['PAPERFLEET_TOKEN']),
      run: textOption(parsed, 'run') ?? 'live',
      signal: io.signal,
    }),
    print: (line) => io.stdout(`${line}\n`),
    printJson: (value) => io.stdout(`${JSON.stringify(value, null, 2)}\n`),
    progress: (line) => {
      if (!json && io.stderrIsTerminal) io.stderr(`${line}\n`);
    },
  };
}

const nonEmpty = (text: string | undefined): string | undefined => (text === '' ? undefined : text);

interface Report {
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

function report(error: unknown, command: Command, io: CliIo, json: boolean): ExitCode {
  const isUsage = error instanceof UsageError;
  const known: Report =
    error instanceof CommandError || error instanceof PaperfleetError
      ? error
      : isUsage
        ? { code: 'PF_USAGE', message: error.message, hint: error.hint }
        : {
            code: 'PF_INTERNAL',
            message: error instanceof Error ? (error.stack ?? error.message) : String(error),
            hint: 'this is a bug in paperfleet: please report it',
          };
  if (json) {
    const { code, message, hint } = known;
    io.stderr(
      `${JSON.stringify({ error: { ...(code === undefined ? {} : { code }), message, ...(hint === undefined ? {} : { hint }) } })}\n`,
    );
    return isUsage ? 2 : 1;
  }
  const style = styleFor(io.env, io.stderrIsTerminal);
  io.stderr(`${style.red(`paperfleet ${command.name}:`)} ${known.message}\n`);
  if (known.hint !== undefined) io.stderr(`${style.dim('hint:')} ${known.hint}\n`);
  if (!isUsage) return 1;
  io.stderr(`usage: ${usageLine(command)}\n`);
  return 2;
}
