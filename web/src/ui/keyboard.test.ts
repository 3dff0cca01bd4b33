// @vitest-environment happy-dom
import type { Command, FaultRequest, PlaybackRequest } from '@paperfleet/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ClusterApi } from '../core/index.ts';
import { delta, nodeView, serviceView, snapshot } from '../core/store/testing.ts';
import { desiredOf } from './actions.ts';
import { App } from './app.ts';
import { Keyboard } from './keyboard.ts';
import type { Navigation, Selection } from './navigation.ts';
import { parseSelection } from './navigation.ts';

interface Bench {
  readonly app: App;
  readonly sent: (Command | FaultRequest | PlaybackRequest)[];
  readonly went: string[];
  readonly press: (key: string, target?: HTMLElement) => void;
  readonly select: (selection: Selection | undefined) => void;
}

/** The page's keys over a server end that notes what it is asked. */
function bench(): Bench {
  const sent: Bench['sent'] = [];
  const went: string[] = [];
  const note = (what: Bench['sent'][number]): Promise<never> => {
    sent.push(what);
    return Promise.resolve({} as never);
  };
  const api = { command: note, fault: note, playback: note } as Partial<ClusterApi> as ClusterApi;
  const app = new App('live', api);
  app.store.receive({ type: 'snapshot', snapshot: snapshot(1, [nodeView(0)], [serviceView(0, { desired: 3 })], []) });
  const navigation = (selection: Selection | undefined): Navigation => ({
    tab: 'map',
    query: {},
    selection,
    set: (changes) => void went.push(JSON.stringify(changes)),
    select: (next) => void went.push(next === undefined ? 'nothing' : `${next.kind}:${next.id}`),
    go: (tab) => void went.push(tab),
    href: () => '',
  });
  const keyboard = new Keyboard(app, navigation(undefined));
  return {
    app,
    sent,
    went,
    press(key, target = document.body) {
      const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
      Object.defineProperty(event, 'target', { value: target });
      keyboard.handle(event);
    },
    select(selection) {
      keyboard.navigation = navigation(selection);
    },
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('space and the presenter’s dot pause and resume', () => {
  const { press, sent, app } = bench();
  press(' ');
  expect(sent).toEqual([{ do: 'pause' }]);
  app.store.receive(delta(2, { playback: { paused: true, speed: 1, reachedSpeed: 0, simUs: 0, waitingFor: [] } }));
  press('.');
  expect(sent[1]).toEqual({ do: 'resume' });
});

test('steps and speeds', () => {
  const { press, sent } = bench();
  for (const key of [']', '}', ';', ',', '1']) press(key);
  expect(sent).toEqual([
    { do: 'step', until: 'event' },
    { do: 'step', until: 'window' },
    { do: 'speed', speed: 2 },
    { do: 'speed', speed: 0.5 },
    { do: 'speed', speed: 1 },
  ]);
});

test('killing a node needs the same key twice within two seconds', () => {
  const { press, sent, select } = bench();
  press('k');
  expect(sent).toEqual([]);
  select({ kind: 'node', id: 'n1' });
  press('k');
  press('d');
  expect(sent).toEqual([]);
  vi.advanceTimersByTime(2100);
  press('d');
  expect(sent).toEqual([]);
  press('d');
  expect(sent).toEqual([{ do: 'updateNode', node: 'n1', availability: 'drain' }]);
});

test('plus presses show at once and are sent as one command', async () => {
  const { press, sent, select, app } = bench();
  select({ kind: 'service', id: 'svc0' });
  for (const key of ['+', '+', '+', '-']) press(key);
  expect(desiredOf(app, 'svc0')).toBe(5);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(400);
  expect(sent).toEqual([{ do: 'scale', service: 'svc0', replicas: 5 }]);
});

test('keys are not taken while typing, when switched off, or with a modifier', () => {
  const { press, sent, app } = bench();
  press(' ', document.createElement('input'));
  press(']', document.createElement('textarea'));
  press(' ', document.createElement('button'));
  app.shortcuts.value = false;
  press(']');
  expect(sent).toEqual([]);
});

test('g and a letter go to a view, a letter alone does not', () => {
  const { press, went } = bench();
  press('s');
  press('g');
  press('s');
  press('g');
  vi.advanceTimersByTime(1300);
  press('n');
  expect(went).toEqual(['services']);
});

test('a selection is read from the URL or not at all', () => {
  expect(parseSelection('task:abc')).toEqual({ kind: 'task', id: 'abc' });
  expect(parseSelection('service:a:b')).toEqual({ kind: 'service', id: 'a:b' });
  expect(['', 'task:', ':x', 'pod:x', undefined].map(parseSelection)).toEqual([undefined, undefined, undefined, undefined, undefined]);
});
