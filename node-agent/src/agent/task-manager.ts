/**
 * The node's tasks: takes assignments and drives every task through the step function as far as it goes, again whenever
 * something has happened to it.
 */
import {
  type AssignedTask,
  assert,
  DIGEST,
  type DurationUs,
  LANE,
  type PartyPorts,
  type TaskSpec,
  type TaskState,
  TASK_STATE,
  type TaskStatus,
} from '@paperfleet/core';
import { resolveWorkload } from '../workload/resolve.ts';
import { type ContainerRuntime, type Ending, HEALTH, hasHealthcheck, KILLED, type RuntimeEvents } from './container-runtime.ts';
import { CONTAINER, type ContainerTable, PHASE } from './container-table.ts';
import type { ImageStore } from './image-store.ts';
import { ACTIVITY, actingDesired, hasNoContainers, type LocalTask, newLocalTask, statusOf, taskName } from './local-task.ts';
import { internSpec } from './spec-pool.ts';
import { type ActionResult, exitError, imageError, nextAction, type TaskAction, transitionOf } from './task-step.ts';

const S = TASK_STATE;
/** Until a task's containers are created once their images are there (mounts, networks, configuration), µs. */
const CREATE_US = 120_000;

export interface SavedTasks {
  /** Specs are told apart by identity and saved once. */
  readonly specs: readonly TaskSpec[];
  readonly tasks: readonly (Omit<LocalTask, 'spec'> & { readonly spec: number })[];
}

/** What the task manager works with; set right after construction, since all of them know one another. */
export interface TaskMeans {
  readonly images: ImageStore;
  readonly runtime: ContainerRuntime;
  readonly table: ContainerTable;
  readonly scalePermille: number;
  /** A task's status has changed and has to be reported. */
  readonly changed: (task: string) => void;
  /** A task is forgotten. */
  readonly forgotten: (task: string) => void;
}

export class TaskManager implements RuntimeEvents {
  readonly #ports: PartyPorts;
  readonly #tasks = new Map<string, LocalTask>();
  #means: TaskMeans | undefined;

  constructor(ports: PartyPorts, saved: SavedTasks | undefined) {
    this.#ports = ports;
    const specs = saved?.specs.map(internSpec) ?? [];
    for (const task of saved?.tasks ?? [])
      this.#tasks.set(task.id, { ...task, spec: specs[task.spec]!, held: [...task.held], rows: [...task.rows] });
  }

  use(means: TaskMeans): void {
    this.#means = means;
  }

  get #with(): TaskMeans {
    assert(this.#means !== undefined, 'the task manager has no means yet');
    return this.#means;
  }

  get(id: string): LocalTask | undefined {
    return this.#tasks.get(id);
  }
  tasks(): IterableIterator<LocalTask> {
    return this.#tasks.values();
  }
  get size(): number {
    return this.#tasks.size;
  }

  /** The status to report; undefined for a task that has left the assignment. */
  status(id: string): TaskStatus | undefined {
    const task = this.#tasks.get(id);
    return task === undefined || task.removed ? undefined : statusOf(task);
  }

