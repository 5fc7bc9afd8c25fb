/** One HTTP call to Polytomic: sent once, bounded in time and size, answered by a checked value or a typed error. */
import fetch, { FetchError, type RequestInit, type Response } from 'node-fetch';
import { type Decoder, ShapeError } from './answer-shape.ts';
import { checkedBaseUrl } from './base-url.ts';
import { CallLimit } from './call-limit.ts';
import { apiErrorOf, plainText } from './error-answer.ts';
import { NoAnswerError, PolytomicError, UnexpectedAnswerError } from './errors.ts';
import { redactText, secretsIn } from './redaction.ts';

/** How a {@link Transport} reaches Polytomic. */
export interface TransportOptions {
  apiKey: string;
  baseUrl: string;
  /** Value of `X-Polytomic-Version`. */
  version: string;
  /** How long a call may take, headers and body together, in ms. */
  timeoutMs: number;
  userAgent: string;
}

/** What every call takes besides its own arguments. */
export interface CallOptions {
  /** Ends the call when it fires, with a `NoAnswerError` of reason `aborted` and the signal's reason as its cause. */
  signal?: AbortSignal | undefined;
}

/** What every create takes. */
export interface CreateOptions extends CallOptions {
  /** 8 to 255 letters, digits, `-` and `_`. Polytomic's first answer to a key is its answer for at least 24 hours. */
  idempotencyKey: string;
}

/** One call. */
export interface Request extends CallOptions {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** The segments of the path after `/api`; each is encoded here. */
  path: readonly string[];
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  idempotencyKey?: string;
}

/** The largest answer that is read, in bytes. The longest list that we know of is a hundredth of it. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

const IDEMPOTENCY_KEY = /^[A-Za-z0-9_-]{8,255}$/;

/** Makes calls. Never repeats one, and follows no redirect: a repeated or redirected create could make a thing twice. */
export class Transport {
  readonly #apiKey: string;
  readonly #baseUrl: string;
  readonly #headers: Record<string, string>;
  readonly #timeoutMs: number;

