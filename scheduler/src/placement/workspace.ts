/**
 * What placement derives from a node set and keeps between decisions: feasible sets, columns of filters, spreads, scratch
 * space. All of it can be dropped at any time without changing a decision.
 */
import type { Bitset } from './bitset.ts';
import { FeasibleSet, NodeColumn } from './feasible-set.ts';
import type { FilterPlugin } from './filter.ts';
import type { NodeSet } from './node-set.ts';
import type { TaskNeeds } from './needs.ts';
import type { Profile } from './profile.ts';
import { SpreadColumn } from './spread-column.ts';

/** Kinds of task whose feasible sets are kept: at 10,000 nodes about 60 kB each. */
const KEPT = 256;

export class Workspace {
  /** All zero between decisions. */
  marks: Bitset = new Int32Array(0);
  /** Never written. */
  zeros: Bitset = new Int32Array(0);
  rows: Int32Array = new Int32Array(0);
  readonly #sets = new Map<string, Map<string, FeasibleSet>>();
  readonly #columns = new Map<string, NodeColumn>();
  readonly #spreads = new Map<string, SpreadColumn>();

  /** The feasible set of a kind of task, in step with the nodes. */
  feasible(nodes: NodeSet, profile: Profile, needs: TaskNeeds): FeasibleSet {
    if (this.marks.length !== nodes.words) {
      this.marks = new Int32Array(nodes.words);
      this.zeros = new Int32Array(nodes.words);
      this.rows = new Int32Array(nodes.words * 32);
    }
    let sets = this.#sets.get(profile.name);
    if (sets === undefined) this.#sets.set(profile.name, (sets = new Map<string, FeasibleSet>()));
    let set = sets.get(needs.key);
    if (set === undefined) {
      set = new FeasibleSet(profile, needs, (filter, part) => this.#column(filter, part, needs));
      keep(sets, needs.key, set);
    }
    set.sync(nodes);
    return set;
  }

  spread(needs: TaskNeeds): SpreadColumn {
    let spread = this.#spreads.get(needs.spreadKey);
    if (spread === undefined) keep(this.#spreads, needs.spreadKey, (spread = new SpreadColumn(needs.spread)));
    return spread;
  }

  #column(filter: FilterPlugin, part: string, needs: TaskNeeds): NodeColumn {
    const key = `${filter.name}:${part}`;
    let column = this.#columns.get(key);
    if (column === undefined) keep(this.#columns, key, (column = new NodeColumn(filter, needs)));
    return column;
  }
}

/** Adds an entry; when there are too many, the oldest one goes. */
function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  if (kept.size >= KEPT) {
    for (const oldest of kept.keys()) {
      kept.delete(oldest);
      break;
    }
  }
  kept.set(key, value);
}

const workspaces = new WeakMap<NodeSet, Workspace>();

export function workspaceOf(nodes: NodeSet): Workspace {
  let workspace = workspaces.get(nodes);
  if (workspace === undefined) workspaces.set(nodes, (workspace = new Workspace()));
  return workspace;
}
