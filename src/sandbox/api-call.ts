/**
 * How a call of the API is answered: key, version, idempotency, faults, log. The handlers below it know of none of these.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Fields, isObject, type JsonObject, parseBody } from './body.ts';
import { deliver } from './delivery.ts';
import type { AnswerDocument } from './documents.ts';
import { badRequest, CallFailure, conflict, failureBody, unauthorizedBody } from './failure.ts';
import { type Effect, NEVER_PINNED, type Transit } from './faults.ts';
import { redacted } from './redaction.ts';
import type { Transaction } from './store.ts';
import { subjectOf } from './subject.ts';
import type { World } from './world.ts';

/** An answer to a call. Without a body it is a 204. */
export interface Answer {
  status: number;
  body?: unknown;
}

/** What a handler works with. */
export interface Call {
  /** Method and path, e.g. `GET /api/models`. */
  name: string;
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** The body's fields. Throws a 400 when the body is no JSON object. */
  body(): Fields;
  /** Where the sandbox is reached, e.g. `http://127.0.0.1:4000`, for links that a person opens. */
  baseUrl: string;
  /** For how long the connection that this call creates is to have no schema yet, in ms; 0 unless a fault says so. */
  cacheNotReadyMs: number;
  /** Whether a fault lets only the first part of the call take effect. */
  partly: boolean;
  /**
   * Commits the call's effect, and in the same transaction the answer to its idempotency key. A handler that changes
   * anything ends with this, once.
   */
  commit(work: (transaction: Transaction) => Answer): Promise<Answer>;
}

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** In fastify's notation, e.g. `/api/models/:id`. */
  path: string;
  handle(call: Call): Promise<Answer> | Answer;
}

/** Served when a request names no version. */
const DEFAULT_VERSION = '2021-05-23';

/** The versions of the API that are known. All are served alike. */
const VERSIONS: readonly string[] = [DEFAULT_VERSION, '2022-12-12', '2023-04-25', '2024-02-08', '2025-09-18'];

/** How long the first answer to an idempotency key is kept, in ms. Polytomic promises at least 24 hours. */
export const KEY_LIFETIME_MS = 48 * 60 * 60 * 1_000;

const KEY_SYNTAX = /^[A-Za-z0-9_-]{8,255}$/;

/** Answers the calls of the API, one world for all of them. */
export class ApiCalls {
  readonly #world: World;
  /** Keys whose first call has not been answered yet. */
  readonly #inFlight = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Answers one call with `handle`, and logs it. `path` is its route's; a call that there is not has none. */
  async answer(
    request: FastifyRequest,
    reply: FastifyReply,
    handle: Route['handle'],
    path?: string,
  ): Promise<FastifyReply> {
    const { requests, settings, stopping } = this.#world;
    const text = typeof request.body === 'string' ? request.body : '';
    const key = request.method === 'POST' ? header(request, 'idempotency-key') : undefined;
    const log = (status: number | null, replayed: boolean) => {
      const body = loggedBody(text);
      requests.add({
        method: request.method,
        path: request.url,
        status,
        replayed,
        ...(key === undefined ? {} : { idempotency_key: key }),
        ...(body === undefined ? {} : { body }),
      });
      settings.log(`${request.method} ${request.url} ${status ?? 'dropped'}${replayed ? ' (replayed)' : ''}`);
    };

    const outcome = await this.#outcome(request, reply, key, text, handle, path);
    const { answer, dropped, transit, replayed } = outcome;
    log(dropped ? null : transit.page === true ? 502 : answer.status, replayed);
    if (dropped) {
      reply.hijack();
      request.raw.socket.destroy();
      return reply;
    }
    if (outcome.retryAfter !== undefined) reply.header('Retry-After', outcome.retryAfter);
    return deliver(reply, answer, transit, stopping);
  }

