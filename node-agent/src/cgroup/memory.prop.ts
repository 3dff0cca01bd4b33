import { RandomStream, rootKey, timeUs } from '@paperfleet/core';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLAG, NONE } from './columns.ts';
import { activeFile, inactiveFile } from './memory-record.ts';
import { everything } from './testing/random-load.ts';
import { CgroupTree, ROOT } from './tree.ts';

const MIB = 2 ** 20;
const size = fc.integer({ min: 1, max: 96 * MIB });
const operation = fc.record({
  leaf: fc.nat(5),
  what: fc.constantFrom('grow', 'set', 'read', 'write', 'drop', 'kernel', 'writeBack', 'exit', 'max', 'wait'),
  file: fc.constantFrom('a', 'b'),
  bytes: size,
});
const limits = fc.record(
  {
    memoryMax: fc.integer({ min: MIB, max: 128 * MIB }),
    memoryHigh: fc.integer({ min: MIB, max: 128 * MIB }),
    memoryLow: size,
    memoryMin: size,
    memorySwapMax: size,
    memoryOomGroup: fc.boolean(),
  },
  { requiredKeys: [] },
);
const plan = fc.record({
  swapBytes: fc.constantFrom(0, 64 * MIB),
  groups: fc.array(fc.record({ below: fc.nat(6), knobs: limits }), { minLength: 1, maxLength: 6 }),
  operations: fc.array(operation, { minLength: 1, maxLength: 40 }),
});

function perform(tree: CgroupTree, row: number, { what, file, bytes }: { what: string; file: string; bytes: number }): void {
  if (what === 'grow') tree.grow(row, bytes);
  else if (what === 'set') tree.setAnon(row, bytes);
  else if (what === 'read') tree.readFile(row, file, bytes);
  else if (what === 'write') tree.writeFile(row, file, bytes);
  else if (what === 'drop') tree.memory.dropFile(row, file);
  else if (what === 'kernel') tree.memory.growKernel(row, bytes >> 6);
  else if (what === 'writeBack') tree.memory.writeBack(row, bytes);
  else if (what === 'exit') tree.kill(row);
  else if (what === 'max') tree.set(row, { memoryMax: bytes });
  else tree.advance(timeUs(tree.now + bytes));
}

/** What a leaf holds, added up from its parts. */
function parts(tree: CgroupTree, row: number): number {
  const record = tree.memory.records.peek(row);
  return tree.columns.anon[row]! + (record === undefined ? 0 : inactiveFile(record) + activeFile(record) + record.kernel);
}

function expectSound(tree: CgroupTree): void {
  const c = tree.columns;
  for (let row = 0; row < c.rows; row++) {
    if ((c.flags[row]! & FLAG.open) === 0) continue;
    const children = tree.children(row).reduce((sum, child) => sum + c.memory[child]!, 0);
    expect(c.memory[row]).toBe(children + parts(tree, row));
    expect(c.memory[row]).toBeGreaterThanOrEqual(0);
    expect(c.memory[row]).toBeLessThanOrEqual(c.memoryPeak[row]!);
    for (const file of tree.memory.records.peek(row)?.files ?? []) {
      expect(file.dirty).toBeLessThanOrEqual(file.inactive);
      expect(Math.min(file.dirty, file.active)).toBeGreaterThanOrEqual(0);
    }
    // Lowered below what cannot be reclaimed or killed (kernel memory), a limit is only met by what is left.
    if (row !== ROOT && c.memory[row]! > c.memoryMax[row]!) expect(kernelBelow(tree, row)).toBe(c.memory[row]);
  }
  expect(c.memory[ROOT]).toBeLessThanOrEqual(tree.memory.usableBytes);
}

function kernelBelow(tree: CgroupTree, row: number): number {
  let kernel = tree.memory.records.peek(row)?.kernel ?? 0;
  for (let child = tree.columns.firstChild[row]!; child !== NONE; child = tree.columns.nextSibling[child]!)
    kernel += kernelBelow(tree, child);
  return kernel;
}

const newTree = (swapBytes: number): CgroupTree =>
  new CgroupTree({ nanoCpus: 1e9, memoryBytes: 256 * MIB, swapBytes }, new RandomStream(rootKey('memory')));

test('after every step no group holds more than its memory.max, and each what its parts and children hold', () =>
  fc.assert(
    fc.property(plan, fc.nat(39), ({ swapBytes, groups, operations }, stop) => {
      let tree = newTree(swapBytes);
      const rows: number[] = [ROOT];
      groups.forEach(({ below, knobs }, index) => rows.push(tree.create(rows[below % rows.length]!, `g${index}`, knobs)));
      const leaves = rows.filter((row) => row !== ROOT && tree.isLeaf(row));
      operations.forEach((one, index) => {
        perform(tree, leaves[one.leaf % leaves.length]!, one);
        expectSound(tree);
        if (index !== stop % operations.length) return;
        const saved = structuredClone(tree.save());
        const restored = new CgroupTree(tree.machine, new RandomStream(rootKey('memory')), saved);
        expect(everything(restored)).toEqual(everything(tree));
        tree = restored;
      });
    }),
    { numRuns: 150 },
  ));
