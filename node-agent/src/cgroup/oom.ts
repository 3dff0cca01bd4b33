/** The OOM killer's choice (mm/oom_kill.c, oom_badness and select_bad_process). */
import { type CgroupColumns, NONE } from './columns.ts';
import type { MemoryRecords } from './memory-record.ts';

export const PAGE_BYTES = 4096;
/** A process with this oom_score_adj is never chosen. */
export const OOM_NEVER = -1000;
/** Bytes that one page of page tables (512 entries) maps. */
const MAPPED_BY_TABLE = 512 * PAGE_BYTES;

/** A process: the leaf's row, and 0 for its main process or the number of another one. */
export interface Victim {
  readonly row: number;
  readonly pid: number;
  /** Pages it was judged by, oom_score_adj included. */
  readonly badness: number;
  readonly anon: number;
  readonly oomScoreAdj: number;
}

/** Pages of a process and its share of swap, moved by oom_score_adj thousandths of `totalBytes`. */
export function badnessOf(anon: number, swap: number, oomScoreAdj: number, totalBytes: number): number {
  const tables = Math.ceil(anon / MAPPED_BY_TABLE);
  const pages = Math.ceil(anon / PAGE_BYTES) + Math.ceil(swap / PAGE_BYTES) + tables;
  return pages + oomScoreAdj * Math.floor(Math.floor(totalBytes / PAGE_BYTES) / 1000);
}

/** The worst process below `row`, the first of equals; undefined when there is none to kill. */
export function chooseVictim(c: CgroupColumns, records: MemoryRecords, row: number, totalBytes: number): Victim | undefined {
  let worst: Victim | undefined;
  const judge = (leaf: number, pid: number, anon: number, swap: number, oomScoreAdj: number): void => {
    if (anon + swap === 0 || oomScoreAdj === OOM_NEVER) return;
    const badness = badnessOf(anon, swap, oomScoreAdj, totalBytes);
    if (worst === undefined || badness > worst.badness) worst = { row: leaf, pid, badness, anon, oomScoreAdj };
  };
  const visit = (at: number): void => {
    const record = records.peek(at);
    judge(at, 0, c.anon[at]!, record?.swap ?? 0, record?.oomScoreAdj ?? 0);
    for (const { pid, anon, oomScoreAdj } of record?.processes ?? []) judge(at, pid, anon, 0, oomScoreAdj);
    for (let child = c.firstChild[at]!; child !== NONE; child = c.nextSibling[child]!) visit(child);
  };
  visit(row);
  return worst;
}
