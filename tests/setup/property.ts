// Runs before every property file: one seed for the whole run, printed, so that a failure can be repeated with
//   PAPERFLEET_SEED=… npx vitest run --project property <file>

import fc from 'fast-check';

const given = process.env['PAPERFLEET_SEED'];
const seed = Number(given);
if (given === undefined || given === '' || !Number.isSafeInteger(seed))
  throw new Error(`PAPERFLEET_SEED must be an integer, got ${JSON.stringify(given)}`);

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
console.log(`PAPERFLEET_SEED=${seed}`);
