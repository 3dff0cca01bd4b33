/** The page's one application object: store, connection and the signals at the store's edge that components read. */
import type { Context as PreactContext } from 'preact';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { ReadonlySignal, Signal } from '@preact/signals';
import { batch, computed, signal } from '@preact/signals';
import type { Names, PlaybackState } from '@paperfleet/core';
import type { ClusterApi, Connection, ConnectionStatus, MapTheme, StoreChange } from '../core/index.ts';
import { ApiFailure, ChartScheduler, ClusterStore, connect, MAP_THEMES } from '../core/index.ts';

export type ThemeChoice = 'auto' | 'light' | 'dark';
export interface Toast {
  readonly id: number;
  readonly tone: 'error' | 'info';
  readonly text: string;
  readonly hint: string | undefined;
}

/** Wall milliseconds between two renderings of lists that may be long. */
const SLOW_MS = 250;
const THEME_KEY = 'paperfleet.theme';
const SHORTCUTS_KEY = 'paperfleet.shortcuts';

const remembered = (key: string): string | null => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // storage is forbidden (private window): the page works without
  }
};
const remember = (key: string, value: string): void => {
  try {
    localStorage.setItem(key, value);
  } catch {
    // as above
  }
};

export class App {
  readonly run: string;
  readonly api: ClusterApi;
  readonly store: ClusterStore = new ClusterStore();
  readonly charts: ChartScheduler;
  readonly names: Names;
  /** Counters that rise when such things change; reading `.value` subscribes a component. */
  readonly nodes: Signal<number> = signal(0);
  readonly services: Signal<number> = signal(0);
  readonly tasks: Signal<number> = signal(0);
  readonly events: Signal<number> = signal(0);
  readonly metrics: Signal<number> = signal(0);
  readonly loaded: Signal<boolean> = signal(false);
  readonly playback: Signal<PlaybackState>;
  /** Whole simulated seconds: for ages, which need no tenths. */
  readonly seconds: ReadonlySignal<number>;
  readonly connection: Signal<ConnectionStatus> = signal({ state: 'opening', attempt: 0, delayMs: 0, reason: '' });
  readonly themeChoice: Signal<ThemeChoice> = signal((remembered(THEME_KEY) as ThemeChoice | null) ?? 'auto');
  readonly systemDark: Signal<boolean> = signal(false);
  readonly theme: ReadonlySignal<MapTheme>;
  readonly projector: Signal<boolean> = signal(false);
  readonly help: Signal<boolean> = signal(false);
  readonly deploying: Signal<boolean> = signal(false);
  readonly shortcuts: Signal<boolean> = signal(remembered(SHORTCUTS_KEY) !== 'off');
  readonly toasts: Signal<readonly Toast[]> = signal([]);
  /** What was done last, as the projector shows it. */
  readonly caption: Signal<string> = signal('');
  /** One polite announcement for screen readers. */
  readonly status: Signal<string> = signal('');
  /** Replica counts asked for and not yet confirmed, by service name. */
  readonly wanted: Signal<ReadonlyMap<string, number>> = signal(new Map());
  /** Instant under the pointer in any chart or the timeline, simulated seconds. */
  readonly crosshair: Signal<number | undefined> = signal(undefined);
  connectionControl: Connection | undefined;
  #slow = { nodes: false, services: false, tasks: false, events: false };
  #slowTimer: number | undefined;
  #toastId = 0;

