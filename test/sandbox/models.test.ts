import { describe, expect, it } from '@jest/globals';
import {
  createModel,
  createSignedIn,
  createSnowflake,
  eventually,
  runningSandbox,
  SNOWFLAKE_BODY,
} from './running-sandbox.ts';

const sandbox = runningSandbox({ requestLimitMs: 300 });

async function post(
  change: object,
  query = 'SELECT first_name, user_id, active, created_at FROM users',
  path = '/api/models',
) {
  const connection_id = await createSnowflake(sandbox);
  return sandbox.call('POST', path, { name: 'M', connection_id, configuration: { query }, ...change });
}

describe('creating a model', () => {
  it('answers with the columns of the query as fields, with their types', async () => {
    const { status, body } = await post({});
    expect(status).toBe(200);
    expect(body.data).toMatchObject({
      id: expect.any(String),
      name: 'M',
      configuration: { query: 'SELECT first_name, user_id, active, created_at FROM users' },
      created_by: { type: 'user' },
    });
    expect(
      body.data.fields.map((field: Record<string, string>) => [field['name'], field['label'], field['type']]),
    ).toEqual([
      ['first_name', 'first_name', 'string'],
      ['user_id', 'user_id', 'number'],
      ['active', 'active', 'boolean'],
      ['created_at', 'created_at', 'datetime'],
    ]);
    for (const key of ['identifier', 'labels', 'relations', 'tracking_columns'])
      expect(body.data).not.toHaveProperty(key);
  });

  it('echoes what else was sent, and takes only the fields that were asked for', async () => {
    const { body } = await post({
      fields: ['user_id', 'first_name'],
      identifier: 'user_id',
      tracking_columns: ['user_id'],
      labels: ['a'],
      relations: [],
      additional_fields: [{ name: 'x', label: 'X', type: 'string' }],
    });
    expect(body.data).toMatchObject({
      identifier: 'user_id',
      tracking_columns: ['user_id'],
      labels: ['a'],
      relations: [],
    });
    expect(body.data.fields.map((field: { name: string }) => field.name)).toEqual(['user_id', 'first_name', 'x']);
  });

  it('is a 422 with the engine’s words when the query is wrong', async () => {
    const { status, body } = await post({}, 'SELECT first_nam FROM users');
    expect(status).toBe(422);
    expect(body.message).toMatch(/first_nam.*not found/);
    expect(body.metadata).toEqual({ field: 'configuration.query' });
  });

  it.each([
    [{ name: undefined }, 'name is required'],
    [{ connection_id: undefined }, 'connection_id is required'],
    [{ connection_id: 'nope' }, 'there is no connection nope'],
    [{ configuration: undefined }, 'configuration is required'],
    [{ configuration: {} }, 'configuration.query is required'],
    [{ fields: ['nope'] }, 'no column "nope"'],
    [{ identifier: 'nope' }, 'no field "nope"'],
    [{ tracking_columns: ['nope'] }, 'no field "nope"'],
    [{ relations: 'x' }, 'relations must be a list'],
    [{ additional_fields: [{ name: 'x' }] }, 'additional_fields[0].label is required'],
  ])('is a 422 that names what is wrong with %j', async (change, message) => {
    const { status, body } = await post(change);
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  });

  it('is a 422 on a connection that is no source, or whose credentials are wrong', async () => {
    const linkedIn = await createSignedIn(sandbox);
    expect((await post({ connection_id: linkedIn })).body.message).toContain('linkedinads are no source');
    const wrong = { ...SNOWFLAKE_BODY.configuration, password: 'wrong' };
    const unchecked = await createSnowflake(sandbox, { name: 'Unchecked', configuration: wrong, validate: false });
    const request = { name: 'M', connection_id: unchecked, configuration: { query: 'SELECT 1 AS one' } };
    const { status, body } = await sandbox.call('POST', '/api/models', request);
    expect(status).toBe(422);
    expect(body.message).toContain('Incorrect username or password');
  });

  it('is a 500 that points to async when the query takes longer than a request may', async () => {
    const { status, body } = await post({}, '/* sandbox: takes 5s */ SELECT 1 AS one');
    expect(status).toBe(500);
    expect(body.message).toContain('?async=true');
  });

  it('is a 422 when the connection is deleted while the query runs, and makes nothing', async () => {
    const connection_id = await createSnowflake(sandbox);
    const query = '/* sandbox: takes 200ms */ SELECT 1 AS one';
    const creation = sandbox.call('POST', '/api/models', { name: 'M', connection_id, configuration: { query } });
    await sandbox.call('DELETE', `/api/connections/${connection_id}`);
    expect((await creation).status).toBe(422);
    expect((await sandbox.call('GET', '/api/models')).body.data).toEqual([]);
  });
});

