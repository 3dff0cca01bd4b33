/**
 * Where everything on the map stands: zone → node → slot. A pure function of the nodes, of the most slots any node needs
 * and of the room there is; what tasks do never moves anything. The room decides how much a tile shows:
 * `full` name, bars and cells · `compact` name and cells · `heat` one field per node.
 */
import { naturalCompare } from '../format.ts';

export type Detail = 'full' | 'compact' | 'heat';

export interface LayoutNode {
  readonly row: number;
  readonly zone: string;
}
export interface LayoutInput {
  readonly nodes: readonly LayoutNode[];
  /** Slots that each tile offers. */
  readonly capacity: number;
  readonly width: number;
  readonly height: number;
  /** 1 for reading distance, more for a projector. */
  readonly scale: number;
}

export interface Zone {
  readonly name: string;
  readonly count: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
}
export interface Layout {
  readonly detail: Detail;
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly gap: number;
  readonly padding: number;
  /** Side of a cell and the space between cells. */
  readonly cell: number;
  readonly cellGap: number;
  readonly cellColumns: number;
  /** Top of the first row of cells within a tile. */
  readonly cellTop: number;
  readonly height: number;
  readonly zones: readonly Zone[];
  /** Node rows in order of drawing, with the top left corner of their tiles. */
  readonly order: readonly number[];
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Place of a node row in `order`. */
  readonly placeOf: ReadonlyMap<number, number>;
}

interface Candidate {
  readonly detail: Detail;
  readonly zoneColumns: number;
  readonly columns: number;
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly cell: number;
  readonly cellColumns: number;
  readonly height: number;
  readonly score: number;
}

/** Room around the map for rings that reach over a tile's edge. */
const INSET = 4;
const ZONE_HEADER = 22;
const ZONE_GAP = 20;
const CELLS = [34, 32, 30, 28, 26, 24, 22, 20, 18, 16, 14, 12] as const;
const COMPACT_CELLS = [20, 18, 16, 14, 12, 10, 8, 6] as const;
/** Sizes at scale 1, CSS pixels. `head` is what stands above the cells. */
const FORM: Readonly<Record<Detail, { minWidth: number; maxWidth: number; padding: number; gap: number; head: number; cellGap: number }>> =
  {
    full: { minWidth: 124, maxWidth: 440, padding: 10, gap: 10, head: 70, cellGap: 3 },
    compact: { minWidth: 60, maxWidth: 123, padding: 6, gap: 6, head: 22, cellGap: 2 },
    heat: { minWidth: 44, maxWidth: 64, padding: 4, gap: 4, head: 14, cellGap: 0 },
  };

function grouped(nodes: readonly LayoutNode[]): [string, number[]][] {
  const zones = new Map<string, number[]>();
  for (const node of [...nodes].sort((a, b) => a.row - b.row)) {
    const rows = zones.get(node.zone);
    if (rows === undefined) zones.set(node.zone, [node.row]);
    else rows.push(node.row);
  }
  return [...zones].sort(([a], [b]) => naturalCompare(a, b));
}

const headerOf = (zones: readonly unknown[], names: boolean): number => (zones.length > 1 || names ? ZONE_HEADER : 0);

/** Height of all zones when each has `columns` columns of tiles and zones stand `zoneColumns` abreast. */
function heightOf(sizes: readonly number[], zoneColumns: number, columns: number, tileHeight: number, gap: number, header: number): number {
  let total = 0;
  for (let first = 0; first < sizes.length; first += zoneColumns) {
    const tallest = Math.max(...sizes.slice(first, first + zoneColumns));
    const rows = Math.ceil(tallest / columns);
    total += header + rows * tileHeight + (rows - 1) * gap + (first > 0 ? ZONE_GAP * 0.7 : 0);
  }
  return Math.ceil(total);
}

/** The best arrangement of one level of detail, or undefined when the width does not allow it. */
function best(detail: Detail, input: LayoutInput, sizes: readonly number[], header: number): Candidate | undefined {
  const { scale } = input;
  const form = FORM[detail];
  const gap = form.gap * scale;
  let found: Candidate | undefined;
  const most = Math.max(...sizes);
  for (let zoneColumns = 1; zoneColumns <= Math.min(sizes.length, 6); zoneColumns++) {
    const zoneWidth = (input.width - (zoneColumns - 1) * ZONE_GAP) / zoneColumns;
    const widest = Math.min(most, Math.max(1, Math.floor((zoneWidth + gap) / (form.minWidth * scale + gap))));
    if (zoneWidth < form.minWidth * scale) continue;
    for (let columns = 1; columns <= widest; columns++) {
      const tileWidth = Math.floor(Math.min(form.maxWidth * scale, (zoneWidth - (columns - 1) * gap) / columns));
      const inner = tileWidth - 2 * form.padding * scale;
      for (const size of detail === 'full' ? CELLS : detail === 'compact' ? COMPACT_CELLS : [0]) {
        const cell = Math.round(size * scale);
        const cellGap = form.cellGap * scale;
        const cellColumns = cell === 0 ? 1 : Math.max(1, Math.floor((inner + cellGap) / (cell + cellGap)));
        const cellRows = Math.ceil(input.capacity / cellColumns);
        const body = cell === 0 ? 16 * scale : cellRows * cell + (cellRows - 1) * cellGap + form.padding * scale;
        const tileHeight = Math.round(form.head * scale + body);
        const height = heightOf(sizes, zoneColumns, columns, tileHeight, gap, header);
        const over = Math.max(0, height - input.height) / Math.max(1, input.height);
        // Big cells, little empty room, tiles of a pleasant shape; nothing below the fold.
        const used = (input.nodes.length * tileWidth * tileHeight) / Math.max(1, input.width * input.height);
        const shape = Math.abs(Math.log2(tileWidth / tileHeight / 1.7));
        const rows = sizes.reduce((sum, size) => sum + Math.ceil(size / columns), 0);
        const ragged = 1 - input.nodes.length / (rows * columns);
        const score = (over > 0 ? -10 - 4 * over : 0) + cell / (40 * scale) + 1.8 * Math.min(1, used) - 0.2 * shape - 0.35 * ragged;
        if (found === undefined || score > found.score)
          found = { detail, zoneColumns, columns, tileWidth, tileHeight, cell, cellColumns, height, score };
      }
    }
  }
  return found;
}

