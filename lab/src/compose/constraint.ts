/** Placement constraints of a Compose file: the scheduler's own grammar, with advice for the usual mistakes. */
import { parseConstraints } from '@paperfleet/scheduler';
import type { Parsed } from './quantity.ts';

const KNOWN = /^(node\.(id|hostname|ip|role|platform\.os|platform\.arch)|(node|engine)\.labels\..+)$/i;

/** Checks a constraint's syntax as a manager does when a service is created; gives its key. */
export function parseConstraint(text: string): Parsed<string> {
  const parsed = parseConstraints([text]);
  if (parsed.ok) return { ok: true, value: parsed.constraints[0]?.key ?? '' };
  return { ok: false, message: `${parsed.message}, in '${text}'`, hint: advice(text) };
}

function advice(text: string): string {
  if (/[^=!<>]=[^=]/.test(text) && !text.includes('==')) return `write '${text.replace(/\s*=\s*/, ' == ')}'`;
  if (/[=!]=\s*$/.test(text)) return 'is a variable in it not set?';
  return "write e.g. 'node.role == worker' or 'node.labels.zone != a'";
}

/** False for a key that no node ever has, so that a constraint on it never holds. */
export const isConstraintKey = (key: string): boolean => KNOWN.test(key);
