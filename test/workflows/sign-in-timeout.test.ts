import { beforeAll, describe, expect, it } from '@jest/globals';
import { retryStepUpdate, workflowIdOf } from '../../src/workflows/messages.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const stepOf = async (name: string) =>
  (await stage.audiences.status(name)).status?.steps.find(({ id }) => id === 'sign-in');

const untilTimedOut = (name: string) =>
  until('the wait is over', async () => {
    const step = await stepOf(name);
    return step?.state === 'blocked' && step;
  });

/** How many times Polytomic was asked whether the sign-in is there. */
const checks = async () =>
  (await stage.sandbox.requests()).filter(({ path }) => path.endsWith('/parameter_values')).length;

const shortly = (more: Record<string, unknown> = {}) => ({ options: { signIn: { timeout: '1s', ...more } } });

describe('a sign-in that nobody gives in time', () => {
  it('blocks its step by default, and nobody is asked any more', async () => {
    const name = await stage.start('timed-out', shortly());
    await stage.withWorker(async () => {
      expect((await untilTimedOut(name)).failure).toEqual({
        step: 'sign-in',
        type: 'SignInTimedOut',
        message: expect.stringContaining('nobody has signed in within 1 s'),
      });
      const report = await until('only the sign-in is missing', async () => {
        const now = await stage.audiences.status(name);
        return now.stage === 'blocked' && now;
      });
      expect(report.status).not.toHaveProperty('signIn');
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });

  it('fails the run with onTimeout: fail, although steps that fail wait to be mended', async () => {
    const name = await stage.start('timed-out-fails', shortly({ onTimeout: 'fail' }));
    await stage.withWorker(async () => {
      const failure = await stage.failureOf(name);
      expect(failure.state).toBe('failed');
      expect(failure.failures).toEqual([expect.objectContaining({ step: 'sign-in', type: 'SignInTimedOut' })]);
      expect(failure.leftBehind?.map(({ name: called }) => called)).toContain(`LinkedIn ${name}`);
    });
  });

  it('counts as given if it was given and nobody said so', async () => {
    const name = await stage.start('unsaid', { options: { signIn: { timeout: '3s' } } });
    await stage.withWorker(async () => {
      await stage.sandbox.signIn((await stage.untilAsked(name)).status?.signIn?.url ?? '');
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});

describe('a claim after the time', () => {
  it('that is true lets the run go on', async () => {
    const name = await stage.start('late', { options: { signIn: { timeout: '2s' } } });
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await untilTimedOut(name);
      await stage.sandbox.signIn(url);
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('that is false leaves the step blocked', async () => {
    const name = await stage.start('late-false', shortly());
    await stage.withWorker(async () => {
      const before = await untilTimedOut(name);
      const asked = await checks();
      await stage.audiences.completeSignIn(name);
      await until('the claim is checked', async () => (await checks()) > asked);
      expect(await untilTimedOut(name)).toEqual(before);
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });
});

describe('retryStep of the sign-in after the time', () => {
  it('asks anew: with a fresh link, and for as long again', async () => {
    const name = await stage.start('asked-anew', { options: { signIn: { timeout: '4s' } } });
    await stage.withWorker(async () => {
      const before = (await stage.untilAsked(name)).status?.signIn;
      await untilTimedOut(name);
      await stage.temporal.workflow
        .getHandle(workflowIdOf(name))
        .executeUpdate(retryStepUpdate, { args: [{ step: 'sign-in' }] });
      const after = (await stage.untilAsked(name)).status?.signIn;
      expect(after?.url).not.toBe(before?.url);
      expect(Date.parse(after?.until ?? '') - Date.parse(after?.since ?? '')).toBe(4_000);
      expect(Date.parse(after?.since ?? '')).toBeGreaterThanOrEqual(Date.parse(before?.until ?? ''));
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('goes on at once if somebody has signed in since', async () => {
    const name = await stage.start('signed-in-since', { options: { signIn: { timeout: '2s' } } });
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await untilTimedOut(name);
      await stage.sandbox.signIn(url);
      await stage.temporal.workflow
        .getHandle(workflowIdOf(name))
        .executeUpdate(retryStepUpdate, { args: [{ step: 'sign-in' }] });
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});

describe('a claim at the very end of the time', () => {
  it.each(['block', 'fail'] as const)(
    'is heard where it is in the history with the end of the time (onTimeout: %s)',
    async (onTimeout) => {
      const name = await stage.start('race', { options: { signIn: { timeout: '2s', onTimeout } } });
      const { status } = await stage.withWorker(() => stage.untilAsked(name));
      // No worker until the time is over: it finds the claim and the end of the time together.
      await stage.sandbox.signIn(status?.signIn?.url ?? '');
      await stage.audiences.completeSignIn(name);
      await until('the timer has fired', async () => {
        const { events } = await stage.history(name);
        return events?.some(({ timerFiredEventAttributes }) => timerFiredEventAttributes != null);
      });
      await stage.withWorker(() => expect(stage.audiences.result(name)).resolves.toMatchObject({ name }));
    },
  );

  it('is heard where it comes while the last look is being taken', async () => {
    const name = await stage.start('last-look', { options: { signIn: { timeout: '2s', onTimeout: 'fail' } } });
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await stage.sandbox.fault({
        match: { path: '/api/connections/*/parameter_values' },
        status: 422,
        latencyMs: 2_000,
        times: 1,
      });
      await until('the last look is under way', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'verifySignIn');
      });
      await stage.sandbox.signIn(url);
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
    await stage.sandbox.clearFaults();
  });
});
