/** Scenario files from disk: the file reading that load.ts is free of. */
import { checkWorkload, readText } from '../compose/read-stack.ts';
import { loadScenario, type ScenarioResult } from './load.ts';

export interface ReadScenarioOptions {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  /** Wins over the file's seed. */
  readonly seed?: string;
}

/** Reads and loads a scenario with the Compose files it names. */
export function readScenario({ path, ...options }: ReadScenarioOptions): ScenarioResult {
  const text = readText(path);
  if (text === undefined) {
    return {
      ok: false,
      errors: [
        { file: path, line: 1, column: 1, path: '', message: 'the file cannot be read', hint: 'check the path and its permissions' },
      ],
    };
  }
  return loadScenario({ ...options, file: { path, text }, readFile: readText, checkWorkload });
}
