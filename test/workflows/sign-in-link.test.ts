import { beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowUpdateFailedError } from '@temporalio/client';
import {
  refreshSignInLinkUpdate,
  type SignInLink,
  signInLinkUpdate,
  workflowIdOf,
} from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { unsignedLinkedIn } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ACCOUNT } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const handleOf = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name));
const refresh = (name: string): Promise<SignInLink> => handleOf(name).executeUpdate(refreshSignInLinkUpdate);
const link = (name: string): Promise<SignInLink> => handleOf(name).executeUpdate(signInLinkUpdate);
const urlOf = async (name: string) => (await stage.untilAsked(name)).status?.signIn?.url ?? '';

/** Why an update was not done. */
async function refusalOf(update: Promise<unknown>): Promise<string | undefined> {
  const error = await errorOf(update);
  if (!(error instanceof WorkflowUpdateFailedError)) throw error;
  return error.cause?.message;
}

async function ends(name: string): Promise<void> {
  await stage.audiences.cancel(name);
  await errorOf(stage.audiences.result(name));
}

describe('refreshSignInLink', () => {
  it('gives a link that works, and the one before stops working', async () => {
    const name = await stage.start('fresh-link');
    await stage.withWorker(async () => {
      const before = await urlOf(name);
      const { url } = await refresh(name);
      expect(url).not.toBe(before);
      expect((await stage.audiences.status(name)).status?.signIn).toMatchObject({ url, linkSince: expect.any(String) });
      await expect(stage.sandbox.signIn(before)).rejects.toThrow('404');
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('takes no ad account away that is enabled after a sign-in by the link before', async () => {
    const name = await stage.start('refresh-and-sign-in');
    await stage.withWorker(async () => {
      const before = await urlOf(name);
      await stage.sandbox.fault({ match: { method: 'PUT', path: '/api/connections/*' }, latencyMs: 3_000, times: 1 });
      const asked = refresh(name);
      await until('the fresh link is being fetched', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'startSignIn');
      });
      await stage.sandbox.signIn(before);
      await stage.audiences.completeSignIn(name);
      await asked;
      const { linkedinConnection } = await stage.audiences.result(name);
      const { configuration } = await stage.sandbox.polytomic.connections.get(linkedinConnection.id);
      expect(configuration['accounts']).toEqual([ACCOUNT]);
    });
  });

  it('has the sign-in looked for again that was seen before the link was fetched', async () => {
    const name = await stage.start('refresh-while-checking');
    await stage.withWorker(async () => {
      await stage.sandbox.signIn(await urlOf(name));
      const parameters = { method: 'GET', path: '/api/connections/*/parameter_values' };
      await stage.sandbox.fault({ match: parameters, latencyMs: 3_000, times: 1 });
      await stage.audiences.completeSignIn(name);
      await until('the sign-in is being looked for', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'verifySignIn');
      });
      const { url } = await refresh(name);
      expect(url).toMatch(/^http/);
      const { linkedinConnection } = await stage.audiences.result(name);
      const { configuration } = await stage.sandbox.polytomic.connections.get(linkedinConnection.id);
      expect(configuration['accounts']).toEqual([ACCOUNT]);
      const { events } = await stage.history(name);
      const looks = (events ?? []).filter(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'verifySignIn',
      );
      expect(looks).toHaveLength(2);
    });
  });

  it('gives two who ask at once the same link, so that neither breaks the other', async () => {
    const name = await stage.start('two-ask');
    await stage.withWorker(() => stage.untilAsked(name));
    // Both are there before a worker looks at the first.
    const asked = [refresh(name), refresh(name)];
    await stage.withWorker(async () => {
      const [one, other] = await Promise.all(asked);
      expect(other?.url).toBe(one?.url);
      expect(await urlOf(name)).toBe(one?.url);
      await ends(name);
    });
  });

  it('is refused before anybody is asked and after the sign-in', async () => {
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, latencyMs: 2_000 });
    const name = await stage.start('not-asked');
    await stage.withWorker(async () => {
      expect(await refusalOf(refresh(name))).toMatch(/^Nobody is asked to sign in now/);
      expect(await refusalOf(link(name))).toMatch(/^Nobody is asked to sign in now/);
      await stage.sandbox.clearFaults();
      // The ad accounts cannot be enabled, so that the run stands right behind the sign-in.
      await stage.sandbox.fault({ match: { method: 'PUT', path: '/api/connections/*' }, status: 503 });
      await stage.signIn(name);
      await until('the sign-in is there', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.steps.find(({ id }) => id === 'sign-in')?.state === 'done';
      });
      expect(await refusalOf(refresh(name))).toMatch(/^Nobody is asked to sign in now/);
      await ends(name);
    });
    await stage.sandbox.clearFaults();
  });

  it('is refused for a connection that was there before, unless the request allows to reconnect it', async () => {
    const { connection } = await unsignedLinkedIn(stage.sandbox);
    const linkedinAds = { connection: { use: connection.name }, accounts: [ACCOUNT.label] };
    const name = await stage.start('not-allowed', { linkedinAds });
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      expect(status?.signIn).not.toHaveProperty('url');
      expect(await refusalOf(refresh(name))).toBe(status?.signIn?.hint);
      expect(await refusalOf(link(name))).toBe(status?.signIn?.hint);
      await ends(name);
    });
    const allowed = await stage.start('allowed', {
      linkedinAds: { ...linkedinAds, connection: { ...linkedinAds.connection, reconnect: 'allowed' } },
    });
    await stage.withWorker(async () => {
      const before = await urlOf(allowed);
      const { url } = await refresh(allowed);
      expect(url).not.toBe(before);
      await stage.signIn(allowed);
      await expect(stage.audiences.result(allowed)).resolves.toMatchObject({ linkedinConnection: { made: false } });
    });
  });

  it('fails in the words of Polytomic where it refuses, and the run goes on waiting with the link that it has', async () => {
    const name = await stage.start('refused-link');
    await stage.withWorker(async () => {
      const before = await urlOf(name);
      await stage.sandbox.fault({ match: { method: 'PUT', path: '/api/connections/*' }, status: 403, times: 1 });
      expect(await refusalOf(refresh(name))).toMatch(/^getting a sign-in link.*403/is);
      expect((await stage.audiences.status(name)).stage).toBe('awaiting_sign_in');
      expect(await urlOf(name)).toBe(before);
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
    await stage.sandbox.clearFaults();
  });
});

describe('signInLink', () => {
  it('gives the link that there is, as often as it is asked', async () => {
    const name = await stage.start('link');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      const { url, linkSince } = status?.signIn ?? {};
      expect(await link(name)).toEqual({ url, since: linkSince });
      expect(await link(name)).toEqual({ url, since: linkSince });
      await ends(name);
    });
  });

  it('gives a fresh one to whoever asks when the link is older than linkTtl', async () => {
    const name = await stage.start('old-link', { options: { signIn: { linkTtl: '1s' } } });
    await stage.withWorker(async () => {
      const before = await urlOf(name);
      const fresh = await until('the link is too old', async () => {
        const now = await link(name);
        return now.url !== before && now;
      });
      await expect(stage.sandbox.signIn(before)).rejects.toThrow('404');
      await stage.sandbox.signIn(fresh.url);
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});
