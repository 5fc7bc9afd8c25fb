import { describe, expect, it } from '@jest/globals';
import { PolytomicClient } from '../../src/polytomic/client.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { withApi } from '../polytomic/api-server.ts';
import { activitiesOn, failureOf, givenLinkedIn, newStep, sceneForEachTest } from '../support/activity-step.ts';
import { unsignedLinkedIn } from '../support/resources.ts';
import { ACCOUNT } from '../support/walkthrough.ts';

const scene = sceneForEachTest();
const PARAMETERS = { method: 'GET', path: '/api/connections/*/parameter_values' };

const givenUnsigned = () => unsignedLinkedIn(scene.sandbox, 'LinkedIn Ads');

const verify = (connection: Resource) =>
  newStep('sign-in').attempt(() => scene.activities.verifySignIn({ connection }));
const restart = (connection: Resource) =>
  newStep('sign-in').attempt(() => scene.activities.startSignIn({ connection }));

describe('the check of the sign-in', () => {
  it('says “signed in” once a person has allowed it', async () => {
    const { connection, authUrl } = await givenUnsigned();
    await scene.sandbox.signIn(authUrl);
    expect(await verify(connection)).toEqual({ state: 'signed_in' });
  });

  it('says “not yet”, in Polytomic’s words, before that', async () => {
    const { connection } = await givenUnsigned();
    expect(await verify(connection)).toEqual({ state: 'not_yet', reason: expect.stringMatching(/is not complete/) });
  });

  it('says “not yet” after a person has denied it', async () => {
    const { connection, authUrl } = await givenUnsigned();
    await scene.sandbox.signIn(authUrl, 'deny');
    expect(await verify(connection)).toMatchObject({ state: 'not_yet' });
  });

  it.each([400, 409, 422])('says “not yet” after a %i', async (status) => {
    const connection = await givenLinkedIn(scene.sandbox);
    await scene.sandbox.fault({ match: PARAMETERS, status, message: 'sign in first' });
    expect(await verify(connection)).toEqual({ state: 'not_yet', reason: 'sign in first' });
  });

  it.each([
    [401, 'ApiKeyRefused', true],
    [403, 'NotPermitted', true],
    [404, 'NotFound', true],
    [408, 'Unavailable', false],
    [429, 'RateLimited', false],
    [500, 'Unavailable', false],
    [503, 'Unavailable', false],
  ])('is trouble after a %i: %s', async (status, type, nonRetryable) => {
    const connection = await givenLinkedIn(scene.sandbox);
    await scene.sandbox.fault({ match: PARAMETERS, status });
    const failure = await failureOf(verify(connection));
    expect(failure).toMatchObject({ type, nonRetryable });
    expect(failure.message).toMatch(/^Asking whether LinkedIn Ads connection “LinkedIn Ads” is signed in: /);
  });

  it('is asked again where a cache is being filled', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    await scene.sandbox.fault({ match: PARAMETERS, status: 422, message: 'cache refresh in progress' });
    expect(await failureOf(verify(connection))).toMatchObject({ type: 'NotReady', nonRetryable: false });
  });

  it('is asked again where no answer comes', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    await scene.sandbox.fault({ match: PARAMETERS, drop: true });
    expect(await failureOf(verify(connection))).toMatchObject({ type: 'NoAnswer', nonRetryable: false });
  });

  it('names the status of an answer without words', async () => {
    await withApi(
      (_, response) => response.writeHead(400).end(),
      async ({ client }) => {
        const { verifySignIn } = activitiesOn(client);
        const connection = { id: 'c', name: 'LinkedIn Ads', made: true };
        const check = await newStep('sign-in').attempt(() => verifySignIn({ connection }));
        expect(check).toEqual({ state: 'not_yet', reason: 'Polytomic answered 400' });
      },
    );
  });
});

