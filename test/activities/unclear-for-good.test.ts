import { describe, expect, it } from '@jest/globals';
import {
  activitiesOn,
  failureOf,
  givenSnowflake,
  letSendsEnd,
  newStep,
  type Step,
  sceneForEachTest,
} from '../support/activity-step.ts';
import { until } from '../support/until.ts';

const scene = sceneForEachTest();
const MODELS = { method: 'POST', path: '/api/models' };
const SPEC = {
  name: 'Active Users',
  query: 'SELECT email FROM users',
  extra: { token: { env: 'SNOWFLAKE_PASSPHRASE' } },
};

const models = async () => (await scene.sandbox.state()).models;

/** The next attempt to make the model on a connection of this run's. */
async function provide(step: Step, connection: { id: string; name: string }, activities = scene.activities) {
  const made = { ...connection, made: true };
  return step.attempt(() => activities.provideModel({ step: step.context, spec: SPEC, columns: [], connection: made }));
}

describe('a create that may have made something', () => {
  it.each<[string, object]>([
    ['the API key is refused', { status: 401 }],
    ['the API key may not do it any more', { status: 403 }],
  ])('is unclear when %s before its answer is known, and is found by the next try', async (_, refusal) => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newStep('model active-users');
    await scene.sandbox.fault({ match: MODELS, times: 1, drop: true, when: 'after' });
    await failureOf(provide(step, connection));
    // Its idempotency key brings the job back, and then nobody may ask what becomes of that.
    await scene.sandbox.fault({ match: { method: 'GET' }, ...refusal });
    const failure = await failureOf(provide(step, connection));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(/cannot be asked after: .*Mend that, then try again/);
    await scene.sandbox.clearFaults();
    await until('the model is there', async () => (await models()).length === 1);
    const again = await provide(step.again(), connection);
    expect(again.resource.made).toBe(true);
    expect(await models()).toMatchObject([{ id: again.resource.id }]);
  });

  it('is unclear when a secret cannot be had for sending it again', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newStep('model active-users');
    await scene.sandbox.fault({ match: MODELS, times: 1, drop: true, when: 'after' });
    await failureOf(provide(step, connection));
    const without = activitiesOn(scene.sandbox.polytomic, { secrets: {} });
    expect(await failureOf(provide(step, connection, without))).toMatchObject({ type: 'Unclear' });
  });

  it('is unclear when nobody may look for it after a 500', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newStep('model active-users');
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500, when: 'after' });
    await failureOf(provide(step, connection));
    await scene.sandbox.fault({ match: { method: 'GET' }, status: 403 });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'Unclear' });
  });
});

describe('a create that has made nothing', () => {
  it('is not unclear when the API key is refused at its first send', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    await scene.sandbox.fault({ match: MODELS, status: 401 });
    const failure = await failureOf(provide(newStep('model active-users'), connection));
    expect(failure.type).toBe('ApiKeyRefused');
  });

  it('is not unclear when its secret cannot be had', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const without = activitiesOn(scene.sandbox.polytomic, { secrets: {} });
    const failure = await failureOf(provide(newStep('model active-users'), connection, without));
    expect(failure.type).toBe('SecretUnavailable');
  });

  it('is not unclear when it is refused after a 500 that made nothing', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newStep('model active-users');
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500 });
    await failureOf(provide(step, connection));
    letSendsEnd(step);
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 422 });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'Refused' });
  });
});
