/**
 * Session frames: one simulated message each, binary, little-endian. Layouts: docs/protocol.md.
 *
 *   0   u8   magic 0x50 ('P')        8   u64  from
 *   1   u8   protocol version       16   u64  to
 *   2   u8   kind                   24   u64  seq
 *   3   u8   flags                  32   u64  sentAt, µs
 *   4   u32  length of the body     40   u64  arriveAt, µs     48  body
 *
 * Numbers of 64 bits hold integers up to 2^53 - 1. Every frame has one spelling only: reserved bits and bytes are zero,
 * lengths are exact. What is small and frequent is fixed-width; register, assignments and status carry JSON.
 */
import { assertNever } from '../errors.ts';
import type { PartyId, TimeUs } from '../units.ts';
import { describe, parseJson, refusal } from './check.ts';
import type { CloseReason, Decoded, Envelope } from './frame.ts';
import { MAX_SESSION_FRAME_BYTES, PROTOCOL_VERSION } from './frame.ts';
import { isAmount, MAX_STATISTICS_ROWS, messageCheck, statisticsCheck } from './message-checks.ts';
import type { Message, MessageType, Statistics } from './message.ts';
import { STAT, STATISTICS_COLUMNS } from './message.ts';
import { fromUtf8, utf8Length, writeUtf8 } from './utf8.ts';

/** First byte of every session frame. */
export const SESSION_MAGIC = 0x50;
/** Bytes before the body. */
export const SESSION_HEADER_BYTES = 48;
/** Bytes of one container in a statistics report. */
export const STATISTICS_ROW_BYTES = 64;
/** Bytes between a statistics report's header and its rows. */
const STATISTICS_HEAD_BYTES = 48;

/** Kinds on the wire; never renumbered. */
export const MESSAGE_KIND: { readonly [T in MessageType]: number } = {
  register: 1,
  registered: 2,
  refused: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  assignments: 6,
  resync: 7,
  status: 8,
  statusAck: 9,
  statistics: 10,
  bye: 11,
};
const TYPE_OF_KIND: readonly (MessageType | undefined)[] = Array.from({ length: 16 }, (_, kind) =>
  (Object.keys(MESSAGE_KIND) as MessageType[]).find((type) => MESSAGE_KIND[type] === kind),
);

/** Flag of heartbeatAck: the body ends with `resultsIn`. */
const FLAG_RESULTS_IN = 1;

const HIGH = 0x1_0000_0000;
/** High words of integers below 2^53. */
const MAX_HIGH = 0x1f_ffff;

