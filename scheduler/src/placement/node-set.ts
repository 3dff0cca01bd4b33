/**
 * What placement knows of the nodes and of the tasks on them, as typed columns by node row, kept in step with the store by
 * whoever commits. Decisions only read it. Everything in it can be rebuilt from the store by upsertNode and addTask except
 * recent failures and which names of generic resources each task holds: that is what save() is for.
 */
import { isActive, type TimeUs } from '@paperfleet/core';
import { type Bitset, clearBit, grown, hasBit, setBit, wordsFor } from './bitset.ts';
import { Failures, type SavedFailures } from './failures.ts';
import { amount, claimGeneric, consumeGeneric, type GenericResources, reclaimGeneric, sanitizeGeneric } from './generic-resource.ts';
import { Journal } from './journal.ts';
import { hostPortKeys, reservations } from './needs.ts';
import { RankIndex } from './rank-index.ts';
import type { PlacedTask, PlacementNode } from './request.ts';
import { ServiceTally } from './service-tally.ts';

/** A task on a node, linked with the others of its node so that a node can be removed with all of them. */
interface HeldTask {
  readonly id: string;
  readonly row: number;
  readonly serviceId: string;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
  readonly hostPorts: readonly string[];
  readonly generic: GenericResources | undefined;
  active: boolean;
  prev: HeldTask | undefined;
  next: HeldTask | undefined;
}

/** Tasks that hold one host port, by row. More than one on a node only if they were there before anybody checked. */
interface PortHolders {
  bits: Bitset;
  readonly counts: Map<number, number>;
}

/** Plain data. */
interface SavedNodeSet {
  readonly format: 1;
  readonly failures: SavedFailures;
  /** Free generic resources by row: names are handed out in this order. */
  readonly genericFree: readonly (readonly [number, GenericResources])[];
  /** Generic resources held, by task id. */
  readonly genericHeld: readonly (readonly [string, GenericResources])[];
}

const JOURNAL_ROWS = 1 << 14;
const NO_GENERIC: GenericResources = {};

export class NodeSet {
  /** Nodes present. */
  size = 0;
  /** One more than the highest row ever used; columns below are valid up to it. */
  rows = 0;
  /** Words of every bitset by row. */
  words = 0;
  present: Bitset = new Int32Array(0);
  ready: Uint8Array = new Uint8Array(0);
  /** Total minus reservations, nano-CPUs and bytes; below 0 when a node's description shrank. */
  cpuFree: Float64Array = new Float64Array(0);
  memoryFree: Float64Array = new Float64Array(0);
  /** Active tasks of all services. */
  tasksTotal: Int32Array = new Int32Array(0);
  readonly nodes: (PlacementNode | undefined)[] = [];
  /** Names by row; kept after a node is gone, for explanations of earlier decisions. */
  readonly names: string[] = [];
  /** Present rows by tasksTotal. */
  readonly byTotal: RankIndex = new RankIndex(0);
  readonly services: Map<string, ServiceTally> = new Map();
  /** Free units by kind, then by row. */
  readonly genericFree: Map<string, Float64Array> = new Map();
  readonly failures: Failures = new Failures();
  /** Rows whose node came, changed or went. */
  readonly nodeChanges: Journal = new Journal(JOURNAL_ROWS);
  /** Rows whose tasks changed. */
  readonly taskChanges: Journal = new Journal(JOURNAL_ROWS);

  readonly #tasks = new Map<string, HeldTask>();
  /** The newest task of each row: head of a list. */
  readonly #heads: (HeldTask | undefined)[] = [];
  readonly #ports = new Map<string, PortHolders>();
  /** Free generic resources by row, only of rows that have any or had. */
  readonly #free = new Map<number, GenericResources>();
  /** Loaded, and not yet claimed back by addTask. */
  #restoredHeld = new Map<string, GenericResources>();
  #restoredFree = new Map<number, GenericResources>();

