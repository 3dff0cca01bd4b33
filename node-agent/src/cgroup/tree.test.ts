import { RandomStream, rootKey, timeUs } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { fileNames } from './files.ts';
import { type CgroupMachine, CgroupTree, ROOT } from './tree.ts';

const SECOND = 1_000_000;
const MIB = 2 ** 20;
const newTree = (machine: Partial<CgroupMachine> = {}): CgroupTree =>
  new CgroupTree({ nanoCpus: 2e9, memoryBytes: 4096 * MIB, ...machine }, new RandomStream(rootKey('tree')));
const usage = (tree: CgroupTree, row: number): number => tree.cpu.usageAt(row);

describe('files', () => {
  test('are printed as the kernel prints them', () => {
    const tree = newTree();
    const row = tree.create(ROOT, 'web', {
      cpuMax: { quotaUs: 50_000, burstUs: 10_000 },
      cpuWeight: 39,
      cpuset: [0],
      memoryMax: 64 * MIB,
      memoryHigh: 48 * MIB,
      pidsMax: 100,
      ioMax: { '8:0': { wbps: 1_048_576 } },
    });
    tree.pids.fork(row, 2);
    const expected: Readonly<Record<string, string>> = {
      'cgroup.events': 'populated 1\nfrozen 0\n',
      'cpu.max': '50000 100000\n',
      'cpu.max.burst': '10000\n',
      'cpu.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
      'cpu.stat':
        'usage_usec 0\nuser_usec 0\nsystem_usec 0\nnice_usec 0\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n',
      'cpu.stat.local': 'throttled_usec 0\n',
      'cpu.weight': '39\n',
      'cpuset.cpus': '0\n',
      'cpuset.cpus.effective': '0\n',
      'io.max': '8:0 rbps=max wbps=1048576 riops=max wiops=max\n',
      'io.stat': '',
      'memory.high': `${48 * MIB}\n`,
      'memory.max': `${64 * MIB}\n`,
      'memory.swap.max': 'max\n',
      'memory.events': 'low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n',
      'pids.current': '2\n',
      'pids.max': '100\n',
      'pids.events': 'max 0\n',
    };
    for (const [name, text] of Object.entries(expected)) expect(tree.file(row, name), name).toBe(text);
    const plain = tree.create(ROOT, 'plain');
    expect([tree.file(plain, 'cpu.max'), tree.file(plain, 'memory.max'), tree.file(plain, 'pids.max')]).toEqual([
      'max 100000\n',
      'max\n',
      'max\n',
    ]);
  });

  test('of the root are those that a root has', () => {
    expect(fileNames(ROOT)).not.toContain('cpu.max');
    expect(newTree().file(ROOT, 'cpu.stat')).toBe('usage_usec 0\nuser_usec 0\nsystem_usec 0\nnice_usec 0\n');
    expect(() => newTree().file(ROOT, 'cpu.max')).toThrow('/ has no file cpu.max');
  });
});

describe('groups', () => {
  test('are addressed by path, and rows of removed ones are used again', () => {
    const tree = newTree();
    const slice = tree.create(ROOT, 'slice');
    const task = tree.create(slice, 'task');
    expect(tree.path(tree.create(task, 'web'))).toBe('/slice/task/web');
    const gone = tree.create(slice, 'gone');
    tree.run(gone, 1);
    tree.advance(timeUs(SECOND));
    tree.grow(gone, MIB);
    tree.remove(gone);
    expect(tree.columns.memory[ROOT]).toBe(0);
    expect(usage(tree, slice)).toBe(SECOND);
    const next = tree.create(slice, 'next');
    expect(next).toBe(gone);
    tree.advance(timeUs(2 * SECOND));
    expect(usage(tree, next)).toBe(0);
    expect(usage(tree, slice)).toBe(SECOND);
  });

  test.each([
    [{ cpuWeight: 0 }, 'cpu.weight must be an integer from 1 to 10000, not 0'],
    [{ cpuMax: { quotaUs: 500 } }, 'the quota of cpu.max must be 1000 µs or more, not 500'],
    [{ cpuMax: { quotaUs: 5000, periodUs: 10 } }, 'the period of cpu.max must be from 1000 to 1000000 µs, not 10'],
    [{ cpuMax: { quotaUs: 5000, burstUs: 6000 } }, 'cpu.max.burst must be from 0 to the quota, not 6000'],
    [{ cpuset: [2] }, 'cpuset.cpus names CPU 2, the node has 0-1'],
    [{ memoryMax: -1 }, 'memory.max must be an integer from 0 or max, not -1'],
    [{ ioMax: { '8:0': { rbps: 0 } } }, 'io.max 8:0 rbps must be an integer from 1 or max, not 0'],
  ])('%j is refused with the reason', (knobs, reason) => {
    expect(() => newTree().create(ROOT, 'bad', knobs)).toThrow(reason);
  });

  test('with children have no processes', () => {
    const tree = newTree();
    const slice = tree.create(ROOT, 'slice');
    tree.create(slice, 'task');
    expect(() => tree.run(slice, 1)).toThrow('only groups without children have processes');
  });
});

