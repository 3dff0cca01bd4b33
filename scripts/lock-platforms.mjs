// Tools that ship one program per platform list these as optional dependencies. npm writes only those into
// package-lock.json that the registry offered when the lock was made. A lock made behind an incomplete mirror lacks, say,
// macOS, and then `npm ci` refuses it everywhere ("Missing: … from lock file"). This adds what is missing: npm asks the
// registry for exactly that version, on the platform concerned and nowhere else.
//   node scripts/lock-platforms.mjs [--check]      run it after every npm install

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './setup.mjs';

const FILE = path.join(ROOT, 'package-lock.json');
const PLATFORM =
  /(aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32|windows)-(arm64|arm|x64|64|ia32|ppc64|riscv64|s390x|loong64|mips64el)(?:-([a-z]+))?$/;
const OS = { windows: 'win32' };
const CPU = { 64: 'x64' };

/** What a package's name says of the platform it is for: npm's fields os, cpu and libc. */
function platformOf(name) {
  const match = PLATFORM.exec(name);
  if (match === null) throw new Error(`${name}: its name does not tell its platform; add it to package-lock.json by hand`);
  const [, os, cpu, abi = ''] = match;
  const libc = abi.startsWith('musl') ? ['musl'] : abi.startsWith('gnu') ? ['glibc'] : undefined;
  return { os: [OS[os] ?? os], cpu: [CPU[cpu] ?? cpu], libc };
}

/** Optional dependencies that a package of the lock lists and the lock lacks. */
function missing(lock) {
  return Object.entries(lock.packages).flatMap(([place, entry]) =>
    place.startsWith('node_modules/')
      ? Object.entries(entry.optionalDependencies ?? {})
          .filter(([name]) => !(`node_modules/${name}` in lock.packages) && !(`${place}/node_modules/${name}` in lock.packages))
          .map(([name, version]) => ({ name, version, dev: entry.dev === true }))
      : [],
  );
}

function add(lock, { name, version, dev }) {
  if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version))
    throw new Error(`${name}@${version}: not one exact version; add it to package-lock.json by hand`);
  const { os, cpu, libc } = platformOf(name);
  lock.packages[`node_modules/${name}`] = { version, cpu, ...(dev ? { dev: true } : {}), ...(libc ? { libc } : {}), optional: true, os };
}

function main(args) {
  const lock = JSON.parse(readFileSync(FILE, 'utf8'));
  const absent = missing(lock);
  if (absent.length === 0) return;
  if (args.includes('--check')) {
    console.error(
      `package-lock.json lacks programs of tools, npm ci would refuse it:\n${absent.map(({ name, version }) => `${name}@${version}`).join('\n')}`,
    );
    process.exitCode = 1;
    return;
  }
  for (const one of absent) add(lock, one);
  lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a.localeCompare(b, 'en')));
  writeFileSync(FILE, `${JSON.stringify(lock, undefined, 2)}\n`);
  console.log(`added ${absent.length} packages to package-lock.json`);
}

main(process.argv.slice(2));
