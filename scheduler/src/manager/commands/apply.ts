/** Carries out commands. Each leaves an event to which everything that follows from it leads back. */
import {
  assertNever,
  type Command,
  DIGEST,
  type Explain,
  type Input,
  isTerminal,
  type ServiceSpec,
  type StackSpec,
  TASK_STATE,
  type Version,
} from '@paperfleet/core';
import type { Refusal } from '../../store/manager-view.ts';
import type { NodeRecord, ServiceRecord } from '../../store/records.ts';
import type { Transaction } from '../../store/store.ts';
import { allocatePorts } from '../allocator.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';
import type { NodeBook } from '../node-book.ts';
import { shareTaskSpec } from '../orchestrator/dirty.ts';
import { checkCommand, prunable } from './check.ts';

type CommandInput = Extract<Input, { kind: 'command' }>;
type Of<K extends Command['do']> = Extract<Command, { do: K }>;

export interface SavedCommands {
  readonly keys: readonly string[];
}

/** What removing things needs from the rest of the manager. */
export interface Removals {
  forgetService(serviceId: string): void;
  removeNode(tx: Transaction, node: NodeRecord, cause: number): void;
  nodeRemoved(node: NodeRecord): void;
}

export class Commands {
  readonly #deps: Deps;
  readonly #book: NodeBook;
  readonly #removals: Removals;
  readonly #keys: Set<string>;

  constructor(deps: Deps, book: NodeBook, removals: Removals, saved?: SavedCommands) {
    this.#deps = deps;
    this.#book = book;
    this.#removals = removals;
    this.#keys = new Set(saved?.keys);
  }

  save(): SavedCommands {
    return { keys: [...this.#keys] };
  }

  check(command: Command): Refusal | undefined {
    return checkCommand(this.#deps.store, command);
  }

  /** Carries out a command, or leaves an event that says why not. A key that was seen before does nothing. */
  handle({ key, by, command }: CommandInput): void {
    const { ports, events } = this.#deps;
    if (key !== '' && this.#keys.has(key)) return;
    if (key !== '') this.#remember(key);
    const refusal = this.check(command);
    ports.record(DIGEST.command, command.do, refusal === undefined ? 1 : 0);
    const detail = `${describe(command)}${by === '' ? '' : ` (${by})`}`;
    if (refusal !== undefined) {
      const explain: Explain = { code: 'COMMAND', command: command.do, detail: `${detail}: ${refusal.message}` };
      events.add({ kind: 'command.refused', severity: 'warning', cause: 0, explain });
      return;
    }
    const event = events.add({
      kind: 'command.accepted',
      severity: 'info',
      cause: 0,
      explain: { code: 'COMMAND', command: command.do, detail },
      ...this.#subject(command),
    });
    this.#apply(command, event, by);
  }

  #remember(key: string): void {
    this.#keys.add(key);
    if (this.#keys.size <= KNOBS.commandKeys) return;
    for (const oldest of this.#keys) {
      this.#keys.delete(oldest);
      break;
    }
  }

  #subject(command: Command): { service?: string; node?: string; task?: string } {
    const { store } = this.#deps;
    if ('service' in command) return { service: store.findService(command.service)?.spec.name ?? command.service };
    if ('node' in command) return { node: store.findNode(command.node)?.name ?? command.node };
    if ('spec' in command) return { service: command.spec.name };
    return 'task' in command ? { task: store.findTask(command.task)?.id ?? command.task } : {};
  }

  #apply(command: Command, event: number, by: string): void {
    const { store } = this.#deps;
    switch (command.do) {
      case 'deploy':
        this.#deploy(command, event);
        return;
      case 'createService':
        store.commit((tx) => this.#create(tx, command.spec, '', event));
        return;
      case 'updateService':
        this.#withService(command.service, (service) => store.commit((tx) => this.#update(tx, service, command.spec, event)));
        return;
      case 'rollbackService':
        this.#withService(command.service, (service) => this.#rollBack(service, event));
        return;
      case 'removeService':
        this.#withService(command.service, (service) => store.commit((tx) => this.#remove(tx, service, event)));
        return;
      case 'removeStack':
        this.#removeStack(command.stack, event);
        return;
      case 'scale':
        this.#withService(command.service, (service) => this.#scale(service, command.replicas, by, event));
        return;
      case 'load':
        this.#withService(command.service, (service) => this.#load(service, command.requestsPerSecond, event));
        return;
      case 'updateNode':
        this.#updateNode(command, event);
        return;
      case 'removeNode':
        this.#removeNode(command, event);
        return;
      case 'removeTask': {
        const task = store.findTask(command.task);
        if (task === undefined) return;
        this.#deps.ledger.taskEvent(task, 'task.removed', 'info', event, {
          code: 'COMMAND',
          command: command.do,
          detail: 'deleted by hand',
        });
        store.commit((tx) => tx.removeTask(task));
        return;
      }
      default:
        assertNever(command, 'command');
    }
  }

  #withService(reference: string, act: (service: ServiceRecord) => void): void {
    const service = this.#deps.store.findService(reference);
    if (service !== undefined) act(service);
  }

