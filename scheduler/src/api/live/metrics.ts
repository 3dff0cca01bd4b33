/** Builds metric frames: the newest CPU and memory of nodes, services and, while there are not too many, tasks. */
import type { MetricsFrame } from '@paperfleet/core';
import { TASK_STATE } from '@paperfleet/core';
import type { ManagerView } from '../../live/run.ts';
import type { TaskRecord } from '../../store/records.ts';
import { specAmounts } from './views.ts';

const NANO_PER_MILLI = 1_000_000;
const NANO_PER_CORE = 1_000_000_000;
const BYTES_PER_TENTH_MIB: number = (1024 * 1024) / 10;
/** Above this many running tasks a frame with all of them costs more than it shows. */
const MAX_TASKS = 5000;

const permille = (used: number, of: number): number => (of <= 0 ? 0 : Math.round((used * 1000) / of));

function taskMetrics({ store, metrics }: ManagerView): MetricsFrame['tasks'] {
  const running: TaskRecord[] = [];
  for (const task of store.tasks.values()) {
    if (task.state !== TASK_STATE.running) continue;
    if (running.length === MAX_TASKS) return undefined;
    running.push(task);
  }
  const columns = { row: [] as number[], cpuPermille: [] as number[], memoryPermille: [] as number[] };
  for (const task of running) {
    const used = metrics.task(task.id);
    if (used === undefined) continue;
    const amounts = specAmounts(task.spec);
    const cpuOf = amounts.limitNanoCpus || amounts.reservedNanoCpus || NANO_PER_CORE;
    const memoryOf =
      amounts.limitMemoryBytes || amounts.reservedMemoryBytes || (store.nodes.get(task.nodeId)?.description.memoryBytes ?? 0);
    columns.row.push(task.row);
    columns.cpuPermille.push(permille(used.cpuNano, cpuOf));
    columns.memoryPermille.push(permille(used.memoryBytes, memoryOf));
  }
  return columns;
}

/** The frame of this moment. */
export function buildMetrics(manager: ManagerView, simUs: number): MetricsFrame {
  const { store, metrics } = manager;
  const nodes = { row: [] as number[], cpuMilli: [] as number[], memoryTenthMiB: [] as number[] };
  for (const { row } of store.nodes.values()) {
    if (!((metrics.nodeAt[row] ?? -1) >= 0)) continue;
    nodes.row.push(row);
    nodes.cpuMilli.push(Math.round((metrics.nodeCpuNano[row] ?? 0) / NANO_PER_MILLI));
    nodes.memoryTenthMiB.push(Math.round((metrics.nodeMemoryBytes[row] ?? 0) / BYTES_PER_TENTH_MIB));
  }
  const services = { row: [] as number[], cpuMilli: [] as number[], memoryTenthMiB: [] as number[], throttledPermille: [] as number[] };
  for (const service of store.services.values()) {
    const used = metrics.service(service.id);
    services.row.push(service.row);
    services.cpuMilli.push(Math.round(used.cpuNano / NANO_PER_MILLI));
    services.memoryTenthMiB.push(Math.round(used.memoryBytes / BYTES_PER_TENTH_MIB));
    services.throttledPermille.push(Math.round(used.throttledPermille));
  }
  const tasks = taskMetrics(manager);
  return { type: 'metrics', simUs, nodes, services, ...(tasks === undefined ? {} : { tasks }) };
}
