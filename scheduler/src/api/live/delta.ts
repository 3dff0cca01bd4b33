/** Arithmetic of delta frames: merging several into one, and applying one to a snapshot. Both are pure. */
import type { DeltaFrame, Snapshot, TaskColumns } from '@paperfleet/core';

/** Most events that one frame or snapshot carries. */
export const MAX_FRAME_EVENTS = 200;

const COLUMNS = [
  'row',
  'id',
  'service',
  'slot',
  'node',
  'state',
  'desired',
  'sinceUs',
  'error',
  'health',
] as const satisfies readonly (keyof TaskColumns)[];

/** An entry of some columns. A task's id stands only in the first entry about it and is handed on from there. */
type Place = readonly [columns: TaskColumns, index: number, id: string];

/** Enters all rows of `columns`, in place of earlier entries. */
function enter(places: Map<number, Place>, columns: TaskColumns | undefined): void {
  columns?.row.forEach((row, index) => places.set(row, [columns, index, columns.id[index] || (places.get(row)?.[2] ?? '')]));
}

/** Puts entries together as columns. */
function gather(places: Iterable<Place>): TaskColumns {
  const result = Object.fromEntries(COLUMNS.map((name) => [name, [] as unknown[]])) as { [K in keyof TaskColumns]: unknown[] };
  for (const [columns, index, id] of places) for (const name of COLUMNS) result[name].push(name === 'id' ? id : columns[name][index]);
  return result as unknown as TaskColumns;
}

/** Rows of one kind while frames are folded together: the newest record of each, and which are gone. */
class Rows<T> {
  readonly present = new Map<number, T>();
  readonly removed = new Set<number>();

  put(row: number, value: T): void {
    this.present.set(row, value);
  }
  remove(row: number): void {
    this.present.delete(row);
    this.removed.add(row);
  }
}

/** One frame that does what these do one after the other. `frames` must follow each other in seq and not be empty. */
export function mergeDeltas(frames: readonly DeltaFrame[]): DeltaFrame {
  const nodes = new Rows<NonNullable<DeltaFrame['nodes']>[number]>();
  const services = new Rows<NonNullable<DeltaFrame['services']>[number]>();
  const tasks = new Rows<Place>();
  const events = frames.flatMap((frame) => frame.events ?? []);
  let skipped = 0;
  for (const frame of frames) {
    for (const node of frame.nodes ?? []) nodes.put(node.row, node);
    for (const row of frame.removedNodes ?? []) nodes.remove(row);
    for (const service of frame.services ?? []) services.put(service.row, service);
    for (const row of frame.removedServices ?? []) services.remove(row);
    enter(tasks.present, frame.tasks);
    for (const row of frame.removedTasks ?? []) tasks.remove(row);
    skipped += frame.eventsSkipped ?? 0;
  }
  skipped += Math.max(0, events.length - MAX_FRAME_EVENTS);
  const last = frames.at(-1)!;
  return {
    type: 'delta',
    seq: last.seq,
    playback: last.playback,
    totals: last.totals,
    ...(nodes.present.size === 0 ? {} : { nodes: [...nodes.present.values()] }),
    ...(nodes.removed.size === 0 ? {} : { removedNodes: [...nodes.removed] }),
    ...(services.present.size === 0 ? {} : { services: [...services.present.values()] }),
    ...(services.removed.size === 0 ? {} : { removedServices: [...services.removed] }),
    ...(tasks.present.size === 0 ? {} : { tasks: gather(tasks.present.values()) }),
    ...(tasks.removed.size === 0 ? {} : { removedTasks: [...tasks.removed] }),
    ...(events.length === 0 ? {} : { events: events.slice(-MAX_FRAME_EVENTS) }),
    ...(skipped === 0 ? {} : { eventsSkipped: skipped }),
  };
}

/** Records by row: later ones replace earlier ones in place, new ones are appended. */
function replaceRows<T extends { readonly row: number }>(
  old: readonly T[],
  changed: readonly T[] = [],
  removed: readonly number[] = [],
): T[] {
  const rows = new Map(old.map((record) => [record.row, record]));
  for (const record of changed) rows.set(record.row, record);
  for (const row of removed) rows.delete(row);
  return [...rows.values()];
}

/** The state after a delta. What a page does, in its plainest form; tests hold the feed against it. */
export function applyDelta(snapshot: Snapshot, delta: DeltaFrame): Snapshot {
  const places = new Map<number, Place>();
  enter(places, snapshot.tasks);
  enter(places, delta.tasks);
  for (const row of delta.removedTasks ?? []) places.delete(row);
  return {
    ...snapshot,
    seq: delta.seq,
    playback: delta.playback,
    totals: delta.totals,
    nodes: replaceRows(snapshot.nodes, delta.nodes, delta.removedNodes),
    services: replaceRows(snapshot.services, delta.services, delta.removedServices),
    tasks: gather(places.values()),
    events: [...snapshot.events, ...(delta.events ?? [])].slice(-MAX_FRAME_EVENTS),
  };
}
