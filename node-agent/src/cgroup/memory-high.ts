/** memory.high: how long a process that grew beyond it sleeps before it returns to user mode (mm/memcontrol.c). */

/** MEMCG_CHARGE_BATCH: 64 pages. */
export const CHARGE_BATCH_BYTES: number = 64 * 4096;
const DELAY_MAX_US = 2_000_000;
/** Shorter delays are not worth a sleep. */
const DELAY_MIN_US = 10_000;

/** Sleep for one batch charged while a group is `over` bytes above `high`, µs: 64 f² s with f = over / high, at most 2 s. */
export function delayOfBatch(over: number, high: number): number {
  if (over <= 0) return 0;
  if (high === 0) return DELAY_MAX_US;
  const f = over / high;
  const delay = Math.floor(64_000_000 * f * f);
  return delay <= DELAY_MIN_US ? 0 : Math.min(delay, DELAY_MAX_US);
}

/** Sleep for growing by `grown` bytes up to `usage`, batch by batch, µs. */
export function delayOfGrowth(usage: number, grown: number, high: number): number {
  let delay = 0;
  let left = grown;
  while (left > 0) {
    const batch = Math.min(CHARGE_BATCH_BYTES, left);
    const one = delayOfBatch(usage - (grown - left) - high, high);
    if (one === 0) break;
    delay += Math.floor((one * batch) / CHARGE_BATCH_BYTES);
    left -= batch;
  }
  return delay;
}
