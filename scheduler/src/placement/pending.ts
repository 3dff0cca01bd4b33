/** Why no node takes a task: counts over all nodes, the nearest miss, and what would help. */
import type { FeasibleSet } from './feasible-set.ts';
import type { NodeSet } from './node-set.ts';
import type { PendingExplain, RequeueEvent } from './request.ts';

/** Tasks of the decision under way, by row. */
export type PlacedByRow = ReadonlyMap<number, number>;

interface Miss {
  readonly row: number;
  /** Places of the filters that reject the node, in the order they run. */
  readonly places: readonly number[];
  readonly missing: number;
}

/** What rejects a node; undefined when nothing does, or when that is more than `limit` filters. */
function missOf(nodes: NodeSet, set: FeasibleSet, row: number, placed: number, limit: number): Miss | undefined {
  const { filters, needs } = set;
  let places: number[] | undefined;
  let missing = 0;
  for (let place = 0; place < filters.length; place++) {
    if (set.lets(nodes, place, row, placed)) continue;
    if (places?.length === limit) return undefined;
    (places ??= []).push(place);
    missing += filters[place]?.missing?.(nodes, needs, row, placed) ?? 1;
  }
  return places === undefined ? undefined : { row, places, missing };
}

/** The rejected node nearest to taking the task: fewest rejecting filters, then the smallest missing part, then the lower row. */
function nearestMiss(nodes: NodeSet, set: FeasibleSet, placed: PlacedByRow): Miss | undefined {
  let best: Miss | undefined;
  for (let row = 0; row < nodes.rows; row++) {
    const count = placed.get(row) ?? 0;
    if (!nodes.has(row) || (count === 0 && set.firstRejecting(row) === 0)) continue;
    const miss = missOf(nodes, set, row, count, best?.places.length ?? set.filters.length);
    if (miss !== undefined && (best === undefined || nearer(miss, best))) best = miss;
  }
  return best;
}

const nearer = (a: Miss, b: Miss): boolean =>
  a.places.length < b.places.length || (a.places.length === b.places.length && a.missing < b.missing);

/** The newest nearest miss of a feasible set without placements: many groups of one kind may be waiting at once. */
const newest = new WeakMap<FeasibleSet, { readonly at: number; readonly miss: Miss | undefined }>();

function nearestNow(nodes: NodeSet, set: FeasibleSet, placed: PlacedByRow): Miss | undefined {
  if (placed.size > 0) return nearestMiss(nodes, set, placed);
  const at = nodes.nodeChanges.seq + nodes.taskChanges.seq;
  const known = newest.get(set);
  if (known?.at === at) return known.miss;
  const miss = nearestMiss(nodes, set, placed);
  newest.set(set, { at, miss });
  return miss;
}

/** Explains tasks left over after a decision has put `placed` tasks on nodes. */
export function explainPending(nodes: NodeSet, set: FeasibleSet, placed: PlacedByRow, message: string): PendingExplain {
  const counts = set.counts.slice();
  for (const [row, count] of placed) {
    const before = set.firstRejecting(row);
    const after = set.rejectsAfter(nodes, row, count);
    counts[before] = (counts[before] ?? 0) - 1;
    counts[after] = (counts[after] ?? 0) + 1;
  }
  const rejected = rejectedByName(set, counts);
  const nearest = nearestNow(nodes, set, placed);
  if (nearest === undefined) {
    return { code: 'PENDING', message, considered: nodes.size, rejected, wouldFitIf: nodes.size === 0 ? ['a node joined'] : [] };
  }
  return { code: 'PENDING', message, considered: nodes.size, rejected, ...describe(nodes, set, nearest, placed.get(nearest.row) ?? 0) };
}

/** What is said of one node that was rejected. */
export function describeNode(nodes: NodeSet, set: FeasibleSet, row: number): Pick<PendingExplain, 'nearest' | 'wouldFitIf'> {
  const miss = missOf(nodes, set, row, 0, set.filters.length);
  return miss === undefined ? { wouldFitIf: [] } : describe(nodes, set, miss, 0);
}

function describe(nodes: NodeSet, set: FeasibleSet, miss: Miss, placed: number): Pick<PendingExplain, 'nearest' | 'wouldFitIf'> {
  const filters = miss.places.flatMap((place) => set.filters[place] ?? []);
  const shortfalls = filters.map((filter) => filter.shortfall(nodes, set.needs, miss.row, placed));
  const [first] = filters;
  const wouldFitIf =
    shortfalls.length === 1
      ? (shortfalls[0]?.wouldFitIf ?? [])
      : [shortfalls.map(({ wouldFitIf: [clause] }) => clause ?? '').join(' and ')];
  if (first === undefined) return { wouldFitIf };
  const detail = shortfalls.map((shortfall) => shortfall.detail).join('; ');
  return { nearest: { node: nodes.names[miss.row] ?? String(miss.row), filter: first.name, detail }, wouldFitIf };
}

/** Rejected nodes by the name of the filter that rejected them first; filters that rejected none are left out. */
export function rejectedByName(set: FeasibleSet, counts: Int32Array): Readonly<Record<string, number>> {
  const rejected: Record<string, number> = {};
  for (const [i, filter] of set.filters.entries()) {
    const count = counts[i + 1] ?? 0;
    if (count > 0) rejected[filter.name] = count;
  }
  return rejected;
}

/** What the filters that reject nodes wait for. */
export function requeueEvents(set: FeasibleSet, rejected: Readonly<Record<string, number>>): readonly RequeueEvent[] {
  const events = new Set<RequeueEvent>(['node.joined']);
  for (const filter of set.filters) {
    if (Object.hasOwn(rejected, filter.name)) for (const event of filter.requeueOn) events.add(event);
  }
  return [...events];
}
