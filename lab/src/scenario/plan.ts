/** A scenario file as planned inputs: pools become joins, apps become deployments, the timeline commands and faults. */
import {
  type Availability,
  type ClusterConfig,
  type Command,
  type DurationUs,
  HEALTHY_LINK,
  type LinkFault,
  RandomStream,
  rootKey,
  type ServiceSpec,
  type StackSpec,
  timeUs,
  bytes,
  durationUs,
} from '@paperfleet/core';
import type { Diagnostics } from '../compose/diagnostic.ts';
import { locate, type SourceNode } from '../compose/source-tree.ts';
import type { ActionEntry, ConfigEntry, NodeActionEntry, ScenarioFile, ServiceActionEntry, WhenEntry } from './file.ts';
import { pathText } from './issues.ts';
import { planNodes, selectNodes, type PlannedNode } from './nodes.ts';
import type { Expectation, PlannedFault, PlannedInput, Scenario } from './scenario.ts';
import { ServiceBook } from './services.ts';

/** An app of the file with the stack it was read as. */
export interface PlannedApp {
  readonly at: number;
  readonly stack: StackSpec;
}

export interface PlanOptions {
  readonly file: ScenarioFile;
  readonly root: SourceNode;
  readonly name: string;
  readonly seed: string;
  readonly apps: readonly PlannedApp[];
  readonly diagnostics: Diagnostics;
}

export const DEFAULT_UNTIL_US = 300_000_000;
/** Apps wait for the nodes of the start, so that the first of them does not get all tasks. */
export const DEFAULT_APP_AT_US = 1_000_000;
/** More repetitions than any sensible run has; a typing error in `every` shall not fill the memory. */
const MAX_INPUTS = 200_000;

type Path = readonly (string | number)[];
/** What happens at a time; `run` is called in order of time and gives inputs, or reports a problem. */
interface Step {
  readonly at: number;
  readonly run: () => readonly PlannedInput['input'][];
}

/** Plans a scenario. Meaningful only while `diagnostics` has no errors. */
export function planScenario(options: PlanOptions): Scenario {
  const planner = new Planner(options);
  return planner.plan();
}

