/** The walkthrough's request, ways to change it, and what comes of that. */
import { parseRequest } from '../../src/request/schema.ts';

/** The request of the walkthrough, as an object of its own each time. */
// biome-ignore lint/suspicious/noExplicitAny: tests write what the types forbid
export function walkthrough(): any {
  const sync = (name: string, audience: object) => ({
    name,
    model: 'active-users',
    audience,
    mode: 'create',
    identity: { from: 'email', to: 'Email', function: 'equality' },
    fields: { first_name: 'FirstName', last_name: 'LastName' },
    schedule: { frequency: 'continuous' },
  });
  return {
    name: 'active-users',
    snowflake: {
      connection: {
        name: 'Snowflake Connection',
        account: 'uc193736182',
        username: 'user',
        password: { env: 'SNOWFLAKE_PASSWORD' },
        dbname: 'database',
      },
    },
    linkedinAds: { connection: { name: 'LinkedIn Ads' }, accounts: ['Polytomic Inc. (512630692)'] },
    models: { 'active-users': { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' } },
    syncs: [
      sync('Existing audience', { existing: 'Company Audience: Polytomic-Created Company List' }),
      sync('New audience', {
        create: { name: 'New audience', type: 'user_audience', account: 'Polytomic Inc. (512630692)' },
      }),
    ],
  };
}

/** A request that has something at every key that takes free values. */
export function richRequest(): unknown {
  const request = walkthrough();
  Object.assign(request.snowflake.connection, {
    warehouse: 'w',
    params: 'a=b',
    extra: { a: [{ token: { env: 'T' } }] },
  });
  Object.assign(request.linkedinAds.connection, { reconnect: 'allowed', redirectUrl: 'https://a.example' });
  Object.assign(request.models['active-users'], { fields: ['a'], identifier: 'a', labels: ['l'], orUse: true });
  Object.assign(request.syncs[0], {
    mode: 'updateOrCreate',
    fields: [{ from: 'a', to: 'A', mode: 'create', encrypt: true }],
    encryptionPassphrase: { file: 'p' },
    filters: [{ from: 'a', function: 'Equality', value: 'x', label: 'A' }],
    filterLogic: 'A',
    overrides: [{ from: 'a', function: 'Equality', value: 'x', override: 'y' }],
    overrideFields: [{ to: 'B', override: 'x' }],
    schedule: { frequency: 'multi', hour: '1', runAfter: { syncIds: ['s'] } },
    extra: { policies: ['p'] },
  });
  request.options = {
    signIn: { timeout: '9d', onTimeout: 'fail', linkTtl: '1s', remindEvery: '1d', poll: '1m' },
    onBlocked: 'fail',
    onFailure: 'undo',
    firstRun: 'await',
    notify: { url: 'https://a.example', secret: { env: 'AUDIENCE_NOTICE_KEY' } },
  };
  Object.assign(request.syncs[1], { schedule: { frequency: 'dbtcloud', jobId: 1, connectionId: 'c' } });
  return request;
}

/**
 * The walkthrough's request with one change: `value` at `path`, e.g. `syncs.0.mode`. `undefined` takes the key away.
 * Keys with a dot are not reached.
 */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function changed(path: string, value: unknown, request: any = walkthrough()): any {
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const place = keys.reduce((at, key) => at[key], request);
  if (value === undefined) delete place[last];
  else place[last] = value;
  return request;
}

/** The faults of a request as lines of `path: message`; none if it is accepted. */
export function faultLines(request: unknown): string[] {
  const parsed = parseRequest(request);
  return parsed.ok ? [] : parsed.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
}
