/**
 * Turns a run's changes into delta frames: collects the rows that commits touched and, when asked to flush, looks up what
 * they are now. Each frame is encoded once. Frames of the last 30 s are kept, so that a page that lost its connection
 * goes on where it was.
 *
 * `seq` starts at the wall clock's milliseconds: a page that followed an earlier process, or an earlier life of this feed,
 * holds a number that this one never used, and is given a snapshot.
 */
import type { ClusterEvent, DeltaFrame, NodeView, PlaybackState, ServiceView, Snapshot, Totals } from '@paperfleet/core';
import { LIVE_PROTOCOL } from '@paperfleet/core';
import type { LiveRun } from '../../live/run.ts';
import type { Change, TaskRecord } from '../../store/records.ts';
import { MAX_FRAME_EVENTS } from './delta.ts';
import { nodeView, serviceView, taskColumns } from './views.ts';

/** How long and how much of the past a reconnecting page can be given. */
const RING_MS = 30_000;
const RING_BYTES: number = 16 * 1024 * 1024;
/** A snapshot is encoded at most this often, however many pages ask. */
const SNAPSHOT_MS = 500;
/** The clock moves on in pages at least this often while the run does. */
const CLOCK_MS = 500;

/** A frame with its bytes, shared by everybody it is sent to. */
export interface EncodedDelta {
  readonly seq: number;
  readonly wallMs: number;
  readonly frame: DeltaFrame;
  readonly bytes: Buffer;
}

/** A snapshot with its bytes: as the answer to a GET, and as a frame. */
export interface EncodedSnapshot {
  readonly seq: number;
  readonly json: Buffer;
  readonly frame: Buffer;
}

/** A view's fields, to see whether it differs from what pages have. Heartbeats alone are not worth a row: every node has one every few seconds. */
const nodeKey = (view: NodeView): string => JSON.stringify(view.status === 'ready' ? { ...view, lastHeartbeatUs: 0 } : view);

export class StateFeed {
  readonly #run: LiveRun;
  readonly #wallMs: () => number;
  readonly #nodes = new Set<string>();
  readonly #services = new Set<string>();
  readonly #tasks = new Map<number, TaskRecord>();
  readonly #createdTasks = new Set<number>();
  readonly #removedNodes: number[] = [];
  readonly #removedServices: number[] = [];
  readonly #removedTasks: number[] = [];
  /** What pages have, by row, to leave out rows that did not change after all. */
  readonly #sentNodes = new Map<number, string>();
  readonly #sentServices = new Map<number, string>();
  readonly #ring: EncodedDelta[] = [];
  #ringBytes = 0;
  #events: ClusterEvent[] = [];
  #eventsSkipped = 0;
  #playback: PlaybackState;
  #seq: number;
  #flushedAt = 0;
  #snapshot: (EncodedSnapshot & { readonly wallMs: number }) | undefined;
  #unsubscribe: (() => void)[] = [];

  constructor(run: LiveRun, wallMs: () => number) {
    this.#run = run;
    this.#wallMs = wallMs;
    this.#seq = wallMs();
    this.#playback = run.playback();
    this.#flushedAt = wallMs();
    const { store, events } = run.manager;
    this.#unsubscribe = [store.watch((changes) => this.#collect(changes)), events.watch((event) => this.#collectEvent(event))];
    for (const node of store.nodes.values()) this.#sentNodes.set(node.row, nodeKey(nodeView(node, store)));
    for (const service of store.services.values()) this.#sentServices.set(service.row, JSON.stringify(serviceView(service, store)));
  }

  /** Number of the newest frame. */
  get seq(): number {
    return this.#seq;
  }

