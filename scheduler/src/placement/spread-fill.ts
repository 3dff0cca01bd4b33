/**
 * Spreading a group over the branches of its placement preferences (swarmkit scheduleNTasksOnSubtree): every pass works out
 * an even share and fills branches up to it, until all is placed, every branch is full, or a pass changes nothing.
 */
import type { LeafFill } from './leaf-fill.ts';
import type { TaskNeeds } from './needs.ts';
import type { PlacementLog } from './placement-log.ts';
import type { RankBasis } from './ranking.ts';
import type { Rejections } from './rejections.ts';
import type { SpreadBranch, SpreadColumn } from './spread-column.ts';

export interface SpreadTree {
  readonly value: string;
  readonly children: readonly SpreadTree[];
  /** Number of the leaf, -1 for inner branches. */
  readonly leaf: number;
  /** Active tasks of the service below, on all nodes, when the decision began. It does not change while tasks are placed. */
  readonly tasks: number;
}

/** The tree of a service's tasks by label values. Nodes that no filter lets pass count as well. */
export function spreadTree(root: SpreadBranch, column: SpreadColumn, { tally }: Pick<RankBasis, 'tally'>): SpreadTree {
  const byLeaf = new Int32Array(column.size);
  for (const [row, count] of tally?.counts ?? []) {
    const leaf = column.leafOf[row] ?? -1;
    if (leaf >= 0) byLeaf[leaf] = (byLeaf[leaf] ?? 0) + count;
  }
  return withTasks(root, byLeaf);
}

function withTasks({ value, children, leaf }: SpreadBranch, byLeaf: Int32Array): SpreadTree {
  const counted = children.map((child) => withTasks(child, byLeaf));
  const tasks = leaf >= 0 ? (byLeaf[leaf] ?? 0) : counted.reduce((sum, child) => sum + child.tasks, 0);
  return { value, children: counted, leaf, tasks };
}

/** Fills a branch with up to `wanted` tasks; returns how many it took. */
export function fillBranch(
  branch: SpreadTree,
  wanted: number,
  leaves: ReadonlyMap<number, LeafFill>,
  log: PlacementLog,
  rejections: Rejections,
): number {
  if (branch.children.length === 0) return leaves.get(branch.leaf)?.fill(wanted, log, rejections) ?? 0;
  const full = new Set<SpreadTree>();
  let usable = branch.tasks;
  let placed = 0;
  let changed = true;
  while (placed !== wanted && full.size !== branch.children.length && changed) {
    const open = branch.children.length - full.size;
    const share = usable + wanted - placed;
    const target = Math.trunc(share / open);
    let remainder = share % open;
    changed = false;
    for (const child of branch.children) {
      if (full.has(child) || !(child.tasks < target || (child.tasks === target && remainder > 0))) continue;
      changed = true;
      // May ask for more than is left of the group: what the log has left is the real bound.
      const asked = target - child.tasks + (remainder > 0 ? 1 : 0);
      const taken = fillBranch(child, asked, leaves, log, rejections);
      if (taken < asked) {
        full.add(child);
        usable -= child.tasks;
      } else if (remainder > 0) remainder--;
      placed += taken;
    }
  }
  return placed;
}

/** Tasks of the service in each branch on the way to a leaf, for explanations. */
export function branchScores(tree: SpreadTree, needs: TaskNeeds, path: readonly string[]): readonly { name: string; value: number }[] {
  const scores: { name: string; value: number }[] = [];
  let branch: SpreadTree | undefined = tree;
  for (const [depth, value] of path.entries()) {
    branch = branch.children.find((child) => child.value === value);
    if (branch === undefined) break;
    scores.push({ name: `tasks in ${needs.spread[depth]?.descriptor ?? ''}=${value}`, value: branch.tasks });
  }
  return scores;
}
