// SwarmKit's placement in its plainest form: lists of objects, one task at a time, every rule where it is read. It is the
// specification that the scheduler's fast placement is held against; nothing in it is clever and nothing is cached.
// Ties, which Go leaves to map order: lower row first, branches by ascending label value.

import {
  claimGeneric,
  consumeGeneric,
  type GenericResources,
  hasEnoughGeneric,
  nodeMatches,
  type PlacedTask,
  type PlacementNode,
  type PlacementRequest,
  parseConstraints,
  reclaimGeneric,
  sanitizeGeneric,
} from '@paperfleet/scheduler';
import { type Labels, type Platform, TASK_STATE, type TaskSpec, type TimeUs } from '@paperfleet/core';

const FAILURES_THAT_COUNT = 5;
const FAILURE_WINDOW_US = 300_000_000;

interface Held {
  readonly task: PlacedTask;
  readonly generic: GenericResources;
}

interface Failure {
  readonly serviceId: string;
  readonly specVersion: number;
  readonly at: number;
}

export interface ReferenceNode {
  readonly row: number;
  node: PlacementNode;
  readonly held: Map<string, Held>;
  readonly failures: Failure[];
  genericFree: GenericResources;
}

export interface ReferenceDecision {
  readonly rows: readonly number[];
  /** Present when a task is left over. */
  readonly message: string | undefined;
  /** What first rejects each node after the group's own placements, by filter name. */
  readonly rejected: Readonly<Record<string, number>>;
}

interface Filter {
  readonly name: string;
  lets(node: ReferenceNode): boolean;
  sentence(nodes: number): string;
}

const plural = (count: number): string => (count === 1 ? '1 node' : `${count} nodes`);
const isActiveTask = ({ task }: Held): boolean => task.desired <= TASK_STATE.complete;
const sumOf = (spec: TaskSpec, of: 'nanoCpus' | 'memoryBytes'): number =>
  spec.containers.reduce((sum, { reservations }) => sum + (reservations[of] ?? 0), 0);

function genericWanted(spec: TaskSpec): Record<string, number> {
  const wanted: Record<string, number> = {};
  for (const { reservations } of spec.containers) {
    for (const [kind, count] of Object.entries(reservations.generic ?? {})) wanted[kind] = (wanted[kind] ?? 0) + count;
  }
  return wanted;
}

const hostPorts = ({ ports }: Pick<PlacedTask, 'ports'>): readonly string[] =>
  ports.filter((port) => port.publishMode === 'host' && port.publishedPort !== 0).map((port) => `${port.protocol}/${port.publishedPort}`);

const activeOf = (node: ReferenceNode, serviceId: string): number =>
  [...node.held.values()].filter((held) => isActiveTask(held) && held.task.serviceId === serviceId).length;
const activeInAll = (node: ReferenceNode): number => [...node.held.values()].filter(isActiveTask).length;

function hasPlugin(plugins: readonly (readonly [string, string])[], type: string, name: string): boolean {
  return plugins.some(([ofType, ofName]) => ofType === type && (ofName === name || ofName === `${name}:latest`));
}

function pluginsLet(node: ReferenceNode, spec: TaskSpec): boolean {
  const { plugins } = node.node.description;
  if (plugins === undefined) return true;
  for (const mount of spec.containers.flatMap((container) => container.mounts ?? [])) {
    const driver = mount.driver ?? '';
    if (mount.type === 'volume' && driver !== '' && driver !== 'local' && !hasPlugin(plugins, 'Volume', driver)) return false;
  }
  for (const { driver } of spec.networks ?? []) {
    if (driver !== undefined && driver !== '' && !hasPlugin(plugins, 'Network', driver)) return false;
  }
  const log = spec.logDriver ?? '';
  if (log === '' || log === 'none' || !plugins.some(([type]) => type === 'Log')) return true;
  return hasPlugin(plugins, 'Log', log);
}

const architecture = (name: string): string => ({ x86_64: 'amd64', aarch64: 'arm64' })[name] ?? name;

function platformLets(platform: Platform | undefined, wanted: readonly Platform[]): boolean {
  if (platform === undefined || (platform.os === '' && platform.architecture === '')) return false;
  return wanted.some(
    (one) =>
      (one.architecture === '' || architecture(one.architecture) === architecture(platform.architecture)) &&
      (one.os === '' || one.os === platform.os),
  );
}

