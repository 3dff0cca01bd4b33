/** Runs rows of a machine as real XState actors, one root actor each. For small fleets, inspection, and to test the table against. */
import { createActor } from 'xstate';
import type { AnyActor, AnyStateMachine } from 'xstate';
import { assert } from '../errors.ts';
import type { MachineTable } from './compile.ts';
import type { DriverEffects, MachineDriver } from './driver.ts';
import type { RowContext } from './row.ts';

interface Running {
  actor: AnyActor;
  guards: number;
  /** Callbacks of armed timers, by timer. */
  readonly timers: Map<number, () => void>;
  /** True while timers are put back, which the user has armed already. */
  restoring: boolean;
}

/** The part of an actor system that keeps its timers. */
interface Scheduler {
  schedule(source: AnyActor, target: AnyActor, event: { readonly type: string }, delay: number, id: string): void;
}

/**
 * The table gives names their numbers; all behaviour is the machine's. Each row is a system of its own, because a system
 * with many armed timers searches all of them when an actor stops.
 */
export class ActorDriver implements MachineDriver {
  private readonly rows = new Map<number, Running>();
  private readonly table: MachineTable;
  private readonly effects: DriverEffects;
  private readonly machine: AnyStateMachine;
  private readonly delays: readonly string[];
  private readonly phaseOf: ReadonlyMap<string, number>;

  constructor(machine: AnyStateMachine, table: MachineTable, effects: DriverEffects) {
    this.table = table;
    this.effects = effects;
    this.delays = Object.keys(machine.implementations.delays);
    this.phaseOf = new Map(table.states.map((state, phase) => [state, phase]));
    const names = Object.keys(machine.implementations.actions);
    const missing = names.find((name) => effects.actions[name] === undefined);
    assert(missing === undefined, 'machine action has no implementation', { machine: table.name, action: missing });
    this.machine = machine.provide({
      actions: Object.fromEntries(
        names.map((name) => [name, ({ context }: { context: RowContext }): void => effects.actions[name]!(context.row)]),
      ),
      guards: Object.fromEntries(
        table.guards.map((name, index) => [
          name,
          ({ context }: { context: RowContext }): boolean => ((this.running(context.row).guards >> index) & 1) === 1,
        ]),
      ),
      // A delay's number instead of its length: the user keeps time, and the clock below finds the timer by it.
      delays: Object.fromEntries(this.delays.map((name, index) => [name, index])),
    }) as AnyStateMachine;
  }

  private running(row: number): Running {
    const running = this.rows.get(row);
    assert(running !== undefined, 'no such row', { machine: this.table.name, row });
    return running;
  }

  /** The clock of one row's system: hands timers to the user. */
  private clock(row: number): { setTimeout: (due: () => void, delay: number) => number; clearTimeout: (timer: number) => void } {
    return {
      setTimeout: (due, delay) => {
        const { timers, restoring } = this.running(row);
        const state = this.phase(row);
        const timer = this.table.timers.findIndex((candidate) => candidate.state === state && candidate.delay === this.delays[delay]);
        assert(timer >= 0, 'actor arms a timer that the table does not know', { machine: this.table.name, row });
        timers.set(timer, due);
        if (!restoring) this.effects.arm(row, timer);
        return timer;
      },
      clearTimeout: (timer) => {
        this.running(row).timers.delete(timer);
        this.effects.cancel(row, timer);
      },
    };
  }

  create(row: number, guardBits: number): void {
    assert(!this.rows.has(row), 'row exists already', { machine: this.table.name, row });
    const actor = createActor(this.machine, { input: { row, guards: guardBits }, clock: this.clock(row) });
    this.rows.set(row, { actor, guards: guardBits, timers: new Map(), restoring: false });
    actor.start();
  }

  restore(row: number, phase: number, guardBits: number, armed: number): void {
    assert(!this.rows.has(row), 'row exists already', { machine: this.table.name, row });
    const value = this.table.states[phase]!;
    const snapshot = this.machine.resolveState({ value, context: { row, guards: guardBits } });
    const actor = createActor(this.machine, { snapshot, input: { row, guards: guardBits }, clock: this.clock(row) });
    const running: Running = { actor, guards: guardBits, timers: new Map(), restoring: true };
    this.rows.set(row, running);
    actor.start();
    // XState restores timers from snapshots of its own making only, so they are put into the actor's system here.
    const { scheduler } = actor.system as unknown as { readonly scheduler: Scheduler };
    for (const [timer, { delay, event }] of this.table.timers.entries()) {
      if (((armed >> timer) & 1) === 0) continue;
      const type = this.table.events[event]!;
      scheduler.schedule(actor, actor, { type }, this.delays.indexOf(delay), type);
    }
    running.restoring = false;
  }

  setGuards(row: number, guardBits: number): void {
    this.running(row).guards = guardBits;
  }

  send(row: number, event: number): number {
    this.running(row).actor.send({ type: this.table.events[event]! });
    return this.phase(row);
  }

  fire(row: number, timer: number): number {
    const { timers } = this.running(row);
    const due = timers.get(timer);
    timers.delete(timer);
    due?.();
    return this.phase(row);
  }

  phase(row: number): number {
    const { value } = this.running(row).actor.getSnapshot() as { readonly value: string };
    return this.phaseOf.get(value)!;
  }

  armed(row: number): number {
    let bits = 0;
    for (const timer of this.running(row).timers.keys()) bits |= 1 << timer;
    return bits;
  }

  remove(row: number): void {
    this.running(row);
    this.rows.delete(row);
  }
}
