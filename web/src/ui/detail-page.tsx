/** One service or one node: its charts, its tasks, what can be done, and its newest events. */
import type { VNode } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { useComputed } from '@preact/signals';
import { useRoute } from 'preact-iso';
import { TASK_STATE } from '@paperfleet/core';
import type { ChartMark, MetricName } from '../core/index.ts';
import {
  BUCKETS,
  cpu,
  cpuChart,
  memory,
  memoryChart,
  MetricWindow,
  plural,
  replicasChart,
  sentence,
  simClock,
  throttleChart,
  windowSeconds,
} from '../core/index.ts';
import { belief, gap } from '../core/map/tile-painter.ts';
import { removeService } from './actions.ts';
import type { App } from './app.ts';
import { useApp } from './app.ts';
import { ChartCard } from './chart-card.tsx';
import { LoadControl } from './load-control.tsx';
import { useNavigation } from './navigation.ts';
import { NodeVerbs } from './node-verbs.tsx';
import { ConfirmButton, Empty, Replicas, State, Swatch } from './parts.tsx';

const NODE_CPU = cpuChart('what it has and what is reserved');
const NODE_MEMORY = memoryChart('what it has and what is reserved');
const SERVICE_CPU = cpuChart('limits of running tasks');
const SERVICE_MEMORY = memoryChart('limits of running tasks');
const MIB = 1024 * 1024;

/** History from the server, continued with every metrics frame. Loaded again when the window's length changes. */
function useWindow(app: App, subject: string, sample: () => Partial<Record<MetricName, number>> | undefined): MetricWindow {
  const seconds = useComputed(() => windowSeconds(app.playback.value.speed)).value;
  const data = useMemo(() => new MetricWindow(seconds), [subject, seconds]);
  useEffect(() => {
    let gone = false;
    const now = app.store.playback.simUs;
    const load = async (): Promise<void> => {
      const range = await app.api.metrics(subject, Math.max(0, now - seconds * 1e6), now, BUCKETS);
      if (gone) return;
      data.load(range);
      app.charts.dataChanged();
    };
    load().catch(() => undefined); // without history the chart starts with what comes live
    const stop = app.store.subscribe((change) => {
      if (!change.metrics || change.reset) return;
      const values = sample();
      if (values !== undefined) data.append(app.store.metricsUs, values);
    });
    return () => {
      gone = true;
      stop();
    };
  }, [app, subject, seconds, data]);
  return data;
}

/** Warnings and errors about a subject, as marks on its charts. */
const marksOf = (app: App, key: 'node' | 'service', name: string) => (): ChartMark[] =>
  app.store.events.flatMap((event) =>
    event.severity === 'info' || event[key] !== name || (key === 'node' && event.task !== undefined)
      ? []
      : [{ seconds: event.at / 1e6, tone: event.severity }],
  );

export function ServiceDetail(): VNode {
  const app = useApp();
  const navigation = useNavigation();
  const name = useRoute().params['name'] ?? '';
  app.services.value;
  app.loaded.value;
  const service = app.store.service(name);
  const data = useWindow(app, `service:${name}`, () => {
    const now = app.store.service(name);
    const measured = now === undefined ? undefined : app.store.serviceMetrics.get(now.row);
    if (now === undefined || measured === undefined) return undefined;
    return {
      cpuNano: measured.cpuMilli * 1e6,
      memoryBytes: measured.memoryBytes,
      throttledPermille: measured.throttledPermille,
      running: now.running,
      desired: now.desired,
    };
  });
  if (service === undefined) return <main class="page">{app.loaded.value && <Empty title={`There is no service ${name}`} />}</main>;
  const lines = (kind: 'cpu' | 'memory') => () => {
    const now = app.store.service(name) ?? service;
    const [limit, reserved, unit, text] =
      kind === 'cpu'
        ? ([now.limitNanoCpus, now.reservedNanoCpus, 1e9, (v: number) => cpu(v / 1e6)] as const)
        : ([now.limitMemoryBytes, now.reservedMemoryBytes, MIB, memory] as const);
    return [
      { label: `reserved ${now.running} × ${text(reserved)}`, value: (reserved * now.running) / unit, tone: 'reserved' as const },
      { label: `limit ${now.running} × ${text(limit)}`, value: (limit * now.running) / unit, tone: 'limit' as const },
    ];
  };
  const marks = marksOf(app, 'service', service.name);
  return (
    <main class="page detail">
      <div class="page-head">
        <h1>
          <a href={navigation.href('services')} class="up">
            Services
          </a>
          <Swatch row={service.row} size={16} />
          {service.name}
        </h1>
        <span class="muted">{service.image}</span>
        <span class="grow" />
        <label class="field">
          wanted <Replicas name={service.name} />
        </label>
        <span class="field" data-testid="running">
          running <b class={`num ${service.running < service.desired ? 'warning' : ''}`}>{service.running}</b>
        </span>
        <label class="field">
          load, req/s <LoadControl service={service} />
        </label>
        <button type="button" class="button quiet" onClick={() => navigation.select({ kind: 'service', id: service.name })}>
          Why?
        </button>
        {app.store.role === 'operator' && (
          <ConfirmButton
            label="Remove"
            again="Again to remove"
            testId="remove"
            onConfirm={() => void removeService(app, service.name).then((ok) => ok && navigation.go('services'))}
          />
        )}
      </div>
      <div class="scroll">
        <div class="charts">
          <ChartCard spec={replicasChart} window={data} lines={() => []} marks={marks} />
          <ChartCard spec={SERVICE_CPU} window={data} lines={lines('cpu')} marks={marks} />
          <ChartCard spec={SERVICE_MEMORY} window={data} lines={lines('memory')} marks={marks} />
          <ChartCard spec={throttleChart} window={data} lines={() => []} marks={marks} />
        </div>
        <div class="columns">
          <TaskList keep={(index) => app.store.tasks.service[index] === service.row} by="node" />
          <EventCard subject="service" name={service.name} />
        </div>
      </div>
    </main>
  );
}

