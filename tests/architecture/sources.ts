// Reads the repository's own sources for the architecture tests: which files exist, what each imports, which names it uses.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, visitorKeys } from 'oxc-parser';

/** Absolute path of the repository. */
export const ROOT: string = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

const NOT_SOURCES = new Set(['node_modules', '.git', 'dist', 'dist-types', '.turbo', '.paperfleet', 'coverage', 'results', 'out']);

/** Files of the repository, relative, with forward slashes, in a fixed order: tracked ones and new ones that git would track. */
export function repositoryFiles(): readonly string[] {
  return (trackedFiles() ?? filesBelow('')).filter((file) => existsSync(path.join(ROOT, file))).sort();
}

/** What git lists; undefined when this is no checkout (an unpacked archive). */
function trackedFiles(): readonly string[] | undefined {
  const options = ['-c', `safe.directory=${ROOT}`]; // a checkout of another user is still ours to read
  const { status, stdout } = spawnSync(
    'git',
    [...options, 'ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  return status === 0 ? stdout.split('\0').filter((file) => file !== '') : undefined;
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_SOURCES.has(entry.name)) return [];
    const file = path.posix.join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(file) : [file];
  });
}

/** Text of a file, or undefined when it is gone or a folder. */
export function read(file: string): string | undefined {
  try {
    return readFileSync(path.join(ROOT, file), 'utf8');
  } catch {
    return undefined;
  }
}

/** Source files of TypeScript among some files. */
export function isSource(file: string): boolean {
  return /\.tsx?$/.test(file) && !file.endsWith('.d.ts');
}

/** Something found in a source, at a line counted from 1. */
export interface Finding {
  readonly line: number;
  readonly text: string;
}

/** What the rules look at in one source file. */
export interface Source {
  /** Module specifiers of imports, re-exports, import() and import types. */
  readonly imports: readonly Finding[];
  /** Names that refer to something (values and types) that the file does not itself declare; not names of properties or labels. */
  readonly names: readonly Finding[];
  /** `object.property` with a plain object name, and destructurings `{ property } = object`; others as `*.property`. */
  readonly members: readonly Finding[];
  /** Syntax that only asynchronous code has. */
  readonly asynchronous: readonly Finding[];
  /** `a ** b` where a is not literally 10 or a power of two: integer powers of these are exact wherever they fit. */
  readonly powers: readonly Finding[];
}

type Node = Record<string, unknown> & { readonly type: string; readonly start: number };

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string';
}

/** Parses a source and collects what the rules look at. @throws when the text is not valid TypeScript */
export function scan(file: string, text: string): Source {
  const result = parseSync(file, text);
  const problem = result.errors[0];
  if (problem !== undefined) throw new Error(`${file}: ${problem.message}`);
  const lineOf = lineCounter(text);
  const collected = {
    imports: [] as Finding[],
    names: [] as Finding[],
    members: [] as Finding[],
    asynchronous: [] as Finding[],
    powers: [] as Finding[],
  };
  const visit = (node: Node, parent: Node | undefined, key: string): void => {
    const add = (list: Finding[], found: string): void => void list.push({ line: lineOf(node.start), text: found });
    collect(node, parent, key, collected, add);
    for (const childKey of visitorKeys[node.type] ?? []) {
      const child = node[childKey];
      for (const each of Array.isArray(child) ? (child as unknown[]) : [child]) if (isNode(each)) visit(each, node, childKey);
    }
  };
  const program = result.program as unknown as Node;
  visit(program, undefined, 'program');
  const declared = declaredNames(program);
  return { ...collected, names: collected.names.filter((name) => !declared.has(name.text)) };
}

