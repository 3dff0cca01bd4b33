/** The OpenAPI 3.1 document, made from the route table and the schemas that requests are checked with. */
import { z } from 'zod';
import type { FailureCode } from './failure.ts';
import { STATUS } from './failure.ts';
import type { Route } from './routes/route.ts';
import { ROUTES } from './routes/routes.ts';
import { apiError, serverFrame } from './schemas/answers.ts';
import { clientFrame } from './schemas/requests.ts';

type Json = Record<string, unknown>;

/** Refusals that any endpoint with these traits may give. */
function commonRefusals(route: Route): FailureCode[] {
  return [
    ...(route.body !== undefined || route.query !== undefined ? (['PF_INVALID'] as const) : []),
    ...(route.body !== undefined ? (['PF_TOO_LARGE', 'PF_MEDIA_TYPE'] as const) : []),
    ...(route.role !== 'anyone' ? (['PF_UNAUTHORIZED'] as const) : []),
    'PF_FORBIDDEN',
  ];
}

/** Codes by status, for the descriptions. */
export function refusalsOf(route: Route): Map<number, FailureCode[]> {
  const byStatus = new Map<number, FailureCode[]>();
  for (const code of new Set([...commonRefusals(route), ...route.refusals]))
    byStatus.set(STATUS[code], [...(byStatus.get(STATUS[code]) ?? []), code]);
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

/** Collects schemas with an id as components and refers to them. */
class Components {
  readonly schemas: Json = {};

  /** @param io – what clients send ('input') or get ('output'): they differ where a schema transforms. */
  take(schema: z.ZodType, io: 'input' | 'output'): Json {
    const { $schema: _, $defs, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any', target: 'draft-2020-12' }) as Json;
    for (const [name, definition] of Object.entries(($defs as Json | undefined) ?? {})) this.schemas[name] = relocate(definition);
    const { id, ...rest } = relocate(json) as Json;
    if (typeof id !== 'string') return rest;
    this.schemas[id] = rest;
    return { $ref: `#/components/schemas/${id}` };
  }
}

/** Moves references from `#/$defs/X` to the document's components, and drops ids, which OpenAPI does not have. */
function relocate(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((item) => relocate(item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key, item]) => !(key === 'id' && typeof item === 'string' && depth > 0));
  return Object.fromEntries(
    entries.map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' ? item.replace('#/$defs/', '#/components/schemas/') : relocate(item, depth + 1),
    ]),
  );
}

function parameters(route: Route, components: Components): Json[] {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
    ...(name === 'run' ? { description: "a run's name; `live` is the main one" } : {}),
  }));
  const query =
    route.query === undefined ? undefined : (components.take(route.query, 'input') as { properties?: Json; required?: string[] });
  const inQuery = Object.entries(query?.properties ?? {}).map(([name, schema]) => {
    const { description, ...rest } = schema as Json;
    return {
      name,
      in: 'query',
      required: query?.required?.includes(name) ?? false,
      ...(description === undefined ? {} : { description }),
      schema: rest,
    };
  });
  const key = {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description: 'the same key gives the same answer and acts once',
    schema: { type: 'string', maxLength: 128 },
  };
  return [...inPath, ...inQuery, ...(route.takesKey === true ? [key] : [])];
}

function operation(route: Route, components: Components): Json {
  const error = components.take(apiError, 'output');
  const refused = Object.fromEntries(
    [...refusalsOf(route)].map(([status, codes]) => [
      status,
      { description: codes.join(', '), content: { 'application/json': { schema: error } } },
    ]),
  );
  const all = parameters(route, components);
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    ...(all.length === 0 ? {} : { parameters: all }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: components.take(route.body, 'input') } } } }),
    responses: {
      [route.answer.status]: {
        description: route.answer.description,
        content: { 'application/json': { schema: components.take(route.answer.schema, 'output') } },
      },
      ...refused,
    },
    ...(route.role === 'anyone' ? { security: [] } : {}),
  };
}

const LIVE_DESCRIPTION = [
  'A WebSocket. The server sends `hello`, then the frames after `from` when it still has them, else a `snapshot`; from then on `delta` frames',
  '(at most ten a second, only when something changed) and `metrics` frames (at most two a second). A page sends `rate` frames.',
  'A page that cannot keep up gets merged deltas, then a fresh snapshot; one that does not drain for 15 s is closed with 1013 and may come back.',
].join(' ');

/** The document as an object. */
export function openApiDocument(): Json {
  const components = new Components();
  const paths: Record<string, Json> = {};
  for (const route of ROUTES) {
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route, components) };
  }
  paths['/api/runs/{run}/live'] = {
    get: {
      operationId: 'openLive',
      tags: ['state'],
      summary: 'Live state (WebSocket)',
      description: LIVE_DESCRIPTION,
      parameters: [
        { name: 'run', in: 'path', required: true, schema: { type: 'string' } },
        {
          name: 'from',
          in: 'query',
          required: false,
          description: 'seq of the newest frame or snapshot that the page has',
          schema: { type: 'integer' },
        },
      ],
      responses: { 101: { description: 'ServerFrame from the server, ClientFrame from the page, as JSON text' } },
      'x-server-frames': components.take(serverFrame, 'output'),
      'x-client-frames': components.take(clientFrame, 'input'),
    },
  };
  return {
    openapi: '3.1.0',
    info: { title: 'Paperfleet', version: '1', description: 'Times are microseconds of simulated time. Errors have the form ApiError.' },
    servers: [{ url: 'http://127.0.0.1:7070' }],
    security: [{ bearer: [] }, {}],
    tags: ['runs', 'state', 'commands', 'time', 'events', 'server'].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'Needed when the server was started with a token' } },
    },
  };
}
