/** `/api/connections/{id}/modelsync/…`: the audiences of a LinkedIn connection, as targets of syncs. */
import type { Call, Route } from './api-call.ts';
import { connectionOf, enabledAccounts, requireCache, requireSignIn } from './connection-rules.ts';
import type { AudienceDocument, ConnectionDocument } from './documents.ts';
import { badRequest, notFound, unprocessable } from './failure.ts';
import { AUDIENCE_TYPES, adAccountsOf, CREATION_PROPERTIES, fieldsOf, modesOf } from './linkedin.ts';
import type { Reader } from './store.ts';
import type { World } from './world.ts';

export function targetRoutes({ store }: World): Route[] {
  return [
    {
      method: 'GET',
      path: '/api/connections/:id/modelsync/targetobjects',
      handle: (call) => {
        const connection = linkedIn(store, call);
        return {
          status: 200,
          body: {
            target_creation: { supported: true, properties: CREATION_PROPERTIES },
            data: audiencesOf(store, connection).map(({ id, name, type }) => ({ id, name, modes: modesOf(type) })),
          },
        };
      },
    },
    {
      method: 'GET',
      path: '/api/connections/:id/modelsync/targetobjects/properties/:property',
      handle: (call) => {
        const property = call.params['property'] ?? '';
        const connection = connectionOf(store, call.params['id'] ?? '');
        if (connection.type !== 'linkedinads')
          throw notFound(`target creation on connections of type ${connection.type}`);
        // The walkthrough's answers say `"enum": false` here, although the list of target objects says true of the same.
        return { status: 200, body: { data: { enum: false, values: valuesOf(linkedIn(store, call), property) } } };
      },
    },
    {
      method: 'GET',
      path: '/api/connections/:id/modelsync/target/fields',
      handle: (call) => {
        const connection = linkedIn(store, call);
        const target = call.query.get('target') ?? '';
        if (target === '') throw badRequest('the query parameter "target" is required: the id of a target object');
        const { id, name, type } = audienceOf(store, connection, target);
        return {
          status: 200,
          body: {
            data: {
              id,
              name,
              // The list of target objects names a mode by `id`, the published types here by `mode`: both readers find it.
              modes: modesOf(type).map((mode) => ({ ...mode, mode: mode.id, supports_field_sync_mode: false })),
              fields: fieldsOf(type),
              refreshed_at: new Date().toISOString(),
            },
          },
        };
      },
    },
  ];
}

/** The audiences in the ad accounts that are enabled on the connection, oldest first. */
function audiencesOf(reader: Reader, { configuration }: ConnectionDocument): AudienceDocument[] {
  const enabled = new Set(enabledAccounts(configuration));
  return reader
    .all('audience')
    .filter(({ account }) => enabled.has(account))
    .toSorted((a, b) => a.sequence - b.sequence);
}

/** The audience of this id, if the connection has access to it. Throws a 404. */
function audienceOf(reader: Reader, connection: ConnectionDocument, id: string): AudienceDocument {
  const audience = findAudience(reader, connection, id);
  if (audience === undefined) throw notFound(`target object ${id}`);
  return audience;
}

/** The audience of this id, if the connection has access to it. */
export function findAudience(reader: Reader, connection: ConnectionDocument, id: string): AudienceDocument | undefined {
  return audiencesOf(reader, connection).find((audience) => audience.id === id);
}

/** The values that a creation property can have; none for a free text. Throws a 404 for a property that there is not. */
function valuesOf(
  { configuration, user = 'usual' }: ConnectionDocument,
  property: string,
): ReadonlyArray<{ value: string; label: string }> {
  if (property === 'type') return AUDIENCE_TYPES;
  if (property === 'name') return [];
  if (property !== 'account') throw notFound(`target creation property ${property}`);
  const enabled = new Set(enabledAccounts(configuration));
  return adAccountsOf(user).filter(({ value }) => enabled.has(value));
}

function linkedIn(reader: Reader, call: Call): ConnectionDocument {
  const connection = connectionOf(reader, call.params['id'] ?? '');
  if (connection.type !== 'linkedinads') {
    throw unprocessable(`connections of type ${connection.type} cannot be a target in the sandbox`);
  }
  requireSignIn(connection);
  requireCache(connection);
  return connection;
}
