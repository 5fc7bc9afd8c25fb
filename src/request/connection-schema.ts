/** The two connections of a request: where the data comes from, and where the audience lives. */
import * as z from 'zod';
import { extra, LINKEDIN_SAY_AS, SNOWFLAKE_SAY_AS } from './extra-schema.ts';
import { expects, nearest } from './faults.ts';
import { isMap } from './json-value.ts';
import { LIMITS } from './limits.ts';
import { looksSecret } from './secret-reference.ts';
import { secret } from './secret-schema.ts';
import { ALWAYS, choice, flag, keyed, line, listOf, means, nameOf, text, webAddress } from './strict-shapes.ts';

const orUse = flag(
  'Use the one of this name if there is one already, instead of failing. Default: false.',
).exactOptional();

/** Whether something that exists is used (branch 0) or made: the key `use` decides. */
export function byUse(value: unknown): number | undefined {
  if (!isMap(value)) return undefined;
  return means(value, 'use') ? 0 : 1;
}

/** Advice for a key of something new where something that exists is used. */
export const BESIDE_USE =
  'cannot stand beside `use`, which takes something that exists as it is; leave out one of the two';

const CONNECTION = 'a connection: { use: ID-OR-NAME } for one that exists, or { name: …, … } for a new one';

const ACCOUNT = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

const snowflake = {
  name: nameOf('Name of the connection to make in Polytomic.'),
  account: text(
    'a Snowflake account identifier such as uc193736182 or myorg-account1, no address',
    ACCOUNT,
    LIMITS.textLength,
  ).describe('Snowflake account identifier, e.g. uc193736182. Not the address of its website.'),
  username: line('Snowflake user that reads the data.'),
  dbname: line('Snowflake database.'),
};

const snowflakeOptions = {
  warehouse: line("Snowflake warehouse that runs the queries. Default: the user's own.").exactOptional(),
  params: line(
    'Further Snowflake connection parameters, e.g. role=REPORTER&schema=PUBLIC. No secrets.',
    LIMITS.urlLength,
  )
    .refine(
      (params) => !params.split(/[&;?]/).some((part) => part.includes('=') && looksSecret(part.split('=')[0] ?? '')),
      {
        error:
          'has a parameter that looks like a secret; say it as `password` or `privateKey`, or as a reference under `extra`',
      },
    )
    .exactOptional(),
  orUse,
  validate: flag(
    'Whether Polytomic checks the credentials before it makes the connection. Default: true.',
  ).exactOptional(),
  extra: extra(
    "Further keys of the connection's configuration, as the Polytomic API names them.",
    SNOWFLAKE_SAY_AS,
  ).exactOptional(),
};

const useConnection = nameOf('Id or name of a connection that exists. It is used as it is.');

const snowflakeByPassword = keyed(
  'a Snowflake connection by password',
  {
    ...snowflake,
    password: secret(
      'Password of the user: a reference, never the password itself.',
      '; or give `privateKey` in its place',
    ),
    ...snowflakeOptions,
  },
  {
    keys: ['privateKey', 'privateKeyPassphrase'],
    advice: 'stands beside `password`; give one of the two, a password or a private key',
  },
);

const snowflakeByKeyPair = keyed('a Snowflake connection by key pair', {
  ...snowflake,
  privateKey: secret('Private key of the user, in PEM form: a reference, never the key itself.'),
  privateKeyPassphrase: secret('Passphrase of the private key, if it has one: a reference.').exactOptional(),
  ...snowflakeOptions,
});

const snowflakeInUse = keyed(
  'a connection to use',
  { use: useConnection },
  { keys: Object.keys({ ...snowflakeByPassword.shape, ...snowflakeByKeyPair.shape }), advice: BESIDE_USE },
);

/** The Snowflake connection: one to use, or one to make, by password or by key pair. */
export const snowflakeConnection = choice(
  expects(CONNECTION),
  [snowflakeInUse, snowflakeByPassword, snowflakeByKeyPair],
  (value) => {
    const branch = byUse(value);
    if (branch !== 1 || !isMap(value) || 'password' in value) return branch;
    return Object.keys(value).some((key) => nearest(key, ['privateKey', 'privateKeyPassphrase']) !== undefined) ? 2 : 1;
  },
).describe('The connection that reads the data.');

const reconnect = z
  .literal('allowed', { error: expects('the word allowed, or nothing') })
  .describe(
    'Write allowed to let the run start the LinkedIn sign-in anew on a connection that it did not make. Default: it only waits for the sign-in.',
  )
  .exactOptional();

const OAUTH = ['clientId', 'clientSecret', 'oauthRefreshToken'] as const;

const newLinkedInConnection = keyed('a LinkedIn Ads connection', {
  name: nameOf('Name of the connection to make in Polytomic.'),
  orUse,
  reconnect,
  redirectUrl: webAddress(
    "Where the person's browser goes after the LinkedIn sign-in. Default: a page of Polytomic.",
  ).exactOptional(),
  clientId: line(
    'Client id of a LinkedIn app of your own; together with clientSecret and oauthRefreshToken.',
  ).exactOptional(),
  clientSecret: secret('Client secret of that LinkedIn app: a reference.').exactOptional(),
  oauthRefreshToken: secret(
    'Refresh token of a sign-in that was given to that app: a reference. Then nobody has to sign in.',
  ).exactOptional(),
  extra: extra(
    "Further keys of the connection's configuration, as the Polytomic API names them.",
    LINKEDIN_SAY_AS,
  ).exactOptional(),
}).superRefine((value, ctx) => {
  if (!isMap(value)) return;
  const missing = OAUTH.filter((key) => !(key in value));
  if (missing.length === 0 || missing.length === OAUTH.length) return;
  for (const key of missing) {
    const message = 'is missing: clientId, clientSecret and oauthRefreshToken go together, all three or none';
    ctx.addIssue({ code: 'custom', path: [key], message });
  }
}, ALWAYS);

const linkedinInUse = keyed(
  'a connection to use',
  { use: useConnection, reconnect },
  { keys: Object.keys(newLinkedInConnection.shape), advice: BESIDE_USE },
);

/** The LinkedIn Ads connection: one to use, or one to make. */
export const linkedinConnection = choice(expects(CONNECTION), [linkedinInUse, newLinkedInConnection], byUse).describe(
  'The connection that writes the audiences.',
);

const accountList = listOf(
  nameOf('Label or value of an ad account.'),
  'labels or values of ad accounts',
  LIMITS.accounts,
).meta({
  uniqueItems: true,
});

const ACCOUNTS = 'the word all, the word ask, or a list of labels or values of ad accounts';

/** The ad accounts to enable. */
export const adAccounts = choice(expects(ACCOUNTS), [z.literal('all'), z.literal('ask'), accountList], (value) =>
  Array.isArray(value) ? 2 : undefined,
)
  .superRefine((value, ctx) => {
    if (!Array.isArray(value)) return;
    for (const [i, account] of value.entries()) {
      if (value.indexOf(account) < i)
        ctx.addIssue({ code: 'custom', path: [i], message: 'stands in the list already' });
    }
  }, ALWAYS)
  .describe(
    'LinkedIn ad accounts to enable on the connection, by label or value, or all, or ask: a person chooses. Those enabled already stay enabled.',
  );
