import { describe, expect, test } from 'vitest';
import { INPUTS, SERVICE } from '../testing/samples.ts';
import {
  boolean,
  decode,
  either,
  integer,
  json,
  list,
  literal,
  number,
  object,
  oneOf,
  optional,
  record,
  text,
  tuple,
  variants,
} from './check.ts';
import type { Check } from './check.ts';
import { checkCommand, checkFault, checkInput, checkJournaledInput, checkServiceSpec } from './model-checks.ts';
import { decodeTimeline, encodeTimeline } from './timeline-codec.ts';
import { MAX_TIMELINE_FRAME_BYTES } from './frame.ts';

/** What is wrong with a value, '' when nothing is. */
function complaint(check: Check<unknown>, value: unknown): string {
  const result = decode(check, value, 'it');
  return result.ok ? '' : result.reason;
}

interface Point {
  readonly x: number;
  readonly label?: string;
}
const point = object<Point>({ x: integer(0, 9), label: optional(text(3)) });
type Shape = { readonly kind: 'dot'; readonly at: Point } | { readonly kind: 'none' };
const shape = variants<Shape, 'kind'>('kind', {
  dot: object<Extract<Shape, { kind: 'dot' }>>({ kind: literal('dot'), at: point }),
  none: object<Extract<Shape, { kind: 'none' }>>({ kind: literal('none') }),
});

describe('checks', () => {
  test.each<[string, Check<unknown>, unknown]>([
    ['', integer(0, 9), 9],
    ['it: must be a whole number from 0 to 9, not 10', integer(0, 9), 10],
    ['it: must be a whole number from 0 to 9, not 0.5', integer(0, 9), 0.5],
    ['it: must be a whole number from 0 to 9, not -0', integer(0, 9), -0],
    ['it: must be a whole number from 0 to 9, not NaN', integer(0, 9), Number.NaN],
    ['it: must be a whole number from 0 to 9, not null', integer(0, 9), null],
    ['', number(0, 1), 0.5],
    ['it: must be a number from 0 to 1, not Infinity', number(0, 1), Number.POSITIVE_INFINITY],
    ['it: must be a number from 0 to 1, not NaN', number(0, 1), Number.NaN],
    ['', text(3), 'abc'],
    ['it: must have at most 3 characters, not 4', text(3), 'abcd'],
    ['it: must not be empty', text(3, 1), ''],
    ['it: must be true or false, not 1', boolean, 1],
    ['it: must be one of "a", "b", not "c"', oneOf('a', 'b'), 'c'],
    ['it: must be one of "a", "b", not a text of 41 characters', oneOf('a', 'b'), 'c'.repeat(41)],
    ['it: must be a list, not an object', list(boolean, 2), {}],
    ['it: must have at most 2 items, not 3', list(boolean, 2), [true, true, true]],
    ['it[1]: must be true or false, not 3', list(boolean, 2), [true, 3]],
    ['it[1]: must be true or false, not undefined', list(boolean, 2), [true, undefined]],
    ['it: must be a list of 2 items, not a list', tuple<readonly [boolean, number]>(boolean, integer()), [true]],
    ['it[1]: must be a whole number', tuple<readonly [boolean, number]>(boolean, integer()), [true, '']],
    ['it: must have at most 1 keys, not 2', record(boolean, 1), { a: true, b: true }],
    ['it["odd key"]: must be true or false, not 0', record(boolean, 1), { 'odd key': 0 }],
    ['it.__proto__: is no allowed key', record(boolean, 1), JSON.parse('{"__proto__":true}')],
    ['', point, { x: 1 }],
    ['', point, { x: 1, label: 'a' }],
    ['it.x: is missing', point, {}],
    ['it.x: is missing', point, Object.create({ x: 1 })],
    ['it.label: must be a text, not undefined', point, { x: 1, label: undefined }],
    ['it.y: is not known here', point, { x: 1, y: 2 }],
    ['it.__proto__: is not known here', point, JSON.parse('{"x":1,"__proto__":{"label":"a"}}')],
    ['', shape, { kind: 'none' }],
    ['it.kind: is missing; it is one of "dot", "none"', shape, {}],
    ['it.kind: must be one of "dot", "none", not "toString"', shape, { kind: 'toString' }],
    ['it.at.x: must be a whole number from 0 to 9, not 11', shape, { kind: 'dot', at: { x: 11 } }],
    ['', either(boolean, text(1)), 'a'],
    ['it: must be true or false, not 1; or must be a text, not 1', either(boolean, text(1)), 1],
    ['it[0]: must be a text, not 1', either(boolean, list(text(1), 2)), [1]],
    ['', json(2, 10), { a: [1, 'x', null] }],
    ['it.a[0]: is nested deeper than 2', json(2, 10), { a: [[]] }],
    ['it[2]: holds more than 3 values', json(2, 3), [1, 2, 3]],
    ['it.a: must be a finite number, not NaN', json(2, 3), { a: Number.NaN }],
    ['it.a: must be JSON data, not undefined', json(2, 3), { a: undefined }],
    ['it.a: must be JSON data, not a class instance', json(2, 3), { a: new Map() }],
  ])('%s', (expected, check, value) => {
    const got = complaint(check, value);
    if (expected === '') expect(got).toBe('');
    else expect(got).toContain(expected);
  });
});

