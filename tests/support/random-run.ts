/**
 * Random runs from a seed, swarm-testing style: each seed enables a random subset of what can befall a cluster, so that
 * some runs meet one kind of trouble in earnest and others all of them at once. A run ends in calm: everything is healed,
 * everybody has come back, and the services are deployed a last time.
 */
import {
  type ClusterConfig,
  type Command,
  cpus,
  DEFAULT_CONFIG,
  DEFAULT_RESTART,
  type DurationUs,
  durationUs,
  type Fault,
  FIRST_NODE,
  HEALTHY_LINK,
  type Input,
  type JournaledInput,
  type LinkFault,
  MANAGER,
  mebibytes,
  type NodeOffer,
  type PartyId,
  partyId,
  RandomStream,
  rootKey,
  type Rng,
  type RunHeader,
  type ServiceSpec,
  type StackSpec,
  type TimeUs,
  timeUs,
} from '@paperfleet/core';

export const SECOND = 1_000_000;

/** What a seed may enable. */
export const TROUBLES = [
  'loss',
  'delay',
  'duplicate',
  'reorder',
  'partition',
  'partitionUp',
  'partitionDown',
  'crash',
  'killTask',
  'availability',
  'scale',
  'update',
  'rollback',
  'removeService',
  'leave',
  'resize',
  'labels',
  'removeTask',
  'removeNode',
  'load',
  'faultPoints',
] as const;
export type Trouble = (typeof TROUBLES)[number];

const SIZES = [
  { name: 'small', nodes: [2, 3], services: [1, 2], replicas: 5, troubles: [6, 16] },
  { name: 'medium', nodes: [4, 7], services: [2, 4], replicas: 8, troubles: [10, 30] },
  { name: 'large', nodes: [9, 13], services: [3, 6], replicas: 12, troubles: [15, 45] },
] as const;
/** How long the calm lasts: graces, restart delays, waits of 60 s and a whole update have room in it. */
const CALM_US = 200 * SECOND;

export interface RandomRun {
  readonly seed: number;
  readonly size: string;
  readonly troubles: readonly Trouble[];
  readonly header: RunHeader;
  readonly inputs: readonly JournaledInput[];
  /** From here on nothing disturbs the cluster. */
  readonly calmAt: TimeUs;
  readonly until: TimeUs;
}

/** The run of a seed. */
export function randomRun(seed: number): RandomRun {
  return new Generator(seed).make();
}

interface Machine {
  readonly name: string;
  party: PartyId | undefined;
  offer: NodeOffer;
  /** Until then it is off: it has left and not yet come back. */
  awayUntil: number;
}

class Generator {
  readonly #seed: number;
  readonly #rng: Rng;
  readonly #entries: { readonly at: number; readonly order: number; readonly input: Input }[] = [];
  readonly #machines: Machine[] = [];
  readonly #size: (typeof SIZES)[number];
  readonly #troubles: readonly Trouble[];
  readonly #calmAt: number;
  #nextParty: number = FIRST_NODE;
  /** The stack as it was deployed first; names never change. */
  #services: ServiceSpec[] = [];

