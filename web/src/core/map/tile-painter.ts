/** Paints the head of a node's tile: name, the manager's belief, and bars of CPU and memory (reserved, used, capacity). */
import type { NodeView } from '@paperfleet/core';
import { memoryPair, cpuPair, span } from '../format.ts';
import type { Measured } from '../store/cluster-store.ts';
import type { MapTheme } from './appearance.ts';
import type { Layout } from './layout.ts';

export const FONT =
  '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, "Liberation Sans", Arial, sans-serif';

/** What reality looks like, in a word. */
const TRUTH_WORDS: Readonly<Record<NodeView['truth'], string>> = {
  up: 'up',
  crashed: 'crashed',
  partitioned: 'cut off',
  lost: 'agent gone',
};

export interface TileInput {
  readonly node: NodeView;
  readonly measured: Measured | undefined;
  readonly simUs: number;
}

/** What the manager believes of a node, and in which tone to say it. */
export function belief(node: NodeView): { readonly text: string; readonly tone: 'ok' | 'warning' | 'danger' } {
  if (node.status === 'down') return { text: 'down', tone: 'danger' };
  if (node.status === 'disconnected' || node.status === 'unknown') return { text: node.status, tone: 'warning' };
  if (node.availability === 'drain') return { text: node.tasks > 0 ? `draining, ${node.tasks} left` : 'drained', tone: 'warning' };
  if (node.availability === 'pause') return { text: 'paused', tone: 'warning' };
  return { text: 'ready', tone: 'ok' };
}

/** Reality and belief of a node that is not up, as two lines. */
export function gap(node: NodeView, simUs: number): { readonly truth: string; readonly belief: string } | undefined {
  if (node.truth === 'up' && node.status !== 'down') return undefined;
  const heard = Math.max(0, simUs - node.lastHeartbeatUs);
  return {
    truth: node.truth === 'up' ? 'up again' : TRUTH_WORDS[node.truth],
    belief: `believed ${node.status}, heard ${heard < 1_000_000 ? 'just now' : `${span(Math.floor(heard / 1e6) * 1e6)} ago`}`,
  };
}

export class TilePainter {
  readonly #context: CanvasRenderingContext2D;
  theme: MapTheme;
  layout: Layout;
  scale = 1;

  constructor(context: CanvasRenderingContext2D, theme: MapTheme, layout: Layout) {
    this.#context = context;
    this.theme = theme;
    this.layout = layout;
  }

  /** Paints panel, frame and head. The cells are the map's. */
  paint(place: number, input: TileInput): void {
    const { layout, theme } = this;
    const context = this.#context;
    const x = layout.x[place]!;
    const y = layout.y[place]!;
    const { tileWidth: w, tileHeight: h } = layout;
    const { node } = input;
    const dead = node.truth !== 'up' || node.status === 'down';
    context.fillStyle = theme.background;
    context.fillRect(x - 2, y - 2, w + 4, h + 4);
    context.fillStyle = dead ? theme.dangerTint : theme.panel;
    context.beginPath();
    context.roundRect(x, y, w, h, layout.detail === 'full' ? 8 : 5);
    context.fill();
    if (node.availability === 'drain') this.#stripes(x, y, w, h);
    context.lineWidth = dead ? 2 : 1;
    context.strokeStyle = dead ? theme.danger : node.availability === 'active' ? theme.border : theme.warning;
    context.setLineDash(node.truth === 'partitioned' ? [5, 4] : []);
    const inset = dead ? 1 : 0.5;
    context.beginPath();
    context.roundRect(x + inset, y + inset, w - 2 * inset, h - 2 * inset, layout.detail === 'full' ? 7.5 : 4.5);
    context.stroke();
    context.setLineDash([]);
    if (layout.detail === 'full') this.#fullHead(x, y, w, input);
    else if (layout.detail === 'compact') this.#compactHead(x, y, w, input);
    else this.#heat(x, y, w, h, input);
  }

