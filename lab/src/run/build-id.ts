/**
 * Which build this is: version and a hash over the code that decides what happens in a run. Two processes with the same
 * build simulate alike; a journal or an agent host of another build is refused.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../cli/version.ts';

const CODE = /(?<!\.(?:test|prop|d))\.(?:js|ts)$/;
let known: string | undefined;

/** `0.1.0+3f2a9c01d7e4`. */
export function buildId(): string {
  known ??= `${VERSION}+${hashOfCode()}`;
  return known;
}

function hashOfCode(): string {
  const hash = createHash('sha256');
  for (const name of ['@paperfleet/core', '@paperfleet/node-agent', '@paperfleet/scheduler']) {
    const root = dirname(fileURLToPath(import.meta.resolve(name)));
    for (const path of codeBelow(root)) hash.update(`${name}/${relative(root, path)}\n`).update(readFileSync(path));
  }
  return hash.digest('hex').slice(0, 12);
}

function codeBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'testing' ? [] : codeBelow(path);
      return CODE.test(entry.name) ? [path] : [];
    });
}
