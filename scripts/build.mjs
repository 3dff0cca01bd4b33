// npm run build: builds the product whatever the stamps say; what has not changed comes from turbo's cache.

import { build, ensureInstalled, requireNode, SetupError } from './setup.mjs';

requireNode();
try {
  await ensureInstalled();
  const { code, output } = await build();
  if (output) console.log(output.trim());
  process.exitCode = code;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
