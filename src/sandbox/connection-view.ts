/** What answers show of a connection: never a secret. */
import type { JsonObject } from './body.ts';
import { CONNECTION_TYPES, connectionFault } from './connection-rules.ts';
import type { ConnectionDocument } from './documents.ts';
import { USER_NAMES } from './linkedin.ts';
import { REDACTED, redacted } from './redaction.ts';
import { ACTOR, ORGANIZATION_ID, type World } from './world.ts';

/** What the answer to a write shows. `baseUrl` is given when there is a sign-in to begin. */
export function written(world: World, connection: ConnectionDocument, baseUrl: string | undefined): JsonObject {
  const { id, sign_in } = connection;
  const { created_at: _c, created_by: _cb, updated_at: _u, updated_by: _ub, ...rest } = shown(world, connection);
  if (baseUrl === undefined || sign_in === undefined) return rest;
  return { ...rest, auth_url: `${baseUrl}/_sandbox/consent/${id}?state=${sign_in.state}` };
}

/** The view of each document, for the list that is not paged and that every look-up by name reads. */
const views = new WeakMap<ConnectionDocument, JsonObject>();

/** What a read shows of a connection. */
export function shown(world: World, connection: ConnectionDocument): JsonObject {
  const view = views.get(connection) ?? viewOf(world, connection);
  views.set(connection, view);
  return view;
}

function viewOf(world: World, connection: ConnectionDocument): JsonObject {
  const { id, name, type, configuration, secrets, signed_in, user, healthcheck_interval, policies } = connection;
  const fault = connectionFault(connection, world.settings.snowflakePassword);
  return {
    id,
    organization_id: ORGANIZATION_ID,
    name,
    type: CONNECTION_TYPES[type],
    configuration: {
      ...(redacted(configuration) as JsonObject),
      ...Object.fromEntries(Object.keys(secrets).map((secret) => [secret, REDACTED])),
      ...(type === 'linkedinads' && signed_in ? { connected_user: USER_NAMES[user ?? 'usual'] } : {}),
    },
    status: fault === undefined ? 'healthy' : 'unhealthy',
    ...(fault === undefined ? {} : { status_error: fault }),
    ...(healthcheck_interval === undefined ? {} : { healthcheck_interval }),
    ...(policies === undefined ? {} : { policies }),
    created_at: connection.created_at,
    created_by: ACTOR,
    updated_at: connection.updated_at,
    updated_by: ACTOR,
  };
}
