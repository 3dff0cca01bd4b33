/** Constants of the control plane, with the place in SwarmKit that they come from. Cluster-wide settings are in ClusterConfig. */
import type { DurationUs } from '@paperfleet/core';

export const KNOBS = {
  /** The scheduler waits for this much quiet after a commit (scheduler.go commitDebounceGap) … */
  scheduleDebounceUs: 50_000 as DurationUs,
  /** … but no longer than this in all (scheduler.go maxLatency). */
  scheduleMaximumUs: 1_000_000 as DurationUs,
  /** Failures of a service on one node after which that node comes last, and how long they count (nodeinfo.go). */
  recentFailureWindowUs: 300_000_000 as DurationUs,
  /** Task reaper: pause after the first dirty slot (task_reaper.go reaperBatchingInterval) … */
  reapDelayUs: 250_000 as DurationUs,
  /** … and the number of dirty slots above which it does not wait (maxDirty). */
  reapMaximumDirty: 1000,
  /** How long a replacement waits for the task it replaces to stop (restart.go defaultOldTaskTimeout). */
  oldTaskTimeoutUs: 60_000_000 as DurationUs,
  /** Tasks of a node that is down for this long are orphaned (dispatcher.go defaultNodeDownPeriod). */
  nodeDownPeriodUs: 86_400_000_000 as DurationUs,
  /** Registrations of a known node that are let through within `registrationPeriodUs` (dispatcher/nodes.go). */
  registrationLimit: 3,
  registrationPeriodUs: 8_000_000 as DurationUs,
  /** After a change of leader nodes get this many times the usual grace (dispatcher.go defaultGracePeriodMultiplier × 2). */
  unknownGraceFactor: 2,
  /**
   * SwarmKit's dispatcher collects assignments and statuses for 100 ms. Here the modelled latency of the control link
   * stands for that, so both are coalesced within the instant and no longer.
   */
  assignmentDelayUs: 0 as DurationUs,
  statusDelayUs: 0 as DurationUs,
  /** Changes of a service's running replicas are collected for this long before shares of load are sent again. */
  loadDelayUs: 100_000 as DurationUs,
  /**
   * Placements of one round whose explanation is put into the task at once. Beyond that (a fleet coming up) making them
   * would take longer than deciding; the event list makes its own when somebody looks.
   */
  explainedPlacements: 5_000,
  /** Events kept (oldest are dropped). */
  eventCapacity: 20_480,
  /** Idempotency keys remembered (oldest are dropped). */
  commandKeys: 10_000,
  /** Metrics history: one sample a second for ten minutes, then one per ten seconds for two hours. */
  fineIntervalUs: 1_000_000 as DurationUs,
  fineSamples: 600,
  coarseFactor: 10,
  coarseSamples: 720,
  /** Ingress ports dealt out where a spec says 0 (allocator/portallocator.go). */
  dynamicPortFirst: 30_000,
  dynamicPortLast: 32_767,
} as const;
