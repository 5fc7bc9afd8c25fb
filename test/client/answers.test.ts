import { beforeAll, describe, expect, it } from '@jest/globals';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { asking } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const SYNC = 'Existing audience';
const start = async (about: string, changes = {}) => (await stage.audiences.start(asking(about, changes))).name;
const refused = (type: string, message: RegExp | string) => ({
  name: 'RefusedError',
  type,
  faults: [],
  message: typeof message === 'string' ? message : expect.stringMatching(message),
});

describe('the sign-in link', () => {
  it('is the one there is, or a fresh one for who asks for it', async () => {
    const name = await start('link');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      const link = await stage.audiences.signInLink(name);
      expect(link).toEqual({ url: status?.signIn?.url, since: status?.signIn?.linkSince });
      const fresh = await stage.audiences.signInLink(name, { fresh: true });
      expect(fresh.url).not.toBe(link.url);
      expect(await stage.audiences.signInLink(name)).toEqual(fresh);
      await stage.sandbox.signIn(fresh.url);
    });
  });

  it('is a fresh one where the one there is has become too old', async () => {
    const name = await start('old-link', { options: { signIn: { linkTtl: '1s' } } });
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      const { linkSince = '', url } = status?.signIn ?? {};
      const fresh = await until('there is another link', async () => {
        const link = await stage.audiences.signInLink(name);
        return link.url !== url && link;
      });
      expect(Date.parse(fresh.since) - Date.parse(linkSince)).toBeGreaterThanOrEqual(1000);
    });
  });

  it('is refused in the words of the run when nobody is asked to sign in', async () => {
    const name = await start('no-link');
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await people(stage, name).asked('ad accounts');
      await expect(stage.audiences.signInLink(name)).rejects.toMatchObject(
        refused('NotNow', 'Nobody is asked to sign in now. Query `status` shows where the run stands.'),
      );
    });
  });
});

describe('choices', () => {
  it('are listed, searched and made, for accounts and audience', async () => {
    const name = await start('chooses');
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const { choices, total } = await people(stage, name).asked('ad accounts');
      expect(choices).toContainEqual(ACCOUNT);
      expect(await stage.audiences.findChoices(name, { step: 'ad accounts' })).toEqual({ choices, total });
      const found = await stage.audiences.findChoices(name, { step: 'ad accounts', search: 'POLYtomic inc' });
      expect(found).toEqual({ choices: [ACCOUNT], total: 1 });
      expect(await stage.audiences.selectAccounts(name, [ACCOUNT.label])).toEqual([ACCOUNT]);

      await people(stage, name).asked(`sync ${SYNC}`);
      const audience = { existing: AUDIENCE.name };
      expect(await stage.audiences.chooseAudience(name, { sync: SYNC, audience })).toBe(AUDIENCE.id);
      const { adAccounts, syncs } = await stage.audiences.result(name);
      expect(adAccounts).toEqual([ACCOUNT]);
      expect(syncs.map((sync) => sync.audience.id)).toEqual([AUDIENCE.id]);
    });
  });

  it('that come before the question are kept, and count when it comes', async () => {
    const name = await start('early');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      expect(await stage.audiences.selectAccounts(name, [ACCOUNT.value])).toBe('kept until it is asked');
      const created = { name: `Made for ${name}`, type: 'user_audience', account: ACCOUNT.value };
      expect(await stage.audiences.chooseAudience(name, { sync: SYNC, audience: { create: created } })).toBe(
        'kept until it is asked',
      );
      await stage.signIn(name);
      const { syncs } = await stage.audiences.result(name);
      expect(syncs.map(({ audience }) => audience)).toMatchObject([{ name: created.name, made: true }]);
    });
  });

  it('that are not among what there is are refused with what is allowed', async () => {
    const name = await start('wrong');
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await people(stage, name).asked('ad accounts');
      await expect(stage.audiences.selectAccounts(name, ['No such account'])).rejects.toMatchObject(
        refused('NotAllowed', /no ad account “No such account”; allowed are .*Polytomic Inc\. \(512630692\)/),
      );
      await expect(stage.audiences.selectAccounts(name, [])).rejects.toMatchObject(
        refused('InvalidAnswer', /^linkedinAds\.accounts: /),
      );
      await expect(stage.audiences.findChoices(name, { step: 'sync Nobody' })).rejects.toMatchObject(
        refused('NotNow', `There is no sync Nobody; there are sync ${SYNC}.`),
      );
    });
  });

  it('of a run that is not there, or has ended, are errors that say so', async () => {
    const name = await start('over');
    await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
    for (const [of, message] of [
      [name, 'was terminated already'],
      [newName('unknown'), 'There is no provisioning'],
    ] as const) {
      const notFound = { name: 'NotFoundError', message: expect.stringContaining(message) };
      const { audiences } = stage;
      await expect(audiences.selectAccounts(of, 'all')).rejects.toMatchObject(notFound);
      await expect(audiences.findChoices(of, { step: 'ad accounts' })).rejects.toMatchObject(notFound);
      await expect(audiences.retryStep(of, { step: 'audiences' })).rejects.toMatchObject(notFound);
      await expect(audiences.giveUp(of)).rejects.toMatchObject(notFound);
      await expect(audiences.signInLink(of)).rejects.toMatchObject(notFound);
    }
  });
});
