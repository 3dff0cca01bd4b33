/**
 * Which task stands in which slot of which node's tile. A task takes the lowest free slot when it first appears on a node
 * and keeps it; when it ends, its ghost holds the slot for three seconds of wall time (longer when it failed and nothing
 * has taken its place), so that nothing moves and no failure vanishes unseen.
 */
import { TASK_STATE } from '@paperfleet/core';
import type { ClusterStore, TaskObserver } from '../store/cluster-store.ts';
import type { Look } from '../store/look.ts';
import { LOOK } from '../store/look.ts';

/** How long the ghost of an ended task stays, wall milliseconds. */
export const GHOST_MS = 3000;
/** Slots offered by every tile: the smallest of these that holds the fullest node with some room. */
const CAPACITIES = [4, 6, 8, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096, 8192, 16_384] as const;
const FREE = -1;

export interface Ghost {
  readonly row: number;
  readonly id: string;
  readonly service: number;
  readonly slot: number;
  readonly node: number;
  readonly position: number;
  readonly look: Look;
  readonly name: string;
  untilMs: number;
}

/** A task that reappeared on another node. */
export interface Move {
  readonly service: number;
  readonly fromNode: number;
  readonly fromPosition: number;
  readonly toNode: number;
  readonly toPosition: number;
}

export interface Place {
  readonly node: number;
  readonly position: number;
}

/** What stands in a slot: a task by its index, a ghost, or nothing. */
export type Occupant = { readonly task: number } | { readonly ghost: Ghost } | undefined;

const FAILING: ReadonlySet<Look> = new Set<Look>([LOOK.failed, LOOK.oom, LOOK.rejected]);

export class SlotBook implements TaskObserver {
  readonly #store: ClusterStore;
  /** Per node row: task index, FREE, or -2 - g for ghost g. */
  readonly #slots: Map<number, number[]> = new Map();
  readonly #ghosts: (Ghost | undefined)[] = [];
  /** Per task index: node row and position where it is shown; -1 when it is not. */
  readonly #node: number[] = [];
  readonly #position: number[] = [];
  /** Per task index: what its cell shows. */
  readonly look: Look[] = [];
  readonly #changed: Set<number> = new Set();
  readonly #lastPlace: Map<string, Place & { readonly row: number }> = new Map();
  #resetting = true;
  capacity: number = CAPACITIES[0];
  /** Slots whose picture is out of date, as (node row, position) pairs; emptied by the renderer. */
  readonly dirty: Place[] = [];
  /** Everything is out of date. */
  dirtyAll = true;
  readonly moves: Move[] = [];

  constructor(store: ClusterStore) {
    this.#store = store;
  }

  reset(): void {
    this.#slots.clear();
    this.#ghosts.length = this.#node.length = this.#position.length = this.look.length = 0;
    this.#changed.clear();
    this.#lastPlace.clear();
    this.dirty.length = this.moves.length = 0;
    this.capacity = CAPACITIES[0];
    this.dirtyAll = this.#resetting = true;
  }

  taskChanged(index: number): void {
    this.#changed.add(index);
  }

  taskRemoved(index: number): void {
    this.#changed.delete(index);
    const node = this.#node[index] ?? -1;
    if (node >= 0) this.#haunt(index, this.look[index] ?? LOOK.stopped, 0);
    this.#node[index] = -1;
  }

