/** The curl commands of Polytomic's walkthrough, word for word but for host, ids and the one comma too many. */
import { describe, expect, it } from '@jest/globals';
import { ACCOUNT, API_KEY, COMPANY_AUDIENCE, decide, lastExecution, runningSandbox } from './running-sandbox.ts';

const sandbox = runningSandbox();

const SNOWFLAKE = `{
"name": "Snowflake Connection",
"type": "snowflake",
"configuration": {
"account": "uc193736182",
"username": "user",
"password": "secret",
"dbname": "database"
}
}`;

const LINKEDIN = '{"type":"linkedinads", "name":"LinkedIn Ads","configuration":{}}';

const NO_ACCOUNTS = '{"type":"linkedinads", "name":"LinkedIn Ads","configuration":{"accounts":[]}}';

/** As it is printed: with a comma after the query. */
const MODEL_AS_PRINTED = `{
"name": "Active Users",
"configuration": {
"query": "SELECT first_name, last_name, email FROM users",
},
"connection_id": "YOUR-SNOWFLAKE-CONNECTION-ID"
}`;

const MODEL = MODEL_AS_PRINTED.replace('users",', 'users"');

const sync = (target: string) => `{
"name": "Snowflake to LinkedIn AdsSync",
"mode": "create",
"identity": {
"source": {
"field": "email",
"model_id": "YOUR-MODEL-ID"
},
"target": "Email",
"function": "equality"
},
"fields": [
{
"source": {
"field": "first_name",
"model_id": "YOUR-MODEL-ID"
},
"target": "FirstName"
},
{
"source": {
"field": "last_name",
"model_id": "YOUR-MODEL-ID"
},
"target": "LastName"
}
],
"schedule": {
"frequency": "continuous"
},
"target": {
"connection_id": "YOUR-LINKEDIN-CONNECTION-ID",
${target}
}
}`;

const SYNC_INTO_EXISTING = sync('"object": "YOUR-AUDIENCE-ID"');

const SYNC_INTO_NEW = sync(`"create": {
"name": "New audience",
"type": "user_audience",
"account": "512630692::urn:li:organization:28818517"
}`);

interface Curled {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  body: any;
}

/** What curl sends with the walkthrough's options, and the answer's body. */
async function curl(method: 'GET' | 'POST' | 'PUT', path: string, data?: string): Promise<Curled> {
  const response = await fetch(`${sandbox.url}${path}`, {
    method,
    headers: {
      accept: 'application/json',
      'content-type': 'application/json',
      'X-Polytomic-Version': '2024-02-08',
      Authorization: `Bearer ${API_KEY}`,
    },
    ...(data === undefined ? {} : { body: data }),
  });
  return { status: response.status, body: await response.json() };
}

/** The id of what a call made. */
async function made(path: string, data: string): Promise<string> {
  const { status, body } = await curl('POST', path, data);
  expect(status).toBe(200);
  return body.data.id;
}

async function signedIn(): Promise<string> {
  const { body } = await curl('POST', '/api/connections', LINKEDIN);
  await decide(body.data.auth_url, 'allow');
  return body.data.id;
}

/** The body with which the walkthrough updates the connection, with accounts to choose. */
const withAccounts = (accounts: unknown[]) => NO_ACCOUNTS.replace('[]', JSON.stringify(accounts));

