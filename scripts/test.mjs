// npm test: set-up, then every check and every test. The last line is "N passed, N failed", where each check (format,
// lint, types, …) counts as one; the exit code says the same.
//   npm test                         everything
//   npm test -- --project unit       only vitest's projects named, no checks
//   npm test -- core/src/kernel      only vitest, only these files

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BUILD_CHECKS, indent, report, STATIC_CHECKS } from './checks.mjs';
import { ensureChromium, ensureInstalled, ROOT, requireNode, runTool, SetupError, seconds, toolEnvironment } from './setup.mjs';

async function main(args) {
  requireNode();
  const started = Date.now();
  const totals = { passed: 0, failed: 0 };
  const failures = [];
  const note = (ok, name) => {
    if (ok) totals.passed += 1;
    else {
      totals.failed += 1;
      failures.push(name);
    }
  };

  await ensureInstalled();
  const all = args.length === 0;
  const environment = {};
  if (all || args.includes('e2e')) {
    const browser = await attempt('browser', () => ensureChromium());
    note(browser !== undefined, 'browser');
    if (browser !== undefined) environment.PAPERFLEET_CHROMIUM = browser;
  }
  if (all) for (const check of [...STATIC_CHECKS, ...BUILD_CHECKS]) note(await report(check), `${check.name} (${check.command})`);

  const tests = await runVitest(args, environment);
  totals.passed += tests.passed;
  totals.failed += tests.failed;
  failures.push(...tests.failures);

  if (failures.length > 0) console.log(`\nFailed:\n${failures.map((name) => `  ✗ ${name}`).join('\n')}`);
  if (tests.skipped > 0) console.log(`${tests.skipped} skipped`);
  console.log(`\nTook ${seconds(started)}.`);
  console.log(`${totals.passed} passed, ${totals.failed} failed`);
  return totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

/** Runs a set-up step; a SetupError is shown and gives undefined. */
async function attempt(name, step) {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`✗ ${name}\n${indent(error.message)}`);
    return undefined;
  }
}

/**
 * Runs vitest with the console reporter for people and the JSON reporter for the numbers.
 * @returns {Promise<{ passed: number, failed: number, skipped: number, failures: string[] }>}
 */
async function runVitest(args, environment) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'paperfleet-test-'));
  const file = path.join(folder, 'vitest.json');
  try {
    const { code } = await runTool('vitest', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args], {
      env: toolEnvironment(environment),
    });
    if (!existsSync(file))
      return { passed: 0, failed: 1, skipped: 0, failures: [`vitest ended with exit code ${code} and without a result`] };
    return countTests(JSON.parse(readFileSync(file, 'utf8')), code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** vitest's JSON → numbers. A file that could not be loaded has no failed test, an unhandled error belongs to no test: both count as one. */
function countTests(json, code) {
  const failures = [];
  let passed = 0;
  let skipped = 0;
  for (const suite of json.testResults) {
    const name = path.relative(ROOT, suite.name);
    let broken = suite.status === 'failed';
    for (const test of suite.assertionResults) {
      if (test.status === 'passed') passed += 1;
      else if (test.status === 'failed') {
        broken = false;
        failures.push(`${name}: ${test.fullName}`);
      } else skipped += 1;
    }
    if (broken) failures.push(`${name}: could not run (${firstLine(suite.message)})`);
  }
  if (code !== 0 && failures.length === 0)
    failures.push(`vitest ended with exit code ${code} although no test failed (unhandled error, or no test found)`);
  return { passed, failed: failures.length, skipped, failures };
}

function firstLine(text) {
  return (text ?? '').trim().split('\n')[0] || 'no message';
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
}
