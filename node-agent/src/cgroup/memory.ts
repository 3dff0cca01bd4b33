/**
 * Memory of one node: charges against every limit above a leaf, reclaim, sleeps above memory.high, and the OOM killer.
 * All amounts are bytes. Operations take effect at once; how long the process sleeps for them is returned and counted as
 * pressure.
 */
import { type CgroupColumns, NONE } from './columns.ts';
import { delayOfGrowth } from './memory-high.ts';
import { type CachedFile, type MemoryEvents, type MemoryRecord, MemoryRecords } from './memory-record.ts';
import { chooseVictim, PAGE_BYTES } from './oom.ts';
import { reclaim, type Reclaimed } from './reclaim.ts';

export interface MemoryMachine {
  readonly memoryBytes: number;
  /** 0: no swap. */
  readonly swapBytes: number;
  /** Speed of writing back dirty pages and swap, bytes per second. */
  readonly diskWriteBps: number;
}

/** A process that the OOM killer took. Its memory is free already. */
export interface OomKill {
  /** The leaf, and 0 for its main process or the number of another one. */
  readonly row: number;
  readonly pid: number;
  /** The group whose limit was hit; 0: the node itself. */
  readonly limitRow: number;
  /** Pages it was judged by; undefined when it died with its memory.oom.group. */
  readonly badness: number | undefined;
  readonly anonBytes: number;
  readonly oomScoreAdj: number;
}

export interface MemoryOutcome {
  /** False when the process itself was killed, or could not be served and nobody could be killed. */
  readonly ok: boolean;
  readonly kills: readonly OomKill[];
  /** How long the process sleeps: reclaim of dirty pages, memory.high. */
  readonly delayUs: number;
}

export interface ReadOutcome extends MemoryOutcome {
  readonly hitBytes: number;
  readonly missBytes: number;
}

/** Clean pages are dropped at some 4 GiB/s: 24 MiB took 2 to 9 ms. */
const RECLAIM_BPS = 4 * 2 ** 30;
const NO_KILLS: readonly OomKill[] = [];
const DONE: MemoryOutcome = { ok: true, kills: NO_KILLS, delayUs: 0 };

export class MemoryModel {
  readonly records: MemoryRecords;
  readonly #columns: CgroupColumns;
  readonly #machine: MemoryMachine;
  /** mm/page_alloc.c: min_free_kbytes = 4 √(KiB of memory); kswapd wakes at 5/4 of it and stops at 3/2. */
  readonly #minFree: number;

  constructor(machine: MemoryMachine, columns: CgroupColumns, saved?: readonly (readonly [number, MemoryRecord])[]) {
    this.#machine = machine;
    this.#columns = columns;
    this.records = new MemoryRecords(saved);
    this.#minFree = Math.floor(4 * Math.sqrt(machine.memoryBytes / 1024)) * 1024;
  }

  /** Bytes of RAM that groups can have: all but the kernel's reserve. */
  get usableBytes(): number {
    return this.#machine.memoryBytes - this.#minFree;
  }

  /** Anonymous memory of a process grows. */
  grow(row: number, bytes: number, pid = 0): MemoryOutcome {
    const outcome = this.#charge(row, bytes, pid);
    if (!outcome.ok) return outcome;
    if (pid === 0) this.#columns.anon[row]! += bytes;
    else this.#processOf(row, pid).anon += bytes;
    if (bytes > 0 && this.records.peek(row) !== undefined) this.records.get(row).faults += Math.ceil(bytes / PAGE_BYTES);
    return outcome;
  }

  /** A process gives anonymous memory back, swapped pages last. */
  shrink(row: number, bytes: number, pid = 0): void {
    const c = this.#columns;
    const had = pid === 0 ? c.anon[row]! : this.#processOf(row, pid).anon;
    const resident = Math.min(bytes, had);
    if (pid === 0) c.anon[row]! -= resident;
    else this.#processOf(row, pid).anon -= resident;
    this.#uncharge(row, resident);
    const record = this.records.peek(row);
    if (record !== undefined && pid === 0) record.swap -= Math.min(record.swap, bytes - resident);
  }

