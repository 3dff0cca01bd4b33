/**
 * cpusets. Groups that may use few CPUs are served first, each set on what its CPUs have left; within a set by weight
 * down the tree. A set takes first from those of its CPUs that the fewest other sets may use.
 */
import { type CgroupColumns, NONE } from './columns.ts';
import { MILLION } from './work.ts';

/** Own cpusets by row: CPU numbers, ascending. */
export class CpusetTable {
  readonly #rows: Map<number, readonly number[]>;

  constructor(saved: readonly (readonly [number, readonly number[]])[] = []) {
    this.#rows = new Map(saved);
  }

  get isEmpty(): boolean {
    return this.#rows.size === 0;
  }

  get(row: number): readonly number[] | undefined {
    return this.#rows.get(row);
  }

  set(row: number, cpus: readonly number[]): void {
    if (cpus.length === 0) this.#rows.delete(row);
    else this.#rows.set(row, cpus);
  }

  /** cpuset.cpus.effective: the own set within the parent's, or the parent's when none of it is there. */
  effective(c: CgroupColumns, row: number, cpus: number): readonly number[] {
    const parent = c.parent[row]!;
    const above = parent === NONE ? Array.from({ length: cpus }, (_, cpu) => cpu) : this.effective(c, parent, cpus);
    const own = this.#rows.get(row);
    const both = own === undefined ? above : above.filter((cpu) => own.includes(cpu));
    return both.length === 0 ? above : both;
  }

  save(): readonly (readonly [number, readonly number[]])[] {
    return [...this.#rows];
  }
}

/** `1-3,7` from CPU numbers in ascending order. */
export function formatCpus(cpus: readonly number[]): string {
  const ranges: string[] = [];
  for (let i = 0; i < cpus.length; i++) {
    const from = cpus[i]!;
    while (i + 1 < cpus.length && cpus[i + 1] === cpus[i]! + 1) i++;
    ranges.push(cpus[i] === from ? `${from}` : `${from}-${cpus[i]!}`);
  }
  return ranges.join(',');
}

interface Pool {
  readonly cpus: readonly number[];
  readonly leaves: Set<number>;
}

/** The distinct effective cpusets of leaves with demand, the smallest first. */
function poolsOf(c: CgroupColumns, table: CpusetTable, cpus: number): readonly Pool[] {
  const pools = new Map<string, Pool>();
  const visit = (row: number, above: readonly number[]): void => {
    const own = table.get(row);
    const both = own === undefined ? above : above.filter((cpu) => own.includes(cpu));
    const effective = both.length === 0 ? above : both;
    if (c.firstChild[row] === NONE) {
      if (c.demand[row] === 0) return;
      const key = effective.join(',');
      const pool = pools.get(key) ?? { cpus: effective, leaves: new Set() };
      pools.set(key, pool);
      pool.leaves.add(row);
    }
    for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) visit(child, effective);
  };
  visit(
    0,
    Array.from({ length: cpus }, (_, cpu) => cpu),
  );
  return [...pools.values()].sort(
    (a, b) => a.cpus.length - b.cpus.length || a.cpus[0]! - b.cpus[0]! || (a.cpus.join() < b.cpus.join() ? -1 : 1),
  );
}

/**
 * Parts of all rows, by row.
 * @param wantOf – what a row may use now
 */
export function sharePinned(
  c: CgroupColumns,
  table: CpusetTable,
  capacity: number,
  cpus: number,
  wantOf: (row: number) => number,
): Float64Array {
  const given = new Float64Array(c.rows);
  const free = Array.from({ length: cpus }, (_, cpu) => Math.min(MILLION, Math.max(0, capacity - cpu * MILLION)));
  const pools = poolsOf(c, table, cpus);
  const users = free.map((_, cpu) => pools.filter((pool) => pool.cpus.includes(cpu)).length);
  for (const { cpus: set, leaves } of pools) {
    const room = set.reduce((sum, cpu) => sum + free[cpu]!, 0);
    const want = new Float64Array(c.rows);
    const total = wantsWithin(c, 0, leaves, wantOf, given, want);
    fill(c, 0, Math.min(total, room), want, given);
    let taken = Math.min(total, room);
    for (const cpu of [...set].sort((a, b) => users[a]! - users[b]! || a - b)) {
      const part = Math.min(taken, free[cpu]!);
      free[cpu]! -= part;
      taken -= part;
    }
    for (const cpu of set) users[cpu]! -= 1;
  }
  return given;
}

/** What the leaves of one set want, bounded by what rows above may still use. */
function wantsWithin(
  c: CgroupColumns,
  row: number,
  leaves: ReadonlySet<number>,
  wantOf: (row: number) => number,
  given: Float64Array,
  want: Float64Array,
): number {
  if (c.firstChild[row] === NONE) {
    want[row] = leaves.has(row) ? wantOf(row) : 0;
    return want[row];
  }
  let sum = 0;
  for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!)
    sum += wantsWithin(c, child, leaves, wantOf, given, want);
  want[row] = Math.min(sum, Math.max(0, wantOf(row) - given[row]!));
  return want[row];
}

function fill(c: CgroupColumns, row: number, grant: number, want: Float64Array, given: Float64Array): void {
  given[row]! += grant;
  let pending: number[] = [];
  let weights = 0;
  for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) {
    if (want[child] === 0) continue;
    pending.push(child);
    weights += c.weight[child]!;
  }
  let left = grant;
  for (;;) {
    const isHungry = (child: number): boolean => want[child]! * weights > left * c.weight[child]!;
    const hungry = pending.filter(isHungry);
    const content = pending.filter((child) => !isHungry(child));
    if (content.length === 0) break;
    for (const child of content) {
      fill(c, child, want[child]!, want, given);
      left -= want[child]!;
      weights -= c.weight[child]!;
    }
    pending = hungry;
  }
  const parts = pending.map((child) => Math.floor((left * c.weight[child]!) / weights));
  const rest = left - parts.reduce((sum, part) => sum + part, 0);
  pending.forEach((child, index) => fill(c, child, parts[index]! + (index < rest ? 1 : 0), want, given));
}