/** The filters that apply to a request, in SwarmKit's order. */
function filtersFor(request: PlacementRequest): readonly Filter[] {
  const { spec, serviceId } = request;
  const { constraints = [], platforms = [], maxReplicasPerNode = 0 } = spec.placement;
  const cpu = sumOf(spec, 'nanoCpus');
  const memory = sumOf(spec, 'memoryBytes');
  const generic = genericWanted(spec);
  const parsed = parseConstraints(constraints);
  const filters: Filter[] = [
    { name: 'ready', lets: ({ node }) => node.ready, sentence: (nodes) => `${plural(nodes)} not available for new tasks` },
  ];
  if (cpu > 0 || memory > 0 || Object.keys(generic).length > 0) {
    filters.push({
      name: 'resources',
      lets: (node) =>
        cpu <= node.node.description.nanoCpus - [...node.held.values()].reduce((sum, { task }) => sum + sumOf(task.spec, 'nanoCpus'), 0) &&
        memory <=
          node.node.description.memoryBytes - [...node.held.values()].reduce((sum, { task }) => sum + sumOf(task.spec, 'memoryBytes'), 0) &&
        hasEnoughGeneric(node.genericFree, generic),
      sentence: (nodes) => `insufficient resources on ${plural(nodes)}`,
    });
  }
  filters.push({ name: 'plugins', lets: (node) => pluginsLet(node, spec), sentence: (nodes) => `missing plugin on ${plural(nodes)}` });
  if (parsed.ok) {
    filters.push({
      name: 'constraints',
      lets: ({ node }) => nodeMatches(parsed.constraints, node),
      sentence: (nodes) => `scheduling constraints not satisfied on ${plural(nodes)}`,
    });
  }
  if (platforms.length > 0) {
    filters.push({
      name: 'platform',
      lets: ({ node }) => platformLets(node.description.platform, platforms),
      sentence: (nodes) => `unsupported platform on ${plural(nodes)}`,
    });
  }
  filters.push({
    name: 'hostPort',
    lets: (node) => !hostPorts(request).some((port) => [...node.held.values()].some(({ task }) => hostPorts(task).includes(port))),
    sentence: (nodes) => `host-mode port already in use on ${plural(nodes)}`,
  });
  if (maxReplicasPerNode > 0) {
    filters.push({
      name: 'maxReplicas',
      lets: (node) => activeOf(node, serviceId) < maxReplicasPerNode,
      sentence: () => 'max replicas per node limit exceed',
    });
  }
  if (spec.containers.some(({ mounts = [] }) => mounts.some(({ type }) => type === 'cluster'))) {
    filters.push({
      name: 'volumes',
      lets: () => false,
      sentence: (nodes) => `cannot fulfill requested CSI volume mounts on ${plural(nodes)}`,
    });
  }
  return filters;
}

/** Runs filters and counts rejections since some node last passed. */
class Pipeline {
  readonly filters: readonly Filter[];
  readonly #counts = new Map<Filter, number>();

  constructor(filters: readonly Filter[]) {
    this.filters = filters;
  }

  process(node: ReferenceNode): boolean {
    const rejecting = this.filters.find((filter) => !filter.lets(node));
    if (rejecting === undefined) this.#counts.clear();
    else this.#counts.set(rejecting, (this.#counts.get(rejecting) ?? 0) + 1);
    return rejecting === undefined;
  }

