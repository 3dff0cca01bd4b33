/** What the simulated cluster of the development page is made of: its services, tasks and nodes, and chance. */
import type { NodeView, TaskState } from '@paperfleet/core';

export interface DemoService {
  readonly row: number;
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly mode: 'replicated' | 'global';
  readonly reservedMilli: number;
  readonly limitMilli: number;
  readonly reservedMiB: number;
  readonly limitMiB: number;
  /** CPU milliseconds a request takes, and what an idle task uses. */
  readonly perRequestMs: number;
  readonly idleMilli: number;
  readonly memoryMiB: number;
  /** MiB a second that are never given back. */
  readonly leakMiB: number;
  desired: number;
  rps: number;
}
export interface DemoTask {
  readonly row: number;
  readonly id: string;
  readonly service: DemoService;
  readonly slot: number;
  node: DemoNode | undefined;
  state: TaskState;
  desired: TaskState;
  sinceUs: number;
  error: string | 0;
  health: number;
  /** Instant of the next transition. */
  nextUs: number;
  startAfterUs: number;
  cpuMilli: number;
  memoryMiB: number;
  cause: number;
  pendingTold: boolean;
}
export interface DemoNode {
  readonly row: number;
  readonly id: string;
  readonly name: string;
  readonly zone: string;
  readonly milli: number;
  readonly memoryMiB: number;
  availability: NodeView['availability'];
  status: NodeView['status'];
  truth: NodeView['truth'];
  lastHeartbeatUs: number;
  cpuMilli: number;
}

/** mulberry32 */
export function generator(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const CATALOGUE: readonly Omit<DemoService, 'row' | 'id' | 'desired' | 'rps'>[] = [
  {
    name: 'shop_web',
    image: 'nginx:1.27',
    mode: 'replicated',
    reservedMilli: 200,
    limitMilli: 400,
    reservedMiB: 128,
    limitMiB: 256,
    perRequestMs: 4,
    idleMilli: 8,
    memoryMiB: 90,
    leakMiB: 0,
  },
  {
    name: 'shop_api',
    image: 'node:22-alpine',
    mode: 'replicated',
    reservedMilli: 400,
    limitMilli: 800,
    reservedMiB: 256,
    limitMiB: 512,
    perRequestMs: 11,
    idleMilli: 15,
    memoryMiB: 220,
    leakMiB: 0,
  },
  {
    name: 'shop_db',
    image: 'postgres:17',
    mode: 'replicated',
    reservedMilli: 1000,
    limitMilli: 2000,
    reservedMiB: 1024,
    limitMiB: 2048,
    perRequestMs: 6,
    idleMilli: 60,
    memoryMiB: 800,
    leakMiB: 0,
  },
  {
    name: 'shop_cache',
    image: 'redis:8',
    mode: 'replicated',
    reservedMilli: 200,
    limitMilli: 500,
    reservedMiB: 256,
    limitMiB: 384,
    perRequestMs: 0.8,
    idleMilli: 10,
    memoryMiB: 180,
    leakMiB: 0,
  },
  {
    name: 'shop_worker',
    image: 'python:3.13-slim',
    mode: 'replicated',
    reservedMilli: 300,
    limitMilli: 600,
    reservedMiB: 200,
    limitMiB: 256,
    perRequestMs: 30,
    idleMilli: 20,
    memoryMiB: 120,
    leakMiB: 0.9,
  },
  {
    name: 'metrics_agent',
    image: 'prom/node-exporter:1.9',
    mode: 'global',
    reservedMilli: 50,
    limitMilli: 100,
    reservedMiB: 32,
    limitMiB: 64,
    perRequestMs: 0,
    idleMilli: 12,
    memoryMiB: 24,
    leakMiB: 0,
  },
];
