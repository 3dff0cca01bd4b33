/** The entry of this folder: a scenario file in, a planned scenario or a list of errors out. Pure but for `readFile`. */
import { Diagnostics, type Diagnostic } from '../compose/diagnostic.ts';
import { folderOf, joinPath } from '../compose/file-path.ts';
import { loadCompose, loadComposeTree, type ComposeResult } from '../compose/load.ts';
import type { WorkloadCheck } from '../compose/model.ts';
import { PROJECT_NAME, projectNameOf } from '../compose/names.ts';
import { kindOf } from '../compose/reader.ts';
import { child, mapNode, parseYaml, toPlain, type MapNode, type SourceNode } from '../compose/source-tree.ts';
import type { AppEntry } from './file.ts';
import { type Known, reportIssues } from './issues.ts';
import { DEFAULT_APP_AT_US, planScenario, type PlannedApp } from './plan.ts';
import type { Scenario } from './scenario.ts';
import { scenarioJsonSchema, scenarioSchema } from './schema.ts';

export interface LoadScenarioOptions {
  readonly file: { readonly path: string; readonly text: string };
  /** Variables for the Compose files of its apps. The scenario file itself is not interpolated. */
  readonly env: Readonly<Record<string, string>>;
  /** Wins over the file's seed. */
  readonly seed?: string;
  /** Text of a file beside the scenario (Compose files and what they refer to); undefined when there is none. */
  readonly readFile: (path: string) => string | undefined;
  /** Asked about services with a workload of their own. */
  readonly checkWorkload?: WorkloadCheck;
}

export type ScenarioResult =
  | { readonly ok: true; readonly scenario: Scenario; readonly warnings: readonly Diagnostic[] }
  | { readonly ok: false; readonly errors: readonly Diagnostic[] };

/** Loads a scenario file. Never throws for anything a file can contain. */
export function loadScenario(options: LoadScenarioOptions): ScenarioResult {
  const { path, text } = options.file;
  const diagnostics = new Diagnostics();
  const [root, second] = parseYaml(path, text, diagnostics);
  if (diagnostics.errors.length > 0) return { ok: false, errors: diagnostics.errors };
  if (root === undefined)
    return failure(diagnostics, { file: path, line: 1, column: 1 }, 'the file is empty', 'a scenario begins with cluster: {pools: […]}');
  if (root.kind !== 'map')
    return failure(diagnostics, root.place, `a scenario is a map, not ${kindOf(root)}`, 'a scenario begins with cluster: {pools: […]}');
  if (second !== undefined) return failure(diagnostics, second.place, 'a scenario is one YAML document', 'remove the --- and what follows');
  const parsed = scenarioSchema.safeParse(toPlain(root));
  if (!parsed.success) {
    reportIssues(parsed.error.issues, root, diagnostics, (at) => lookUp(at, root));
    return { ok: false, errors: diagnostics.errors };
  }
  const file = parsed.data;
  const apps = (file.apps ?? []).flatMap((app, index) => loadApp(app, index, root, options, diagnostics) ?? []);
  reportClashes(apps, root, diagnostics);
  if (diagnostics.errors.length > 0) return { ok: false, errors: diagnostics.errors };
  const name = file.name ?? baseName(path);
  const scenario = planScenario({ file, root, name, seed: options.seed ?? file.seed ?? '1', apps, diagnostics });
  return diagnostics.errors.length > 0 ? { ok: false, errors: diagnostics.errors } : { ok: true, scenario, warnings: diagnostics.warnings };
}

function failure(
  diagnostics: Diagnostics,
  place: { file: string; line: number; column: number },
  message: string,
  hint: string,
): ScenarioResult {
  diagnostics.error(place, '', message, hint);
  return { ok: false, errors: diagnostics.errors };
}

const baseName = (path: string): string => (path.replaceAll('\\', '/').split('/').at(-1) ?? path).replace(/\.[^.]*$/, '');

const COMPOSE_KEYS = ['services', 'networks', 'volumes', 'secrets', 'configs'];

