import { beforeEach, describe, expect, it } from '@jest/globals';
import {
  ACCOUNT,
  COMPANY_AUDIENCE,
  createLinkedIn,
  createModel,
  createSignedIn,
  createSnowflake,
  lastExecution,
  OTHER_ACCOUNT,
  runningSandbox,
  syncBody,
} from './running-sandbox.ts';

const sandbox = runningSandbox();
let snowflake: string;
let linkedIn: string;
let model: string;

beforeEach(async () => {
  snowflake = await createSnowflake(sandbox);
  linkedIn = await createSignedIn(sandbox);
  model = await createModel(
    sandbox,
    snowflake,
    'SELECT first_name, last_name, email, country FROM users WHERE user_id <= 10',
  );
});

const post = (change: object = {}) => sandbox.call('POST', '/api/syncs', syncBody(model, linkedIn, change));
const existing = (connection = linkedIn) => ({ target: { connection_id: connection, object: COMPANY_AUDIENCE } });
const source = (field: string, model_id = model) => ({ field, model_id });

describe('creating a sync', () => {
  it('into an existing audience echoes what was sent, and adds nothing that nobody sent', async () => {
    const sent = syncBody(model, linkedIn, existing());
    const { status, body } = await sandbox.call('POST', '/api/syncs', sent);
    expect(status).toBe(200);
    const { id, organization_id, created_at, created_by, updated_at, updated_by, model_ids, ...rest } = body.data;
    expect(rest).toEqual({ ...sent, active: true, sync_all_records: false });
    expect(model_ids).toEqual([model]);
    expect(created_by).toEqual({ id: expect.any(String), name: expect.any(String), type: 'user' });
    expect((await sandbox.call('GET', `/api/syncs/${id}`)).body).toEqual(body);
  });

  it('into a new audience makes it under exactly the name that was asked for', async () => {
    const { body } = await post();
    expect(body.data.target).toEqual({
      connection_id: linkedIn,
      object: expect.stringMatching(new RegExp(`^${ACCOUNT}~user_audience\\.\\d+$`)),
    });
    const { body: targets } = await sandbox.call('GET', `/api/connections/${linkedIn}/modelsync/targetobjects`);
    expect(targets.data.at(-1)).toMatchObject({ id: body.data.target.object, name: 'New audience' });
  });

  it('makes a second audience of the same name when asked again', async () => {
    const [first, second] = [await post(), await post()];
    expect(first.body.data.target.object).not.toBe(second.body.data.target.object);
  });

  it('keeps a passphrase to itself', async () => {
    const { body } = await post({ encryption_passphrase: 'hunter2', sync_all_records: true, active: false });
    expect(body.data).toMatchObject({ encryption_passphrase: '********', sync_all_records: true, active: false });
    expect(JSON.stringify((await sandbox.call('GET', '/_sandbox/state')).body)).not.toContain('hunter2');
  });

  it('takes a model’s field by its id too', async () => {
    const { body } = await sandbox.call('GET', `/api/models/${model}`);
    const { status } = await post({ fields: [{ source: source(body.data.fields[0].id), target: 'FirstName' }] });
    expect(status).toBe(200);
  });

  it.each<[string, () => object, string]>([
    ['no name', () => ({ name: ' ' }), 'name is required'],
    ['an unknown mode', () => ({ mode: 'upsert' }), 'use one of create, update'],
    ['a mode that the target has not', () => ({ mode: 'replace', ...existing() }), 'it supports create, remove'],
    ['no schedule', () => ({ schedule: undefined }), 'schedule is required'],
    ['an unknown frequency', () => ({ schedule: { frequency: 'sometimes' } }), 'use one of manual, continuous'],
    ['a number for an hour', () => ({ schedule: { frequency: 'daily', hour: 3 } }), 'schedule.hour must be a text'],
    [
      'a run after an unknown sync',
      () => ({ schedule: { frequency: 'runafter', run_after: { sync_ids: ['nope'] } } }),
      'there is no sync nope',
    ],
    ['a run after nothing', () => ({ schedule: { frequency: 'runafter', run_after: {} } }), 'at least one sync'],
    ['no target', () => ({ target: undefined }), 'target is required'],
    ['an unknown connection', () => ({ target: { connection_id: 'nope', object: 'x' } }), 'no connection nope'],
    ['a Snowflake target', () => ({ target: { connection_id: snowflake, object: 'x' } }), 'cannot be a target'],
    ['an unknown audience', () => ({ target: { connection_id: linkedIn, object: 'nope' } }), 'no target object "nope"'],
    ['neither object nor create', () => ({ target: { connection_id: linkedIn } }), 'either an object, or create'],
    [
      'both object and create',
      () => ({ target: { connection_id: linkedIn, object: COMPANY_AUDIENCE, create: {} } }),
      'either an object, or create',
    ],
    [
      'an account that is not enabled',
      () => ({
        target: { connection_id: linkedIn, create: { name: 'x', type: 'user_audience', account: OTHER_ACCOUNT } },
      }),
      'no account enabled',
    ],
    [
      'an unknown type of audience',
      () => ({ target: { connection_id: linkedIn, create: { name: 'x', type: 'cat_audience', account: ACCOUNT } } }),
      'company_audience, user_audience',
    ],
    [
      'an audience without a name',
      () => ({ target: { connection_id: linkedIn, create: { name: '', type: 'user_audience', account: ACCOUNT } } }),
      'target.create.name is required',
    ],
    [
      'an unknown creation property',
      () => ({ target: { connection_id: linkedIn, create: { colour: 'x' } } }),
      'no property "colour"',
    ],
    [
      'an unknown model',
      () => ({ fields: [{ source: source('email', 'nope'), target: 'FirstName' }] }),
      'joins no models',
    ],
    [
      'an unknown model in all places',
      () => ({ identity: undefined, fields: [{ source: source('email', 'nope'), target: 'Email' }] }),
      'there is no model nope',
    ],
    ['an unknown column', () => ({ fields: [{ source: source('nope'), target: 'FirstName' }] }), 'has no field "nope"'],
    ['an unknown target field', () => ({ fields: [{ source: source('email'), target: 'Nope' }] }), 'no field "Nope"'],
    ['a field without a source', () => ({ fields: [{ target: 'FirstName' }] }), 'fields[0].source is required'],
    ['a field mapped twice', () => ({ fields: [{ source: source('email'), target: 'Email' }] }), 'mapped twice'],
    [
      'a mode per field',
      () => ({ fields: [{ source: source('email'), target: 'Email', sync_mode: 'create' }] }),
      'sync_mode',
    ],
    [
      'encryption without a passphrase',
      () => ({ fields: [{ source: source('email'), target: 'Email', encryption_enabled: true }] }),
      'needs an encryption_passphrase',
    ],
    ['a required field left out', () => ({ identity: undefined }), 'requires field "Email"'],
    [
      'no identity where it is needed',
      () => ({ mode: 'update', identity: undefined }),
      'identity is required for mode "update"',
    ],
    [
      'an identity that cannot identify',
      () => ({ identity: { source: source('email'), target: 'FirstName', function: 'Equality' } }),
      'use one of Email',
    ],
    [
      'an unknown identity function',
      () => ({ identity: { source: source('email'), target: 'Email', function: 'Sameness' } }),
      'is no identity function',
    ],
    [
      'an identity function that the field has not',
      () => ({ identity: { source: source('email'), target: 'Email', function: 'ISubstring' } }),
      'is not supported by field "Email"',
    ],
    ['nothing to sync', () => ({ ...existing(), identity: undefined, fields: [] }), 'at least one field'],
    ['filters that are no list', () => ({ filters: {} }), 'filters must be a list'],
  ])('is a 422 that names what is wrong with %s, and makes no audience', async (_what, change, message) => {
    const { status, body } = await post(change());
    expect(body.message).toContain(message);
    expect(status).toBe(422);
    const { body: targets } = await sandbox.call('GET', `/api/connections/${linkedIn}/modelsync/targetobjects`);
    expect(targets.data).toHaveLength(1);
  });

  it('is a 400 before the sign-in', async () => {
    const { id } = await createLinkedIn(sandbox, { name: 'Unsigned' });
    expect((await post(existing(id))).status).toBe(400);
  });
});

