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
