/** Things that are there in a sandbox before an activity of a test begins. */
import { randomUUID } from 'node:crypto';
import type { SyncBody } from '../../src/polytomic/sync-shape.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import type { TestSandbox } from './sandbox.ts';
import { ACCOUNT, SECRETS } from './walkthrough.ts';

const key = () => ({ idempotencyKey: randomUUID() });

/** A Snowflake connection; `made` says whether the run of the test is to have made it. */
export async function snowflakeConnection(
  { polytomic }: TestSandbox,
  made = true,
  { name = `Snowflake ${randomUUID()}`, password = SECRETS.SNOWFLAKE_PASSWORD } = {},
): Promise<Resource> {
  const { id } = await polytomic.connections.create(
    {
      name,
      type: 'snowflake',
      configuration: {
        account: 'uc193736182',
        username: 'user',
        password,
        dbname: 'database',
      },
    },
    key(),
  );
  return { id, name, made };
}

/** A LinkedIn Ads connection that nobody has signed in to, and where to sign in. */
export async function unsignedLinkedIn(
  { polytomic }: TestSandbox,
  name = `LinkedIn Ads ${randomUUID()}`,
): Promise<{ connection: Resource; authUrl: string }> {
  const { id, auth_url } = await polytomic.connections.create({ name, type: 'linkedinads', configuration: {} }, key());
  if (auth_url === undefined) throw new Error('the sandbox gave no auth_url');
  return { connection: { id, name, made: true }, authUrl: auth_url };
}

/** A LinkedIn Ads connection that is signed in, with these ad accounts enabled. */
export async function linkedInConnection(
  sandbox: TestSandbox,
  accounts: Array<{ value: string; label: string }> = [ACCOUNT],
  name?: string,
): Promise<Resource> {
  const { connection, authUrl } = await unsignedLinkedIn(sandbox, name);
  await sandbox.signIn(authUrl);
  if (accounts.length > 0) await sandbox.polytomic.connections.update(connection.id, { configuration: { accounts } });
  return connection;
}

/** A model on a connection. */
export async function activeUsers(
  { polytomic }: TestSandbox,
  connection: Resource,
  { query = 'SELECT first_name, last_name, email FROM users', name = `Active Users ${randomUUID()}` } = {},
): Promise<Resource> {
  const model = await polytomic.models.create({ name, connection_id: connection.id, configuration: { query } }, key());
  return { id: model.id, name: model.name, made: true };
}

/** A sync of a model into a new audience; it runs only when it is told to. */
export async function audienceSync(
  { polytomic }: TestSandbox,
  { model, connection, ...change }: { model: Resource; connection: Resource } & Partial<SyncBody>,
): Promise<Resource & { audience: { id: string; name: string } }> {
  const name = `Sync ${randomUUID()}`;
  const source = (field: string) => ({ model_id: model.id, field });
  const sync = await polytomic.syncs.create(
    {
      name,
      mode: 'create',
      identity: { source: source('email'), target: 'Email', function: 'equality' },
      fields: [{ source: source('first_name'), target: 'FirstName' }],
      schedule: { frequency: 'manual' },
      target: { connection_id: connection.id, create: { name, type: 'user_audience', account: ACCOUNT.value } },
      ...change,
    },
    key(),
  );
  return { id: sync.id, name: sync.name, made: true, audience: { id: sync.target?.object ?? '', name } };
}
