import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  COMPANY_AUDIENCE,
  createModel,
  createSignedIn,
  createSnowflake,
  eventually,
  lastExecution,
  runningSandbox,
  syncBody,
} from './running-sandbox.ts';

const sandbox = runningSandbox({ executionPaceMs: 20 });
let snowflake: string;
let linkedIn: string;

beforeEach(async () => {
  snowflake = await createSnowflake(sandbox);
  linkedIn = await createSignedIn(sandbox);
});

async function createSync(query: string, change: object = {}): Promise<{ id: string; object: string; model: string }> {
  const model = await createModel(sandbox, snowflake, query);
  const { body } = await sandbox.call('POST', '/api/syncs', syncBody(model, linkedIn, change));
  return { id: body.data.id, object: body.data.target.object, model };
}

const start = (id: string, body: object = {}) => sandbox.call('POST', `/api/syncs/${id}/executions`, body);

async function members(object: string) {
  const { body } = await sandbox.call('GET', '/_sandbox/state');
  return body.data.audiences.find((audience: { id: string }) => audience.id === object);
}

const USERS = 'SELECT first_name, last_name, email FROM users WHERE user_id <= 200';

describe('an execution', () => {
  it('goes through the statuses in order, fills the audience, and counts', async () => {
    const { id, object } = await createSync(USERS);
    const { status, body } = await start(id);
    expect(status).toBe(200);
    expect(body.data).toEqual({ id: expect.any(String), status: 'created', created_at: expect.any(String) });
    const seen = [body.data.status];
    const done = await eventually(async () => {
      const { body: read } = await sandbox.call('GET', `/api/syncs/${id}/executions/${body.data.id}`);
      if (seen.at(-1) !== read.data.status) seen.push(read.data.status);
      return read.data.status === 'completed' ? read.data : undefined;
    });
    const order = ['created', 'queued', 'running', 'processing', 'completed'];
    expect(seen).toEqual(order.filter((each) => seen.includes(each)));
    // Users 100 and 200 have no e-mail.
    expect(done.counts).toEqual({ total: 200, insert: 198, update: 0, upserts: 0, delete: 0, error: 2, warnings: 0 });
    expect(done.errors).toEqual(['row 100: no value for field "Email"', 'row 200: no value for field "Email"']);
    expect(Date.parse(done.started_at)).toBeLessThanOrEqual(Date.parse(done.completed_at));
    const audience = await members(object);
    expect(audience.member_count).toBe(198);
    expect(Object.keys(audience.members[0]).toSorted()).toEqual(['Email', 'FirstName', 'LastName']);
  });

  it('inserts nothing twice in mode create', async () => {
    const { id, object } = await createSync(USERS);
    await start(id);
    await lastExecution(sandbox, id);
    await start(id, { resync: true });
    expect((await lastExecution(sandbox, id)).counts).toMatchObject({ total: 200, insert: 0, update: 0, error: 2 });
    expect((await members(object)).member_count).toBe(198);
  });

  it('removes what an other sync has put in, from the walkthrough’s audience', async () => {
    const target = { target: { connection_id: linkedIn, object: COMPANY_AUDIENCE } };
    const filling = await createSync(USERS, target);
    await start(filling.id);
    await lastExecution(sandbox, filling.id);
    const removing = await createSync(`${USERS} AND user_id <= 50`, { ...target, mode: 'remove' });
    await start(removing.id);
    expect((await lastExecution(sandbox, removing.id)).counts).toMatchObject({ total: 50, delete: 50 });
    expect((await members(COMPANY_AUDIENCE)).member_count).toBe(148);
  });

  it('only counts as a test, and only takes the identities that are named', async () => {
    const { id, object } = await createSync(USERS);
    await start(id, { test: true });
    expect((await lastExecution(sandbox, id)).counts.insert).toBe(198);
    expect((await members(object)).member_count).toBe(0);
    const [row] = (await sandbox.call('GET', '/_sandbox/state')).body.data.models[0].fields.slice(-1);
    await start(id, { identities: [row.example, 'nobody@example.com'] });
    expect((await lastExecution(sandbox, id)).counts).toMatchObject({ total: 1, insert: 1 });
    expect((await members(object)).members).toEqual([expect.objectContaining({ Email: row.example })]);
  });

  it('is refused with identities when the sync has none, and with a wrong body', async () => {
    const { id } = await createSync(USERS, {
      identity: undefined,
      target: { connection_id: linkedIn, object: COMPANY_AUDIENCE },
    });
    expect((await start(id, { identities: ['x'] })).status).toBe(422);
    expect((await start(id, { test: 'yes' })).status).toBe(422);
  });

  it('is a 409 while another one of the sync runs, and status tells which', async () => {
    const { id } = await createSync('/* sandbox: takes 300ms */ SELECT first_name, last_name, email FROM users');
    const first = await start(id);
    const second = await start(id);
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ key: 'conflict', status: 409, metadata: { execution_id: first.body.data.id } });
    const { body } = await sandbox.call('GET', `/api/syncs/${id}/status`);
    expect(body.data.current_execution.id).toBe(first.body.data.id);
    expect((await lastExecution(sandbox, id)).status).toBe('completed');
  });

  it('can be canceled, and then changes no audience', async () => {
    const { id, object } = await createSync(
      '/* sandbox: takes 100ms */ SELECT first_name, last_name, email FROM users',
    );
    await start(id);
    const { status, body } = await sandbox.call('POST', `/api/syncs/${id}/cancel`);
    expect(status).toBe(200);
    expect(body.data.message).toContain('is being canceled');
    expect(await lastExecution(sandbox, id)).toMatchObject({ status: 'canceled', completed_at: expect.any(String) });
    expect((await members(object)).member_count).toBe(0);
    expect((await sandbox.call('POST', `/api/syncs/${id}/cancel`)).body.data.message).toBe('nothing was running');
  });

  it('stops when its sync is deleted', async () => {
    const { id, object } = await createSync(
      '/* sandbox: takes 100ms */ SELECT first_name, last_name, email FROM users',
    );
    await start(id);
    expect((await sandbox.call('DELETE', `/api/syncs/${id}`)).status).toBe(204);
    const next = await createSync(USERS);
    await start(next.id);
    expect((await lastExecution(sandbox, next.id)).status).toBe('completed');
    expect((await members(object)).member_count).toBe(0);
  });

  it('fails when its model was deleted, and says so', async () => {
    const { id, model } = await createSync(USERS);
    await sandbox.call('DELETE', `/api/models/${model}`);
    await start(id);
    expect(await lastExecution(sandbox, id)).toMatchObject({
      status: 'failed',
      errors: [`model ${model} was deleted`],
    });
  });

  it('fails when the account of its audience is not enabled any more', async () => {
    const { id } = await createSync(USERS);
    await sandbox.call('PUT', `/api/connections/${linkedIn}`, {
      name: 'LinkedIn Ads',
      configuration: { accounts: [] },
    });
    await start(id);
    const { status, errors } = await lastExecution(sandbox, id);
    expect(status).toBe('failed');
    expect(errors[0]).toContain('in no account enabled');
  });

  it('fails when the Snowflake password was changed to a wrong one', async () => {
    const { id } = await createSync(USERS);
    const configuration = { account: 'uc193736182', username: 'user', password: 'wrong', dbname: 'database' };
    await sandbox.call('PUT', `/api/connections/${snowflake}`, { name: 'S', configuration, validate: false });
    await start(id);
    expect((await lastExecution(sandbox, id)).errors).toEqual(['Incorrect username or password was specified.']);
  });

  it('fails with the engine’s words when the query breaks, though it did not when the model was made', async () => {
    const breaksAt = Date.now() + 1_000;
    const late = `now() > TIMESTAMPTZ '${new Date(breaksAt).toISOString()}'`;
    const query = `SELECT email, first_name, CAST(CASE WHEN ${late} THEN 'x' ELSE '1' END AS INTEGER)::VARCHAR AS last_name FROM users`;
    const { id } = await createSync(query);
    await eventually(async () => (Date.now() > breaksAt ? true : undefined));
    await start(id);
    const { status, errors } = await lastExecution(sandbox, id);
    expect(status).toBe('failed');
    expect(errors[0]).toMatch(/^the model's query failed: Conversion Error/);
  });

  it('fails when the model returns more rows than a sync takes', async () => {
    const { id } = await createSync(
      "SELECT i::VARCHAR AS email, 'a' AS first_name, 'b' AS last_name FROM range(100001) t(i)",
    );
    await start(id);
    expect((await lastExecution(sandbox, id)).errors).toEqual(['the model returns more than 100000 rows']);
  });
});

