/** ClusterApi on the simulated cluster: what `?fake=NODES` opens in development. Never part of a production build. */
import type {
  ClusterEvent,
  Command,
  CommandAck,
  DeltaFrame,
  FaultRequest,
  MetricRange,
  MetricsFrame,
  PlaybackRequest,
  PlaybackState,
  RunSummary,
  Snapshot,
  Why,
} from '@paperfleet/core';
import { LIVE_PROTOCOL, TASK_STATE } from '@paperfleet/core';
import type { ClusterApi, LiveListener, LiveSocket } from '../core/index.ts';
import { ApiFailure } from '../core/index.ts';
import { SimulatedCluster } from './simulated-cluster.ts';

const FLUSH_MS = 100;

export class FakeApi implements ClusterApi {
  readonly cluster: SimulatedCluster;
  #paused = false;
  #speed = 1;
  #reached = 1;
  #owedUs = 0;
  #flushes = 0;
  #rate = 2;
  #listener: LiveListener | undefined;

  constructor(nodes: number, seed: number) {
    this.cluster = new SimulatedCluster(nodes, seed);
    setInterval(() => this.#flush(), FLUSH_MS);
  }

  #playback(): PlaybackState {
    return {
      paused: this.#paused,
      speed: this.#speed,
      reachedSpeed: this.#paused ? 0 : this.#reached,
      simUs: this.cluster.nowUs,
      waitingFor: [],
    };
  }

  /** Runs simulated time forward at once. */
  skip(seconds: number): void {
    for (let i = 0; i < seconds * 10; i++) this.cluster.step();
    this.cluster.reap();
  }

  #flush(): void {
    if (!this.#paused) {
      this.#owedUs += (this.#speed === 0 ? 60 : this.#speed) * FLUSH_MS * 1000;
      const started = performance.now();
      let steps = 0;
      while (this.#owedUs >= 100_000 && performance.now() - started < 60) {
        this.cluster.step();
        this.#owedUs -= 100_000;
        steps++;
      }
      this.#reached = 0.9 * this.#reached + 0.1 * steps;
      this.cluster.reap();
    }
    if (this.#listener === undefined || this.#rate === 0) return;
    this.#listener.frame(this.#delta());
    if (!this.#paused && this.#flushes++ % Math.round(10 / this.#rate) === 0) this.#listener.frame(this.#metrics());
  }

  #snapshot(): Snapshot {
    const { cluster } = this;
    return {
      protocol: LIVE_PROTOCOL,
      run: 'demo',
      parent: null,
      seed: 'fake',
      seq: cluster.seq,
      playback: this.#playback(),
      totals: { hosts: 1, agents: cluster.nodes.length, windows: cluster.nowUs / 100_000, eventsProcessed: cluster.events.length },
      nodes: cluster.nodes.map((node) => cluster.nodeView(node)),
      services: cluster.services.map((service) => cluster.serviceView(service)),
      tasks: cluster.columns([...cluster.tasks.values()]),
      events: cluster.events.slice(-200),
    };
  }

