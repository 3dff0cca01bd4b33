/**
 * The scenario file's form: one zod schema, from which the file is checked, its type is made and docs/scenario.schema.json is
 * generated. Every object is strict: an unknown key is an error.
 */
import { z } from 'zod';
import { parseBytes, parseCpus, parseDuration, parseRate, type Parsed } from '../compose/quantity.ts';
import type { ScenarioFile } from './file.ts';

interface QuantityMeta {
  readonly description: string;
  readonly examples: readonly (string | number)[];
}

/** A quantity written as text with a unit (or as a number where `numbers` allows it), read by one of the parsers. */
function quantity(
  parse: (text: string) => Parsed<number>,
  meta: QuantityMeta,
  numbers: 'numbers' | 'text',
): z.ZodType<number, string | number> {
  const input = numbers === 'numbers' ? z.union([z.string(), z.number()]) : z.string();
  return input.meta({ ...meta, examples: [...meta.examples] }).transform((value, context) => {
    const result = parse(String(value));
    if (result.ok) return result.value;
    context.addIssue({ code: 'custom', message: result.message, params: { hint: result.hint } });
    return z.NEVER;
  });
}

/** '5%' or '0.5%' → parts per million. */
function parsePercent(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?)\s*%$/.exec(text.trim());
  const value = match === null ? Number.NaN : Math.round(Number(match[1]) * 10_000);
  return value <= 1_000_000
    ? { ok: true, value }
    : { ok: false, message: `'${text}' is no percentage`, hint: "write e.g. '5%', at most 100%" };
}

/** '100MB/s' or '1Gbit/s' → bytes a second. Here prefixes are decimal, as network equipment counts. */
function parseBandwidth(text: string): Parsed<number> {
  const match = /^(\d+(?:\.\d+)?) ?([kmg])?(bit|b)\/s$/i.exec(text.trim());
  if (match === null) return { ok: false, message: `'${text}' is no bandwidth`, hint: "write e.g. '100MB/s' or '1Gbit/s'" };
  const scale = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[(match[2] ?? '').toLowerCase()] ?? 1;
  return { ok: true, value: Math.floor((Number(match[1]) * scale) / (match[3]?.toLowerCase() === 'bit' ? 8 : 1)) };
}

const duration = quantity(parseDuration, { description: 'A span of simulated time.', examples: ['30s', '1m30s', '500ms', '2h'] }, 'text');
const size = quantity(parseBytes, { description: 'Bytes; all prefixes are binary, as in Docker.', examples: ['512M', '32GiB'] }, 'text');
const cpus = quantity(parseCpus, { description: 'CPUs.', examples: [8, '0.5'] }, 'numbers');
const rate = quantity(parseRate, { description: 'Requests a second.', examples: ['50/s', '1200/min', 50] }, 'numbers');
const percent = quantity(parsePercent, { description: 'A chance per message.', examples: ['5%', '0.1%'] }, 'text');
const bandwidth = quantity(
  parseBandwidth,
  { description: "Bandwidth of a node's link to the registry.", examples: ['100MB/s', '1Gbit/s'] },
  'text',
);

const texts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String));
const name = z.string().min(1);
const count = z.int().min(0);

const pool = z.strictObject({
  name: name.optional().meta({ description: 'Nodes are called NAME-1, NAME-2, …; without a name n1, n2, … over all such pools.' }),
  count: z.int().min(1).max(100_000),
  cpu: cpus,
  memory: size,
  labels: texts.optional().meta({ description: 'Node labels (node.labels.NAME).' }),
  engineLabels: texts.optional().meta({ description: 'Engine labels (engine.labels.NAME).' }),
  zone: z.string().optional().meta({ description: 'Zone of the nodes; also their node label zone, unless labels sets that.' }),
  generic: z
    .record(z.string(), z.union([count, z.array(z.string())]))
    .optional()
    .meta({ description: 'Generic resources: a number, or names.', examples: [{ gpu: 4 }] }),
  os: z.string().optional(),
  arch: z.string().optional(),
  price: z.number().min(0).optional().meta({ description: 'Price of a node per hour.' }),
  pull: bandwidth.optional(),
  latency: duration.optional().meta({ description: 'One-way latency to the manager.' }),
  at: duration.optional().meta({ description: 'When the nodes join; at the start when absent.' }),
});

const composePart = z.record(z.string(), z.unknown());
const app = z
  .strictObject({
    name: name.optional().meta({ description: 'Name of the stack: prefix of its services.' }),
    compose: z
      .union([z.string(), z.array(z.string()).min(1)])
      .optional()
      .meta({ description: 'Compose files, seen from the folder of this file.' }),
    profiles: z.array(z.string()).optional(),
    env: texts.optional().meta({ description: 'Variables for interpolation.' }),
    at: duration.optional().meta({ description: 'When it is deployed; 1s when absent, so that nodes of the start have joined.' }),
    services: composePart.optional().meta({ description: 'Services in Compose syntax, in place of files.' }),
    networks: composePart.optional(),
    volumes: composePart.optional(),
    secrets: composePart.optional(),
    configs: composePart.optional(),
  })
  .meta({ description: "One stack: either 'compose' or 'services'." });

