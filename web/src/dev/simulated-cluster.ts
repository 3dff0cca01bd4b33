/**
 * A small cluster that lives in the page, for developing the dashboard without a server. It keeps replicas at their
 * desired number roughly as the real control plane does and is deterministic in simulated time (seeded, stepped by 100 ms),
 * but it is no model of anything: figures from it mean nothing. Never part of a production build.
 */
import type { ClusterEvent, Explain, NodeView, ServiceView, TaskColumns, TaskState } from '@paperfleet/core';
import { TASK_STATE } from '@paperfleet/core';
import type { DemoService, DemoTask, DemoNode } from './simulated-parts.ts';
import { CATALOGUE, generator } from './simulated-parts.ts';

const STEP_US = 100_000;
const SECOND = 1_000_000;
const MIB = 1024 * 1024;
const S = TASK_STATE;

export class SimulatedCluster {
  readonly nodes: DemoNode[] = [];
  readonly services: DemoService[] = [];
  readonly tasks: Map<number, DemoTask> = new Map();
  readonly events: ClusterEvent[] = [];
  nowUs = 0;
  seq = 0;
  readonly changedNodes: Set<number> = new Set();
  readonly changedServices: Set<number> = new Set();
  readonly removedServices: number[] = [];
  readonly changedTasks: Set<number> = new Set();
  readonly removedTasks: number[] = [];
  readonly newEvents: ClusterEvent[] = [];
  /** One sample a second: by subject, `[us, cpuMilli, MiB, throttled, running, desired]`. */
  readonly history: Map<string, number[][]> = new Map();
  readonly #random: () => number;
  #nextTask = 0;

  constructor(nodes: number, seed: number) {
    this.#random = generator(seed);
    for (let i = 0; i < nodes; i++) {
      this.nodes.push({
        row: i,
        id: this.#id(),
        name: `n${i + 1}`,
        zone: 'abc'[Math.floor((i * Math.min(3, Math.ceil(nodes / 3))) / nodes)]!,
        milli: 8000,
        memoryMiB: 16_384,
        availability: 'active',
        status: 'ready',
        truth: 'up',
        lastHeartbeatUs: 0,
        cpuMilli: 0,
      });
    }
    const scale = nodes / 10;
    CATALOGUE.forEach((entry, row) => {
      const desired = entry.mode === 'global' ? nodes : Math.max(1, Math.round([24, 14, 3, 6, 10][row]! * scale));
      this.services.push({ ...entry, row, id: this.#id(), desired, rps: Math.round([1400, 420, 160, 900, 40, 0][row]! * scale) });
    });
    for (const node of this.nodes)
      this.event('info', 'node.ready', 0, { code: 'NODE_READY', node: node.name, session: 1 }, { node: node.name });
    const deploy = this.event(
      'info',
      'command.deploy',
      0,
      { code: 'COMMAND', command: 'deploy', detail: 'shop from compose.yaml by you' },
      {},
    );
    for (const service of this.services) this.#reconcile(service, deploy);
  }

  #id(): string {
    let id = '';
    while (id.length < 25) id += Math.floor(this.#random() * 36).toString(36);
    return id;
  }

  event(
    severity: ClusterEvent['severity'],
    kind: string,
    cause: number,
    explain: Explain,
    about: { service?: string; task?: string; node?: string },
  ): number {
    const id = (this.events.at(-1)?.id ?? 0) + 1;
    const event: ClusterEvent = { id, at: this.nowUs as ClusterEvent['at'], cause, severity, kind, ...about, explain };
    this.events.push(event);
    this.newEvents.push(event);
    return id;
  }

  /** Advances by at least one step; true when an event happened. */
  step(): boolean {
    const before = this.events.length;
    this.nowUs += STEP_US;
    this.#heartbeats();
    for (const task of this.tasks.values()) this.#advance(task);
    for (const service of this.services) this.#reconcile(service, 0);
    this.#schedule();
    if (this.nowUs % SECOND === 0) this.#measure();
    return this.events.length > before;
  }

  #heartbeats(): void {
    for (const node of this.nodes) {
      if (node.truth === 'up' && this.nowUs - node.lastHeartbeatUs >= 5 * SECOND) {
        node.lastHeartbeatUs = this.nowUs;
        if (node.status !== 'ready') {
          node.status = 'ready';
          this.event('info', 'node.ready', 0, { code: 'NODE_READY', node: node.name, session: 2 }, { node: node.name });
        }
        this.changedNodes.add(node.row);
      }
      if (node.status === 'ready' && this.nowUs - node.lastHeartbeatUs > 15 * SECOND) {
        node.status = 'down';
        this.changedNodes.add(node.row);
        const lost = [...this.tasks.values()].filter((task) => task.node === node && task.desired <= S.running);
        const last = this.events.findLast((event) => event.node === node.name && event.explain.code === 'FAULT');
        const id = this.event(
          'error',
          'node.down',
          last?.id ?? 0,
          {
            code: 'NODE_DOWN',
            node: node.name,
            lastHeartbeat: node.lastHeartbeatUs as ClusterEvent['at'],
            graceUs: 15 * SECOND,
            tasks: lost.length,
          },
          { node: node.name },
        );
        for (const task of lost) this.#replace(task, 'node-down', id, 0);
      }
    }
  }

  #set(task: DemoTask, state: TaskState, afterUs: number): void {
    task.state = state;
    task.sinceUs = this.nowUs;
    task.nextUs = this.nowUs + afterUs;
    this.changedTasks.add(task.row);
    this.changedServices.add(task.service.row);
    if (task.node !== undefined) this.changedNodes.add(task.node.row);
  }

