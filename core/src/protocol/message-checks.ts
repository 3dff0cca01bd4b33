/** Checks of the messages between parties, in whatever frame they came. */
import type { AssignedTask, Message, Statistics, TaskStatus } from './message.ts';
import { STAT, STATISTICS_COLUMNS } from './message.ts';
import { TASK_STATE } from '../model/task-state.ts';
import type { TaskState } from '../model/task-state.ts';
import type { Check, Problem } from './check.ts';
import { boolean, integer, list, literal, number, object, oneOf, optional, refine, text, tuple, variants } from './check.ts';
import type { Envelope } from './frame.ts';
import { nodeDescriptionCheck, taskSpecCheck } from './model-checks.ts';

/** Most entries of one list in a message; the frame's size is the tighter bound. */
const MAX_MANY = 1_000_000;
/** Rows of one statistics report: one per container of a node. */
export const MAX_STATISTICS_ROWS = 60_000;
const MAX_U32 = 0xffff_ffff;
const MAX_U16 = 0xffff;

const id = text(255, 1);
const prose = text(65_536);
const taskState: Check<TaskState> = oneOf(...Object.values(TASK_STATE));

const assignedTask: Check<AssignedTask> = object<AssignedTask>({
  id,
  serviceId: text(255),
  serviceName: text(255),
  slot: integer(),
  desired: taskState,
  spec: integer(),
});

const taskStatus: Check<TaskStatus> = object<TaskStatus>({
  id,
  state: taskState,
  at: integer(),
  message: prose,
  error: optional(prose),
  exitCode: optional(integer(-0x8000_0000, 0x7fff_ffff)),
  oomKilled: optional(boolean),
  health: optional(integer(0, 3)),
});

/** Least and greatest value of each column of a statistics row; amounts may be fractions, counters may not. */
export const STATISTICS_RANGE: readonly {
  readonly name: keyof typeof STAT;
  readonly min: number;
  readonly max: number;
  readonly whole: boolean;
}[] = [
  { name: 'container', min: 0, max: MAX_U32, whole: true },
  { name: 'state', min: 1, max: 3, whole: true },
  { name: 'cpuNano', min: 0, max: Number.MAX_SAFE_INTEGER, whole: false },
  { name: 'cpuUsageUs', min: 0, max: Number.MAX_SAFE_INTEGER, whole: false },
  { name: 'nrPeriods', min: 0, max: MAX_U32, whole: true },
  { name: 'nrThrottled', min: 0, max: MAX_U32, whole: true },
  { name: 'throttledUs', min: 0, max: Number.MAX_SAFE_INTEGER, whole: false },
  { name: 'memoryBytes', min: 0, max: Number.MAX_SAFE_INTEGER, whole: false },
  { name: 'memoryPeakBytes', min: 0, max: Number.MAX_SAFE_INTEGER, whole: false },
  { name: 'oomKills', min: 0, max: MAX_U16, whole: true },
  { name: 'restarts', min: 0, max: MAX_U16, whole: true },
];

/** An amount as it must be: not negative, no negative zero, below 2^53, no NaN. */
export const isAmount = (value: number): boolean => value >= 0 && value <= Number.MAX_SAFE_INTEGER && (value !== 0 || 1 / value > 0);

const isU32 = (value: number): boolean => value >>> 0 === value && (value !== 0 || 1 / value > 0);
const isU16 = (value: number): boolean => isU32(value) && value <= MAX_U16;

/** True when all columns of the row at `from` are in range: what `statisticsProblem` asks column by column, without its tables. */
function isRow(rows: Float64Array, from: number): boolean {
  const state = rows[from + STAT.state]!;
  return (
    (state === 1 || state === 2 || state === 3) &&
    isU32(rows[from + STAT.container]!) &&
    isU32(rows[from + STAT.nrPeriods]!) &&
    isU32(rows[from + STAT.nrThrottled]!) &&
    isU16(rows[from + STAT.oomKills]!) &&
    isU16(rows[from + STAT.restarts]!) &&
    isAmount(rows[from + STAT.cpuNano]!) &&
    isAmount(rows[from + STAT.cpuUsageUs]!) &&
    isAmount(rows[from + STAT.throttledUs]!) &&
    isAmount(rows[from + STAT.memoryBytes]!) &&
    isAmount(rows[from + STAT.memoryPeakBytes]!)
  );
}

/** The first value of a report's rows that is out of its column's range. */
export function statisticsProblem(rows: Float64Array): Problem | undefined {
  for (let from = 0; from < rows.length; from += STATISTICS_COLUMNS) {
    if (!isRow(rows, from)) return rowProblem(rows, from);
  }
  return undefined;
}

