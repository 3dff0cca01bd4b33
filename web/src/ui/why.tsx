/** Why: the newest decision about a subject in one sentence, its inputs, and the chain of causes back to what began it. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ClusterEvent, Explain, Why } from '@paperfleet/core';
import { scoreText } from '@paperfleet/core';
import { facts, sentence, simClock } from '../core/index.ts';
import type { App } from './app.ts';
import { useApp } from './app.ts';
import type { Navigation, Selection } from './navigation.ts';

/** Causes shown at most; a longer chain says so. */
const CHAIN = 12;

/** Walks the causes of an event, through the page's own list and past its end through the server's. */
async function chainOf(app: App, event: ClusterEvent): Promise<readonly ClusterEvent[]> {
  const chain = [event];
  for (let cause = event.cause; cause > 0 && chain.length < CHAIN; ) {
    const next = app.store.event(cause) ?? (await app.api.events({ before: cause + 1, limit: 1 })).find(({ id }) => id === cause);
    if (next === undefined) break;
    chain.push(next);
    cause = next.cause;
  }
  return chain;
}

/** The subject as the API spells it. */
export const subjectText = (selection: Selection): string => `${selection.kind}:${selection.id}`;

async function explain(app: App, selection: Selection): Promise<Why> {
  if (selection.kind === 'node') {
    // Most that happens on a node is about its tasks; why a node is as it is, its own events tell.
    const why = await app.api.why(subjectText(selection));
    const own = why.events.find((event) => event.task === undefined);
    return own === undefined ? why : { ...why, chain: await chainOf(app, own) };
  }
  if (selection.kind !== 'event') return app.api.why(subjectText(selection));
  const id = Number(selection.id);
  const event = app.store.event(id) ?? (await app.api.events({ before: id + 1, limit: 1 })).find((candidate) => candidate.id === id);
  if (event === undefined) throw new Error('This event is no longer kept');
  return { subject: subjectText(selection), summary: '', events: [event], chain: await chainOf(app, event) };
}

/** Newest event id about a subject: what makes an explanation out of date. */
function newestAbout(app: App, selection: Selection): number {
  if (selection.kind === 'event') return 0;
  const { kind, id } = selection;
  return app.store.events.findLast((event) => event[kind] === id)?.id ?? 0;
}

export function WhyPanel({ selection, navigation }: { readonly selection: Selection; readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.events.value;
  const newest = newestAbout(app, selection);
  const [why, setWhy] = useState<Why>();
  const [failure, setFailure] = useState('');
  useEffect(() => {
    let gone = false;
    const ask = async (): Promise<void> => {
      try {
        const answer = await explain(app, selection);
        if (gone) return;
        setWhy(answer);
        setFailure('');
      } catch (error) {
        if (!gone) setFailure(error instanceof Error ? error.message : String(error));
      }
    };
    void ask();
    return () => {
      gone = true;
    };
  }, [app, selection.kind, selection.id, newest]);
  if (failure !== '') return <p class="muted">{failure}</p>;
  if (why === undefined || why.subject !== subjectText(selection)) return <p class="muted">…</p>;
  const [event, ...causes] = why.chain.length > 0 ? why.chain : why.events.slice(0, 1);
  if (event === undefined) return <p class="muted">{why.summary === '' ? 'Nothing has been decided about it yet.' : why.summary}</p>;
  const rest =
    selection.kind === 'event'
      ? []
      : why.events.filter(({ id }) => id !== event.id && !causes.some((cause) => cause.id === id)).slice(0, 8);
  return (
    <div class="why-panel" data-testid="why">
      <p class={`lead ${event.severity}`}>
        {sentence(event, app.names)}
        <time>{simClock(event.at)}</time>
      </p>
      <Facts event={event} />
      {causes.length > 0 && (
        <>
          <h3>Because</h3>
          <ol class="chain">
            {causes.map((cause) => (
              <EventLine key={cause.id} event={cause} navigation={navigation} />
            ))}
          </ol>
        </>
      )}
      {rest.length > 0 && (
        <>
          <h3>Before that</h3>
          <ul class="chain plain">
            {rest.map((other) => (
              <EventLine key={other.id} event={other} navigation={navigation} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function EventLine({ event, navigation }: { readonly event: ClusterEvent; readonly navigation: Navigation }): VNode {
  const app = useApp();
  return (
    <li class={event.severity}>
      <button type="button" onClick={() => navigation.select({ kind: 'event', id: String(event.id) })}>
        {sentence(event, app.names)}
        <time>{simClock(event.at)}</time>
      </button>
    </li>
  );
}

function Facts({ event }: { readonly event: ClusterEvent }): VNode | null {
  const app = useApp();
  const rows = facts(event, app.names);
  if (rows.length === 0) return null;
  return (
    <>
      <dl class="facts">
        {rows.map(([label, value], i) => (
          <div key={i}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {event.explain.code === 'PLACED' && <Scores explain={event.explain} />}
    </>
  );
}

/** What was compared, in the order compared; the first difference decided. */
function Scores({ explain }: { readonly explain: Extract<Explain, { code: 'PLACED' }> }): VNode | null {
  const app = useApp();
  const { runnerUp } = explain;
  if (explain.scores.length === 0) return null;
  const decided = runnerUp === undefined ? -1 : explain.scores.findIndex((score, i) => score.value !== runnerUp.scores[i]?.value);
  return (
    <table class="scores">
      <thead>
        <tr>
          <th>compared</th>
          <th class="r">{app.names.node(explain.node)}</th>
          {runnerUp !== undefined && <th class="r">{app.names.node(runnerUp.node)}</th>}
        </tr>
      </thead>
      <tbody>
        {explain.scores.map((score, i) => (
          <tr key={score.name} class={i === decided ? 'decided' : ''}>
            <td>{scoreText(score.name)}</td>
            <td class="r num">{score.value}</td>
            {runnerUp !== undefined && <td class="r num">{runnerUp.scores[i]?.value ?? '–'}</td>}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
