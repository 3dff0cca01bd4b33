/** Parameters of a workload: one table that reads, checks and documents them. */
import type { Distribution } from '@paperfleet/core';
import type { WorkloadProfile } from './profile.ts';
import { readBytes, readCpu, readDistribution, readDuration, readShare, showBytes, showDistribution, showDuration } from './quantity.ts';

/** A kind of value: how it is read, spelled for people and shown. */
interface Kind {
  readonly read: (value: unknown) => unknown;
  readonly form: string;
  readonly show: (value: never) => string;
}
const kind = <T>(read: (value: unknown) => T | undefined, form: string, show: (value: T) => string): Kind => ({ read, form, show });
const integer =
  (min: number, max: number) =>
  (value: unknown): number | undefined =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max ? value : undefined;

const CPU: Kind = kind(readCpu, "cores: 0.25 or '250m'", (value: number) => `${value / 1e9}`);
const BYTES: Kind = kind(readBytes, "bytes: '64MiB'", showBytes);
const DURATION: Kind = kind(readDuration, "a duration: '30s', '250ms'", showDuration);
const TIMES: Kind = kind<Distribution>(
  readDistribution,
  "a duration or distribution: '3s', {uniform: ['1s', '5s']}, {exponential: '8ms'}, {lognormal: {p50: '2s', p99: '9s'}}",
  showDistribution,
);
const SHARE: Kind = kind(readShare, 'a share from 0 to 1', (value: number) => `${value / 1000}`);
const EXIT_CODE: Kind = kind(integer(0, 255), 'an exit code from 0 to 255', String);
const COUNT: Kind = kind(integer(1, 1_000_000), 'a whole number from 1 to 1000000', String);
const FLAG: Kind = kind((value) => (typeof value === 'boolean' ? value : undefined), 'true or false', String);

export interface Parameter {
  readonly name: string;
  readonly field: keyof WorkloadProfile;
  readonly kind: Kind;
  readonly help: string;
}

/** All parameters, in the order shown. */
export const PARAMETERS: readonly Parameter[] = [
  { name: 'cpuBase', field: 'baseCpuNano', kind: CPU, help: 'CPU when idle' },
  { name: 'cpuJitter', field: 'jitterPermille', kind: SHARE, help: 'how far the idle CPU wanders, as a share of it' },
  { name: 'cpuPerRequest', field: 'requestCpuUs', kind: DURATION, help: 'CPU time of a request' },
  { name: 'requestTime', field: 'requestUs', kind: DURATION, help: 'time a request spends inside when nothing waits' },
  { name: 'concurrency', field: 'concurrency', kind: COUNT, help: 'requests in flight at most' },
  { name: 'memoryBase', field: 'memoryBytes', kind: BYTES, help: 'memory once booted' },
  { name: 'memoryPlateau', field: 'memoryPlateauBytes', kind: BYTES, help: 'memory it grows to' },
  { name: 'memoryGrowth', field: 'memoryGrowthUs', kind: DURATION, help: 'time it takes to grow there' },
  { name: 'memoryPerRequest', field: 'requestMemoryBytes', kind: BYTES, help: 'memory of a request in flight' },
  { name: 'leakPerSecond', field: 'leakBytesPerSecond', kind: BYTES, help: 'memory lost every second and never given back' },
  { name: 'start', field: 'startUs', kind: TIMES, help: 'from the start order until the process runs' },
  { name: 'boot', field: 'bootUs', kind: TIMES, help: 'from then until the program answers' },
  { name: 'cpuBoot', field: 'bootCpuNano', kind: CPU, help: 'CPU while booting' },
  { name: 'stop', field: 'stopUs', kind: TIMES, help: 'from the stop signal until it ends' },
  { name: 'stopExitCode', field: 'stopExitCode', kind: EXIT_CODE, help: 'exit code after the stop signal' },
  { name: 'ignoreStop', field: 'ignoresStop', kind: FLAG, help: 'does not react to the stop signal; it is killed after the grace period' },
  { name: 'exitAfter', field: 'exitAfterUs', kind: TIMES, help: 'ends by itself after this long' },
  { name: 'exitCode', field: 'exitCode', kind: EXIT_CODE, help: 'exit code when it ends by itself' },
  { name: 'failRate', field: 'failPermille', kind: SHARE, help: 'share of runs that end with failCode instead of exitCode' },
  { name: 'failCode', field: 'failCode', kind: EXIT_CODE, help: 'exit code of a run that fails' },
  { name: 'hangAfter', field: 'hangAfterUs', kind: DURATION, help: 'from this age on probes time out and the stop signal has no effect' },
  { name: 'probeFailRate', field: 'probeFailPermille', kind: SHARE, help: 'share of health probes that fail' },
  { name: 'probeTime', field: 'probeUs', kind: DURATION, help: 'time a health probe takes' },
];
const byName = new Map(PARAMETERS.map((parameter) => [parameter.name, parameter]));

/** A parameter that cannot be used: where and what to do. */
export interface ParameterProblem {
  readonly parameter: string;
  readonly message: string;
}

/** Reads parameters over a profile. */
export function applyParameters(
  base: WorkloadProfile,
  parameters: Readonly<Record<string, unknown>>,
): { readonly profile: WorkloadProfile; readonly problems: readonly ParameterProblem[] } {
  const problems: ParameterProblem[] = [];
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(parameters)) {
    const parameter = byName.get(name);
    if (parameter === undefined) {
      problems.push({
        parameter: name,
        message: `unknown workload parameter '${name}'; known: ${PARAMETERS.map((known) => known.name).join(', ')}`,
      });
      continue;
    }
    const read = parameter.kind.read(value);
    if (read === undefined)
      problems.push({
        parameter: name,
        message: `workload parameter '${name}' must be ${parameter.kind.form}, not ${JSON.stringify(value)}`,
      });
    else fields[parameter.field] = read;
  }
  // A run that ends by a rate needs an end; without one it would never be drawn.
  if (fields['failPermille'] !== undefined && fields['exitAfterUs'] === undefined && base.exitAfterUs === undefined) {
    problems.push({ parameter: 'failRate', message: "workload parameter 'failRate' needs 'exitAfter': a run can only fail when it ends" });
  }
  return { profile: { ...base, ...(fields as Partial<WorkloadProfile>) }, problems };
}
