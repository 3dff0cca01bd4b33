/**
 * A toy party for the kernel's own tests: it gossips. Every timer and message leads to draws, more timers, cancelled
 * timers and messages to random peers, so that any dependence on the split of parties shows in the digest.
 */
import type { ClusterConfig, Input, RunHeader } from '../../model/input.ts';
import { HEALTHY_LINK } from '../../model/input.ts';
import type { NodeOffer } from '../../model/node.ts';
import type { HostInput } from '../../protocol/frame.ts';
import type { Message } from '../../protocol/message.ts';
import { bytes, type DurationUs, durationUs, type PartyId, partyId, type TimeUs, timeUs } from '../../units.ts';
import { LANE } from '../lane.ts';
import { FIRST_NODE, MANAGER, type Party, type PartyFactory, type PartyPorts, type TimerEvent, type TimerId } from '../party.ts';

interface GossipState {
  heard: number;
  armed: TimerId;
  fired: number;
}

class Gossip implements Party {
  readonly #ports: PartyPorts;
  readonly #state: GossipState;
  readonly #peers: number;

  constructor(ports: PartyPorts, peers: number, saved: GossipState | undefined) {
    this.#ports = ports;
    this.#peers = peers;
    this.#state = saved ?? { heard: 0, armed: 0, fired: 0 };
    if (saved === undefined) ports.in(durationUs(ports.rng('start').below(50_000)), LANE.agent, { type: 'tick' });
  }

  onInput(input: Input): void {
    this.#ports.record(3, input.kind, 1);
    this.#tell();
  }

  onMessage(from: PartyId, sentAt: TimeUs, message: Message): void {
    this.#state.heard = (this.#state.heard * 31 + from + sentAt) % 1_000_003;
    this.#ports.record(1, message.type, this.#state.heard, from);
    if (this.#ports.rng('answer').chance(2, 5)) this.#tell();
    if (this.#ports.cancel(this.#state.armed)) this.#ports.record(4, 'cancelled', this.#state.armed);
  }

  onTimer(event: TimerEvent, timer: TimerId): void {
    this.#state.fired++;
    this.#ports.record(2, event.type, this.#state.fired, timer);
    if (event.type === 'tick') {
      this.#ports.in(durationUs(20_000 + this.#ports.rng('tick').below(30_000)), LANE.agent, { type: 'tick' });
      this.#state.armed = this.#ports.in(durationUs(this.#ports.rng('tock').below(200_000)), LANE.observe, { type: 'tock' });
      this.#tell();
    }
  }

  save(): unknown {
    return { ...this.#state };
  }

  #tell(): void {
    const peer = this.#ports.rng('peer').below(this.#peers + 1);
    const to = peer === 0 ? MANAGER : partyId(FIRST_NODE + peer - 1);
    if (to !== this.#ports.id) this.#ports.send(to, { type: 'heartbeat', session: this.#state.fired });
  }
}

/** Factories of gossiping managers and nodes. */
export function gossipFactories(nodes: number): { manager: PartyFactory; node: PartyFactory } {
  const make: PartyFactory = (ports, _init, saved) => new Gossip(ports, nodes, saved as GossipState | undefined);
  return { manager: make, node: make };
}

export const TEST_CONFIG: ClusterConfig = {
  controlLatencyUs: 100_000 as DurationUs,
  dataLatencyUs: 100_000 as DurationUs,
  zoneLatencyUs: 120_000 as DurationUs,
  heartbeatPeriodUs: 5_000_000 as DurationUs,
  heartbeatEpsilonUs: 500_000 as DurationUs,
  heartbeatGrace: 3,
  taskHistoryLimit: 5,
  statisticsIntervalUs: 1_000_000 as DurationUs,
  profile: 'swarm',
  startupScalePermille: 1000,
  imageCacheBytes: bytes(20 * 2 ** 30),
};

export const testHeader = (seed: string): RunHeader => ({ format: 1, build: 'test', run: 'test', seed, config: TEST_CONFIG });

export const testOffer = (index: number): NodeOffer => ({
  description: {
    hostname: `n${index}`,
    nanoCpus: 8e9 as never,
    memoryBytes: bytes(2 ** 35),
    platform: { architecture: 'x86_64', os: 'linux' },
    engineLabels: {},
    address: '10.0.0.1',
    generic: {},
    pullBytesPerSecond: 1e8,
    pricePerHour: 0,
  },
  labels: {},
  zone: index % 2 === 0 ? 'a' : 'b',
  controlLatencyUs: durationUs(100_000 + (index % 3) * 20_000),
});

/** Joins of `nodes` nodes at 0, then link faults and repairs spread over ten seconds. */
export function gossipInputs(nodes: number): HostInput[] {
  const everyone = Array.from({ length: nodes }, (_, index) => partyId(FIRST_NODE + index));
  const inputs: HostInput[] = everyone.map((party, index) => ({
    seq: index + 1,
    at: timeUs(0),
    parties: [MANAGER, party],
    input: { kind: 'join', party, name: `n${index + 1}`, key: `test/${index}`, offer: testOffer(index) },
  }));
  const link = { ...HEALTHY_LINK, lossPpm: 200_000, duplicatePpm: 300_000, delayUs: { min: durationUs(0), max: durationUs(300_000) } };
  const some = everyone.slice(0, Math.ceil(nodes / 2));
  inputs.push(
    {
      seq: nodes + 1,
      at: timeUs(2_000_000),
      parties: [MANAGER, ...some],
      input: { kind: 'fault', parties: some, label: 'lossy', fault: { fault: 'link', peers: [], link } },
    },
    {
      seq: nodes + 2,
      at: timeUs(4_000_000),
      parties: [MANAGER],
      input: {
        kind: 'fault',
        parties: [MANAGER],
        label: 'reorder',
        fault: { fault: 'link', peers: some, link: { ...link, reorder: true } },
      },
    },
    {
      seq: nodes + 3,
      at: timeUs(6_000_000),
      parties: [MANAGER, ...some],
      input: {
        kind: 'fault',
        parties: some,
        label: 'cut',
        fault: { fault: 'link', peers: [MANAGER], link: { ...link, partitioned: true } },
      },
    },
    {
      seq: nodes + 4,
      at: timeUs(8_000_000),
      parties: [MANAGER, everyone[0]!],
      input: { kind: 'lost', parties: [everyone[0]!], since: timeUs(7_950_000), reason: 'test' },
    },
  );
  return inputs;
}
