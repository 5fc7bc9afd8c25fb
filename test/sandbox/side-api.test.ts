import { describe, expect, it } from '@jest/globals';
import { RequestLog } from '../../src/sandbox/request-log.ts';
import { createLinkedIn, createModel, createSnowflake, runningSandbox, SNOWFLAKE_BODY } from './running-sandbox.ts';

const sandbox = runningSandbox();

describe('the state', () => {
  it('needs no key, and has everything but secrets and sign-in links', async () => {
    const snowflake = await createSnowflake(sandbox);
    const { authUrl } = await createLinkedIn(sandbox);
    await createModel(sandbox, snowflake, 'SELECT 1 AS one');
    const response = await fetch(`${sandbox.url}/_sandbox/state`);
    const text = await response.text();
    const { data } = JSON.parse(text);
    expect(data.connections).toMatchObject([
      { id: snowflake, secrets: { password: '********' }, awaits_sign_in: false },
      { name: 'LinkedIn Ads', awaits_sign_in: true },
    ]);
    expect(data.models).toHaveLength(1);
    expect(data.audiences[0]).toMatchObject({
      name: 'Company Audience: Polytomic-Created Company List',
      member_count: 0,
      members: [],
    });
    expect(data).toMatchObject({ jobs: [], syncs: [], executions: [], idempotency_keys: 0 });
    expect(text).not.toContain(new URL(authUrl).searchParams.get('state'));
    expect(text).not.toContain('"secret"');
  });
});

describe('a job in the state', () => {
  it('has its call without what looks like a secret', async () => {
    const connection_id = await createSnowflake(sandbox);
    const model = { name: 'M', connection_id, configuration: { query: 'SELECT 1 AS one' }, api_token: 'hunter2' };
    await sandbox.call('POST', '/api/models?async=true', model);
    const { body } = await sandbox.call('GET', '/_sandbox/state');
    expect(body.data.jobs).toMatchObject([{ request: { ...model, api_token: '********' } }]);
  });
});

describe('the request log', () => {
  it('has calls with key, status and redacted body, after a number', async () => {
    const key = { 'idempotency-key': 'key-00001' };
    await sandbox.call('POST', '/api/connections?x=1', SNOWFLAKE_BODY, key);
    await sandbox.call('POST', '/api/connections?x=1', SNOWFLAKE_BODY, key);
    await sandbox.call('POST', '/api/models', 'password=hunter2');
    const { body } = await sandbox.call('GET', '/_sandbox/requests');
    const [first, second, third] = body.data;
    expect(first).toMatchObject({
      method: 'POST',
      path: '/api/connections?x=1',
      status: 200,
      idempotency_key: 'key-00001',
      replayed: false,
      body: { name: 'Snowflake Connection', configuration: { username: 'user', password: '********' } },
    });
    expect(second.replayed).toBe(true);
    expect(third.status).toBe(400);
    expect(JSON.stringify(body)).not.toContain('hunter2');
    const later = await sandbox.call('GET', `/_sandbox/requests?after=${second.number}`);
    expect(later.body.data).toEqual([third]);
    expect((await sandbox.call('GET', '/_sandbox/requests?after=x')).status).toBe(400);
  });

  it('keeps the newest ten thousand', () => {
    const log = new RequestLog();
    for (let n = 0; n < 10_002; n += 1) log.add({ method: 'GET', path: '/', status: 200, replayed: false });
    expect(log.after(0)).toHaveLength(10_000);
    expect(log.after(0)[0]?.number).toBe(3);
  });
});

describe('a reset', () => {
  it('forgets everything but the seeds', async () => {
    await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY, { 'idempotency-key': 'key-00001' });
    await sandbox.call('POST', '/_sandbox/faults', { status: 500 });
    expect((await sandbox.call('POST', '/_sandbox/reset')).status).toBe(204);
    const { body } = await sandbox.call('GET', '/_sandbox/state');
    expect(body.data).toMatchObject({ connections: [], idempotency_keys: 0 });
    expect(body.data.audiences).toHaveLength(4);
    expect((await sandbox.call('GET', '/_sandbox/requests')).body.data).toEqual([]);
    const again = await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY, { 'idempotency-key': 'key-00001' });
    expect(again.status).toBe(200);
  });
});
