// Tens of thousands of requests, mutated and random, against the express app on a real socket. What must hold: no crash, no
// status of 500 or above, every refusal in our own form, and a page that is connected all the while is not disturbed.

import type { IncomingMessage } from 'node:http';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import type { Served } from '@paperfleet/scheduler/testing';
import { serve } from '@paperfleet/scheduler/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { FuzzRequest } from './api-requests.ts';
import { fuzzRequest } from './api-requests.ts';

const REQUESTS = 30_000;
const IN_FLIGHT = 64;
const BATCH = 2000;
const BUDGET_MS = 20_000;

let served: Served;
let agent: Agent;
beforeAll(async () => {
  served = await serve({ loadStack: () => ({ ok: false, errors: [{ message: 'not read here' }] }) });
  agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
});
afterAll(async () => {
  agent.destroy();
  await served.close();
});

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly isJson: boolean;
}

function send(request: FuzzRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method, path, headers } = request;
    const message = httpRequest({ host: '127.0.0.1', port: served.port, method, path, headers, agent }, (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text: Buffer.concat(chunks).toString('utf8'),
          isJson:
            (response.headers['content-type'] ?? '').startsWith('application/json') && response.headers['content-encoding'] === undefined,
        }),
      );
    });
    message.on('error', reject);
    message.end(request.body === undefined ? undefined : Buffer.from(request.body, 'latin1'));
  });
}

/** Paths that may say "busy": a few rewinds, forks and digests run at a time. */
const mayBeBusy = ({ path }: FuzzRequest): boolean => /\/(rewind|fork|digest)/.test(path);

function problemOf(request: FuzzRequest, { status, text, isJson }: Answer): string | undefined {
  if (status >= 500 && !(status === 503 && mayBeBusy(request))) return `status ${status}: ${text.slice(0, 300)}`;
  if (status < 400 || request.method === 'HEAD' || request.path.length === 0) return undefined;
  if (!isJson) return request.path.startsWith('/api/') ? `status ${status} without JSON: ${text.slice(0, 300)}` : undefined;
  const { error } = JSON.parse(text) as { error?: { code?: unknown; message?: unknown } };
  return typeof error?.code === 'string' && error.code.startsWith('PF_') && typeof error.message === 'string'
    ? undefined
    : `status ${status}: ${text.slice(0, 300)}`;
}

async function sendAll(requests: readonly FuzzRequest[], statuses: Map<number, number>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < requests.length; index = next++) {
      const request = requests[index]!;
      const answer = await send(request).catch((error: unknown): Answer => {
        throw new Error(`${JSON.stringify(request)} was not answered: ${String(error)}`);
      });
      const problem = problemOf(request, answer);
      if (problem !== undefined) throw new Error(`${JSON.stringify(request)}: ${problem}`);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

test('no request makes the API crash or answer with a status of 500 or above, and a page beside it goes on', async () => {
  const page = new WebSocket(`ws://127.0.0.1:${served.port}/api/runs/live/live`);
  let frames = 0;
  let closed = false;
  page.on('message', (data: Buffer) => {
    JSON.parse(data.toString('utf8'));
    frames++;
  });
  page.on('close', () => {
    closed = true;
  });
  await new Promise((resolve, reject) => page.once('message', resolve).once('error', reject));
  const statuses = new Map<number, number>();
  const seed = fc.readConfigureGlobal()?.seed ?? 1;
  const deadline = Date.now() + BUDGET_MS;
  let sent = 0;
  for (; sent < REQUESTS && Date.now() < deadline; sent += BATCH) {
    await sendAll(fc.sample(fuzzRequest, { numRuns: BATCH, seed: seed + sent }), statuses);
    const control = await send({ method: 'GET', path: '/api/runs/live/services', headers: {}, body: undefined });
    expect(control.status).toBe(200);
  }
  // Nothing was tested if everything was refused at the door, or if the machine was too slow for a tenth of it.
  expect(sent).toBeGreaterThanOrEqual(REQUESTS / 10);
  for (const status of [200, 202, 400, 403, 404, 405, 409, 415])
    expect(statuses.get(status) ?? 0, `answers with status ${status}`).toBeGreaterThan(0);
  expect(served.errors).toEqual([]);
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect(closed).toBe(false);
  const before = frames;
  served.run.pause();
  served.run.resume();
  served.run.events.add(served.run.simUs, 'note', { code: 'NOTE', message: 'the end' });
  await new Promise((resolve) => page.once('message', resolve));
  expect(frames).toBeGreaterThan(before);
  page.terminate();
});

test('bytes that are no HTTP, broken upgrades and half requests cost only their own connection', async () => {
  const upgrade =
    'GET /api/runs/live/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
  const post = 'POST /api/runs/live/commands HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';
  const samples = fc.sample(
    fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.concat([Buffer.from(upgrade), Buffer.from(bytes)])),
      fc.nat(upgrade.length).map((length) => Buffer.from(`${upgrade.slice(0, length)}\r\n\r\n`)),
      fc
        .constantFrom(
          'Content-Length: 99999999\r\n\r\n{',
          'Content-Length: -1\r\n\r\n',
          'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
          'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
        )
        .map((rest) => Buffer.from(post + rest)),
    ),
    { numRuns: 1000, seed: fc.readConfigureGlobal()?.seed ?? 1 },
  );
  for (let start = 0; start < samples.length; start += 50) {
    await Promise.all(
      samples.slice(start, start + 50).map(
        (bytes) =>
          new Promise<void>((resolve) => {
            const socket = connect(served.port, '127.0.0.1', () => {
              socket.write(bytes);
              socket.end();
            });
            socket
              .on('error', () => resolve())
              .on('close', () => resolve())
              .resume();
            // Half a request keeps its connection open: we are the ones to leave.
            setTimeout(() => socket.destroy(), 50);
          }),
      ),
    );
  }
  const control = await send({ method: 'GET', path: '/api/runs/live/services', headers: {}, body: undefined });
  expect(control.status).toBe(200);
  expect(served.errors).toEqual([]);
});
