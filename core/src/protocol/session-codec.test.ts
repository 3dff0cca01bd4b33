import { describe, expect, test } from 'vitest';
import { envelopeOf, MESSAGES } from '../testing/samples.ts';
import { partyId, timeUs } from '../units.ts';
import { MAX_SESSION_FRAME_BYTES } from './frame.ts';
import type { Envelope } from './frame.ts';
import type { Message, Statistics } from './message.ts';
import { STAT, STATISTICS_COLUMNS } from './message.ts';
import {
  decodeEnvelope,
  decodeSessionHeader,
  decodeStatisticsRows,
  encodeEnvelope,
  SESSION_HEADER_BYTES,
  STATISTICS_ROW_BYTES,
} from './session-codec.ts';

const frameOf = (message: Message): Uint8Array => encodeEnvelope(envelopeOf(message));
/** A copy with some bytes changed. */
const patched = (frame: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = frame.slice();
  copy.set(values, at);
  return copy;
};
const statistics = (change: Partial<Statistics>): Message => ({
  ...MESSAGES.statistics,
  statistics: { ...MESSAGES.statistics.statistics, ...change },
});
const withValue = (column: number, value: number): Message => {
  const values = MESSAGES.statistics.statistics.values.slice();
  values[STATISTICS_COLUMNS + column] = value;
  return statistics({ values });
};
const body = (frame: Uint8Array, text: string): Uint8Array => {
  const bytes = new TextEncoder().encode(text);
  const out = new Uint8Array(SESSION_HEADER_BYTES + bytes.length);
  out.set(frame.subarray(0, SESSION_HEADER_BYTES));
  out.set(bytes, SESSION_HEADER_BYTES);
  new DataView(out.buffer).setUint32(4, bytes.length, true);
  return out;
};

describe('sizes', () => {
  test('a heartbeat has 56 bytes, a container 64 in a report', () => {
    expect(frameOf(MESSAGES.heartbeat)).toHaveLength(56);
    const empty = frameOf(statistics({ count: 0, values: new Float64Array(0), names: [] }));
    const one = frameOf(statistics({ count: 1, values: MESSAGES.statistics.statistics.values.slice(0, STATISTICS_COLUMNS), names: [] }));
    expect(one.length - empty.length).toBe(STATISTICS_ROW_BYTES);
  });

  test('an acknowledgement without resultsIn has none when read', () => {
    const { resultsIn: _resultsIn, ...message } = MESSAGES.heartbeatAck;
    expect(decodeEnvelope(frameOf(message))).toStrictEqual({ ok: true, value: envelopeOf(message) });
  });
});

describe('the sender is stopped from writing what could not be read', () => {
  const { sentAt, arriveAt } = envelopeOf(MESSAGES.heartbeat);
  const wrong: readonly (readonly [string, Envelope | Message])[] = [
    ['session must be a whole number', { type: 'heartbeat', session: -1 }],
    ['session must be a whole number', { type: 'heartbeat', session: 1.5 }],
    ['seq must be a whole number', { ...envelopeOf(MESSAGES.heartbeat), seq: 2 ** 53 }],
    ['must be after sentAt', { ...envelopeOf(MESSAGES.heartbeat), sentAt: arriveAt, arriveAt: sentAt }],
    ['statistics.values[1].state: must be a whole number from 1 to 3, not 0', withValue(STAT.state, 0)],
    ['statistics.values[1].oomKills: must be a whole number from 0 to 65535, not 65536', withValue(STAT.oomKills, 65_536)],
    ['statistics.values[1].container: must be a whole number from 0 to 4294967295, not 0.5', withValue(STAT.container, 0.5)],
    ['statistics.values[1].nrPeriods: must be a whole number from 0 to 4294967295, not 4294967296', withValue(STAT.nrPeriods, 2 ** 32)],
    ['statistics.values[1].cpuNano: must be a number from 0 to 9007199254740991, not NaN', withValue(STAT.cpuNano, Number.NaN)],
    ['statistics.values[1].memoryBytes: must be a number from 0 to 9007199254740991, not -1', withValue(STAT.memoryBytes, -1)],
    ['statistics.values[1].restarts: must be a whole number from 0 to 65535, not -0', withValue(STAT.restarts, -0)],
    ['statistics.values: must hold 3 rows of 11, but has 22 numbers', statistics({ count: 3 })],
    ['larger than the 4194304 allowed', { type: 'bye', session: 1, reason: 'x'.repeat(MAX_SESSION_FRAME_BYTES) }],
  ];
  test.each(wrong)('%s', (reason, value) => {
    expect(() => ('type' in value ? frameOf(value) : encodeEnvelope(value))).toThrow(reason);
  });
});

