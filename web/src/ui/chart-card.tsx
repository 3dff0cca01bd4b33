/** One chart with its title, values at the crosshair and a table of its data. Chart.js is loaded with it. */
import type { RefObject, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useComputed } from '@preact/signals';
import type { ChartLine, ChartMark, ChartSpec, MetricWindow } from '../core/index.ts';
import { axisTime, simClock } from '../core/index.ts';
import { LineChart } from '../core/charts/line-chart.ts';
import { useApp } from './app.ts';

export interface ChartCardProps {
  readonly spec: ChartSpec;
  readonly window: MetricWindow;
  readonly lines: () => readonly ChartLine[];
  readonly marks: () => readonly ChartMark[];
}

/** The Chart.js chart on a canvas and its crosshair, for as long as the card is mounted. */
function useChart(
  { spec, window: data, lines, marks }: ChartCardProps,
  canvas: RefObject<HTMLCanvasElement | null>,
  hair: RefObject<HTMLElement | null>,
): RefObject<LineChart | null> {
  const app = useApp();
  const chart = useRef<LineChart | null>(null);
  const latest = useRef({ lines, marks });
  latest.current = { lines, marks };
  const theme = app.theme.value;
  useEffect(() => {
    const made = new LineChart(canvas.current!, spec, data, app.theme.peek(), () => ({
      lines: latest.current.lines(),
      marks: latest.current.marks(),
      paused: app.playback.peek().paused,
    }));
    chart.current = made;
    const remove = app.charts.add(made);
    const seen = new IntersectionObserver(([entry]) => app.charts.setVisible(made, entry?.isIntersecting ?? true));
    seen.observe(canvas.current!);
    const stop = app.crosshair.subscribe((seconds) => {
      const x = seconds === undefined ? undefined : made.pixelOf(seconds);
      const element = hair.current;
      if (element === null) return;
      element.hidden = x === undefined;
      if (x !== undefined) element.style.transform = `translateX(${x}px)`;
    });
    return () => {
      stop();
      seen.disconnect();
      remove();
      made.destroy();
    };
  }, [app, spec, data]);
  useEffect(() => chart.current?.setTheme(theme), [theme]);
  return chart;
}

export function ChartCard(props: ChartCardProps): VNode {
  const { spec, window: data } = props;
  const app = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  const hair = useRef<HTMLDivElement>(null);
  const chart = useChart(props, canvas, hair);
  const [table, setTable] = useState(false);
  const values = useComputed(() => {
    app.metrics.value;
    const at = app.crosshair.value ?? data.toSeconds;
    return spec.series.map((series) => {
      const value = data.valueAt(series.name, at);
      return { series, text: value === undefined ? '–' : spec.format(value / spec.divisor) };
    });
  }).value;
  const hover = (event: PointerEvent): void => {
    app.crosshair.value = chart.current?.secondsAt(event.clientX - canvas.current!.getBoundingClientRect().left);
  };
  return (
    <section class="card chart" data-testid={`chart-${spec.title.toLowerCase()}`}>
      <header>
        <h3>{spec.title}</h3>
        <span class="muted sub">{spec.subtitle}</span>
        <span class="grow" />
        {values.map(({ series, text }) => (
          <span key={series.name} class={`value ${series.tone}`}>
            <i />
            {series.label} <b class="num">{text}</b>
          </span>
        ))}
        <button type="button" class="button quiet small" aria-pressed={table} onClick={() => setTable(!table)}>
          data
        </button>
      </header>
      {table && <DataTable spec={spec} data={data} />}
      <div
        class="plot"
        hidden={table}
        onPointerMove={hover}
        onPointerEnter={() => chart.current !== null && app.charts.setHovered(chart.current, true)}
        onPointerLeave={() => {
          app.crosshair.value = undefined;
          if (chart.current !== null) app.charts.setHovered(chart.current, false);
        }}
      >
        <canvas
          ref={canvas}
          role="img"
          aria-label={`${spec.title}, ${axisTime(data.fromSeconds)} to ${axisTime(data.toSeconds)}: ${values.map(({ series, text }) => `${series.label} now ${text}, at most ${spec.format(data.peak(series.name) / spec.divisor)}`).join('; ')}`}
        />
        <div class="hair" ref={hair} hidden />
      </div>
    </section>
  );
}

function DataTable({ spec, data }: { readonly spec: ChartSpec; readonly data: MetricWindow }): VNode {
  const app = useApp();
  app.metrics.value;
  const points = data
    .points(spec.series[0]!.name)
    .filter((point) => !Number.isNaN(point.y))
    .slice(-40)
    .reverse();
  return (
    <div class="plot scroll">
      <table class="table">
        <thead>
          <tr>
            <th class="r">simulated time</th>
            {spec.series.map((series) => (
              <th key={series.name} class="r">
                {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {points.map((point) => (
            <tr key={point.x}>
              <td class="r num">{simClock(point.x * 1e6)}</td>
              {spec.series.map((series) => (
                <td key={series.name} class="r num">
                  {spec.format((data.valueAt(series.name, point.x) ?? 0) / spec.divisor)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
