/**
 * The cgroup v2 tree of one simulated node: groups with the kernel's settings, counters and files. Pure and
 * deterministic: time comes in as instants (µs), chance as a seeded stream, and what happens between two calls of
 * `advance` depends on neither how often nor when it is called.
 *
 *     const tree = new CgroupTree({ nanoCpus: 2e9, memoryBytes: 4 * 2 ** 30 }, rng);
 *     const web = tree.create(ROOT, 'web', { cpuMax: { quotaUs: 50_000 } });
 *     tree.run(web, 1);                  // one thread that never sleeps
 *     tree.advance(timeUs(1_000_000));
 *     tree.file(web, 'cpu.stat');        // 'usage_usec 500…\n…'
 */
import { assert, type Rng, type TimeUs, timeUs } from '@paperfleet/core';
import { BurstTable } from './bandwidth.ts';
import { CgroupColumns, FLAG, NONE } from './columns.ts';
import { CpuModel, type CpuFidelity } from './cpu.ts';
import { CpusetTable } from './cpuset.ts';
import { renderFile } from './files.ts';
import type { IoDevice, IoRequest } from './io.ts';
import { IoTable } from './io-table.ts';
import { type CgroupKnobs, type IoMax, PERIOD_DEFAULT_US, problemOf } from './knobs.ts';
import { MemoryModel, type MemoryOutcome, type OomKill, type ReadOutcome } from './memory.ts';
import { needsRecord } from './memory-record.ts';
import { PidsModel } from './pids.ts';
import { PressureTable } from './pressure.ts';
import type { SavedTree } from './saved-tree.ts';
import { StallTable } from './stall.ts';
import { MILLION } from './work.ts';
import { WEIGHT_DEFAULT } from './weight.ts';

/** The root group: the node itself. */
export const ROOT = 0;

export interface CgroupMachine {
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  /** 0 when not given. */
  readonly swapBytes?: number;
  /** Disks by number, '8:0'. Devices not listed are infinitely fast. */
  readonly devices?: ReadonlyMap<string, IoDevice>;
  /** Speed of writing back dirty pages and swap, bytes per second; 500 MB/s when not given. */
  readonly diskWriteBps?: number;
  /** 'auto' when not given. */
  readonly fidelity?: CpuFidelity;
}

const DISK_WRITE_BPS = 500_000_000;

/** CPU demand that a frozen group will have again. */
interface Suspended {
  readonly rate: number;
  readonly threads: number;
  /** Threads that never sleep, rather than a rate. */
  readonly busy: boolean;
  readonly targetUs: number;
}

export class CgroupTree {
  readonly machine: CgroupMachine;
  readonly columns: CgroupColumns;
  readonly cpu: CpuModel;
  readonly memory: MemoryModel;
  readonly io: IoTable;
  readonly pids: PidsModel;
  readonly memoryStalls: StallTable;
  readonly ioStalls: StallTable;
  readonly #rng: Rng;
  readonly #pressure: PressureTable;
  readonly #bursts: BurstTable;
  readonly #cpusets: CpusetTable;
  readonly #names: string[];
  readonly #free: number[];
  readonly #suspended: Map<number, Suspended>;
  /** Groups made so far; names the random stream of each. */
  #made: number;