const load = z.strictObject({
  to: name.meta({ description: "A service: 'web', or 'shop_web' where several apps have a web." }),
  rate,
  startTime: duration.optional().meta({ description: "When it begins; with the app's deployment when absent." }),
});

const when = {
  at: duration.optional().meta({ description: 'Once, at this time.' }),
  every: duration.optional().meta({ description: 'Again and again, from `from` (its own length when absent) up to `until`.' }),
  from: duration.optional(),
  until: duration.optional(),
};
const whichNodes = {
  node: name.optional(),
  nodes: z.array(name).min(1).optional(),
  pool: name.optional(),
  zone: name.optional(),
  pick: z.int().min(1).optional().meta({ description: 'Only so many of them, chosen by the seed; of all nodes when none are named.' }),
};
const lasting = { for: duration.optional().meta({ description: 'Undone after this time.' }) };
const direction = z.enum(['both', 'in', 'out']).optional().meta({ description: 'What is sent to the nodes, by them, or both (default).' });

const action = z.discriminatedUnion('do', [
  z.strictObject({ do: z.literal('scale'), ...when, service: name, replicas: count }),
  z.strictObject({
    do: z.literal('update'),
    ...when,
    service: name,
    image: name.optional(),
    env: texts.optional(),
    force: z.boolean().optional(),
  }),
  z.strictObject({ do: z.literal('rollback'), ...when, service: name }),
  z.strictObject({ do: z.literal('remove'), ...when, service: name.optional(), app: name.optional() }),
  z.strictObject({ do: z.literal('load'), ...when, to: name, rate }),
  z.strictObject({ do: z.literal('kill'), ...when, ...whichNodes, ...lasting }),
  z.strictObject({ do: z.literal('recover'), ...when, ...whichNodes }),
  z.strictObject({ do: z.literal('drain'), ...when, ...whichNodes, ...lasting }),
  z.strictObject({ do: z.literal('pause'), ...when, ...whichNodes, ...lasting }),
  z.strictObject({ do: z.literal('activate'), ...when, ...whichNodes }),
  z.strictObject({
    do: z.literal('killTask'),
    ...when,
    task: name.meta({ description: "SERVICE.SLOT, or SERVICE.NODE for a global service: 'web.2'." }),
    exitCode: z.int().min(0).max(255).optional(),
  }),
  z.strictObject({ do: z.literal('partition'), ...when, ...whichNodes, ...lasting, direction }),
  z.strictObject({ do: z.literal('heal'), ...when, ...whichNodes }),
  z.strictObject({
    do: z.literal('link'),
    ...when,
    ...whichNodes,
    ...lasting,
    direction,
    loss: percent.optional(),
    duplicate: percent.optional(),
    delay: z
      .union([duration, z.strictObject({ uniform: z.tuple([duration, duration]) })])
      .optional()
      .meta({ description: 'Added to the latency of each message.' }),
    reorder: z.boolean().optional(),
  }),
]);

const config = z
  .strictObject({
    controlLatency: duration,
    dataLatency: duration,
    zoneLatency: duration,
    heartbeatPeriod: duration,
    heartbeatEpsilon: duration,
    heartbeatGrace: z.int().min(1),
    taskHistoryLimit: count,
    statisticsInterval: duration,
    profile: name,
    startupScale: z
      .number()
      .min(0)
      .max(1000)
      .meta({ description: 'Scales image sizes and start-up times; 0 makes pulls and starts immediate.' }),
    imageCache: size,
  })
  .partial()
  .meta({ description: "Overrides of the cluster's settings." });

const expectation = z.strictObject({
  metric: z.enum(['running', 'desired', 'pending', 'nodesReady']),
  of: name.optional().meta({ description: 'A service; the sum over all services when absent.' }),
  over: z.literal('end').optional().meta({ description: 'When it is measured: at the end of the run.' }),
  op: z.enum(['==', '!=', '<', '<=', '>', '>=']),
  value: z.number(),
});

const schema = z
  .strictObject({
    name: name.optional(),
    description: z.string().optional(),
    seed: z
      .union([z.string(), z.number()])
      .transform(String)
      .optional()
      .meta({ description: 'Any text or number; the same seed gives the same run.' }),
    until: duration.optional().meta({ description: 'Length of the run; 5m when absent.' }),
    config: config.optional(),
    cluster: z.strictObject({ pools: z.array(pool).min(1) }),
    apps: z.array(app).optional(),
    load: z.array(load).optional(),
    timeline: z.array(action).optional(),
    expect: z.array(expectation).optional(),
  })
  .meta({ title: 'Paperfleet scenario' });

/** The whole file. */
export const scenarioSchema: z.ZodType<ScenarioFile> = schema;

/** JSON Schema of the scenario file, for editors (docs/scenario.schema.json). */
export function scenarioJsonSchema(): Record<string, unknown> {
  return z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
}
