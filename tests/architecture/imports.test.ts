// Who may import whom, and purity, over the sources of the whole repository; and the rules themselves on planted violations.

import { describe, expect, test } from 'vitest';
import { PURE, WITHOUT_UI, WORKSPACES } from './import-rules.mjs';
import { importViolations, purityViolations } from './rules.ts';
import { isSource, read, repositoryFiles } from './sources.ts';

const sources = repositoryFiles()
  .filter((file) => isSource(file) && WORKSPACES[file.split('/')[0]!] !== undefined)
  .map((file) => ({ file, text: read(file)! }));

describe('the repository', () => {
  test('has sources in every workspace and folder that the rules name', () => {
    const named = [...Object.keys(WORKSPACES), 'core/src', WITHOUT_UI.folder];
    expect(named.filter((folder) => !sources.some(({ file }) => file.startsWith(`${folder}/`)))).toEqual([]);
  });

  test('imports only what its workspace may import', () => {
    expect(sources.flatMap(({ file, text }) => importViolations(file, text))).toEqual([]);
  });

  test('names no clock, chance, I/O or asynchrony in pure folders', () => {
    expect(sources.flatMap(({ file, text }) => purityViolations(file, text))).toEqual([]);
  });
});

describe('a planted import is caught', () => {
  test.each([
    ['core/src/kernel/x.ts', `import fs from 'node:fs';`],
    ['core/src/kernel/x.ts', `import fs from 'fs';`],
    ['core/src/kernel/x.ts', `import { a } from '@paperfleet/scheduler';`],
    ['core/src/kernel/x.ts', `import type { a } from 'ws';`],
    ['core/src/kernel/x.ts', `type A = import('express').Express;`],
    ['core/src/kernel/x.ts', `export * from 'yaml';`],
    ['core/src/kernel/x.ts', `const a = import('zod');`],
    ['core/src/kernel/x.ts', `import { a } from '../../../scheduler/src/index.ts';`],
    ['core/src/kernel/x.test.ts', `import { a } from '@paperfleet/lab';`],
    ['node-agent/src/agent/x.ts', `import { a } from '../host/host.ts';`],
    ['node-agent/src/agent/x.ts', `import { WebSocket } from 'ws';`],
    ['node-agent/src/host/x.ts', `import { a } from '@paperfleet/scheduler';`],
    ['scheduler/src/manager/x.ts', `import type { Run } from '../live/run.ts';`],
    ['scheduler/src/server/x.ts', `import { a } from '@paperfleet/node-agent';`],
    ['scheduler/src/manager/deep/x.ts', `import type { Run } from '../../api/http.ts';`],
    ['lab/src/compose/x.ts', `import { readFileSync } from 'node:fs';`],
    ['lab/src/cli/x.ts', `import { a } from '@paperfleet/web';`],
    ['web/src/ui/x.tsx', `import { a } from '@paperfleet/scheduler';`],
    ['web/src/core/x.ts', `import { signal } from '@preact/signals';`],
    ['web/src/core/x.ts', `import { h } from 'preact';`],
    ['tests/sim/x.sim.ts', `import { a } from '../../core/src/index.ts';`],
    ['scheduler/src/live/x.ts', `import { a } from '@paperfleet/core/testing';`],
    ['core/src/kernel/x.ts', `import { a } from './testing/gossip.ts';`],
  ])('%s: %s', (file, text) => {
    expect(importViolations(file, text)).toHaveLength(1);
  });

  test.each([
    ['core/src/kernel/x.ts', `import { createMachine } from 'xstate'; import type { TimeUs } from '../units.ts';`],
    ['core/src/kernel/x.test.ts', `import { test } from 'vitest'; import fs from 'node:fs';`],
    ['scheduler/src/live/x.test.ts', `import { a } from '@paperfleet/core/testing';`],
    ['scheduler/src/manager/x.ts', `import type { View } from '../store/view.ts'; import { a } from '@paperfleet/core';`],
    ['scheduler/src/live/x.ts', `import fs from 'node:fs'; import { a } from '../manager/x.ts';`],
    ['lab/src/compose/x.ts', `import { parseDocument } from 'yaml'; import { z } from 'zod';`],
    ['lab/src/compose/read-files.ts', `import { readFileSync } from 'node:fs';`],
    ['lab/src/up/x.ts', `import { a } from '@paperfleet/node-agent'; import { b } from '@paperfleet/scheduler';`],
    ['web/src/ui/x.tsx', `import { h } from 'preact'; import { a } from '../core/live.ts';`],
    ['tests/sim/x.sim.ts', `import { a } from '@paperfleet/lab'; import fs from 'node:fs';`],
    ['core/src/kernel/x.ts', `// import fs from 'node:fs';\nexport const text = "import 'ws'";`],
  ])('%s may have: %s', (file, text) => {
    expect(importViolations(file, text)).toEqual([]);
  });
});

describe('a planted impurity is caught', () => {
  test.each([
    `export const a = Date.now();`,
    `export const a = new Date();`,
    `export const a = performance.now();`,
    `export const a = Math.random();`,
    `export const a = Math.exp(1);`,
    `export const a = Math['log'](2);`,
    `export const { pow } = Math;`,
    `export const a = (x: number): number => x ** 0.5;`,
    `export const a = (n: number): number => 3 ** n;`,
    `export const a = process.env;`,
    `console.log(1);`,
    `setTimeout(() => 1, 2);`,
    `export type A = Promise<number>;`,
    `export const a = async () => 1;`,
    `export const a = crypto.randomUUID();`,
    `export const a = 'x'.localeCompare('y');`,
    `export const a = new Intl.Collator();`,
    `export const a = { process };`,
  ])('%s', (text) => {
    for (const folder of PURE.flatMap(({ folders }) => folders)) expect(purityViolations(`${folder}/x.ts`, text).length).toBeGreaterThan(0);
  });

  test.each([
    `// Date.now() and Math.random() stand in this comment\nexport const a = 1;`,
    `export const a = 'Date.now() ' + \`process \${1 + 1} console\`;`,
    `export const a = /process|Date/.test('x');`,
    `export const a = { process: 1, Date: 2 };`,
    `export const a = (x: { readonly process: number }): number => x.process;`,
    `export const a = Math.floor(Math.sqrt(2)) + Math.imul(3, 4) + Math.max(1, 2);`,
    `export const a = (n: number): number => 2 ** 32 + 1024 ** n + 10 ** n;`,
    `export interface Timers { setTimeout(crypto: number): void; readonly console: string }`,
    `export type F = (performance: number) => void;`,
    `function require(x: unknown): void { x; } require(1);`,
    `export const f = ({ location: process }: { location: { pid: number } }): number => process.pid;`,
    `import { Worker as Buffer } from './buffer.ts'; export const a = new Buffer();`,
  ])('allowed: %s', (text) => {
    expect(purityViolations('core/src/x.ts', text)).toEqual([]);
  });

  test('only in pure folders, and not in their tests', () => {
    const text = `export const a = Date.now();`;
    expect(purityViolations('scheduler/src/live/x.ts', text)).toEqual([]);
    expect(purityViolations('core/src/x.test.ts', text)).toEqual([]);
    expect(purityViolations('core/src/x.ts', text)).toEqual([
      'core/src/x.ts:1 uses Date: pure folders get time, chance and I/O as arguments (see ARCHITECTURE.md)',
    ]);
  });
});
