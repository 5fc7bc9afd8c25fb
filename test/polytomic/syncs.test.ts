import { describe, expect, it } from '@jest/globals';
import type { SyncBody } from '../../src/polytomic/syncs.ts';
import { always, rejection, withApi } from './api-server.ts';

const BODY: SyncBody = {
  name: 'New audience',
  mode: 'create',
  identity: { source: { model_id: 'm1', field: 'email' }, target: 'Email', function: 'equality' },
  fields: [
    { source: { model_id: 'm1', field: 'first_name' }, target: 'FirstName' },
    { target: 'Company', override_value: 'Acme' },
  ],
  schedule: { frequency: 'continuous' },
  target: { connection_id: 'c1', create: { name: 'New audience', type: 'user_audience', account: '512630692::urn' } },
};
const SYNC = {
  ...BODY,
  id: 's1',
  active: true,
  sync_all_records: false,
  created_by: { id: 'u1', name: 'U', type: 'user' },
};
const EXECUTION = { id: 'e1', status: 'completed', counts: { total: 3, insert: 2, error: 1 }, errors: ['row 3'] };
const KEY = 'idempotency-key_1';

describe('syncs', () => {
  it('are created, read, replaced and deleted', () =>
    withApi(always({ data: SYNC }), async ({ client, received }) => {
      expect(await client.syncs.create(BODY, { idempotencyKey: KEY })).toEqual(SYNC);
      expect(await client.syncs.get('s1')).toEqual(SYNC);
      expect(await client.syncs.update('s1', BODY)).toEqual(SYNC);
      await client.syncs.delete('s1');
      expect(received).toMatchObject([
        { method: 'POST', url: '/api/syncs', body: BODY, headers: { 'idempotency-key': KEY } },
        { method: 'GET', url: '/api/syncs/s1' },
        { method: 'PUT', url: '/api/syncs/s1', body: BODY },
        { method: 'DELETE', url: '/api/syncs/s1' },
      ]);
      expect(received[2]?.headers).not.toHaveProperty('idempotency-key');
    }));

  it.each([
    [{}, ''],
    [{ active: false }, '?active=false'],
    [
      { active: true, mode: 'create', target_connection_id: 'c 1&' } as const,
      '?active=true&mode=create&target_connection_id=c+1%26',
    ],
  ])('are listed by %j', (filter, query) =>
    withApi(always({ data: [SYNC] }), async ({ client, received }) => {
      expect(await client.syncs.list(filter)).toEqual([SYNC]);
      expect(received[0]?.url).toBe(`/api/syncs${query}`);
    }),
  );

  it('are listed by the same filter on each page', () => {
    let page = 0;
    return withApi(
      (request, response) => {
        const pagination = page++ === 0 ? { next_page_token: 'two' } : {};
        always({ data: [{ id: `s${page}`, name: 'S' }], pagination })(request, response);
      },
      async ({ client, received }) => {
        expect(await client.syncs.list({ target_connection_id: 'c1' })).toHaveLength(2);
        expect(received[1]?.url).toBe('/api/syncs?target_connection_id=c1&page_token=two');
      },
    );
  });

  it('never show their passphrase in an error', () =>
    withApi(always({ message: 'bad passphrase correct-horse' }, 422), async ({ client }) => {
      const body = { ...BODY, encryption_passphrase: 'correct-horse' };
      expect(String(await rejection(client.syncs.create(body, { idempotencyKey: KEY })))).toContain(
        'bad passphrase [redacted]',
      );
    }));

  it.each([
    [{ id: undefined }, 'data.id is missing, not a text with something in it'],
    [{ fields: [{}] }, 'data.fields[0].target is missing, not a text'],
    [{ target: { object: 'x' } }, 'data.target.connection_id is missing, not a text with something in it'],
    [{ identity: { target: 'x', function: 'y' } }, 'data.identity.source is missing, not an object'],
    [
      { mode: 'destroy' },
      'data.mode is a text, not one of create, update, updateOrCreate, replace, append, remove, snapshot',
    ],
  ])('are not believed where they are not as documented (%#)', (fault, detail) =>
    withApi(always({ data: { ...SYNC, ...fault } }), async ({ client }) => {
      expect(await rejection(client.syncs.get('s1'))).toMatchObject({ detail });
    }),
  );

  it('are switched on and off', () =>
    withApi(always({ data: { id: 's1', active: false } }), async ({ client, received }) => {
      expect(await client.syncs.activate('s1', false)).toMatchObject({ active: false });
      expect(received).toMatchObject([{ method: 'POST', url: '/api/syncs/s1/activate', body: { active: false } }]);
      expect(received[0]?.headers).not.toHaveProperty('idempotency-key');
    }));
});

describe('executions', () => {
  it('are started with an idempotency key', () =>
    withApi(always({ data: { id: 'e1', status: 'created' } }), async ({ client, received }) => {
      expect(await client.syncs.startExecution('s1', { resync: true }, { idempotencyKey: KEY })).toEqual({
        id: 'e1',
        status: 'created',
      });
      expect(received).toMatchObject([
        {
          method: 'POST',
          url: '/api/syncs/s1/executions',
          body: { resync: true },
          headers: { 'idempotency-key': KEY },
        },
      ]);
    }));

  it('are read one by one', () =>
    withApi(always({ data: EXECUTION }), async ({ client, received }) => {
      expect(await client.syncs.getExecution('s1', 'e1')).toEqual(EXECUTION);
      expect(received[0]?.url).toBe('/api/syncs/s1/executions/e1');
    }));

  it('are listed a page, also where there are more', () =>
    withApi(always({ data: [EXECUTION], pagination: { next_page_token: 'more' } }), async ({ client, received }) => {
      expect(await client.syncs.listExecutions('s1')).toEqual([EXECUTION]);
      expect(received.map(({ url }) => url)).toEqual(['/api/syncs/s1/executions']);
    }));

  it('may have a status that this client does not know', () =>
    withApi(always({ data: { ...EXECUTION, status: 'paused' } }), async ({ client }) => {
      expect((await client.syncs.getExecution('s1', 'e1')).status).toBe('paused');
    }));

  it('show in the status of their sync, which has none running where it says null', () =>
    withApi(always({ data: { current_execution: null, last_execution: EXECUTION } }), async ({ client, received }) => {
      expect(await client.syncs.status('s1')).toEqual({ last_execution: EXECUTION });
      expect(received[0]?.url).toBe('/api/syncs/s1/status');
    }));

  it('are cancelled, whatever the answer says beyond its success', () =>
    withApi(
      (_request, response) => response.writeHead(202).end('accepted'),
      async ({ client, received }) => {
        await client.syncs.cancel('s1');
        expect(received).toMatchObject([{ method: 'POST', url: '/api/syncs/s1/cancel', body: undefined }]);
      },
    ));
});
