/** Records for tests of the store and the map. */
import type { ClusterEvent, DeltaFrame, NodeView, ServiceView, Snapshot, TaskColumns, TaskState } from '@paperfleet/core';
import { LIVE_PROTOCOL, TASK_STATE } from '@paperfleet/core';

export interface TaskRow {
  readonly row: number;
  readonly service?: number;
  readonly slot?: number;
  readonly node?: number;
  readonly state?: TaskState;
  readonly desired?: TaskState;
  readonly error?: string | 0;
  readonly health?: number;
}

export const nodeView = (row: number, more: Partial<NodeView> = {}): NodeView => ({
  row,
  id: `node-${row}`,
  name: `n${row + 1}`,
  zone: 'a',
  status: 'ready',
  availability: 'active',
  truth: 'up',
  statusMessage: '',
  lastHeartbeatUs: 0,
  nanoCpus: 8e9,
  memoryBytes: 2 ** 34,
  reservedNanoCpus: 0,
  reservedMemoryBytes: 0,
  labels: {},
  engineLabels: {},
  tasks: 0,
  ...more,
});

export const serviceView = (row: number, more: Partial<ServiceView> = {}): ServiceView => ({
  row,
  id: `service-${row}`,
  name: `svc${row}`,
  stack: '',
  image: 'nginx',
  mode: 'replicated',
  desired: 3,
  running: 3,
  starting: 0,
  pending: 0,
  ports: [],
  requestsPerSecond: 0,
  updateStatus: '',
  limitNanoCpus: 5e8,
  limitMemoryBytes: 2 ** 28,
  reservedNanoCpus: 2e8,
  reservedMemoryBytes: 2 ** 27,
  ...more,
});

export function columns(tasks: readonly TaskRow[]): TaskColumns {
  return {
    row: tasks.map((task) => task.row),
    id: tasks.map((task) => `task-${task.row}`),
    service: tasks.map((task) => task.service ?? 0),
    slot: tasks.map((task) => task.slot ?? task.row + 1),
    node: tasks.map((task) => task.node ?? 0),
    state: tasks.map((task) => task.state ?? TASK_STATE.running),
    desired: tasks.map((task) => task.desired ?? TASK_STATE.running),
    sinceUs: tasks.map(() => 0),
    error: tasks.map((task) => task.error ?? 0),
    health: tasks.map((task) => task.health ?? 0),
  };
}

const PLAYBACK = { paused: false, speed: 1, reachedSpeed: 1, simUs: 0, waitingFor: [] } as const;
const TOTALS = { hosts: 1, agents: 0, windows: 0, eventsProcessed: 0 } as const;

export const snapshot = (
  seq: number,
  nodes: readonly NodeView[],
  services: readonly ServiceView[],
  tasks: readonly TaskRow[],
  events: readonly ClusterEvent[] = [],
): Snapshot => ({
  protocol: LIVE_PROTOCOL,
  run: 'test',
  parent: null,
  seed: '1',
  seq,
  playback: PLAYBACK,
  totals: TOTALS,
  nodes,
  services,
  tasks: columns(tasks),
  events,
});

export const delta = (seq: number, changes: Partial<DeltaFrame> = {}): DeltaFrame => ({
  type: 'delta',
  seq,
  playback: { ...PLAYBACK, simUs: seq },
  totals: TOTALS,
  ...changes,
});
