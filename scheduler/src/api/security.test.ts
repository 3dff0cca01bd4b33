import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Served } from './testing/serve.ts';
import { serve } from './testing/serve.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** A request with any headers, also those that fetch does not let through. */
function ask(
  served: Served,
  target: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port: served.port, path: target, method: options.method ?? 'GET', headers: options.headers ?? {} },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}
const scale = { method: 'POST', body: JSON.stringify({ command: { do: 'scale', service: 'web', replicas: 2 } }) };
const json = { 'content-type': 'application/json' };
const code = ({ text }: Answer): unknown => (JSON.parse(text) as { error: { code: string } }).error.code;

describe('on loopback without a token', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve();
  });
  afterAll(() => served.close());

  test.each(['127.0.0.1:7070', 'localhost:9999', '[::1]:7070', 'LOCALHOST'])('Host %s is this server', async (host) => {
    expect((await ask(served, '/api/runs', { headers: { host } })).status).toBe(200);
  });

  test.each([
    'evil.example',
    'evil.example:7070',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    '10.0.0.1',
    'localhost@evil.example',
  ])('Host "%s" is not', async (host) => {
    const answer = await ask(served, '/api/runs', { headers: { host } });
    expect([answer.status, code(answer)]).toEqual([403, 'PF_FOREIGN_HOST']);
  });

  test.each(['http://evil.example', 'null', 'http://localhost:3000', 'https://127.0.0.1', 'file://', 'http://127.0.0.1:7070.evil.example'])(
    'a page of %s may not ask for anything',
    async (origin) => {
      const answer = await ask(served, '/api/runs/live/commands', { ...scale, headers: { ...json, host: '127.0.0.1:7070', origin } });
      expect([answer.status, code(answer)]).toEqual([403, 'PF_FOREIGN_ORIGIN']);
      expect(served.run.inputs()).toHaveLength(0);
    },
  );

  test('its own page may', async () => {
    const answer = await ask(served, '/api/runs', { headers: { host: 'localhost:7070', origin: 'http://localhost:7070' } });
    expect(answer.status).toBe(200);
  });

  test('a form of another page cannot pass for JSON', async () => {
    const answer = await ask(served, '/api/runs/live/commands', { ...scale, headers: { 'content-type': 'text/plain' } });
    expect(answer.status).toBe(415);
  });

  test('every answer, refusals too, carries the security headers', async () => {
    for (const target of ['/', '/api/runs', '/api/nope', '/healthz']) {
      const { headers } = await ask(served, target);
      expect(headers['content-security-policy']).toContain("default-src 'self'");
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['x-powered-by']).toBeUndefined();
    }
    expect((await ask(served, '/', { headers: { host: 'evil.example' } })).headers['x-frame-options']).toBe('DENY');
  });
});

