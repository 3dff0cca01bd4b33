/**
 * YAML text as a tree that remembers, for every key and value, the file, line and column it came from. Merging and
 * extending share these nodes, so a message about a merged model still points at the line that a person wrote.
 * Trees are immutable. Aliases share their target's node; `<<` merge keys are resolved here.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document, type Node as YamlNode, type YAMLMap } from 'yaml';
import type { Diagnostics, Place } from './diagnostic.ts';

/** Compose's merge tags: `!reset` takes a value away, `!override` replaces it instead of merging. */
export type MergeTag = 'reset' | 'override';
export type ScalarValue = string | number | boolean | null;

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly place: Place;
  readonly tag?: MergeTag;
  readonly value: ScalarValue;
  /** As written, without quotes: '1.10', '0440', 'yes'. */
  readonly text: string;
}

export interface ListNode {
  readonly kind: 'list';
  readonly place: Place;
  readonly tag?: MergeTag;
  readonly items: readonly SourceNode[];
}

export interface MapEntry {
  readonly key: Place;
  readonly value: SourceNode;
}

export interface MapNode {
  readonly kind: 'map';
  readonly place: Place;
  readonly tag?: MergeTag;
  readonly entries: ReadonlyMap<string, MapEntry>;
}

export type SourceNode = ScalarNode | ListNode | MapNode;

/** Nodes of a document with its aliases written out; more than any real file has, less than what an alias bomb makes. */
const MAX_EXPANDED_NODES = 400_000;
const MAX_DEPTH = 200;

export const scalarNode = (value: ScalarValue, place: Place): ScalarNode => ({
  kind: 'scalar',
  place,
  value,
  text: value === null ? '' : String(value),
});
export const mapNode = (entries: ReadonlyMap<string, MapEntry>, place: Place): MapNode => ({ kind: 'map', place, entries });
export const listNode = (items: readonly SourceNode[], place: Place): ListNode => ({ kind: 'list', place, items });

/** The value under a key of a map; undefined for another kind of node. */
export function child(node: SourceNode | undefined, key: string): SourceNode | undefined {
  return node?.kind === 'map' ? node.entries.get(key)?.value : undefined;
}

/** The node and the place of its key at the end of a path, as far as the path exists. */
export function locate(root: SourceNode, path: readonly (string | number)[]): { readonly node: SourceNode; readonly key: Place } {
  let node = root;
  let key = root.place;
  for (const step of path) {
    if (node.kind === 'map') {
      const entry = node.entries.get(String(step));
      if (entry === undefined) break;
      key = entry.key;
      node = entry.value;
    } else if (node.kind === 'list') {
      const item = node.items[Number(step)];
      if (item === undefined) break;
      key = item.place;
      node = item;
    } else break;
  }
  return { node, key };
}

/** Parses every document of a YAML text. Errors go to `diagnostics`; empty documents are left out. */
export function parseYaml(file: string, text: string, diagnostics: Diagnostics): SourceNode[] {
  const lineCounter = new LineCounter();
  const parsed = parseAllDocuments(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, {
    lineCounter,
    prettyErrors: false,
    merge: false,
    stringKeys: false,
  });
  const documents: readonly Document[] = Array.isArray(parsed) ? (parsed as Document[]) : [];
  const trees: SourceNode[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) {
      for (const error of document.errors.slice(0, 5)) {
        const { line, col } = lineCounter.linePos(error.pos[0]);
        diagnostics.error(
          { file, line, column: col },
          '',
          yamlMessage(error.code, error.message),
          yamlHint(error.code, text.split('\n')[line - 1] ?? ''),
        );
      }
      continue;
    }
    if (document.contents === null) continue;
    const builder = new TreeBuilder(file, lineCounter, diagnostics);
    const tree = builder.build(document.contents);
    if (tree !== undefined) trees.push(tree);
  }
  return trees;
}

