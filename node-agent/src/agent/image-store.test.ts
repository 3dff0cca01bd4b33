import { bytes, TASK_STATE } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import type { Step } from './testing/scripted-manager.ts';
import { container, NODE, SECOND, taskOf, World, type WorldOptions } from './testing/world.ts';

const at = (seconds: number): number => Math.round(seconds * SECOND);
/** From the manager's word until the registry has answered, and from the image until the containers are there. */
const BEFORE_US = 100_000 + 200_000;
const AFTER_US = 120_000;

/** A node with a link of 1 MB/s that prepares one task per image at the instants given (seconds). */
function pulling(images: readonly (readonly [number, string])[], options: WorldOptions = {}): World {
  return new World({
    description: { pullBytesPerSecond: 1_000_000 },
    ...options,
    specs: images.map(([, image]) => taskOf(container(image))),
    script: [
      ...images.map(
        ([seconds], index): Step => ({
          at: at(seconds),
          do: 'run',
          node: NODE,
          tasks: [`t${index}`],
          spec: index,
          desired: TASK_STATE.ready,
        }),
      ),
      ...(options.script ?? []),
    ],
  });
}
/** Seconds that the pull for a task took: from the registry's answer to the last layer. */
function pullSeconds(world: World, task: string, askedAt: number): number {
  const status = world.status(task)!;
  expect(status.message).toBe('prepared');
  return (status.at - at(askedAt) - BEFORE_US - AFTER_US) / SECOND;
}

describe('a pull', () => {
  test('takes its bytes over the link, plus the registry', () => {
    const world = pulling([[1, 'nginx:alpine']]).run(at(60));
    expect(pullSeconds(world, 't0', 1)).toBeCloseTo(3.6 + 17, 4);
    expect(world.node().images.cachedBytes).toBe(20_600_000);
  });

  test('shares the link equally with others', () => {
    const world = pulling([
      [1, 'busybox'],
      [1, 'ubuntu'],
    ]).run(at(60));
    expect(pullSeconds(world, 't0', 1)).toBeCloseTo(2 * 2.2, 4);
    expect(pullSeconds(world, 't1', 1)).toBeCloseTo(30 + 2.2, 4);
  });

  test('shares what it has fetched so far when another one begins', () => {
    const world = pulling([
      [1, 'ubuntu'],
      [11, 'busybox'],
    ]).run(at(60));
    expect(pullSeconds(world, 't1', 11)).toBeCloseTo(4.4, 4);
    expect(pullSeconds(world, 't0', 1)).toBeCloseTo(32.2, 4);
  });

  test('fetches a layer that others want too only once', () => {
    const world = pulling([
      [1, 'nginx:alpine'],
      [1, 'redis:alpine'],
    ]).run(at(60));
    const last = Math.max(pullSeconds(world, 't0', 1), pullSeconds(world, 't1', 1));
    expect(last).toBeCloseTo(17 + 13 + 3.6, 4);
    expect(world.node().images.cachedBytes).toBe(33_600_000);
  });

  test('has three layers under way at most', () => {
    // Alone it fills the link, however many are under way.
    const alone = pulling([[1, 'python']]).run(at(500));
    expect(pullSeconds(alone, 't0', 1)).toBeCloseTo(48 + 24 + 64 + 211 + 27, 4);
    // Beside one other layer it gets three quarters of the link, not more.
    const beside = pulling([
      [1, 'python'],
      [1, 'ubuntu'],
    ]).run(at(500));
    expect(pullSeconds(beside, 't1', 1)).toBeCloseTo(4 * 30, 4);
  });

  test('of an image that is there costs nothing', () => {
    const world = pulling([
      [1, 'busybox'],
      [20, 'busybox:latest'],
    ]).run(at(30));
    expect(world.status('t1')?.at).toBe(at(20.1) + AFTER_US);
  });

  test('is scaled with start-up times', () => {
    const world = pulling([[1, 'ubuntu']], { config: { startupScalePermille: 500 } }).run(at(60));
    expect(world.status('t0')!.at).toBe(at(1.1) + 100_000 + at(15) + 60_000);
  });

  test('of an image with the tag `missing` is rejected once the registry has answered', () => {
    const world = pulling([[1, 'nowhere/app']]).run(at(5));
    expect(world.status('t0')).toMatchObject({ state: TASK_STATE.rejected, error: 'No such image: nowhere/app', at: at(1.1) + 200_000 });
    expect(world.node().images.pulls).toBe(0);
  });

  test('is lost in a crash and begins anew', () => {
    const world = pulling([[1, 'ubuntu']], {
      faults: [
        [at(20), { fault: 'crash' }],
        [at(30), { fault: 'recover' }],
      ],
    }).run(at(80));
    expect(world.status('t0')!.at).toBe(at(30.2) + at(30) + AFTER_US);
  });
});

describe('the cache', () => {
  const options = { config: { imageCacheBytes: bytes(30_000_000) } };

  test('evicts the image that nobody has used for longest, and keeps layers that others need', () => {
    const world = pulling(
      [
        [1, 'nginx:alpine'],
        [40, 'redis:alpine'],
      ],
      { ...options, script: [{ at: at(30), do: 'remove', node: NODE, tasks: ['t0'] }] },
    ).run(at(80));
    const { images } = world.node();
    expect([images.has('nginx:alpine'), images.has('redis:alpine'), images.hasLayer('alpine@0')]).toEqual([false, true, true]);
    expect(images.cachedBytes).toBe(16_600_000);
  });

  test('never evicts what a task holds', () => {
    const world = pulling(
      [
        [1, 'nginx:alpine'],
        [40, 'redis:alpine'],
      ],
      options,
    ).run(at(80));
    expect(world.node().images.has('nginx:alpine')).toBe(true);
    expect(world.node().images.cachedBytes).toBe(33_600_000);
  });
});
