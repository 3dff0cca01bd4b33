/**
 * Draws the cluster on two canvases: `base` holds tiles and cells, of which only dirty ones are painted again; `fx` holds
 * what moves or marks (arcs, rings) and is cleared each time. Knows no framework and no page: contexts, clock and frame
 * requests are given. Nothing is requested while nothing changes.
 */
import type { NodeView } from '@paperfleet/core';
import type { ClusterStore } from '../store/cluster-store.ts';
import type { Look } from '../store/look.ts';
import { LOOK } from '../store/look.ts';
import { TASK_STATE } from '@paperfleet/core';
import type { MapTheme } from './appearance.ts';
import { Atlas } from './atlas.ts';
import { Effects } from './effects.ts';
import type { Layout } from './layout.ts';
import { cellX, cellY, hitTest, layoutMap } from './layout.ts';
import { SlotBook } from './slot-book.ts';
import type { MapTarget } from './target.ts';
import type { TileInput } from './tile-painter.ts';
import { FONT, TilePainter } from './tile-painter.ts';

export type Fill = 'cpu' | 'memory';

export interface MapHost {
  readonly base: CanvasRenderingContext2D;
  readonly fx: CanvasRenderingContext2D;
  /** Wall clock in milliseconds. */
  now(): number;
  requestFrame(callback: () => void): void;
  setTimer(callback: () => void, ms: number): number;
  clearTimer(timer: number): void;
  makeCanvas(width: number, height: number): OffscreenCanvas;
  /** Tells the page that the map needs another height (CSS pixels). */
  resized(height: number): void;
}

export interface MapStats {
  readonly cells: number;
  readonly ghosts: number;
  readonly nodes: number;
  readonly detail: Layout['detail'];
  readonly frames: number;
  readonly fullRedraws: number;
  readonly cellsPainted: number;
  readonly lastFrameMs: number;
  readonly arcs: number;
}

/** Canvas area above which the pixel ratio is lowered, in device pixels. */
const MAX_PIXELS = 16_000_000;

export class MapRenderer {
  readonly #store: ClusterStore;
  readonly #host: MapHost;
  readonly book: SlotBook;
  readonly #effects: Effects;
  #theme: MapTheme;
  #layout: Layout;
  readonly #painter: TilePainter;
  #atlas: Atlas | undefined;
  #atlasKey = '';
  #width = 0;
  #height = 0;
  #scale = 1;
  #ratio = 1;
  #fill: Fill = 'cpu';
  #shown: (index: number) => boolean = () => true;
  #filtered = false;
  readonly #dirtyTiles = new Set<number>();
  /** Nodes of which only the head is out of date. */
  readonly #dirtyHeads = new Set<number>();
  /** Per task index: height of the fill as painted, in CSS pixels. */
  readonly #filled: number[] = [];
  #relayout = true;
  #scheduled = false;
  #ghostTimer = -1;
  readonly #stats = { frames: 0, fullRedraws: 0, cellsPainted: 0, lastFrameMs: 0 };
  readonly #detach: (() => void)[] = [];

