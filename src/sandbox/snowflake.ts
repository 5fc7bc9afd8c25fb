/** The one Snowflake that the sandbox knows: the walkthrough's account, user and database. */
import { createPrivateKey } from 'node:crypto';
import type { JsonObject } from './body.ts';

/** The values that a connection must have; the password is a setting. */
export const SNOWFLAKE = { account: 'uc193736182', username: 'user', database: 'database' };

/** What is wrong with these credentials, in the words of a database that was asked; `undefined` when nothing is. */
export function snowflakeFault(
  configuration: JsonObject,
  secrets: Record<string, string>,
  password: string,
): string | undefined {
  if (configuration['account'] !== SNOWFLAKE.account) {
    return `Snowflake account ${JSON.stringify(configuration['account'])} cannot be reached (the sandbox has "${SNOWFLAKE.account}")`;
  }
  if (configuration['key_pair_auth'] === true) {
    const fault = keyFault(secrets);
    if (fault !== undefined) return fault;
    if (configuration['username'] !== SNOWFLAKE.username) return 'JWT token is invalid for this user.';
  } else if (configuration['username'] !== SNOWFLAKE.username || secrets['password'] !== password) {
    return 'Incorrect username or password was specified.';
  }
  if (configuration['dbname'] !== SNOWFLAKE.database) {
    return `Database ${JSON.stringify(configuration['dbname'])} does not exist or not authorized (the sandbox has "${SNOWFLAKE.database}").`;
  }
  return undefined;
}

/** Any private key will do, since the sandbox has no public one to hold against it; but it must be one. */
function keyFault({
  private_key: key,
  private_key_passphrase: passphrase,
}: Record<string, string>): string | undefined {
  if (key === undefined) return 'private_key is required with key_pair_auth.';
  try {
    createPrivateKey({ key, ...(passphrase === undefined ? {} : { passphrase }) });
    return undefined;
  } catch {
    // What the parser says may quote the key.
    return 'private_key is no private key in PEM format, or its passphrase is wrong.';
  }
}
