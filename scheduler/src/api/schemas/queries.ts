/** Schemas of query strings. Numbers arrive as text. */
import { z } from 'zod';

const whole = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a whole number')
  .transform(Number);
const upTo = (max: number, meta: string): z.ZodType<number, string> =>
  whole.refine((value) => value >= 1 && value <= max, `must be from 1 to ${max}`).meta({ description: meta });
const reference = z.string().min(1).max(256);

export interface EventQuery {
  readonly before?: number;
  readonly after?: number;
  readonly limit?: number;
  readonly subject?: string;
}
export const eventQuery: z.ZodType<EventQuery> = z.strictObject({
  before: whole.meta({ description: 'only events with a smaller id, the newest of those' }).exactOptional(),
  after: whole.meta({ description: 'only events with a greater id, the oldest of those; for following' }).exactOptional(),
  limit: upTo(1000, 'at most this many (default 100, at most 1000)').exactOptional(),
  subject: reference.meta({ description: 'task:ID, service:NAME, node:NAME, or a bare name or id' }).exactOptional(),
});

export interface MetricsQuery {
  readonly subject: string;
  readonly from?: number;
  readonly to?: number;
  readonly buckets?: number;
}
export const metricsQuery: z.ZodType<MetricsQuery> = z.strictObject({
  subject: reference.meta({ description: 'node:NAME or service:NAME' }),
  from: whole.meta({ description: 'µs; default five minutes before `to`' }).exactOptional(),
  to: whole.meta({ description: 'µs; default now' }).exactOptional(),
  buckets: upTo(2000, 'number of buckets (default 300)').exactOptional(),
});

export interface TaskQuery {
  readonly service?: string;
  readonly node?: string;
  readonly all?: 'true' | 'false';
}
export const taskQuery: z.ZodType<TaskQuery> = z.strictObject({
  service: reference.meta({ description: 'only tasks of this service' }).exactOptional(),
  node: reference.meta({ description: 'only tasks on this node' }).exactOptional(),
  all: z.enum(['true', 'false']).meta({ description: 'true: with the history of ended tasks' }).exactOptional(),
});

export interface JournalQuery {
  readonly after?: number;
  readonly limit?: number;
}
export const journalQuery: z.ZodType<JournalQuery> = z.strictObject({
  after: whole.meta({ description: 'only inputs with a greater seq' }).exactOptional(),
  limit: upTo(10_000, 'at most this many (default 1000)').exactOptional(),
});

/** Endpoints without a query. */
export const noQuery: z.ZodType<Readonly<Record<string, never>>> = z.strictObject({});
