/** Schemas of what the API answers: for the OpenAPI document, and for tests that hold every answer against its schema. */
import type {
  ApiError,
  ClusterEvent,
  CommandAck,
  DeltaFrame,
  DeployAnswer,
  Diagnostic,
  EventPage,
  Explain,
  JournalPage,
  MetricRange,
  MetricsFrame,
  NodeDetail,
  NodeView,
  PlaybackState,
  RunDigest,
  RunStatus,
  RunSummary,
  ServerFrame,
  ServiceDetail,
  ServiceView,
  Snapshot,
  TaskColumns,
  TaskDetail,
  TaskRow,
  TaskState,
  TaskStateName,
  TimeUs,
  Totals,
  Why,
} from '@paperfleet/core';
import { LIVE_PROTOCOL, TASK_STATE } from '@paperfleet/core';
import { z } from 'zod';
import { portConfig, serviceSpec, taskSpec } from './spec.ts';

const whole = z.int();
const us = z.int().meta({ description: 'µs of simulated time' });
const instant = us as unknown as z.ZodType<TimeUs>;
const text = z.string();
const stringMap = z.record(z.string(), z.string());
const counts = z.record(z.string(), z.number());
const stateName = z.enum(Object.keys(TASK_STATE) as [TaskStateName, ...TaskStateName[]]);
const stateNumber = z.literal(Object.values(TASK_STATE)) as z.ZodType<TaskState>;

const diagnostic: z.ZodType<Diagnostic> = z
  .strictObject({
    message: text,
    code: text.exactOptional(),
    file: text.exactOptional(),
    line: whole.exactOptional(),
    column: whole.exactOptional(),
    path: text.exactOptional(),
    hint: text.exactOptional(),
  })
  .meta({ id: 'Diagnostic' });

export const apiError: z.ZodType<ApiError> = z
  .strictObject({
    error: z.strictObject({
      code: text.meta({ description: 'stable, for programs: PF_NOT_FOUND, PF_INVALID, …' }),
      message: text,
      hint: text.exactOptional(),
      path: text.meta({ description: 'the place in the body or query that is wrong' }).exactOptional(),
      details: z.array(diagnostic).exactOptional(),
    }),
  })
  .meta({ id: 'ApiError' });

const score = z.strictObject({ name: text, value: z.number() });
const reason = <T extends string>(values: readonly [T, ...T[]]): z.ZodEnum<{ [K in T]: K }> => z.enum(values);
const explain: z.ZodType<Explain> = z
  .discriminatedUnion('code', [
    z.strictObject({
      code: z.literal('PLACED'),
      node: text,
      profile: text,
      considered: whole,
      feasible: whole,
      rejected: counts,
      scores: z.array(score),
      runnerUp: z.strictObject({ node: text, scores: z.array(score) }).exactOptional(),
    }),
    z.strictObject({
      code: z.literal('PENDING'),
      message: text,
      considered: whole,
      rejected: counts,
      nearest: z.strictObject({ node: text, filter: text, detail: text }).exactOptional(),
      wouldFitIf: z.array(text),
    }),
    z.strictObject({ code: z.literal('SCALED'), service: text, from: whole, to: whole, by: text }),
    z.strictObject({
      code: z.literal('CREATED'),
      reason: reason(['replicas', 'global', 'job', 'restart', 'update']),
      slot: whole,
      replaces: text.exactOptional(),
    }),
    z.strictObject({
      code: z.literal('RESTART'),
      reason: reason(['exited', 'node-down', 'node-drained', 'node-removed']),
      condition: text,
      delayUs: us,
      attempts: whole,
      maxAttempts: whole,
    }),
    z.strictObject({
      code: z.literal('NOT_RESTARTED'),
      why: reason(['condition', 'max-attempts', 'node-paused', 'constraints']),
      attempts: whole,
      maxAttempts: whole,
    }),
    z.strictObject({
      code: z.literal('SHUTDOWN'),
      reason: reason(['scale-down', 'update', 'node-down', 'drain', 'removed', 'superseded', 'constraints']),
    }),
    z.strictObject({ code: z.literal('REJECTED'), message: text, detail: text }),
    z.strictObject({ code: z.literal('EXITED'), exitCode: whole, oomKilled: z.boolean(), message: text }),
    z.strictObject({ code: z.literal('NODE_DOWN'), node: text, lastHeartbeat: instant, graceUs: us, tasks: whole }),
    z.strictObject({ code: z.literal('NODE_READY'), node: text, session: whole }),
    z.strictObject({ code: z.literal('ROLLOUT'), service: text, state: text, message: text }),
    z.strictObject({ code: z.literal('COMMAND'), command: text, detail: text }),
    z.strictObject({ code: z.literal('FAULT'), fault: text, detail: text }),
    z.strictObject({ code: z.literal('NOTE'), message: text }),
  ])
  .meta({ id: 'Explain' });