describe('the walkthrough', () => {
  it('runs from end to end', async () => {
    const snowflake = await made('/api/connections', SNOWFLAKE);

    const created = await curl('POST', '/api/connections', LINKEDIN);
    expect(created.body.data).toMatchObject({
      organization_id: 'd63a93bd-dfbd-4431-9006-63eb445d30a4',
      configuration: {},
      auth_url: expect.any(String),
    });
    const linkedin = created.body.data.id;
    await decide(created.body.data.auth_url, 'allow');

    const parameters = await curl('GET', `/api/connections/${linkedin}/parameter_values`);
    const account = parameters.body.data.accounts.values.find(({ value }: { value: string }) => value === ACCOUNT);
    const updated = await curl('POST', `/api/connections/${linkedin}`, withAccounts([account]));
    expect(updated).toMatchObject({
      status: 200,
      body: { data: { id: linkedin, configuration: { accounts: [account] } } },
    });

    const model = await made('/api/models', MODEL.replace('YOUR-SNOWFLAKE-CONNECTION-ID', snowflake));

    const targets = await curl('GET', `/api/connections/${linkedin}/modelsync/targetobjects`);
    expect(targets).toEqual({
      status: 200,
      body: {
        target_creation: {
          supported: true,
          properties: [
            { id: 'account', title: 'LinkedIn Ads account ID', enum: true },
            { id: 'type', title: 'Audience type', enum: true },
            { id: 'name', title: 'Audience name', enum: false },
          ],
        },
        data: [
          {
            id: '512630692::urn:li:organization:28818517~company_audience.29728356',
            name: 'Company Audience: Polytomic-Created Company List',
            modes: ['create', 'remove'].map((id) => ({
              id,
              requires_identity: false,
              supports_target_filters: false,
              supports_per_field_mode: false,
            })),
          },
        ],
      },
    });
    const property = (name: string) =>
      curl('GET', `/api/connections/${linkedin}/modelsync/targetobjects/properties/${name}`);
    expect((await property('account')).body).toEqual({
      data: {
        enum: false,
        values: [{ value: '512630692::urn:li:organization:28818517', label: 'Polytomic Inc. (512630692)' }],
      },
    });
    expect((await property('type')).body).toEqual({
      data: {
        enum: false,
        values: [
          { value: 'company_audience', label: 'Company Audience' },
          { value: 'user_audience', label: 'User Audience' },
        ],
      },
    });

    const withIds = (body: string) =>
      body
        .replaceAll('YOUR-MODEL-ID', model)
        .replace('YOUR-LINKEDIN-CONNECTION-ID', linkedin)
        .replace('YOUR-AUDIENCE-ID', COMPANY_AUDIENCE);
    for (const body of [SYNC_INTO_EXISTING, SYNC_INTO_NEW]) {
      const id = await made('/api/syncs', withIds(body));
      const execution = await lastExecution(sandbox, id);
      const { insert, error, total } = execution.counts;
      expect(execution.status).toBe('completed');
      expect(insert).toBeGreaterThan(0);
      // Some of the demo's users have no e-mail address.
      expect(insert + error).toBe(total);
    }
  });

  it('has a comma too many in its model, as printed: a 400 that says so', async () => {
    const snowflake = await made('/api/connections', SNOWFLAKE);
    const body = MODEL_AS_PRINTED.replace('YOUR-SNOWFLAKE-CONNECTION-ID', snowflake);
    expect(await curl('POST', '/api/models', body)).toEqual({
      status: 400,
      body: { key: 'bad_request', message: expect.stringMatching(/not valid JSON.*comma too many/), status: 400 },
    });
    expect((await curl('GET', '/api/models')).body.data).toEqual([]);
  });

  it.each(['POST', 'PUT'] as const)('may update the connection by %s', async (method) => {
    const id = await signedIn();
    expect(await curl(method, `/api/connections/${id}`, NO_ACCOUNTS)).toMatchObject({
      status: 200,
      body: { data: { id, name: 'LinkedIn Ads', configuration: { accounts: [] } } },
    });
    const account = { value: ACCOUNT, label: 'Polytomic Inc. (512630692)' };
    await curl(method, `/api/connections/${id}`, withAccounts([account]));
    expect((await curl('GET', `/api/connections/${id}`)).body.data.configuration.accounts).toEqual([account]);
  });

  it('cannot go on before the sign-in', async () => {
    const id = await made('/api/connections', LINKEDIN);
    for (const path of ['parameter_values', 'modelsync/targetobjects']) {
      const { status, body } = await curl('GET', `/api/connections/${id}/${path}`);
      expect(status).toBe(400);
      expect(body).toEqual({ key: 'sign_in_required', message: expect.stringContaining('auth_url'), status: 400 });
    }
  });
});
