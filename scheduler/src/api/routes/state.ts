/** Endpoints that read the present state of a run. */
import type {
  NodeDetail,
  NodeView,
  RunStatus,
  RunSummary,
  ServiceDetail,
  ServiceView,
  Snapshot,
  TaskDetail,
  TaskRow,
} from '@paperfleet/core';
import { isActive, isTerminal } from '@paperfleet/core';
import { z } from 'zod';
import type { LiveRun } from '../../live/run.ts';
import { nodeView, serviceView, taskRow } from '../live/views.ts';
import * as answers from '../schemas/answers.ts';
import { taskQuery } from '../schemas/queries.ts';
import { notFound, similarService } from '../subject.ts';
import type { EncodedJson, Route } from './route.ts';
import { found, route } from './route.ts';

/** A run in the list of runs. */
export function runSummary(run: LiveRun): RunSummary {
  return { name: run.name, parent: run.parent, forkedAtUs: run.forkedAt, seed: run.header.seed, playback: run.playback() };
}

function runStatus(run: LiveRun): RunStatus {
  const { store, events } = run.manager;
  const nodes = [...store.nodes.values()];
  const views = nodes.map((node) => nodeView(node, store));
  const services = [...store.services.values()].map((service) => serviceView(service, store));
  const sum = <T>(list: readonly T[], pick: (item: T) => number): number => list.reduce((total, item) => total + pick(item), 0);
  return {
    run: runSummary(run),
    build: run.header.build,
    totals: run.totals(),
    nodes: {
      total: nodes.length,
      ready: nodes.filter(({ status }) => status === 'ready').length,
      down: nodes.filter(({ status }) => status === 'down').length,
      notActive: nodes.filter(({ availability }) => availability !== 'active').length,
    },
    services: { total: services.length, converged: services.filter(({ desired, running }) => desired === running).length },
    tasks: {
      desired: sum(services, ({ desired }) => desired),
      running: sum(services, ({ running }) => running),
      starting: sum(services, ({ starting }) => starting),
      pending: sum(services, ({ pending }) => pending),
    },
    reservedNanoCpus: sum(views, (view) => view.reservedNanoCpus),
    nanoCpus: sum(views, (view) => view.nanoCpus),
    reservedMemoryBytes: sum(views, (view) => view.reservedMemoryBytes),
    memoryBytes: sum(views, (view) => view.memoryBytes),
    lastEvent: events.lastId,
  };
}

const snapshotRoute = route({
  method: 'get',
  path: '/api/runs/:run/snapshot',
  id: 'getSnapshot',
  tag: 'state',
  summary: 'The whole state, tasks as columns',
  description: 'What a page starts from. Its `seq` is good as `from` of the live socket for 30 s. Compressed when the client accepts gzip.',
  role: 'viewer',
  answer: { status: 200, schema: answers.snapshot, description: 'The state' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): Snapshot | EncodedJson => ({ json: request.api.snapshot(request.run()).json }),
});

const statusRoute = route({
  method: 'get',
  path: '/api/runs/:run',
  id: 'getRun',
  tag: 'runs',
  summary: 'A run at a glance',
  role: 'viewer',
  answer: { status: 200, schema: answers.runStatus, description: 'Counts and sums' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request) => runStatus(request.run()),
});

const nodesRoute = route({
  method: 'get',
  path: '/api/runs/:run/nodes',
  id: 'listNodes',
  tag: 'state',
  summary: 'All nodes',
  role: 'viewer',
  answer: { status: 200, schema: z.strictObject({ nodes: z.array(answers.nodeView) }), description: 'In order of joining' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): { nodes: NodeView[] } => {
    const { store } = request.run().manager;
    return { nodes: [...store.nodes.values()].map((node) => nodeView(node, store)) };
  },
});

