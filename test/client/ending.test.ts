import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ProvisioningEndedError } from '../../src/client.ts';
import { WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { FAILS, ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = async (about: string, changes = {}) => (await stage.audiences.start(ownWalkthrough(about, changes))).name;
const handleOf = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name));
const endingOf = async (name: string) => (await errorOf(stage.audiences.result(name))) as ProvisioningEndedError;

describe('the result', () => {
  it('comes when the run completes', async () => {
    const name = await start('completes');
    await stage.withWorker(async () => {
      const result = stage.audiences.result(name);
      await stage.signIn(name);
      expect(await result).toMatchObject({ name, warnings: [], syncs: [{ made: true }, { made: true }] });
    });
  });

  it('of one that failed is an error with each failed step and what is left behind', async () => {
    const name = await start('fails', { ...FAILS, models: WRONG_QUERY });
    await stage.withWorker(() => errorOf(stage.audiences.result(name)));
    const error = await endingOf(name);
    expect(error).toMatchObject({ name: 'ProvisioningEndedError', state: 'failed' });
    expect(error.failures.map(({ step }) => step)).toEqual(['model active-users']);
    expect(error.leftBehind?.map(({ name: called }) => called)).toEqual([`Snowflake ${name}`, `LinkedIn ${name}`]);
    expect(error.message).toContain('nowhere');
    for (const { id } of error.leftBehind ?? []) expect(error.message).toContain(id);
  });

  it('of one that was cancelled or terminated is an error without a failed step', async () => {
    const [cancelled, terminated] = [await start('cancelled'), await start('terminated')];
    await stage.withWorker(async () => {
      await stage.untilAsked(cancelled);
      await stage.audiences.cancel(cancelled);
      const ending = await endingOf(cancelled);
      expect(ending).toMatchObject({ state: 'cancelled', failures: [] });
      for (const { id } of ending.leftBehind ?? []) expect(ending.message).toContain(id);
      expect(ending.message).toContain(`\`audience undo ${cancelled}\``);
      await stage.untilAsked(terminated);
      await handleOf(terminated).terminate('by hand');
      const error = await endingOf(terminated);
      expect(error).toMatchObject({ state: 'terminated', failures: [] });
      expect(error.message).toContain('by hand');
      expect(error.leftBehind?.map(({ name: called }) => called)).toContain(`LinkedIn ${terminated}`);
    });
  });

  it('of one that was refused its request says why', async () => {
    const name = newName('refused');
    await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIdOf(name),
      taskQueue: stage.worker.taskQueue,
      args: [{ name }],
    });
    await stage.withWorker(async () => {
      const error = await endingOf(name);
      expect(error).toMatchObject({ state: 'failed', failures: [], leftBehind: [] });
      expect(error.message).toContain('snowflake');
    });
  });

  it('of an unknown name is an error that says so', async () => {
    await expect(stage.audiences.result(newName('unknown'))).rejects.toMatchObject({ name: 'NotFoundError' });
  });
});

describe('saying that the sign-in is done, and asking a run to stop', () => {
  it('are errors for an unknown name', async () => {
    const name = newName('unknown');
    await expect(stage.audiences.completeSignIn(name)).rejects.toMatchObject({ name: 'NotFoundError' });
    await expect(stage.audiences.cancel(name)).rejects.toMatchObject({ name: 'NotFoundError' });
  });

  it('are errors for a run that has ended', async () => {
    const name = await start('over');
    await handleOf(name).terminate();
    const refused = { name: 'NotFoundError', message: expect.stringContaining('was terminated already') };
    await expect(stage.audiences.completeSignIn(name)).rejects.toMatchObject(refused);
    await expect(stage.audiences.cancel(name)).rejects.toMatchObject(refused);
  });
});

describe('a run that is asked to stop', () => {
  it('ends as cancelled, and what it made stays in Polytomic', async () => {
    const name = await start('stops');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await stage.audiences.cancel(name);
      expect((await endingOf(name)).state).toBe('cancelled');
    });
    const { connections } = await stage.sandbox.state();
    expect(connections.map((one: { name: string }) => one.name)).toContain(`LinkedIn ${name}`);
  });
});
