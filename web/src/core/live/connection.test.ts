import type { ClientFrame } from '@paperfleet/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClusterApi, LiveListener } from './api.ts';
import type { ConnectionStatus } from './connection.machine.ts';
import { BACKOFF, backoffMs, connect, METRIC_RATE } from './connection.machine.ts';

interface Opened {
  readonly from: number | null;
  readonly listener: LiveListener;
  readonly sent: ClientFrame[];
  closed: boolean;
}

/** A server end that a test plays. */
function server(): { readonly opened: Opened[]; readonly api: ClusterApi } {
  const opened: Opened[] = [];
  const api: Pick<ClusterApi, 'open'> = {
    open(from, listener) {
      const socket: Opened = { from, listener, sent: [], closed: false };
      opened.push(socket);
      return { send: (frame) => socket.sent.push(frame), close: () => (socket.closed = true) };
    },
  };
  return { opened, api: api as ClusterApi };
}

function follow(overrides: { receive?: () => boolean; hidden?: boolean } = {}): {
  opened: Opened[];
  statuses: ConnectionStatus[];
  connection: ReturnType<typeof connect>;
  seq: { value: number | null };
} {
  const { opened, api } = server();
  const statuses: ConnectionStatus[] = [];
  const seq = { value: null as number | null };
  const connection = connect(
    { api, receive: overrides.receive ?? (() => true), lastSeq: () => seq.value, random: () => 1, hidden: overrides.hidden ?? false },
    (status) => statuses.push(status),
  );
  return { opened, statuses, connection, seq };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the wait doubles up to a bound and is spread over its upper half', () => {
  expect([1, 2, 3, 9].map((attempt) => backoffMs(attempt, () => 1))).toEqual([500, 1000, 2000, BACKOFF.longestMs]);
  expect(backoffMs(3, () => 0)).toBe(1000);
});

test('an open feed asks for metrics, a broken one comes back from where it was', () => {
  const { opened, statuses, seq } = follow();
  expect(opened[0]?.from).toBeNull();
  opened[0]!.listener.opened();
  expect(statuses.at(-1)?.state).toBe('live');
  expect(opened[0]!.sent).toEqual([{ type: 'rate', perSecond: METRIC_RATE }]);
  seq.value = 42;
  opened[0]!.listener.closed(1006, '');
  expect(statuses.at(-1)).toMatchObject({ state: 'waiting', attempt: 1, delayMs: 500, reason: 'connection closed (1006)' });
  vi.advanceTimersByTime(499);
  expect(opened.length).toBe(1);
  vi.advanceTimersByTime(1);
  expect(opened[1]?.from).toBe(42);
  opened[1]!.listener.closed(1006, '');
  expect(statuses.at(-1)).toMatchObject({ attempt: 2, delayMs: 1000 });
  vi.advanceTimersByTime(1000);
  opened[2]!.listener.opened();
  expect(statuses.at(-1)).toMatchObject({ state: 'live', attempt: 0 });
});

test('a refusal is not tried again by itself', () => {
  const { opened, statuses, connection } = follow();
  opened[0]!.listener.closed(1008, 'wrong token');
  vi.advanceTimersByTime(60_000);
  expect(opened.length).toBe(1);
  expect(statuses.at(-1)).toMatchObject({ state: 'refused', reason: 'wrong token' });
  connection.retry();
  expect(opened.length).toBe(2);
});

test('a hidden page asks for nothing and a shown one again', () => {
  const { opened, connection } = follow();
  opened[0]!.listener.opened();
  connection.setHidden(true);
  connection.setHidden(false);
  expect(opened[0]!.sent.map((frame) => frame.perSecond)).toEqual([METRIC_RATE, 0, METRIC_RATE]);
});

test('a frame that does not fit closes the feed and starts over', () => {
  const { opened, statuses } = follow({ receive: () => false });
  opened[0]!.listener.opened();
  opened[0]!.listener.frame({ type: 'hello', protocol: 1, run: 'other', seq: 0, role: 'operator' });
  expect(opened[0]!.closed).toBe(true);
  expect(statuses.at(-1)?.state).toBe('waiting');
  vi.advanceTimersByTime(1000);
  expect(opened.length).toBe(2);
});

test('stopping closes the feed for good', () => {
  const { opened, connection } = follow();
  connection.stop();
  expect(opened[0]!.closed).toBe(true);
  vi.advanceTimersByTime(60_000);
  expect(opened.length).toBe(1);
});
