/** Refusals of the API: one class, one table from codes to HTTP statuses, one form on the wire. */
import type { ApiError, Diagnostic } from '@paperfleet/core';
import type { Refusal } from '../live/run.ts';

/** HTTP status of every code. */
export const STATUS = {
  PF_INVALID: 400,
  PF_UNAUTHORIZED: 401,
  PF_FORBIDDEN: 403,
  PF_FOREIGN_HOST: 403,
  PF_FOREIGN_ORIGIN: 403,
  PF_NOT_FOUND: 404,
  PF_METHOD: 405,
  PF_CONFLICT: 409,
  PF_TOO_LARGE: 413,
  PF_MEDIA_TYPE: 415,
  PF_UPGRADE: 426,
  PF_INTERNAL: 500,
  PF_NOT_AVAILABLE: 501,
  PF_UNAVAILABLE: 503,
} as const;
export type FailureCode = keyof typeof STATUS;

interface Details {
  readonly hint?: string;
  readonly path?: string;
  readonly details?: readonly Diagnostic[];
}

/** A request that is not done, with what the client is told. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly code: FailureCode;
  readonly extra: Details;

  constructor(code: FailureCode, message: string, extra: Details = {}) {
    super(message);
    this.code = code;
    this.extra = extra;
  }

  get status(): number {
    return STATUS[this.code];
  }

  toJson(): ApiError {
    const { hint, path, details } = this.extra;
    return {
      error: {
        code: this.code,
        message: this.message,
        ...(hint === undefined ? {} : { hint }),
        ...(path === undefined ? {} : { path }),
        ...(details === undefined ? {} : { details }),
      },
    };
  }
}

/** A run's refusal as the API's. */
export function fromRefusal({ code, message, hint, path }: Refusal): ApiFailure {
  return new ApiFailure(code, message, { ...(hint === undefined ? {} : { hint }), ...(path === undefined ? {} : { path }) });
}

/** Unwraps what a run answered. @throws ApiFailure when it refused. */
export function accepted<T extends object>(answer: T | Refusal): Exclude<T, Refusal> {
  if ('ok' in answer && !answer.ok) throw fromRefusal(answer);
  return answer as Exclude<T, Refusal>;
}
