// The workspaces' package.json files and the lock file.

import { describe, expect, test } from 'vitest';
import { WORKSPACES } from './import-rules.mjs';
import { importedPackages, isTestFile } from './rules.ts';
import { isSource, read, repositoryFiles } from './sources.ts';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly license?: string;
  readonly bin?: Readonly<Record<string, string>>;
  readonly workspaces?: readonly string[];
  readonly allowScripts?: Readonly<Record<string, boolean>>;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

interface Lock {
  readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly link?: boolean; readonly hasInstallScript?: boolean }>>;
}

const json = <T>(file: string): T => JSON.parse(read(file)!) as T;
const root = json<Manifest>('package.json');
const lock = json<Lock>('package-lock.json');
const workspaces = Object.keys(WORKSPACES);

describe('package.json', () => {
  test('the root lists exactly the workspaces of the import rules', () => {
    expect([...(root.workspaces ?? [])].sort()).toEqual([...workspaces].sort());
  });

  test.each(workspaces)('%s is private, has the scope and the version of the root', (workspace) => {
    const manifest = json<Manifest>(`${workspace}/package.json`);
    expect(manifest).toMatchObject({ name: `@paperfleet/${workspace}`, version: root.version, private: true, license: root.license });
  });

  test.each(workspaces)('%s declares every package that it imports', (workspace) => {
    const manifest = json<Manifest>(`${workspace}/package.json`);
    const runtime = new Set([
      ...Object.keys(manifest.dependencies ?? {}),
      ...Object.keys(manifest.optionalDependencies ?? {}),
      manifest.name,
    ]);
    const testing = new Set([...runtime, ...Object.keys(manifest.devDependencies ?? {}), ...Object.keys(root.devDependencies ?? {})]);
    const undeclared = repositoryFiles()
      .filter((file) => file.startsWith(`${workspace}/`) && isSource(file))
      .flatMap((file) => {
        const development = isTestFile(file) || workspace === 'tests' || file.endsWith('.config.ts');
        const declared = development ? testing : runtime;
        return importedPackages(file, read(file)!)
          .filter(({ name }) => !declared.has(name))
          .map(
            ({ line, name }) =>
              `${file}:${line} imports ${name}, which ${workspace}/package.json does not declare${development ? '' : ' among its dependencies'}`,
          );
      });
    expect(undeclared).toEqual([]);
  });

  test.each(workspaces)('the commands of %s exist and are started by Node', (workspace) => {
    const commands = Object.values(json<Manifest>(`${workspace}/package.json`).bin ?? {});
    const broken = commands.filter((file) => read(`${workspace}/${file}`)?.startsWith('#!/usr/bin/env node\n') !== true);
    expect(broken).toEqual([]);
  });

  test('versions are exact and the same everywhere', () => {
    const versions = new Map<string, Set<string>>();
    for (const manifest of [root, ...workspaces.map((workspace) => json<Manifest>(`${workspace}/package.json`))]) {
      for (const [name, version] of Object.entries({
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.optionalDependencies,
      })) {
        if (name.startsWith('@paperfleet/')) expect(version).toBe('*');
        else versions.set(name, (versions.get(name) ?? new Set()).add(version));
      }
    }
    const loose = [...versions].filter(([, set]) => set.size > 1 || ![...set].every((version) => /^\d+\.\d+\.\d+$/.test(version)));
    expect(loose.map(([name, set]) => `${name}: ${[...set].join(', ')}`)).toEqual([]);
  });
});

describe('package-lock.json', () => {
  test('names no host: packages come from the registry that the user has set', () => {
    const hosts = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined && entry.link !== true);
    expect(hosts.map(([name, entry]) => `${name}: ${entry.resolved}`)).toEqual([]);
    expect(read('package-lock.json')).not.toMatch(/https?:\/\/[^"]*\.tgz/);
  });

  test('every package with an install script is decided upon in allowScripts', () => {
    const names = Object.entries(lock.packages).flatMap(([key, entry]) =>
      entry.hasInstallScript === true ? [key.replace(/^.*node_modules\//, '')] : [],
    );
    expect([...new Set(names)].sort()).toEqual(Object.keys(root.allowScripts ?? {}).sort());
  });
});
