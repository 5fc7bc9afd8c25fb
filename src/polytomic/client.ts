/** Polytomic's API. Each method is one call, but for lists, which read all pages, and for `connections.update`. */
import { inspect } from 'node:util';
import { bool, data, object, text } from './answer-shape.ts';
import { DEFAULT_BASE_URL } from './base-url.ts';
import { Connections } from './connections.ts';
import { Jobs } from './jobs.ts';
import { Models } from './models.ts';
import { Syncs } from './syncs.ts';
import { Targets } from './targets.ts';
import { type CallOptions, Transport } from './transport.ts';

/** The version that this client is written for. Requests that name none are served as one of 2021. */
const API_VERSION = '2024-02-08';

/** How long a call may take unless told otherwise, in ms. */
export const DEFAULT_TIMEOUT_MS = 15_000;

/** How a {@link PolytomicClient} reaches Polytomic. */
export interface PolytomicClientOptions {
  /** An API key of a user or an organization. */
  apiKey: string;
  /** Default `https://app.polytomic.com`. `http:` only for loopback and host names without a dot. A path in it is kept. */
  baseUrl?: string | undefined;
  /** Value of `X-Polytomic-Version`. Default `2024-02-08`. */
  version?: string | undefined;
  /** How long a call may take, headers and body together, in ms. Default 15000. */
  timeoutMs?: number | undefined;
  /** Default `audience-provisioning`. */
  userAgent?: string | undefined;
}

/** Whose the API key is. */
export interface Identity {
  /** Absent where the key is not a user's. */
  id?: string;
  email?: string;
  role?: string;
  organization_id?: string;
  organization_name?: string;
  is_organization?: boolean;
  is_partner?: boolean;
  is_system?: boolean;
  is_user?: boolean;
}

const identity = object<Identity>(
  {},
  {
    id: text,
    email: text,
    role: text,
    organization_id: text,
    organization_name: text,
    is_organization: bool,
    is_partner: bool,
    is_system: bool,
    is_user: bool,
  },
);

/**
 * A client of Polytomic's API. Repeats nothing by itself: whoever calls knows what may be done again.
 * Its calls throw the errors of `errors.ts`, and a `TypeError` for an idempotency key of the wrong form.
 */
export class PolytomicClient {
  readonly connections: Connections;
  readonly models: Models;
  readonly jobs: Jobs;
  readonly targets: Targets;
  readonly syncs: Syncs;
  readonly #transport: Transport;
  readonly #baseUrl: string;

  /** Throws a `TypeError` for settings that no call could be made with. Makes no call. */
  constructor({ apiKey, baseUrl, version, timeoutMs, userAgent }: PolytomicClientOptions) {
    this.#baseUrl = baseUrl ?? DEFAULT_BASE_URL;
    this.#transport = new Transport({
      apiKey,
      baseUrl: this.#baseUrl,
      version: version ?? API_VERSION,
      timeoutMs: timeoutMs ?? DEFAULT_TIMEOUT_MS,
      userAgent: userAgent ?? 'audience-provisioning',
    });
    this.connections = new Connections(this.#transport);
    this.models = new Models(this.#transport);
    this.jobs = new Jobs(this.#transport);
    this.targets = new Targets(this.#transport);
    this.syncs = new Syncs(this.#transport);
  }

  /** Whose the API key is: the cheapest way to see whether it is accepted. */
  me({ signal }: CallOptions = {}): Promise<Identity> {
    return this.#transport.call({ method: 'GET', path: ['me'], signal }, data(identity));
  }

  /** Shows where the client calls, and not with which key. */
  toJSON(): { baseUrl: string } {
    return { baseUrl: this.#baseUrl };
  }

  [inspect.custom](): string {
    return `PolytomicClient(${this.#baseUrl})`;
  }
}
