/**
 * One simulated machine with its agent: a party that registers with the manager, pulls images, runs the containers of its
 * tasks and reports. Everything it does follows from inputs, messages and its own timers; `save()` holds all of its state.
 */
import type {
  ClusterConfig,
  Fault,
  Input,
  Message,
  Party,
  PartyFactory,
  PartyId,
  PartyInit,
  PartyPorts,
  TimerEvent,
  TimeUs,
} from '@paperfleet/core';
import { assert, assertNever, DIGEST, MANAGER } from '@paperfleet/core';
import { AssignmentTracker, type SavedAssignments } from './assignment-tracker.ts';
import { ContainerRuntime } from './container-runtime.ts';
import { ContainerTable, type SavedContainers } from './container-table.ts';
import { FluidAccounting } from './fluid-accounting.ts';
import { ImageStore, type SavedImages } from './image-store.ts';
import type { LocalTask } from './local-task.ts';
import { type SavedSession, Session } from './session.ts';
import { type SavedStatistics, StatisticsReporter } from './statistics-reporter.ts';
import { type SavedReporter, StatusReporter } from './status-reporter.ts';
import { type SavedTasks, TaskManager } from './task-manager.ts';
import { asNodeTimer, type NodeTimer } from './timers.ts';

/** Raised whenever the form of saved state changes. */
const STATE_FORMAT = 1;

interface SavedNode {
  readonly format: number;
  readonly up: boolean;
  readonly session: SavedSession;
  readonly assignments: SavedAssignments;
  readonly reporter: SavedReporter;
  readonly tasks: SavedTasks;
  readonly images: SavedImages;
  readonly containers: SavedContainers;
  readonly accounting: unknown;
  readonly loads: readonly (readonly [string, number])[];
  readonly statistics: SavedStatistics;
}

/** What a node looks like from outside, for tests and benches. */
export interface NodeAgentView {
  readonly up: boolean;
  readonly session: number;
  readonly tasks: Iterable<Readonly<LocalTask>>;
  readonly containers: number;
  /** Bytes of typed arrays that hold container state. */
  readonly columnBytes: number;
  readonly images: ImageStore;
}

/** Makes a node. @throws when it is given another party's start or state of another format. */
export const createNodeAgent: PartyFactory = (ports, init, saved) => new NodeAgent(ports, init, saved as SavedNode | undefined);

/** A node's insides; the party must come from createNodeAgent. */
export function viewNode(party: Party): NodeAgentView {
  assert(party instanceof NodeAgent, 'not a node');
  return party.view();
}

class NodeAgent implements Party {
  readonly #ports: PartyPorts;
  /** The node's name for people. */
  readonly #name: string;
  readonly #session: Session;
  readonly #assignments: AssignmentTracker;
  readonly #reporter: StatusReporter;
  readonly #tasks: TaskManager;
  readonly #images: ImageStore;
  readonly #table: ContainerTable;
  readonly #accounting: FluidAccounting;
  readonly #runtime: ContainerRuntime;
  readonly #statistics: StatisticsReporter;
  #up = true;

