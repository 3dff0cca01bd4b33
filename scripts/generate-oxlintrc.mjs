// Writes .oxlintrc.json: the rules below, and the import rules of tests/architecture/import-rules.mjs as overrides.
//   node scripts/generate-oxlintrc.mjs [--check]     --check: compare only, exit 1 when the file would change

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  BANNED_GLOBALS,
  BANNED_MATH,
  BANNED_METHODS,
  PURE,
  TEST_FILES,
  WITHOUT_UI,
  WORKSPACES,
} from '../tests/architecture/import-rules.mjs';
import { ROOT } from './setup.mjs';

const FILE = path.join(ROOT, '.oxlintrc.json');
const SCOPE = '@paperfleet';

const RULES = {
  // Promises: none forgotten, none where a value is meant.
  'typescript/no-floating-promises': 'error',
  'typescript/no-misused-promises': 'error',
  'typescript/await-thenable': 'error',
  'typescript/return-await': ['error', 'in-try-catch'],
  'typescript/prefer-promise-reject-errors': 'error',
  'typescript/only-throw-error': 'error',
  // Types: every case handled, no hole in the checker.
  'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
  'typescript/no-explicit-any': 'error',
  'typescript/no-unsafe-argument': 'error',
  'typescript/no-unsafe-assignment': 'error',
  'typescript/no-unsafe-call': 'error',
  'typescript/no-unsafe-member-access': 'error',
  'typescript/no-unsafe-return': 'error',
  'typescript/no-unnecessary-type-assertion': 'error',
  'typescript/no-unnecessary-type-arguments': 'error',
  'typescript/no-unnecessary-boolean-literal-compare': 'error',
  'typescript/restrict-plus-operands': 'error',
  'typescript/require-array-sort-compare': ['error', { ignoreStringArrays: true }],
  'typescript/consistent-type-imports': 'error',
  'typescript/no-import-type-side-effects': 'error',
  'typescript/no-deprecated': 'error',
  'typescript/prefer-readonly': 'error',
  'typescript/unified-signatures': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', caughtErrorsIgnorePattern: '^_' }],
  // Modules.
  'import/no-cycle': ['error', { ignoreTypes: true }], // types are erased: they cannot run in circles
  'import/no-self-import': 'error',
  'import/no-default-export': 'error',
  'import/no-mutable-exports': 'error',
  'import/no-commonjs': 'error',
  'import/no-duplicates': 'error',
  'unicorn/prefer-node-protocol': 'error',
  // Plain mistakes and traps.
  eqeqeq: 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'no-param-reassign': 'off',
  'no-fallthrough': 'error',
  'no-self-compare': 'error',
  'no-constructor-return': 'error',
  'no-promise-executor-return': 'off', // new Promise((resolve) => setTimeout(resolve, ms)) is harmless
  'no-template-curly-in-string': 'off', // Compose files interpolate with ${…}: the text stands in tests and messages
  'no-throw-literal': 'off', // typescript/only-throw-error sees more
  'no-eval': 'error',
  'no-implied-eval': 'off', // needs no rule where timers take functions only
  'no-new-func': 'error',
  'no-return-assign': 'error',
  'no-sequences': 'error',
  'no-unneeded-ternary': 'error',
  'no-useless-concat': 'error',
  'no-lonely-if': 'error',
  'no-else-return': 'error',
  'prefer-template': 'off',
  'default-case-last': 'error',
  'max-lines-per-function': ['error', { max: 80, skipBlankLines: true, skipComments: true }],
  'max-params': ['error', { max: 7 }],
  'max-depth': ['error', { max: 5 }],
  'no-alert': 'error',
  'unicorn/no-array-sort': 'off', // in-place sorting of an array of one's own is wanted on hot paths
  'unicorn/no-array-reverse': 'off',
  'unicorn/consistent-function-scoping': 'off',
  'no-underscore-dangle': 'off',
  'no-shadow': 'off',
  'no-await-in-loop': 'off', // one after the other is often what is meant
  'typescript/no-unsafe-type-assertion': 'off', // units are branded numbers: (a + b) as TimeUs is their arithmetic
  'typescript/no-unnecessary-type-parameters': 'off', // get<T>(path) names what the far end sends
  'typescript/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
  'consistent-return': 'off', // the type checker sees missing returns, and knows when a switch is exhaustive
  'unicorn/no-new-array': 'off', // new Array(n) of a known length keeps V8's dense representation
  'unicorn/prefer-add-event-listener': 'off', // a socket of one's own has one listener of each kind
  'import/no-named-as-default': 'off', // import WebSocket from 'ws'
  'import/no-named-as-default-member': 'off', // fc.integer() reads better than twenty imported names
  'unicorn/no-useless-spread': 'off', // iterating over a copy of a Map or Set that the loop changes is no mistake
  'oxc/no-map-spread': 'off', // rows that are new objects are what a pure function returns
  'vitest/no-standalone-expect': 'off', // properties and shared checks expect in helper functions
  'unicorn/throw-new-error': 'error',
  'unicorn/prefer-type-error': 'off',
};

