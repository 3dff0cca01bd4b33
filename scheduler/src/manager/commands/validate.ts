/** SwarmKit's validation of service specs (manager/controlapi/service.go), in its words, with what to do about it. */
import type { ContainerSpec, Resources, ServiceSpec, UpdateConfig } from '@paperfleet/core';
import type { Refusal } from '../../store/manager-view.ts';
import { parseConstraints } from '../../placement/index.ts';

const NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const NAME_LIMIT = 63;
const MINIMUM_NANO_CPUS = 1_000_000;
const MINIMUM_MEMORY = 4 * 1024 * 1024;

export function invalid(message: string, path: string, hint?: string): Refusal {
  return { ok: false, code: 'PF_INVALID', message, path, ...(hint === undefined ? {} : { hint }) };
}

/** What is wrong with a spec by itself, undefined when nothing is. `path` is the spec's own place. */
export function validateSpec(spec: ServiceSpec, path: string): Refusal | undefined {
  return (
    validateName(spec.name, `${path}.name`) ??
    validateMode(spec, path) ??
    validateTask(spec, `${path}.task`) ??
    validateUpdate(spec.update, `${path}.update`, 'update') ??
    validateUpdate(spec.rollback, `${path}.rollback`, 'rollback') ??
    validateEndpoint(spec, `${path}.endpoint`)
  );
}

