// npm run lint: format, lint rules, workspace boundaries, unused code. All of them run even when one fails.

import { report, STATIC_CHECKS } from './checks.mjs';
import { ensureInstalled, requireNode, SetupError } from './setup.mjs';

requireNode();
try {
  await ensureInstalled();
  for (const check of STATIC_CHECKS) if (!(await report(check))) process.exitCode = 1;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
