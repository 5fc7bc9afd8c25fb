import { describe, expect, it } from '@jest/globals';
import type { LinkedInConnectionSpec } from '../../src/request/schema.ts';
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
const SPEC: LinkedInConnectionSpec = { name: 'LinkedIn Ads' };

const newLinkedInStep = () => newStep('linkedin connection');

function provide(step: Step, spec: LinkedInConnectionSpec = SPEC) {
  return step.attempt(() => scene.activities.provideLinkedInConnection({ step: step.context, spec }));
}

const connections = async () => (await scene.sandbox.state()).connections;

describe('a LinkedIn Ads connection', () => {
  it('is made, and says where to sign in', async () => {
    const { resource, authUrl } = await provide(newLinkedInStep());
    expect(resource).toEqual({ id: expect.any(String), name: 'LinkedIn Ads', made: true });
    await scene.sandbox.signIn(authUrl ?? '');
    expect(await connections()).toMatchObject([{ id: resource.id, type: 'linkedinads', signed_in: true }]);
  });

  it('is made without what the request does not say', async () => {
    await provide(newLinkedInStep());
    const [call] = (await scene.sandbox.requests()).filter(({ method }) => method === 'POST');
    expect(call?.body).toEqual({ name: 'LinkedIn Ads', type: 'linkedinads', configuration: {} });
  });

  it('sends the person where the request says after the sign-in', async () => {
    await provide(newLinkedInStep(), { ...SPEC, redirectUrl: 'https://service.example/done' });
    expect(await connections()).toMatchObject([{ redirect_url: 'https://service.example/done' }]);
  });

  it('by a refresh token needs nobody to sign in', async () => {
    const { authUrl } = await provide(newLinkedInStep(), {
      ...SPEC,
      clientId: 'app',
      clientSecret: { env: 'LINKEDIN_CLIENT_SECRET' },
      oauthRefreshToken: { env: 'LINKEDIN_REFRESH_TOKEN' },
    });
    expect(authUrl).toBeUndefined();
    expect(await connections()).toMatchObject([{ signed_in: true, configuration: { client_id: 'app' } }]);
  });

  it('by a wrong refresh token is refused in LinkedIn’s words', async () => {
    const failure = await failureOf(
      provide(newLinkedInStep(), {
        ...SPEC,
        clientId: 'app',
        clientSecret: { env: 'LINKEDIN_CLIENT_SECRET' },
        oauthRefreshToken: { env: 'SNOWFLAKE_WRONG' },
      }),
    );
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating LinkedIn Ads connection “LinkedIn Ads”: .*refuses the refresh token/);
  });

  it('gets what stands under extra, secrets resolved', async () => {
    await provide(newLinkedInStep(), {
      ...SPEC,
      extra: { region: 'eu', api_key: { env: 'LINKEDIN_CLIENT_SECRET' } },
    });
    expect(await connections()).toMatchObject([
      { configuration: { region: 'eu' }, secrets: { api_key: expect.any(String) } },
    ]);
  });

  it.each(['id', 'name'] as const)('that is there is used by its %s, and has no sign-in link', async (by) => {
    const there = await givenLinkedIn(scene.sandbox);
    expect(await provide(newLinkedInStep(), { use: there[by] })).toEqual({ resource: there });
  });

  it('that is there is used instead of another where the request allows that', async () => {
    const there = await givenLinkedIn(scene.sandbox);
    expect(await provide(newLinkedInStep(), { ...SPEC, orUse: true })).toEqual({ resource: there });
  });

  it('is refused where one of its name is there', async () => {
    const { id } = await givenLinkedIn(scene.sandbox);
    const failure = await failureOf(provide(newLinkedInStep()));
    expect(failure).toMatchObject({ type: 'NameTaken', nonRetryable: true });
    expect(failure.message).toMatch(new RegExp(`^Creating LinkedIn Ads connection “LinkedIn Ads”: .*${id}`));
  });

  it('that is to be used is not there, or of another type', async () => {
    await givenSnowflake(scene.sandbox);
    const missing = await failureOf(provide(newLinkedInStep(), { use: 'Nobody’s' }));
    expect(missing).toMatchObject({ type: 'NotFound', nonRetryable: true });
    expect(missing.message).toMatch(/^Using LinkedIn Ads connection “Nobody’s”: .*Of type linkedinads there are: none/);
    const wrong = await failureOf(provide(newLinkedInStep(), { use: 'Warehouse' }));
    expect(wrong).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(wrong.message).toMatch(/is of type snowflake, and linkedinads is needed/);
  });

  it('whose answer was lost is made once, and its key brings the sign-in link back', async () => {
    const step = newLinkedInStep();
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, drop: true, when: 'after' });
    expect(await failureOf(provide(step))).toMatchObject({ type: 'NoAnswer' });
    const { authUrl } = await provide(step);
    await scene.sandbox.signIn(authUrl ?? '');
    expect(await connections()).toMatchObject([{ signed_in: true }]);
    expect(await creates(scene.sandbox, '/api/connections')).toMatchObject([{}, { replayed: true }]);
  });

  it('that was made but answered by a 500 is this run’s own, without a link', async () => {
    const step = newLinkedInStep();
    await scene.sandbox.fault({ match: CONNECTIONS, times: 1, status: 500, when: 'after' });
    await failureOf(provide(step));
    const { resource, authUrl } = await provide(step);
    expect(resource.made).toBe(true);
    expect(authUrl).toBeUndefined();
    expect(await connections()).toHaveLength(1);
  });
});
