// Runs before every unit and property file: fast-check draws from the seed of the run (vitest.config.ts), which a failure
// names too. Repeat with: PAPERFLEET_SEED=… npx vitest run <file>

import fc from 'fast-check';

const given = process.env['PAPERFLEET_SEED'];
const seed = Number(given);
if (given === undefined || given === '' || !Number.isSafeInteger(seed))
  throw new Error(`PAPERFLEET_SEED must be an integer, got ${JSON.stringify(given)}`);

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