  async #outcome(
    request: FastifyRequest,
    reply: FastifyReply,
    key: string | undefined,
    text: string,
    handle: Route['handle'],
    route: string | undefined,
  ): Promise<Outcome> {
    const version = header(request, 'x-polytomic-version');
    reply.header(
      'X-Polytomic-Version',
      version !== undefined && VERSIONS.includes(version) ? version : DEFAULT_VERSION,
    );
    if (!this.#authorized(request)) {
      const error = 'no valid API key: send the header "Authorization: Bearer <API key>"';
      return told({ status: 401, body: unauthorizedBody(error) });
    }
    if (version !== undefined && !VERSIONS.includes(version)) {
      return told(failed(badRequest(`X-Polytomic-Version must be one of ${VERSIONS.join(', ')}`)));
    }
    if (key !== undefined && !KEY_SYNTAX.test(key)) {
      return told(failed(badRequest('Idempotency-Key must be 8 to 255 letters, digits, "-" and "_"')));
    }
    if (key !== undefined && this.#inFlight.has(key)) {
      return told(failed(conflict('a request with this Idempotency-Key is still in progress')));
    }

    const first = key === undefined ? undefined : this.#firstAnswer(key);
    const path = new URL(request.url, 'http://sandbox').pathname;
    const replay = first !== undefined;
    const fault =
      this.#world.faults.take({ method: request.method, path, replay }) ??
      (route === undefined ? undefined : this.#planned(request, route, text, replay));
    if (key !== undefined) this.#inFlight.add(key);
    try {
      if (fault !== undefined && fault.latencyMs > 0) {
        await sleep(fault.latencyMs, undefined, { signal: this.#world.stopping });
      }
      const dropped = fault?.drop === true;
      const transit = fault?.transit ?? {};
      if (fault?.when === 'before' && (dropped || transit.page)) return { ...told({ status: 0 }), dropped, transit };
      if (fault?.status !== undefined && NEVER_PINNED.has(fault.status)) {
        return { ...told(faulty(fault.status, fault.message)), retryAfter: fault.retryAfter };
      }
      if (first !== undefined) return { ...told(first), replayed: true, dropped, transit };
      const answer = await this.#execute(request, key, text, handle, fault);
      const retryAfter = fault?.status === answer.status ? fault.retryAfter : undefined;
      return { ...told(answer), dropped, transit, retryAfter };
    } finally {
      if (key !== undefined) this.#inFlight.delete(key);
    }
  }

  /** What the fault plan has for this call. */
  #planned(request: FastifyRequest, route: string, text: string, replay: boolean): Effect | undefined {
    const { store, plannedFaults } = this.#world;
    return plannedFaults.take(() => {
      const body = jsonOf(text);
      return {
        endpoint: `${request.method} ${route}`,
        subject: subjectOf(store, route, request.params as Record<string, string>, body),
        replay,
        makesAudience: isObject(body['target']) && isObject(body['target']['create']),
      };
    });
  }

  #authorized(request: FastifyRequest): boolean {
    return header(request, 'authorization') === `Bearer ${this.#world.settings.apiKey}`;
  }

  #firstAnswer(key: string): Answer | undefined {
    const known = this.#world.store.get('answer', key);
    if (known === undefined || Date.now() - known.answered_at >= KEY_LIFETIME_MS) return undefined;
    return { status: known.status, body: known.body };
  }

  /** Carries the call out. Whatever comes of it is on record under its key when this returns. */
  async #execute(
    request: FastifyRequest,
    key: string | undefined,
    text: string,
    handle: Route['handle'],
    fault: Effect | undefined,
  ): Promise<Answer> {
    const { store, settings } = this.#world;
    const instead = fault?.status === undefined ? undefined : faulty(fault.status, fault.message);
    const pin = (transaction: Transaction, answer: Answer) => {
      if (key !== undefined) transaction.put('answer', answerDocument(key, answer, transaction.nextSequence()));
      return answer;
    };
    let committed = false;
    const url = new URL(request.url, 'http://sandbox');
    const call: Call = {
      name: `${request.method} ${url.pathname}`,
      params: request.params as Record<string, string>,
      query: url.searchParams,
      body: () => new Fields(parseBody(text)),
      baseUrl: settings.publicUrl ?? `${request.protocol}://${request.host}`,
      cacheNotReadyMs: fault?.cacheNotReadyMs ?? 0,
      partly: fault?.when === 'partly',
      commit: async (work) => {
        const answer = await store.transaction((transaction) => {
          const made = work(transaction);
          return pin(transaction, instead ?? made);
        });
        committed = true;
        return answer;
      },
    };

    let answer: Answer;
    try {
      answer = instead !== undefined && fault?.when === 'before' ? instead : await handle(call);
      // A handler that only reads commits nothing, so its answer is not replaced yet.
      answer = instead ?? answer;
    } catch (error) {
      if (!(error instanceof CallFailure)) settings.log(`${request.method} ${request.url} failed: ${String(error)}`);
      // What strikes after the effect does not strike where there is none.
      fault?.missed?.();
      answer = error instanceof CallFailure ? failed(error) : faulty(500, 'the sandbox failed: see its log');
    }
    if (!committed && key !== undefined) await store.transaction((transaction) => pin(transaction, answer));
    return answer;
  }
}

interface Outcome {
  answer: Answer;
  replayed: boolean;
  dropped: boolean;
  transit: Transit;
  retryAfter?: string | undefined;
}

function told(answer: Answer): Outcome {
  return { answer, replayed: false, dropped: false, transit: {} };
}

function failed(failure: CallFailure): Answer {
  return { status: failure.status, body: failureBody(failure) };
}

function faulty(status: number, message: string): Answer {
  if (status === 401) return { status, body: unauthorizedBody(message) };
  return failed(new CallFailure(status, status === 429 ? 'rate_limited' : 'sandbox_fault', message));
}

function answerDocument(key: string, { status, body }: Answer, sequence: number): AnswerDocument {
  return { id: key, sequence, status, body, answered_at: Date.now() };
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}

/** The body, if it is a JSON object. */
function jsonOf(text: string): JsonObject {
  try {
    return parseBody(text);
  } catch {
    // The handler refuses it.
    return {};
  }
}

function loggedBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return redacted(JSON.parse(text));
  } catch {
    // What is no JSON may hold a secret anywhere, so it is not logged.
    return undefined;
  }
}