describe('with tokens', () => {
  let served: Served;
  beforeAll(async () => {
    served = await serve({ token: 'operator-secret', viewerToken: 'viewer-secret' });
  });
  afterAll(() => served.close());
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

  test('without one the API answers 401, also to bodies it would not parse', async () => {
    for (const target of ['/api/runs', '/api/openapi.json', '/api/nope']) expect((await ask(served, target)).status).toBe(401);
    const answer = await ask(served, '/api/runs/live/commands', { method: 'POST', headers: json, body: '{' });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="paperfleet"']);
    expect((await ask(served, '/api/runs', { headers: bearer('operator-secre') })).status).toBe(401);
    expect((await ask(served, '/healthz')).status).toBe(200);
  });

  test('operators may change things, viewers only look', async () => {
    expect((await ask(served, '/api/runs', { headers: bearer('viewer-secret') })).status).toBe(200);
    const refused = await ask(served, '/api/runs/live/commands', { ...scale, headers: { ...json, ...bearer('viewer-secret') } });
    expect([refused.status, code(refused)]).toEqual([403, 'PF_FORBIDDEN']);
    expect(served.run.inputs()).toHaveLength(0);
    expect((await ask(served, '/api/runs/live/commands', { ...scale, headers: { ...json, ...bearer('operator-secret') } })).status).toBe(
      202,
    );
  });

  test('a browser without a token is asked for one; with one in the address it gets a cookie and a clean address', async () => {
    const asked = await ask(served, '/', { headers: { accept: 'text/html' } });
    expect([asked.status, asked.text]).toEqual([401, expect.stringContaining('name="token"')]);
    const wrong = await ask(served, '/?token=nope', { headers: { accept: 'text/html' } });
    expect(wrong.status).toBe(401);
    const taken = await ask(served, '/services/web?tab=tasks&token=viewer-secret');
    expect([taken.status, taken.headers['location']]).toEqual([303, '/services/web?tab=tasks']);
    const [cookie] = taken.headers['set-cookie'] as readonly string[];
    expect(cookie).toBe('paperfleet_7070=viewer-secret; Path=/; HttpOnly; SameSite=Strict');
    expect((await ask(served, '/api/runs', { headers: { cookie: cookie!.split(';')[0]! } })).status).toBe(200);
    expect((await ask(served, '//evil.example/?token=viewer-secret')).headers['location']).toBe('/evil.example/');
  });

  test('live sockets need one too, and tell the role', async () => {
    const open = (query: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${served.port}/api/runs/live/live${query}`);
        socket.once('message', (data: Buffer) => {
          resolve((JSON.parse(data.toString('utf8')) as { role: string }).role);
          socket.terminate();
        });
        socket.once('unexpected-response', (_request, response) => {
          resolve(response.statusCode);
          response.resume();
        });
        socket.once('error', reject);
      });
    expect(await open('')).toBe(401);
    expect(await open('?token=viewer-secret')).toBe('viewer');
    expect(await open('?token=operator-secret')).toBe('operator');
  });
});

describe('the dashboard', () => {
  let root: string;
  let served: Served;
  beforeAll(async () => {
    root = mkdtempSync(path.join(tmpdir(), 'paperfleet-web-'));
    mkdirSync(path.join(root, 'assets'));
    writeFileSync(path.join(root, 'index.html'), '<!doctype html><title>Paperfleet</title>');
    writeFileSync(path.join(root, 'assets', 'app-1a2b.js'), 'export {};');
    writeFileSync(path.join(path.dirname(root), `${path.basename(root)}.secret`), 'secret');
    served = await serve({ webRoot: root });
  });
  afterAll(async () => {
    await served.close();
    rmSync(`${root}.secret`);
    rmSync(root, { recursive: true });
  });

  test('its own routes are all its page, files are files, and what is missing is missing', async () => {
    for (const target of ['/', '/services/web', '/nodes/n1?tab=tasks']) {
      const answer = await ask(served, target, { headers: { accept: 'text/html' } });
      expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([
        200,
        '<!doctype html><title>Paperfleet</title>',
        'no-cache',
      ]);
    }
    const asset = await ask(served, '/assets/app-1a2b.js');
    expect([asset.status, asset.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect((await ask(served, '/assets/gone.js')).status).toBe(404);
    expect((await ask(served, '/', { method: 'POST' })).status).toBe(405);
  });

  test.each(['/../{}.secret', '/%2e%2e/{}.secret', '/assets/../../{}.secret', '/assets/%2e%2e%2f%2e%2e%2f{}.secret', '/..%5c{}.secret'])(
    '%s does not lead out of its folder',
    async (template) => {
      const answer = await ask(served, template.replace('{}', path.basename(root)));
      expect(answer.text).not.toContain('secret"');
      expect(answer.text).not.toBe('secret');
      expect(answer.status).toBeGreaterThanOrEqual(400);
    },
  );

  test('that is not built says how to build it', async () => {
    const bare = await serve();
    expect((await ask(bare, '/')).text).toContain('npm run build');
    await bare.close();
  });
});
