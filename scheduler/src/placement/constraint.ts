/**
 * Placement constraints: `KEY == VALUE` or `KEY != VALUE`, all of which must hold. Grammar and comparison are those of
 * swarmkit manager/constraint: whole strings, case-insensitive, no patterns. The scheduler, the global orchestrator and the
 * constraint enforcer share this file.
 */
import type { Labels, NodeRole } from '@paperfleet/core';
import { ipEqual, networkContains, parseCidr, parseIp } from './ip-address.ts';
import type { PlacementDescription } from './request.ts';

export interface Constraint {
  readonly key: string;
  readonly operator: '==' | '!=';
  readonly value: string;
}

export type ParsedConstraints =
  | { readonly ok: true; readonly constraints: readonly Constraint[] }
  /** `message` in SwarmKit's words; `index` of the text at fault. */
  | { readonly ok: false; readonly message: string; readonly index: number };

/** What constraints look at. A NodeRecord and a PlacementNode are such subjects. */
export interface ConstraintSubject {
  readonly id: string;
  /** The actual role, not the wanted one. */
  readonly role: NodeRole;
  readonly labels: Labels;
  readonly description: Pick<PlacementDescription, 'hostname' | 'platform' | 'engineLabels' | 'address'>;
}

export const NODE_LABEL_PREFIX = 'node.labels.';
export const ENGINE_LABEL_PREFIX = 'engine.labels.';

// Go's \s is ASCII, its TrimSpace is not; JavaScript has it the other way round, so both are spelled out.
const KEY = /^[a-z_][a-z0-9\-_.]+$/iu;
const VALUE = /^[a-z0-9:\-_\t\n\f\r .*()?+[\]\\^$|/]+$/iu;
const EDGES =
  /^[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/gu;
const trim = (text: string): string => text.replace(EDGES, '');

const ASCII = /^[\0-\x7f]*$/;

/** Simple case folding, as Go's strings.EqualFold compares: one character stays one character. */
function fold(text: string): string {
  if (ASCII.test(text)) return text.toLowerCase();
  let out = '';
  for (const char of text) {
    const upper = char.toUpperCase();
    const lower = (upper.length === char.length ? upper : char).toLowerCase();
    out += lower.length === char.length ? lower : char;
  }
  return out;
}

// Folding keeps lengths, so texts of different length are never equal.
const equalFold = (a: string, b: string): boolean => a === b || (a.length === b.length && fold(a) === fold(b));

function parseOne(text: string): Constraint | string {
  const operator = text.includes('==') ? '==' : text.includes('!=') ? '!=' : undefined;
  if (operator === undefined) return 'constraint expected one operator from ==, !=';
  const at = text.indexOf(operator);
  const key = trim(text.slice(0, at));
  if (!KEY.test(key)) return `key '${key}' is invalid`;
  const value = trim(text.slice(at + operator.length));
  if (!VALUE.test(value)) return `value '${value}' is invalid`;
  return { key, operator, value };
}

/**
 * Parses constraints; the first faulty one decides. Syntax is all that is checked: an unknown key is legal and matches no node.
 * @example parseConstraints(['node.labels.zone == a']) // { ok: true, constraints: [{ key: 'node.labels.zone', operator: '==', value: 'a' }] }
 */
export function parseConstraints(texts: readonly string[]): ParsedConstraints {
  const constraints: Constraint[] = [];
  for (const [index, text] of texts.entries()) {
    const parsed = parseOne(text);
    if (typeof parsed === 'string') return { ok: false, message: parsed, index };
    constraints.push(parsed);
  }
  return { ok: true, constraints };
}

/** True when the constraint holds for a subject that has these values; with `==` one equal value is enough. */
export function constraintMatches(constraint: Constraint, ...values: readonly string[]): boolean {
  const match = values.some((value) => equalFold(constraint.value, value));
  return constraint.operator === '==' ? match : !match;
}

/** A label's value, '' when the label is missing. */
export const labelValue = (labels: Labels, name: string): string => (Object.hasOwn(labels, name) ? (labels[name] ?? '') : '');

/** The name behind a prefix that is compared without regard to case, or undefined when `key` has another or no name. */
export function nameAfter(key: string, prefix: string): string | undefined {
  return key.length > prefix.length && equalFold(key.slice(0, prefix.length), prefix) ? key.slice(prefix.length) : undefined;
}

/** Answers for one constraint. */
export type ConstraintTest = (node: ConstraintSubject) => boolean;

/** A single address or a CIDR; a malformed value never matches, not even with `!=`. */
function ipTest({ value, operator }: Constraint): ConstraintTest {
  const address = parseIp(value);
  const network = address === undefined ? parseCidr(value) : undefined;
  if (address === undefined && network === undefined) return () => false;
  return ({ description }) => {
    const ip = parseIp(description.address);
    const match =
      ip !== undefined && (address !== undefined ? ipEqual(address, ip) : network !== undefined && networkContains(network, ip));
    return (operator === '==') === match;
  };
}

/** What a key stands for on a node; undefined for keys that stand for nothing. */
function readerOf(key: string): ((node: ConstraintSubject) => string) | undefined {
  switch (fold(key)) {
    case 'node.id':
      return ({ id }) => id;
    case 'node.hostname':
      return ({ description }) => description.hostname;
    case 'node.role':
      return ({ role }) => role;
    case 'node.platform.os':
      return ({ description }) => description.platform?.os ?? '';
    case 'node.platform.arch':
      return ({ description }) => description.platform?.architecture ?? '';
  }
  const nodeLabel = nameAfter(key, NODE_LABEL_PREFIX);
  if (nodeLabel !== undefined) return ({ labels }) => labelValue(labels, nodeLabel);
  const engineLabel = nameAfter(key, ENGINE_LABEL_PREFIX);
  return engineLabel === undefined ? undefined : ({ description }) => labelValue(description.engineLabels, engineLabel);
}

/** A constraint made ready to be asked of many nodes. */
export function constraintTest(constraint: Constraint): ConstraintTest {
  if (fold(constraint.key) === 'node.ip') return ipTest(constraint);
  const read = readerOf(constraint.key);
  if (read === undefined) return () => false;
  const equal = constraint.operator === '==';
  return (node) => equalFold(constraint.value, read(node)) === equal;
}

/** True when the node meets all constraints. */
export function nodeMatches(constraints: readonly Constraint[], node: ConstraintSubject): boolean {
  return constraints.every((constraint) => constraintTest(constraint)(node));
}
