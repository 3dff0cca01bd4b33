/**
 * Codes of what parties add to the digest through `PartyPorts.record(code, subject, a, b)`. A code's meaning never changes;
 * new kinds of change take new numbers. 1–99: the kernel; 100–199: nodes; 200–299: the manager.
 */
export const DIGEST = {
  /** Node: the agent asks for a session. a = attempt. */
  sessionRegister: 100,
  /** Node: registered. a = session, b = attempt. */
  sessionOpen: 101,
  /** Node: the manager ended the session. a = session. */
  sessionRefused: 102,
  /** Node: a gap in the assignments was seen; a full set is asked for. a = the sequence number reached. */
  sessionResync: 103,
  /** Node: assignments applied. a = the sequence number reached, b = 1 for a full set. */
  assignmentsApplied: 104,
  /** Node: a fault took the machine down; it booted again. */
  machineCrashed: 105,
  machineRecovered: 106,
  /** Node: subject = task id, a = observed state, b = exit code (0 when there is none). */
  taskState: 110,
  /** Node: the task left the assignment and its containers are gone. subject = task id. */
  taskRemoved: 111,
  /** Node: subject = image, a = bytes to download. */
  imagePullStarted: 120,
  /** Node: subject = image, a = bytes of the image. */
  imagePulled: 121,
  imagePullFailed: 122,
  /** Node: subject = layer id, a = bytes freed. */
  layerEvicted: 123,
  /** Node: subject = task id, a = container number. */
  containerCreated: 130,
  containerStarted: 131,
  /** Node: subject = task id, a = container number, b = exit code; + 1000 when the OOM killer did it. */
  containerExited: 132,
  containerRemoved: 133,
  /** Node: subject = task id, a = container number, b = health (1 starting, 2 healthy, 3 unhealthy). */
  containerHealth: 134,
  /** Node: subject '', a = CPU time used by all containers since the node was born (µs), b = memory in use (bytes). */
  nodeUsage: 140,
  /** Manager: subject = node id, a = the node's row, b = the party that speaks for it. */
  nodeJoined: 200,
  /** Manager: subject = node id, a = status (0 unknown, 1 down, 2 ready, 3 disconnected) × 4 + availability (0 active, 1 pause, 2 drain), b = session. */
  nodeChanged: 201,
  nodeRemoved: 202,
  /** Manager: subject = service id, a = replicas (-1 when the mode has none), b = spec version. */
  serviceCreated: 210,
  serviceUpdated: 211,
  serviceRemoved: 212,
  /** Manager: subject = task id, a = desired state, b = slot. */
  taskCreated: 220,
  /** Manager: subject = task id, a = the node's row. */
  taskAssigned: 221,
  /** Manager: subject = task id, a = observed state, b = exit code (-1 when there is none). */
  taskObserved: 222,
  /** Manager: subject = task id, a = desired state. */
  taskDesired: 223,
  taskDeleted: 224,
  /** Manager: a command took effect (a = 1) or was refused (a = 0). subject = its name. */
  command: 230,
} as const;
export type DigestCode = (typeof DIGEST)[keyof typeof DIGEST];
