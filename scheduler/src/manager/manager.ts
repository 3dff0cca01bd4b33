/**
 * The manager: the control plane as one party. It takes inputs and agents' messages, lets each part look at what changed,
 * and settles before it returns: the parts tick in a fixed order until none has anything left to do at this instant. What
 * comes later is a timer. All of its memory is plain data and is saved with `save`.
 */
import {
  assert,
  type Command,
  type Input,
  MANAGER,
  type Message,
  type Party,
  type PartyFactory,
  type PartyId,
  type PartyInit,
  type PartyPorts,
  TASK_STATE,
  type TimerEvent,
} from '@paperfleet/core';
import type { ManagerView, Refusal } from '../store/manager-view.ts';
import type { NodeRecord } from '../store/records.ts';
import type { SavedStore } from '../store/saved-store.ts';
import { Store, type Transaction } from '../store/store.ts';
import { Allocator } from './allocator.ts';
import { Causes, type SavedCauses } from './causes.ts';
import { Commands, type SavedCommands } from './commands/apply.ts';
import type { Deps } from './deps.ts';
import { DigestRecorder } from './digest.ts';
import { Assignments, type AssignTimer, type SavedAssignments } from './dispatcher/assignments.ts';
import { Reports, type SavedReports, type StatusTimer } from './dispatcher/reports.ts';
import { type HeartbeatTimer, type OrphanTimer, type SavedSessions, Sessions } from './dispatcher/sessions.ts';
import { EventLog, type SavedEventLog } from './event-log.ts';
import { Faults, type SavedFaults } from './faults.ts';
import { initialise } from './init.ts';
import { KNOBS } from './knobs.ts';
import { Ledger } from './ledger.ts';
import { Loads, type LoadTimer, type SavedLoads } from './loads.ts';
import { Metrics, type SampleTimer, type SavedMetrics } from './metrics/metrics.ts';
import { NodeBook } from './node-book.ts';
import { ConstraintEnforcer } from './orchestrator/constraint-enforcer.ts';
import { GlobalOrchestrator } from './orchestrator/global.ts';
import { type ReapTimer, type SavedReaper, TaskReaper } from './orchestrator/reaper.ts';
import { ReplicatedOrchestrator } from './orchestrator/replicated.ts';
import { type RestartTimer, RestartSupervisor, type SavedRestarts } from './orchestrator/restart.ts';
import { PlacementMirror } from './placement-mirror.ts';
import { type SavedScheduler, Scheduler, type ScheduleTimer } from './scheduler.ts';
import { type SavedUpdater, Updater, type UpdateTimer } from './updater/updater.ts';

type ManagerTimer =
  | ScheduleTimer
  | HeartbeatTimer
  | OrphanTimer
  | RestartTimer
  | ReapTimer
  | AssignTimer
  | StatusTimer
  | LoadTimer
  | SampleTimer
  | UpdateTimer;

type JoinInput = Extract<Input, { kind: 'join' }>;

/** What is in the manager's memory besides the store; lost when the leader changes. */
interface SavedMemory {
  readonly events: SavedEventLog;
  readonly placement: unknown;
  readonly causes: SavedCauses;
  readonly faults: SavedFaults;
  readonly restarts: SavedRestarts;
  readonly updater: SavedUpdater;
  readonly reaper: SavedReaper;
  readonly scheduler: SavedScheduler;
  readonly sessions: SavedSessions;
  readonly assignments: SavedAssignments;
  readonly reports: SavedReports;
  readonly loads: SavedLoads;
  readonly metrics: SavedMetrics;
  readonly commands: SavedCommands;
}

/** A saved manager. Without `memory` only the store has survived: the manager then starts as a new leader does. */
export interface SavedManager {
  readonly format: 1;
  readonly store: SavedStore;
  readonly memory?: SavedMemory;
}

/** Rounds of ticks within one instant after which something must be wrong: parts that undo one another's work. */
const MAXIMUM_TICKS = 10_000;

export class Manager implements Party, ManagerView {
  readonly store: Store;
  readonly events: EventLog;
  readonly metrics: Metrics;
  readonly #deps: Deps;
  readonly #ports: PartyPorts;
  readonly #causes: Causes;
  readonly #book: NodeBook;
  readonly #faults: Faults;
  readonly #placement: PlacementMirror;
  readonly #restarts: RestartSupervisor;
  readonly #updater: Updater;
  readonly #replicated: ReplicatedOrchestrator;
  readonly #global: GlobalOrchestrator;
  readonly #enforcer: ConstraintEnforcer;
  readonly #allocator: Allocator;
  readonly #reaper: TaskReaper;
  readonly #scheduler: Scheduler;
  readonly #loads: Loads;
  readonly #assignments: Assignments;
  readonly sessions: Sessions;
  readonly #reports: Reports;
  readonly #commands: Commands;
  readonly #nodeByParty = new Map<PartyId, NodeRecord>();