class Planner {
  readonly #options: PlanOptions;
  readonly #until: number;
  readonly #config: Partial<ClusterConfig>;
  readonly #nodes: readonly PlannedNode[];
  readonly #book: ServiceBook;
  readonly #random: RandomStream;
  readonly #steps: Step[] = [];

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#until = options.file.until ?? DEFAULT_UNTIL_US;
    this.#config = clusterConfig(options.file.config ?? {});
    this.#nodes = planNodes(options.file.cluster.pools, this.#config, (pool, name) =>
      this.#error(['cluster', 'pools', pool], `a second node is called '${name}'`, 'give the pools different names'),
    );
    this.#book = new ServiceBook(options.apps.map(({ stack }) => stack));
    this.#random = new RandomStream(rootKey(options.seed)).fork('scenario');
  }

  plan(): Scenario {
    const { file, name, seed } = this.#options;
    for (const node of this.#nodes) this.#steps.push({ at: node.at, run: () => [node.join] });
    this.#planApps();
    for (const [index, entry] of (file.load ?? []).entries()) {
      this.#planLoad(['load', index], entry.to, entry.rate, entry.startTime);
    }
    for (const [index, entry] of (file.timeline ?? []).entries())
      this.#planAction(['timeline', index], entry, this.#random.fork(`timeline/${index}`));
    return { name, seed, until: timeUs(this.#until), config: this.#config, inputs: this.#run(), expect: this.#expectations() };
  }

  #error(path: Path, message: string, hint = ''): void {
    const { node, key } = locate(this.#options.root, path);
    this.#options.diagnostics.error(node.kind === 'scalar' ? node.place : key, pathText(path), message, hint);
  }

  /** Runs the steps in order of time; steps of one time in the order planned. */
  #run(): PlannedInput[] {
    const ordered = this.#steps.map((step, index) => ({ step, index })).toSorted((a, b) => a.step.at - b.step.at || a.index - b.index);
    const inputs: PlannedInput[] = [];
    for (const { step } of ordered) {
      if (step.at > this.#until) break;
      for (const input of step.run()) inputs.push({ at: timeUs(step.at), input });
    }
    return inputs;
  }

  // --- apps and load ---

  #planApps(): void {
    const declared: [string, number, number][] = [];
    for (const { at, stack } of this.#options.apps) {
      this.#steps.push({
        at,
        run: () => {
          this.#book.deploy(stack);
          return [{ kind: 'command', command: { do: 'deploy', stack, prune: true } }];
        },
      });
      for (const { name, extensions } of stack.services) {
        const load = extensions?.['load'] as { readonly requestsPerSecond: number } | undefined;
        if (load !== undefined) declared.push([name, load.requestsPerSecond, at]);
      }
    }
    for (const [service, requestsPerSecond, at] of declared) this.#command(at, { do: 'load', service, requestsPerSecond });
  }

  #planLoad(path: Path, to: string, rate: number, startTime: number | undefined): void {
    const service = this.#service([...path, 'to'], to);
    if (service === undefined) return;
    const app = this.#options.apps.find(({ stack }) => stack.services.some(({ name }) => name === service));
    this.#command(Math.max(startTime ?? 0, startTime === undefined ? (app?.at ?? 0) : 0), { do: 'load', service, requestsPerSecond: rate });
  }

  #command(at: number, command: Command): void {
    this.#steps.push({ at, run: () => [{ kind: 'command', command }] });
  }

  #service(path: Path, name: string): string | undefined {
    const found = this.#book.find(name);
    if (found.ok) return found.name;
    this.#error(path, found.message, found.hint);
    return undefined;
  }

  // --- timeline ---

  #times(path: Path, when: WhenEntry): readonly number[] {
    if ((when.at === undefined) === (when.every === undefined)) {
      this.#error(
        path,
        when.at === undefined ? "says neither 'at' nor 'every'" : "says both 'at' and 'every'",
        'write at: 30s for once, or every: 30s',
      );
      return [];
    }
    if (when.at !== undefined) {
      if (when.from !== undefined || when.until !== undefined) this.#error(path, "'from' and 'until' go with 'every'", 'remove them');
      if (when.at > this.#until)
        this.#options.diagnostics.warn(
          locate(this.#options.root, [...path, 'at']).node.place,
          pathText([...path, 'at']),
          'lies after the end of the run',
          'raise until',
        );
      return [when.at];
    }
    const every = when.every ?? 0;
    if (every <= 0) {
      this.#error([...path, 'every'], 'must be more than 0');
      return [];
    }
    const until = Math.min(when.until ?? this.#until, this.#until);
    const times: number[] = [];
    for (let at = when.from ?? every; at <= until; at += every) {
      if (this.#steps.length + times.length > MAX_INPUTS) {
        this.#error([...path, 'every'], `makes more than ${MAX_INPUTS} inputs`, 'repeat less often, or end earlier');
        return [];
      }
      times.push(at);
    }
    return times;
  }

  #planAction(path: Path, entry: ActionEntry, random: RandomStream): void {
    const times = this.#times(path, entry);
    switch (entry.do) {
      case 'scale':
      case 'update':
      case 'rollback':
      case 'remove':
      case 'load':
      case 'killTask':
        for (const at of times) this.#planServiceAction(path, entry, at);
        return;
      default:
        for (const at of times) this.#planNodeAction(path, entry, at, random);
    }
  }

  #planServiceAction(path: Path, entry: ServiceActionEntry, at: number): void {
    switch (entry.do) {
      case 'load':
        return this.#planLoad(path, entry.to, entry.rate, at);
      case 'remove':
        return this.#planRemove(path, entry, at);
      case 'killTask':
        return this.#planKillTask(path, entry.task, entry.exitCode ?? 137, at);
      case 'scale':
      case 'update':
      case 'rollback': {
        const service = this.#service([...path, 'service'], entry.service);
        if (service === undefined) return;
        this.#steps.push({ at, run: () => this.#change(path, entry, service) });
      }
    }
  }

  /** The command that changes a service, from its spec at that time. */
  #change(
    path: Path,
    entry: Extract<ServiceActionEntry, { readonly do: 'scale' | 'update' | 'rollback' }>,
    service: string,
  ): readonly PlannedInput['input'][] {
    const spec = this.#book.spec(service);
    if (spec === undefined) {
      this.#error([...path, 'service'], `'${service}' is not deployed at that time`, 'check the times of apps and of remove');
      return [];
    }
    if (entry.do === 'rollback') {
      if (!this.#book.rollback(service)) this.#error(path, `'${service}' has nothing to go back to`, 'update it before');
      return [{ kind: 'command', command: { do: 'rollbackService', service } }];
    }
    if (entry.do === 'scale') {
      const scaled = scaledSpec(spec, entry.replicas);
      if (scaled === undefined) {
        this.#error([...path, 'service'], `'${service}' is ${spec.mode.kind} and cannot be scaled`, 'scaling is for replicated services');
        return [];
      }
      this.#book.change(service, scaled);
      return [{ kind: 'command', command: { do: 'scale', service, replicas: entry.replicas } }];
    }
    if (entry.image === undefined && entry.env === undefined && entry.force !== true)
      this.#error(path, 'changes nothing', 'give image, env or force: true');
    const updated = updatedSpec(spec, entry);
    this.#book.change(service, updated);
    return [{ kind: 'command', command: { do: 'updateService', service, spec: updated } }];
  }

  #planRemove(
    path: Path,
    { service, app }: { readonly service?: string | undefined; readonly app?: string | undefined },
    at: number,
  ): void {
    if ((service === undefined) === (app === undefined)) return this.#error(path, "takes one of 'service' and 'app'");
    if (service !== undefined) {
      const full = this.#service([...path, 'service'], service);
      if (full === undefined) return;
      this.#steps.push({
        at,
        run: () => {
          this.#book.remove(full);
          return [{ kind: 'command', command: { do: 'removeService', service: full } }];
        },
      });
      return;
    }
    const stack = this.#options.apps.find((each) => each.stack.name === app)?.stack;
    if (stack === undefined)
      return this.#error(
        [...path, 'app'],
        `there is no app '${app ?? ''}'`,
        `there are ${this.#options.apps.map((each) => each.stack.name).join(', ')}`,
      );
    this.#steps.push({
      at,
      run: () => {
        for (const { name } of stack.services) this.#book.remove(name);
        return [{ kind: 'command', command: { do: 'removeStack', stack: stack.name } }];
      },
    });
  }

  #planKillTask(path: Path, task: string, exitCode: number, at: number): void {
    const dot = task.lastIndexOf('.');
    if (dot <= 0 || dot === task.length - 1)
      return this.#error([...path, 'task'], `'${task}' is no task`, "write SERVICE.SLOT, e.g. 'web.2'");
    const service = this.#service([...path, 'task'], task.slice(0, dot));
    if (service === undefined) return;
    const full = `${service}${task.slice(dot)}`;
    this.#steps.push({
      at,
      run: () => [{ kind: 'fault', nodes: [], label: `kill task ${full}`, fault: { fault: 'killTask', task: full, exitCode } }],
    });
  }

  #planNodeAction(path: Path, entry: NodeActionEntry, at: number, random: RandomStream): void {
    const selected = selectNodes(entry, this.#nodes, at, random);
    if (!selected.ok) return this.#error(selected.key === '' ? path : [...path, selected.key], selected.message, selected.hint);
    const { names } = selected;
    if (entry.for === 0) return this.#error([...path, 'for'], 'must be more than 0');
    const undoAt = entry.for === undefined ? undefined : at + entry.for;
    const faults = (when: number, verb: string, fault: PlannedFault['fault']): void => {
      this.#steps.push({ at: when, run: () => [{ kind: 'fault', nodes: names, label: `${verb} ${shortList(names)}`, fault }] });
    };
    const availability = (when: number, wanted: Availability): void => {
      for (const node of names) this.#command(when, { do: 'updateNode', node, availability: wanted });
    };
    switch (entry.do) {
      case 'kill':
        faults(at, 'kill', { fault: 'crash' });
        if (undoAt !== undefined) faults(undoAt, 'recover', { fault: 'recover' });
        return;
      case 'recover':
        return faults(at, 'recover', { fault: 'recover' });
      case 'drain':
      case 'pause':
        availability(at, entry.do);
        if (undoAt !== undefined) availability(undoAt, 'active');
        return;
      case 'activate':
        return availability(at, 'active');
      case 'heal':
        return faults(at, 'heal', { fault: 'heal' });
      case 'partition':
        faults(at, 'partition', { fault: 'partition', direction: entry.direction ?? 'both' });
        break;
      case 'link': {
        const link = linkFault(entry);
        if (link === undefined) return this.#error(path, 'disturbs nothing', 'give loss, duplicate, delay or reorder');
        if (link.delayUs.min > link.delayUs.max) this.#error([...path, 'delay'], 'the first of uniform is the smaller one');
        faults(at, 'disturb', { fault: 'link', direction: entry.direction ?? 'both', link });
      }
    }
    if (undoAt !== undefined) faults(undoAt, 'heal', { fault: 'heal' });
  }

  // --- expectations ---

  #expectations(): readonly Expectation[] {
    return (this.#options.file.expect ?? []).map(({ metric, of, op, value }, index) => {
      const path = ['expect', index, 'of'];
      if (of !== undefined && metric === 'nodesReady') this.#error(path, 'nodesReady is not of a service', 'remove it');
      const service = of === undefined || metric === 'nodesReady' ? undefined : this.#service(path, of);
      return { metric, ...(service === undefined ? {} : { service }), op, value };
    });
  }
}

