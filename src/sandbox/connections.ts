/** `/api/connections` */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Answer, Call, Route } from './api-call.ts';
import {
  checkShape,
  connectionOf,
  connectionType,
  refuseTakenName,
  requireSignIn,
  serviceFault,
  signsIn,
} from './connection-rules.ts';
import { shown, written } from './connection-view.ts';
import type { ConnectionDocument, PendingSignIn } from './documents.ts';
import { CallFailure, unprocessable } from './failure.ts';
import { adAccountsOf } from './linkedin.ts';
import { splitSecrets } from './redaction.ts';
import type { Reader } from './store.ts';
import { deleteSync } from './sync-records.ts';
import type { World } from './world.ts';

export function connectionRoutes(world: World): Route[] {
  const { store } = world;
  const found = ({ params }: Call) => connectionOf(store, params['id'] ?? '');
  const update = (call: Call) => updateConnection(world, call);
  return [
    {
      method: 'GET',
      path: '/api/connections',
      handle: () => {
        const connections = store.all('connection').toSorted((a, b) => a.sequence - b.sequence);
        return { status: 200, body: { data: connections.map((each) => shown(world, each)) } };
      },
    },
    { method: 'POST', path: '/api/connections', handle: (call) => createConnection(world, call) },
    {
      method: 'GET',
      path: '/api/connections/:id',
      handle: (call) => ({ status: 200, body: { data: shown(world, found(call)) } }),
    },
    { method: 'PUT', path: '/api/connections/:id', handle: update },
    // The reference says PUT; the walkthrough writes POST to the same path.
    { method: 'POST', path: '/api/connections/:id', handle: update },
    { method: 'DELETE', path: '/api/connections/:id', handle: (call) => deleteConnection(call) },
    {
      method: 'GET',
      path: '/api/connections/:id/parameter_values',
      handle: (call) => {
        const connection = found(call);
        if (connection.type !== 'linkedinads') {
          throw unprocessable(`connections of type ${connection.type} have no parameters to choose from`);
        }
        requireSignIn(connection);
        return {
          status: 200,
          body: { data: { accounts: { allows_creation: false, values: adAccountsOf(connection.user ?? 'usual') } } },
        };
      },
    },
  ];
}

function createConnection(world: World, call: Call): Promise<Answer> {
  const body = call.body();
  const name = body.text('name');
  const type = connectionType(body.text('type'));
  const sent = body.optionalObject('configuration') ?? {};
  const redirectUrl = redirectOf(body.optionalText('redirect_url'));
  const validate = body.optionalBoolean('validate') ?? true;
  const interval = body.optionalText('healthcheck_interval');
  const policies = body.optionalTexts('policies');
  checkShape(type, sent);
  const { open, secrets } = configurationOf(type, sent);
  const now = new Date().toISOString();
  const signedIn = type === 'linkedinads' && signsIn(open, secrets);
  const needsPerson = type === 'linkedinads' && !signedIn;

  return call.commit((transaction) => {
    refuseTakenName(transaction, name);
    const connection: ConnectionDocument = {
      id: randomUUID(),
      sequence: transaction.nextSequence(),
      name,
      type,
      configuration: open,
      secrets,
      signed_in: signedIn,
      created_at: now,
      updated_at: now,
      ...(needsPerson ? { sign_in: beginSignIn(redirectUrl) } : {}),
      ...(redirectUrl === undefined ? {} : { redirect_url: redirectUrl }),
      ...(interval === undefined ? {} : { healthcheck_interval: interval }),
      ...(policies === undefined ? {} : { policies }),
      ...(call.cacheNotReadyMs === 0
        ? {}
        : { cache_ready_at: new Date(Date.now() + call.cacheNotReadyMs).toISOString() }),
    };
    if (validate) refuseFault(world, connection);
    transaction.put('connection', connection);
    return { status: 200, body: { data: written(world, connection, call.baseUrl) } };
  });
}

