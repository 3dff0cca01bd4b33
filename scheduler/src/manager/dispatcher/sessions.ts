/**
 * Sessions of agents: registration, heartbeats, and what the manager believes of a node because of them. SwarmKit:
 * manager/dispatcher (nodes.go, period.go, dispatcher.go). An agent that falls silent is noticed by its heartbeats alone.
 */
import {
  type DurationUs,
  LANE,
  type NodeDescription,
  type PartyId,
  TASK_STATE,
  type TimerEvent,
  type TimerId,
  type TimeUs,
} from '@paperfleet/core';
import type { NodeRecord } from '../../store/records.ts';
import { isLive } from '../../store/store.ts';
import type { Causes } from '../causes.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';
import type { NodeBook } from '../node-book.ts';
import { sameData } from '../orchestrator/dirty.ts';
import type { Assignments } from './assignments.ts';

/** What the dispatcher remembers of a node while it is not down. */
interface Presence {
  readonly nodeId: string;
  /** Instant at which the node is declared down. The timer may be earlier: it then looks again. */
  deadline: TimeUs;
  graceUs: number;
  timer: TimerId;
  registeredAt: TimeUs;
  /** Registrations since the last pause of `registrationPeriodUs`. */
  attempts: number;
  /** The newest registration that was granted: a second copy of its message is not another one. */
  party: PartyId;
  attempt: number;
}

export interface HeartbeatTimer extends TimerEvent {
  readonly type: 'heartbeat';
  readonly node: string;
}
export interface OrphanTimer extends TimerEvent {
  readonly type: 'orphan';
  readonly node: string;
}

export interface SavedSessions {
  readonly next: number;
  readonly present: readonly Presence[];
  readonly down: readonly (readonly [string, TimerId])[];
}

export const NOT_REGISTERED = 'node not registered';
export const SESSION_INVALID = 'session invalid';

export class Sessions {
  readonly #deps: Deps;
  readonly #book: NodeBook;
  readonly #causes: Causes;
  readonly #assignments: Assignments;
  readonly #present = new Map<string, Presence>();
  /** Nodes that are down, with the timer after which their tasks are orphaned. */
  readonly #down = new Map<string, TimerId>();
  #next = 1;

  constructor(deps: Deps, book: NodeBook, causes: Causes, assignments: Assignments, saved?: SavedSessions) {
    this.#deps = deps;
    this.#book = book;
    this.#causes = causes;
    this.#assignments = assignments;
    if (saved === undefined) return;
    this.#next = saved.next;
    for (const presence of saved.present) this.#present.set(presence.nodeId, { ...presence });
    for (const [nodeId, timer] of saved.down) this.#down.set(nodeId, timer);
  }

  save(): SavedSessions {
    return { next: this.#next, present: [...this.#present.values()].map((presence) => ({ ...presence })), down: [...this.#down] };
  }

  /** At a change of leader: nobody's session is known any more, and agents get twice the usual grace to find the new one. */
  start(): void {
    const { store, config } = this.#deps;
    for (const node of store.nodes.values()) {
      this.#next = Math.max(this.#next, node.session + 1);
      if (node.status === 'down') {
        this.#watchDown(node);
        continue;
      }
      this.#book.change(
        node,
        { kind: 'node.unknown', severity: 'info', cause: 0, explain: { code: 'NOTE', message: 'the manager has just started' } },
        (record) => {
          record.status = 'unknown';
          record.statusMessage = 'node moved to unknown state due to leadership change in cluster';
          record.statusAt = this.#deps.ports.now();
          record.session = 0;
        },
      );
      this.#await(node, config.heartbeatPeriodUs * config.heartbeatGrace * KNOBS.unknownGraceFactor);
    }
  }

  /** The next heartbeat period: uniform within ± epsilon. */
  choosePeriod(): DurationUs {
    const { heartbeatPeriodUs, heartbeatEpsilonUs } = this.#deps.config;
    if (heartbeatEpsilonUs === 0) return heartbeatPeriodUs;
    return (heartbeatPeriodUs - heartbeatEpsilonUs + this.#deps.ports.rng('heartbeat').below(2 * heartbeatEpsilonUs + 1)) as DurationUs;
  }

  /** An agent asks for a session. */
  register(node: NodeRecord | undefined, party: PartyId, attempt: number, description: NodeDescription): void {
    const { ports, store, config } = this.#deps;
    if (node === undefined) {
      ports.send(party, { type: 'refused', session: 0, reason: NOT_REGISTERED });
      return;
    }
    const presence = this.#present.get(node.id);
    if (presence !== undefined && presence.party === party && presence.attempt === attempt && node.session !== 0) return;
    if (presence !== undefined && !this.#admit(presence)) {
      ports.send(party, { type: 'refused', session: 0, reason: `node ${node.id} exceeded rate limit count of registrations` });
      return;
    }
    const down = this.#down.get(node.id);
    if (down !== undefined) {
      ports.cancel(down);
      this.#down.delete(node.id);
    }
    const session = this.#next++;
    const wasReady = node.status === 'ready';
    const write = (record: NodeRecord): void => {
      record.status = 'ready';
      record.statusMessage = '';
      if (!wasReady) record.statusAt = ports.now();
      record.session = session;
      if (!sameData(record.description, description)) record.description = description;
    };
    if (wasReady) store.commit((tx) => write(tx.writeNode(node)));
    else {
      const explain = { code: 'NODE_READY', node: node.name, session } as const;
      this.#book.change(node, { kind: 'node.ready', severity: 'info', cause: this.#causes.takeFault(node.id), explain }, write);
    }
    store.noteHeartbeat(node, ports.now());
    const periodUs = this.choosePeriod();
    const present = this.#await(node, periodUs * config.heartbeatGrace);
    present.party = party;
    present.attempt = attempt;
    ports.send(party, { type: 'registered', attempt, session, periodUs });
    this.#assignments.open(node, session);
  }

  /** Counts a registration of a known node; false when there have been too many in too short a time. */
  #admit(presence: Presence): boolean {
    const now = this.#deps.ports.now();
    if (now - presence.registeredAt > KNOBS.registrationPeriodUs) presence.attempts = 0;
    if (++presence.attempts > KNOBS.registrationLimit) return false;
    presence.registeredAt = now;
    return true;
  }

