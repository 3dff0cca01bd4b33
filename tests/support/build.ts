/** The built `paperfleet` command, up to date with the sources. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What `npx paperfleet` starts. */
export const COMMAND: string = path.join(ROOT, 'lab/bin/paperfleet.js');

/** Compiles what has changed since the last build: less than a second when nothing has. @throws Error with what the compiler says. */
export function buildCommand(): void {
  const compiler = path.join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-b', 'lab'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the command cannot be built, so it cannot be tested:\n${stdout}${stderr}`);
}
