/** What a sub-command of `paperfleet` is. */
import type { ApiClient } from './client.ts';
import type { Style } from './style.ts';

export { CommandError, UsageError } from './errors.ts';

/** Where a command's text goes and what it knows of its surroundings; tests pass their own. */
export interface CliIo {
  /** Results. */
  readonly stdout: (text: string) => void;
  /** Progress, warnings and errors. */
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** True when results go to a terminal (colour, live progress). */
  readonly stdoutIsTerminal: boolean;
  readonly stderrIsTerminal: boolean;
  /** Aborted by Ctrl-C: long-running commands end cleanly. */
  readonly signal: AbortSignal;
}

/** An option: `--name VALUE`, or a flag. */
export interface OptionSpec {
  /** Without dashes: `env-file`. */
  readonly name: string;
  readonly short?: string;
  readonly type: 'string' | 'boolean';
  /** May be given several times. Only for strings. */
  readonly multiple?: boolean;
  /** How the value is called in the help: `FILE`. */
  readonly value?: string;
  readonly summary: string;
  /** Shown in the help; the command applies it. */
  readonly default?: string;
}

export interface Example {
  readonly command: string;
  readonly comment: string;
}

/** Parsed arguments. Flags are booleans, options strings, repeated options lists. */
export interface ParsedArgs {
  readonly positionals: readonly string[];
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

export interface CommandContext extends ParsedArgs {
  readonly io: CliIo;
  readonly style: Style;
  /** True with --json: print JSON and nothing else to stdout. */
  readonly json: boolean;
  /** Client of the running cluster that --url / PAPERFLEET_URL names. */
  readonly client: ApiClient;
  /** Prints a line to stdout. */
  print(line: string): void;
  /** Prints a value as JSON to stdout. */
  printJson(value: unknown): void;
  /** A line of progress to stderr; silent with --json or when stderr is no terminal, unless `always`. */
  progress(line: string): void;
}

/** 0 done, 1 failed, 2 wrong usage. */
export type ExitCode = 0 | 1 | 2;

export interface Command {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Heading under which `paperfleet --help` lists it. */
  readonly group: 'cluster' | 'observe' | 'change' | 'disturb' | 'time' | 'files';
  readonly summary: string;
  /** Arguments after the name: `[SERVICE]`. */
  readonly usage: string;
  /** More words for its help. */
  readonly description?: string;
  readonly examples: readonly Example[];
  readonly options: readonly OptionSpec[];
  /** Fewest and most positional arguments. */
  readonly positionals: { readonly min: number; readonly max: number };
  /** True when it speaks to a running cluster: --url, --token and --run are added. */
  readonly remote: boolean;
  run(context: CommandContext): Promise<ExitCode>;
}
