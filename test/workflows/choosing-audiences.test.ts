import { beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_CHOICES } from '../../src/request/choice.ts';
import type { SyncRequest } from '../../src/request/schema.ts';
import { newName } from '../support/new-name.ts';
import { withAccounts } from '../support/own-walkthrough.ts';
import { type People, people, refusalOf } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { activeUsers, audienceSync, linkedInConnection, snowflakeConnection } from '../support/resources.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, existingSync } from '../support/walkthrough.ts';

const TRIAL_USERS = 'User Audience: Trial Users';
const SYNC = 'Existing audience';
const STEP = `sync ${SYNC}`;

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

function start(changes: Partial<SyncRequest> = {}): Promise<string> {
  const syncs = [existingSync({ audience: 'ask', ...changes })];
  return stage.start('audiences', { linkedinAds: withAccounts('all'), syncs });
}

/** A run that asks for the audience of its sync. */
async function asking(
  changes: Partial<SyncRequest>,
  play: (them: People, name: string) => Promise<void>,
): Promise<void> {
  const name = await start(changes);
  await stage.withWorker(async () => {
    await stage.signIn(name);
    const them = people(stage, name);
    await them.asked(`sync ${changes.name ?? SYNC}`);
    await play(them, name);
  });
}

const audienceOf = async (name: string) => (await stage.audiences.result(name)).syncs[0]?.audience;

describe('audience: ask', () => {
  it('stops the step and lists what a sync of this mode can write to, until a name answers', async () => {
    await asking({}, async (them, name) => {
      const { status, stage: where } = await stage.audiences.status(name);
      expect(where).toBe('awaiting_choice');
      expect(status?.questions).toEqual([
        {
          step: STEP,
          answer: 'chooseAudience',
          total: expect.any(Number),
          choices: expect.arrayContaining([{ value: AUDIENCE.id, label: AUDIENCE.name }]),
        },
      ]);
      expect(await them.choose(SYNC, { existing: AUDIENCE.name })).toBe(AUDIENCE.id);
      expect(await audienceOf(name)).toEqual({ ...AUDIENCE, made: false });
    });
  });

  it('takes an id, where a name fits several', async () => {
    await asking({ mode: 'update' }, async (them, name) => {
      expect(await refusalOf(them.choose(SYNC, { existing: TRIAL_USERS }))).toEqual({
        type: 'Ambiguous',
        message: expect.stringMatching(
          /^Sync “Existing audience”: audience “User Audience: Trial Users” fits several: “508274/,
        ),
      });
      const { choices, total } = await them.asked(STEP);
      expect(total).toBe(2);
      const id = choices[1]?.value ?? '';
      expect(await them.choose(SYNC, { existing: id })).toBe(id);
      expect(await audienceOf(name)).toMatchObject({ id });
    });
  });

  it('takes one to create', async () => {
    await asking({}, async (them, name) => {
      const audience = newName('Made');
      const create = { name: audience, type: 'user_audience', account: ACCOUNT.label };
      expect(await them.choose(SYNC, { create })).toBe(`to be made: ${audience}`);
      expect(await audienceOf(name)).toMatchObject({ name: audience, made: true });
    });
  });

  it('refuses a wrong answer in words of what is allowed, and leaves nothing of it in history', async () => {
    await asking({}, async (them, name) => {
      const before = await them.events();
      expect(await refusalOf(them.choose(SYNC, { existing: 'Nobody' }))).toEqual({
        type: 'NotFound',
        message: expect.stringMatching(
          /^Sync “Existing audience”: there is no audience “Nobody” that supports mode “create”; allowed are “Company Audience.*\.$/,
        ),
      });
      expect((await refusalOf(them.choose('Another', { existing: AUDIENCE.id }))).message).toBe(
        'There is no sync Another; there are sync Existing audience.',
      );
      const inputs = [
        { sync: SYNC },
        { sync: SYNC, audience: 'ask' },
        { sync: SYNC, audience: { existing: AUDIENCE.id, more: 'a-secret' } },
        { sync: SYNC, audiences: { existing: 'a-secret' } },
        { sync: SYNC, audience: { create: { name: 'a-secret', type: 'user_audience' } } },
        'a-secret',
      ];
      for (const input of inputs) {
        const { message } = await refusalOf(them.update('chooseAudience', input));
        expect(message).toMatch(/audience|question/);
        expect(message).not.toContain('a-secret');
      }
      expect(await them.events()).toBe(before);
      await them.choose(SYNC, { existing: AUDIENCE.id });
      await stage.audiences.result(name);
    });
  });

  it('refuses an audience whose fields do not fit, with the reason, and goes on asking', async () => {
    await asking({ mode: 'create', fields: { first_name: 'CompanyWebsite' } }, async (them, name) => {
      const { choices } = await them.asked(STEP);
      const trial = choices.find(({ label }) => label === TRIAL_USERS)?.value ?? '';
      expect(await refusalOf(them.choose(SYNC, { existing: trial }))).toEqual({
        type: 'NotAllowed',
        message: expect.stringMatching(/has no field “CompanyWebsite”; there are “Email”/),
      });
      expect((await stage.audiences.status(name)).stage).toBe('awaiting_choice');
      await them.choose(SYNC, { existing: AUDIENCE.id });
      await stage.audiences.result(name);
    });
  });

  it('refuses one to create that cannot be made: of a wrong type, or one that is there', async () => {
    await asking({}, async (them, name) => {
      const create = { name: AUDIENCE.name, type: 'Company Audience', account: ACCOUNT.label };
      expect(await refusalOf(them.choose(SYNC, { create }))).toEqual({
        type: 'NameTaken',
        message: expect.stringContaining(AUDIENCE.id),
      });
      expect(await refusalOf(them.choose(SYNC, { create: { ...create, type: 'pets' } }))).toEqual({
        type: 'NotAllowed',
        message: expect.stringContaining('there is no audience type “pets”; allowed are “Company Audience'),
      });
      await them.choose(SYNC, { existing: AUDIENCE.id });
      await stage.audiences.result(name);
    });
  });
});