  #deploy({ stack, prune }: Of<'deploy'>, event: number): void {
    const { store } = this.#deps;
    store.commit((tx) => {
      if (prune) for (const service of prunable(store, stack)) this.#remove(tx, service, event);
      for (const spec of stack.services) {
        const service = store.serviceNamed(spec.name);
        if (service === undefined) this.#create(tx, spec, stack.name, event);
        else this.#update(tx, service, spec, event);
      }
      if (stack.name !== '') tx.putStack({ name: stack.name, spec: prune ? stack : merged(store.stacks.get(stack.name)?.spec, stack) });
    });
  }

  #create(tx: Transaction, spec: ServiceSpec, stack: string, cause: number): void {
    const { store, ledger, ports } = this.#deps;
    const now = ports.now();
    tx.createService({
      id: ledger.newId(),
      spec,
      specVersion: 0 as Version,
      previousSpec: undefined,
      previousSpecVersion: 0 as Version,
      stack,
      createdAt: now,
      updatedAt: now,
      cause: this.#event('service.created', spec.name, cause, { code: 'COMMAND', command: 'create', detail: replicasText(spec) }),
      updateStatus: undefined,
      ports: allocatePorts(store, spec, undefined),
      jobIteration: 0,
      requestsPerSecond: declaredLoad(spec),
    });
  }

  /** A new spec. Tasks are current when they carry the new spec version; the updater looks at what really differs. */
  #update(tx: Transaction, service: ServiceRecord, spec: ServiceSpec, cause: number, explain?: Explain): void {
    const { store, ports } = this.#deps;
    const basedOn = service.version;
    const kind = explain?.code === 'SCALED' ? 'service.scaled' : 'service.updated';
    const event = this.#event(kind, spec.name, cause, explain ?? { code: 'COMMAND', command: 'update', detail: replicasText(spec) });
    const record = tx.writeService(service);
    record.previousSpec = service.spec;
    record.previousSpecVersion = service.specVersion;
    record.ports = allocatePorts(store, spec, service);
    record.spec = shareTaskSpec(spec, service.spec.task);
    record.specVersion = basedOn;
    record.updatedAt = ports.now();
    record.updateStatus = undefined;
    record.cause = event;
    if (spec.mode.kind === 'replicated-job' || spec.mode.kind === 'global-job') record.jobIteration++;
  }

  #rollBack(service: ServiceRecord, cause: number): void {
    const { store, ports } = this.#deps;
    const { previousSpec } = service;
    if (previousSpec === undefined) return;
    const message = 'manually requested rollback';
    const explain: Explain = { code: 'ROLLOUT', service: service.spec.name, state: 'rollback_started', message };
    const event = this.#event('rollout.rollback-started', service.spec.name, cause, explain);
    store.commit((tx) => {
      const record = tx.writeService(service);
      const { spec, specVersion } = record;
      record.spec = previousSpec;
      record.specVersion = record.previousSpecVersion;
      record.previousSpec = spec;
      record.previousSpecVersion = specVersion;
      record.ports = allocatePorts(store, previousSpec, service);
      record.updateStatus = { state: 'rollback_started', message, startedAt: ports.now(), completedAt: undefined };
      record.updatedAt = ports.now();
      record.cause = event;
    });
  }

  /** The service and, in the same commit, the end of its tasks: nothing it uses is held any longer than they run. */
  #remove(tx: Transaction, service: ServiceRecord, cause: number): void {
    const { store, ledger } = this.#deps;
    const event = this.#event('service.removed', service.spec.name, cause, {
      code: 'COMMAND',
      command: 'remove',
      detail: service.spec.name,
    });
    for (const task of store.tasksOfService(service.id)) {
      // History goes with the service; only what still runs is worth a line in the event list.
      if (isTerminal(task.state)) ledger.raiseDesired(tx, task, TASK_STATE.remove, event);
      else ledger.stop(tx, task, TASK_STATE.remove, 'removed', event);
    }
    tx.removeService(service);
    this.#removals.forgetService(service.id);
  }

  #removeStack(name: string, event: number): void {
    const { store } = this.#deps;
    store.commit((tx) => {
      for (const service of [...store.services.values()]) if (service.stack === name) this.#remove(tx, service, event);
      if (store.stacks.has(name)) tx.removeStack(name);
    });
  }

  #scale(service: ServiceRecord, replicas: number, by: string, cause: number): void {
    const { mode } = service.spec;
    if (mode.kind !== 'replicated') return;
    const explain: Explain = { code: 'SCALED', service: service.spec.name, from: mode.replicas, to: replicas, by };
    const spec = { ...service.spec, mode: { kind: 'replicated', replicas } as const };
    this.#deps.store.commit((tx) => this.#update(tx, service, spec, cause, explain));
  }

  #load(service: ServiceRecord, requestsPerSecond: number, cause: number): void {
    const message = `${requestsPerSecond} requests per second, ${service.requestsPerSecond} before`;
    this.#event('service.load', service.spec.name, cause, { code: 'NOTE', message });
    this.#deps.store.commit((tx) => {
      tx.writeService(service).requestsPerSecond = requestsPerSecond;
    });
  }

  #updateNode({ node: reference, availability, labels }: Of<'updateNode'>, cause: number): void {
    const node = this.#deps.store.findNode(reference);
    if (node === undefined) return;
    if (availability !== undefined && availability !== node.availability) {
      const explain: Explain = { code: 'NOTE', message: `availability ${node.availability} → ${availability}` };
      const severity = availability === 'active' ? 'info' : 'warning';
      this.#book.change(node, { kind: `node.${availability}`, severity, cause, explain }, (record) => {
        record.availability = availability;
      });
    }
    if (labels === undefined) return;
    const text = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const explain: Explain = { code: 'NOTE', message: text.length === 0 ? 'no labels' : `labels ${text.join(', ')}` };
    this.#book.change(node, { kind: 'node.labels', severity: 'info', cause, explain }, (record) => {
      record.labels = { ...labels };
    });
  }

  #removeNode({ node: reference }: Of<'removeNode'>, cause: number): void {
    const { store } = this.#deps;
    const node = store.findNode(reference);
    if (node === undefined) return;
    const explain: Explain = { code: 'COMMAND', command: 'removeNode', detail: node.name };
    const event = this.#book.note(node, { kind: 'node.removed', severity: 'warning', cause, explain });
    store.commit((tx) => this.#removals.removeNode(tx, node, event));
    this.#removals.nodeRemoved(node);
  }

  #event(kind: string, service: string, cause: number, explain: Explain): number {
    return this.#deps.events.add({ kind, severity: 'info', cause, service, explain });
  }
}

