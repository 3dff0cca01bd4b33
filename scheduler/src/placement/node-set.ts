/** What placement knows of the nodes. */
import type { TimeUs } from '@paperfleet/core';
import type { PlacedTask, PlacementNode } from './request.ts';

export class NodeSet {
  upsertNode(_row: number, _node: PlacementNode): void {
    throw new Error('not built yet');
  }
  removeNode(_row: number): void {
    throw new Error('not built yet');
  }
  addTask(_row: number, _task: PlacedTask): boolean {
    throw new Error('not built yet');
  }
  removeTask(_row: number, _task: { readonly id: string }): boolean {
    throw new Error('not built yet');
  }
  recordFailure(_row: number, _serviceId: string, _specVersion: number, _at: TimeUs): void {
    throw new Error('not built yet');
  }
  save(): unknown {
    throw new Error('not built yet');
  }
  static load(_saved: unknown): NodeSet {
    throw new Error('not built yet');
  }
}
