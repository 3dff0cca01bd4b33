/** What is wrong with, or worth knowing about, a file that a person wrote: where it stands and what to do. */
import type { Diagnostic as SharedDiagnostic } from '@paperfleet/core';

/** A place in a source file; line and column count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One message about one place, complete where the shared form (core) leaves things out. */
export interface Diagnostic extends Place, SharedDiagnostic {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Key path ('services.web.deploy.replicas'), '' for the whole file. */
  readonly path: string;
  readonly message: string;
  /** What to do about it; '' when the message says it all. */
  readonly hint: string;
}

/** `file:line:column: path: message (hint)`, the form that editors and terminals turn into links. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { file, line, column, path, message, hint } = diagnostic;
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}${hint === '' ? '' : ` (${hint})`}`;
}

/** Errors stop a load, warnings do not. One list per load, in the order found. */
export class Diagnostics {
  readonly errors: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];

  error(place: Place, path: string, message: string, hint = ''): void {
    add(this.errors, place, path, message, hint);
  }

  warn(place: Place, path: string, message: string, hint = ''): void {
    add(this.warnings, place, path, message, hint);
  }
}

function add(list: Diagnostic[], { file, line, column }: Place, path: string, message: string, hint: string): void {
  const same = (other: Diagnostic): boolean =>
    other.line === line && other.column === column && other.file === file && other.path === path && other.message === message;
  if (!list.some(same)) list.push({ file, line, column, path, message, hint });
}

/** The candidate a person most likely meant by `word`: smallest edit distance, at most a third of its length (at least 1). */
export function didYouMean(word: string, candidates: Iterable<string>): string | undefined {
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Edits (insert, delete, replace, swap of neighbours) from one word to another; anything >= `bound` may be given as `bound`. */
export function editDistance(from: string, to: string, bound: number): number {
  if (Math.abs(from.length - to.length) >= bound) return bound;
  let before: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const current = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = previous[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) cost = Math.min(cost, before[j - 2]! + 1);
      current.push(cost);
    }
    before = previous;
    previous = current;
  }
  return Math.min(previous[to.length]!, bound);
}
