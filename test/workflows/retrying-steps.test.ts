import { beforeAll, describe, expect, it } from '@jest/globals';
import { FAILS, WRONG_QUERY, withAccounts } from '../support/own-walkthrough.ts';
import { people, refusalOf } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { withWorker } from '../support/temporal.ts';
import { existingSync } from '../support/walkthrough.ts';

const STEP = 'model active-users';
const RIGHT = { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' };

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = (changes: Parameters<Stage['start']>[1] = {}) =>
  stage.start('retrying', { models: WRONG_QUERY, syncs: [existingSync()], ...changes });

/** The keys of the models that were asked for, in their order. */
const keysSince = async (number: number) =>
  (await stage.sandbox.requests())
    .filter((one) => one.number > number && one.method === 'POST' && one.path.startsWith('/api/models'))
    .map((one) => one.idempotency_key);

const soFar = async () => (await stage.sandbox.requests()).at(-1)?.number ?? 0;

describe('a step that fails for good', () => {
  it('blocks: its branch waits, and the other goes on to the sign-in', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      const blocked = await them.step(STEP, 'blocked');
      expect(blocked).toMatchObject({
        piece: 'models.active-users',
        generation: 1,
        failure: { step: STEP, type: 'Refused', message: expect.stringContaining('nowhere') },
      });
      await stage.signIn(name);
      await them.step('audiences', 'done');
      const { stage: where, status } = await stage.audiences.status(name);
      expect(where).toBe('blocked');
      expect(status?.steps.find(({ id }) => id === `sync ${existingSync().name}`)?.state).toBe('pending');
      await them.giveUp();
    });
  });

  it('goes on where it was once a change has mended it, under another key', async () => {
    const before = await soFar();
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.signIn(name);
      await them.step(STEP, 'blocked');
      expect(await them.retry(STEP, RIGHT)).toEqual({ step: STEP, generation: 2 });
      const done = await them.step(STEP, 'done');
      expect(done.generation).toBe(2);
      expect(done.failure).toBeUndefined();
      expect((await stage.audiences.result(name)).models['active-users']?.made).toBe(true);
    });
    const [first, second, ...more] = await keysSince(before);
    expect(second).toEqual(expect.any(String));
    expect(second).not.toBe(first);
    expect(more).toEqual([]);
  });

  it('is tried again as it is without a change, and blocks again for as long as nothing is better', async () => {
    const before = await soFar();
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      for (const generation of [2, 3]) {
        await them.step(STEP, 'blocked', generation - 1);
        expect(await them.retry(STEP)).toEqual({ step: STEP, generation });
      }
      expect((await them.step(STEP, 'blocked', 3)).failure?.message).toContain('nowhere');
      await them.retry(STEP, RIGHT);
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
    const keys = await keysSince(before);
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(4);
  });

  it('is retried once by two who ask at once: the other is told', async () => {
    const name = await start();
    const them = people(stage, name);
    await stage.withWorker(() => them.step(STEP, 'blocked'));
    // Nobody works: both reach the run in the same task.
    const both = Promise.allSettled([them.retry(STEP), them.retry(STEP)]);
    await stage.withWorker(async () => {
      const answers = await both;
      expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      const refused = answers.find((one) => one.status === 'rejected');
      expect((await refusalOf(Promise.reject(refused?.reason))).message).toMatch(/retried it already|is not blocked/);
      await them.step(STEP, 'blocked', 2);
      await them.giveUp();
    });
  });

  it('fails the run at once where the request says so, and there is nothing to retry', async () => {
    const name = await start(FAILS);
    await stage.withWorker(async () => {
      expect((await stage.failureOf(name)).failures).toEqual([expect.objectContaining({ step: STEP })]);
      expect((await stage.audiences.status(name)).status?.steps.find(({ id }) => id === STEP)?.state).toBe('failed');
    });
  });
});

describe('retryStep', () => {
  it('refuses a wrong change with all its faults by path, echoes no value, and leaves nothing in history', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await them.step(STEP, 'blocked');
      await stage.untilAsked(name);
      const before = await them.events();
      const { type, message } = await refusalOf(them.retry(STEP, { query: 17, fields: [], sercet: 'a-secret' }));
      expect(type).toBe('InvalidChange');
      expect(message.split('\n')).toEqual([
        expect.stringMatching(/^models\.active-users\.name: is missing/),
        expect.stringMatching(/^models\.active-users\.query: expects a query; found a number/),
        expect.stringMatching(/^models\.active-users\.fields: expects a list/),
        expect.stringMatching(/^models\.active-users\.sercet: unknown key `sercet`/),
      ]);
      expect(message).not.toContain('a-secret');
      expect(await them.events()).toBe(before);
      expect((await them.step(STEP, 'blocked')).generation).toBe(1);
      await them.giveUp();
    });
  });

  it('refuses a secret written out, without repeating it', async () => {
    const worker = { ...stage.worker, env: { SNOWFLAKE_PASSWORD: 'wrong' } };
    const name = await start({ models: { 'active-users': RIGHT } });
    await withWorker(worker, async () => {
      const them = people(stage, name);
      await them.step('snowflake connection', 'blocked');
      await stage.untilAsked(name);
      const before = await them.events();
      const change = { name: 'S', account: 'a', username: 'u', dbname: 'd', password: 'hunter2-hunter2' };
      const { message } = await refusalOf(them.retry('snowflake connection', change));
      expect(message).toMatch(/^snowflake\.connection\.password: /);
      expect(message).not.toContain('hunter2');
      expect(await them.events()).toBe(before);
      await them.giveUp();
    });
  });

  it.each<[string, unknown, RegExp]>([
    [
      'a step that there is not',
      { step: 'model nobody' },
      /^Step model nobody is not blocked; blocked: model active-users\.$/,
    ],
    [
      'a step that is done',
      { step: 'linkedin connection' },
      /^Step linkedin connection is not blocked; blocked: model/,
    ],
    ['a step that waits', { step: 'sign-in', change: {} }, /^Step sign-in is not blocked/],
    [
      'a key that it does not know',
      { step: STEP, changes: {} },
      /^The input has an unknown key; known are `step`, `change`/,
    ],
    ['no step', {}, /is not blocked/],
    ['a list with the step in it', { step: [STEP] }, /is not blocked/],
    ['no map', STEP, /^The input must be a map with `step`, `change`/],
  ])('refuses %s, and leaves nothing in history', async (_, input, words) => {
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await them.step(STEP, 'blocked');
      await stage.untilAsked(name);
      const before = await them.events();
      expect((await refusalOf(them.update('retryStep', input))).message).toMatch(words);
      expect(await them.events()).toBe(before);
      await them.giveUp();
    });
  });

  it('refuses a change where no piece of the request would mend the step, and tries it again without', async () => {
    const name = await start({ models: { 'active-users': RIGHT }, linkedinAds: withAccounts('all') });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      const match = { path: '/api/connections/*/modelsync/targetobjects' };
      await stage.sandbox.fault({ match, times: 1, status: 403 });
      await stage.signIn(name);
      const blocked = await them.step('audiences', 'blocked');
      expect(blocked).toMatchObject({ failure: { type: 'NotPermitted' } });
      expect(blocked.piece).toBeUndefined();
      expect((await refusalOf(them.retry('audiences', []))).message).toMatch(/no piece of the request.*leave out/);
      await them.retry('audiences');
      await stage.audiences.result(name);
    });
  });
});
