/**
 * Compiles a flat XState machine into dense tables: the readable machine is the specification, the table its fast twin.
 *
 *   cell      = (guardBits × states + state) × events + event
 *   next[cell]    the next state (u8)
 *   effect[cell]  number of an interned list of effects (u16), 0 for none
 *
 * Compilable are machines without nesting, parallel states, final states, invocations, eventless transitions and
 * assignments, whose actions, guards and delays are all named; at most 255 states and 6 guards (the table doubles with
 * each). Within a list the named actions come first and then the timers, as an actor does them.
 */
import { createActor } from 'xstate';
import type { AnyStateMachine } from 'xstate';
import type { ActionShape, StateShape } from './shape.ts';
import { statesOf } from './shape.ts';

export const MAX_STATES = 255;
export const MAX_GUARDS = 6;
/** Armed timers of a row are kept as bits of one word. */
export const MAX_TIMERS = 31;

/** What a transition causes: an action by name, or a timer (index into `timers`) armed or cancelled. */
export type Effect = { readonly do: string } | { readonly arm: number } | { readonly cancel: number };

/** A named delay after which an event of the table happens. */
export interface TableTimer {
  readonly delay: string;
  /** The state that has it. */
  readonly state: number;
  /** Index of the event that it sends. */
  readonly event: number;
}

export interface MachineTable {
  readonly name: string;
  readonly states: readonly string[];
  /** Declared events first, then those of timers. */
  readonly events: readonly string[];
  readonly guards: readonly string[];
  readonly timers: readonly TableTimer[];
  readonly next: Uint8Array;
  readonly effect: Uint16Array;
  /** Effect lists; number 0 is empty. */
  readonly effects: readonly (readonly Effect[])[];
  readonly initial: { readonly state: number; readonly effect: number };
}

/** The order of columns and guard bits; both must name exactly what the machine has. */
export interface TableLayout {
  readonly events: readonly string[];
  readonly guards: readonly string[];
}

/** A machine that cannot be a table, and why. */
export class NotCompilable extends Error {
  override readonly name: string = 'NotCompilable';
}

function require(condition: boolean, machine: AnyStateMachine, reason: string): asserts condition {
  if (!condition) throw new NotCompilable(`machine ${machine.id}: ${reason}`);
}

/** The part of XState's executable actions that is read here. */
interface ActionObject {
  readonly type: string;
  readonly params?: unknown;
}

function checkActions(machine: AnyStateMachine, actions: readonly ActionShape[], where: string): void {
  for (const action of actions) {
    if (typeof action === 'function') {
      const builtIn = action.type === 'xstate.raise' || action.type === 'xstate.cancel';
      require(builtIn, machine, `${where} has ${action.type ?? 'an action without a name'}; name every action and keep data in rows`);
      continue;
    }
    const name = typeof action === 'string' ? action : action.type;
    const done = (machine.implementations.actions as Readonly<Record<string, ActionShape | undefined>>)[name];
    require(done !== undefined, machine, `${where} names the action ${name}, which is not declared`);
    require(typeof done !== 'function' || !('resolve' in done), machine, `the action ${name} is XState's own; data belongs in rows`);
  }
}

function checkState(machine: AnyStateMachine, state: StateShape): void {
  const where = `state ${state.key}`;
  require(state.type === 'atomic', machine, `${where} is ${state.type}; only flat states are possible`);
  require(state.invoke.length === 0, machine, `${where} invokes an actor`);
  require((state.always ?? []).length === 0, machine, `${where} has an eventless transition`);
  checkActions(machine, state.entry, `entry of ${where}`);
  checkActions(machine, state.exit, `exit of ${where}`);
  for (const [event, transitions] of state.transitions) {
    for (const { actions, guard } of transitions) {
      checkActions(machine, actions, `${event} in ${where}`);
      require(guard === undefined ||
        typeof guard === 'string', machine, `${event} in ${where} has a guard without a name, or with parameters`);
    }
  }
  for (const { delay } of state.after) require(typeof delay === 'string', machine, `${where} has a delay without a name`);
}

function checkShape(machine: AnyStateMachine): void {
  const states = statesOf(machine);
  require(states.length > 0 && states.length <= MAX_STATES, machine, `has ${states.length} states; 1 to ${MAX_STATES} are possible`);
  require(machine.root.invoke.length === 0, machine, 'invokes an actor');
  require(machine.root.transitions.size === 0, machine, 'has transitions outside its states');
  for (const state of states) checkState(machine, state);
}

const sameNames = (one: readonly string[], other: readonly string[]): boolean =>
  new Set(one).size === one.length && one.length === other.length && one.every((name) => other.includes(name));

/** One machine during compilation: guards answer from `bits`, delays tell their number, actions are recorded. */
class Probe {
  bits = 0;
  readonly machine: AnyStateMachine;
  readonly delays: readonly string[];
  private captured: ActionObject[] = [];
  private readonly scope: Parameters<AnyStateMachine['transition']>[2];

  constructor(machine: AnyStateMachine, guards: readonly string[]) {
    this.delays = Object.keys(machine.implementations.delays);
    this.machine = machine.provide({
      guards: Object.fromEntries(guards.map((name, index) => [name, (): boolean => ((this.bits >> index) & 1) === 1])),
      delays: Object.fromEntries(this.delays.map((name, index) => [name, index])),
    }) as AnyStateMachine;
    const self = createActor(this.machine, { input: { row: 0, guards: 0 } });
    this.scope = {
      self,
      system: self.system,
      id: '',
      sessionId: '',
      logger: () => {},
      defer: () => {},
      emit: () => {},
      stopChild: () => {},
      actionExecutor: (action: ActionObject) => this.captured.push(action),
    };
  }