  constructor(seed: number) {
    this.#seed = seed;
    this.#rng = new RandomStream(rootKey(`random-run/${seed}`));
    this.#size = SIZES[seed % SIZES.length]!;
    const share = this.#rng.range(1, 4);
    const drawn = TROUBLES.filter(() => this.#rng.chance(share, 5));
    this.#troubles = drawn.length > 0 ? drawn : ['crash'];
    this.#calmAt = this.#rng.range(40, 110) * SECOND;
  }

  make(): RandomRun {
    const rng = this.#rng;
    const config = this.#config();
    const count = this.#between(this.#size.nodes);
    for (let i = 1; i <= count; i++) {
      const machine: Machine = { name: `n${i}`, party: undefined, offer: this.#offer(`n${i}`, config), awayUntil: 0 };
      this.#machines.push(machine);
      this.#join(rng.below(3 * SECOND), machine);
    }
    this.#services = Array.from({ length: this.#between(this.#size.services) }, (_, index) => this.#service(`s${index + 1}`));
    this.#command(rng.range(1, 4 * SECOND), this.#deploy(this.#services));
    const kinds = this.#troubles.filter((kind) => kind !== 'faultPoints' && kind !== 'resize');
    const instants = Array.from({ length: kinds.length === 0 ? 0 : this.#between(this.#size.troubles) }, () =>
      rng.range(5 * SECOND, this.#calmAt - SECOND),
    );
    for (const at of instants.toSorted((a, b) => a - b)) this.#trouble(at, kinds[rng.below(kinds.length)]!);
    this.#calm();
    const inputs = this.#entries
      .toSorted((a, b) => a.at - b.at || a.order - b.order)
      .map(({ at, input }, index): JournaledInput => ({ seq: index + 1, at: timeUs(at), input }));
    return {
      seed: this.#seed,
      size: this.#size.name,
      troubles: this.#troubles,
      header: { format: 1, build: 'sim', run: `random-${this.#seed}`, seed: String(this.#seed), config },
      inputs,
      calmAt: timeUs(this.#calmAt),
      until: timeUs(this.#calmAt + CALM_US),
    };
  }

  #config(): ClusterConfig {
    const rng = this.#rng;
    return {
      ...DEFAULT_CONFIG,
      controlLatencyUs: durationUs([2_000, 20_000, 100_000][rng.below(3)]!),
      statisticsIntervalUs: durationUs(10 * SECOND),
      taskHistoryLimit: rng.range(1, 5),
      startupScalePermille: [0, 100, 1000][rng.below(3)]!,
      faultPointPermille: this.#troubles.includes('faultPoints') ? rng.range(20, 300) : 0,
    };
  }

  #offer(name: string, config: ClusterConfig): NodeOffer {
    const rng = this.#rng;
    const zone = ['a', 'b', 'c'][rng.below(3)]!;
    return {
      description: {
        hostname: name,
        nanoCpus: cpus(rng.range(2, 4)),
        memoryBytes: mebibytes(1024 * rng.range(2, 4)),
        platform: { architecture: 'x86_64', os: 'linux' },
        engineLabels: {},
        address: '10.0.0.1',
        generic: rng.chance(1, 2) ? { gpu: rng.range(1, 3) } : {},
        pullBytesPerSecond: 125_000_000,
        pricePerHour: 0,
      },
      labels: { zone },
      zone,
      controlLatencyUs: rng.chance(1, 4) ? durationUs(config.controlLatencyUs * 2) : config.controlLatencyUs,
    };
  }

  #service(name: string): ServiceSpec {
    const rng = this.#rng;
    const global = rng.chance(1, 6);
    const chance = (n: number, d: number): boolean => rng.chance(n, d);
    const parameters: Record<string, unknown> = { stop: { uniform: ['10ms', '3s'] }, start: '200ms', boot: '300ms', memoryBase: '16MiB' };
    if (chance(1, 6)) parameters['ignoreStop'] = true;
    const ends = chance(1, 5);
    if (ends) Object.assign(parameters, { exitAfter: { uniform: ['5s', '90s'] }, failRate: 0.5 });
    return {
      name,
      labels: {},
      mode: global ? { kind: 'global' } : { kind: 'replicated', replicas: rng.range(1, this.#size.replicas) },
      task: {
        containers: [
          {
            name: 'main',
            image: ['nginx:alpine', 'redis:7-alpine', 'team/app'][rng.below(3)]!,
            stopGracePeriodUs: durationUs(rng.range(1, 8) * SECOND),
            reservations: {
              ...(chance(3, 4) ? { nanoCpus: cpus(rng.range(1, 8) / 10), memoryBytes: mebibytes(rng.range(1, 6) * 100) } : {}),
              ...(chance(1, 6) ? { generic: { gpu: 1 } } : {}),
            },
            limits: {},
            ...(chance(1, 5) ? { healthcheck: HEALTHCHECK } : {}),
            workload: { parameters },
          },
        ],
        restart: {
          ...DEFAULT_RESTART,
          delayUs: durationUs(rng.range(ends ? 2 : 0, 5) * SECOND),
          ...(chance(1, 8) ? { condition: 'on-failure' as const } : {}),
          ...(chance(1, 8) ? { maxAttempts: rng.range(1, 4) } : {}),
        },
        placement: {
          ...(chance(1, 4) ? { preferences: ['node.labels.zone'] } : {}),
          ...(chance(1, 5) ? { constraints: [chance(1, 2) ? 'node.labels.zone != c' : 'node.labels.zone == a'] } : {}),
          ...(chance(1, 6) ? { maxReplicasPerNode: rng.range(1, 3) } : {}),
        },
        forceUpdate: 0,
      },
      update: this.#updateConfig(),
      rollback: this.#updateConfig(),
      ...(chance(1, 6)
        ? {
            endpoint: {
              mode: 'vip' as const,
              ports: [{ protocol: 'tcp' as const, targetPort: 80, publishedPort: 8000 + rng.below(3), publishMode: 'host' as const }],
            },
          }
        : {}),
    };
  }

  #updateConfig(): NonNullable<ServiceSpec['update']> {
    const rng = this.#rng;
    return {
      parallelism: rng.below(4),
      delayUs: durationUs(rng.below(3) * SECOND),
      failureAction: (['pause', 'continue', 'rollback'] as const)[rng.below(3)]!,
      monitorUs: durationUs(rng.range(1, 5) * SECOND),
      maxFailureRatio: [0, 0.3, 1][rng.below(3)]!,
      order: rng.chance(1, 3) ? 'start-first' : 'stop-first',
    };
  }

  #deploy(services: readonly ServiceSpec[]): Command {
    const stack: StackSpec = { name: 'app', services, networks: [], volumes: [], secrets: [], configs: [] };
    return { do: 'deploy', stack, prune: true };
  }

  // ---------------------------------------------------------------- trouble

  #trouble(at: number, kind: Trouble): void {
    const rng = this.#rng;
    const undoAt = Math.min(this.#calmAt, at + rng.range(SECOND / 10, 45 * SECOND));
    switch (kind) {
      case 'loss':
      case 'delay':
      case 'duplicate':
      case 'reorder':
        return this.#disturb(at, undoAt, this.#linkFault(kind), rng.below(3));
      case 'partition':
        return this.#disturb(at, undoAt, { ...HEALTHY_LINK, partitioned: true }, 2);
      case 'partitionUp':
        return this.#disturb(at, undoAt, { ...HEALTHY_LINK, partitioned: true }, 0);
      case 'partitionDown':
        return this.#disturb(at, undoAt, { ...HEALTHY_LINK, partitioned: true }, 1);
      case 'crash':
        return this.#atSome(at, 'crash', { fault: 'crash' }, undoAt, { fault: 'recover' });
      case 'killTask': {
        const parties = this.#parties();
        return this.#put(at, {
          kind: 'fault',
          parties,
          label: 'kill',
          fault: { fault: 'killTask', task: this.#taskName(), exitCode: rng.chance(1, 4) ? 0 : 137 },
        });
      }
      case 'leave':
        return this.#leave(at, undoAt);
      case 'removeNode':
        return this.#removeNode(at, undoAt);
      default:
        for (const command of this.#commands(kind)) this.#command(at, command);
        if (kind === 'availability' && rng.chance(2, 3))
          this.#command(undoAt, { do: 'updateNode', node: this.#machine().name, availability: 'active' });
    }
  }

  #commands(kind: Trouble): readonly Command[] {
    const rng = this.#rng;
    const service = this.#services[rng.below(this.#services.length)]!;
    switch (kind) {
      case 'availability':
        return [{ do: 'updateNode', node: this.#machine().name, availability: (['drain', 'pause', 'active'] as const)[rng.below(3)]! }];
      case 'scale':
        return [{ do: 'scale', service: service.name, replicas: rng.below(3 * this.#size.replicas) }];
      case 'update':
        return [{ do: 'updateService', service: service.name, spec: this.#changed(service) }];
      case 'rollback':
        return [{ do: 'rollbackService', service: service.name }];
      case 'removeService':
        return rng.chance(1, 2) ? [{ do: 'removeService', service: service.name }] : [this.#deploy(this.#services)];
      case 'labels':
        return [{ do: 'updateNode', node: this.#machine().name, labels: { zone: ['a', 'b', 'c'][rng.below(3)]! } }];
      case 'removeTask':
        return [{ do: 'removeTask', task: this.#taskName() }];
      case 'load':
        return [{ do: 'load', service: service.name, requestsPerSecond: rng.below(500) }];
      default:
        return [];
    }
  }

  /** A spec of the same name and mode: another environment, policy, placement or reservation. */
  #changed(service: ServiceSpec): ServiceSpec {
    const rng = this.#rng;
    const fresh = this.#service(service.name);
    const [container] = service.task.containers;
    const env = { RELEASE: String(rng.below(1000)) };
    const task = rng.chance(1, 2) ? fresh.task : { ...service.task, containers: [{ ...container!, env }] };
    return { ...service, task, update: fresh.update!, rollback: fresh.rollback! };
  }

  #linkFault(kind: 'loss' | 'delay' | 'duplicate' | 'reorder'): LinkFault {
    const rng = this.#rng;
    const also = (other: Trouble): boolean => kind === other || (this.#troubles.includes(other) && rng.chance(1, 2));
    const reorder = also('reorder');
    const delay = reorder || also('delay') ? rng.range(10_000, 2 * SECOND) : 0;
    return {
      partitioned: false,
      lossPpm: also('loss') ? rng.range(10_000, 400_000) : 0,
      duplicatePpm: also('duplicate') ? rng.range(10_000, 500_000) : 0,
      delayUs: { min: 0 as DurationUs, max: durationUs(delay) },
      reorder,
    };
  }

  /** Between some machines and the manager. `way`: 0 what they send, 1 what is sent to them, 2 both. */
  #disturb(at: number, undoAt: number, link: LinkFault, way: number): void {
    const parties = this.#some();
    if (parties.length === 0) return;
    for (const [instant, state] of [
      [at, link],
      [undoAt, HEALTHY_LINK],
    ] as const) {
      if (way !== 1) this.#put(instant, { kind: 'fault', parties, label: 'link', fault: { fault: 'link', peers: [MANAGER], link: state } });
      if (way !== 0)
        this.#put(instant, { kind: 'fault', parties: [MANAGER], label: 'link', fault: { fault: 'link', peers: parties, link: state } });
    }
  }

  #atSome(at: number, label: string, fault: Fault, undoAt: number, undo: Fault): void {
    const parties = this.#some();
    if (parties.length === 0) return;
    this.#put(at, { kind: 'fault', parties, label, fault });
    this.#put(undoAt, { kind: 'fault', parties, label: undo.fault, fault: undo });
  }

  /** A machine's host dies; it comes back as another party, perhaps as another size. */
  #leave(at: number, backAt: number): void {
    const machine = this.#machine();
    if (machine.awayUntil > at) return;
    machine.awayUntil = backAt;
    this.#lose(at, machine);
    if (this.#troubles.includes('resize') && this.#rng.chance(1, 2)) {
      const { description } = machine.offer;
      machine.offer = {
        ...machine.offer,
        description: { ...description, nanoCpus: cpus(this.#rng.range(1, 4)), memoryBytes: mebibytes(1024 * this.#rng.range(1, 4)) },
      };
    }
    this.#join(backAt, machine);
  }

  /** The node object is deleted by force; its machine is turned off a little later and may come back as a new node. */
  #removeNode(at: number, backAt: number): void {
    const machine = this.#machine();
    if (machine.awayUntil > at) return;
    machine.awayUntil = backAt;
    this.#command(at, { do: 'removeNode', node: machine.name, force: true });
    this.#lose(Math.floor((at + backAt) / 2), machine);
    this.#join(backAt, machine);
  }

  // ---------------------------------------------------------------- calm

  #calm(): void {
    const at = this.#calmAt;
    const parties = this.#parties();
    this.#put(at, {
      kind: 'fault',
      parties: [...parties, MANAGER],
      label: 'heal',
      fault: { fault: 'link', peers: [], link: HEALTHY_LINK },
    });
    this.#put(at, { kind: 'fault', parties, label: 'recover', fault: { fault: 'recover' } });
    for (const { name } of this.#machines) this.#command(at, { do: 'updateNode', node: name, availability: 'active' });
    const services = this.#services.map((service): ServiceSpec => {
      const spec = this.#rng.chance(1, 2) ? service : this.#changed(service);
      return { ...spec, update: { ...spec.update!, parallelism: 0, delayUs: durationUs(0), failureAction: 'continue' } };
    });
    this.#command(at + 1, this.#deploy(services));
  }

  // ---------------------------------------------------------------- words

  #between([least, most]: readonly [number, number]): number {
    return this.#rng.range(least, most);
  }

  #put(at: number, input: Input): void {
    this.#entries.push({ at, order: this.#entries.length, input });
  }

  #command(at: number, command: Command): void {
    this.#put(at, { kind: 'command', key: '', by: 'random', command });
  }

  #join(at: number, machine: Machine): void {
    machine.party = partyId(this.#nextParty++);
    this.#put(at, { kind: 'join', party: machine.party, name: machine.name, key: `k/${machine.name}`, offer: machine.offer });
  }

  #lose(at: number, machine: Machine): void {
    this.#put(at, { kind: 'lost', parties: [machine.party!], since: timeUs(at), reason: 'its host died' });
  }

  #parties(): PartyId[] {
    return this.#machines.map(({ party }) => party!);
  }

  #machine(): Machine {
    return this.#machines[this.#rng.below(this.#machines.length)]!;
  }

  #some(): PartyId[] {
    const few = this.#rng.range(1, 2);
    const all = this.#rng.chance(1, 10);
    return this.#parties().filter(() => all || this.#rng.chance(few, this.#machines.length));
  }

  #taskName(): string {
    const { name, mode } = this.#services[this.#rng.below(this.#services.length)]!;
    return mode.kind === 'replicated' ? `${name}.${this.#rng.range(1, mode.replicas)}` : `${name}.${this.#machine().name}`;
  }
}

const HEALTHCHECK = {
  test: ['CMD', 'true'],
  intervalUs: durationUs(2 * SECOND),
  timeoutUs: durationUs(SECOND),
  startPeriodUs: durationUs(0),
  startIntervalUs: durationUs(SECOND),
  retries: 3,
};