  /** Why a message of a session is not taken, undefined when it is. */
  problem(node: NodeRecord | undefined, session: number): string | undefined {
    if (node === undefined || !this.#present.has(node.id)) return NOT_REGISTERED;
    return session === 0 || node.session !== session ? SESSION_INVALID : undefined;
  }

  heartbeat(node: NodeRecord): DurationUs {
    const { ports, store, config } = this.#deps;
    const periodUs = this.choosePeriod();
    store.noteHeartbeat(node, ports.now());
    this.#await(node, periodUs * config.heartbeatGrace);
    return periodUs;
  }

  /** An orderly leave: nobody has to wait for the grace to run out. */
  bye(node: NodeRecord, reason: string): void {
    this.#markDown(node, reason === '' ? 'node left' : `node left: ${reason}`);
  }

  /** The machine has joined anew, as another party: what the old one says counts no more. */
  rejoined(node: NodeRecord): void {
    this.#assignments.close(node.id);
  }

  /** The node object is gone. */
  forget(nodeId: string): void {
    const { ports } = this.#deps;
    const presence = this.#present.get(nodeId);
    if (presence !== undefined) ports.cancel(presence.timer);
    const down = this.#down.get(nodeId);
    if (down !== undefined) ports.cancel(down);
    this.#present.delete(nodeId);
    this.#down.delete(nodeId);
    this.#assignments.close(nodeId);
  }

  onHeartbeatTimer(event: HeartbeatTimer): void {
    const presence = this.#present.get(event.node);
    if (presence === undefined) return;
    presence.timer = 0;
    const { ports, store } = this.#deps;
    if (ports.now() < presence.deadline) {
      presence.timer = ports.at(presence.deadline, LANE.reconcile, event);
      return;
    }
    const node = store.nodes.get(event.node);
    if (node !== undefined) this.#markDown(node, 'heartbeat failure');
  }

  /** A node has been down for a day: its tasks will not come back. */
  onOrphanTimer(event: OrphanTimer): void {
    if (!this.#down.has(event.node)) return;
    this.#down.set(event.node, 0);
    const { store, ledger } = this.#deps;
    const tasks = store.tasksOfNode(event.node).filter((task) => isLive(task.state));
    if (tasks.length === 0) return;
    store.commit((tx) => {
      for (const task of tasks) {
        const explain = { code: 'NOTE', message: 'its node has been down for 24 hours' } as const;
        const cause = ledger.taskEvent(task, 'task.orphaned', 'warning', this.#causes.ofNode(event.node), explain);
        ledger.observe(tx, task, { state: TASK_STATE.orphaned, message: task.message, error: task.error }, cause, explain);
      }
    });
  }

  #markDown(node: NodeRecord, message: string): void {
    const { ports, store } = this.#deps;
    const presence = this.#present.get(node.id);
    if (presence !== undefined && presence.timer !== 0) ports.cancel(presence.timer);
    this.#present.delete(node.id);
    this.#assignments.close(node.id);
    const tasks = store.tasksOfNode(node.id).filter((task) => isLive(task.state)).length;
    const explain = {
      code: 'NODE_DOWN',
      node: node.name,
      lastHeartbeat: node.lastHeartbeat,
      graceUs: presence?.graceUs ?? 0,
      tasks,
    } as const;
    this.#book.change(node, { kind: 'node.down', severity: 'error', cause: this.#causes.takeFault(node.id), explain }, (record) => {
      record.status = 'down';
      record.statusMessage = message;
      record.statusAt = ports.now();
      record.session = 0;
    });
    this.#watchDown(node);
  }

  #watchDown(node: NodeRecord): void {
    const event: OrphanTimer = { type: 'orphan', node: node.id };
    this.#down.set(node.id, this.#deps.ports.in(KNOBS.nodeDownPeriodUs, LANE.reconcile, event));
  }

  /** Expects a sign of life within the span. The timer is left as it is when it comes no later: it looks again when it fires. */
  #await(node: NodeRecord, graceUs: number): Presence {
    const { ports } = this.#deps;
    const now = ports.now();
    const deadline = (now + graceUs) as TimeUs;
    const event: HeartbeatTimer = { type: 'heartbeat', node: node.id };
    const known = this.#present.get(node.id);
    if (known === undefined) {
      const timer = ports.at(deadline, LANE.reconcile, event);
      const presence: Presence = {
        nodeId: node.id,
        deadline,
        graceUs,
        timer,
        registeredAt: now,
        attempts: 0,
        party: node.party,
        attempt: -1,
      };
      this.#present.set(node.id, presence);
      return presence;
    }
    if (deadline < known.deadline) {
      ports.cancel(known.timer);
      known.timer = ports.at(deadline, LANE.reconcile, event);
    }
    known.deadline = deadline;
    known.graceUs = graceUs;
    return known;
  }
}
