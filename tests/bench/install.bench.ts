// P17: a clean `npm ci` on a machine that has nothing but Node and npm: no compile step, nothing but the package registry.
// Wall time, with npm's own cache as it is on this machine.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchResult } from './result.ts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Copies what npm reads of the repository. */
function copyManifests(target: string): void {
  const { workspaces } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { workspaces: readonly string[] };
  const manifests = ['package.json', 'package-lock.json', '.npmrc', ...workspaces.map((name) => path.join(name, 'package.json'))];
  for (const file of manifests) cpSync(path.join(ROOT, file), path.join(target, file), { recursive: true });
}

/** Without what the npm that started us has set: it speaks of this repository. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:npm_|INIT_CWD$)/i.test(name)));
}

/** Names of native add-ons that were compiled on this machine: node-gyp leaves a build folder behind. */
function compiled(modules: string): readonly string[] {
  const folders = readdirSync(modules).flatMap((name) =>
    name.startsWith('@') ? readdirSync(path.join(modules, name)).map((one) => path.join(name, one)) : [name],
  );
  return folders.filter((name) => existsSync(path.join(modules, name, 'build', 'Makefile')));
}

/** Installs into an empty folder. */
export async function run(): Promise<readonly BenchResult[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'paperfleet-install-'));
  try {
    copyManifests(folder);
    const started = process.hrtime.bigint();
    const { status, stdout, stderr } = spawnSync('npm', ['ci'], {
      cwd: folder,
      encoding: 'utf8',
      shell: process.platform === 'win32',
      env: environment(),
    });
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    if (status !== 0) throw new Error(`npm ci failed with exit code ${status}: ${(stdout + stderr).trim().slice(0, 2_000)}`);
    const addons = compiled(path.join(folder, 'node_modules'));
    return [
      { goal: 'P17', name: 'clean npm ci', value: seconds, unit: 's', target: 30, direction: 'max', note: "wall time with npm's cache" },
      {
        goal: 'P17',
        name: 'packages compiled by npm ci',
        value: addons.length,
        unit: 'packages',
        target: 0,
        direction: 'max',
        note: addons.join(', '),
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
