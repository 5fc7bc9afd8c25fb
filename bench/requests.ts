/** What the program is asked to do: the walkthrough, under names of its own, and its parts. */
import type { ProvisioningRequest, SyncRequest } from '../src/request/schema.ts';
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
export const SCHEDULE = { frequency: 'manual' } as const;

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

/** The walkthrough on a LinkedIn Ads connection that is there, so that nobody is waited for if it is signed in. */
export function onConnection(name: string, connection: string): ProvisioningRequest {
  const request = walkthrough(name);
  return { ...request, linkedinAds: { ...request.linkedinAds, connection: { use: connection } } };
}

/** A LinkedIn Ads connection, and the link at which a person signs in to it. */
export async function linkedInConnection(sandbox: Sandbox, name: string): Promise<{ id: string; link: string }> {
  const body = { name, type: 'linkedinads', configuration: {} };
  const { id, auth_url: link } = await sandbox.call('POST', '/api/connections', body);
  if (link === undefined) throw new Error('a LinkedIn Ads connection has no link');
  return { id, link };
}

/** A LinkedIn Ads connection that somebody has signed in to. */
export async function signedInConnection(sandbox: Sandbox, name: string): Promise<string> {
  const { id, link } = await linkedInConnection(sandbox, name);
  await sandbox.signIn(link);
  return id;
}
