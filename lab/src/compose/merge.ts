/**
 * How Compose merges one file over another, and a service over the one that it extends: maps merge key by key, lists append,
 * single values replace; the exceptions stand in the tables below. `!reset` takes a value away, `!override` replaces it whole.
 */
import type { Diagnostics } from './diagnostic.ts';
import { splitMount } from './mounts.ts';
import { child, listNode, mapNode, scalarNode, type ListNode, type MapEntry, type MapNode, type SourceNode } from './source-tree.ts';
import { kindOf, scalarText } from './reader.ts';

type Rule = 'replace' | 'keyValues' | 'names' | 'append' | 'build' | 'logging';

/** Key paths with names replaced by '*'. */
const RULES: Readonly<Record<string, Rule>> = {
  'services.*.annotations': 'keyValues',
  'services.*.build': 'build',
  'services.*.build.additional_contexts': 'keyValues',
  'services.*.build.args': 'keyValues',
  'services.*.build.labels': 'keyValues',
  'services.*.command': 'replace',
  'services.*.depends_on': 'names',
  'services.*.deploy.labels': 'keyValues',
  'services.*.dns': 'append',
  'services.*.dns_opt': 'append',
  'services.*.dns_search': 'append',
  'services.*.entrypoint': 'replace',
  'services.*.env_file': 'append',
  'services.*.environment': 'keyValues',
  'services.*.healthcheck.test': 'replace',
  'services.*.label_file': 'append',
  'services.*.labels': 'keyValues',
  'services.*.logging': 'logging',
  'services.*.models': 'names',
  'services.*.networks': 'names',
  'services.*.sysctls': 'keyValues',
  'services.*.tmpfs': 'append',
  'services.*.ulimits.*': 'replace',
  'networks.*.labels': 'keyValues',
  'volumes.*.labels': 'keyValues',
};

/** What makes two items of a list the same; the later one takes the place of the earlier. */
const UNIQUE: Readonly<Record<string, (item: SourceNode) => string | undefined>> = {
  'services.*.cap_add': byText,
  'services.*.cap_drop': byText,
  'services.*.configs': (item) => byMountPoint(item, '/'),
  'services.*.devices': (item) => byTarget(item),
  'services.*.dns': byText,
  'services.*.dns_opt': byText,
  'services.*.dns_search': byText,
  'services.*.env_file': (item) => byText(child(item, 'path') ?? item),
  'services.*.expose': byText,
  'services.*.links': byText,
  'services.*.networks.*.aliases': byText,
  'services.*.ports': byPort,
  'services.*.profiles': byText,
  'services.*.secrets': (item) => byMountPoint(item, '/run/secrets/'),
  'services.*.tmpfs': byText,
  'services.*.volumes': (item) => byTarget(item),
};

function byText(item: SourceNode): string | undefined {
  return item.kind === 'scalar' ? scalarText(item) : undefined;
}

function byTarget(item: SourceNode): string | undefined {
  if (item.kind === 'map') return byText(child(item, 'target') ?? item);
  return item.kind === 'scalar' ? splitMount(item.text)?.target : undefined;
}

function byMountPoint(item: SourceNode, folder: string): string | undefined {
  if (item.kind === 'scalar') return folder + item.text;
  const target = child(item, 'target');
  const source = child(item, 'source');
  return target?.kind === 'scalar' ? target.text : source?.kind === 'scalar' ? folder + source.text : undefined;
}

function byPort(item: SourceNode): string | undefined {
  if (item.kind === 'scalar') return item.text.includes('/') ? item.text : `${item.text}/tcp`;
  const part = (key: string, fallback: string): string => byText(child(item, key) ?? item) ?? fallback;
  const host = part('host_ip', '');
  return `${host === '' ? '' : `${host}:`}${part('published', '')}:${part('target', '')}/${part('protocol', 'tcp')}`.replace(/^:/, '');
}

/** The path as the tables spell it: names of services, networks … become '*'. */
function pattern(path: readonly string[]): string {
  return path
    .map((step, index) => (index === 1 || (index === 3 && (path[2] === 'networks' || path[2] === 'ulimits')) ? '*' : step))
    .join('.');
}

/** Merges `over` over `base`; `path` is where both stand. Undefined when `over` takes the value away. */
export function mergeNodes(base: SourceNode, over: SourceNode, path: readonly string[], diagnostics: Diagnostics): SourceNode | undefined {
  if (over.tag === 'reset') return undefined;
  if (over.tag === 'override' || base.tag === 'reset') return over;
  const rule = own(RULES, pattern(path));
  if (over.kind === 'scalar' && over.value === null && rule !== 'replace') return base;
  if (base.kind === 'scalar' && base.value === null) return over;
  switch (rule) {
    case 'replace':
      return over;
    case 'keyValues':
      return overlay(keyValueMap(base), keyValueMap(over), path, diagnostics);
    case 'names':
      return mergeMaps(nameMap(base, path), nameMap(over, path), path, diagnostics);
    case 'append':
      return listNode([...itemsOf(base), ...itemsOf(over)], over.place);
    case 'build':
      return mergeMaps(buildMap(base), buildMap(over), path, diagnostics);
    case 'logging':
      return differ(child(base, 'driver'), child(over, 'driver')) ? over : mergeMaps(base, over, path, diagnostics);
    case undefined:
      break;
  }
  if (base.kind === 'list' && over.kind === 'list') return listNode([...base.items, ...over.items], over.place);
  return mergeMaps(base, over, path, diagnostics);
}

