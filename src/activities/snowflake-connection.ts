/** Step 1 of the walkthrough: the Snowflake connection. */
import type { SnowflakeConnectionSpec } from '../request/schema.ts';
import { resolveExtra } from '../request/secrets.ts';
import type { Resource } from '../workflows/messages.ts';
import { attempt } from './attempt.ts';
import type { StepContext } from './create-once.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { createConnection, useConnection } from './provide-connection.ts';
import { resourceOf } from './resource.ts';

const TYPE = 'snowflake';

/** Makes the activities of this file. */
export function snowflakeConnectionActivities({ polytomic, resolveSecret }: ActivityDependencies) {
  return {
    /** Creates the Snowflake connection, whose credentials Polytomic checks at once, or finds the one to use. */
    async provideSnowflakeConnection({
      step,
      spec,
    }: {
      step: StepContext;
      spec: SnowflakeConnectionSpec;
    }): Promise<Resource> {
      if ('use' in spec) {
        return attempt(`using Snowflake connection “${spec.use}”`, async () => {
          return resourceOf(await useConnection(polytomic, spec.use, TYPE), false);
        });
      }
      return attempt(`creating Snowflake connection “${spec.name}”`, async () => {
        const { account, username, dbname, warehouse, params, validate } = spec;
        const keyPair = 'privateKey' in spec;
        const { item, made } = await createConnection(polytomic, {
          context: step,
          orUse: spec.orUse ?? false,
          body: {
            name: spec.name,
            type: TYPE,
            configuration: {
              account,
              username,
              dbname,
              ...(warehouse === undefined ? {} : { warehouse }),
              ...(params === undefined ? {} : { params }),
              ...(keyPair ? { key_pair_auth: true } : {}),
            },
            ...(validate === undefined ? {} : { validate }),
          },
          secrets: async () => ({
            ...(await resolveExtra(spec.extra ?? {}, resolveSecret)),
            ...(keyPair
              ? {
                  private_key: await resolveSecret(spec.privateKey),
                  ...(spec.privateKeyPassphrase === undefined
                    ? {}
                    : { private_key_passphrase: await resolveSecret(spec.privateKeyPassphrase) }),
                }
              : { password: await resolveSecret(spec.password) }),
          }),
        });
        return resourceOf(item, made);
      });
    },
  };
}
