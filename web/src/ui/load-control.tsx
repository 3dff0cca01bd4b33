/** Constant load on a service in requests per second: a number, and halving or doubling. */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ServiceView } from '@paperfleet/core';
import { setLoad } from './actions.ts';
import { useApp } from './app.ts';

const MAX_RATE = 1_000_000;

export function LoadControl({ service }: { readonly service: ServiceView }): VNode {
  const app = useApp();
  const now = service.requestsPerSecond;
  const [draft, setDraft] = useState(String(now));
  useEffect(() => setDraft(String(now)), [now]);
  if (app.store.role === 'viewer') return <span class="num">{now}</span>;
  const send = (rate: number): void => {
    if (Number.isFinite(rate) && rate !== now) void setLoad(app, service.name, Math.max(0, Math.min(MAX_RATE, Math.round(rate))));
    else setDraft(String(now));
  };
  return (
    <span class="stepper load">
      <button
        type="button"
        aria-label={`Half the load on ${service.name}`}
        title="÷ 2"
        disabled={now === 0}
        onClick={() => send(now < 2 ? 0 : now / 2)}
      >
        ÷2
      </button>
      <input
        type="text"
        inputMode="numeric"
        size={6}
        aria-label={`Requests per second on ${service.name}`}
        data-testid={`load-${service.name}`}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onBlur={() => send(Number(draft))}
        onKeyDown={(event) => {
          if (event.key === 'Enter') send(Number(draft));
          if (event.key === 'Escape') setDraft(String(now));
        }}
      />
      <button type="button" aria-label={`Double the load on ${service.name}`} title="× 2" onClick={() => send(now === 0 ? 10 : now * 2)}>
        ×2
      </button>
    </span>
  );
}
