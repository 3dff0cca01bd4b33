import type { Platform } from '@paperfleet/core';
import { type FilterPlugin, nodesText } from '../filter.ts';
import { normalArchitecture } from '../needs.ts';

const text = ({ os, architecture }: Platform): string => `${os === '' ? 'any' : os}/${architecture === '' ? 'any' : architecture}`;

/** Any of the wanted (architecture, os) pairs; an empty field is any. A node that does not say has none. */
export const platformFilter: FilterPlugin = {
  name: 'platform',
  requeueOn: ['node.joined', 'node.changed'],
  dependsOnTasks: false,
  applies: (needs) => needs.platforms.length > 0,
  filter(nodes, needs, row) {
    const platform = nodes.nodeAt(row)?.description.platform;
    if (platform === undefined || (platform.architecture === '' && platform.os === '')) return false;
    const architecture = normalArchitecture(platform.architecture);
    return needs.platforms.some(
      (wanted) => (wanted.architecture === '' || wanted.architecture === architecture) && (wanted.os === '' || wanted.os === platform.os),
    );
  },
  cacheKey: (needs) => JSON.stringify(needs.platforms),
  explain: (rejected) => `unsupported platform on ${nodesText(rejected)}`,
  shortfall(nodes, needs, row) {
    const platform = nodes.nodeAt(row)?.description.platform;
    const wanted = needs.platforms.map(text).join(' or ');
    return {
      detail: `is ${platform === undefined ? 'of unknown platform' : text(platform)}, ${wanted} needed`,

      wouldFitIf: [`a node of platform ${wanted} joined`],
    };
  },
};