  /** Tasks to be reported when a session opens. */
  *reportable(): IterableIterator<string> {
    for (const task of this.#tasks.values()) if (!task.removed) yield task.id;
  }

  /** Applies assignments: a full set removes every task that it does not name. */
  assign(message: {
    readonly full: boolean;
    readonly specs: readonly TaskSpec[];
    readonly update: readonly AssignedTask[];
    readonly remove: readonly string[];
  }): void {
    if (message.full) {
      const named = new Set(message.update.map((task) => task.id));
      for (const task of [...this.#tasks.values()]) if (!named.has(task.id)) this.#remove(task);
    }
    for (const id of message.remove) {
      const task = this.#tasks.get(id);
      if (task !== undefined) this.#remove(task);
    }
    for (const assigned of message.update) this.#update(assigned, message.specs);
  }

  /** The machine went down. What ran is gone; what was under way begins anew when it is up again. */
  crash(): void {
    for (const task of this.#tasks.values()) {
      if (task.timer !== 0) this.#ports.cancel(task.timer);
      task.timer = 0;
      task.pulling = 0;
      task.activity = ACTIVITY.idle;
    }
  }

  /** The machine is up again: tasks that ran have failed, the others go on from where they were. */
  recover(): void {
    for (const task of [...this.#tasks.values()]) {
      if (task.state === S.starting || task.state === S.running) {
        for (const row of task.rows) if (row >= 0) this.#with.table.remove(row); // containers of a pod that had not been started
        task.rows.fill(-1);
        task.health = HEALTH.none;
        if (actingDesired(task) < S.shutdown) {
          task.exitCode = KILLED;
          this.#apply(task, task.state === S.running ? 'wait' : 'start', { fatal: exitError(KILLED, false) });
        }
      }
      this.#proceed(task);
    }
  }

  /**
   * A running container of the task ends with this exit code (fault). The task is named by its id, as SERVICE.SLOT or, for
   * services with one task per node, as SERVICE.NODE.
   */
  kill(reference: string, node: string, exitCode: number): void {
    const named = this.#tasks.get(reference);
    const tasks = named === undefined ? [...this.#tasks.values()].filter((task) => taskName(task, node) === reference) : [named];
    for (const { rows } of tasks) {
      const row = rows.find((candidate) => candidate >= 0 && this.#with.table.get(candidate, CONTAINER.phase) >= PHASE.running);
      if (row !== undefined) this.#with.runtime.end(row, exitCode);
    }
  }

  /** An image of the task is there, or cannot be had. */
  imageReady(id: string, image: string, available: boolean): void {
    const task = this.#tasks.get(id);
    if (task === undefined || task.pulling === 0) return;
    if (!available) {
      const named = task.spec.containers.find((container) => container.image === image || image.includes(container.image))?.image ?? image;
      this.#finishPrepare(task, { fatal: imageError(named) });
      this.#proceed(task);
      return;
    }
    this.#hold(task, image);
    if (--task.pulling === 0) this.#imagesReady(task);
  }

  /** The task's containers have been created. */
  created(id: string): void {
    const task = this.#tasks.get(id);
    if (task === undefined || task.timer === 0) return;
    task.timer = 0;
    this.#with.runtime.create(task);
    this.#finishPrepare(task, 'done');
    this.#proceed(task);
  }

  started(task: LocalTask): void {
    if (task.activity !== ACTIVITY.starting) return;
    if (!task.rows.every((row, index) => row < 0 || this.#isUp(task, row, index))) return;
    task.activity = ACTIVITY.idle;
    this.#apply(task, 'start', 'done');
    this.#proceed(task);
  }

  ended(task: LocalTask, _index: number, ending: Ending): void {
    if (ending.exitCode >= 0 && task.exitCode <= 0) task.exitCode = ending.exitCode;
    if (ending.oomKilled) task.oomKilled = true;
    this.#aggregateHealth(task);
    if (task.activity === ACTIVITY.stopping) {
      if (hasNoContainers(task)) this.#finishStop(task);
      return;
    }
    if (task.state >= S.complete) return; // the rest of a pod that has failed
    if (ending.exitCode > 0) {
      task.exitCode = ending.exitCode;
      task.activity = ACTIVITY.idle;
      this.#apply(task, task.state === S.running ? 'wait' : 'start', { fatal: exitError(ending.exitCode, ending.unhealthy) });
      for (const row of task.rows) if (row >= 0) this.#with.runtime.end(row, KILLED);
      this.#proceed(task);
      return;
    }
    if (!hasNoContainers(task)) return;
    if (task.state === S.starting) this.#apply(task, 'start', 'done'); // ended well before its first healthy probe
    task.activity = ACTIVITY.idle;
    this.#apply(task, 'wait', 'done');
    this.#proceed(task);
  }

  healthChanged(task: LocalTask): void {
    if (!this.#aggregateHealth(task) || task.state >= S.complete) return;
    task.at = this.#ports.now();
    if (!task.removed) this.#with.changed(task.id);
  }

  save(): SavedTasks {
    const specs = new Map<TaskSpec, number>();
    const tasks = [...this.#tasks.values()].map((task) => {
      let spec = specs.get(task.spec);
      if (spec === undefined) specs.set(task.spec, (spec = specs.size));
      return { ...task, spec, held: [...task.held], rows: [...task.rows] };
    });
    return { specs: [...specs.keys()], tasks };
  }

  #update(assigned: AssignedTask, specs: readonly TaskSpec[]): void {
    let task = this.#tasks.get(assigned.id);
    if (task === undefined) {
      const spec = specs[assigned.spec];
      assert(spec !== undefined, 'an assigned task has no spec', { task: assigned.id, spec: assigned.spec });
      task = newLocalTask(assigned, internSpec(spec), this.#ports.now());
      this.#tasks.set(task.id, task);
      this.#ports.record(DIGEST.taskState, task.id, task.state);
    } else if (task.removed) {
      task.removed = false; // wanted again while it was being cleaned up: what becomes of it is reported after all
      this.#with.changed(task.id);
    }
    task.desired = Math.max(task.desired, assigned.desired) as TaskState;
    this.#proceed(task);
  }

  #remove(task: LocalTask): void {
    if (task.removed) return;
    task.removed = true;
    this.#with.forgotten(task.id);
    this.#proceed(task);
  }

  /** Steps as far as it goes at this instant. */
  #proceed(task: LocalTask): void {
    for (;;) {
      const action = nextAction(task.state, actingDesired(task));
      if (action === 'none' || action === 'wait' || !this.#perform(task, action)) break;
    }
    if (task.removed && task.state >= S.complete && hasNoContainers(task)) this.#drop(task);
  }

  /** Begins an action; true when it is over already and the next step may follow. */
  #perform(task: LocalTask, action: Exclude<TaskAction, 'none' | 'wait'>): boolean {
    switch (action) {
      case 'prepare':
        return task.activity === ACTIVITY.idle && this.#prepare(task);
      case 'start':
        return task.activity === ACTIVITY.idle && this.#start(task);
      case 'stop':
        return task.activity !== ACTIVITY.stopping && this.#stop(task);
      case 'accept':
      case 'beginPrepare':
      case 'beginStart':
        this.#apply(task, action, 'done');
        return true;
    }
  }

  #prepare(task: LocalTask): boolean {
    for (const container of task.spec.containers) {
      const workload = resolveWorkload(container);
      if (workload.ok) continue;
      this.#apply(task, 'prepare', { fatal: workload.problems.join('; ') });
      return true;
    }
    task.activity = ACTIVITY.preparing;
    const images = [...new Set(task.spec.containers.map((container) => container.image))];
    let missing = 0;
    for (const image of images) {
      if (this.#with.images.ensure(image, task.id)) this.#hold(task, image);
      else missing++;
    }
    task.pulling = missing;
    return missing === 0 && this.#create(task);
  }

  #imagesReady(task: LocalTask): void {
    if (this.#create(task)) this.#proceed(task);
  }

  /** True when the containers could be created at once. */
  #create(task: LocalTask): boolean {
    const span = Math.floor((CREATE_US * this.#with.scalePermille) / 1000);
    if (span > 0) {
      task.timer = this.#ports.in(span as DurationUs, LANE.agent, { type: 'created', task: task.id } as { type: string });
      return false;
    }
    this.#with.runtime.create(task);
    this.#finishPrepare(task, 'done');
    return true;
  }

  #finishPrepare(task: LocalTask, result: ActionResult): void {
    task.activity = ACTIVITY.idle;
    if (task.pulling > 0) this.#with.images.abandon(task.id);
    task.pulling = 0;
    this.#apply(task, 'prepare', result);
  }

  #start(task: LocalTask): boolean {
    task.activity = ACTIVITY.starting;
    const before = task.state;
    for (const row of [...task.rows]) if (row >= 0 && task.activity === ACTIVITY.starting) this.#with.runtime.start(row);
    return task.state !== before;
  }

  #stop(task: LocalTask): boolean {
    if (task.timer !== 0) this.#ports.cancel(task.timer);
    task.timer = 0;
    if (task.activity === ACTIVITY.preparing) this.#with.images.abandon(task.id);
    task.pulling = 0;
    task.activity = ACTIVITY.stopping;
    for (const row of [...task.rows]) if (row >= 0) this.#with.runtime.stop(row);
    if (task.state < S.complete && hasNoContainers(task)) this.#finishStop(task);
    return task.state >= S.complete;
  }

  #finishStop(task: LocalTask): void {
    if (task.state >= S.complete) return;
    task.activity = ACTIVITY.idle;
    this.#apply(task, 'stop', 'done');
    if (task.removed) this.#drop(task);
  }

  #apply(task: LocalTask, action: Exclude<TaskAction, 'none'>, result: ActionResult): void {
    const next = transitionOf(task.state, action, result);
    if (next === undefined) return;
    assert(next.state > task.state, 'a task would go back', { task: task.id, from: task.state, to: next.state });
    task.state = next.state;
    task.at = this.#ports.now();
    if (next.message !== undefined) task.message = next.message;
    task.error = next.error;
    this.#ports.record(DIGEST.taskState, task.id, task.state, Math.max(0, task.exitCode));
    if (!task.removed) this.#with.changed(task.id);
  }

  #hold(task: LocalTask, image: string): void {
    task.held.push(image);
    this.#with.images.hold(image);
  }

  /** A task that left the assignment is cleaned up. */
  #drop(task: LocalTask): void {
    if (!this.#tasks.delete(task.id)) return;
    for (const image of task.held) this.#with.images.release(image);
    this.#ports.record(DIGEST.taskRemoved, task.id);
  }

  #isUp(task: LocalTask, row: number, index: number): boolean {
    const { table } = this.#with;
    if (table.get(row, CONTAINER.phase) < PHASE.running) return false;
    return !hasHealthcheck(task.spec.containers[index]!) || table.get(row, CONTAINER.health) === HEALTH.healthy;
  }

  /** The worst health of the task's containers; true when it changed. */
  #aggregateHealth(task: LocalTask): boolean {
    let healthy = false;
    let starting = false;
    let unhealthy = false;
    for (const row of task.rows) {
      if (row < 0) continue;
      const health = this.#with.table.get(row, CONTAINER.health);
      healthy ||= health === HEALTH.healthy;
      starting ||= health === HEALTH.starting;
      unhealthy ||= health === HEALTH.unhealthy;
    }
    const worst = unhealthy
      ? HEALTH.unhealthy
      : starting
        ? HEALTH.starting
        : healthy
          ? HEALTH.healthy
          : hasNoContainers(task)
            ? task.health
            : HEALTH.none;
    const changed = worst !== task.health;
    task.health = worst;
    return changed;
  }
}
