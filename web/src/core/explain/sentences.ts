/**
 * One sentence per Explain code. Decision makers give facts; this dictionary gives words and never a reason of its own,
 * so that another language is another dictionary. Numbers are spelled with their units.
 */
import type { ClusterEvent, Explain, ExplainCode } from '@paperfleet/core';
import { plural, simClock, span } from '../format.ts';

/** Names for people: what the references in events resolve to. */
export interface Names {
  /** A task's name from its id. */
  task(id: string): string;
  /** A node's or service's name from its name or id. */
  node(reference: string): string;
  service(reference: string): string;
}

type Of<C extends ExplainCode> = Extract<Explain, { readonly code: C }>;
type Template<C extends ExplainCode> = (explain: Of<C>, event: ClusterEvent, names: Names) => string;

/** What the scheduler's scores are called. Lower is better in the swarm profile. */
const SCORE_WORDS: Readonly<Record<string, string>> = {
  recentFailures: 'recent failures of this service',
  tasksOfService: 'tasks of this service',
  tasksTotal: 'tasks in all',
};
/** What the scheduler's filters say of a node they turned away. */
const FILTER_WORDS: Readonly<Record<string, string>> = {
  ready: 'not ready',
  resource: 'short of CPU or memory',
  resources: 'short of CPU or memory',
  plugin: 'without a plugin it needs',
  constraint: 'outside its constraints',
  platform: 'of another platform',
  hostPort: 'with its port taken',
  hostport: 'with its port taken',
  maxReplicas: 'at its replica limit',
  maxreplicas: 'at its replica limit',
  volumes: 'without its volume',
};

/** The words for a filter's name; the name itself when it is not known here (a user's plugin). */
export const filterWords = (name: string): string => FILTER_WORDS[name] ?? `turned away by ${name}`;
/** The words for a score's name. */
export const scoreWords = (name: string): string => SCORE_WORDS[name] ?? name;

/** `3 short of CPU or memory, 1 not ready`. */
export function rejectedWords(rejected: Readonly<Record<string, number>>): string {
  const parts = Object.entries(rejected).filter(([, count]) => count > 0);
  return parts.map(([name, count]) => `${count} ${filterWords(name)}`).join(', ');
}

function subjectOf(event: ClusterEvent, names: Names): string {
  if (event.task !== undefined) return names.task(event.task);
  if (event.service !== undefined) return names.service(event.service);
  if (event.node !== undefined) return names.node(event.node);
  return 'The cluster';
}

const onNode = (event: ClusterEvent, names: Names): string => (event.node === undefined ? '' : ` on ${names.node(event.node)}`);

/** The first score in which the winner differs from the runner-up decided. */
function deciding(explain: Of<'PLACED'>, names: Names): string {
  const second = explain.runnerUp;
  if (explain.feasible === 1) return 'the only one that fits';
  if (second === undefined) return '';
  for (let i = 0; i < explain.scores.length; i++) {
    const mine = explain.scores[i]!;
    const theirs = second.scores[i];
    if (theirs === undefined || theirs.value === mine.value) continue;
    return `${mine.value < theirs.value ? 'fewer' : 'more'} ${scoreWords(mine.name)} (${mine.value}) than ${names.node(second.node)} (${theirs.value})`;
  }
  return `level with ${names.node(second.node)}, first in order`;
}

const CREATED_FOR: Readonly<Record<Of<'CREATED'>['reason'], string>> = {
  replicas: 'the service wants one more replica',
  global: 'a global service runs one on every node',
  job: 'the job has completions left',
  restart: 'its predecessor ended',
  update: 'the service changed',
};
const RESTARTED_FOR: Readonly<Record<Of<'RESTART'>['reason'], string>> = {
  exited: 'it ended',
  'node-down': 'its node went down',
  'node-drained': 'its node is drained',
  'node-removed': 'its node was removed',
};
const NOT_RESTARTED_FOR: Readonly<Record<Of<'NOT_RESTARTED'>['why'], string>> = {
  condition: 'its restart condition says so',
  'max-attempts': 'its attempts are used up',
  'node-paused': 'its node is paused',
  constraints: 'its node no longer meets its constraints',
};
const SHUT_DOWN_FOR: Readonly<Record<Of<'SHUTDOWN'>['reason'], string>> = {
  'scale-down': 'the service wants fewer replicas',
  update: 'a newer version takes its place',
  'node-down': 'its node went down',
  drain: 'its node is drained',
  removed: 'its service was removed',
  superseded: 'another task has its slot',
  constraints: 'its node no longer meets its constraints',
};

