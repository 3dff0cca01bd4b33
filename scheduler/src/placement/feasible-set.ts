/**
 * Which nodes pass all filters for one kind of task, and which filter rejects each of the others. Kept per profile and needs
 * key and brought up to date from the journals of the node set: a decision costs the rows that changed since the last one
 * of its kind, not all nodes. FilterPlugin.filter is the truth; everything here must equal it (feasible-set.prop.ts).
 */
import { type Bitset, clearBit, hasBit, setBit } from './bitset.ts';
import type { FilterPlugin } from './filter.ts';
import type { NodeSet } from './node-set.ts';
import type { TaskNeeds } from './needs.ts';
import type { Profile } from './profile.ts';

/** Value of a row that has no node. */
const ABSENT = 255;

/** Answers of one filter that looks at nodes alone, kept per cache key. */
export class NodeColumn {
  readonly #filter: FilterPlugin;
  readonly #needs: TaskNeeds;
  #bits: Bitset = new Int32Array(0);
  #seq = -1;

  constructor(filter: FilterPlugin, needs: TaskNeeds) {
    this.#filter = filter;
    this.#needs = needs;
  }

  /** Rows the filter lets pass, in step with the nodes. */
  sync(nodes: NodeSet): Bitset {
    const { nodeChanges } = nodes;
    if (this.#bits.length !== nodes.words || this.#seq < 0 || nodeChanges.seq - this.#seq > Math.min(nodeChanges.reach, nodes.rows)) {
      this.#bits = new Int32Array(nodes.words);
      for (let row = 0; row < nodes.rows; row++) this.#ask(nodes, row);
    } else {
      for (let seq = this.#seq; seq < nodeChanges.seq; seq++) this.#ask(nodes, nodeChanges.rowAt(seq));
    }
    this.#seq = nodeChanges.seq;
    return this.#bits;
  }

  #ask(nodes: NodeSet, row: number): void {
    if (nodes.has(row) && this.#filter.filter(nodes, this.#needs, row, 0)) setBit(this.#bits, row);
    else clearBit(this.#bits, row);
  }
}

export class FeasibleSet {
  /** Filters that apply, in profile order; a rejecting filter is given by its place here plus one. */
  readonly filters: readonly FilterPlugin[];
  readonly needs: TaskNeeds;
  /** Rows that pass all filters. */
  pass: Bitset = new Int32Array(0);
  /** Nodes by what rejects them first: [0] pass, [i + 1] rejected by filters[i]. */
  readonly counts: Int32Array;
  readonly #columns: readonly (NodeColumn | undefined)[];
  /** Places of the filters that look at the tasks on a node. */
  readonly #changing: readonly number[];
  #first: Uint8Array = new Uint8Array(0);
  /** The same, asking only filters that look at the node alone. */
  #firstFixed: Uint8Array = new Uint8Array(0);
  #candidates: Int32Array = new Int32Array(0);
  #counted: Int32Array | undefined;
  #nodeSeq = -1;
  #taskSeq = -1;

  /** @param columnFor – the shared column of a filter with a cache key */
  constructor(profile: Profile, needs: TaskNeeds, columnFor: (filter: FilterPlugin, key: string) => NodeColumn) {
    this.needs = needs;
    this.filters = profile.filters.filter((filter) => filter.applies(needs));
    this.counts = new Int32Array(this.filters.length + 1);
    this.#columns = this.filters.map((filter) => {
      const key = filter.dependsOnTasks ? undefined : filter.cacheKey?.(needs);
      return key === undefined ? undefined : columnFor(filter, key);
    });
    this.#changing = this.filters.flatMap((filter, i) => (filter.dependsOnTasks ? [i] : []));
  }

