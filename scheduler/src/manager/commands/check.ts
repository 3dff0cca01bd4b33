/** Checks commands against the present state: what would be refused if it took effect now. Changes nothing. */
import { assertNever, type Command, type ServiceSpec, type StackSpec } from '@paperfleet/core';
import type { Refusal } from '../../store/manager-view.ts';
import { profileProblem } from '../../placement/profile.ts';
import type { ServiceRecord } from '../../store/records.ts';
import type { Store } from '../../store/store.ts';
import { portConflict } from '../allocator.ts';
import { sameData } from '../orchestrator/dirty.ts';
import { invalid, validateSpec } from './validate.ts';

const MAXIMUM_REPLICAS = 1_000_000;
const AVAILABILITIES: ReadonlySet<string> = new Set(['active', 'pause', 'drain']);

const notFound = (message: string, hint: string, path: string): Refusal => ({ ok: false, code: 'PF_NOT_FOUND', message, hint, path });
const conflict = (message: string, path: string, hint?: string): Refusal => ({
  ok: false,
  code: 'PF_CONFLICT',
  message,
  path,
  ...(hint === undefined ? {} : { hint }),
});

/** Why the command cannot be carried out, undefined when it can. */
export function checkCommand(store: Store, command: Command): Refusal | undefined {
  switch (command.do) {
    case 'deploy':
      return checkDeploy(store, command.stack, command.prune);
    case 'createService':
      return checkCreate(store, command.spec, '$.spec');
    case 'updateService': {
      const service = store.findService(command.service);
      if (service === undefined) return noService(store, command.service);
      return checkUpdate(store, service, command.spec, command.version, '$.spec');
    }
    case 'rollbackService': {
      const service = store.findService(command.service);
      if (service === undefined) return noService(store, command.service);
      if (service.previousSpec !== undefined) return undefined;
      return conflict(
        `service ${service.id} does not have a previous spec`,
        '$.service',
        'a service can be rolled back once it has been updated',
      );
    }
    case 'removeService':
      return store.findService(command.service) === undefined ? noService(store, command.service) : undefined;
    case 'removeStack': {
      const known =
        store.stacks.has(command.stack) || [...store.services.values()].some(({ stack }) => stack !== '' && stack === command.stack);
      return known
        ? undefined
        : notFound(`nothing found in stack: ${command.stack}`, listed('stacks', [...store.stacks.keys()]), '$.stack');
    }
    case 'scale':
      return checkScale(store, command.service, command.replicas);
    case 'load':
      if (store.findService(command.service) === undefined) return noService(store, command.service);
      if (Number.isFinite(command.requestsPerSecond) && command.requestsPerSecond >= 0) return undefined;
      return invalid('requests per second must be a number from 0', '$.requestsPerSecond', '0 ends the load');
    case 'updateNode':
      return checkUpdateNode(store, command);
    case 'removeNode': {
      const node = store.findNode(command.node);
      if (node === undefined) return noNode(store, command.node);
      if (node.status !== 'ready' || command.force) return undefined;
      return conflict(`node ${node.id} is not down and can't be removed`, '$.node', 'stop its agent first, or force the removal');
    }
    case 'removeTask':
      if (store.findTask(command.task) !== undefined) return undefined;
      return notFound(`task ${command.task} not found`, 'give an id, an unambiguous prefix of one, or SERVICE.SLOT', '$.task');
    default:
      return assertNever(command, 'command');
  }
}

function checkCreate(store: Store, spec: ServiceSpec, path: string): Refusal | undefined {
  const problem = validateSpec(spec, path) ?? checkProfile(spec, path);
  if (problem !== undefined) return problem;
  if (store.serviceNamed(spec.name) !== undefined) {
    return conflict(
      'name conflicts with an existing object',
      `${path}.name`,
      `service ${spec.name} exists: update it, or choose another name`,
    );
  }
  const taken = portConflict(store, spec, undefined);
  return taken === undefined ? undefined : invalid(taken, `${path}.endpoint.ports`, 'publish another port');
}

function checkUpdate(
  store: Store,
  service: ServiceRecord,
  spec: ServiceSpec,
  version: number | undefined,
  path: string,
): Refusal | undefined {
  const problem = validateSpec(spec, path) ?? checkProfile(spec, path);
  if (problem !== undefined) return problem;
  if (version !== undefined && version !== service.version) {
    return conflict('update out of sequence', '$.version', `the service is at version ${service.version}: read it again`);
  }
  if (spec.name !== service.spec.name) return invalid('renaming services is not supported', `${path}.name`, 'create a new service instead');
  if (spec.mode.kind !== service.spec.mode.kind)
    return invalid('service mode change is not allowed', `${path}.mode`, 'remove the service and create it anew');
  const taken = sameData(spec.endpoint, service.spec.endpoint) ? undefined : portConflict(store, spec, service.id);
  return taken === undefined ? undefined : invalid(taken, `${path}.endpoint.ports`, 'publish another port');
}

