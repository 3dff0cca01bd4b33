/** Runs a command as the program does, and keeps what it prints. */
import type { ExitCode } from '../command.ts';
import { runCli } from '../run-cli.ts';

export interface Printed {
  readonly code: ExitCode;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly terminal?: boolean;
  readonly signal?: AbortSignal;
  /** Called with every piece of output to stdout. */
  readonly onOut?: (text: string) => void;
  /** The same for stderr. */
  readonly onErr?: (text: string) => void;
}

/** Runs `paperfleet` with arguments split at blanks (or given as a list). */
export async function paperfleet(line: string | readonly string[], options: RunOptions = {}): Promise<Printed> {
  const printed = { out: '', err: '' };
  const argv = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
  const code = await runCli(argv, {
    stdout: (text) => {
      printed.out += text;
      options.onOut?.(text);
    },
    stderr: (text) => {
      printed.err += text;
      options.onErr?.(text);
    },
    env: options.env ?? {},
    cwd: options.cwd ?? '/nonexistent',
    stdoutIsTerminal: options.terminal ?? false,
    stderrIsTerminal: options.terminal ?? false,
    signal: options.signal ?? new AbortController().signal,
  });
  return { code, ...printed };
}
