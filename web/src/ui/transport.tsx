/** The transport bar: pause, step, speed, simulated clock, and the strip of what happened. */
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useComputed } from '@preact/signals';
import type { ClusterEvent } from '@paperfleet/core';
import { axisTime, reached, sentence, simClock, speed as speedText, windowSeconds } from '../core/index.ts';
import { setSpeed, SPEEDS, speedPosition, step, togglePlay } from './actions.ts';
import { useApp } from './app.ts';
import type { Navigation } from './navigation.ts';

const ICONS = {
  play: 'M5 3.2v9.6l8-4.8z',
  pause: 'M4.2 3h2.6v10H4.2zM9.2 3h2.6v10H9.2z',
  window: 'M3.5 3.6v8.8l5.6-4.4zM10.6 3.4h2v9.2h-2z',
  event: 'M2.6 3.6v8.8L7.4 8zM11 5.4 13.6 8 11 10.6 8.4 8z',
} as const;
const Icon = ({ name }: { readonly name: keyof typeof ICONS }): VNode => (
  <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
    <path d={ICONS[name]} fill="currentColor" />
  </svg>
);

export function Transport({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  const readOnly = app.store.role === 'viewer';
  const paused = useComputed(() => app.playback.value.paused).value;
  return (
    <footer class="transport" aria-label="Time">
      <div class="buttons">
        <button
          type="button"
          class="play"
          data-testid="play"
          disabled={readOnly}
          aria-label={paused ? 'Play' : 'Pause'}
          title={`${paused ? 'Play' : 'Pause'} (Space)`}
          onClick={() => void togglePlay(app)}
        >
          <Icon name={paused ? 'play' : 'pause'} />
        </button>
        <button
          type="button"
          data-testid="step-window"
          disabled={readOnly}
          aria-label="Step one window"
          title="Step one window (Shift+])"
          onClick={() => void step(app, 'window')}
        >
          <Icon name="window" />
        </button>
        <button
          type="button"
          data-testid="step-event"
          disabled={readOnly}
          aria-label="Step to the next event"
          title="Step to the next event (])"
          onClick={() => void step(app, 'event')}
        >
          <Icon name="event" />
        </button>
      </div>
      <SpeedControl />
      <Clock />
      <Timeline navigation={navigation} />
    </footer>
  );
}

function SpeedControl(): VNode {
  const app = useApp();
  const wanted = useComputed(() => app.playback.value.speed).value;
  const max = wanted === 0;
  return (
    <div class="speed">
      <input
        type="range"
        min="0"
        max={SPEEDS.length - 1}
        step="1"
        value={speedPosition(wanted)}
        aria-label="Speed"
        aria-valuetext={speedText(wanted)}
        title="Speed (, and ;)"
        data-testid="speed"
        onInput={(event) => void setSpeed(app, SPEEDS[Number(event.currentTarget.value)]!)}
      />
      <button type="button" class="number" data-testid="speed-value" title="Back to 1× (1)" onClick={() => void setSpeed(app, 1)}>
        {speedText(wanted)}
      </button>
      <button
        type="button"
        class={`max ${max ? 'on' : ''}`}
        aria-pressed={max}
        data-testid="speed-max"
        title="As fast as possible"
        onClick={() => void setSpeed(app, max ? 1 : 0)}
      >
        max
      </button>
    </div>
  );
}

function Clock(): VNode {
  const app = useApp();
  const clock = useComputed(() => simClock(app.playback.value.simUs));
  const standing = useComputed(() => {
    const { paused, reachedSpeed, speed, waitingFor } = app.playback.value;
    if (paused) return 'PAUSED';
    if (waitingFor.length > 0) return 'WAITING';
    // The reached speed is news only when it is not the wanted one.
    return speed > 0 && Math.abs(reachedSpeed - speed) <= 0.1 * speed ? 'LIVE' : `${reached(reachedSpeed)} reached`;
  });
  return (
    <div class="clock">
      <time data-testid="clock" title="Simulated time">
        {clock}
      </time>
      <span class={`standing ${standing.value === 'LIVE' ? 'live' : ''}`} data-testid="standing">
        {standing}
      </span>
    </div>
  );
}

interface Mark {
  readonly x: number;
  readonly event: ClusterEvent;
}
const TONES = { info: 0, warning: 1, error: 2 } as const;
/** Kinds worth a mark although nothing is wrong: what people did. */
const isMarked = (event: ClusterEvent): boolean =>
  event.severity !== 'info' || ['COMMAND', 'FAULT', 'SCALED', 'ROLLOUT', 'NODE_READY'].includes(event.explain.code);

/** The last stretch of simulated time with its commands, warnings and errors. A click explains the nearest mark. */
function Timeline({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  const marks = useRef<Mark[]>([]);
  const tip = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = canvas.current!;
    const paint = (): void => paintTimeline(element, marks, app);
    const disposeCharts = app.charts.add({ refresh: paint });
    const timer = setInterval(paint, 500);
    const resize = new ResizeObserver(paint);
    resize.observe(element);
    const stopTheme = app.theme.subscribe(paint);
    return () => {
      disposeCharts();
      clearInterval(timer);
      resize.disconnect();
      stopTheme();
    };
  }, [app]);
  const nearest = (clientX: number): Mark | undefined => {
    const x = clientX - canvas.current!.getBoundingClientRect().left;
    let best: Mark | undefined;
    for (const mark of marks.current)
      if (
        Math.abs(mark.x - x) < 8 &&
        (best === undefined ||
          TONES[mark.event.severity] > TONES[best.event.severity] ||
          (mark.event.severity === best.event.severity && Math.abs(mark.x - x) < Math.abs(best.x - x)))
      )
        best = mark;
    return best;
  };
  return (
    <div class="timeline">
      <canvas
        ref={canvas}
        data-testid="timeline"
        role="img"
        aria-label="Events of the last stretch of simulated time; the Events view lists them"
        onClick={(event) => {
          const mark = nearest(event.clientX);
          if (mark !== undefined) navigation.select({ kind: 'event', id: String(mark.event.id) });
        }}
        onPointerMove={(event) => {
          const mark = nearest(event.clientX);
          const element = tip.current!;
          element.hidden = mark === undefined;
          canvas.current!.style.cursor = mark === undefined ? '' : 'pointer';
          if (mark === undefined) return;
          element.textContent = `${simClock(mark.event.at)}  ${sentence(mark.event, app.names)}`;
          element.style.right = `${Math.max(0, Math.min(canvas.current!.clientWidth - 320, canvas.current!.clientWidth - mark.x - 160))}px`;
        }}
        onPointerLeave={() => (tip.current!.hidden = true)}
      />
      <div ref={tip} class="tip" hidden />
    </div>
  );
}

