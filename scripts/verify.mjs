// npm run verify: every generated file is what its generator makes of the present sources. Nothing is written; all
// generators are asked before the exit code tells. Golden files of tests are verified by the tests that own them.

import { existsSync } from 'node:fs';
import path from 'node:path';
import { ensureInstalled, ROOT, requireNode, run, SetupError } from './setup.mjs';

const SOURCES = ['--conditions=@paperfleet/source', '--import', 'tsx'];

/** Generators; each takes --check. Those of later parts of the product may not exist in an older checkout. */
const GENERATORS = [
  { script: 'scripts/generate-oxlintrc.mjs', makes: '.oxlintrc.json', node: [] },
  { script: 'scripts/lock-platforms.mjs', makes: 'package-lock.json (platforms)', node: [] },
  { script: 'scripts/generate-docs.ts', makes: 'generated documents', node: SOURCES },
];

async function main() {
  requireNode();
  await ensureInstalled();
  for (const { script, makes, node } of GENERATORS) {
    if (!existsSync(path.join(ROOT, script))) continue;
    const command = ['node', ...node, script].join(' ');
    const { code, output } = await run(process.execPath, [...node, script, '--check'], { quiet: true });
    if (code === 0) console.log(`✓ ${makes}`);
    else {
      console.log(`✗ ${makes}; repair with: ${command}\n${output.trim()}`);
      process.exitCode = 1;
    }
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
