/** The right drawer: what is selected and why it is so, or the newest events. */
import type { VNode } from 'preact';
import { lazy } from 'preact-iso';
import { sentence, simClock } from '../core/index.ts';
import { useApp } from './app.ts';
import type { Navigation } from './navigation.ts';

const SelectionPanel = lazy(async () => (await import('./selection-panel.tsx')).SelectionPanel);

export function Drawer({ navigation }: { readonly navigation: Navigation }): VNode {
  const app = useApp();
  const { selection } = navigation;
  app.loaded.value;
  if (selection === undefined) return <Recent navigation={navigation} />;
  return (
    <aside class="drawer open" aria-label="Details and why" data-testid="drawer">
      <button type="button" class="icon close" aria-label="Close" title="Close (Esc)" onClick={() => navigation.select(undefined)}>
        ×
      </button>
      <SelectionPanel selection={selection} navigation={navigation} />
    </aside>
  );
}

/** Nothing selected: on wide screens the newest events stand here. */
function Recent({ navigation }: { readonly navigation: Navigation }): VNode | null {
  const app = useApp();
  app.events.value;
  if (navigation.tab !== 'map') return null;
  const events = app.store.events.slice(-40).reverse();
  return (
    <aside class="drawer idle" aria-label="Newest events">
      <h3>Newest events</h3>
      <ul class="chain plain">
        {events.map((event) => (
          <li key={event.id} class={event.severity}>
            <button type="button" onClick={() => navigation.select({ kind: 'event', id: String(event.id) })}>
              {sentence(event, app.names)}
              <time>{simClock(event.at)}</time>
            </button>
          </li>
        ))}
      </ul>
    </aside>
  );
}
