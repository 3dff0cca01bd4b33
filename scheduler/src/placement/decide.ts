/** Decisions. */
import type { TimeUs } from '@paperfleet/core';
import type { NodeSet } from './node-set.ts';
import type { GroupDecision, NodeCheck, PlacementRequest } from './request.ts';

export function decideGroup(_nodes: NodeSet, _request: PlacementRequest, _now: TimeUs): GroupDecision {
  throw new Error('not built yet');
}
export function checkNode(_nodes: NodeSet, _request: PlacementRequest, _row: number, _now: TimeUs): NodeCheck {
  throw new Error('not built yet');
}
export function fits(_nodes: NodeSet, _request: PlacementRequest, _row: number): boolean {
  throw new Error('not built yet');
}
