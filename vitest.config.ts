// All tests of the repository. Sources are run directly (condition @paperfleet/source): no build is needed except by the
// end-to-end tests, which start the built command.

import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { defineConfig } from 'vitest/config';

const workers = Math.max(1, Math.min(8, os.availableParallelism()));
/**
 * Seed of the order and of the properties: one per commit, so that a run can be repeated and every commit tries something
 * new; PAPERFLEET_SEED chooses another.
 */
const seed = Number(process.env['PAPERFLEET_SEED'] ?? seedOfCommit());

function seedOfCommit(): number {
  const { status, stdout } = spawnSync('git', ['-c', 'safe.directory=*', 'rev-parse', 'HEAD'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  return status === 0 ? Number.parseInt(stdout.slice(0, 7), 16) : 1;
}

const conditions = ['@paperfleet/source'];

/** Options of every project: sources instead of builds, a new order of the tests in each run (its seed is printed). */
const common = {
  resolve: { conditions: [...conditions, 'module', 'browser', 'development|production'] },
  ssr: { resolve: { conditions: [...conditions, 'module', 'node', 'development|production'], externalConditions: conditions } },
  oxc: { jsx: { runtime: 'automatic' as const, importSource: 'preact' } },
};

const test = { exclude: ['**/node_modules/**', '**/dist/**', '**/dist-types/**'], env: { PAPERFLEET_SEED: String(seed) } };

export default defineConfig({
  test: {
    maxWorkers: workers,
    reporters: ['default'],
    globalSetup: ['tests/setup/print-seed.ts'],
    sequence: { seed },
    env: test.env,
    projects: [
      {
        ...common,
        test: {
          ...test,
          name: 'unit',
          include: ['{core,node-agent,scheduler,lab,web}/src/**/*.test.{ts,tsx}'],
          // Modules are pure and hold no state of their own, so files share a worker; a test that breaks this shows up through the shuffled order.
          isolate: false,
          setupFiles: ['tests/setup/fast-check-seed.ts'],
          sequence: { seed, shuffle: true, groupOrder: 0 },
        },
      },
      {
        ...common,
        test: {
          ...test,
          name: 'property',
          include: ['{core,node-agent,scheduler,lab,web}/src/**/*.prop.{ts,tsx}', 'tests/{property,fuzz}/**/*.prop.ts'],
          setupFiles: ['tests/setup/fast-check-seed.ts'],
          testTimeout: 60_000,
          sequence: { seed, shuffle: true, groupOrder: 0 },
        },
      },
      {
        ...common,
        test: {
          ...test,
          name: 'conformance',
          include: ['tests/conformance/**/*.test.ts'],
          testTimeout: 60_000,
          sequence: { seed, shuffle: true, groupOrder: 0 },
        },
      },
      {
        ...common,
        test: {
          ...test,
          name: 'architecture',
          include: ['tests/architecture/**/*.test.ts'],
          testTimeout: 60_000,
          sequence: { seed, shuffle: true, groupOrder: 0 },
        },
      },
      {
        ...common,
        test: {
          ...test,
          name: 'sim',
          include: ['tests/sim/**/*.sim.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { seed, shuffle: true, groupOrder: 1 },
        },
      },
      {
        ...common,
        test: {
          ...test,
          name: 'e2e',
          include: ['tests/e2e/**/*.e2e.ts'],
          globalSetup: ['tests/setup/build-command.ts'],
          // One at a time and after everything else: they start real processes, browsers and sockets.
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          sequence: { shuffle: false, groupOrder: 2 },
        },
      },
    ],
  },
});
