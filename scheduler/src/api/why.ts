/** Answers "why": what is so now, the newest decision about it in a sentence, and what led to that. */
import type { ClusterEvent, Explain, Why } from '@paperfleet/core';
import { assertNever, clockText, explainSentence, isTerminal, spanText, TASK_STATE, taskStateName } from '@paperfleet/core';
import type { ManagerView } from '../live/run.ts';
import type { NodeRecord, ServiceRecord, TaskRecord } from '../store/records.ts';
import { nodeView, serviceCounts, taskName } from './live/views.ts';
import type { Subject } from './subject.ts';

/** Events about the subject that are given along. */
const MAX_EVENTS = 50;
/** Causes followed back; a chain is rarely longer than five. */
const MAX_CHAIN = 32;

/** Follows `cause` from an event back to its first cause, or to where the log begins. The event itself comes first. */
export function causeChain(event: ClusterEvent, manager: ManagerView): ClusterEvent[] {
  const chain = [event];
  for (let cause = event.cause; cause !== 0 && chain.length < MAX_CHAIN; ) {
    const earlier = manager.events.get(cause);
    // A cause is always older than its effect, so this cannot go in circles; the check keeps a faulty log from making it.
    if (earlier === undefined || earlier.id >= chain.at(-1)!.id) break;
    chain.push(earlier);
    cause = earlier.cause;
  }
  return chain;
}

/** The beginning of everything: ", which goes back to: …" for a chain with more than one link. */
function rootSentence(chain: readonly ClusterEvent[], ownSentence: string | undefined): string {
  const root = chain.length > 1 ? chain.at(-1)! : undefined;
  if (root === undefined) return '';
  const sentence = explainSentence(root.explain);
  return sentence === ownSentence ? '' : ` It goes back to ${clockText(root.at)}: ${sentence}`;
}

function taskState(task: TaskRecord, manager: ManagerView, now: number): string {
  const { store } = manager;
  const name = taskName(task, store);
  const node = store.nodes.get(task.nodeId);
  const where = node === undefined ? '' : ` on ${node.name}`;
  const since = `for ${spanText(Math.max(0, now - task.stateAt))}`;
  if (task.state === TASK_STATE.running) {
    const doubt = node?.status === 'down' ? `, as far as is known: ${node.name} is down` : '';
    const health = task.health === 3 ? ' (unhealthy)' : task.health === 1 ? ' (health check pending)' : '';
    return `${name} has been running${where} ${since}${health}${doubt}.`;
  }
  if (isTerminal(task.state)) {
    const error = task.error === '' ? '' : ` (${task.error.replace(/\.$/, '')})`;
    return `${name} ended as ${taskStateName(task.state)}${where} at ${clockText(task.stateAt)}${error}.`;
  }
  if (task.state <= TASK_STATE.pending) return `${name} has been pending ${since}.`;
  return `${name} has been ${taskStateName(task.state)}${where} ${since}.`;
}

function whyTask(task: TaskRecord, manager: ManagerView, now: number, newest: ClusterEvent | undefined): string {
  // The record keeps the newest decision even when the log has dropped its event.
  const decision: Explain | undefined = task.explain ?? newest?.explain;
  return `${taskState(task, manager, now)}${decision === undefined ? '' : ` ${explainSentence(decision)}`}`;
}

function whyService(service: ServiceRecord, manager: ManagerView, newest: ClusterEvent | undefined): string {
  const { store } = manager;
  const { desired, running, starting, pending } = serviceCounts(service, store);
  const parts = [`${running} running`];
  if (starting - pending > 0) parts.push(`${starting - pending} starting`);
  if (pending > 0) parts.push(`${pending} without a node`);
  const state = `${service.spec.name} wants ${desired} ${desired === 1 ? 'task' : 'tasks'}: ${parts.join(', ')}.`;
  const stuck = pending === 0 ? undefined : store.tasksOfService(service.id).find(isStuck);
  const reason = stuck?.explain ?? newest?.explain;
  return `${state}${reason === undefined ? '' : ` ${explainSentence(reason)}`}`;
}

const isStuck = (task: TaskRecord): boolean => task.nodeId === '' && !isTerminal(task.state) && task.explain?.code === 'PENDING';

const TRUTH_WORDS = {
  up: '',
  crashed: ' In truth its machine has crashed.',
  partitioned: ' In truth it runs but is cut off.',
  lost: ' In truth its agent process is gone.',
} as const;

function whyNode(node: NodeRecord, manager: ManagerView, newest: ClusterEvent | undefined): string {
  const reality = TRUTH_WORDS[node.truth];
  if (node.status === 'down' && newest?.explain.code === 'NODE_DOWN') return explainSentence(newest.explain) + reality;
  const { tasks } = nodeView(node, manager.store);
  const availability = node.availability === 'active' ? '' : `, ${node.availability === 'drain' ? 'draining' : 'paused'}`;
  const heard = node.session === 0 ? '' : `, last heard at ${clockText(node.lastHeartbeat)}`;
  const state = `${node.name} is ${node.status}${availability} with ${tasks} ${tasks === 1 ? 'task' : 'tasks'}${heard}.`;
  return `${state}${reality}${newest === undefined ? '' : ` ${explainSentence(newest.explain)}`}`;
}

/** The newest event about a subject that explains something: no mere remark, and of a service or node not one about a task of it. */
function newestExplaining(events: readonly ClusterEvent[], kind: Subject['kind']): ClusterEvent | undefined {
  const own = kind === 'service' || kind === 'node' ? events.filter(({ task }) => task === undefined) : events;
  return own.find(({ explain }) => explain.code !== 'NOTE') ?? events.find(({ explain }) => explain.code !== 'NOTE') ?? events[0];
}

/** The answer for a subject; `now` is the run's instant. */
export function answerWhy(subject: Subject, manager: ManagerView, now: number): Why {
  const events = [...manager.events.about(subject.key, MAX_EVENTS)].reverse();
  const newest = newestExplaining(events, subject.kind);
  const chain = newest === undefined ? [] : causeChain(newest, manager);
  const summary = summaryOf(subject, manager, now, newest);
  const own = newest === undefined ? undefined : explainSentence(newest.explain);
  return { subject: subject.key, summary: summary + rootSentence(chain, own), events, chain };
}

function summaryOf(subject: Subject, manager: ManagerView, now: number, newest: ClusterEvent | undefined): string {
  switch (subject.kind) {
    case 'task':
      return whyTask(subject.record, manager, now, newest);
    case 'service':
      return whyService(subject.record, manager, newest);
    case 'node':
      return whyNode(subject.record, manager, newest);
    case 'gone':
      return `${subject.key.replace(':', ' ')} no longer exists.${newest === undefined ? '' : ` ${explainSentence(newest.explain)}`}`;
    default:
      return assertNever(subject, 'subject');
  }
}
