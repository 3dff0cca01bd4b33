/** Files of a group, as Linux 6.18 prints them. */
import { FLAG, NONE } from './columns.ts';
import { formatCpus } from './cpuset.ts';
import { PERIOD_DEFAULT_US } from './knobs.ts';
import type { MemoryEvents } from './memory-record.ts';
import { memoryStat } from './memory-stat.ts';
import type { PressureReading } from './pressure.ts';
import type { CgroupTree } from './tree.ts';

type Render = (tree: CgroupTree, row: number) => string;

const line = (value: number | string): string => `${value}\n`;
const orMax = (value: number): string => (value === Infinity ? 'max\n' : `${value}\n`);
const table = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([key, value]) => `${key} ${value}\n`)
    .join('');

/** `avg10=1.50`: 2048ths, cut after two digits. */
export function formatAverage(average: number): string {
  const hundredths = Math.floor(((average & 2047) * 100) / 2048);
  return `${average >> 11}.${String(hundredths).padStart(2, '0')}`;
}

function pressure({ averages, someUs, fullUs }: PressureReading): string {
  const text = (kind: string, from: number, total: number): string =>
    `${kind} avg10=${formatAverage(averages[from]!)} avg60=${formatAverage(averages[from + 1]!)} avg300=${formatAverage(averages[from + 2]!)} total=${total}\n`;
  return text('some', 0, someUs) + text('full', 3, fullUs);
}

const events = (of: MemoryEvents | undefined): string =>
  table({
    low: of?.low ?? 0,
    high: of?.high ?? 0,
    max: of?.max ?? 0,
    oom: of?.oom ?? 0,
    oom_kill: of?.oomKill ?? 0,
    oom_group_kill: of?.oomGroupKill ?? 0,
  });

/** Usage is all user time: the model does not tell the two apart. */
function cpuUsage(tree: CgroupTree, row: number): string {
  const usage = tree.cpu.usageAt(row);
  return table({ usage_usec: usage, user_usec: usage, system_usec: 0, nice_usec: 0 });
}

function cpuStat(tree: CgroupTree, row: number): string {
  const burst = tree.bursts.get(row);
  return (
    cpuUsage(tree, row) +
    table({
      nr_periods: tree.cpu.periodsAt(row),
      nr_throttled: tree.cpu.throttledPeriodsAt(row),
      throttled_usec: tree.cpu.throttledAt(row),
      nr_bursts: burst?.nrBursts ?? 0,
      burst_usec: burst?.burstUs ?? 0,
    })
  );
}

function ioMax(tree: CgroupTree, row: number): string {
  return tree.io
    .maxOf(row)
    .filter(([, max]) => Object.values(max).some((value) => value !== undefined))
    .map(([device, { rbps, wbps, riops, wiops }]) => {
      const value = (of: number | undefined): string => (of === undefined || of === Infinity ? 'max' : String(of));
      return `${device} rbps=${value(rbps)} wbps=${value(wbps)} riops=${value(riops)} wiops=${value(wiops)}\n`;
    })
    .join('');
}

const ioStat: Render = (tree, row) =>
  tree.io
    .countersOf(row)
    .filter(([, { rios, wios }]) => rios + wios > 0)
    .map(
      ([device, { rbytes, wbytes, rios, wios }]) =>
        `${device} rbytes=${rbytes} wbytes=${wbytes} rios=${rios} wios=${wios} dbytes=0 dios=0\n`,
    )
    .join('');

/** Files that the root group has too. */
const COMMON: Readonly<Record<string, Render>> = {
  'cgroup.controllers': () => 'cpuset cpu io memory pids\n',
  'cgroup.subtree_control': (tree, row) => (tree.isLeaf(row) ? '\n' : 'cpuset cpu io memory pids\n'),
  'cpuset.cpus.effective': (tree, row) => line(formatCpus(tree.cpusets.effective(tree.columns, row, tree.cpu.machine.cpus))),
  'memory.stat': memoryStat,
  'cpu.pressure': (tree, row) => pressure(tree.pressure.read(tree.columns.pressure[row]!, tree.cpu.at)),
  'memory.pressure': (tree, row) => pressure(tree.memoryStalls.read(row, tree.cpu.at)),
  'io.pressure': (tree, row) => pressure(tree.ioStalls.read(row, tree.cpu.at)),
  'io.stat': ioStat,
};