describe('creating a model as a job', () => {
  const job = (id: string, type = 'createmodel') => sandbox.call('GET', `/api/jobs/${type}/${id}`);
  const ended = (id: string) =>
    eventually(async () => {
      const { body } = await job(id);
      return ['done', 'failed'].includes(body.data.status) ? body.data : undefined;
    });

  it('answers at once, may take longer than a request, and ends with the model', async () => {
    const query = '/* sandbox: takes 400ms */ SELECT email FROM users;';
    const { status, body } = await post({}, query, '/api/models?async=true');
    expect(status).toBe(200);
    expect(body.data).toEqual({ job_id: expect.any(String), type: 'createmodel', status: 'created' });
    expect(body.job).toEqual(body.data);
    const done = await ended(body.data.job_id);
    expect(done).toMatchObject({ status: 'done', result: { name: 'M', fields: [{ name: 'email' }] } });
    expect((await sandbox.call('GET', `/api/models/${done.result.id}`)).body.data).toEqual(done.result);
  });

  it('fails with the engine’s words when the query is wrong', async () => {
    const { body } = await post({}, 'SELECT nope FROM users', '/api/models?async=true');
    expect(await ended(body.data.job_id)).toMatchObject({ status: 'failed', error: expect.stringContaining('nope') });
    expect((await sandbox.call('GET', '/api/models')).body.data).toEqual([]);
  });

  it('is refused at once when the body is wrong', async () => {
    expect((await post({ connection_id: 'nope' }, 'SELECT 1', '/api/models?async=true')).status).toBe(422);
  });

  it('is a 404 when there is no such job, and a 400 when there is no such type', async () => {
    expect((await job('nope')).status).toBe(404);
    expect((await job('nope', 'exportlogs')).status).toBe(404);
    expect((await job('nope', 'bake')).status).toBe(400);
  });
});

describe('reading and deleting models', () => {
  it('lists 50 a page, newest first, to the end', async () => {
    const connection = await createSnowflake(sandbox);
    const ids: string[] = [];
    for (let n = 0; n < 103; n += 1) ids.unshift(await createModel(sandbox, connection, `SELECT ${n} AS n`));
    const seen: string[] = [];
    const sizes: number[] = [];
    let token = '';
    do {
      const { body } = await sandbox.call('GET', `/api/models?page_token=${token}`);
      sizes.push(body.data.length);
      seen.push(...body.data.map((model: { id: string }) => model.id));
      token = body.pagination?.next_page_token ?? '';
    } while (token !== '');
    expect(sizes).toEqual([50, 50, 3]);
    expect(seen).toEqual(ids);
  });

  it('goes on after the last page’s last model though that one was deleted', async () => {
    const connection = await createSnowflake(sandbox);
    const ids: string[] = [];
    for (let n = 0; n < 52; n += 1) ids.unshift(await createModel(sandbox, connection, `SELECT ${n} AS n`));
    const first = await sandbox.call('GET', '/api/models');
    await sandbox.call('DELETE', `/api/models/${ids[49]}`);
    const second = await sandbox.call('GET', `/api/models?page_token=${first.body.pagination.next_page_token}`);
    expect(second.body.data.map((model: { id: string }) => model.id)).toEqual(ids.slice(50));
    expect(second.body.pagination).toBeUndefined();
  });

  it('is a 400 for a page token that nobody gave out', async () => {
    expect((await sandbox.call('GET', '/api/models?page_token=made-up')).status).toBe(400);
  });

  it('gets one, deletes it, and is a 404 from then on', async () => {
    const id = await createModel(sandbox, await createSnowflake(sandbox), 'SELECT 1 AS one');
    expect((await sandbox.call('GET', `/api/models/${id}`)).body.data.id).toBe(id);
    expect((await sandbox.call('DELETE', `/api/models/${id}`)).status).toBe(204);
    expect((await sandbox.call('GET', `/api/models/${id}`)).status).toBe(404);
    expect((await sandbox.call('DELETE', `/api/models/${id}`)).status).toBe(404);
  });
});
