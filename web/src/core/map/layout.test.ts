import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LayoutInput } from './layout.ts';
import { cellX, cellY, hitTest, layoutMap } from './layout.ts';

const nodes = (count: number, zones = 3): LayoutInput['nodes'] =>
  Array.from({ length: count }, (_, row) => ({ row, zone: `z${row % zones}` }));
const input: fc.Arbitrary<LayoutInput> = fc.record({
  nodes: fc.tuple(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 1, max: 7 })).map(([count, zones]) => nodes(count, zones)),
  capacity: fc.integer({ min: 1, max: 120 }),
  width: fc.integer({ min: 320, max: 2600 }),
  height: fc.integer({ min: 200, max: 1400 }),
  scale: fc.constantFrom(1, 1.4),
});

test('no two tiles overlap, all lie within the width and the height told', () => {
  fc.assert(
    fc.property(input, (given) => {
      const layout = layoutMap(given);
      expect(layout.order.length).toBe(given.nodes.length);
      const taken = new Set<string>();
      for (let place = 0; place < layout.order.length; place++) {
        const [x, y] = [layout.x[place]!, layout.y[place]!];
        expect(x).toBeGreaterThanOrEqual(0);
        expect(x + layout.tileWidth).toBeLessThanOrEqual(given.width + 1);
        expect(y + layout.tileHeight).toBeLessThanOrEqual(layout.height + 1);
        expect(hitTest(layout, x + layout.tileWidth / 2, y + layout.tileHeight / 2)?.place).toBe(place);
        taken.add(`${x}/${y}`);
      }
      expect(taken.size).toBe(given.nodes.length);
    }),
    { numRuns: 40 },
  );
});

test('the middle of a cell is found again, and every slot lies inside its tile', () => {
  fc.assert(
    fc.property(input, fc.nat(), fc.nat(), (given, a, b) => {
      const layout = layoutMap(given);
      if (layout.order.length === 0 || layout.cell === 0) return;
      const place = a % layout.order.length;
      const position = b % given.capacity;
      const x = cellX(layout, place, position) + layout.cell / 2;
      const y = cellY(layout, place, position) + layout.cell / 2;
      expect(hitTest(layout, x, y)).toEqual({ place, position });
    }),
    { numRuns: 40 },
  );
});

test('a node that joins moves none of the others while the tiles keep their size', () => {
  const before = layoutMap({ nodes: nodes(7, 1), capacity: 12, width: 1334, height: 440, scale: 1 });
  const after = layoutMap({ nodes: nodes(8, 1), capacity: 12, width: 1334, height: 440, scale: 1 });
  expect([after.tileWidth, after.tileHeight]).toEqual([before.tileWidth, before.tileHeight]);
  expect([...after.x].slice(0, 7)).toEqual([...before.x]);
  expect([...after.y].slice(0, 7)).toEqual([...before.y]);
});

test('100 nodes fit a small laptop without scrolling, names and cells shown', () => {
  const layout = layoutMap({ nodes: nodes(100), capacity: 12, width: 1342, height: 420, scale: 1 });
  expect(layout.detail).toBe('compact');
  expect(layout.height).toBeLessThanOrEqual(430);
  expect(layout.cell).toBeGreaterThanOrEqual(8);
});

test('zones stand in natural order, nodes in the order they joined', () => {
  const layout = layoutMap({
    nodes: [
      { row: 5, zone: 'rack10' },
      { row: 1, zone: 'rack2' },
      { row: 0, zone: 'rack10' },
    ],
    capacity: 8,
    width: 900,
    height: 400,
    scale: 1,
  });
  expect(layout.zones.map((zone) => zone.name)).toEqual(['rack2', 'rack10']);
  expect(layout.order).toEqual([1, 0, 5]);
});
