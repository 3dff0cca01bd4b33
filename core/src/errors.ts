/**
 * Errors. Three kinds: a programmer's mistake fails an assertion and stops the run; an expected failure is a returned
 * value (`{ ok: false, … }`); a failure at the edge (files, sockets, user input) is a PaperfleetError with a stable code.
 */

/** A failure at the edge, with what to do about it. Each layer adds its own context and keeps its `cause`. */
export class PaperfleetError extends Error {
  /** Stable, for programs: PF_JOURNAL_CORRUPT, … */
  readonly code: string;
  /** What the user can do. */
  readonly hint: string | undefined;
  override readonly name: string = 'PaperfleetError';

  constructor(code: string, message: string, options: { readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** A broken promise of our own code. Kept on in production: a wrong simulation is worse than a stopped one. */
export class AssertionFailure extends Error {
  override readonly name: string = 'AssertionFailure';
  readonly detail: unknown;

  constructor(message: string, detail: unknown) {
    super(detail === undefined ? message : `${message}: ${JSON.stringify(detail)}`);
    this.detail = detail;
  }
}

/** Stops the run when `condition` does not hold. `detail` is put into the message as JSON. */
export function assert(condition: boolean, message: string, detail?: unknown): asserts condition {
  if (!condition) throw new AssertionFailure(message, detail);
}

/** Marks a branch that the types say cannot be reached. */
export function assertNever(value: never, what: string): never {
  throw new AssertionFailure(`unexpected ${what}`, value);
}
