/** Schemas of what clients send. Strict: an unknown key is an error that names its place. */
import type {
  ClientFrame,
  Command,
  CommandRequest,
  DeployRequest,
  Fault,
  FaultRequest,
  LinkFault,
  PartyId,
  PlaybackRequest,
} from '@paperfleet/core';
import { z } from 'zod';
import { count, duration, instant, labels, MAX_REPLICAS, name, storeVersion } from './primitives.ts';
import { serviceSpec, stackSpec } from './spec.ts';

/** What a user can ask of the manager. */
export const command: z.ZodType<Command> = z
  .discriminatedUnion('do', [
    z.strictObject({ do: z.literal('deploy'), stack: stackSpec, prune: z.boolean() }),
    z.strictObject({ do: z.literal('createService'), spec: serviceSpec }),
    z.strictObject({ do: z.literal('updateService'), service: name, spec: serviceSpec, version: storeVersion.exactOptional() }),
    z.strictObject({ do: z.literal('rollbackService'), service: name }),
    z.strictObject({ do: z.literal('removeService'), service: name }),
    z.strictObject({ do: z.literal('removeStack'), stack: name }),
    z.strictObject({ do: z.literal('scale'), service: name, replicas: count(MAX_REPLICAS) }),
    z.strictObject({ do: z.literal('load'), service: name, requestsPerSecond: z.number().min(0).max(1e9) }),
    z.strictObject({
      do: z.literal('updateNode'),
      node: name,
      availability: z.enum(['active', 'pause', 'drain']).exactOptional(),
      labels: labels.exactOptional(),
    }),
    z.strictObject({ do: z.literal('removeNode'), node: name, force: z.boolean() }),
    z.strictObject({ do: z.literal('removeTask'), task: name }),
  ])
  .meta({ id: 'Command' });

/** An idempotency key: what Idempotency-Key may hold. */
export const idempotencyKey: z.ZodType<string> = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x21-\x7e]+$/, 'must be 1 to 128 visible ASCII characters');

export const commandRequest: z.ZodType<CommandRequest> = z
  .strictObject({ command, key: idempotencyKey.exactOptional() })
  .meta({ id: 'CommandRequest' });

const link: z.ZodType<LinkFault> = z.strictObject({
  partitioned: z.boolean(),
  lossPpm: count(1_000_000),
  duplicatePpm: count(1_000_000),
  delayUs: z.strictObject({ min: duration, max: duration }).refine(({ min, max }) => min <= max, 'min must not be above max'),
  reorder: z.boolean(),
});

const fault = z.discriminatedUnion('fault', [
  z.strictObject({ fault: z.literal('crash') }),
  z.strictObject({ fault: z.literal('recover') }),
  z.strictObject({ fault: z.literal('killTask'), task: name, exitCode: count(255) }),
  z.strictObject({
    fault: z.literal('link'),
    peers: z.array(z.int().min(1).max(0xffff_ffff) as unknown as z.ZodType<PartyId>).max(100_000),
    link,
  }) satisfies z.ZodType<Fault>,
  z.strictObject({ fault: z.literal('partition'), direction: z.enum(['both', 'up', 'down']) }),
  z.strictObject({ fault: z.literal('heal') }),
]);

export const faultRequest: z.ZodType<FaultRequest> = z
  .strictObject({ nodes: z.array(name).max(100_000).exactOptional(), fault })
  .meta({ id: 'FaultRequest' });

export const playbackRequest: z.ZodType<PlaybackRequest> = z
  .discriminatedUnion('do', [
    z.strictObject({ do: z.enum(['pause', 'resume']) }),
    z.strictObject({
      do: z.literal('speed'),
      speed: z
        .number()
        .refine((speed) => speed === 0 || (speed >= 0.1 && speed <= 1000), 'must be 0.1 to 1000, or 0 for as fast as possible'),
    }),
    z.strictObject({ do: z.literal('step'), until: z.enum(['window', 'event']) }),
  ])
  .meta({ id: 'PlaybackRequest' });

export const deployRequest: z.ZodType<DeployRequest> = z
  .strictObject({
    files: z
      .array(z.strictObject({ path: name, text: z.string() }))
      .min(1)
      .max(64),
    name: z.string().max(256).exactOptional(),
    env: z.record(z.string().max(512), z.string().max(16_384)).exactOptional(),
    profiles: z.array(name).max(256).exactOptional(),
    prune: z.boolean().exactOptional(),
  })
  .meta({ id: 'DeployRequest' });

/** Body of rewind and fork. */
export const instantRequest: z.ZodType<{ readonly at: number }> = z.strictObject({ at: instant }).meta({ id: 'InstantRequest' });

/** Page → server on the live socket. */
export const clientFrame: z.ZodType<ClientFrame> = z
  .strictObject({ type: z.literal('rate'), perSecond: z.number().min(0).max(2) })
  .meta({ id: 'ClientFrame' });
