/** What is selected: how it stands, what one can do to it, and why it is so. */
import type { VNode } from 'preact';
import type { NodeView, ServiceView } from '@paperfleet/core';
import { TASK_STATE, taskStateName } from '@paperfleet/core';
import { cpu, cpuPair, memory, memoryPair, percent, plural, simClock, span } from '../core/index.ts';
import { belief } from '../core/map/tile-painter.ts';
import { killTask, removeService } from './actions.ts';
import { useApp } from './app.ts';
import { LoadControl } from './load-control.tsx';
import type { Navigation, Selection } from './navigation.ts';
import { NodeVerbs } from './node-verbs.tsx';
import { ConfirmButton, Replicas, ShareBar, State, Swatch } from './parts.tsx';
import { WhyPanel } from './why.tsx';

export function SelectionPanel({ selection, navigation }: { readonly selection: Selection; readonly navigation: Navigation }): VNode {
  return (
    <>
      {selection.kind === 'task' && <TaskHead id={selection.id} navigation={navigation} />}
      {selection.kind === 'node' && <NodeHead name={selection.id} navigation={navigation} />}
      {selection.kind === 'service' && <ServiceHead name={selection.id} navigation={navigation} />}
      {selection.kind === 'event' && <EventHead id={Number(selection.id)} />}
      <h3>Why</h3>
      <WhyPanel selection={selection} navigation={navigation} />
    </>
  );
}

/** Whole seconds since an instant. */
const ageOf = (nowSeconds: number, sinceUs: number): string => span(Math.max(0, nowSeconds - Math.floor(sinceUs / 1e6)) * 1e6);

const HEALTH = ['no health check', 'health starting', 'healthy', 'unhealthy'] as const;