  /** Paints only what stands above the cells, within the frame. Not for heat tiles. */
  paintHead(place: number, input: TileInput): void {
    const { layout, theme } = this;
    const x = layout.x[place]!;
    const y = layout.y[place]!;
    const w = layout.tileWidth;
    this.#context.fillStyle = input.node.truth !== 'up' || input.node.status === 'down' ? theme.dangerTint : theme.panel;
    // Rounded corners keep their pixels: the strip begins below them, and the text above it lies further in.
    this.#context.fillRect(x + 3, y + 3, w - 6, layout.cellTop - 4);
    if (layout.detail === 'full') this.#fullHead(x, y, w, input);
    else this.#compactHead(x, y, w, input);
  }

  #font(size: number, weight = 400): void {
    this.#context.font = `${weight} ${Math.round(size * this.scale * 2) / 2}px ${FONT}`;
  }

  #fullHead(x: number, y: number, w: number, input: TileInput): void {
    const { theme, scale: s } = this;
    const context = this.#context;
    const { node, measured } = input;
    const pad = this.layout.padding;
    const right = x + w - pad;
    context.textBaseline = 'alphabetic';
    context.textAlign = 'right';
    this.#font(11);
    const says = belief(node);
    context.fillStyle = says.tone === 'ok' ? theme.muted : says.tone === 'warning' ? theme.warning : theme.danger;
    const chipRoom = (w - 2 * pad) * 0.62;
    const chip = this.#fit(says.text, chipRoom);
    context.fillText(chip, right, y + 20 * s);
    const chipWidth = context.measureText(chip).width;
    context.beginPath();
    const dot = right - chipWidth - 8 * s;
    context.fillStyle = says.tone === 'ok' ? theme.ok : says.tone === 'warning' ? theme.warning : theme.danger;
    context.arc(dot, y + 16.2 * s, 3 * s, 0, Math.PI * 2);
    context.fill();
    context.textAlign = 'left';
    this.#font(13, 600);
    context.fillStyle = theme.text;
    context.fillText(this.#fit(node.name, dot - 8 * s - x - pad), x + pad, y + 20.5 * s);
    const apart = gap(node, input.simUs);
    if (apart !== undefined) {
      context.fillStyle = theme.danger;
      this.#cross(x + pad, y + 33 * s, 9 * s);
      this.#font(12, 600);
      context.fillText(this.#fit(apart.truth, w - 2 * pad - 16 * s), x + pad + 15 * s, y + 41.5 * s);
      this.#font(11);
      context.fillStyle = theme.muted;
      context.fillText(this.#fit(apart.belief, w - 2 * pad), x + pad, y + 57 * s);
      return;
    }
    const cpuTotal = node.nanoCpus / 1e6;
    const bars = [
      {
        label: 'CPU',
        used: (measured?.cpuMilli ?? 0) / cpuTotal,
        reserved: node.reservedNanoCpus / node.nanoCpus,
        text: cpuPair(measured?.cpuMilli ?? 0, cpuTotal),
      },
      {
        label: 'mem',
        used: (measured?.memoryBytes ?? 0) / node.memoryBytes,
        reserved: node.reservedMemoryBytes / node.memoryBytes,
        text: memoryPair(measured?.memoryBytes ?? 0, node.memoryBytes),
      },
    ];
    const roomy = w >= 196 * s;
    bars.forEach((bar, i) => {
      const top = y + (32 + i * 16) * s;
      this.#font(10.5);
      context.fillStyle = theme.muted;
      context.textAlign = 'left';
      context.fillText(bar.label, x + pad, top + 8 * s);
      const from = x + pad + 30 * s;
      const until = roomy ? right - 94 * s : right;
      this.#bar(from, top + 1 * s, until - from, 7 * s, bar.reserved, bar.used);
      if (!roomy) return;
      context.fillStyle = theme.muted;
      context.textAlign = 'right';
      context.fillText(bar.text, right, top + 8 * s);
    });
    context.textAlign = 'left';
  }

  #compactHead(x: number, y: number, w: number, input: TileInput): void {
    const { theme, scale: s } = this;
    const context = this.#context;
    const { node, measured } = input;
    const pad = this.layout.padding;
    const says = belief(node);
    const mark = 9 * s;
    this.#font(10.5, 600);
    context.textAlign = 'left';
    context.textBaseline = 'alphabetic';
    context.fillStyle = theme.text;
    context.fillText(this.#fit(node.name, w - 2 * pad - mark - 4), x + pad, y + 13 * s);
    if (node.truth !== 'up' || says.tone === 'danger') {
      context.fillStyle = theme.danger;
      this.#cross(x + w - pad - 8 * s, y + 5 * s, 8 * s);
    } else if (says.tone === 'warning') {
      context.fillStyle = theme.warning;
      context.fillRect(x + w - pad - 7 * s, y + 6 * s, 2.4 * s, 7 * s);
      context.fillRect(x + w - pad - 3 * s, y + 6 * s, 2.4 * s, 7 * s);
    }
    this.#bar(
      x + pad,
      y + 16.5 * s,
      w - 2 * pad,
      3 * s,
      node.reservedNanoCpus / node.nanoCpus,
      (measured?.cpuMilli ?? 0) / (node.nanoCpus / 1e6),
    );
  }

  #heat(x: number, y: number, w: number, h: number, input: TileInput): void {
    const { theme, scale: s } = this;
    const context = this.#context;
    const { node, measured } = input;
    const share = Math.min(1, (measured?.cpuMilli ?? 0) / (node.nanoCpus / 1e6));
    const alpha = context.globalAlpha;
    if (node.truth === 'up') {
      context.globalAlpha = alpha * (0.08 + 0.5 * share);
      context.fillStyle = theme.accent;
      context.beginPath();
      context.roundRect(x + 1, y + 1, w - 2, h - 2, 4);
      context.fill();
      context.globalAlpha = alpha;
    }
    context.textBaseline = 'alphabetic';
    context.textAlign = 'left';
    this.#font(9.5);
    context.fillStyle = theme.text;
    context.fillText(this.#fit(node.name, w - 8), x + 4, y + 11 * s);
    this.#font(10.5, 600);
    if (node.truth !== 'up' || node.status === 'down') {
      context.fillStyle = theme.danger;
      this.#cross(x + w - 12 * s, y + h - 12 * s, 7 * s);
    }
    context.fillStyle = theme.text;
    context.fillText(String(node.tasks), x + 4, y + h - 5 * s);
  }

  #bar(x: number, y: number, w: number, h: number, reserved: number, used: number): void {
    const { theme } = this;
    const context = this.#context;
    const radius = Math.min(2, h / 2);
    context.fillStyle = theme.track;
    context.beginPath();
    context.roundRect(x, y, w, h, radius);
    context.fill();
    for (const [share, colour, inset] of [
      [reserved, theme.reserved, 0],
      [used, theme.used, h > 5 ? 1.5 : 0.5],
    ] as const) {
      const width = Math.min(1, Math.max(0, share)) * w;
      if (width < 0.5) continue;
      context.fillStyle = colour;
      context.beginPath();
      context.roundRect(x, y + inset, Math.max(1, width), h - 2 * inset, Math.min(radius, width / 2));
      context.fill();
    }
  }

  #stripes(x: number, y: number, w: number, h: number): void {
    const context = this.#context;
    context.save();
    context.beginPath();
    context.roundRect(x, y, w, h, 8);
    context.clip();
    context.strokeStyle = this.theme.stripe;
    context.lineWidth = 4;
    context.beginPath();
    for (let d = -h; d < w; d += 12) {
      context.moveTo(x + d, y + h);
      context.lineTo(x + d + h, y);
    }
    context.stroke();
    context.restore();
  }

  #cross(x: number, y: number, size: number): void {
    const context = this.#context;
    context.strokeStyle = context.fillStyle;
    context.lineWidth = 2.2 * this.scale;
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y);
    context.lineTo(x, y + size);
    context.stroke();
    context.lineCap = 'butt';
  }

  /** The text, or as much of its start as fits with an ellipsis. */
  #fit(text: string, room: number): string {
    const context = this.#context;
    if (context.measureText(text).width <= room) return text;
    for (let length = text.length - 1; length > 0; length--) {
      const cut = `${text.slice(0, length).trimEnd()}…`;
      if (context.measureText(cut).width <= room) return cut;
    }
    return '';
  }
}