  /** Throws a `TypeError` for settings that no call could be made with; its message does not show the key. */
  constructor({ apiKey, baseUrl, version, timeoutMs, userAgent }: TransportOptions) {
    this.#apiKey = headerText('API key', apiKey, /^[\x21-\x7e]+$/);
    this.#baseUrl = checkedBaseUrl(baseUrl);
    // A timer of 2^31 ms or more would fire at once.
    if (!(timeoutMs > 0 && timeoutMs < 2 ** 31)) {
      throw new TypeError(
        `The time-out of calls to Polytomic must be more than 0 and less than 2^31 ms, not ${timeoutMs}`,
      );
    }
    this.#timeoutMs = timeoutMs;
    this.#headers = {
      Accept: 'application/json',
      'User-Agent': headerText('user agent', userAgent),
      'X-Polytomic-Version': headerText('API version', version),
    };
  }

  /** Makes the call and returns its JSON answer as `decode` reads it. Throws one of `errors.ts`. */
  async call<T>(request: Request, decode: Decoder<T>): Promise<T> {
    const body = await this.#send(request);
    return this.#decoded(nameOf(request), body, decode);
  }

  /** Makes a call whose answer says nothing that we need beyond its success; the body may be empty. */
  async tell(request: Request): Promise<void> {
    await this.#send(request);
  }

  /** Sends the request and returns the body of a 2xx answer. */
  async #send(request: Request): Promise<string> {
    const { method, query, body, idempotencyKey, signal } = request;
    const call = nameOf(request);
    const url = `${this.#baseUrl}${pathOf(call, request)}${queryOf(query)}`;
    const init: RequestInit = {
      method,
      headers: {
        ...this.#headers,
        Authorization: `Bearer ${this.#apiKey}`,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(idempotencyKey === undefined ? {} : { 'Idempotency-Key': checkedKey(idempotencyKey) }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'manual',
      // Answers are small. What is not compressed cannot be a bomb, and cannot break off unnoticed.
      compress: false,
      size: MAX_ANSWER_BYTES,
    };
    const secrets = [this.#apiKey, ...secretsIn(body)];
    const limit = new CallLimit(this.#timeoutMs, signal);
    try {
      const response = await fetch(url, { ...init, signal: limit.signal }).catch((error: unknown) => {
        throw this.#noAnswer(call, limit, 'network', redactText(reasonOf(error), secrets));
      });
      const { status, ok, headers } = response;
      const text = await response.text().catch((error: unknown) => {
        // The status of a failure says what happened even if the words for it are lost; a success is lost without its body.
        if (!ok && limit.cut !== 'aborted') return '';
        if (isTooLarge(error)) throw new UnexpectedAnswerError(call, `it is larger than ${MAX_ANSWER_BYTES} bytes`);
        throw this.#noAnswer(call, limit, 'truncated', redactText(reasonOf(error), secrets));
      });
      if (ok) return text;
      if (status < 400) throw new UnexpectedAnswerError(call, redirection(response, url));
      throw apiErrorOf(call, { status, retryAfter: headers.get('retry-after'), body: text, secrets });
    } finally {
      limit.release();
    }
  }

  #noAnswer(call: string, limit: CallLimit, broken: 'network' | 'truncated', said: string): NoAnswerError {
    switch (limit.cut) {
      case 'aborted':
        return new NoAnswerError(call, 'aborted', 'the caller ended the call', { cause: limit.reason });
      case 'timeout':
        return new NoAnswerError(call, 'timeout', `it was not complete within ${this.#timeoutMs} ms`);
      case undefined: {
        const where = broken === 'network' ? 'the connection failed' : 'the connection broke within the answer';
        return new NoAnswerError(call, broken, `${where}: ${said}`);
      }
    }
  }

  #decoded<T>(call: string, body: string, decode: Decoder<T>): T {
    try {
      return decode(JSON.parse(body), '');
    } catch (error) {
      if (error instanceof ShapeError) throw new UnexpectedAnswerError(call, error.message);
      // Only a page is quoted: of broken JSON, the beginning could be data that nobody should read in a log.
      const quote = body.trimStart().startsWith('<') ? plainText(redactText(body, [this.#apiKey])) : undefined;
      throw new UnexpectedAnswerError(
        call,
        `its ${body.length} characters are no JSON${quote === undefined ? '' : ` but a page: ${quote}`}`,
      );
    }
  }
}

function headerText(what: string, value: string, allowed = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/): string {
  if (typeof value === 'string' && allowed.test(value)) return value;
  throw new TypeError(
    `The ${what} for Polytomic is empty, or has a line break, a space or another character that a header cannot carry`,
  );
}

function checkedKey(key: string): string {
  if (IDEMPOTENCY_KEY.test(key)) return key;
  throw new TypeError('An Idempotency-Key has 8 to 255 characters, all of them letters, digits, "-" or "_"');
}

function encoded(segment: string): string {
  return encodeURIComponent(segment.replace(/\p{Cs}/gu, '\uFFFD'));
}

/** Method and path, for messages. Without the query, which may hold what is nobody's business. */
function nameOf({ method, path }: Request): string {
  return `${method} /api/${path.map(encoded).join('/').slice(0, 300)}`;
}

function pathOf(call: string, { path }: Request): string {
  // These would address something else, `DELETE /api/models/..` for one.
  if (path.some((segment) => /^\.{0,2}$/.test(segment))) {
    throw new PolytomicError(call, 'was not sent: an id in it is empty, "." or "..". Check the ids that were given');
  }
  return `/api/${path.map(encoded).join('/')}`;
}

function queryOf(query: Request['query'] = {}): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) given.append(key, String(value));
  return given.size === 0 ? '' : `?${given}`;
}

function isTooLarge(error: unknown): boolean {
  return error instanceof FetchError && error.type === 'max-size';
}

/** What the system said. The rest of node-fetch's message is the URL, whose query is not for messages. */
function reasonOf(error: unknown): string {
  const { message = '', code = '' } = error as { message?: string; code?: string };
  const said = /(?:, reason| trying to fetch \S+): ([\s\S]+)$/.exec(message)?.[1] ?? (code === '' ? message : '');
  return said.includes(code) ? said : `${said} ${code}`.trim();
}

function redirection({ status, headers }: Response, from: string): string {
  const location = headers.get('location') ?? '';
  const target = URL.canParse(location, from) ? new URL(location, from) : undefined;
  const where = target === undefined ? '' : ` to ${target.origin}${target.pathname}`;
  return `a redirect (${status})${where}, which is not followed. Check the base URL`;
}
