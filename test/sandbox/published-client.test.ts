/** The client library that Polytomic publishes, unchanged, against the sandbox. */
import { describe, expect, it } from '@jest/globals';
import { Polytomic, PolytomicClient, PolytomicError } from 'polytomic';
import {
  ACCOUNT,
  API_KEY,
  COMPANY_AUDIENCE,
  decide,
  eventually,
  runningSandbox,
  SNOWFLAKE_BODY,
} from './running-sandbox.ts';

const sandbox = runningSandbox();
const published = (token = API_KEY) => new PolytomicClient({ environment: sandbox.url, token, version: '2024-02-08' });

/** It would ask again by itself after a 409, a 429 and a 5xx. */
const once = { maxRetries: 0 };

async function snowflake(): Promise<string> {
  return idOf((await published().connections.create(SNOWFLAKE_BODY)).data);
}

async function linkedIn(): Promise<{ id: string; authUrl: string }> {
  const { data } = await published().connections.create({
    name: 'LinkedIn Ads',
    type: 'linkedinads',
    configuration: {},
  });
  return { id: idOf(data), authUrl: data?.auth_url ?? '' };
}

async function signedIn(): Promise<string> {
  const { id, authUrl } = await linkedIn();
  await decide(authUrl, 'allow');
  await published().connections.update(id, {
    name: 'LinkedIn Ads',
    type: 'linkedinads',
    configuration: { accounts: [{ value: ACCOUNT, label: 'Polytomic Inc. (512630692)' }] },
  });
  return id;
}

const USERS = 'SELECT first_name, last_name, email FROM users';

async function model(query = USERS): Promise<string> {
  const { data } = await published().models.create({
    body: { name: 'Active Users', connection_id: await snowflake(), configuration: { query } },
  });
  return idOf(data);
}

function sync(model_id: string, target: Polytomic.Target): Polytomic.CreateModelSyncRequest {
  const source = (field: string) => ({ model_id, field });
  return {
    name: 'Snowflake to LinkedIn Ads Sync',
    mode: 'create',
    identity: { source: source('email'), target: 'Email', function: 'Equality' },
    fields: [
      { source: source('first_name'), target: 'FirstName' },
      { source: source('last_name'), target: 'LastName' },
    ],
    schedule: { frequency: 'continuous' },
    target,
  };
}

function idOf(data: { id?: string } | undefined): string {
  if (data?.id === undefined) throw new Error('the answer has no id');
  return data.id;
}

/** The error that a call ends with. */
async function refusal(call: Promise<unknown>): Promise<PolytomicError> {
  const error: unknown = await call.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof PolytomicError)) throw error;
  return error;
}

