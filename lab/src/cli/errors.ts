/** What a command throws to end with a message and an exit code. */

/** Wrong usage: printed with the command's usage line, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The command could not do what was asked: printed without a stack, exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: string | undefined;
  readonly hint: string | undefined;
  constructor(message: string, options: { readonly code?: string; readonly hint?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = options.code;
    this.hint = options.hint;
  }
}
