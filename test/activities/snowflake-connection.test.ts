import { describe, expect, it } from '@jest/globals';
import type { SnowflakeConnectionSpec } from '../../src/request/schema.ts';
import {
  creates,
  failureOf,
  givenLinkedIn,
  givenSnowflake,
  newStep,
  type Step,
  sceneForEachTest,
} from '../support/activity-step.ts';

const scene = sceneForEachTest();
const CONNECTIONS = { method: 'POST', path: '/api/connections' };

const ACCOUNT = { account: 'uc193736182', username: 'user', dbname: 'database' };

function byPassword(changes: object = {}): SnowflakeConnectionSpec {
  return { name: 'Warehouse', ...ACCOUNT, password: { env: 'SNOWFLAKE_PASSWORD' }, ...changes };
}

const newSnowflakeStep = () => newStep('snowflake connection');

function provide(step: Step, spec: SnowflakeConnectionSpec, options: Parameters<Step['attempt']>[1] = {}) {
  return step.attempt(() => scene.activities.provideSnowflakeConnection({ step: step.context, spec }), options);
}

const connections = async () => (await scene.sandbox.state()).connections;

describe('a Snowflake connection', () => {
  it('is made with all that the request says', async () => {
    const spec = byPassword({
      warehouse: 'SMALL',
      params: 'role=REPORTER',
      extra: { proxy: { host: 'p' }, use_tls: true },
    });
    const made = await provide(newSnowflakeStep(), spec);
    expect(made).toEqual({ id: expect.any(String), name: 'Warehouse', made: true });
    expect(await connections()).toMatchObject([
      {
        id: made.id,
        type: 'snowflake',
        configuration: {
          ...ACCOUNT,
          warehouse: 'SMALL',
          params: 'role=REPORTER',
          proxy: { host: 'p' },
          use_tls: true,
        },
        secrets: { password: expect.any(String) },
      },
    ]);
  });

  it('is made without what the request does not say', async () => {
    await provide(newSnowflakeStep(), byPassword());
    const [call] = (await scene.sandbox.requests()).filter(({ method }) => method === 'POST');
    expect(call?.body).toEqual({
      name: 'Warehouse',
      type: 'snowflake',
      configuration: { ...ACCOUNT, password: '********' },
    });
  });

  it.each([
    ['a private key', 'SNOWFLAKE_KEY', {}],
    [
      'a private key with a passphrase',
      'SNOWFLAKE_LOCKED_KEY',
      { privateKeyPassphrase: { env: 'SNOWFLAKE_PASSPHRASE' } },
    ],
  ])('is made by %s', async (_, env, more) => {
    await provide(newSnowflakeStep(), { name: 'Warehouse', ...ACCOUNT, privateKey: { env }, ...more });
    expect(await connections()).toMatchObject([{ configuration: { ...ACCOUNT, key_pair_auth: true } }]);
  });

  it('cannot be made by a key whose passphrase is missing', async () => {
    const spec = { name: 'Warehouse', ...ACCOUNT, privateKey: { env: 'SNOWFLAKE_LOCKED_KEY' } };
    const failure = await failureOf(provide(newSnowflakeStep(), spec));
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating Snowflake connection “Warehouse”: .*private_key/);
  });

  it('gets the secrets that stand under extra', async () => {
    await provide(newSnowflakeStep(), byPassword({ extra: { proxy_password: { env: 'SNOWFLAKE_PASSPHRASE' } } }));
    expect(await connections()).toMatchObject([
      { secrets: { password: expect.any(String), proxy_password: expect.any(String) } },
    ]);
  });

  it('with a wrong password is refused in Snowflake’s words, and not tried again', async () => {
    const failure = await failureOf(provide(newSnowflakeStep(), byPassword({ password: { env: 'SNOWFLAKE_WRONG' } })));
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating Snowflake connection “Warehouse”: .*Incorrect username or password/);
    expect(await connections()).toEqual([]);
  });

  it('with a wrong password is made where the request says not to check it', async () => {
    await provide(newSnowflakeStep(), byPassword({ password: { env: 'SNOWFLAKE_WRONG' }, validate: false }));
    expect(await connections()).toHaveLength(1);
  });

  it.each([
    ['NOT_ALLOWED', /allows names that begin with SNOWFLAKE_/],
    ['SNOWFLAKE_UNSET', /is not set/],
  ])('whose secret %s cannot be had is not asked for', async (env, said) => {
    const failure = await failureOf(provide(newSnowflakeStep(), byPassword({ password: { env } })));
    expect(failure).toMatchObject({ type: 'SecretUnavailable', nonRetryable: true });
    expect(failure.message).toMatch(said);
    expect(await creates(scene.sandbox, '/api/connections')).toEqual([]);
  });
});