describe('reading syncs', () => {
  it('lists the newest first, by activity, mode and target', async () => {
    const other = await createSignedIn(sandbox, [ACCOUNT], 'Other');
    const ids: string[] = [];
    for (const change of [{}, { active: false }, { mode: 'updateOrCreate' }, existing(other)]) {
      ids.unshift((await post(change)).body.data.id);
    }
    const list = async (query: string) =>
      (await sandbox.call('GET', `/api/syncs?${query}`)).body.data.map((sync: { id: string }) => ids.indexOf(sync.id));
    expect(await list('')).toEqual([0, 1, 2, 3]);
    expect(await list('active=false')).toEqual([2]);
    expect(await list('mode=updateOrCreate')).toEqual([1]);
    expect(await list(`target_connection_id=${other}&active=true`)).toEqual([0]);
    expect((await sandbox.call('GET', '/api/syncs?active=maybe')).status).toBe(400);
  });

  it('is a 404 for what is not there', async () => {
    for (const [method, rest] of [
      ['GET', ''],
      ['PUT', ''],
      ['DELETE', ''],
      ['POST', '/activate'],
      ['POST', '/executions'],
      ['GET', '/executions'],
      ['GET', '/executions/1'],
      ['GET', '/status'],
      ['POST', '/cancel'],
    ] as const) {
      const { status, body } = await sandbox.call(method, `/api/syncs/nope${rest}`);
      expect({ method, rest, status, message: body.message }).toMatchObject({
        status: 404,
        message: 'sync nope was not found',
      });
    }
  });
});