function validateName(name: string, path: string): Refusal | undefined {
  if (name.length > NAME_LIMIT) return invalid(`name must be ${NAME_LIMIT} characters or fewer`, path, 'choose a shorter name');
  if (NAME.test(name)) return undefined;
  return invalid('name must be valid as a DNS name component', path, 'use letters and digits, with - or _ only between them');
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function validateMode(spec: ServiceSpec, path: string): Refusal | undefined {
  const { mode } = spec;
  switch (mode.kind) {
    case 'replicated':
      if (!isCount(mode.replicas))
        return invalid('Number of replicas must be non-negative', `${path}.mode.replicas`, 'use a whole number from 0');
      return undefined;
    case 'global':
      return undefined;
    case 'replicated-job':
      if (!isCount(mode.maxConcurrent)) return invalid('Maximum concurrent jobs must be non-negative', `${path}.mode.maxConcurrent`);
      if (!isCount(mode.totalCompletions)) return invalid('Total completed jobs must be non-negative', `${path}.mode.totalCompletions`);
      break;
    case 'global-job':
      break;
    default:
      return invalid('Mode is required', `${path}.mode`, 'use replicated or global');
  }
  if (spec.update !== undefined) return invalid('Jobs may not have an update config', `${path}.update`, 'leave update out');
  return {
    ok: false,
    code: 'PF_UNAVAILABLE',
    message: `services of mode ${mode.kind} cannot be run yet`,
    path: `${path}.mode`,
    hint: 'use replicated or global',
  };
}

function validateTask({ task }: ServiceSpec, path: string): Refusal | undefined {
  if (task.containers.length === 0) return invalid('TaskSpec: missing runtime', `${path}.containers`, 'give at least one container');
  for (const [index, container] of task.containers.entries()) {
    const problem = validateContainer(container, `${path}.containers[${index}]`);
    if (problem !== undefined) return problem;
  }
  const { restart, placement } = task;
  if (!(restart.delayUs >= 0)) return invalid('TaskSpec: restart-delay cannot be negative', `${path}.restart.delayUs`);
  if (!(restart.windowUs >= 0)) return invalid('TaskSpec: restart-window cannot be negative', `${path}.restart.windowUs`);
  if (!isCount(restart.maxAttempts)) return invalid('TaskSpec: restart-max-attempts cannot be negative', `${path}.restart.maxAttempts`);
  if (!isCount(placement.maxReplicasPerNode ?? 0))
    return invalid('Placement: max replicas per node cannot be negative', `${path}.placement.maxReplicasPerNode`);
  const parsed = parseConstraints(placement.constraints ?? []);
  if (parsed.ok) return undefined;
  return invalid(
    parsed.message,
    `${path}.placement.constraints[${parsed.index}]`,
    'write KEY==VALUE or KEY!=VALUE, for example node.labels.zone==a',
  );
}

function validateContainer(container: ContainerSpec, path: string): Refusal | undefined {
  if (container.image === '') return invalid('ContainerSpec: image reference must be provided', `${path}.image`);
  if (!(container.stopGracePeriodUs >= 0))
    return invalid('ContainerSpec: stop-grace-period cannot be negative', `${path}.stopGracePeriodUs`);
  const targets = new Set<string>();
  for (const [index, { target }] of (container.mounts ?? []).entries()) {
    if (targets.has(target)) return invalid(`ContainerSpec: duplicate mount point: ${target}`, `${path}.mounts[${index}].target`);
    targets.add(target);
  }
  return validateResources(container.limits, `${path}.limits`) ?? validateResources(container.reservations, `${path}.reservations`);
}

function validateResources(
  { nanoCpus = 0 as never, memoryBytes = 0 as never, generic = {} }: Resources,
  path: string,
): Refusal | undefined {
  if (nanoCpus !== 0 && nanoCpus < MINIMUM_NANO_CPUS) {
    return invalid(
      `invalid cpu value ${nanoCpus / 1e9}: Must be at least ${MINIMUM_NANO_CPUS / 1e9}`,
      `${path}.nanoCpus`,
      'reserve 0.001 CPUs or more, or none',
    );
  }
  if (memoryBytes !== 0 && memoryBytes < MINIMUM_MEMORY) {
    return invalid(`invalid memory value ${memoryBytes}: Must be at least 4MiB`, `${path}.memoryBytes`, 'use 4MiB or more, or none');
  }
  for (const [kind, count] of Object.entries(generic)) {
    if (!isCount(count))
      return invalid(`invalid amount ${count} of generic resource ${kind}`, `${path}.generic.${kind}`, 'use a whole number from 0');
  }
  return undefined;
}

function validateUpdate(config: UpdateConfig | undefined, path: string, what: string): Refusal | undefined {
  if (config === undefined) return undefined;
  if (!(config.delayUs >= 0)) return invalid(`TaskSpec: ${what}-delay cannot be negative`, `${path}.delayUs`);
  if (!(config.monitorUs >= 0)) return invalid(`TaskSpec: ${what}-monitor cannot be negative`, `${path}.monitorUs`);
  if (!isCount(config.parallelism)) return invalid(`TaskSpec: ${what}-parallelism cannot be negative`, `${path}.parallelism`);
  if (!(config.maxFailureRatio >= 0)) return invalid(`TaskSpec: ${what}-maxfailureratio cannot be less than 0`, `${path}.maxFailureRatio`);
  if (config.maxFailureRatio > 1) return invalid(`TaskSpec: ${what}-maxfailureratio cannot be bigger than 1`, `${path}.maxFailureRatio`);
  return undefined;
}

function validateEndpoint({ endpoint }: ServiceSpec, path: string): Refusal | undefined {
  if (endpoint === undefined) return undefined;
  const published = new Set<string>();
  for (const [index, port] of endpoint.ports.entries()) {
    const place = `${path}.ports[${index}]`;
    if (!Number.isInteger(port.publishedPort) || port.publishedPort < 0 || port.publishedPort > 65_535) {
      return invalid(`invalid port number ${port.publishedPort}`, `${place}.publishedPort`, 'use 1 to 65535, or 0 to have one picked');
    }
    if (!Number.isInteger(port.targetPort) || port.targetPort < 1 || port.targetPort > 65_535) {
      return invalid(`invalid port number ${port.targetPort}`, `${place}.targetPort`, 'use 1 to 65535');
    }
    if (endpoint.mode === 'dnsrr' && port.publishMode === 'ingress') {
      const hint = 'publish the port in host mode, or use endpoint mode vip';
      return invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode", place, hint);
    }
    const key = `${port.protocol}/${port.publishedPort}`;
    if (port.publishedPort !== 0 && published.has(key))
      return invalid('EndpointSpec: duplicate published ports provided', place, 'publish each port once');
    published.add(key);
  }
  return undefined;
}
