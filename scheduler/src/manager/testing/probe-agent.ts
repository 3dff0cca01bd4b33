/**
 * A small agent for tests of the control plane: it keeps a session as the protocol asks, and either carries out its
 * assignments at once (obedient) or does nothing but what a test tells it. No containers, no images, no statistics.
 */
import {
  LANE,
  MANAGER,
  type Message,
  type Party,
  type PartyFactory,
  type PartyInit,
  type PartyPorts,
  TASK_STATE,
  type TaskState,
  type TaskStateName,
  type TaskStatus,
  type DurationUs,
  type Input,
  type TimerEvent,
  type TimerId,
} from '@paperfleet/core';

export interface ProbeOptions {
  /** Runs what it is assigned, stops what it is told to stop. */
  readonly obedient: boolean;
  readonly startUs: number;
  readonly stopUs: number;
}

interface LocalTask {
  id: string;
  desired: TaskState;
  state: TaskState;
}

interface ProbeState {
  alive: boolean;
  session: number;
  attempt: number;
  batch: number;
  sequence: number;
  /** The one timer of the session: the next heartbeat or the next try to register. */
  timer: TimerId;
  tasks: LocalTask[];
}

interface StepTimer extends TimerEvent {
  readonly type: 'step';
  readonly task: string;
}

type Received = Extract<Message, { type: 'assignments' }>;
const RETRY_US = 2_000_000;

export class ProbeAgent implements Party {
  readonly #ports: PartyPorts;
  readonly #options: ProbeOptions;
  readonly #init: Extract<PartyInit, { kind: 'node' }>;
  readonly #state: ProbeState;
  /** Everything received, for tests; not part of the state. */
  readonly received: Message[] = [];
  /** Heartbeats are answered with silence from now on. */
  silent = false;

  constructor(ports: PartyPorts, init: Extract<PartyInit, { kind: 'node' }>, options: ProbeOptions, saved?: ProbeState) {
    this.#ports = ports;
    this.#init = init;
    this.#options = options;
    this.#state = saved ?? { alive: true, session: 0, attempt: 0, batch: 0, sequence: 0, timer: 0, tasks: [] };
    if (saved === undefined) this.#later(0, 'register');
  }

