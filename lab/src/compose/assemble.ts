/** Several files, what they include and what their services extend, as one merged tree with all variables replaced. */
import { didYouMean, type Diagnostics, type Place } from './diagnostic.ts';
import { parseDotEnv } from './dotenv.ts';
import { folderOf, joinPath } from './file-path.ts';
import { interpolate, type Lookup } from './interpolate.ts';
import { mergeFiles, mergeNodes, settle } from './merge.ts';
import { kindOf } from './reader.ts';
import { child, listNode, mapNode, parseYaml, type MapEntry, type MapNode, type SourceNode } from './source-tree.ts';

/** The text of a file as documents. */
export interface ParsedFile {
  readonly path: string;
  readonly documents: readonly SourceNode[];
}

const SECTIONS = ['services', 'networks', 'volumes', 'secrets', 'configs', 'models'] as const;

export class Assembler {
  readonly #diagnostics: Diagnostics;
  readonly #readFile: (path: string) => string | undefined;
  /** The folder that relative paths of a file start from. */
  readonly #folders = new Map<string, string>();
  /** Files that services extend, by path. */
  readonly #extended = new Map<string, MapNode | undefined>();
  /** Variables that were replaced by nothing, reported once. */
  readonly #unset = new Set<string>();

  constructor(diagnostics: Diagnostics, readFile: (path: string) => string | undefined) {
    this.#diagnostics = diagnostics;
    this.#readFile = readFile;
  }

  /** The folder that a relative path written at this place starts from. */
  folderAt(place: Place): string {
    return this.#folders.get(place.file) ?? folderOf(place.file);
  }

  read(path: string): string | undefined {
    return this.#readFile(path);
  }

  parse(path: string, text: string): ParsedFile {
    return { path, documents: parseYaml(path, text, this.#diagnostics) };
  }

  /** Merges files in order. `chain` holds the files that are being included, outermost first. */
  assemble(files: readonly ParsedFile[], lookup: Lookup, folder: string, chain: readonly string[] = []): MapNode | undefined {
    let merged: MapNode | undefined;
    for (const { path, documents } of files) {
      this.#folders.set(path, folder);
      for (const document of documents) {
        const root = this.#interpolated(document, lookup);
        if (root.kind !== 'map') {
          this.#diagnostics.error(root.place, '', `a Compose file is a map, not ${kindOf(root)}`, 'it begins with the key services:');
          continue;
        }
        const extended = this.#extendAll(root, path, lookup);
        merged = merged === undefined ? extended : mergeFiles(merged, extended, this.#diagnostics);
        merged = this.#include(merged, lookup, [...chain, path]);
      }
    }
    const settled = merged === undefined ? undefined : settle(merged, []);
    return settled?.kind === 'map' ? settled : undefined;
  }

  // --- variables ---

  #interpolated(root: SourceNode, lookup: Lookup): SourceNode {
    const done = new Map<SourceNode, SourceNode>();
    const visit = (node: SourceNode, path: string): SourceNode => {
      const known = done.get(node);
      if (known !== undefined) return known;
      const result =
        node.kind === 'scalar'
          ? this.#interpolateScalar(node, path, lookup)
          : node.kind === 'list'
            ? visitList(node, path)
            : visitMap(node, path);
      done.set(node, result);
      return result;
    };
    const visitList = (node: Extract<SourceNode, { kind: 'list' }>, path: string): SourceNode => {
      const items = node.items.map((item, index) => visit(item, `${path}[${index}]`));
      return items.every((item, index) => item === node.items[index]) ? node : { ...node, items };
    };
    const visitMap = (node: MapNode, path: string): SourceNode => {
      let changed: Map<string, MapEntry> | undefined;
      for (const [key, entry] of node.entries) {
        const value = visit(entry.value, path === '' ? key : `${path}.${key}`);
        if (value !== entry.value) (changed ??= new Map(node.entries)).set(key, { key: entry.key, value });
      }
      return changed === undefined ? node : { ...node, entries: changed };
    };
    return visit(root, '');
  }

  #interpolateScalar(node: Extract<SourceNode, { kind: 'scalar' }>, path: string, lookup: Lookup): SourceNode {
    if (typeof node.value !== 'string' || !node.value.includes('$')) return node;
    const result = interpolate(node.value, lookup);
    if (!result.ok) {
      this.#diagnostics.error(node.place, path, result.message, result.hint);
      return { ...node, value: '', text: '' };
    }
    for (const name of result.unset) {
      if (this.#unset.has(name)) continue;
      this.#unset.add(name);
      this.#diagnostics.warn(
        node.place,
        path,
        `the variable ${name} is not set; it counts as empty`,
        `set it in the environment or in .env, or write \${${name}:-default}`,
      );
    }
    return { ...node, value: result.value, text: result.value };
  }

  // --- extends ---

  #extendAll(root: MapNode, file: string, lookup: Lookup): MapNode {
    const services = child(root, 'services');
    const entry = root.entries.get('services');
    if (services?.kind !== 'map' || entry === undefined) return root;
    const extended = new Map<string, MapEntry>();
    for (const [name, service] of services.entries) {
      const value = this.#extend(services, name, file, lookup, []) ?? service.value;
      extended.set(name, { key: service.key, value });
    }
    return mapNode(new Map(root.entries).set('services', { key: entry.key, value: mapNode(extended, services.place) }), root.place);
  }

