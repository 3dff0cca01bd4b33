/** What zod finds wrong in a scenario, as diagnostics at the lines of the file. */
import type { z } from 'zod';
import { didYouMean, type Diagnostics } from '../compose/diagnostic.ts';
import { kindOf } from '../compose/reader.ts';
import { locate, type SourceNode } from '../compose/source-tree.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

/** `timeline[2].at` */
export function pathText(path: Path): string {
  return path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
}

/** What the schema says of a place: the keys of a map, examples of a value. */
export interface Known {
  readonly keys: readonly string[];
  readonly examples: readonly unknown[];
}

/** Reports every issue; `known` looks places up in the schema. */
export function reportIssues(issues: readonly Issue[], root: SourceNode, diagnostics: Diagnostics, known: (path: Path) => Known): void {
  for (const issue of issues) reportIssue(issue, [], root, diagnostics, known);
}

function reportIssue(issue: Issue, prefix: Path, root: SourceNode, diagnostics: Diagnostics, known: (path: Path) => Known): void {
  const path: Path = [...prefix, ...(issue.path as Path)];
  const { node, key } = locate(root, path);
  if (issue.code === 'unrecognized_keys') {
    for (const name of issue.keys) {
      const near = didYouMean(name, known(path).keys);
      const place = node.kind === 'map' ? (node.entries.get(name)?.key ?? key) : key;
      diagnostics.error(
        place,
        pathText([...path, name]),
        `unknown key '${name}'`,
        near === undefined ? `known here: ${known(path).keys.join(', ')}` : `did you mean '${near}'?`,
      );
    }
    return;
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const branch = bestBranch(issue.errors);
    for (const inner of branch) reportIssue(inner, path, root, diagnostics, known);
    return;
  }
  const { message, hint } = describe(issue, node, exists(root, path), known(path).examples);
  diagnostics.error(exists(root, path) ? node.place : key, pathText(path), message, hint);
}

/** The branch that came furthest: the one whose first problem lies deepest, then the one with the fewest problems. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (branch: readonly Issue[]): number =>
    Math.max(0, ...branch.map((issue) => issue.path.length + (issue.code === 'custom' ? 1 : 0)));
  let best = branches[0] ?? [];
  for (const branch of branches) {
    if (depth(branch) > depth(best) || (depth(branch) === depth(best) && branch.length < best.length)) best = branch;
  }
  return best;
}

function exists(root: SourceNode, path: Path): boolean {
  let node: SourceNode | undefined = root;
  for (const step of path) {
    node = node?.kind === 'map' ? node.entries.get(String(step))?.value : node?.kind === 'list' ? node.items[Number(step)] : undefined;
    if (node === undefined) return false;
  }
  return true;
}

const ARTICLES: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

function describe(
  issue: Issue,
  node: SourceNode,
  present: boolean,
  examples: readonly unknown[],
): { readonly message: string; readonly hint: string } {
  switch (issue.code) {
    case 'invalid_type': {
      if (!present) return { message: 'is missing', hint: '' };
      const expected = ARTICLES[issue.expected] ?? issue.expected;
      const samples = examples.slice(0, 2).map((example) => (typeof example === 'string' ? `'${example}'` : JSON.stringify(example)));
      const hint = samples.length > 0 ? `write e.g. ${samples.join(' or ')}` : '';
      return { message: `must be ${expected}, not ${kindOf(node)}`, hint };
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      const given = node.kind === 'scalar' ? node.text : kindOf(node);
      return oneOf(given, values);
    }
    case 'invalid_union': {
      const values = 'options' in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
      if (!present) return { message: 'is missing', hint: values.length === 0 ? '' : `one of ${values.join(', ')}` };
      return oneOf(node.kind === 'scalar' ? node.text : kindOf(node), values);
    }
    case 'too_small':
      return {
        message:
          issue.origin === 'array'
            ? 'must not be empty'
            : issue.origin === 'string'
              ? 'must not be empty'
              : `must be at least ${issue.minimum}`,
        hint: '',
      };
    case 'too_big':
      return { message: `must be at most ${issue.maximum}`, hint: '' };
    case 'custom':
      return { message: issue.message, hint: typeof issue.params?.['hint'] === 'string' ? issue.params['hint'] : '' };
    default:
      return { message: issue.message, hint: '' };
  }
}

function oneOf(given: string, values: readonly string[]): { readonly message: string; readonly hint: string } {
  const near = didYouMean(given, values);
  return { message: `'${given}' is not one of ${values.join(', ')}`, hint: near === undefined ? '' : `did you mean '${near}'?` };
}
