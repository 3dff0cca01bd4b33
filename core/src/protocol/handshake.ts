/** The first frames of both kinds of socket: `hello` and `welcome`, as JSON text. */
import type { PartyId } from '../units.ts';
import type { Check } from './check.ts';
import { decode, integer, list, literal, object, oneOf, optional, parseJson, refusal, text, variants } from './check.ts';
import type { AgentWelcome, CloseReason, Decoded, Hello, HostWelcome, PartyAssignment } from './frame.ts';
import { MAX_HANDSHAKE_BYTES, PROTOCOL_VERSION } from './frame.ts';
import { nodeOfferCheck, runHeaderCheck } from './model-checks.ts';

/** Most nodes of one host. */
const MAX_NODES = 100_000;
const secret = text(4096);
const label = text(1024, 1);

type As<R extends Hello['role']> = Extract<Hello, { role: R }>;
type Resume = NonNullable<As<'host'>['resume']>;
const hello: Check<Hello> = variants<Hello, 'role'>('role', {
  host: object<As<'host'>>({
    type: literal('hello'),
    protocol: integer(),
    build: text(1024),
    token: secret,
    role: literal('host'),
    host: label,
    offers: list(nodeOfferCheck, MAX_NODES),
    resume: optional(object<Resume>({ ticket: secret, window: integer() })),
  }),
  agent: object<As<'agent'>>({
    type: literal('hello'),
    protocol: integer(),
    build: text(1024),
    token: secret,
    role: literal('agent'),
    party: integer<PartyId>(),
    ticket: secret,
  }),
});

const hostWelcome: Check<HostWelcome> = object<HostWelcome>({
  type: literal('welcome'),
  role: literal('host'),
  header: runHeaderCheck,
  ticket: secret,
  parties: list(object<PartyAssignment>({ party: integer(), name: label, key: text(1024), offer: nodeOfferCheck }), MAX_NODES),
  window: integer(),
  begin: oneOf('join', 'keep', 'restore'),
});

const agentWelcome: Check<AgentWelcome> = object<AgentWelcome>({
  type: literal('welcome'),
  role: literal('agent'),
  party: integer(),
});

/** A handshake frame as JSON text. */
export const encodeHandshake = (frame: Hello | HostWelcome | AgentWelcome): string => JSON.stringify(frame);

const otherProtocol = (theirs: number): string =>
  `protocol ${theirs} is spoken there and ${PROTOCOL_VERSION} here; run the same version of Paperfleet on both sides`;

/** The protocol number of something that says it is a `hello`; undefined otherwise. A later version may differ in all else. */
function claimedProtocol(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, protocol } = value as { readonly type?: unknown; readonly protocol?: unknown };
  return type === 'hello' && Number.isSafeInteger(protocol) ? (protocol as number) : undefined;
}

/** Reads a `hello`. One of another protocol version is refused as such (`version`), whatever else is in it. Never throws. */
export function parseHello(source: string): Decoded<Hello> {
  const parsed = parseJson(source, MAX_HANDSHAKE_BYTES);
  if (!parsed.ok) return parsed;
  const protocol = claimedProtocol(parsed.value);
  if (protocol !== undefined && protocol !== PROTOCOL_VERSION) return refusal('version', otherProtocol(protocol));
  return decode(hello, parsed.value, 'hello');
}

function parseWelcome<T>(check: Check<T>, source: string): Decoded<T> {
  const parsed = parseJson(source, MAX_HANDSHAKE_BYTES);
  return parsed.ok ? decode(check, parsed.value, 'welcome') : parsed;
}

/** Reads the answer to a host. Never throws. */
export const parseHostWelcome = (source: string): Decoded<HostWelcome> => parseWelcome(hostWelcome, source);
/** Reads the answer to an agent. Never throws. */
export const parseAgentWelcome = (source: string): Decoded<AgentWelcome> => parseWelcome(agentWelcome, source);

/**
 * Compares secrets in a time that depends on the length of the one that was offered alone, so that answers do not tell
 * how much of a guess was right.
 */
export function equalSecrets(offered: string, expected: string): boolean {
  let difference = offered.length ^ expected.length;
  for (let i = 0; i < offered.length; i++)
    difference |= offered.charCodeAt(i) ^ expected.charCodeAt(expected.length === 0 ? 0 : i % expected.length);
  return difference === 0;
}

/** What a peer must bring. */
export interface Admission {
  readonly build: string;
  readonly token: string;
}

/** Lets a well-formed `hello` in, or tells why not. Order: protocol, build, token; so a wrong token never learns anything else by it. */
export function admit(
  frame: Hello,
  expected: Admission,
): { readonly ok: true } | { readonly ok: false; readonly close: CloseReason; readonly reason: string } {
  if (frame.protocol !== PROTOCOL_VERSION) return refusal('version', otherProtocol(frame.protocol));
  if (frame.build !== expected.build) {
    return refusal(
      'build',
      `build ${frame.build} cannot join a run of build ${expected.build}: the same inputs must give the same digest on both sides`,
    );
  }
  if (!equalSecrets(frame.token, expected.token)) return refusal('token', 'the token is wrong; take the one that `paperfleet up` prints');
  return { ok: true };
}