function rowProblem(rows: Float64Array, from: number): Problem {
  const row = from / STATISTICS_COLUMNS;
  for (let column = 0; column < STATISTICS_COLUMNS; column++) {
    const { name, min, max, whole } = STATISTICS_RANGE[column]!;
    const value = rows[from + column]!;
    if (!(value >= min && value <= max) || (whole && value % 1 !== 0) || Object.is(value, -0)) {
      const kind = whole ? 'a whole number' : 'a number';
      return {
        path: `.values[${row}].${name}`,
        reason: `must be ${kind} from ${min} to ${max}, not ${Object.is(value, -0) ? '-0' : value}`,
      };
    }
  }
  return { path: `.values[${row}]`, reason: 'is out of range' };
}

const values: Check<Float64Array> = (value) =>
  value instanceof Float64Array ? undefined : { path: '', reason: 'must be an array of 64-bit numbers' };
const amount = number(0, Number.MAX_SAFE_INTEGER);
export const statisticsCheck: Check<Statistics> = refine(
  object<Statistics>({
    at: integer(),
    intervalUs: integer(),
    nodeCpuNano: amount,
    nodeMemoryBytes: amount,
    count: integer(0, MAX_STATISTICS_ROWS),
    values,
    names: list(tuple<readonly [number, string]>(integer(0, MAX_U32), id), MAX_STATISTICS_ROWS),
  }),
  (report) =>
    report.values.length === report.count * STATISTICS_COLUMNS
      ? statisticsProblem(report.values)
      : { path: '.values', reason: `must hold ${report.count} rows of ${STATISTICS_COLUMNS}, but has ${report.values.length} numbers` },
);

type Of<T extends Message['type']> = Extract<Message, { type: T }>;
const session = integer();

/** Numbering and references within one assignments message. */
function assignmentsProblem(message: Of<'assignments'>): Problem | undefined {
  if (!message.full && message.resultsIn <= message.appliesTo) {
    return { path: '.resultsIn', reason: `must be above appliesTo (${message.appliesTo}), but is ${message.resultsIn}` };
  }
  const wrong = message.update.findIndex(({ spec }) => spec >= message.specs.length);
  if (wrong < 0) return undefined;
  const count = message.specs.length;
  return { path: `.update[${wrong}].spec`, reason: `must be below the number of specs (${count}), but is ${message.update[wrong]!.spec}` };
}

/** Any message. */
export const messageCheck: Check<Message> = variants<Message, 'type'>('type', {
  register: object<Of<'register'>>({ type: literal('register'), attempt: integer(), description: nodeDescriptionCheck }),
  registered: object<Of<'registered'>>({ type: literal('registered'), attempt: integer(), session, periodUs: integer() }),
  refused: object<Of<'refused'>>({ type: literal('refused'), session, reason: prose }),
  heartbeat: object<Of<'heartbeat'>>({ type: literal('heartbeat'), session }),
  heartbeatAck: object<Of<'heartbeatAck'>>({ type: literal('heartbeatAck'), session, periodUs: integer(), resultsIn: optional(integer()) }),
  assignments: refine(
    object<Of<'assignments'>>({
      type: literal('assignments'),
      session,
      full: boolean,
      appliesTo: integer(),
      resultsIn: integer(),
      specs: list(taskSpecCheck, MAX_MANY),
      update: list(assignedTask, MAX_MANY),
      remove: list(id, MAX_MANY),
      loads: list(tuple<readonly [string, number]>(id, integer()), MAX_MANY),
    }),
    assignmentsProblem,
  ),
  resync: object<Of<'resync'>>({ type: literal('resync'), session, at: integer() }),
  status: object<Of<'status'>>({ type: literal('status'), session, batch: integer(), updates: list(taskStatus, MAX_MANY) }),
  statusAck: object<Of<'statusAck'>>({ type: literal('statusAck'), session, batch: integer() }),
  statistics: object<Of<'statistics'>>({ type: literal('statistics'), session, statistics: statisticsCheck }),
  bye: object<Of<'bye'>>({ type: literal('bye'), session, reason: prose }),
});

/** A message on its way. */
export const envelopeCheck: Check<Envelope> = refine(
  object<Envelope>({ from: integer(), to: integer(), seq: integer(), sentAt: integer(), arriveAt: integer(), message: messageCheck }),
  ({ sentAt, arriveAt }) =>
    arriveAt > sentAt ? undefined : { path: '.arriveAt', reason: `must be after sentAt (${sentAt}), but is ${arriveAt}` },
);
