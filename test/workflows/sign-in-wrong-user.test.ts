import { beforeAll, describe, expect, it } from '@jest/globals';
import { newStage, type Stage } from '../support/provisioning.ts';
import { unsignedLinkedIn } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ACCOUNT } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** The sign-in once the run has found that a user without ad accounts signed in. */
const found = (name: string) =>
  until('the run says so', async () => {
    const { status } = await stage.audiences.status(name);
    return status?.signIn?.lastCheck?.outcome === 'no_accounts' && status.signIn;
  });

describe('a sign-in by a user who has no ad accounts', () => {
  it('is named, and a new link is offered, at which somebody else signs in', async () => {
    const name = await stage.start('no-accounts');
    await stage.withWorker(async () => {
      const url = (await stage.untilAsked(name)).status?.signIn?.url ?? '';
      await stage.sandbox.signIn(url, 'no-accounts');
      await stage.audiences.completeSignIn(name);
      const asked = await found(name);
      expect(asked.lastCheck?.reason).toContain('Robin Sandbox');
      expect(asked.url).not.toBe(url);
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ adAccounts: [ACCOUNT] });
    });
  });

  it('that was there before is found before anybody is asked, with one link', async () => {
    const { connection, authUrl } = await unsignedLinkedIn(stage.sandbox);
    await stage.sandbox.signIn(authUrl, 'no-accounts');
    const name = await stage.start('no-accounts-before', {
      linkedinAds: { connection: { use: connection.name, reconnect: 'allowed' }, accounts: [ACCOUNT.label] },
    });
    await stage.withWorker(async () => {
      const { url } = await found(name);
      const puts = (await stage.sandbox.requests()).filter(({ method, path }) => {
        return method === 'PUT' && path.endsWith(connection.id);
      });
      expect(puts).toHaveLength(1);
      await stage.sandbox.signIn(url ?? '');
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ adAccounts: [ACCOUNT] });
    });
  });

  it('on a connection that may not be reconnected is named, and the person is sent to Polytomic', async () => {
    const { connection, authUrl } = await unsignedLinkedIn(stage.sandbox);
    await stage.sandbox.signIn(authUrl, 'no-accounts');
    const name = await stage.start('no-accounts-no-link', {
      linkedinAds: { connection: { use: connection.name }, accounts: [ACCOUNT.label] },
    });
    await stage.withWorker(async () => {
      const asked = await found(name);
      expect(asked).not.toHaveProperty('url');
      expect(asked.hint).toContain(connection.name);
      await stage.audiences.cancel(name);
      await stage.failureOf(name);
    });
  });
});