const nodeRoute = route({
  method: 'get',
  path: '/api/runs/:run/nodes/:ref',
  id: 'getNode',
  tag: 'state',
  summary: 'One node with its tasks',
  role: 'viewer',
  answer: { status: 200, schema: answers.nodeDetail, description: 'The node' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): NodeDetail => {
    const { store, metrics } = request.run().manager;
    const node = found(store.findNode(request.param('ref')), () => notFound('node', request.param('ref')));
    return {
      node: nodeView(node, store),
      joinedUs: node.joinedAt,
      description: node.description,
      tasks: store.tasksOfNode(node.id).map((task) => taskRow(task, store, metrics)),
    };
  },
});

const servicesRoute = route({
  method: 'get',
  path: '/api/runs/:run/services',
  id: 'listServices',
  tag: 'state',
  summary: 'All services',
  role: 'viewer',
  answer: { status: 200, schema: z.strictObject({ services: z.array(answers.serviceView) }), description: 'In order of creation' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): { services: ServiceView[] } => {
    const { store } = request.run().manager;
    return { services: [...store.services.values()].map((service) => serviceView(service, store)) };
  },
});

const serviceRoute = route({
  method: 'get',
  path: '/api/runs/:run/services/:ref',
  id: 'getService',
  tag: 'state',
  summary: 'One service with its spec and tasks',
  role: 'viewer',
  answer: { status: 200, schema: answers.serviceDetail, description: 'The service' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): ServiceDetail => {
    const { store, metrics } = request.run().manager;
    const service = found(store.findService(request.param('ref')), () => notFound('service', request.param('ref')));
    return {
      service: serviceView(service, store),
      version: service.version,
      createdUs: service.createdAt,
      updatedUs: service.updatedAt,
      spec: service.spec,
      tasks: store.tasksOfService(service.id).map((task) => taskRow(task, store, metrics)),
    };
  },
});

const tasksRoute = route({
  method: 'get',
  path: '/api/runs/:run/tasks',
  id: 'listTasks',
  tag: 'state',
  summary: 'Tasks, one row each',
  description: 'Tasks that run, start or wait; with `all=true` also the history of ended ones.',
  role: 'viewer',
  query: taskQuery,
  answer: { status: 200, schema: z.strictObject({ tasks: z.array(answers.taskRow) }), description: 'In order of creation' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): { tasks: TaskRow[] } => {
    const { store, metrics } = request.run().manager;
    const { service: serviceRef, node: nodeRef, all } = request.query;
    const service =
      serviceRef === undefined
        ? undefined
        : found(store.findService(serviceRef), () => notFound('service', serviceRef, similarService(serviceRef, store)));
    const node = nodeRef === undefined ? undefined : found(store.findNode(nodeRef), () => notFound('node', nodeRef));
    const candidates =
      service !== undefined
        ? store.tasksOfService(service.id)
        : node !== undefined
          ? store.tasksOfNode(node.id)
          : [...store.tasks.values()];
    const wanted = candidates.filter(
      (task) => (node === undefined || task.nodeId === node.id) && (all === 'true' || !isTerminal(task.state) || isActive(task.desired)),
    );
    return { tasks: wanted.map((task) => taskRow(task, store, metrics)) };
  },
});

const taskRoute = route({
  method: 'get',
  path: '/api/runs/:run/tasks/:ref',
  id: 'getTask',
  tag: 'state',
  summary: 'One task with its spec and the newest decision about it',
  description: '`ref` is an id, the beginning of one, or `service.slot`.',
  role: 'viewer',
  answer: { status: 200, schema: answers.taskDetail, description: 'The task' },
  refusals: ['PF_NOT_FOUND'],
  handle: (request): TaskDetail => {
    const { store, metrics } = request.run().manager;
    const task = found(store.findTask(request.param('ref')), () => notFound('task', request.param('ref')));
    return { task: taskRow(task, store, metrics), spec: task.spec, explain: task.explain ?? null, cause: task.cause };
  },
});

export const STATE_ROUTES: readonly Route[] = [
  statusRoute,
  snapshotRoute,
  nodesRoute,
  nodeRoute,
  servicesRoute,
  serviceRoute,
  tasksRoute,
  taskRoute,
];