  has(row: number): boolean {
    return hasBit(this.present, row);
  }

  nodeAt(row: number): PlacementNode | undefined {
    return this.nodes[row];
  }

  /** Active tasks of a service on a node. */
  tasksOfService(serviceId: string, row: number): number {
    return this.services.get(serviceId)?.countOf(row) ?? 0;
  }

  /** True when a task on the node holds the host port (`tcp/80`). */
  holdsPort(key: string, row: number): boolean {
    const holders = this.#ports.get(key);
    return holders !== undefined && hasBit(holders.bits, row);
  }

  /** Generic resources a task holds: what SwarmKit calls its assigned generic resources. */
  genericOf(taskId: string): GenericResources {
    return this.#tasks.get(taskId)?.generic ?? NO_GENERIC;
  }

  /** Generic resources nobody holds on a node. */
  genericFreeOf(row: number): GenericResources {
    return this.#free.get(row) ?? NO_GENERIC;
  }

  /** Adds a node, or takes over what changed about it. Rows are dense and never reused. */
  upsertNode(row: number, node: PlacementNode): void {
    if (!Number.isSafeInteger(row) || row < 0) throw new RangeError(`node row must be an integer >= 0, not ${row}`);
    const old = this.nodes[row];
    if (old !== undefined && sameNode(old, node)) return;
    if (old === undefined) this.#addNode(row);
    this.cpuFree[row] = (this.cpuFree[row] ?? 0) + node.description.nanoCpus - (old?.description.nanoCpus ?? 0);
    this.memoryFree[row] = (this.memoryFree[row] ?? 0) + node.description.memoryBytes - (old?.description.memoryBytes ?? 0);
    this.ready[row] = node.ready ? 1 : 0;
    this.nodes[row] = node;
    this.names[row] = node.name;
    if (old === undefined || !sameGeneric(old.description.generic, node.description.generic)) this.#describeGeneric(row, node);
    this.nodeChanges.push(row);
  }

