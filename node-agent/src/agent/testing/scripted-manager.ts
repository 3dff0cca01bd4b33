/**
 * The other end of a node's session for tests: a small manager that registers nodes, keeps what they report and hands out
 * what a script says. A party like any other (pure, saveable), so that whole runs can be saved and restored.
 */
import {
  type AssignedTask,
  type DurationUs,
  LANE,
  type Message,
  type Party,
  type PartyId,
  type PartyFactory,
  type PartyPorts,
  type Statistics,
  type TaskSpec,
  type TaskState,
  type TaskStatus,
  TASK_STATE,
  type TimeUs,
} from '@paperfleet/core';

/** What the manager does at an instant (µs). `node` is a party; specs are indexes into the world's list. */
export type Step =
  | {
      readonly at: number;
      readonly do: 'run';
      readonly node: number;
      readonly tasks: readonly string[];
      readonly spec: number;
      readonly desired?: TaskState;
    }
  | { readonly at: number; readonly do: 'desire'; readonly node: number; readonly tasks: readonly string[]; readonly desired: TaskState }
  | { readonly at: number; readonly do: 'remove'; readonly node: number; readonly tasks: readonly string[] }
  | { readonly at: number; readonly do: 'load'; readonly node: number; readonly milliRps: number }
  | { readonly at: number; readonly do: 'refuse'; readonly node: number };

interface NodeBook {
  session: number;
  sequence: number;
  tasks: Record<string, { spec: number; desired: TaskState }>;
  milliRps: number;
  /** Newest status by task, as applied: a state never goes back. */
  statuses: Record<string, TaskStatus>;
  /** State changes as they came, 'task state message error'. */
  log: string[];
  heard: Record<string, number>;
  names: Record<string, string>;
  statistics: Statistics | null;
  /** Largest number of updates in one batch. */
  largestBatch: number;
}

/** Every task belongs to this service. */
export const SERVICE = 'service0000000000000000001';
const PERIOD_US = 5_000_000 as DurationUs;

export class ScriptedManager implements Party {
  readonly #ports: PartyPorts;
  readonly #script: readonly Step[];
  readonly #specs: readonly TaskSpec[];
  readonly books: Record<number, NodeBook>;

  constructor(ports: PartyPorts, script: readonly Step[], specs: readonly TaskSpec[], saved: unknown) {
    this.#ports = ports;
    this.#script = script;
    this.#specs = specs;
    this.books = structured(saved) ?? {};
    if (saved === undefined) script.forEach((step, index) => ports.at(step.at as TimeUs, LANE.reconcile, { type: `${index}` }));
  }

  book(node: number): NodeBook {
    return (this.books[node] ??= {
      session: 0,
      sequence: 0,
      tasks: {},
      milliRps: 0,
      statuses: {},
      log: [],
      heard: {},
      names: {},
      statistics: null,
      largestBatch: 0,
    });
  }

  onInput(): void {}

  onTimer(event: { readonly type: string }): void {
    const step = this.#script[Number(event.type)]!;
    const book = this.book(step.node);
    switch (step.do) {
      case 'run':
        for (const id of step.tasks) book.tasks[id] = { spec: step.spec, desired: step.desired ?? TASK_STATE.running };
        return this.#tell(step.node, step.tasks, []);
      case 'desire':
        for (const id of step.tasks) if (book.tasks[id] !== undefined) book.tasks[id] = { ...book.tasks[id], desired: step.desired };
        return this.#tell(step.node, step.tasks, []);
      case 'remove':
        for (const id of step.tasks) delete book.tasks[id];
        return this.#tell(step.node, [], step.tasks);
      case 'load':
        book.milliRps = step.milliRps;
        return this.#tell(step.node, [], []);
      case 'refuse':
        this.#ports.send(step.node as PartyId, { type: 'refused', session: book.session, reason: 'session invalid' });
        book.session = 0;
    }
  }

