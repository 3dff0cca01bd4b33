/** The entry of this folder: Compose files in, a stack spec or a list of errors out. Pure but for the `readFile` it is given. */
import type { StackSpec } from '@paperfleet/core';
import type { Diagnostic } from './diagnostic.ts';

/** A Compose file: its path as messages shall show it (relative paths inside it start from its folder) and its text. */
export interface ComposeFile {
  readonly path: string;
  readonly text: string;
}

export interface LoadComposeOptions {
  /** In order: each is merged over those before it. */
  readonly files: readonly ComposeFile[];
  /** The shell's variables; they win over `dotEnv`. */
  readonly env: Readonly<Record<string, string>>;
  /** Text of the project's .env file. */
  readonly dotEnv?: string;
  /** Active profiles; '*' activates all. When empty, COMPOSE_PROFILES of the environment counts. */
  readonly profiles: readonly string[];
  /** Stack name; '' takes the files' `name:`, else the name of the first file's folder. */
  readonly projectName: string;
  /** Text of a file that the files refer to (extends, include, env_file, label_file); undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
}

export type ComposeResult =
  | { readonly ok: true; readonly stack: StackSpec; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] };

/** Loads Compose files as one stack. Never throws for anything a file can contain. */
export function loadCompose(options: LoadComposeOptions): ComposeResult {
  return { ok: false, errors: [{ file: options.files[0]?.path ?? '', line: 1, column: 1, path: '', message: 'not loaded', hint: '' }] };
}
