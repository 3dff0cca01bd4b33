/** Decisions: which nodes a group of equal tasks goes to, and whether a given node takes a task. They change nothing. */
import type { TimeUs } from '@paperfleet/core';
import type { FeasibleSet } from './feasible-set.ts';
import { LeafFill } from './leaf-fill.ts';
import { type TaskNeeds, taskNeeds } from './needs.ts';
import type { NodeSet } from './node-set.ts';
import { describeNode, explainPending, rejectedByName, requeueEvents } from './pending.ts';
import { PlacementLog } from './placement-log.ts';
import { profileNamed } from './profile.ts';
import { failuresOf, type RankBasis, rank } from './ranking.ts';
import { Rejections } from './rejections.ts';
import type { GroupDecision, NodeCheck, Pending, PlacedExplain, PlacementRequest } from './request.ts';
import { branchScores, fillBranch, type SpreadTree, spreadTree } from './spread-fill.ts';
import { type Workspace, workspaceOf } from './workspace.ts';

type Score = PlacedExplain['scores'][number];

/** The spread of a group: its tree of branches, and the way to each leaf. */
interface GroupSpread {
  readonly tree: SpreadTree;
  readonly path: (leaf: number) => readonly string[];
}

class Decision implements GroupDecision {
  readonly nodeRows: Int32Array;
  readonly placed: number;
  readonly pending?: Pending;
  readonly #log: PlacementLog;
  readonly #profile: string;
  readonly #basis: RankBasis;
  readonly #set: FeasibleSet;
  readonly #considered: number;
  readonly #counts: Int32Array;
  readonly #spread: GroupSpread | undefined;

  constructor(
    log: PlacementLog,
    profile: string,
    basis: RankBasis,
    set: FeasibleSet,
    spread: GroupSpread | undefined,
    pending: Pending | undefined,
  ) {
    this.nodeRows = log.left === 0 ? log.rows : log.rows.subarray(0, log.placed);
    this.placed = log.placed;
    if (pending !== undefined) this.pending = pending;
    this.#log = log;
    this.#profile = profile;
    this.#basis = basis;
    this.#set = set;
    this.#considered = basis.nodes.size;
    this.#counts = set.countsNow();
    this.#spread = spread;
  }

