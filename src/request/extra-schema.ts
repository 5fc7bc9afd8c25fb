/** `extra`: what the API takes and this project does not interpret. It passes on as it is, secrets resolved. */
import * as z from 'zod';
import { expects, shownKey } from './faults.ts';
import { isMap, utf8Bytes } from './json-value.ts';
import { LIMITS } from './limits.ts';
import { reportInlineSecrets } from './secret-schema.ts';

const EXPECTED = expects('a map of settings with the names that the Polytomic API gives them');

/**
 * The schema of an `extra`. `sayAs` lists the API's keys that the project sets itself, each with how to say it instead
 * (`undefined` where it cannot be said).
 */
export function extra(description: string, sayAs: Record<string, string | undefined>) {
  return z
    .record(z.string(), z.unknown(), { error: EXPECTED })
    .superRefine((map, ctx) => {
      if (!isMap(map)) return;
      const report = (path: Array<string | number>, message: string) => ctx.addIssue({ code: 'custom', path, message });
      for (const key of Object.keys(map).filter((key) => Object.hasOwn(sayAs, key))) {
        const instead = sayAs[key];
        const advice = instead === undefined ? 'leave it out: it is set for you' : `say it as ${instead}`;
        report([key], `${shownKey(key)} cannot stand under extra; ${advice}`);
      }
      if (utf8Bytes(JSON.stringify(map)) > LIMITS.extraBytes)
        report([], `is larger than ${LIMITS.extraBytes / 1024} KiB as JSON`);
      reportInlineSecrets(map, report);
    })
    .describe(description);
}

/** Keys of a Snowflake connection's `configuration`. */
export const SNOWFLAKE_SAY_AS = {
  account: '`account`',
  username: '`username`',
  dbname: '`dbname`',
  warehouse: '`warehouse`',
  params: '`params`',
  password: '`password`',
  private_key: '`privateKey`',
  private_key_passphrase: '`privateKeyPassphrase`',
  key_pair_auth: '`privateKey`, which implies it',
};

/** Keys of a LinkedIn Ads connection's `configuration`. */
export const LINKEDIN_SAY_AS = {
  accounts: '`linkedinAds.accounts`',
  client_id: '`clientId`',
  client_secret: '`clientSecret`',
  oauth_refresh_token: '`oauthRefreshToken`',
  connected_user: undefined,
};

/** Keys of the body that makes a model. */
export const MODEL_SAY_AS = {
  name: '`name`',
  connection_id: undefined,
  configuration: '`query`',
  fields: '`fields`',
  identifier: '`identifier`',
  tracking_columns: '`trackingColumns`',
  labels: '`labels`',
};

/** Keys of the body that makes a sync. */
export const SYNC_SAY_AS = {
  name: '`name`',
  mode: '`mode`',
  target: '`audience`',
  identity: '`identity`',
  fields: '`fields`',
  schedule: '`schedule`',
  active: '`active`',
  filters: '`filters`',
  filter_logic: '`filterLogic`',
  override_fields: '`overrideFields`',
  overrides: '`overrides`',
  sync_all_records: '`syncAllRecords`',
  only_enrich_updates: '`onlyEnrichUpdates`',
  skip_initial_backfill: '`skipInitialBackfill`',
  encryption_passphrase: '`encryptionPassphrase`',
};
