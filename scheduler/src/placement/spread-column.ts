/** Which leaf of a spread each node is in: kept per list of spread levels, brought up to date when nodes change. */
import { labelValue } from './constraint.ts';
import type { NodeSet } from './node-set.ts';
import type { SpreadLevel } from './needs.ts';

/** A branch of the tree of label values; those without children are leaves. */
export interface SpreadBranch {
  /** Label value that leads here; '' also for nodes without the label. */
  readonly value: string;
  /** Ascending by label value. */
  readonly children: readonly SpreadBranch[];
  /** Number of the leaf, -1 for inner branches. */
  readonly leaf: number;
}

interface Leaf {
  readonly path: readonly string[];
  nodes: number;
}

export class SpreadColumn {
  /** Number of the leaf by row, -1 without a node. */
  leafOf: Int32Array = new Int32Array(0);
  readonly #levels: readonly SpreadLevel[];
  readonly #leaves: Leaf[] = [];
  readonly #byPath = new Map<string, number>();
  #root: SpreadBranch | undefined;
  #seq = -1;

  constructor(levels: readonly SpreadLevel[]) {
    this.#levels = levels;
  }

  /** Leaves ever seen; numbers are below this. */
  get size(): number {
    return this.#leaves.length;
  }

  /** Label values from the outermost level to this leaf. */
  path(leaf: number): readonly string[] {
    return this.#leaves[leaf]?.path ?? [];
  }

  /** The tree of leaves that have nodes. */
  sync(nodes: NodeSet): SpreadBranch {
    const { nodeChanges } = nodes;
    if (this.leafOf.length < nodes.words * 32) {
      const larger = new Int32Array(nodes.words * 32).fill(-1);
      larger.set(this.leafOf);
      this.leafOf = larger;
    }
    if (this.#seq < 0 || nodeChanges.seq - this.#seq > Math.min(nodeChanges.reach, nodes.rows)) {
      for (let row = 0; row < nodes.rows; row++) this.#put(nodes, row);
    } else {
      for (let seq = this.#seq; seq < nodeChanges.seq; seq++) this.#put(nodes, nodeChanges.rowAt(seq));
    }
    this.#seq = nodeChanges.seq;
    return (this.#root ??= this.#tree());
  }

  #put(nodes: NodeSet, row: number): void {
    const node = nodes.nodeAt(row);
    const before = this.leafOf[row] ?? -1;
    let after = -1;
    if (node !== undefined) {
      const path = this.#levels.map(({ of, label }) => labelValue(of === 'node' ? node.labels : node.description.engineLabels, label));
      after = this.#leaf(path);
    }
    if (after === before) return;
    this.leafOf[row] = after;
    const left = this.#leaves[before];
    const entered = this.#leaves[after];
    if (left !== undefined && --left.nodes === 0) this.#root = undefined;
    if (entered !== undefined && ++entered.nodes === 1) this.#root = undefined;
  }

  #leaf(path: readonly string[]): number {
    const key = JSON.stringify(path);
    const known = this.#byPath.get(key);
    if (known !== undefined) return known;
    this.#leaves.push({ path, nodes: 0 });
    this.#byPath.set(key, this.#leaves.length - 1);
    return this.#leaves.length - 1;
  }

  #tree(): SpreadBranch {
    const used = this.#leaves.flatMap(({ nodes }, leaf) => (nodes > 0 ? [leaf] : []));
    return this.#branch('', used, 0);
  }

  #branch(value: string, leaves: readonly number[], depth: number): SpreadBranch {
    if (depth === this.#levels.length) return { value, children: [], leaf: leaves[0] ?? -1 };
    const byValue = new Map<string, number[]>();
    for (const leaf of leaves) {
      const child = this.path(leaf)[depth] ?? '';
      const group = byValue.get(child);
      if (group === undefined) byValue.set(child, [leaf]);
      else group.push(leaf);
    }
    const values = [...byValue.keys()].toSorted();
    return { value, children: values.map((child) => this.#branch(child, byValue.get(child) ?? [], depth + 1)), leaf: -1 };
  }
}
