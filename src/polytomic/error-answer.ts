/** Reads what an answer of status 4xx or 5xx says, in whichever of its shapes it comes. */
import { ApiError, type ApiErrorDetails } from './errors.ts';
import { redact, redactText } from './redaction.ts';
import { retryAfterMs } from './retry-after.ts';

/** How much of an API's message is kept, in characters: a query engine's can quote the whole query. */
const MAX_API_MESSAGE = 4000;

/** How much of a body that is no JSON is kept, in characters: a proxy's page says all it has to say at its beginning. */
const MAX_PLAIN_TEXT = 200;

/** How much of such a body is looked at, in characters; keeps the search for tags short whatever is sent. */
const MAX_PAGE = 16 * 1024;

/** The fields of an error as Polytomic documents them; a 401 has its own. */
const FIELDS: readonly string[] = ['key', 'message', 'metadata', 'status'];
const FIELDS_OF_A_401: readonly string[] = ['code', 'context', 'error', 'status'];

/** What has come back of a call that failed. */
export interface ErrorAnswer {
  status: number;
  /** The `Retry-After` header. */
  retryAfter: string | null;
  /** The body; empty where it did not arrive. */
  body: string;
  /** What must not appear in the error. */
  secrets: readonly string[];
}

/**
 * The error for such an answer. Reads Polytomic's `{ key, message, metadata, status }`, the 401's `{ code, context, error,
 * status }`, and a proxy's page or text. Never throws.
 */
export function apiErrorOf(call: string, { status, retryAfter, body, secrets }: ErrorAnswer): ApiError {
  const waits = status === 429 || status === 503 || status === 409;
  return new ApiError(call, status, {
    ...detailsOf(status, body, secrets),
    retryAfterMs: waits ? retryAfterMs(retryAfter) : undefined,
  });
}

function detailsOf(status: number, body: string, secrets: readonly string[]): ApiErrorDetails {
  // Secrets go before anything is cut off: half a secret would not be found.
  const said = jsonObject(body);
  if (said === undefined) return { apiMessage: plainText(redactText(body, secrets)) };
  const { key, code, message, error, status: told, metadata, context, ...rest } = said;
  const clean = (value: unknown) => shorten(redactText(wordsOf(value), secrets), MAX_API_MESSAGE) || undefined;
  const name = clean(key) ?? clean(code);
  // In the 401's shape `status` is a text; in the other one it repeats the number.
  const words = clean(message) ?? clean(error) ?? (typeof told === 'string' ? clean(told) : undefined);
  const others = name === undefined && Object.keys(rest).length > 0 ? JSON.stringify(redact(rest, secrets)) : '';
  return {
    key: name,
    apiMessage: words ?? plainText(others),
    metadata: redact(metadata ?? context, secrets),
    documented: isDocumented(status, said),
  };
}

/**
 * Whether this has the shape of Polytomic's errors and something that only they have: a gateway's JSON has a `message` or an
 * `error` too.
 */
function isDocumented(status: number, said: Record<string, unknown>): boolean {
  const fields = status === 401 ? FIELDS_OF_A_401 : FIELDS;
  const own = status === 401 || said['status'] === status || typeof said['key'] === 'string';
  return own && Object.keys(said).length > 0 && Object.keys(said).every((field) => fields.includes(field));
}

function jsonObject(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    // Not Polytomic's answer but, say, a proxy's page: it is shown as text instead.
    return undefined;
  }
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}

/** A page as one line of at most 200 characters, without tags, scripts and styles; `undefined` if nothing is left. */
export function plainText(body: string): string | undefined {
  const words = body
    .slice(0, MAX_PAGE)
    .replace(/<(script|style)\b[^<>]*>[\s\S]*?<\/\1\s*>/gi, ' ')
    .replace(/<[^<>]*>/g, ' ')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return words === '' ? undefined : shorten(words, MAX_PLAIN_TEXT);
}

function shorten(words: string, max: number): string {
  return words.length > max ? `${words.slice(0, max - 1)}…` : words;
}
