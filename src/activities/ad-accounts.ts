/** The second half of step 2: which of the person's ad accounts the connection uses. */
import type { AdAccount, Resource } from '../workflows/messages.ts';
import { attempt, reading } from './attempt.ts';
import { choose } from './choose.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem } from './failures.ts';

/** LinkedIn Ads' name of the parameter that holds the ad accounts (Polytomic's reference, `parameter_values`). */
const PARAMETER = 'accounts';

/** Makes the activities of this file. */
export function adAccountActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Enables the wanted ad accounts, by label or value, or `all` that the person may use. Adds to those that are enabled
     * already and takes none away. Returns the wanted ones.
     */
    async enableAdAccounts({
      connection,
      wanted,
    }: {
      connection: Resource;
      wanted: 'all' | string[];
    }): Promise<AdAccount[]> {
      return attempt(`enabling ad accounts on LinkedIn Ads connection “${connection.name}”`, async () => {
        const parameters = await polytomic.connections.parameterValues(connection.id, reading());
        const allowed = (parameters[PARAMETER]?.values ?? []).map(({ value, label }) => ({ value, label }));
        if (allowed.length === 0) {
          throw new ActivityProblem(
            'NotAllowed',
            `the LinkedIn user who signed in may use no ad account. Give them a role in LinkedIn Campaign Manager, or sign in as somebody else.`,
          );
        }
        const chosen = wanted === 'all' ? allowed : choose(wanted, allowed, 'ad account');
        const enabled = accountsOf(await polytomic.connections.get(connection.id, reading()));
        const missing = chosen.filter(({ value }) => !enabled.some((one) => one.value === value));
        if (missing.length > 0) {
          const after = await polytomic.connections.update(connection.id, {
            configuration: { [PARAMETER]: [...enabled, ...missing] },
          });
          const kept = accountsOf(after);
          // The write replaces the whole list, so another run that writes at this moment may undo ours: look, and try again.
          if (chosen.some(({ value }) => !kept.some((one) => one.value === value))) {
            throw new ActivityProblem('Unavailable', 'Polytomic did not keep all of them. Trying again.');
          }
        }
        return chosen;
      });
    },
  };
}

function accountsOf({ configuration }: { configuration: Record<string, unknown> }): AdAccount[] {
  const accounts = configuration[PARAMETER];
  return Array.isArray(accounts) ? accounts.filter(isAdAccount) : [];
}

function isAdAccount(account: unknown): account is AdAccount {
  return typeof account === 'object' && account !== null && 'value' in account && typeof account.value === 'string';
}
