/**
 * Faults that are set through the side API: a list of rules, of which the first that fits a call is applied to it. A rule
 * says which calls, how often, and what happens to them. In memory: a restart is free of faults.
 */
import { randomUUID } from 'node:crypto';
import { Fields, type JsonObject } from './body.ts';
import { unprocessable } from './failure.ts';

/** What happens to a call. */
export interface Effect {
  /** How long it is held up first, in ms. */
  latencyMs: number;
  /** The status that it is answered with instead of its own. */
  status?: number;
  /** The message of that answer. */
  message: string;
  /** Value of the answer's `Retry-After`: seconds or an HTTP date. */
  retryAfter?: string;
  /** Whether the connection is cut instead of answering. */
  drop: boolean;
  /**
   * Whether `status` or `drop` strikes `before` the call is carried out, or `after` it took effect. `partly`: a sync with
   * `target.create` gets as far as its audience, as Polytomic's may, and there is no sync.
   */
  when: 'before' | 'after' | 'partly';
  /** For how long the connection that this call creates has no schema yet, in ms. */
  cacheNotReadyMs: number;
  /** What befalls the answer on its way. Its idempotency key remembers it as it was. */
  transit?: Transit;
  /** Told when the call was refused, and so not answered with `status`. */
  missed?: () => void;
}

/** What befalls an answer on its way to the caller. */
export interface Transit {
  /** A proxy's HTML page comes instead; of a call that the proxy did not pass on, if this is `before`. */
  page?: boolean;
  /** Half of it comes: as if that were all, or with the connection cut. */
  cut?: 'complete' | 'broken';
  /** How long it is held back, in ms. */
  lateMs?: number;
  /** How long its body takes to come, in ms. */
  slowMs?: number;
}

interface Fault extends Effect {
  id: string;
  method: string | undefined;
  /** A path such as `/api/connections/*\/parameter_values`, in which `*` is any one segment. */
  path: string | undefined;
  /** How many calls are still struck; `null`: all. */
  times: number | null;
}

/** A call, as far as a fault's rule looks at it. */
interface FaultCall {
  method: string;
  /** Without the query. */
  path: string;
  /** Whether the call's idempotency key has been answered already. */
  replay: boolean;
}

/**
 * Statuses that are given before an idempotency key is even looked at, and so are never remembered as its answer: who is
 * calling, is it still in flight, is it too often.
 */
export const NEVER_PINNED: ReadonlySet<number> = new Set([401, 409, 429]);

export class FaultList {
  #faults: Fault[] = [];

  /** Adds a rule, read from the body of `POST /_sandbox/faults`. Throws a 422 that says what is wrong with it. */
  add(body: JsonObject): Fault {
    const fault = readFault(body);
    this.#faults.push(fault);
    return fault;
  }

  list(): Fault[] {
    return this.#faults;
  }

  clear(): void {
    this.#faults = [];
  }

  /** The effect on this call, or `undefined`; counts it. */
  take(call: FaultCall): Effect | undefined {
    const fault = this.#faults.find((candidate) => fits(candidate, call));
    if (fault?.times != null) {
      fault.times -= 1;
      if (fault.times === 0) this.#faults = this.#faults.filter((candidate) => candidate !== fault);
    }
    return fault;
  }
}

function fits(fault: Fault, { method, path, replay }: FaultCall): boolean {
  if (fault.method !== undefined && fault.method !== method) return false;
  if (fault.path !== undefined && !pathFits(fault.path, path)) return false;
  // The key's first answer stands, so a fault of the call itself waits for one that is really carried out.
  const ofTheCall = fault.cacheNotReadyMs > 0 || (fault.status !== undefined && !NEVER_PINNED.has(fault.status));
  if (replay && ofTheCall) return false;
  if (fault.cacheNotReadyMs > 0) return method === 'POST' && path === '/api/connections';
  return fault.when !== 'partly' || (method === 'POST' && path === '/api/syncs');
}

function pathFits(pattern: string, path: string): boolean {
  const wanted = pattern.split('/');
  const found = path.split('/');
  return (
    wanted.length === found.length && wanted.every((segment, index) => segment === '*' || segment === found[index])
  );
}

function readFault(body: JsonObject): Fault {
  const fields = new Fields(body);
  const match = fields.optionalFields('match');
  const status = number(fields, 'status', 400, 599);
  const drop = fields.optionalBoolean('drop') ?? false;
  const latencyMs = number(fields, 'latencyMs', 0, 600_000) ?? 0;
  const cacheNotReadyMs = number(fields, 'cacheNotReadyMs', 1, 86_400_000) ?? 0;
  const when = fields.optionalText('when') ?? 'before';
  const path = match?.optionalText('path');
  if (when !== 'before' && when !== 'after' && when !== 'partly') {
    throw unprocessable('when must be "before", "after" or "partly"');
  }
  if (status !== undefined && drop) throw unprocessable('a fault has a status or drops the connection, not both');
  if (status === undefined && !drop && latencyMs === 0 && cacheNotReadyMs === 0) {
    throw unprocessable(
      'a fault needs a status, drop, latencyMs or cacheNotReadyMs, e.g. {"match":{"path":"/api/models"},"status":500}',
    );
  }
  if (when !== 'before' && status !== undefined && NEVER_PINNED.has(status)) {
    throw unprocessable(`a ${status} is answered before a call is carried out, so it comes "before"`);
  }
  if (path !== undefined && !path.startsWith('/api/')) throw unprocessable('match.path must start with /api/');
  const retryAfter = fields.raw('retryAfter');
  if (retryAfter !== undefined && typeof retryAfter !== 'string' && typeof retryAfter !== 'number') {
    throw unprocessable('retryAfter must be seconds or an HTTP date');
  }
  return {
    id: randomUUID(),
    method: match?.optionalText('method')?.toUpperCase(),
    path,
    times: number(fields, 'times', 1, 1_000_000) ?? null,
    latencyMs,
    message: fields.optionalText('message') ?? `the sandbox was told to fail this call (${status ?? 'drop'})`,
    drop,
    when,
    cacheNotReadyMs,
    ...(status === undefined ? {} : { status }),
    ...(retryAfter === undefined ? {} : { retryAfter: String(retryAfter) }),
  };
}

function number(fields: Fields, name: string, least: number, most: number): number | undefined {
  const value = fields.raw(name);
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw unprocessable(`${name} must be a whole number from ${least} to ${most}`);
}