function paintTimeline(canvas: HTMLCanvasElement, marks: { current: Mark[] }, app: ReturnType<typeof useApp>): void {
  const context = canvas.getContext('2d');
  const { clientWidth: width, clientHeight: height } = canvas;
  if (context === null || width === 0) return;
  const ratio = Math.min(2, devicePixelRatio);
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const theme = app.theme.value;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const now = app.store.playback.simUs / 1e6;
  const span = windowSeconds(app.store.playback.speed) * 2;
  const left = 8;
  const right = width - 10;
  const x = (seconds: number): number => right - ((now - seconds) / span) * (right - left);
  const scale = app.projector.value ? 1.9 : 1;
  const base = height - 7 - 12 * scale;
  context.fillStyle = theme.track;
  context.fillRect(left, base, right - left, 2);
  context.font = `${10.5 * scale}px ${getComputedStyle(canvas).fontFamily}`;
  context.textAlign = 'center';
  context.fillStyle = theme.muted;
  const tick =
    [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600].find((seconds) => (seconds / span) * (right - left) >= 72 * scale) ?? 3600;
  for (let seconds = Math.ceil((now - span) / tick) * tick; seconds <= now; seconds += tick) {
    if (seconds < 0) continue;
    context.fillRect(x(seconds), base, 1, 5);
    if (right - x(seconds) > 24 + 20 * scale && x(seconds) - left > 16 * scale) context.fillText(axisTime(seconds), x(seconds), height - 4);
  }
  context.textAlign = 'right';
  context.fillText('now', right, height - 4);
  marks.current = [];
  for (const event of app.store.events) {
    const at = event.at / 1e6;
    if (at < now - span || !isMarked(event)) continue;
    marks.current.push({ x: x(at), event });
  }
  marks.current.sort((a, b) => TONES[a.event.severity] - TONES[b.event.severity]);
  for (const { x: at, event } of marks.current) {
    context.fillStyle = event.severity === 'error' ? theme.danger : event.severity === 'warning' ? theme.warning : theme.muted;
    const tall = event.severity === 'error' ? 20 : event.severity === 'warning' ? 14 : 9;
    context.globalAlpha = event.severity === 'info' ? 0.7 : 1;
    context.fillRect(Math.round(at) - 1, base - tall, 2, tall);
    context.beginPath();
    context.arc(Math.round(at), base - tall, event.severity === 'info' ? 2 : 3, 0, Math.PI * 2);
    context.fill();
  }
  context.globalAlpha = 1;
  context.fillStyle = theme.accent;
  context.fillRect(right, 6, 2, base - 4);
}