  /** Removes a node with everything on it. */
  removeNode(row: number): void {
    if (!this.has(row)) return;
    for (let held = this.#heads[row]; held !== undefined; held = held.next) this.#release(held);
    this.#setFree(row, NO_GENERIC);
    this.#free.delete(row);
    this.failures.removeRow(row);
    this.byTotal.remove(row, this.tasksTotal[row] ?? 0);
    clearBit(this.present, row);
    this.nodes[row] = undefined;
    this.ready[row] = 0;
    this.cpuFree[row] = 0;
    this.memoryFree[row] = 0;
    this.size--;
    this.nodeChanges.push(row);
  }

  /**
   * A task now holds its reservations on a node. For a task already there only its being active is taken over.
   * @returns false when nothing changed: the node is unknown, or the task was there already
   */
  addTask(row: number, task: PlacedTask): boolean {
    const active = isActive(task.desired);
    const known = this.#tasks.get(task.id);
    if (known !== undefined) {
      if (known.row === row) return this.#setActive(known, active);
      this.removeTask(known.row, task);
    }
    if (!this.has(row)) return false;
    const reserved = reservations(task.spec);
    const generic = reserved.genericKinds.length > 0 ? this.#claim(row, task.id, reserved.generic) : undefined;
    const next = this.#heads[row];
    const held: HeldTask = {
      id: task.id,
      row,
      serviceId: task.serviceId,
      nanoCpus: reserved.nanoCpus,
      memoryBytes: reserved.memoryBytes,
      hostPorts: hostPortKeys(task.ports),
      generic,
      active: false,
      prev: undefined,
      next,
    };
    if (next !== undefined) next.prev = held;
    this.#heads[row] = held;
    this.#tasks.set(task.id, held);
    this.cpuFree[row] = (this.cpuFree[row] ?? 0) - held.nanoCpus;
    this.memoryFree[row] = (this.memoryFree[row] ?? 0) - held.memoryBytes;
    for (const key of held.hostPorts) this.#holdPort(key, row);
    if (active) this.#count(held, 1);
    this.taskChanges.push(row);
    return true;
  }

  /**
   * The task has ended or is gone: the inverse of addTask, by task id.
   * @returns false when the task was not there
   */
  removeTask(row: number, task: { readonly id: string }): boolean {
    const held = this.#tasks.get(task.id);
    if (held === undefined || held.row !== row) return false;
    this.#release(held);
    this.taskChanges.push(row);
    return true;
  }

  /** A task that the scheduler had placed was observed failed or rejected. Not for tasks whose node was preset. */
  recordFailure(row: number, serviceId: string, specVersion: number, at: TimeUs): void {
    if (this.has(row)) this.failures.record(row, serviceId, specVersion, at);
  }

  save(): unknown {
    const saved: SavedNodeSet = {
      format: 1,
      failures: this.failures.save(),
      genericFree: [...this.#free, ...this.#restoredFree].toSorted(([a], [b]) => a - b),
      genericHeld: [...this.#heldGeneric(), ...this.#restoredHeld].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
    };
    return saved;
  }

  /** A set without nodes that goes on as the saved one would, once upsertNode and addTask have been called for all that is stored. */
  static load(saved: unknown): NodeSet {
    const { format, failures, genericFree, genericHeld } = saved as SavedNodeSet;
    if (format !== 1) throw new Error(`saved node set has format ${String(format)}, this build reads 1`);
    const set = new NodeSet();
    set.failures.load(failures);
    set.#restoredFree = new Map(genericFree);
    set.#restoredHeld = new Map(genericHeld);
    return set;
  }

  *#heldGeneric(): Iterable<readonly [string, GenericResources]> {
    for (const held of this.#tasks.values()) if (held.generic !== undefined) yield [held.id, held.generic];
  }

  #addNode(row: number): void {
    this.#growTo(row + 1);
    this.rows = Math.max(this.rows, row + 1);
    setBit(this.present, row);
    this.tasksTotal[row] = 0;
    this.byTotal.add(row, 0);
    this.size++;
  }

  #growTo(rows: number): void {
    if (rows <= this.words * 32) return;
    const words = Math.max(wordsFor(rows), this.words * 2, 4);
    const capacity = words * 32;
    this.words = words;
    this.present = grown(this.present, words);
    this.ready = extended(this.ready, new Uint8Array(capacity));
    this.cpuFree = extended(this.cpuFree, new Float64Array(capacity));
    this.memoryFree = extended(this.memoryFree, new Float64Array(capacity));
    this.tasksTotal = extended(this.tasksTotal, new Int32Array(capacity));
    this.byTotal.grow(words);
    for (const tally of this.services.values()) tally.grow(words);
    for (const [kind, column] of this.genericFree) this.genericFree.set(kind, extended(column, new Float64Array(capacity)));
    for (const holders of this.#ports.values()) holders.bits = grown(holders.bits, words);
  }

  #release(held: HeldTask): void {
    const { row } = held;
    this.#tasks.delete(held.id);
    if (held.prev === undefined) this.#heads[row] = held.next;
    else held.prev.next = held.next;
    if (held.next !== undefined) held.next.prev = held.prev;
    this.cpuFree[row] = (this.cpuFree[row] ?? 0) + held.nanoCpus;
    this.memoryFree[row] = (this.memoryFree[row] ?? 0) + held.memoryBytes;
    for (const key of held.hostPorts) this.#freePort(key, row);
    if (held.generic !== undefined) {
      const described = this.nodes[row]?.description.generic ?? NO_GENERIC;
      this.#setFree(row, sanitizeGeneric(described, reclaimGeneric(this.genericFreeOf(row), held.generic)));
    }
    if (held.active) this.#count(held, -1);
  }

  #setActive(held: HeldTask, active: boolean): boolean {
    if (held.active === active) return false;
    this.#count(held, active ? 1 : -1);
    this.taskChanges.push(held.row);
    return true;
  }