describe('the list of executions', () => {
  it('has the newest first, or the oldest, or only the completed ones; 50 a page', async () => {
    const { id, model } = await createSync('SELECT email, first_name, last_name FROM users LIMIT 1');
    const ids: string[] = [];
    for (let n = 0; n < 52; n += 1) {
      if (n === 51) await sandbox.call('DELETE', `/api/models/${model}`);
      ids.unshift((await start(id)).body.data.id);
      if (n < 51) await sandbox.call('POST', `/api/syncs/${id}/cancel`);
      await lastExecution(sandbox, id);
    }
    const list = async (query: string) => (await sandbox.call('GET', `/api/syncs/${id}/executions?${query}`)).body;
    const first = await list('');
    expect(first.data.map((each: { id: string }) => each.id)).toEqual(ids.slice(0, 50));
    const second = await list(`page_token=${first.pagination.next_page_token}`);
    expect(second.data.map((each: { id: string }) => each.id)).toEqual(ids.slice(50));
    expect((await list('ascending=true')).data[0].id).toBe(ids.at(-1));
    expect((await list('only_completed=true')).data).toEqual([]);
  });

  it('is a 404 for an execution of another sync', async () => {
    const one = await createSync(USERS);
    const other = await createSync(USERS);
    const { body } = await start(one.id);
    expect((await sandbox.call('GET', `/api/syncs/${other.id}/executions/${body.data.id}`)).status).toBe(404);
    expect((await sandbox.call('GET', `/api/syncs/${other.id}/executions/nope`)).status).toBe(404);
  });
});
