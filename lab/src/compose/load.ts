/** The entry of this folder: Compose files in, a stack spec or a list of errors out. Pure but for the `readFile` it is given. */
import type { StackSpec } from '@paperfleet/core';
import { Assembler, type ParsedFile } from './assemble.ts';
import { convertStack } from './convert.ts';
import { Diagnostics, type Diagnostic } from './diagnostic.ts';
import { parseDotEnv } from './dotenv.ts';
import { readModel } from './fields.ts';
import { folderOf, joinPath } from './file-path.ts';
import { interpolate, type Lookup } from './interpolate.ts';
import type { WorkloadCheck } from './model.ts';
import { PROJECT_NAME, projectNameOf } from './names.ts';
import { child, type SourceNode } from './source-tree.ts';

/** A Compose file: its path as messages shall show it (relative paths inside it start from its folder) and its text. */
export interface ComposeFile {
  readonly path: string;
  readonly text: string;
}

interface CommonOptions {
  /** The shell's variables; they win over `dotEnv`. */
  readonly env: Readonly<Record<string, string>>;
  /** Text of the project's .env file. */
  readonly dotEnv?: string;
  /** Active profiles; '*' activates all. When empty, COMPOSE_PROFILES of the environment counts. */
  readonly profiles: readonly string[];
  /** Stack name; '' takes COMPOSE_PROJECT_NAME, else the files' `name:`, else `fallbackName`. */
  readonly projectName: string;
  /** Name of a stack that nothing else names; absent: made from the first file's folder, as Compose does. */
  readonly fallbackName?: string;
  /** Text of a file that the files refer to (extends, include, env_file, label_file); undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** Asked about services with a workload of their own; absent: any workload is taken. */
  readonly checkWorkload?: WorkloadCheck;
}

export interface LoadComposeOptions extends CommonOptions {
  /** In order: each is merged over those before it. */
  readonly files: readonly ComposeFile[];
}

export type ComposeResult =
  | { readonly ok: true; readonly stack: StackSpec; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] };

/** Loads Compose files as one stack. Never throws for anything a file can contain. */
export function loadCompose(options: LoadComposeOptions): ComposeResult {
  const diagnostics = new Diagnostics();
  const assembler = new Assembler(diagnostics, options.readFile);
  const files = options.files.map(({ path, text }) => assembler.parse(path, text));
  return load(files, options, assembler, diagnostics);
}

/** Loads a stack whose Compose part stands inside another file, at `root`; messages point into that file. */
export function loadComposeTree(root: SourceNode, options: CommonOptions): ComposeResult {
  const diagnostics = new Diagnostics();
  const assembler = new Assembler(diagnostics, options.readFile);
  return load([{ path: root.place.file, documents: [root] }], options, assembler, diagnostics);
}

function load(files: readonly ParsedFile[], options: CommonOptions, assembler: Assembler, diagnostics: Diagnostics): ComposeResult {
  const first = files[0]?.path ?? '';
  if (files.every(({ documents }) => documents.length === 0)) {
    if (diagnostics.errors.length === 0)
      diagnostics.error({ file: first, line: 1, column: 1 }, '', 'the file is empty', 'a Compose file begins with the key services:');
    return { ok: false, errors: diagnostics.errors };
  }
  const folder = folderOf(first);
  const variables = projectVariables(options, folder, diagnostics);
  const stack = projectName(files, options, folder, variables, diagnostics);
  const lookup: Lookup = (name) => (name === 'COMPOSE_PROJECT_NAME' ? stack : variables(name));
  const root = assembler.assemble(files, lookup, folder);
  if (root === undefined) return failed(diagnostics);
  const model = readModel(root, { path: '', key: root.place, diagnostics });
  if (model?.version === true) {
    const place = root.entries.get('version')?.key ?? root.place;
    diagnostics.warn(place, 'version', 'is not needed any more and changes nothing', 'remove the line');
  }
  if (model === undefined || diagnostics.errors.length > 0) return failed(diagnostics);
  const profiles =
    options.profiles.length > 0
      ? options.profiles
      : (lookup('COMPOSE_PROFILES') ?? '')
          .split(',')
          .map((each) => each.trim())
          .filter((each) => each !== '');
  const spec = convertStack({
    model,
    root,
    stack,
    profiles,
    lookup,
    assembler,
    diagnostics,
    checkWorkload: options.checkWorkload ?? (() => []),
  });
  return diagnostics.errors.length > 0
    ? { ok: false, errors: diagnostics.errors }
    : { ok: true, stack: spec, warnings: diagnostics.warnings };
}

/** Where a warning stands at the place of an error (a variable that is not set), it explains the error. */
function failed({ errors, warnings }: Diagnostics): ComposeResult {
  const explained = errors.map((error) => {
    const cause = warnings.find(
      ({ file, line, column, message }) =>
        file === error.file && line === error.line && column === error.column && message !== error.message,
    );
    return cause === undefined ? error : { ...error, hint: [cause.message, cause.hint].filter((text) => text !== '').join('; ') };
  });
  return { ok: false, errors: explained };
}

/** The environment, then .env. */
function projectVariables({ env, dotEnv }: CommonOptions, folder: string, diagnostics: Diagnostics): Lookup {
  const own: Lookup = (name) => (Object.hasOwn(env, name) ? env[name] : undefined);
  if (dotEnv === undefined) return own;
  const { variables, errors } = parseDotEnv(dotEnv, own);
  for (const { line, message } of errors)
    diagnostics.error({ file: joinPath(folder, '.env'), line, column: 1 }, '', message, 'one NAME=value on each line');
  return (name) => own(name) ?? variables.get(name);
}

function projectName(
  files: readonly ParsedFile[],
  options: CommonOptions,
  folder: string,
  lookup: Lookup,
  diagnostics: Diagnostics,
): string {
  if (options.projectName !== '') return options.projectName;
  const fromEnvironment = lookup('COMPOSE_PROJECT_NAME');
  if (fromEnvironment !== undefined && fromEnvironment !== '') return fromEnvironment;
  for (const document of files.flatMap(({ documents }) => documents).toReversed()) {
    const name = child(document, 'name');
    if (name?.kind !== 'scalar' || typeof name.value !== 'string') continue;
    const interpolated = interpolate(name.value, lookup);
    // A variable without a value is reported where the whole file is interpolated.
    if (!interpolated.ok || interpolated.value === '') continue;
    const hint = 'lower-case letters, digits, - and _, beginning with a letter or digit';
    if (!PROJECT_NAME.test(interpolated.value)) diagnostics.error(name.place, 'name', `'${interpolated.value}' is no project name`, hint);
    return interpolated.value;
  }
  return options.fallbackName ?? projectNameOf(folder);
}