describe('with more audiences than a question lists', () => {
  let many: Stage;
  beforeAll(async () => {
    many = await newStage();
    const connection = await linkedInConnection(many.sandbox);
    const model = await activeUsers(many.sandbox, await snowflakeConnection(many.sandbox));
    for (let i = 0; i < MAX_CHOICES + 5; i++) {
      const target = {
        connection_id: connection.id,
        create: { name: `Segment ${100 + i}`, type: 'user_audience', account: ACCOUNT.value },
      };
      await audienceSync(many.sandbox, { model, connection, target });
    }
  });

  it('the rest is found by a search, and an answer is checked by a look at Polytomic, in the same words', async () => {
    const syncs = [existingSync({ audience: 'ask', mode: 'update' })];
    const name = await many.start('many-audiences', { linkedinAds: withAccounts([ACCOUNT.value]), syncs });
    await many.withWorker(async () => {
      await many.signIn(name);
      const them = people(many, name);
      const { choices, total } = await them.asked(STEP);
      expect([choices.length, total]).toEqual([MAX_CHOICES, MAX_CHOICES + 5]);
      expect(choices.map(({ label }) => label)).not.toContain('Segment 153');
      expect(await refusalOf(them.choose(SYNC, { existing: 'Nobody' }))).toEqual({
        type: 'NotFound',
        message: expect.stringMatching(
          /^Sync “Existing audience”: there is no audience “Nobody” that supports mode “update”; allowed are “Segment.*\.$/,
        ),
      });
      expect(await refusalOf(them.choose(SYNC, { existing: AUDIENCE.id }))).toEqual({
        type: 'NotAllowed',
        message: expect.stringContaining('does not support mode “update”; it supports “create”, “remove”'),
      });
      const found = await them.find(STEP, 'segment 153');
      expect(found).toEqual({ total: 1, choices: [{ label: 'Segment 153', value: expect.any(String) }] });
      expect(await them.choose(SYNC, { existing: 'Segment 153' })).toBe(found.choices[0]?.value);
      expect((await many.audiences.result(name)).syncs[0]?.audience.name).toBe('Segment 153');
    });
  });
});

