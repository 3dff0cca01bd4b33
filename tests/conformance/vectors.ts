// Conformance vectors: facts about real systems as JSON. They are read from tests/vectors, or from the folder in
// PAPERFLEET_VECTORS, which may hold other facts in the same form.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder that vectors are read from. */
export function vectorFolder(): string {
  const given = process.env['PAPERFLEET_VECTORS'];
  return given === undefined || given === '' ? fileURLToPath(new URL('../vectors', import.meta.url)) : path.resolve(given);
}

/** One file of vectors. @throws when it is missing or no JSON; the message names the file */
export function loadVectors<T>(name: string): T {
  const file = path.join(vectorFolder(), name);
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch (error) {
    throw new Error(`cannot read vectors ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
