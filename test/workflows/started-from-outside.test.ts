import { beforeAll, describe, expect, it } from '@jest/globals';
import { decodedHistory } from '../../src/temporal/history.ts';
import { FAILURE, WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { existingSync, walkthrough } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Starts it as the Web UI or another program would: without this project's client, so without its checks and its memo. */
function startFromOutside(name: string, ...args: unknown[]) {
  return stage.temporal.workflow.start(WORKFLOW_TYPE, {
    workflowId: workflowIdOf(name),
    taskQueue: stage.worker.taskQueue,
    args,
  });
}

const INLINE_SECRET = { name: 'S', account: 'a', username: 'u', dbname: 'd', password: 'hunter2' };

describe('a start from outside', () => {
  it.each([
    ['nothing', []],
    ['null', [null]],
    ['a text', ['hunter2 in words']],
    ['a number', [7]],
    ['a list', [['hunter2', 2, 3]]],
    ['an empty object', [{}]],
    ['an object of something else', [{ rubbish: { rubbish: ['hunter2'] }, name: 'HUNTER2 hunter2' }]],
    ['a request with an inline secret', [{ ...walkthrough('inline'), snowflake: { connection: INLINE_SECRET } }]],
  ])('with %s as input ends with InvalidRequest, which echoes no value', async (_, args) => {
    const name = newName('rubbish');
    const handle = await startFromOutside(name, ...args);
    await stage.withWorker(async () => {
      expect(await errorOf(handle.result())).toMatchObject({
        cause: { type: FAILURE.invalidRequest, nonRetryable: true, details: [expect.any(Array)] },
      });
      await expect(stage.audiences.status(name)).resolves.toMatchObject({
        state: 'failed',
        status: { stage: 'failed', steps: [] },
      });
    });
    const { events } = (await decodedHistory(await stage.history(name))) as { events: unknown[] };
    const [started, ...rest] = events;
    expect(JSON.stringify(started)).toContain(WORKFLOW_TYPE);
    expect(JSON.stringify(rest)).not.toContain('hunter2');
    expect(await stage.sandbox.requests()).toEqual([]);
  });

  it('names every fault by its path', async () => {
    const handle = await startFromOutside(newName('faults'), {
      ...walkthrough('faults', { syncs: [existingSync({ model: 'none' })] }),
      snowflake: { connection: INLINE_SECRET },
    });
    const error = await stage.withWorker(() => errorOf(handle.result()));
    const [faults] = (error as { cause: { details: [Array<{ path: unknown[] }>] } }).cause.details;
    expect(faults.map(({ path }) => path.join('.'))).toEqual(['snowflake.connection.password', 'syncs.0.model']);
  });

  it('works without memo', async () => {
    const request = ownWalkthrough('from-outside');
    const { name } = request;
    const handle = await startFromOutside(name, request);
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await expect(handle.result()).resolves.toMatchObject({ name });
    });
  });

  it('is joined by a start with the same request, which its input tells', async () => {
    const request = ownWalkthrough('joined');
    const handle = await startFromOutside(request.name, request);
    await expect(stage.audiences.start(request)).resolves.toMatchObject({
      outcome: 'joined',
      runId: handle.firstExecutionRunId,
    });
    await handle.terminate('the test is over');
  });
});