/** Full where it fits without scrolling, compact where that does (or nearly), else the most detail that scrolls in reason. */
function choose(input: LayoutInput, sizes: readonly number[], header: number): Candidate {
  const full = best('full', input, sizes, header);
  if (full !== undefined && full.height <= input.height) return full;
  const compact = best('compact', input, sizes, header);
  if (compact !== undefined && compact.height <= input.height * 1.02) return compact;
  if (full !== undefined && full.height <= input.height * 1.6) return full;
  if (compact !== undefined && compact.height <= input.height * 4) return compact;
  return (
    best('heat', input, sizes, header) ??
    full ?? {
      detail: 'heat',
      zoneColumns: 1,
      columns: 1,
      tileWidth: Math.max(40, input.width),
      tileHeight: 30,
      cell: 0,
      cellColumns: 1,
      height: 30,
      score: 0,
    }
  );
}

/** Computes the map. Equal input, equal layout. */
export function layoutMap(given: LayoutInput): Layout {
  const input = { ...given, width: given.width - 2 * INSET };
  const zones = grouped(input.nodes);
  const header =
    headerOf(
      zones,
      zones.some(([name]) => name !== ''),
    ) * input.scale;
  const sizes = zones.length === 0 ? [1] : zones.map(([, rows]) => rows.length);
  const pick = choose(input, sizes, header);
  const form = FORM[pick.detail];
  const gap = form.gap * input.scale;
  const zoneWidth = Math.min(
    (input.width - (pick.zoneColumns - 1) * ZONE_GAP) / pick.zoneColumns,
    pick.columns * pick.tileWidth + (pick.columns - 1) * gap,
  );
  const order: number[] = [];
  const x = new Float64Array(input.nodes.length);
  const y = new Float64Array(input.nodes.length);
  const placed: Zone[] = [];
  let top = header > 0 ? 0 : INSET;
  for (let first = 0; first < zones.length; first += pick.zoneColumns) {
    let bottom = top;
    for (let k = first; k < Math.min(zones.length, first + pick.zoneColumns); k++) {
      const [name, rows] = zones[k]!;
      const left = (k - first) * (zoneWidth + ZONE_GAP);
      placed.push({ name, count: rows.length, x: INSET + left, y: top, width: zoneWidth });
      rows.forEach((row, i) => {
        x[order.length] = Math.round(INSET + left + (i % pick.columns) * (pick.tileWidth + gap));
        y[order.length] = Math.round(top + header + Math.floor(i / pick.columns) * (pick.tileHeight + gap));
        order.push(row);
      });
      bottom = Math.max(bottom, top + header + Math.ceil(rows.length / pick.columns) * (pick.tileHeight + gap) - gap);
    }
    top = bottom + ZONE_GAP * 0.7;
  }
  return {
    detail: pick.detail,
    tileWidth: pick.tileWidth,
    tileHeight: pick.tileHeight,
    gap,
    padding: form.padding * input.scale,
    cell: pick.cell,
    cellGap: form.cellGap * input.scale,
    cellColumns: pick.cellColumns,
    cellTop: form.head * input.scale,
    height: Math.ceil(Math.max(0, top - ZONE_GAP * 0.7)) + INSET,
    zones: header > 0 ? placed : [],
    order,
    x,
    y,
    placeOf: new Map(order.map((row, place) => [row, place])),
  };
}

/** Left edge of the cell in slot `position` of the tile at `place`. */
export const cellX = (layout: Layout, place: number, position: number): number =>
  layout.x[place]! + layout.padding + (position % layout.cellColumns) * (layout.cell + layout.cellGap);
/** Top edge of that cell. */
export const cellY = (layout: Layout, place: number, position: number): number =>
  layout.y[place]! + layout.cellTop + Math.floor(position / layout.cellColumns) * (layout.cell + layout.cellGap);

/** What lies at a point: a tile's place and the slot's position in it (-1 between cells). Undefined between tiles. */
export function hitTest(layout: Layout, px: number, py: number): { readonly place: number; readonly position: number } | undefined {
  for (let place = 0; place < layout.order.length; place++) {
    const dx = px - layout.x[place]!;
    const dy = py - layout.y[place]!;
    if (dx < 0 || dy < 0 || dx >= layout.tileWidth || dy >= layout.tileHeight) continue;
    if (layout.cell === 0) return { place, position: -1 };
    const pitch = layout.cell + layout.cellGap;
    const column = Math.floor((dx - layout.padding) / pitch);
    const rowOf = Math.floor((dy - layout.cellTop) / pitch);
    const inside =
      column >= 0 &&
      column < layout.cellColumns &&
      rowOf >= 0 &&
      (dx - layout.padding) % pitch < layout.cell &&
      (dy - layout.cellTop) % pitch < layout.cell;
    return { place, position: inside ? rowOf * layout.cellColumns + column : -1 };
  }
  return undefined;
}