  #count(held: HeldTask, change: 1 | -1): void {
    const { row, serviceId } = held;
    const total = this.tasksTotal[row] ?? 0;
    held.active = change === 1;
    this.tasksTotal[row] = total + change;
    this.byTotal.move(row, total, total + change);
    let tally = this.services.get(serviceId);
    if (change === 1) {
      if (tally === undefined) this.services.set(serviceId, (tally = new ServiceTally(this.words)));
      tally.add(row);
    } else if (tally !== undefined) {
      tally.remove(row);
      if (tally.counts.size === 0) this.services.delete(serviceId);
    }
  }

  #holdPort(key: string, row: number): void {
    let holders = this.#ports.get(key);
    if (holders === undefined) this.#ports.set(key, (holders = { bits: new Int32Array(this.words), counts: new Map() }));
    holders.counts.set(row, (holders.counts.get(row) ?? 0) + 1);
    setBit(holders.bits, row);
  }

  #freePort(key: string, row: number): void {
    const holders = this.#ports.get(key);
    if (holders === undefined) return;
    const left = (holders.counts.get(row) ?? 0) - 1;
    if (left > 0) {
      holders.counts.set(row, left);
      return;
    }
    holders.counts.delete(row);
    clearBit(holders.bits, row);
    if (holders.counts.size === 0) this.#ports.delete(key);
  }

  #claim(row: number, id: string, want: Readonly<Record<string, number>>): GenericResources {
    const restored = this.#restoredHeld.get(id);
    if (restored !== undefined) {
      // The free lists were saved with this claim already taken out.
      this.#restoredHeld.delete(id);
      return restored;
    }
    const { left, claimed } = claimGeneric(this.genericFreeOf(row), want);
    this.#setFree(row, left);
    return claimed;
  }

  /** What is free starts anew from the description, less what the node's tasks hold. */
  #describeGeneric(row: number, node: PlacementNode): void {
    const restored = this.#restoredFree.get(row);
    if (restored !== undefined) {
      this.#restoredFree.delete(row);
      this.#free.set(row, NO_GENERIC);
      this.#setFree(row, restored);
      return;
    }
    let free: GenericResources = node.description.generic;
    for (let held = this.#heads[row]; held !== undefined; held = held.next) {
      if (held.generic !== undefined) free = consumeGeneric(free, held.generic);
    }
    this.#setFree(row, free);
  }

  #setFree(row: number, free: GenericResources): void {
    for (const kind of Object.keys(this.#free.get(row) ?? NO_GENERIC)) {
      const column = this.genericFree.get(kind);
      if (column !== undefined) column[row] = 0;
    }
    const kinds = Object.keys(free);
    if (kinds.length > 0 || this.#free.has(row)) this.#free.set(row, free);
    for (const kind of kinds) {
      let column = this.genericFree.get(kind);
      if (column === undefined) this.genericFree.set(kind, (column = new Float64Array(this.words * 32)));
      column[row] = amount(free[kind]);
    }
  }
}

function extended<T extends Uint8Array | Int32Array | Float64Array>(column: T, larger: T): T {
  larger.set(column);
  return larger;
}

/** Equal in everything placement reads; specs and descriptions are immutable, so identity is enough for them. */
function sameNode(a: PlacementNode, b: PlacementNode): boolean {
  return (
    a.ready === b.ready &&
    a.role === b.role &&
    a.labels === b.labels &&
    a.description === b.description &&
    a.id === b.id &&
    a.name === b.name
  );
}

function sameGeneric(a: GenericResources, b: GenericResources): boolean {
  if (a === b) return true;
  const kinds = Object.keys(a);
  return kinds.length === Object.keys(b).length && kinds.every((kind) => Object.hasOwn(b, kind) && sameAmount(a[kind], b[kind]));
}

function sameAmount(a: number | readonly string[] | undefined, b: number | readonly string[] | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return a === b;
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
