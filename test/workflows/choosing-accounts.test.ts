import { beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_CHOICES } from '../../src/request/choice.ts';
import type { AdAccount } from '../../src/workflows/messages.ts';
import { withAccounts } from '../support/own-walkthrough.ts';
import { type People, people, refusalOf } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, existingSync } from '../support/walkthrough.ts';

const STEP = 'ad accounts';
const CONTOSO = { value: '519903347::urn:li:organization:30551846', label: 'Contoso Labs (519903347)' };
/** The sandbox has two of this label for whoever has many. */
const TWIN = 'Agency client 99';

type Accounts = 'all' | 'ask' | string[];

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

function start(accounts: Accounts): Promise<string> {
  return stage.start('accounts', { linkedinAds: withAccounts(accounts), syncs: [existingSync()] });
}

async function signIn(name: string, user: 'allow' | 'many-accounts' = 'allow'): Promise<void> {
  const { status } = await stage.untilAsked(name);
  await stage.sandbox.signIn(status?.signIn?.url ?? '', user);
  await stage.audiences.completeSignIn(name);
}

/** A run that asks for accounts, once somebody has signed in. */
async function asking(
  accounts: Accounts,
  play: (them: People, name: string) => Promise<void>,
  user: 'allow' | 'many-accounts' = 'allow',
): Promise<void> {
  const name = await start(accounts);
  await stage.withWorker(async () => {
    await signIn(name, user);
    const them = people(stage, name);
    await them.asked(STEP);
    await play(them, name);
  });
}

const enabled = async (name: string) => (await stage.audiences.result(name)).adAccounts.map(({ value }) => value);

describe('accounts: ask', () => {
  it('stops the step and lists what there is, until a label answers', async () => {
    await asking('ask', async (them, name) => {
      const { status, stage: where } = await stage.audiences.status(name);
      expect(where).toBe('awaiting_choice');
      expect(status?.questions).toEqual([
        { step: STEP, answer: 'selectAccounts', total: 3, choices: expect.arrayContaining([ACCOUNT, CONTOSO]) },
      ]);
      expect(status?.steps.find(({ id }) => id === STEP)?.state).toBe('waiting');
      expect(await them.select([ACCOUNT.label])).toEqual([ACCOUNT]);
      expect(await enabled(name)).toEqual([ACCOUNT.value]);
      expect((await stage.audiences.status(name)).status?.questions).toEqual([]);
    });
  });

  it.each<[string, Accounts, number]>([
    ['a value', [ACCOUNT.value], 1],
    ['a value and a label', [CONTOSO.value, ACCOUNT.label], 2],
    ['all', 'all', 3],
  ])('takes %s for an answer', async (_, answer, count) => {
    await asking('ask', async (them, name) => {
      expect(await them.select(answer as string[])).toHaveLength(count);
      expect(await enabled(name)).toHaveLength(count);
    });
  });

  it('refuses a wrong answer in words of what is allowed, and leaves nothing of it in history', async () => {
    await asking('ask', async (them, name) => {
      const before = await them.events();
      expect(await refusalOf(them.select(['Contoso']))).toEqual({
        type: 'NotAllowed',
        message: expect.stringMatching(/^there is no ad account “Contoso”; allowed are “Polytomic.*Contoso Labs/),
      });
      for (const input of [{ accounts: [] }, { accounts: 'ask' }, { account: [ACCOUNT.value] }, {}, 'all', null]) {
        const { type, message } = await refusalOf(them.update('selectAccounts', input));
        expect(type).toMatch(/^(InvalidInput|InvalidAnswer|NotNow)$/);
        expect(message).toMatch(/accounts|question/);
      }
      expect(await them.events()).toBe(before);
      await them.select([ACCOUNT.value]);
      await stage.audiences.result(name);
    });
  });

  it('lists no more than fifty, and finds the rest by a search', async () => {
    await asking(
      'ask',
      async (them, name) => {
        const { choices, total } = await them.asked(STEP);
        expect([choices.length, total]).toEqual([MAX_CHOICES, 103]);
        expect(choices.map(({ label }) => label)).not.toContain('Agency client 77');
        expect(await them.find(STEP, 'agency 530000076')).toEqual({
          total: 1,
          choices: [{ label: 'Agency client 77', value: expect.any(String) }],
        });
        expect(await them.find(STEP, 'AGENCY')).toMatchObject({ total: 100 });
        expect(await them.select(['Agency client 77', ACCOUNT.label])).toHaveLength(2);
        expect(await enabled(name)).toHaveLength(2);
      },
      'many-accounts',
    );
  });

  it('refuses what is not there in the same words where only a look at Polytomic tells, and goes on asking', async () => {
    await asking('ask', async (few) => {
      const { message } = await refusalOf(few.select(['Nobody']));
      expect(message).toMatch(/^there is no ad account “Nobody”; allowed are “/);
      await few.giveUp();
    });
    await asking(
      'ask',
      async (many, name) => {
        expect(await refusalOf(many.select(['Nobody']))).toEqual({
          type: 'NotAllowed',
          message: expect.stringMatching(/: there is no ad account “Nobody”; allowed are “.*” and 83 more\.$/),
        });
        expect(await refusalOf(many.select([TWIN]))).toEqual({
          type: 'NotAllowed',
          message: expect.stringMatching(/: ad account “Agency client 99” fits several: .*; give the value instead\.$/),
        });
        expect((await many.asked(STEP)).total).toBe(103);
        await many.select([ACCOUNT.value]);
        await stage.audiences.result(name);
      },
      'many-accounts',
    );
  });
});