export function NodeDetail(): VNode {
  const app = useApp();
  const navigation = useNavigation();
  const name = useRoute().params['name'] ?? '';
  app.nodes.value;
  app.loaded.value;
  const node = app.store.node(name);
  const data = useWindow(app, `node:${name}`, () => {
    const now = app.store.node(name);
    const measured = now === undefined ? undefined : app.store.nodeMetrics.get(now.row);
    return measured === undefined ? undefined : { cpuNano: measured.cpuMilli * 1e6, memoryBytes: measured.memoryBytes };
  });
  if (node === undefined) return <main class="page">{app.loaded.value && <Empty title={`There is no node ${name}`} />}</main>;
  const says = belief(node);
  const apart = gap(node, app.playback.peek().simUs);
  const marks = marksOf(app, 'node', node.name);
  const now = (): typeof node => app.store.node(name) ?? node;
  return (
    <main class="page detail">
      <div class="page-head">
        <h1>
          <a href={navigation.href('nodes')} class="up">
            Nodes
          </a>
          {node.name}
        </h1>
        <span class="muted">{node.zone === '' ? '' : `zone ${node.zone}`}</span>
        <span class={says.tone}>{apart === undefined ? says.text : `${apart.truth}, ${apart.belief}`}</span>
        <span class="grow" />
        <NodeVerbs node={node} />
        <button type="button" class="button quiet" onClick={() => navigation.select({ kind: 'node', id: node.name })}>
          Why?
        </button>
      </div>
      <div class="scroll">
        <div class="charts">
          <ChartCard
            spec={NODE_CPU}
            window={data}
            lines={() => [
              { label: `reserved ${cpu(now().reservedNanoCpus / 1e6)}`, value: now().reservedNanoCpus / 1e9, tone: 'reserved' },
              { label: `capacity ${cpu(now().nanoCpus / 1e6)}`, value: now().nanoCpus / 1e9, tone: 'limit' },
            ]}
            marks={marks}
          />
          <ChartCard
            spec={NODE_MEMORY}
            window={data}
            lines={() => [
              { label: `reserved ${memory(now().reservedMemoryBytes)}`, value: now().reservedMemoryBytes / MIB, tone: 'reserved' },
              { label: `capacity ${memory(now().memoryBytes)}`, value: now().memoryBytes / MIB, tone: 'limit' },
            ]}
            marks={marks}
          />
        </div>
        <div class="columns">
          <TaskList keep={(index) => app.store.tasks.node[index] === node.row} by="service" />
          <EventCard subject="node" name={node.name} />
        </div>
      </div>
    </main>
  );
}

const MAX_TASKS = 120;

/** Tasks that live, and below them those that ended. */
function TaskList({ keep, by }: { readonly keep: (index: number) => boolean; readonly by: 'node' | 'service' }): VNode {
  const app = useApp();
  const navigation = useNavigation();
  app.tasks.value;
  const { store } = app;
  const { tasks } = store;
  const all = store.taskIndexes(keep);
  const live = all.filter((index) => tasks.state[index]! <= TASK_STATE.running);
  const ended = all.filter((index) => tasks.state[index]! > TASK_STATE.running).reverse();
  const rows = [...live, ...ended].slice(0, MAX_TASKS);
  return (
    <section class="card">
      <header>
        <h3>Tasks</h3>
        <span class="muted sub">
          {live.length} live{ended.length > 0 ? `, ${ended.length} ended and kept` : ''}
        </span>
      </header>
      <table class="table" data-testid="tasks">
        <tbody>
          {rows.map((index) => (
            <tr key={tasks.id[index]} class={tasks.state[index]! > TASK_STATE.running ? 'faded' : ''}>
              <td>
                <button type="button" class="link name" onClick={() => navigation.select({ kind: 'task', id: tasks.id[index]! })}>
                  {by === 'service' && <Swatch row={tasks.service[index]!} />}
                  {store.taskNameAt(index)}
                </button>
              </td>
              <td>
                <State look={store.lookAt(index)} />
              </td>
              {by === 'node' && <td>{store.nodes.get(tasks.node[index]!)?.name ?? '–'}</td>}
              <td class="muted">{tasks.error[index] || ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {all.length > MAX_TASKS && <p class="muted pad">{plural(all.length - MAX_TASKS, 'more task')}</p>}
    </section>
  );
}

function EventCard({ subject, name }: { readonly subject: 'node' | 'service'; readonly name: string }): VNode {
  const app = useApp();
  const navigation = useNavigation();
  app.events.value;
  const events = app.store.events
    .filter((event) => event[subject] === name)
    .slice(-30)
    .reverse();
  return (
    <section class="card">
      <header>
        <h3>Events</h3>
      </header>
      <ul class="chain plain">
        {events.map((event) => (
          <li key={event.id} class={event.severity}>
            <button type="button" onClick={() => navigation.select({ kind: 'event', id: String(event.id) })}>
              {sentence(event, app.names)}
              <time>{simClock(event.at)}</time>
            </button>
          </li>
        ))}
        {events.length === 0 && <li class="muted">None of the newest events is about it.</li>}
      </ul>
    </section>
  );
}
