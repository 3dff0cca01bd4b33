import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { catalogueDocument } from './catalogue-document.ts';

const FILE = fileURLToPath(new URL('../../../docs/workloads.md', import.meta.url));

test('docs/workloads.md says what the catalogue says (PAPERFLEET_UPDATE=1 writes it)', () => {
  if (process.env['PAPERFLEET_UPDATE'] === '1') writeFileSync(FILE, catalogueDocument());
  expect(readFileSync(FILE, 'utf8')).toBe(catalogueDocument());
});