  onMessage(from: PartyId, _sentAt: TimeUs, message: Message): void {
    const book = this.book(from);
    book.heard[message.type] = (book.heard[message.type] ?? 0) + 1;
    if (message.type === 'register') {
      book.session = Math.max(book.session, book.heard['sessions'] ?? 0) + 1;
      book.heard['sessions'] = book.session;
      book.sequence = 0;
      this.#ports.send(from, { type: 'registered', attempt: message.attempt, session: book.session, periodUs: PERIOD_US });
      this.#full(from);
      return;
    }
    if (!('session' in message)) return;
    if (message.session !== book.session || book.session === 0) {
      this.#ports.send(from, { type: 'refused', session: message.session, reason: 'session invalid' });
      return;
    }
    this.#inSession(from, book, message);
  }

  save(): unknown {
    return structured(this.books);
  }

  #inSession(from: PartyId, book: NodeBook, message: Message): void {
    switch (message.type) {
      case 'heartbeat':
        this.#ports.send(from, { type: 'heartbeatAck', session: book.session, periodUs: PERIOD_US, resultsIn: book.sequence });
        break;
      case 'resync':
        this.#full(from);
        break;
      case 'status':
        for (const status of message.updates) this.#apply(book, status);
        book.largestBatch = Math.max(book.largestBatch, message.updates.length);
        this.#ports.send(from, { type: 'statusAck', session: book.session, batch: message.batch });
        break;
      case 'statistics':
        book.statistics = message.statistics;
        for (const [number, task] of message.statistics.names) book.names[number] = task;
        break;
      default:
        break;
    }
  }

  #apply(book: NodeBook, status: TaskStatus): void {
    const old = book.statuses[status.id];
    if (old !== undefined && (old.state > status.state || old.at > status.at)) return;
    if (old === undefined || old.state !== status.state) {
      book.log.push(`${status.id} ${status.state} ${status.message}${status.error === undefined ? '' : ` | ${status.error}`}`);
    }
    book.statuses[status.id] = status;
  }

  #full(node: PartyId): void {
    const book = this.book(node);
    book.sequence++;
    this.#send(node, book, true, book.sequence - 1, Object.keys(book.tasks), []);
  }

  #tell(node: number, update: readonly string[], remove: readonly string[]): void {
    const book = this.book(node);
    if (book.session === 0) return;
    book.sequence++;
    this.#send(
      node as PartyId,
      book,
      false,
      book.sequence - 1,
      update.filter((id) => book.tasks[id] !== undefined),
      remove,
    );
  }

  #send(node: PartyId, book: NodeBook, full: boolean, appliesTo: number, update: readonly string[], remove: readonly string[]): void {
    const specs = [...new Set(update.map((id) => book.tasks[id]!.spec))];
    const tasks: AssignedTask[] = update.map((id, index) => ({
      id,
      serviceId: SERVICE,
      serviceName: 'web',
      slot: index + 1,
      desired: book.tasks[id]!.desired,
      spec: specs.indexOf(book.tasks[id]!.spec),
    }));
    this.#ports.send(node, {
      type: 'assignments',
      session: book.session,
      full,
      appliesTo,
      resultsIn: book.sequence,
      specs: specs.map((spec) => this.#specs[spec]!),
      update: tasks,
      remove,
      loads: [[SERVICE, book.milliRps]],
    });
  }
}

/** A deep copy of plain data and typed arrays. */
function structured<T>(value: unknown): T | undefined {
  if (value === undefined) return undefined;
  return copy(value) as T;
}
function copy(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return (value as Float64Array).slice();
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copy(inner)]));
}

/** A factory of scripted managers; `made` gives the newest one. */
export function scriptedManagers(
  script: readonly Step[],
  specs: readonly TaskSpec[],
): { readonly factory: PartyFactory; readonly made: () => ScriptedManager } {
  let newest: ScriptedManager | undefined;
  return {
    factory: (ports, _init, saved) => (newest = new ScriptedManager(ports, script, specs, saved)),
    made: () => newest!,
  };
}
