/** A run driven by hand, for tests of the API: commands act at once on a HandStore, time moves when a test says so. */
import type {
  ClusterConfig,
  Command,
  Fault,
  Input,
  JournaledInput,
  PartyId,
  PlaybackState,
  ServiceSpec,
  TaskState,
  TimeUs,
  Totals,
} from '@paperfleet/core';
import { TASK_STATE } from '@paperfleet/core';
import type { LiveRun, ManagerView, Refusal, Runs, Submitted } from '../../live/run.ts';
import type { ServiceRecord } from '../../store/records.ts';
import { HandEvents, HandMetrics, HandStore } from './hand-store.ts';

const refuse = (code: Refusal['code'], message: string): Refusal => ({ ok: false, code, message });

export class HandRun implements LiveRun {
  readonly name: string;
  readonly parent: string | null;
  readonly forkedAt: TimeUs | null;
  readonly header: LiveRun['header'];
  readonly store: HandStore = new HandStore();
  readonly events: HandEvents = new HandEvents();
  readonly metrics: HandMetrics = new HandMetrics(this.store);
  readonly manager: ManagerView = {
    store: this.store,
    events: this.events,
    metrics: this.metrics,
    check: (command) => this.#refusal(command),
  };
  readonly #inputs: JournaledInput[] = [];
  readonly #answers = new Map<string, Submitted>();
  readonly #listeners = new Set<() => void>();
  #paused = false;
  #speed = 1;
  /** Simulated microseconds; set by tests. */
  simUs = 0;
  /** What was submitted as faults, in order. */
  readonly faults: { readonly parties: readonly PartyId[]; readonly label: string; readonly fault: Fault }[] = [];

  constructor(name: string, parent: string | null = null, forkedAt: TimeUs | null = null) {
    this.name = name;
    this.parent = parent;
    this.forkedAt = forkedAt;
    this.header = { format: 1, build: 'test', run: name, seed: '42', config: {} as ClusterConfig };
  }

