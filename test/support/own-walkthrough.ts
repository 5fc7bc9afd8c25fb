/** The walkthrough under names of its own, since connections have unique names in a sandbox. */
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { newName } from './new-name.ts';
import { ACCOUNT, existingSync, newSync, walkthrough } from './walkthrough.ts';

/** The walkthrough, changed, in which whatever is made bears the provisioning's name. */
export function ownWalkthrough(about: string, changes: Partial<ProvisioningRequest> = {}): ProvisioningRequest {
  const name = newName(about);
  const request = walkthrough(name);
  return {
    ...request,
    snowflake: { connection: { ...request.snowflake.connection, name: `Snowflake ${name}` } },
    linkedinAds: { ...request.linkedinAds, connection: { name: `LinkedIn ${name}` } },
    syncs: [existingSync(), newSync({ audience: { create: { name, type: 'user_audience', account: ACCOUNT.label } } })],
    ...changes,
  };
}

/** A step that fails for good fails the run, instead of waiting for a person to mend it. */
export const FAILS = { options: { onBlocked: 'fail' } } as const satisfies Partial<ProvisioningRequest>;

/** A model that cannot be made. */
export const WRONG_QUERY = { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } };

/** A LinkedIn Ads connection of its own, with these ad accounts. */
export function withAccounts(
  accounts: ProvisioningRequest['linkedinAds']['accounts'],
): ProvisioningRequest['linkedinAds'] {
  return { connection: { name: newName('LinkedIn') }, accounts };
}

/** A request that leaves ad accounts and audience to people. */
export function asking(about: string, changes: Partial<ProvisioningRequest> = {}): ProvisioningRequest {
  const { linkedinAds, ...request } = ownWalkthrough(about, { syncs: [existingSync({ audience: 'ask' })] });
  return { ...request, linkedinAds: { ...linkedinAds, accounts: 'ask' }, ...changes };
}