describe('inputs and specs', () => {
  const create = (spec: unknown): unknown => ({ kind: 'command', key: '', by: 'api', command: { do: 'createService', spec } });
  const change = (path: readonly (string | number)[], value: unknown): unknown => {
    const copy: unknown = structuredClone(SERVICE);
    let at = copy as Record<string | number, unknown>;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
    at[path.at(-1)!] = value;
    return create(copy);
  };
  test.each([
    ['input.command.spec.task.containers[0].image: must not be empty', change(['task', 'containers', 0, 'image'], '')],
    ['input.command.spec.task.containers: must have at least 1 item', change(['task', 'containers'], [])],
    ['input.command.spec.mode.replicas: must be a whole number', change(['mode', 'replicas'], '3')],
    ['input.command.spec.mode.kind: must be one of', change(['mode', 'kind'], 'daemon')],
    ['input.command.spec.task.restart.condition: must be one of', change(['task', 'restart', 'condition'], 'always')],
    ['input.command.spec.update.maxFailureRatio: must be a number from 0 to 1, not 2', change(['update', 'maxFailureRatio'], 2)],
    [
      'input.command.spec.endpoint.ports[0].targetPort: must be a whole number from 1 to 65535, not 0',
      change(['endpoint', 'ports', 0, 'targetPort'], 0),
    ],
    ['input.command.spec.task.containers[0].env.MODE: must be a text, not null', change(['task', 'containers', 0, 'env', 'MODE'], null)],
    [
      'input.command.spec.task.containers[0].workload.parameters.f: must be JSON data',
      change(['task', 'containers', 0, 'workload', 'parameters', 'f'], () => 1),
    ],
    ['input.kind: must be one of "join", "lost", "command", "fault"', { kind: 'magic' }],
    ['input.command.do: must be one of', { kind: 'command', key: '', by: '', command: { do: 'format' } }],
  ])('%s', (reason, value) => {
    const result = checkInput(value);
    expect(result.ok ? '' : result.reason).toContain(reason);
  });

  test('removing any key from any sample is noticed, unless the key is optional', () => {
    const optionalKeys = new Set(
      (
        'command args env labels healthcheck stopSignal mounts secrets configs workload name parameters nanoCpus memoryBytes ' +
        'pids generic constraints preferences maxReplicasPerNode platforms networks driver aliases logDriver update rollback endpoint profile extensions version availability plugins source'
      ).split(' '),
    );
    let noticed = 0;
    const walk = (root: unknown, value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      if (Array.isArray(value)) return value.forEach((item) => walk(root, item));
      const owner = value as Record<string, unknown>;
      for (const key of Object.keys(owner)) {
        const { [key]: kept, ...rest } = owner;
        delete owner[key];
        if (!checkInput(root).ok) noticed += 1;
        else expect(optionalKeys.has(key) || isFreeForm(root, owner), `${key} is not missed`).toBe(true);
        for (const other of Object.keys(owner)) delete owner[other];
        Object.assign(owner, { ...rest, [key]: kept });
        walk(root, kept);
      }
    };
    /** True inside maps with keys of the user's choice: labels, environment, parameters. */
    const isFreeForm = (root: unknown, owner: Record<string, unknown>): boolean => {
      Object.assign(owner, { 'any key': 'text' });
      const accepted = checkInput(root).ok;
      Object.assign(owner, { 'any key': 1 });
      const acceptedNumber = checkInput(root).ok;
      delete owner['any key'];
      return accepted || acceptedNumber;
    };
    for (const input of structuredClone(INPUTS)) walk(input, input);
    expect(noticed).toBeGreaterThan(200);
  });

  test('the other checks name their value', () => {
    expect(checkJournaledInput({ seq: 0, at: 0, input: INPUTS[1] })).toMatchObject({
      reason: 'seq: must be a whole number from 1 to 9007199254740991, not 0',
    });
    expect(checkCommand({ do: 'scale', service: 'a', replicas: -1 })).toMatchObject({
      reason: 'command.replicas: must be a whole number from 0 to 10000000, not -1',
    });
    expect(checkServiceSpec(null)).toMatchObject({ reason: 'service: must be an object, not null' });
    const link = { partitioned: false, lossPpm: 0, duplicatePpm: 0, delayUs: { min: 2, max: 1 }, reorder: false };
    expect(checkFault({ fault: 'link', peers: [], link })).toMatchObject({
      reason: 'fault.link.delayUs.max: must not be below min (2), but is 1',
    });
  });
});

describe('timeline frames', () => {
  test.each([
    ['not JSON', 'hello'],
    ['frame: must be an object, not null', 'null'],
    ['frame.type: is missing', '{}'],
    ['type: must be one of', '{"type":"advanced"}'],
    ['report.next: must be a whole number from -1', '{"type":"report","window":1,"until":1,"next":-2,"sent":[],"relay":[],"events":0}'],
    ['report.sent[0]: must be a list of 2 items', '{"type":"report","window":1,"until":1,"next":-1,"sent":[[1]],"relay":[],"events":0}'],
    [
      'report.relay[0].message.type: must be one of',
      '{"type":"report","window":1,"until":1,"next":-1,"sent":[],"relay":[{"from":1,"to":2,"seq":1,"sentAt":1,"arriveAt":2,"message":{"type":"x"}}],"events":0}',
    ],
    ['state cannot be read: $f64', '{"type":"state","window":1,"parties":[[1,{"$f64":"A"}]],"last":true}'],
  ])('are refused: %s', (reason, source) => {
    const result = decodeTimeline(source);
    expect(result).toMatchObject({ ok: false, close: 'malformed' });
    expect(result.ok ? '' : result.reason).toContain(reason);
  });

  test('are bounded on both sides', () => {
    const reason = 'é'.repeat(MAX_TIMELINE_FRAME_BYTES / 2);
    expect(() => encodeTimeline({ type: 'bye', reason })).toThrow('larger than the 16777216 allowed');
    expect(decodeTimeline(' '.repeat(MAX_TIMELINE_FRAME_BYTES + 1))).toMatchObject({ ok: false, close: 'tooLarge' });
  });
});
