// Session frames: one statistics report of 50 containers, the message that agents send most, against JSON of the same
// figures. CPU time of one thread. The decoder checks every value, as it does with frames of strangers.

import type { Envelope, Message, Statistics } from '@paperfleet/core';
import {
  decodeEnvelope,
  decodeStatisticsRows,
  durationUs,
  encodeEnvelope,
  partyId,
  STAT,
  STATISTICS_COLUMNS,
  timeUs,
} from '@paperfleet/core';
import { cpuNsPerOperation } from './measure.ts';
import type { BenchResult } from './result.ts';

const CONTAINERS = 50;
const CALLS = 1_000;

const envelopeOf = (message: Message): Envelope => ({
  from: partyId(421),
  to: partyId(1),
  seq: 123_456,
  sentAt: timeUs(86_400_000_000),
  arriveAt: timeUs(86_400_100_000),
  message,
});

function report(): Statistics {
  const values = new Float64Array(CONTAINERS * STATISTICS_COLUMNS);
  for (let row = 0; row < CONTAINERS; row++) {
    const columns = [
      row,
      1,
      137_000_000.25 + row,
      8_123_456_789 + row,
      864_000,
      1_234,
      98_765_432,
      301_000_000 + row,
      402_000_000,
      0,
      row % 3,
    ];
    values.set(columns, row * STATISTICS_COLUMNS);
  }
  return {
    at: timeUs(86_400_000_000),
    intervalUs: durationUs(1_000_000),
    nodeCpuNano: 6_850_000_000,
    nodeMemoryBytes: 15_000_000_000,
    count: CONTAINERS,
    values,
    names: [],
  };
}

/** The same report as most systems write it: objects with named fields. */
function asObjects({ values, names: _names, ...rest }: Statistics): object {
  const columns = Object.entries(STAT);
  const containers = Array.from({ length: CONTAINERS }, (_, row) =>
    Object.fromEntries(columns.map(([name, column]) => [name, values[row * STATISTICS_COLUMNS + column]!])),
  );
  return { ...rest, containers };
}

/** Microseconds of CPU per call. */
function microseconds(body: () => void): number {
  const many = (): void => {
    for (let i = 0; i < CALLS; i++) body();
  };
  return cpuNsPerOperation(many, CALLS) / 1_000;
}

export async function run(): Promise<BenchResult[]> {
  const statistics = report();
  const envelope = envelopeOf({ type: 'statistics', session: 7, statistics });
  const frame = encodeEnvelope(envelope);
  const objects = asObjects(statistics);
  const json = JSON.stringify(objects);
  const target = new Float64Array(CONTAINERS * STATISTICS_COLUMNS);
  const heartbeat = encodeEnvelope(envelopeOf({ type: 'heartbeat', session: 7 }));

  const decoded = decodeEnvelope(frame);
  if (!decoded.ok || decoded.value.message.type !== 'statistics') throw new Error('codec bench: the report does not survive');
  if (decoded.value.message.statistics.values.some((value, index) => value !== statistics.values[index]))
    throw new Error('codec bench: a value changed');

  const encode = microseconds(() => void encodeEnvelope(envelope));
  const decode = microseconds(() => void decodeEnvelope(frame));
  const rows = microseconds(() => void decodeStatisticsRows(frame, target));
  const beat = microseconds(() => void decodeEnvelope(heartbeat));
  const jsonEncode = microseconds(() => void JSON.stringify(objects));
  const jsonDecode = microseconds(() => void JSON.parse(json));

  const name = `${CONTAINERS} containers`;
  const baseline = `JSON with named fields: ${json.length} bytes, ${jsonEncode.toFixed(1)} µs to write, ${jsonDecode.toFixed(1)} µs to read`;
  return [
    { goal: '–', name: `report, ${name}: size`, value: frame.length, unit: 'bytes', target: 3_400, direction: 'max', note: baseline },
    { goal: '–', name: `report, ${name}: encode`, value: encode, unit: 'µs', target: 6, direction: 'max', note: 'with checks' },
    { goal: '–', name: `report, ${name}: decode`, value: decode, unit: 'µs', target: 4, direction: 'max', note: 'with checks' },
    { goal: '–', name: `report, ${name}: decode into columns`, value: rows, unit: 'µs', target: 3, direction: 'max', note: 'with checks' },
    {
      goal: '–',
      name: `report, ${name}: round trip against JSON`,
      value: (jsonEncode + jsonDecode) / (encode + decode),
      unit: '×',
      target: 5,
      direction: 'min',
    },
    { goal: '–', name: 'heartbeat: decode', value: beat, unit: 'µs', target: 1, direction: 'max' },
  ];
}