describe('a bad frame is refused with its place', () => {
  const heartbeat = frameOf(MESSAGES.heartbeat);
  const report = frameOf(MESSAGES.statistics);
  const assignments = frameOf(MESSAGES.assignments);
  const row = SESSION_HEADER_BYTES + 48;
  const { type: _type, ...plain } = MESSAGES.assignments;
  const json = (change: object): Uint8Array => body(assignments, JSON.stringify({ ...plain, ...change }));
  const slot = (value: unknown): object => ({ update: [{ ...MESSAGES.assignments.update[0], slot: value }] });
  const cases: readonly (readonly [string, Uint8Array, string?])[] = [
    ['a frame of 0 bytes is shorter than its header', new Uint8Array(0)],
    ['a frame of 47 bytes is shorter than its header', heartbeat.subarray(0, 47)],
    ['magic: must be 80, not 0', patched(heartbeat, 0, 0)],
    ['version: must be 1, not 2', patched(heartbeat, 1, 2), 'version'],
    ['kind: 0 is unknown', patched(heartbeat, 2, 0)],
    ['kind: 255 is unknown', patched(heartbeat, 2, 255)],
    ['flags: 1 is not allowed for heartbeat', patched(heartbeat, 3, 1)],
    ['length: says 9, but the body has 8 bytes', patched(heartbeat, 4, 9)],
    ['length: says 8, but the body has 7 bytes', heartbeat.subarray(0, 55)],
    ['from: must be below 2^53', patched(heartbeat, 14, 32)],
    ['arriveAt: must be after sentAt', patched(heartbeat, 40, 0, 0, 0, 0, 0, 0, 0, 0)],
    ['session: must be below 2^53', patched(heartbeat, 55, 1)],
    ['status: not JSON', patched(heartbeat, 2, 8)],
    ['statusAck: the body must have 16 bytes, not 8', patched(heartbeat, 2, 9)],
    ['statistics: the body is shorter than its head', patched(heartbeat, 2, 10)],
    ['statistics.count: must be at most 60000, not 4278190082', patched(report, row - 5, 255)],
    ['statistics: 2 rows and 65282 names do not fit the body', patched(report, row - 3, 255)],
    ['statistics.values[0]: a value is out of its range or a reserved byte is set', patched(report, row + 4, 4)],
    ['statistics.values[0]: a value is out of its range or a reserved byte is set', patched(report, row + 5, 1)],
    ['statistics.values[1]: a value is out of its range or a reserved byte is set', patched(report, row + 64 + 31, 0xff)],
    ['statistics.names[0]: is empty', patched(report, row + 128 + 4, 0)],
    ['statistics.names[1]: is cut off', patched(report, row + 128 + 8 + 4, 9)],
    ['statistics: 1 bytes after the last name', patched(report, row + 128 + 8 + 4, 7)],
    ['statistics.names[1]: is not well-formed UTF-8', patched(report, report.length - 1, 0xff)],
    ['bye.reason: is not well-formed UTF-8', patched(frameOf(MESSAGES.bye), SESSION_HEADER_BYTES + 8, 0x80)],
    ['assignments: must be an object', body(assignments, '[]')],
    ['assignments.session: is missing', body(assignments, '{}')],
    ['assignments.type: is not known here', json({ type: 'assignments' })],
    ['assignments.surprise: is not known here', json({ surprise: 1 })],
    ['assignments.update[0].slot: must be a whole number from 0 to 9007199254740991, not "1"', json(slot('1'))],
    [
      'assignments.update[0].slot: must be a whole number from 0 to 9007199254740991, not -0',
      body(assignments, JSON.stringify({ ...plain, ...slot(1) }).replace('"slot":1', '"slot":-0')),
    ],
    ['assignments.update[0].spec: must be below the number of specs (0), but is 0', json({ specs: [] })],
    ['assignments.resultsIn: must be above appliesTo (11), but is 11', json({ resultsIn: 11 })],
    ['assignments.loads[0]: must be a list of 2 items', json({ loads: [['a']] })],
    ['a frame of 4194305 bytes is larger than the 4194304 allowed', new Uint8Array(MAX_SESSION_FRAME_BYTES + 1), 'tooLarge'],
  ];
  test.each(cases.map(([reason, frame, close = 'malformed']) => ({ reason, frame, close })))('$reason', ({ reason, frame, close }) => {
    const result = decodeEnvelope(frame);
    expect(result).toMatchObject({ ok: false, close });
    expect(result.ok ? '' : result.reason).toContain(reason);
  });
});

