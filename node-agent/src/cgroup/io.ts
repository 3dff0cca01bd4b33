/**
 * Block devices: counters of io.stat, and io.max as block/blk-throttle.c grants it. In a fresh slice of 100 ms what the
 * slice allows passes at once; after that bytes pass at the set rate, operations in one lot per slice.
 */
import type { IoMax } from './knobs.ts';

export const IO_SLICE_US = 100_000;

export interface IoRequest {
  readonly device: string;
  readonly write: boolean;
  readonly bytes: number;
  /** Operations that the bytes are divided into. */
  readonly operations: number;
}

export interface IoCounters {
  rbytes: number;
  wbytes: number;
  rios: number;
  wios: number;
}

/** What a group has been granted in one direction since the slice began. */
interface Grant {
  start: number;
  bytes: number;
  operations: number;
  /** When the last operation passed. */
  last: number;
}

export interface IoRecord {
  readonly max: IoMax;
  readonly counters: IoCounters;
  readonly read: Grant;
  readonly write: Grant;
}

/** Speed of a device, per second, and what it is busy with. */
export interface IoDevice {
  readonly bps: number;
  readonly iops: number;
}

const noGrant = (): Grant => ({ start: -Infinity, bytes: 0, operations: 0, last: -Infinity });

export const newIoRecord = (max: IoMax): IoRecord => ({
  max,
  counters: { rbytes: 0, wbytes: 0, rios: 0, wios: 0 },
  read: noGrant(),
  write: noGrant(),
});

/** When the last operation of a request that arrives at `at` passes the group's limits; the grant moves with it. */
export function pass(
  grant: Grant,
  at: number,
  bytes: number,
  operations: number,
  bps: number | undefined,
  iops: number | undefined,
): number {
  if (bps === undefined && iops === undefined) return at;
  // A slice that nobody waits in is replaced by a fresh one.
  if (at >= grant.last + IO_SLICE_US) {
    grant.start = at;
    grant.bytes = 0;
    grant.operations = 0;
  }
  grant.bytes += bytes;
  grant.operations += operations;
  const now = Math.max(at, grant.last);
  grant.last = Math.max(now, byBytes(grant, bps), byOperations(grant, iops));
  return grant.last;
}

function byBytes({ start, bytes }: Grant, bps: number | undefined): number {
  if (bps === undefined || bps === Infinity || bytes * 1_000_000 <= bps * IO_SLICE_US) return start;
  return start + Math.ceil((bytes * 1_000_000) / bps);
}

function byOperations({ start, operations }: Grant, iops: number | undefined): number {
  if (iops === undefined || iops === Infinity) return start;
  // The n-th slice, counted from 1, lets floor(n × iops × 100 ms) operations pass in all, at its beginning.
  const slices = Math.ceil((operations * 1_000_000) / (iops * IO_SLICE_US));
  return start + Math.max(0, slices - 1) * IO_SLICE_US;
}
