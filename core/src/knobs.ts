/** Cluster settings by default, with why. A scenario or the command may override them; simulation runs may draw them. */
import type { ClusterConfig } from './model/input.ts';
import { bytes, milliseconds, seconds } from './units.ts';

export const DEFAULT_CONFIG: ClusterConfig = {
  // SwarmKit's dispatcher collects assignments and status updates for 100 ms anyway; as a latency it is also the look-ahead.
  controlLatencyUs: milliseconds(100),
  // Two machines in one zone of a data centre, and in two zones of a region.
  dataLatencyUs: milliseconds(2),
  zoneLatencyUs: milliseconds(5),
  // SwarmKit: dispatcher.go, DefaultHeartBeatPeriod, defaultHeartBeatEpsilon, defaultGracePeriodMultiplier.
  heartbeatPeriodUs: seconds(5),
  heartbeatEpsilonUs: milliseconds(500),
  heartbeatGrace: 3,
  // SwarmKit: cluster's TaskHistoryRetentionLimit.
  taskHistoryLimit: 5,
  statisticsIntervalUs: seconds(1),
  profile: 'swarm',
  startupScalePermille: 1000,
  imageCacheBytes: bytes(40 * 2 ** 30),
};