  /** A copy of the counts as they are now; the same one as long as nothing changes. */
  countsNow(): Int32Array {
    return (this.#counted ??= this.counts.slice());
  }

  /** Place plus one of the first filter that rejects the node of a row; 0 when it passes. The row must have a node. */
  firstRejecting(row: number): number {
    return this.#first[row] ?? ABSENT;
  }

  /**
   * The same after `placed` more such tasks on it, for a row that passes all filters that look at the node alone.
   */
  rejectsAfter(nodes: NodeSet, row: number, placed: number): number {
    const { filters, needs } = this;
    const changing = this.#changing;
    for (let i = 0; i < changing.length; i++) {
      const place = changing[i] ?? 0;
      if (filters[place]?.filter(nodes, needs, row, placed) === false) return place + 1;
    }
    return 0;
  }

  /** The answer of one filter, by its place, after `placed` more such tasks. Only while in step with the nodes. */
  lets(nodes: NodeSet, place: number, row: number, placed: number): boolean {
    const column = this.#columns[place]?.sync(nodes);
    return column === undefined ? (this.filters[place]?.filter(nodes, this.needs, row, placed) ?? true) : hasBit(column, row);
  }

  /** Brings everything in step with the nodes. */
  sync(nodes: NodeSet): void {
    const { nodeChanges, taskChanges } = nodes;
    const nodeLag = nodeChanges.seq - this.#nodeSeq;
    const taskLag = taskChanges.seq - this.#taskSeq;
    const resized = this.pass.length !== nodes.words;
    if (resized || this.#nodeSeq < 0 || nodeLag > Math.min(nodeChanges.reach, nodes.rows)) this.#rebuild(nodes, true);
    // A row costs about three times as much alone as in a batch over all rows.
    else if (taskLag * 3 > nodes.rows || taskLag > taskChanges.reach) this.#rebuild(nodes, nodeLag > 0);
    else {
      if (nodeLag > 0) {
        for (let seq = this.#nodeSeq; seq < nodeChanges.seq; seq++) this.#askNode(nodes, nodeChanges.rowAt(seq));
      }
      for (let seq = this.#taskSeq; seq < taskChanges.seq; seq++) this.#askTasks(nodes, taskChanges.rowAt(seq));
    }
    this.#nodeSeq = nodeChanges.seq;
    this.#taskSeq = taskChanges.seq;
  }

  #askNode(nodes: NodeSet, row: number): void {
    if (!nodes.has(row)) {
      this.#set(row, ABSENT);
      return;
    }
    let first = 0;
    for (let i = 0; i < this.filters.length && first === 0; i++) {
      const filter = this.filters[i];
      if (filter === undefined || filter.dependsOnTasks) continue;
      const column = this.#columns[i]?.sync(nodes);
      const passes = column === undefined ? filter.filter(nodes, this.needs, row, 0) : hasBit(column, row);
      if (!passes) first = i + 1;
    }
    this.#firstFixed[row] = first;
    this.#set(row, this.#earlier(first, this.rejectsAfter(nodes, row, 0)));
  }

  #askTasks(nodes: NodeSet, row: number): void {
    if (!nodes.has(row)) return;
    this.#set(row, this.#earlier(this.#firstFixed[row] ?? 0, this.rejectsAfter(nodes, row, 0)));
  }

  #earlier(a: number, b: number): number {
    return a === 0 ? b : b === 0 ? a : Math.min(a, b);
  }

  #set(row: number, first: number): void {
    const before = this.#first[row] ?? ABSENT;
    if (before === first) return;
    this.#counted = undefined;
    if (before !== ABSENT) this.counts[before] = (this.counts[before] ?? 0) - 1;
    if (first !== ABSENT) this.counts[first] = (this.counts[first] ?? 0) + 1;
    if (first === 0) setBit(this.pass, row);
    else clearBit(this.pass, row);
    this.#first[row] = first;
  }

  /** All rows in column loops; `fixed` also asks the filters that look at the node alone. */
  #rebuild(nodes: NodeSet, fixed: boolean): void {
    if (this.pass.length !== nodes.words) {
      const capacity = nodes.words * 32;
      this.pass = new Int32Array(nodes.words);
      this.#first = new Uint8Array(capacity);
      this.#firstFixed = new Uint8Array(capacity);
      this.#candidates = new Int32Array(capacity);
    }
    if (fixed) {
      this.#firstFixed.fill(ABSENT);
      this.#run(nodes, this.#firstFixed, false);
    }
    this.#first.fill(ABSENT);
    this.#run(nodes, this.#first, true);
    const first = this.#first;
    const firstFixed = this.#firstFixed;
    this.#counted = undefined;
    this.counts.fill(0);
    this.pass.fill(0);
    for (let row = 0; row < nodes.rows; row++) {
      const changing = first[row] ?? ABSENT;
      if (changing === ABSENT) continue;
      const both = this.#earlier(firstFixed[row] ?? 0, changing);
      first[row] = both;
      this.counts[both] = (this.counts[both] ?? 0) + 1;
      if (both === 0) setBit(this.pass, row);
    }
  }

  /** Writes into `first` what rejects each row, asking only filters of one sort. */
  #run(nodes: NodeSet, first: Uint8Array, changing: boolean): void {
    const candidates = this.#candidates;
    let count = 0;
    for (let row = 0; row < nodes.rows; row++) if (nodes.has(row)) candidates[count++] = row;
    for (const [i, filter] of this.filters.entries()) {
      if (filter.dependsOnTasks !== changing) continue;
      for (let c = 0; c < count; c++) first[candidates[c] ?? 0] = i + 1;
      count = this.#batch(nodes, i, filter, count);
    }
    for (let c = 0; c < count; c++) first[candidates[c] ?? 0] = 0;
  }

  #batch(nodes: NodeSet, place: number, filter: FilterPlugin, count: number): number {
    const candidates = this.#candidates;
    const column = this.#columns[place]?.sync(nodes);
    if (column === undefined && filter.filterBatch !== undefined) return filter.filterBatch(nodes, this.needs, candidates, count);
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = candidates[i] ?? 0;
      if (column === undefined ? filter.filter(nodes, this.needs, row, 0) : hasBit(column, row)) candidates[kept++] = row;
    }
    return kept;
  }
}
