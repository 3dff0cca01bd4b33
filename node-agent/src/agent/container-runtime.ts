/**
 * The container runtime: processes start, boot, answer probes, change their demand, end by themselves or when told to.
 * What that means for their tasks is the task manager's business, told through RuntimeEvents.
 */
import {
  type ContainerSpec,
  DIGEST,
  type DurationUs,
  type Healthcheck,
  LANE,
  type PartyPorts,
  type Rng,
  type TimerId,
} from '@paperfleet/core';
import { resolveWorkload } from '../workload/resolve.ts';
import type { WorkloadModel } from '../workload/workload-model.ts';
import type { Accounting } from './accounting.ts';
import { CONTAINER, type ContainerColumn, type ContainerTable, PHASE } from './container-table.ts';
import type { LocalTask } from './local-task.ts';

/** dockerd leaves a task's networks this long before it stops it (defaultGossipConvergeDelay). */
export const GOSSIP_DELAY_US = 2_000_000;
/** 128 + SIGKILL. */
export const KILLED = 137;
/** Docker's default weight of a cgroup. */
const DEFAULT_WEIGHT = 100;
/** Docker's defaults where a health check leaves them open (0). */
const HEALTH_INTERVAL_US = 30_000_000;
const HEALTH_TIMEOUT_US = 30_000_000;
const HEALTH_START_INTERVAL_US = 5_000_000;
const HEALTH_RETRIES = 3;

export const HEALTH = { none: 0, starting: 1, healthy: 2, unhealthy: 3 } as const;

/** How a container ended. */
export interface Ending {
  /** -1: its process never ran. */
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** It was stopped because it was unhealthy. */
  readonly unhealthy: boolean;
}

export interface RuntimeEvents {
  /** The process runs and, where there is a health check, is healthy for the first time. */
  started(task: LocalTask, index: number): void;
  ended(task: LocalTask, index: number, ending: Ending): void;
  healthChanged(task: LocalTask): void;
}

/** True when the spec asks for probes. */
export const hasHealthcheck = (spec: ContainerSpec): boolean =>
  spec.healthcheck !== undefined && spec.healthcheck.test.length > 0 && spec.healthcheck.test[0] !== 'NONE';

export class ContainerRuntime {
  readonly #ports: PartyPorts;
  readonly #table: ContainerTable;
  readonly #accounting: Accounting;
  readonly #events: RuntimeEvents;
  readonly #scalePermille: number;
  /** Load by service, thousandths of a request per second for each replica. */
  readonly #loads: Map<string, number>;
  readonly #rng: Rng;

  constructor(
    ports: PartyPorts,
    table: ContainerTable,
    accounting: Accounting,
    options: { readonly scalePermille: number; readonly loads: readonly (readonly [string, number])[]; readonly events: RuntimeEvents },
  ) {
    this.#ports = ports;
    this.#table = table;
    this.#accounting = accounting;
    this.#events = options.events;
    this.#scalePermille = options.scalePermille;
    this.#loads = new Map(options.loads);
    this.#rng = ports.rng('workload');
  }

  /** Load settings by service, for saving. */
  get loads(): ReadonlyMap<string, number> {
    return this.#loads;
  }

  /** Makes a task's containers (created, not started). */
  create(task: LocalTask): void {
    task.rows = task.spec.containers.map((_, index) => {
      const row = this.#table.add(task, index);
      this.#ports.record(DIGEST.containerCreated, task.id, this.#get(row, CONTAINER.number));
      return row;
    });
  }

  /** Starts a created container; `started` follows, at once when start-up times are scaled to 0. */
  start(row: number): void {
    const { startUs, bootUs } = this.#model(row).startup(this.#rng);
    this.#set(row, CONTAINER.phase, PHASE.starting);
    // Kept here until the process runs: an instant from then on.
    this.#set(row, CONTAINER.bootedAt, this.#scaled(bootUs));
    const span = this.#scaled(startUs);
    if (span === 0) this.#processRuns(row);
    else this.#arm(row, CONTAINER.lifeTimer, span, 'container.life');
  }

