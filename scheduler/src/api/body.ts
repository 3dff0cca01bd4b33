/** Checks of what a client sent, before any of it is used. */
import type { z } from 'zod';
import { ApiFailure } from './failure.ts';

/** Deepest nesting of a body. Our own deepest request has about ten levels. */
const MAX_DEPTH = 40;

/**
 * Refuses values that schemas with free-form parts would let through and later steps could trip over: very deep nesting
 * (recursion), numbers beyond 1.8e308 (JSON.parse makes Infinity of them) and keys that are no plain data.
 */
export function checkShape(body: unknown): void {
  const open: [unknown, number][] = [[body, 0]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, depth] = next;
    if (typeof value === 'number' && !Number.isFinite(value)) throw new ApiFailure('PF_INVALID', 'a number is too large');
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= MAX_DEPTH) throw new ApiFailure('PF_INVALID', `the body is nested more than ${MAX_DEPTH} levels deep`);
    if (Object.hasOwn(value, '__proto__')) throw new ApiFailure('PF_INVALID', 'the key __proto__ is not allowed');
    for (const child of Object.values(value)) open.push([child, depth + 1]);
  }
}

const MAX_PATH = 200;
/** `command.spec.task.containers[0].image` */
export function pathText(path: readonly PropertyKey[]): string {
  let result = '';
  for (const part of path) {
    if (typeof part === 'number') result += `[${part}]`;
    else result += `${result === '' ? '' : '.'}${String(part)}`;
  }
  return result.length > MAX_PATH ? `${result.slice(0, MAX_PATH)}…` : result;
}

interface Found {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The issue that says most: for a union, the one that got furthest into its branch. */
function mostTelling(issue: z.core.$ZodIssue): Found {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const inner = issue.errors
      .flatMap((issues) => issues.slice(0, 1).map(mostTelling))
      .reduce((best, found) => (found.path.length > best.path.length ? found : best), { path: [], message: issue.message } as Found);
    return { path: [...issue.path, ...inner.path], message: inner.message };
  }
  if (issue.code === 'unrecognized_keys') {
    const [key = ''] = issue.keys;
    return { path: [...issue.path, key], message: 'unknown key' };
  }
  return { path: issue.path, message: issue.message };
}

/** A checked value. @throws ApiFailure PF_INVALID with the place of the first thing that is wrong. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, what: 'body' | 'query' | 'header'): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path, message } = mostTelling(result.error.issues[0]!);
  const place = pathText(path);
  throw new ApiFailure('PF_INVALID', `the ${what} is not valid${place === '' ? '' : ` at ${place}`}: ${message}`, {
    path: place,
    hint: 'see /api/openapi.json',
  });
}