const clusterEvent: z.ZodType<ClusterEvent> = z
  .strictObject({
    id: whole,
    at: instant,
    cause: whole.meta({ description: 'id of the event that led to this one, 0 for none' }),
    severity: z.enum(['info', 'warning', 'error']),
    kind: text,
    service: text.exactOptional(),
    task: text.exactOptional(),
    node: text.exactOptional(),
    explain,
  })
  .meta({ id: 'ClusterEvent' });

export const nodeView: z.ZodType<NodeView> = z
  .strictObject({
    row: whole,
    id: text,
    name: text,
    zone: text,
    status: z.enum(['unknown', 'down', 'ready', 'disconnected']),
    availability: z.enum(['active', 'pause', 'drain']),
    truth: z.enum(['up', 'crashed', 'partitioned', 'lost']),
    statusMessage: text,
    lastHeartbeatUs: us,
    nanoCpus: whole,
    memoryBytes: whole,
    reservedNanoCpus: whole,
    reservedMemoryBytes: whole,
    labels: stringMap,
    engineLabels: stringMap,
    tasks: whole,
  })
  .meta({ id: 'NodeView' });

export const serviceView: z.ZodType<ServiceView> = z
  .strictObject({
    row: whole,
    id: text,
    name: text,
    stack: text,
    image: text,
    mode: z.enum(['replicated', 'global', 'replicated-job', 'global-job']),
    desired: whole,
    running: whole,
    starting: whole,
    pending: whole,
    ports: z.array(portConfig),
    requestsPerSecond: z.number(),
    updateStatus: text,
    limitNanoCpus: whole,
    limitMemoryBytes: whole,
    reservedNanoCpus: whole,
    reservedMemoryBytes: whole,
  })
  .meta({ id: 'ServiceView' });

const wholes = z.array(whole);
const taskColumns: z.ZodType<TaskColumns> = z
  .strictObject({
    row: wholes,
    id: z.array(text),
    service: wholes,
    slot: wholes,
    node: wholes,
    state: z.array(stateNumber),
    desired: z.array(stateNumber),
    sinceUs: wholes,
    error: z.array(z.union([text, z.literal(0)])),
    health: wholes,
  })
  .meta({ id: 'TaskColumns' });

export const playbackState: z.ZodType<PlaybackState> = z
  .strictObject({
    paused: z.boolean(),
    speed: z.number().meta({ description: 'wanted; 0 is as fast as possible' }),
    reachedSpeed: z.number(),
    simUs: us,
    waitingFor: z.array(text),
  })
  .meta({ id: 'PlaybackState' });

const totals: z.ZodType<Totals> = z
  .strictObject({ hosts: whole, agents: whole, windows: whole, eventsProcessed: whole })
  .meta({ id: 'Totals' });

export const snapshot: z.ZodType<Snapshot> = z
  .strictObject({
    protocol: z.literal(LIVE_PROTOCOL),
    run: text,
    parent: text.nullable(),
    seed: text,
    seq: whole,
    playback: playbackState,
    totals,
    nodes: z.array(nodeView),
    services: z.array(serviceView),
    tasks: taskColumns,
    events: z.array(clusterEvent),
  })
  .meta({ id: 'Snapshot' });

const deltaFrame: z.ZodType<DeltaFrame> = z
  .strictObject({
    type: z.literal('delta'),
    seq: whole,
    playback: playbackState,
    totals,
    nodes: z.array(nodeView).exactOptional(),
    removedNodes: wholes.exactOptional(),
    services: z.array(serviceView).exactOptional(),
    removedServices: wholes.exactOptional(),
    tasks: taskColumns.exactOptional(),
    removedTasks: wholes.exactOptional(),
    events: z.array(clusterEvent).exactOptional(),
    eventsSkipped: whole.exactOptional(),
  })
  .meta({ id: 'DeltaFrame' });

const metricsFrame: z.ZodType<MetricsFrame> = z
  .strictObject({
    type: z.literal('metrics'),
    simUs: us,
    nodes: z.strictObject({ row: wholes, cpuMilli: wholes, memoryTenthMiB: wholes }),
    services: z.strictObject({ row: wholes, cpuMilli: wholes, memoryTenthMiB: wholes, throttledPermille: wholes }),
    tasks: z.strictObject({ row: wholes, cpuPermille: wholes, memoryPermille: wholes }).exactOptional(),
  })
  .meta({ id: 'MetricsFrame' });

