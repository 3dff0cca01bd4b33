/** One sample of every frame, for tests: fixed values that fill every field. */
import type { Input, RunHeader } from '../model/input.ts';
import type { NodeOffer } from '../model/node.ts';
import type { ServiceSpec, TaskSpec } from '../model/spec.ts';
import { DEFAULT_RESTART, DEFAULT_UPDATE } from '../model/spec.ts';
import { TASK_STATE } from '../model/task-state.ts';
import { bytes, durationUs, nanoCpu, partyId, timeUs } from '../units.ts';
import type { AgentWelcome, Envelope, Hello, HostWelcome, TimelineFrame } from '../protocol/frame.ts';
import type { Message, MessageType } from '../protocol/message.ts';

export const OFFER: NodeOffer = {
  description: {
    hostname: 'n1',
    nanoCpus: nanoCpu(8_000_000_000),
    memoryBytes: bytes(34_359_738_368),
    platform: { architecture: 'x86_64', os: 'linux' },
    engineLabels: { disk: 'ssd' },
    address: '10.0.0.1',
    generic: { apple: 4, orange: ['red', 'blue'] },
    plugins: [['Volume', 'local']],
    pullBytesPerSecond: 125_000_000,
    pricePerHour: 0.25,
  },
  labels: { zone: 'a' },
  zone: 'a',
  controlLatencyUs: durationUs(100_000),
};

export const TASK: TaskSpec = {
  containers: [
    {
      name: 'web',
      image: 'nginx:1.29',
      command: ['nginx'],
      args: ['-g', 'daemon off;'],
      env: { MODE: 'größer 🚀' },
      labels: { tier: 'front' },
      healthcheck: {
        test: ['CMD-SHELL', 'curl -f http://localhost/'],
        intervalUs: durationUs(30_000_000),
        timeoutUs: durationUs(30_000_000),
        startPeriodUs: durationUs(0),
        startIntervalUs: durationUs(5_000_000),
        retries: 3,
      },
      stopGracePeriodUs: durationUs(10_000_000),
      stopSignal: 'SIGTERM',
      mounts: [{ type: 'volume', source: 'data', target: '/data', readOnly: false, driver: 'local' }],
      secrets: ['key'],
      configs: ['site'],
      reservations: { nanoCpus: nanoCpu(500_000_000), memoryBytes: bytes(67_108_864), generic: { apple: 1 } },
      limits: { nanoCpus: nanoCpu(1_000_000_000), memoryBytes: bytes(134_217_728), pids: 100 },
      workload: { name: 'web', parameters: { cpuPerRequest: '5ms', mix: [1, 0.5, null, true] } },
    },
  ],
  restart: DEFAULT_RESTART,
  placement: {
    constraints: ['node.role==worker'],
    preferences: ['node.labels.zone'],
    maxReplicasPerNode: 2,
    platforms: [{ architecture: '', os: 'linux' }],
  },
  networks: [{ name: 'front', driver: 'overlay', aliases: ['www'] }],
  logDriver: 'json-file',
  forceUpdate: 1,
};

export const SERVICE: ServiceSpec = {
  name: 'shop_web',
  labels: { 'com.example.team': 'shop' },
  mode: { kind: 'replicated', replicas: 3 },
  task: TASK,
  update: DEFAULT_UPDATE,
  rollback: { ...DEFAULT_UPDATE, order: 'start-first', maxFailureRatio: 0.25 },
  endpoint: { mode: 'vip', ports: [{ name: 'http', protocol: 'tcp', targetPort: 80, publishedPort: 8080, publishMode: 'ingress' }] },
  profile: 'swarm',
  extensions: { autoscale: { max: 9 } },
};

export const HEADER: RunHeader = {
  format: 1,
  build: '0.1.0+abc',
  run: 'live',
  seed: '8f3c',
  config: {
    controlLatencyUs: durationUs(100_000),
    dataLatencyUs: durationUs(2000),
    zoneLatencyUs: durationUs(5000),
    heartbeatPeriodUs: durationUs(5_000_000),
    heartbeatEpsilonUs: durationUs(500_000),
    heartbeatGrace: 3,
    taskHistoryLimit: 5,
    statisticsIntervalUs: durationUs(1_000_000),
    profile: 'swarm',
    startupScalePermille: 1000,
    imageCacheBytes: bytes(21_474_836_480),
    faultPointPermille: 5,
  },
};