describe('a Snowflake connection that is there already', () => {
  it.each(['id', 'name'] as const)('is used by its %s', async (by) => {
    const there = await givenSnowflake(scene.sandbox);
    expect(await provide(newSnowflakeStep(), { use: there[by] })).toEqual(there);
  });

  it('is not there: says which there are', async () => {
    await givenSnowflake(scene.sandbox, 'Other');
    await givenLinkedIn(scene.sandbox);
    const failure = await failureOf(provide(newSnowflakeStep(), { use: 'Warehouse' }));
    expect(failure).toMatchObject({ type: 'NotFound', nonRetryable: true });
    expect(failure.message).toBe(
      'Using Snowflake connection “Warehouse”: Polytomic has none of this id or name. Of type snowflake there are: “Other”.',
    );
  });

  it('is of another type: says of which', async () => {
    const { id } = await givenLinkedIn(scene.sandbox);
    const failure = await failureOf(provide(newSnowflakeStep(), { use: 'LinkedIn Ads' }));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(failure.message).toBe(
      `Using Snowflake connection “LinkedIn Ads”: connection “LinkedIn Ads” (${id}) is of type linkedinads, and snowflake is needed here.`,
    );
  });

  it('is refused where another of its name is to be made, with what to do', async () => {
    const there = await givenSnowflake(scene.sandbox);
    const failure = await failureOf(provide(newSnowflakeStep(), byPassword()));
    expect(failure).toMatchObject({ type: 'NameTaken', nonRetryable: true });
    expect(failure.message).toMatch(
      new RegExp(`^Creating Snowflake connection “Warehouse”: there is one .*${there.id}.*orUse: true`),
    );
  });

  it('is used where the request allows that', async () => {
    const there = await givenSnowflake(scene.sandbox);
    expect(await provide(newSnowflakeStep(), byPassword({ orUse: true }))).toEqual(there);
    expect(await provide(newSnowflakeStep(), byPassword({ name: 'Second', orUse: true }))).toMatchObject({
      made: true,
    });
  });

  it('is not used where it only has the name', async () => {
    await givenLinkedIn(scene.sandbox, [], 'Warehouse');
    const failure = await failureOf(provide(newSnowflakeStep(), byPassword({ orUse: true })));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(failure.message).toMatch(/is of type linkedinads, and snowflake is needed here/);
  });

  it('is used also if it appears while the create is under way', async () => {
    const step = newSnowflakeStep();
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, status: 429 });
    await failureOf(provide(step, byPassword({ orUse: true })));
    const there = await givenSnowflake(scene.sandbox);
    expect(await provide(step, byPassword({ orUse: true }))).toEqual(there);
  });
});

describe('a create whose answer is lost', () => {
  it.each([
    ['before', 'never arrived'],
    ['after', 'was carried out'],
  ])('(%s) is sent again with its key, and makes one thing where it %s', async (when) => {
    const step = newSnowflakeStep();
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, drop: true, when });
    const failure = await failureOf(provide(step, byPassword()));
    expect(failure).toMatchObject({ type: 'NoAnswer', nonRetryable: false });
    expect(await provide(step, byPassword())).toMatchObject({ made: true });
    expect(await connections()).toHaveLength(1);
    const sent = await creates(scene.sandbox, '/api/connections');
    expect(new Set(sent.map(({ key }) => key)).size).toBe(1);
    expect(sent.map(({ replayed }) => replayed)).toEqual([false, when === 'after']);
  });

  it.each(['before its record arrived', 'after its record arrived'] as const)(
    'with its worker, %s, makes one thing',
    async (killed) => {
      const step = newSnowflakeStep();
      await provide(step, byPassword(), { killed });
      expect(await provide(step, byPassword())).toMatchObject({ made: true });
      expect(await connections()).toHaveLength(1);
    },
  );
});

