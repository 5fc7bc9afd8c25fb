import { describe, expect, it } from '@jest/globals';
import { CancelledFailure } from '@temporalio/activity';
import { attempt, reading } from '../../src/activities/attempt.ts';
import { withApi } from '../polytomic/api-server.ts';
import { activitiesOn, creates, failureOf, newStep, sceneForEachTest } from '../support/activity-step.ts';

const scene = sceneForEachTest();
const CONNECTION = { id: 'c', name: 'LinkedIn Ads', made: true };

describe('an attempt', () => {
  it('gives what its work gives', async () => {
    expect(await newStep('step').attempt(() => attempt('doing it', async () => 'done'))).toBe('done');
  });

  it('that is cancelled breaks off what only reads, and ends as cancelled', async () => {
    const step = newStep('sign-in');
    await withApi(
      () => step.cancel(),
      async ({ client }) => {
        const { verifySignIn } = activitiesOn(client);
        const ended = step.attempt(() => verifySignIn({ connection: CONNECTION }));
        await expect(ended).rejects.toBeInstanceOf(CancelledFailure);
      },
    );
  });

  it('that is cancelled does not break off a create', async () => {
    const step = newStep('linkedin connection');
    const { polytomic } = scene.sandbox;
    const cancelling = {
      ...polytomic,
      connections: {
        list: () => polytomic.connections.list(reading()),
        create: (...args: Parameters<typeof polytomic.connections.create>) => {
          step.cancel();
          return polytomic.connections.create(...args);
        },
      },
    } as typeof polytomic;
    const spec = { name: 'LinkedIn Ads' };
    const made = await step.attempt(() =>
      activitiesOn(cancelling).provideLinkedInConnection({ step: step.context, spec }),
    );
    expect(made.resource.made).toBe(true);
    expect(await creates(scene.sandbox, '/api/connections')).toMatchObject([{ status: 200 }]);
  });

  it('is one of fifty that meet an outage together and come back one by one', async () => {
    await scene.sandbox.fault({ status: 503 });
    const retryPolicy = { initialInterval: 10_000, backoffCoefficient: 2, maximumInterval: 60_000 };
    const failures = Array.from({ length: 50 }, () =>
      failureOf(
        newStep('sign-in', { retryPolicy }).attempt(() => scene.activities.verifySignIn({ connection: CONNECTION })),
      ),
    );
    const delays = (await Promise.all(failures)).map(({ nextRetryDelay }) => Number(nextRetryDelay));
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(5_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_000);
    // Chance leaves a quarter of the time to nobody once in two million runs.
    for (const quarter of [0, 1, 2, 3]) {
      const from = 5_000 + quarter * 1_250;
      expect(delays.some((delay) => delay >= from && delay <= from + 1_250)).toBe(true);
    }
  });

  it('leaves a fault of ours as it is, for Temporal to try again', async () => {
    const fault = new TypeError('a fault of ours');
    const ended = newStep('step').attempt(() => attempt('doing it', () => Promise.reject(fault)));
    await expect(ended).rejects.toBe(fault);
  });

  it('says what was being done, whatever goes wrong', async () => {
    await scene.sandbox.fault({ status: 418, message: 'no tea' });
    const step = newStep('step');
    const { context } = step;
    const model = { resource: { ...CONNECTION, name: 'M' }, columns: [], others: [] };
    const sync = {
      name: 'S',
      model: 'm',
      audience: { existing: 'A' },
      mode: 'create' as const,
      fields: {},
      schedule: { frequency: 'manual' as const },
    };
    const doings: Array<[string, (all: typeof scene.activities) => Promise<unknown>]> = [
      [
        'Using Snowflake connection “W”',
        (all) => all.provideSnowflakeConnection({ step: context, spec: { use: 'W' } }),
      ],
      [
        'Using LinkedIn Ads connection “L”',
        (all) => all.provideLinkedInConnection({ step: context, spec: { use: 'L' } }),
      ],
      [
        'Using model “M”',
        (all) => all.provideModel({ step: context, spec: { use: 'M' }, columns: [], connection: CONNECTION }),
      ],
      [
        'Asking whether LinkedIn Ads connection “LinkedIn Ads” is signed in',
        (all) => all.verifySignIn({ connection: CONNECTION }),
      ],
      [
        'Getting a sign-in link for LinkedIn Ads connection “LinkedIn Ads”',
        (all) => all.startSignIn({ connection: CONNECTION }),
      ],
      [
        'Enabling ad accounts on LinkedIn Ads connection “LinkedIn Ads”',
        (all) => all.enableAdAccounts({ connection: CONNECTION, wanted: 'all' }),
      ],
      [
        'Looking at the audiences of LinkedIn Ads connection “LinkedIn Ads”',
        (all) => all.inspectAudiences({ connection: CONNECTION, syncs: [], originalRunId: 'r' }),
      ],
      [
        'Creating sync “S”',
        (all) =>
          all.createSync({
            step: context,
            sync,
            model,
            connection: CONNECTION,
            audience: { existing: { id: 'a', name: 'A' } },
          }),
      ],
    ];
    for (const [doing, work] of doings) {
      const { message } = await failureOf(newStep('step').attempt(() => work(scene.activities)));
      expect(message).toMatch(new RegExp(`^${doing}: (GET|POST|PUT) /api/.* answered 418: no tea$`));
    }
  });
});

describe('whether the namespace has the search attributes', () => {
  it('is asked of Temporal', async () => {
    expect(await scene.activities.searchAttributesRegistered()).toBe(true);
  });
});
