// Who may import whom, and what the pure folders must not name. The one place for it: scripts/generate-oxlintrc.mjs makes
// lint rules of it, the tests beside it scan the sources for the same, and ARCHITECTURE.md explains it.

/**
 * Workspaces of the repository: the other workspaces each may import, and the packages it may import at all (its
 * package.json must declare them too).
 * @type {Record<string, { workspaces: readonly string[], packages: 'declared' | readonly string[] }>}
 */
export const WORKSPACES = {
  core: { workspaces: [], packages: ['xstate'] },
  'node-agent': { workspaces: ['core'], packages: 'declared' },
  scheduler: { workspaces: ['core'], packages: 'declared' },
  lab: { workspaces: ['core', 'scheduler', 'node-agent'], packages: 'declared' },
  web: { workspaces: ['core'], packages: 'declared' },
  tests: { workspaces: ['core', 'node-agent', 'scheduler', 'lab', 'web'], packages: 'declared' },
};

/**
 * Folders whose code is pure: synchronous, no I/O, no clock, no chance but the seeded one. `shells` are the folders beside
 * them that they must not import; `packages` the only packages they may import besides the workspaces allowed above.
 * `except` lists files that stand in a pure folder and are not pure, with the reason.
 * @type {readonly { folders: readonly string[], workspace: string, shells: readonly string[], packages: readonly string[], except?: readonly string[] }[]}
 */
export const PURE = [
  { workspace: 'core', folders: ['core/src'], shells: [], packages: ['xstate'] },
  {
    workspace: 'node-agent',
    folders: ['node-agent/src/agent', 'node-agent/src/cgroup', 'node-agent/src/workload'],
    shells: ['host'],
    packages: ['xstate'],
  },
  {
    workspace: 'scheduler',
    folders: ['scheduler/src/store', 'scheduler/src/manager', 'scheduler/src/placement'],
    shells: ['live', 'server', 'api'],
    packages: ['xstate'],
  },
  {
    workspace: 'lab',
    folders: ['lab/src/compose', 'lab/src/scenario'],
    shells: ['cli', 'run', 'up'],
    packages: ['yaml', 'zod', 'xstate'],
    // Compose files name other files (extends, env_file, include): these read them and hand over text.
    except: ['**/read-*.ts'],
  },
];

/** Packages that web/src/core must not import: the page's core works under any UI library. */
export const WITHOUT_UI = { folder: 'web/src/core', packages: ['preact', 'preact-iso', '@preact/signals', '@preact/preset-vite'] };

const IMPURE = 'pure folders get time, chance and I/O as arguments (see ARCHITECTURE.md)';
const DIGITS = 'its digits depend on the platform; draw from tables or use the integer forms in core/src/kernel';

// Names of the browser (document, window, …) are missing on purpose: without lib.dom they do not type-check there, and they are good nouns.
/** Global names that pure folders must not use, with the reason. */
export const BANNED_GLOBALS = reasons(
  IMPURE,
  'process Date performance crypto console fetch Promise Buffer require ' +
    'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask ' +
    'WebSocket globalThis global Intl WeakRef FinalizationRegistry eval Function',
);

/** Members of Math that pure folders must not use, with the reason. */
export const BANNED_MATH = {
  ...reasons(IMPURE, 'random'),
  ...reasons(DIGITS, 'exp expm1 log log1p log2 log10 pow cbrt hypot sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh'),
};

/** Methods whose result depends on the machine's locale, with the reason. */
export const BANNED_METHODS = reasons(
  'its result depends on the locale; compare code units with < and >',
  'localeCompare toLocaleString toLocaleUpperCase toLocaleLowerCase toLocaleDateString toLocaleTimeString',
);

/** Files that are exempt from the rules of pure folders: tests, and what only tests use. */
export const TEST_FILES = ['**/*.test.ts', '**/*.test.tsx', '**/*.prop.ts', '**/*.bench.ts', '**/testing/**/*.ts'];

/** Longest file, in lines. */
export const LINES_MAX = 600;

/** @param {string} reason @param {string} names separated by blanks @returns {Record<string, string>} */
function reasons(reason, names) {
  return Object.fromEntries(names.split(' ').map((name) => [name, reason]));
}
