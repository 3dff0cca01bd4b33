/** Bugs put into a working cluster on purpose, one at a time, to show that the checkers of random runs notice. */
import { type Factories, type Message, type Party, type PartyPorts, TASK_STATE, type TaskState, type TimerEvent } from '@paperfleet/core';
import { createNodeAgent, viewNode } from '@paperfleet/node-agent';
import { createManager, type Manager, type TaskRecord } from '@paperfleet/scheduler';

const S = TASK_STATE;
type Writable<T> = { -readonly [K in keyof T]: T[K] };

type Timer = (event: TimerEvent) => void;
type Hearing = (message: Message) => Message;

/** A manager whose timers go through `around`. */
const managerWith = (around: (timer: Timer, manager: Manager, ports: PartyPorts) => Timer): Factories => ({
  manager: (ports, init, saved) => {
    const manager = createManager(ports, init, saved) as Manager;
    manager.onTimer = around(manager.onTimer.bind(manager), manager, ports);
    return manager;
  },
  node: createNodeAgent,
});

/** A manager that does something wrong after its timers. */
const wrongManager = (after: (manager: Manager, ports: PartyPorts) => void): Factories =>
  managerWith((timer, manager, ports) => (event) => {
    timer(event);
    after(manager, ports);
  });

/** Like `wrongManager`, but the mistake is made once: `work` says true when it has been. */
function once(work: (manager: Manager, ports: PartyPorts) => boolean, from = 20_000_000): () => Factories {
  return () => {
    let done = false;
    return wrongManager((manager, ports) => {
      if (!done && ports.now() > from) done = work(manager, ports);
    });
  };
}

/** A manager that misses its timers of a type from an instant on. */
const forgetful = (type: string, from: number) => (): Factories =>
  managerWith((timer, _manager, ports) => (event) => {
    if (event.type !== type || ports.now() < from) timer(event);
  });

/** An agent whose timers and messages go through these. */
const agentWith =
  (around: { readonly timer?: (timer: Timer, agent: Party, ports: PartyPorts) => Timer; readonly hears?: Hearing }) => (): Factories => ({
    manager: createManager,
    node: (ports, init, saved) => {
      const agent = createNodeAgent(ports, init, saved);
      if (around.timer !== undefined) agent.onTimer = around.timer(agent.onTimer.bind(agent) as Timer, agent, ports);
      const onMessage = agent.onMessage.bind(agent);
      if (around.hears !== undefined) agent.onMessage = (from, sentAt, message) => onMessage(from, sentAt, around.hears!(message));
      return agent;
    },
  });

/** An agent that hears something else than it was told. */
const mishearing = (hears: Hearing): (() => Factories) => agentWith({ hears });

/** An agent that does something wrong after its timers. */
const wrongAgent = (after: (agent: Party, ports: PartyPorts) => void): (() => Factories) =>
  agentWith({
    timer: (timer, agent, ports) => (event) => {
      timer(event);
      after(agent, ports);
    },
  });

/** An agent that misses its timers of a type. */
const deaf = (type: string): (() => Factories) =>
  agentWith({
    timer: (timer) => (event) => {
      if (event.type !== type) timer(event);
    },
  });

/** Agents (or the manager) that say something else than they should; undefined: nothing at all. */
function tampered(who: 'manager' | 'node', change: (message: Message, now: number) => Message | undefined): () => Factories {
  const wrap = (ports: PartyPorts): PartyPorts => ({
    id: ports.id,
    now: () => ports.now(),
    at: (due, lane, event) => ports.at(due, lane, event),
    in: (span, lane, event) => ports.in(span, lane, event),
    cancel: (timer) => ports.cancel(timer),
    send: (to, message) => {
      const changed = change(message, ports.now());
      if (changed !== undefined) ports.send(to, changed);
    },
    rng: (label) => ports.rng(label),
    faultPoint: (name) => ports.faultPoint(name),
    record: (code, subject, a, b) => ports.record(code, subject, a, b),
  });
  return () => ({
    manager: (ports, init, saved) => createManager(who === 'manager' ? wrap(ports) : ports, init, saved),
    node: (ports, init, saved) => createNodeAgent(who === 'node' ? wrap(ports) : ports, init, saved),
  });
}

const live = (task: TaskRecord): boolean => task.nodeId !== '' && task.state >= S.assigned && task.state <= S.running;
const tasksOf = (manager: Manager): TaskRecord[] => [...manager.store.tasks.values()];

export interface PlantedBug {
  readonly name: string;
  /** The rule that it breaks. */
  readonly rule: string;
  readonly factories: () => Factories;
}