  /** Brings the slots up to date with the store. @param nowMs – wall clock, for ghosts. */
  settle(nowMs: number): void {
    const { row } = this.#store.tasks;
    const changed = [...this.#changed].filter((index) => row[index]! >= 0).sort((a, b) => row[a]! - row[b]!);
    this.#changed.clear();
    const newest = this.#resetting ? this.#newestRows() : undefined;
    for (const index of changed) this.#leave(index, nowMs);
    for (const index of changed) this.#enter(index, newest, nowMs);
    for (const ghost of this.#ghosts) if (ghost !== undefined && ghost.untilMs === 0) ghost.untilMs = nowMs + GHOST_MS;
    this.#resetting = false;
  }

  /** Frees the slots of ghosts whose time is over. Returns when the next one is due, Infinity when there is none. */
  expire(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    let newest: Map<string, number> | undefined;
    for (let g = 0; g < this.#ghosts.length; g++) {
      const ghost = this.#ghosts[g];
      if (ghost === undefined) continue;
      if (ghost.untilMs <= nowMs) {
        newest ??= this.#newestRows();
        const held = this.#store.tasks.indexOfRow(ghost.row) >= 0;
        const unreplaced = held && FAILING.has(ghost.look) && newest.get(keyOf(ghost.service, ghost.slot, ghost.node)) === ghost.row;
        if (!unreplaced) {
          this.#exorcise(g, ghost);
          continue;
        }
        ghost.untilMs = nowMs + GHOST_MS;
      }
      next = Math.min(next, ghost.untilMs);
    }
    return next;
  }

  occupant(nodeRow: number, position: number): Occupant {
    const held = this.#slots.get(nodeRow)?.[position] ?? FREE;
    if (held >= 0) return { task: held };
    const ghost = held === FREE ? undefined : this.#ghosts[-2 - held];
    return ghost === undefined ? undefined : { ghost };
  }

  /** Slots in use or used before on a node: positions are below this. */
  used(nodeRow: number): number {
    return this.#slots.get(nodeRow)?.length ?? 0;
  }

  placeOfTask(index: number): Place | undefined {
    const node = this.#node[index] ?? -1;
    return node < 0 ? undefined : { node, position: this.#position[index]! };
  }

  /** Marks every slot that shows a task, as after new measurements. */
  touchTask(index: number): void {
    const node = this.#node[index] ?? -1;
    if (node >= 0) this.dirty.push({ node, position: this.#position[index]! });
  }

  ghostCount(): number {
    return this.#ghosts.reduce((count, ghost) => count + (ghost === undefined ? 0 : 1), 0);
  }

  #newestRows(): Map<string, number> {
    const { tasks } = this.#store;
    const newest = new Map<string, number>();
    for (let i = 0; i < tasks.end; i++) {
      if (tasks.row[i]! < 0) continue;
      const key = keyOf(tasks.service[i]!, tasks.slot[i]!, tasks.node[i]!);
      if (tasks.row[i]! > (newest.get(key) ?? -1)) newest.set(key, tasks.row[i]!);
    }
    return newest;
  }

  /** A task that ended, or that is on another node now, leaves its slot to a ghost. */
  #leave(index: number, nowMs: number): void {
    const { tasks } = this.#store;
    const node = this.#node[index] ?? -1;
    if (node < 0) return;
    const look = this.#store.lookAt(index);
    if (tasks.state[index]! > TASK_STATE.running || tasks.node[index] !== node) {
      this.#haunt(index, look, nowMs + GHOST_MS);
      this.#node[index] = -1;
    }
    this.look[index] = look;
  }

  #enter(index: number, newest: Map<string, number> | undefined, nowMs: number): void {
    const { tasks } = this.#store;
    const node = tasks.node[index]!;
    const look = this.#store.lookAt(index);
    this.look[index] = look;
    if (node < 0) return;
    const key = keyOf(tasks.service[index]!, tasks.slot[index]!, node);
    if ((this.#node[index] ?? -1) >= 0) {
      this.touchTask(index);
      return;
    }
    const ended = tasks.state[index]! > TASK_STATE.running;
    // Of a page's first look into history only failures that nothing has replaced are shown.
    if (ended && !(newest !== undefined && FAILING.has(look) && newest.get(key) === tasks.row[index])) return;
    const position = this.#take(node, index);
    this.#node[index] = node;
    this.#position[index] = position;
    this.dirty.push({ node, position });
    const before = this.#lastPlace.get(key);
    if (newest === undefined && before !== undefined && before.node !== node && before.row < tasks.row[index]!) {
      this.moves.push({
        service: tasks.service[index]!,
        fromNode: before.node,
        fromPosition: before.position,
        toNode: node,
        toPosition: position,
      });
    }
    this.#lastPlace.set(key, { node, position, row: tasks.row[index]! });
    if (ended) {
      this.#haunt(index, look, nowMs + GHOST_MS);
      this.#node[index] = -1;
    }
  }

  #take(node: number, index: number): number {
    let slots = this.#slots.get(node);
    if (slots === undefined) this.#slots.set(node, (slots = []));
    let position = slots.indexOf(FREE);
    if (position < 0) position = slots.length;
    slots[position] = index;
    if (position >= this.capacity) {
      this.capacity = CAPACITIES.find((capacity) => capacity > position * 1.15) ?? position + 1;
      this.dirtyAll = true;
    }
    return position;
  }

  #haunt(index: number, look: Look, untilMs: number): void {
    const { tasks } = this.#store;
    const node = this.#node[index]!;
    const position = this.#position[index]!;
    const ended: Look =
      look === LOOK.running || look === LOOK.stopping || look === LOOK.starting || look === LOOK.preparing || look === LOOK.backoff
        ? LOOK.stopped
        : look;
    let g = this.#ghosts.indexOf(undefined);
    if (g < 0) g = this.#ghosts.length;
    this.#ghosts[g] = {
      row: tasks.row[index]!,
      id: tasks.id[index]!,
      service: tasks.service[index]!,
      slot: tasks.slot[index]!,
      node,
      position,
      look: ended,
      name: this.#store.taskNameAt(index),
      untilMs,
    };
    this.#slots.get(node)![position] = -2 - g;
    this.dirty.push({ node, position });
  }

  #exorcise(g: number, ghost: Ghost): void {
    this.#ghosts[g] = undefined;
    const slots = this.#slots.get(ghost.node);
    if (slots !== undefined) slots[ghost.position] = FREE;
    this.dirty.push({ node: ghost.node, position: ghost.position });
    const key = keyOf(ghost.service, ghost.slot, ghost.node);
    if (this.#lastPlace.get(key)?.row === ghost.row) this.#lastPlace.delete(key);
  }
}

/** Tasks with the same key replace each other: by slot, or by node where a global service has none. */
const keyOf = (service: number, slot: number, node: number): string => (slot > 0 ? `${service}/${slot}` : `${service}@${node}`);
