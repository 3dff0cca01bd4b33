/** Brand, run, tabs, search, connection, theme, help. */
import type { VNode } from 'preact';
import { plural } from '../core/index.ts';
import { useApp } from './app.ts';
import type { Navigation, Tab } from './navigation.ts';

const TABS: readonly (readonly [Tab, string])[] = [
  ['map', 'Map'],
  ['services', 'Services'],
  ['nodes', 'Nodes'],
  ['events', 'Events'],
];

export function TopBar({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  const dark = app.theme.value.name === 'dark';
  return (
    <header class="topbar">
      <a class="brand" href={navigation.href('map')} aria-label="Paperfleet, to the map">
        <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
          <path class="hull" d="M3 19h26l-5 8H8z" />
          <path class="sail" d="M15 4v13H5z" />
          <path class="jib" d="M17 8v9h8z" />
        </svg>
        <span>Paperfleet</span>
      </a>
      <RunName />
      <nav aria-label="Views">
        {TABS.map(([tab, label]) => (
          <a key={tab} href={navigation.href(tab)} aria-current={navigation.tab === tab ? 'page' : undefined} data-testid={`tab-${tab}`}>
            {label}
          </a>
        ))}
      </nav>
      <SearchBox navigation={navigation} />
      <ConnectionChip />
      <button
        type="button"
        class="icon"
        aria-label={dark ? 'Light theme' : 'Dark theme'}
        title="Theme (t)"
        data-testid="theme"
        onClick={() => app.setTheme(dark ? 'light' : 'dark')}
      >
        <svg width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
          {dark ? (
            <path
              d="M8 5a3 3 0 1 1 0 6a3 3 0 0 1 0-6zM8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M13 3l-1.2 1.2M4.2 11.8 3 13"
              fill="none"
              stroke="currentColor"
              stroke-width="1.5"
              stroke-linecap="round"
            />
          ) : (
            <path
              d="M13.5 9.6A6 6 0 0 1 6.4 2.5a6 6 0 1 0 7.1 7.1z"
              fill="none"
              stroke="currentColor"
              stroke-width="1.5"
              stroke-linejoin="round"
            />
          )}
        </svg>
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Help and keys"
        title="Help (?)"
        data-testid="help"
        onClick={() => (app.help.value = true)}
      >
        ?
      </button>
    </header>
  );
}

function SearchBox({ navigation }: { readonly navigation: Navigation }): VNode {
  return (
    <label class="search">
      <svg width="14" height="14" viewBox="0 0 16 16" aria-hidden="true">
        <path
          d="M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9zM10.4 10.4 14 14"
          fill="none"
          stroke="currentColor"
          stroke-width="1.6"
          stroke-linecap="round"
        />
      </svg>
      <input
        type="search"
        placeholder="Search  svc: node: state:"
        aria-label="Search tasks; svc:, node:, state:, zone: and img: narrow one field"
        data-testid="search"
        value={navigation.query['q'] ?? ''}
        onInput={(event) => navigation.set({ q: event.currentTarget.value })}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

function RunName(): VNode {
  const app = useApp();
  app.loaded.value;
  const { run, parent, seed } = app.store;
  return (
    <span class="run" title={`Seed ${seed}`}>
      {run === '' ? app.run : run}
      {parent !== null && <small> from {parent}</small>}
    </span>
  );
}

function ConnectionChip(): VNode | null {
  const app = useApp();
  const { state, reason, delayMs } = app.connection.value;
  if (state === 'live') {
    return (
      <span class="connection live" data-testid="connection" title="Following live">
        <i />
        live
      </span>
    );
  }
  const text =
    state === 'opening'
      ? 'connecting'
      : state === 'waiting'
        ? `reconnecting in ${Math.max(1, Math.round(delayMs / 1000))} s`
        : 'not connected';
  return (
    <span class={`connection ${state}`} data-testid="connection" title={reason}>
      <i />
      {text}
      {state !== 'opening' && (
        <button type="button" class="link" onClick={() => app.connectionControl?.retry()}>
          now
        </button>
      )}
    </span>
  );
}

/** What stands in the way of showing the cluster, over the whole width. */
export function Banner(): VNode | null {
  const app = useApp();
  const { state, reason, attempt } = app.connection.value;
  const { waitingFor } = app.playback.value;
  if (state === 'refused')
    return (
      <div class="banner error" role="alert">
        The server refused this page: {reason}. Reload it to get the current version.
      </div>
    );
  if (state === 'waiting' && attempt > 1)
    return (
      <div class="banner warning" role="status">
        Connection lost ({reason}). What you see is the last known state.
      </div>
    );
  if (waitingFor.length > 0)
    return (
      <div class="banner warning" role="status">
        Simulated time stands still: waiting for {plural(waitingFor.length, 'agent host')} ({waitingFor.join(', ')}).
      </div>
    );
  return null;
}
