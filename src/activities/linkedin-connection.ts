/** Step 2 of the walkthrough: the LinkedIn Ads connection, which a person still has to sign in to. */
import type { LinkedInConnectionSpec } from '../request/schema.ts';
import { resolveExtra } from '../request/secrets.ts';
import type { Resource } from '../workflows/messages.ts';
import { attempt } from './attempt.ts';
import type { StepContext } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createConnection, useConnection } from './provide-connection.ts';
import { resourceOf } from './resource.ts';

const TYPE = 'linkedinads';

/** The connection, and where to sign in: absent where it was there before, or was made by an answer that got lost. */
export interface ProvidedLinkedInConnection {
  resource: Resource;
  authUrl?: string;
}

/** Makes the activities of this file. */
export function linkedInConnectionActivities({ polytomic, resolveSecret }: ActivityDependencies) {
  return {
    /** Creates the LinkedIn Ads connection or finds the one to use. Whether it is signed in is asked elsewhere. */
    async provideLinkedInConnection({
      step,
      spec,
    }: {
      step: StepContext;
      spec: LinkedInConnectionSpec;
    }): Promise<ProvidedLinkedInConnection> {
      if ('use' in spec) {
        return attempt(`using LinkedIn Ads connection “${spec.use}”`, async () => {
          return { resource: resourceOf(await useConnection(polytomic, spec.use, TYPE), false) };
        });
      }
      return attempt(`creating LinkedIn Ads connection “${spec.name}”`, async () => {
        const { item, made } = await createConnection(polytomic, {
          context: step,
          orUse: spec.orUse ?? false,
          body: {
            name: spec.name,
            type: TYPE,
            configuration: spec.clientId === undefined ? {} : { client_id: spec.clientId },
            ...(spec.redirectUrl === undefined ? {} : { redirect_url: spec.redirectUrl }),
          },
          secrets: async () => ({
            ...(await resolveExtra(spec.extra ?? {}, resolveSecret)),
            ...(spec.clientSecret === undefined ? {} : { client_secret: await resolveSecret(spec.clientSecret) }),
            ...(spec.oauthRefreshToken === undefined
              ? {}
              : { oauth_refresh_token: await resolveSecret(spec.oauthRefreshToken) }),
          }),
        });
        return {
          resource: resourceOf(item, made),
          ...(made && item.auth_url !== undefined ? { authUrl: item.auth_url } : {}),
        };
      });
    },
  };
}
