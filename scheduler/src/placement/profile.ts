/**
 * Scheduler profiles: a named list of filters in the order they run. `swarm` chooses as SwarmKit does: recent failures,
 * then tasks of the service, then all tasks, spread by placement preferences.
 */
import type { FilterPlugin } from './filter.ts';
import { constraintsFilter } from './filters/constraints.ts';
import { hostPortFilter } from './filters/host-port.ts';
import { maxReplicasFilter } from './filters/max-replicas.ts';
import { platformFilter } from './filters/platform.ts';
import { pluginsFilter } from './filters/plugins.ts';
import { readyFilter } from './filters/ready.ts';
import { resourcesFilter } from './filters/resources.ts';
import { volumesFilter } from './filters/volumes.ts';

export interface Profile {
  readonly name: string;
  readonly filters: readonly FilterPlugin[];
}

/** Order of swarmkit manager/scheduler/pipeline.go; the volume filter is appended by the scheduler when it runs. */
export const SWARM_PROFILE: Profile = {
  name: 'swarm',
  filters: [
    readyFilter,
    resourcesFilter,
    pluginsFilter,
    constraintsFilter,
    platformFilter,
    hostPortFilter,
    maxReplicasFilter,
    volumesFilter,
  ],
};

export const PROFILES: ReadonlyMap<string, Profile> = new Map([[SWARM_PROFILE.name, SWARM_PROFILE]]);

/** A sentence for the user when there is no such profile; undefined when all is well. */
export function profileProblem(name: string): string | undefined {
  if (PROFILES.has(name)) return undefined;
  return `scheduler profile '${name}' is not known; profiles are: ${[...PROFILES.keys()].join(', ')}`;
}

/** @throws Error when there is no such profile: check user input with profileProblem first */
export function profileNamed(name: string): Profile {
  const profile = PROFILES.get(name);
  if (profile === undefined) throw new Error(profileProblem(name));
  return profile;
}