  /** Stops a container: its networks, the stop signal, the grace period, the kill. `ended` follows, perhaps before this returns. */
  stop(row: number): void {
    const task = this.#table.owner(row);
    switch (this.#get(row, CONTAINER.phase)) {
      case PHASE.created:
      case PHASE.starting:
        this.end(row, -1);
        break;
      case PHASE.running:
        if ((task.spec.networks?.length ?? 0) > 0) {
          this.#set(row, CONTAINER.phase, PHASE.draining);
          this.#arm(row, CONTAINER.stopTimer, GOSSIP_DELAY_US, 'container.stop');
        } else this.#signal(row);
        break;
    }
  }

  /** The container's process ends now. */
  end(row: number, exitCode: number, oomKilled = false): void {
    const task = this.#table.owner(row);
    const index = this.#get(row, CONTAINER.index);
    const unhealthy = this.#get(row, CONTAINER.health) === HEALTH.unhealthy;
    if (this.#runs(row)) {
      this.#accounting.close(row);
      this.#ports.record(DIGEST.containerExited, task.id, this.#get(row, CONTAINER.number), exitCode + (oomKilled ? 1000 : 0));
    }
    for (const column of [CONTAINER.lifeTimer, CONTAINER.stopTimer, CONTAINER.demandTimer, CONTAINER.probeTimer]) this.#disarm(row, column);
    task.rows[index] = -1;
    this.#table.remove(row);
    this.#events.ended(task, index, { exitCode, oomKilled, unhealthy });
  }

