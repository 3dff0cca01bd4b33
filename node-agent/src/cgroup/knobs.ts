/** What can be set for a group, with the kernel's names and defaults. */

export interface CpuMax {
  /** µs of CPU time per period; undefined: no quota ("max"). 1000 and more. */
  readonly quotaUs?: number;
  /** 1 ms to 1 s. */
  readonly periodUs?: number;
  /** cpu.max.burst, µs, at most the quota. */
  readonly burstUs?: number;
}

/** Limits of one device, per second; undefined: none. */
export interface IoMax {
  readonly rbps?: number;
  readonly wbps?: number;
  readonly riops?: number;
  readonly wiops?: number;
}

export interface CgroupKnobs {
  /** cpu.weight, 1 to 10000. */
  readonly cpuWeight?: number;
  readonly cpuMax?: CpuMax;
  /** cpuset.cpus: numbers of CPUs. */
  readonly cpuset?: readonly number[];
  /** Bytes. */
  readonly memoryMin?: number;
  readonly memoryLow?: number;
  readonly memoryHigh?: number;
  readonly memoryMax?: number;
  readonly memorySwapMax?: number;
  readonly memoryOomGroup?: boolean;
  readonly pidsMax?: number;
  /** By device, '8:0'. */
  readonly ioMax?: Readonly<Record<string, IoMax>>;
}

export const PERIOD_DEFAULT_US = 100_000;
const PERIOD_MIN_US = 1000;
const PERIOD_MAX_US = 1_000_000;
const QUOTA_MIN_US = 1000;

/** What is wrong with settings, in words; undefined when nothing is. */
export function problemOf(knobs: CgroupKnobs, cpus: number): string | undefined {
  const { cpuWeight, cpuMax, cpuset } = knobs;
  if (cpuWeight !== undefined && !within(cpuWeight, 1, 10_000)) return `cpu.weight must be an integer from 1 to 10000, not ${cpuWeight}`;
  const cpuProblem = cpuMax === undefined ? undefined : problemOfCpuMax(cpuMax);
  if (cpuProblem !== undefined) return cpuProblem;
  const badCpu = cpuset?.find((cpu) => !within(cpu, 0, cpus - 1));
  if (badCpu !== undefined) return `cpuset.cpus names CPU ${badCpu}, the node has 0-${cpus - 1}`;
  const amounts = { 'memory.min': knobs.memoryMin, 'memory.low': knobs.memoryLow, 'memory.high': knobs.memoryHigh };
  const limits = { ...amounts, 'memory.max': knobs.memoryMax, 'memory.swap.max': knobs.memorySwapMax, 'pids.max': knobs.pidsMax };
  for (const [name, value] of Object.entries(limits))
    if (value !== undefined && value !== Infinity && !within(value, 0, Number.MAX_SAFE_INTEGER))
      return `${name} must be an integer from 0 or max, not ${value}`;
  for (const [device, max] of Object.entries(knobs.ioMax ?? {}))
    for (const [name, value] of Object.entries(max))
      if (value !== undefined && value !== Infinity && !within(value as number, 1, Number.MAX_SAFE_INTEGER))
        return `io.max ${device} ${name} must be an integer from 1 or max, not ${String(value)}`;
  return undefined;
}

function problemOfCpuMax({ quotaUs, periodUs = PERIOD_DEFAULT_US, burstUs }: CpuMax): string | undefined {
  if (!within(periodUs, PERIOD_MIN_US, PERIOD_MAX_US)) return `the period of cpu.max must be from 1000 to 1000000 µs, not ${periodUs}`;
  if (quotaUs !== undefined && !within(quotaUs, QUOTA_MIN_US, 0xffff_fffe))
    return `the quota of cpu.max must be 1000 µs or more, not ${quotaUs}`;
  if (burstUs !== undefined && !within(burstUs, 0, quotaUs ?? 0)) return `cpu.max.burst must be from 0 to the quota, not ${burstUs}`;
  return undefined;
}

const within = (value: number, min: number, max: number): boolean => Number.isInteger(value) && value >= min && value <= max;