describe('a label that fits several', () => {
  it('asks too, says why, and lists those first', async () => {
    await asking(
      [TWIN, ACCOUNT.label],
      async (them, name) => {
        const { why, choices } = await them.asked(STEP);
        expect(why).toMatch(/^ad account “Agency client 99” fits several: /);
        expect(choices.slice(0, 2).map(({ label }) => label)).toEqual([TWIN, TWIN]);
        const [twin] = choices;
        await them.select([twin?.value ?? '', ACCOUNT.value]);
        expect(await enabled(name)).toEqual(expect.arrayContaining([twin?.value, ACCOUNT.value]));
      },
      'many-accounts',
    );
  });
});

describe('an answer', () => {
  it('that comes before its question, and before any worker, is kept and used', async () => {
    const name = await start('ask');
    const them = people(stage, name);
    const answered = them.select([CONTOSO.label, ACCOUNT.label]);
    await stage.withWorker(async () => {
      expect(await answered).toBe('kept until it is asked');
      await signIn(name);
      expect(await enabled(name)).toEqual([CONTOSO.value, ACCOUNT.value]);
    });
  });

  it('that comes early and turns out wrong becomes the question', async () => {
    const name = await start('ask');
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.untilAsked(name);
      await them.select(['Fabrikam']);
      await signIn(name);
      const { why, total } = await them.asked(STEP);
      expect(why).toMatch(/there is no ad account “Fabrikam”/);
      expect(total).toBe(3);
      await them.select([ACCOUNT.label]);
      expect(await enabled(name)).toEqual([ACCOUNT.value]);
    });
  });

  it('is one of two at once: the other is told', async () => {
    const name = await start('ask');
    const them = people(stage, name);
    await stage.withWorker(async () => {
      await signIn(name);
      await them.asked(STEP);
    });
    // Nobody works: both reach the run in the same task.
    const both = Promise.allSettled([them.select([ACCOUNT.label]), them.select([CONTOSO.label, ACCOUNT.label])]);
    await stage.withWorker(async () => {
      const answers = await both;
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const refused = answers.find((one) => one.status === 'rejected');
      expect(await refusalOf(Promise.reject(refused?.reason))).toEqual({
        type: 'NotNow',
        message: expect.stringMatching(/answered already|done already/),
      });
      const won = answers.find((one) => one.status === 'fulfilled')?.value;
      expect(new Set(await enabled(name))).toEqual(new Set((won as AdAccount[]).map(({ value }) => value)));
    });
  });

  it('that comes while Polytomic is asked what there is, is not lost', async () => {
    const name = await start('ask');
    await stage.withWorker(async () => {
      const them = people(stage, name);
      const { status } = await stage.untilAsked(name);
      await stage.sandbox.signIn(status?.signIn?.url ?? '');
      // The first look checks the sign-in; the second lists the accounts, and is held up.
      const match = { path: '/api/connections/*/parameter_values' };
      await stage.sandbox.fault({ match, times: 1, latencyMs: 1 });
      await stage.sandbox.fault({ match, times: 1, latencyMs: 2_000 });
      await stage.audiences.completeSignIn(name);
      await them.step(STEP, 'running');
      expect(await them.select([ACCOUNT.label])).toBe('kept until it is asked');
      expect(await enabled(name)).toEqual([ACCOUNT.value]);
    });
  });

  it('is refused when nobody asks', async () => {
    const name = await start([ACCOUNT.label]);
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.untilAsked(name);
      const before = await them.events();
      expect(await refusalOf(them.select([CONTOSO.label]))).toEqual({
        type: 'NotNow',
        message: 'Nobody asks for ad accounts: the request says which.',
      });
      expect(await them.events()).toBe(before);
      expect((await refusalOf(them.find(STEP))).message).toMatch('the LinkedIn sign-in is not done');
      await signIn(name);
      expect(await enabled(name)).toEqual([ACCOUNT.value]);
    });
  });

  it('is refused while its step is blocked: what is retried asks again', async () => {
    const name = await start('ask');
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.sandbox.fault({ match: { method: 'PUT', path: '/api/connections/*' }, times: 1, status: 422 });
      await signIn(name);
      await them.asked(STEP);
      await them.select([ACCOUNT.label]);
      await them.step(STEP, 'blocked');
      expect((await refusalOf(them.select([ACCOUNT.label]))).message).toMatch(/blocked.*retryStep/);
      await them.retry(STEP);
      await until('it asks again', async () => (await stage.audiences.status(name)).status?.questions.length === 1);
      await them.select([ACCOUNT.label]);
      expect(await enabled(name)).toEqual([ACCOUNT.value]);
    });
  });
});

describe('accounts that the request names', () => {
  it.each([
    ['are enabled together with the check of the sign-in, on a connection that the run makes for itself', false, 0],
    ['are enabled by an activity of their own, on a connection that other runs may use', true, 1],
  ])('%s', async (_, orUse, activities) => {
    const { connection, accounts } = withAccounts([ACCOUNT.label]);
    const linkedinAds = { connection: { ...connection, orUse }, accounts };
    const name = await stage.start('named-accounts', { linkedinAds, syncs: [existingSync()] });
    await stage.withWorker(async () => {
      await signIn(name);
      expect(await enabled(name)).toEqual([ACCOUNT.value]);
      const { events } = await stage.history(name);
      const enabling = (events ?? []).filter(
        (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'enableAdAccounts',
      );
      expect(enabling).toHaveLength(activities);
    });
  });
});
