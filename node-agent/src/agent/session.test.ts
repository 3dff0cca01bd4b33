import { durationUs, HEALTHY_LINK, type LinkFault } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { nextBackoff } from './session.ts';
import { container, NODE, SECOND, taskOf, World } from './testing/world.ts';

const at = (seconds: number): number => Math.round(seconds * SECOND);
const partition: LinkFault = { ...HEALTHY_LINK, partitioned: true };
const link = (fault: LinkFault) => ({ fault: 'link', peers: [], link: fault }) as const;
const web = taskOf(container('nginx'));

test("the back-off grows as SwarmKit's does", () => {
  const steps: number[] = [];
  for (let backoff = 0; steps.length < 8; steps.push(backoff)) backoff = nextBackoff(backoff);
  expect(steps.map((us) => us / 1000)).toEqual([100, 300, 700, 1500, 3100, 6300, 8000, 8000]);
});

describe('a session', () => {
  test('opens at once, beats at once and then at the period told', () => {
    const world = new World({}).run(at(21));
    // Registered at 0.2 s; beats at 0.2, 5.2, 10.2, 15.2 and 20.2 s.
    expect(world.manager.book(NODE).heard).toMatchObject({ register: 1, heartbeat: 5 });
    expect(world.node().session).toBe(1);
  });

  test('is tried for again every 5 s and a back-off while nobody answers', () => {
    const world = new World({
      managerFaults: [
        [0, link(partition)],
        [at(60), link(HEALTHY_LINK)],
      ],
    }).run(at(59));
    const tries = world.manager.book(NODE).heard['register']!;
    // 5 s per try and waits of at most 0.1 + 0.3 + 0.7 + 1.5 + 3.1 + 6.3 + 8 + … s.
    expect(tries).toBeGreaterThanOrEqual(6);
    expect(tries).toBeLessThanOrEqual(12);
    expect(world.node().session).toBe(0);
    world.run(at(75));
    expect(world.node().session).toBe(world.manager.book(NODE).session);
  });

  test('that the manager refuses is opened anew; a refusal of an old one is ignored', () => {
    const world = new World({ script: [{ at: at(10), do: 'refuse', node: NODE }] }).run(at(12));
    expect(world.manager.book(NODE).session).toBe(2);
    expect(world.node().session).toBe(2);
  });

  test('survives heartbeats whose answers are lost', () => {
    const world = new World({ managerFaults: [[at(3), link(partition)]] }).run(at(60));
    expect(world.node().session).toBe(1);
    expect(world.manager.book(NODE).heard).toMatchObject({ register: 1, heartbeat: 12 });
  });
});

describe('assignments', () => {
  test('lost without a trace are noticed with the next heartbeat and come as a full set', () => {
    const world = new World({
      specs: [web],
      script: [{ at: at(12), do: 'run', node: NODE, tasks: ['t1'], spec: 0 }],
      managerFaults: [
        [at(11.9), link(partition)],
        [at(12.5), link(HEALTHY_LINK)],
      ],
    });
    world.run(at(15));
    expect([...world.node().tasks]).toEqual([]);
    world.run(at(25));
    expect(world.status('t1')?.message).toBe('started');
    expect(world.manager.book(NODE).heard['resync']).toBe(1);
  });

  test('a gap is noticed at once, and asked for again until the full set comes', () => {
    const world = new World({
      specs: [web],
      script: [
        { at: at(6), do: 'run', node: NODE, tasks: ['t1'], spec: 0 },
        { at: at(7), do: 'run', node: NODE, tasks: ['t2'], spec: 0 },
      ],
      // The first is lost; the answers to the requests of the next five seconds too.
      managerFaults: [
        [at(5.9), link(partition)],
        [at(6.5), link(HEALTHY_LINK)],
        [at(7.2), link(partition)],
        [at(12), link(HEALTHY_LINK)],
      ],
    }).run(at(13.5));
    const asked = world.manager.book(NODE).heard['resync']!;
    expect(asked).toBeGreaterThanOrEqual(3);
    expect(asked).toBeLessThanOrEqual(4); // every two seconds, not more
    expect([...world.node().tasks].map((task) => task.id)).toEqual(['t1', 't2']);
  });

  test('that come twice are taken once', () => {
    const twice: LinkFault = { ...HEALTHY_LINK, duplicatePpm: 1_000_000, delayUs: { min: durationUs(0), max: durationUs(400_000) } };
    const world = new World({
      specs: [web],
      script: ['t1', 't2', 't3'].map((task, index) => ({ at: at(5 + index), do: 'run', node: NODE, tasks: [task], spec: 0 })),
      managerFaults: [[0, link(twice)]],
    }).run(at(40));
    expect([...world.node().tasks].map((task) => task.message)).toEqual(['started', 'started', 'started']);
    expect(world.manager.book(NODE).heard['resync']).toBeUndefined();
  });

  test('a first full set that is lost is asked for', () => {
    // Registered arrives at 0.2 s with the full set right behind it: both leave at 0.1 s, so only a lossy link parts them.
    const worlds = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((seed) =>
      new World({
        seed,
        specs: [web],
        script: [{ at: 0, do: 'run', node: NODE, tasks: ['t1'], spec: 0 }],
        managerFaults: [[0, link({ ...HEALTHY_LINK, lossPpm: 500_000 })]],
      }).run(at(60)),
    );
    expect(worlds.map((world) => [...world.node().tasks].length)).toEqual(worlds.map(() => 1));
    expect(worlds.some((world) => world.manager.book(NODE).heard['resync'] !== undefined)).toBe(true);
  });
});

describe('statuses', () => {
  test('are sent again until they are acknowledged, the newest for each task', () => {
    const world = new World({
      specs: [web],
      script: [{ at: at(2), do: 'run', node: NODE, tasks: ['t1', 't2', 't3'], spec: 0 }],
      faults: [
        [at(2.2), link(partition)],
        [at(30), link(HEALTHY_LINK)],
      ],
    });
    world.run(at(30));
    // What left before the cut; then silence although all run.
    expect(world.status('t1')?.message).toBe('preparing');
    world.run(at(35));
    expect(['t1', 't2', 't3'].map((task) => world.status(task)?.message)).toEqual(['started', 'started', 'started']);
    expect(world.log('t1')).toHaveLength(2); // preparing, started: nothing in between was worth sending
  });

  test('in copies and out of order do no harm', () => {
    const wild: LinkFault = {
      partitioned: false,
      lossPpm: 200_000,
      duplicatePpm: 500_000,
      delayUs: { min: durationUs(0), max: durationUs(3_000_000) },
      reorder: true,
    };
    const world = new World({
      specs: [web],
      script: [{ at: at(2), do: 'run', node: NODE, tasks: ['t1', 't2', 't3'], spec: 0 }],
      faults: [[0, link(wild)]],
      managerFaults: [[0, link(wild)]],
    }).run(at(120));
    expect(['t1', 't2', 't3'].map((task) => world.status(task)?.message)).toEqual(['started', 'started', 'started']);
    expect(world.node().containers).toBe(3);
  });
});