/** Key by key, where an empty value is a value of its own (a variable to be taken from the shell). */
function overlay(base: SourceNode, over: SourceNode, path: readonly string[], diagnostics: Diagnostics): SourceNode {
  if (base.kind !== 'map' || over.kind !== 'map') return mergeMaps(base, over, path, diagnostics);
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    if (entry.value.tag === 'reset') entries.delete(key);
    else entries.set(key, entry);
  }
  return mapNode(entries, over.place);
}

function mergeMaps(base: SourceNode, over: SourceNode, path: readonly string[], diagnostics: Diagnostics): SourceNode {
  if (base.kind !== 'map' || over.kind !== 'map') {
    // Two single values replace each other; a short and a long form of different kinds cannot be merged.
    if (base.kind !== 'scalar' && base.kind !== over.kind) {
      const hint = `the earlier value stands at ${base.place.file}:${base.place.line}:${base.place.column}; write both alike, or put !override before this one`;
      diagnostics.error(over.place, path.join('.'), `cannot merge ${kindOf(over)} over ${kindOf(base)}`, hint);
    }
    return over;
  }
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const earlier = entries.get(key);
    const value = earlier === undefined ? entry.value : mergeNodes(earlier.value, entry.value, [...path, key], diagnostics);
    if (value === undefined) entries.delete(key);
    else entries.set(key, { key: entry.key, value });
  }
  return mapNode(entries, over.place);
}

const differ = (a: SourceNode | undefined, b: SourceNode | undefined): boolean =>
  a?.kind === 'scalar' && b?.kind === 'scalar' && a.text !== b.text;

const itemsOf = (node: SourceNode): readonly SourceNode[] => (node.kind === 'list' ? node.items : [node]);

/** ['A=1', 'B'] as {A: '1', B: null}. Other kinds stay as they are and fail when they are read. */
function keyValueMap(node: SourceNode): SourceNode {
  if (node.kind !== 'list' || node.items.some((item) => item.kind !== 'scalar')) return node;
  const entries = new Map<string, MapEntry>();
  for (const item of node.items) {
    if (item.kind !== 'scalar') continue;
    const equals = item.text.indexOf('=');
    const key = equals < 0 ? item.text : item.text.slice(0, equals);
    entries.set(key, { key: item.place, value: scalarNode(equals < 0 ? null : item.text.slice(equals + 1), item.place) });
  }
  return mapNode(entries, node.place);
}

/** A list of names as a map to what a bare name means. */
function nameMap(node: SourceNode, path: readonly string[]): SourceNode {
  if (node.kind !== 'list' || node.items.some((item) => item.kind !== 'scalar')) return node;
  const entries = new Map<string, MapEntry>();
  for (const item of node.items) {
    if (item.kind !== 'scalar') continue;
    const condition = scalarNode('service_started', item.place);
    const value =
      path.at(-1) === 'depends_on'
        ? mapNode(new Map([['condition', { key: item.place, value: condition }]]), item.place)
        : scalarNode(null, item.place);
    entries.set(item.text, { key: item.place, value });
  }
  return mapNode(entries, node.place);
}

function buildMap(node: SourceNode): SourceNode {
  return node.kind === 'scalar' ? mapNode(new Map([['context', { key: node.place, value: node }]]), node.place) : node;
}

/** The table's own entry: `__proto__` and its like are words of the file as others are. */
const own = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined => (Object.hasOwn(table, key) ? table[key] : undefined);

/** Merges a whole file over those before it. */
export function mergeFiles(base: MapNode, over: MapNode, diagnostics: Diagnostics): MapNode {
  const merged = mergeNodes(base, over, [], diagnostics);
  return merged?.kind === 'map' ? merged : over;
}

/** Drops what `!reset` marks and keeps one of the items that must be unique. */
export function settle(node: SourceNode, path: readonly string[]): SourceNode | undefined {
  if (node.tag === 'reset') return undefined;
  if (node.kind === 'scalar') return node;
  if (node.kind === 'list') return settleList(node, own(UNIQUE, pattern(path)));
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of node.entries) {
    // Deeper than networks.*.aliases no list is unique; values there are taken as they are.
    const value = path.length > 5 ? entry.value : settle(entry.value, [...path, key]);
    if (value !== undefined) entries.set(key, value === entry.value ? entry : { key: entry.key, value });
  }
  return mapNode(entries, node.place);
}

function settleList(node: ListNode, keyOf: ((item: SourceNode) => string | undefined) | undefined): ListNode {
  if (keyOf === undefined && !node.items.some((item) => item.tag === 'reset')) return node;
  const items: SourceNode[] = [];
  const indexes = new Map<string, number>();
  for (const item of node.items) {
    if (item.tag === 'reset') continue;
    const key = keyOf?.(item);
    const index = key === undefined ? undefined : indexes.get(key);
    if (index !== undefined) items[index] = item;
    else {
      if (key !== undefined) indexes.set(key, items.length);
      items.push(item);
    }
  }
  return listNode(items, node.place);
}
