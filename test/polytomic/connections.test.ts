import { describe, expect, it } from '@jest/globals';
import { always, json, type Received, rejection, withApi } from './api-server.ts';

const LINKEDIN = {
  id: 'c1',
  name: 'LinkedIn Ads',
  type: { id: 'linkedinads', name: 'LinkedIn Ads' },
  configuration: {
    accounts: [],
    client_secret: '********',
    oauth_refresh_token: '',
    connected_user: 'someone',
    note: null,
  },
};
const KEY = 'idempotency-key_1';

/** Answers reads with the connection as it is, and writes with what `write` says. */
function api(write: (request: Received) => { status: number; body: unknown }) {
  return (request: Received, response: Parameters<typeof json>[0]): void => {
    const { status, body } = request.method === 'GET' ? { status: 200, body: { data: LINKEDIN } } : write(request);
    json(response, body, status);
  };
}

const accepted = {
  status: 200,
  body: { data: { ...LINKEDIN, auth_url: 'https://www.linkedin.com/oauth', auth_code: 'ABC' } },
};

describe('connections', () => {
  it('are listed, with unknown fields as they are', () =>
    withApi(always({ data: [{ ...LINKEDIN, flavour: 'new' }] }), async ({ client, received }) => {
      expect(await client.connections.list()).toEqual([
        { ...LINKEDIN, flavour: 'new', configuration: LINKEDIN.configuration },
      ]);
      expect(received).toMatchObject([{ method: 'GET', url: '/api/connections' }]);
    }));

  it('are read, also where the type is a bare id and what is unset is null', () =>
    withApi(always({ data: { ...LINKEDIN, type: 'linkedinads', status_error: null } }), async ({ client }) => {
      const connection = await client.connections.get('c1');
      expect(connection.type).toEqual({ id: 'linkedinads' });
      expect(connection).not.toHaveProperty('status_error');
    }));

  it.each([
    [{ configuration: undefined }, 'data.configuration is missing, not an object'],
    [{ configuration: [] }, 'data.configuration is a list, not an object'],
    [{ id: '' }, 'data.id is empty, not a text with something in it'],
    [{ name: 7 }, 'data.name is a number, not a text'],
    [{ type: {} }, 'data.type.id is missing, not a text with something in it'],
  ])('are not believed where they are not as documented: %j', (fault, detail) =>
    withApi(always({ data: { ...LINKEDIN, ...fault } }), async ({ client }) => {
      expect(await rejection(client.connections.get('c1'))).toMatchObject({
        message: `GET /api/connections/c1 answered unlike its documentation: ${detail}`,
      });
    }),
  );

  it('are created; an answer without type, like the walkthrough’s, gets the one that was asked for', () => {
    const answer = { id: 'c2', name: 'LinkedIn Ads', configuration: {}, auth_url: 'https://www.linkedin.com/oauth' };
    return withApi(always({ data: answer }), async ({ client, received }) => {
      const body = {
        name: 'LinkedIn Ads',
        type: 'linkedinads',
        configuration: {},
        redirect_url: 'https://example.com/done',
      };
      expect(await client.connections.create(body, { idempotencyKey: KEY })).toEqual({
        ...answer,
        type: { id: 'linkedinads' },
      });
      expect(received).toMatchObject([
        { method: 'POST', url: '/api/connections', body, headers: { 'idempotency-key': KEY } },
      ]);
    });
  });

  it.each([
    [{}, '/api/connections/c1'],
    [{ force: true }, '/api/connections/c1?force=true'],
    [{ force: false }, '/api/connections/c1?force=false'],
  ])('are deleted with %j by %s, also where the answer has no body', (options, url) =>
    withApi(
      (_request, response) => response.writeHead(204).end(),
      async ({ client, received }) => {
        expect(await client.connections.delete('c1', options)).toBeUndefined();
        expect(received).toMatchObject([{ method: 'DELETE', url }]);
      },
    ),
  );

  it('that are in use say by whom', () =>
    withApi(
      always(
        { message: 'connection in use', metadata: { used_by: [{ type: 'model', name: 'Active Users', id: 'm1' }] } },
        422,
      ),
      async ({ client }) => {
        expect(String(await rejection(client.connections.delete('c1')))).toContain(
          'connection in use (used by model Active Users)',
        );
      },
    ));

  it('have parameter values', () => {
    const accounts = {
      allows_creation: false,
      values: [{ value: '512630692::urn', label: 'Polytomic Inc. (512630692)' }],
    };
    return withApi(always({ data: { accounts } }), async ({ client, received }) => {
      expect(await client.connections.parameterValues('c1')).toEqual({ accounts });
      expect(received[0]?.url).toBe('/api/connections/c1/parameter_values');
    });
  });

  it('without values for a parameter are not believed', () =>
    withApi(always({ data: { accounts: {} } }), async ({ client }) => {
      expect(await rejection(client.connections.parameterValues('c1'))).toMatchObject({
        detail: 'data.accounts.values is missing, not a list',
      });
    }));
});

