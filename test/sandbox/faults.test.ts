import { describe, expect, it } from '@jest/globals';
import {
  createModel,
  createSignedIn,
  createSnowflake,
  eventually,
  runningSandbox,
  SNOWFLAKE_BODY,
  syncBody,
} from './running-sandbox.ts';

const sandbox = runningSandbox();
const fault = (body: unknown) => sandbox.call('POST', '/_sandbox/faults', body);
const me = () => sandbox.call('GET', '/api/me');
const names = async () =>
  (await sandbox.call('GET', '/api/connections')).body.data.map((each: { name: string }) => each.name) as string[];

describe('a fault', () => {
  it('strikes the next calls of its kind, as many as it was told, and no others', async () => {
    const { status, body } = await fault({
      match: { method: 'get', path: '/api/connections/*' },
      times: 2,
      status: 500,
    });
    expect(status).toBe(201);
    expect(body.data).toMatchObject({ method: 'GET', path: '/api/connections/*', times: 2, status: 500 });
    const id = await createSnowflake(sandbox);
    const get = async () => (await sandbox.call('GET', `/api/connections/${id}`)).status;
    expect((await sandbox.call('GET', '/api/connections')).status).toBe(200);
    expect((await sandbox.call('GET', `/api/connections/${id}/parameter_values`)).status).toBe(422);
    expect([await get(), await get(), await get()]).toEqual([500, 500, 200]);
    expect((await sandbox.call('GET', '/_sandbox/faults')).body.data).toEqual([]);
  });

  it('strikes all calls until it is taken away, when it was told no number', async () => {
    await fault({ status: 502, message: 'bad gateway' });
    for (let n = 0; n < 3; n += 1)
      expect(await me()).toMatchObject({ status: 502, body: { message: 'bad gateway', status: 502 } });
    expect((await sandbox.call('GET', '/_sandbox/faults')).body.data).toHaveLength(1);
    expect((await sandbox.call('DELETE', '/_sandbox/faults')).status).toBe(204);
    expect((await me()).status).toBe(200);
  });

  it('gives Retry-After as it was told: seconds or a date', async () => {
    await fault({ times: 1, status: 429, retryAfter: 7 });
    await fault({ times: 1, status: 503, retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' });
    const first = await me();
    expect([first.status, first.headers.get('retry-after')]).toEqual([429, '7']);
    const second = await me();
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, 'Wed, 21 Oct 2026 07:28:00 GMT']);
    expect((await me()).headers.get('retry-after')).toBeNull();
  });

  it('has the shape of a 401 when it is one', async () => {
    await fault({ times: 1, status: 401, message: 'revoked' });
    expect((await me()).body).toEqual({ code: 401, context: {}, error: 'revoked', status: 'Unauthorized' });
  });

  it('holds a call up', async () => {
    await fault({ match: { path: '/api/me' }, times: 1, latencyMs: 200 });
    const order: string[] = [];
    await Promise.all([
      me().then(() => order.push('held up')),
      sandbox.call('GET', '/api/connections').then(() => order.push('not')),
    ]);
    expect(order).toEqual(['not', 'held up']);
  });

  it('after the effect leaves the effect', async () => {
    await fault({ match: { method: 'POST', path: '/api/connections' }, times: 1, status: 500, when: 'after' });
    expect((await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY)).status).toBe(500);
    expect(await names()).toEqual(['Snowflake Connection']);
    await fault({ match: { method: 'GET' }, times: 1, status: 500, when: 'after' });
    expect((await me()).status).toBe(500);
  });

  it('drops the connection before the effect, or after it', async () => {
    const post = (name: string) => sandbox.call('POST', '/api/connections', { ...SNOWFLAKE_BODY, name });
    await fault({ match: { method: 'POST' }, times: 1, drop: true });
    await expect(post('Before')).rejects.toThrow();
    await fault({ match: { method: 'POST' }, times: 1, drop: true, when: 'after' });
    await expect(post('After')).rejects.toThrow();
    expect(await names()).toEqual(['After']);
    const { body } = await sandbox.call('GET', '/_sandbox/requests');
    expect(body.data.map((entry: { status: number | null }) => entry.status)).toEqual([null, null, 200]);
  });

  it('partly: leaves an audience without a sync', async () => {
    const connection = await createSignedIn(sandbox);
    const model = await createModel(sandbox, await createSnowflake(sandbox), 'SELECT * FROM users');
    const headers = { 'idempotency-key': 'key-00001' };
    await fault({ times: 1, status: 500, when: 'partly' });
    const first = await sandbox.call('POST', '/api/syncs', syncBody(model, connection), headers);
    expect(first.status).toBe(500);
    expect((await sandbox.call('POST', '/api/syncs', syncBody(model, connection), headers)).body).toEqual(first.body);
    await fault({ times: 1, drop: true, when: 'partly' });
    await expect(sandbox.call('POST', '/api/syncs', syncBody(model, connection))).rejects.toThrow();
    const { body } = await sandbox.call('GET', `/api/connections/${connection}/modelsync/targetobjects`);
    expect(body.data.filter((each: { name: string }) => each.name === 'New audience')).toHaveLength(2);
    expect((await sandbox.call('GET', '/api/syncs')).body.data).toEqual([]);
  });

  it('lets a new connection’s cache not be ready for a while', async () => {
    await fault({ cacheNotReadyMs: 1_000, times: 2 });
    const snowflake = await createSnowflake(sandbox);
    const linkedIn = await createSignedIn(sandbox);
    const model = () =>
      sandbox.call('POST', '/api/models', {
        name: 'M',
        connection_id: snowflake,
        configuration: { query: 'SELECT 1 AS one' },
      });
    const targets = () => sandbox.call('GET', `/api/connections/${linkedIn}/modelsync/targetobjects`);
    // All at once, so that no cache gets ready between two of them.
    for (const { status, body } of await Promise.all([model(), targets()])) {
      expect({ status, message: body.message }).toEqual({ status: 422, message: 'cache refresh in progress' });
    }
    for (const send of [model, targets]) {
      await eventually(async () => ((await send()).status === 200 ? true : undefined));
    }
  });

  it.each([
    [{}, 'needs a status, drop, latencyMs or cacheNotReadyMs'],
    [{ status: 200 }, 'status must be a whole number from 400 to 599'],
    [{ status: '500' }, 'status must be a whole number'],
    [{ status: 500, drop: true }, 'not both'],
    [{ status: 500, when: 'later' }, 'when must be'],
    [{ status: 429, when: 'after' }, 'it comes "before"'],
    [{ status: 500, times: 0 }, 'times must be'],
    [{ latencyMs: -1 }, 'latencyMs must be'],
    [{ status: 500, match: { path: '/elsewhere' } }, 'match.path must start with /api/'],
    [{ status: 500, match: 'x' }, 'match must be an object'],
    [{ status: 429, retryAfter: {} }, 'retryAfter must be'],
  ])('is a 422 that says what is wrong with %j', async (body, message) => {
    const answer = await fault(body);
    expect(answer.status).toBe(422);
    expect(answer.body.message).toContain(message);
    expect((await sandbox.call('GET', '/_sandbox/faults')).body.data).toEqual([]);
  });

  it('is a 400 when its body is no JSON object', async () => {
    expect((await fault('{')).status).toBe(400);
    expect((await fault('[]')).status).toBe(400);
    const text = await sandbox.call('POST', '/_sandbox/faults', '{"status":500}', { 'content-type': 'text/plain' });
    expect(text.body.message).toContain('Content-Type: application/json');
  });
});