/** no-restricted-imports for the files of one workspace outside its pure folders. */
function workspaceImports(name) {
  const { workspaces, packages } = WORKSPACES[name];
  if (packages === 'declared') {
    const others = Object.keys(WORKSPACES).filter((other) => !workspaces.includes(other));
    const allowed = workspaces.map((other) => `${SCOPE}/${other}`).join(', ') || 'no other workspace';
    return [
      { group: others.flatMap((other) => [`${SCOPE}/${other}`, `${SCOPE}/${other}/**`]), message: `${name} may import ${allowed} only` },
    ];
  }
  return [
    onlyPackages(
      [...workspaces.map((other) => `${SCOPE}/${other}`), ...packages],
      `${name} may import ${[...workspaces, ...packages].join(', ')} only`,
    ),
  ];
}

/** A pattern that lets through relative imports and the given packages only. */
function onlyPackages(packages, message) {
  return { group: ['**', '!./**', '!../**', ...packages.flatMap((name) => [`!${name}`, `!${name}/**`])], message };
}

/** Nobody reaches into another workspace by path. */
const ACROSS = {
  regex: `^\\.\\./(?:.*/)?(?:${Object.keys(WORKSPACES)
    .filter((name) => name !== 'tests')
    .join('|')})/(?:src|dist|dist-types|bin)/`,
  message: 'import another workspace by its package name',
};

function restrict(patterns) {
  return ['error', { patterns: [ACROSS, ...patterns] }];
}

function pureOverride({ folders, workspace, shells, packages }) {
  const allowed = [...WORKSPACES[workspace].workspaces.filter((name) => name === 'core').map((name) => `${SCOPE}/${name}`), ...packages];
  const patterns = [onlyPackages(allowed, `pure folders of ${workspace} may import ${allowed.join(', ')} only`)];
  if (shells.length > 0) {
    patterns.push({
      regex: `^\\.{1,2}/(?:.*/)?(?:${shells.join('|')})/`,
      message: `pure folders must not import the shells (${shells.join(', ')})`,
    });
  }
  return {
    files: folders.flatMap((folder) => [`${folder}/**/*.ts`]),
    rules: {
      'no-restricted-imports': restrict(patterns),
      'no-restricted-globals': ['error', ...Object.entries(BANNED_GLOBALS).map(([name, message]) => ({ name, message }))],
      'no-restricted-properties': [
        'error',
        ...Object.entries(BANNED_MATH).map(([property, message]) => ({ object: 'Math', property, message })),
        ...Object.entries(BANNED_METHODS).map(([property, message]) => ({ property, message })),
      ],
      'oxc/no-async-await': 'error',
      'no-console': 'error',
    },
  };
}

