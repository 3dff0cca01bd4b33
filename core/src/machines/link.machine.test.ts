import { SimulatedClock } from 'xstate';
import { expect, test } from 'vitest';
import { CLOSE } from '../protocol/frame.ts';
import type { Link } from './link.machine.ts';
import { closeReasonOf, createLink, LINK_DELAY_MS, mayRetry } from './link.machine.ts';

/** A link, what it asked of its shell, and its clock. */
function make(random = 0.5): { link: Link; log: string[]; clock: SimulatedClock } {
  const clock = new SimulatedClock();
  const log: string[] = [];
  const link = createLink({
    open: () => void log.push('open'),
    sayHello: () => void log.push('hello'),
    close: (reason) => void log.push(`close ${reason}`),
    attached: () => void log.push('attached'),
    detached: (waitMs, tries) => void log.push(`wait ${waitMs} try ${tries}`),
    refused: (code, reason) => void log.push(`refused ${code} ${reason}`),
    random: () => random,
    clock: { setTimeout: (due, delay) => clock.setTimeout(due, delay), clearTimeout: (timer) => clock.clearTimeout(timer as number) },
  });
  return { link, log, clock };
}

test('connects, says hello, is attached', () => {
  const { link, log } = make();
  expect(link.state()).toBe('idle');
  link.start();
  link.opened();
  expect(link.state()).toBe('handshaking');
  link.welcomed();
  expect(link.state()).toBe('attached');
  expect(log).toEqual(['open', 'hello', 'attached']);
});

test('tries again with growing, bounded, random waits, and starts anew once it was attached', () => {
  const { link, log, clock } = make(0.5);
  link.start();
  for (let i = 0; i < 9; i++) {
    link.closed(1006, '');
    clock.increment(LINK_DELAY_MS.maxBackoff);
  }
  expect(log.filter((line) => line.startsWith('wait'))).toEqual(
    [50, 150, 350, 750, 1550, 3150, 4000, 4000, 4000].map((wait, i) => `wait ${wait} try ${i + 1}`),
  );
  link.opened();
  link.welcomed();
  link.closed(1001, 'restart');
  expect(log.at(-1)).toBe('wait 50 try 1');
});

test('waits as long as it says', () => {
  const { link, clock } = make(0.9);
  link.start();
  link.closed(1006, '');
  clock.increment(89);
  expect(link.state()).toBe('backoff');
  clock.increment(1);
  expect(link.state()).toBe('connecting');
});

test('gives up on a silent peer, in both phases of the handshake', () => {
  const { link, log, clock } = make(0);
  link.start();
  clock.increment(LINK_DELAY_MS.handshake);
  expect(log).toEqual(['open', 'close timeout', 'wait 0 try 1']);
  clock.increment(0);
  link.opened();
  clock.increment(LINK_DELAY_MS.handshake);
  expect(log.slice(3)).toEqual(['open', 'hello', 'close timeout', 'wait 0 try 2']);
});

test.each(Object.entries(CLOSE))('close code of %s', (name, { code, retry }) => {
  const { link, log } = make();
  link.start();
  link.opened();
  link.closed(code, 'because');
  expect(link.state()).toBe(retry ? 'backoff' : 'refused');
  expect(log.includes(`refused ${code} because`)).toBe(!retry);
  expect(mayRetry(code)).toBe(retry);
  expect(closeReasonOf(code)).toBe(name);
  link.start();
  expect(link.state()).toBe(retry ? 'backoff' : 'refused');
});

test('stops for good, from anywhere, and closes its socket once', () => {
  const { link, log, clock } = make();
  link.start();
  link.closed(1006, '');
  link.stop();
  link.stop();
  link.start();
  clock.increment(100_000);
  expect(link.state()).toBe('stopped');
  expect(log.filter((line) => line.startsWith('close'))).toEqual(['close stopped']);
  expect(log.filter((line) => line === 'open')).toHaveLength(1);
});
