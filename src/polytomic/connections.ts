/** Connections: accounts of a service such as Snowflake or LinkedIn Ads that Polytomic may use. */
import {
  anything,
  bool,
  type Decoder,
  data,
  filledText,
  list,
  object,
  record,
  ShapeError,
  text,
} from './answer-shape.ts';
import { ApiError } from './errors.ts';
import { withoutRedacted } from './redaction.ts';
import type { CallOptions, CreateOptions, Transport } from './transport.ts';

/** Who made or changed something. */
export interface Actor {
  id?: string;
  name?: string;
  type?: string;
}

/** A connection. Secrets in its configuration come back redacted. */
export interface Connection {
  id: string;
  name: string;
  /** Without secrets; a LinkedIn Ads connection keeps its enabled `accounts` here. */
  configuration: Record<string, unknown>;
  /** The service; `id` is what it was created with as `type`. */
  type: { id: string; name?: string };
  organization_id?: string;
  status?: string;
  status_error?: string;
  saved?: boolean;
  created_at?: string;
  created_by?: Actor;
  updated_at?: string;
  updated_by?: Actor;
  policies?: string[];
  /** Where a person signs in. Only in the answer to a create or a reconnect: whoever has it may connect an account. */
  auth_url?: string;
  auth_code?: string;
}

/** What a connection is created from. */
export interface CreateConnection {
  name: string;
  /** E.g. `snowflake`, `linkedinads`. */
  type: string;
  configuration: Record<string, unknown>;
  /** Where the browser goes after the sign-in. */
  redirect_url?: string;
  /** Whether the service is asked at once if it takes the credentials. Polytomic's default is true. */
  validate?: boolean;
  healthcheck_interval?: string;
  organization_id?: string;
  policies?: string[];
}

/** What to change of a connection; what is left out stays. */
export interface ConnectionChange {
  name?: string;
  /** Top-level keys to set, or what makes them of those there are at the moment; the others stay as they are. */
  configuration?: Record<string, unknown> | ((present: Record<string, unknown>) => Record<string, unknown>);
  /** Start the sign-in anew; the answer carries a fresh `auth_url`. */
  reconnect?: boolean;
  redirect_url?: string;
  validate?: boolean;
  healthcheck_interval?: string;
  policies?: string[];
}

/** What the caller of an update knows, and what it needs to know afterwards. */
interface UpdateOptions {
  read?: Connection;
  isEnough?: (stored: Connection) => boolean;
}

/** The values that a parameter of a connection can take. For LinkedIn Ads, `accounts` has the ad accounts there are. */
export interface ParameterValues {
  allows_creation?: boolean;
  values: LabelledValue[];
}

/** A value with what a person knows it by. */
export interface LabelledValue {
  value: string;
  label: string;
}

/** Decodes an {@link Actor}. */
export const actor: Decoder<Actor> = object<Actor>({}, { id: text, name: text, type: text });

/** Decodes a {@link LabelledValue}. */
export const labelledValue: Decoder<LabelledValue> = object<LabelledValue>({ value: filledText, label: text }, {});

const typeObject = object<Connection['type']>({ id: filledText }, { name: text });

const connection = object<Connection>(
  {
    id: filledText,
    name: text,
    configuration: record(anything),
    // Documented as an object; but answers echo what was sent, which is the bare id.
    type: (value, at) => (typeof value === 'string' ? { id: value } : typeObject(value, at)),
  },
  {
    organization_id: text,
    status: text,
    status_error: text,
    saved: bool,
    created_at: text,
    created_by: actor,
    updated_at: text,
    updated_by: actor,
    policies: list(text),
    auth_url: text,
    auth_code: text,
  },
);

/** The walkthrough's answer to a create has no type. It is then the one that was asked for. */
function created(type: string): Decoder<Connection> {
  return (value, at) =>
    connection(typeof value === 'object' && value !== null && !('type' in value) ? { ...value, type } : value, at);
}

