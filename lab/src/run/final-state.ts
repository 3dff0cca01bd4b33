/** What the manager believes at the end of a run, as expectations and reports read it. */
import { type ManagerView, serviceView } from '@paperfleet/scheduler';
import type { FinalState } from '../scenario/expect.ts';

/** Services by order of creation, with nodes ready and in all. */
export function finalStateOf(manager: ManagerView): FinalState & { readonly nodes: number } {
  const { store } = manager;
  const nodes = [...store.nodes.values()];
  return {
    nodes: nodes.length,
    nodesReady: nodes.filter(({ status }) => status === 'ready').length,
    services: [...store.services.values()].map((record) => {
      const { name, desired, running, pending } = serviceView(record, store);
      return { name, desired, running, pending };
    }),
  };
}
