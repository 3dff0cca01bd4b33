/** How to start this program again as another process, from the build or from sources. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
/** Wall milliseconds that a process is given to end. */
const END_MS = 3000;
const MAIN = fileURLToPath(new URL(`../cli/main${EXTENSION}`, import.meta.url));
const FLAGS = EXTENSION === '.ts' ? ['--conditions=@paperfleet/source', '--import', import.meta.resolve('tsx')] : [];

/** Starts `paperfleet ARGS…` with an IPC channel, whose end tells it that its parent is gone. */
export function spawnSelf(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  return spawn(process.execPath, [...FLAGS, MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Ends a process that `spawnSelf` started: closes its channel, and kills it when that does not help. */
export function endSelf(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.disconnect();
  const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
  child.once('exit', () => clearTimeout(timer));
}