describe('an update of a connection', () => {
  it('reads, merges, writes and reads again, and never writes back a redacted secret', () =>
    withApi(
      api(() => accepted),
      async ({ client, received }) => {
        const accounts = [{ value: 'a', label: 'A' }];
        const updated = await client.connections.update('c1', { configuration: { accounts } });
        expect(received.map(({ method, url }) => `${method} ${url}`)).toEqual([
          'GET /api/connections/c1',
          'PUT /api/connections/c1',
          'GET /api/connections/c1',
        ]);
        expect(received[1]?.body).toEqual({
          name: 'LinkedIn Ads',
          configuration: { accounts, connected_user: 'someone', note: null },
        });
        expect(received[1]?.headers).not.toHaveProperty('idempotency-key');
        expect(updated).toMatchObject({ id: 'c1', auth_url: 'https://www.linkedin.com/oauth', auth_code: 'ABC' });
      },
    ));

  it.each([
    ['is enough for its caller', { ...LINKEDIN, name: 'As written' }, true, []],
    ['is not enough for its caller', { ...LINKEDIN, name: 'As written' }, false, ['GET']],
    ['says nothing of the connection', { auth_url: 'https://www.linkedin.com/oauth' }, true, ['GET']],
  ])('is read again unless the write’s answer is enough: it %s', (_, answer, enough, after) =>
    withApi(
      api(() => ({ status: 200, body: { data: answer } })),
      async ({ client, received }) => {
        const read = await client.connections.get('c1');
        const updated = await client.connections.update('c1', {}, { read, isEnough: () => enough });
        expect(received.map(({ method }) => method)).toEqual(['GET', 'PUT', ...after]);
        expect(updated.name).toBe(after.length === 0 ? 'As written' : LINKEDIN.name);
      },
    ),
  );

  it('does not write a mask as a secret either that its caller took from a read', () =>
    withApi(
      api(() => accepted),
      async ({ client, received }) => {
        const { configuration } = await client.connections.get('c1');
        await client.connections.update('c1', {
          configuration: { ...configuration, client_id: 'new', password: 'real' },
        });
        expect(received[2]?.body).toMatchObject({ configuration: { client_id: 'new', password: 'real' } });
        expect(JSON.stringify(received[2]?.body)).not.toMatch(/\*{4}|client_secret|oauth_refresh_token/);
      },
    ));

  it('changes the name and starts the sign-in anew where that is asked for', () =>
    withApi(
      api(() => accepted),
      async ({ client, received }) => {
        await client.connections.update('c1', {
          name: 'New',
          reconnect: true,
          redirect_url: 'https://example.com/done',
        });
        expect(received[1]?.body).toMatchObject({
          name: 'New',
          reconnect: true,
          redirect_url: 'https://example.com/done',
        });
      },
    ));

  it('has no sign-in link where the write gave none', () =>
    withApi(
      api(() => ({ status: 200, body: { data: LINKEDIN } })),
      async ({ client }) => {
        expect(await client.connections.update('c1', {})).toEqual(LINKEDIN);
      },
    ));

  it('is a POST with the type to the same path where PUT is not allowed', () =>
    withApi(
      api(({ method }) => (method === 'PUT' ? { status: 405, body: { message: 'method not allowed' } } : accepted)),
      async ({ client, received }) => {
        const updated = await client.connections.update('c1', { reconnect: true });
        expect(received.map(({ method }) => method)).toEqual(['GET', 'PUT', 'POST', 'GET']);
        expect(received[1]?.body).not.toHaveProperty('type');
        expect(received[2]).toMatchObject({
          url: '/api/connections/c1',
          body: { type: 'linkedinads', name: 'LinkedIn Ads', reconnect: true },
        });
        expect(updated.auth_url).toBe('https://www.linkedin.com/oauth');
      },
    ));

  it.each([404, 422, 500])('ends with the write’s answer of status %i, without a second write', (status) =>
    withApi(
      api(() => ({ status, body: { message: 'no' } })),
      async ({ client, received }) => {
        expect(await rejection(client.connections.update('c1', {}))).toMatchObject({
          status,
          call: 'PUT /api/connections/c1',
        });
        expect(received.map(({ method }) => method)).toEqual(['GET', 'PUT']);
      },
    ),
  );

  it('writes nothing where the connection cannot be read', () =>
    withApi(always({ data: { id: 'c1', name: 'x' } }), async ({ client, received }) => {
      expect(await rejection(client.connections.update('c1', {}))).toMatchObject({ name: 'UnexpectedAnswerError' });
      expect(received).toHaveLength(1);
    }));
});
