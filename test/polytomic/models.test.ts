import { describe, expect, it } from '@jest/globals';
import { always, json, rejection, withApi } from './api-server.ts';

const MODEL = {
  id: 'm1',
  name: 'Active Users',
  connection_id: 'c1',
  configuration: { query: 'SELECT email FROM users' },
  fields: [{ id: 'f1', name: 'email', label: 'Email', type: 'string' }],
  created_at: '2026-03-01T12:00:00Z',
};
const BODY = { name: 'Active Users', connection_id: 'c1', configuration: { query: 'SELECT email FROM users' } };
const JOB = { job_id: 'j1', type: 'createmodel', status: 'created' };
const KEY = 'idempotency-key_1';

describe('models', () => {
  it('are listed over all pages, each page asked for by the token of the one before', () =>
    withApi(
      ({ url }, response) => {
        const token = new URL(url, 'http://x').searchParams.get('page_token');
        const next = { null: 'a+b/c=', 'a+b/c=': 'third', third: '' }[String(token)];
        json(response, { data: [{ ...MODEL, id: `after ${token}` }], pagination: { next_page_token: next } });
      },
      async ({ client, received }) => {
        const ids = (await client.models.list()).map(({ id }) => id);
        expect(ids).toEqual(['after null', 'after a+b/c=', 'after third']);
        expect(received[0]?.url).toBe('/api/models');
      },
    ));

  it.each([{}, { pagination: {} }, { pagination: null }, { pagination: { next_page_token: null } }])(
    'are listed with one call where the answer says %j about more',
    (pagination) =>
      withApi(always({ data: [MODEL], ...pagination }), async ({ client, received }) => {
        expect(await client.models.list()).toEqual([MODEL]);
        expect(received).toHaveLength(1);
      }),
  );

  it('are read, created and deleted', () =>
    withApi(always({ data: MODEL }), async ({ client, received }) => {
      expect(await client.models.get('m1')).toEqual(MODEL);
      expect(await client.models.create(BODY, { idempotencyKey: KEY })).toEqual(MODEL);
      await client.models.delete('m1');
      expect(received).toMatchObject([
        { method: 'GET', url: '/api/models/m1' },
        { method: 'POST', url: '/api/models', body: BODY, headers: { 'idempotency-key': KEY } },
        { method: 'DELETE', url: '/api/models/m1' },
      ]);
    }));

  it.each([{ fields: null }, { fields: [{ id: 'f1' }] }, { configuration: undefined }])(
    'are not believed where they lack what is relied on: %j',
    (fault) =>
      withApi(always({ data: { ...MODEL, ...fault } }), async ({ client }) => {
        expect(await rejection(client.models.get('m1'))).toMatchObject({ name: 'UnexpectedAnswerError' });
      }),
  );

  it.each([
    ['data', { data: JOB }],
    ['job', { job: JOB }],
    ['job, beside data that is null', { data: null, job: JOB }],
  ])('are created in a job, whose answer has it under %s', (_where, answer) =>
    withApi(always(answer), async ({ client, received }) => {
      expect(await client.models.createAsync(BODY, { idempotencyKey: KEY })).toEqual(JOB);
      expect(received).toMatchObject([
        { method: 'POST', url: '/api/models?async=true', body: BODY, headers: { 'idempotency-key': KEY } },
      ]);
    }),
  );

  it('are not taken for created where the answer is no job', () =>
    withApi(always({}), async ({ client }) => {
      expect(await rejection(client.models.createAsync(BODY, { idempotencyKey: KEY }))).toMatchObject({
        call: 'POST /api/models',
        detail: 'data is missing, not an object',
      });
    }));
});

describe('a job', () => {
  it.each([
    [{ status: 'running', result: null, error: null }, { status: 'running' }],
    [
      { status: 'done', result: { id: 'm1', name: 'x' } },
      { status: 'done', result: { id: 'm1', name: 'x' } },
    ],
    [
      { status: 'done', result: 'm1' },
      { status: 'done', result: { id: 'm1' } },
    ],
    [
      { status: 'failed', error: 'no such table' },
      { status: 'failed', error: 'no such table' },
    ],
  ])('that answers %j is read', (answer, expected) =>
    withApi(always({ data: { ...JOB, ...answer } }), async ({ client, received }) => {
      expect(await client.jobs.get('createmodel', 'j1')).toEqual({ ...JOB, ...expected });
      expect(received[0]?.url).toBe('/api/jobs/createmodel/j1');
    }),
  );

  it.each([{ status: 'exploded' }, { status: 'done', result: {} }, { status: 'done', result: [] }])(
    'that answers %j is not believed',
    (answer) =>
      withApi(always({ data: { ...JOB, ...answer } }), async ({ client }) => {
        expect(await rejection(client.jobs.get('createmodel', 'j1'))).toMatchObject({ name: 'UnexpectedAnswerError' });
      }),
  );
});
