/**
 * What the manager knows of the reasons behind what it observes: the newest event about each node, and faults whose
 * effect has not been reported yet. Only the event list reads this; no decision does.
 */
import type { TaskRecord } from '../store/records.ts';
import { isTerminal, type TaskState } from '@paperfleet/core';

export interface SavedCauses {
  readonly nodes: readonly (readonly [string, number])[];
  readonly faults: readonly (readonly [string, number])[];
  readonly crashes: readonly (readonly [string, number])[];
  readonly kills: readonly (readonly [string, number])[];
}

/** Kills remembered at most; a kill of a task that never reports is forgotten in time. */
const MAXIMUM_KILLS = 1000;

export class Causes {
  /** Newest event about a node that its tasks feel: down, drained, removed, labels changed. */
  readonly #nodes: Map<string, number>;
  /** Newest fault or repair of a node, until its effect is seen. */
  readonly #faults: Map<string, number>;
  /** Newest crash of a node: to blame for containers that ended without a word. */
  readonly #crashes: Map<string, number>;
  readonly #kills: Map<string, number>;

  constructor(saved?: SavedCauses) {
    this.#nodes = new Map(saved?.nodes);
    this.#faults = new Map(saved?.faults);
    this.#crashes = new Map(saved?.crashes);
    this.#kills = new Map(saved?.kills);
  }

  save(): SavedCauses {
    return { nodes: [...this.#nodes], faults: [...this.#faults], crashes: [...this.#crashes], kills: [...this.#kills] };
  }

  noteNode(nodeId: string, event: number): void {
    this.#nodes.set(nodeId, event);
  }

  /** The newest event about a node, 0 when there is none. */
  readonly ofNode = (nodeId: string): number => this.#nodes.get(nodeId) ?? 0;

  noteFault(nodeId: string, event: number, crash: boolean): void {
    this.#faults.set(nodeId, event);
    if (crash) this.#crashes.set(nodeId, event);
  }

  /** The fault behind a change of a node's state; it is used up by it. */
  takeFault(nodeId: string): number {
    const event = this.#faults.get(nodeId) ?? 0;
    this.#faults.delete(nodeId);
    return event;
  }

  noteKill(taskId: string, event: number): void {
    this.#kills.set(taskId, event);
    if (this.#kills.size <= MAXIMUM_KILLS) return;
    for (const oldest of this.#kills.keys()) {
      this.#kills.delete(oldest);
      break;
    }
  }

  /** What led to a reported state: a kill, or a crash of the machine since the task's last change; 0 when nothing is known. */
  takeReport(task: TaskRecord, state: TaskState): number {
    if (!isTerminal(state)) return 0;
    const kill = this.#kills.get(task.id);
    if (kill !== undefined) {
      this.#kills.delete(task.id);
      return kill;
    }
    const crash = this.#crashes.get(task.nodeId) ?? 0;
    return crash > task.cause ? crash : 0;
  }

  forgetNode(nodeId: string): void {
    this.#nodes.delete(nodeId);
    this.#faults.delete(nodeId);
    this.#crashes.delete(nodeId);
  }
}
