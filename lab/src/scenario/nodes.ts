/** Pools as joins, and the nodes that an action names. */
import { bytes, DEFAULT_CONFIG, durationUs, nanoCpu, type RandomStream, type ClusterConfig } from '@paperfleet/core';
import { didYouMean } from '../compose/diagnostic.ts';
import type { NodesEntry, PoolEntry } from './file.ts';
import type { PlannedJoin } from './scenario.ts';

/** A gigabit link. */
const DEFAULT_PULL_BYTES_PER_SECOND = 125_000_000;

export interface PlannedNode {
  readonly name: string;
  readonly pool: string;
  readonly zone: string;
  readonly at: number;
  readonly join: PlannedJoin;
}

/** All nodes of a cluster in the order of the file. A name may come up twice; `onClash` is told with the pool's index. */
export function planNodes(
  pools: readonly PoolEntry[],
  config: Partial<ClusterConfig>,
  onClash: (pool: number, name: string) => void,
): PlannedNode[] {
  const nodes: PlannedNode[] = [];
  const taken = new Set<string>();
  let unnamed = 0;
  for (const [index, pool] of pools.entries()) {
    let clashed = false;
    for (let i = 1; i <= pool.count; i++) {
      const name = pool.name === undefined ? `n${++unnamed}` : `${pool.name}-${i}`;
      if (taken.has(name) && !clashed) {
        onClash(index, name);
        clashed = true;
      }
      taken.add(name);
      nodes.push(planNode(name, nodes.length, pool, config));
    }
  }
  return nodes;
}

function planNode(name: string, index: number, pool: PoolEntry, config: Partial<ClusterConfig>): PlannedNode {
  const zone = pool.zone ?? '';
  const description = {
    hostname: name,
    nanoCpus: nanoCpu(pool.cpu),
    memoryBytes: bytes(pool.memory),
    platform: { os: pool.os ?? 'linux', architecture: pool.arch ?? 'x86_64' },
    engineLabels: pool.engineLabels ?? {},
    address: `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
    generic: pool.generic ?? {},
    pullBytesPerSecond: pool.pull ?? DEFAULT_PULL_BYTES_PER_SECOND,
    pricePerHour: pool.price ?? 0,
  };
  const labels = { ...(zone === '' ? {} : { zone }), ...pool.labels };
  const controlLatencyUs =
    pool.latency === undefined ? (config.controlLatencyUs ?? DEFAULT_CONFIG.controlLatencyUs) : durationUs(pool.latency);
  return {
    name,
    pool: pool.name ?? '',
    zone,
    at: pool.at ?? 0,
    join: { kind: 'join', name, key: `scenario/${name}`, offer: { description, labels, zone, controlLatencyUs } },
  };
}

export type Selection =
  | { readonly ok: true; readonly names: readonly string[] }
  /** `key` is the key at fault, '' for the action itself. */
  | { readonly ok: false; readonly key: string; readonly message: string; readonly hint: string };

/** The nodes that an action at a time means, of those that have joined by then; `pick` draws from `random`, in the order of the file. */
export function selectNodes(entry: NodesEntry, nodes: readonly PlannedNode[], at: number, random: RandomStream): Selection {
  const given = (['node', 'nodes', 'pool', 'zone'] as const).filter((key) => entry[key] !== undefined);
  if (given.length > 1)
    return { ok: false, key: given[1] ?? '', message: `contradicts ${given[0] ?? ''}`, hint: 'name the nodes in one way' };
  if (given.length === 0 && entry.pick === undefined)
    return { ok: false, key: '', message: 'names no nodes', hint: 'add node, nodes, pool, zone or pick' };
  const key = given[0] ?? 'pick';
  const candidates = candidatesOf(
    entry,
    nodes.filter((node) => node.at <= at),
  );
  if (typeof candidates === 'string' && known(key, nodes).has(candidates)) {
    return { ok: false, key, message: `'${candidates}' has not joined at that time`, hint: 'check the times of pools' };
  }
  if (typeof candidates === 'string') {
    const near = didYouMean(candidates, known(key, nodes));
    return {
      ok: false,
      key,
      message: `there is no ${key === 'pool' || key === 'zone' ? key : 'node'} '${candidates}'`,
      hint: near === undefined ? '' : `did you mean '${near}'?`,
    };
  }
  if (entry.pick === undefined) return { ok: true, names: candidates };
  if (entry.pick > candidates.length)
    return { ok: false, key: 'pick', message: `only ${candidates.length} nodes to pick from`, hint: 'pick fewer' };
  const rest = [...candidates];
  const picked = new Set<string>();
  for (let i = 0; i < entry.pick; i++) {
    const [name] = rest.splice(random.below(rest.length), 1);
    if (name !== undefined) picked.add(name);
  }
  return { ok: true, names: candidates.filter((name) => picked.has(name)) };
}

function known(key: string, nodes: readonly PlannedNode[]): ReadonlySet<string> {
  return new Set(nodes.map((node) => (key === 'pool' ? node.pool : key === 'zone' ? node.zone : node.name)));
}

/** Names in the order of the file, or the first word that names nothing. */
function candidatesOf(entry: NodesEntry, nodes: readonly PlannedNode[]): readonly string[] | string {
  const named = entry.node === undefined ? entry.nodes : [entry.node];
  if (named !== undefined) {
    const all = known('node', nodes);
    return named.find((name) => !all.has(name)) ?? [...new Set(named)];
  }
  const { pool, zone } = entry;
  const chosen = nodes
    .filter((node) => (pool === undefined || node.pool === pool) && (zone === undefined || node.zone === zone))
    .map(({ name }) => name);
  return chosen.length === 0 ? (pool ?? zone ?? '') : chosen;
}