function replicasText({ mode, task }: ServiceSpec): string {
  const image = task.containers[0]?.image ?? '';
  return mode.kind === 'replicated' ? `${image}, ${mode.replicas} replica${mode.replicas === 1 ? '' : 's'}` : `${image}, ${mode.kind}`;
}

/** Without pruning what the stack named before stays part of it. */
function merged(before: StackSpec | undefined, now: StackSpec): StackSpec {
  if (before === undefined) return now;
  const keep = <T extends { readonly name: string }>(old: readonly T[], fresh: readonly T[]): readonly T[] => [
    ...old.filter((item) => !fresh.some((other) => other.name === item.name)),
    ...fresh,
  ];
  return {
    name: now.name,
    services: keep(before.services, now.services),
    networks: keep(before.networks, now.networks),
    volumes: keep(before.volumes, now.volumes),
    secrets: keep(before.secrets, now.secrets),
    configs: keep(before.configs, now.configs),
  };
}

/** A command in one line, for people. */
function describe(command: Command): string {
  switch (command.do) {
    case 'deploy':
      return `deploy ${command.stack.name || 'services'}: ${command.stack.services.length} services`;
    case 'createService':
      return `create ${command.spec.name}`;
    case 'updateService':
      return `update ${command.service}`;
    case 'rollbackService':
      return `roll back ${command.service}`;
    case 'removeService':
      return `remove ${command.service}`;
    case 'removeStack':
      return `remove stack ${command.stack}`;
    case 'scale':
      return `scale ${command.service}=${command.replicas}`;
    case 'load':
      return `load ${command.service} with ${command.requestsPerSecond} requests/s`;
    case 'updateNode':
      return `update node ${command.node}${command.availability === undefined ? '' : `: ${command.availability}`}`;
    case 'removeNode':
      return `remove node ${command.node}${command.force ? ' (forced)' : ''}`;
    case 'removeTask':
      return `remove task ${command.task}`;
    default:
      return assertNever(command, 'command');
  }
}

/** The load that a spec brings along (x-paperfleet.load in a Compose file), requests per second. */
function declaredLoad(spec: ServiceSpec): number {
  const load = spec.extensions?.['load'];
  if (typeof load !== 'object' || load === null || !('requestsPerSecond' in load)) return 0;
  const { requestsPerSecond } = load;
  return typeof requestsPerSecond === 'number' && requestsPerSecond >= 0 ? requestsPerSecond : 0;
}
