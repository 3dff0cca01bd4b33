/** Compose files from disk: the file reading that load.ts is free of, and the check of workloads by those who simulate them. */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { resolveWorkload } from '@paperfleet/node-agent';
import { Diagnostics } from './diagnostic.ts';
import { loadCompose, type ComposeResult } from './load.ts';
import type { WorkloadCheck } from './model.ts';

export interface ReadStackOptions {
  /** In order: each is merged over those before it. */
  readonly paths: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly profiles: readonly string[];
  /** Stack name; '' as in LoadComposeOptions. */
  readonly projectName: string;
  readonly fallbackName?: string;
}

/** Problems of a workload: unknown names and parameters. */
export const checkWorkload: WorkloadCheck = (container) => {
  const workload = resolveWorkload(container);
  return workload.ok ? [] : workload.problems;
};

/** A file's text; undefined when there is no such file or it is not readable. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Reads and loads Compose files, with the .env file beside the first of them. */
export function readStack({ paths, ...options }: ReadStackOptions): ComposeResult {
  const diagnostics = new Diagnostics();
  const files = paths.map((path) => {
    const text = readText(path);
    if (text === undefined)
      diagnostics.error({ file: path, line: 1, column: 1 }, '', 'the file cannot be read', 'check the path and its permissions');
    return { path, text: text ?? '' };
  });
  if (diagnostics.errors.length > 0) return { ok: false, errors: diagnostics.errors };
  const dotEnv = paths[0] === undefined ? undefined : readText(join(dirname(paths[0]), '.env'));
  return loadCompose({ ...options, files, ...(dotEnv === undefined ? {} : { dotEnv }), readFile: readText, checkWorkload });
}