const FAULT_WORDS: Readonly<Record<string, string>> = {
  crash: 'lost power',
  recover: 'was switched on again',
  killTask: 'was killed',
  partition: 'was cut off: no message passes',
  heal: 'can be reached again',
  lost: 'is gone with its agent',
};

const TEMPLATES: { readonly [C in ExplainCode]: Template<C> } = {
  PLACED(explain, event, names) {
    const reason = deciding(explain, names);
    const fit = `${explain.feasible} of ${plural(explain.considered, 'node')} fit`;
    return `${subjectOf(event, names)} was placed on ${names.node(explain.node)}: ${fit}${reason === '' ? '' : `; ${names.node(explain.node)} is ${reason.startsWith('fewer') || reason.startsWith('more') ? `the one with ${reason}` : reason}`}`;
  },
  PENDING(explain, event, names) {
    const turned = rejectedWords(explain.rejected);
    const near = explain.nearest === undefined ? '' : `; nearest is ${names.node(explain.nearest.node)}: ${explain.nearest.detail}`;
    if (explain.considered === 0) return `${subjectOf(event, names)} waits: there is no node yet`;
    return `${subjectOf(event, names)} waits, none of ${plural(explain.considered, 'node')} takes it: ${turned === '' ? explain.message : turned}${near}`;
  },
  SCALED: (explain, _event, names) => `${names.service(explain.service)} was scaled from ${explain.from} to ${explain.to} by ${explain.by}`,
  CREATED(explain, event, names) {
    const instead = explain.replaces === undefined ? '' : ` in place of ${names.task(explain.replaces)}`;
    return `${subjectOf(event, names)} was created${instead === ` in place of ${subjectOf(event, names)}` ? '' : instead}: ${CREATED_FOR[explain.reason]}`;
  },
  RESTART(explain, event, names) {
    const tries =
      explain.maxAttempts > 0
        ? `, attempt ${explain.attempts} of ${explain.maxAttempts}`
        : explain.attempts > 1
          ? `, attempt ${explain.attempts}`
          : '';
    const when = explain.delayUs > 0 ? `in ${span(explain.delayUs)}` : 'at once';
    return `${subjectOf(event, names)} starts again ${when}, because ${RESTARTED_FOR[explain.reason]} (restart: ${explain.condition}${tries})`;
  },
  NOT_RESTARTED(explain, event, names) {
    const tries = explain.why === 'max-attempts' ? ` (${explain.attempts} of ${explain.maxAttempts})` : '';
    return `${subjectOf(event, names)} is not started again: ${NOT_RESTARTED_FOR[explain.why]}${tries}`;
  },
  SHUTDOWN: (explain, event, names) => `${subjectOf(event, names)} is stopped${onNode(event, names)}: ${SHUT_DOWN_FOR[explain.reason]}`,
  REJECTED: (explain, event, names) =>
    `${subjectOf(event, names)} was rejected${onNode(event, names)}: ${explain.message}${explain.detail === '' ? '' : ` (${explain.detail})`}`,
  EXITED(explain, event, names) {
    const how = explain.oomKilled
      ? 'was killed for using more memory than its limit'
      : explain.exitCode === 0
        ? 'completed'
        : `ended with exit code ${explain.exitCode}`;
    return `${subjectOf(event, names)} ${how}${onNode(event, names)}${explain.message === '' || explain.oomKilled ? '' : `: ${explain.message}`}`;
  },
  NODE_DOWN(explain, event, names) {
    const silent = event.at - explain.lastHeartbeat;
    return `${names.node(explain.node)} is believed down: no heartbeat for ${span(silent)} (grace ${span(explain.graceUs)}), ${plural(explain.tasks, 'task')} to replace`;
  },
  NODE_READY: (explain, _event, names) => `${names.node(explain.node)} is ready (session ${explain.session})`,
  ROLLOUT: (explain, _event, names) =>
    `Rollout of ${names.service(explain.service)}: ${explain.state}${explain.message === '' ? '' : `, ${explain.message}`}`,
  COMMAND(explain, event, names) {
    const { command, detail } = explain;
    if (event.service === undefined && event.node === undefined && event.task === undefined) {
      return detail === '' ? `Command ${command}` : detail.startsWith(command) ? `Command ${detail}` : `Command ${command}: ${detail}`;
    }
    return `${subjectOf(event, names)}: ${command}${detail === '' ? '' : `, ${detail}`}`;
  },
  FAULT(explain, event, names) {
    // The detail repeats the request; only what it says in brackets, or a reason of its own, is news.
    const what = FAULT_WORDS[explain.detail.startsWith('heal ') ? 'heal' : explain.fault];
    if (what === undefined) return `Fault ${explain.fault}${onNode(event, names)}${explain.detail === '' ? '' : `: ${explain.detail}`}`;
    const more = explain.fault === 'lost' ? explain.detail : (/\((.+)\)/.exec(explain.detail)?.[1] ?? '');
    return `${subjectOf(event, names)} ${what}${more === '' ? '' : ` (${more})`}`;
  },
  NOTE(explain, event, names) {
    if (event.task === undefined && event.service === undefined && event.node === undefined) return explain.message;
    return `${subjectOf(event, names)}: ${explain.message}${event.task === undefined ? '' : onNode(event, names)}`;
  },
};