describe('a sync with the longest name there can be', () => {
  it('is searched for by its step like any other', async () => {
    const sync = 'x'.repeat(200);
    await asking({ name: sync }, async (them, name) => {
      const found = await them.find(`sync ${sync}`, AUDIENCE.name);
      expect(found.choices.map(({ value }) => value)).toEqual([AUDIENCE.id]);
      await them.choose(sync, { existing: AUDIENCE.id });
      await stage.audiences.result(name);
    });
  });
});

describe('a name that fits several audiences', () => {
  it('asks too, says why, and lists those first', async () => {
    await asking({ audience: { existing: TRIAL_USERS } }, async (them, name) => {
      const { why, choices } = await them.asked(STEP);
      expect(why).toMatch(/audience “User Audience: Trial Users” fits several/);
      expect(choices.slice(0, 2).map(({ label }) => label)).toEqual([TRIAL_USERS, TRIAL_USERS]);
      const id = choices[0]?.value ?? '';
      await them.choose(SYNC, { existing: id });
      expect(await audienceOf(name)).toMatchObject({ id });
    });
  });
});

describe('an answer', () => {
  it('that comes before its question, and before any worker, is kept and used', async () => {
    const name = await start();
    const answered = people(stage, name).choose(SYNC, { existing: AUDIENCE.name });
    await stage.withWorker(async () => {
      expect(await answered).toBe('kept until it is asked');
      await stage.signIn(name);
      expect(await audienceOf(name)).toEqual({ ...AUDIENCE, made: false });
    });
  });

  it('that comes early and turns out wrong becomes the question, with the reason', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.untilAsked(name);
      await them.choose(SYNC, { existing: 'Nobody' });
      await stage.signIn(name);
      const { why, choices } = await them.asked(STEP);
      expect(why).toMatch(/there is no audience “Nobody”/);
      expect(choices).toContainEqual({ value: AUDIENCE.id, label: AUDIENCE.name });
      await them.choose(SYNC, { existing: AUDIENCE.id });
      expect(await audienceOf(name)).toMatchObject({ id: AUDIENCE.id });
    });
  });

  it('is one of two at once: the other is told', async () => {
    const name = await start();
    const them = people(stage, name);
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await them.asked(STEP);
    });
    // Nobody works: both reach the run in the same task.
    const key = 'Company Audience: Key Accounts';
    const both = Promise.allSettled([
      them.choose(SYNC, { existing: AUDIENCE.name }),
      them.choose(SYNC, { existing: key }),
    ]);
    await stage.withWorker(async () => {
      const answers = await both;
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const refused = answers.find((one) => one.status === 'rejected');
      expect(await refusalOf(Promise.reject(refused?.reason))).toEqual({
        type: 'NotNow',
        message: expect.stringMatching(/answered already|done already/),
      });
      const won = answers.find((one) => one.status === 'fulfilled')?.value;
      expect((await audienceOf(name))?.id).toBe(won);
    });
  });

  it('is refused when nobody asks', async () => {
    const name = await start({ audience: { existing: AUDIENCE.name } });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.untilAsked(name);
      const before = await them.events();
      expect(await refusalOf(them.choose(SYNC, { existing: AUDIENCE.id }))).toEqual({
        type: 'NotNow',
        message: `Nobody asks for the audience of ${STEP}: the request says which.`,
      });
      expect(await them.events()).toBe(before);
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
  });

  it('that comes while a retried step asks Polytomic what there is, is not lost', async () => {
    await asking({}, async (them, name) => {
      await stage.sandbox.fault({ match: { method: 'POST', path: '/api/syncs' }, times: 1, status: 422 });
      await them.choose(SYNC, { existing: AUDIENCE.name });
      await them.step(STEP, 'blocked');
      const match = { path: '/api/connections/*/modelsync/targetobjects' };
      await stage.sandbox.fault({ match, times: 1, latencyMs: 2_000 });
      await them.retry(STEP);
      await until('it looks', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'inspectAudiences');
      });
      expect(await them.choose(SYNC, { existing: AUDIENCE.name })).toBe('kept until it is asked');
      expect(await audienceOf(name)).toMatchObject({ id: AUDIENCE.id });
    });
  });
});
