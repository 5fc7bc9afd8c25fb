import { beforeAll, describe, expect, it } from '@jest/globals';
import { giveUpUpdate, workflowIdOf } from '../../src/workflows/messages.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const polled = { options: { signIn: { poll: '1s' } } };

const handleOf = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name));

/** The attempt of the watch that comes next, or is under way. */
const attempt = async (name: string) =>
  (await stage.audiences.status(name)).pendingActivities.find(({ activity }) => activity === 'awaitSignIn')?.attempt;

const untilAttempt = (name: string, number: number) =>
  until(`look ${number}`, async () => ((await attempt(name)) ?? 0) >= number);

const eventsOf = async (name: string) => (await stage.history(name)).events ?? [];

/** How often an activity was scheduled. */
const scheduled = async (name: string, activity: string) =>
  (await eventsOf(name)).filter(
    ({ activityTaskScheduledEventAttributes }) => activityTaskScheduledEventAttributes?.activityType?.name === activity,
  ).length;

/** The run once nothing but the person is missing. */
const parked = (name: string) =>
  until('only the person is missing', async () => {
    const { status } = await stage.audiences.status(name);
    return status?.signIn && status.steps.some(({ id, state }) => id === 'model active-users' && state === 'done');
  });

describe('a run that polls', () => {
  it('finds the sign-in although nobody says that it is done', async () => {
    const name = await stage.start('polled', polled);
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await untilAttempt(name, 2);
      await stage.sandbox.signIn(url);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
      expect(await scheduled(name, 'awaitSignIn')).toBe(1);
      expect(await scheduled(name, 'verifySignIn')).toBe(0);
    });
  });

  it('does not let the history grow, however often it looks', async () => {
    const name = await stage.start('polled-quietly', polled);
    await stage.withWorker(async () => {
      await parked(name);
      const looked = (await attempt(name)) ?? 0;
      const before = (await eventsOf(name)).length;
      await untilAttempt(name, looked + 4);
      expect(await eventsOf(name)).toHaveLength(before);
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });

  it('hears a claim before its next look, and looks no more afterwards', async () => {
    const name = await stage.start('polled-and-claimed', { options: { signIn: { poll: '365d' } } });
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await untilAttempt(name, 2);
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
      const cancels = (await eventsOf(name)).filter(
        ({ activityTaskCancelRequestedEventAttributes: cancel }) => cancel != null,
      );
      expect(cancels).toHaveLength(1);
      expect((await stage.audiences.status(name)).pendingActivities).toEqual([]);
    });
  });

  it('goes on looking after a false claim', async () => {
    const name = await stage.start('polled-after-claim', polled);
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await stage.audiences.completeSignIn(name);
      await until('the claim is checked', async () => (await stage.audiences.status(name)).status?.signIn?.lastCheck);
      await stage.sandbox.signIn(url);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('tells of a user without ad accounts once, and goes on looking for another', async () => {
    const name = await stage.start('polled-no-accounts', polled);
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await stage.sandbox.signIn(url, 'no-accounts');
      const asked = await until('the run says so', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.signIn?.lastCheck?.outcome === 'no_accounts' && status.signIn;
      });
      expect(asked.url).not.toBe(url);
      await untilAttempt(name, 3);
      expect(await scheduled(name, 'awaitSignIn')).toBe(2);
      expect(await scheduled(name, 'startSignIn')).toBe(1);
      await stage.sandbox.signIn(asked.url ?? '');
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('is blocked where Polytomic refuses to answer, and is asked anew by a claim', async () => {
    const name = await stage.start('polled-refused', polled);
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await stage.sandbox.fault({ match: { path: '/api/connections/*/parameter_values' }, status: 403 });
      await until('the sign-in is blocked', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.steps.some(({ id, failure }) => id === 'sign-in' && failure?.type === 'NotPermitted');
      });
      await stage.sandbox.clearFaults();
      await stage.audiences.completeSignIn(name);
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await stage.sandbox.signIn(url);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it.each([
    ['cancelled', (name: string) => stage.audiences.cancel(name)],
    ['failed', (name: string) => handleOf(name).executeUpdate(giveUpUpdate, { args: [undefined] })],
  ] as const)('ends when it is to (%s), and stops looking', async (state, end) => {
    const name = await stage.start(`polled-${state}`, polled);
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await untilAttempt(name, 2);
      await end(name);
      await expect(stage.failureOf(name)).resolves.toMatchObject({ state });
      const report = await stage.audiences.status(name);
      expect(report.pendingActivities).toEqual([]);
      expect(report.status).not.toHaveProperty('signIn');
    });
  });
});

describe('a wait without polling', () => {
  it('is ended by giveUp too', async () => {
    const name = await stage.start('given-up');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await handleOf(name).executeUpdate(giveUpUpdate, { args: [{ reason: 'nobody may sign in' }] });
      const failure = await stage.failureOf(name);
      expect(failure.failures).toEqual([
        { step: 'run', type: 'GivenUp', message: expect.stringContaining('nobody may sign in') },
      ]);
    });
  });
});
