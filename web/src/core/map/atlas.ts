/** Pictures of cells, drawn once per theme, size and pixel ratio, so that painting a cell is one or two copies. */
import type { Look, LookName } from '../store/look.ts';
import { LOOK_NAMES } from '../store/look.ts';
import type { MapTheme } from './appearance.ts';
import { GLYPHS, HUES, hueOf, PATTERNS, patternOf } from './appearance.ts';

const VARIANTS = HUES * PATTERNS.length;
type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** Service rows that look alike share a variant; tasks of a service that is gone take the plain eighth hue. */
const variantOf = (serviceRow: number): number => (serviceRow < 0 ? 15 : serviceRow % VARIANTS);

export class Atlas {
  readonly #image: ImageBitmap;
  readonly #side: number;
  readonly #ratio: number;
  /** @param cell – side of a cell in CSS pixels; @param ratio – device pixels per CSS pixel */
  constructor(theme: MapTheme, cell: number, ratio: number, makeCanvas: (width: number, height: number) => OffscreenCanvas) {
    this.#ratio = ratio;
    this.#side = Math.max(1, Math.round(cell * ratio));
    const pitch = this.#side + 2;
    const canvas = makeCanvas(pitch * Math.max(VARIANTS, LOOK_NAMES.length), pitch * 3);
    const context = canvas.getContext('2d') as Context;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const size = this.#side / ratio;
    const step = pitch / ratio;
    for (let v = 0; v < VARIANTS; v++) {
      drawService(context, theme, v, v * step, 0, size, 'tint');
      drawService(context, theme, v, v * step, step, size, 'full');
    }
    LOOK_NAMES.forEach((name, i) => drawLook(context, theme, name, i * step, 2 * step, size));
    // Copies from a bitmap are cheaper than from a canvas, which may change between two copies.
    this.#image = canvas.transferToImageBitmap();
  }

  /** A running cell: tinted, and filled from below to `share` (0 to 1) of its height. */
  paintRunning(context: Context, serviceRow: number, x: number, y: number, share: number): void {
    const side = this.#side;
    const pitch = side + 2;
    const from = variantOf(serviceRow) * pitch;
    const size = side / this.#ratio;
    context.drawImage(this.#image, from, 0, side, side, x, y, size, size);
    if (share <= 0) return;
    const filled = Math.max(Math.round(2 * this.#ratio), Math.round(side * Math.min(1, share)));
    context.drawImage(
      this.#image,
      from,
      pitch + side - filled,
      side,
      filled,
      x,
      y + (side - filled) / this.#ratio,
      size,
      filled / this.#ratio,
    );
  }

  paintLook(context: Context, look: Look, x: number, y: number): void {
    const side = this.#side;
    const pitch = side + 2;
    context.drawImage(this.#image, look * pitch, 2 * pitch, side, side, x, y, side / this.#ratio, side / this.#ratio);
  }
}

function box(context: Context, x: number, y: number, size: number, inset: number): void {
  const radius = size >= 12 ? 3 : size >= 8 ? 1.5 : 0;
  context.beginPath();
  context.roundRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset, Math.max(0, radius - inset));
}

function drawService(context: Context, theme: MapTheme, variant: number, x: number, y: number, size: number, kind: 'tint' | 'full'): void {
  const hue = theme.hues[hueOf(variant)]!;
  context.save();
  box(context, x, y, size, 0);
  context.clip();
  context.fillStyle = theme.panel;
  context.fillRect(x, y, size, size);
  context.globalAlpha = kind === 'tint' ? theme.tint : 1;
  context.fillStyle = hue;
  context.fillRect(x, y, size, size);
  context.globalAlpha = kind === 'tint' ? 0.4 : 1;
  drawPattern(context, variant, x, y, size, kind === 'tint' ? hue : theme.patternInk);
  context.restore();
  context.strokeStyle = theme.inks[hueOf(variant)]!;
  context.lineWidth = 1;
  if (size >= 8) {
    box(context, x, y, size, 0.5);
    context.stroke();
  }
}

function drawPattern(context: Context, variant: number, x: number, y: number, size: number, ink: string): void {
  const pattern = patternOf(variant);
  const pitch = size >= 14 ? 5 : 4;
  context.strokeStyle = context.fillStyle = ink;
  if (pattern === 'stripes') {
    context.lineWidth = 1.5;
    context.beginPath();
    for (let d = -size; d < size; d += pitch) {
      context.moveTo(x + d, y + size);
      context.lineTo(x + d + size, y);
    }
    context.stroke();
  } else if (pattern === 'dots') {
    for (let dy = pitch / 2; dy < size; dy += pitch)
      for (let dx = pitch / 2; dx < size; dx += pitch) context.fillRect(x + dx - 1, y + dy - 1, 2, 2);
  }
}

function drawLook(context: Context, theme: MapTheme, name: LookName, x: number, y: number, size: number): void {
  const { ink, fill } = theme.looks[name];
  box(context, x, y, size, 0);
  context.fillStyle = fill;
  context.fill();
  box(context, x, y, size, 0.5);
  context.strokeStyle = name === 'oom' ? fill : ink;
  context.lineWidth = 1;
  context.globalAlpha = name === 'stopped' || name === 'unknown' || name === 'stopping' ? 0.6 : 0.9;
  context.stroke();
  context.globalAlpha = 1;
  const inner = size >= 12 ? Math.min(size - 4, 18) : size;
  context.save();
  context.translate(x + (size - inner) / 2, y + (size - inner) / 2);
  context.scale(inner / 16, inner / 16);
  const path = new Path2D(GLYPHS[name].path);
  if (GLYPHS[name].stroke) {
    context.strokeStyle = ink;
    context.lineWidth = 2.1;
    context.lineCap = context.lineJoin = 'round';
    context.stroke(path);
  } else {
    context.fillStyle = ink;
    // oxlint-disable-next-line unicorn/no-array-fill-with-reference-type -- a canvas, not an array
    context.fill(path);
  }
  context.restore();
}