export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a placement that ignores reservations',
    rule: 'books',
    factories: once((manager) => {
      const tasks = tasksOf(manager).filter((task) => live(task) && (task.spec.containers[0]?.reservations.nanoCpus ?? 0) > 0);
      const target = tasks[0]?.nodeId;
      const cpus = tasks.reduce((sum, task) => sum + (task.spec.containers[0]?.reservations.nanoCpus ?? 0), 0);
      if (target === undefined || cpus <= (manager.store.nodes.get(target)?.description.nanoCpus ?? Infinity)) return false;
      manager.transact((tx) => {
        for (const task of tasks) tx.assign(tx.writeTask(task), target);
      });
      return true;
    }),
  },
  {
    name: 'a status that is applied although it goes back',
    rule: 'phases',
    factories: once((manager) => {
      const task = tasksOf(manager).find(({ state }) => state === S.running);
      if (task !== undefined) manager.transact((tx) => void (tx.writeTask(task).state = S.starting));
      return task !== undefined;
    }),
  },
  {
    name: 'a desired state that is taken back',
    rule: 'phases',
    factories: once((manager) => {
      const task = tasksOf(manager).find(({ desired }) => desired > S.running);
      if (task !== undefined) manager.transact((tx) => void (tx.writeTask(task).desired = S.running));
      return task !== undefined;
    }),
  },
  {
    name: 'an agent whose task goes back',
    rule: 'phases',
    factories: wrongAgent((agent, ports) => {
      if (ports.now() < 30_000_000) return;
      for (const task of viewNode(agent).tasks)
        if (task.state === S.running) (task as Writable<typeof task>).state = S.preparing as TaskState;
    }),
  },
  {
    name: 'a second task for a slot that has one',
    rule: 'one wanted',
    factories: once((manager, ports) => {
      const task = tasksOf(manager).find(({ desired, state, global }) => desired === S.running && state === S.running && !global);
      if (task === undefined) return false;
      const { row: _row, version: _version, ...copy } = task;
      manager.transact((tx) => tx.createTask({ ...copy, id: `twin${ports.now()}`, nodeId: '', state: S.new, generic: undefined }));
      return true;
    }),
  },
  {
    name: 'a replacement that does not wait for the old task',
    rule: 'one running',
    factories: once((manager) => {
      const { store } = manager;
      const waiting = tasksOf(manager).find((task) => {
        const replaced = task.explain?.code === 'CREATED' ? store.tasks.get(task.explain.replaces ?? '') : undefined;
        return task.desired === S.ready && replaced !== undefined && live(replaced) && store.nodes.get(replaced.nodeId)?.status === 'ready';
      });
      if (waiting !== undefined) manager.transact((tx) => void (tx.writeTask(waiting).desired = S.running));
      return waiting !== undefined;
    }),
  },
  {
    name: 'assignments that tell waiting tasks to run',
    rule: 'one running',
    factories: tampered('manager', (message) =>
      message.type === 'assignments'
        ? { ...message, update: message.update.map((task) => (task.desired === S.ready ? { ...task, desired: S.running } : task)) }
        : message,
    ),
  },
  {
    name: 'an agent that calls a running task failed',
    rule: 'truth',
    factories: tampered('node', (message, now) =>
      message.type === 'status' && now > 15_000_000
        ? { ...message, updates: message.updates.map((status) => (status.state === S.running ? { ...status, state: S.failed } : status)) }
        : message,
    ),
  },
  {
    name: 'a node that is declared down too early',
    rule: 'patience',
    factories: once((manager, ports) => {
      const node = [...manager.store.nodes.values()].find(
        ({ status, lastHeartbeat }) => status === 'ready' && ports.now() - lastHeartbeat < 6_000_000,
      );
      if (node !== undefined) {
        manager.transact((tx) => {
          const record = tx.writeNode(node);
          record.status = 'down';
          record.statusMessage = 'heartbeat failure';
          record.statusAt = ports.now();
        });
      }
      return node !== undefined;
    }),
  },
  {
    name: 'an agent that never lets a task go',
    rule: 'calm: orphans',
    factories: mishearing((message) => (message.type === 'assignments' && !message.full ? { ...message, remove: [] } : message)),
  },
  {
    name: 'an agent that does not hear that tasks are to stop',
    rule: 'calm: belief',
    factories: mishearing((message) =>
      message.type === 'assignments' ? { ...message, update: message.update.filter(({ desired }) => desired <= S.running) } : message,
    ),
  },
  { name: 'a container that survives the stop and the kill', rule: 'calm: orphans', factories: deaf('container.stop') },
  {
    name: 'an agent that reports nothing any more',
    rule: 'calm: belief',
    factories: tampered('node', (message, now) => (message.type === 'status' && now > 115_000_000 ? undefined : message)),
  },
  {
    name: 'an agent that falls silent',
    rule: 'calm: nodes',
    factories: tampered('node', (_message, now) => (now > 200_000_000 ? undefined : _message)),
  },
  {
    name: 'a task that is shut down and not replaced',
    rule: 'calm: services',
    factories: once((manager) => {
      const task = tasksOf(manager).find(({ desired, state }) => desired === S.running && state === S.running);
      if (task !== undefined) manager.transact((tx) => void (tx.writeTask(task).desired = S.shutdown));
      return task !== undefined;
    }, 220_000_000),
  },
  { name: 'a scheduler that goes to sleep', rule: 'calm: pending', factories: forgetful('schedule', 30_000_000) },
  { name: 'a restart supervisor that goes to sleep', rule: 'calm: queues', factories: forgetful('restart', 30_000_000) },
];