  constructor(ports: PartyPorts, init: Extract<PartyInit, { kind: 'manager' }>, saved?: SavedManager) {
    const { config } = init;
    const memory = saved?.memory;
    this.#ports = ports;
    this.store = new Store(saved?.store);
    this.events = new EventLog(KNOBS.eventCapacity, () => ports.now(), memory?.events);
    const deps: Deps = { ports, config, store: this.store, events: this.events, ledger: new Ledger(ports, this.store, this.events) };
    this.#deps = deps;
    this.#causes = new Causes(memory?.causes);
    this.#book = new NodeBook(deps, this.#causes);
    const nodeCause = this.#causes.ofNode;
    this.#faults = new Faults(deps, this.#causes, (party) => this.#nodeByParty.get(party), memory?.faults);
    this.#placement = new PlacementMirror(deps, memory?.placement);
    this.#restarts = new RestartSupervisor(deps, nodeCause, memory?.restarts);
    this.#updater = new Updater(deps, this.#restarts, memory?.updater);
    this.#replicated = new ReplicatedOrchestrator(deps, this.#restarts, this.#updater);
    this.#global = new GlobalOrchestrator(deps, this.#restarts, this.#updater, nodeCause);
    this.#enforcer = new ConstraintEnforcer(deps, nodeCause);
    this.#allocator = new Allocator(deps);
    this.#reaper = new TaskReaper(deps, memory?.reaper);
    this.#scheduler = new Scheduler(deps, this.#placement.nodes, memory?.scheduler);
    this.#loads = new Loads(deps, (nodeId, serviceId, share) => this.#assignments.tellLoad(nodeId, serviceId, share), memory?.loads);
    this.#assignments = new Assignments(deps, this.#loads.ofNode, memory?.assignments);
    this.sessions = new Sessions(deps, this.#book, this.#causes, this.#assignments, memory?.sessions);
    this.#reports = new Reports(deps, this.#causes, memory?.reports);
    this.metrics = new Metrics(deps, memory?.metrics);
    this.#commands = new Commands(deps, this.#book, this.#removals(), memory?.commands);
    for (const node of this.store.nodes.values()) this.#nodeByParty.set(node.party, node);
    this.#attach();
    if (saved !== undefined && memory === undefined) this.#lead();
  }

  /** Who hears of a commit, in this order. What the others read comes first. */
  #attach(): void {
    const digest = new DigestRecorder(this.#ports, this.store);
    const parts = [
      this.#placement,
      digest,
      this.#restarts,
      this.#updater,
      this.#replicated,
      this.#global,
      this.#enforcer,
      this.#allocator,
      this.#reaper,
      this.#scheduler,
      this.#assignments,
      this.#loads,
      this.metrics,
    ];
    for (const part of parts) this.store.attach((changes) => part.onChanges(changes));
  }

  /** Starts as a new leader over what is stored. */
  #lead(): void {
    this.sessions.start();
    this.#enforcer.start();
    this.#allocator.start();
    initialise(this.#deps, { replicated: this.#replicated, global: this.#global, restarts: this.#restarts });
    this.#scheduler.start();
    this.#reaper.start();
    this.#settle();
  }

  save(): SavedManager {
    return {
      format: 1,
      store: this.store.save(),
      memory: {
        events: this.events.save(),
        placement: this.#placement.save(),
        causes: this.#causes.save(),
        faults: this.#faults.save(),
        restarts: this.#restarts.save(),
        updater: this.#updater.save(),
        reaper: this.#reaper.save(),
        scheduler: this.#scheduler.save(),
        sessions: this.sessions.save(),
        assignments: this.#assignments.save(),
        reports: this.#reports.save(),
        loads: this.#loads.save(),
        metrics: this.metrics.save(),
        commands: this.#commands.save(),
      },
    };
  }

  check(command: Command): Refusal | undefined {
    return this.#commands.check(command);
  }

  /** Writes to the store and settles: for parts that live outside of the manager (autoscalers, tests). */
  transact<T>(work: (tx: Transaction) => T): T {
    const result = this.store.commit(work);
    this.#settle();
    return result;
  }

  onInput(input: Input): void {
    switch (input.kind) {
      case 'join':
        this.#join(input);
        break;
      case 'lost':
        this.#faults.onLost(input.parties, input.reason);
        break;
      case 'command':
        this.#commands.handle(input);
        break;
      case 'fault':
        this.#faults.onFault(input);
    }
    this.#settle();
  }

  onMessage(from: PartyId, _sentAt: number, message: Message): void {
    const node = this.#nodeByParty.get(from);
    if (message.type === 'register') this.sessions.register(node, from, message.attempt, message.description);
    else if ('session' in message) this.#onSessionMessage(from, node, message);
    this.#settle();
  }

  #onSessionMessage(from: PartyId, node: NodeRecord | undefined, message: Extract<Message, { readonly session: number }>): void {
    const problem = this.sessions.problem(node, message.session);
    if (node === undefined || problem !== undefined) {
      // Statistics come every second and are no reason to talk; the next heartbeat will be answered.
      const reason = problem ?? 'node not registered';
      if (message.type !== 'statistics' && message.type !== 'bye')
        this.#ports.send(from, { type: 'refused', session: message.session, reason });
      return;
    }
    switch (message.type) {
      case 'heartbeat': {
        const periodUs = this.sessions.heartbeat(node);
        const resultsIn = this.#assignments.sequence(node.id);
        this.#ports.send(from, { type: 'heartbeatAck', session: message.session, periodUs, resultsIn });
        return;
      }
      case 'status':
        this.#reports.queue(node, message.session, message.batch, message.updates);
        return;
      case 'statistics':
        this.metrics.report(node, message.session, message.statistics);
        return;
      case 'resync':
        this.#assignments.resync(node);
        return;
      case 'bye':
        this.sessions.bye(node, message.reason);
        return;
      default:
        // What a manager says to agents is no business of an agent's.
        this.#ports.send(from, { type: 'refused', session: message.session, reason: `unexpected message ${message.type}` });
    }
  }