  constructor(run: string, api: ClusterApi) {
    this.run = run;
    this.api = api;
    this.playback = signal(this.store.playback);
    this.seconds = computed(() => Math.floor(this.playback.value.simUs / 1e6));
    this.charts = new ChartScheduler({
      now: () => performance.now(),
      requestFrame: (callback) => requestAnimationFrame(callback),
      setTimer: (callback, ms) => window.setTimeout(callback, ms),
      clearTimer: (timer) => window.clearTimeout(timer),
    });
    this.theme = computed(() => {
      const choice = this.projector.value && this.themeChoice.value === 'auto' ? 'light' : this.themeChoice.value;
      return MAP_THEMES[choice === 'auto' ? (this.systemDark.value ? 'dark' : 'light') : choice];
    });
    this.names = {
      task: (id) => this.store.taskName(id),
      node: (reference) => this.store.node(reference)?.name ?? reference,
      service: (reference) => this.store.service(reference)?.name ?? reference,
    };
    this.store.subscribe((change) => this.#changed(change));
  }

  start(): void {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    this.systemDark.value = dark.matches;
    dark.addEventListener('change', () => (this.systemDark.value = dark.matches));
    this.connectionControl = connect(
      {
        api: this.api,
        receive: (frame) => this.store.receive(frame),
        lastSeq: () => (this.store.seq < 0 ? null : this.store.seq),
        random: Math.random,
        hidden: document.hidden,
      },
      (status) => (this.connection.value = status),
    );
    document.addEventListener('visibilitychange', () => {
      this.connectionControl?.setHidden(document.hidden);
      this.charts.setHidden(document.hidden);
    });
    addEventListener('online', () => this.connectionControl?.retry());
  }

  setTheme(choice: ThemeChoice): void {
    this.themeChoice.value = choice;
    remember(THEME_KEY, choice);
  }

  setShortcuts(on: boolean): void {
    this.shortcuts.value = on;
    remember(SHORTCUTS_KEY, on ? 'on' : 'off');
  }

  /** Runs a request; a refusal becomes a red toast in the server's words. */
  async attempt(what: string, request: () => Promise<unknown>): Promise<boolean> {
    this.caption.value = what;
    try {
      await request();
      return true;
    } catch (error) {
      const failure = error instanceof ApiFailure ? error : undefined;
      this.toast('error', `${what}: ${error instanceof Error ? error.message : String(error)}`, failure?.hint);
      return false;
    }
  }

  toast(tone: Toast['tone'], text: string, hint?: string): void {
    const id = ++this.#toastId;
    this.toasts.value = [...this.toasts.value.slice(-2), { id, tone, text, hint }];
    setTimeout(() => this.dismiss(id), tone === 'error' ? 9000 : 4000);
  }

  dismiss(id: number): void {
    this.toasts.value = this.toasts.value.filter((toast) => toast.id !== id);
  }

  #changed(change: StoreChange): void {
    batch(() => {
      if (change.playback) this.playback.value = this.store.playback;
      if (change.reset) this.loaded.value = true;
      if (change.metrics) this.metrics.value++;
      this.#slow.nodes ||= change.nodes;
      this.#slow.services ||= change.services;
      this.#slow.tasks ||= change.tasks;
      this.#slow.events ||= change.events;
      if (change.reset) this.#flush();
    });
    if (change.metrics || change.services || change.reset) this.charts.dataChanged();
    if (this.#slowTimer === undefined && Object.values(this.#slow).some(Boolean))
      this.#slowTimer = window.setTimeout(() => this.#flush(), SLOW_MS);
  }

  #flush(): void {
    window.clearTimeout(this.#slowTimer);
    this.#slowTimer = undefined;
    const slow = this.#slow;
    this.#slow = { nodes: false, services: false, tasks: false, events: false };
    batch(() => {
      if (slow.nodes) this.nodes.value++;
      if (slow.services) this.#settleWanted();
      if (slow.tasks) this.tasks.value++;
      if (slow.events) this.events.value++;
    });
  }

  #settleWanted(): void {
    this.services.value++;
    const open = [...this.wanted.value].filter(([name, count]) => {
      const service = this.store.service(name);
      return service !== undefined && service.desired !== count;
    });
    if (open.length !== this.wanted.value.size) this.wanted.value = new Map(open);
  }
}

const Context: PreactContext<App | undefined> = createContext<App | undefined>(undefined);
export const AppProvider: PreactContext<App | undefined>['Provider'] = Context.Provider;

/** The application of the page around a component. */
export function useApp(): App {
  const app = useContext(Context);
  if (app === undefined) throw new Error('useApp needs an AppProvider around it');
  return app;
}