  #advance(task: DemoTask): void {
    if (task.node !== undefined && task.node.truth !== 'up') return;
    if (task.desired >= S.shutdown && task.state <= S.running) {
      if (task.node === undefined) this.#set(task, S.shutdown, 0);
      else if (this.nowUs - task.sinceUs > 1.2 * SECOND) this.#set(task, S.shutdown, 0);
      return;
    }
    if (task.state > S.running) return;
    if (task.nextUs > this.nowUs) return;
    switch (task.state) {
      case S.assigned:
        return this.#set(task, S.preparing, (0.5 + this.#random() * 4) * SECOND);
      case S.preparing:
        return this.#set(task, S.ready, 0);
      case S.ready:
        if (task.desired === S.ready) {
          if (this.nowUs < task.startAfterUs) return;
          task.desired = S.running;
        }
        return this.#set(task, S.starting, (0.6 + this.#random() * 2) * SECOND);
      case S.starting:
        task.health = task.service.perRequestMs > 0 ? 2 : 0;
        return this.#set(task, S.running, Number.MAX_SAFE_INTEGER - this.nowUs);
      case S.running: {
        if (task.memoryMiB <= task.service.limitMiB) return;
        this.fail(task, 137, true, 0);
        return;
      }
      default:
    }
  }

  /** Ends a running task and has it replaced after the restart delay. */
  fail(task: DemoTask, exitCode: number, oomKilled: boolean, cause: number): void {
    task.error = oomKilled ? 'task: non-zero exit (137): OOM killed' : `task: non-zero exit (${exitCode})`;
    this.#set(task, S.failed, 0);
    const id = this.event(
      'error',
      'task.failed',
      cause,
      { code: 'EXITED', exitCode, oomKilled, message: task.error },
      { task: task.id, service: task.service.name, node: task.node?.name ?? '' },
    );
    this.#replace(task, 'exited', id, 5 * SECOND);
  }

  #replace(task: DemoTask, reason: 'exited' | 'node-down' | 'node-drained', cause: number, delayUs: number): void {
    task.desired = S.shutdown;
    this.changedTasks.add(task.row);
    if (task.service.mode === 'global' && reason !== 'exited') return;
    const restart = this.event(
      reason === 'exited' ? 'warning' : 'info',
      'task.restart',
      cause,
      { code: 'RESTART', reason, condition: 'any', delayUs, attempts: 1, maxAttempts: 0 },
      { task: task.id, service: task.service.name },
    );
    const next = this.#create(task.service, task.slot, restart, task.id);
    if (task.service.mode === 'global') this.#assign(next, task.node!);
    if (delayUs > 0) {
      next.desired = S.ready;
      next.startAfterUs = this.nowUs + delayUs;
    }
  }

  #create(service: DemoService, slot: number, cause: number, replaces?: string): DemoTask {
    const task: DemoTask = {
      row: this.#nextTask++,
      id: this.#id(),
      service,
      slot,
      node: undefined,
      state: S.pending,
      desired: S.running,
      sinceUs: this.nowUs,
      error: 0,
      health: 0,
      nextUs: 0,
      startAfterUs: 0,
      cpuMilli: 0,
      memoryMiB: service.memoryMiB * (0.8 + 0.3 * this.#random()),
      cause,
      pendingTold: false,
    };
    this.tasks.set(task.row, task);
    this.changedTasks.add(task.row);
    this.changedServices.add(service.row);
    if (replaces === undefined)
      task.cause = this.event(
        'info',
        'task.created',
        cause,
        { code: 'CREATED', reason: service.mode === 'global' ? 'global' : 'replicas', slot },
        { task: task.id, service: service.name },
      );
    return task;
  }

  #live(service: DemoService): DemoTask[] {
    return [...this.tasks.values()].filter((task) => task.service === service && task.desired <= S.running);
  }

  #reconcile(service: DemoService, cause: number): void {
    const live = this.#live(service);
    if (service.mode === 'global') {
      for (const node of this.nodes) {
        if (node.availability === 'drain' || node.status !== 'ready' || live.some((task) => task.node === node)) continue;
        const task = this.#create(service, 0, cause);
        this.#assign(task, node);
      }
      return;
    }
    const slots = new Set(live.map((task) => task.slot));
    for (let slot = 1; live.length < service.desired && slots.size < service.desired; slot++) {
      if (slots.has(slot)) continue;
      slots.add(slot);
      this.#create(service, slot, cause);
    }
    for (const task of live.sort((a, b) => b.slot - a.slot).slice(0, Math.max(0, live.length - service.desired))) {
      task.desired = S.shutdown;
      task.sinceUs = this.nowUs;
      this.changedTasks.add(task.row);
      this.event(
        'info',
        'task.shutdown',
        cause,
        { code: 'SHUTDOWN', reason: 'scale-down' },
        { task: task.id, service: service.name, ...(task.node === undefined ? {} : { node: task.node.name }) },
      );
    }
  }

  reserved(node: DemoNode): { milli: number; mib: number; tasks: number } {
    let milli = 0;
    let mib = 0;
    let tasks = 0;
    for (const task of this.tasks.values()) {
      if (task.node !== node || task.state > S.running || task.desired > S.complete) continue;
      milli += task.service.reservedMilli;
      mib += task.service.reservedMiB;
      tasks++;
    }
    return { milli, mib, tasks };
  }

  #assign(task: DemoTask, node: DemoNode): void {
    task.node = node;
    this.#set(task, S.assigned, 0.2 * SECOND);
  }

  #schedule(): void {
    const waiting = [...this.tasks.values()].filter(
      (task) => task.node === undefined && task.state === S.pending && task.desired <= S.running,
    );
    if (waiting.length === 0) return;
    const columns = this.nodes.map((node) => ({ node, ...this.reserved(node), mine: new Map<DemoService, number>() }));
    for (const task of this.tasks.values()) {
      if (task.node === undefined || task.desired > S.running) continue;
      const { mine } = columns[task.node.row]!;
      mine.set(task.service, (mine.get(task.service) ?? 0) + 1);
    }
    for (const task of waiting) {
      const ready = columns.filter(({ node }) => node.status === 'ready' && node.availability === 'active');
      const fits = ready.filter(
        (column) =>
          column.milli + task.service.reservedMilli <= column.node.milli && column.mib + task.service.reservedMiB <= column.node.memoryMiB,
      );
      const rejected: Record<string, number> = {};
      if (ready.length < columns.length) rejected['ready'] = columns.length - ready.length;
      if (fits.length < ready.length) rejected['resource'] = ready.length - fits.length;
      if (fits.length === 0) this.#tellPending(task, rejected, ready);
      else {
        fits.sort(
          (a, b) => (a.mine.get(task.service) ?? 0) - (b.mine.get(task.service) ?? 0) || a.tasks - b.tasks || a.node.row - b.node.row,
        );
        const [first, second] = fits;
        const scores = (column: (typeof columns)[number]): { name: string; value: number }[] => [
          { name: 'recentFailures', value: 0 },
          { name: 'tasksOfService', value: column.mine.get(task.service) ?? 0 },
          { name: 'tasksTotal', value: column.tasks },
        ];
        task.cause = this.event(
          'info',
          'task.assigned',
          task.cause,
          {
            code: 'PLACED',
            node: first!.node.name,
            profile: 'swarm',
            considered: columns.length,
            feasible: fits.length,
            rejected,
            scores: scores(first!),
            ...(second === undefined ? {} : { runnerUp: { node: second.node.name, scores: scores(second) } }),
          },
          { task: task.id, service: task.service.name, node: first!.node.name },
        );
        this.#assign(task, first!.node);
        first!.tasks++;
        first!.milli += task.service.reservedMilli;
        first!.mib += task.service.reservedMiB;
        first!.mine.set(task.service, (first!.mine.get(task.service) ?? 0) + 1);
      }
    }
  }

  #tellPending(task: DemoTask, rejected: Record<string, number>, ready: { node: DemoNode; milli: number }[]): void {
    if (task.pendingTold) return;
    task.pendingTold = true;
    const best = ready.toSorted((a, b) => a.milli - b.milli)[0];
    task.cause = this.event(
      'warning',
      'task.pending',
      task.cause,
      {
        code: 'PENDING',
        message: 'no suitable node (insufficient resources on ' + (rejected['resource'] ?? 0) + ' nodes)',
        considered: this.nodes.length,
        rejected,
        ...(best === undefined
          ? {}
          : {
              nearest: {
                node: best.node.name,
                filter: 'resource',
                detail: `${best.node.milli - best.milli}m CPU free of ${task.service.reservedMilli}m needed`,
              },
            }),
        wouldFitIf: [`a node with ${task.service.reservedMilli}m CPU free joins`, `${task.service.name} reserves less`],
      },
      { task: task.id, service: task.service.name },
    );
  }

  #measure(): void {
    const use = new Map<DemoNode, { milli: number; mib: number }>();
    for (const service of this.services) {
      const running = this.#live(service).filter((task) => task.state === S.running && task.node?.truth === 'up');
      let milli = 0;
      let mib = 0;
      let throttled = 0;
      for (const task of running) {
        const wave = 1 + 0.25 * Math.sin(this.nowUs / 2e7 + service.row) + 0.16 * (this.#random() - 0.5);
        const demand = service.idleMilli + (service.rps / running.length) * service.perRequestMs * wave;
        task.cpuMilli = Math.min(service.limitMilli, demand);
        if (demand > service.limitMilli) throttled += 1000 * Math.min(1, demand / service.limitMilli - 0.9);
        task.memoryMiB += service.leakMiB + (this.#random() - 0.5) * 0.6;
        if (task.memoryMiB > service.limitMiB) task.nextUs = this.nowUs;
        milli += task.cpuMilli;
        mib += task.memoryMiB;
        const on = use.get(task.node!) ?? { milli: 0, mib: 0 };
        on.milli += task.cpuMilli;
        on.mib += task.memoryMiB;
        use.set(task.node!, on);
      }
      this.#sample(`service:${service.name}`, [
        this.nowUs,
        milli,
        mib,
        running.length === 0 ? 0 : throttled / running.length,
        running.length,
        service.desired,
      ]);
    }
    for (const node of this.nodes) {
      const on = node.truth === 'up' ? (use.get(node) ?? { milli: 0, mib: 0 }) : { milli: 0, mib: 0 };
      node.cpuMilli = on.milli;
      this.#sample(`node:${node.name}`, [
        this.nowUs,
        on.milli + (node.truth === 'up' ? 90 : 0),
        on.mib + (node.truth === 'up' ? 410 : 0),
        0,
        0,
        0,
      ]);
    }
  }

  #sample(subject: string, sample: number[]): void {
    const samples = this.history.get(subject);
    if (samples === undefined) this.history.set(subject, [sample]);
    else samples.push(sample);
  }

  newest(subject: string): number[] | undefined {
    return this.history.get(subject)?.at(-1);
  }

  drain(node: DemoNode, cause: number): void {
    for (const task of [...this.tasks.values()]) {
      if (task.node !== node || task.desired > S.running) continue;
      this.event(
        'info',
        'task.shutdown',
        cause,
        { code: 'SHUTDOWN', reason: 'drain' },
        { task: task.id, service: task.service.name, node: node.name },
      );
      this.#replace(task, 'node-drained', cause, 0);
      task.sinceUs = this.nowUs;
    }
  }

  removeService(service: DemoService): void {
    for (const task of this.tasks.values()) {
      if (task.service !== service) continue;
      this.tasks.delete(task.row);
      this.removedTasks.push(task.row);
      if (task.node !== undefined) this.changedNodes.add(task.node.row);
    }
    this.services.splice(this.services.indexOf(service), 1);
    this.removedServices.push(service.row);
  }

  /** Keeps five ended tasks per slot, as Swarm does. */
  reap(): void {
    const ended = new Map<string, DemoTask[]>();
    for (const task of this.tasks.values()) {
      if (task.state <= S.running) continue;
      const key = `${task.service.row}/${task.slot}`;
      const list = ended.get(key);
      if (list === undefined) ended.set(key, [task]);
      else list.push(task);
    }
    for (const list of ended.values()) {
      for (const task of list.slice(0, Math.max(0, list.length - 5))) {
        this.tasks.delete(task.row);
        this.changedTasks.delete(task.row);
        this.removedTasks.push(task.row);
      }
    }
  }

  nodeView(node: DemoNode): NodeView {
    const { milli, mib, tasks } = this.reserved(node);
    return {
      row: node.row,
      id: node.id,
      name: node.name,
      zone: node.zone,
      status: node.status,
      availability: node.availability,
      truth: node.truth,
      statusMessage: node.status === 'down' ? 'heartbeat failure' : '',
      lastHeartbeatUs: node.lastHeartbeatUs,
      nanoCpus: node.milli * 1e6,
      memoryBytes: node.memoryMiB * MIB,
      reservedNanoCpus: milli * 1e6,
      reservedMemoryBytes: mib * MIB,
      labels: { zone: node.zone },
      engineLabels: {},
      tasks,
    };
  }

  serviceView(service: DemoService): ServiceView {
    const live = this.#live(service);
    const running = live.filter((task) => task.state === S.running && task.node?.status === 'ready').length;
    return {
      row: service.row,
      id: service.id,
      name: service.name,
      stack: service.name.split('_')[0]!,
      image: service.image,
      mode: service.mode,
      desired: service.mode === 'global' ? live.length : service.desired,
      running,
      starting: live.length - running,
      pending: live.filter((task) => task.node === undefined).length,
      ports: service.row === 0 ? [{ protocol: 'tcp', targetPort: 80, publishedPort: 8080, publishMode: 'ingress' }] : [],
      requestsPerSecond: service.rps,
      updateStatus: '',
      limitNanoCpus: service.limitMilli * 1e6,
      limitMemoryBytes: service.limitMiB * MIB,
      reservedNanoCpus: service.reservedMilli * 1e6,
      reservedMemoryBytes: service.reservedMiB * MIB,
    };
  }

  columns(tasks: readonly DemoTask[]): TaskColumns {
    return {
      row: tasks.map((task) => task.row),
      id: tasks.map((task) => task.id),
      service: tasks.map((task) => task.service.row),
      slot: tasks.map((task) => task.slot),
      node: tasks.map((task) => task.node?.row ?? -1),
      state: tasks.map((task) => task.state),
      desired: tasks.map((task) => task.desired),
      sinceUs: tasks.map((task) => task.sinceUs),
      error: tasks.map((task) => task.error),
      health: tasks.map((task) => task.health),
    };
  }
}
