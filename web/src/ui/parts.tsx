/** Small parts that every view uses. */
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Look, LookName, Ring } from '../core/index.ts';
import { GLYPHS, hueOf, LOOK_LABEL, LOOK_NAMES, patternOf } from '../core/index.ts';
import { desiredOf, scale } from './actions.ts';
import { useApp } from './app.ts';

/** A service's hue and pattern, as on the map. */
export function Swatch({ row, size = 12 }: { readonly row: number; readonly size?: number }): VNode {
  const theme = useApp().theme.value;
  const pattern = patternOf(row);
  const id = `p${row < 0 ? 'x' : row % 24}`;
  return (
    <svg class="swatch" width={size} height={size} viewBox="0 0 12 12" aria-hidden="true">
      {pattern !== 'solid' && (
        <pattern
          id={id}
          width="4"
          height="4"
          patternUnits="userSpaceOnUse"
          patternTransform={pattern === 'stripes' ? 'rotate(45)' : undefined}
        >
          {pattern === 'stripes' ? (
            <rect width="1.5" height="4" fill={theme.patternInk} />
          ) : (
            <rect x="1" y="1" width="1.8" height="1.8" fill={theme.patternInk} />
          )}
        </pattern>
      )}
      <rect x="0.5" y="0.5" width="11" height="11" rx="2.5" fill={theme.hues[hueOf(row)]} stroke={theme.inks[hueOf(row)]} />
      {pattern !== 'solid' && <rect x="1" y="1" width="10" height="10" rx="2" fill={`url(#${id})`} />}
    </svg>
  );
}

/** A state's glyph, as on the map. */
export function Glyph({ look, size = 14 }: { readonly look: LookName; readonly size?: number }): VNode {
  const { ink, fill } = useApp().theme.value.looks[look];
  const { path, stroke } = GLYPHS[look];
  return (
    <svg class="glyph" width={size} height={size} viewBox="-1 -1 18 18" aria-hidden="true">
      <rect x="-0.5" y="-0.5" width="17" height="17" rx="3.5" fill={fill} stroke={look === 'oom' ? fill : ink} stroke-opacity="0.55" />
      {stroke ? (
        <path d={path} fill="none" stroke={ink} stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round" />
      ) : (
        <path d={path} fill={ink} />
      )}
    </svg>
  );
}

/** Glyph and word of a state. */
export function State({ look }: { readonly look: Look }): VNode {
  const name = LOOK_NAMES[look]!;
  return (
    <span class="state">
      <Glyph look={name} />
      {LOOK_LABEL[name]}
    </span>
  );
}

/** A button whose first press arms it for two seconds and whose second press acts. */
export function ConfirmButton({
  label,
  again,
  onConfirm,
  testId,
  title,
  disabled,
}: {
  readonly label: string;
  readonly again: string;
  readonly onConfirm: () => void;
  readonly testId: string;
  readonly title?: string;
  readonly disabled?: boolean;
}): VNode {
  const [armed, setArmed] = useState(false);
  const timer = useRef<number | undefined>(undefined);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const press = (): void => {
    window.clearTimeout(timer.current);
    if (armed) {
      setArmed(false);
      onConfirm();
      return;
    }
    setArmed(true);
    timer.current = window.setTimeout(() => setArmed(false), 2000);
  };
  return (
    <button
      type="button"
      class={`button danger ${armed ? 'armed' : ''}`}
      data-testid={testId}
      title={title}
      disabled={disabled}
      onClick={press}
      onBlur={() => setArmed(false)}
    >
      {armed ? again : label}
    </button>
  );
}

/** − n + for a replicated service; the number alone for others. */
export function Replicas({ name, compact = false }: { readonly name: string; readonly compact?: boolean }): VNode {
  const app = useApp();
  app.services.value;
  app.wanted.value;
  const service = app.store.service(name);
  const desired = desiredOf(app, name);
  if (service?.mode !== 'replicated' || app.store.role === 'viewer') return <span class="num">{desired}</span>;
  return (
    <span class={`stepper ${compact ? 'compact' : ''} ${app.wanted.value.has(name) ? 'unconfirmed' : ''}`}>
      <button
        type="button"
        aria-label={`One replica of ${name} less`}
        data-testid={`scale-down-${name}`}
        disabled={desired === 0}
        onClick={() => scale(app, name, desired - 1)}
      >
        −
      </button>
      <output class="num" data-testid={`desired-${name}`} aria-label={`${name}: replicas wanted`}>
        {desired}
      </output>
      <button
        type="button"
        aria-label={`One replica of ${name} more`}
        data-testid={`scale-up-${name}`}
        onClick={() => scale(app, name, desired + 1)}
      >
        +
      </button>
    </span>
  );
}

/** The last minute as a line, drawn on a canvas; `top` fixes its height. Redrawn with the measurements. */
export function Sparkline({
  ring,
  top,
  width = 72,
  height = 20,
}: {
  readonly ring: Ring | undefined;
  readonly top: number;
  readonly width?: number;
  readonly height?: number;
}): VNode {
  const app = useApp();
  const canvas = useRef<HTMLCanvasElement>(null);
  const version = app.metrics.value;
  const theme = app.theme.value;
  useEffect(() => {
    const context = canvas.current?.getContext('2d');
    if (context === null || context === undefined) return;
    const ratio = Math.min(2, devicePixelRatio);
    if (context.canvas.width !== width * ratio) {
      context.canvas.width = width * ratio;
      context.canvas.height = height * ratio;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    if (ring === undefined || ring.length < 2) return;
    const from = ring.at(0);
    const span = Math.max(1, ring.at(ring.length - 1) - from);
    let peak = top;
    for (let i = 0; i < ring.length; i++) peak = Math.max(peak, ring.value(i));
    const x = (i: number): number => 1 + ((ring.at(i) - from) / span) * (width - 2);
    const y = (i: number): number => height - 1.5 - (ring.value(i) / Math.max(peak, 1e-9)) * (height - 4);
    context.beginPath();
    for (let i = 0; i < ring.length; i++) context.lineTo(x(i), y(i));
    context.strokeStyle = theme.accent;
    context.lineWidth = 1.25;
    context.lineJoin = 'round';
    context.stroke();
    context.lineTo(x(ring.length - 1), height);
    context.lineTo(x(0), height);
    context.globalAlpha = 0.13;
    context.fillStyle = theme.accent;
    context.fill();
    context.globalAlpha = 1;
  }, [version, theme, ring, top, width, height]);
  return <canvas ref={canvas} class="spark" style={{ width: `${width}px`, height: `${height}px` }} aria-hidden="true" />;
}

/** Used and reserved shares of a capacity. */
export function ShareBar({ used, reserved }: { readonly used: number; readonly reserved: number }): VNode {
  const width = (share: number): { width: string } => ({ width: `${Math.min(100, Math.max(0, share * 100))}%` });
  return (
    <span class="sharebar" aria-hidden="true">
      <i class="reserved" style={width(reserved)} />
      <i class="used" style={width(used)} />
    </span>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }): VNode {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}