describe('the published client', () => {
  it('does the whole walkthrough', async () => {
    const { connections, models, modelSync, identity } = published();
    expect((await identity.get()).data).toMatchObject({ role: 'admin', organization_name: 'Sandbox' });

    const source = (await connections.create(SNOWFLAKE_BODY)).data;
    expect(source).toMatchObject({ name: 'Snowflake Connection', status: 'healthy' });

    const target = (await connections.create({ name: 'LinkedIn Ads', type: 'linkedinads', configuration: {} })).data;
    const connection = idOf(target);
    await decide(target?.auth_url ?? '', 'allow');
    const values = (await connections.getParameterValues(connection)).data?.['accounts']?.values ?? [];
    const account = values.find(({ value }) => value === ACCOUNT);
    expect(account?.label).toBe('Polytomic Inc. (512630692)');
    await connections.update(connection, {
      name: 'LinkedIn Ads',
      type: 'linkedinads',
      configuration: { accounts: [account] },
    });
    expect((await connections.get(connection)).data?.configuration).toMatchObject({ accounts: [account] });

    const users = (
      await models.create({
        body: {
          name: 'Active Users',
          connection_id: idOf(source),
          configuration: { query: USERS },
        },
      })
    ).data;
    expect(users?.fields?.map(({ name }) => name)).toEqual(['first_name', 'last_name', 'email']);

    const audiences = await modelSync.targets.list(connection);
    expect(audiences.target_creation?.properties?.map(({ id }) => id)).toEqual(['account', 'type', 'name']);
    expect(audiences.data?.map(({ id }) => id)).toEqual([COMPANY_AUDIENCE]);
    const { data: fields } = await modelSync.targets.getTargetFields(connection, { target: COMPANY_AUDIENCE });
    expect(fields?.fields?.map(({ id }) => id)).toEqual(expect.arrayContaining(['Email', 'FirstName', 'LastName']));
    const accounts = (await modelSync.targets.getCreateProperty(connection, 'account')).data?.values;
    expect(accounts).toEqual([account]);
    const types = (await modelSync.targets.getCreateProperty(connection, 'type')).data?.values;
    expect(types?.map(({ value }) => value)).toEqual(['company_audience', 'user_audience']);

    const intoExisting = await modelSync.create(
      sync(idOf(users), { connection_id: connection, object: COMPANY_AUDIENCE }),
    );
    const intoNew = await modelSync.create(
      sync(idOf(users), {
        connection_id: connection,
        create: { name: 'New audience', type: 'user_audience', account: ACCOUNT },
      }),
    );
    expect(intoNew.data?.target?.object).toMatch(/^512630692::urn:li:organization:28818517~user_audience\.\d+$/);
    for (const { data } of [intoExisting, intoNew]) {
      const last = await eventually(async () => (await modelSync.getStatus(idOf(data))).data?.last_execution);
      expect(last.status).toBe('completed');
      const { data: execution } = await modelSync.executions.get(idOf(data), idOf(last));
      expect(execution?.counts?.insert).toBeGreaterThan(0);
    }
    expect((await modelSync.list()).data).toHaveLength(2);
  });

  it('makes a model as a job', async () => {
    const connection_id = await snowflake();
    // The published type of this answer is a model's; with `async` it is a job's, as the reference says.
    const { data } = (await published().models.create({
      async: true,
      body: { name: 'Active Users', connection_id, configuration: { query: 'SELECT email FROM users' } },
    })) as Polytomic.JobResponseEnvelope;
    const done = await eventually(async () => {
      const { data: job } = await published().jobs.get(data?.job_id ?? '', data?.type ?? '');
      return job?.status === 'done' ? job : undefined;
    });
    expect(done.error).toBeUndefined();
    expect((await published().models.list()).data?.map(({ name }) => name)).toEqual(['Active Users']);
  });

  it('starts, follows and cancels an execution, and activates a sync', async () => {
    const { modelSync } = published();
    const id = idOf(
      (
        await modelSync.create({
          ...sync(await model(), { connection_id: await signedIn(), object: COMPANY_AUDIENCE }),
          active: false,
        })
      ).data,
    );
    expect((await modelSync.executions.list(id)).data).toEqual([]);
    const started = await modelSync.start(id);
    expect((await modelSync.executions.list(id)).data?.map((one) => one.id)).toEqual([started.data?.id]);
    expect((await modelSync.cancel(id)).data?.message).toEqual(expect.any(String));
    expect((await modelSync.activate(id, { active: true })).data).toEqual({ id, active: true });
    expect((await modelSync.get(id)).data?.active).toBe(true);
    await modelSync.remove(id);
    expect(await refusal(modelSync.get(id))).toBeInstanceOf(Polytomic.NotFoundError);
  });
});