function TaskHead({ id, navigation }: { readonly id: string; readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.tasks.value;
  const { store } = app;
  const { tasks } = store;
  const index = tasks.indexOfId(id);
  if (index < 0) {
    return (
      <header>
        <h2>{store.taskName(id)}</h2>
        <p class="muted">This task is gone; its events may still tell why.</p>
      </header>
    );
  }
  const running = tasks.state[index] === TASK_STATE.running;
  return (
    <header>
      <h2>
        <Swatch row={tasks.service[index]!} size={15} />
        {store.taskNameAt(index)}
      </h2>
      <TaskFacts index={index} navigation={navigation} />
      {running && store.role === 'operator' && (
        <div class="verbs">
          <ConfirmButton
            label="Kill task"
            again="Press again to kill"
            testId="kill-task"
            title="Its container ends with exit code 137"
            onConfirm={() => void killTask(app, id)}
          />
        </div>
      )}
    </header>
  );
}

function TaskFacts({ index, navigation }: { readonly index: number; readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.metrics.value;
  const { store } = app;
  const { tasks } = store;
  const since = ageOf(app.seconds.value, tasks.sinceUs[index]!);
  const service = store.services.get(tasks.service[index]!);
  const node = store.nodes.get(tasks.node[index]!);
  const error = tasks.error[index]!;
  const running = tasks.state[index] === TASK_STATE.running;
  return (
    <dl class="facts">
      <div>
        <dt>state</dt>
        <dd>
          <State look={store.lookAt(index)} /> <span class="muted">for {since}</span>
        </dd>
      </div>
      <div>
        <dt>observed / desired</dt>
        <dd>
          {taskStateName(tasks.state[index] as Parameters<typeof taskStateName>[0])} /{' '}
          {taskStateName(tasks.desired[index] as Parameters<typeof taskStateName>[0])}
        </dd>
      </div>
      <div>
        <dt>node</dt>
        <dd>{node === undefined ? 'none' : <a href={navigation.href('nodes', node.name)}>{node.name}</a>}</dd>
      </div>
      {service !== undefined && (
        <div>
          <dt>service</dt>
          <dd>
            <a href={navigation.href('services', service.name)}>{service.name}</a> <span class="muted">{service.image}</span>
          </dd>
        </div>
      )}
      {running && tasks.cpuPermille[index]! >= 0 && (
        <div>
          <dt>CPU, memory</dt>
          <dd class="num">
            {percent(tasks.cpuPermille[index]! / 1000)}, {percent(tasks.memoryPermille[index]! / 1000)}{' '}
            <span class="muted">of its limit</span>
          </dd>
        </div>
      )}
      <div>
        <dt>health</dt>
        <dd>{HEALTH[tasks.health[index]!] ?? '–'}</dd>
      </div>
      {error !== 0 && (
        <div>
          <dt>error</dt>
          <dd class="bad">{error}</dd>
        </div>
      )}
      <div>
        <dt>id</dt>
        <dd class="mono">{tasks.id[index]}</dd>
      </div>
    </dl>
  );
}

const TRUTH: Readonly<Record<NodeView['truth'], string>> = {
  up: 'up',
  crashed: 'crashed: no power',
  partitioned: 'cut off: it runs, but no message passes',
  lost: 'its agent process is gone',
};

function NodeHead({ name, navigation }: { readonly name: string; readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.nodes.value;
  app.metrics.value;
  const node = app.store.node(name);
  const heard = ageOf(app.seconds.value, node?.lastHeartbeatUs ?? 0);
  if (node === undefined) {
    return (
      <header>
        <h2>{name}</h2>
        <p class="muted">This node is gone.</p>
      </header>
    );
  }
  const says = belief(node);
  return (
    <header>
      <h2>
        {node.name} <a href={navigation.href('nodes', node.name)}>details</a>
      </h2>
      <NodeVerbs node={node} />
      <dl class="facts">
        <div>
          <dt>manager believes</dt>
          <dd class={says.tone}>
            {says.text} <span class="muted">heard {heard} ago</span>
          </dd>
        </div>
        <div>
          <dt>really</dt>
          <dd class={node.truth === 'up' ? '' : 'danger'}>{TRUTH[node.truth]}</dd>
        </div>
        <div>
          <dt>tasks</dt>
          <dd class="num">{node.tasks}</dd>
        </div>
      </dl>
      <NodeBars node={node} />
    </header>
  );
}

/** CPU and memory of a node: used over reserved over capacity, in figures and bars. */
export function NodeBars({ node }: { readonly node: NodeView }): VNode {
  const app = useApp();
  app.metrics.value;
  const measured = app.store.nodeMetrics.get(node.row);
  const cpuMilli = measured?.cpuMilli ?? 0;
  const memoryBytes = measured?.memoryBytes ?? 0;
  return (
    <div class="bars">
      <div>
        <span>CPU</span>
        <ShareBar used={(cpuMilli * 1e6) / node.nanoCpus} reserved={node.reservedNanoCpus / node.nanoCpus} />
        <span class="num">
          {cpuPair(cpuMilli, node.nanoCpus / 1e6)}, {cpu(node.reservedNanoCpus / 1e6)} reserved
        </span>
      </div>
      <div>
        <span>memory</span>
        <ShareBar used={memoryBytes / node.memoryBytes} reserved={node.reservedMemoryBytes / node.memoryBytes} />
        <span class="num">
          {memoryPair(memoryBytes, node.memoryBytes)}, {memory(node.reservedMemoryBytes)} reserved
        </span>
      </div>
    </div>
  );
}

function ServiceHead({ name, navigation }: { readonly name: string; readonly navigation: Navigation }): VNode {
  const app = useApp();
  app.services.value;
  app.metrics.value;
  const service = app.store.service(name);
  if (service === undefined) {
    return (
      <header>
        <h2>{name}</h2>
        <p class="muted">This service is gone.</p>
      </header>
    );
  }
  return (
    <header>
      <h2>
        <Swatch row={service.row} size={15} />
        {service.name} <a href={navigation.href('services', service.name)}>details</a>
      </h2>
      <ServiceFacts service={service} />
      {app.store.role === 'operator' && (
        <div class="verbs">
          <ConfirmButton
            label="Remove service"
            again="Press again to remove"
            testId={`remove-${service.name}`}
            onConfirm={() => void removeService(app, service.name)}
          />
        </div>
      )}
    </header>
  );
}

function ServiceFacts({ service }: { readonly service: ServiceView }): VNode {
  const app = useApp();
  const measured = app.store.serviceMetrics.get(service.row);
  return (
    <dl class="facts">
      <div>
        <dt>image</dt>
        <dd>{service.image}</dd>
      </div>
      <div>
        <dt>running of wanted</dt>
        <dd>
          <span class="num">{service.running} of </span>
          <Replicas name={service.name} />
          {service.pending > 0 && <span class="warning"> {plural(service.pending, 'task')} without a node</span>}
        </dd>
      </div>
      <div>
        <dt>load, req/s</dt>
        <dd>
          <LoadControl service={service} />
        </dd>
      </div>
      {measured !== undefined && (
        <div>
          <dt>uses</dt>
          <dd class="num">
            {cpu(measured.cpuMilli)}, {memory(measured.memoryBytes)}
            {measured.throttledPermille > 0 && <span class="warning"> throttled {percent(measured.throttledPermille / 1000)}</span>}
          </dd>
        </div>
      )}
      <div>
        <dt>limit per task</dt>
        <dd class="num">
          {service.limitNanoCpus > 0 ? cpu(service.limitNanoCpus / 1e6) : 'no CPU limit'},{' '}
          {service.limitMemoryBytes > 0 ? memory(service.limitMemoryBytes) : 'no memory limit'}
        </dd>
      </div>
      {service.updateStatus !== '' && (
        <div>
          <dt>update</dt>
          <dd>{service.updateStatus}</dd>
        </div>
      )}
    </dl>
  );
}

function EventHead({ id }: { readonly id: number }): VNode {
  const app = useApp();
  const event = app.store.event(id);
  return (
    <header>
      <h2>Event {id}</h2>
      {event !== undefined && (
        <p class="muted">
          {event.kind}, at {simClock(event.at)}
        </p>
      )}
    </header>
  );
}
