/**
 * The built-in catalogue: how the programs of well-known images behave and how big the images are. All figures are
 * assumptions of the right order of magnitude (a small instance of the program with default settings, amd64 images as
 * compressed in the registry); none is a measurement. A service that needs better ones gives parameters of its own.
 */
import type { Distribution } from '@paperfleet/core';
import type { WorkloadProfile } from './profile.ts';

const MS = 1_000;
const SECOND = 1_000_000;
const KIB = 2 ** 10;
const MIB = 2 ** 20;
const MILLI_CPU = 1_000_000;
/** Image sizes are decimal, as registries show them. */
const MB = 1_000_000;

const lognormal = (p50: number, p99: number): Distribution => ({ kind: 'lognormal', p50, p99 });
const constant = (value: number): Distribution => ({ kind: 'constant', value });

/** Layers that many images share, by name: bytes of each, bottom first. */
export const BASE_LAYERS: Readonly<Record<string, readonly number[]>> = {
  scratch: [],
  busybox: [2.2 * MB],
  alpine: [3.6 * MB],
  'debian-slim': [28 * MB],
  debian: [48 * MB],
  ubuntu: [30 * MB],
  'oracle-linux': [44 * MB],
  buildpack: [48 * MB, 24 * MB, 64 * MB, 211 * MB],
  java: [30 * MB, 20 * MB, 145 * MB],
  'java-alpine': [3.6 * MB, 16 * MB, 140 * MB],
};
export type BaseImage =
  | 'scratch'
  | 'busybox'
  | 'alpine'
  | 'debian-slim'
  | 'debian'
  | 'ubuntu'
  | 'oracle-linux'
  | 'buildpack'
  | 'java'
  | 'java-alpine';

/** A base and what the image puts on top of it, bytes. */
export interface ImageSize {
  readonly base: BaseImage;
  readonly ownBytes: number;
}

export interface CatalogueEntry {
  readonly name: string;
  /** Other image names with the same behaviour. */
  readonly aliases: readonly string[];
  readonly image: ImageSize;
  /** For tags with `alpine` or `slim` in them, where such exist. */
  readonly alpine?: ImageSize;
  readonly slim?: ImageSize;
  readonly profile: WorkloadProfile;
  /** A shell or tool: what it does depends on its command, and without one it ends at once (command.ts). */
  readonly oneShot?: boolean;
}

/** What an image that is not in the catalogue does: a small web service. */
export const DEFAULT_PROFILE: WorkloadProfile = {
  baseCpuNano: 3 * MILLI_CPU,
  jitterPermille: 300,
  requestCpuUs: 3 * MS,
  requestUs: 12 * MS,
  concurrency: 100,
  memoryBytes: 48 * MIB,
  memoryPlateauBytes: 80 * MIB,
  memoryGrowthUs: 120 * SECOND,
  requestMemoryBytes: 256 * KIB,
  leakBytesPerSecond: 0,
  startUs: lognormal(350 * MS, 900 * MS),
  bootUs: lognormal(600 * MS, 2 * SECOND),
  bootCpuNano: 300 * MILLI_CPU,
  stopUs: lognormal(150 * MS, 800 * MS),
  stopExitCode: 0,
  ignoresStop: false,
  exitAfterUs: undefined,
  exitCode: 0,
  failPermille: 0,
  failCode: 1,
  hangAfterUs: undefined,
  probeFailPermille: 0,
  probeUs: 15 * MS,
};

interface Behaviour {
  /** Idle CPU, milli-CPU. */
  readonly idle: number;
  /** CPU per request, ms. */
  readonly cpuMs: number;
  /** Time of a request inside, ms, and how many at once. */
  readonly requestMs: number;
  readonly concurrency: number;
  /** Memory at first and on the plateau, MiB; time to get there, s. */
  readonly memory: readonly [number, number, number];
  /** Memory of a request in flight, KiB. */
  readonly requestKib: number;
  /** Boot time, median and 99th percentile, ms, and the CPU it takes, milli-CPU. */
  readonly boot: readonly [number, number, number];
  /** Time to stop, median and 99th percentile, ms. */
  readonly stop: readonly [number, number];
  readonly stopExitCode: number;
  readonly ignoresStop?: boolean;
}

