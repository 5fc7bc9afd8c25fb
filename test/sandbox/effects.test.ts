import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { startSandbox } from '../../src/sandbox/listen.ts';
import {
  ACCOUNT,
  API_KEY,
  call,
  createModel,
  createSignedIn,
  createSnowflake,
  eventually,
  lastExecution,
  runningSandbox,
  SNOWFLAKE_BODY,
  syncBody,
} from './running-sandbox.ts';

const sandbox = runningSandbox();
const effects = async () =>
  (await sandbox.call('GET', '/_sandbox/effects')).body.data as Array<Record<string, unknown>>;
const told = async () => (await effects()).map(({ effect, kind, name }) => `${effect} ${kind} ${name}`);

describe('the journal of effects', () => {
  it('is empty before anything was made, and again after a reset', async () => {
    expect(await effects()).toEqual([]);
    await createSnowflake(sandbox);
    expect(await effects()).toHaveLength(1);
    await sandbox.call('POST', '/_sandbox/reset');
    expect(await effects()).toEqual([]);
  });

  it('tells of all that was made and deleted, in order, with what it belongs to', async () => {
    const snowflake = await createSnowflake(sandbox);
    const linkedIn = await createSignedIn(sandbox);
    const model = await createModel(sandbox, snowflake, 'SELECT * FROM users LIMIT 3');
    const made = await sandbox.call('POST', '/api/syncs', syncBody(model, linkedIn, { name: 'S' }));
    const sync: string = made.body.data.id;
    const audience: string = made.body.data.target.object;
    const run = await sandbox.call('POST', `/api/syncs/${sync}/executions`, {});
    await sandbox.call('DELETE', `/api/connections/${snowflake}?force=true`);

    const entries = await effects();
    expect(entries.map(({ sequence: _sequence, at: _at, ...entry }) => entry)).toEqual([
      { effect: 'created', kind: 'connection', id: snowflake, name: 'Snowflake Connection' },
      { effect: 'created', kind: 'connection', id: linkedIn, name: 'LinkedIn Ads' },
      { effect: 'created', kind: 'model', id: model, name: 'Active Users', parent: { connection: snowflake } },
      { effect: 'created', kind: 'audience', id: audience, name: 'New audience', parent: { account: ACCOUNT } },
      { effect: 'created', kind: 'sync', id: sync, name: 'S', parent: { model, connection: linkedIn, audience } },
      {
        effect: 'created',
        kind: 'execution',
        id: run.body.data.id,
        name: 'S',
        parent: { sync },
        cause: 'call',
      },
      { effect: 'deleted', kind: 'sync', id: sync, name: 'S', parent: { model, connection: linkedIn, audience } },
      { effect: 'deleted', kind: 'execution', id: run.body.data.id, name: 'S', parent: { sync }, cause: 'call' },
      { effect: 'deleted', kind: 'model', id: model, name: 'Active Users', parent: { connection: snowflake } },
      { effect: 'deleted', kind: 'connection', id: snowflake, name: 'Snowflake Connection' },
    ]);
    expect(entries.map(({ sequence }) => sequence)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.every(({ at }) => !Number.isNaN(Date.parse(String(at))))).toBe(true);
  });

  it('tells an execution that a continuous sync began by itself from one that was asked for', async () => {
    const linkedIn = await createSignedIn(sandbox);
    const model = await createModel(sandbox, await createSnowflake(sandbox), 'SELECT * FROM users LIMIT 3');
    const schedule = { frequency: 'continuous' };
    const { body } = await sandbox.call('POST', '/api/syncs', syncBody(model, linkedIn, { schedule }));
    await lastExecution(sandbox, body.data.id);
    await sandbox.call('POST', `/api/syncs/${body.data.id}/executions`, {});
    const executions = (await effects()).filter(({ kind }) => kind === 'execution');
    expect(executions.map(({ cause }) => cause)).toEqual(['schedule', 'call']);
  });

  it('says nothing of a change, a refusal or a call that is only repeated', async () => {
    const headers = { 'idempotency-key': 'key-00001' };
    const { body } = await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY, headers);
    await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY, headers);
    await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY);
    await sandbox.call('PUT', `/api/connections/${body.data.id}`, { ...SNOWFLAKE_BODY, name: 'Renamed' });
    expect(await told()).toEqual(['created connection Snowflake Connection']);
  });

  it('has the audience of a sync that was not made, and the model of a job', async () => {
    const linkedIn = await createSignedIn(sandbox);
    const snowflake = await createSnowflake(sandbox);
    const model = await createModel(sandbox, snowflake, 'SELECT * FROM users LIMIT 3');
    await sandbox.call('POST', '/_sandbox/faults', { times: 1, status: 500, when: 'partly' });
    await sandbox.call('POST', '/api/syncs', syncBody(model, linkedIn));
    expect((await told()).at(-1)).toBe('created audience New audience');
    const later = { name: 'Later', connection_id: snowflake, configuration: { query: 'SELECT 1 AS one' } };
    const { body } = await sandbox.call('POST', '/api/models?async=true', later);
    await eventually(async () => {
      const job = await sandbox.call('GET', `/api/jobs/createmodel/${body.data.job_id}`);
      return job.body.data.status === 'done' ? true : undefined;
    });
    expect((await told()).at(-1)).toBe('created model Later');
  });

  it('is there after a restart', async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'sandbox-effects-'));
    const first = await startSandbox({ stateDir, apiKey: API_KEY });
    await call(first.url, 'POST', '/api/connections', SNOWFLAKE_BODY);
    const before = (await call(first.url, 'GET', '/_sandbox/effects')).body;
    await first.close();
    const second = await startSandbox({ stateDir, apiKey: API_KEY });
    expect(before.data).toHaveLength(1);
    expect((await call(second.url, 'GET', '/_sandbox/effects')).body).toEqual(before);
    await second.close();
    rmSync(stateDir, { recursive: true });
  });
});