  /** A service with what it extends merged below it. `chain` holds the services that wait for this one. */
  #extend(services: MapNode, name: string, file: string, lookup: Lookup, chain: readonly string[]): SourceNode | undefined {
    const service = services.entries.get(name)?.value;
    const extension = child(service, 'extends');
    if (service?.kind !== 'map' || extension === undefined) return service;
    const own = new Map(service.entries);
    own.delete('extends');
    const stripped: MapNode = { ...service, entries: own };
    const target = this.#extensionTarget(extension, name);
    if (target === undefined) return stripped;
    const path = `services.${name}.extends`;
    const here = `${file}#${name}`;
    if (chain.includes(here)) {
      this.#diagnostics.error(
        extension.place,
        path,
        `services extend one another in a circle: ${[...chain, here].map((each) => each.split('#')[1]).join(' → ')}`,
      );
      return stripped;
    }
    const otherFile = target.file === undefined ? file : joinPath(this.folderAt(extension.place), target.file);
    const others = target.file === undefined ? services : this.#extendedServices(otherFile, target.place, path, lookup);
    if (others === undefined) return stripped;
    if (!others.entries.has(target.service)) {
      const near = didYouMean(target.service, others.entries.keys());
      const hint =
        near === undefined
          ? 'extends finds services of the same file, or of the file named by extends.file; not included ones'
          : `did you mean '${near}'?`;
      this.#diagnostics.error(target.place, path, `there is no service '${target.service}' in ${otherFile}`, hint);
      return stripped;
    }
    const base = this.#extend(others, target.service, otherFile, lookup, [...chain, here]);
    return base === undefined ? stripped : (mergeNodes(base, stripped, ['services', name], this.#diagnostics) ?? stripped);
  }

  #extensionTarget(node: SourceNode, name: string): { service: string; file: string | undefined; place: Place } | undefined {
    const path = `services.${name}.extends`;
    if (node.kind === 'scalar' && typeof node.value === 'string') return { service: node.value, file: undefined, place: node.place };
    const service = child(node, 'service');
    const file = child(node, 'file');
    if (
      node.kind !== 'map' ||
      service?.kind !== 'scalar' ||
      typeof service.value !== 'string' ||
      (file !== undefined && file.kind !== 'scalar')
    ) {
      this.#diagnostics.error(node.place, path, "must be a service's name or a map with 'service' and, for another file, 'file'");
      return undefined;
    }
    for (const [key, entry] of node.entries) {
      if (key !== 'service' && key !== 'file')
        this.#diagnostics.error(entry.key, `${path}.${key}`, `unknown key '${key}'`, "extends takes 'service' and 'file'");
    }
    return { service: service.value, file: file === undefined || file.value === null ? undefined : file.text, place: service.place };
  }

  #extendedServices(path: string, place: Place, keyPath: string, lookup: Lookup): MapNode | undefined {
    if (!this.#extended.has(path)) this.#extended.set(path, this.#readExtended(path, place, keyPath, lookup));
    return this.#extended.get(path);
  }

  #readExtended(path: string, place: Place, keyPath: string, lookup: Lookup): MapNode | undefined {
    const text = this.#readFile(path);
    if (text === undefined) {
      this.#diagnostics.error(place, keyPath, `the file ${path} cannot be read`, 'extends.file starts from the folder of this file');
      return undefined;
    }
    if (!this.#folders.has(path)) this.#folders.set(path, folderOf(path));
    let root: MapNode | undefined;
    for (const document of this.parse(path, text).documents) {
      const tree = this.#interpolated(document, lookup);
      if (tree.kind === 'map') root = root === undefined ? tree : mergeFiles(root, tree, this.#diagnostics);
    }
    const services = child(root, 'services');
    if (services?.kind === 'map') return services;
    this.#diagnostics.error(place, keyPath, `${path} has no services`);
    return undefined;
  }

  // --- include ---

  #include(root: MapNode, lookup: Lookup, chain: readonly string[]): MapNode {
    const node = child(root, 'include');
    if (node === undefined) return root;
    const entries = new Map(root.entries);
    entries.delete('include');
    let merged = mapNode(entries, root.place);
    if (node.kind !== 'list') {
      this.#diagnostics.error(node.place, 'include', `must be a list, not ${kindOf(node)}`, 'write - path/to/compose.yaml');
      return merged;
    }
    for (const [index, item] of node.items.entries()) merged = this.#includeOne(merged, item, `include[${index}]`, lookup, chain);
    return merged;
  }

  #includeOne(root: MapNode, item: SourceNode, path: string, lookup: Lookup, chain: readonly string[]): MapNode {
    const paths = this.#texts(item.kind === 'map' ? child(item, 'path') : item);
    if (paths === undefined || paths.length === 0) {
      this.#diagnostics.error(item.place, path, "must be a path, or a map with 'path'");
      return root;
    }
    if (item.kind === 'map') {
      for (const [key, entry] of item.entries) {
        if (!['path', 'env_file', 'project_directory'].includes(key))
          this.#diagnostics.error(
            entry.key,
            `${path}.${key}`,
            `unknown key '${key}'`,
            'include takes path, env_file and project_directory',
          );
      }
    }
    const folder = this.folderAt(item.place);
    const files: ParsedFile[] = [];
    for (const each of paths) {
      const full = joinPath(folder, each);
      if (chain.includes(full)) {
        this.#diagnostics.error(item.place, path, `files include one another in a circle: ${[...chain, full].join(' → ')}`);
        return root;
      }
      const text = /^(oci|git|https?|ssh):/.test(each) ? undefined : this.#readFile(full);
      if (text === undefined) {
        this.#diagnostics.error(
          item.place,
          path,
          `the file ${/^\w+:/.test(each) ? each : full} cannot be read`,
          /^\w+:/.test(each) ? 'only local files can be included; download it first' : 'the path starts from the folder of this file',
        );
        return root;
      }
      files.push(this.parse(full, text));
    }
    const directory = child(item, 'project_directory');
    const project = directory?.kind === 'scalar' ? joinPath(folder, directory.text) : folderOf(files[0]?.path ?? '');
    const variables = this.#includedVariables(item, folder, project, path, lookup);
    const imported = this.assemble(files, (name) => lookup(name) ?? variables.get(name), project, chain);
    return imported === undefined ? root : this.#import(root, imported);
  }

  #includedVariables(item: SourceNode, folder: string, project: string, path: string, lookup: Lookup): ReadonlyMap<string, string> {
    const named = this.#texts(child(item, 'env_file'));
    const variables = new Map<string, string>();
    for (const file of named?.map((each) => joinPath(folder, each)) ?? [joinPath(project, '.env')]) {
      const text = file === '/dev/null' ? '' : this.#readFile(file);
      if (text === undefined) {
        if (named !== undefined)
          this.#diagnostics.error(
            item.place,
            path,
            `the file ${file} cannot be read`,
            'env_file of an include starts from the folder of this file',
          );
        continue;
      }
      const { variables: read, errors } = parseDotEnv(text, (name) => lookup(name) ?? variables.get(name));
      for (const { line, message } of errors) this.#diagnostics.error({ file, line, column: 1 }, '', message);
      for (const [name, value] of read) variables.set(name, value);
    }
    return variables;
  }

  /** Included parts below the file's own: where both define a name, the file's own value wins key by key. */
  #import(root: MapNode, imported: MapNode): MapNode {
    const entries = new Map(root.entries);
    for (const section of SECTIONS) {
      const theirs = imported.entries.get(section);
      if (theirs === undefined) continue;
      const ours = entries.get(section);
      const value = ours === undefined ? theirs.value : (mergeNodes(theirs.value, ours.value, [section], this.#diagnostics) ?? ours.value);
      entries.set(section, { key: (ours ?? theirs).key, value });
    }
    return mapNode(entries, root.place);
  }

  /** A string or a list of strings; undefined when it is neither. */
  #texts(node: SourceNode | undefined): readonly string[] | undefined {
    if (node === undefined) return undefined;
    const items = (node.kind === 'list' ? node : listNode([node], node.place)).items;
    const texts = items.flatMap((item) => (item.kind === 'scalar' && item.value !== null ? [item.text] : []));
    return texts.length === items.length ? texts : undefined;
  }
}