  /** The OOM killer took the container's process. */
  oomKill(row: number): void {
    // A sibling's end may have ended it already at this instant.
    if (row < this.#table.rows && this.#runs(row)) this.end(row, KILLED, true);
  }

  /** The machine loses power: every process is gone, and nobody is told. Created containers stay on its disk. */
  crash(): void {
    for (let row = 0; row < this.#table.rows; row++) {
      const phase = this.#get(row, CONTAINER.phase);
      if (phase === PHASE.free || phase === PHASE.created) continue;
      if (this.#runs(row)) this.#accounting.close(row);
      for (const column of [CONTAINER.lifeTimer, CONTAINER.stopTimer, CONTAINER.demandTimer, CONTAINER.probeTimer])
        this.#disarm(row, column);
      this.#table.owner(row).rows[this.#get(row, CONTAINER.index)] = -1;
      this.#table.remove(row);
    }
    this.#loads.clear();
  }

  /** A load setting arrived; `tasks` are those on this node. */
  setLoads(loads: readonly (readonly [string, number])[], full: boolean, tasks: Iterable<LocalTask>): void {
    const changed = new Set<string>();
    if (full) {
      const named = new Set(loads.map(([service]) => service));
      for (const service of this.#loads.keys()) if (!named.has(service)) changed.add(service);
      for (const service of changed) this.#loads.delete(service);
    }
    for (const [service, milliRps] of loads) {
      if ((this.#loads.get(service) ?? 0) === milliRps) continue;
      changed.add(service);
      if (milliRps === 0) this.#loads.delete(service);
      else this.#loads.set(service, milliRps);
    }
    if (changed.size === 0) return;
    for (const task of tasks) {
      const row = task.rows[0] ?? -1;
      if (row >= 0 && changed.has(task.serviceId) && this.#runs(row)) this.#ask(row);
    }
  }

  /** The process starts to run, or ends by itself. */
  onLife(row: number): void {
    this.#set(row, CONTAINER.lifeTimer, 0);
    if (this.#get(row, CONTAINER.phase) === PHASE.starting) this.#processRuns(row);
    else this.end(row, this.#get(row, CONTAINER.lifeCode));
  }

  /** The networks are left, or the process has reacted to the signal (or is killed). */
  onStop(row: number): void {
    this.#set(row, CONTAINER.stopTimer, 0);
    if (this.#get(row, CONTAINER.phase) === PHASE.draining) this.#signal(row);
    else this.end(row, this.#get(row, CONTAINER.stopCode));
  }

  /** The program's demand changes. */
  onDemand(row: number): void {
    this.#set(row, CONTAINER.demandTimer, 0);
    this.#ask(row);
  }

  /** A probe has its answer. */
  onProbe(row: number): void {
    this.#set(row, CONTAINER.probeTimer, 0);
    const check = this.#spec(row).healthcheck!;
    const before = this.#get(row, CONTAINER.health);
    if (this.#get(row, CONTAINER.probeResult) === 1) {
      this.#set(row, CONTAINER.failures, 0);
      this.#nextProbe(row, check, HEALTH.healthy);
      this.#changeHealth(row, before, HEALTH.healthy);
      return;
    }
    // In the start period failures do not count, until a probe has succeeded.
    const inStartPeriod = before === HEALTH.starting && this.#ports.now() - this.#get(row, CONTAINER.startedAt) < check.startPeriodUs;
    if (!inStartPeriod) this.#set(row, CONTAINER.failures, this.#get(row, CONTAINER.failures) + 1);
    if (this.#get(row, CONTAINER.failures) < (check.retries || HEALTH_RETRIES)) {
      this.#nextProbe(row, check, before);
      return;
    }
    this.#changeHealth(row, before, HEALTH.unhealthy);
    // dockerd sends the stop signal first, and takes an exit code 0 after it for success. A program that does not answer
    // its probes is taken not to answer the signal either.
    this.end(row, KILLED);
  }

  #processRuns(row: number): void {
    const task = this.#table.owner(row);
    const spec = this.#spec(row);
    const now = this.#ports.now();
    this.#set(row, CONTAINER.phase, PHASE.running);
    this.#set(row, CONTAINER.startedAt, now);
    this.#set(row, CONTAINER.bootedAt, now + this.#get(row, CONTAINER.bootedAt));
    this.#ports.record(DIGEST.containerStarted, task.id, this.#get(row, CONTAINER.number));
    this.#accounting.open(row, { cpuNano: spec.limits.nanoCpus ?? 0, memoryBytes: spec.limits.memoryBytes ?? 0, weight: DEFAULT_WEIGHT });
    this.#ask(row);
    const outcome = this.#model(row).outcome(this.#rng);
    if (outcome !== undefined) {
      this.#set(row, CONTAINER.lifeCode, outcome.exitCode);
      this.#arm(row, CONTAINER.lifeTimer, outcome.afterUs, 'container.life');
    }
    if (!hasHealthcheck(spec)) {
      this.#events.started(task, this.#get(row, CONTAINER.index));
      return;
    }
    this.#set(row, CONTAINER.health, HEALTH.starting);
    this.#nextProbe(row, spec.healthcheck!, HEALTH.starting);
    this.#ports.record(DIGEST.containerHealth, task.id, this.#get(row, CONTAINER.number), HEALTH.starting);
    this.#events.healthChanged(task);
  }

  /** Asks the model for its demand from now on. */
  #ask(row: number): void {
    this.#disarm(row, CONTAINER.demandTimer);
    const model = this.#model(row);
    const now = this.#ports.now();
    const bootedAt = this.#get(row, CONTAINER.bootedAt);
    let holdsForUs: number;
    if (now < bootedAt) {
      this.#accounting.demand(row, model.booting.cpuNano, model.booting.memoryBytes);
      holdsForUs = bootedAt - now;
    } else {
      const demand = model.demand(now - bootedAt, this.#load(row), this.#rng);
      this.#accounting.demand(row, demand.cpuNano, demand.memoryBytes);
      holdsForUs = demand.holdsForUs;
    }
    if (holdsForUs > 0) this.#arm(row, CONTAINER.demandTimer, holdsForUs, 'container.demand');
  }

  /** Requests go to a task's first container, and to none that is about to stop. */
  #load(row: number): number {
    if (this.#get(row, CONTAINER.index) !== 0 || this.#get(row, CONTAINER.phase) !== PHASE.running) return 0;
    return this.#loads.get(this.#table.owner(row).serviceId) ?? 0;
  }

  #signal(row: number): void {
    const now = this.#ports.now();
    const reaction = this.#model(row).stop(now - this.#get(row, CONTAINER.startedAt), now >= this.#get(row, CONTAINER.bootedAt), this.#rng);
    const graceUs = this.#spec(row).stopGracePeriodUs;
    const reacts = reaction !== undefined && reaction.afterUs < graceUs;
    this.#set(row, CONTAINER.phase, PHASE.stopping);
    this.#set(row, CONTAINER.stopCode, reacts ? reaction.exitCode : KILLED);
    this.#disarm(row, CONTAINER.probeTimer);
    const span = reacts ? reaction.afterUs : graceUs;
    if (span === 0) {
      this.end(row, this.#get(row, CONTAINER.stopCode));
      return;
    }
    this.#arm(row, CONTAINER.stopTimer, span, 'container.stop');
    this.#ask(row);
  }

  /** Plans the next probe: its start after the interval, its answer with its duration. */
  #nextProbe(row: number, check: Healthcheck, health: number): void {
    const now = this.#ports.now();
    const startedAt = this.#get(row, CONTAINER.startedAt);
    const startInterval = check.startIntervalUs || HEALTH_START_INTERVAL_US;
    const interval =
      health === HEALTH.starting && now - startedAt < check.startPeriodUs ? startInterval : check.intervalUs || HEALTH_INTERVAL_US;
    const timeout = check.timeoutUs || HEALTH_TIMEOUT_US;
    const begins = now + interval;
    const probe = this.#model(row).probe(begins - startedAt, begins >= this.#get(row, CONTAINER.bootedAt), this.#rng);
    this.#set(row, CONTAINER.probeResult, probe.healthy && probe.afterUs <= timeout ? 1 : 0);
    this.#arm(row, CONTAINER.probeTimer, interval + Math.min(probe.afterUs, timeout), 'container.probe');
  }

  #changeHealth(row: number, before: number, health: number): void {
    if (before === health) return;
    const task = this.#table.owner(row);
    this.#set(row, CONTAINER.health, health);
    this.#ports.record(DIGEST.containerHealth, task.id, this.#get(row, CONTAINER.number), health);
    if (before === HEALTH.starting && health === HEALTH.healthy) this.#events.started(task, this.#get(row, CONTAINER.index));
    this.#events.healthChanged(task);
  }

  /** True while there is a process. */
  #runs(row: number): boolean {
    return this.#get(row, CONTAINER.phase) >= PHASE.running;
  }

  #spec(row: number): ContainerSpec {
    return this.#table.owner(row).spec.containers[this.#get(row, CONTAINER.index)]!;
  }

  #model(row: number): WorkloadModel {
    const resolved = resolveWorkload(this.#spec(row));
    // A task whose workload cannot be resolved is rejected before its containers are created.
    if (!resolved.ok) throw new Error(`container with an unusable workload: ${resolved.problems.join('; ')}`);
    return resolved.model;
  }

  #scaled(us: number): number {
    return Math.floor((us * this.#scalePermille) / 1000);
  }

  #arm(row: number, column: ContainerColumn, span: number, type: string): void {
    this.#set(row, column, this.#ports.in(span as DurationUs, LANE.agent, { type, row } as { type: string }));
  }

  #disarm(row: number, column: ContainerColumn): void {
    const timer: TimerId = this.#get(row, column);
    if (timer !== 0) this.#ports.cancel(timer);
    this.#set(row, column, 0);
  }

  #get(row: number, column: ContainerColumn): number {
    return this.#table.get(row, column);
  }
  #set(row: number, column: ContainerColumn, value: number): void {
    this.#table.set(row, column, value);
  }
}
