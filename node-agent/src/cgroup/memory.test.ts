import { RandomStream, rootKey, timeUs } from '@paperfleet/core';
import { describe, expect, test } from 'vitest';
import { delayOfBatch } from './memory-high.ts';
import type { CgroupKnobs } from './knobs.ts';
import { type CgroupMachine, CgroupTree, ROOT } from './tree.ts';

const MIB = 2 ** 20;

const newTree = (machine: Partial<CgroupMachine> = {}): CgroupTree =>
  new CgroupTree({ nanoCpus: 2e9, memoryBytes: 4096 * MIB, ...machine }, new RandomStream(rootKey('memory')));
const group = (knobs: CgroupKnobs, machine?: Partial<CgroupMachine>): { tree: CgroupTree; row: number } => {
  const tree = newTree(machine);
  return { tree, row: tree.create(ROOT, 'g', knobs) };
};
const stat = (tree: CgroupTree, row: number, key: string): number =>
  Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(tree.file(row, 'memory.stat'))![1]);

describe('at memory.max', () => {
  test('a process that needs more is killed, and memory.peak is no more than the limit', () => {
    const { tree, row } = group({ memoryMax: 64 * MIB });
    tree.pids.fork(row, 1);
    tree.run(row, 1);
    let outcome = tree.grow(row, 60 * MIB);
    expect(outcome.ok).toBe(true);
    outcome = tree.grow(row, 4 * MIB + 1);
    expect(outcome).toMatchObject({ ok: false, kills: [{ row, pid: 0, limitRow: row, anonBytes: 60 * MIB }] });
    expect(tree.file(row, 'memory.events')).toBe('low 0\nhigh 0\nmax 1\noom 1\noom_kill 1\noom_group_kill 0\n');
    expect(tree.file(row, 'memory.current')).toBe('0\n');
    expect(tree.file(row, 'memory.peak')).toBe(`${60 * MIB}\n`);
    tree.advance(timeUs(1_000_000));
    expect(tree.cpu.usageAt(row)).toBe(0);
  });

  test('page cache gives way, files read once before files read again', () => {
    const { tree, row } = group({ memoryMax: 64 * MIB });
    tree.readFile(row, 'hot', 24 * MIB);
    tree.readFile(row, 'hot', 24 * MIB);
    tree.readFile(row, 'cold', 24 * MIB);
    expect(tree.grow(row, 32 * MIB)).toMatchObject({ ok: true, kills: [] });
    expect([stat(tree, row, 'active_file'), stat(tree, row, 'inactive_file')]).toEqual([24 * MIB, 8 * MIB]);
    tree.grow(row, 16 * MIB);
    expect([stat(tree, row, 'active_file'), stat(tree, row, 'inactive_file')]).toEqual([16 * MIB, 0]);
  });

  test('a scan of more than fits never hits; what fits always does', () => {
    const { tree, row } = group({ memoryMax: 64 * MIB });
    const hits = [0, 1, 2].map(() => tree.readFile(row, 'big', 96 * MIB).hitBytes);
    expect(hits).toEqual([0, 0, 0]);
    expect(stat(tree, row, 'workingset_refault_file')).toBe(49_152);
    tree.memory.dropFile(row, 'big');
    expect([0, 1].map(() => tree.readFile(row, 'small', 48 * MIB).hitBytes)).toEqual([0, 48 * MIB]);
  });

  test('a writer waits for the disk instead of being killed', () => {
    const { tree, row } = group({ memoryMax: 64 * MIB }, { diskWriteBps: 256 * MIB });
    const { ok, kills, delayUs } = tree.writeFile(row, 'log', 192 * MIB);
    expect({ ok, kills }).toEqual({ ok: true, kills: [] });
    // 128 MiB have to go to the disk, and their pages to be freed.
    expect(delayUs).toBeGreaterThanOrEqual(500_000);
    tree.advance(timeUs(2_000_000));
    expect(tree.file(row, 'memory.pressure')).toContain(`total=${delayUs}`);
  });

  test('anonymous memory is swapped before anybody is killed, as far as memory.swap.max allows', () => {
    const { tree, row } = group({ memoryMax: 64 * MIB, memorySwapMax: 16 * MIB }, { swapBytes: 1024 * MIB });
    expect(tree.grow(row, 80 * MIB - 4096).ok).toBe(false); // more than the limit in one piece, with nothing to swap
    tree.grow(row, 60 * MIB);
    expect(tree.grow(row, 20 * MIB)).toMatchObject({ ok: true, kills: [] });
    expect(tree.file(row, 'memory.swap.current')).toBe(`${16 * MIB}\n`);
    expect(tree.grow(row, 1).ok).toBe(false);
  });

  test('writing a lower limit takes effect at once', () => {
    const { tree, row } = group({});
    tree.readFile(row, 'file', 32 * MIB);
    tree.grow(row, 32 * MIB);
    expect(tree.set(row, { memoryMax: 40 * MIB })).toEqual([]);
    expect(stat(tree, row, 'file')).toBe(8 * MIB);
    expect(tree.set(row, { memoryMax: 16 * MIB })).toMatchObject([{ row, limitRow: row }]);
  });
});

