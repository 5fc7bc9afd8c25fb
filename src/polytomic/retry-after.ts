/** The longest wait that a server is believed, in ms: an hour. */
const MAX_RETRY_AFTER_MS = 60 * 60 * 1000;

/** The form that RFC 9110 asks for, `Sun, 06 Nov 1994 08:49:37 GMT`. `Date.parse` alone reads `-5` and `1.5` as dates too. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/**
 * How long a `Retry-After` header asks to wait, in ms from `now` (ms since the epoch): whole, at least 0, at most an hour.
 * Reads seconds and HTTP dates; `undefined` where there is none, or it is neither.
 */
export function retryAfterMs(header: string | null, now: number = Date.now()): number | undefined {
  const text = header?.trim() ?? '';
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : HTTP_DATE.test(text) ? Date.parse(text) - now : Number.NaN;
  return Number.isNaN(ms) ? undefined : Math.round(Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS));
}
