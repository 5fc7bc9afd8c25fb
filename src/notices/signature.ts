/**
 * How a notice is signed, and how its receiver checks that: HMAC-SHA256, under a secret that both have, over the time and
 * the body. The time is signed too, so that what somebody has overheard cannot be sent again later.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

/** The headers of a notice. */
export const NOTICE_HEADERS = {
  /** The notice's id: the same over all deliveries. */
  id: 'Audience-Notice-Id',
  /** When this delivery was signed, in whole seconds since the epoch. */
  timestamp: 'Audience-Timestamp',
  /** `v1=` and the HMAC in hexadecimal. */
  signature: 'Audience-Signature',
} as const;

/** How old, or how far in the future, a delivery may be, in ms, unless the receiver says otherwise. */
export const DEFAULT_TOLERANCE_MS = 5 * 60 * 1000;

/** Headers as a server has them: a `Headers` object, or a map whose names are in any case. */
export type ReceivedHeaders =
  | { get(name: string): string | null }
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** When a notice is taken for genuine. */
export interface VerifyOptions {
  /** How old, or how far in the future, it may be, in ms. Default: five minutes. */
  toleranceMs?: number;
  /** Now, ms since the epoch. Default: the clock. */
  now?: number;
}

/** The value of the signature's header. `timestamp` is the text of its header. */
export function signatureOf(timestamp: string, body: string | Uint8Array, secret: string): string {
  // With an empty key anybody could sign.
  if (secret === '') throw new TypeError('The secret for notices is empty');
  return `v1=${createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex')}`;
}

/**
 * Whether a notice comes from a worker that has the secret, unchanged and just now. `body` is what was received, before
 * any parsing. A receiver that answers true drops a notice whose id it has had already, and answers with a 2xx.
 */
export function verifyNotice(
  headers: ReceivedHeaders,
  body: string | Uint8Array,
  secret: string,
  { toleranceMs = DEFAULT_TOLERANCE_MS, now = Date.now() }: VerifyOptions = {},
): boolean {
  const timestamp = headerOf(headers, NOTICE_HEADERS.timestamp);
  const given = headerOf(headers, NOTICE_HEADERS.signature);
  if (timestamp === undefined || given === undefined || !/^\d{1,12}$/.test(timestamp)) return false;
  const expected = Buffer.from(signatureOf(timestamp, body, secret));
  const received = Buffer.from(given);
  // Compared in a time that does not tell how much of it was right.
  const genuine = expected.length === received.length && timingSafeEqual(expected, received);
  return genuine && Math.abs(now - Number(timestamp) * 1000) <= toleranceMs;
}

function headerOf(headers: ReceivedHeaders, name: string): string | undefined {
  if (isHeaders(headers)) return headers.get(name) ?? undefined;
  const entry = Object.entries(headers).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
  // Sent twice it is not one of ours.
  return typeof entry === 'string' ? entry : undefined;
}

function isHeaders(headers: ReceivedHeaders): headers is { get(name: string): string | null } {
  return typeof headers.get === 'function';
}
