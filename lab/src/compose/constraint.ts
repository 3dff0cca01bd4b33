/**
 * Syntax of placement constraints, with advice for the usual mistakes. The grammar is that of the scheduler
 * (scheduler/src/placement/constraint.ts, after swarmkit manager/constraint), which pure folders of lab may not import; a
 * test holds the two equal.
 */
import type { Parsed } from './quantity.ts';

// Go's \s is ASCII and its TrimSpace is Unicode's White_Space; JavaScript's are neither, so both are spelled out.
const KEY = /^[a-z_][a-z0-9\-_.]+$/iu;
const VALUE = /^[a-z0-9:\-_\t\n\f\r .*()?+[\]\\^$|/]+$/iu;
const SPACE = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+';
const EDGES = new RegExp(`^${SPACE}|${SPACE}$`, 'gu');
const KNOWN = /^(node\.(id|hostname|ip|role|platform\.os|platform\.arch)|(node|engine)\.labels\..+)$/i;

/** Checks a constraint's syntax as a manager does when a service is created; gives its key. */
export function parseConstraint(text: string): Parsed<string> {
  const operator = text.includes('==') ? '==' : text.includes('!=') ? '!=' : undefined;
  if (operator === undefined) return fail(text, 'constraint expected one operator from ==, !=');
  const at = text.indexOf(operator);
  const key = text.slice(0, at).replace(EDGES, '');
  if (!KEY.test(key)) return fail(text, `key '${key}' is invalid`);
  const value = text.slice(at + operator.length).replace(EDGES, '');
  return VALUE.test(value) ? { ok: true, value: key } : fail(text, `value '${value}' is invalid`);
}

function fail(text: string, message: string): Parsed<string> {
  return { ok: false, message: `${message}, in '${text}'`, hint: advice(text) };
}

function advice(text: string): string {
  if (/[^=!<>]=[^=]/.test(text) && !text.includes('==')) return `write '${text.replace(/\s*=\s*/, ' == ')}'`;
  if (/[=!]=\s*$/.test(text)) return 'is a variable in it not set?';
  return "write e.g. 'node.role == worker' or 'node.labels.zone != a'";
}

/** False for a key that no node ever has, so that a constraint on it never holds. */
export const isConstraintKey = (key: string): boolean => KNOWN.test(key);
