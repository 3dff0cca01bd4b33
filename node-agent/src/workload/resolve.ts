/** From a container's spec to the model of what runs in it. */
import type { ContainerSpec } from '@paperfleet/core';
import { CATALOGUE, type CatalogueEntry, DEFAULT_PROFILE, entryOfImage, findEntry } from './catalogue.ts';
import { interpretCommand } from './command.ts';
import { parseImage } from './image-reference.ts';
import { applyParameters } from './parameters.ts';
import { ProfileModel, type WorkloadProfile } from './profile.ts';
import type { WorkloadModel } from './workload-model.ts';

export type ResolvedWorkload =
  | { readonly ok: true; readonly model: WorkloadModel }
  | { readonly ok: false; readonly problems: readonly string[] };

/** Models are shared by all containers of a spec; the memory is pure and goes with the spec. */
const resolved = new WeakMap<ContainerSpec, ResolvedWorkload>();

/**
 * The workload of a container: `workload.name` from the catalogue, else by image name, else the default; its command where
 * the image is a tool; then `workload.parameters` over it. Problems are sentences for the user.
 */
export function resolveWorkload(container: ContainerSpec): ResolvedWorkload {
  let answer = resolved.get(container);
  if (answer === undefined) resolved.set(container, (answer = resolve(container)));
  return answer;
}

function resolve(container: ContainerSpec): ResolvedWorkload {
  const wanted = container.workload?.name;
  const entry = wanted === undefined ? entryOfImage(parseImage(container.image).name) : findEntry(wanted);
  if (wanted !== undefined && wanted !== 'default' && entry === undefined) {
    return { ok: false, problems: [`unknown workload '${wanted}'; known: default, ${CATALOGUE.map((known) => known.name).join(', ')}`] };
  }
  const { profile, problems } = applyParameters(commandProfile(entry, container), container.workload?.parameters ?? {});
  if (problems.length > 0) return { ok: false, problems: problems.map((problem) => problem.message) };
  return { ok: true, model: new ProfileModel(entry?.name ?? 'default', profile) };
}

function commandProfile(entry: CatalogueEntry | undefined, container: ContainerSpec): WorkloadProfile {
  const base = entry?.profile ?? DEFAULT_PROFILE;
  if (entry?.oneShot !== true) return base;
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const behaviour = interpretCommand(words);
  return {
    ...base,
    baseCpuNano: behaviour.cpuNano,
    exitAfterUs: behaviour.exitAfterUs === undefined ? undefined : { kind: 'constant', value: behaviour.exitAfterUs },
    exitCode: behaviour.exitCode,
  };
}
