/** memory.stat: all keys of Linux 6.18 in their order (mm/memcontrol.c); what the model does not have is 0. */
import { NONE } from './columns.ts';
import type { MemoryRecord } from './memory-record.ts';
import { PAGE_BYTES } from './oom.ts';
import type { CgroupTree } from './tree.ts';

const KEYS =
  'anon file kernel kernel_stack pagetables sec_pagetables percpu sock vmalloc shmem zswap zswapped file_mapped file_dirty file_writeback ' +
  'swapcached anon_thp file_thp shmem_thp inactive_anon active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable ' +
  'slab workingset_refault_anon workingset_refault_file workingset_activate_anon workingset_activate_file workingset_restore_anon ' +
  'workingset_restore_file workingset_nodereclaim pgdemote_kswapd pgdemote_direct pgdemote_khugepaged pgdemote_proactive pgscan pgsteal ' +
  'pgscan_kswapd pgscan_direct pgscan_khugepaged pgscan_proactive pgsteal_kswapd pgsteal_direct pgsteal_khugepaged pgsteal_proactive ' +
  'pgfault pgmajfault pgrefill pgactivate pgdeactivate pglazyfree pglazyfreed swpin_zero swpout_zero zswpin zswpout zswpwb ' +
  'thp_fault_alloc thp_collapse_alloc thp_swpout thp_swpout_fallback';

const pages = (bytes: number): number => Math.floor(bytes / PAGE_BYTES);

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

function addRecord(sums: Map<string, number>, record: MemoryRecord): void {
  for (const { anon } of record.processes) {
    add(sums, 'anon', anon);
    add(sums, 'inactive_anon', anon);
  }
  for (const { inactive, active, dirty } of record.files) {
    add(sums, 'file', inactive + active);
    add(sums, 'inactive_file', inactive);
    add(sums, 'active_file', active);
    add(sums, 'file_dirty', dirty);
  }
  add(sums, 'kernel', record.kernel);
  add(sums, 'workingset_refault_file', record.refaults);
  add(sums, 'workingset_activate_file', record.activations);
  for (const key of ['pgscan', 'pgscan_direct']) add(sums, key, pages(record.scanned));
  for (const key of ['pgsteal', 'pgsteal_direct']) add(sums, key, pages(record.stolen));
  add(sums, 'pgfault', record.faults);
  add(sums, 'pgmajfault', record.majorFaults);
  add(sums, 'pgactivate', record.activations);
}

/** The file's text; sums over all groups below. */
export function memoryStat(tree: CgroupTree, row: number): string {
  const sums = new Map<string, number>();
  const visit = (at: number): void => {
    add(sums, 'anon', tree.columns.anon[at]!);
    add(sums, 'inactive_anon', tree.columns.anon[at]!);
    const record = tree.memory.records.peek(at);
    if (record !== undefined) addRecord(sums, record);
    for (let child = tree.columns.firstChild[at]!; child !== NONE; child = tree.columns.nextSibling[child]!) visit(child);
  };
  visit(row);
  return KEYS.split(' ')
    .map((key) => `${key} ${sums.get(key) ?? 0}\n`)
    .join('');
}
