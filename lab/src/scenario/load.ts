/** The entry of this folder: a scenario file in, a planned scenario or a list of errors out. Pure but for `readFile`. */
import type { Diagnostic } from '../compose/diagnostic.ts';
import type { Scenario } from './scenario.ts';

export interface LoadScenarioOptions {
  readonly file: { readonly path: string; readonly text: string };
  /** Variables for the Compose files of its apps. The scenario file itself is not interpolated. */
  readonly env: Readonly<Record<string, string>>;
  /** Wins over the file's seed. */
  readonly seed?: string;
  /** Text of a file beside the scenario (Compose files and what they refer to); undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
}

export type ScenarioResult =
  | { readonly ok: true; readonly scenario: Scenario; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] };

/** Loads a scenario file. Never throws for anything a file can contain. */
export function loadScenario(options: LoadScenarioOptions): ScenarioResult {
  return { ok: false, errors: [{ file: options.file.path, line: 1, column: 1, path: '', message: 'not loaded', hint: '' }] };
}