  #delta(): DeltaFrame {
    const { cluster } = this;
    const nodes = cluster.nodes.filter((node) => cluster.changedNodes.has(node.row)).map((node) => cluster.nodeView(node));
    const services = cluster.services
      .filter((service) => cluster.changedServices.has(service.row))
      .map((service) => cluster.serviceView(service));
    const tasks = [...cluster.changedTasks].flatMap((row) => cluster.tasks.get(row) ?? []);
    const delta: DeltaFrame = {
      type: 'delta',
      seq: ++cluster.seq,
      playback: this.#playback(),
      totals: { hosts: 1, agents: cluster.nodes.length, windows: cluster.nowUs / 100_000, eventsProcessed: cluster.events.length },
      ...(nodes.length > 0 ? { nodes } : {}),
      ...(services.length > 0 ? { services } : {}),
      ...(tasks.length > 0 ? { tasks: cluster.columns(tasks) } : {}),
      ...(cluster.removedTasks.length > 0 ? { removedTasks: [...cluster.removedTasks] } : {}),
      ...(cluster.removedServices.length > 0 ? { removedServices: [...cluster.removedServices] } : {}),
      ...(cluster.newEvents.length > 0
        ? { events: cluster.newEvents.slice(-200), eventsSkipped: Math.max(0, cluster.newEvents.length - 200) }
        : {}),
    };
    for (const set of [cluster.changedNodes, cluster.changedServices, cluster.changedTasks]) set.clear();
    cluster.removedTasks.length = cluster.removedServices.length = cluster.newEvents.length = 0;
    return delta;
  }

  #metrics(): MetricsFrame {
    const { cluster } = this;
    const of = (subject: string, column: number, factor = 1): number => Math.round((cluster.newest(subject)?.[column] ?? 0) * factor);
    const running = [...cluster.tasks.values()].filter((task) => task.state === TASK_STATE.running && task.node?.truth === 'up');
    return {
      type: 'metrics',
      simUs: Math.floor(cluster.nowUs / 1e6) * 1e6,
      nodes: {
        row: cluster.nodes.map((node) => node.row),
        cpuMilli: cluster.nodes.map((node) => of(`node:${node.name}`, 1)),
        memoryTenthMiB: cluster.nodes.map((node) => of(`node:${node.name}`, 2, 10)),
      },
      services: {
        row: cluster.services.map((service) => service.row),
        cpuMilli: cluster.services.map((service) => of(`service:${service.name}`, 1)),
        memoryTenthMiB: cluster.services.map((service) => of(`service:${service.name}`, 2, 10)),
        throttledPermille: cluster.services.map((service) => of(`service:${service.name}`, 3)),
      },
      tasks: {
        row: running.map((task) => task.row),
        cpuPermille: running.map((task) => Math.round((1000 * task.cpuMilli) / task.service.limitMilli)),
        memoryPermille: running.map((task) => Math.round((1000 * task.memoryMiB) / task.service.limitMiB)),
      },
    };
  }

  open(_from: number | null, listener: LiveListener): LiveSocket {
    this.#listener = listener;
    setTimeout(() => {
      listener.opened();
      listener.frame({ type: 'hello', protocol: LIVE_PROTOCOL, run: 'demo', seq: this.cluster.seq, role: 'operator' });
      listener.frame({ type: 'snapshot', snapshot: this.#snapshot() });
      listener.frame(this.#metrics());
    }, 0);
    return {
      send: (frame) => {
        if (this.#rate === 0 && frame.perSecond > 0) listener.frame({ type: 'snapshot', snapshot: this.#snapshot() });
        this.#rate = frame.perSecond;
      },
      close: () => {
        this.#listener = undefined;
      },
    };
  }

  #ack(): CommandAck {
    return { seq: this.cluster.seq, at: this.cluster.nowUs };
  }

  #service(name: string): SimulatedCluster['services'][number] {
    const service = this.cluster.services.find((candidate) => candidate.name === name || candidate.id === name);
    if (service === undefined) throw new ApiFailure('PF_NOT_FOUND', `There is no service ${name}`);
    return service;
  }

  #node(name: string): SimulatedCluster['nodes'][number] {
    const node = this.cluster.nodes.find((candidate) => candidate.name === name || candidate.id === name);
    if (node === undefined) throw new ApiFailure('PF_NOT_FOUND', `There is no node ${name}`);
    return node;
  }

  async command(command: Command): Promise<CommandAck> {
    const { cluster } = this;
    switch (command.do) {
      case 'scale': {
        const service = this.#service(command.service);
        cluster.event(
          'info',
          'service.scaled',
          0,
          { code: 'SCALED', service: service.name, from: service.desired, to: command.replicas, by: 'you' },
          { service: service.name },
        );
        service.desired = command.replicas;
        cluster.changedServices.add(service.row);
        break;
      }
      case 'load': {
        const service = this.#service(command.service);
        service.rps = command.requestsPerSecond;
        cluster.changedServices.add(service.row);
        cluster.event(
          'info',
          'command.load',
          0,
          { code: 'COMMAND', command: 'load', detail: `${service.name} gets ${command.requestsPerSecond} req/s` },
          { service: service.name },
        );
        break;
      }
      case 'removeService':
        cluster.removeService(this.#service(command.service));
        break;
      case 'updateNode': {
        const node = this.#node(command.node);
        node.availability = command.availability ?? node.availability;
        cluster.changedNodes.add(node.row);
        const cause = cluster.event(
          'info',
          'command.updateNode',
          0,
          { code: 'COMMAND', command: 'updateNode', detail: `${node.name} availability ${node.availability}` },
          { node: node.name },
        );
        if (node.availability === 'drain') cluster.drain(node, cause);
        break;
      }
      default:
        throw new ApiFailure('PF_UNAVAILABLE', `The simulated cluster does not know ${command.do}`, 'Start the real one with npm start.');
    }
    return this.#ack();
  }

  async fault(request: FaultRequest): Promise<CommandAck> {
    const { cluster } = this;
    const { fault } = request;
    if (fault.fault === 'killTask') {
      const task = [...cluster.tasks.values()].find((candidate) => candidate.id === fault.task);
      if (task !== undefined && task.state === TASK_STATE.running)
        cluster.fail(
          task,
          fault.exitCode,
          false,
          cluster.event('warning', 'fault.killTask', 0, { code: 'FAULT', fault: 'killTask', detail: '' }, { task: task.id }),
        );
      return this.#ack();
    }
    for (const name of request.nodes ?? []) {
      const node = this.#node(name);
      cluster.event('warning', `fault.${fault.fault}`, 0, { code: 'FAULT', fault: fault.fault, detail: 'by you' }, { node: node.name });
      node.truth = fault.fault === 'crash' ? 'crashed' : fault.fault === 'partition' ? 'partitioned' : 'up';
      cluster.changedNodes.add(node.row);
      for (const task of cluster.tasks.values()) {
        if (task.node !== node || fault.fault !== 'recover' || task.state > TASK_STATE.running) continue;
        task.state = task.desired > TASK_STATE.running ? TASK_STATE.shutdown : task.state;
        cluster.changedTasks.add(task.row);
      }
    }
    return this.#ack();
  }

  async playback(request: PlaybackRequest): Promise<PlaybackState> {
    if (request.do === 'speed') this.#speed = request.speed;
    else if (request.do === 'step') {
      this.#paused = true;
      for (let i = 0; i < 6000; i++) if (this.cluster.step() || request.until === 'window') break;
    } else this.#paused = request.do === 'pause';
    this.#listener?.frame(this.#delta());
    return this.#playback();
  }

  async events(query: { readonly before?: number; readonly limit: number; readonly subject?: string }): Promise<readonly ClusterEvent[]> {
    const before = query.before ?? Number.POSITIVE_INFINITY;
    return this.cluster.events
      .filter((event) => event.id < before && (query.subject === undefined || this.#about(event, query.subject)))
      .slice(-query.limit);
  }

  #about(event: ClusterEvent, subject: string): boolean {
    const colon = subject.indexOf(':');
    const reference = subject.slice(colon + 1);
    return event[subject.slice(0, colon) as 'task' | 'service' | 'node'] === reference;
  }

  async metrics(subject: string, fromUs: number, toUs: number, buckets: number): Promise<MetricRange> {
    const bucketUs = Math.max(1, (toUs - fromUs) / buckets);
    const series = (
      name: MetricRange['series'][number]['name'],
      unit: string,
      column: number,
      factor: number,
    ): MetricRange['series'][number] => {
      const values: (number | null)[] = Array.from({ length: buckets }, () => null);
      for (const sample of this.cluster.history.get(subject) ?? []) {
        const at = Math.floor((sample[0]! - fromUs) / bucketUs);
        if (at >= 0 && at < buckets) values[at] = sample[column]! * factor;
      }
      return { name, unit, min: values, avg: values, max: values, last: values };
    };
    const counts = subject.startsWith('service:')
      ? [series('throttledPermille', '‰', 3, 1), series('running', '', 4, 1), series('desired', '', 5, 1)]
      : [];
    return {
      subject,
      fromUs,
      bucketUs,
      series: [series('cpuNano', 'ns/s', 1, 1e6), series('memoryBytes', 'B', 2, 1024 * 1024), ...counts],
    };
  }

  async why(subject: string): Promise<Why> {
    const events = this.cluster.events.filter((event) => this.#about(event, subject)).toReversed();
    const chain: ClusterEvent[] = [];
    for (let event = events[0]; event !== undefined && chain.length < 20; ) {
      chain.push(event);
      const { cause } = event;
      event = cause === 0 ? undefined : this.cluster.events.find((candidate) => candidate.id === cause);
    }
    return { subject, summary: '', events: events.slice(0, 20), chain };
  }

  async runs(): Promise<readonly RunSummary[]> {
    return [{ name: 'demo', parent: null, forkedAtUs: null, seed: 'fake', playback: this.#playback() }];
  }

  async deploy(): Promise<CommandAck> {
    throw new ApiFailure('PF_UNAVAILABLE', 'The simulated cluster reads no Compose files', 'Start the real one with npm start.');
  }
}
