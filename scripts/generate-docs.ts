// Generated documents, made from the sources that they describe:
//   node --conditions=@paperfleet/source --import tsx scripts/generate-docs.ts           writes them
//   node --conditions=@paperfleet/source --import tsx scripts/generate-docs.ts --check   writes nothing; exit code 1 when one is not up to date
// To add one, add a generator to GENERATORS: it returns the files it makes, by path from the repository's root.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { interfaceDocuments } from './documents/interfaces.ts';
import { machineDocuments } from './documents/machines.ts';
import { scenarioSchemaDocument } from './documents/scenario-schema.ts';
import { validationDocuments } from './documents/validation.ts';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

export interface Generator {
  /** A folder that holds nothing but this generator's files; others in it are stale and are removed. */
  readonly folder?: string;
  /** Contents by path from the repository's root, with forward slashes. */
  readonly make: () => ReadonlyMap<string, string>;
}

const GENERATORS: readonly Generator[] = [
  { folder: 'docs/machines', make: machineDocuments },
  { make: scenarioSchemaDocument },
  { make: interfaceDocuments },
  { make: validationDocuments },
];

/** Files of a generator's own folder that it does not make (any more). */
function stale({ folder }: Generator, made: ReadonlyMap<string, string>): readonly string[] {
  if (folder === undefined || !existsSync(path.join(ROOT, folder))) return [];
  return readdirSync(path.join(ROOT, folder))
    .map((name) => `${folder}/${name}`)
    .filter((file) => !made.has(file));
}

/** Paths whose content is not what the generator makes. */
function outdated(made: ReadonlyMap<string, string>): readonly string[] {
  return [...made]
    .filter(([file, text]) => !existsSync(path.join(ROOT, file)) || readFileSync(path.join(ROOT, file), 'utf8') !== text)
    .map(([file]) => file);
}

function main(): void {
  const check = process.argv.includes('--check');
  const unknown = process.argv.slice(2).filter((argument) => argument !== '--check');
  if (unknown.length > 0) {
    console.error(`unknown argument ${unknown.join(' ')}; the only one is --check`);
    process.exitCode = 2;
    return;
  }
  for (const generator of GENERATORS) {
    const made = generator.make();
    const old = stale(generator, made);
    const changed = outdated(made);
    if (check) {
      for (const file of changed) console.log(`${file} is not up to date`);
      for (const file of old) console.log(`${file} is made by nothing any more`);
      if (changed.length + old.length > 0) process.exitCode = 1;
      continue;
    }
    for (const file of changed) {
      mkdirSync(path.dirname(path.join(ROOT, file)), { recursive: true });
      writeFileSync(path.join(ROOT, file), made.get(file)!);
      console.log(`wrote ${file}`);
    }
    for (const file of old) {
      rmSync(path.join(ROOT, file));
      console.log(`removed ${file}`);
    }
  }
}

main();
