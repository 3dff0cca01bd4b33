/** The event list: every decision and what led to it, newest first. */
import type { VNode } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { ClusterEvent } from '@paperfleet/core';
import { plural, sentence, simClock } from '../core/index.ts';
import { useApp } from './app.ts';
import { useNavigation } from './navigation.ts';
import { Empty } from './parts.tsx';

const PAGE = 200;
const LEVELS = [
  ['all', 'All'],
  ['warning', 'Warnings and errors'],
  ['error', 'Errors'],
] as const;
const RANK = { info: 0, warning: 1, error: 2 } as const;
const MARK = { info: '•', warning: '!', error: '✕' } as const;

export function EventsPage(): VNode {
  const app = useApp();
  const navigation = useNavigation();
  const [older, setOlder] = useState<readonly ClusterEvent[]>([]);
  const [ended, setEnded] = useState(false);
  const [held, setHeld] = useState<number>();
  const list = useRef<HTMLDivElement>(null);
  app.events.value;
  const level = navigation.query['level'] === 'error' ? 'error' : navigation.query['level'] === 'warning' ? 'warning' : 'all';
  const text = (navigation.query['q'] ?? '').toLowerCase().replace(/\b(svc|node|task):/g, '');
  const all = [...older, ...app.store.events];
  const shown = all.filter((event) => {
    if (held !== undefined && event.id > held) return false;
    if (level !== 'all' && RANK[event.severity] < RANK[level]) return false;
    return (
      text === '' || `${event.kind} ${event.service ?? ''} ${event.node ?? ''} ${sentence(event, app.names)}`.toLowerCase().includes(text)
    );
  });
  const newest = shown.slice(-PAGE - older.length).reverse();
  const waiting = held === undefined ? 0 : app.store.events.filter((event) => event.id > held).length;
  const loadOlder = async (): Promise<void> => {
    const before = all[0]?.id;
    if (before === undefined) return;
    await app.attempt('load older events', async () => {
      const more = await app.api.events({ before, limit: PAGE });
      setOlder([...more, ...older]);
      setEnded(more.length < PAGE);
    });
  };
  // Reading further down must not be disturbed by what arrives at the top.
  const scrolled = (): void => {
    const away = (list.current?.scrollTop ?? 0) > 40;
    if (away && held === undefined) setHeld(app.store.events.at(-1)?.id ?? 0);
    else if (!away && held !== undefined) setHeld(undefined);
  };
  return (
    <main class="page">
      <div class="page-head">
        <h1>Events</h1>
        <Levels level={level} />
        <span class="grow" />
        {waiting > 0 && (
          <button type="button" class="button quiet" onClick={() => list.current?.scrollTo({ top: 0 })}>
            {plural(waiting, 'new event')}
          </button>
        )}
      </div>
      {app.loaded.value && shown.length === 0 ? (
        <Empty title="No event matches" />
      ) : (
        <div class="scroll" ref={list} onScroll={scrolled}>
          <EventTable events={newest} />
          {!ended && (
            <div class="pad">
              <button type="button" class="button" data-testid="older" onClick={() => void loadOlder()}>
                Load older events
              </button>
            </div>
          )}
        </div>
      )}
    </main>
  );
}

function Levels({ level }: { readonly level: string }): VNode {
  const navigation = useNavigation();
  return (
    <div class="segmented" role="group" aria-label="Severity">
      {LEVELS.map(([value, label]) => (
        <button
          key={value}
          type="button"
          aria-pressed={level === value}
          data-testid={`level-${value}`}
          onClick={() => navigation.set({ level: value === 'all' ? undefined : value })}
        >
          {label}
        </button>
      ))}
    </div>
  );
}

function EventTable({ events }: { readonly events: readonly ClusterEvent[] }): VNode {
  const app = useApp();
  const navigation = useNavigation();
  return (
    <table class="table events" data-testid="events">
      <thead>
        <tr>
          <th class="r">time</th>
          <th class="c">
            <span class="hidden">severity</span>
          </th>
          <th>what happened, and why</th>
          <th>kind</th>
          <th>caused by</th>
        </tr>
      </thead>
      <tbody>
        {events.map((event) => (
          <tr
            key={event.id}
            class={`${event.severity} ${navigation.selection?.kind === 'event' && navigation.selection.id === String(event.id) ? 'selected' : ''}`}
            onClick={() => navigation.select({ kind: 'event', id: String(event.id) })}
          >
            <td class="r num muted">{simClock(event.at)}</td>
            <td class="c mark" title={event.severity}>
              <span aria-hidden="true">{MARK[event.severity]}</span>
              <span class="hidden">{event.severity}</span>
            </td>
            <td>
              <button type="button" class="link text">
                {sentence(event, app.names)}
              </button>
            </td>
            <td class="muted">{event.kind}</td>
            <td class="muted">{event.cause === 0 ? '' : causeOf(app, event.cause)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function causeOf(app: ReturnType<typeof useApp>, id: number): string {
  return app.store.event(id)?.kind ?? `event ${id}`;
}
