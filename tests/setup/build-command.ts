// Runs once, before the end-to-end tests: they start the built command, as people do.

import { buildCommand } from '../support/build.ts';

/** Brings the build up to date. */
export function setup(): void {
  buildCommand();
}
