/** The express app: the checks every request passes, the endpoints of the route table, the dashboard's files. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { ErrorRequestHandler, Express, NextFunction, Request, RequestHandler, Response } from 'express';
import express from 'express';
import { checked, checkShape } from './body.ts';
import { ApiFailure } from './failure.ts';
import { openApiDocument } from './openapi.ts';
import type { ApiLog } from './options.ts';
import { ROUTES } from './routes/routes.ts';
import type { ApiServices, Route, RouteRequest } from './routes/route.ts';
import { isEncoded } from './routes/route.ts';
import { noQuery } from './schemas/queries.ts';
import { idempotencyKey } from './schemas/requests.ts';
import type { Gate, Role } from './security.ts';
import { SECURITY_HEADERS } from './security.ts';
import { serveDashboard } from './static.ts';

/** Largest body accepted. */
export const MAX_BODY_BYTES: number = 2 * 1024 * 1024;
/** Answers below this size are not worth compressing. */
const GZIP_BYTES: number = 16 * 1024;
const compress = promisify(gzip);

/** A query parameter that occurs once, as text. */
export const single = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const ACTOR = /^[\w.@ -]{1,40}$/;
/** Who is shown in events as having asked: a client may name itself. */
const actorOf = (request: IncomingMessage, role: Role): string => {
  const named = request.headers['paperfleet-actor'];
  return typeof named === 'string' && ACTOR.test(named) ? named : role === 'operator' ? 'api' : role;
};

/** Sends JSON bytes, compressed when they are many and the client takes gzip. */
async function sendJson(request: Request, response: Response, status: number, json: Buffer): Promise<void> {
  response.status(status).set({ 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store', Vary: 'Accept-Encoding' });
  if (json.length < GZIP_BYTES || request.acceptsEncodings('gzip') !== 'gzip') {
    response.end(json);
    return;
  }
  // Level 1: the time to compress matters more here than the last tenth of size.
  const packed = await compress(json, { level: 1 });
  response.set('Content-Encoding', 'gzip').end(packed);
}

function roleOf(gate: Gate, request: Request, needed: Route['role']): Role {
  if (needed === 'anyone') return 'viewer';
  const role = gate.role(request, single(request.query['token']));
  if (needed === 'operator' && role === 'viewer') {
    throw new ApiFailure('PF_FORBIDDEN', 'viewers may look but not change anything', { hint: "use the operators' token" });
  }
  return role;
}

function bodyOf(route: Route, request: Request): unknown {
  if (route.body === undefined) return undefined;
  if (request.is('application/json') === false) {
    throw new ApiFailure('PF_MEDIA_TYPE', 'the body must be JSON', { hint: 'send Content-Type: application/json' });
  }
  checkShape(request.body);
  return checked(route.body, request.body, 'body');
}

function handler(route: Route, api: ApiServices, gate: Gate): RequestHandler {
  return async (request: Request, response: Response): Promise<void> => {
    const role = roleOf(gate, request, route.role);
    const { token: _, ...query } = request.query;
    const header = request.headers['idempotency-key'];
    const param = (name: string): string => single(request.params[name]) ?? '';
    const routeRequest: RouteRequest<unknown, unknown> = {
      api,
      param,
      run: () => api.requireRun(param('run')),
      query: checked(route.query ?? noQuery, query, 'query'),
      body: bodyOf(route, request),
      key: route.takesKey === true && header !== undefined ? checked(idempotencyKey, header, 'header') : '',
      by: actorOf(request, role),
    };
    const answer = await route.handle(routeRequest);
    if (isEncoded(answer)) response.set(answer.headers ?? {});
    await sendJson(request, response, route.answer.status, isEncoded(answer) ? answer.json : Buffer.from(JSON.stringify(answer)));
  };
}

/** Errors of express and its body parser, which carry an HTTP status, as ours. */
function fromHttpError(status: number, type: string): ApiFailure | undefined {
  if (type === 'entity.parse.failed') return new ApiFailure('PF_INVALID', 'the body is no valid JSON');
  if (type === 'entity.too.large') return new ApiFailure('PF_TOO_LARGE', `the body is larger than ${MAX_BODY_BYTES} bytes`);
  if (status === 415) return new ApiFailure('PF_MEDIA_TYPE', 'the body has an encoding or character set that is not supported');
  if (status >= 400 && status < 500) return new ApiFailure('PF_INVALID', 'the request cannot be read');
  return undefined;
}

function failureOf(error: unknown, log: ApiLog): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const { status, type } = (typeof error === 'object' && error !== null ? error : {}) as { status?: unknown; type?: unknown };
  const known = typeof status === 'number' ? fromHttpError(status, typeof type === 'string' ? type : '') : undefined;
  if (known !== undefined) return known;
  log('error', 'api.failed', { message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  return new ApiFailure('PF_INTERNAL', 'the server failed to answer; its log says why');
}

/** Answers 405 on paths that exist for other methods. */
function otherMethods(app: Express): void {
  const methods = new Map<string, string[]>();
  for (const { path, method } of ROUTES) methods.set(path, [...(methods.get(path) ?? []), method.toUpperCase()]);
  for (const [path, allowed] of methods) {
    app.all(path, (_request, response) => {
      response.set('Allow', allowed.join(', '));
      throw new ApiFailure('PF_METHOD', `only ${allowed.join(' and ')} here`);
    });
  }
}

/** Makes the app. */
export function createApp(api: ApiServices, gate: Gate): Express {
  const { log, webRoot } = api.options;
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple').set('case sensitive routing', true);
  app.use((request: IncomingMessage, response: ServerResponse, next: NextFunction) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    gate.checkOrigin(request);
    next();
  });
  // Without credentials nobody gets as far as having a body parsed.
  app.use('/api', (request: Request, _response: Response, next: NextFunction) => {
    gate.role(request, single(request.query['token']));
    next();
  });
  app.use('/api', express.json({ limit: MAX_BODY_BYTES, strict: true }));
  for (const route of ROUTES) app[route.method](route.path, handler(route, api, gate));
  app.get('/api/openapi.json', (request, response) => sendJson(request, response, 200, openApiBytes()));
  otherMethods(app);
  app.use('/api', () => {
    throw new ApiFailure('PF_NOT_FOUND', 'no such endpoint', { hint: 'see /api/openapi.json' });
  });
  serveDashboard(app, gate, webRoot);
  const onError: ErrorRequestHandler = (error: unknown, request, response, next) => {
    const failure = failureOf(error, log);
    if (response.headersSent) return next(error);
    response.set('Cache-Control', 'no-store').status(failure.status);
    if (failure.status === 401) response.set('WWW-Authenticate', 'Bearer realm="paperfleet"');
    // The rest of a body that was refused is not waited for.
    if (!request.complete) response.set('Connection', 'close');
    response.json(failure.toJson());
  };
  app.use(onError);
  return app;
}

let openApi: Buffer | undefined;
function openApiBytes(): Buffer {
  openApi ??= Buffer.from(JSON.stringify(openApiDocument()));
  return openApi;
}