export const INPUTS: readonly Input[] = [
  { kind: 'join', party: partyId(16), name: 'n1', key: 'host/0', offer: OFFER },
  { kind: 'lost', parties: [partyId(16)], since: timeUs(900_000), reason: 'connection lost' },
  { kind: 'command', key: 'k1', by: 'api', command: { do: 'createService', spec: SERVICE } },
  {
    kind: 'command',
    key: '',
    by: 'api',
    command: {
      do: 'deploy',
      prune: true,
      stack: {
        name: 'shop',
        services: [SERVICE],
        networks: [{ name: 'front', driver: 'overlay', labels: {} }],
        volumes: [{ name: 'data', driver: 'local', labels: {} }],
        secrets: [{ name: 'key', labels: {} }],
        configs: [{ name: 'site', labels: {} }],
      },
    },
  },
  { kind: 'command', key: '', by: 'page', command: { do: 'updateService', service: 'shop_web', spec: SERVICE, version: 7 } },
  { kind: 'command', key: '', by: 'page', command: { do: 'rollbackService', service: 'shop_web' } },
  { kind: 'command', key: '', by: 'page', command: { do: 'removeService', service: 'shop_web' } },
  { kind: 'command', key: '', by: 'page', command: { do: 'removeStack', stack: 'shop' } },
  { kind: 'command', key: '', by: 'page', command: { do: 'scale', service: 'shop_web', replicas: 9 } },
  { kind: 'command', key: '', by: 'page', command: { do: 'load', service: 'shop_web', requestsPerSecond: 12.5 } },
  { kind: 'command', key: '', by: 'page', command: { do: 'updateNode', node: 'n1', availability: 'drain', labels: { zone: 'b' } } },
  { kind: 'command', key: '', by: 'page', command: { do: 'removeNode', node: 'n1', force: true } },
  { kind: 'command', key: '', by: 'page', command: { do: 'removeTask', task: 'abc' } },
  { kind: 'fault', parties: [partyId(16)], label: 'kill n1', fault: { fault: 'crash' } },
  { kind: 'fault', parties: [partyId(16)], label: 'boot n1', fault: { fault: 'recover' } },
  { kind: 'fault', parties: [partyId(16)], label: 'kill a task', fault: { fault: 'killTask', task: 'abc', exitCode: 137 } },
  {
    kind: 'fault',
    parties: [partyId(16)],
    label: 'flap',
    fault: {
      fault: 'link',
      peers: [partyId(1)],
      link: {
        partitioned: false,
        lossPpm: 300_000,
        duplicatePpm: 10_000,
        delayUs: { min: durationUs(0), max: durationUs(50_000) },
        reorder: true,
      },
    },
  },
];

/** A column for every column: container, state, cpu, usage, periods, throttled, throttledUs, memory, peak, OOM kills, restarts. */
const ROWS: readonly (readonly number[])[] = [
  [0, 1, 1_500_000_000.5, 123_456_789, 100, 3, 55.25, 300_000_000, 400_000_000, 1, 2],
  [4_294_967_295, 3, 0, 2 ** 53 - 1, 4_294_967_295, 4_294_967_295, 0, 0, 2 ** 53 - 1, 65_535, 65_535],
];

