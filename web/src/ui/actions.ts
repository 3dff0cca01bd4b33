/** What buttons and keys do. Each asks the server and shows a refusal; state comes back by the feed alone. */
import type { Availability } from '@paperfleet/core';
import { speed as speedText } from '../core/index.ts';
import type { App } from './app.ts';

/** Positions of the speed slider. */
export const SPEEDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100] as const;
const SCALE_SETTLE_MS = 250;
const scaleTimers = new Map<string, number>();

/** Index of the position nearest to a speed, on the slider's logarithmic scale. */
export function speedPosition(value: number): number {
  if (value <= 0) return SPEEDS.length - 1;
  let best = 0;
  for (let i = 1; i < SPEEDS.length; i++) if (Math.abs(Math.log(SPEEDS[i]! / value)) < Math.abs(Math.log(SPEEDS[best]! / value))) best = i;
  return best;
}

export const togglePlay = (app: App): Promise<boolean> =>
  app.playback.value.paused
    ? app.attempt('resume', () => app.api.playback({ do: 'resume' }))
    : app.attempt('pause', () => app.api.playback({ do: 'pause' }));
export const step = (app: App, until: 'window' | 'event'): Promise<boolean> =>
  app.attempt(until === 'event' ? 'step to the next event' : 'step one window', () => app.api.playback({ do: 'step', until }));
export const setSpeed = (app: App, value: number): Promise<boolean> =>
  app.attempt(`speed ${speedText(value)}`, () => app.api.playback({ do: 'speed', speed: value }));
/** Slower or faster by positions of the slider; slower than max is the fastest position. */
export function shiftSpeed(app: App, by: number): Promise<boolean> {
  const { speed } = app.playback.value;
  if (speed === 0) return by < 0 ? setSpeed(app, SPEEDS.at(-1)!) : Promise.resolve(true);
  const next = speedPosition(speed) + by;
  return setSpeed(app, next >= SPEEDS.length ? 0 : SPEEDS[Math.max(0, next)]!);
}

/** Replicas a service is to have: what was asked for last, confirmed or not. */
export const desiredOf = (app: App, name: string): number => app.wanted.value.get(name) ?? app.store.service(name)?.desired ?? 0;

/** Several presses within a quarter of a second become one command; the number shown changes at once. */
export function scale(app: App, name: string, replicas: number): void {
  const to = Math.max(0, Math.round(replicas));
  app.wanted.value = new Map(app.wanted.value).set(name, to);
  window.clearTimeout(scaleTimers.get(name));
  scaleTimers.set(
    name,
    window.setTimeout(async () => {
      const ok = await app.attempt(`scale ${name} to ${to}`, () => app.api.command({ do: 'scale', service: name, replicas: to }));
      if (ok) return;
      const wanted = new Map(app.wanted.value);
      wanted.delete(name);
      app.wanted.value = wanted;
    }, SCALE_SETTLE_MS),
  );
}

export const setLoad = (app: App, name: string, requestsPerSecond: number): Promise<boolean> =>
  app.attempt(`load ${name} ${requestsPerSecond} req/s`, () => app.api.command({ do: 'load', service: name, requestsPerSecond }));
export const removeService = (app: App, name: string): Promise<boolean> =>
  app.attempt(`remove ${name}`, () => app.api.command({ do: 'removeService', service: name }));

export const killNode = (app: App, node: string): Promise<boolean> =>
  app.attempt(`kill node ${node}`, () => app.api.fault({ nodes: [node], fault: { fault: 'crash' } }));
export const recoverNode = (app: App, node: string): Promise<boolean> =>
  app.attempt(`recover node ${node}`, () => app.api.fault({ nodes: [node], fault: { fault: 'recover' } }));
export const partitionNode = (app: App, node: string): Promise<boolean> =>
  app.attempt(`cut off node ${node}`, () => app.api.fault({ nodes: [node], fault: { fault: 'partition', direction: 'both' } }));
export const healNode = (app: App, node: string): Promise<boolean> =>
  app.attempt(`heal the link of ${node}`, () => app.api.fault({ nodes: [node], fault: { fault: 'heal' } }));
const VERB: Readonly<Record<Availability, string>> = { active: 'activate', pause: 'pause', drain: 'drain' };
export const setAvailability = (app: App, node: string, availability: Availability): Promise<boolean> =>
  app.attempt(`${VERB[availability]} node ${node}`, () => app.api.command({ do: 'updateNode', node, availability }));
export const killTask = (app: App, id: string): Promise<boolean> =>
  app.attempt(`kill task ${app.names.task(id)}`, () => app.api.fault({ fault: { fault: 'killTask', task: id, exitCode: 137 } }));