function ifShaped<T>(decode: Decoder<T>, value: unknown): T | undefined {
  try {
    return decode(value, '');
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

const parameterValues = record(object<ParameterValues>({ values: list(labelledValue) }, { allows_creation: bool }));

/** What the answer to a write has that a read has not. */
type SignIn = Pick<Connection, 'auth_url' | 'auth_code'>;
const signIn = object<SignIn>({}, { auth_url: text, auth_code: text });

/** The answer to a write; `stored` if it has the connection as it is now, which is not relied on. */
interface Written {
  signIn: SignIn;
  stored: Connection | undefined;
}

/** The calls about connections. */
export class Connections {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** All of them; this list is not paged. */
  list({ signal }: CallOptions = {}): Promise<Connection[]> {
    return this.#transport.call({ method: 'GET', path: ['connections'], signal }, data(list(connection)));
  }

  get(id: string, { signal }: CallOptions = {}): Promise<Connection> {
    return this.#transport.call({ method: 'GET', path: ['connections', id], signal }, data(connection));
  }

  /** Creates one. For a service with OAuth the answer has an `auth_url`, where a person signs in. */
  create(body: CreateConnection, { idempotencyKey, signal }: CreateOptions): Promise<Connection> {
    return this.#transport.call(
      { method: 'POST', path: ['connections'], body, idempotencyKey, signal },
      data(created(body.type)),
    );
  }

  /**
   * Changes one. A write replaces the whole configuration, so it is read first and merged with the change; secrets, which
   * come back redacted, are left out, and Polytomic keeps them. Returns it as read afterwards, with `auth_url` of the write.
   * Not atomic: what somebody else writes between the read and the write is lost. `read`: as the caller has just read it.
   * `isEnough`: what the write itself answers is returned, and nothing read afterwards, if it is enough for the caller.
   */
  async update(
    id: string,
    change: ConnectionChange,
    { signal, read, isEnough = () => false }: CallOptions & UpdateOptions = {},
  ): Promise<Connection> {
    const before = read ?? (await this.get(id, { signal }));
    const { configuration } = change;
    const changed = typeof configuration === 'function' ? configuration(before.configuration) : configuration;
    const body = {
      ...change,
      name: change.name ?? before.name,
      // Over the change too: callers build it from what they read.
      configuration: withoutRedacted({ ...before.configuration, ...changed }),
    };
    const { signIn, stored } = await this.#write(id, body, before.type.id, signal);
    const after = stored !== undefined && isEnough(stored) ? stored : await this.get(id, { signal });
    return { ...after, ...signIn };
  }

  /** The reference of this version says PUT, and the walkthrough writes POST to the same path, with the type. */
  async #write(id: string, body: object, type: string, signal: AbortSignal | undefined): Promise<Written> {
    const decode = (value: unknown, at: string): Written => {
      const { auth_url, auth_code } = data(signIn)(value, at);
      return {
        signIn: { ...(auth_url === undefined ? {} : { auth_url }), ...(auth_code === undefined ? {} : { auth_code }) },
        stored: ifShaped(data(created(type)), value),
      };
    };
    const path = ['connections', id];
    try {
      return await this.#transport.call({ method: 'PUT', path, body, signal }, decode);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 405)) throw error;
      return await this.#transport.call({ method: 'POST', path, body: { ...body, type }, signal }, decode);
    }
  }

  /** Deletes one. While models or syncs use it that is a 422, unless `force`, which deletes those too. */
  delete(id: string, { force, signal }: CallOptions & { force?: boolean | undefined } = {}): Promise<void> {
    return this.#transport.tell({ method: 'DELETE', path: ['connections', id], query: { force }, signal });
  }

  /** By parameter. An error until the sign-in is complete. */
  parameterValues(id: string, { signal }: CallOptions = {}): Promise<Record<string, ParameterValues>> {
    return this.#transport.call(
      { method: 'GET', path: ['connections', id, 'parameter_values'], signal },
      data(parameterValues),
    );
  }
}
