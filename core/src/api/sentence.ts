/**
 * Explanations as English sentences, one template per code with its numbers filled in. Pages and the command share them;
 * nothing here knows more than what the decision maker wrote down.
 */
import { assertNever } from '../errors.ts';
import type { ClusterEvent, Explain } from '../model/explain.ts';

type Of<C extends Explain['code']> = Extract<Explain, { code: C }>;

const plural = (count: number, noun: string, many = `${noun}s`): string => `${count} ${count === 1 ? noun : many}`;

/** Drops the full stop that real systems' messages may or may not have, so that sentences join cleanly. */
const clause = (text: string): string => text.trim().replace(/\.+$/, '');

/** A span for people: `850 ms`, `5 s`, `2 min 30 s`. */
export function spanText(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 1_000_000) return `${Math.round(us / 1000)} ms`;
  const tenths = Math.round(us / 100_000);
  if (tenths < 600) return `${tenths % 10 === 0 ? tenths / 10 : (tenths / 10).toFixed(1)} s`;
  const seconds = Math.round(us / 1_000_000);
  if (seconds < 3600) return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  const minutes = Math.round(seconds / 60);
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An instant of simulated time: `01:20.500`, from the first hour on `1:02:03.000`; `digits` decimals of a second (0 to 3, cut off). */
export function clockText(us: number, digits: 0 | 1 | 2 | 3 = 3): string {
  const milliseconds = Math.floor(us / 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const seconds = Math.floor(milliseconds / 1000);
  const hours = Math.floor(seconds / 3600);
  const fraction =
    digits === 0
      ? ''
      : `.${String(milliseconds % 1000)
          .padStart(3, '0')
          .slice(0, digits)}`;
  return `${hours > 0 ? `${hours}:` : ''}${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${fraction}`;
}

/** What nodes are like that a scheduler's filter turns down, after a count; unknown names (users' plugins) are shown as they are. */
const FILTER_WORDS: Readonly<Record<string, string>> = {
  ready: 'not ready',
  resource: 'with too little unreserved CPU or memory',
  resources: 'with too little unreserved CPU or memory',
  plugin: 'without a plugin it needs',
  plugins: 'without a plugin it needs',
  constraint: 'outside its constraints',
  constraints: 'outside its constraints',
  platform: 'of another platform',
  hostPort: 'with its port in use',
  'host-port': 'with its port in use',
  maxReplicas: 'with the most replicas allowed per node',
  'max-replicas': 'with the most replicas allowed per node',
  volumes: 'without its volume',
};

const rejections = (rejected: Readonly<Record<string, number>>): string =>
  Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .map(([filter, count]) => `${count} ${FILTER_WORDS[filter] ?? `rejected by ${filter}`}`)
    .join(', ');

/** What each score counts. */
const SCORE_WORDS: Readonly<Record<string, string>> = {
  recentFailures: 'recent failures of this service',
  tasksOfService: 'tasks of this service',
  tasksTotal: 'tasks in all',
};

function placed(explain: Of<'PLACED'>): string {
  const { node, considered, feasible, rejected, scores, runnerUp } = explain;
  const out = rejections(rejected);
  const choice =
    feasible === 1
      ? `the only one of ${plural(considered, 'node')} that could take it`
      : `chosen from ${feasible} feasible of ${plural(considered, 'node')}`;
  const said = scores.map(({ name, value }) => `${SCORE_WORDS[name] ?? name} ${value}`).join(', ');
  const versus =
    runnerUp === undefined
      ? ''
      : `; next best was ${runnerUp.node} (${runnerUp.scores.map(({ name, value }) => `${SCORE_WORDS[name] ?? name} ${value}`).join(', ')})`;
  return `Placed on ${node}: ${choice}${out === '' ? '' : ` (${out})`}${said === '' ? '' : `, with ${said}`}${versus}.`;
}

function pending(explain: Of<'PENDING'>): string {
  const { message, nearest, wouldFitIf, considered, rejected } = explain;
  const reason = clause(message) === '' ? `no suitable node among ${considered} (${rejections(rejected)})` : clause(message);
  const near = nearest === undefined ? '' : ` Nearest is ${nearest.node}: ${clause(nearest.detail)}.`;
  const fit = wouldFitIf.length === 0 ? '' : ` It would fit if ${wouldFitIf.map(clause).join(', or if ')}.`;
  return `Waiting for a node: ${reason}.${near}${fit}`;
}

const CREATED_WORDS: Readonly<Record<Of<'CREATED'>['reason'], string>> = {
  replicas: 'the service wants more replicas than it had',
  global: 'a global service runs one task on every eligible node',
  job: 'the job has completions left to do',
  restart: 'an earlier task ended and the restart policy asks for another',
  update: 'the service was updated and its tasks are being replaced',
};

const RESTART_WORDS: Readonly<Record<Of<'RESTART'>['reason'], string>> = {
  exited: 'it ended',
  'node-down': 'its node is down',
  'node-drained': 'its node is being drained',
  'node-removed': 'its node was removed',
};

const NOT_RESTARTED_WORDS: Readonly<Record<Of<'NOT_RESTARTED'>['why'], string>> = {
  condition: 'the restart condition does not ask for it',
  'max-attempts': 'the attempts allowed are used up',
  'node-paused': 'its node is paused',
  constraints: 'its node no longer meets the constraints',
};

const SHUTDOWN_WORDS: Readonly<Record<Of<'SHUTDOWN'>['reason'], string>> = {
  'scale-down': 'the service wants fewer replicas',
  update: 'an updated task takes its place',
  'node-down': 'its node is down',
  drain: 'its node is being drained',
  removed: 'it was removed',
  superseded: 'another task took its place',
  constraints: 'its node no longer meets the constraints',
};

function restart({ reason, condition, delayUs, attempts, maxAttempts }: Of<'RESTART'>): string {
  const of = maxAttempts === 0 ? '' : ` of ${maxAttempts}`;
  const delay = delayUs === 0 ? 'at once' : `after a delay of ${spanText(delayUs)}`;
  return `Replaced because ${RESTART_WORDS[reason]}; the restart policy (${condition}) starts another ${delay}, attempt ${attempts}${of}.`;
}

function notRestarted({ why, attempts, maxAttempts }: Of<'NOT_RESTARTED'>): string {
  const used = why === 'max-attempts' ? ` (${attempts} of ${maxAttempts})` : '';
  return `Not restarted: ${NOT_RESTARTED_WORDS[why]}${used}.`;
}

function exited({ exitCode, oomKilled, message }: Of<'EXITED'>): string {
  if (oomKilled) return `Killed for using more memory than its limit (OOM, exit code ${exitCode}).`;
  const detail = clause(message);
  return `Ended with exit code ${exitCode}${detail === '' ? '' : `: ${detail}`}.`;
}

/** The sentence of an explanation. */
export function explainSentence(explain: Explain): string {
  switch (explain.code) {
    case 'PLACED':
      return placed(explain);
    case 'PENDING':
      return pending(explain);
    case 'SCALED':
      return `${explain.service} was scaled from ${explain.from} to ${explain.to} by ${explain.by}.`;
    case 'CREATED':
      return `Created${explain.slot === 0 ? '' : ` in slot ${explain.slot}`}${explain.replaces === undefined ? '' : ` in place of ${explain.replaces}`}: ${CREATED_WORDS[explain.reason]}.`;
    case 'RESTART':
      return restart(explain);
    case 'NOT_RESTARTED':
      return notRestarted(explain);
    case 'SHUTDOWN':
      return `Shut down: ${SHUTDOWN_WORDS[explain.reason]}.`;
    case 'REJECTED':
      return `Rejected by its node: ${clause(explain.message)}${clause(explain.detail) === '' ? '' : ` (${clause(explain.detail)})`}.`;
    case 'EXITED':
      return exited(explain);
    case 'NODE_DOWN':
      return `${explain.node} is down: its last heartbeat came at ${clockText(explain.lastHeartbeat)} and none followed within ${spanText(explain.graceUs)}; ${plural(explain.tasks, 'task was', 'tasks were')} on it.`;
    case 'NODE_READY':
      return `${explain.node} is ready: it opened session ${explain.session}.`;
    case 'ROLLOUT':
      return `Update of ${explain.service}: ${explain.state.replaceAll('_', ' ')}${clause(explain.message) === '' ? '' : `, ${clause(explain.message)}`}.`;
    case 'COMMAND':
      return `Command ${explain.command}${clause(explain.detail) === '' ? '' : `: ${clause(explain.detail)}`}.`;
    case 'FAULT':
      return `Fault ${explain.fault}${clause(explain.detail) === '' ? '' : `: ${clause(explain.detail)}`}.`;
    case 'NOTE':
      return `${clause(explain.message)}.`;
    default:
      return assertNever(explain, 'explanation');
  }
}

/** Whom an event is about, most specific first: a task, else a service, else a node; '' for the cluster. */
export function eventSubject(event: ClusterEvent): string {
  return event.task ?? event.service ?? event.node ?? '';
}