  /** Sets the main process's anonymous memory. */
  setAnon(row: number, bytes: number): MemoryOutcome {
    const record = this.records.peek(row);
    const has = this.#columns.anon[row]! + (record?.swap ?? 0);
    if (bytes > has) return this.grow(row, bytes - has);
    this.shrink(row, has - bytes);
    return DONE;
  }

  /** Kernel memory (stacks, page tables, slab) of the leaf. */
  growKernel(row: number, bytes: number): MemoryOutcome {
    const outcome = this.#charge(row, bytes, 0);
    if (outcome.ok) this.records.get(row).kernel += bytes;
    return outcome;
  }

  shrinkKernel(row: number, bytes: number): void {
    const record = this.records.get(row);
    const freed = Math.min(bytes, record.kernel);
    record.kernel -= freed;
    this.#uncharge(row, freed);
  }

  /** Starts another process in the leaf; returns its number. */
  addProcess(row: number, oomScoreAdj: number): number {
    const record = this.records.get(row);
    const pid = record.nextPid++;
    record.processes.push({ pid, anon: 0, oomScoreAdj });
    return pid;
  }

  /** Another process of the leaf has ended. */
  removeProcess(row: number, pid: number): void {
    this.shrink(row, this.#processOf(row, pid).anon, pid);
    const { processes } = this.records.get(row);
    processes.splice(
      processes.findIndex((process) => process.pid === pid),
      1,
    );
  }

  /**
   * Reads a file once from its start. A scan of more than fits pushes out its own beginning, so the next one finds
   * nothing; pages found are active from then on.
   */
  readFile(row: number, name: string, bytes: number): ReadOutcome {
    const file = this.#fileOf(row, name);
    const record = this.records.get(row);
    const cached = Math.min(bytes, file.inactive + file.active);
    const complete = cached === bytes;
    const hitBytes = complete ? bytes : 0;
    const promoted = complete ? Math.min(file.inactive, bytes - Math.min(bytes, file.active)) : 0;
    file.inactive -= promoted;
    file.active += promoted;
    file.dirty = Math.min(file.dirty, file.inactive);
    record.activations += Math.ceil(promoted / PAGE_BYTES);
    if (complete) return { ...DONE, hitBytes, missBytes: 0 };
    record.refaults += Math.ceil(Math.min(bytes, cached + file.evicted) / PAGE_BYTES);
    record.majorFaults += Math.ceil(bytes / PAGE_BYTES);
    file.evicted = 0;
    const outcome = this.#cache(row, file, bytes - cached, 0);
    return { ...outcome, hitBytes, missBytes: bytes };
  }

  /** Appends to a file: its pages are dirty until reclaim or `writeBack` writes them. */
  writeFile(row: number, name: string, bytes: number): MemoryOutcome {
    return this.#cache(row, this.#fileOf(row, name), bytes, bytes);
  }

  /** Dirty pages of the leaf have reached the disk. */
  writeBack(row: number, bytes: number): void {
    let left = bytes;
    for (const file of this.records.get(row).files) {
      const part = Math.min(left, file.dirty);
      file.dirty -= part;
      left -= part;
    }
  }

  /** Drops a file's pages from the cache (fadvise, removal of the file). */
  dropFile(row: number, name: string): void {
    const { files } = this.records.get(row);
    const index = files.findIndex((file) => file.name === name);
    if (index < 0) return;
    const [file] = files.splice(index, 1);
    this.#uncharge(row, file!.inactive + file!.active);
  }

  /** Everything that the leaf holds is given back: its group is removed. */
  clear(row: number): void {
    this.#uncharge(row, this.#columns.memory[row]!);
    this.#columns.anon[row] = 0;
    this.records.delete(row);
  }

  /** All processes of the leaf are gone; its page cache stays. */
  exit(row: number): void {
    const record = this.records.peek(row);
    for (const { pid } of [...(record?.processes ?? [])]) this.removeProcess(row, pid);
    this.shrink(row, this.#columns.anon[row]! + (record?.swap ?? 0));
    if (record !== undefined) this.shrinkKernel(row, record.kernel);
  }

  /** memory.max was written: takes effect at once, by reclaim and then by the OOM killer. */
  setMax(row: number, bytes: number): readonly OomKill[] {
    const c = this.#columns;
    c.memoryMax[row] = bytes;
    const kills: OomKill[] = [];
    if (c.memory[row]! <= bytes) return kills;
    this.#reclaim(row, c.memory[row]! - bytes);
    while (c.memory[row]! > bytes) {
      const dead = this.#killBelow(row);
      if (dead.length === 0) return kills;
      kills.push(...dead);
    }
    return kills;
  }

  /** memory.current of the leaf without what reclaim would take first. */
  workingSet(row: number): number {
    let inactive = 0;
    this.#visit(row, (record) => {
      for (const file of record.files) inactive += file.inactive;
    });
    return Math.max(0, this.#columns.memory[row]! - inactive);
  }

  /** Swapped bytes at or below the row. */
  swapOf(row: number): number {
    let swap = 0;
    this.#visit(row, (record) => {
      swap += record.swap;
    });
    return swap;
  }

  #visit(row: number, body: (record: MemoryRecord) => void): void {
    const record = this.records.peek(row);
    if (record !== undefined) body(record);
    const c = this.#columns;
    for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) this.#visit(child, body);
  }

  #processOf(row: number, pid: number): { anon: number } {
    const process = this.records.peek(row)?.processes.find((one) => one.pid === pid);
    if (process === undefined) throw new RangeError(`group ${row} has no process ${pid}`);
    return process;
  }

  #fileOf(row: number, name: string): CachedFile {
    const { files } = this.records.get(row);
    let file = files.find((one) => one.name === name);
    if (file === undefined) {
      file = { name, inactive: 0, active: 0, dirty: 0, evicted: 0 };
      files.push(file);
    }
    return file;
  }

  /** Puts pages of a file into the cache, as many as fit; a stream longer than that pushes out its own pages. */
  #cache(row: number, file: CachedFile, bytes: number, dirty: number): MemoryOutcome {
    const kills: OomKill[] = [];
    let delayUs = 0;
    let left = bytes;
    // In steps, because the pages just read are the first to be pushed out by the next ones.
    const step = Math.max(PAGE_BYTES, Math.min(bytes, 2 ** 20));
    while (left > 0) {
      const part = Math.min(step, left);
      const outcome = this.#charge(row, part, 0);
      kills.push(...outcome.kills);
      delayUs += outcome.delayUs;
      if (!outcome.ok) return { ok: false, kills, delayUs };
      file.inactive += part;
      file.dirty += Math.min(dirty, part);
      left -= part;
    }
    return { ok: true, kills, delayUs };
  }

  /** Charges bytes to the leaf and everything above it, making room where a limit is hit. */
  #charge(row: number, bytes: number, pid: number): MemoryOutcome {
    if (bytes <= 0) return DONE;
    const c = this.#columns;
    const kills: OomKill[] = [];
    let delayUs = 0;
    for (;;) {
      const limitRow = this.#limitHit(row, bytes);
      if (limitRow === NONE) break;
      const need = c.memory[limitRow]! + bytes - this.#maxOf(limitRow);
      if (limitRow !== 0) this.#event(limitRow, 'max');
      const freed = this.#reclaim(limitRow, need);
      delayUs += this.#reclaimTime(freed);
      if (freed.bytes >= need) continue;
      const dead = this.#killBelow(limitRow);
      kills.push(...dead);
      if (dead.length === 0 || dead.some((kill) => kill.row === row && kill.pid === pid)) return { ok: false, kills, delayUs };
    }
    for (let at = row; at !== NONE; at = c.parent[at]!) {
      c.memory[at]! += bytes;
      if (c.memory[at]! > c.memoryPeak[at]!) c.memoryPeak[at] = c.memory[at]!;
    }
    this.#background();
    return { ok: true, kills, delayUs: delayUs + this.#highDelay(row, bytes) };
  }

  /** The lowest group at or above the row whose limit these bytes would pass; NONE when there is none. */
  #limitHit(row: number, bytes: number): number {
    const c = this.#columns;
    for (let at = row; at !== NONE; at = c.parent[at]!) if (c.memory[at]! + bytes > this.#maxOf(at)) return at;
    return NONE;
  }

  #maxOf(row: number): number {
    return row === 0 ? this.usableBytes : this.#columns.memoryMax[row]!;
  }

  #uncharge(row: number, bytes: number): void {
    const c = this.#columns;
    for (let at = row; at !== NONE; at = c.parent[at]!) c.memory[at]! -= bytes;
  }

  #reclaim(row: number, need: number): Reclaimed {
    return reclaim(this.#columns, this.records, row, need, (leaf) => this.#swapFree(leaf));
  }

  #reclaimTime({ bytes, writtenBytes }: Reclaimed): number {
    const written = Math.floor((writtenBytes * 1_000_000) / this.#machine.diskWriteBps);
    return Math.floor((bytes * 1_000_000) / RECLAIM_BPS) + written;
  }

  /** Bytes that a leaf may still swap out. */
  #swapFree(leaf: number): number {
    if (this.#machine.swapBytes === 0) return 0;
    let free = this.#machine.swapBytes - this.swapOf(0);
    for (let at = leaf; at !== NONE && at !== 0; at = this.#columns.parent[at]!) {
      const max = this.records.peek(at)?.swapMax ?? Infinity;
      if (max !== Infinity) free = Math.min(free, max - this.swapOf(at));
    }
    return Math.max(0, free);
  }

  /** kswapd: keeps some memory free, without making anybody wait. */
  #background(): void {
    const free = this.#machine.memoryBytes - this.#columns.memory[0]!;
    if (free * 4 < this.#minFree * 5) this.#reclaim(0, Math.floor((this.#minFree * 3) / 2) - free);
  }

  /** Above memory.high anywhere: reclaim first, then the longest of the sleeps. */
  #highDelay(row: number, grown: number): number {
    const c = this.#columns;
    let delay = 0;
    for (let at = row; at !== NONE; at = c.parent[at]!) {
      const high = this.records.peek(at)?.high ?? Infinity;
      if (c.memory[at]! <= high) continue;
      this.#event(at, 'high');
      const time = this.#reclaimTime(this.#reclaim(at, c.memory[at]! - high));
      delay = Math.max(delay, time + delayOfGrowth(c.memory[at]!, grown, high));
    }
    return delay;
  }

  /** The OOM killer at a limit: one process, or a whole memory.oom.group. */
  #killBelow(limitRow: number): readonly OomKill[] {
    const { memoryBytes, swapBytes } = this.#machine;
    const total = limitRow === 0 ? memoryBytes + swapBytes : this.#columns.memoryMax[limitRow]!;
    this.#event(limitRow, 'oom');
    const victim = chooseVictim(this.#columns, this.records, limitRow, total);
    if (victim === undefined) return NO_KILLS;
    const group = this.#oomGroup(victim.row, limitRow);
    const kills = [this.#kill(victim.row, victim.pid, limitRow, victim.badness)];
    if (group === NONE) return kills;
    this.#event(group, 'oomGroupKill');
    this.#killAll(group, limitRow, kills);
    return kills;
  }

  /** The highest group with memory.oom.group from the victim up to the limit; NONE when there is none. */
  #oomGroup(row: number, limitRow: number): number {
    let group = NONE;
    for (let at = row; at !== NONE; at = this.#columns.parent[at]!) {
      if (this.records.peek(at)?.oomGroup === true) group = at;
      if (at === limitRow) break;
    }
    return group;
  }

  #killAll(row: number, limitRow: number, kills: OomKill[]): void {
    const c = this.#columns;
    if (c.anon[row]! > 0) kills.push(this.#kill(row, 0, limitRow, undefined));
    for (const { pid } of [...(this.records.peek(row)?.processes ?? [])]) kills.push(this.#kill(row, pid, limitRow, undefined));
    for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) this.#killAll(child, limitRow, kills);
  }

  #kill(row: number, pid: number, limitRow: number, badness: number | undefined): OomKill {
    const record = this.records.get(row);
    const process = pid === 0 ? undefined : record.processes.find((one) => one.pid === pid);
    const anonBytes = process?.anon ?? this.#columns.anon[row]!;
    const oomScoreAdj = process?.oomScoreAdj ?? record.oomScoreAdj;
    if (pid === 0) this.shrink(row, this.#columns.anon[row]! + record.swap);
    else this.removeProcess(row, pid);
    this.#event(row, 'oomKill');
    return { row, pid, limitRow, badness, anonBytes, oomScoreAdj };
  }

  #event(row: number, event: keyof MemoryEvents): void {
    this.records.get(row).localEvents[event]++;
    for (let at = row; at !== NONE; at = this.#columns.parent[at]!) this.records.get(at).events[event]++;
  }
}
