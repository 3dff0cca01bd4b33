/**
 * Explanations as English sentences: the one dictionary, a template per code with its numbers filled in, for pages and the
 * command alike. Nothing here knows more than what the decision maker wrote down; another language is another dictionary.
 */
import { assertNever } from '../errors.ts';
import type { ClusterEvent, Explain } from '../model/explain.ts';

/** What the references in events are called. Without it they are shown as they are. */
export interface Names {
  /** A task's name from its id. */
  task(id: string): string;
  /** A node's or service's name from its name or id. */
  node(reference: string): string;
  service(reference: string): string;
}

/** Whom a sentence is about, as events say it: a task, else a service, else a node; without any, nobody is named. */
export type SentenceSubject = Pick<ClusterEvent, 'task' | 'service' | 'node'>;

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

/** What a scheduler's filter says of the nodes it turned down, after a count. */
const FILTER_WORDS: Readonly<Record<string, string>> = {
  ready: 'not ready',
  resource: 'short of CPU or memory',
  resources: 'short of CPU or memory',
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

/** The words for a filter's name; names not known here (users' plugins) are shown as they are. */
export const filterText = (filter: string): string => FILTER_WORDS[filter] ?? `turned down by ${filter}`;

/** `3 short of CPU or memory, 1 not ready`; empty when no node was turned down. */
export function rejectionsText(rejected: Readonly<Record<string, number>>): string {
  const parts = Object.entries(rejected).filter(([, count]) => count > 0);
  return parts.map(([filter, count]) => `${count} ${filterText(filter)}`).join(', ');
}

/** What the scores count. Others are shown by name. */
const SCORE_WORDS: Readonly<Record<string, string>> = {
  recentFailures: 'recent failures of this service',
  tasksOfService: 'tasks of this service',
  tasksTotal: 'tasks in all',
};

/** The words for a score's name. */
export const scoreText = (score: string): string => SCORE_WORDS[score] ?? score;

const inBrackets = (text: string): string => (text === '' ? '' : ` (${text})`);
const after = (separator: string, text: string): string => (text === '' ? '' : `${separator}${text}`);

/** Words at the head of a sentence: without a subject, and after one. */
type Head = readonly [bare: string, afterSubject: string];
const say = (who: string, [bare, afterSubject]: Head, rest: string): string =>
  who === '' ? `${bare}${rest}` : `${who} ${afterSubject}${rest}`;

/** The first score in which the chosen node differs from the runner-up decided. */
function deciding({ scores, runnerUp }: Of<'PLACED'>, names: Names): string {
  if (runnerUp === undefined) return '';
  const other = names.node(runnerUp.node);
  for (const [i, { name, value }] of scores.entries()) {
    const theirs = runnerUp.scores[i];
    if (theirs === undefined || theirs.value === value) continue;
    const counts = SCORE_WORDS[name] !== undefined || name.startsWith('tasks ');
    const compared = value < theirs.value ? (counts ? 'fewer' : 'a lower') : counts ? 'more' : 'a higher';
    return `; it has ${compared} ${scoreText(name)} (${value}) than ${other} (${theirs.value})`;
  }
  return `; it is level with ${other} and first in order`;
}

function placed(explain: Of<'PLACED'>, who: string, names: Names): string {
  const { considered, feasible, rejected } = explain;
  const out = inBrackets(rejectionsText(rejected));
  const fit =
    feasible === 1
      ? `the only one of ${plural(considered, 'node')} that fits${out}`
      : `${feasible} of ${plural(considered, 'node')} fit${out}${deciding(explain, names)}`;
  return say(who, ['Placed', 'was placed'], ` on ${names.node(explain.node)}: ${fit}`);
}

function pending({ message, nearest, wouldFitIf, considered, rejected }: Of<'PENDING'>, who: string, names: Names): string {
  const none = considered === 0 ? 'there is no node yet' : `no suitable node among ${considered}${inBrackets(rejectionsText(rejected))}`;
  const near = nearest === undefined ? '' : `. Nearest is ${names.node(nearest.node)}: ${clause(nearest.detail)}`;
  const fit = wouldFitIf.length === 0 ? '' : `. It would fit if ${wouldFitIf.map(clause).join(', or if ')}`;
  return say(who, ['Waiting', 'waits'], ` for a node: ${clause(message) === '' ? none : clause(message)}${near}${fit}`);
}

const CREATED_WORDS: Readonly<Record<Of<'CREATED'>['reason'], string>> = {
  replicas: 'the service wants more replicas than it had',
  global: 'a global service runs one task on every eligible node',
  job: 'the job has completions left to do',
  restart: 'an earlier task ended and the restart policy asks for another',
  update: 'the service was updated and its tasks are being replaced',
};

function created({ slot, replaces, reason }: Of<'CREATED'>, who: string, names: Names): string {
  // A name such as web.3 has the slot in it, and that of the task before is mostly the same.
  const place = who !== '' || slot === 0 ? '' : ` in slot ${slot}`;
  const earlier = replaces === undefined || names.task(replaces) === who ? '' : ` in place of ${names.task(replaces)}`;
  return say(who, ['Created', 'was created'], `${place}${earlier}: ${CREATED_WORDS[reason]}`);
}

const RESTART_WORDS: Readonly<Record<Of<'RESTART'>['reason'], string>> = {
  exited: 'it ended',
  'node-down': 'its node is down',
  'node-drained': 'its node is being drained',
  'node-removed': 'its node was removed',
};

function restart({ reason, condition, delayUs, attempts, maxAttempts }: Of<'RESTART'>, who: string): string {
  const of = maxAttempts === 0 ? '' : ` of ${maxAttempts}`;
  const delay = delayUs === 0 ? 'at once' : `after a delay of ${spanText(delayUs)}`;
  const rest = ` because ${RESTART_WORDS[reason]}; the restart policy (${condition}) starts another ${delay}, attempt ${attempts}${of}`;
  return say(who, ['Replaced', 'is replaced'], rest);
}

const NOT_RESTARTED_WORDS: Readonly<Record<Of<'NOT_RESTARTED'>['why'], string>> = {
  condition: 'the restart condition does not ask for it',
  'max-attempts': 'the attempts allowed are used up',
  'node-paused': 'its node is paused',
  constraints: 'its node no longer meets the constraints',
};

function notRestarted({ why, attempts, maxAttempts }: Of<'NOT_RESTARTED'>, who: string): string {
  const used = why === 'max-attempts' ? ` (${attempts} of ${maxAttempts})` : '';
  return say(who, ['Not restarted', 'is not restarted'], `: ${NOT_RESTARTED_WORDS[why]}${used}`);
}

const SHUTDOWN_WORDS: Readonly<Record<Of<'SHUTDOWN'>['reason'], string>> = {
  'scale-down': 'the service wants fewer replicas',
  update: 'an updated task takes its place',
  'node-down': 'its node is down',
  drain: 'its node is being drained',
  removed: 'it was removed',
  superseded: 'another task took its place',
  constraints: 'its node no longer meets the constraints',
};

function exited({ exitCode, oomKilled, message }: Of<'EXITED'>, who: string, where: string): string {
  if (oomKilled) return say(who, ['Killed', 'was killed'], `${where} for using more memory than its limit (OOM, exit code ${exitCode})`);
  return say(who, ['Ended', 'ended'], `${where} with exit code ${exitCode}${after(': ', clause(message))}`);
}

function command({ command: name, detail }: Of<'COMMAND'>, who: string): string {
  const more = clause(detail);
  if (who !== '') return `${who}: ${name}${after(', ', more)}`;
  return more.startsWith(`${name} `) ? `Command ${more}` : `Command ${name}${after(': ', more)}`;
}

const FAULT_WORDS: Readonly<Record<string, string>> = {
  crash: 'lost power',
  recover: 'was switched on again',
  killTask: 'was killed',
  partition: 'was cut off: no message passes',
  heal: 'can be reached again',
  lost: 'is gone with its agent',
};

function fault({ fault: name, detail }: Of<'FAULT'>, who: string): string {
  const more = clause(detail);
  const what = FAULT_WORDS[more.startsWith('heal ') ? 'heal' : name];
  if (who === '' || what === undefined) return `Fault ${name}${who === '' ? '' : ` on ${who}`}${after(': ', more)}`;
  // The detail repeats the request; only a reason of its own, or what it says in brackets, is news.
  return `${who} ${what}${inBrackets(name === 'lost' ? more : (/\((.+)\)/.exec(more)?.[1] ?? ''))}`;
}

const AS_WRITTEN: Names = { task: (id) => id, node: (reference) => reference, service: (reference) => reference };
const NOBODY: SentenceSubject = {};

/** The sentence of an explanation without its full stop: `Placed on n2: …`, with a subject `web.3 was placed on n2: …`. */
export function explainClause(explain: Explain, about: SentenceSubject = NOBODY, names: Names = AS_WRITTEN): string {
  const who =
    about.task !== undefined
      ? names.task(about.task)
      : about.service !== undefined
        ? names.service(about.service)
        : about.node !== undefined
          ? names.node(about.node)
          : '';
  const where = about.task === undefined || about.node === undefined ? '' : ` on ${names.node(about.node)}`;
  switch (explain.code) {
    case 'PLACED':
      return placed(explain, who, names);
    case 'PENDING':
      return pending(explain, who, names);
    case 'SCALED':
      return `${names.service(explain.service)} was scaled from ${explain.from} to ${explain.to} by ${explain.by}`;
    case 'CREATED':
      return created(explain, who, names);
    case 'RESTART':
      return restart(explain, who);
    case 'NOT_RESTARTED':
      return notRestarted(explain, who);
    case 'SHUTDOWN':
      return say(who, ['Shut down', 'is shut down'], `${where}: ${SHUTDOWN_WORDS[explain.reason]}`);
    case 'REJECTED':
      return say(
        who,
        ['Rejected by its node', 'was rejected by its node'],
        `${where === '' ? '' : `, ${names.node(about.node!)}`}: ${clause(explain.message)}${inBrackets(clause(explain.detail))}`,
      );
    case 'EXITED':
      return exited(explain, who, where);
    case 'NODE_DOWN':
      return `${names.node(explain.node)} is down: its last heartbeat came at ${clockText(explain.lastHeartbeat)} and none followed within ${spanText(explain.graceUs)}; ${plural(explain.tasks, 'task was', 'tasks were')} on it`;
    case 'NODE_READY':
      return `${names.node(explain.node)} is ready: it opened session ${explain.session}`;
    case 'ROLLOUT':
      return `Update of ${names.service(explain.service)}: ${explain.state.replaceAll('_', ' ')}${after(', ', clause(explain.message))}`;
    case 'COMMAND':
      return command(explain, who);
    case 'FAULT':
      return fault(explain, who);
    case 'NOTE':
      return `${who === '' ? '' : `${who}: `}${clause(explain.message)}${where}`;
    default:
      return assertNever(explain, 'explanation');
  }
}

/** The sentence of an explanation, with its full stop. */
export function explainSentence(explain: Explain, about: SentenceSubject = NOBODY, names: Names = AS_WRITTEN): string {
  return `${explainClause(explain, about, names)}.`;
}
