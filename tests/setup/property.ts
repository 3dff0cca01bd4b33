// Runs before every property file: one seed for the whole run, printed, so that a failure is repeated with
//   PAPERFLEET_SEED=… npx vitest run --project property <file>

import fc from 'fast-check';

const given = process.env['PAPERFLEET_SEED'];
const seed = given === undefined ? (Date.now() ^ (process.pid << 12)) | 0 : Number(given);
if (!Number.isSafeInteger(seed)) throw new Error(`PAPERFLEET_SEED must be an integer, got ${JSON.stringify(given)}`);

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed });
console.log(`PAPERFLEET_SEED=${seed}`);