function profileOf(b: Behaviour): WorkloadProfile {
  return {
    ...DEFAULT_PROFILE,
    baseCpuNano: Math.round(b.idle * MILLI_CPU),
    requestCpuUs: Math.round(b.cpuMs * MS),
    requestUs: Math.round(b.requestMs * MS),
    concurrency: b.concurrency,
    memoryBytes: Math.round(b.memory[0] * MIB),
    memoryPlateauBytes: Math.round(b.memory[1] * MIB),
    memoryGrowthUs: b.memory[2] * SECOND,
    requestMemoryBytes: b.requestKib * KIB,
    bootUs: lognormal(b.boot[0] * MS, b.boot[1] * MS),
    bootCpuNano: b.boot[2] * MILLI_CPU,
    stopUs: lognormal(b.stop[0] * MS, b.stop[1] * MS),
    stopExitCode: b.stopExitCode,
    ignoresStop: b.ignoresStop ?? false,
  };
}

const server = (behaviour: Partial<Behaviour>): WorkloadProfile =>
  profileOf({
    idle: 1,
    cpuMs: 0.3,
    requestMs: 2,
    concurrency: 1024,
    memory: [6, 10, 60],
    requestKib: 16,
    boot: [80, 300, 100],
    stop: [60, 300],
    stopExitCode: 0,
    ...behaviour,
  });

const database = (behaviour: Partial<Behaviour>): WorkloadProfile =>
  profileOf({
    idle: 6,
    cpuMs: 1.2,
    requestMs: 5,
    concurrency: 100,
    memory: [60, 180, 300],
    requestKib: 1024,
    boot: [1500, 5000, 600],
    stop: [600, 3000],
    stopExitCode: 0,
    ...behaviour,
  });

const runtime = (behaviour: Partial<Behaviour>): WorkloadProfile =>
  profileOf({
    idle: 4,
    cpuMs: 4,
    requestMs: 15,
    concurrency: 100,
    memory: [45, 90, 180],
    requestKib: 256,
    boot: [700, 2500, 700],
    stop: [40, 200],
    stopExitCode: 143,
    ...behaviour,
  });

const java = (behaviour: Partial<Behaviour>): WorkloadProfile =>
  profileOf({
    idle: 12,
    cpuMs: 5,
    requestMs: 15,
    concurrency: 200,
    memory: [220, 420, 300],
    requestKib: 512,
    boot: [6000, 14000, 1500],
    stop: [500, 3000],
    stopExitCode: 143,
    ...behaviour,
  });

/** A tool: it takes next to nothing and ends as soon as it has run. */
const tool = (runMs: number): WorkloadProfile => ({
  ...DEFAULT_PROFILE,
  baseCpuNano: 0,
  jitterPermille: 0,
  requestCpuUs: 0,
  memoryBytes: 1 * MIB,
  memoryPlateauBytes: 1 * MIB,
  requestMemoryBytes: 0,
  bootUs: constant(0),
  bootCpuNano: 0,
  stopUs: constant(0),
  stopExitCode: 143,
  // PID 1 has no default signal handlers: a shell or `sleep` as PID 1 does not react to SIGTERM.
  ignoresStop: true,
  exitAfterUs: lognormal(runMs * MS, 4 * runMs * MS),
});

const on = (base: BaseImage, megabytes: number): ImageSize => ({ base, ownBytes: Math.round(megabytes * MB) });

