// Runs once, before all tests.

import type { TestProject } from 'vitest/node';

/** Prints the seed of the run's order and properties. */
export function setup(project: TestProject): void {
  console.log(`PAPERFLEET_SEED=${String(project.config.env['PAPERFLEET_SEED'])}`);
}
