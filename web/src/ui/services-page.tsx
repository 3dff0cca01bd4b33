/** Services as a table: wanted and actual, states, load, CPU and memory against limits. */
import type { VNode } from 'preact';
import type { ServiceView } from '@paperfleet/core';
import { TASK_STATE } from '@paperfleet/core';
import type { LookName } from '../core/index.ts';
import { cpuPair, cpu, LOOK_LABEL, LOOK_NAMES, memory, memoryPair, naturalCompare, percent } from '../core/index.ts';
import { removeService } from './actions.ts';
import { useApp } from './app.ts';
import { LoadControl } from './load-control.tsx';
import { useNavigation } from './navigation.ts';
import { ConfirmButton, Empty, Glyph, Replicas, Sparkline, Swatch } from './parts.tsx';

export function ServicesPage(): VNode {
  const app = useApp();
  const navigation = useNavigation();
  app.services.value;
  app.tasks.value;
  const text = (navigation.query['q'] ?? '').replace(/^(svc|service):/i, '').toLowerCase();
  const services = [...app.store.services.values()]
    .filter((service) => service.name.toLowerCase().includes(text) || service.image.toLowerCase().includes(text))
    .sort((a, b) => naturalCompare(a.name, b.name));
  const counts = countLooks(app);
  return (
    <main class="page">
      <div class="page-head">
        <h1>Services</h1>
        <span class="grow" />
        {app.store.role === 'operator' && (
          <button type="button" class="button primary" data-testid="deploy" onClick={() => (app.deploying.value = true)}>
            Deploy a Compose file
          </button>
        )}
      </div>
      {app.loaded.value && services.length === 0 ? (
        <Empty title={app.store.services.size === 0 ? 'No services yet' : 'No service matches'}>
          {app.store.services.size === 0 && <p>Deploy a Compose file to bring the cluster to life.</p>}
        </Empty>
      ) : (
        <div class="scroll">
          <table class="table services" data-testid="services">
            <thead>
              <tr>
                <th>service</th>
                <th>image</th>
                <th class="c">wanted</th>
                <th class="r">running</th>
                <th>not running</th>
                <th>CPU of limits</th>
                <th>memory of limits</th>
                <th class="r">throttled</th>
                <th class="c">load, req/s</th>
                <th />
              </tr>
            </thead>
            <tbody>
              {services.map((service) => (
                <Row key={service.row} service={service} looks={counts.get(service.row)} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </main>
  );
}

type Counts = ReadonlyMap<LookName, number>;

/** Live tasks per service that are not running, by look. */
function countLooks(app: ReturnType<typeof useApp>): ReadonlyMap<number, Counts> {
  const { tasks } = app.store;
  const all = new Map<number, Map<LookName, number>>();
  for (let i = 0; i < tasks.end; i++) {
    if (tasks.row[i]! < 0 || tasks.state[i]! > TASK_STATE.running) continue;
    const look = LOOK_NAMES[app.store.lookAt(i)]!;
    if (look === 'running') continue;
    let counts = all.get(tasks.service[i]!);
    if (counts === undefined) all.set(tasks.service[i]!, (counts = new Map<LookName, number>()));
    counts.set(look, (counts.get(look) ?? 0) + 1);
  }
  return all;
}

function Row({ service, looks }: { readonly service: ServiceView; readonly looks: Counts | undefined }): VNode {
  const app = useApp();
  const navigation = useNavigation();
  app.metrics.value;
  const measured = app.store.serviceMetrics.get(service.row);
  const cpuMilli = measured?.cpuMilli ?? 0;
  const memoryBytes = measured?.memoryBytes ?? 0;
  const cpuLimit = (service.limitNanoCpus / 1e6) * service.running;
  const memoryLimit = service.limitMemoryBytes * service.running;
  const throttled = measured?.throttledPermille ?? 0;
  return (
    <tr class={navigation.selection?.id === service.name ? 'selected' : ''} data-testid={`row-${service.name}`}>
      <td>
        <a class="name" title={service.name} href={navigation.href('services', service.name)}>
          <Swatch row={service.row} />
          <span class="long">{service.name}</span>
        </a>
      </td>
      <td class="muted">
        <span class="long" title={service.image}>
          {service.image}
        </span>
      </td>
      <td class="c">
        <Replicas name={service.name} />
      </td>
      <td class={`r num ${service.running < service.desired ? 'warning' : ''}`}>{service.running}</td>
      <td>
        <span class="looks">
          {[...(looks ?? [])].map(([look, count]) => (
            <span key={look} class="state" title={LOOK_LABEL[look]}>
              <Glyph look={look} />
              {count}
            </span>
          ))}
        </span>
      </td>
      <td>
        <span class="metric">
          <Sparkline ring={measured?.cpuHistory} top={cpuLimit} />
          <span class="num">{cpuLimit > 0 ? cpuPair(cpuMilli, cpuLimit) : `${cpu(cpuMilli)}, no limit`}</span>
        </span>
      </td>
      <td>
        <span class="metric">
          <Sparkline ring={measured?.memoryHistory} top={memoryLimit} />
          <span class="num">{memoryLimit > 0 ? memoryPair(memoryBytes, memoryLimit) : `${memory(memoryBytes)}, no limit`}</span>
        </span>
      </td>
      <td class={`r num ${throttled >= 250 ? 'warning' : throttled === 0 ? 'muted' : ''}`}>{percent(throttled / 1000)}</td>
      <td class="c">
        <LoadControl service={service} />
      </td>
      <td class="r">
        <span class="actions">
          <button
            type="button"
            class="button quiet"
            data-testid={`why-${service.name}`}
            onClick={() => navigation.select({ kind: 'service', id: service.name })}
          >
            Why?
          </button>
          {app.store.role === 'operator' && (
            <ConfirmButton
              label="Remove"
              again="Again to remove"
              testId={`remove-${service.name}`}
              onConfirm={() => void removeService(app, service.name)}
            />
          )}
        </span>
      </td>
    </tr>
  );
}