  playback(): PlaybackState {
    return { paused: this.#paused, speed: this.#speed, reachedSpeed: this.#paused ? 0 : this.#speed, simUs: this.simUs, waitingFor: [] };
  }
  totals(): Totals {
    return { hosts: 1, agents: this.store.nodes.size, windows: 7, eventsProcessed: 99 };
  }
  pause(): void {
    this.#paused = true;
    this.#advanced();
  }
  resume(): void {
    this.#paused = false;
    this.#advanced();
  }
  setSpeed(speed: number): void {
    this.#speed = speed;
    this.#advanced();
  }
  step(until: 'window' | 'event'): Promise<void> {
    this.#paused = true;
    this.simUs += until === 'window' ? 100_000 : 1_000_000;
    this.#advanced();
    return Promise.resolve();
  }
  #advanced(): void {
    for (const listener of this.#listeners) listener();
  }
  onAdvance(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  digest(): Promise<{ readonly at: TimeUs; readonly digest: string }> {
    return Promise.resolve({ at: this.simUs as TimeUs, digest: `hand-${this.#inputs.length}` });
  }
  inputs(): readonly JournaledInput[] {
    return this.#inputs;
  }

  submit(command: Command, by: string, key: string): Promise<Submitted> {
    const earlier = key === '' ? undefined : this.#answers.get(key);
    if (earlier !== undefined) return Promise.resolve(earlier);
    const refusal = this.#refusal(command);
    if (refusal !== undefined) return Promise.resolve(refusal);
    const answer = this.#journal({ kind: 'command', key, by, command });
    if (key !== '') this.#answers.set(key, answer);
    this.#act(command, by);
    return Promise.resolve(answer);
  }
  submitFault(parties: readonly PartyId[], label: string, fault: Fault): Promise<Submitted> {
    this.faults.push({ parties, label, fault });
    const answer = this.#journal({ kind: 'fault', parties, label, fault });
    this.events.add(this.simUs, 'fault', { code: 'FAULT', fault: fault.fault, detail: label });
    return Promise.resolve(answer);
  }
  #journal(input: Input): Submitted {
    const entry = { seq: this.#inputs.length + 1, at: this.simUs as TimeUs, input };
    this.#inputs.push(entry);
    // What a journal holds must survive being written and read.
    if (JSON.stringify(JSON.parse(JSON.stringify(entry))) !== JSON.stringify(entry)) throw new Error('input is no plain data');
    return { ok: true, seq: entry.seq, at: entry.at };
  }

  #refusal(command: Command): Refusal | undefined {
    if ('service' in command && this.store.findService(command.service) === undefined)
      return refuse('PF_NOT_FOUND', `no service "${command.service}"`);
    if ('node' in command && this.store.findNode(command.node) === undefined) return refuse('PF_NOT_FOUND', `no node "${command.node}"`);
    if (command.do === 'removeTask' && this.store.findTask(command.task) === undefined)
      return refuse('PF_NOT_FOUND', `no task "${command.task}"`);
    if (command.do === 'removeStack' && !this.store.stacks.has(command.stack)) return refuse('PF_NOT_FOUND', `no stack "${command.stack}"`);
    if (command.do === 'scale' && this.store.findService(command.service)!.spec.mode.kind !== 'replicated') {
      return {
        ...refuse('PF_CONFLICT', `${command.service} is not a replicated service`),
        hint: 'only replicated services can be scaled',
        path: 'command.service',
      };
    }
    return undefined;
  }

  #act(command: Command, by: string): void {
    const service = 'service' in command ? this.store.findService(command.service) : undefined;
    if (command.do === 'scale' && service?.spec.mode.kind === 'replicated') this.scale(service, Math.min(command.replicas, 100), by);
    else if (command.do === 'load' && service !== undefined)
      this.store.updateService(service, { requestsPerSecond: command.requestsPerSecond });
    else if (command.do === 'removeService' && service !== undefined) this.#remove(service);
    else if (command.do === 'createService') this.#create(command.spec);
    else if (command.do === 'deploy') for (const spec of command.stack.services.slice(0, 20)) this.#create(spec);
    else if (command.do === 'updateNode') {
      const { availability } = command;
      this.store.updateNode(this.store.findNode(command.node)!, availability === undefined ? {} : { availability });
    }
  }

  #create(spec: ServiceSpec): void {
    if (this.store.findService(spec.name) === undefined && this.store.services.size < 50)
      this.store.addService(spec.name, spec.mode, { spec });
  }
  #remove(service: ServiceRecord): void {
    this.store.removeService(service);
    for (const task of this.store.tasksOfService(service.id)) this.store.removeTask(task);
  }

  /** Sets the replicas: tasks appear as running on the nodes in turn, or disappear. */
  scale(service: ServiceRecord, replicas: number, by = 'test', state: TaskState = TASK_STATE.running): void {
    const tasks = this.store.tasksOfService(service.id);
    const cause = this.events.add(
      this.simUs,
      'service.scaled',
      { code: 'SCALED', service: service.spec.name, from: tasks.length, to: replicas, by },
      { service: service.spec.name },
    );
    this.store.updateService(service, { spec: { ...service.spec, mode: { kind: 'replicated', replicas } } });
    const nodes = [...this.store.nodes.values()];
    for (let slot = tasks.length + 1; slot <= replicas; slot++) {
      const node = nodes[slot % Math.max(1, nodes.length)];
      const task = this.store.addTask(service, slot, { nodeId: node?.id ?? '', state, cause: cause.id });
      this.events.add(
        this.simUs,
        'task.created',
        { code: 'CREATED', reason: 'replicas', slot },
        { task: task.id, service: service.spec.name, cause: cause.id },
      );
    }
    for (const task of tasks.slice(replicas)) this.store.removeTask(task);
  }
}

/** The runs of a hand-driven server. */
export class HandRuns implements Runs {
  readonly #runs = new Map<string, HandRun>();