  /** @param saved – what `save` gave for a tree of the same machine and the same stream */
  constructor(machine: CgroupMachine, rng: Rng, saved?: SavedTree) {
    this.machine = machine;
    this.#rng = rng;
    this.columns = new CgroupColumns(saved?.columns);
    this.#pressure = new PressureTable(saved?.pressure);
    this.#bursts = new BurstTable(saved?.bursts);
    this.#cpusets = new CpusetTable(saved?.cpusets);
    this.#names = [...(saved?.names ?? [])];
    this.#free = [...(saved?.free ?? [])];
    this.#suspended = new Map(saved?.suspended);
    this.#made = saved?.made ?? 0;
    const { nanoCpus, memoryBytes, swapBytes = 0, diskWriteBps = DISK_WRITE_BPS, devices = new Map(), fidelity = 'auto' } = machine;
    const capacity = Math.floor(nanoCpus / 1000);
    this.cpu = new CpuModel(
      { capacity, cpus: Math.max(1, Math.ceil(capacity / MILLION)), fidelity },
      { columns: this.columns, pressure: this.#pressure, bursts: this.#bursts, cpusets: this.#cpusets, rng },
      saved?.cpu,
    );
    this.memory = new MemoryModel({ memoryBytes, swapBytes, diskWriteBps }, this.columns, saved?.memory);
    this.io = new IoTable(this.columns, devices, saved?.io);
    this.pids = new PidsModel(this.columns, saved?.pids);
    this.memoryStalls = new StallTable(this.columns, this.#pressure, saved?.memoryStalls);
    this.ioStalls = new StallTable(this.columns, this.#pressure, saved?.ioStalls);
    if (saved === undefined) this.#open(NONE, '', {});
  }

  // ── groups ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Makes a group below `parent` and returns its row. Groups with children have no processes of their own.
   * @throws AssertionFailure with the reason when a setting is not valid
   */
  create(parent: number, name: string, knobs: CgroupKnobs = {}): number {
    this.#assertOpen(parent);
    assert(this.columns.demand[parent] === 0 || !this.isLeaf(parent), 'a group with processes cannot get children', { parent, name });
    return this.#open(parent, name, knobs);
  }

  /** Changes settings of a group; those not named stay. Returns the processes that a lowered memory.max killed. */
  set(row: number, knobs: CgroupKnobs): readonly OomKill[] {
    this.#assertOpen(row);
    const problem = problemOf(knobs, this.cpu.machine.cpus);
    assert(problem === undefined, problem ?? '', { group: this.path(row) });
    return this.#apply(row, knobs);
  }

  /** Removes a group without children: what it held is free, its counters are gone; those above keep theirs. */
  remove(row: number): void {
    this.#assertOpen(row);
    assert(row !== ROOT && this.isLeaf(row), 'only a group without children can be removed', { group: this.path(row) });
    const c = this.columns;
    this.kill(row);
    this.memory.clear(row);
    // Rates go to zero before the row leaves the tree.
    this.cpu.flush();
    this.cpu.removed(row);
    this.memoryStalls.removed(row);
    this.ioStalls.removed(row);
    this.#pressure.release(c.pressure[row]!);
    this.#bursts.delete(row);
    this.#cpusets.set(row, []);
    this.io.removed(row);
    this.pids.removed(row);
    this.#suspended.delete(row);
    this.#unlink(row);
    c.clear(row);
    this.#names[row] = '';
    this.#free.push(row);
  }

  isLeaf(row: number): boolean {
    return this.columns.firstChild[row] === NONE;
  }

  /** '/' for the root, '/slice/task/container' below. */
  path(row: number): string {
    if (row === ROOT) return '/';
    const above = this.columns.parent[row]!;
    return `${above === ROOT ? '' : this.path(above)}/${this.#names[row] ?? ''}`;
  }

  /** Rows of the children, oldest first. */
  children(row: number): readonly number[] {
    const c = this.columns;
    const rows: number[] = [];
    for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) rows.push(child);
    return rows;
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  get now(): TimeUs {
    return timeUs(this.cpu.at);
  }

  /** The earliest instant at which something happens without anybody's doing; Infinity when nothing will. */
  get next(): number {
    return this.cpu.next;
  }

  /**
   * Simulates up to `until`, or up to the first instant at which threads reach their target (`finished`).
   * @returns the instant reached
   */
  advance(until: TimeUs): TimeUs {
    assert(until >= this.cpu.at, 'time runs forward', { now: this.cpu.at, until });
    return timeUs(this.cpu.advance(until));
  }

  /** Leaves whose threads reached their target at `now`. */
  get finished(): readonly number[] {
    return this.cpu.finished;
  }

  // ── CPU ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** From now on the leaf wants a constant rate, as a profile gives it. Micro-CPUs. */
  demand(row: number, rate: number): void {
    this.#setDemand(row, { rate, threads: 0, busy: false, targetUs: Infinity });
  }

  /**
   * From now on so many threads of the leaf want to run all the time, at equal speed.
   * @param targetUs – `served(row)` at which `advance` stops and names the leaf in `finished`
   */
  run(row: number, threads: number, targetUs: number = Infinity): void {
    this.#setDemand(row, { rate: 0, threads, busy: true, targetUs });
  }

  /** CPU time that each running thread of the leaf has had since the group was made, µs: the clock that `run` sets targets on. */
  served(row: number): number {
    return this.cpu.servedAt(row);
  }

  // ── memory, devices, processes ────────────────────────────────────────────────────────────────────────────────────

  /** The main process's anonymous memory. */
  setAnon(row: number, bytes: number): MemoryOutcome {
    return this.#settleMemory(row, this.memory.setAnon(row, bytes));
  }

  grow(row: number, bytes: number, pid: number = 0): MemoryOutcome {
    return this.#settleMemory(row, this.memory.grow(row, bytes, pid));
  }

  readFile(row: number, name: string, bytes: number): ReadOutcome {
    const outcome = this.memory.readFile(row, name, bytes);
    this.#settleMemory(row, outcome);
    return outcome;
  }

  writeFile(row: number, name: string, bytes: number): MemoryOutcome {
    return this.#settleMemory(row, this.memory.writeFile(row, name, bytes));
  }

  /** oom_score_adj of the leaf's main process, -1000 (never) to 1000. */
  setOomScoreAdj(row: number, value: number): void {
    this.memory.records.get(row).oomScoreAdj = value;
  }

  /** The leaf's process waits for a device; io pressure holds until then. @returns the instant at which it goes on */
  issue(row: number, request: IoRequest): TimeUs {
    const done = this.io.issue(row, this.cpu.at, request);
    const from = Math.max(this.cpu.at, this.ioStalls.untilOf(row));
    this.ioStalls.begin(row, this.cpu.at, done - from);
    return timeUs(done);
  }

  /** Freezes or thaws a group and everything below. */
  freeze(row: number, frozen: boolean): void {
    this.#assertOpen(row);
    const c = this.columns;
    if (((c.flags[row]! & FLAG.frozen) !== 0) === frozen) return;
    if (frozen) c.flags[row]! |= FLAG.frozen;
    else c.flags[row]! &= ~FLAG.frozen;
    this.#visitLeaves(row, (leaf) => this.#refreeze(leaf));
  }

  /** True when the group or one above is frozen. */
  isFrozen(row: number): boolean {
    for (let at = row; at !== NONE; at = this.columns.parent[at]!) if ((this.columns.flags[at]! & FLAG.frozen) !== 0) return true;
    return false;
  }

  /** cgroup.kill: all processes at or below the group are gone; page cache stays. */
  kill(row: number): void {
    this.#visitLeaves(row, (leaf) => this.#endProcesses(leaf));
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A file of the group as the kernel prints it. @throws RangeError for a file that the group does not have */
  file(row: number, name: string): string {
    this.#assertOpen(row);
    return renderFile(this, row, name);
  }

  get bursts(): BurstTable {
    return this.#bursts;
  }

  get cpusets(): CpusetTable {
    return this.#cpusets;
  }

  get pressure(): PressureTable {
    return this.#pressure;
  }

  /** Bytes of typed arrays. */
  get columnBytes(): number {
    return this.columns.bytes + this.#pressure.bytes + this.cpu.heapBytes;
  }

  save(): SavedTree {
    this.cpu.flush();
    return {
      columns: this.columns.save(),
      pressure: this.#pressure.save(),
      bursts: this.#bursts.save(),
      cpusets: this.#cpusets.save(),
      names: [...this.#names],
      free: [...this.#free],
      suspended: [...this.#suspended],
      made: this.#made,
      cpu: this.cpu.save(),
      memory: this.memory.records.save(),
      io: this.io.save(),
      pids: this.pids.save(),
      memoryStalls: this.memoryStalls.save(),
      ioStalls: this.ioStalls.save(),
    };
  }

  // ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #assertOpen(row: number): void {
    assert(row < this.columns.rows && (this.columns.flags[row]! & FLAG.open) !== 0, 'there is no such group', { row });
  }

  #open(parent: number, name: string, knobs: CgroupKnobs): number {
    const problem = problemOf(knobs, this.cpu.machine.cpus);
    assert(problem === undefined, problem ?? '', { group: name });
    const c = this.columns;
    const row = this.#free.pop() ?? c.rows++;
    c.reserve(row + 1);
    this.#names[row] = name;
    c.flags[row] = FLAG.open;
    c.parent[row] = parent;
    c.firstChild[row] = NONE;
    c.nextSibling[row] = NONE;
    c.weight[row] = WEIGHT_DEFAULT;
    c.pidsMax[row] = NONE;
    c.memoryMax[row] = Infinity;
    c.born[row] = this.cpu.at;
    c.width[row] = this.cpu.machine.cpus;
    if (parent !== NONE) {
      c.width[row] = c.width[parent]!;
      this.#link(parent, row);
    }
    this.cpu.added(row);
    this.#made++;
    this.#apply(row, knobs);
    return row;
  }

  #link(parent: number, row: number): void {
    const c = this.columns;
    c.flags[parent]! |= FLAG.inner;
    let last = c.firstChild[parent]!;
    if (last === NONE) {
      c.firstChild[parent] = row;
      return;
    }
    while (c.nextSibling[last] !== NONE) last = c.nextSibling[last]!;
    c.nextSibling[last] = row;
  }

  #unlink(row: number): void {
    const c = this.columns;
    const parent = c.parent[row]!;
    const after = c.nextSibling[row]!;
    if (c.firstChild[parent] === row) {
      c.firstChild[parent] = after;
      if (after === NONE) c.flags[parent]! &= ~FLAG.inner;
      return;
    }
    let before = c.firstChild[parent]!;
    while (c.nextSibling[before] !== row) before = c.nextSibling[before]!;
    c.nextSibling[before] = after;
  }

  #apply(row: number, knobs: CgroupKnobs): readonly OomKill[] {
    const c = this.columns;
    const { cpuWeight, cpuMax, cpuset, pidsMax, memoryMax, ioMax } = knobs;
    if (cpuWeight !== undefined || cpuMax !== undefined || cpuset !== undefined) {
      this.cpu.unbind(row);
      if (cpuWeight !== undefined) c.weight[row] = cpuWeight;
      if (cpuMax !== undefined) this.#applyCpuMax(row, cpuMax.quotaUs, cpuMax.periodUs ?? PERIOD_DEFAULT_US, cpuMax.burstUs ?? 0);
      if (cpuset !== undefined) {
        this.#cpusets.set(
          row,
          [...cpuset].sort((a, b) => a - b),
        );
        this.#widen(row);
      }
      this.cpu.bound(row);
    }
    if (pidsMax !== undefined) c.pidsMax[row] = pidsMax === Infinity ? NONE : pidsMax;
    if (needsRecord(knobs)) {
      const record = this.memory.records.get(row);
      record.min = knobs.memoryMin ?? record.min;
      record.low = knobs.memoryLow ?? record.low;
      record.high = knobs.memoryHigh ?? record.high;
      record.swapMax = knobs.memorySwapMax ?? record.swapMax;
      record.oomGroup = knobs.memoryOomGroup ?? record.oomGroup;
    }
    for (const [device, max] of Object.entries<IoMax>(ioMax ?? {})) this.io.setMax(row, device, max);
    if (memoryMax === undefined) return [];
    const kills = this.memory.setMax(row, memoryMax);
    this.#afterKills(kills);
    return kills;
  }

  /** The grid of periods has a phase of its own, drawn when a quota is first set; later changes keep it. */
  #applyCpuMax(row: number, quotaUs: number | undefined, periodUs: number, burstUs: number): void {
    const c = this.columns;
    const at = this.cpu.at;
    if (c.period[row] !== periodUs) c.boundary[row] = at + 1 + this.#rng.fork(`period/${this.#made}`).below(periodUs);
    c.period[row] = periodUs;
    c.quota[row] = quotaUs ?? 0;
    if (quotaUs !== undefined) c.flags[row]! |= FLAG.limited;
    c.pool[row] = (quotaUs ?? 0) * MILLION;
    c.flags[row]! &= ~(FLAG.throttled | FLAG.burst | FLAG.partial);
    if (quotaUs === undefined) c.flags[row]! &= ~FLAG.active;
    if (burstUs > 0 && quotaUs !== undefined) {
      c.flags[row]! |= FLAG.burst;
      this.#bursts.set(row, burstUs, quotaUs);
    } else this.#bursts.delete(row);
  }

