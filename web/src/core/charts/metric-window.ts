/**
 * The data behind the charts of one node or service: history from the server in buckets, continued with live samples. Point
 * objects are made once and reused, as Chart.js reads them in place.
 */
import type { MetricRange, MetricSeries } from '@paperfleet/core';

export type MetricName = MetricSeries['name'];
export interface Point {
  /** Simulated seconds. */
  x: number;
  /** NaN is a gap. */
  y: number;
}

/** Points that a window is divided into. */
export const BUCKETS = 300;

/** Counts are shown as they last were, rates as the mean over the bucket. */
const LAST: ReadonlySet<MetricName> = new Set<MetricName>(['running', 'desired']);

/** Span of the charts in simulated seconds: a minute of wall time at the wanted speed, from 60 s to 1 h. */
export function windowSeconds(speed: number): number {
  return Math.min(3600, Math.max(60, Math.round(60 * (speed === 0 ? 60 : speed))));
}

export class MetricWindow {
  readonly #series: Map<MetricName, Point[]> = new Map();
  readonly #seconds: number;
  #toSeconds = 0;

  constructor(seconds: number) {
    this.#seconds = seconds;
  }

  get fromSeconds(): number {
    return Math.max(0, this.#toSeconds - this.#seconds);
  }
  get toSeconds(): number {
    return Math.max(this.#toSeconds, Math.min(this.#seconds, 60));
  }

  /** Takes the answer of the metrics endpoint in place of what was there. */
  load(range: MetricRange): void {
    this.#series.clear();
    const bucket = range.bucketUs / 1e6;
    for (const series of range.series) {
      const values = LAST.has(series.name) ? series.last : series.avg;
      const points: Point[] = [];
      let gap = 0;
      values.forEach((value, i) => {
        // Samples come once a simulated second: narrower buckets are empty between two samples, which is no gap.
        gap = value === null ? gap + 1 : 0;
        if (value !== null) points.push({ x: range.fromUs / 1e6 + (i + 0.5) * bucket, y: value });
        else if (gap * bucket > 5 && points.length > 0 && !Number.isNaN(points.at(-1)!.y))
          points.push({ x: points.at(-1)!.x + 0.001, y: Number.NaN });
      });
      this.#series.set(series.name, points);
      const last = points.at(-1)?.x ?? 0;
      if (last > this.#toSeconds) this.#toSeconds = last;
    }
  }

  /** Continues every series with what is so at an instant. Earlier instants than the newest start over. */
  append(simUs: number, values: Partial<Record<MetricName, number>>): void {
    const x = simUs / 1e6;
    if (x < this.#toSeconds - 5) this.#series.clear();
    this.#toSeconds = x;
    const step = this.#seconds / BUCKETS;
    for (const [name, y] of Object.entries(values) as [MetricName, number][]) {
      let points = this.#series.get(name);
      if (points === undefined) this.#series.set(name, (points = []));
      const last = points.at(-1);
      if (last !== undefined && (last.x >= x || Math.floor(last.x / step) === Math.floor(x / step))) {
        last.x = Math.max(last.x, x);
        last.y = y;
      } else points.push(this.#recycled(points, x, y));
    }
  }

  points(name: MetricName): Point[] {
    return this.#series.get(name) ?? [];
  }

  /** Largest value in the window, 0 when there is none. */
  peak(name: MetricName): number {
    let peak = 0;
    for (const point of this.points(name)) if (point.y > peak) peak = point.y;
    return peak;
  }

  /** Value at or before an instant; undefined in a gap. */
  valueAt(name: MetricName, seconds: number): number | undefined {
    const points = this.points(name);
    let low = 0;
    let high = points.length - 1;
    let found: Point | undefined;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (points[middle]!.x <= seconds) {
        found = points[middle]!;
        low = middle + 1;
      } else high = middle - 1;
    }
    return found === undefined || Number.isNaN(found.y) ? undefined : found.y;
  }

  /** The oldest point's object for a new one, once it has left the window. */
  #recycled(points: Point[], x: number, y: number): Point {
    // One point before the window stays, so that the line enters from the left edge.
    let point: Point | undefined;
    while (points.length > 1 && points[1]!.x < this.fromSeconds) point = points.shift();
    if (point === undefined) return { x, y };
    point.x = x;
    point.y = y;
    return point;
  }
}
