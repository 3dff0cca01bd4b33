import { type FilterPlugin, nodesText, type Shortfall } from '../filter.ts';
import { enough } from '../generic-resource.ts';
import type { TaskNeeds } from '../needs.ts';
import type { NodeSet } from '../node-set.ts';
import { bytesText, cpuText } from '../quantity.ts';

/** One resource of one node against what a task needs of it. */
interface Balance {
  readonly what: string;
  readonly free: number;
  readonly needed: number;
  readonly enough: boolean;
  readonly text: (value: number) => string;
}

function* balances(nodes: NodeSet, needs: TaskNeeds, row: number, placed: number): Generator<Balance> {
  const { nanoCpus, memoryBytes, generic, genericKinds } = needs.reservations;
  const cpu = (nodes.cpuFree[row] ?? 0) - placed * nanoCpus;
  yield { what: 'cpu', free: cpu, needed: nanoCpus, enough: nanoCpus <= cpu, text: cpuText };
  const memory = (nodes.memoryFree[row] ?? 0) - placed * memoryBytes;
  yield { what: 'memory', free: memory, needed: memoryBytes, enough: memoryBytes <= memory, text: bytesText };
  for (const kind of genericKinds) {
    const needed = generic[kind] ?? 0;
    const free = (nodes.genericFree.get(kind)?.[row] ?? 0) - placed * needed;
    yield { what: kind, free, needed, enough: enough(free, needed), text: String };
  }
}

/** Part of what is needed that is not free. */
const shareMissing = (free: number, needed: number): number => (needed <= 0 ? 1 : Math.min(1, (needed - Math.max(0, free)) / needed));

/** CPU, memory and each generic kind: what the node has less the reservations of the tasks on it. Limits play no part. */
export const resourcesFilter: FilterPlugin = {
  name: 'resources',
  requeueOn: ['node.joined', 'node.changed', 'task.ended'],
  dependsOnTasks: true,
  applies: ({ reservations: { nanoCpus, memoryBytes, genericKinds } }) => nanoCpus !== 0 || memoryBytes !== 0 || genericKinds.length > 0,
  filter(nodes, needs, row, placed) {
    const { nanoCpus, memoryBytes, generic, genericKinds } = needs.reservations;
    if (nanoCpus > (nodes.cpuFree[row] ?? 0) - placed * nanoCpus) return false;
    if (memoryBytes > (nodes.memoryFree[row] ?? 0) - placed * memoryBytes) return false;
    for (const kind of genericKinds) {
      const wanted = generic[kind] ?? 0;
      if (!enough((nodes.genericFree.get(kind)?.[row] ?? 0) - placed * wanted, wanted)) return false;
    }
    return true;
  },
  filterBatch(nodes, needs, candidates, count) {
    const { cpuFree, memoryFree } = nodes;
    const { nanoCpus, memoryBytes, generic, genericKinds } = needs.reservations;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const row = candidates[i] ?? 0;
      if ((cpuFree[row] ?? 0) >= nanoCpus && (memoryFree[row] ?? 0) >= memoryBytes) candidates[kept++] = row;
    }
    for (const kind of genericKinds) {
      const free = nodes.genericFree.get(kind);
      const wanted = generic[kind] ?? 0;
      const before = kept;
      kept = 0;
      if (free === undefined) return 0;
      for (let i = 0; i < before; i++) {
        const row = candidates[i] ?? 0;
        if (enough(free[row] ?? 0, wanted)) candidates[kept++] = row;
      }
    }
    return kept;
  },
  missing(nodes, needs, row, placed) {
    const { nanoCpus, memoryBytes, generic, genericKinds } = needs.reservations;
    const cpu = (nodes.cpuFree[row] ?? 0) - placed * nanoCpus;
    const memory = (nodes.memoryFree[row] ?? 0) - placed * memoryBytes;
    let share = 0;
    if (cpu < nanoCpus) share = shareMissing(cpu, nanoCpus);
    if (memory < memoryBytes) share = Math.max(share, shareMissing(memory, memoryBytes));
    for (const kind of genericKinds) {
      const needed = generic[kind] ?? 0;
      const free = (nodes.genericFree.get(kind)?.[row] ?? 0) - placed * needed;
      if (!enough(free, needed)) share = Math.max(share, shareMissing(free, needed));
    }
    return share;
  },
  explain: (rejected) => `insufficient resources on ${nodesText(rejected)}`,
  shortfall(nodes, needs, row, placed): Shortfall {
    const short = [...balances(nodes, needs, row, placed)].filter((balance) => !balance.enough);
    const name = nodes.nodeAt(row)?.name ?? String(row);
    const more = short.map(({ what, free, needed, text }) => `${text(Math.max(needed, 1) - Math.max(0, free))} more free ${what}`);
    return {
      detail: short.map(({ what, free, needed, text }) => `${what} free ${text(Math.max(0, free))} of ${text(needed)} needed`).join(', '),
      wouldFitIf: [
        `${name} had ${more.join(' and ')}`,
        ...(short.every(({ free }) => free > 0)
          ? [`each task reserved at most ${short.map(({ what, free, text }) => `${text(free)} ${what}`).join(' and ')}`]
          : []),
      ],
    };
  },
};