describe('a create that is answered by a 500', () => {
  const fault = (when: string, status = 500) => scene.sandbox.fault({ match: CONNECTIONS, times: 1, status, when });

  it('is looked up, and what it made is this run’s own', async () => {
    const step = newSnowflakeStep();
    await fault('after');
    expect(await failureOf(provide(step, byPassword()))).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    expect(await provide(step, byPassword())).toMatchObject({ made: true });
    expect(await connections()).toHaveLength(1);
    expect(await creates(scene.sandbox, '/api/connections')).toHaveLength(1);
  });

  it('and made nothing is sent again with another key', async () => {
    const step = newSnowflakeStep();
    await fault('before');
    await failureOf(provide(step, byPassword()));
    expect(await provide(step, byPassword())).toMatchObject({ made: true });
    const [first, second] = await creates(scene.sandbox, '/api/connections');
    expect([first?.status, second?.status]).toEqual([500, 200]);
    expect(first?.key).not.toBe(second?.key);
  });

  it('is not taken for what somebody else made meanwhile', async () => {
    const step = newSnowflakeStep();
    await fault('before');
    await failureOf(provide(step, byPassword()));
    const { polytomic } = scene.sandbox;
    const configuration = { ...ACCOUNT, account: 'somebody-elses' };
    const { id } = await polytomic.connections.create(
      { name: 'Warehouse', type: 'snowflake', configuration, validate: false },
      { idempotencyKey: 'somebody-else' },
    );
    const failure = await failureOf(provide(step, byPassword()));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(
      new RegExp(`^Creating Snowflake connection “Warehouse”: an answer was lost.*${id}.*use: ${id}`),
    );
  });
});

describe('a create that is held up', () => {
  it('by a limit waits as told and takes another key', async () => {
    const step = newSnowflakeStep();
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, status: 429, retryAfter: 7 });
    const failure = await failureOf(provide(step, byPassword()));
    expect(failure).toMatchObject({ type: 'RateLimited', nonRetryable: false });
    expect(failure.nextRetryDelay).toBeGreaterThanOrEqual(7000);
    await provide(step, byPassword());
    const [first, second] = await creates(scene.sandbox, '/api/connections');
    expect(first?.key).not.toBe(second?.key);
  });

  it('by a limit after a lost answer keeps its key, and makes one thing', async () => {
    const step = newSnowflakeStep();
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, drop: true, when: 'after' });
    await failureOf(provide(step, byPassword()));
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, status: 429 });
    expect(await failureOf(provide(step, byPassword()))).toMatchObject({ type: 'RateLimited' });
    expect(await provide(step, byPassword())).toMatchObject({ made: true });
    expect(await connections()).toHaveLength(1);
    expect(new Set((await creates(scene.sandbox, '/api/connections')).map(({ key }) => key)).size).toBe(1);
  });

  it('because it is in flight asks with the same key, a bounded number of times', async () => {
    const step = newSnowflakeStep();
    await scene.sandbox.fault({ match: CONNECTIONS, status: 409 });
    for (let times = 1; times <= 20; times++) {
      expect(await failureOf(provide(step, byPassword()))).toMatchObject({ type: 'InFlight', nonRetryable: false });
    }
    const failure = await failureOf(provide(step, byPassword()));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating Snowflake connection “Warehouse”: .*said 20 times .*in flight/);
    expect(new Set((await creates(scene.sandbox, '/api/connections')).map(({ key }) => key)).size).toBe(1);
  });
});

describe('a run that was reset', () => {
  it('finds the connection that the run before made', async () => {
    const step = newSnowflakeStep();
    const before = await provide(step, byPassword());
    expect(await provide(step.reset(), byPassword())).toEqual(before);
    expect(await connections()).toHaveLength(1);
  });

  it('does not take somebody else’s for its own', async () => {
    const there = await givenSnowflake(scene.sandbox);
    const failure = await failureOf(provide(newSnowflakeStep().reset(), byPassword()));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toContain(there.id);
    const used = await provide(newSnowflakeStep().reset(), byPassword({ orUse: true }));
    expect(used).toEqual(there);
  });
});

describe('trouble with the API key', () => {
  it.each([
    [401, 'ApiKeyRefused'],
    [403, 'NotPermitted'],
  ])('%i needs a person', async (status, type) => {
    await scene.sandbox.fault({ status });
    const made = failureOf(provide(newSnowflakeStep(), byPassword()));
    expect(await made).toMatchObject({ type, nonRetryable: true });
    expect((await made).message).toContain('POLYTOMIC_API_KEY');
  });
});