function updateConnection(world: World, call: Call): Promise<Answer> {
  const { id } = connectionOf(world.store, call.params['id'] ?? '');
  const body = call.body();
  const name = body.text('name');
  const sent = body.object('configuration');
  const type = body.optionalText('type');
  const reconnect = body.optionalBoolean('reconnect') ?? false;
  const validate = body.optionalBoolean('validate') ?? true;
  const redirectUrl = redirectOf(body.optionalText('redirect_url'));
  const interval = body.optionalText('healthcheck_interval');
  const policies = body.optionalTexts('policies');

  return call.commit((transaction) => {
    const before = connectionOf(transaction, id);
    if (type !== undefined && type !== before.type) {
      throw unprocessable(`the type of a connection cannot be changed from ${before.type} to ${type}`, {
        field: 'type',
      });
    }
    if (reconnect && before.type !== 'linkedinads') {
      throw unprocessable(`connections of type ${before.type} have no sign-in to start again`, { field: 'reconnect' });
    }
    refuseTakenName(transaction, name, id);
    // Secrets that are left out are kept: Polytomic's own Terraform provider relies on that. All else is replaced.
    const { open, secrets: changed } = configurationOf(before.type, sent);
    const secrets = { ...before.secrets, ...changed };
    checkShape(before.type, { ...sent, ...secrets });
    const goesTo = redirectUrl ?? before.redirect_url;
    const byToken = before.type === 'linkedinads' && signsIn(open, secrets);
    const connection: ConnectionDocument = {
      ...before,
      name,
      configuration: open,
      secrets,
      signed_in: before.signed_in || byToken,
      ...(byToken ? { user: 'usual' } : {}),
      updated_at: new Date().toISOString(),
      ...(reconnect ? { sign_in: beginSignIn(goesTo) } : {}),
      ...(goesTo === undefined ? {} : { redirect_url: goesTo }),
      ...(interval === undefined ? {} : { healthcheck_interval: interval }),
      ...(policies === undefined ? {} : { policies }),
    };
    if (validate) refuseFault(world, connection);
    transaction.put('connection', connection);
    return { status: 200, body: { data: written(world, connection, reconnect ? call.baseUrl : undefined) } };
  });
}

function deleteConnection(call: Call): Promise<Answer> {
  const id = call.params['id'] ?? '';
  const force = call.query.get('force') === 'true';
  return call.commit((transaction) => {
    connectionOf(transaction, id);
    const { models, syncs } = usersOf(transaction, id);
    if (models.length + syncs.length > 0 && !force) {
      throw new CallFailure(422, 'connection_in_use', 'connection in use', {
        used_by: [
          ...models.map((model) => ({ type: 'model', name: model.name, id: model.id })),
          ...syncs.map((sync) => ({ type: 'sync', name: sync.name, id: sync.id })),
        ],
      });
    }
    for (const sync of syncs) deleteSync(transaction, sync.id);
    for (const model of models) transaction.delete('model', model.id);
    transaction.delete('connection', id);
    return { status: 204 };
  });
}

function usersOf(reader: Reader, id: string) {
  const models = reader.all('model').filter((model) => model.connection_id === id);
  const modelIds = new Set(models.map((model) => model.id));
  const syncs = reader.all('sync').filter((sync) => sync.target.connection_id === id || modelIds.has(sync.model_id));
  return { models, syncs };
}

function configurationOf(type: ConnectionDocument['type'], sent: Record<string, unknown>) {
  const { open, secrets } = splitSecrets(sent);
  // Who is signed in is LinkedIn's to say.
  if (type === 'linkedinads') delete open['connected_user'];
  return { open, secrets };
}

function refuseFault(world: World, connection: ConnectionDocument): void {
  const fault = serviceFault(connection, world.settings.snowflakePassword);
  if (fault !== undefined) throw unprocessable(fault, { field: 'configuration' });
}

function redirectOf(url: string | undefined): string | undefined {
  if (url === undefined || url === '') return undefined;
  const protocol = URL.canParse(url) ? new URL(url).protocol : undefined;
  if (protocol === 'https:' || protocol === 'http:') return url;
  throw unprocessable('redirect_url must be an absolute http or https URL', { field: 'redirect_url' });
}

function beginSignIn(redirectUrl: string | undefined): PendingSignIn {
  const state = randomBytes(24).toString('base64url');
  return { state, ...(redirectUrl === undefined ? {} : { redirect_url: redirectUrl }) };
}
