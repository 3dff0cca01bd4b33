/** Everything that is visible stands in the URL: route, selection, search, fill, view. */
import { useLocation } from 'preact-iso';
import { useApp } from './app.ts';

export type Tab = 'map' | 'services' | 'nodes' | 'events';

/** What the drawer is about. */
export interface Selection {
  readonly kind: 'task' | 'node' | 'service' | 'event';
  readonly id: string;
}

export interface Navigation {
  readonly tab: Tab;
  readonly query: Readonly<Record<string, string>>;
  readonly selection: Selection | undefined;
  /** Replaces parts of the query; undefined removes one. History keeps one entry per route. */
  set(changes: Readonly<Record<string, string | undefined>>): void;
  select(selection: Selection | undefined): void;
  /** Goes to a tab, or to one service or node; the search and view are kept. */
  go(tab: Tab, detail?: string): void;
  href(tab: Tab, detail?: string): string;
}

const KINDS: ReadonlySet<string> = new Set(['task', 'node', 'service', 'event']);
const TABS: ReadonlySet<string> = new Set(['map', 'services', 'nodes', 'events']);
/** Parts of the query that stay when the route changes. */
const KEPT: ReadonlySet<string> = new Set(['q', 'view', 'fill', 'fake']);

export function parseSelection(text: string | undefined): Selection | undefined {
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon < 1) return undefined;
  const kind = text.slice(0, colon);
  const id = text.slice(colon + 1);
  return KINDS.has(kind) && id !== '' ? { kind: kind as Selection['kind'], id } : undefined;
}

const search = (query: Readonly<Record<string, string | undefined>>): string => {
  const pairs = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== '');
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs).toString().replaceAll('%3A', ':')}`;
};

export function useNavigation(): Navigation {
  const { path, query, route } = useLocation();
  const app = useApp();
  const segment = path.split('/')[3] ?? 'map';
  const href = (tab: Tab, detail?: string): string => {
    const kept = Object.fromEntries(Object.entries(query).filter(([key]) => KEPT.has(key)));
    return `/r/${encodeURIComponent(app.run)}/${tab}${detail === undefined ? '' : `/${encodeURIComponent(detail)}`}${search(kept)}`;
  };
  const set: Navigation['set'] = (changes) => route(path + search({ ...query, ...changes }), true);
  return {
    tab: (TABS.has(segment) ? segment : 'map') as Tab,
    query,
    selection: parseSelection(query['sel']),
    set,
    select: (selection) => set({ sel: selection === undefined ? undefined : `${selection.kind}:${selection.id}` }),
    go: (tab, detail) => route(href(tab, detail)),
    href,
  };
}
