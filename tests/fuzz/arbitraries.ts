// Random messages and frames that are valid: what the codecs must give back unchanged.

import type { AssignedTask, Envelope, Message, MessageType, Statistics, TaskStatus, TimelineFrame } from '@paperfleet/core';
import { STATISTICS_COLUMNS, STATISTICS_RANGE, TASK_STATE } from '@paperfleet/core';
import { samples } from '@paperfleet/core/testing';
import fc from 'fast-check';

/** Objects as JSON.parse makes them; `required` names the keys that are always there, absent: all. */
const plain = <T, K extends keyof T = keyof T>(
  model: { [P in keyof T]: fc.Arbitrary<T[P]> },
  required?: K[],
): fc.Arbitrary<Pick<T, K> & Partial<T>> =>
  fc.record(model, { noNullPrototype: true, ...(required === undefined ? {} : { requiredKeys: required }) }) as unknown as fc.Arbitrary<
    Pick<T, K> & Partial<T>
  >;

/** Integers up to 2^53 - 1, small and huge ones equally likely. Branded where the model says so. */
export const whole = <T extends number>(): fc.Arbitrary<T> =>
  fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1)) as fc.Arbitrary<T>;
/** Texts of whole code points, also beyond ASCII. */
const text = fc.string({ unit: 'binary', maxLength: 30 });
const id = fc.string({ unit: 'binary', minLength: 1, maxLength: 25 });
const state = fc.constantFrom(...Object.values(TASK_STATE));

const row = fc.tuple(
  ...STATISTICS_RANGE.map(({ min, max, whole: isWhole }) =>
    isWhole
      ? fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
      : fc.double({ min, max, noNaN: true }).map((value) => value + 0),
  ),
);

const statistics: fc.Arbitrary<Statistics> = plain({
  at: whole<Statistics['at']>(),
  intervalUs: whole<Statistics['intervalUs']>(),
  nodeCpuNano: fc.double({ min: 0, max: 2 ** 53 - 1, noNaN: true }).map((value) => value + 0),
  nodeMemoryBytes: whole<number>(),
  rows: fc.array(row, { maxLength: 8 }),
  names: fc.array(fc.tuple(fc.nat({ max: 0xffff_ffff }), id), { maxLength: 4 }),
}).map(({ rows, ...rest }) => {
  const values = new Float64Array(rows.length * STATISTICS_COLUMNS);
  for (const [index, one] of rows.entries()) values.set(one, index * STATISTICS_COLUMNS);
  return { ...rest, count: rows.length, values };
});

const status: fc.Arbitrary<TaskStatus> = plain(
  {
    id,
    state,
    at: whole<TaskStatus['at']>(),
    message: text,
    error: text,
    exitCode: fc.integer(),
    oomKilled: fc.boolean(),
    health: fc.nat({ max: 3 }),
  },
  ['id', 'state', 'at', 'message'],
);

const assigned: fc.Arbitrary<AssignedTask> = plain({
  id,
  serviceId: text,
  serviceName: text,
  slot: whole<number>(),
  desired: state,
  spec: fc.constant(0),
});

type Of<T extends MessageType> = Extract<Message, { type: T }>;
const numbered = fc
  .nat({ max: 2 ** 40 })
  .chain((appliesTo) => plain({ appliesTo: fc.constant(appliesTo), resultsIn: fc.integer({ min: appliesTo + 1, max: 2 ** 41 }) }));

const messages: { readonly [T in MessageType]: fc.Arbitrary<Of<T>> } = {
  register: plain({
    type: fc.constant('register' as const),
    attempt: whole<number>(),
    description: plain({ hostname: id, address: text }).map((some) => ({ ...samples.OFFER.description, ...some })),
  }),
  registered: plain({
    type: fc.constant('registered' as const),
    attempt: whole<number>(),
    session: whole<number>(),
    periodUs: whole<Of<'registered'>['periodUs']>(),
  }),
  refused: plain({ type: fc.constant('refused' as const), session: whole<number>(), reason: text }),
  heartbeat: plain({ type: fc.constant('heartbeat' as const), session: whole<number>() }),
  heartbeatAck: plain(
    {
      type: fc.constant('heartbeatAck' as const),
      session: whole<number>(),
      periodUs: whole<Of<'heartbeatAck'>['periodUs']>(),
      resultsIn: whole<number>(),
    },
    ['type', 'session', 'periodUs'],
  ),
  assignments: plain({
    session: whole<number>(),
    full: fc.boolean(),
    numbered,
    update: fc.array(assigned, { maxLength: 5 }),
    remove: fc.array(id, { maxLength: 5 }),
    loads: fc.array(fc.tuple(id, whole<number>()), { maxLength: 3 }),
  }).map(({ numbered: numbers, ...rest }) => ({ type: 'assignments' as const, ...rest, ...numbers, specs: [samples.TASK] })),
  resync: plain({ type: fc.constant('resync' as const), session: whole<number>(), at: whole<number>() }),
  status: plain({
    type: fc.constant('status' as const),
    session: whole<number>(),
    batch: whole<number>(),
    updates: fc.array(status, { maxLength: 5 }),
  }),
  statusAck: plain({ type: fc.constant('statusAck' as const), session: whole<number>(), batch: whole<number>() }),
  statistics: plain({ type: fc.constant('statistics' as const), session: whole<number>(), statistics }),
  bye: plain({ type: fc.constant('bye' as const), session: whole<number>(), reason: text }),
};

/** Any message. */
export const message: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages));

/** Any message on its way. */
export const envelope: fc.Arbitrary<Envelope> = plain({
  from: whole<Envelope['from']>(),
  to: whole<Envelope['to']>(),
  seq: whole<number>(),
  sentAt: fc.maxSafeNat().filter((at) => at < Number.MAX_SAFE_INTEGER),
  message,
}).chain((some) =>
  fc
    .integer({ min: some.sentAt + 1, max: Number.MAX_SAFE_INTEGER })
    .map((arriveAt) => ({ ...some, sentAt: some.sentAt, arriveAt }) as unknown as Envelope),
);

/** Any timeline frame. */
export const timelineFrame: fc.Arbitrary<TimelineFrame> = fc.oneof(
  fc.constantFrom<TimelineFrame>(...Object.values(samples.TIMELINE)),
  plain({ window: whole<number>(), next: fc.integer({ min: -1 }), relay: fc.array(envelope, { maxLength: 3 }) }).map(
    (some): TimelineFrame => ({ ...samples.TIMELINE.report, ...some }),
  ),
  plain({ values: fc.float64Array(), numbers: fc.array(fc.double()), texts: fc.array(fc.string({ unit: 'binary' })) }).map(
    (saved): TimelineFrame => ({ ...samples.TIMELINE.state, parties: [[samples.HELLO_AGENT.party, saved]] }),
  ),
);
