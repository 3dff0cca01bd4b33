/** The cluster map: services with their replicas, what waits, the tiles, and the legend. */
import type { RefObject, VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useComputed } from '@preact/signals';
import { rejectionsText } from '@paperfleet/core';
import type { LookName, MapTarget } from '../core/index.ts';
import { LOOK, LOOK_LABEL, LOOK_SHORT, MapRenderer, matches, parseQuery, plural } from '../core/index.ts';
import type { App } from './app.ts';
import { useApp } from './app.ts';
import { setMap } from './hooks.ts';
import { lazy } from 'preact-iso';
import { MapGrid } from './map-grid.tsx';
import type { Navigation } from './navigation.ts';
import { useNavigation } from './navigation.ts';
import { Glyph, Replicas, Swatch } from './parts.tsx';

type Ref<T> = RefObject<T | null>;

const MapTable = lazy(async () => (await import('./map-table.tsx')).MapTable);

export function MapPage(): VNode {
  const navigation = useNavigation();
  const table = navigation.query['view'] === 'table';
  return (
    <main class="map-page">
      <ServiceStrip navigation={navigation} />
      <PendingTray navigation={navigation} />
      {table ? <MapTable navigation={navigation} /> : <MapCanvas navigation={navigation} />}
      <Legend navigation={navigation} />
    </main>
  );
}