/** The sentence of an event. */
export function sentence(event: ClusterEvent, names: Names): string {
  // One table per code cannot be indexed by a union without losing the pairing of code and template.
  const template = TEMPLATES[event.explain.code] as (explain: Explain, event: ClusterEvent, names: Names) => string;
  return template(event.explain, event, names);
}

/** A fact of a decision with its label, for the drawer. */
export type Fact = readonly [label: string, value: string];

/** The inputs of a decision, complete, in reading order. */
export function facts(event: ClusterEvent, names: Names): readonly Fact[] {
  const { explain } = event;
  switch (explain.code) {
    case 'PLACED':
      return [
        ['profile', explain.profile],
        ['nodes that fit', `${explain.feasible} of ${explain.considered}`],
        ...rejectedFacts(explain.rejected),
      ];
    case 'PENDING':
      return [
        ['nodes considered', String(explain.considered)],
        ...rejectedFacts(explain.rejected),
        ...(explain.nearest === undefined ? [] : [['nearest', `${names.node(explain.nearest.node)}: ${explain.nearest.detail}`] as const]),
        ...explain.wouldFitIf.map((what): Fact => ['would fit if', what]),
        ['in Swarm’s words', explain.message],
      ];
    case 'RESTART':
      return [
        ['condition', explain.condition],
        ['delay', span(explain.delayUs)],
        ['attempts', explain.maxAttempts === 0 ? `${explain.attempts}, no limit` : `${explain.attempts} of ${explain.maxAttempts}`],
      ];
    case 'NODE_DOWN':
      return [
        ['last heartbeat', simClock(explain.lastHeartbeat)],
        ['grace', span(explain.graceUs)],
        ['tasks to replace', String(explain.tasks)],
      ];
    case 'EXITED':
      return [
        ['exit code', String(explain.exitCode)],
        ['out of memory', explain.oomKilled ? 'yes' : 'no'],
      ];
    case 'SCALED':
      return [
        ['from', String(explain.from)],
        ['to', String(explain.to)],
        ['by', explain.by],
      ];
    default:
      return [];
  }
}

function rejectedFacts(rejected: Readonly<Record<string, number>>): Fact[] {
  return Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => [filterWords(name), String(count)]);
}
