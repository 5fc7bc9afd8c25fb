import { beforeAll, describe, expect, it } from '@jest/globals';
import { ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const MODEL = 'model active-users';
const blocked = async (about: string) => {
  const { name } = await stage.audiences.start(ownWalkthrough(about, { models: WRONG_QUERY }));
  return { name, step: await people(stage, name).step(MODEL, 'blocked') };
};

describe('a blocked step', () => {
  it('is tried again, with a change to the piece that it names', async () => {
    await stage.withWorker(async () => {
      const { name, step } = await blocked('mended');
      expect(step).toMatchObject({ piece: 'models.active-users', generation: 1 });
      expect(await stage.audiences.retryStep(name, { step: MODEL })).toEqual({ step: MODEL, generation: 2 });
      await people(stage, name).step(MODEL, 'blocked');
      const change = { name: 'Active Users', query: 'SELECT first_name, last_name, email FROM users' };
      expect(await stage.audiences.retryStep(name, { step: MODEL, change })).toEqual({ step: MODEL, generation: 3 });
      await stage.signIn(name);
      expect(await stage.audiences.result(name)).toMatchObject({ models: { 'active-users': { made: true } } });
    });
  });

  it('whose change is not valid is refused with all faults by path, and stays blocked', async () => {
    await stage.withWorker(async () => {
      const { name } = await blocked('wrong-change');
      await expect(
        stage.audiences.retryStep(name, { step: MODEL, change: { name: 'Active Users', querry: 7 } }),
      ).rejects.toMatchObject({
        name: 'RefusedError',
        type: 'InvalidChange',
        faults: [
          { path: ['models', 'active-users', 'query'], message: expect.stringContaining('is missing') },
          { path: ['models', 'active-users', 'querry'], message: expect.stringContaining('did you mean `query`?') },
        ],
      });
      await people(stage, name).step(MODEL, 'blocked');
    });
  });

  it('is no other step: the refusal names those that are blocked', async () => {
    await stage.withWorker(async () => {
      const { name } = await blocked('another-step');
      await expect(stage.audiences.retryStep(name, { step: 'audiences' })).rejects.toMatchObject({
        type: 'NotNow',
        faults: [],
        message: `Step audiences is not blocked; blocked: ${MODEL}.`,
      });
    });
  });

  it('may be given up, which ends the run with the reason', async () => {
    await stage.withWorker(async () => {
      const { name } = await blocked('given-up');
      await stage.audiences.giveUp(name, { reason: 'the campaign is off' });
      const { failures } = await stage.failureOf(name);
      expect(failures.map(({ type }) => type)).toContain('GivenUp');
      expect(failures.map(({ message }) => message).join()).toContain('the campaign is off');
    });
  });

  it('does not take a reason that nobody would read', async () => {
    await stage.withWorker(async () => {
      const { name } = await blocked('long-reason');
      await expect(stage.audiences.giveUp(name, { reason: 'x'.repeat(1001) })).rejects.toMatchObject({
        name: 'RefusedError',
        message: expect.stringContaining('at most 1000 characters'),
      });
      expect((await stage.audiences.status(name)).state).toBe('running');
    });
  });
});