/** One chip per service: its look, running of desired, − and +. It is the legend of the map's colours as well. */
function ServiceStrip({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.services.value;
  const services = [...app.store.services.values()];
  return (
    <section class="strip" aria-label="Services">
      {services.map((service) => (
        <div key={service.row} class={`chip ${navigation.selection?.id === service.name ? 'selected' : ''}`}>
          <button
            type="button"
            class="name"
            data-testid={`service-${service.name}`}
            title={`${service.name} (${service.image}): why, load, details`}
            onClick={() => navigation.select({ kind: 'service', id: service.name })}
          >
            <Swatch row={service.row} />
            <span class="long">{service.name}</span>
          </button>
          <span
            class={`num running ${service.running < service.desired ? 'short' : ''}`}
            data-testid={`running-${service.name}`}
            title="running"
          >
            {service.running}
          </span>
          <span class="slash">/</span>
          <Replicas name={service.name} compact />
        </div>
      ))}
      {app.loaded.value && services.length === 0 && <span class="muted">No services yet.</span>}
      {app.store.role === 'operator' && (
        <button type="button" class="button quiet" data-testid="deploy" onClick={() => (app.deploying.value = true)}>
          Deploy…
        </button>
      )}
    </section>
  );
}

/** Tasks without a node and why; when there are none, how the cluster stands. One line, always there: nothing jumps. */
function PendingTray({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.tasks.value;
  const { store } = app;
  const pending = store.pendingTasks();
  if (pending.length === 0) {
    const services = [...store.services.values()];
    const desired = services.reduce((sum, service) => sum + service.desired, 0);
    const running = services.reduce((sum, service) => sum + service.running, 0);
    const nodes = [...store.nodes.values()];
    const ready = nodes.filter((node) => node.status === 'ready').length;
    return (
      <section class="tray calm" data-testid="pending" aria-label="Standing of the cluster">
        {app.loaded.value && (
          <span>
            {running} of {plural(desired, 'task')} running on {ready} of {plural(nodes.length, 'node')}. Nothing waits for a node.
          </span>
        )}
      </section>
    );
  }
  const first = pending.slice(0, 12);
  const reason = store.events.findLast(
    (event) => event.explain.code === 'PENDING' && event.task !== undefined && pending.includes(store.tasks.indexOfId(event.task)),
  );
  const why = reason?.explain.code === 'PENDING' ? rejectionsText(reason.explain.rejected) || reason.explain.message : '';
  return (
    <section class="tray waiting" data-testid="pending" aria-label="Tasks waiting for a node">
      <strong>{pending.length} pending</strong>
      {why !== '' && <span class="why">no node fits: {why}</span>}
      <span class="names">
        {first.map((index) => (
          <button
            key={store.tasks.id[index]}
            type="button"
            class="pill"
            onClick={() => navigation.select({ kind: 'task', id: store.tasks.id[index]! })}
          >
            <Glyph look="pending" size={13} />
            {store.taskNameAt(index)}
          </button>
        ))}
        {pending.length > first.length && <span class="muted">and {pending.length - first.length} more</span>}
      </span>
    </section>
  );
}

const SHOWN: readonly LookName[] = [
  'pending',
  'preparing',
  'starting',
  'unhealthy',
  'backoff',
  'failed',
  'oom',
  'rejected',
  'stopping',
  'stopped',
  'unknown',
];

function Legend({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  const fill = navigation.query['fill'] === 'memory' ? 'memory' : 'cpu';
  const table = navigation.query['view'] === 'table';
  app.theme.value;
  return (
    <section class="legend" data-testid="legend" aria-label="Legend">
      <span class="entry">
        <i class="fillkey" />
        running: {fill === 'cpu' ? 'CPU' : 'memory'} ÷ limit
      </span>
      {SHOWN.map((look) => (
        <span key={look} class="entry">
          <Glyph look={look} size={14} />
          {LOOK_SHORT[look]}
        </span>
      ))}
      <span class="entry">
        <i class="barkey">
          <i class="reserved" />
          <i class="used" />
        </i>
        used, reserved, capacity
      </span>
      <span class="grow" />
      <button
        type="button"
        class="button quiet small"
        data-testid="fill"
        onClick={() => navigation.set({ fill: fill === 'cpu' ? 'memory' : undefined })}
      >
        Fill: {fill === 'cpu' ? 'CPU' : 'memory'}
      </button>
      <button
        type="button"
        class="button quiet small"
        data-testid="table-view"
        aria-pressed={table}
        onClick={() => navigation.set({ view: table ? undefined : 'table' })}
      >
        {table ? 'Map' : 'Table'}
      </button>
    </section>
  );
}

/** The renderer of these canvases, kept in step with room, theme, fill and search. Undefined until mounted. */
function useRenderer(
  app: App,
  navigation: Navigation,
  room: Ref<HTMLElement>,
  base: Ref<HTMLCanvasElement>,
  fx: Ref<HTMLCanvasElement>,
): MapRenderer | undefined {
  const [renderer, setRenderer] = useState<MapRenderer>();
  const theme = app.theme.value;
  const projector = app.projector.value;
  const fill = navigation.query['fill'] === 'memory' ? 'memory' : 'cpu';
  const queryText = navigation.query['q'] ?? '';
  useEffect(() => {
    const height = (value: number): void => {
      for (const canvas of [base.current, fx.current]) if (canvas !== null) canvas.style.height = `${value}px`;
    };
    const made = new MapRenderer(
      app.store,
      {
        base: base.current!.getContext('2d', { alpha: false })!,
        fx: fx.current!.getContext('2d')!,
        now: () => performance.now(),
        requestFrame: (callback) => requestAnimationFrame(callback),
        setTimer: (callback, ms) => window.setTimeout(callback, ms),
        clearTimer: (timer) => window.clearTimeout(timer),
        makeCanvas: (width, tall) => new OffscreenCanvas(width, tall),
        resized: height,
      },
      app.theme.peek(),
    );
    setRenderer(made);
    setMap(made, base.current!);
    const motion = matchMedia('(prefers-reduced-motion: reduce)');
    const reduce = (): void => made.setReducedMotion(motion.matches);
    reduce();
    motion.addEventListener('change', reduce);
    // What the tiles say of nodes that are not up grows old even when nothing arrives for them.
    const stopPlayback = app.metrics.subscribe(() => made.invalidate());
    return () => {
      motion.removeEventListener('change', reduce);
      stopPlayback();
      setMap(undefined, undefined);
      made.dispose();
    };
  }, [app]);

  useEffect(() => {
    if (renderer === undefined) return;
    const fit = (): void => {
      const element = room.current;
      if (element === null) return; // left between the observation and its report
      renderer.setViewport(element.clientWidth - 24, element.clientHeight - 20, projector ? 1.4 : 1, devicePixelRatio);
    };
    const observer = new ResizeObserver(fit);
    observer.observe(room.current!);
    fit();
    return () => observer.disconnect();
  }, [renderer, projector]);
  useEffect(() => renderer?.setTheme(theme), [renderer, theme]);
  useEffect(() => renderer?.setFill(fill), [renderer, fill]);
  useEffect(() => renderer?.setFilter(queryText.trim() === '' ? undefined : filterOf(app, queryText)), [renderer, queryText, app]);
  return renderer;
}

function MapCanvas({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  const room = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const fx = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const [hovered, setHovered] = useState<MapTarget>();
  const [focused, setFocused] = useState<MapTarget>();
  const queryText = navigation.query['q'] ?? '';
  const renderer = useRenderer(app, navigation, room, base, fx);
  const { selection } = navigation;
  const selected = useMemo((): MapTarget | undefined => {
    if (selection?.kind === 'node') return { node: selection.id };
    if (selection?.kind === 'task') return { node: '', task: selection.id };
    return undefined;
  }, [selection?.kind, selection?.id]);
  useEffect(() => renderer?.setMarks({ selected, hovered, focused }), [renderer, selected, hovered, focused]);

  const at = (event: PointerEvent | MouseEvent): MapTarget | undefined => {
    const bounds = base.current!.getBoundingClientRect();
    return renderer?.targetAt(event.clientX - bounds.left, event.clientY - bounds.top);
  };
  const point = (event: PointerEvent): void => {
    const target = at(event);
    if (target?.node !== hovered?.node || target?.task !== hovered?.task) setHovered(target);
    base.current!.style.cursor = target === undefined ? '' : 'pointer';
    showTip(tip.current!, room.current!, event, target === undefined ? '' : describe(app, target));
  };
  const choose = (target: MapTarget | undefined): void =>
    navigation.select(
      target === undefined ? undefined : target.task === undefined ? { kind: 'node', id: target.node } : { kind: 'task', id: target.task },
    );
  return (
    <div class="map-room" ref={room}>
      <div class="map-sheet">
        <canvas
          ref={base}
          data-testid="map"
          aria-hidden="true"
          onPointerMove={point}
          onPointerLeave={() => {
            setHovered(undefined);
            tip.current!.hidden = true;
          }}
          onClick={(event) => choose(at(event))}
          onDblClick={(event) => {
            const target = at(event);
            if (target !== undefined) navigation.go('nodes', target.node);
          }}
        />
        <canvas ref={fx} class="fx" aria-hidden="true" />
      </div>
      <div ref={tip} class="tip" hidden />
      {renderer !== undefined && <MapGrid renderer={renderer} onFocus={setFocused} onChoose={choose} />}
      <MapEmpty />
      {queryText.trim() !== '' && <MatchCount text={queryText} />}
    </div>
  );
}

function filterOf(app: App, text: string): (index: number) => boolean {
  const query = parseQuery(text);
  const names = Object.keys(LOOK);
  return (index) => {
    const { tasks, nodes, services } = app.store;
    const node = nodes.get(tasks.node[index]!);
    const service = services.get(tasks.service[index]!);
    return matches(query, {
      name: app.store.taskNameAt(index),
      service: service?.name ?? '',
      node: node?.name ?? '',
      zone: node?.zone ?? '',
      image: service?.image ?? '',
      state: names[app.store.lookAt(index)] ?? '',
    });
  };
}

function MatchCount({ text }: { readonly text: string }): VNode {
  const app = useApp();
  app.tasks.value;
  const shown = filterOf(app, text);
  const count = app.store.taskIndexes((index) => app.store.tasks.state[index]! <= 512 && shown(index)).length;
  return (
    <div class="matches" role="status" data-testid="matches">
      {count === 0 ? `Nothing matches “${text}”` : plural(count, 'match')}
    </div>
  );
}

function MapEmpty(): VNode | null {
  const app = useApp();
  const empty = useComputed(() => app.loaded.value && app.nodes.value >= 0 && app.store.nodes.size === 0).value;
  if (!app.loaded.value) return <div class="map-empty">Waiting for the cluster…</div>;
  if (!empty) return null;
  return (
    <div class="map-empty">
      <h2>No nodes yet</h2>
      <p>Agents join with</p>
      <code>npx paperfleet agent --join {location.origin.replace('http', 'ws')} --nodes 10</code>
    </div>
  );
}

function describe(app: App, target: MapTarget): string {
  const { store } = app;
  if (target.task === undefined) {
    const node = store.node(target.node);
    return node === undefined
      ? ''
      : `${node.name}: ${plural(node.tasks, 'task')}, believed ${node.status}${node.truth === 'up' ? '' : `, really ${node.truth}`}`;
  }
  const index = store.tasks.indexOfId(target.task);
  if (index < 0) return `${store.taskName(target.task)}: gone`;
  const look = Object.values(LOOK_LABEL)[store.lookAt(index)]!;
  const cpu = store.tasks.cpuPermille[index]!;
  const memory = store.tasks.memoryPermille[index]!;
  const error = store.tasks.error[index]!;
  return `${store.taskNameAt(index)} on ${target.node}: ${look}${cpu >= 0 && store.lookAt(index) === LOOK.running ? `, CPU ${Math.round(cpu / 10)} %, memory ${Math.round(memory / 10)} % of limit` : ''}${error === 0 ? '' : ` (${error})`}`;
}

function showTip(tip: HTMLElement, room: HTMLElement, event: PointerEvent, text: string): void {
  tip.hidden = text === '';
  if (text === '') return;
  tip.textContent = text;
  const bounds = room.getBoundingClientRect();
  const x = event.clientX - bounds.left;
  const y = event.clientY - bounds.top + room.scrollTop;
  tip.style.left = `${Math.max(4, Math.min(bounds.width - tip.offsetWidth - 12, x + 14))}px`;
  tip.style.top = `${y + 18}px`;
}
