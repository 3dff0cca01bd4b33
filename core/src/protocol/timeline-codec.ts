/** Timeline frames: JSON text, with typed arrays in messages and saved states spelled as protocol/json.ts does. */
import type { PartyId } from '../units.ts';
import type { Check } from './check.ts';
import { anything, boolean, decode, integer, list, literal, object, optional, refusal, text, tuple, variants } from './check.ts';
import type { Advance, Decoded, FrameCounts, HostInput, Report, TimelineFrame } from './frame.ts';
import { MAX_TIMELINE_FRAME_BYTES } from './frame.ts';
import { parseState, stringifyState } from './json.ts';
import { envelopeCheck } from './message-checks.ts';
import { inputCheck } from './model-checks.ts';
import { utf8Length } from './utf8.ts';

/** Most parties, inputs or messages in one frame; the frame's size is the tighter bound. */
const MAX_MANY = 1_000_000;
const MAX_U32 = 0xffff_ffff;

const parties: Check<readonly PartyId[]> = list(integer<PartyId>(), MAX_MANY);
const counts: Check<FrameCounts> = list(tuple<readonly [PartyId, number]>(integer<PartyId>(), integer()), MAX_MANY);
const relay = list(envelopeCheck, MAX_MANY);
const word = integer(0, MAX_U32);

type State = Extract<TimelineFrame, { type: 'state' }>;
const timelineFrame: Check<TimelineFrame> = variants<TimelineFrame, 'type'>('type', {
  ready: object<Extract<TimelineFrame, { type: 'ready' }>>({ type: literal('ready') }),
  advance: object<Advance>({
    type: literal('advance'),
    window: integer(),
    until: integer(),
    inputs: list(object<HostInput>({ seq: integer(), at: integer(), parties, input: inputCheck }), MAX_MANY),
    sent: counts,
    relay,
    drop: parties,
    wantDigest: boolean,
    wantState: boolean,
  }),
  report: object<Report>({
    type: literal('report'),
    window: integer(),
    until: integer(),
    next: integer(-1),
    sent: counts,
    relay,
    events: integer(),
    digest: optional(tuple<readonly [number, number]>(word, word)),
  }),
  state: object<State>({
    type: literal('state'),
    window: integer(),
    parties: list(tuple<readonly [PartyId, unknown]>(integer<PartyId>(), anything), MAX_MANY),
    last: boolean,
  }),
  bye: object<Extract<TimelineFrame, { type: 'bye' }>>({ type: literal('bye'), reason: text(65_536) }),
});

/**
 * A timeline frame as text.
 * @throws RangeError when it would be larger than MAX_TIMELINE_FRAME_BYTES (send `state` in smaller chunks) and
 * TypeError when a saved state holds what cannot be saved.
 */
export function encodeTimeline(frame: TimelineFrame): string {
  const source = stringifyState(frame);
  // Three bytes is the most that a UTF-16 unit takes: the exact count is needed for large frames only.
  const size = source.length * 3 > MAX_TIMELINE_FRAME_BYTES ? utf8Length(source) : source.length;
  if (size > MAX_TIMELINE_FRAME_BYTES) {
    throw new RangeError(`a ${frame.type} frame of ${size} bytes is larger than the ${MAX_TIMELINE_FRAME_BYTES} allowed`);
  }
  return source;
}

/** The timeline frame of a text. Never throws. The parties' saved states are restored but not checked further. */
export function decodeTimeline(source: string): Decoded<TimelineFrame> {
  if (source.length > MAX_TIMELINE_FRAME_BYTES) {
    return refusal('tooLarge', `a frame of ${source.length} characters is larger than the ${MAX_TIMELINE_FRAME_BYTES} bytes allowed`);
  }
  const parsed = parseState(source);
  if (!parsed.ok) return parsed;
  const named = parsed.value as { readonly type?: unknown } | null;
  const root = typeof named === 'object' && typeof named?.type === 'string' ? named.type.slice(0, 16) : 'frame';
  return decode(timelineFrame, parsed.value, root);
}
