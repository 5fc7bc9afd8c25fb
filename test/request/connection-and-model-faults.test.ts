import { describe, expect, it } from '@jest/globals';
import { changed, faultLines } from './valid-request.ts';

const SECRET =
  'a reference to a secret, { env: NAME } for a variable of the worker or { file: PATH } for a file of its secrets directory, never the secret itself';

describe('faults in connections and models', () => {
  const cases: Array<[path: string, written: unknown, fault: string]> = [
    // Connections
    [
      'snowflake.connection',
      null,
      'snowflake.connection: expects a connection: { use: ID-OR-NAME } for one that exists, or { name: …, … } for a new one; found nothing',
    ],
    [
      'snowflake.connection',
      ['x'],
      'snowflake.connection: expects a connection: { use: ID-OR-NAME } for one that exists, or { name: …, … } for a new one; found a list of 1',
    ],
    [
      'snowflake.connection.use',
      'x',
      'snowflake.connection.password: cannot stand beside `use`, which takes something that exists as it is; leave out one of the two',
    ],
    [
      'snowflake.connection.pasword',
      'x',
      'snowflake.connection.pasword: unknown key `pasword`; did you mean `password`?',
    ],
    [
      'snowflake.connection.password',
      'hunter2',
      `snowflake.connection.password: expects ${SECRET}; or give \`privateKey\` in its place; found a text of 7 characters`,
    ],
    [
      'snowflake.connection.password',
      undefined,
      `snowflake.connection.password: is missing: expects ${SECRET}; or give \`privateKey\` in its place`,
    ],
    [
      'snowflake.connection.password',
      { hunter2: null },
      `snowflake.connection.password: expects ${SECRET}; or give \`privateKey\` in its place; found a map of 1 key`,
    ],
    [
      'snowflake.connection.password',
      { env: 'A', file: 'b' },
      `snowflake.connection.password: expects ${SECRET}; or give \`privateKey\` in its place; found a map of 2 keys`,
    ],
    [
      'snowflake.connection.password',
      { env: 'A-B' },
      'snowflake.connection.password.env: expects the name of an environment variable of the worker: letters, digits and _; found a text of 3 characters',
    ],
    [
      'snowflake.connection.password',
      { file: '' },
      'snowflake.connection.password.file: expects the path of a file in the secrets directory of the worker; found an empty text',
    ],
    [
      'snowflake.connection.privateKey',
      { env: 'A' },
      'snowflake.connection.privateKey: stands beside `password`; give one of the two, a password or a private key',
    ],
    [
      'snowflake.connection.account',
      'https://x.snowflakecomputing.com',
      'snowflake.connection.account: expects a Snowflake account identifier such as uc193736182 or myorg-account1, no address; found a text of 32 characters',
    ],
    [
      'snowflake.connection.params',
      'role=R&private_key=abc',
      'snowflake.connection.params: has a parameter that looks like a secret; say it as `password` or `privateKey`, or as a reference under `extra`',
    ],
    [
      'snowflake.connection.validate',
      'no',
      'snowflake.connection.validate: expects true or false; found a text of 2 characters',
    ],
    [
      'snowflake.connection.name',
      'LinkedIn Ads',
      'linkedinAds.connection.name: is the name of `snowflake.connection.name` too; each connection needs one of its own',
    ],
    [
      'linkedinAds.connection.reconnect',
      'yes',
      'linkedinAds.connection.reconnect: expects the word allowed, or nothing; found a text of 3 characters',
    ],
    [
      'linkedinAds.connection.redirectUrl',
      'http://example.com',
      'linkedinAds.connection.redirectUrl: expects an https address (plain http for this machine only); found a text of 18 characters',
    ],
    [
      'linkedinAds.connection.redirectUrl',
      'https://user:pass@example.com',
      'linkedinAds.connection.redirectUrl: expects an https address (plain http for this machine only); found a text of 29 characters',
    ],
    [
      'linkedinAds.connection.clientId',
      'x',
      'linkedinAds.connection.clientSecret: is missing: clientId, clientSecret and oauthRefreshToken go together, all three or none',
    ],
    [
      'linkedinAds.accounts',
      'Ask',
      'linkedinAds.accounts: expects the word all, the word ask, or a list of labels or values of ad accounts; found a text of 3 characters',
    ],
    ['linkedinAds.accounts', ['a', 'a'], 'linkedinAds.accounts.1: stands in the list already'],
    [
      'linkedinAds.accounts',
      'every',
      'linkedinAds.accounts: expects the word all, the word ask, or a list of labels or values of ad accounts; found a text of 5 characters',
    ],
    ['snowflake.connection', { Use: 'x' }, 'snowflake.connection.Use: unknown key `Use`; did you mean `use`?'],
    [
      'snowflake.connection',
      { name: 'S', account: 'a', username: 'u', dbname: 'd', private_key: { env: 'A' } },
      'snowflake.connection.private_key: unknown key `private_key`; did you mean `privateKey`?',
    ],
    // extra
    [
      'snowflake.connection.extra',
      { private_key: { env: 'A' } },
      'snowflake.connection.extra.private_key: `private_key` cannot stand under extra; say it as `privateKey`',
    ],
    [
      'snowflake.connection.extra',
      { a: [{ apiKey: 'x' }] },
      `snowflake.connection.extra.a.0.apiKey: \`apiKey\` looks like the key of a secret: expects ${SECRET}; found a text of 1 character`,
    ],
    [
      'snowflake.connection.extra',
      { credentials: { user: { name: 'x' } } },
      `snowflake.connection.extra.credentials.user.name: \`credentials\` looks like the key of a secret: expects ${SECRET}; found a text of 1 character`,
    ],
    [
      'snowflake.connection.extra',
      { a: 'x'.repeat(17_000) },
      'snowflake.connection.extra: is larger than 16 KiB as JSON',
    ],
    [
      'snowflake.connection.extra',
      [],
      'snowflake.connection.extra: expects a map of settings with the names that the Polytomic API gives them; found an empty list',
    ],
    [
      'linkedinAds.connection.extra',
      { connected_user: 'x' },
      'linkedinAds.connection.extra.connected_user: `connected_user` cannot stand under extra; leave it out: it is set for you',
    ],
    [
      'models.active-users.extra',
      { configuration: {} },
      'models.active-users.extra.configuration: `configuration` cannot stand under extra; say it as `query`',
    ],
    ['syncs.0.extra', { target: {} }, 'syncs.0.extra.target: `target` cannot stand under extra; say it as `audience`'],
    // Models
    ['models', {}, 'models: expects a map of 1 to 50 models; found an empty map'],
    [
      'models.a b',
      { use: 1 },
      'models.a b: stands under a key that is not allowed: expects at most 63 letters, digits, - and _, beginning with a letter or digit',
    ],
    [
      'models.a b',
      { use: 1 },
      'models.a b.use: expects one line of text, at most 200 characters, without spaces at its ends; found a number; write it in quotes to make it text',
    ],
    ['models.active-users.query', ' \n', 'models.active-users.query: expects a query; found a text of 2 characters'],
    [
      'models.active-users.query',
      'é'.repeat(40_000),
      'models.active-users.query: is larger than 64 KiB; make it a view in Snowflake and select from that',
    ],
    [
      'models.active-users.use',
      'M',
      'models.active-users.query: cannot stand beside `use`, which takes something that exists as it is; leave out one of the two',
    ],
    [
      'models.more',
      { name: 'Active Users', query: 'q' },
      'models.more.name: is the name of `models.active-users.name` too; each model needs one of its own',
    ],
    [
      'models.active-users',
      'SELECT 1',
      'models.active-users: expects a model: { use: ID-OR-NAME } for one that exists, or { name: …, query: … } for a new one; found a text of 8 characters',
    ],
  ];
  it.each(cases)('%s = %j is refused', (path, written, fault) => {
    expect(faultLines(changed(path, written))).toEqual(expect.arrayContaining([fault]));
  });
});
