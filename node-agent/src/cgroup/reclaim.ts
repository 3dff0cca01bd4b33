/**
 * Reclaim: clean pages of files read once go first, then files read again, then files not yet written back (at the
 * disk's speed), then swap. Groups give in proportion to what they have beyond their protection.
 */
import { type CgroupColumns, NONE } from './columns.ts';
import { activeFile, type CachedFile, dirtyFile, inactiveFile, type MemoryRecord, type MemoryRecords } from './memory-record.ts';

export interface Reclaimed {
  readonly bytes: number;
  /** Of these, written to the disk (files not yet written back, swap). */
  readonly writtenBytes: number;
}

/** What one pass takes from a group. */
type Source = 'inactive' | 'active' | 'dirty' | 'swap';
const ORDER: readonly Source[] = ['inactive', 'active', 'dirty', 'swap'];

interface Donor {
  readonly row: number;
  readonly record: MemoryRecord;
  /** Bytes that are not protected. */
  readonly beyond: number;
}

/**
 * Effective protection (mm/page_counter.c, effective_protection): a group's own setting, at most its use, scaled down
 * where siblings claim more than the parent has. `root` is the group whose limit was hit: its own protection, and any
 * above, does not count.
 */
function donorsOf(
  c: CgroupColumns,
  records: MemoryRecords,
  root: number,
  kind: 'min' | 'low',
  swapFree: (row: number) => number,
): readonly Donor[] {
  const donors: Donor[] = [];
  const visit = (row: number, protection: number): void => {
    const hasFiles = (records.peek(row)?.files.length ?? 0) > 0;
    if (hasFiles || (c.anon[row]! > 0 && swapFree(row) > 0))
      donors.push({ row, record: records.get(row), beyond: Math.max(0, c.memory[row]! - protection) });
    const claims: (readonly [number, number])[] = [];
    let claimed = 0;
    for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) {
      const knobs = records.peek(child);
      const setting = Math.max(knobs?.min ?? 0, kind === 'low' ? (knobs?.low ?? 0) : 0);
      const claim = Math.min(c.memory[child]!, setting);
      claims.push([child, claim]);
      claimed += claim;
    }
    // Children of the group under reclaim have what they ask for; further down a parent passes on what it has itself.
    for (const [child, claim] of claims)
      visit(child, row === root || claimed <= protection ? claim : Math.floor((claim / claimed) * protection));
  };
  visit(root, 0);
  return donors;
}

/** Frees up to `need` bytes below `root`; the groups' memory columns go down with it. */
export function reclaim(
  c: CgroupColumns,
  records: MemoryRecords,
  root: number,
  need: number,
  swapFree: (row: number) => number,
): Reclaimed {
  let bytes = 0;
  let writtenBytes = 0;
  for (const kind of ['low', 'min'] as const) {
    for (const source of ORDER) {
      if (bytes >= need) return { bytes, writtenBytes };
      const freed = takeFrom(c, donorsOf(c, records, root, kind, swapFree), source, need - bytes, swapFree);
      bytes += freed;
      if (source === 'dirty' || source === 'swap') writtenBytes += freed;
      if (freed > 0 && kind === 'min') countLow(c, records, root);
    }
  }
  return { bytes, writtenBytes };
}

/** memory.low was not respected: counted where it is set. */
function countLow(c: CgroupColumns, records: MemoryRecords, row: number): void {
  const record = records.peek(row);
  if (record !== undefined && record.low > 0) {
    record.localEvents.low++;
    for (let at = row; at !== NONE; at = c.parent[at]!) records.get(at).events.low++;
  }
  for (let child = c.firstChild[row]!; child !== NONE; child = c.nextSibling[child]!) countLow(c, records, child);
}

function takeFrom(c: CgroupColumns, donors: readonly Donor[], source: Source, need: number, swapFree: (row: number) => number): number {
  const offers = donors.map(({ row, record, beyond }) => Math.min(beyond, available(c, row, record, source, swapFree)));
  const total = offers.reduce((sum, offer) => sum + offer, 0);
  if (total === 0) return 0;
  const goal = Math.min(need, total);
  let freed = 0;
  donors.forEach(({ row, record }, index) => {
    const part = Math.min(offers[index]!, goal - freed, Math.ceil((offers[index]! / total) * goal));
    take(c, row, record, source, part);
    freed += part;
  });
  return freed;
}

function available(c: CgroupColumns, row: number, record: MemoryRecord, source: Source, swapFree: (row: number) => number): number {
  switch (source) {
    case 'inactive':
      return inactiveFile(record) - dirtyFile(record);
    case 'active':
      return activeFile(record);
    case 'dirty':
      return dirtyFile(record);
    case 'swap':
      return Math.min(c.anon[row]!, swapFree(row));
  }
}

function take(c: CgroupColumns, row: number, record: MemoryRecord, source: Source, bytes: number): void {
  if (bytes === 0) return;
  if (source === 'swap') {
    c.anon[row]! -= bytes;
    record.swap += bytes;
  } else {
    let left = bytes;
    for (const file of record.files) {
      const part = Math.min(left, source === 'inactive' ? file.inactive - file.dirty : source === 'active' ? file.active : file.dirty);
      shrink(file, source, part);
      left -= part;
    }
  }
  record.scanned += bytes;
  record.stolen += bytes;
  for (let at = row; at !== NONE; at = c.parent[at]!) c.memory[at]! -= bytes;
}

function shrink(file: CachedFile, source: 'inactive' | 'active' | 'dirty', bytes: number): void {
  if (source === 'active') file.active -= bytes;
  else file.inactive -= bytes;
  if (source === 'dirty') file.dirty -= bytes;
  file.evicted += bytes;
}
