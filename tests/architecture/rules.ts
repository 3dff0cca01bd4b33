// The import rules of import-rules.mjs applied to one scanned source: each violation is a sentence with its place.

import { builtinModules } from 'node:module';
import path from 'node:path';
import { BANNED_GLOBALS, BANNED_MATH, BANNED_METHODS, PURE, TEST_FILES, WITHOUT_UI, WORKSPACES } from './import-rules.mjs';
import { scan } from './sources.ts';

const SCOPE = '@paperfleet/';

/** `*` and `**` of a glob against a path with forward slashes. */
function matches(glob: string, file: string): boolean {
  const body = glob
    .replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`)
    .replaceAll('**/', '\u0001')
    .replaceAll('*', '[^/]*')
    .replaceAll('\u0001', '(?:.*/)?');
  return new RegExp(`^${body}$`).test(file);
}

/** True for tests that stand beside the code. */
export function isTestFile(file: string): boolean {
  return TEST_FILES.some((glob) => matches(glob, file));
}

/** `@scope/name/deep` → `@scope/name`; `node:fs` → `node:fs`. */
export function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0]!;
}

/** True for modules of Node itself, with and without `node:`. */
export function isBuiltin(specifier: string): boolean {
  return specifier.startsWith('node:') || builtinModules.includes(packageOf(specifier));
}

type PureZone = (typeof PURE)[number];

/** The pure zone that a file belongs to, if it does. Tests and the files listed as exceptions belong to none. */
export function pureZoneOf(file: string): PureZone | undefined {
  if (isTestFile(file)) return undefined;
  return PURE.find(({ folders, except = [] }) =>
    folders.some((folder) => file.startsWith(`${folder}/`) && !except.some((glob) => matches(`${folder}/${glob}`, file))),
  );
}

/** Violations of "who may import whom" in one file. */
export function importViolations(file: string, text: string): readonly string[] {
  const workspace = file.split('/')[0]!;
  const rule = WORKSPACES[workspace];
  if (rule === undefined) return [];
  const zone = pureZoneOf(file);
  const violations: string[] = [];
  for (const { line, text: specifier } of scan(file, text).imports) {
    const reason = specifier.startsWith('.') ? relativeProblem(file, specifier, zone) : packageProblem(file, workspace, specifier, zone);
    if (reason !== undefined) violations.push(`${file}:${line} imports '${specifier}': ${reason}`);
  }
  return violations;
}

function relativeProblem(file: string, specifier: string, zone: PureZone | undefined): string | undefined {
  const target = path.posix.join(path.posix.dirname(file), specifier);
  const from = file.split('/')[0]!;
  const to = target.split('/')[0]!;
  if (from !== to && from !== 'tests') return 'another workspace is imported by its package name';
  if (from === 'tests' && to !== 'tests' && to !== 'scripts' && target.split('/')[1] === 'src')
    return 'another workspace is imported by its package name';
  if (zone === undefined) return undefined;
  if (pureZoneOf(target) === zone || zone.folders.some((folder) => target === folder)) return undefined;
  return `pure folders import pure folders only (${zone.folders.join(', ')})`;
}

function packageProblem(file: string, workspace: string, specifier: string, zone: PureZone | undefined): string | undefined {
  const rule = WORKSPACES[workspace]!;
  const name = packageOf(specifier);
  if (name.startsWith(SCOPE)) {
    const other = name.slice(SCOPE.length);
    if (specifier.startsWith(`${name}/testing`) && workspace !== 'tests' && !isTestFile(file)) return 'test support is for tests only';
    return rule.workspaces.includes(other) || other === workspace
      ? undefined
      : `${workspace} may import ${rule.workspaces.join(', ') || 'no other workspace'} only`;
  }
  if (isTestFile(file)) return undefined;
  if (zone !== undefined) {
    return zone.packages.includes(name)
      ? undefined
      : `pure folders of ${workspace} may import the packages ${zone.packages.join(', ')} only`;
  }
  if (file.startsWith(`${WITHOUT_UI.folder}/`) && WITHOUT_UI.packages.includes(name)) return "the page's core works under any UI library";
  if (rule.packages !== 'declared' && !rule.packages.includes(name))
    return `${workspace} may import the packages ${rule.packages.join(', ')} only`;
  return undefined;
}

/** Violations of purity in one file: clocks, chance, I/O, asynchrony, digits that depend on the platform. */
export function purityViolations(file: string, text: string): readonly string[] {
  if (pureZoneOf(file) === undefined) return [];
  const source = scan(file, text);
  const violations: string[] = [];
  const add = (line: number, what: string, reason: string): void => void violations.push(`${file}:${line} uses ${what}: ${reason}`);
  for (const { line, text: name } of source.names) {
    const reason = own(BANNED_GLOBALS, name);
    if (reason !== undefined) add(line, name, reason);
  }
  for (const { line, text: member } of source.members) {
    const [object, property] = member.split('.') as [string, string];
    const reason = (object === 'Math' ? own(BANNED_MATH, property) : undefined) ?? own(BANNED_METHODS, property);
    if (reason !== undefined) add(line, member, reason);
  }
  for (const { line, text: what } of source.asynchronous) add(line, what, 'pure code is synchronous');
  for (const { line, text: operator } of source.powers)
    add(line, `${operator} on a value`, 'like Math.pow, its digits depend on the platform; multiply');
  return violations;
}

function own(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Packages that a file imports and that must therefore stand in its workspace's package.json. */
export function importedPackages(file: string, text: string): readonly { readonly line: number; readonly name: string }[] {
  return scan(file, text)
    .imports.filter(({ text: specifier }) => !specifier.startsWith('.') && !isBuiltin(specifier) && specifier !== '(computed)')
    .map(({ line, text: specifier }) => ({ line, name: packageOf(specifier) }));
}
