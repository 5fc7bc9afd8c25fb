/**
 * What can go wrong between us and Polytomic. One class a meaning, because what may be done next differs:
 * after an {@link ApiError} the request was answered, after a {@link NoAnswerError} nobody knows whether it was carried
 * out, after an {@link UnexpectedAnswerError} it most likely was. None of them ever holds the API key or a sent secret.
 */

/**
 * Under which the kind of an error is kept. Registered globally, so that `instanceof` holds between two copies of this
 * module too: Jest loads one for each test file, and a library may be installed twice.
 */
const KIND = Symbol.for('audience-provisioning/polytomic-error-kind');

type Kind = 'PolytomicError' | 'ApiError' | 'NoAnswerError' | 'UnexpectedAnswerError';

function kindOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && KIND in value ? value[KIND] : undefined;
}

/**
 * Anything this client throws about a call. Thrown as itself only where a call was refused before it was sent, e.g. because
 * of an id that would change the path. A wrong argument that only a fault in the caller's code explains is a `TypeError`.
 */
export class PolytomicError extends Error {
  /** Method and path, without the query: `POST /api/models`. */
  readonly call: string;
  readonly [KIND]: Kind;

  constructor(call: string, message: string, options: { kind?: Kind; cause?: unknown } = {}) {
    super(`${call} ${message}`, 'cause' in options ? { cause: options.cause } : {});
    this.call = call;
    this[KIND] = options.kind ?? 'PolytomicError';
    this.name = this[KIND];
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return kindOf(value) !== undefined;
  }
}

/** What an {@link ApiError} carries besides its status. */
export interface ApiErrorDetails {
  /** Polytomic's own name of the error; of a 401 its `code`. */
  key?: string | undefined;
  /** What Polytomic, or a proxy before it, said; at most 4000 characters. */
  apiMessage?: string | undefined;
  metadata?: unknown;
  /** How long to wait, in ms, as `Retry-After` says; only with 409, 429 and 503. */
  retryAfterMs?: number | undefined;
  /** Whether the answer has the shape that Polytomic documents. Default `false`. */
  documented?: boolean | undefined;
}

/** An answer of status 4xx or 5xx. Its message is `POST /api/models answered 422: <what was said>`. */
export class ApiError extends PolytomicError {
  readonly status: number;
  readonly key: string | undefined;
  readonly apiMessage: string | undefined;
  /** Whatever else Polytomic said about it, with secrets replaced. A 422 `connection in use` has `used_by` here. */
  readonly metadata: unknown;
  readonly retryAfterMs: number | undefined;
  /**
   * Whether the answer has the shape that Polytomic documents. Else it may be that of a proxy, which does not know what
   * Polytomic makes of the request, nor whether it has ended.
   */
  readonly documented: boolean;

  constructor(call: string, status: number, details: ApiErrorDetails = {}) {
    const { key, apiMessage, metadata, retryAfterMs, documented = false } = details;
    const said = apiMessage ?? key;
    const users = usedBy(metadata);
    const detail = `${said === undefined ? '' : `: ${said}`}${users === undefined ? '' : ` (used by ${users})`}`;
    super(call, `answered ${status}${detail}`, { kind: 'ApiError' });
    this.status = status;
    this.key = key;
    this.apiMessage = apiMessage;
    this.metadata = metadata;
    this.retryAfterMs = retryAfterMs;
    this.documented = documented;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return kindOf(value) === 'ApiError';
  }
}

/**
 * Why there was no answer. `timeout`: not whole within the client's time. `aborted`: the caller's signal. `network`: no
 * connection, or it broke before the headers. `truncated`: it broke within the body.
 */
export type NoAnswerReason = 'timeout' | 'aborted' | 'network' | 'truncated';

/** No whole answer came. Says nothing about whether Polytomic carried the request out. */
export class NoAnswerError extends PolytomicError {
  readonly reason: NoAnswerReason;
  /** The same in words, e.g. `connection refused (ECONNREFUSED)`. */
  readonly detail: string;

  /** `cause` is the reason of the caller's signal, where that is why. */
  constructor(call: string, reason: NoAnswerReason, detail: string, options: { cause?: unknown } = {}) {
    super(call, `got no answer: ${detail}`, { kind: 'NoAnswerError', ...options });
    this.reason = reason;
    this.detail = detail;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return kindOf(value) === 'NoAnswerError';
  }
}

/**
 * An answer that is no error, yet not as documented: no JSON, without `data` or a field that we rely on, a redirect, too
 * large. What was asked for has most likely happened, so a create that ends so must be looked up.
 */
export class UnexpectedAnswerError extends PolytomicError {
  /** What is wrong, with the path of the field where it is one, e.g. `data.fields[0].name is missing, not a text`. */
  readonly detail: string;

  constructor(call: string, detail: string) {
    super(call, `answered unlike its documentation: ${detail}`, { kind: 'UnexpectedAnswerError' });
    this.detail = detail;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    return kindOf(value) === 'UnexpectedAnswerError';
  }
}

/** At most this many users of a connection are named in a message, in count. */
const MAX_USERS = 10;

/** The `metadata.used_by: [{ type, name, id }]` of a 422 `connection in use`, as a text. */
function usedBy(metadata: unknown): string | undefined {
  if (typeof metadata !== 'object' || metadata === null || !('used_by' in metadata)) return undefined;
  const users = Array.isArray(metadata.used_by) ? metadata.used_by.flatMap(nameOfUser) : [];
  if (users.length === 0) return undefined;
  const rest = users.length - MAX_USERS;
  return users.slice(0, MAX_USERS).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function nameOfUser(user: unknown): string[] {
  if (typeof user !== 'object' || user === null) return [];
  const { type, name, id } = user as { type?: unknown; name?: unknown; id?: unknown };
  const called = typeof name === 'string' ? name : id;
  if (typeof called !== 'string') return [];
  return [`${typeof type === 'string' ? `${type} ` : ''}${called}`.slice(0, 200)];
}
