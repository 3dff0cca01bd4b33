// Tools that ship one program per platform list them as optional dependencies. npm writes only those into package-lock.json
// that the registry offered when the lock was made, so a lock made behind an incomplete mirror lacks, say, macOS, and
// `npm ci` there would leave out biome or turbo without a word. This adds what is missing; npm then asks the registry for
// exactly that version on the platforms concerned, and nowhere else.
//   node scripts/lock-platforms.mjs [--check]

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './setup.mjs';

/** Platforms on which the tools must install, as in the names of their packages. */
export const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];

const FILE = path.join(ROOT, 'package-lock.json');

/** Platform of a package name, if it is one of PLATFORMS and needs nothing but that (musl builds are left to npm). */
function platformOf(name) {
  const match = /(darwin|linux)-(arm64|x64|64)(?:-gnu)?$/.exec(name);
  if (match === null) return undefined;
  const platform = `${match[1]}-${match[2] === '64' ? 'x64' : match[2]}`;
  return PLATFORMS.includes(platform) ? { os: match[1], cpu: platform.split('-')[1] } : undefined;
}

/**
 * Optional per-platform packages that are listed by their tool and absent from the lock.
 * @param {{ packages: Record<string, { optionalDependencies?: Record<string, string>, dev?: boolean, optional?: boolean }> }} lock
 * @returns {string[]} `tool: package@version`
 */
export function missingPlatforms(lock) {
  return missing(lock).map(({ tool, name, version }) => `${tool}: ${name}@${version}`);
}

function missing(lock) {
  return Object.entries(lock.packages).flatMap(([tool, entry]) =>
    tool === '' || !tool.startsWith('node_modules/')
      ? []
      : Object.entries(entry.optionalDependencies ?? {}).flatMap(([name, version]) => {
          const platform = platformOf(name);
          const known = `node_modules/${name}` in lock.packages || `${tool}/node_modules/${name}` in lock.packages;
          return platform === undefined || known ? [] : [{ tool, name, version, dev: entry.dev === true, ...platform }];
        }),
  );
}

function main(args) {
  const lock = JSON.parse(readFileSync(FILE, 'utf8'));
  const absent = missing(lock);
  if (absent.length === 0) return;
  if (args.includes('--check')) {
    console.error(`package-lock.json lacks programs of tools:\n${missingPlatforms(lock).join('\n')}\nRun: node scripts/lock-platforms.mjs`);
    process.exitCode = 1;
    return;
  }
  for (const { name, version, dev, os, cpu } of absent) {
    lock.packages[`node_modules/${name}`] = { version, cpu: [cpu], ...(dev ? { dev: true } : {}), optional: true, os: [os] };
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(`added ${absent.length} packages to package-lock.json`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main(process.argv.slice(2));
