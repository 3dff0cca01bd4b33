/** One chart drawn by Chart.js: no animation, no parsing, fixed axes; limits and event marks by one inline plugin. */
import type { ChartDataset, Plugin } from 'chart.js';
import { Chart, Filler, LinearScale, LineController, LineElement, PointElement } from 'chart.js';
import { axisTime } from '../format.ts';
import { FONT } from '../map/tile-painter.ts';
import type { MapTheme } from '../map/appearance.ts';
import type { ChartLine, ChartMark, ChartSpec } from './chart-spec.ts';
import type { MetricWindow, Point } from './metric-window.ts';

Chart.register(LineController, LineElement, PointElement, LinearScale, Filler);

export interface ChartInput {
  readonly lines: readonly ChartLine[];
  readonly marks: readonly ChartMark[];
  readonly paused: boolean;
}

const NICE = [1, 2, 2.5, 5, 10] as const;
/** A round step that divides `span` into about `count` parts. */
export function niceStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  return (NICE.find((nice) => nice * power >= rough) ?? 10) * power;
}
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600] as const;
/** The same in powers of two, for MiB and GiB. */
export const binaryStep = (span: number, count: number): number => 2 ** Math.max(0, Math.ceil(Math.log2(span / count)));
const multiples = (from: number, to: number, step: number): { value: number }[] => {
  const ticks: { value: number }[] = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) ticks.push({ value: i * step });
  return ticks;
};
const timeStep = (span: number, count: number): number => TIME_STEPS.find((step) => span / step <= count) ?? 3600;

export class LineChart {
  readonly #spec: ChartSpec;
  readonly #window: MetricWindow;
  readonly #input: () => ChartInput;
  #theme: MapTheme;
  readonly #chart: Chart<'line', Point[]>;
  /** Points in the unit of the axis, kept apart from the window's raw values and reused. */
  readonly #points: Point[][];

  constructor(canvas: HTMLCanvasElement, spec: ChartSpec, window: MetricWindow, theme: MapTheme, input: () => ChartInput) {
    this.#spec = spec;
    this.#window = window;
    this.#theme = theme;
    this.#input = input;
    this.#points = spec.series.map(() => []);
    this.#chart = new Chart<'line', Point[]>(canvas, {
      type: 'line',
      data: { datasets: this.#datasets() },
      options: {
        animation: false,
        parsing: false,
        normalized: true,
        responsive: true,
        maintainAspectRatio: false,
        events: [],
        spanGaps: false,
        layout: { padding: { top: 6, right: 2 } },
        scales: {
          x: {
            type: 'linear',
            grid: { display: false },
            border: { display: false },
            afterBuildTicks: (axis) => {
              axis.ticks = multiples(axis.min, axis.max, timeStep(axis.max - axis.min, Math.max(2, axis.chart.width / 90)));
            },
            ticks: { maxRotation: 0, padding: 6, callback: (value) => axisTime(Number(value)) },
          },
          y: {
            type: 'linear',
            min: 0,
            grid: { drawTicks: false },
            border: { display: false },
            // A limit need not fall on a step: the axis ends a little above it, without a tick of its own.
            afterBuildTicks: (axis) => {
              axis.ticks = multiples(0, axis.max, spec.binary ? binaryStep(axis.max, 3) : niceStep(axis.max, 4));
            },
            ticks: { maxRotation: 0, padding: 6, callback: (value) => (value === 0 ? '0' : spec.format(Number(value))) },
          },
        },
      },
      plugins: [this.#plugin()],
    });
    this.refresh();
  }

  destroy(): void {
    this.#chart.destroy();
  }

  setTheme(theme: MapTheme): void {
    this.#theme = theme;
    this.#chart.data.datasets = this.#datasets();
    this.refresh();
  }

  /** Draws what the window holds now. */
  refresh(): void {
    const { options } = this.#chart;
    const scales = options.scales as Record<
      'x' | 'y',
      { min: number; max: number; afterFit?: unknown; ticks: Record<string, unknown>; grid: Record<string, unknown> }
    >;
    const { fromSeconds, toSeconds } = this.#window;
    const peak = Math.max(0, ...this.#spec.series.map((series, i) => this.#fill(series.name, i)));
    const top = this.#spec.top(peak, this.#input().lines);
    scales.x.min = fromSeconds;
    scales.x.max = toSeconds;
    scales.y.max = top;
    for (const scale of [scales.x, scales.y]) {
      scale.ticks['color'] = this.#theme.muted;
      scale.ticks['font'] = { family: FONT, size: 11 };
      scale.grid['color'] = this.#theme.track;
    }
    this.#chart.update('none');
  }

  /** Horizontal place of an instant in CSS pixels of the canvas, or undefined outside the plotted area. */
  pixelOf(seconds: number): number | undefined {
    const x = this.#chart.scales['x']?.getPixelForValue(seconds);
    const { left, right } = this.#chart.chartArea;
    return x === undefined || x < left || x > right ? undefined : x;
  }

  secondsAt(pixel: number): number | undefined {
    const { left, right } = this.#chart.chartArea;
    return pixel < left || pixel > right ? undefined : this.#chart.scales['x']?.getValueForPixel(pixel);
  }

  #fill(name: Parameters<MetricWindow['points']>[0], at: number): number {
    const raw = this.#window.points(name);
    const points = this.#points[at]!;
    points.length = Math.min(points.length, raw.length);
    let peak = 0;
    raw.forEach((point, i) => {
      const y = point.y / this.#spec.divisor;
      if (y > peak) peak = y;
      const mine = points[i];
      if (mine === undefined) points.push({ x: point.x, y });
      else {
        mine.x = point.x;
        mine.y = y;
      }
    });
    return peak;
  }

  #datasets(): ChartDataset<'line', Point[]>[] {
    const colours = { main: this.#theme.accent, second: this.#theme.muted, warning: this.#theme.warning };
    return this.#spec.series.map((series, i) => ({
      data: this.#points[i]!,
      borderColor: colours[series.tone],
      backgroundColor: `${colours[series.tone]}24`,
      borderWidth: 1.75,
      borderDash: series.tone === 'second' ? [4, 3] : [],
      pointRadius: 0,
      tension: 0,
      stepped: series.stepped ? 'before' : false,
      fill: series.filled ? 'origin' : false,
    }));
  }

  #plugin(): Plugin<'line'> {
    return {
      id: 'limits-and-marks',
      afterDatasetsDraw: (chart) => {
        const { ctx, chartArea, scales } = chart;
        const theme = this.#theme;
        const { lines, marks, paused } = this.#input();
        ctx.save();
        ctx.lineWidth = 1;
        for (const mark of marks) {
          const x = scales['x']!.getPixelForValue(mark.seconds);
          if (x < chartArea.left || x > chartArea.right) continue;
          ctx.globalAlpha = 0.22;
          ctx.strokeStyle = ctx.fillStyle = mark.tone === 'error' ? theme.danger : theme.warning;
          ctx.beginPath();
          ctx.moveTo(x, chartArea.top);
          ctx.lineTo(x, chartArea.bottom);
          ctx.stroke();
          ctx.globalAlpha = 1;
          ctx.beginPath();
          ctx.moveTo(x - 3.5, chartArea.top - 5);
          ctx.lineTo(x + 3.5, chartArea.top - 5);
          ctx.lineTo(x, chartArea.top);
          ctx.fill();
        }
        ctx.font = `500 10.5px ${FONT}`;
        for (const line of lines) {
          if (line.value === undefined || line.value <= 0) continue;
          const y = scales['y']!.getPixelForValue(line.value);
          ctx.strokeStyle = ctx.fillStyle = line.tone === 'limit' ? theme.danger : theme.muted;
          ctx.setLineDash(line.tone === 'limit' ? [] : [5, 4]);
          ctx.lineWidth = line.tone === 'limit' ? 1.25 : 1;
          ctx.beginPath();
          ctx.moveTo(chartArea.left, y);
          ctx.lineTo(chartArea.right, y);
          ctx.stroke();
          ctx.setLineDash([]);
          // Labels of close lines must not cover each other: limits stand at the right, reservations at the left.
          const limit = line.tone === 'limit';
          ctx.textAlign = limit ? 'right' : 'left';
          ctx.fillText(line.label, limit ? chartArea.right - 4 : chartArea.left + 6, y > chartArea.top + 16 ? y - 4 : y + 12);
        }
        if (paused) {
          ctx.font = `600 10px ${FONT}`;
          ctx.textAlign = 'left';
          ctx.fillStyle = theme.muted;
          ctx.fillText('PAUSED', chartArea.left + 6, chartArea.top + 12);
        }
        ctx.restore();
      },
    };
  }
}
