/** The person's OAuth sign-in to LinkedIn: whether it is there, and where to give it. */
import { ApiError } from '../polytomic/errors.ts';
import type { Resource } from '../workflows/messages.ts';
import { attempt, reading } from './attempt.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { ActivityProblem, isNotReady } from './failures.ts';

/** What Polytomic says about the sign-in. */
export type SignInCheck = { state: 'signed_in' } | { state: 'not_yet'; reason: string };

/**
 * What an error answer to `parameter_values` means for the sign-in. The reference says only that the call "errors until the
 * OAuth sign-in is complete", so what refuses the *request as such* is "not yet":
 *
 * | answer        | meaning                                                                      |
 * | ------------- | ---------------------------------------------------------------------------- |
 * | 200           | signed in                                                                    |
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
    /** Asks Polytomic whether the connection is signed in. */
    async verifySignIn({ connection }: { connection: Resource }): Promise<SignInCheck> {
      return attempt(`asking whether LinkedIn Ads connection “${connection.name}” is signed in`, async () => {
        try {
          await polytomic.connections.parameterValues(connection.id, reading());
          return { state: 'signed_in' };
        } catch (error) {
          if (!meansNotYet(error)) throw error;
          return { state: 'not_yet', reason: error.apiMessage ?? `Polytomic answered ${error.status}` };
        }
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
}