function checkProfile(spec: ServiceSpec, path: string): Refusal | undefined {
  const problem = spec.profile === undefined ? undefined : profileProblem(spec.profile);
  return problem === undefined ? undefined : invalid(problem, `${path}.profile`, "leave it out for the cluster's default");
}

function checkDeploy(store: Store, stack: StackSpec, prune: boolean): Refusal | undefined {
  const names = new Set<string>();
  const ports = new Map<string, string>();
  for (const [index, spec] of stack.services.entries()) {
    const path = `$.stack.services[${index}]`;
    if (names.has(spec.name)) return invalid(`service ${spec.name} is there twice`, `${path}.name`, 'give every service a name of its own');
    names.add(spec.name);
    for (const port of spec.endpoint?.ports ?? []) {
      const key = `${port.protocol}/${port.publishedPort}/${port.publishMode}`;
      const other = port.publishMode === 'ingress' && port.publishedPort !== 0 ? ports.get(key) : undefined;
      if (other !== undefined)
        return invalid(
          `port '${port.publishedPort}' is published by both ${other} and ${spec.name}`,
          `${path}.endpoint.ports`,
          'publish another port',
        );
      ports.set(key, spec.name);
    }
  }
  const pruned = prune ? new Set(prunable(store, stack).map((service) => service.id)) : new Set<string>();
  for (const [index, spec] of stack.services.entries()) {
    const path = `$.stack.services[${index}]`;
    const service = store.serviceNamed(spec.name);
    if (service !== undefined && service.stack !== stack.name) {
      const owner = service.stack === '' ? 'no stack' : `stack ${service.stack}`;
      return conflict(`service ${spec.name} exists and belongs to ${owner}`, `${path}.name`, 'remove it first, or choose another name');
    }
    const problem = service === undefined ? checkCreate(store, spec, path) : checkUpdate(store, service, spec, undefined, path);
    // A port that a pruned service holds is free by the time it is needed.
    if (problem !== undefined && !(pruned.size > 0 && problem.path?.endsWith('.ports') && onlyHeldBy(store, spec, pruned))) return problem;
  }
  return undefined;
}

/** Services of the stack that it no longer names. */
export const prunable = (store: Store, stack: StackSpec): readonly ServiceRecord[] => {
  const names = new Set(stack.services.map((service) => service.name));
  return [...store.services.values()].filter(
    (service) => stack.name !== '' && service.stack === stack.name && !names.has(service.spec.name),
  );
};

function onlyHeldBy(store: Store, spec: ServiceSpec, pruned: ReadonlySet<string>): boolean {
  const wanted = new Set((spec.endpoint?.ports ?? []).map((port) => `${port.protocol}/${port.publishedPort}`));
  const self = store.serviceNamed(spec.name)?.id;
  return [...store.services.values()].every(
    (service) =>
      service.id === self || pruned.has(service.id) || service.ports.every((port) => !wanted.has(`${port.protocol}/${port.publishedPort}`)),
  );
}

function checkScale(store: Store, reference: string, replicas: number): Refusal | undefined {
  const service = store.findService(reference);
  if (service === undefined) return noService(store, reference);
  if (service.spec.mode.kind !== 'replicated') {
    return invalid(
      'scale can only be used with replicated mode',
      '$.service',
      `${service.spec.name} runs in mode ${service.spec.mode.kind}`,
    );
  }
  if (Number.isSafeInteger(replicas) && replicas >= 0 && replicas <= MAXIMUM_REPLICAS) return undefined;
  return invalid('Number of replicas must be non-negative', '$.replicas', `use a whole number from 0 to ${MAXIMUM_REPLICAS}`);
}

function checkUpdateNode(store: Store, command: Extract<Command, { do: 'updateNode' }>): Refusal | undefined {
  if (store.findNode(command.node) === undefined) return noNode(store, command.node);
  const { availability, labels } = command;
  if (availability === undefined && labels === undefined) return invalid('nothing to change', '$', 'give availability or labels');
  if (availability !== undefined && !AVAILABILITIES.has(availability)) {
    return invalid(`unknown availability ${availability as string}`, '$.availability', 'use active, pause or drain');
  }
  return undefined;
}

function noService(store: Store, name: string): Refusal {
  return notFound(
    `service ${name} not found`,
    listed(
      'services',
      [...store.services.values()].map((service) => service.spec.name),
    ),
    '$.service',
  );
}

function noNode(store: Store, name: string): Refusal {
  return notFound(
    `node ${name} not found`,
    listed(
      'nodes',
      [...store.nodes.values()].map((node) => node.name),
    ),
    '$.node',
  );
}

const LISTED = 8;

function listed(what: string, names: readonly string[]): string {
  if (names.length === 0) return `there are no ${what}`;
  const more = names.length > LISTED ? `, … (${names.length} in all)` : '';
  return `${what}: ${names.slice(0, LISTED).join(', ')}${more}`;
}