  /** State and actions after an event; undefined stands for the start. */
  step(state: string, event: string | undefined): { readonly state: string; readonly actions: readonly ActionObject[] } {
    this.captured = [];
    const context = { row: 0, guards: 0 };
    const snapshot = (
      event === undefined
        ? this.machine.getInitialSnapshot(this.scope, context)
        : this.machine.transition(this.machine.resolveState({ value: state, context }), { type: event }, this.scope)
    ) as { readonly value: unknown };
    return { state: snapshot.value as string, actions: this.captured };
  }
}

/** Timers of a machine in the order of its states. */
function timersOf(states: readonly StateShape[], events: readonly string[]): TableTimer[] {
  return states.flatMap(({ after }, state) =>
    after.map(({ delay, eventType }) => ({ delay: delay as string, state, event: events.indexOf(eventType) })),
  );
}

function normalise(
  actions: readonly ActionObject[],
  timers: readonly TableTimer[],
  events: readonly string[],
  machine: AnyStateMachine,
): Effect[] {
  const done: Effect[] = [];
  const timed: Effect[] = [];
  for (const { type, params } of actions) {
    if (type === 'xstate.raise' || type === 'xstate.cancel') {
      const { event, sendId } = params as { readonly event?: { readonly type: string }; readonly sendId?: string };
      // The id of a delayed transition is the type of the event that it sends.
      const timer = timers.findIndex((candidate) => events[candidate.event] === (event?.type ?? sendId));
      require(timer >= 0, machine, `raises or cancels ${event?.type ?? sendId}, which is no delayed transition`);
      timed.push(type === 'xstate.raise' ? { arm: timer } : { cancel: timer });
    } else {
      require(!type.startsWith('xstate.'), machine, `does ${type}`);
      done.push({ do: type });
    }
  }
  return [...done, ...timed];
}

/** Gives equal effect lists the same number. */
class Interner {
  readonly lists: (readonly Effect[])[] = [[]];
  private readonly numbers = new Map<string, number>([['[]', 0]]);

  number(list: readonly Effect[]): number {
    const key = JSON.stringify(list);
    const known = this.numbers.get(key);
    if (known !== undefined) return known;
    this.numbers.set(key, this.lists.length);
    return this.lists.push(list) - 1;
  }
}

/** Everything that a table is made from, checked. */
function plan(machine: AnyStateMachine, layout: TableLayout): Pick<MachineTable, 'states' | 'events' | 'guards' | 'timers'> {
  checkShape(machine);
  const shapes = statesOf(machine);
  const { guards } = layout;
  require(guards.length <= MAX_GUARDS, machine, `has ${guards.length} guards; at most ${MAX_GUARDS} are possible`);
  require(sameNames(guards, Object.keys(machine.implementations.guards)), machine, 'the layout does not name exactly its guards');
  const events = [...layout.events, ...shapes.flatMap(({ after }) => after.map(({ eventType }) => eventType))];
  require(sameNames(events, machine.events as readonly string[]), machine, 'the layout does not name exactly its events');
  const timers = timersOf(shapes, events);
  require(timers.length <= MAX_TIMERS, machine, `has ${timers.length} timers; at most ${MAX_TIMERS} are possible`);
  return { states: shapes.map(({ key }) => key), events, guards, timers };
}

/**
 * The dense table of a flat machine.
 * @throws NotCompilable with the reason and the place.
 */
export function compileMachine(machine: AnyStateMachine, layout: TableLayout): MachineTable {
  const { states, events, guards, timers } = plan(machine, layout);
  const probe = new Probe(machine, guards);
  const interner = new Interner();
  const next = new Uint8Array((1 << guards.length) * states.length * events.length);
  const effect = new Uint16Array(next.length);
  const perVector = states.length * events.length;
  const guarded = statesOf(machine).map(
    ({ transitions }) =>
      new Set([...transitions].filter(([, some]) => some.some(({ guard }) => guard !== undefined)).map(([event]) => event)),
  );
  for (let cell = 0; cell < next.length; cell++) {
    const event = events[cell % events.length]!;
    const state = Math.floor(cell / events.length) % states.length;
    if (cell >= perVector && !guarded[state]!.has(event)) {
      next[cell] = next[cell % perVector]!;
      effect[cell] = effect[cell % perVector]!;
      continue;
    }
    probe.bits = Math.floor(cell / perVector);
    const step = probe.step(states[state]!, event);
    next[cell] = states.indexOf(step.state);
    effect[cell] = interner.number(normalise(step.actions, timers, events, machine));
  }
  const first = probe.step('', undefined);
  const initial = { state: states.indexOf(first.state), effect: interner.number(normalise(first.actions, timers, events, machine)) };
  return { name: machine.id, states, events, guards, timers, next, effect, effects: interner.lists, initial };
}

const FNV_PRIME = 0x0100_0193;

/** 64 bits over everything in a table, as 16 hexadecimal digits: shows in a review that a machine was changed. */
export function tableDigest(table: MachineTable): string {
  const { next, effect, ...rest } = table;
  const words = [...next, ...effect, ...Array.from(JSON.stringify(rest), (letter) => letter.codePointAt(0)!)];
  // Two FNV-1a chains with different starts, in the 32 bits that Math.imul is exact in.
  let low = 0x811c_9dc5;
  let high = 0xc2b2_ae35;
  for (const word of words) {
    low = Math.imul(low ^ (word & 0xff), FNV_PRIME);
    low = Math.imul(low ^ (word >>> 8), FNV_PRIME);
    high = Math.imul(high ^ (word >>> 8), FNV_PRIME);
    high = Math.imul(high ^ (word & 0xff), FNV_PRIME);
  }
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}