describe('an error', () => {
  it('is an UnauthorizedError, in the shape that a 401 alone has, without a valid key', async () => {
    const error = await refusal(published('another-key').connections.list());
    expect(error).toBeInstanceOf(Polytomic.UnauthorizedError);
    expect(error).toMatchObject({
      statusCode: 401,
      body: { code: 401, context: {}, error: expect.stringContaining('Bearer'), status: 'Unauthorized' },
    });
  });

  it('is a BadRequestError before the sign-in is complete', async () => {
    const { id } = await linkedIn();
    const error = await refusal(published().modelSync.targets.list(id));
    expect(error).toMatchObject({ statusCode: 400, body: { key: 'sign_in_required', status: 400 } });
    expect(await refusal(published().connections.getParameterValues(id))).toMatchObject({ statusCode: 400 });
  });

  it('is a NotFoundError for what is not there', async () => {
    const error = await refusal(published().connections.get('00000000-0000-0000-0000-000000000000'));
    expect(error).toBeInstanceOf(Polytomic.NotFoundError);
    expect(error.body).toEqual({
      key: 'not_found',
      message: 'connection 00000000-0000-0000-0000-000000000000 was not found',
      status: 404,
    });
  });

  it('is an UnprocessableEntityError for wrong credentials, a taken name, and a query that does not run', async () => {
    const { connections, models } = published();
    const wrong = { ...SNOWFLAKE_BODY, configuration: { ...SNOWFLAKE_BODY.configuration, password: 'wrong' } };
    const credentials = await refusal(connections.create(wrong));
    expect(credentials).toBeInstanceOf(Polytomic.UnprocessableEntityError);
    expect(credentials.body).toEqual({
      key: 'unprocessable_entity',
      message: expect.stringContaining('Incorrect username or password'),
      metadata: { field: 'configuration' },
      status: 422,
    });
    const connection_id = await snowflake();
    const taken = await refusal(connections.create(SNOWFLAKE_BODY));
    expect(taken).toMatchObject({ statusCode: 422, body: { message: expect.stringContaining('already exists') } });
    const query = await refusal(
      models.create({ body: { name: 'M', connection_id, configuration: { query: 'SELECT nothing FROM nowhere' } } }),
    );
    expect(query).toMatchObject({ statusCode: 422, body: { message: expect.stringContaining('nowhere') } });
  });

  it('lists what uses a connection that cannot be deleted', async () => {
    const id = await model();
    const connection = (await published().models.get(id)).data?.connection_id ?? '';
    const error = await refusal(published().connections.remove(connection));
    expect(error).toMatchObject({
      statusCode: 422,
      body: {
        message: 'connection in use',
        metadata: { used_by: [{ type: 'model', name: 'Active Users', id }] },
        status: 422,
      },
    });
    await published().connections.remove(connection, { force: true });
    expect((await published().models.list()).data).toEqual([]);
  });

  it('is a ConflictError while an execution of the sync runs already', async () => {
    const { modelSync } = published();
    const { data } = await modelSync.create({
      ...sync(await model(`/* sandbox: takes 1s */ ${USERS}`), {
        connection_id: await signedIn(),
        object: COMPANY_AUDIENCE,
      }),
      active: false,
    });
    await modelSync.start(idOf(data));
    const error = await refusal(modelSync.start(idOf(data), {}, once));
    expect(error).toMatchObject({ statusCode: 409, body: { key: 'conflict', status: 409 } });
  });

  it.each([
    [403, 'sandbox_fault'],
    [429, 'rate_limited'],
    [500, 'sandbox_fault'],
    [503, 'sandbox_fault'],
  ])('has the documented shape when it is a %s', async (status, key) => {
    await sandbox.call('POST', '/_sandbox/faults', { status, message: 'as told', times: 1 });
    const error = await refusal(published().connections.list(once));
    expect(error).toMatchObject({ statusCode: status, body: { key, message: 'as told', status } });
  });

  it('passes where the client asks again by itself, as it does after a 429 and a 5xx', async () => {
    await sandbox.call('POST', '/_sandbox/faults', { status: 429, times: 1 });
    await sandbox.call('POST', '/_sandbox/faults', { status: 502, times: 1 });
    expect((await published().connections.list()).data).toEqual([]);
  });
});
