import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  ACCOUNT,
  createLinkedIn,
  createModel,
  createSignedIn,
  createSnowflake,
  decide,
  runningSandbox,
  SNOWFLAKE_BODY,
  syncBody,
} from './running-sandbox.ts';

const sandbox = runningSandbox();
const { configuration } = SNOWFLAKE_BODY;

describe('creating a Snowflake connection', () => {
  it('answers with the connection, its password redacted', async () => {
    const { status, body } = await sandbox.call('POST', '/api/connections', SNOWFLAKE_BODY);
    expect(status).toBe(200);
    expect(body.data).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      organization_id: 'd63a93bd-dfbd-4431-9006-63eb445d30a4',
      name: 'Snowflake Connection',
      type: { id: 'snowflake', name: 'Snowflake', operations: ['source'] },
      configuration: { ...configuration, password: '********' },
      status: 'healthy',
    });
  });

  it.each([
    ['account', 'other', 'cannot be reached'],
    ['username', 'other', 'Incorrect username or password'],
    ['password', 'hunter2', 'Incorrect username or password'],
    ['dbname', 'other', 'does not exist'],
  ])('is a 422 with a wrong %s, unless it is not to be validated', async (field, value, message) => {
    const body = { ...SNOWFLAKE_BODY, configuration: { ...configuration, [field]: value } };
    const refused = await sandbox.call('POST', '/api/connections', body);
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({
      key: 'unprocessable_entity',
      status: 422,
      metadata: { field: 'configuration' },
    });
    expect(refused.body.message).toContain(message);
    expect(JSON.stringify(refused.body)).not.toContain('hunter2');

    const made = await sandbox.call('POST', '/api/connections', { ...body, validate: false });
    expect(made.status).toBe(200);
    expect(made.body.data).toMatchObject({ status: 'unhealthy', status_error: expect.stringContaining(message) });
  });

  it('takes a key pair instead of a password, with its passphrase', async () => {
    const pem = (passphrase?: string) =>
      generateKeyPairSync('rsa', {
        modulusLength: 1024,
        publicKeyEncoding: { type: 'spki', format: 'pem' },
        privateKeyEncoding: {
          type: 'pkcs8',
          format: 'pem',
          ...(passphrase ? { cipher: 'aes-256-cbc', passphrase } : {}),
        },
      }).privateKey;
    const send = (name: string, more: object) => {
      const { password: _password, ...rest } = configuration;
      return sandbox.call('POST', '/api/connections', {
        ...SNOWFLAKE_BODY,
        name,
        configuration: { ...rest, key_pair_auth: true, ...more },
      });
    };
    const plain = await send('Plain', { private_key: pem() });
    expect(plain.body.data.configuration).toMatchObject({ key_pair_auth: true, private_key: '********' });
    const locked = pem('open');
    expect((await send('Locked', { private_key: locked, private_key_passphrase: 'open' })).status).toBe(200);
    expect((await send('Wrong', { private_key: locked, private_key_passphrase: 'shut' })).status).toBe(422);
    expect((await send('None', {})).body.message).toContain('private_key is required');
    expect((await send('User', { private_key: pem(), username: 'other' })).body.message).toContain(
      'JWT token is invalid',
    );
    const garbage = await send('Garbage', { private_key: 'hunter2' });
    expect(garbage.status).toBe(422);
    expect(JSON.stringify(garbage.body)).not.toContain('hunter2');
  });

  it.each([
    [{ name: undefined }, 'name is required'],
    [{ name: 7 }, 'name must be a text, not a number'],
    [{ type: 'postgresql' }, 'snowflake, linkedinads'],
    [{ configuration: [] }, 'configuration must be an object, not a list'],
    [{ configuration: { ...configuration, dbname: undefined } }, 'configuration.dbname is required'],
    [{ configuration: { ...configuration, password: 7 } }, 'configuration.password must be a text'],
    [
      { configuration: { ...configuration, key_pair_auth: 'yes' } },
      'configuration.key_pair_auth must be true or false',
    ],
    [{ validate: 'no' }, 'validate must be true or false, not a string'],
    [{ redirect_url: 'not a url' }, 'redirect_url'],
    [{ redirect_url: 'javascript:alert(1)' }, 'redirect_url'],
    [{ policies: 'x' }, 'policies must be a list'],
    [{ policies: [1] }, 'policies[0] must be a text'],
  ])('is a 422 that names what is wrong with %j', async (change, message) => {
    const { status, body } = await sandbox.call('POST', '/api/connections', { ...SNOWFLAKE_BODY, ...change });
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  });

  it('is a 422 when the name is taken', async () => {
    await createSnowflake(sandbox);
    const { status, body } = await sandbox.call('POST', '/api/connections', { ...SNOWFLAKE_BODY, validate: false });
    expect(status).toBe(422);
    expect(body.message).toContain('already exists');
  });
});