function putU64(view: DataView, at: number, value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${what} must be a whole number from 0 to 2^53 - 1, not ${value}`);
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, (value - (value >>> 0)) / HIGH, true);
}

/** The integer at `at`; NaN when it is 2^53 or more. */
function getU64(view: DataView, at: number): number {
  const high = view.getUint32(at + 4, true);
  return high > MAX_HIGH ? Number.NaN : high * HIGH + view.getUint32(at, true);
}

/** A frame being written: its header is there, its body is for the caller. */
interface Draft {
  readonly frame: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
}

function draft(envelope: Envelope, bodyBytes: number, flags = 0): Draft {
  const size = SESSION_HEADER_BYTES + bodyBytes;
  if (size > MAX_SESSION_FRAME_BYTES) {
    throw new RangeError(`a ${envelope.message.type} frame of ${size} bytes is larger than the ${MAX_SESSION_FRAME_BYTES} allowed`);
  }
  if (envelope.arriveAt <= envelope.sentAt)
    throw new RangeError(`arriveAt (${envelope.arriveAt}) must be after sentAt (${envelope.sentAt})`);
  const frame = new Uint8Array(size);
  const view = new DataView(frame.buffer);
  frame[0] = SESSION_MAGIC;
  frame[1] = PROTOCOL_VERSION;
  frame[2] = MESSAGE_KIND[envelope.message.type];
  frame[3] = flags;
  view.setUint32(4, bodyBytes, true);
  putU64(view, 8, envelope.from, 'from');
  putU64(view, 16, envelope.to, 'to');
  putU64(view, 24, envelope.seq, 'seq');
  putU64(view, 32, envelope.sentAt, 'sentAt');
  putU64(view, 40, envelope.arriveAt, 'arriveAt');
  return { frame, view };
}

/** A body of 64-bit integers in the order of their names, followed by text. */
function encodeFixed(envelope: Envelope, numbers: Readonly<Record<string, number>>, tail = '', flags = 0): Uint8Array<ArrayBuffer> {
  const names = Object.keys(numbers);
  const { frame, view } = draft(envelope, names.length * 8 + (tail === '' ? 0 : utf8Length(tail)), flags);
  let at = SESSION_HEADER_BYTES;
  for (const name of names) {
    putU64(view, at, numbers[name]!, name);
    at += 8;
  }
  if (tail !== '') writeUtf8(tail, frame, at);
  return frame;
}

function encodeStatistics(envelope: Envelope, session: number, report: Statistics): Uint8Array<ArrayBuffer> {
  const found = statisticsCheck(report);
  if (found !== undefined) throw new RangeError(describe(found, 'statistics'));
  let nameBytes = 0;
  for (const [, id] of report.names) nameBytes += 6 + utf8Length(id);
  const { frame, view } = draft(envelope, STATISTICS_HEAD_BYTES + report.count * STATISTICS_ROW_BYTES + nameBytes);
  let at = SESSION_HEADER_BYTES;
  putU64(view, at, session, 'session');
  putU64(view, at + 8, report.at, 'statistics.at');
  putU64(view, at + 16, report.intervalUs, 'statistics.intervalUs');
  view.setFloat64(at + 24, report.nodeCpuNano, true);
  view.setFloat64(at + 32, report.nodeMemoryBytes, true);
  view.setUint32(at + 40, report.count, true);
  view.setUint32(at + 44, report.names.length, true);
  at += STATISTICS_HEAD_BYTES;
  const { values } = report;
  for (let row = 0; row < report.count; row++, at += STATISTICS_ROW_BYTES) putRow(view, at, values, row * STATISTICS_COLUMNS);
  for (const [container, id] of report.names) {
    const end = writeUtf8(id, frame, at + 6);
    view.setUint32(at, container, true);
    view.setUint16(at + 4, end - at - 6, true);
    at = end;
  }
  return frame;
}

/** Columns by name. */
const { container, state, cpuNano, cpuUsageUs, nrPeriods, nrThrottled, throttledUs, memoryBytes, memoryPeakBytes, oomKills, restarts } =
  STAT;

/** One row: narrow columns first, so that the wide ones are aligned to 8 bytes. Bytes 5, 10–11 and 20–23 are zero. */
function putRow(view: DataView, at: number, values: Float64Array, from: number): void {
  view.setUint32(at, values[from + container]!, true);
  view.setUint8(at + 4, values[from + state]!);
  view.setUint16(at + 6, values[from + oomKills]!, true);
  view.setUint16(at + 8, values[from + restarts]!, true);
  view.setUint32(at + 12, values[from + nrPeriods]!, true);
  view.setUint32(at + 16, values[from + nrThrottled]!, true);
  view.setFloat64(at + 24, values[from + cpuNano]!, true);
  view.setFloat64(at + 32, values[from + cpuUsageUs]!, true);
  view.setFloat64(at + 40, values[from + throttledUs]!, true);
  view.setFloat64(at + 48, values[from + memoryBytes]!, true);
  view.setFloat64(at + 56, values[from + memoryPeakBytes]!, true);
}

/** Reads one row; false when a value is out of its range or a reserved byte is set. */
function getRow(view: DataView, at: number, into: Float64Array, to: number): boolean {
  const running = view.getUint8(at + 4);
  const cpu = view.getFloat64(at + 24, true);
  const usage = view.getFloat64(at + 32, true);
  const throttled = view.getFloat64(at + 40, true);
  const memory = view.getFloat64(at + 48, true);
  const peak = view.getFloat64(at + 56, true);
  into[to + container] = view.getUint32(at, true);
  into[to + state] = running;
  into[to + oomKills] = view.getUint16(at + 6, true);
  into[to + restarts] = view.getUint16(at + 8, true);
  into[to + nrPeriods] = view.getUint32(at + 12, true);
  into[to + nrThrottled] = view.getUint32(at + 16, true);
  into[to + cpuNano] = cpu;
  into[to + cpuUsageUs] = usage;
  into[to + throttledUs] = throttled;
  into[to + memoryBytes] = memory;
  into[to + memoryPeakBytes] = peak;
  const reserved = view.getUint8(at + 5) | view.getUint16(at + 10, true) | view.getUint32(at + 20, true);
  const amounts = isAmount(cpu) && isAmount(usage) && isAmount(throttled) && isAmount(memory) && isAmount(peak);
  return amounts && reserved === 0 && running >= 1 && running <= 3;
}

function encodeJson(envelope: Envelope, body: unknown): Uint8Array<ArrayBuffer> {
  const text = JSON.stringify(body);
  const { frame } = draft(envelope, utf8Length(text));
  writeUtf8(text, frame, SESSION_HEADER_BYTES);
  return frame;
}

/**
 * A message as one session frame. A lone surrogate in `reason` or a container's task id is written as U+FFFD.
 * @throws RangeError when a number does not fit its place or the frame would be larger than MAX_SESSION_FRAME_BYTES:
 * that is a mistake of the sender.
 */
export function encodeEnvelope(envelope: Envelope): Uint8Array<ArrayBuffer> {
  const { message } = envelope;
  switch (message.type) {
    case 'register':
    case 'assignments':
    case 'status': {
      const { type: _type, ...body } = message;
      return encodeJson(envelope, body);
    }
    case 'registered':
      return encodeFixed(envelope, { attempt: message.attempt, session: message.session, periodUs: message.periodUs });
    case 'heartbeat':
      return encodeFixed(envelope, { session: message.session });
    case 'heartbeatAck': {
      const { session, periodUs, resultsIn } = message;
      if (resultsIn === undefined) return encodeFixed(envelope, { session, periodUs });
      return encodeFixed(envelope, { session, periodUs, resultsIn }, '', FLAG_RESULTS_IN);
    }
    case 'resync':
      return encodeFixed(envelope, { session: message.session, at: message.at });
    case 'statusAck':
      return encodeFixed(envelope, { session: message.session, batch: message.batch });
    case 'refused':
    case 'bye':
      return encodeFixed(envelope, { session: message.session }, message.reason);
    case 'statistics':
      return encodeStatistics(envelope, message.session, message.statistics);
    default:
      return assertNever(message, 'message');
  }
}

/** Thrown inside this module only, turned into a refusal at its edge. */
class BadFrame extends Error {
  readonly close: CloseReason;
  constructor(close: CloseReason, reason: string) {
    super(reason);
    this.close = close;
  }
}
const bad = (reason: string): never => {
  throw new BadFrame('malformed', reason);
};

/** Who sent what to whom, and when: the header of a frame, without its body. */
export interface SessionHeader {
  readonly type: MessageType;
  readonly flags: number;
  readonly from: PartyId;
  readonly to: PartyId;
  readonly seq: number;
  readonly sentAt: TimeUs;
  readonly arriveAt: TimeUs;
}

function readHeader(frame: Uint8Array, view: DataView): SessionHeader {
  if (frame.length > MAX_SESSION_FRAME_BYTES) {
    throw new BadFrame('tooLarge', `a frame of ${frame.length} bytes is larger than the ${MAX_SESSION_FRAME_BYTES} allowed`);
  }
  if (frame.length < SESSION_HEADER_BYTES) bad(`a frame of ${frame.length} bytes is shorter than its header of ${SESSION_HEADER_BYTES}`);
  if (frame[0] !== SESSION_MAGIC) bad(`magic: must be ${SESSION_MAGIC}, not ${frame[0]}`);
  if (frame[1] !== PROTOCOL_VERSION) throw new BadFrame('version', `version: must be ${PROTOCOL_VERSION}, not ${frame[1]}`);
  const type = TYPE_OF_KIND[frame[2]!] ?? bad(`kind: ${frame[2]} is unknown`);
  const flags = frame[3]!;
  if (flags !== 0 && !(type === 'heartbeatAck' && flags === FLAG_RESULTS_IN)) bad(`flags: ${flags} is not allowed for ${type}`);
  const body = view.getUint32(4, true);
  if (body !== frame.length - SESSION_HEADER_BYTES)
    bad(`length: says ${body}, but the body has ${frame.length - SESSION_HEADER_BYTES} bytes`);
  const from = readU64(view, 8, 'from') as PartyId;
  const to = readU64(view, 16, 'to') as PartyId;
  const seq = readU64(view, 24, 'seq');
  const sentAt = readU64(view, 32, 'sentAt') as TimeUs;
  const arriveAt = readU64(view, 40, 'arriveAt') as TimeUs;
  if (arriveAt <= sentAt) bad(`arriveAt: must be after sentAt (${sentAt}), but is ${arriveAt}`);
  return { type, flags, from, to, seq, sentAt, arriveAt };
}

function readU64(view: DataView, at: number, what: string): number {
  const value = getU64(view, at);
  if (Number.isNaN(value)) bad(`${what}: must be below 2^53`);
  return value;
}

function readText(frame: Uint8Array, from: number, to: number, what: string): string {
  return fromUtf8(frame.subarray(from, to)) ?? bad(`${what}: is not well-formed UTF-8`);
}

function exactBody(frame: Uint8Array, expected: number, type: MessageType): void {
  const length = frame.length - SESSION_HEADER_BYTES;
  if (length !== expected) bad(`${type}: the body must have ${expected} bytes, not ${length}`);
}

/** The numbers before a statistics report's rows, checked against the frame's length. */
function readStatisticsHead(frame: Uint8Array, view: DataView): { readonly count: number; readonly nameCount: number } {
  const at = SESSION_HEADER_BYTES;
  if (frame.length < at + STATISTICS_HEAD_BYTES) bad('statistics: the body is shorter than its head');
  const count = view.getUint32(at + 40, true);
  const nameCount = view.getUint32(at + 44, true);
  if (count > MAX_STATISTICS_ROWS) bad(`statistics.count: must be at most ${MAX_STATISTICS_ROWS}, not ${count}`);
  const left = frame.length - at - STATISTICS_HEAD_BYTES - count * STATISTICS_ROW_BYTES;
  if (left < nameCount * 7) bad(`statistics: ${count} rows and ${nameCount} names do not fit the body`);
  return { count, nameCount };
}

function readNames(frame: Uint8Array, view: DataView, from: number, count: number): (readonly [number, string])[] {
  const names: (readonly [number, string])[] = [];
  let at = from;
  for (let i = 0; i < count; i++) {
    if (at + 6 > frame.length) bad(`statistics.names[${i}]: is cut off`);
    const length = view.getUint16(at + 4, true);
    if (length === 0 || at + 6 + length > frame.length) bad(`statistics.names[${i}]: ${length === 0 ? 'is empty' : 'is cut off'}`);
    const id = readText(frame, at + 6, at + 6 + length, `statistics.names[${i}]`);
    if (id.length > 255) bad(`statistics.names[${i}]: must have at most 255 characters, not ${id.length}`);
    names.push([view.getUint32(at, true), id]);
    at += 6 + length;
  }
  if (at !== frame.length) bad(`statistics: ${frame.length - at} bytes after the last name`);
  return names;
}

function readAmount(view: DataView, at: number, what: string): number {
  const value = view.getFloat64(at, true);
  if (!isAmount(value)) bad(`${what}: must be a number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${value}`);
  return value;
}

function readStatistics(frame: Uint8Array, view: DataView): Statistics {
  const { count, nameCount } = readStatisticsHead(frame, view);
  const at = SESSION_HEADER_BYTES;
  const values = new Float64Array(count * STATISTICS_COLUMNS);
  readRows(view, count, values, 0);
  return {
    at: readU64(view, at + 8, 'statistics.at') as TimeUs,
    intervalUs: readU64(view, at + 16, 'statistics.intervalUs') as Statistics['intervalUs'],
    nodeCpuNano: readAmount(view, at + 24, 'statistics.nodeCpuNano'),
    nodeMemoryBytes: readAmount(view, at + 32, 'statistics.nodeMemoryBytes'),
    count,
    values,
    names: readNames(frame, view, at + STATISTICS_HEAD_BYTES + count * STATISTICS_ROW_BYTES, nameCount),
  };
}

function readRows(view: DataView, count: number, into: Float64Array, offset: number): void {
  let at = SESSION_HEADER_BYTES + STATISTICS_HEAD_BYTES;
  for (let row = 0; row < count; row++, at += STATISTICS_ROW_BYTES) {
    if (!getRow(view, at, into, offset + row * STATISTICS_COLUMNS))
      bad(`statistics.values[${row}]: a value is out of its range or a reserved byte is set`);
  }
}

function readJson(frame: Uint8Array, type: MessageType): Message {
  const parsed = parseJson(readText(frame, SESSION_HEADER_BYTES, frame.length, type), MAX_SESSION_FRAME_BYTES);
  if (!parsed.ok) throw new BadFrame(parsed.close, `${type}: ${parsed.reason}`);
  const body = parsed.value;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return bad(`${type}: must be an object`);
  if (Object.prototype.hasOwnProperty.call(body, 'type')) bad(`${type}.type: is not known here`);
  const message = { type, ...body };
  const found = messageCheck(message);
  if (found !== undefined) bad(describe(found, type));
  return message as unknown as Message;
}

function readMessage(frame: Uint8Array, view: DataView, type: MessageType, flags: number): Message {
  const at = SESSION_HEADER_BYTES;
  switch (type) {
    case 'register':
    case 'assignments':
    case 'status':
      return readJson(frame, type);
    case 'registered':
      exactBody(frame, 24, type);
      return {
        type,
        attempt: readU64(view, at, 'attempt'),
        session: readU64(view, at + 8, 'session'),
        periodUs: readU64(view, at + 16, 'periodUs') as Statistics['intervalUs'],
      };
    case 'heartbeat':
      exactBody(frame, 8, type);
      return { type, session: readU64(view, at, 'session') };
    case 'heartbeatAck': {
      exactBody(frame, flags === FLAG_RESULTS_IN ? 24 : 16, type);
      const acknowledged = {
        type,
        session: readU64(view, at, 'session'),
        periodUs: readU64(view, at + 8, 'periodUs') as Statistics['intervalUs'],
      } as const;
      return flags === FLAG_RESULTS_IN ? { ...acknowledged, resultsIn: readU64(view, at + 16, 'resultsIn') } : acknowledged;
    }
    case 'resync':
      exactBody(frame, 16, type);
      return { type, session: readU64(view, at, 'session'), at: readU64(view, at + 8, 'at') };
    case 'statusAck':
      exactBody(frame, 16, type);
      return { type, session: readU64(view, at, 'session'), batch: readU64(view, at + 8, 'batch') };
    case 'refused':
    case 'bye': {
      if (frame.length < at + 8) bad(`${type}: the body must have at least 8 bytes`);
      const reason = readText(frame, at + 8, frame.length, `${type}.reason`);
      if (reason.length > 65_536) bad(`${type}.reason: must have at most 65536 characters, not ${reason.length}`);
      return { type, session: readU64(view, at, 'session'), reason };
    }
    case 'statistics':
      return readStatisticsMessage(frame, view);
    default:
      return assertNever(type, 'message type');
  }
}

function readStatisticsMessage(frame: Uint8Array, view: DataView): Message {
  const statistics = readStatistics(frame, view);
  return { type: 'statistics', session: readU64(view, SESSION_HEADER_BYTES, 'session'), statistics };
}

/** The message of a session frame. Never throws; a refusal tells the close code and the place. */
export function decodeEnvelope(frame: Uint8Array): Decoded<Envelope> {
  try {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    const { type, flags, from, to, seq, sentAt, arriveAt } = readHeader(frame, view);
    return { ok: true, value: { from, to, seq, sentAt, arriveAt, message: readMessage(frame, view, type, flags) } };
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    return refusal(error.close, error.message);
  }
}

/** The header of a session frame alone, for those who only pass it on. Never throws. */
export function decodeSessionHeader(frame: Uint8Array): Decoded<SessionHeader> {
  try {
    return { ok: true, value: readHeader(frame, new DataView(frame.buffer, frame.byteOffset, frame.byteLength)) };
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    return refusal(error.close, error.message);
  }
}

/**
 * Reads the rows of a statistics frame straight into columns of the caller's, STATISTICS_COLUMNS numbers per row from
 * `offset` on, and makes nothing else. Never throws; `value` is the number of rows.
 */
export function decodeStatisticsRows(frame: Uint8Array, into: Float64Array, offset = 0): Decoded<number> {
  try {
    const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
    if (readHeader(frame, view).type !== 'statistics') return refusal('malformed', 'kind: is no statistics report');
    const { count } = readStatisticsHead(frame, view);
    if (offset + count * STATISTICS_COLUMNS > into.length) return refusal('tooLarge', `${count} rows do not fit the target`);
    readRows(view, count, into, offset);
    return { ok: true, value: count };
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    return refusal(error.close, error.message);
  }
}