describe('the check of the sign-in that is to enable ad accounts too', () => {
  const verifyAndEnable = (connection: Resource, accounts: 'all' | string[]) =>
    newStep('sign-in').attempt(() => scene.activities.verifySignIn({ connection, accounts }));
  const enabledOn = async ({ id }: Resource) =>
    (await scene.sandbox.polytomic.connections.get(id)).configuration['accounts'] ?? [];
  const PUT = { method: 'PUT', path: '/api/connections/*' };

  async function givenSigned() {
    const { connection, authUrl } = await givenUnsigned();
    await scene.sandbox.signIn(authUrl);
    return connection;
  }

  it('enables them in the same go: two reads at once, and the write', async () => {
    const connection = await givenSigned();
    const before = (await scene.sandbox.requests()).length;
    expect(await verifyAndEnable(connection, [ACCOUNT.label])).toEqual({
      state: 'signed_in',
      enabled: { enabled: [ACCOUNT], added: [ACCOUNT] },
    });
    const calls = (await scene.sandbox.requests()).slice(before).map(({ method }) => method);
    expect(calls).toEqual(['GET', 'GET', 'PUT']);
    expect(await enabledOn(connection)).toEqual([ACCOUNT]);
  });

  it('changes nothing while nobody has signed in', async () => {
    const { connection } = await givenUnsigned();
    expect(await verifyAndEnable(connection, 'all')).toMatchObject({ state: 'not_yet' });
    expect(await enabledOn(connection)).toEqual([]);
  });

  it('says “signed in” alone where there is no such account, so that the step itself says what is wrong', async () => {
    const connection = await givenSigned();
    expect(await verifyAndEnable(connection, ['Nobody'])).toEqual({ state: 'signed_in' });
    expect(await enabledOn(connection)).toEqual([]);
  });

  it.each([
    ['the write', { match: PUT, status: 500 }],
    ['the write', { match: PUT, drop: true }],
    ['the read', { match: { method: 'GET', path: '/api/connections/*' }, status: 500 }],
  ])('says “signed in” alone where %s does not succeed', async (_, fault) => {
    const connection = await givenSigned();
    await scene.sandbox.fault(fault);
    expect(await verifyAndEnable(connection, 'all')).toEqual({ state: 'signed_in' });
  });

  it('writes nothing back that was read before the sign-in came', async () => {
    const { connection, authUrl } = await givenUnsigned();
    const { polytomic } = scene.sandbox;
    const early = await polytomic.connections.get(connection.id);
    await scene.sandbox.signIn(authUrl);
    const activities = activitiesOn({
      ...polytomic,
      connections: {
        get: async () => early,
        parameterValues: (id: string) => polytomic.connections.parameterValues(id),
      },
    } as unknown as PolytomicClient);
    const check = newStep('sign-in').attempt(() => activities.verifySignIn({ connection, accounts: 'all' }));
    expect(await check).toEqual({ state: 'signed_in' });
    expect(await enabledOn(connection)).toEqual([]);
  });
});

describe('a sign-in by a user without ad accounts', () => {
  it('is told apart, with the name of the user, until somebody else signs in', async () => {
    const { connection, authUrl } = await givenUnsigned();
    await scene.sandbox.signIn(authUrl, 'no-accounts');
    expect(await verify(connection)).toEqual({
      state: 'no_accounts',
      reason: 'LinkedIn user “Robin Sandbox” who signed in may use no ad account',
    });
    await scene.sandbox.signIn(await restart(connection));
    expect(await verify(connection)).toEqual({ state: 'signed_in' });
  });
});

