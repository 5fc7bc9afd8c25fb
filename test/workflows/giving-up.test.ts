import { beforeAll, describe, expect, it } from '@jest/globals';
import { WRONG_QUERY, withAccounts } from '../support/own-walkthrough.ts';
import { people, refusalOf } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { existingSync } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = (changes: Parameters<Stage['start']>[1] = {}) =>
  stage.start('given-up', { syncs: [existingSync()], ...changes });

const GIVEN_UP = { step: 'run', type: 'GivenUp', message: 'Given up' };

describe('giveUp', () => {
  it('ends a blocked run as failed: with what blocks it, the reason, and what is left', async () => {
    const name = await start({ models: WRONG_QUERY });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await them.step('model active-users', 'blocked');
      await stage.untilAsked(name);
      await them.giveUp('nobody knows the table');
      const { state, failures, leftBehind, message } = await stage.failureOf(name);
      expect(state).toBe('failed');
      expect(failures).toEqual([
        { step: 'model active-users', type: 'Refused', message: expect.stringContaining('nowhere') },
        { ...GIVEN_UP, message: 'Given up: nobody knows the table' },
      ]);
      expect(leftBehind?.map(({ name: called }) => called)).toEqual([`Snowflake ${name}`, `LinkedIn ${name}`]);
      expect(message).toContain('nobody knows the table');
      const { status } = await stage.audiences.status(name);
      expect(status).toMatchObject({ stage: 'failed', questions: [] });
      expect(status?.signIn).toBeUndefined();
      expect(status?.steps.filter(({ state: one }) => !['done', 'pending', 'failed'].includes(one))).toEqual([]);
    });
  });

  it('needs no reason, and ends the wait for the sign-in', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await people(stage, name).giveUp();
      expect(await stage.failureOf(name)).toMatchObject({ state: 'failed', failures: [GIVEN_UP] });
    });
  });

  it('ends a question', async () => {
    const name = await start({ linkedinAds: withAccounts('ask') });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const them = people(stage, name);
      await them.asked('ad accounts');
      await them.giveUp();
      expect(await stage.failureOf(name)).toMatchObject({ state: 'failed', failures: [GIVEN_UP] });
      expect((await stage.audiences.status(name)).status?.questions).toEqual([]);
    });
  });

  it('waits for what is under way, and lists what that made', async () => {
    const name = await start();
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, times: 2, latencyMs: 1_000 });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await them.underWay('provideSnowflakeConnection', 'provideLinkedInConnection');
      await them.giveUp();
      const { failures, leftBehind } = await stage.failureOf(name);
      expect(failures).toEqual([GIVEN_UP]);
      const made = (await stage.sandbox.state()).connections.filter((one: { name: string }) => one.name.endsWith(name));
      expect(leftBehind?.map(({ id }) => id).sort()).toEqual(made.map(({ id }: { id: string }) => id).sort());
    });
  });

  it('fails the run also during its very last call', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      await stage.sandbox.fault({ match: { method: 'POST', path: '/api/syncs' }, latencyMs: 1_000 });
      await stage.signIn(name);
      const them = people(stage, name);
      await them.underWay('createSync');
      await them.giveUp();
      const { failures, leftBehind } = await stage.failureOf(name);
      expect(failures).toEqual([GIVEN_UP]);
      expect(leftBehind).toContainEqual(expect.objectContaining({ kind: 'sync' }));
    });
    await stage.sandbox.clearFaults();
  });

  it('ends an outage that a step is tried through', async () => {
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, status: 503 });
    const name = await start();
    await stage.withWorker(async () => {
      await until('the outage shows', async () =>
        (await stage.audiences.status(name)).pendingActivities.some(({ lastFailure }) => lastFailure !== undefined),
      );
      await people(stage, name).giveUp();
      expect(await stage.failureOf(name)).toMatchObject({ state: 'failed', failures: [GIVEN_UP] });
    });
    await stage.sandbox.clearFaults();
  });

  it('undoes what was made where the request says so', async () => {
    const name = await start({ options: { onFailure: 'undo' } });
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await people(stage, name).giveUp();
      expect((await stage.failureOf(name)).leftBehind).toEqual([]);
    });
    const { connections } = await stage.sandbox.state();
    expect(connections.filter((one: { name: string }) => one.name.endsWith(name))).toEqual([]);
  });

  it('refuses what is no reason, and leaves nothing in history', async () => {
    const name = await start();
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.untilAsked(name);
      const before = await them.events();
      for (const input of ['a reason', { reason: 1 }, { reason: 'x'.repeat(1001) }, { because: 'x' }, []]) {
        expect((await refusalOf(them.update('giveUp', input))).type).toBe('InvalidInput');
      }
      expect(await them.events()).toBe(before);
      await them.update('giveUp', null);
      await stage.failureOf(name);
    });
  });

  it('is given once: who comes second is told', async () => {
    const name = await start();
    const them = people(stage, name);
    await stage.withWorker(() => stage.untilAsked(name));
    // Nobody works: both reach the run in the same task.
    const both = Promise.allSettled([them.giveUp('a'), them.giveUp('b')]);
    await withWorker(stage.worker, async () => {
      expect((await both).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect((await stage.failureOf(name)).failures).toEqual([
        { ...GIVEN_UP, message: expect.stringMatching(/^Given up: [ab]$/) },
      ]);
    });
  });
});