  save(): unknown {
    return { ...this.#state, tasks: this.#state.tasks.map((task) => ({ ...task })) };
  }

  get session(): number {
    return this.#state.session;
  }
  /** The assignment set as the agent has it. */
  get tasks(): readonly Readonly<LocalTask>[] {
    return this.#state.tasks;
  }
  get assignments(): readonly Received[] {
    return this.received.filter((message) => message.type === 'assignments');
  }

  /** Sends anything, now. */
  send(message: Message): void {
    this.#ports.send(MANAGER, message);
  }

  /** Reports a state of a task, now. */
  report(id: string, state: TaskStateName, more: Partial<TaskStatus> = {}): void {
    const task = this.#state.tasks.find((local) => local.id === id);
    if (task !== undefined) task.state = TASK_STATE[state];
    const updates = [{ id, state: TASK_STATE[state], at: this.#ports.now(), message: state, ...more }];
    this.send({ type: 'status', session: this.#state.session, batch: ++this.#state.batch, updates });
  }

  register(): void {
    this.send({ type: 'register', attempt: ++this.#state.attempt, description: this.#init.join.offer.description });
  }

  onInput(input: Input): void {
    if (input.kind !== 'fault') return;
    if (input.fault.fault === 'crash') this.#state.alive = false;
    else if (input.fault.fault === 'recover') this.#recover();
    else if (input.fault.fault === 'killTask') this.#kill(input.fault.task, input.fault.exitCode);
  }

  #recover(): void {
    this.#state.alive = true;
    this.#state.session = 0;
    // Containers did not survive; the local task list did.
    for (const task of this.#state.tasks) if (task.state <= TASK_STATE.running) task.state = TASK_STATE.failed;
    this.#later(0, 'register');
  }

  #kill(id: string, exitCode: number): void {
    if (!this.#state.alive || !this.#state.tasks.some((task) => task.id === id && task.state === TASK_STATE.running)) return;
    this.report(id, 'failed', { message: 'started', error: `task: non-zero exit (${exitCode})`, exitCode });
  }

  onMessage(_from: number, _sentAt: number, message: Message): void {
    if (!this.#state.alive) return;
    this.received.push(message);
    switch (message.type) {
      case 'registered':
        if (message.attempt !== this.#state.attempt) return;
        this.#state.session = message.session;
        this.#state.sequence = 0;
        this.#later(message.periodUs, 'beat');
        return;
      case 'heartbeatAck':
        if (message.session !== this.#state.session) return;
        if ((message.resultsIn ?? 0) > this.#state.sequence)
          this.send({ type: 'resync', session: message.session, at: this.#state.sequence });
        this.#later(message.periodUs, 'beat');
        return;
      case 'refused':
        if (message.session !== this.#state.session && message.session !== 0) return;
        this.#state.session = 0;
        this.#later(RETRY_US, 'register');
        return;
      case 'assignments':
        this.#assign(message);
        return;
      default:
      // Acknowledgements of statuses: a probe does not send anything twice.
    }
  }

  #assign(message: Received): void {
    const state = this.#state;
    if (message.session !== state.session || message.resultsIn <= state.sequence) return;
    if (!message.full && message.appliesTo !== state.sequence) {
      this.send({ type: 'resync', session: state.session, at: state.sequence });
      return;
    }
    state.sequence = message.resultsIn;
    const known = new Map(state.tasks.map((task) => [task.id, task]));
    if (message.full) state.tasks = state.tasks.filter((task) => message.update.some(({ id }) => id === task.id));
    const removed = new Set(message.remove);
    state.tasks = state.tasks.filter((task) => !removed.has(task.id));
    for (const { id, desired } of message.update) {
      const task = known.get(id) ?? { id, desired, state: TASK_STATE.assigned };
      task.desired = desired;
      if (!state.tasks.includes(task)) state.tasks.push(task);
      if (message.full && task.state > TASK_STATE.assigned) this.#tell(task);
      this.#plan(task);
    }
  }

  #plan(task: LocalTask): void {
    if (!this.#options.obedient || task.state > TASK_STATE.running) return;
    const stop = task.desired >= TASK_STATE.shutdown;
    const event: StepTimer = { type: 'step', task: task.id };
    this.#ports.in((stop ? this.#options.stopUs : this.#options.startUs) as DurationUs, LANE.agent, event);
  }

  #later(spanUs: number, type: 'register' | 'beat'): void {
    this.#ports.cancel(this.#state.timer);
    this.#state.timer = this.#ports.in(spanUs as DurationUs, LANE.agent, { type });
  }

  onTimer(event: TimerEvent): void {
    if (!this.#state.alive) return;
    if (event.type === 'register') {
      if (this.#state.session !== 0) return;
      this.register();
      this.#later(RETRY_US, 'register');
    } else if (event.type === 'beat') {
      if (this.#state.session !== 0 && !this.silent) this.send({ type: 'heartbeat', session: this.#state.session });
      this.#later(RETRY_US, 'beat');
    } else if (event.type === 'step') this.#step((event as StepTimer).task);
  }

  #step(id: string): void {
    const task = this.#state.tasks.find((local) => local.id === id);
    if (task === undefined || task.state > TASK_STATE.running) return;
    if (task.desired >= TASK_STATE.shutdown) task.state = TASK_STATE.shutdown;
    else if (task.desired === TASK_STATE.ready) task.state = TASK_STATE.ready;
    else task.state = TASK_STATE.running;
    this.#tell(task);
  }

  #tell(task: LocalTask): void {
    const message = task.state === TASK_STATE.running ? 'started' : 'shutdown';
    const updates = [{ id: task.id, state: task.state, at: this.#ports.now(), message }];
    this.send({ type: 'status', session: this.#state.session, batch: ++this.#state.batch, updates });
  }
}

export const probeFactory =
  (options: ProbeOptions): PartyFactory =>
  (ports, init, saved) => {
    if (init.kind !== 'node') throw new Error('a probe is a node');
    return new ProbeAgent(ports, init, options, saved as ProbeState | undefined);
  };
