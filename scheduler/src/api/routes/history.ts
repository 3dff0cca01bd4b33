/** Endpoints that read what happened: events, metrics, reasons, journal. */
import type { ClusterEvent, EventPage, JournalPage, MetricRange, TimeUs, Why } from '@paperfleet/core';
import type { ManagerView } from '../../live/run.ts';
import { ApiFailure } from '../failure.ts';
import * as answers from '../schemas/answers.ts';
import type { EventQuery } from '../schemas/queries.ts';
import { eventQuery, journalQuery, metricsQuery } from '../schemas/queries.ts';
import { notFound, requireSubject } from '../subject.ts';
import { answerWhy } from '../why.ts';
import type { Route } from './route.ts';
import { found, route } from './route.ts';

const DEFAULT_EVENTS = 100;
/** Events about one subject that are looked at for a page of them; more than the log keeps of any. */
const ALL_EVENTS = 100_000;
const DEFAULT_RANGE_US = 300_000_000;

/** Events that a query asks for, oldest first. */
function selectEvents(manager: ManagerView, query: EventQuery): readonly ClusterEvent[] {
  const { events } = manager;
  const limit = query.limit ?? DEFAULT_EVENTS;
  if (query.before !== undefined && query.after !== undefined)
    throw new ApiFailure('PF_INVALID', 'give before or after, not both', { path: 'after' });
  if (query.subject !== undefined) {
    const { key } = requireSubject(query.subject, manager);
    const { before = Number.POSITIVE_INFINITY, after } = query;
    if (after !== undefined)
      return events
        .about(key, ALL_EVENTS)
        .filter(({ id }) => id > after)
        .slice(0, limit);
    return query.before === undefined
      ? events.about(key, limit)
      : events
          .about(key, ALL_EVENTS)
          .filter(({ id }) => id < before)
          .slice(-limit);
  }
  if (query.after === undefined) return events.newest(limit, query.before);
  const result: ClusterEvent[] = [];
  for (let id = Math.max(query.after + 1, events.firstId); id <= events.lastId && result.length < limit; id++) {
    const event = events.get(id);
    if (event !== undefined) result.push(event);
  }
  return result;
}

const eventsRoute = route({
  method: 'get',
  path: '/api/runs/:run/events',
  id: 'listEvents',
  tag: 'events',
  summary: 'Events, page by page',
  description: 'Without `before` or `after` the newest. To follow, ask again with `after` = the last id seen.',
  role: 'viewer',
  query: eventQuery,
  answer: { status: 200, schema: answers.eventPage, description: 'Oldest first' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): EventPage => {
    const { manager } = request.run();
    return { events: selectEvents(manager, request.query), firstId: manager.events.firstId, lastId: manager.events.lastId };
  },
});

const metricsRoute = route({
  method: 'get',
  path: '/api/runs/:run/metrics',
  id: 'getMetrics',
  tag: 'events',
  summary: 'CPU, memory and throttling of a node or service over time',
  role: 'viewer',
  query: metricsQuery,
  answer: {
    status: 200,
    schema: answers.metricRange,
    description: 'Buckets with minimum, mean, maximum and last value; null where there is no sample',
  },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): MetricRange => {
    const run = request.run();
    const { query } = request;
    const subject = requireSubject(query.subject, run.manager);
    if (subject.kind === 'gone') throw notFound('service or node', query.subject);
    if (subject.kind === 'task') {
      throw new ApiFailure('PF_INVALID', 'history is kept of nodes and services, not of single tasks', { path: 'subject' });
    }
    const to = query.to ?? run.playback().simUs;
    const from = query.from ?? Math.max(0, to - DEFAULT_RANGE_US);
    if (from > to) throw new ApiFailure('PF_INVALID', 'from is after to', { path: 'from' });
    const range = run.manager.metrics.range(`${subject.kind}:${subject.record.id}`, from as TimeUs, to as TimeUs, query.buckets ?? 300);
    const { fromUs, bucketUs, series } = found(range, () => notFound('metrics of', query.subject));
    return { subject: subject.key, fromUs, bucketUs, series: series as MetricRange['series'] };
  },
});

const whyRoute = route({
  method: 'get',
  path: '/api/runs/:run/why/:subject',
  id: 'getWhy',
  tag: 'events',
  summary: 'Why something is as it is',
  description: '`subject` is `task:ID`, `service:NAME`, `node:NAME`, or a bare name or id.',
  role: 'viewer',
  answer: {
    status: 200,
    schema: answers.why,
    description: 'A sentence, the events about the subject (newest first) and the chain of causes',
  },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): Why => {
    const run = request.run();
    return answerWhy(requireSubject(request.param('subject'), run.manager), run.manager, run.playback().simUs);
  },
});

const journalRoute = route({
  method: 'get',
  path: '/api/runs/:run/journal',
  id: 'listInputs',
  tag: 'events',
  summary: 'The inputs of a run: joins, losses, commands, faults',
  role: 'viewer',
  query: journalQuery,
  answer: { status: 200, schema: answers.journalPage, description: 'In journal order' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): JournalPage => {
    const { after = 0, limit = 1000 } = request.query;
    const rest = request
      .run()
      .inputs()
      .filter(({ seq }) => seq > after);
    return { inputs: rest.slice(0, limit), more: rest.length > limit };
  },
});

const digestRoute = route({
  method: 'get',
  path: '/api/runs/:run/digest',
  id: 'getDigest',
  tag: 'events',
  summary: 'Digest of all state changes so far',
  description: 'Equal inputs give equal digests, wherever and however fast the run was executed.',
  role: 'viewer',
  answer: { status: 200, schema: answers.runDigest, description: 'At the last barrier' },
  refusals: ['PF_NOT_FOUND', 'PF_UNAVAILABLE'],
  handle: (request) => request.api.heavy(() => request.run().digest()),
});

export const HISTORY_ROUTES: readonly Route[] = [eventsRoute, metricsRoute, whyRoute, journalRoute, digestRoute];
