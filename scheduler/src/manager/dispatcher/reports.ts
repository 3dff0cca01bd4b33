/**
 * Status reports of agents: queued as they come, applied in one commit per instant, then acknowledged. An agent may speak
 * of its own tasks only; a state never goes back; a report that says nothing new writes nothing. SwarmKit:
 * dispatcher.go UpdateTaskStatus and processUpdates.
 */
import { LANE, type PartyId, type TaskStatus, type TimerEvent, type TimerId } from '@paperfleet/core';
import type { NodeRecord, TaskRecord } from '../../store/records.ts';
import type { Causes } from '../causes.ts';
import type { Deps } from '../deps.ts';
import { KNOBS } from '../knobs.ts';

export interface StatusTimer extends TimerEvent {
  readonly type: 'status';
}
const STATUS: StatusTimer = { type: 'status' };

interface Batch {
  readonly party: PartyId;
  readonly session: number;
  readonly batch: number;
  readonly nodeId: string;
  readonly updates: readonly TaskStatus[];
}

export interface SavedReports {
  readonly queue: readonly Batch[];
  readonly timer: TimerId;
}

/** What a report of a task's state means for the manager. */
export type Verdict = 'apply' | 'unknown' | 'denied' | 'stale' | 'identical';

/** Judges a report. `denied`: the task belongs to another node. `stale`: it would go back. */
export function judge(task: TaskRecord | undefined, nodeId: string, status: TaskStatus): Verdict {
  if (task === undefined) return 'unknown';
  if (task.nodeId !== nodeId) return 'denied';
  if (status.state < task.state) return 'stale';
  if (status.state > task.state) return 'apply';
  const same =
    status.message === task.message &&
    (status.error ?? '') === task.error &&
    (status.exitCode ?? task.exitCode) === task.exitCode &&
    (status.oomKilled ?? task.oomKilled) === task.oomKilled &&
    (status.health ?? task.health) === task.health;
  if (same) return 'identical';
  return status.at < task.stateAt ? 'stale' : 'apply';
}

export class Reports {
  readonly #deps: Deps;
  readonly #causes: Causes;
  #queue: Batch[] = [];
  #timer: TimerId = 0;

  constructor(deps: Deps, causes: Causes, saved?: SavedReports) {
    this.#deps = deps;
    this.#causes = causes;
    if (saved === undefined) return;
    this.#queue = [...saved.queue];
    this.#timer = saved.timer;
  }

  save(): SavedReports {
    return { queue: [...this.#queue], timer: this.#timer };
  }

  queue(node: NodeRecord, session: number, batch: number, updates: readonly TaskStatus[]): void {
    this.#queue.push({ party: node.party, session, batch, nodeId: node.id, updates });
    if (this.#timer === 0) this.#timer = this.#deps.ports.in(KNOBS.statusDelayUs, LANE.reconcile, STATUS);
  }

  onTimer(): void {
    this.#timer = 0;
    const batches = this.#queue;
    this.#queue = [];
    const { store, ports } = this.#deps;
    store.commit((tx) => {
      for (const { nodeId, updates } of batches) {
        for (const status of updates) {
          const task = store.tasks.get(status.id);
          const verdict = judge(task, nodeId, status);
          if (verdict === 'denied') this.#deny(nodeId, status);
          else if (verdict === 'apply' && task !== undefined) {
            this.#deps.ledger.report(tx, task, status, this.#causes.takeReport(task, status.state));
          }
        }
      }
    });
    for (const { party, session, batch } of batches) ports.send(party, { type: 'statusAck', session, batch });
  }

  #deny(nodeId: string, status: TaskStatus): void {
    const name = this.#deps.store.nodes.get(nodeId)?.name;
    const message = `reported ${status.message} for a task of another node`;
    const event = { kind: 'status.denied', severity: 'warning', cause: 0, task: status.id, explain: { code: 'NOTE', message } } as const;
    this.#deps.events.add(name === undefined ? event : { ...event, node: name });
  }
}