  /** Moves the row's grid of periods, so that boundaries fall on `instant` and whole periods from it. */
  setPeriodPhase(row: number, instant: TimeUs): void {
    const c = this.columns;
    assert((c.flags[row]! & FLAG.active) === 0 && c.period[row]! > 0, 'the phase is set before the group runs', { group: this.path(row) });
    c.boundary[row] = instant;
  }

  #widen(row: number): void {
    const c = this.columns;
    c.width[row] = this.#cpusets.effective(c, row, this.cpu.machine.cpus).length;
    for (const child of this.children(row)) {
      this.#widen(child);
      this.cpu.bound(child);
    }
  }

  #setDemand(row: number, demand: Suspended): void {
    this.#assertOpen(row);
    assert(this.isLeaf(row), 'only groups without children have processes', { group: this.path(row) });
    this.memoryStalls.advance(this.cpu.at);
    this.ioStalls.advance(this.cpu.at);
    if (this.isFrozen(row)) this.#suspended.set(row, demand);
    else this.#applyDemand(row, demand);
    this.memoryStalls.refresh(row, this.cpu.at);
    this.ioStalls.refresh(row, this.cpu.at);
  }

  #applyDemand(row: number, { rate, threads, busy, targetUs }: Suspended): void {
    if (busy) this.cpu.demandThreads(row, threads, targetUs);
    else this.cpu.demandRate(row, rate);
  }

  #refreeze(leaf: number): void {
    const c = this.columns;
    const suspended = this.#suspended.get(leaf);
    if (!this.isFrozen(leaf)) {
      this.#suspended.delete(leaf);
      if (suspended !== undefined) this.#setDemand(leaf, suspended);
    } else if (suspended === undefined) {
      const busy = this.cpu.isBusy(leaf);
      this.#suspended.set(leaf, { rate: c.demand[leaf]!, threads: c.threads[leaf]!, busy, targetUs: c.target[leaf]! });
      if (busy) this.cpu.demandThreads(leaf, 0, Infinity);
      else this.cpu.demandRate(leaf, 0);
    }
  }

  #endProcesses(leaf: number): void {
    this.#suspended.delete(leaf);
    this.memoryStalls.cancel(leaf, this.cpu.at);
    this.ioStalls.cancel(leaf, this.cpu.at);
    this.cpu.stop(leaf);
    this.memory.exit(leaf);
    this.pids.exit(leaf, this.columns.pids[leaf]!);
  }

  #settleMemory(row: number, outcome: MemoryOutcome): MemoryOutcome {
    if (outcome.delayUs > 0) this.memoryStalls.begin(row, this.cpu.at, outcome.delayUs);
    if (outcome.kills.length > 0) this.#afterKills(outcome.kills);
    return outcome;
  }

  /** A killed main process runs no more. Everything else about its end is the caller's. */
  #afterKills(kills: readonly OomKill[]): void {
    for (const { row, pid } of kills) {
      if (pid !== 0) continue;
      this.memoryStalls.cancel(row, this.cpu.at);
      this.#suspended.delete(row);
      this.cpu.stop(row);
    }
  }

  #visitLeaves(row: number, body: (leaf: number) => void): void {
    if (this.isLeaf(row)) body(row);
    else for (const child of this.children(row)) this.#visitLeaves(child, body);
  }
}