const PURE_RULES_OFF = {
  'no-restricted-globals': 'off',
  'no-restricted-properties': 'off',
  'oxc/no-async-await': 'off',
  'no-console': 'off',
};

function config() {
  const sources = Object.keys(WORKSPACES).filter((name) => name !== 'tests');
  const uiPatterns = WITHOUT_UI.packages.flatMap((name) => [name, `${name}/**`]);
  const shellsInPure = PURE.flatMap(({ folders, except = [] }) => folders.flatMap((folder) => except.map((glob) => `${folder}/${glob}`)));
  return {
    $schema: './node_modules/oxlint/configuration_schema.json',
    plugins: ['typescript', 'import', 'unicorn', 'oxc', 'promise', 'vitest'],
    categories: { correctness: 'error', suspicious: 'error', perf: 'error' },
    options: { typeAware: true, reportUnusedDisableDirectives: 'error' },
    ignorePatterns: ['**/dist/**', '**/dist-types/**', '**/coverage/**', 'tests/vectors/**', '**/golden/**'],
    rules: RULES,
    overrides: [
      ...sources.map((name) => ({
        files: [`${name}/src/**/*.ts`, `${name}/src/**/*.tsx`],
        rules: { 'no-restricted-imports': restrict(workspaceImports(name)) },
      })),
      ...PURE.map(pureOverride),
      {
        files: [`${WITHOUT_UI.folder}/**/*.ts`],
        rules: {
          'no-restricted-imports': restrict([
            ...workspaceImports('web'),
            { group: uiPatterns, message: "the page's core works under any UI library" },
          ]),
        },
      },
      { files: shellsInPure, rules: { ...PURE_RULES_OFF, 'no-restricted-imports': restrict(workspaceImports('lab')) } },
      {
        // Tests beside the code, and the tests workspace: free to use clocks and Node; long describe blocks are fine.
        files: [...TEST_FILES, 'tests/**/*.ts'],
        rules: {
          ...PURE_RULES_OFF,
          'no-restricted-imports': 'off',
          'max-lines-per-function': 'off',
          'vitest/no-focused-tests': 'error',
          'vitest/valid-expect': ['error', { maxArgs: 2 }], // the second is vitest's message
          'vitest/no-disabled-tests': 'error',
          'vitest/expect-expect': 'off', // fast-check properties and invariants assert without expect()
          'vitest/no-conditional-expect': 'off',
          'vitest/require-mock-type-parameters': 'off',
        },
      },
      // A component that reads a signal is drawn again when it changes: `feed.revision.value;` is a statement with a meaning.
      { files: ['web/src/ui/**/*.tsx'], rules: { 'no-unused-expressions': 'off' } },
      { files: ['**/*.config.ts', '**/*.config.mjs'], rules: { 'import/no-default-export': 'off' } },
      {
        // Plain JavaScript that runs before anything is built: the type checker knows too little about it.
        files: ['**/*.mjs', '**/*.js'],
        rules: Object.fromEntries(
          Object.keys(RULES)
            .filter((rule) => /^typescript\/(?:no-unsafe|restrict|prefer-promise|require-array)/.test(rule))
            .map((rule) => [rule, 'off']),
        ),
      },
    ],
  };
}

/** Runs the program: writes the file, or with --check compares it; the process's exit code tells. */
function main(args) {
  const text = `${JSON.stringify(config(), undefined, 2)}\n`;
  const before = readFileSync(FILE, { encoding: 'utf8', flag: 'a+' });
  if (before === text) return;
  if (args.includes('--check')) {
    console.error('.oxlintrc.json does not follow from tests/architecture/import-rules.mjs; run: node scripts/generate-oxlintrc.mjs');
    process.exitCode = 1;
    return;
  }
  writeFileSync(FILE, text);
  console.log('wrote .oxlintrc.json');
}

main(process.argv.slice(2));
