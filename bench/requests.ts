/** What the program is asked to do: the walkthrough, under names of its own, and its parts. */
import type { ProvisioningRequest, SyncRequest } from '../src/request/schema.ts';
import type { Given } from './bare/workflows.ts';
import type { Sandbox } from './sandbox.ts';

/** The ad account of the walkthrough. */
export const ACCOUNT = { value: '512630692::urn:li:organization:28818517', label: 'Polytomic Inc. (512630692)' };

/** The audience of the walkthrough. */
export const AUDIENCE = {
  id: '512630692::urn:li:organization:28818517~company_audience.29728356',
  name: 'Company Audience: Polytomic-Created Company List',
};

export const QUERY = 'SELECT first_name, last_name, email FROM users';

/** By hand, not continuous: else the sandbox would run each sync while others are measured. */
const SCHEDULE = { frequency: 'manual' } as const;

/** The walkthrough. */
export function walkthrough(name: string): ProvisioningRequest {
  return {
    name,
    snowflake: {
      connection: {
        name: `Snowflake ${name}`,
        account: 'uc193736182',
        username: 'user',
        password: { env: 'SNOWFLAKE_PASSWORD' },
        dbname: 'database',
      },
    },
    linkedinAds: { connection: { name: `LinkedIn ${name}` }, accounts: [ACCOUNT.label] },
    models: { users: { name: `Users ${name}`, query: QUERY } },
    syncs: [existingSync(name), newSync(name)],
  };
}

/** The sync into the audience that is there. */
export function existingSync(name: string, model = 'users'): SyncRequest {
  return { ...mapping(`Existing ${name}`, model), audience: { existing: AUDIENCE.name } };
}

/** The sync into a new audience. */
export function newSync(name: string, model = 'users'): SyncRequest {
  return {
    ...mapping(`New ${name}`, model),
    audience: { create: { name, type: 'user_audience', account: ACCOUNT.label } },
  };
}

function mapping(name: string, model: string): Omit<SyncRequest, 'audience'> {
  return {
    name,
    model,
    mode: 'create',
    identity: { from: 'email', to: 'Email', function: 'equality' },
    fields: { first_name: 'FirstName', last_name: 'LastName' },
    schedule: SCHEDULE,
  };
}

/** The walkthrough's syncs with connections and a model that are there: nobody is waited for if LinkedIn is signed in. */
export function onGiven(name: string, { snowflake, linkedin, model }: Given): ProvisioningRequest {
  return {
    ...walkthrough(name),
    snowflake: { connection: { use: snowflake } },
    linkedinAds: { connection: { use: linkedin }, accounts: [ACCOUNT.label] },
    models: { users: { use: model } },
  };
}

/** A LinkedIn Ads connection, and the link at which a person signs in to it. */
export async function linkedInConnection(sandbox: Sandbox, name: string): Promise<{ id: string; link: string }> {
  const body = { name, type: 'linkedinads', configuration: {} };
  const { id, auth_url: link } = await sandbox.call('POST', '/api/connections', body);
  if (link === undefined) throw new Error('a LinkedIn Ads connection has no link');
  return { id, link };
}

/** A Snowflake connection and a model on it. */
export async function snowflakeAndModel(sandbox: Sandbox): Promise<{ snowflake: string; model: string }> {
  const configuration = { account: 'uc193736182', username: 'user', password: 'secret', dbname: 'database' };
  const connection = { name: 'Snowflake of all', type: 'snowflake', configuration };
  const { id: snowflake } = await sandbox.call('POST', '/api/connections', connection);
  const body = { name: 'Users of all', connection_id: snowflake, configuration: { query: QUERY } };
  const { id: model } = await sandbox.call('POST', '/api/models', body);
  return { snowflake, model };
}

/** Connections that somebody has signed in to and enabled the ad account of, and a model. */
export async function givenAll(sandbox: Sandbox): Promise<Given> {
  return sharedBy(await givenMany(sandbox, 1), 0);
}

/** How many LinkedIn Ads connections many runs share: with one, each look at its syncs and audiences would read those of all runs. */
export const CONNECTIONS = 50;

/** The same with several LinkedIn Ads connections: one of each, on the same model. */
export async function givenMany(sandbox: Sandbox, connections = CONNECTIONS): Promise<Given[]> {
  const shared = await snowflakeAndModel(sandbox);
  const all: Given[] = [];
  for (let index = 0; index < connections; index += 1) {
    const name = `LinkedIn ${index}`;
    const { id: linkedin, link } = await linkedInConnection(sandbox, name);
    await sandbox.signIn(link);
    // What a run writes on a connection that it did not make it looks at again a while later: that would be measured.
    await sandbox.call('PUT', `/api/connections/${linkedin}`, { name, configuration: { accounts: [ACCOUNT] } });
    all.push({ ...shared, linkedin });
  }
  return all;
}

/** Of what runs share, what the run of this number uses. */
export function sharedBy<T>(all: readonly T[], index: number): T {
  const one = all[index % all.length];
  if (one === undefined) throw new Error('there is nothing to share');
  return one;
}
