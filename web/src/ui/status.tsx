/** Toasts, the projector's caption and the one polite announcement (at most one in three seconds, coalesced). */
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ClusterEvent } from '@paperfleet/core';
import { plural, sentence } from '../core/index.ts';
import { useApp } from './app.ts';

const QUIET_MS = 3000;
const CAPTION_MS = 4000;

export function Status(): VNode {
  const app = useApp();
  useAnnouncements();
  useEffect(() => {
    if (app.caption.value === '') return undefined;
    const timer = setTimeout(() => (app.caption.value = ''), CAPTION_MS);
    return () => clearTimeout(timer);
  }, [app.caption.value]);
  return (
    <>
      <div role="status" class="hidden" data-testid="status">
        {app.status.value}
      </div>
      {app.projector.value && app.caption.value !== '' && <div class="caption">▶ {app.caption.value}</div>}
      <div class="toasts">
        {app.toasts.value.map((toast) => (
          <div key={toast.id} class={`toast ${toast.tone}`} role={toast.tone === 'error' ? 'alert' : undefined} data-testid="toast">
            <span>
              {toast.text}
              {toast.hint !== undefined && <small>{toast.hint}</small>}
            </span>
            <button type="button" class="icon" aria-label="Dismiss" onClick={() => app.dismiss(toast.id)}>
              ×
            </button>
          </div>
        ))}
      </div>
    </>
  );
}

/** Speaks of warnings and errors: the worst of the last seconds and how many more there were. */
function useAnnouncements(): void {
  const app = useApp();
  const seen = useRef(-1);
  const timer = useRef<number | undefined>(undefined);
  app.events.value;
  useEffect(() => {
    const newest = app.store.events.at(-1)?.id ?? 0;
    if (seen.current < 0) seen.current = newest;
    if (timer.current !== undefined || newest <= seen.current) return;
    timer.current = window.setTimeout(() => {
      timer.current = undefined;
      const fresh = app.store.events.filter((event) => event.id > seen.current && event.severity !== 'info');
      seen.current = app.store.events.at(-1)?.id ?? 0;
      const worst: ClusterEvent | undefined = fresh.find((event) => event.severity === 'error') ?? fresh[0];
      if (worst !== undefined)
        app.status.value = `${sentence(worst, app.names)}${fresh.length > 1 ? `, and ${plural(fresh.length - 1, 'more event')}` : ''}`;
    }, QUIET_MS);
  });
}
