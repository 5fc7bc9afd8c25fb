import { beforeAll, describe, expect, it } from '@jest/globals';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { asking, ownWalkthrough } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const handleOf = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name));
const namesOf = async (kind: 'connections' | 'models' | 'syncs') =>
  ((await stage.sandbox.state())[kind] as Array<{ name: string }>).map(({ name }) => name);

/** A run that has made all there is to make, except for one sync, and waits. */
async function nearlyDone(about: string): Promise<string> {
  const own = ownWalkthrough(about);
  const request = {
    ...own,
    syncs: own.syncs.map((sync, i) => (i === 0 ? { ...sync, audience: 'ask' as const } : sync)),
  };
  const { name } = await stage.audiences.start(request);
  await stage.signIn(name);
  await people(stage, name).asked('sync Existing audience');
  await until('the other sync is made', async () =>
    (await stage.audiences.status(name)).status?.steps.find(
      ({ id, state }) => id === 'sync New audience' && state === 'done',
    ),
  );
  return name;
}

describe('an undo', () => {
  it('after a terminate deletes in reverse what the run made, and tells what is left; again is no harm', async () => {
    await stage.withWorker(async () => {
      const name = await nearlyDone('undone');
      await handleOf(name).terminate('by hand');
      const { undone, left } = await stage.audiences.undo(name);
      expect(undone.map((one) => ('id' in one ? `${one.kind} ${one.name}` : one.kind))).toEqual([
        'sync New audience',
        'model Active Users',
        ...['LinkedIn', 'Snowflake'].map((kind) => `connection ${kind} ${name}`),
      ]);
      expect(left).toEqual([expect.stringMatching(new RegExp(`^Audience “${name}” .*no call to delete one`))]);
      expect((await namesOf('connections')).filter((one) => one.endsWith(name))).toEqual([]);
      expect(await stage.audiences.undo(name)).toMatchObject({ left });
    });
  });

  it('of a run that still runs, or has completed, is refused', async () => {
    await stage.withWorker(async () => {
      const { name } = await stage.audiences.start(ownWalkthrough('in-use'));
      await stage.untilAsked(name);
      await expect(stage.audiences.undo(name)).rejects.toMatchObject({
        name: 'RefusedError',
        message: `Provisioning “${name}” still runs: cancel it, or give it up.`,
      });
      await stage.signIn(name);
      await stage.audiences.result(name);
      await expect(stage.audiences.undo(name)).rejects.toMatchObject({
        name: 'RefusedError',
        message: expect.stringContaining('has completed'),
      });
      expect(await namesOf('connections')).toContain(`LinkedIn ${name}`);
    });
  });

  it('of one that nobody has heard of is an error that says so', async () => {
    await expect(stage.audiences.undo(newName('unknown'))).rejects.toMatchObject({ name: 'NotFoundError' });
  });
});

describe('without a worker', () => {
  // Its time limit is part of the promise: a person waits for the answer.
  it('answers and undos fail in seconds and say what to do; the undo is done when a worker is there', async () => {
    const [waits, over] = await Promise.all(
      ['waits', 'over'].map(async (about) => (await stage.audiences.start(asking(about))).name),
    );
    if (waits === undefined || over === undefined) throw new Error('not started');
    await stage.withWorker(async () => {
      await stage.untilAsked(over);
      // An undo gives what is under way a minute to end.
      await people(stage, over).step('model active-users', 'done');
      await handleOf(over).terminate();
    });
    const silent = {
      name: 'NoAnswerError',
      message: expect.stringMatching(
        new RegExp(`^No worker on task queue ${stage.worker.taskQueue} has answered.*audience worker`),
      ),
    };
    await Promise.all([
      expect(stage.audiences.selectAccounts(waits, 'all')).rejects.toMatchObject(silent),
      expect(stage.audiences.giveUp(waits)).rejects.toMatchObject(silent),
      expect(stage.audiences.undo(over)).rejects.toMatchObject(silent),
    ]);
    await stage.withWorker(() =>
      until(
        'what the run made is gone',
        async () => !(await namesOf('connections')).includes(`LinkedIn ${over}`),
        90_000,
      ),
    );
  }, 150_000);
});
