#!/usr/bin/env node
// Starts the built command. Plain JavaScript without dependencies, so that it can say what is missing.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const main = new URL('../dist/cli/main.js', import.meta.url);
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`paperfleet needs Node.js 20.19 or newer; this is ${process.versions.node}.`);
  process.exitCode = 1;
} else if (!existsSync(main)) {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  console.error('paperfleet has not been built yet. Build it once with\n');
  console.error(`  npm --prefix ${JSON.stringify(root)} install && npm --prefix ${JSON.stringify(root)} run build\n`);
  console.error('or, in the project folder, simply: npm run build');
  process.exitCode = 1;
} else {
  await import(main.href);
}
