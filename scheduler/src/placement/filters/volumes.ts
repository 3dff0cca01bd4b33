import { type FilterPlugin, nodesText } from '../filter.ts';

/** Cluster (CSI) volumes. No volume manager runs in Paperfleet, so no node can offer one and such tasks wait. */
export const volumesFilter: FilterPlugin = {
  name: 'volumes',
  requeueOn: ['volume.changed'],
  dependsOnTasks: false,
  applies: (needs) => needs.clusterVolumes.length > 0,
  filter: () => false,
  filterBatch: () => 0,
  explain: (rejected) => `cannot fulfill requested CSI volume mounts on ${nodesText(rejected)}`,
  shortfall(_nodes, needs) {
    const list = needs.clusterVolumes.join(', ');
    return { detail: `cannot mount cluster volume ${list}`, wouldFitIf: ['the service used local volumes'] };
  },
};
