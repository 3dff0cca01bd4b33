/** Syntax of placement constraints (SwarmKit's constraint package): `KEY == VALUE` or `KEY != VALUE`. */
import type { Parsed } from './quantity.ts';

const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
const VALUE = /^[a-z0-9:\-_\s.*()?+[\]\\^$|/]+$/i;
const KNOWN = /^(node\.(id|hostname|ip|role|platform\.os|platform\.arch)|(node|engine)\.labels\..+)$/i;

/** Checks a constraint's syntax as a manager does when a service is created. */
export function parseConstraint(text: string): Parsed<{ readonly key: string; readonly operator: '==' | '!='; readonly value: string }> {
  const operator = text.includes('==') ? '==' : '!=';
  const at = text.indexOf(operator);
  if (at < 0) {
    const hint = text.includes('=') ? `write '${text.replace('=', ' == ').replaceAll(/\s+/g, ' ')}'` : "write e.g. 'node.role == worker'";
    return { ok: false, message: `constraint '${text}' expected one operator from ==, !=`, hint };
  }
  const key = text.slice(0, at).trim();
  const value = text.slice(at + 2).trim();
  if (!KEY.test(key)) return { ok: false, message: `key '${key}' is invalid`, hint: 'a letter or _, then letters, digits, - _ and .' };
  if (!VALUE.test(value))
    return { ok: false, message: `value '${value}' is invalid`, hint: 'letters, digits and : - _ . * ( ) ? + [ ] \\ ^ $ | / are allowed' };
  return { ok: true, value: { key, operator, value } };
}

/** False for a key that no node ever has, so that a constraint on it never holds. */
export const isConstraintKey = (key: string): boolean => KNOWN.test(key);