  explain(index: number): PlacedExplain {
    const figures = this.#log.figures(index);
    const { nodes } = this.#basis;
    const dealt = figures.turn > 0 || figures.runnerTurn > 0;
    const branches = this.#spread === undefined ? [] : branchScores(this.#spread.tree, this.#set.needs, this.#spread.path(figures.leaf));
    const scores = (row: number, turn: number, ofService: number, total: number): readonly Score[] => [
      ...branches,
      ...(dealt ? [{ name: 'turn', value: turn }] : []),
      { name: 'recentFailures', value: failuresOf(this.#basis, row) },
      { name: 'tasksOfService', value: ofService },
      { name: 'tasksTotal', value: total },
    ];
    const { row, runnerRow } = figures;
    return {
      code: 'PLACED',
      node: nodes.names[row] ?? String(row),
      profile: this.#profile,
      considered: this.#considered,
      feasible: this.#counts[0] ?? 0,
      rejected: rejectedByName(this.#set, this.#counts),
      scores: scores(row, figures.turn, figures.tasksOfService, figures.tasksTotal),
      ...(runnerRow < 0
        ? {}
        : {
            runnerUp: {
              node: nodes.names[runnerRow] ?? String(runnerRow),
              scores: scores(runnerRow, figures.runnerTurn, figures.runnerTasksOfService, figures.runnerTasksTotal),
            },
          }),
    };
  }
}

/**
 * Chooses nodes for a group. The group is placed as SwarmKit would place its tasks one by one within one pass: each task
 * sees those placed before it. Deterministic: ties go to the lower row, branches are visited by ascending label value.
 * @throws RangeError when the count is not a positive integer; Error when the profile does not exist
 */
export function decideGroup(nodes: NodeSet, request: PlacementRequest, now: TimeUs): GroupDecision {
  const { count, serviceId, specVersion } = request;
  if (!Number.isSafeInteger(count) || count < 1) throw new RangeError(`a group has at least one task, not ${count}`);
  const profile = profileNamed(request.profile);
  const needs = taskNeeds(request);
  const work = workspaceOf(nodes);
  const set = work.feasible(nodes, profile, needs);
  const basis: RankBasis = { nodes, tally: nodes.services.get(serviceId), failing: nodes.failures.failing(serviceId, specVersion, now) };
  const log = new PlacementLog(count);
  const rejections = new Rejections(set);
  if (needs.spread.length === 0) {
    // One more than can be used, to name a runner-up.
    const ranked = rank(basis, set.pass, set.counts[0] ?? 0, count + 1, work, work.rows);
    const leaf = new LeafFill(basis, 0, work.rows.slice(0, ranked), count);
    leaf.fill(count, log, rejections);
    const pending = log.left === 0 ? undefined : leftOver(nodes, set, log, rejections, [leaf]);
    return new Decision(log, profile.name, basis, set, undefined, pending);
  }
  const column = work.spread(needs);
  const tree = spreadTree(column.sync(nodes), column, basis);
  const leaves = rankLeaves(basis, set, column.leafOf, count, work);
  fillBranch(tree, count, leaves, log, rejections);
  const pending = log.left === 0 ? undefined : leftOver(nodes, set, log, rejections, leaves.values());
  return new Decision(log, profile.name, basis, set, { tree, path: (leaf) => column.path(leaf) }, pending);
}

/** The best nodes of each leaf, as many as the group has tasks and one more. */
function rankLeaves(basis: RankBasis, set: FeasibleSet, leafOf: Int32Array, count: number, work: Workspace): ReadonlyMap<number, LeafFill> {
  const feasible = set.counts[0] ?? 0;
  const ranked = rank(basis, set.pass, feasible, feasible, work, work.rows);
  const rows = new Map<number, number[]>();
  for (let i = 0; i < ranked; i++) {
    const row = work.rows[i] ?? 0;
    const leaf = leafOf[row] ?? -1;
    const best = rows.get(leaf);
    if (best === undefined) rows.set(leaf, [row]);
    else if (best.length <= count) best.push(row);
  }
  return new Map([...rows].map(([leaf, best]) => [leaf, new LeafFill(basis, leaf, Int32Array.from(best), count)]));
}

function leftOver(nodes: NodeSet, set: FeasibleSet, log: PlacementLog, rejections: Rejections, leaves: Iterable<LeafFill>): Pending {
  const placed = new Map<number, number>();
  for (const leaf of leaves) leaf.eachPlaced((row, tasks) => placed.set(row, tasks));
  const message = rejections.message(nodes);
  const explain = explainPending(nodes, set, placed, message);
  return { count: log.left, message, explain, requeueOn: requeueEvents(set, explain.rejected) };
}

/** Checks a task against the node that was chosen for it beforehand, as for global services. Failures there do not count. */
export function checkNode(nodes: NodeSet, request: Omit<PlacementRequest, 'count'>, row: number, _now: TimeUs): NodeCheck {
  const profile = profileNamed(request.profile);
  const needs = taskNeeds(request);
  if (!nodes.has(row)) {
    const message = 'assigned node no longer exists';
    return { ok: false, message, explain: { code: 'PENDING', message, considered: 0, rejected: {}, wouldFitIf: [] } };
  }
  const set = workspaceOf(nodes).feasible(nodes, profile, needs);
  const rejecting = set.firstRejecting(row);
  const filter = set.filters[rejecting - 1];
  if (rejecting === 0 || filter === undefined) return { ok: true, explain: confirmed(nodes, needs, profile.name, row) };
  const message = filter.explain(1);
  const explain = { code: 'PENDING', message, considered: 1, rejected: { [filter.name]: 1 }, ...describeNode(nodes, set, row) } as const;
  return { ok: false, message, explain };
}

function confirmed(nodes: NodeSet, needs: TaskNeeds, profile: string, row: number): PlacedExplain {
  return {
    code: 'PLACED',
    node: nodes.names[row] ?? String(row),
    profile,
    considered: 1,
    feasible: 1,
    rejected: {},
    scores: [
      { name: 'tasksOfService', value: nodes.tasksOfService(needs.serviceId, row) },
      { name: 'tasksTotal', value: nodes.tasksTotal[row] ?? 0 },
    ],
  };
}

/**
 * How the active tasks of a service are spread over the branches of its placement preferences, on all nodes whether or not
 * they may take more.
 */
export function spreadOf(nodes: NodeSet, request: Pick<PlacementRequest, 'serviceId' | 'spec' | 'ports'>): SpreadTree {
  const column = workspaceOf(nodes).spread(taskNeeds(request));
  return spreadTree(column.sync(nodes), column, { tally: nodes.services.get(request.serviceId) });
}

/** True when the node of a row takes one task of the request now: the check a commit makes before it writes a placement. */
export function fits(nodes: NodeSet, request: Omit<PlacementRequest, 'count'>, row: number): boolean {
  const profile = profileNamed(request.profile);
  if (!nodes.has(row)) return false;
  return workspaceOf(nodes).feasible(nodes, profile, taskNeeds(request)).firstRejecting(row) === 0;
}
