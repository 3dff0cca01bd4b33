// The checks besides the tests, each defined once: npm run lint runs the static ones, npm test runs all.

import path from 'node:path';
import { build, ROOT, run, runTool, seconds } from './setup.mjs';

/**
 * @typedef {{ name: string, command: string, check: () => Promise<{ code: number, output: string }> }} Check
 * command: what to type to run it alone.
 */

/** Checks of the sources as they are. @type {readonly Check[]} */
export const STATIC_CHECKS = [
  {
    name: 'format',
    command: 'npx biome format . (repair: npm run format)',
    check: () => runTool('biome', ['format', '.'], { quiet: true }),
  },
  {
    name: 'lint',
    command: 'npx oxlint --type-aware',
    check: () => runTool('oxlint', ['--type-aware', '--deny-warnings'], { quiet: true }),
  },
  { name: 'boundaries', command: 'npx turbo boundaries', check: () => runTool('turbo', ['boundaries'], { quiet: true }) },
  { name: 'unused code', command: 'npx knip', check: () => runTool('knip', [], { quiet: true }) },
];

/** Checks that compile or generate. The build comes first: the end-to-end tests run what it makes. @type {readonly Check[]} */
export const BUILD_CHECKS = [
  { name: 'build and types', command: 'npm run build', check: () => build({ quiet: true }) },
  { name: 'types of tests', command: 'npx tsc -p tests', check: () => runTool('tsc', ['-p', 'tests'], { quiet: true }) },
  {
    name: 'generated files',
    command: 'npm run verify',
    check: () => run(process.execPath, [path.join(ROOT, 'scripts', 'verify.mjs')], { quiet: true }),
  },
];

const OUTPUT_LINES_MAX = 120;

/**
 * Runs a check and prints one line, with the check's output when it failed.
 * @param {Check} check
 * @returns {Promise<boolean>} true when it passed
 */
export async function report({ name, command, check }) {
  const started = Date.now();
  const { code, output } = await settle(check);
  if (code === 0) {
    console.log(`✓ ${name} (${seconds(started)})`);
    return true;
  }
  console.log(`✗ ${name} (${seconds(started)}), exit code ${code}; alone: ${command}\n${indent(head(output.trim()))}`);
  return false;
}

/** A tool whose package is missing throws before it runs; that is a failed check, not the end of all checks. */
async function settle(check) {
  try {
    return await check();
  } catch (error) {
    return {
      code: 1,
      output: `${error instanceof Error ? error.message : error}\nIf the program of a tool is missing: rm -rf node_modules && npm ci`,
    };
  }
}

/** Indents every line of a text by four blanks. */
export function indent(text) {
  return text.replace(/^/gm, '    ');
}

function head(text) {
  const all = text.split('\n');
  return all.length <= OUTPUT_LINES_MAX
    ? text
    : [...all.slice(0, OUTPUT_LINES_MAX), `… and ${all.length - OUTPUT_LINES_MAX} more lines`].join('\n');
}
