/** What a connection's configuration must be, and what the sandbox's Snowflake and LinkedIn say to it. */
import { Fields, isObject, type JsonObject } from './body.ts';
import type { ConnectionDocument } from './documents.ts';
import { CallFailure, notFound, unprocessable } from './failure.ts';
import { adAccountsOf, REFRESH_TOKEN } from './linkedin.ts';
import { snowflakeFault } from './snowflake.ts';
import type { Reader } from './store.ts';

/** The types of connection, with what answers say of them. */
export const CONNECTION_TYPES: Record<ConnectionDocument['type'], { id: string; name: string; operations: string[] }> =
  {
    snowflake: { id: 'snowflake', name: 'Snowflake', operations: ['source'] },
    linkedinads: { id: 'linkedinads', name: 'LinkedIn Ads', operations: ['destination'] },
  };

/** The connection of this id. Throws a 404. */
export function connectionOf(reader: Reader, id: string): ConnectionDocument {
  const connection = reader.get('connection', id);
  if (connection === undefined) throw notFound(`connection ${id}`);
  return connection;
}

/** Refuses a name that another connection has: they are unique within an organization. */
export function refuseTakenName(reader: Reader, name: string, ownId?: string): void {
  if (reader.all('connection').some((other) => other.name === name && other.id !== ownId)) {
    throw unprocessable(`a connection named ${JSON.stringify(name)} already exists`, { field: 'name' });
  }
}

/** The type that was asked for. */
export function connectionType(name: string): ConnectionDocument['type'] {
  if (name === 'snowflake' || name === 'linkedinads') return name;
  const known = Object.keys(CONNECTION_TYPES).join(', ');
  throw unprocessable(`type ${JSON.stringify(name)} is not supported: the sandbox has ${known}`, { field: 'type' });
}

/** Checks that the configuration has the right shape. That is never skipped, unlike asking the service whether it is true. */
export function checkShape(type: ConnectionDocument['type'], configuration: JsonObject): void {
  const fields = new Fields(configuration, 'configuration');
  if (type === 'snowflake') {
    for (const name of ['account', 'username', 'dbname']) fields.text(name);
    for (const name of ['password', 'private_key', 'private_key_passphrase', 'warehouse', 'params'])
      fields.optionalText(name);
    fields.optionalBoolean('key_pair_auth');
    return;
  }
  for (const name of ['client_id', 'client_secret', 'oauth_refresh_token']) fields.optionalText(name);
  for (const account of fields.list('accounts')) {
    account.text('value');
    account.optionalText('label');
  }
}

/** What the service itself says to the connection; `undefined` when it is content. */
export function serviceFault(
  connection: Pick<ConnectionDocument, 'type' | 'configuration' | 'secrets' | 'signed_in' | 'user'>,
  snowflakePassword: string,
): string | undefined {
  const { type, configuration, secrets, signed_in, user = 'usual' } = connection;
  if (type === 'snowflake') return snowflakeFault(configuration, secrets, snowflakePassword);
  const token = secrets['oauth_refresh_token'];
  if (token !== undefined && token !== REFRESH_TOKEN) return 'LinkedIn refuses the refresh token: invalid_grant.';
  const accounts = enabledAccounts(configuration);
  if (accounts.length > 0 && !signed_in)
    return 'accounts can be chosen only after the sign-in with LinkedIn is complete.';
  const unknown = accounts.find((value) => !adAccountsOf(user).some((account) => account.value === value));
  if (unknown !== undefined) return `the signed-in user has no LinkedIn ad account ${JSON.stringify(unknown)}.`;
  return undefined;
}

/** Why nothing can be done with the connection now; `undefined` when it is healthy. */
export function connectionFault(connection: ConnectionDocument, snowflakePassword: string): string | undefined {
  if (connection.type === 'linkedinads' && !connection.signed_in) return 'the sign-in with LinkedIn is not complete';
  return serviceFault(connection, snowflakePassword);
}

/** Whether these secrets alone sign a LinkedIn connection in, with no person. */
export function signsIn(configuration: JsonObject, secrets: Record<string, string>): boolean {
  return (
    typeof configuration['client_id'] === 'string' &&
    secrets['client_secret'] !== undefined &&
    secrets['oauth_refresh_token'] === REFRESH_TOKEN
  );
}

/** The ad accounts that are enabled on a LinkedIn connection, by value. */
export function enabledAccounts(configuration: JsonObject): string[] {
  const accounts = configuration['accounts'];
  if (!Array.isArray(accounts)) return [];
  return accounts.filter(isObject).map((account) => String(account['value']));
}

/** Throws while nobody has signed in to this LinkedIn connection. */
export function requireSignIn(connection: ConnectionDocument): void {
  if (connection.signed_in) return;
  const name = JSON.stringify(connection.name);
  throw new CallFailure(
    400,
    'sign_in_required',
    `the LinkedIn sign-in of connection ${name} is not complete: open its auth_url and sign in`,
  );
}

/** Throws while a fresh connection's schema is still being read, in the words of the real API. */
export function requireCache({ cache_ready_at }: ConnectionDocument): void {
  if (cache_ready_at === undefined || Date.parse(cache_ready_at) <= Date.now()) return;
  throw new CallFailure(422, 'cache_refresh', 'cache refresh in progress');
}