describe('CPU', () => {
  test('threads that reach their target stop time, at that instant', () => {
    const tree = newTree({ nanoCpus: 1e9 });
    const [a, b] = ['a', 'b'].map((name) => tree.create(ROOT, name)) as [number, number];
    tree.run(a, 1, 10_000);
    tree.run(b, 1);
    expect(tree.advance(timeUs(SECOND))).toBe(20_000);
    expect(tree.finished).toEqual([a]);
    tree.run(a, 0);
    expect(tree.advance(timeUs(SECOND))).toBe(SECOND);
    expect([usage(tree, a), usage(tree, b)]).toEqual([10_000, SECOND - 10_000]);
  });

  test('a lowered quota, a raised weight and a cpuset take effect at once', () => {
    const tree = newTree({ fidelity: 'steady' });
    const [a, b] = ['a', 'b'].map((name) => tree.create(ROOT, name)) as [number, number];
    tree.run(a, 2);
    tree.run(b, 2);
    tree.advance(timeUs(SECOND));
    expect([usage(tree, a), usage(tree, b)]).toEqual([SECOND, SECOND]);
    tree.set(a, { cpuWeight: 300 });
    tree.advance(timeUs(2 * SECOND));
    expect(usage(tree, a)).toBe(2.5 * SECOND);
    tree.set(a, { cpuMax: { quotaUs: 20_000 } });
    tree.advance(timeUs(3 * SECOND));
    expect([usage(tree, a), usage(tree, b)]).toEqual([2.7 * SECOND, 3.3 * SECOND]);
    tree.set(a, { cpuMax: {} });
    tree.set(b, { cpuset: [1] });
    tree.advance(timeUs(4 * SECOND));
    expect([usage(tree, a), usage(tree, b)]).toEqual([3.7 * SECOND, 4.3 * SECOND]);
  });

  test('a pinned group keeps to its CPUs, and others go around it', () => {
    const tree = newTree({ nanoCpus: 4e9 });
    const [pinned, free] = [tree.create(ROOT, 'pinned', { cpuset: [0, 1] }), tree.create(ROOT, 'free')];
    tree.run(pinned, 8);
    tree.run(free, 8);
    tree.advance(timeUs(SECOND));
    expect([usage(tree, pinned), usage(tree, free)]).toEqual([2 * SECOND, 2 * SECOND]);
  });

  test('frozen groups use nothing and feel no pressure; thawed ones go on', () => {
    const tree = newTree({ nanoCpus: 1e9 });
    const slice = tree.create(ROOT, 'slice');
    const [a, b] = [tree.create(slice, 'a'), tree.create(ROOT, 'b')];
    tree.run(a, 1);
    tree.run(b, 1);
    tree.advance(timeUs(SECOND));
    tree.freeze(slice, true);
    expect(tree.file(a, 'cgroup.events')).toContain('frozen 1');
    const pressure = tree.file(a, 'cpu.pressure').split('\n')[0]!.split('total=')[1];
    tree.advance(timeUs(2 * SECOND));
    expect([usage(tree, a), usage(tree, b)]).toEqual([0.5 * SECOND, 1.5 * SECOND]);
    expect(tree.file(a, 'cpu.pressure')).toContain(`total=${pressure}`);
    tree.freeze(slice, false);
    tree.advance(timeUs(3 * SECOND));
    expect(usage(tree, a)).toBe(SECOND);
  });

  test('a killed group has no processes, and its page cache stays', () => {
    const tree = newTree();
    const row = tree.create(ROOT, 'g');
    tree.pids.fork(row, 3);
    tree.run(row, 1);
    tree.readFile(row, 'file', MIB);
    tree.grow(row, MIB);
    tree.kill(row);
    tree.advance(timeUs(SECOND));
    expect(usage(tree, row)).toBe(0);
    expect(tree.file(row, 'cgroup.events')).toContain('populated 0');
    expect(tree.file(row, 'memory.current')).toBe(`${MIB}\n`);
  });
});

describe('devices', () => {
  test('48 MiB at 16 MiB/s take 3 s, and count as pressure in the group and above', () => {
    const tree = newTree();
    const slice = tree.create(ROOT, 'slice', { ioMax: { '8:0': { rbps: 16 * MIB } } });
    const row = tree.create(slice, 'g');
    const done = tree.issue(row, { device: '8:0', write: false, bytes: 48 * MIB, operations: 48 });
    expect(done).toBe(3 * SECOND);
    tree.advance(timeUs(4 * SECOND));
    expect(tree.file(slice, 'io.stat')).toBe(`8:0 rbytes=${48 * MIB} wbytes=0 rios=48 wios=0 dbytes=0 dios=0\n`);
    for (const group of [row, slice]) expect(tree.file(group, 'io.pressure')).toContain(`total=${3 * SECOND}`);
  });

  test('a device serves in order of arrival at its own speed', () => {
    const tree = newTree({ devices: new Map([['8:0', { bps: 100 * MIB, iops: 1000 }]]) });
    const [a, b] = ['a', 'b'].map((name) => tree.create(ROOT, name)) as [number, number];
    expect(tree.issue(a, { device: '8:0', write: true, bytes: 100 * MIB, operations: 1 })).toBe(SECOND);
    expect(tree.issue(b, { device: '8:0', write: false, bytes: 4096, operations: 500 })).toBe(1.5 * SECOND);
  });
});