describe('creating a LinkedIn connection', () => {
  it('answers with a link to sign in, under the address that was called', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    expect(authUrl).toMatch(new RegExp(`^${sandbox.url}/_sandbox/consent/${id}\\?state=[\\w-]{32}$`));
  });

  it('is signed in at once with an OAuth client and the refresh token, and shows none of the secrets', async () => {
    const oauth = { client_id: 'client', client_secret: 'hunter2', oauth_refresh_token: 'sandbox-refresh-token' };
    const { body } = await sandbox.call('POST', '/api/connections', {
      name: 'L',
      type: 'linkedinads',
      configuration: oauth,
    });
    expect(body.data.auth_url).toBeUndefined();
    expect(body.data.status).toBe('healthy');
    expect(body.data.configuration).toEqual({
      client_id: 'client',
      client_secret: '********',
      oauth_refresh_token: '********',
      connected_user: expect.any(String),
    });
    const values = await sandbox.call('GET', `/api/connections/${body.data.id}/parameter_values`);
    expect(values.status).toBe(200);
  });

  it('is a 422 with a refresh token that LinkedIn does not know', async () => {
    const oauth = { client_id: 'client', client_secret: 's', oauth_refresh_token: 'hunter2' };
    const { status, body } = await sandbox.call('POST', '/api/connections', {
      name: 'L',
      type: 'linkedinads',
      configuration: oauth,
    });
    expect(status).toBe(422);
    expect(body.message).toContain('invalid_grant');
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });
});

describe('reading connections', () => {
  it('lists all of them, oldest first, without auth_url and with nothing secret', async () => {
    await createSnowflake(sandbox);
    await createLinkedIn(sandbox);
    const { body } = await sandbox.call('GET', '/api/connections');
    expect(body.data.map((each: { name: string }) => each.name)).toEqual(['Snowflake Connection', 'LinkedIn Ads']);
    expect(body.data[0]).toMatchObject({ created_at: expect.stringMatching(/Z$/), status: 'healthy' });
    expect(body.data[1]).toMatchObject({ status: 'unhealthy', status_error: expect.stringContaining('sign-in') });
    expect(JSON.stringify(body)).not.toContain('auth_url');
    expect(JSON.stringify(body)).not.toMatch(/"secret"/);
  });

  it('gets one, and is a 404 for what is not there', async () => {
    const id = await createSnowflake(sandbox);
    expect((await sandbox.call('GET', `/api/connections/${id}`)).body.data.id).toBe(id);
    const { status, body } = await sandbox.call('GET', '/api/connections/nope');
    expect(status).toBe(404);
    expect(body).toEqual({ key: 'not_found', message: 'connection nope was not found', status: 404 });
  });

  it('redacts what looks like a secret in a part of the configuration that it does not know', async () => {
    const id = await createSnowflake(sandbox, { configuration: { ...configuration, extra: { api_key: 'hunter2' } } });
    const { body } = await sandbox.call('GET', `/api/connections/${id}`);
    expect(body.data.configuration.extra).toEqual({ api_key: '********' });
  });
});

describe('updating a connection', () => {
  it('replaces the configuration, but keeps secrets that are left out', async () => {
    const id = await createSnowflake(sandbox, { configuration: { ...configuration, warehouse: 'W' } });
    const { password: _password, ...open } = configuration;
    const { status, body } = await sandbox.call('PUT', `/api/connections/${id}`, {
      name: 'New name',
      configuration: open,
    });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ name: 'New name', status: 'healthy' });
    expect(body.data.configuration).toEqual({ ...open, password: '********' });
  });

  it('is a 422 when the redacted password is written back as if it were the password', async () => {
    const id = await createSnowflake(sandbox);
    const read = await sandbox.call('GET', `/api/connections/${id}`);
    const { name, configuration: redacted } = read.body.data;
    expect((await sandbox.call('PUT', `/api/connections/${id}`, { name, configuration: redacted })).status).toBe(422);
  });

  it.each(['PUT', 'POST'])('enables ad accounts after the sign-in, by %s', async (method) => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    const body = {
      type: 'linkedinads',
      name: 'LinkedIn Ads',
      configuration: { accounts: [{ value: ACCOUNT, label: 'P' }] },
    };
    const early = await sandbox.call(method, `/api/connections/${id}`, body);
    expect(early.status).toBe(422);
    expect(early.body.message).toContain('sign-in');
    await decide(authUrl, 'allow');
    const { status, body: answer } = await sandbox.call(method, `/api/connections/${id}`, body);
    expect(status).toBe(200);
    expect(answer.data.configuration.accounts).toEqual([{ value: ACCOUNT, label: 'P' }]);
    expect(answer.data.auth_url).toBeUndefined();
  });

  it.each([
    [{ configuration: { accounts: [{ value: 'nope' }] } }, 'no LinkedIn ad account'],
    [{ configuration: { accounts: [{ label: 'x' }] } }, 'accounts[0].value is required'],
    [{ configuration: { accounts: ['x'] } }, 'accounts[0] must be an object'],
    [{ type: 'snowflake' }, 'cannot be changed'],
    [{ name: '' }, 'name is required'],
    [{ configuration: undefined }, 'configuration is required'],
    [{ name: 'Snowflake Connection' }, 'already exists'],
  ])('is a 422 that names what is wrong with %j', async (change, message) => {
    await createSnowflake(sandbox);
    const id = await createSignedIn(sandbox);
    const { status, body } = await sandbox.call('PUT', `/api/connections/${id}`, {
      name: 'LinkedIn Ads',
      configuration: {},
      ...change,
    });
    expect(status).toBe(422);
    expect(body.message).toContain(message);
  });

  it('does not let anybody write who is signed in', async () => {
    const { id } = await createLinkedIn(sandbox);
    const { body } = await sandbox.call('PUT', `/api/connections/${id}`, {
      name: 'LinkedIn Ads',
      configuration: { connected_user: 'me' },
    });
    expect(body.data.configuration).toEqual({});
  });

  it('starts the sign-in again with reconnect, for LinkedIn alone, and stays signed in meanwhile', async () => {
    const id = await createSignedIn(sandbox);
    const { body } = await sandbox.call('PUT', `/api/connections/${id}`, {
      name: 'LinkedIn Ads',
      configuration: {},
      reconnect: true,
    });
    expect(body.data.auth_url).toContain(`/_sandbox/consent/${id}?state=`);
    expect((await sandbox.call('GET', `/api/connections/${id}/parameter_values`)).status).toBe(200);
    const snowflake = await createSnowflake(sandbox);
    const refused = await sandbox.call('PUT', `/api/connections/${snowflake}`, { ...SNOWFLAKE_BODY, reconnect: true });
    expect(refused.status).toBe(422);
  });

  it('is a 404 for what is not there', async () => {
    expect((await sandbox.call('PUT', '/api/connections/nope', {})).status).toBe(404);
  });

  it('keeps policies and the interval of health checks as they were sent', async () => {
    const more = { policies: ['p'], healthcheck_interval: '1h', redirect_url: 'https://example.com/done' };
    const { id } = await createLinkedIn(sandbox, more);
    const body = { name: 'LinkedIn Ads', configuration: {}, policies: ['q'], healthcheck_interval: '2h' };
    const { body: answer } = await sandbox.call('PUT', `/api/connections/${id}`, body);
    expect(answer.data).toMatchObject({ policies: ['q'], healthcheck_interval: '2h' });
  });
});

