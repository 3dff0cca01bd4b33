/** Runs rows of a machine on its compiled table: columns of bytes, no allocation per event. For fleets. */
import { assert } from '../errors.ts';
import type { Effect, MachineTable } from './compile.ts';
import type { DriverEffects, MachineDriver } from './driver.ts';

/** Marks a row that does not exist. States are numbered below it. */
const ABSENT = 255;

type RowEffect = (row: number) => void;

export class TableDriver implements MachineDriver {
  private readonly table: MachineTable;
  private readonly lists: readonly RowEffect[];
  private phases: Uint8Array<ArrayBuffer>;
  private guards: Uint8Array<ArrayBuffer>;
  private timers: Uint32Array<ArrayBuffer>;

  /** @param capacity rows to make room for at once; more are made as needed. */
  constructor(table: MachineTable, effects: DriverEffects, capacity = 64) {
    this.table = table;
    this.lists = table.effects.map((list) => this.bind(list, effects));
    this.phases = new Uint8Array(capacity).fill(ABSENT);
    this.guards = new Uint8Array(capacity);
    this.timers = new Uint32Array(table.timers.length === 0 ? 0 : capacity);
  }

  private bindOne(effect: Effect, effects: DriverEffects): RowEffect {
    if ('do' in effect) {
      const action = effects.actions[effect.do];
      assert(action !== undefined, 'machine action has no implementation', { machine: this.table.name, action: effect.do });
      return action;
    }
    if ('arm' in effect) {
      return (row) => {
        this.timers[row] = this.timers[row]! | (1 << effect.arm);
        effects.arm(row, effect.arm);
      };
    }
    return (row) => {
      if ((this.timers[row]! & (1 << effect.cancel)) === 0) return;
      this.timers[row] = this.timers[row]! & ~(1 << effect.cancel);
      effects.cancel(row, effect.cancel);
    };
  }

  private bind(list: readonly Effect[], effects: DriverEffects): RowEffect {
    const bound = list.map((effect) => this.bindOne(effect, effects));
    const [first, second] = bound;
    if (first === undefined) return () => {};
    if (second === undefined) return first;
    return (row) => {
      for (let i = 0; i < bound.length; i++) bound[i]!(row);
    };
  }

  private grow(row: number): void {
    if (row < this.phases.length) return;
    const capacity = Math.max(row + 1, this.phases.length * 2);
    const phases = new Uint8Array(capacity).fill(ABSENT);
    phases.set(this.phases);
    this.phases = phases;
    const guards = new Uint8Array(capacity);
    guards.set(this.guards);
    this.guards = guards;
    if (this.table.timers.length === 0) return;
    const timers = new Uint32Array(capacity);
    timers.set(this.timers);
    this.timers = timers;
  }

  create(row: number, guardBits: number): void {
    this.restore(row, this.table.initial.state, guardBits, 0);
    const { effect } = this.table.initial;
    if (effect !== 0) this.lists[effect]!(row);
  }

  restore(row: number, phase: number, guardBits: number, armed: number): void {
    this.grow(row);
    assert(this.phases[row] === ABSENT, 'row exists already', { machine: this.table.name, row });
    this.phases[row] = phase;
    this.guards[row] = guardBits;
    if (this.table.timers.length > 0) this.timers[row] = armed;
  }

  setGuards(row: number, guardBits: number): void {
    this.guards[row] = guardBits;
  }

  send(row: number, event: number): number {
    const { table } = this;
    const cell = (this.guards[row]! * table.states.length + this.phases[row]!) * table.events.length + event;
    const next = table.next[cell]!;
    const effect = table.effect[cell]!;
    this.phases[row] = next;
    if (effect !== 0) this.lists[effect]!(row);
    return next;
  }

  fire(row: number, timer: number): number {
    const bit = 1 << timer;
    if ((this.armed(row) & bit) === 0) return this.phase(row);
    this.timers[row] = this.timers[row]! & ~bit;
    return this.send(row, this.table.timers[timer]!.event);
  }

  phase(row: number): number {
    const phase = this.phases[row] ?? ABSENT;
    assert(phase !== ABSENT, 'no such row', { machine: this.table.name, row });
    return phase;
  }

  armed(row: number): number {
    return this.timers[row] ?? 0;
  }

  remove(row: number): void {
    this.phase(row);
    this.phases[row] = ABSENT;
    if (this.table.timers.length > 0) this.timers[row] = 0;
  }
}
