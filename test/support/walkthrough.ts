/** The walkthrough's request, as the tests vary it. */
import type { ProvisioningRequest, SyncRequest } from '../../src/request/schema.ts';

/** The ad account of the walkthrough. */
export const ACCOUNT = { value: '512630692::urn:li:organization:28818517', label: 'Polytomic Inc. (512630692)' };

/** Ad accounts that the sandbox has besides. */
export const NORTHWIND = { value: '508274113::urn:li:organization:18457201', label: 'Northwind Traders (508274113)' };
export const CONTOSO = { value: '519903347::urn:li:organization:30551846', label: 'Contoso Labs (519903347)' };

/** The audience of the walkthrough. */
export const AUDIENCE = {
  id: '512630692::urn:li:organization:28818517~company_audience.29728356',
  name: 'Company Audience: Polytomic-Created Company List',
};

/** The sandbox's Snowflake password, as a worker's environment has it. */
export const SECRETS = { SNOWFLAKE_PASSWORD: 'secret' };

/** A sync into the audience that is there. */
export function existingSync(changes: Partial<SyncRequest> = {}): SyncRequest {
  return {
    name: 'Existing audience',
    model: 'active-users',
    audience: { existing: AUDIENCE.name },
    mode: 'create',
    identity: { from: 'email', to: 'Email', function: 'equality' },
    fields: { first_name: 'FirstName', last_name: 'LastName' },
    schedule: { frequency: 'continuous' },
    ...changes,
  };
}

/** A sync into a new audience. */
export function newSync(changes: Partial<SyncRequest> = {}): SyncRequest {
  return existingSync({
    name: 'New audience',
    audience: { create: { name: 'New audience', type: 'user_audience', account: ACCOUNT.label } },
    ...changes,
  });
}

/** The whole request. */
export function walkthrough(name: string, changes: Partial<ProvisioningRequest> = {}): ProvisioningRequest {
  return {
    name,
    snowflake: {
      connection: {
        name: 'Snowflake Connection',
        account: 'uc193736182',
        username: 'user',
        password: { env: 'SNOWFLAKE_PASSWORD' },
        dbname: 'database',
      },
    },
    linkedinAds: { connection: { name: 'LinkedIn Ads' }, accounts: [ACCOUNT.label] },
    models: { 'active-users': { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' } },
    syncs: [existingSync(), newSync()],
    ...changes,
  };
}