function scaledSpec(spec: ServiceSpec, replicas: number): ServiceSpec | undefined {
  switch (spec.mode.kind) {
    case 'replicated':
      return { ...spec, mode: { kind: 'replicated', replicas } };
    case 'replicated-job':
      return { ...spec, mode: { ...spec.mode, totalCompletions: replicas } };
    default:
      return undefined;
  }
}

interface Update {
  readonly image?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly force?: boolean | undefined;
}

function updatedSpec(spec: ServiceSpec, { image, env, force }: Update): ServiceSpec {
  const containers = spec.task.containers.map((container) => ({
    ...container,
    ...(image === undefined ? {} : { image }),
    ...(env === undefined ? {} : { env: { ...container.env, ...env } }),
  }));
  return { ...spec, task: { ...spec.task, containers, forceUpdate: spec.task.forceUpdate + (force === true ? 1 : 0) } };
}

function linkFault(entry: Extract<NodeActionEntry, { readonly do: 'link' }>): LinkFault | undefined {
  const { loss, duplicate, delay, reorder } = entry;
  if (loss === undefined && duplicate === undefined && delay === undefined && reorder === undefined) return undefined;
  const [min, max] = delay === undefined ? [0, 0] : typeof delay === 'number' ? [delay, delay] : delay.uniform;
  return {
    ...HEALTHY_LINK,
    lossPpm: loss ?? 0,
    duplicatePpm: duplicate ?? 0,
    delayUs: { min: min as DurationUs, max: max as DurationUs },
    reorder: reorder ?? false,
  };
}