describe('a sign-in that is watched for', () => {
  const watch = (connection: Resource, pollMs = 1000) =>
    newStep('sign-in').attempt(() => scene.activities.awaitSignIn({ connection, pollMs }));

  it('is asked for once an attempt, and by the server again after the given time', async () => {
    const { connection } = await givenUnsigned();
    const before = (await scene.sandbox.requests()).length;
    const failure = await failureOf(watch(connection, 123_000));
    expect(failure).toMatchObject({
      type: 'NotSignedInYet',
      nonRetryable: false,
      nextRetryDelay: 123_000,
      category: 'BENIGN',
    });
    expect(failure.message).toMatch(/ is signed in: nobody has signed in yet: .*is not complete/);
    expect(await scene.sandbox.requests()).toHaveLength(before + 1);
  });

  it.each([
    ['allow', { state: 'signed_in' }],
    ['no-accounts', { state: 'no_accounts', reason: expect.stringContaining('Robin Sandbox') }],
  ] as const)('ends when somebody has signed in (%s)', async (decision, outcome) => {
    const { connection, authUrl } = await givenUnsigned();
    await scene.sandbox.signIn(authUrl, decision);
    expect(await watch(connection)).toEqual(outcome);
  });

  it('goes on after a user without ad accounts who is known already, until somebody else signs in', async () => {
    const { connection, authUrl } = await givenUnsigned();
    await scene.sandbox.signIn(authUrl, 'no-accounts');
    const known = { connection, pollMs: 123_000, untilAccounts: true };
    const step = newStep('sign-in');
    const failure = await failureOf(step.attempt(() => scene.activities.awaitSignIn(known)));
    expect(failure).toMatchObject({ type: 'NotSignedInYet', nextRetryDelay: 123_000 });
    await scene.sandbox.signIn(await restart(connection));
    expect(await step.attempt(() => scene.activities.awaitSignIn(known))).toEqual({ state: 'signed_in' });
  });
});

describe('a sign-in that is started anew', () => {
  it('gives a link that works, and takes the old one away', async () => {
    const { connection, authUrl: old } = await givenUnsigned();
    const url = await restart(connection);
    await expect(scene.sandbox.signIn(old)).rejects.toThrow('404');
    await scene.sandbox.signIn(url);
    expect(await verify(connection)).toEqual({ state: 'signed_in' });
  });

  it('leaves everything else of the connection as it is', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const before = await scene.sandbox.polytomic.connections.get(connection.id);
    await restart(connection);
    const after = await scene.sandbox.polytomic.connections.get(connection.id);
    expect(after.configuration).toEqual(before.configuration);
  });

  it('on a connection that is gone says so', async () => {
    const failure = await failureOf(restart({ id: 'gone', name: 'LinkedIn Ads', made: false }));
    expect(failure).toMatchObject({ type: 'NotFound', nonRetryable: true });
    expect(failure.message).toMatch(/^Getting a sign-in link for LinkedIn Ads connection “LinkedIn Ads”: /);
  });

  it('is tried again where Polytomic gives no link', async () => {
    const answer = { data: { id: 'c', name: 'LinkedIn Ads', type: 'linkedinads', configuration: {} } };
    await withApi(
      (_, response) => response.end(JSON.stringify(answer)),
      async ({ client }) => {
        const connection = { id: 'c', name: 'LinkedIn Ads', made: true };
        const failure = await failureOf(
          newStep('sign-in').attempt(() => activitiesOn(client).startSignIn({ connection })),
        );
        expect(failure).toMatchObject({ type: 'UndocumentedAnswer', nonRetryable: false });
        expect(failure.message).toBe(
          'Getting a sign-in link for LinkedIn Ads connection “LinkedIn Ads”: Polytomic gave no auth_url. Trying again.',
        );
      },
    );
  });

  it('with a key that Polytomic does not know ends, and does not show the key', async () => {
    const { connection } = await givenUnsigned();
    const client = new PolytomicClient({ apiKey: 'another-api-key', baseUrl: scene.sandbox.url });
    const failure = await failureOf(newStep('sign-in').attempt(() => activitiesOn(client).startSignIn({ connection })));
    expect(failure).toMatchObject({ type: 'ApiKeyRefused', nonRetryable: true });
    expect(failure.message + failure.stack).not.toContain('another-api-key');
  });
});
