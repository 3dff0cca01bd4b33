/** Reading the files that a user names. */
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Diagnostic } from '../compose/diagnostic.ts';
import { formatDiagnostic } from '../compose/diagnostic.ts';
import type { CliIo, CommandContext } from './command.ts';
import { CommandError } from './command.ts';
import { printable } from './table.ts';

/** Larger files are not Compose files or scenarios. */
const MAX_FILE_BYTES: number = 4 * 1024 * 1024;

/** The text of a file. @throws CommandError when it cannot be read. */
export function readNamedFile(io: CliIo, file: string): string {
  const full = path.resolve(io.cwd, file);
  try {
    const { size } = statSync(full);
    if (size > MAX_FILE_BYTES) throw new CommandError(`${file} is too large: ${size} bytes`);
    return readFileSync(full, 'utf8');
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : code === 'EACCES'
            ? 'access is denied'
            : String(code);
    throw new CommandError(`cannot read ${file}: ${why}`, { code: 'PF_FILE', cause });
  }
}

/** The text of a file that others refer to; undefined when there is none. */
export function fileReader(io: CliIo): (file: string) => string | undefined {
  return (file) => {
    try {
      return readNamedFile(io, file);
    } catch {
      return undefined;
    }
  };
}

/** The shell's variables without those that are not set. */
export function shellVariables(io: CliIo): Record<string, string> {
  return Object.fromEntries(Object.entries(io.env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Writes what a loader found to stderr, one line each, in a form that editors and terminals turn into links. */
export function printDiagnostics(context: CommandContext, diagnostics: readonly Diagnostic[], severity: 'error' | 'warning'): void {
  const { io } = context;
  for (const diagnostic of diagnostics) {
    const place = `${diagnostic.file}:${diagnostic.line}:${diagnostic.column}`;
    io.stderr(`${printable(`${place}: ${severity}${formatDiagnostic(diagnostic).slice(place.length)}`)}\n`);
  }
}