describe('parameter values', () => {
  it('are an error until the sign-in is complete, then the ad accounts', async () => {
    const { id, authUrl } = await createLinkedIn(sandbox);
    const early = await sandbox.call('GET', `/api/connections/${id}/parameter_values`);
    expect(early.status).toBe(400);
    expect(early.body).toMatchObject({ status: 400, message: expect.stringContaining('sign-in') });
    await decide(authUrl, 'allow');
    const { status, body } = await sandbox.call('GET', `/api/connections/${id}/parameter_values`);
    expect(status).toBe(200);
    expect(body.data.accounts.values).toContainEqual({ value: ACCOUNT, label: 'Polytomic Inc. (512630692)' });
    expect(body.data.accounts.values.length).toBeGreaterThan(1);
  });

  it('are a 422 for Snowflake, and a 404 for what is not there', async () => {
    const id = await createSnowflake(sandbox);
    expect((await sandbox.call('GET', `/api/connections/${id}/parameter_values`)).status).toBe(422);
    expect((await sandbox.call('GET', '/api/connections/nope/parameter_values')).status).toBe(404);
  });
});

describe('deleting a connection', () => {
  it('is a 404 from then on', async () => {
    const id = await createSnowflake(sandbox);
    expect((await sandbox.call('DELETE', `/api/connections/${id}`)).status).toBe(204);
    expect((await sandbox.call('GET', `/api/connections/${id}`)).status).toBe(404);
    expect((await sandbox.call('DELETE', `/api/connections/${id}`)).status).toBe(404);
  });

  it('is a 422 that lists the users while there are any, and takes them along with force', async () => {
    const snowflake = await createSnowflake(sandbox);
    const linkedIn = await createSignedIn(sandbox);
    const model = await createModel(sandbox, snowflake, 'SELECT * FROM users');
    const sync = await sandbox.call('POST', '/api/syncs', syncBody(model, linkedIn));
    const syncId = sync.body.data.id;
    const used = { type: 'sync', name: 'Snowflake to LinkedIn Ads Sync', id: syncId };

    const refused = await sandbox.call('DELETE', `/api/connections/${snowflake}`);
    expect(refused.status).toBe(422);
    expect(refused.body).toMatchObject({ message: 'connection in use', status: 422 });
    expect(refused.body.metadata.used_by).toEqual([{ type: 'model', name: 'Active Users', id: model }, used]);
    const target = await sandbox.call('DELETE', `/api/connections/${linkedIn}?force=false`);
    expect(target.body.metadata.used_by).toEqual([used]);

    expect((await sandbox.call('DELETE', `/api/connections/${snowflake}?force=true`)).status).toBe(204);
    expect((await sandbox.call('GET', `/api/models/${model}`)).status).toBe(404);
    expect((await sandbox.call('GET', `/api/syncs/${syncId}`)).status).toBe(404);
    expect((await sandbox.call('GET', `/api/connections/${linkedIn}`)).status).toBe(200);
  });
});