/** In the order shown. */
export const CATALOGUE: readonly CatalogueEntry[] = [
  { name: 'nginx', aliases: ['openresty'], image: on('debian-slim', 44), alpine: on('alpine', 17), profile: server({}) },
  {
    name: 'httpd',
    aliases: ['apache', 'apache2'],
    image: on('debian-slim', 30),
    alpine: on('alpine', 18),
    profile: server({ cpuMs: 0.8, requestMs: 4, concurrency: 400, memory: [12, 24, 120], requestKib: 512 }),
  },
  { name: 'caddy', aliases: [], image: on('alpine', 14), profile: server({ cpuMs: 0.5, memory: [14, 30, 120], boot: [120, 500, 200] }) },
  {
    name: 'haproxy',
    aliases: [],
    image: on('debian-slim', 16),
    alpine: on('alpine', 9),
    profile: server({ cpuMs: 0.15, requestMs: 1, concurrency: 4096, memory: [10, 18, 60], requestKib: 32 }),
  },
  {
    name: 'traefik',
    aliases: [],
    image: on('alpine', 44),
    profile: server({ idle: 3, cpuMs: 0.5, memory: [30, 60, 180], boot: [400, 1500, 300] }),
  },
  {
    name: 'envoy',
    aliases: ['envoy-alpine'],
    image: on('ubuntu', 45),
    profile: server({ idle: 4, cpuMs: 0.3, memory: [25, 45, 120], boot: [500, 1500, 300] }),
  },
  {
    name: 'redis',
    aliases: ['valkey', 'keydb', 'redis-stack-server'],
    image: on('debian-slim', 22),
    alpine: on('alpine', 13),
    profile: server({ idle: 2, cpuMs: 0.05, requestMs: 0.3, concurrency: 10000, memory: [5, 60, 600], requestKib: 20 }),
  },
  {
    name: 'memcached',
    aliases: [],
    image: on('debian-slim', 6),
    alpine: on('alpine', 2),
    profile: server({ cpuMs: 0.03, requestMs: 0.2, memory: [3, 64, 600], requestKib: 8 }),
  },
  {
    name: 'postgres',
    aliases: ['postgresql', 'postgis', 'timescaledb', 'pgvector'],
    image: on('debian-slim', 127),
    alpine: on('alpine', 100),
    profile: database({ memory: [45, 160, 300], requestKib: 3072, boot: [1200, 4000, 600] }),
  },
  {
    name: 'mysql',
    aliases: ['mysql-server', 'percona'],
    image: on('oracle-linux', 190),
    profile: database({ memory: [360, 480, 300], boot: [6000, 18000, 900], stop: [1500, 6000] }),
  },
  {
    name: 'mariadb',
    aliases: [],
    image: on('ubuntu', 95),
    profile: database({ memory: [110, 280, 300], boot: [3000, 9000, 800], stop: [1000, 4000] }),
  },
  {
    name: 'mongo',
    aliases: ['mongodb'],
    image: on('ubuntu', 250),
    profile: database({ idle: 12, memory: [90, 320, 600], boot: [1500, 5000, 700] }),
  },
  {
    name: 'elasticsearch',
    aliases: ['opensearch'],
    image: on('ubuntu', 560),
    profile: java({ idle: 25, cpuMs: 8, requestMs: 25, memory: [900, 1300, 300], requestKib: 2048, boot: [14000, 30000, 1800] }),
  },
  {
    name: 'cassandra',
    aliases: [],
    image: on('java', 110),
    profile: java({ idle: 25, cpuMs: 2, memory: [700, 1500, 600], boot: [15000, 40000, 1800] }),
  },
  {
    name: 'influxdb',
    aliases: [],
    image: on('debian-slim', 110),
    profile: database({ idle: 5, memory: [50, 160, 600], boot: [800, 2500, 500] }),
  },
  {
    name: 'rabbitmq',
    aliases: [],
    image: on('ubuntu', 75),
    alpine: on('alpine', 80),
    profile: database({
      idle: 10,
      cpuMs: 0.4,
      requestMs: 2,
      concurrency: 1000,
      memory: [100, 150, 180],
      requestKib: 64,
      boot: [4500, 12000, 900],
      stop: [2000, 6000],
    }),
  },
  {
    name: 'kafka',
    aliases: ['cp-kafka', 'redpanda'],
    image: on('java', 200),
    profile: java({ idle: 20, cpuMs: 0.3, requestMs: 3, memory: [350, 700, 300], boot: [5000, 12000, 1400], stop: [2000, 8000] }),
  },
  {
    name: 'zookeeper',
    aliases: ['cp-zookeeper'],
    image: on('java', 25),
    profile: java({ idle: 5, cpuMs: 0.3, memory: [90, 140, 180], boot: [2500, 6000, 900] }),
  },
  {
    name: 'nats',
    aliases: ['nats-streaming'],
    image: on('scratch', 7),
    profile: server({ cpuMs: 0.03, requestMs: 0.3, memory: [9, 16, 60] }),
  },
  {
    name: 'consul',
    aliases: ['vault', 'etcd'],
    image: on('alpine', 65),
    profile: server({ idle: 8, cpuMs: 0.5, memory: [35, 70, 300], boot: [900, 3000, 400] }),
  },
  {
    name: 'minio',
    aliases: [],
    image: on('scratch', 60),
    profile: server({ idle: 4, cpuMs: 2, requestMs: 12, memory: [70, 150, 300], requestKib: 1024, boot: [500, 1500, 400] }),
  },
  {
    name: 'node',
    aliases: ['nodejs', 'bun', 'deno'],
    image: on('buildpack', 60),
    alpine: on('alpine', 47),
    slim: on('debian-slim', 50),
    profile: runtime({ ignoresStop: true, concurrency: 1000 }),
  },
  {
    name: 'python',
    aliases: ['django', 'flask', 'fastapi', 'uvicorn'],
    image: on('buildpack', 27),
    alpine: on('alpine', 14),
    slim: on('debian-slim', 17),
    profile: runtime({ cpuMs: 8, requestMs: 25, concurrency: 40, memory: [40, 75, 180], boot: [900, 3000, 800] }),
  },
  {
    name: 'ruby',
    aliases: ['rails'],
    image: on('buildpack', 40),
    alpine: on('alpine', 38),
    slim: on('debian-slim', 42),
    profile: runtime({ cpuMs: 12, requestMs: 35, concurrency: 25, memory: [90, 180, 300], boot: [2500, 7000, 900] }),
  },
  {
    name: 'php',
    aliases: ['phpmyadmin', 'adminer'],
    image: on('debian-slim', 130),
    alpine: on('alpine', 36),
    profile: runtime({
      cpuMs: 10,
      requestMs: 30,
      concurrency: 20,
      memory: [20, 50, 180],
      requestKib: 4096,
      boot: [150, 600, 200],
      stopExitCode: 0,
    }),
  },
  {
    name: 'golang',
    aliases: ['go'],
    image: on('buildpack', 75),
    alpine: on('alpine', 72),
    profile: runtime({
      idle: 1,
      cpuMs: 1,
      requestMs: 5,
      concurrency: 1000,
      memory: [12, 30, 180],
      requestKib: 64,
      boot: [60, 250, 100],
      stopExitCode: 0,
    }),
  },
  {
    name: 'java',
    aliases: ['openjdk', 'eclipse-temurin', 'amazoncorretto', 'spring-boot', 'spring'],
    image: on('java', 25),
    alpine: on('java-alpine', 25),
    profile: java({}),
  },
  { name: 'tomcat', aliases: ['jetty'], image: on('java', 16), profile: java({ boot: [3500, 9000, 1400], memory: [160, 320, 300] }) },
  {
    name: 'wildfly',
    aliases: ['jboss', 'keycloak'],
    image: on('java', 230),
    profile: java({ boot: [9000, 22000, 1600], memory: [380, 560, 300] }),
  },
  {
    name: 'jenkins',
    aliases: [],
    image: on('java', 110),
    profile: java({ idle: 15, memory: [450, 700, 600], boot: [12000, 30000, 1600] }),
  },
  {
    name: 'dotnet',
    aliases: ['aspnet', 'mssql'],
    image: on('debian-slim', 62),
    alpine: on('alpine', 45),
    profile: runtime({ cpuMs: 2, requestMs: 8, concurrency: 500, memory: [60, 120, 180], boot: [900, 3000, 700], stopExitCode: 0 }),
  },
  {
    name: 'wordpress',
    aliases: ['drupal', 'joomla', 'ghost', 'nextcloud'],
    image: on('debian-slim', 200),
    alpine: on('alpine', 75),
    profile: runtime({
      idle: 2,
      cpuMs: 35,
      requestMs: 90,
      concurrency: 150,
      memory: [45, 120, 300],
      requestKib: 6144,
      boot: [1200, 4000, 500],
      stopExitCode: 0,
    }),
  },
  {
    name: 'grafana',
    aliases: ['kibana'],
    image: on('alpine', 125),
    profile: server({ idle: 6, cpuMs: 3, requestMs: 12, memory: [70, 120, 180], boot: [2000, 6000, 600] }),
  },
  {
    name: 'prometheus',
    aliases: ['victoria-metrics', 'loki', 'alertmanager'],
    image: on('busybox', 100),
    profile: server({ idle: 12, cpuMs: 4, requestMs: 15, memory: [60, 300, 900], boot: [600, 2500, 500] }),
  },
  { name: 'registry', aliases: [], image: on('alpine', 8), profile: server({ cpuMs: 1, requestMs: 8, memory: [10, 25, 120] }) },
  {
    name: 'portainer',
    aliases: ['portainer-ce', 'agent', 'visualizer'],
    image: on('alpine', 80),
    profile: server({ idle: 3, cpuMs: 2, requestMs: 8, memory: [25, 45, 120], boot: [500, 2000, 300] }),
  },
  {
    name: 'whoami',
    aliases: ['http-echo', 'echo-server', 'pause'],
    image: on('scratch', 3),
    profile: server({ cpuMs: 0.1, requestMs: 0.5, memory: [3, 5, 60] }),
  },
  { name: 'busybox', aliases: [], image: on('busybox', 0), oneShot: true, profile: tool(20) },
  { name: 'alpine', aliases: ['bash', 'curl', 'git', 'alpine-git', 'docker'], image: on('alpine', 0), oneShot: true, profile: tool(20) },
  { name: 'debian', aliases: [], image: on('debian', 0), slim: on('debian-slim', 0), oneShot: true, profile: tool(20) },
  { name: 'ubuntu', aliases: ['fedora', 'centos', 'rockylinux', 'archlinux'], image: on('ubuntu', 0), oneShot: true, profile: tool(20) },
  { name: 'hello-world', aliases: ['hello'], image: on('scratch', 0.003), profile: { ...tool(30) } },
];

const byName = new Map<string, CatalogueEntry>();
for (const entry of CATALOGUE) for (const name of [entry.name, ...entry.aliases]) byName.set(name, entry);

/** The entry of that name or alias. */
export const findEntry = (name: string): CatalogueEntry | undefined => byName.get(name);

/**
 * The entry that an image's last name component stands for: the name itself, else the first of its parts (between
 * '-', '_' and '.') that is one ('bitnami/redis-cluster' → redis). Undefined: the default behaviour.
 */
export function entryOfImage(name: string): CatalogueEntry | undefined {
  const whole = byName.get(name.toLowerCase());
  if (whole !== undefined) return whole;
  for (const part of name.toLowerCase().split(/[-_.]/)) {
    const entry = byName.get(part);
    // A tool's name inside a longer one says nothing about the program ('docker-app', 'git-sync').
    if (entry !== undefined && entry.oneShot !== true && part !== 'agent' && part !== 'go' && part !== 'hello') return entry;
  }
  return undefined;
}