/** Names that a source declares anywhere: variables, parameters, functions, classes, types, imports. Lint knows scopes more exactly. */
function declaredNames(program: Node): ReadonlySet<string> {
  const names = new Set<string>();
  const bind = (pattern: unknown): void => {
    if (!isNode(pattern)) return;
    if (pattern.type === 'Identifier') names.add(String(pattern['name']));
    const inner = [pattern['properties'], pattern['elements'], pattern['left'], pattern['argument'], pattern['parameter']].flat();
    for (const each of inner) bind(isNode(each) && each.type === 'Property' ? each['value'] : each);
  };
  const visit = (node: Node): void => {
    if (node.type === 'VariableDeclarator' || node.type === 'TSTypeAliasDeclaration' || node.type === 'TSInterfaceDeclaration')
      bind(node['id']);
    else if (/^(?:Function|Class)(?:Declaration|Expression)$|^ArrowFunctionExpression$/.test(node.type)) {
      bind(node['id']);
      if (Array.isArray(node['params'])) node['params'].forEach(bind);
    } else if (/^Import(?:Default|Namespace)?Specifier$/.test(node.type)) bind(node['local']);
    else if (node.type === 'CatchClause') bind(node['param']);
    for (const key of visitorKeys[node.type] ?? []) for (const each of [node[key]].flat()) if (isNode(each)) visit(each);
  };
  visit(program);
  return names;
}

type Lists = { readonly [K in keyof Source]: Finding[] };

function collect(node: Node, parent: Node | undefined, key: string, lists: Lists, add: (list: Finding[], text: string) => void): void {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
    case 'TSExternalModuleReference': {
      const source = node['source'] ?? node['argument'] ?? node['expression'];
      if (isNode(source)) add(lists.imports, typeof source['value'] === 'string' ? source['value'] : '(computed)');
      return;
    }
    case 'Identifier':
      if (refers(parent, key)) add(lists.names, String(node['name']));
      return;
    case 'MemberExpression': {
      const property = memberName(node);
      const object = node['object'];
      if (property !== undefined)
        add(lists.members, `${isNode(object) && object.type === 'Identifier' ? String(object['name']) : '*'}.${property}`);
      return;
    }
    case 'VariableDeclarator': {
      const pattern = node['id'];
      const from = node['init'];
      if (!isNode(pattern) || pattern.type !== 'ObjectPattern' || !isNode(from) || from.type !== 'Identifier') return;
      for (const property of pattern['properties'] as Node[]) {
        const name = property['key'];
        if (isNode(name) && name.type === 'Identifier') add(lists.members, `${String(from['name'])}.${String(name['name'])}`);
      }
      return;
    }
    case 'AwaitExpression':
      add(lists.asynchronous, 'await');
      return;
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      if (node['async'] === true) add(lists.asynchronous, 'async function');
      return;
    case 'ForOfStatement':
      if (node['await'] === true) add(lists.asynchronous, 'for await');
      return;
    case 'BinaryExpression':
    case 'AssignmentExpression': {
      const operator = node['operator'];
      if ((operator === '**' || operator === '**=') && !isExactBase(node['left'])) add(lists.powers, operator);
      return;
    }
    default:
  }
}

/** False for identifiers that only label something: property names, method names, parameters' labels in types. */
function refers(parent: Node | undefined, key: string): boolean {
  if (parent === undefined) return true;
  if (parent['computed'] === true) return true;
  if (key === 'property') return parent.type !== 'MemberExpression' && parent.type !== 'MetaProperty';
  if (key === 'key') return parent['shorthand'] === true;
  if (key === 'right' && parent.type === 'TSQualifiedName') return false;
  if (key === 'label') return false;
  if (key === 'id' && parent.type === 'TSEnumMember') return false;
  return !(
    key === 'params' &&
    (parent.type === 'TSFunctionType' || parent.type === 'TSMethodSignature' || parent.type === 'TSConstructorType')
  );
}

function memberName(node: Node): string | undefined {
  const property = node['property'];
  if (!isNode(property)) return undefined;
  if (node['computed'] === true)
    return property.type === 'Literal' && typeof property['value'] === 'string' ? property['value'] : undefined;
  return property.type === 'Identifier' ? String(property['name']) : undefined;
}

function isExactBase(value: unknown): boolean {
  if (!isNode(value) || value.type !== 'Literal') return false;
  const base = value['value'];
  return base === 10 || (typeof base === 'number' && Number.isInteger(Math.log2(base)));
}

/** Offset in the text → line from 1. */
function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts.push(i + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