  /** Stops listening to the run. The feed is of no use afterwards. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#unsubscribe = [];
  }

  /** A frame of everything that changed since the last one, or nothing when nothing worth telling did. */
  flush(): EncodedDelta | undefined {
    const playback = this.#run.playback();
    const wallMs = this.#wallMs();
    const rows = this.#takeRows();
    if (rows === undefined && !this.#playbackMoved(playback, wallMs)) return undefined;
    this.#playback = playback;
    this.#flushedAt = wallMs;
    const totals: Totals = this.#run.totals();
    const frame: DeltaFrame = { type: 'delta', seq: ++this.#seq, playback, totals, ...rows };
    const encoded = { seq: frame.seq, wallMs, frame, bytes: Buffer.from(JSON.stringify(frame)) };
    this.#remember(encoded);
    return encoded;
  }

  /** Frames after `seq`, oldest first; undefined when they are not all held any more (or never were). */
  since(seq: number): readonly EncodedDelta[] | undefined {
    if (seq === this.#seq) return [];
    const first = this.#ring[0]?.seq;
    if (first === undefined || seq < first - 1 || seq > this.#seq) return undefined;
    return this.#ring.slice(seq - first + 1);
  }

  /** The whole state, at most half a second old; `since(snapshot.seq)` gives the rest. */
  encodedSnapshot(): { readonly snapshot: EncodedSnapshot; readonly flushed: EncodedDelta | undefined } {
    const wallMs = this.#wallMs();
    const held = this.#snapshot;
    if (held !== undefined && wallMs - held.wallMs < SNAPSHOT_MS && this.since(held.seq) !== undefined)
      return { snapshot: held, flushed: undefined };
    const flushed = this.flush();
    const json = Buffer.from(JSON.stringify(this.#build()));
    const snapshot = {
      seq: this.#seq,
      wallMs,
      json,
      frame: Buffer.concat([Buffer.from('{"type":"snapshot","snapshot":'), json, Buffer.from('}')]),
    };
    this.#snapshot = snapshot;
    return { snapshot, flushed };
  }

  #build(): Snapshot {
    return buildSnapshot(this.#run, this.#run.manager, this.#run.playback(), this.#seq);
  }

  #remember(encoded: EncodedDelta): void {
    const ring = this.#ring;
    ring.push(encoded);
    this.#ringBytes += encoded.bytes.length;
    let expired = 0;
    while (expired < ring.length - 1 && (encoded.wallMs - ring[expired]!.wallMs > RING_MS || this.#ringBytes > RING_BYTES))
      this.#ringBytes -= ring[expired++]!.bytes.length;
    if (expired > 0) ring.splice(0, expired);
  }

  #playbackMoved(now: PlaybackState, wallMs: number): boolean {
    const before = this.#playback;
    if (now.paused !== before.paused || now.speed !== before.speed || now.waitingFor.join() !== before.waitingFor.join()) return true;
    return wallMs - this.#flushedAt >= CLOCK_MS && (now.simUs !== before.simUs || now.reachedSpeed !== before.reachedSpeed);
  }

  #collectEvent(event: ClusterEvent): void {
    this.#events.push(event);
    if (this.#events.length < 2 * MAX_FRAME_EVENTS) return;
    this.#eventsSkipped += this.#events.length - MAX_FRAME_EVENTS;
    this.#events = this.#events.slice(-MAX_FRAME_EVENTS);
  }

  #collect(changes: readonly Change[]): void {
    for (const change of changes) {
      if (change.kind === 'task') this.#collectTask(change);
      else if (change.kind === 'node') this.#collectNode(change);
      else this.#collectService(change);
    }
  }

  #collectTask({ op, record, oldNodeId }: Extract<Change, { kind: 'task' }>): void {
    if (op === 'remove') {
      this.#tasks.delete(record.row);
      if (!this.#createdTasks.delete(record.row)) this.#removedTasks.push(record.row);
    } else {
      if (op === 'create') this.#createdTasks.add(record.row);
      this.#tasks.set(record.row, record);
    }
    this.#services.add(record.serviceId);
    if (record.nodeId !== '') this.#nodes.add(record.nodeId);
    if (oldNodeId !== '' && oldNodeId !== record.nodeId) this.#nodes.add(oldNodeId);
  }

  #collectNode({ op, record }: Extract<Change, { kind: 'node' }>): void {
    const { store } = this.#run.manager;
    this.#nodes.add(record.id);
    if (op === 'remove') {
      this.#nodes.delete(record.id);
      if (this.#sentNodes.delete(record.row)) this.#removedNodes.push(record.row);
    }
    // Whether a task counts as running depends on its node; which row it points to, on the node's existence.
    const known = this.#sentNodes.get(record.row);
    if (op === 'update' && known !== undefined && known.includes(`"status":"${record.status}"`)) return;
    for (const task of store.tasksOfNode(record.id)) {
      this.#services.add(task.serviceId);
      if (op !== 'update') this.#tasks.set(task.row, task);
    }
  }

  #collectService({ op, record }: Extract<Change, { kind: 'service' }>): void {
    this.#services.add(record.id);
    if (op === 'update') return;
    if (op === 'remove') {
      this.#services.delete(record.id);
      if (this.#sentServices.delete(record.row)) this.#removedServices.push(record.row);
    }
    for (const task of this.#run.manager.store.tasksOfService(record.id)) this.#tasks.set(task.row, task);
  }

  /** Empties what was collected into the fields of a frame; undefined when there is nothing in it. */
  #takeRows(): Partial<DeltaFrame> | undefined {
    const { store } = this.#run.manager;
    const nodes = this.#changedViews(
      this.#nodes,
      (id) => store.nodes.get(id),
      (record) => nodeView(record, store),
      this.#sentNodes,
      nodeKey,
    );
    const services = this.#changedViews(
      this.#services,
      (id) => store.services.get(id),
      (record) => serviceView(record, store),
      this.#sentServices,
      JSON.stringify,
    );
    const tasks = this.#tasks.size === 0 ? undefined : taskColumns(this.#tasks.values(), store, ({ row }) => !this.#createdTasks.has(row));
    const skipped = this.#eventsSkipped + Math.max(0, this.#events.length - MAX_FRAME_EVENTS);
    const events = this.#events.slice(-MAX_FRAME_EVENTS);
    const rows: Partial<DeltaFrame> = {
      ...(nodes.length === 0 ? {} : { nodes }),
      ...(this.#removedNodes.length === 0 ? {} : { removedNodes: [...this.#removedNodes] }),
      ...(services.length === 0 ? {} : { services }),
      ...(this.#removedServices.length === 0 ? {} : { removedServices: [...this.#removedServices] }),
      ...(tasks === undefined ? {} : { tasks }),
      ...(this.#removedTasks.length === 0 ? {} : { removedTasks: [...this.#removedTasks] }),
      ...(events.length === 0 ? {} : { events }),
      ...(skipped === 0 ? {} : { eventsSkipped: skipped }),
    };
    this.#forget();
    return Object.keys(rows).length === 0 ? undefined : rows;
  }

  #forget(): void {
    this.#nodes.clear();
    this.#services.clear();
    this.#tasks.clear();
    this.#createdTasks.clear();
    this.#removedNodes.length = 0;
    this.#removedServices.length = 0;
    this.#removedTasks.length = 0;
    this.#events = [];
    this.#eventsSkipped = 0;
  }

  /** Views of the objects with these ids that differ from what pages have. */
  #changedViews<R, V extends NodeView | ServiceView>(
    ids: Iterable<string>,
    find: (id: string) => R | undefined,
    view: (record: R) => V,
    sent: Map<number, string>,
    key: (view: V) => string,
  ): V[] {
    const changed: V[] = [];
    for (const id of ids) {
      const record = find(id);
      if (record === undefined) continue;
      const now = view(record);
      const text = key(now);
      if (sent.get(now.row) === text) continue;
      sent.set(now.row, text);
      changed.push(now);
    }
    return changed;
  }
}

/** The whole state of a run as a snapshot; `manager` is another than the run's own when the past is shown. */
export function buildSnapshot(run: LiveRun, manager: LiveRun['manager'], playback: PlaybackState, seq: number): Snapshot {
  const { store, events } = manager;
  return {
    protocol: LIVE_PROTOCOL,
    run: run.name,
    parent: run.parent,
    seed: run.header.seed,
    seq,
    playback,
    totals: run.totals(),
    nodes: [...store.nodes.values()].map((node) => nodeView(node, store)),
    services: [...store.services.values()].map((service) => serviceView(service, store)),
    tasks: taskColumns(store.tasks.values(), store),
    events: events.newest(MAX_FRAME_EVENTS),
  };
}
