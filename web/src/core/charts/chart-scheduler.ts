/**
 * When charts are drawn: twice a second at most, only dirty ones that can be seen, the one under the pointer first, and no
 * more than a slice of each frame. Charts never draw by themselves, so a burst of data costs one update and not many.
 */

export interface ScheduledChart {
  /** Draws the newest data. */
  refresh(): void;
}

export interface SchedulerClock {
  now(): number;
  requestFrame(callback: () => void): void;
  setTimer(callback: () => void, ms: number): number;
  clearTimer(timer: number): void;
}

/** Wall milliseconds between two rounds, and the share of one frame that charts may take. */
export const ROUND_MS = 500;
export const SLICE_MS = 6;

interface Entry {
  dirty: boolean;
  visible: boolean;
  hovered: boolean;
}

export class ChartScheduler {
  readonly #clock: SchedulerClock;
  readonly #charts: Map<ScheduledChart, Entry> = new Map();
  #timer = -1;
  #lastRound = Number.NEGATIVE_INFINITY;
  #hidden = false;

  constructor(clock: SchedulerClock) {
    this.#clock = clock;
  }

  /** Registers a chart, dirty. Returns what removes it. */
  add(chart: ScheduledChart): () => void {
    this.#charts.set(chart, { dirty: true, visible: true, hovered: false });
    this.#arm();
    return () => this.#charts.delete(chart);
  }

  /** New data: every chart is out of date. Costs nothing while none is mounted. */
  dataChanged(): void {
    for (const entry of this.#charts.values()) entry.dirty = true;
    this.#arm();
  }

  markDirty(chart: ScheduledChart): void {
    const entry = this.#charts.get(chart);
    if (entry === undefined) return;
    entry.dirty = true;
    this.#arm();
  }

  setVisible(chart: ScheduledChart, visible: boolean): void {
    const entry = this.#charts.get(chart);
    if (entry === undefined) return;
    entry.visible = visible;
    if (visible) this.#arm();
  }

  setHovered(chart: ScheduledChart, hovered: boolean): void {
    const entry = this.#charts.get(chart);
    if (entry !== undefined) entry.hovered = hovered;
  }

  /** A hidden page draws nothing. */
  setHidden(hidden: boolean): void {
    this.#hidden = hidden;
    if (!hidden) this.#arm();
  }

  #waiting(): [ScheduledChart, Entry][] {
    return [...this.#charts]
      .filter(([, entry]) => entry.dirty && entry.visible)
      .sort(([, a], [, b]) => Number(b.hovered) - Number(a.hovered));
  }

  #arm(): void {
    if (this.#timer !== -1 || this.#hidden || this.#waiting().length === 0) return;
    const wait = Math.max(0, this.#lastRound + ROUND_MS - this.#clock.now());
    this.#timer = this.#clock.setTimer(() => {
      this.#lastRound = this.#clock.now();
      this.#clock.requestFrame(() => this.#slice());
    }, wait);
  }

  #slice(): void {
    const started = this.#clock.now();
    let drawn = 0;
    for (const [chart, entry] of this.#waiting()) {
      if (drawn > 0 && this.#clock.now() - started > SLICE_MS) {
        this.#clock.requestFrame(() => this.#slice());
        return;
      }
      entry.dirty = false;
      chart.refresh();
      drawn++;
    }
    this.#timer = -1;
    this.#arm();
  }
}