export const MESSAGES: { readonly [T in MessageType]: Extract<Message, { type: T }> } = {
  register: { type: 'register', attempt: 2, description: OFFER.description },
  registered: { type: 'registered', attempt: 2, session: 9, periodUs: durationUs(5_123_456) },
  refused: { type: 'refused', session: 9, reason: 'session invalid – später' },
  heartbeat: { type: 'heartbeat', session: 9 },
  heartbeatAck: { type: 'heartbeatAck', session: 9, periodUs: durationUs(4_700_000), resultsIn: 12 },
  assignments: {
    type: 'assignments',
    session: 9,
    full: false,
    appliesTo: 11,
    resultsIn: 12,
    specs: [TASK],
    update: [{ id: 't1', serviceId: 's1', serviceName: 'shop_web', slot: 1, desired: TASK_STATE.running, spec: 0 }],
    remove: ['t0'],
    loads: [['s1', 12_500]],
  },
  resync: { type: 'resync', session: 9, at: 11 },
  status: {
    type: 'status',
    session: 9,
    batch: 4,
    updates: [
      { id: 't1', state: TASK_STATE.running, at: timeUs(1_000_000), message: 'started', health: 2 },
      {
        id: 't0',
        state: TASK_STATE.failed,
        at: timeUs(1_000_001),
        message: 'started',
        error: 'task: non-zero exit (137)',
        exitCode: 137,
        oomKilled: true,
      },
    ],
  },
  statusAck: { type: 'statusAck', session: 9, batch: 4 },
  statistics: {
    type: 'statistics',
    session: 9,
    statistics: {
      at: timeUs(5_000_000),
      intervalUs: durationUs(1_000_000),
      nodeCpuNano: 1_500_000_000.5,
      nodeMemoryBytes: 300_000_000,
      count: ROWS.length,
      values: Float64Array.from(ROWS.flat()),
      names: [
        [0, 't1'],
        [4_294_967_295, 'größer'],
      ],
    },
  },
  bye: { type: 'bye', session: 9, reason: 'leaving' },
};

/** A message on its way, with numbers that need all 53 bits. */
export const envelopeOf = (message: Message): Envelope => ({
  from: partyId(16),
  to: partyId(1),
  seq: 2 ** 40 + 3,
  sentAt: timeUs(2 ** 52 + 1),
  arriveAt: timeUs(2 ** 53 - 1),
  message,
});

export const HELLO_HOST: Extract<Hello, { role: 'host' }> = {
  type: 'hello',
  protocol: 1,
  build: '0.1.0+abc',
  token: 'secret',
  role: 'host',
  host: 'host-1',
  offers: [OFFER],
  resume: { ticket: 'old', window: 41 },
};
export const HELLO_AGENT: Extract<Hello, { role: 'agent' }> = {
  type: 'hello',
  protocol: 1,
  build: '0.1.0+abc',
  token: 'secret',
  role: 'agent',
  party: partyId(16),
  ticket: 'new',
};
export const WELCOME_HOST: HostWelcome = {
  type: 'welcome',
  role: 'host',
  header: HEADER,
  ticket: 'new',
  parties: [{ party: partyId(16), name: 'n1', key: 'host/0', offer: OFFER }],
  window: 42,
  begin: 'keep',
};
export const WELCOME_AGENT: AgentWelcome = { type: 'welcome', role: 'agent', party: partyId(16) };

export const TIMELINE: { readonly [T in TimelineFrame['type']]: Extract<TimelineFrame, { type: T }> } = {
  ready: { type: 'ready' },
  advance: {
    type: 'advance',
    window: 42,
    until: timeUs(4_300_000),
    inputs: INPUTS.map((input, index) => ({ seq: index + 1, at: timeUs(4_200_000), parties: [partyId(16)], input })),
    sent: [[partyId(16), 2]],
    relay: [envelopeOf(MESSAGES.statistics)],
    drop: [partyId(17)],
    wantDigest: true,
    wantState: false,
  },
  report: {
    type: 'report',
    window: 42,
    until: timeUs(4_300_000),
    next: -1,
    sent: [[partyId(16), 1]],
    relay: [envelopeOf(MESSAGES.heartbeat)],
    events: 1234,
    digest: [0xffff_ffff, 1],
  },
  state: {
    type: 'state',
    window: 42,
    parties: [[partyId(16), { clock: -0, usage: new Float64Array([1, Number.NaN]), rows: new Int32Array([-1]), tasks: ['t1', null] }]],
    last: true,
  },
  bye: { type: 'bye', reason: 'manager stops' },
};