  constructor(store: ClusterStore, host: MapHost, theme: MapTheme) {
    this.#store = store;
    this.#host = host;
    this.#theme = theme;
    this.book = new SlotBook(store);
    this.#layout = layoutMap({ nodes: [], capacity: 8, width: 100, height: 100, scale: 1 });
    this.#painter = new TilePainter(host.base, theme, this.#layout);
    this.#effects = new Effects(host.fx, theme);
    this.#detach.push(store.observe(this.book));
    this.#detach.push(
      store.subscribe((change) => {
        if (change.reset) this.#effects.clear();
        if (change.nodes) this.#relayout = true;
        if (change.metrics) this.#measured();
        if (change.tasks || change.nodes || change.services || change.metrics || change.reset) this.invalidate();
      }),
    );
    for (let i = 0; i < store.tasks.end; i++) if (store.tasks.row[i]! >= 0) this.book.taskChanged(i);
  }

  dispose(): void {
    for (const detach of this.#detach) detach();
    this.#host.clearTimer(this.#ghostTimer);
    this.#scheduled = true;
  }

  get layout(): Layout {
    return this.#layout;
  }

  setTheme(theme: MapTheme): void {
    this.#theme = theme;
    this.#effects.theme = theme;
    this.#painter.theme = theme;
    this.#atlasKey = '';
    this.#redrawAll();
  }

  /** @param width, height – room in CSS pixels; @param scale – 1, or more for a projector; @param ratio – device pixels per CSS pixel */
  setViewport(width: number, height: number, scale: number, ratio: number): void {
    this.#width = width;
    this.#height = height;
    this.#scale = scale;
    this.#ratio = Math.min(2, ratio);
    this.#relayout = true;
    this.#redrawAll();
  }

  setFill(fill: Fill): void {
    this.#fill = fill;
    this.#redrawAll();
  }

  /** Cells for which `shown` is false are dimmed. */
  setFilter(shown: ((index: number) => boolean) | undefined): void {
    this.#filtered = shown !== undefined;
    this.#shown = shown ?? (() => true);
    this.#redrawAll();
  }

  setReducedMotion(reduced: boolean): void {
    this.#effects.reducedMotion = reduced;
  }

  /** Rings: what is selected, pointed at and focused by keyboard. */
  setMarks(marks: {
    readonly selected?: MapTarget | undefined;
    readonly hovered?: MapTarget | undefined;
    readonly focused?: MapTarget | undefined;
  }): void {
    this.#effects.selected = marks.selected;
    this.#effects.hovered = marks.hovered;
    this.#effects.focused = marks.focused;
    this.invalidate();
  }

  invalidate(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#host.requestFrame(() => {
      this.#scheduled = false;
      this.#frame();
    });
  }

  /** What lies at a point of the map, in CSS pixels. */
  targetAt(x: number, y: number): MapTarget | undefined {
    const hit = hitTest(this.#layout, x, y);
    if (hit === undefined) return undefined;
    const row = this.#layout.order[hit.place]!;
    const node = this.#store.nodes.get(row);
    if (node === undefined) return undefined;
    const task = hit.position < 0 ? undefined : this.#taskIn(row, hit.position);
    return task === undefined ? { node: node.name } : { node: node.name, task };
  }

  /** Box of a task's cell or a node's tile in CSS pixels of the map. */
  boxOf(target: {
    readonly node?: string;
    readonly task?: string;
  }): { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | undefined {
    if (target.task !== undefined) {
      const index = this.#store.tasks.indexOfId(target.task);
      const place = index < 0 ? undefined : this.book.placeOfTask(index);
      if (place !== undefined) return this.#cellBox(place.node, place.position);
    }
    const node = target.node === undefined ? undefined : this.#store.node(target.node);
    const place = node === undefined ? undefined : this.#layout.placeOf.get(node.row);
    if (place === undefined) return undefined;
    return { x: this.#layout.x[place]!, y: this.#layout.y[place]!, width: this.#layout.tileWidth, height: this.#layout.tileHeight };
  }

  /** The task in a slot, ended ones included while their ghost is there. */
  #taskIn(nodeRow: number, position: number): string | undefined {
    const occupant = this.book.occupant(nodeRow, position);
    if (occupant === undefined) return undefined;
    return 'task' in occupant ? this.#store.tasks.id[occupant.task] : occupant.ghost.id;
  }

  /** Tasks on a node in order of their slots. */
  tasksOn(nodeRow: number): readonly { readonly position: number; readonly id: string }[] {
    const found: { position: number; id: string }[] = [];
    for (let position = 0; position < this.book.used(nodeRow); position++) {
      const id = this.#taskIn(nodeRow, position);
      if (id !== undefined) found.push({ position, id });
    }
    return found;
  }

  stats(): MapStats {
    let cells = 0;
    for (const row of this.#layout.order) cells += this.tasksOn(row).length;
    return {
      ...this.#stats,
      cells,
      ghosts: this.book.ghostCount(),
      nodes: this.#layout.order.length,
      detail: this.#layout.detail,
      arcs: this.#effects.arcCount,
    };
  }

  #redrawAll(): void {
    this.book.dirtyAll = true;
    this.invalidate();
  }

  #measured(): void {
    const { tasks } = this.#store;
    for (let i = 0; i < tasks.end; i++) {
      if (tasks.row[i]! >= 0 && this.book.look[i] === LOOK.running && this.#filled[i] !== this.#fillHeight(i)) this.book.touchTask(i);
    }
    for (const row of this.#layout.order) this.#dirtyHeads.add(row);
  }

  #frame(): void {
    const started = this.#host.now();
    if (this.#width === 0) return;
    const capacity = this.book.capacity;
    this.book.settle(started);
    const due = this.book.expire(started);
    if (this.#relayout || capacity !== this.book.capacity) this.#arrange();
    if (this.book.dirtyAll) this.#paintAll();
    else this.#paintDirty();
    this.book.dirty.length = 0;
    this.book.dirtyAll = false;
    this.#dirtyTiles.clear();
    this.#dirtyHeads.clear();
    this.#startMoves(started);
    const busy = this.#effects.paint(started, this.#layout, (target) => this.boxOf(target), this.#siblings());
    if (busy) this.invalidate();
    this.#armGhosts(due - started);
    this.#stats.frames++;
    this.#stats.lastFrameMs = this.#host.now() - started;
  }

  #armGhosts(inMs: number): void {
    this.#host.clearTimer(this.#ghostTimer);
    if (Number.isFinite(inMs)) this.#ghostTimer = this.#host.setTimer(() => this.invalidate(), Math.max(16, inMs));
  }

  #arrange(): void {
    this.#relayout = false;
    const nodes = [...this.#store.nodes.values()].map(({ row, zone }) => ({ row, zone }));
    const next = layoutMap({ nodes, capacity: this.book.capacity, width: this.#width, height: this.#height, scale: this.#scale });
    if (!sameLayout(this.#layout, next)) this.book.dirtyAll = true;
    else for (const row of next.order) this.#dirtyTiles.add(row);
    this.#layout = next;
    this.#painter.layout = next;
    this.#painter.scale = this.#scale;
  }

  #resize(): void {
    const height = Math.max(this.#height, this.#layout.height + 2);
    let ratio = this.#ratio;
    while (ratio > 0.5 && this.#width * height * ratio * ratio > MAX_PIXELS) ratio /= 1.25;
    for (const context of [this.#host.base, this.#host.fx]) {
      const wide = Math.round(this.#width * ratio);
      const high = Math.round(height * ratio);
      if (context.canvas.width !== wide || context.canvas.height !== high) {
        context.canvas.width = wide;
        context.canvas.height = high;
      }
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    this.#host.resized(height);
    const key = `${this.#theme.name}/${this.#layout.cell}/${ratio}`;
    if (key === this.#atlasKey) return;
    this.#atlasKey = key;
    this.#atlas =
      this.#layout.cell === 0 ? undefined : new Atlas(this.#theme, this.#layout.cell, ratio, (w, h) => this.#host.makeCanvas(w, h));
  }

  #paintAll(): void {
    this.#resize();
    this.#stats.fullRedraws++;
    const { base } = this.#host;
    base.fillStyle = this.#theme.background;
    base.fillRect(0, 0, this.#width, Math.max(this.#height, this.#layout.height + 2));
    base.textBaseline = 'alphabetic';
    base.textAlign = 'left';
    for (const zone of this.#layout.zones) {
      base.font = `600 ${11.5 * this.#scale}px ${FONT}`;
      base.fillStyle = this.#theme.text;
      const name = zone.name === '' ? 'no zone' : `zone ${zone.name}`;
      base.fillText(name, zone.x, zone.y + 13 * this.#scale);
      const after = base.measureText(name).width;
      base.font = `400 ${11.5 * this.#scale}px ${FONT}`;
      base.fillStyle = this.#theme.muted;
      base.fillText(`${zone.count} ${zone.count === 1 ? 'node' : 'nodes'}`, zone.x + after + 8, zone.y + 13 * this.#scale);
    }
    for (const row of this.#layout.order) this.#paintTile(row);
  }

  #paintDirty(): void {
    for (const row of this.#dirtyHeads) if (!this.#dirtyTiles.has(row)) this.#paintHead(row);
    for (const row of this.#dirtyTiles) this.#paintTile(row);
    for (const { node, position } of this.book.dirty) if (!this.#dirtyTiles.has(node)) this.#paintCell(node, position, true);
  }

  /** Pixels of a cell that its measurement fills. */
  #fillHeight(index: number): number {
    const { tasks } = this.#store;
    const permille = this.#fill === 'cpu' ? tasks.cpuPermille[index]! : tasks.memoryPermille[index]!;
    return Math.round((this.#layout.cell * Math.min(1000, Math.max(0, permille))) / 1000);
  }

  #tileInput(node: NodeView): TileInput {
    return { node, measured: this.#store.nodeMetrics.get(node.row), simUs: this.#store.playback.simUs };
  }

  #paintHead(row: number): void {
    const place = this.#layout.placeOf.get(row);
    const node = this.#store.nodes.get(row);
    if (place === undefined || node === undefined) return;
    // Stripes run through the whole tile, so a drained one is painted whole; and so is a heat tile, which is all head.
    if (node.availability === 'drain' || this.#layout.detail === 'heat') this.#paintTile(row);
    else this.#painter.paintHead(place, this.#tileInput(node));
  }

  #paintTile(row: number): void {
    const place = this.#layout.placeOf.get(row);
    const node = this.#store.nodes.get(row);
    if (place === undefined || node === undefined) return;
    this.#painter.paint(place, this.#tileInput(node));
    for (let position = 0; position < this.book.used(row); position++) this.#paintCell(row, position, false);
  }

  #paintCell(nodeRow: number, position: number, clear: boolean): void {
    const place = this.#layout.placeOf.get(nodeRow);
    const atlas = this.#atlas;
    if (place === undefined || atlas === undefined) return;
    const { base } = this.#host;
    const { cell } = this.#layout;
    const x = cellX(this.#layout, place, position);
    const y = cellY(this.#layout, place, position);
    const node = this.#store.nodes.get(nodeRow);
    if (node === undefined || y + cell > this.#layout.y[place]! + this.#layout.tileHeight) return;
    const alive = node.truth === 'up' || node.truth === 'partitioned';
    if (clear) {
      base.fillStyle = node.truth !== 'up' || node.status === 'down' ? this.#theme.dangerTint : this.#theme.panel;
      base.fillRect(x, y, cell, cell);
    }
    const occupant = this.book.occupant(nodeRow, position);
    if (occupant === undefined) return;
    this.#stats.cellsPainted++;
    if ('ghost' in occupant) {
      base.globalAlpha = 0.62;
      atlas.paintLook(base, occupant.ghost.look, x, y);
    } else {
      const index = occupant.task;
      const look: Look = this.book.look[index] ?? LOOK.unknown;
      base.globalAlpha = this.#filtered && !this.#shown(index) ? 0.16 : alive ? 1 : 0.4;
      const { tasks } = this.#store;
      // Reality: on a machine without power nothing runs, whatever the manager believes; between cut links it does.
      const runs = look === LOOK.running || (look === LOOK.unknown && alive && tasks.state[index] === TASK_STATE.running);
      this.#filled[index] = this.#fillHeight(index);
      if (runs) atlas.paintRunning(base, tasks.service[index]!, x, y, alive ? (this.#filled[index] ?? 0) / cell : 0);
      else atlas.paintLook(base, look, x, y);
    }
    base.globalAlpha = 1;
  }

  #cellBox(nodeRow: number, position: number): { x: number; y: number; width: number; height: number } | undefined {
    const place = this.#layout.placeOf.get(nodeRow);
    if (place === undefined) return undefined;
    if (this.#layout.cell === 0)
      return { x: this.#layout.x[place]!, y: this.#layout.y[place]!, width: this.#layout.tileWidth, height: this.#layout.tileHeight };
    return {
      x: cellX(this.#layout, place, position),
      y: cellY(this.#layout, place, position),
      width: this.#layout.cell,
      height: this.#layout.cell,
    };
  }

  #startMoves(nowMs: number): void {
    const { moves } = this.book;
    if (moves.length === 0) return;
    this.#effects.start(
      moves.flatMap((move) => {
        const from = this.#cellBox(move.fromNode, move.fromPosition);
        const to = this.#cellBox(move.toNode, move.toPosition);
        return from === undefined || to === undefined ? [] : [{ from, to, service: move.service, pair: `${move.fromNode}>${move.toNode}` }];
      }),
      nowMs,
      this.#store.playback.speed,
    );
    moves.length = 0;
  }

  /** Cells of the same service as the one pointed at. */
  #siblings(): readonly { x: number; y: number; width: number; height: number }[] {
    const id = this.#effects.hovered?.task;
    if (id === undefined || this.#layout.cell === 0) return [];
    const { tasks } = this.#store;
    const index = tasks.indexOfId(id);
    if (index < 0) return [];
    const boxes: { x: number; y: number; width: number; height: number }[] = [];
    for (let i = 0; i < tasks.end; i++) {
      if (i === index || tasks.row[i]! < 0 || tasks.service[i] !== tasks.service[index]) continue;
      const place = this.book.placeOfTask(i);
      const found = place === undefined ? undefined : this.#cellBox(place.node, place.position);
      if (found !== undefined) boxes.push(found);
    }
    return boxes;
  }
}

function sameLayout(a: Layout, b: Layout): boolean {
  return (
    a.detail === b.detail &&
    a.tileWidth === b.tileWidth &&
    a.tileHeight === b.tileHeight &&
    a.cell === b.cell &&
    a.cellColumns === b.cellColumns &&
    a.order.length === b.order.length &&
    a.order.every((row, i) => row === b.order[i] && a.x[i] === b.x[i] && a.y[i] === b.y[i])
  );
}