describe('statistics without objects', () => {
  test('rows land in the columns of the caller, at the offset, and nowhere else', () => {
    const frame = frameOf(MESSAGES.statistics);
    const target = new Float64Array(4 * STATISTICS_COLUMNS).fill(-7);
    expect(decodeStatisticsRows(frame, target, STATISTICS_COLUMNS)).toEqual({ ok: true, value: 2 });
    expect(target.slice(STATISTICS_COLUMNS, 3 * STATISTICS_COLUMNS)).toEqual(MESSAGES.statistics.statistics.values);
    expect([...target.slice(0, STATISTICS_COLUMNS), ...target.slice(3 * STATISTICS_COLUMNS)]).toEqual(
      Array(2 * STATISTICS_COLUMNS).fill(-7),
    );
  });

  test('a target that is too small, another kind and a bad row are refused', () => {
    const frame = frameOf(MESSAGES.statistics);
    expect(decodeStatisticsRows(frame, new Float64Array(2 * STATISTICS_COLUMNS - 1))).toMatchObject({ ok: false, close: 'tooLarge' });
    expect(decodeStatisticsRows(frameOf(MESSAGES.heartbeat), new Float64Array(22))).toMatchObject({ ok: false });
    expect(decodeStatisticsRows(patched(frame, SESSION_HEADER_BYTES + 52, 0), new Float64Array(22))).toMatchObject({ ok: false });
  });

  test('the header alone tells who speaks to whom and when', () => {
    expect(decodeSessionHeader(frameOf(MESSAGES.bye))).toEqual({
      ok: true,
      value: {
        type: 'bye',
        flags: 0,
        from: partyId(16),
        to: partyId(1),
        seq: 2 ** 40 + 3,
        sentAt: timeUs(2 ** 52 + 1),
        arriveAt: timeUs(2 ** 53 - 1),
      },
    });
    expect(decodeSessionHeader(new Uint8Array(3))).toMatchObject({ ok: false, close: 'malformed' });
  });
});

test('frames are read wherever they stand in a larger buffer', () => {
  for (const message of Object.values(MESSAGES)) {
    const frame = frameOf(message);
    const pool = new Uint8Array(frame.length + 10).fill(0xaa);
    pool.set(frame, 3);
    expect(decodeEnvelope(pool.subarray(3, 3 + frame.length))).toStrictEqual({ ok: true, value: envelopeOf(message) });
  }
});
