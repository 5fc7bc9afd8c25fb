/** One delivery of a notice: signed, bounded in time, to an address that may be reached, and never redirected. */
import { lookup as resolve } from 'node:dns';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { type BlockList, isIP, type LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import fetch from 'node-fetch';
import { isLoopback, mayBeSentTo } from './allowed-addresses.ts';
import { NOTICE_HEADERS, signatureOf } from './signature.ts';

/** What to deliver, and where to. */
export interface Delivery {
  id: string;
  url: string;
  /** The notice as JSON. */
  body: string;
  secret: string;
  /** Networks that are not public and may be sent to all the same. */
  allowed: BlockList;
  /** How long it may take, in ms. */
  timeoutMs: number;
  signal: AbortSignal;
}

/** What came of a delivery. `refused`: the target may not be called. `none`: no answer, and nobody knows whether it arrived. */
export type DeliveryResult =
  | { kind: 'answered'; status: number; retryAfter: string | null }
  | { kind: 'refused'; why: string }
  | { kind: 'none'; why: string };

/** Posts a notice once. What the target says besides its status is not read: a requester must not read with our eyes. */
export async function deliver({
  id,
  url,
  body,
  secret,
  allowed,
  timeoutMs,
  signal,
}: Delivery): Promise<DeliveryResult> {
  const target = URL.canParse(url) ? new URL(url) : undefined;
  if (target === undefined) return { kind: 'refused', why: 'it is no absolute URL' };
  const guard = new Guard(target, allowed);
  if (guard.refusal !== undefined) return { kind: 'refused', why: guard.refusal };
  const timestamp = String(Math.floor(Date.now() / 1000));
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(target, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'User-Agent': 'audience-provisioning',
        [NOTICE_HEADERS.id]: id,
        [NOTICE_HEADERS.timestamp]: timestamp,
        [NOTICE_HEADERS.signature]: signatureOf(timestamp, body, secret),
      },
      body,
      redirect: 'manual',
      compress: false,
      agent: guard.agent(),
      signal: AbortSignal.any([signal, timeout]),
    });
    // Closes the connection, so that an answer without end costs nothing.
    if (response.body instanceof Readable) response.body.destroy();
    return { kind: 'answered', status: response.status, retryAfter: response.headers.get('retry-after') };
  } catch (error) {
    if (guard.refusal !== undefined) return { kind: 'refused', why: guard.refusal };
    if (timeout.aborted) return { kind: 'none', why: `there was no answer within ${timeoutMs} ms` };
    return { kind: 'none', why: `the connection failed${codeOf(error)}` };
  }
}

/**
 * Keeps a delivery to addresses that may be reached. A name is resolved once, by the connection itself, and connected to at
 * the very addresses that were checked: what it resolves to a moment later does not matter.
 */
class Guard {
  /** Why the target may not be called, as soon as that is known. */
  refusal: string | undefined;
  private readonly secure: boolean;
  private readonly allowed: BlockList;

  constructor({ protocol, username, password, hostname }: URL, allowed: BlockList) {
    this.secure = protocol === 'https:';
    this.allowed = allowed;
    if (!this.secure && protocol !== 'http:') this.refusal = 'it is no https: URL';
    else if (username !== '' || password !== '') this.refusal = 'it has a user or a password in it';
    // An address is connected to without being resolved. A URL has it in its usual form already, however it was written.
    const address = hostname.replace(/^\[|\]$/g, '');
    if (this.refusal === undefined && isIP(address) !== 0) this.refusal = this.refusalOf([address]);
  }

  agent(): HttpAgent | HttpsAgent {
    return this.secure ? new HttpsAgent({ lookup: this.lookup }) : new HttpAgent({ lookup: this.lookup });
  }

  private readonly lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      this.refusal = error === null ? this.refusalOf(addresses.map(({ address }) => address)) : undefined;
      const [first] = addresses ?? [];
      if (error !== null || this.refusal !== undefined || first === undefined) {
        callback(error ?? new Error('not allowed'), '', 0);
      } else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  /** One address that may not be reached is enough: which of them is connected to is not ours to choose. */
  private refusalOf(addresses: readonly string[]): string | undefined {
    if (!this.secure && !addresses.every(isLoopback)) return 'it is no https: URL; http: is for loopback alone';
    if (addresses.every((address) => mayBeSentTo(address, this.allowed))) return undefined;
    return 'its address is not a public one, and is in no network that AUDIENCE_NOTIFY_ALLOW of the worker allows';
  }
}

/** The system's word for what went wrong, e.g. ` (ECONNREFUSED)`. Its message has the resolved address, the error the URL. */
function codeOf(error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? ` (${code})` : '';
}
