/** `deploy:` of a service. */
import { parseConstraint } from './constraint.ts';
import type {
  ComposeDeploy,
  ComposeDevice,
  ComposeLimits,
  ComposePlacement,
  ComposeReservations,
  ComposeRestartPolicy,
  ComposeUpdateConfig,
} from './model.ts';
import {
  anything,
  cpuAmount,
  duration,
  either,
  integer,
  list,
  number,
  oneOf,
  shape,
  size,
  string,
  text,
  wrong,
  type Reader,
} from './reader.ts';
import { keyValues } from './values.ts';

const updateConfig: Reader<ComposeUpdateConfig> = shape<ComposeUpdateConfig>({
  parallelism: ['parallelism', integer(0)],
  delay: ['delay', duration],
  failureAction: ['failure_action', oneOf(['pause', 'continue', 'rollback'])],
  monitor: ['monitor', duration],
  maxFailureRatio: ['max_failure_ratio', number(0, 1)],
  order: ['order', oneOf(['stop-first', 'start-first'])],
});

/** Compose's own words for `any` are common under deploy too, and docker compose takes them. */
const condition: Reader<'none' | 'on-failure' | 'any'> = (node, at) => {
  const word = node.kind === 'scalar' && (node.value === 'always' || node.value === 'unless-stopped') ? node.value : undefined;
  if (word === undefined) return oneOf(['none', 'on-failure', 'any'])(node, at);
  at.diagnostics.warn(
    node.place,
    at.path,
    `'${word}' counts as 'any'`,
    "under deploy write none, on-failure or any; 'always' and 'unless-stopped' are values of restart:",
  );
  return 'any';
};

const restartPolicy: Reader<ComposeRestartPolicy> = shape<ComposeRestartPolicy>({
  condition: ['condition', condition],
  delay: ['delay', duration],
  maxAttempts: ['max_attempts', integer(0)],
  window: ['window', duration],
});

/** Docker's smallest reservations and limits (SwarmKit's control API refuses less). */
const MIN_MEMORY = 4 * 1024 * 1024;
const MIN_NANO_CPUS = 1_000_000;

const memory: Reader<number> = (node, at) => {
  const value = size(node, at);
  return value !== undefined && value > 0 && value < MIN_MEMORY
    ? wrong(
        node,
        at,
        `'${node.kind === 'scalar' ? node.text : ''}' is less than 4 MiB, the least that Docker takes`,
        'did you forget the unit, as in 512M?',
      )
    : value;
};

const cpus: Reader<number> = (node, at) => {
  const value = cpuAmount(node, at);
  return value !== undefined && value > 0 && value < MIN_NANO_CPUS
    ? wrong(node, at, 'less than 0.001 CPUs, the least that Docker takes')
    : value;
};

/** -1 is unlimited. */
export const pids: Reader<number> = integer(-1);

const limits: Reader<ComposeLimits> = shape<ComposeLimits>({ cpus: ['cpus', cpus], memory: ['memory', memory], pids: ['pids', pids] });

const deviceCount: Reader<number | 'all'> = (node, at) => (node.kind === 'scalar' && node.value === 'all' ? 'all' : integer(0)(node, at));

export const device: Reader<ComposeDevice> = shape<ComposeDevice>(
  {
    capabilities: ['capabilities', list(string)],
    count: ['count', deviceCount],
    deviceIds: ['device_ids', list(string)],
    driver: ['driver', string],
  },
  { ignored: { options: anything } },
);

interface Discrete {
  readonly kind?: string;
  readonly value?: number;
}

const generic: Reader<{ readonly kind: string; readonly value: number }> = (node, at) => {
  const spec = shape<{ readonly discrete?: Discrete }>({
    discrete: [
      'discrete_resource_spec',
      shape<Discrete>({ kind: ['kind', text], value: ['value', integer(0)] }, { required: ['kind', 'value'] }),
    ],
  })(node, at)?.discrete;
  return spec?.kind === undefined || spec.value === undefined ? undefined : { kind: spec.kind, value: spec.value };
};

const reservations: Reader<ComposeReservations> = shape<ComposeReservations>(
  { cpus: ['cpus', cpus], memory: ['memory', memory], generic: ['generic_resources', list(generic)], devices: ['devices', list(device)] },
  { advise: (key) => (key === 'pids' ? 'pids can be limited (resources.limits.pids), not reserved' : undefined) },
);

const constraint: Reader<string> = (node, at) => {
  const value = string(node, at);
  if (value === undefined) return undefined;
  const result = parseConstraint(value);
  return result.ok ? value : wrong(node, at, result.message, result.hint);
};

const preference: Reader<string> = (node, at) => {
  if (node.kind !== 'map') return wrong(node, at, 'must be a map with the key spread', 'write - spread: node.labels.zone');
  const spread = shape<{ readonly spread?: string }>({ spread: ['spread', string] }, { required: ['spread'] })(node, at)?.spread;
  if (spread !== undefined && !/^(node|engine)\.labels\.[^.]/i.test(spread)) {
    at.diagnostics.warn(
      node.place,
      at.path,
      `'${spread}' is skipped by the scheduler`,
      'it spreads over node.labels.NAME and engine.labels.NAME only',
    );
  }
  return spread;
};

const placement: Reader<ComposePlacement> = shape<ComposePlacement>({
  constraints: ['constraints', list(constraint)],
  preferences: ['preferences', list(preference)],
  maxReplicasPerNode: ['max_replicas_per_node', integer(0)],
});

const RESOURCE_ADVICE = 'write it under deploy.resources.limits or deploy.resources.reservations';

export const deploy: Reader<ComposeDeploy> = shape<ComposeDeploy>(
  {
    mode: ['mode', oneOf(['replicated', 'global', 'replicated-job', 'global-job'])],
    endpointMode: ['endpoint_mode', oneOf(['vip', 'dnsrr'])],
    replicas: ['replicas', integer(0)],
    labels: ['labels', keyValues],
    update: ['update_config', updateConfig],
    rollback: ['rollback_config', updateConfig],
    resources: [
      'resources',
      shape<NonNullable<ComposeDeploy['resources']>>(
        { limits: ['limits', limits], reservations: ['reservations', reservations] },
        { advise: (key) => (['cpus', 'memory', 'pids'].includes(key) ? 'write it under limits or reservations' : undefined) },
      ),
    ],
    restartPolicy: ['restart_policy', restartPolicy],
    placement: ['placement', placement],
  },
  {
    advise: (key) => {
      if (['limits', 'reservations', 'cpus', 'memory'].includes(key)) return RESOURCE_ADVICE;
      if (['constraints', 'preferences', 'max_replicas_per_node'].includes(key)) return 'write it under deploy.placement';
      return key === 'restart' ? 'here it is restart_policy: {condition: …}; restart: stands on the service' : undefined;
    },
  },
);

/** `gpus: all` or a list of device requests. */
export const gpus: Reader<readonly ComposeDevice[]> = either<readonly ComposeDevice[]>({
  scalar: (node, at) =>
    node.kind === 'scalar' && node.value === 'all' ? [{ capabilities: ['gpu'], count: 'all' }] : wrong(node, at, "must be 'all' or a list"),
  list: (node, at) => list(device)(node, at)?.map((each) => ({ ...each, capabilities: [...(each.capabilities ?? []), 'gpu'] })),
});