  explain(): string {
    return this.filters
      .filter((filter) => this.#counts.has(filter))
      .toSorted((a, b) => (this.#counts.get(b) ?? 0) - (this.#counts.get(a) ?? 0))
      .map((filter) => filter.sentence(this.#counts.get(filter) ?? 0))
      .join('; ');
  }
}

interface Tree {
  tasks: number;
  readonly branches: Map<string, Tree>;
  readonly nodes: ReferenceNode[];
  visited: boolean;
}

const newTree = (): Tree => ({ tasks: 0, branches: new Map(), nodes: [], visited: false });

/** Label of a spread descriptor on a node, '' when it has none; undefined for descriptors that name no label. */
export function spreadValue(descriptor: string, { node }: ReferenceNode): string | undefined {
  const lower = descriptor.toLowerCase();
  const own = (labels: Labels, name: string): string => (Object.hasOwn(labels, name) ? (labels[name] ?? '') : '');
  if (lower.startsWith('node.labels.') && lower.length > 12) return own(node.labels, descriptor.slice(12));
  if (lower.startsWith('engine.labels.') && lower.length > 14) return own(node.description.engineLabels, descriptor.slice(14));
  return undefined;
}

export class ReferenceCluster {
  readonly nodes: Map<number, ReferenceNode> = new Map();

  upsertNode(row: number, node: PlacementNode): void {
    const known = this.nodes.get(row);
    if (known === undefined) {
      this.nodes.set(row, { row, node, held: new Map(), failures: [], genericFree: node.description.generic });
      return;
    }
    if (JSON.stringify(known.node.description.generic) !== JSON.stringify(node.description.generic)) {
      known.genericFree = [...known.held.values()].reduce((free, held) => consumeGeneric(free, held.generic), node.description.generic);
    }
    known.node = node;
  }

  removeNode(row: number): void {
    this.nodes.delete(row);
  }

  addTask(row: number, task: PlacedTask): void {
    const node = this.nodes.get(row);
    if (node === undefined) return;
    const known = node.held.get(task.id);
    if (known !== undefined) {
      node.held.set(task.id, { task, generic: known.generic });
      return;
    }
    const { left, claimed } = claimGeneric(node.genericFree, genericWanted(task.spec));
    node.genericFree = left;
    node.held.set(task.id, { task, generic: claimed });
  }

  removeTask(row: number, id: string): void {
    const node = this.nodes.get(row);
    const held = node?.held.get(id);
    if (node === undefined || held === undefined) return;
    node.held.delete(id);
    node.genericFree = sanitizeGeneric(node.node.description.generic, reclaimGeneric(node.genericFree, held.generic));
  }

  recordFailure(row: number, serviceId: string, specVersion: number, at: number): void {
    this.nodes.get(row)?.failures.push({ serviceId, specVersion, at });
  }

  /** Tasks of a service below each branch, keyed by label values joined with '/'. */
  treeCounts(serviceId: string, preferences: readonly string[]): Record<string, number> {
    const counts: Record<string, number> = {};
    const walk = (tree: Tree, key: string, depth: number): void => {
      counts[depth === 0 ? 'root' : key] = tree.tasks;
      for (const [value, branch] of tree.branches) walk(branch, depth === 0 ? value : `${key}/${value}`, depth + 1);
    };
    walk(
      this.#tree(serviceId, preferences, 1, new Pipeline([]), () => 0),
      '',
      0,
    );
    return counts;
  }

  decide(request: PlacementRequest, now: TimeUs): ReferenceDecision {
    const pipeline = new Pipeline(filtersFor(request));
    const compare = (a: ReferenceNode, b: ReferenceNode): number => {
      const failuresA = this.#recentFailures(a, request, now);
      const failuresB = this.#recentFailures(b, request, now);
      if ((failuresA >= FAILURES_THAT_COUNT || failuresB >= FAILURES_THAT_COUNT) && failuresA !== failuresB) return failuresA - failuresB;
      return activeOf(a, request.serviceId) - activeOf(b, request.serviceId) || activeInAll(a) - activeInAll(b);
    };
    const rows: number[] = [];
    const placed: { row: number; id: string }[] = [];
    const group = new Group(this, request, rows, placed);
    const tree = this.#tree(request.serviceId, request.spec.placement.preferences ?? [], request.count, pipeline, compare);
    fillTree(tree, request.count, group, pipeline, compare);
    const explanation = pipeline.explain();
    const message = explanation === '' ? 'no suitable node' : `no suitable node (${explanation})`;
    const rejected: Record<string, number> = {};
    for (const node of this.nodes.values()) {
      const rejecting = pipeline.filters.find((filter) => !filter.lets(node));
      if (rejecting !== undefined) rejected[rejecting.name] = (rejected[rejecting.name] ?? 0) + 1;
    }
    // The decision changes nothing; whoever commits it adds the tasks.
    const genericBefore = group.genericBefore;
    for (const { row, id } of placed) this.nodes.get(row)?.held.delete(id);
    for (const [row, free] of genericBefore) {
      const node = this.nodes.get(row);
      if (node !== undefined) node.genericFree = free;
    }
    return { rows, message: rows.length < request.count ? message : undefined, rejected };
  }

  #recentFailures(node: ReferenceNode, { serviceId, specVersion }: PlacementRequest, now: number): number {
    return node.failures.filter(
      (failure) => failure.serviceId === serviceId && failure.specVersion === specVersion && now - failure.at <= FAILURE_WINDOW_US,
    ).length;
  }

  #tree(
    serviceId: string,
    preferences: readonly string[],
    groupSize: number,
    pipeline: Pipeline,
    compare: (a: ReferenceNode, b: ReferenceNode) => number,
  ): Tree {
    const root = newTree();
    for (const node of [...this.nodes.values()].toSorted((a, b) => a.row - b.row)) {
      const tasks = activeOf(node, serviceId);
      let tree = root;
      for (const descriptor of preferences) {
        const value = spreadValue(descriptor, node);
        if (value === undefined) continue;
        tree.tasks += tasks;
        const branch = tree.branches.get(value) ?? newTree();
        tree.branches.set(value, branch);
        tree = branch;
      }
      tree.tasks += tasks;
      const worst = tree.nodes.at(-1);
      const full = tree.nodes.length === groupSize;
      if (full && worst !== undefined && compare(node, worst) >= 0) continue;
      if (!pipeline.process(node)) continue;
      if (full) tree.nodes.pop();
      tree.nodes.push(node);
      tree.nodes.sort((a, b) => compare(a, b) || a.row - b.row);
    }
    return root;
  }
}

/** The tasks of one decision that have no node yet. */
class Group {
  readonly genericBefore = new Map<number, GenericResources>();
  readonly #cluster: ReferenceCluster;
  readonly #request: PlacementRequest;
  readonly #rows: number[];
  readonly #placed: { row: number; id: string }[];

  constructor(cluster: ReferenceCluster, request: PlacementRequest, rows: number[], placed: { row: number; id: string }[]) {
    this.#cluster = cluster;
    this.#request = request;
    this.#rows = rows;
    this.#placed = placed;
  }

  get left(): number {
    return this.#request.count - this.#rows.length;
  }

  placeOn(node: ReferenceNode): void {
    const { serviceId, spec, ports } = this.#request;
    const id = `placed here ${this.#rows.length}`;
    if (!this.genericBefore.has(node.row)) this.genericBefore.set(node.row, node.genericFree);
    this.#cluster.addTask(node.row, { id, serviceId, spec, ports, desired: TASK_STATE.running });
    this.#rows.push(node.row);
    this.#placed.push({ row: node.row, id });
  }
}

type Compare = (a: ReferenceNode, b: ReferenceNode) => number;

function fillTree(tree: Tree, wanted: number, group: Group, pipeline: Pipeline, compare: Compare): number {
  if (tree.branches.size === 0) {
    if (tree.visited) {
      for (let i = 0; i < tree.nodes.length; ) {
        if (pipeline.process(tree.nodes[i]!)) i++;
        else {
          tree.nodes[i] = tree.nodes.at(-1)!;
          tree.nodes.pop();
        }
      }
      tree.nodes.sort((a, b) => compare(a, b) || a.row - b.row);
    }
    tree.visited = true;
    return tree.nodes.length === 0 ? 0 : fillNodes(tree.nodes, wanted, group, pipeline, compare);
  }
  const branches = [...tree.branches].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)).map(([, branch]) => branch);
  const full = new Set<Tree>();
  let placed = 0;
  let inUsable = tree.tasks;
  let converging = true;
  while (placed !== wanted && full.size !== branches.length && converging) {
    const share = inUsable + wanted - placed;
    const target = Math.trunc(share / (branches.length - full.size));
    let remainder = share % (branches.length - full.size);
    converging = false;
    for (const branch of branches) {
      if (full.has(branch)) continue;
      if (branch.tasks < target || (branch.tasks === target && remainder > 0)) {
        converging = true;
        const ask = target - branch.tasks + (remainder > 0 ? 1 : 0);
        const taken = fillTree(branch, ask, group, pipeline, compare);
        if (taken < ask) {
          full.add(branch);
          inUsable -= branch.tasks;
        } else if (remainder > 0) remainder--;
        placed += taken;
      }
    }
  }
  return placed;
}

function fillNodes(nodes: readonly ReferenceNode[], wanted: number, group: Group, pipeline: Pipeline, compare: Compare): number {
  const failed = new Set<number>();
  let at = 0;
  let placed = 0;
  while (group.left > 0) {
    const node = nodes[at % nodes.length]!;
    group.placeOn(node);
    placed++;
    if (placed === wanted) return placed;
    if (at + 1 >= nodes.length || compare(nodes[at + 1]!, node) < 0) at++;
    const from = at;
    while (failed.has(at % nodes.length) || !pipeline.process(nodes[at % nodes.length]!)) {
      failed.add(at % nodes.length);
      at++;
      if (at - from === nodes.length) return placed;
    }
  }
  return placed;
}
