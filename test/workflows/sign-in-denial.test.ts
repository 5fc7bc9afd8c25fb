import { beforeAll, describe, expect, it } from '@jest/globals';
import { oauthCompletedSignal, workflowIdOf } from '../../src/workflows/messages.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const tell = (name: string, payload: unknown) =>
  stage.temporal.workflow.getHandle(workflowIdOf(name)).signal(oauthCompletedSignal, payload);

/** The sign-in once as many claims have been checked. */
const checked = (name: string, claims: number) =>
  until(`claim ${claims} is checked`, async () => {
    const { status } = await stage.audiences.status(name);
    return status?.signIn?.claims === claims && status.signIn.lastCheck && status.signIn;
  });

describe('a denial', () => {
  it.each([
    ['by a person', { denied: true }, 'the sign-in was denied'],
    [
      'by LinkedIn through a callback',
      { error: 'user_cancelled_login', error_description: 'The user cancelled the login' },
      'the sign-in was denied: user_cancelled_login, The user cancelled the login',
    ],
  ])('told %s is shown, and a new link lets the person try again', async (_, payload, reason) => {
    const name = await stage.start('denied');
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await stage.sandbox.signIn(url, 'deny');
      await tell(name, payload);
      const asked = await checked(name, 1);
      expect(asked.lastCheck).toMatchObject({ outcome: 'denied', reason });
      expect(asked.url).not.toBe(url);
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('counts as signed in where Polytomic says so', async () => {
    const name = await stage.start('denied-wrongly');
    await stage.withWorker(async () => {
      await stage.sandbox.signIn((await stage.untilAsked(name)).status?.signIn?.url ?? '');
      await tell(name, { denied: true });
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('that comes while a check is running is not lost', async () => {
    const name = await stage.start('denied-meanwhile');
    await stage.withWorker(() => stage.untilAsked(name));
    await stage.sandbox.fault({
      match: { method: 'GET', path: '/api/connections/*/parameter_values' },
      latencyMs: 1_000,
    });
    await stage.withWorker(async () => {
      await stage.audiences.completeSignIn(name);
      await until('the check is running', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'verifySignIn');
      });
      await tell(name, { denied: true });
      expect((await checked(name, 2)).lastCheck?.outcome).toBe('denied');
      await stage.sandbox.clearFaults();
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('is forgotten with the next claim', async () => {
    const name = await stage.start('denied-once');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await tell(name, { denied: true });
      expect((await checked(name, 1)).lastCheck?.outcome).toBe('denied');
      await stage.audiences.completeSignIn(name);
      expect((await checked(name, 2)).lastCheck?.outcome).toBe('not_yet');
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });
});

describe('a payload that is no denial', () => {
  it('is a claim like any other', async () => {
    const name = await stage.start('rubbish');
    const rubbish = [{ denied: 'yes' }, { denied: false, error: '' }, { error: { denied: true } }, ['denied'], 7, null];
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      for (const [index, payload] of rubbish.entries()) {
        await tell(name, payload);
        expect((await checked(name, index + 1)).lastCheck?.outcome).toBe('not_yet');
      }
      expect((await stage.audiences.status(name)).status?.signIn?.url).toBe(status?.signIn?.url);
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('is shown in few words, however long a denial is', async () => {
    const name = await stage.start('long-denial');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await tell(name, { error: 'x'.repeat(100_000) });
      expect((await checked(name, 1)).lastCheck?.reason.length).toBeLessThanOrEqual(300);
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });
});