function clusterConfig(entry: ConfigEntry): Partial<ClusterConfig> {
  const { startupScale, imageCache, heartbeatGrace, taskHistoryLimit, profile } = entry;
  const spans = {
    controlLatencyUs: entry.controlLatency,
    dataLatencyUs: entry.dataLatency,
    zoneLatencyUs: entry.zoneLatency,
    heartbeatPeriodUs: entry.heartbeatPeriod,
    heartbeatEpsilonUs: entry.heartbeatEpsilon,
    statisticsIntervalUs: entry.statisticsInterval,
  };
  return {
    ...Object.fromEntries(Object.entries(spans).flatMap(([key, value]) => (value === undefined ? [] : [[key, durationUs(value)]]))),
    ...(heartbeatGrace === undefined ? {} : { heartbeatGrace }),
    ...(taskHistoryLimit === undefined ? {} : { taskHistoryLimit }),
    ...(profile === undefined ? {} : { profile }),
    ...(startupScale === undefined ? {} : { startupScalePermille: Math.round(startupScale * 1000) }),
    ...(imageCache === undefined ? {} : { imageCacheBytes: bytes(imageCache) }),
  };
}

/** 'n1, n2, n3', or 'n1, n2 and 10 more'. */
function shortList(names: readonly string[]): string {
  return names.length <= 3 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
}