function loadApp(
  app: AppEntry,
  index: number,
  root: SourceNode,
  options: LoadScenarioOptions,
  diagnostics: Diagnostics,
): PlannedApp | undefined {
  const list = child(root, 'apps');
  const node = list?.kind === 'list' ? list.items[index] : undefined;
  if (node?.kind !== 'map') return undefined;
  const path = `apps[${index}]`;
  if ((app.compose === undefined) === (app.services === undefined)) {
    diagnostics.error(
      node.place,
      path,
      app.compose === undefined ? "has neither 'compose' nor 'services'" : "has both 'compose' and 'services'",
      'name Compose files, or write the services here',
    );
    return undefined;
  }
  if (app.name !== undefined && !PROJECT_NAME.test(app.name)) {
    diagnostics.error(
      child(node, 'name')?.place ?? node.place,
      `${path}.name`,
      `'${app.name}' is no name of a stack`,
      'lower-case letters, digits, - and _, beginning with a letter or digit',
    );
    return undefined;
  }
  const result =
    app.compose === undefined ? loadInline(app, node, path, options, diagnostics) : loadFiles(app, node, path, options, diagnostics);
  if (result === undefined) return undefined;
  if (!result.ok) {
    diagnostics.errors.push(...result.errors);
    return undefined;
  }
  diagnostics.warnings.push(...result.warnings);
  return { at: app.at ?? DEFAULT_APP_AT_US, stack: result.stack };
}

function loadInline(
  app: AppEntry,
  node: MapNode,
  path: string,
  options: LoadScenarioOptions,
  diagnostics: Diagnostics,
): ComposeResult | undefined {
  if (app.name === undefined) {
    diagnostics.error(node.place, path, "has no 'name'", 'services written here need the name of their stack');
    return undefined;
  }
  const part = mapNode(new Map([...node.entries].filter(([key]) => COMPOSE_KEYS.includes(key))), node.place);
  const { readFile, env } = options;
  const check = options.checkWorkload === undefined ? {} : { checkWorkload: options.checkWorkload };
  return loadComposeTree(part, { env: { ...env, ...app.env }, profiles: app.profiles ?? [], projectName: app.name, readFile, ...check });
}

function loadFiles(
  app: AppEntry,
  node: MapNode,
  path: string,
  options: LoadScenarioOptions,
  diagnostics: Diagnostics,
): ComposeResult | undefined {
  const { readFile, env, file } = options;
  const paths = (typeof app.compose === 'string' ? [app.compose] : (app.compose ?? [])).map((each) => joinPath(folderOf(file.path), each));
  const files: { path: string; text: string }[] = [];
  for (const each of paths) {
    const text = readFile(each);
    if (text === undefined) {
      diagnostics.error(
        child(node, 'compose')?.place ?? node.place,
        `${path}.compose`,
        `the file ${each} cannot be read`,
        'the path starts from the folder of this file',
      );
      return undefined;
    }
    files.push({ path: each, text });
  }
  for (const key of COMPOSE_KEYS) {
    const stray = node.entries.get(key);
    if (stray !== undefined) diagnostics.error(stray.key, `${path}.${key}`, "contradicts 'compose'", 'write it in the Compose file');
  }
  const first = paths[0] ?? '';
  const dotEnv = readFile(joinPath(folderOf(first), '.env'));
  return loadCompose({
    files,
    env: { ...env, ...app.env },
    ...(dotEnv === undefined ? {} : { dotEnv }),
    profiles: app.profiles ?? [],
    projectName: app.name ?? '',
    fallbackName: projectNameOf(baseName(first)),
    readFile,
    ...(options.checkWorkload === undefined ? {} : { checkWorkload: options.checkWorkload }),
  });
}

function reportClashes(apps: readonly PlannedApp[], root: SourceNode, diagnostics: Diagnostics): void {
  const names = new Set<string>();
  for (const { stack } of apps) {
    if (names.has(stack.name))
      diagnostics.error(
        child(root, 'apps')?.place ?? root.place,
        'apps',
        `two apps are called '${stack.name}'`,
        'give one of them another name',
      );
    names.add(stack.name);
  }
}

/** What the schema says of a path; of a timeline entry what holds for its own action. */
function lookUp(path: readonly (string | number)[], root: SourceNode): Known {
  let schema: JsonSchema | undefined = scenarioJsonSchema();
  let node: SourceNode | undefined = root;
  for (const step of path) {
    schema = typeof step === 'number' ? schema?.items : schema?.properties?.[step];
    node = node?.kind === 'list' ? node.items[Number(step)] : child(node, String(step));
    const action: SourceNode | undefined = child(node, 'do');
    const branches: readonly JsonSchema[] = schema?.oneOf ?? schema?.anyOf ?? [];
    const own: JsonSchema | undefined = branches.find(
      (branch) => action?.kind === 'scalar' && branch.properties?.['do']?.const === action.text,
    );
    schema = own ?? branches.find((branch) => branch.properties !== undefined) ?? schema;
  }
  return { keys: Object.keys(schema?.properties ?? {}), examples: schema?.examples ?? [] };
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
}
