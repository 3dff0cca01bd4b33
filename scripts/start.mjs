// npm start: install when needed, build when needed, then `paperfleet up` with the arguments given after `--`.
// package.json says `exec node …`: a shell between npm and us would die of Ctrl-C itself and make npm's exit code a signal.
// (cmd.exe has no exec: on Windows outside WSL run `node scripts/start.mjs`.)

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import path from 'node:path';
import { ensureBuilt, ensureInstalled, ROOT, requireNode, SetupError, toolEnvironment } from './setup.mjs';

const PROGRAM = path.join(ROOT, 'lab', 'bin', 'paperfleet.js');
/** npm passes Ctrl-C on although the terminal has already sent it: repeats within this time are the same key press. */
const SAME_PRESS_MS = 1_000;
/** How often to look whether whoever started us is still there: a signal to npm ends npm and its shell, but not us. */
const PARENT_CHECK_MS = 500;

async function main() {
  requireNode();
  await ensureInstalled();
  await ensureBuilt();
  if (!existsSync(PROGRAM))
    throw new SetupError(`${path.relative(ROOT, PROGRAM)} does not exist: this checkout is incomplete (git status shows what is missing).`);
  process.exitCode = await up(process.argv.slice(2));
}

/**
 * Runs the cluster in a process group of its own, so that the terminal's Ctrl-C reaches it through us and therefore once.
 * The channel makes it stop when this process dies without a word (stop-with-parent.mjs).
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit code; 0 after a stop that was asked for
 */
function up(args) {
  return new Promise((resolve) => {
    const ownGroup = process.platform !== 'win32';
    const preload = new URL('./stop-with-parent.mjs', import.meta.url).href;
    const child = spawn(process.execPath, ['--import', preload, PROGRAM, 'up', ...args], {
      cwd: process.env.INIT_CWD ?? process.cwd(),
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
      env: toolEnvironment(),
      detached: ownGroup,
    });
    let askedAt = 0;
    const stop = (signal) => {
      const now = Date.now();
      if (askedAt === 0) {
        askedAt = now;
        if (ownGroup) child.kill(signal);
      } else if (now - askedAt > SAME_PRESS_MS) {
        console.error('\nStopping at once.');
        child.kill('SIGKILL');
      }
    };
    process.on('SIGINT', () => stop('SIGINT'));
    process.on('SIGTERM', () => stop('SIGTERM'));
    process.on('SIGHUP', () => stop('SIGTERM'));
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid !== parent && askedAt === 0) stop('SIGTERM');
    }, PARENT_CHECK_MS);
    child.on('error', (error) => {
      clearInterval(watch);
      console.error(`Could not start ${process.execPath}: ${error.message}`);
      resolve(1);
    });
    child.on('exit', (code, signal) => {
      clearInterval(watch);
      if (code !== null) resolve(code);
      else if (askedAt !== 0 && signal !== 'SIGKILL') resolve(0);
      else resolve(128 + constants.signals[signal]);
    });
  });
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