  constructor(live: HandRun) {
    this.#runs.set(live.name, live);
  }
  get(name: string): HandRun | undefined {
    return this.#runs.get(name);
  }
  list(): readonly HandRun[] {
    return [...this.#runs.values()];
  }
  rewind(name: string, at: TimeUs): Promise<{ readonly at: TimeUs; readonly digest: string; readonly manager: ManagerView } | Refusal> {
    const run = this.#runs.get(name);
    return Promise.resolve(
      run === undefined ? refuse('PF_NOT_FOUND', `no run "${name}"`) : { at, digest: 'hand-past', manager: run.manager },
    );
  }
  fork(name: string, at: TimeUs): Promise<LiveRun | Refusal> {
    if (this.#runs.size >= 5) return Promise.resolve(refuse('PF_CONFLICT', 'there are 5 runs already'));
    const branch = new HandRun(`${name}-${this.#runs.size}`, name, at);
    branch.simUs = at;
    branch.pause();
    this.#runs.set(branch.name, branch);
    return Promise.resolve(branch);
  }
  close(name: string): Promise<void> {
    this.#runs.delete(name);
    return Promise.resolve();
  }
}

/** A cluster with three nodes, one down, and three services: `web` runs 4, `api` waits for a node, `agent` is global. */
export function handCluster(): HandRun {
  const run = new HandRun('main');
  run.simUs = 80_000_000;
  const { store, events } = run;
  const nodes = ['n1', 'n2', 'n3'].map((name, index) => store.addNode(name, { zone: 'abc'[index]! }));
  const web = store.addService('web', { kind: 'replicated', replicas: 0 }, { stack: '', requestsPerSecond: 120 });
  run.scale(web, 4);
  const api = store.addService('shop_api', { kind: 'replicated', replicas: 1 }, { stack: 'shop' });
  const stuck = store.addTask(api, 1, { stateAt: 20_000_000 as TimeUs });
  const created = events.add(
    20_000_000,
    'service.created',
    { code: 'COMMAND', command: 'deploy', detail: 'stack shop' },
    { service: 'shop_api' },
  );
  const pending = events.add(
    20_050_000,
    'task.pending',
    {
      code: 'PENDING',
      message: 'no suitable node (insufficient resources on 3 nodes)',
      considered: 3,
      rejected: { resource: 3 },
      nearest: { node: 'n2', filter: 'resource', detail: '1.5 CPU free, 2 needed' },
      wouldFitIf: ['a node with 2 CPUs joined', 'web were scaled down by 1'],
    },
    { task: stuck.id, service: 'shop_api', cause: created.id, severity: 'warning' },
  );
  store.updateTask(stuck, { explain: pending.explain });
  const agent = store.addService('agent', { kind: 'global' });
  for (const node of nodes) store.addTask(agent, 0, { nodeId: node.id, state: TASK_STATE.running, stateAt: 1_000_000 as TimeUs });
  store.updateNode(nodes[2]!, {
    status: 'down',
    truth: 'crashed',
    lastHeartbeat: 55_000_000 as TimeUs,
    statusMessage: 'heartbeat failure',
  });
  events.add(
    70_000_000,
    'node.down',
    { code: 'NODE_DOWN', node: 'n3', lastHeartbeat: 55_000_000 as TimeUs, graceUs: 15_000_000, tasks: 2 },
    { node: 'n3', severity: 'error' },
  );
  run.metrics.nodeAt[0] = 79_000_000;
  run.metrics.nodeCpuNano[0] = 1_500_000_000;
  run.metrics.nodeMemoryBytes[0] = 512 * 2 ** 20;
  run.metrics.services.set(web.id, { cpuNano: 900_000_000, memoryBytes: 256 * 2 ** 20, throttledPermille: 12 });
  for (const task of store.tasksOfService(web.id))
    run.metrics.tasks.set(task.id, { cpuNano: 225_000_000, memoryBytes: 64 * 2 ** 20, throttledPermille: 0 });
  return run;
}