describe('changing a sync', () => {
  it('replaces it whole', async () => {
    const { body: made } = await post({ active: false, policies: ['p'] });
    const sent = syncBody(model, linkedIn, { ...existing(), name: 'Other name' });
    const { status, body } = await sandbox.call('PUT', `/api/syncs/${made.data.id}`, sent);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ ...sent, id: made.data.id, created_at: made.data.created_at, active: true });
    expect(body.data).not.toHaveProperty('policies');
    expect((await sandbox.call('PUT', `/api/syncs/${made.data.id}`, { ...sent, mode: 'nope' })).status).toBe(422);
  });

  it('activates and deactivates it', async () => {
    const { body: made } = await post();
    const activate = (body: object) => sandbox.call('POST', `/api/syncs/${made.data.id}/activate`, body);
    expect((await activate({ active: false })).body).toEqual({ data: { id: made.data.id, active: false } });
    expect((await sandbox.call('GET', `/api/syncs/${made.data.id}`)).body.data.active).toBe(false);
    expect((await activate({})).status).toBe(422);
  });

  it('runs a continuous one once when it is made, and again when it becomes active or continuous', async () => {
    const executions = async (id: string) => {
      await lastExecution(sandbox, id);
      return (await sandbox.call('GET', `/api/syncs/${id}/executions`)).body.data.length;
    };
    const continuous = { schedule: { frequency: 'continuous' } };
    const id = (await post(continuous)).body.data.id;
    expect(await executions(id)).toBe(1);
    await sandbox.call('POST', `/api/syncs/${id}/activate`, { active: true });
    expect(await executions(id)).toBe(1);
    await sandbox.call('POST', `/api/syncs/${id}/activate`, { active: false });
    await sandbox.call('POST', `/api/syncs/${id}/activate`, { active: true });
    expect(await executions(id)).toBe(2);

    const manual = (await post()).body.data.id;
    await sandbox.call('PUT', `/api/syncs/${manual}`, syncBody(model, linkedIn, continuous));
    expect(await executions(manual)).toBe(1);
  });

  it('deletes it, with its executions', async () => {
    const { body } = await post({ schedule: { frequency: 'continuous' } });
    expect((await sandbox.call('DELETE', `/api/syncs/${body.data.id}`)).status).toBe(204);
    expect((await sandbox.call('GET', `/api/syncs/${body.data.id}`)).status).toBe(404);
    expect((await sandbox.call('GET', '/_sandbox/state')).body.data.executions).toEqual([]);
  });
});