const ROOT_ONLY: Readonly<Record<string, Render>> = { 'cpu.stat': cpuUsage };

/** Files of all groups but the root. */
const BELOW_ROOT: Readonly<Record<string, Render>> = {
  'cgroup.type': () => 'domain\n',
  'cgroup.freeze': (tree, row) => line((tree.columns.flags[row]! & FLAG.frozen) === 0 ? 0 : 1),
  'cgroup.events': (tree, row) => table({ populated: tree.columns.pids[row]! > 0 ? 1 : 0, frozen: tree.isFrozen(row) ? 1 : 0 }),
  'cpu.stat': cpuStat,
  'cpu.stat.local': (tree, row) => table({ throttled_usec: tree.cpu.throttledLocalAt(row) }),
  'cpu.weight': ({ columns }, row) => line(columns.weight[row]!),
  'cpu.max': ({ columns: c }, row) => line(`${c.quota[row] === 0 ? 'max' : c.quota[row]!} ${c.period[row] || PERIOD_DEFAULT_US}`),
  'cpu.max.burst': (tree, row) => line(tree.bursts.get(row)?.limitUs ?? 0),
  'cpuset.cpus': (tree, row) => line(formatCpus(tree.cpusets.get(row) ?? [])),
  'memory.current': ({ columns }, row) => line(columns.memory[row]!),
  'memory.peak': ({ columns }, row) => line(columns.memoryPeak[row]!),
  'memory.min': ({ memory }, row) => orMax(memory.records.peek(row)?.min ?? 0),
  'memory.low': ({ memory }, row) => orMax(memory.records.peek(row)?.low ?? 0),
  'memory.high': ({ memory }, row) => orMax(memory.records.peek(row)?.high ?? Infinity),
  'memory.max': ({ columns }, row) => orMax(columns.memoryMax[row]!),
  'memory.swap.max': ({ memory }, row) => orMax(memory.records.peek(row)?.swapMax ?? Infinity),
  'memory.swap.current': ({ memory }, row) => line(memory.swapOf(row)),
  'memory.oom.group': ({ memory }, row) => line(memory.records.peek(row)?.oomGroup === true ? 1 : 0),
  'memory.events': ({ memory }, row) => events(memory.records.peek(row)?.events),
  'memory.events.local': ({ memory }, row) => events(memory.records.peek(row)?.localEvents),
  'pids.current': ({ columns }, row) => line(columns.pids[row]!),
  'pids.peak': ({ columns }, row) => line(columns.pidsPeak[row]!),
  'pids.max': ({ columns }, row) => orMax(columns.pidsMax[row] === NONE ? Infinity : columns.pidsMax[row]!),
  'pids.events': ({ pids }, row) => table({ max: pids.refusedAt(row) }),
  'io.max': ioMax,
};

const ROOT_FILES: Readonly<Record<string, Render>> = { ...COMMON, ...ROOT_ONLY };
const FILES: Readonly<Record<string, Render>> = { ...COMMON, ...BELOW_ROOT };
const filesOf = (row: number): Readonly<Record<string, Render>> => (row === 0 ? ROOT_FILES : FILES);

/** Names of the files that a group has, sorted. */
export const fileNames = (row: number): readonly string[] => Object.keys(filesOf(row)).sort();

/** A file's text. @throws RangeError for a file that the group does not have */
export function renderFile(tree: CgroupTree, row: number, name: string): string {
  const files = filesOf(row);
  if (!Object.hasOwn(files, name)) throw new RangeError(`${tree.path(row)} has no file ${name}; it has ${fileNames(row).join(', ')}`);
  return files[name]!(tree, row);
}