  constructor(ports: PartyPorts, init: PartyInit, saved: SavedNode | undefined) {
    assert(init.kind === 'node', 'a node agent was given the start of another party', { kind: init.kind });
    assert(saved === undefined || saved.format === STATE_FORMAT, 'saved state of a node has another format', { format: saved?.format });
    const { description } = init.join.offer;
    const config: ClusterConfig = init.config;
    this.#ports = ports;
    this.#name = init.join.name;
    this.#session = new Session(ports, description, saved?.session);
    this.#assignments = new AssignmentTracker(ports, saved?.assignments);
    this.#tasks = new TaskManager(ports, saved?.tasks);
    this.#reporter = new StatusReporter(ports, (task) => this.#tasks.status(task), saved?.reporter);
    this.#images = new ImageStore(
      ports,
      {
        bytesPerSecond: description.pullBytesPerSecond,
        cacheBytes: config.imageCacheBytes,
        scalePermille: config.startupScalePermille,
        ready: (task, image, available) => this.#tasks.imageReady(task, image, available),
      },
      saved?.images,
    );
    this.#table = new ContainerTable(saved?.containers, (id) => this.#tasks.get(id));
    this.#accounting = new FluidAccounting(description.nanoCpus, description.memoryBytes, saved?.accounting);
    this.#runtime = new ContainerRuntime(ports, this.#table, this.#accounting, {
      scalePermille: config.startupScalePermille,
      loads: saved?.loads ?? [],
      events: this.#tasks,
    });
    this.#statistics = new StatisticsReporter(ports, this.#table, this.#accounting, config.statisticsIntervalUs, saved?.statistics);
    this.#tasks.use({
      images: this.#images,
      runtime: this.#runtime,
      table: this.#table,
      scalePermille: config.startupScalePermille,
      changed: (task) => this.#reporter.changed(task, this.#session.number),
      forgotten: (task) => this.#reporter.forget(task),
    });
    if (saved !== undefined) this.#up = saved.up;
    else this.#boot();
  }

  onInput(input: Input): void {
    if (input.kind === 'fault' && input.parties.includes(this.#ports.id)) this.#onFault(input.fault);
    this.#settle();
  }

  onMessage(from: PartyId, _sentAt: TimeUs, message: Message): void {
    if (!this.#up || from !== MANAGER) return;
    this.#handle(message);
    this.#settle();
  }

  onTimer(event: TimerEvent): void {
    this.#fire(asNodeTimer(event));
    this.#settle();
  }

  save(): SavedNode {
    return {
      format: STATE_FORMAT,
      up: this.#up,
      session: this.#session.save(),
      assignments: this.#assignments.save(),
      reporter: this.#reporter.save(),
      tasks: this.#tasks.save(),
      images: this.#images.save(),
      containers: this.#table.save(),
      accounting: this.#accounting.save(),
      loads: [...this.#runtime.loads],
      statistics: this.#statistics.save(),
    };
  }

  view(): NodeAgentView {
    return {
      up: this.#up,
      session: this.#session.number,
      tasks: this.#tasks.tasks(),
      containers: this.#table.size,
      columnBytes: this.#table.columnBytes + this.#accounting.columnBytes,
      images: this.#images,
    };
  }

  #boot(): void {
    this.#session.start();
    this.#statistics.start();
  }

  #onFault(fault: Fault): void {
    switch (fault.fault) {
      case 'crash':
        if (this.#up) this.#crash();
        break;
      case 'recover':
        if (!this.#up) this.#recover();
        break;
      case 'killTask':
        if (this.#up) this.#tasks.kill(fault.task, this.#name, fault.exitCode);
        break;
      case 'link':
        break; // the kernel's: it stands between the parties
      default:
        assertNever(fault, 'fault');
    }
  }

  #crash(): void {
    this.#up = false;
    this.#ports.record(DIGEST.machineCrashed, '');
    this.#accounting.advance(this.#ports.now());
    this.#session.crash();
    this.#assignments.closed();
    this.#reporter.crash();
    this.#statistics.crash();
    this.#images.crash();
    this.#runtime.crash();
    this.#tasks.crash();
  }

  #recover(): void {
    this.#up = true;
    this.#ports.record(DIGEST.machineRecovered, '');
    this.#boot();
    this.#tasks.recover();
  }

  #handle(message: Message): void {
    switch (message.type) {
      case 'registered':
        if (!this.#session.onRegistered(message)) return;
        this.#assignments.opened();
        this.#reporter.opened(this.#tasks.reportable());
        this.#statistics.forgetNames();
        return;
      case 'refused':
        if (this.#session.onRefused(message)) this.#closed();
        return;
      case 'heartbeatAck':
        if (!this.#isCurrent(message.session)) return;
        this.#session.onHeartbeatAck(message);
        this.#assignments.told(message.resultsIn, message.session);
        return;
      case 'assignments':
        if (!this.#isCurrent(message.session) || !this.#assignments.accept(message, message.session)) return;
        if (message.full) this.#statistics.forgetNames();
        this.#tasks.assign(message);
        this.#runtime.setLoads(message.loads, message.full, this.#tasks.tasks());
        return;
      case 'statusAck':
        if (this.#isCurrent(message.session)) this.#reporter.acknowledged(message.batch);
        return;
      default:
        return; // what agents send is not for agents
    }
  }

  #fire(timer: NodeTimer): void {
    const session = this.#session.number;
    switch (timer.type) {
      case 'session.connect':
        return this.#session.connect();
      case 'session.timeout':
        return this.#session.timeout();
      case 'heartbeat':
        return this.#session.beat();
      case 'resync':
        return this.#assignments.ask(session);
      case 'status.flush':
        return this.#reporter.flush(session);
      case 'status.resend':
        return this.#reporter.resend(session);
      case 'statistics':
        return this.#statistics.report(session);
      case 'pull.resolved':
        return this.#images.resolved(timer.image);
      case 'pull.layer':
        return this.#images.layerDone();
      case 'created':
        return this.#tasks.created(timer.task);
      case 'container.life':
        return this.#runtime.onLife(timer.row);
      case 'container.stop':
        return this.#runtime.onStop(timer.row);
      case 'container.demand':
        return this.#runtime.onDemand(timer.row);
      case 'container.probe':
        return this.#runtime.onProbe(timer.row);
      default:
        return assertNever(timer, 'timer');
    }
  }

  #closed(): void {
    this.#assignments.closed();
    this.#reporter.closed();
  }

  #isCurrent(session: number): boolean {
    return session !== 0 && session === this.#session.number;
  }

  /** After every event: the machine is shared anew where demands changed, and the OOM killer's victims end. */
  #settle(): void {
    if (!this.#up) return;
    for (;;) {
      const killed = this.#accounting.settle(this.#ports.now());
      if (killed.length === 0) return;
      for (const row of killed) this.#runtime.oomKill(row);
    }
  }
}