  onTimer(event: TimerEvent): void {
    this.#fire(event as ManagerTimer);
    this.#settle();
  }

  #fire(event: ManagerTimer): void {
    switch (event.type) {
      case 'schedule':
        this.#scheduler.onTimer();
        return;
      case 'heartbeat':
        this.sessions.onHeartbeatTimer(event);
        return;
      case 'orphan':
        this.sessions.onOrphanTimer(event);
        return;
      case 'restart':
        this.#restarts.onTimer(event);
        return;
      case 'reap':
        this.#reaper.onTimer();
        return;
      case 'assign':
        this.#assignments.onTimer();
        return;
      case 'status':
        this.#reports.onTimer();
        return;
      case 'loads':
        this.#loads.onTimer();
        return;
      case 'sample':
        this.metrics.onTimer();
        return;
      case 'update':
        this.#updater.onTimer(event);
    }
  }

  /** Lets the parts work until none has anything to do now, then arms what comes later. */
  #settle(): void {
    for (let round = 0; this.#tick(); round++) assert(round < MAXIMUM_TICKS, 'the control plane does not settle');
    this.#scheduler.arm();
    this.#assignments.arm();
    this.#loads.arm();
    this.metrics.arm();
  }

  #tick(): boolean {
    const worked = [
      this.#replicated.tick(),
      this.#global.tick(),
      this.#enforcer.tick(),
      this.#restarts.tick(),
      this.#updater.tick(),
      this.#reaper.tick(),
      this.#allocator.tick(),
    ];
    return worked.includes(true);
  }

  #join({ party, name, key, offer }: JoinInput): void {
    const now = this.#ports.now();
    const known = this.store.nodeByKey(key);
    if (known === undefined) {
      const node = this.store.commit((tx) =>
        tx.createNode({
          id: this.#deps.ledger.newId(),
          name,
          key,
          zone: offer.zone,
          party,
          description: offer.description,
          labels: offer.labels,
          availability: 'active',
          role: 'worker',
          status: 'unknown',
          statusMessage: '',
          statusAt: now,
          session: 0,
          lastHeartbeat: now,
          joinedAt: now,
          truth: 'up',
        }),
      );
      this.#nodeByParty.set(party, node);
      this.#book.note(node, { kind: 'node.joined', severity: 'info', cause: 0, explain: { code: 'NOTE', message: 'joined the cluster' } });
      return;
    }
    this.#nodeByParty.delete(known.party);
    this.#nodeByParty.set(party, known);
    this.#faults.onJoin(known);
    this.sessions.rejoined(known);
    const explain = { code: 'NOTE', message: 'joined again' } as const;
    const event = this.#book.change(known, { kind: 'node.rejoined', severity: 'info', cause: 0, explain }, (record) => {
      record.party = party;
      record.session = 0;
      record.truth = 'up';
    });
    this.#causes.noteFault(known.id, event, true);
  }

  #removals(): ConstructorParameters<typeof Commands>[2] {
    return {
      forgetService: (serviceId) => this.#restarts.forgetService(serviceId),
      removeNode: (tx, node, cause) => {
        const { ledger } = this.#deps;
        const message = 'Task belonged to a node that has been deleted';
        for (const task of this.store.tasksOfNode(node.id)) {
          if (task.state >= TASK_STATE.complete) continue;
          const explain = { code: 'NOTE', message } as const;
          const event = ledger.taskEvent(task, 'task.orphaned', 'warning', cause, explain);
          ledger.observe(tx, task, { state: TASK_STATE.orphaned, message }, event, explain);
        }
        tx.removeNode(node);
      },
      nodeRemoved: (node) => {
        const { party, session } = node;
        this.sessions.forget(node.id);
        this.#faults.forget(node.id);
        this.#nodeByParty.delete(party);
        if (session !== 0) this.#ports.send(party, { type: 'refused', session, reason: 'node not registered' });
      },
    };
  }
}

/** Makes the manager of a run: new, or from what `save` gave. */
export const createManager: PartyFactory = (ports, init, saved) => {
  assert(init.kind === 'manager' && ports.id === MANAGER, 'the manager is made for the party of that number', { party: ports.id });
  return new Manager(ports, init, saved as SavedManager | undefined);
};
