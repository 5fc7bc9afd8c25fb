import { describe, expect, it } from '@jest/globals';
import { connectAudienceClient } from '../../src/client.ts';
import { freePorts } from '../../src/processes/free-ports.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newClient, newTaskQueue, temporalEnv } from '../support/temporal.ts';

describe('a client from the environment', () => {
  it('starts runs on the server and the task queue that it names', async () => {
    const taskQueue = newTaskQueue();
    const audiences = await connectAudienceClient({ ...temporalEnv, AUDIENCE_TASK_QUEUE: taskQueue });
    const { name } = await audiences.start(ownWalkthrough('from-env'));
    await audiences.close();
    const { temporal } = await newClient(taskQueue);
    expect((await temporal.workflow.getHandle(workflowIdOf(name)).describe()).taskQueue).toBe(taskQueue);
  });

  it('uses task queue audience-provisioning if none is named', async () => {
    const audiences = await connectAudienceClient({ ...temporalEnv, AUDIENCE_TASK_QUEUE: '' });
    const { name } = await audiences.start(ownWalkthrough('default-queue'));
    const { temporal } = await newClient('any');
    const handle = temporal.workflow.getHandle(workflowIdOf(name));
    expect((await handle.describe()).taskQueue).toBe('audience-provisioning');
    await handle.terminate();
    await audiences.close();
  });

  // Its time limit is part of the promise: a person waits for the answer.
  it('says within seconds that no server is there, and how to name one', async () => {
    const [port] = await freePorts(1);
    const env = { TEMPORAL_ADDRESS: `127.0.0.1:${port}` };
    await expect(connectAudienceClient(env)).rejects.toMatchObject({
      name: 'TemporalUnreachableError',
      message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}.*TEMPORAL_ADDRESS`, 's')),
    });
  }, 10_000);
});