/** Server → page on the live socket. */
export const serverFrame: z.ZodType<ServerFrame> = z
  .union([
    z.strictObject({ type: z.literal('hello'), protocol: whole, run: text, seq: whole, role: z.enum(['operator', 'viewer']) }),
    z.strictObject({ type: z.literal('snapshot'), snapshot }),
    deltaFrame,
    metricsFrame,
  ])
  .meta({ id: 'ServerFrame' });

export const commandAck: z.ZodType<CommandAck> = z
  .strictObject({ seq: whole.meta({ description: 'number in the journal' }), at: us })
  .meta({ id: 'CommandAck' });

const nullable = z.array(z.number().nullable());
export const metricRange: z.ZodType<MetricRange> = z
  .strictObject({
    subject: text,
    fromUs: us,
    bucketUs: us,
    series: z.array(
      z.strictObject({
        name: z.enum(['cpuNano', 'memoryBytes', 'throttledPermille', 'running', 'desired']),
        unit: text,
        min: nullable,
        avg: nullable,
        max: nullable,
        last: nullable,
      }),
    ),
  })
  .meta({ id: 'MetricRange' });

export const why: z.ZodType<Why> = z
  .strictObject({ subject: text, summary: text, events: z.array(clusterEvent), chain: z.array(clusterEvent) })
  .meta({ id: 'Why' });

export const runSummary: z.ZodType<RunSummary> = z
  .strictObject({ name: text, parent: text.nullable(), forkedAtUs: us.nullable(), seed: text, playback: playbackState })
  .meta({ id: 'RunSummary' });

export const runStatus: z.ZodType<RunStatus> = z
  .strictObject({
    run: runSummary,
    build: text,
    totals,
    nodes: z.strictObject({ total: whole, ready: whole, down: whole, notActive: whole }),
    services: z.strictObject({ total: whole, converged: whole }),
    tasks: z.strictObject({ desired: whole, running: whole, starting: whole, pending: whole }),
    reservedNanoCpus: whole,
    nanoCpus: whole,
    reservedMemoryBytes: whole,
    memoryBytes: whole,
    lastEvent: whole,
  })
  .meta({ id: 'RunStatus' });

export const taskRow: z.ZodType<TaskRow> = z
  .strictObject({
    id: text,
    name: text,
    service: text,
    slot: whole,
    node: text,
    image: text,
    state: stateName,
    desired: stateName,
    sinceUs: us,
    createdUs: us,
    health: z.enum(['none', 'starting', 'healthy', 'unhealthy']),
    message: text,
    error: text,
    exitCode: whole.nullable(),
    cpuNano: z.number(),
    memoryBytes: z.number(),
  })
  .meta({ id: 'TaskRow' });

export const taskDetail: z.ZodType<TaskDetail> = z
  .strictObject({ task: taskRow, spec: taskSpec, explain: explain.nullable(), cause: whole })
  .meta({ id: 'TaskDetail' });

export const serviceDetail: z.ZodType<ServiceDetail> = z
  .strictObject({ service: serviceView, version: whole, createdUs: us, updatedUs: us, spec: serviceSpec, tasks: z.array(taskRow) })
  .meta({ id: 'ServiceDetail' });

export const nodeDetail: z.ZodType<NodeDetail> = z
  .strictObject({
    node: nodeView,
    joinedUs: us,
    description: z.looseObject({ hostname: text }) as unknown as z.ZodType<NodeDetail['description']>,
    tasks: z.array(taskRow),
  })
  .meta({ id: 'NodeDetail' });

export const runDigest: z.ZodType<RunDigest> = z.strictObject({ at: us, digest: text }).meta({ id: 'RunDigest' });

export const journalPage: z.ZodType<JournalPage> = z
  .strictObject({
    inputs: z.array(
      z.strictObject({ seq: whole, at: us, input: z.looseObject({ kind: text }) }) as unknown as z.ZodType<JournalPage['inputs'][number]>,
    ),
    more: z.boolean(),
  })
  .meta({ id: 'JournalPage' });

export const eventPage: z.ZodType<EventPage> = z
  .strictObject({ events: z.array(clusterEvent), firstId: whole, lastId: whole })
  .meta({ id: 'EventPage' });

export const deployAnswer: z.ZodType<DeployAnswer> = z
  .strictObject({ seq: whole, at: us, stack: text, services: z.array(text), warnings: z.array(diagnostic) })
  .meta({ id: 'DeployAnswer' });

/** Of the endpoint that a supervisor asks whether the server is alive. */
export const health: z.ZodType<{ readonly status: 'ok'; readonly build: string; readonly simUs: number }> = z
  .strictObject({ status: z.literal('ok'), build: text, simUs: us })
  .meta({ id: 'Health' });
