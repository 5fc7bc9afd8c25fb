/** A service that uses the library. Compiled against the installed package, and never run. */
import {
  type AudienceClient,
  connectAudienceClient,
  type ListedStage,
  NotFoundError,
  type ProvisioningReport,
  type ProvisioningRequest,
  type ProvisioningResult,
  type Stage,
} from 'audience-provisioning';

const request: ProvisioningRequest = {
  name: 'active-users',
  snowflake: { connection: { use: 'Snowflake Connection' } },
  linkedinAds: { connection: { use: 'LinkedIn Ads' }, accounts: ['Polytomic Inc. (512630692)'] },
  models: { 'active-users': { name: 'Active Users', query: 'SELECT email FROM users' } },
  syncs: [
    {
      name: 'Existing audience',
      model: 'active-users',
      audience: { existing: 'Company list' },
      mode: 'create',
      identity: { from: 'email', to: 'Email', function: 'equality' },
      fields: { first_name: 'FirstName' },
      schedule: { frequency: 'continuous' },
    },
  ],
};

export async function provision(): Promise<ProvisioningResult> {
  const client: AudienceClient = await connectAudienceClient();
  try {
    const { name } = await client.start(request);
    const report: ProvisioningReport = await client.status(name);
    const stage: Stage | ListedStage | undefined = report.stage;
    // @ts-expect-error: a stage is none of just any texts, so types have not become `any` on the way
    const wrong: 'no such stage' = stage;
    // @ts-expect-error: a provisioning is named by a text
    await client.status(wrong === undefined);
    for await (const seen of client.watch(name)) if (seen.state !== 'running') break;
    return await client.result(name);
  } catch (error) {
    if (error instanceof NotFoundError) throw new Error(`gone: ${error.message}`);
    throw error;
  } finally {
    await client.close();
  }
}

// @ts-expect-error: a request without syncs
export const incomplete: ProvisioningRequest = { ...request, syncs: undefined };
