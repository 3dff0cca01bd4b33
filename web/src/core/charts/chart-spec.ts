/** What a chart shows, apart from the library that draws it. */
import type { MetricName } from './metric-window.ts';

export interface ChartLine {
  readonly label: string;
  /** Undefined or 0: the line is not shown. */
  readonly value: number | undefined;
  readonly tone: 'limit' | 'reserved';
}
export interface ChartSeries {
  readonly name: MetricName;
  readonly label: string;
  readonly tone: 'main' | 'second' | 'warning';
  readonly filled: boolean;
  readonly stepped: boolean;
}
export interface ChartSpec {
  readonly title: string;
  /** What the figures are measured in and against, spelled out. */
  readonly subtitle: string;
  readonly series: readonly ChartSeries[];
  /** Divides raw values (nano-CPUs, bytes) into the unit of the axis. */
  readonly divisor: number;
  /** Steps of the axis are powers of two. */
  readonly binary: boolean;
  /** A value in the axis's unit, as text. */
  format(value: number): string;
  /** Upper end of the axis in its unit; every line lies within it. */
  readonly top: (peak: number, lines: readonly ChartLine[]) => number;
}
export interface ChartMark {
  readonly seconds: number;
  readonly tone: 'warning' | 'error';
}

/** Headroom over limits and peaks. */
const over =
  (factor: number, least: number) =>
  (peak: number, lines: readonly ChartLine[]): number =>
    Math.max(least, factor * Math.max(peak, ...lines.map((line) => line.value ?? 0)));

const cores = (value: number): string => (value < 1 ? `${Math.round(value * 1000)}m` : String(Math.round(value * 100) / 100));
const mebibytes = (value: number): string => (value >= 1024 ? `${Math.round((value / 1024) * 10) / 10} GiB` : `${Math.round(value)} MiB`);

/** CPU of a node or a service. @param against – what the limit line stands for */
export const cpuChart = (against: string): ChartSpec => ({
  title: 'CPU',
  subtitle: `cores used, against ${against}`,
  series: [{ name: 'cpuNano', label: 'used', tone: 'main', filled: true, stepped: false }],
  divisor: 1e9,
  binary: false,
  format: cores,
  top: over(1.1, 0.01),
});

export const memoryChart = (against: string): ChartSpec => ({
  title: 'Memory',
  subtitle: `MiB used, against ${against}`,
  series: [{ name: 'memoryBytes', label: 'used', tone: 'main', filled: true, stepped: false }],
  divisor: 1024 * 1024,
  binary: true,
  format: mebibytes,
  top: over(1.05, 1),
});

export const replicasChart: ChartSpec = {
  title: 'Replicas',
  subtitle: 'tasks wanted and running',
  series: [
    { name: 'running', label: 'running', tone: 'main', filled: true, stepped: true },
    { name: 'desired', label: 'desired', tone: 'second', filled: false, stepped: true },
  ],
  divisor: 1,
  binary: false,
  format: (value) => String(Math.round(value)),
  top: (peak) => Math.ceil(peak * 1.15 + 0.5),
};

export const throttleChart: ChartSpec = {
  title: 'Throttling',
  subtitle: '% of 100 ms periods in which the CPU limit held tasks back',
  series: [{ name: 'throttledPermille', label: 'throttled', tone: 'warning', filled: true, stepped: false }],
  divisor: 10,
  binary: false,
  format: (value) => `${Math.round(value)} %`,
  top: () => 100,
};
