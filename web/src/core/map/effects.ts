/** The upper canvas: arcs of tasks that moved, and rings around what is selected, pointed at and focused. */
import type { MapTheme } from './appearance.ts';
import { hueOf } from './appearance.ts';
import type { Layout } from './layout.ts';
import type { MapTarget } from './target.ts';
import { FONT } from './tile-painter.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}
export interface Flight {
  readonly from: Box;
  readonly to: Box;
  readonly service: number;
  /** Both nodes; flights of one pair are drawn as one when there are many. */
  readonly pair: string;
}
interface Arc extends Flight {
  readonly startMs: number;
  readonly count: number;
}

const FLIGHT_MS = 600;
/** How long a finished arc's trace, and with reduced motion the outline, stays. */
const TRACE_MS = 900;
const OUTLINE_MS = 1500;
const MAX_SINGLE = 200;
/** Above this speed single arcs would lie about the instant: only their number is shown. */
const MAX_SPEED = 5;

export class Effects {
  readonly #context: CanvasRenderingContext2D;
  theme: MapTheme;
  reducedMotion = false;
  selected: MapTarget | undefined;
  hovered: MapTarget | undefined;
  focused: MapTarget | undefined;
  #arcs: Arc[] = [];

  constructor(context: CanvasRenderingContext2D, theme: MapTheme) {
    this.#context = context;
    this.theme = theme;
  }

  get arcCount(): number {
    return this.#arcs.length;
  }

  clear(): void {
    this.#arcs = [];
  }

  start(flights: readonly Flight[], nowMs: number, speed: number): void {
    const many = flights.length + this.#arcs.length > MAX_SINGLE || speed > MAX_SPEED || speed === 0;
    if (!many) {
      for (const flight of flights) this.#arcs.push({ ...flight, startMs: nowMs, count: 1 });
      return;
    }
    const pairs = new Map<string, { flight: Flight; count: number }>();
    for (const flight of flights) {
      const pair = pairs.get(flight.pair);
      if (pair === undefined) pairs.set(flight.pair, { flight, count: 1 });
      else pair.count++;
    }
    for (const { flight, count } of pairs.values()) this.#arcs.push({ ...flight, startMs: nowMs, count });
    if (this.#arcs.length > MAX_SINGLE) this.#arcs.splice(0, this.#arcs.length - MAX_SINGLE);
  }

  /** Paints everything; true while something moves. */
  paint(nowMs: number, layout: Layout, boxOf: (target: MapTarget) => Box | undefined, siblings: readonly Box[]): boolean {
    const context = this.#context;
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, context.canvas.width, context.canvas.height);
    context.restore();
    this.#arcs = this.#arcs.filter((arc) => nowMs - arc.startMs < (this.reducedMotion ? OUTLINE_MS : FLIGHT_MS + TRACE_MS));
    for (const arc of this.#arcs) {
      if (this.reducedMotion) this.#ring(arc.to, this.theme.accent, 2, 2);
      else this.#arc(arc, nowMs - arc.startMs);
    }
    context.globalAlpha = 0.75;
    for (const sibling of siblings) this.#ring(sibling, this.theme.text, 1, 1.5);
    context.globalAlpha = 1;
    this.#mark(this.hovered, boxOf, this.theme.text, 1.5, layout);
    this.#mark(this.selected, boxOf, this.theme.accent, 2.5, layout);
    this.#mark(this.focused, boxOf, this.theme.accent, 2.5, layout);
    return this.#arcs.length > 0;
  }

  #mark(target: MapTarget | undefined, boxOf: (target: MapTarget) => Box | undefined, colour: string, width: number, layout: Layout): void {
    const box = target === undefined ? undefined : boxOf(target);
    if (box === undefined) return;
    this.#ring(box, colour, width, box.width === layout.tileWidth ? 1 : 2);
  }

  #ring(box: Box, colour: string, width: number, outset: number): void {
    const context = this.#context;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.roundRect(box.x - outset, box.y - outset, box.width + 2 * outset, box.height + 2 * outset, box.width > 40 ? 8 : 4);
    context.stroke();
  }

  #arc(arc: Arc, ageMs: number): void {
    const context = this.#context;
    const x0 = arc.from.x + arc.from.width / 2;
    const y0 = arc.from.y + arc.from.height / 2;
    const x1 = arc.to.x + arc.to.width / 2;
    const y1 = arc.to.y + arc.to.height / 2;
    const lift = Math.min(90, 20 + Math.hypot(x1 - x0, y1 - y0) * 0.18);
    const cx = (x0 + x1) / 2;
    const cy = Math.min(y0, y1) - lift;
    const t = Math.min(1, ageMs / FLIGHT_MS);
    const eased = t < 0.5 ? 2 * t * t : 1 - (-2 * t + 2) ** 2 / 2;
    const colour = this.theme.inks[hueOf(arc.service)]!;
    // The trace is the part of the curve flown so far, by splitting the curve at t.
    const ax = x0 + (cx - x0) * eased;
    const ay = y0 + (cy - y0) * eased;
    const bx = cx + (x1 - cx) * eased;
    const by = cy + (y1 - cy) * eased;
    const px = ax + (bx - ax) * eased;
    const py = ay + (by - ay) * eased;
    context.globalAlpha = t < 1 ? 0.75 : 0.75 * Math.max(0, 1 - (ageMs - FLIGHT_MS) / TRACE_MS);
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = arc.count > 1 ? 3 : 1.75;
    context.beginPath();
    context.moveTo(x0, y0);
    context.quadraticCurveTo(ax, ay, px, py);
    context.stroke();
    context.beginPath();
    context.arc(px, py, arc.count > 1 ? 5 : 3.5, 0, Math.PI * 2);
    context.fill();
    if (arc.count > 1) {
      context.font = `600 12px ${FONT}`;
      context.fillText(`×${arc.count}`, px + 7, py - 5);
    }
    context.globalAlpha = 1;
  }
}
