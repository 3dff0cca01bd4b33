/** Small schemas that the others are made of. Everything has an upper bound: what comes in is kept in a journal for good. */
import type { Bytes, DurationUs, NanoCpu, TimeUs, Version } from '@paperfleet/core';
import { z } from 'zod';

const natural = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Our brands exist in types only: the check is the same for all of them. */
export const instant: z.ZodType<TimeUs> = natural.meta({ description: 'instant, µs of simulated time' }) as unknown as z.ZodType<TimeUs>;
export const duration: z.ZodType<DurationUs> = natural.meta({ description: 'span, µs' }) as unknown as z.ZodType<DurationUs>;
export const nanoCpus: z.ZodType<NanoCpu> = natural.meta({ description: 'billionths of a CPU' }) as unknown as z.ZodType<NanoCpu>;
export const byteCount: z.ZodType<Bytes> = natural.meta({ description: 'bytes' }) as unknown as z.ZodType<Bytes>;
export const storeVersion: z.ZodType<Version> = natural as unknown as z.ZodType<Version>;

/** A whole number from 0 to `max`. */
export const count = (max: number): z.ZodType<number> => z.int().min(0).max(max);
/** A name or reference: not empty, no control characters. */
export const name: z.ZodType<string> = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[^\p{Cc}]+$/u, 'must not contain control characters');
/** Free text. */
export const text: z.ZodType<string> = z.string().max(16_384);
export const texts: z.ZodType<string[]> = z.array(text).max(4096);
export const labels: z.ZodType<Record<string, string>> = z.record(z.string().max(512), text);
export const port: z.ZodType<number> = z.int().min(0).max(65_535);
/** Most replicas of one service: beyond any cluster that this simulates. */
export const MAX_REPLICAS = 1_000_000;
