/** Subjects of events, metrics and questions: `task:ID`, `service:NAME`, `node:NAME`, or a bare name or id. */
import type { ManagerView } from '../live/run.ts';
import type { NodeRecord, ServiceRecord, TaskRecord } from '../store/records.ts';
import type { StoreView } from '../store/view.ts';
import { ApiFailure } from './failure.ts';

export type Subject =
  | { readonly kind: 'task'; readonly record: TaskRecord; readonly key: string }
  | { readonly kind: 'service'; readonly record: ServiceRecord; readonly key: string }
  | { readonly kind: 'node'; readonly record: NodeRecord; readonly key: string }
  /** Removed, but the event list still tells of it. */
  | { readonly kind: 'gone'; readonly record: undefined; readonly key: string };

const taskSubject = (record: TaskRecord): Subject => ({ kind: 'task', record, key: `task:${record.id}` });
const serviceSubject = (record: ServiceRecord): Subject => ({ kind: 'service', record, key: `service:${record.spec.name}` });
const nodeSubject = (record: NodeRecord): Subject => ({ kind: 'node', record, key: `node:${record.name}` });

/** The object that a reference means, undefined for none. A bare reference is tried as a service, a node, a task. */
export function findSubject(reference: string, store: StoreView): Subject | undefined {
  const [, kind, name] = /^(task|service|node):(.*)$/.exec(reference) ?? [];
  const service = kind === undefined || kind === 'service' ? store.findService(name ?? reference) : undefined;
  if (service !== undefined) return serviceSubject(service);
  const node = kind === undefined || kind === 'node' ? store.findNode(name ?? reference) : undefined;
  if (node !== undefined) return nodeSubject(node);
  const task = kind === undefined || kind === 'task' ? store.findTask(name ?? reference) : undefined;
  return task === undefined ? undefined : taskSubject(task);
}

/** As findSubject; what no longer exists is found by its full key while events about it are held. @throws ApiFailure PF_NOT_FOUND. */
export function requireSubject(reference: string, { store, events }: ManagerView): Subject {
  const subject = findSubject(reference, store);
  if (subject !== undefined) return subject;
  const keys = /^(task|service|node):/.test(reference) ? [reference] : [`task:${reference}`, `service:${reference}`, `node:${reference}`];
  const key = keys.find((candidate) => events.about(candidate, 1).length > 0);
  if (key === undefined) throw notFound('task, service or node', reference, similarService(reference, store));
  return { kind: 'gone', record: undefined, key };
}

/** A service of a stack that was named without the stack: `web` for `shop_web`, `web.3` for `shop_web.3`. */
export function similarService(reference: string, store: StoreView): string | undefined {
  const [, name = '', slot = ''] = /^(?:service:|task:)?(.+?)(\.\d+)?$/.exec(reference) ?? [];
  for (const { spec } of store.services.values()) if (name !== '' && spec.name.endsWith(`_${name}`)) return `${spec.name}${slot}`;
  return undefined;
}

/** What to say when a reference means nothing; `similar` is what may have been meant. */
export function notFound(what: string, reference: string, similar?: string): ApiFailure {
  const shown = reference.length > 80 ? `${reference.slice(0, 80)}…` : reference;
  const hint = similar === undefined ? 'use a name, an id, or the beginning of an id that only one has' : `did you mean ${similar}?`;
  return new ApiFailure('PF_NOT_FOUND', `no ${what} "${shown}"`, { hint });
}
