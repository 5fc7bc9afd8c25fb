/** The person's OAuth sign-in to LinkedIn: whether it is there, and where to give it. */
import type { Connection } from '../polytomic/connections.ts';
import { ApiError, PolytomicError } from '../polytomic/errors.ts';
import type { AdAccount, Resource } from '../workflows/messages.ts';
import { adAccountsIn, type EnabledAccounts, enableAccounts, type WantedAccounts } from './ad-accounts.ts';
import { attempt, reading } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, isNotReady } from './failures.ts';

/**
 * What Polytomic says about the sign-in. `no_accounts`: somebody has signed in who can choose no ad account. `enabled`: ad
 * accounts that were enabled in the same go.
 */
export type SignInCheck = { state: 'signed_in'; enabled?: EnabledAccounts } | NotSignedIn;

type NotSignedIn = { state: 'not_yet'; reason: string } | { state: 'no_accounts'; reason: string };

/**
 * What an error answer to `parameter_values` means for the sign-in. The reference says only that the call "errors until the
 * OAuth sign-in is complete", so what refuses the *request as such* is "not yet":
 *
 * | answer        | meaning                                                                      |
 * | ------------- | ---------------------------------------------------------------------------- |
 * | 200           | signed in; without an ad account in it, by somebody who has none             |
 * | 400, 409, 422 | not yet; unless it says that a cache is being filled: then it is asked again |
 * | 401, 403, 404 | trouble that a person must mend: the API key, its rights, a deleted connection |
 * | 408, 429, 5xx, none | trouble that passes: asked again, never taken for "not yet"            |
 */
export function meansNotYet(error: unknown): error is ApiError {
  return error instanceof ApiError && [400, 409, 422].includes(error.status) && !isNotReady(error.apiMessage);
}

/** Makes the activities of this file. */
export function signInActivities({ polytomic }: ActivityDependencies) {
  return {
    /**
     * Asks Polytomic whether the connection is signed in. With `accounts`, on a connection that the run made for itself alone, they are
     * enabled at once: what there is to choose from has just been read, and a person who waits is spared a step. Where that does
     * not succeed, for whatever reason, `enableAdAccounts` tries anew and tells it.
     */
    async verifySignIn({
      connection,
      accounts,
    }: {
      connection: Resource;
      accounts?: WantedAccounts;
    }): Promise<SignInCheck> {
      return attempt(asking(connection), async () => {
        const reads = accounts === undefined ? undefined : readOrNothing(connection);
        const found = await look(connection);
        if (found.state !== 'signed_in') return found;
        const { state, allowed } = found;
        const read = await reads;
        // What was read before the sign-in came is not to be written back.
        if (accounts === undefined || read === undefined || signedInUser(read) === undefined) return { state };
        const enabling = { connection, wanted: accounts, allowed, read };
        const enabled = await enableAccounts(polytomic, enabling).catch(nothingOf);
        return { state, ...(enabled === undefined || 'ask' in enabled ? {} : { enabled }) };
      });
    },

    /**
     * Watches for the sign-in: one attempt asks once, and "not yet" is a failure that Temporal's server tries again after
     * `pollMs`. So the watching costs no worker anything, and history stays as it is however long it takes. With
     * `untilAccounts` a user without ad accounts, who is known already, counts as "not yet".
     */
    async awaitSignIn({
      connection,
      pollMs,
      untilAccounts = false,
    }: {
      connection: Resource;
      pollMs: number;
      untilAccounts?: boolean;
    }): Promise<Exclude<SignInCheck, { state: 'not_yet' }>> {
      return attempt(asking(connection), async () => {
        const answer = await look(connection);
        if (answer.state === 'signed_in') return { state: 'signed_in' };
        const { state, reason } = answer;
        if (state === 'no_accounts' && !untilAccounts) return { state, reason };
        throw new ActivityProblem('NotSignedInYet', `nobody has signed in yet: ${reason}.`, pollMs);
      });
    },

    /** Starts the sign-in anew; older links stop working. Returns where a person signs in. */
    async startSignIn({ connection }: { connection: Resource }): Promise<string> {
      return attempt(`getting a sign-in link for LinkedIn Ads connection “${connection.name}”`, async () => {
        const { auth_url } = await polytomic.connections.update(connection.id, { reconnect: true });
        if (auth_url === undefined)
          throw new ActivityProblem('UndocumentedAnswer', 'Polytomic gave no auth_url. Trying again.');
        return auth_url;
      });
    },
  };

  async function look({ id }: Resource): Promise<{ state: 'signed_in'; allowed: AdAccount[] } | NotSignedIn> {
    try {
      const allowed = adAccountsIn(await polytomic.connections.parameterValues(id, reading()));
      return allowed.length > 0 ? { state: 'signed_in', allowed } : { state: 'no_accounts', reason: await whyNone(id) };
    } catch (error) {
      if (!meansNotYet(error)) throw error;
      return { state: 'not_yet', reason: error.apiMessage ?? `Polytomic answered ${error.status}` };
    }
  }

  /** Only to save time: what is wrong with the connection, the look at the sign-in tells too. */
  function readOrNothing({ id }: Resource): Promise<Connection | undefined> {
    return polytomic.connections.get(id, reading()).catch(nothingOf);
  }

  /** Names the user: a browser often has somebody else's sign-in than the one who is meant. */
  async function whyNone(id: string): Promise<string> {
    const user = signedInUser(await polytomic.connections.get(id, reading()));
    const who = user === undefined ? 'the LinkedIn user' : `LinkedIn user “${user}”`;
    return `${who} who signed in may use no ad account`;
  }
}

/** What only saves time may fail as calls fail, but not by a fault of this code. */
function nothingOf(error: unknown): undefined {
  if (!(error instanceof PolytomicError || error instanceof ActivityProblem)) throw error;
}

/** Whose sign-in the connection had when it was read. */
function signedInUser({ configuration }: Connection): string | undefined {
  const { connected_user: user } = configuration;
  return typeof user === 'string' && user !== '' ? user : undefined;
}

function asking({ name }: Resource): string {
  return `asking whether LinkedIn Ads connection “${name}” is signed in`;
}
