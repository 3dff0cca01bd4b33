/** Machines for `paperfleet up` and `paperfleet agent`, from options as people write them. Pure. */
import { bytes, cpus, DEFAULT_CONFIG, durationUs, type Labels, type NodeOffer } from '@paperfleet/core';
import { UsageError } from '../cli/command.ts';

export interface OfferOptions {
  readonly nodes: number;
  /** Cores of each: `8`, `1.5`. */
  readonly cpu: string;
  /** Memory of each: `32GiB`, `512MiB`, `16g`. */
  readonly memory: string;
  /** `key=value`, repeated: node labels. `zone=a` also sets the zone. */
  readonly labels: readonly string[];
  /** Spreads the machines over so many zones (a, b, c …) unless a label names one. */
  readonly zones: number;
  /** One-way latency to the manager in milliseconds. */
  readonly latencyMs: number | undefined;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 2 ** 10,
  kib: 2 ** 10,
  kb: 1e3,
  m: 2 ** 20,
  mib: 2 ** 20,
  mb: 1e6,
  g: 2 ** 30,
  gib: 2 ** 30,
  gb: 1e9,
  t: 2 ** 40,
  tib: 2 ** 40,
  tb: 1e12,
};
/** A gigabit link to the registry. */
const PULL_BYTES_PER_SECOND = 125_000_000;
const MAX_NODES = 100_000;

/** The machines. @throws UsageError naming the option and what it takes. */
export function makeOffers(options: OfferOptions): NodeOffer[] {
  if (!Number.isInteger(options.nodes) || options.nodes < 0 || options.nodes > MAX_NODES) {
    throw new UsageError(`--nodes ${options.nodes}: a whole number from 0 to ${MAX_NODES}`);
  }
  const cores = Number(options.cpu);
  if (!(cores >= 0.001) || cores > 1024) throw new UsageError(`--cpu ${options.cpu}: cores, from 0.001 to 1024`, 'for example --cpu 8');
  const labels = labelsOf(options.labels);
  const latencyUs = options.latencyMs === undefined ? DEFAULT_CONFIG.controlLatencyUs : durationUs(Math.round(options.latencyMs * 1000));
  if (latencyUs < 1000)
    throw new UsageError(`--latency ${options.latencyMs}: at least 1 ms`, 'windows cannot be longer than the shortest latency');
  return Array.from({ length: options.nodes }, (_, index): NodeOffer => {
    const zone = labels['zone'] ?? zoneName(index % Math.max(1, options.zones));
    return {
      description: {
        hostname: `machine-${index}`, // the manager gives names: n1, n2, …
        nanoCpus: cpus(cores),
        memoryBytes: bytes(memoryBytes(options.memory)),
        platform: { architecture: 'x86_64', os: 'linux' },
        engineLabels: {},
        address: '10.0.0.0', // … and addresses
        generic: {},
        pullBytesPerSecond: PULL_BYTES_PER_SECOND,
        pricePerHour: 0,
      },
      labels: { zone, ...labels },
      zone,
      controlLatencyUs: latencyUs,
    };
  });
}

function labelsOf(pairs: readonly string[]): Labels {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at <= 0) throw new UsageError(`--label ${pair}: expected KEY=VALUE`);
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function memoryBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(text.trim());
  const unit = match === null ? undefined : UNITS[match[2]!.toLowerCase()];
  const value = unit === undefined ? Number.NaN : Math.round(Number(match![1]) * unit);
  if (!(value >= 4 * 2 ** 20))
    throw new UsageError(`--memory ${text}: an amount of at least 4 MiB with its unit`, 'for example --memory 32GiB');
  return value;
}

/** a, b, …, z, aa, ab, … */
function zoneName(index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return index < 26 ? letter : `${zoneName(Math.floor(index / 26) - 1)}${letter}`;
}