function yamlMessage(code: string, message: string): string {
  if (code === 'DUPLICATE_KEY') return 'this key stands twice in the same map';
  const sentence = message.split('\n')[0] ?? message;
  return `not valid YAML: ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

function yamlHint(code: string, line: string): string {
  if (/[[{,].*\$\{/.test(line) && code !== 'DUPLICATE_KEY') return 'inside […] and {…} a variable ${…} needs quotes';
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'keep one of them, or merge the two values';
    case 'TAB_AS_INDENT':
      return 'indent with spaces, not tabs';
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
    case 'BLOCK_AS_IMPLICIT_KEY':
      return 'check indentation and quotes on this line and the one before it';
    case 'BAD_ALIAS':
      return 'an alias (*name) needs its anchor (&name) earlier in the same file';
    default:
      return '';
  }
}

class TreeBuilder {
  readonly #file: string;
  readonly #lines: LineCounter;
  readonly #diagnostics: Diagnostics;
  /** The newest anchor of each name; 'open' while its own node is being built. (The library's Alias.resolve searches the whole document.) */
  readonly #anchors = new Map<string, { readonly tree: SourceNode; readonly size: number } | 'open'>();
  #size = 0;
  #depth = 0;
  #stopped = false;

  constructor(file: string, lines: LineCounter, diagnostics: Diagnostics) {
    this.#file = file;
    this.#lines = lines;
    this.#diagnostics = diagnostics;
  }

  build(node: YamlNode): SourceNode | undefined {
    const tree = this.#node(node);
    return this.#stopped ? undefined : tree;
  }

  #place(node: YamlNode): Place {
    const { line, col } = this.#lines.linePos(node.range?.[0] ?? 0);
    return { file: this.#file, line, column: col };
  }

  #stop(node: YamlNode, message: string): SourceNode {
    if (!this.#stopped) this.#diagnostics.error(this.#place(node), '', message);
    this.#stopped = true;
    return scalarNode(null, this.#place(node));
  }

  #node(node: YamlNode): SourceNode {
    if (this.#stopped) return scalarNode(null, this.#place(node));
    if (isAlias(node)) return this.#alias(node);
    const started = this.#size;
    this.#size++;
    if (this.#size > MAX_EXPANDED_NODES)
      return this.#stop(node, `more than ${MAX_EXPANDED_NODES} values, aliases counted as often as they are used`);
    if (++this.#depth > MAX_DEPTH) return this.#stop(node, `nested more than ${MAX_DEPTH} levels deep`);
    const anchor = 'anchor' in node ? node.anchor : undefined;
    if (anchor !== undefined) this.#anchors.set(anchor, 'open');
    const tree = this.#build(node);
    this.#depth--;
    if (anchor !== undefined) this.#anchors.set(anchor, { tree, size: this.#size - started });
    return tree;
  }

  #alias(node: YamlNode & { source: string }): SourceNode {
    const known = this.#anchors.get(node.source);
    if (known === undefined) return this.#stop(node, `the alias *${node.source} has no anchor before it`);
    if (known === 'open') return this.#stop(node, `the alias *${node.source} stands inside its own anchor`);
    this.#size += known.size;
    if (this.#size > MAX_EXPANDED_NODES)
      return this.#stop(node, `more than ${MAX_EXPANDED_NODES} values, aliases counted as often as they are used`);
    return known.tree;
  }

  #build(node: YamlNode): SourceNode {
    const place = this.#place(node);
    const tag = this.#mergeTag(node);
    const tagged = tag === undefined ? {} : { tag };
    if (isMap(node)) return { kind: 'map', place, entries: this.#entries(node), ...tagged };
    if (isSeq(node)) {
      const items = node.items.map((item) => (item === null ? scalarNode(null, place) : this.#node(item as YamlNode)));
      return { kind: 'list', place, items, ...tagged };
    }
    if (!isScalar(node)) return scalarNode(null, place);
    return { kind: 'scalar', place, ...scalarOf(node.value, node.source), ...tagged };
  }

  #mergeTag(node: YamlNode): MergeTag | undefined {
    const tag = (node as { tag?: string }).tag;
    if (tag === '!reset') return 'reset';
    if (tag === '!override') return 'override';
    if (tag?.startsWith('!') === true && tag !== '!')
      this.#diagnostics.error(this.#place(node), '', `unknown tag ${tag}`, 'Compose files know !reset and !override');
    return undefined;
  }

  #entries(map: YAMLMap): Map<string, MapEntry> {
    const own = new Map<string, MapEntry>();
    const merged = new Map<string, MapEntry>();
    for (const pair of map.items) {
      const keyNode = pair.key as YamlNode;
      if (!isScalar(keyNode)) {
        this.#diagnostics.error(
          this.#place(keyNode ?? map),
          '',
          'a key must be a plain word',
          '{{…}} and ${…} with braces need quotes in YAML',
        );
        continue;
      }
      const place = this.#place(keyNode);
      const value = pair.value === null ? scalarNode(null, place) : this.#node(pair.value as YamlNode);
      const name = typeof keyNode.value === 'string' ? keyNode.value : (keyNode.source ?? String(keyNode.value));
      if (name === '<<' && (keyNode.type === 'PLAIN' || keyNode.type === undefined)) this.#mergeInto(merged, value, place);
      else own.set(name, { key: place, value });
    }
    if (merged.size === 0) return own;
    for (const [name, entry] of own) merged.set(name, entry);
    return merged;
  }

  /** `<<: *a` and `<<: [*a, *b]`: of several, the earlier one wins. */
  #mergeInto(target: Map<string, MapEntry>, value: SourceNode, place: Place): void {
    const sources = value.kind === 'list' ? value.items : [value];
    for (const source of sources) {
      if (source.kind !== 'map') {
        this.#diagnostics.error(
          place,
          '',
          'a merge key (<<) takes a map or a list of maps',
          'write <<: *name, with name anchored at a map',
        );
        continue;
      }
      for (const [name, entry] of source.entries) if (!target.has(name)) target.set(name, entry);
    }
  }
}

/** Long integers keep their digits, and octal file modes of YAML 1.1 (0440) their text. */
function scalarOf(value: unknown, source: string | undefined): { value: ScalarValue; text: string } {
  const text = source ?? '';
  if (value === null || value === undefined) return { value: null, text };
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value) ? { value: text, text } : { value, text };
  if (typeof value === 'string') return { value, text: value };
  if (typeof value === 'boolean') return { value, text };
  return { value: text, text };
}

/**
 * The tree as plain data (maps keep their order; `__proto__` is a key like any other). Values shared through aliases are shared.
 * Numbers stay numbers; what wants the text as written looks at the tree.
 */
export function toPlain(node: SourceNode, memo: Map<SourceNode, unknown> = new Map()): unknown {
  if (node.kind === 'scalar') return node.value;
  const known = memo.get(node);
  if (known !== undefined) return known;
  const plain = node.kind === 'list' ? node.items.map((item) => toPlain(item, memo)) : plainMap(node, memo);
  memo.set(node, plain);
  return plain;
}

function plainMap(node: MapNode, memo: Map<SourceNode, unknown>): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, { value }] of node.entries) {
    Object.defineProperty(plain, name, { value: toPlain(value, memo), enumerable: true, writable: true, configurable: true });
  }
  return plain;
}
