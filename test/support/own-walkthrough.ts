/** The walkthrough under names of its own, since connections have unique names in a sandbox. */
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { newName } from './temporal.ts';
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

/** A model that cannot be made: the run fails for good. */
export const WRONG_QUERY = { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } };
