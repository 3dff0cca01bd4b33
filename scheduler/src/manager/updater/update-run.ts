/** State of one rolling update. Plain data but for the map of created tasks, which `copyRun` and JSON see as pairs. */
import type { ServiceSpec, TimerId, UpdateConfig } from '@paperfleet/core';

/** One of `parallelism` workers; takes slots from the queue one at a time. */
export interface UpdateWorker {
  /**
   * idle: free. starting: a clean task that the slot had is being started. stop-first and start-first: waits for the new
   * task to run. delay: the pause after a slot.
   */
  phase: 'idle' | 'starting' | 'stop-first' | 'start-first' | 'delay';
  slot: string[];
  taskId: string;
  timer: TimerId;
}

interface UpdateRunData {
  /** Number of the run, so that timers of an older one are told apart. */
  readonly run: number;
  readonly serviceId: string;
  /** The goal: an update to the same spec is not started twice. */
  readonly spec: ServiceSpec;
  readonly rollback: boolean;
  readonly config: UpdateConfig;
  /** Task ids of the dirty slots that no worker has taken yet. */
  readonly queue: string[][];
  /** Number of dirty slots at the start. */
  readonly slots: number;
  readonly workers: UpdateWorker[];
  /** Tasks that counted as failures, in order. */
  readonly failed: string[];
  /** Those of them that have not been held against the ratio yet. */
  readonly failures: string[];
  monitorTimer: TimerId;
}

export interface UpdateRun extends UpdateRunData {
  /** Tasks made by this run → the instant at which they were seen running, -1 before. */
  readonly created: Map<string, number>;
}

export interface SavedUpdateRun extends UpdateRunData {
  readonly created: readonly (readonly [string, number])[];
}

function copyData(run: UpdateRunData): UpdateRunData {
  return {
    run: run.run,
    serviceId: run.serviceId,
    spec: run.spec,
    rollback: run.rollback,
    config: run.config,
    queue: run.queue.map((slot) => [...slot]),
    slots: run.slots,
    workers: run.workers.map((worker) => ({ ...worker, slot: [...worker.slot] })),
    failed: [...run.failed],
    failures: [...run.failures],
    monitorTimer: run.monitorTimer,
  };
}

export const saveRun = (run: UpdateRun): SavedUpdateRun => ({ ...copyData(run), created: [...run.created] });
export const restoreRun = (saved: SavedUpdateRun): UpdateRun => ({ ...copyData(saved), created: new Map(saved.created) });
