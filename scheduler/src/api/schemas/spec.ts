/** Schemas of specs, field by field as core/src/model/spec.ts declares them; unknown keys are errors. */
import type { ContainerSpec, PortConfig, Resources, ServiceMode, ServiceSpec, StackSpec, TaskSpec, UpdateConfig } from '@paperfleet/core';
import { z } from 'zod';
import { byteCount, count, duration, labels, MAX_REPLICAS, name, nanoCpus, port, text, texts } from './primitives.ts';

const resources: z.ZodType<Resources> = z.strictObject({
  nanoCpus: nanoCpus.exactOptional(),
  memoryBytes: byteCount.exactOptional(),
  pids: count(10_000_000).exactOptional(),
  generic: z.record(name, count(1_000_000)).exactOptional(),
});

const healthcheck = z.strictObject({
  test: texts,
  intervalUs: duration,
  timeoutUs: duration,
  startPeriodUs: duration,
  startIntervalUs: duration,
  retries: count(1_000_000),
});

const mount = z.strictObject({
  type: z.enum(['bind', 'volume', 'tmpfs', 'npipe', 'cluster', 'image']),
  source: text.exactOptional(),
  target: text,
  readOnly: z.boolean(),
  driver: name.exactOptional(),
});

const workload = z.strictObject({
  name: name.exactOptional(),
  parameters: z.record(z.string().max(256), z.unknown()).exactOptional(),
});

const container: z.ZodType<ContainerSpec> = z.strictObject({
  name,
  image: name,
  command: texts.exactOptional(),
  args: texts.exactOptional(),
  env: labels.exactOptional(),
  labels: labels.exactOptional(),
  healthcheck: healthcheck.exactOptional(),
  stopGracePeriodUs: duration,
  stopSignal: name.exactOptional(),
  mounts: z.array(mount).max(1024).exactOptional(),
  secrets: texts.exactOptional(),
  configs: texts.exactOptional(),
  reservations: resources,
  limits: resources,
  workload: workload.exactOptional(),
});

const restart = z.strictObject({
  condition: z.enum(['none', 'on-failure', 'any']),
  delayUs: duration,
  maxAttempts: count(1_000_000_000),
  windowUs: duration,
});

const placement = z.strictObject({
  constraints: texts.exactOptional(),
  preferences: texts.exactOptional(),
  maxReplicasPerNode: count(MAX_REPLICAS).exactOptional(),
  platforms: z
    .array(z.strictObject({ architecture: z.string().max(64), os: z.string().max(64) }))
    .max(64)
    .exactOptional(),
});

/** What a service's tasks run. */
export const taskSpec: z.ZodType<TaskSpec> = z
  .strictObject({
    containers: z.array(container).min(1).max(64),
    restart,
    placement,
    networks: z
      .array(z.strictObject({ name, driver: name.exactOptional(), aliases: texts.exactOptional() }))
      .max(256)
      .exactOptional(),
    logDriver: name.exactOptional(),
    forceUpdate: count(Number.MAX_SAFE_INTEGER),
  })
  .meta({ id: 'TaskSpec' });

const updateConfig: z.ZodType<UpdateConfig> = z.strictObject({
  parallelism: count(MAX_REPLICAS),
  delayUs: duration,
  failureAction: z.enum(['pause', 'continue', 'rollback']),
  monitorUs: duration,
  maxFailureRatio: z.number().min(0).max(1),
  order: z.enum(['stop-first', 'start-first']),
});

export const portConfig: z.ZodType<PortConfig> = z.strictObject({
  name: name.exactOptional(),
  protocol: z.enum(['tcp', 'udp', 'sctp']),
  targetPort: port,
  publishedPort: port,
  publishMode: z.enum(['ingress', 'host']),
});

const mode: z.ZodType<ServiceMode> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('replicated'), replicas: count(MAX_REPLICAS) }),
  z.strictObject({ kind: z.literal('global') }),
  z.strictObject({ kind: z.literal('replicated-job'), maxConcurrent: count(MAX_REPLICAS), totalCompletions: count(MAX_REPLICAS) }),
  z.strictObject({ kind: z.literal('global-job') }),
]);

/** What the user wants of one service. */
export const serviceSpec: z.ZodType<ServiceSpec> = z
  .strictObject({
    name,
    labels,
    mode,
    task: taskSpec,
    update: updateConfig.exactOptional(),
    rollback: updateConfig.exactOptional(),
    endpoint: z.strictObject({ mode: z.enum(['vip', 'dnsrr']), ports: z.array(portConfig).max(1024) }).exactOptional(),
    profile: name.exactOptional(),
    extensions: z.record(z.string().max(256), z.unknown()).exactOptional(),
  })
  .meta({ id: 'ServiceSpec' });

const driven = z.strictObject({ name, driver: z.string().max(256), labels });
const labelled = z.strictObject({ name, labels });

/** A deployable set of services. */
export const stackSpec: z.ZodType<StackSpec> = z
  .strictObject({
    name: z.string().max(256),
    services: z.array(serviceSpec).max(5000),
    networks: z.array(driven).max(5000),
    volumes: z.array(driven).max(5000),
    secrets: z.array(labelled).max(5000),
    configs: z.array(labelled).max(5000),
  })
  .meta({ id: 'StackSpec' });