describe('the OOM killer', () => {
  const tree = (): { tree: CgroupTree; pod: number; c1: number; c2: number } => {
    const one = newTree();
    const pod = one.create(ROOT, 'pod', { memoryMax: 64 * MIB });
    return { tree: one, pod, c1: one.create(pod, 'c1'), c2: one.create(pod, 'c2') };
  };

  test('counts in the limited group what happened there, in the victim and above that it was killed', () => {
    const { tree: one, pod, c1, c2 } = tree();
    one.grow(c1, 44 * MIB);
    expect(one.grow(c2, 24 * MIB)).toMatchObject({ ok: true, kills: [{ row: c1, limitRow: pod }] });
    expect(one.file(pod, 'memory.events.local')).toBe('low 0\nhigh 0\nmax 1\noom 1\noom_kill 0\noom_group_kill 0\n');
    expect(one.file(pod, 'memory.events')).toContain('oom_kill 1\n');
    expect(one.file(c1, 'memory.events.local')).toContain('oom_kill 1\n');
    expect(one.file(c2, 'memory.events')).toContain('oom_kill 0\n');
  });

  test('a smaller process with a high oom_score_adj dies first, one with -1000 never', () => {
    const { tree: one, c1, c2 } = tree();
    one.setOomScoreAdj(c1, 700);
    one.grow(c1, 16 * MIB);
    one.grow(c2, 44 * MIB);
    expect(one.grow(c2, 8 * MIB).kills).toMatchObject([{ row: c1, oomScoreAdj: 700 }]);
    one.setOomScoreAdj(c2, -1000);
    expect(one.grow(c2, 40 * MIB)).toMatchObject({ ok: false, kills: [] });
  });

  test('memory.oom.group takes the whole group', () => {
    const { tree: one, pod, c1, c2 } = tree();
    one.set(pod, { memoryOomGroup: true });
    one.grow(c1, 44 * MIB);
    expect(one.grow(c2, 16 * MIB).ok).toBe(true);
    const { ok, kills } = one.grow(c2, 8 * MIB);
    expect(ok).toBe(false);
    expect(kills.map(({ row }) => row)).toEqual([c1, c2]);
    expect(one.file(pod, 'memory.events')).toContain('oom_kill 2\noom_group_kill 1\n');
  });

  test('of a node without memory the worst process of all dies', () => {
    const one = newTree({ memoryBytes: 256 * MIB });
    const [a, b] = ['a', 'b'].map((name) => one.create(ROOT, name)) as [number, number];
    one.grow(a, 150 * MIB);
    expect(one.grow(b, 120 * MIB)).toMatchObject({ ok: true, kills: [{ row: a, limitRow: ROOT }] });
  });
});

describe('protection', () => {
  test('memory.low keeps page cache while others can give', () => {
    const one = newTree();
    const slice = one.create(ROOT, 'slice', { memoryMax: 64 * MIB });
    const kept = one.create(slice, 'kept', { memoryLow: 24 * MIB });
    const other = one.create(slice, 'other');
    one.readFile(kept, 'k', 24 * MIB);
    one.readFile(other, 'o', 32 * MIB);
    one.grow(other, 32 * MIB);
    expect([stat(one, kept, 'file'), stat(one, other, 'file')]).toEqual([24 * MIB, 8 * MIB]);
    one.grow(other, 16 * MIB);
    expect(stat(one, kept, 'file')).toBe(16 * MIB);
    expect(one.file(kept, 'memory.events')).toContain('low 1\n');
  });

  test('memory.min is never taken: somebody dies instead', () => {
    const one = newTree();
    const slice = one.create(ROOT, 'slice', { memoryMax: 64 * MIB });
    const kept = one.create(slice, 'kept', { memoryMin: 24 * MIB });
    const other = one.create(slice, 'other');
    one.readFile(kept, 'k', 24 * MIB);
    expect(one.grow(other, 48 * MIB).ok).toBe(false);
    expect(stat(one, kept, 'file')).toBe(24 * MIB);
  });
});

describe('above memory.high', () => {
  test.each([
    [0.02, 26],
    [0.05, 160],
    [0.1, 640],
    [0.5, 2000],
  ])('%f over: a batch costs %i ms of sleep', (over, ms) => {
    expect(Math.round(delayOfBatch(over * 1e9, 1e9) / 1000)).toBe(ms);
  });

  test('growth sleeps, is counted and never kills', () => {
    const { tree, row } = group({ memoryHigh: 32 * MIB });
    expect(tree.grow(row, 32 * MIB).delayUs).toBe(0);
    const { ok, kills, delayUs } = tree.grow(row, 4 * MIB);
    expect({ ok, kills }).toEqual({ ok: true, kills: [] });
    expect(delayUs).toBeGreaterThan(1_000_000);
    expect(tree.file(row, 'memory.events')).toContain('high 1\n');
    tree.advance(timeUs(60_000_000));
    expect(tree.file(row, 'memory.pressure')).toContain(`some avg10=`);
    expect(tree.file(row, 'memory.pressure')).toContain(`total=${delayUs}`);
  });
});
