/** The ways a call can fail, in the shape that Polytomic documents: `{ key, message, metadata, status }`. */

/** Thrown by a handler; becomes the answer to the call. The message is shown to the caller as it is. */
export class CallFailure extends Error {
  /** HTTP status. */
  readonly status: number;
  /** Machine-readable name of the fault. */
  readonly key: string;
  /** Facts about the fault, e.g. the field that is wrong. Left out of the answer when there are none. */
  readonly metadata: Record<string, unknown> | undefined;

  constructor(status: number, key: string, message: string, metadata?: Record<string, unknown>) {
    super(message);
    this.name = 'CallFailure';
    this.status = status;
    this.key = key;
    this.metadata = metadata;
  }
}

/** 400: the call itself is malformed. */
export function badRequest(message: string, metadata?: Record<string, unknown>): CallFailure {
  return new CallFailure(400, 'bad_request', message, metadata);
}

/** 404: `what`, e.g. `connection 1234`, is not there, or not any more. */
export function notFound(what: string): CallFailure {
  return new CallFailure(404, 'not_found', `${what} was not found`);
}

/** 409: something else is going on that this call would disturb. */
export function conflict(message: string, metadata?: Record<string, unknown>): CallFailure {
  return new CallFailure(409, 'conflict', message, metadata);
}

/** 422: the call is well formed, and what it asks for cannot be done. */
export function unprocessable(message: string, metadata?: Record<string, unknown>): CallFailure {
  return new CallFailure(422, 'unprocessable_entity', message, metadata);
}

/** The body of an answer that reports `failure`. */
export function failureBody(failure: CallFailure): Record<string, unknown> {
  const { key, message, metadata, status } = failure;
  return { key, message, ...(metadata === undefined ? {} : { metadata }), status };
}

/** The body of a 401, which Polytomic documents in a shape of its own. */
export function unauthorizedBody(message: string): Record<string, unknown> {
  return { code: 401, context: {}, error: message, status: 'Unauthorized' };
}

/** The message of whatever was thrown. No `instanceof`: an error of another realm, as Node's own are under Jest, is none of ours. */
export function messageOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? error.message : error;
  return String(message);
}
