import { beforeAll, describe, expect, it } from '@jest/globals';
import type { EndedBeforeError, InvalidRequestError, RequestDiffersError } from '../../src/client.ts';
import { requestDigest } from '../../src/request/digest.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { FAILS, ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Runs a request to its end, with a person who signs in. */
async function complete(request: ProvisioningRequest): Promise<void> {
  await stage.audiences.start(request);
  await stage.withWorker(async () => {
    await stage.signIn(request.name);
    await stage.audiences.result(request.name);
  });
}

const handleOf = ({ name }: ProvisioningRequest) => stage.temporal.workflow.getHandle(workflowIdOf(name));

/** As the Web UI or another program starts it: no memo. */
const startFromOutside = (name: string, input: unknown, timeout?: '1 second') =>
  stage.temporal.workflow.start(WORKFLOW_TYPE, {
    workflowId: workflowIdOf(name),
    taskQueue: stage.worker.taskQueue,
    args: [input],
    ...(timeout === undefined ? {} : { workflowExecutionTimeout: timeout }),
  });

describe('a start', () => {
  it('begins a run under the name of the request, and keeps name and digest with it', async () => {
    const request = ownWalkthrough('started');
    const started = await stage.audiences.start(request);
    const description = await handleOf(request).describe();
    expect(started).toEqual({
      outcome: 'started',
      name: request.name,
      workflowId: `audience-provisioning/${request.name}`,
      runId: description.runId,
    });
    expect(description.memo).toEqual({ name: request.name, requestDigest: requestDigest(request) });
    expect(description.taskQueue).toBe(stage.worker.taskQueue);
  });

  it('of an invalid request starts nothing and tells all faults', async () => {
    const request = ownWalkthrough('invalid');
    const error = (await errorOf(stage.audiences.start({ ...request, models: {}, syncs: [] }))) as InvalidRequestError;
    expect(error.name).toBe('InvalidRequestError');
    expect(error.faults.map(({ path }) => path.join('.'))).toEqual(['models', 'syncs']);
    for (const { message } of error.faults) expect(error.message).toContain(message);
    await expect(stage.audiences.status(request.name)).rejects.toThrow('There is no provisioning');
  });

  it('makes one run of several starts at the same time', async () => {
    const request = ownWalkthrough('at-once');
    const starts = await Promise.all(Array.from({ length: 5 }, () => stage.audiences.start(request)));
    expect(starts.map(({ outcome }) => outcome).sort()).toEqual(['joined', 'joined', 'joined', 'joined', 'started']);
    expect(new Set(starts.map(({ runId }) => runId)).size).toBe(1);
  });
});

describe('a start under a name that is running', () => {
  it('joins it if the request is the same, in whatever order its keys are', async () => {
    const request = ownWalkthrough('joins');
    const { runId } = await stage.audiences.start(request);
    const reordered = Object.fromEntries(Object.entries(request).reverse()) as ProvisioningRequest;
    expect(await stage.audiences.start(reordered)).toMatchObject({ outcome: 'joined', runId });
  });

  it('is refused with what differs if the request is another', async () => {
    const request = ownWalkthrough('differs');
    await stage.audiences.start(request);
    const other = { ...request, requester: 'Ada', models: WRONG_QUERY };
    const error = (await errorOf(stage.audiences.start(other, { again: true }))) as RequestDiffersError;
    expect(error.name).toBe('RequestDiffersError');
    expect(error.difference).toEqual([
      expect.stringMatching(/^models\.active-users\.query: .* → SELECT nothing FROM nowhere$/),
      'requester: (nothing) → Ada',
    ]);
    expect(error.message).toContain('is running with another request');
    for (const line of error.difference) expect(error.message).toContain(line);
  });

  it('joins one that was started from outside with the same request, and tells what differs from it', async () => {
    const request = ownWalkthrough('outside');
    const { firstExecutionRunId } = await startFromOutside(request.name, request);
    expect(await stage.audiences.start(request)).toMatchObject({ outcome: 'joined', runId: firstExecutionRunId });
    const error = await errorOf(stage.audiences.start({ ...request, requester: 'Ada' }));
    expect(error).toMatchObject({ name: 'RequestDiffersError', difference: ['requester: (nothing) → Ada'] });
  });

  it('says so if the one from outside was given no valid request', async () => {
    const request = ownWalkthrough('rubbish');
    await startFromOutside(request.name, 'provision me');
    const error = await errorOf(stage.audiences.start(request));
    expect(error).toMatchObject({ difference: ['the earlier request was not valid'] });
  });
});

describe('a start under a name that has completed', () => {
  it('joins it if the request is the same, and else is refused with what differs, `again` or not', async () => {
    const request = ownWalkthrough('completed');
    await complete(request);
    expect(await stage.audiences.start(request)).toMatchObject({ outcome: 'joined' });
    expect(await stage.audiences.start(request, { again: true })).toMatchObject({ outcome: 'joined' });
    const error = (await errorOf(stage.audiences.start({ ...request, requester: 'Ada' }))) as RequestDiffersError;
    expect(error.message).toContain('has completed with another request');
    expect(error.difference).toEqual(['requester: (nothing) → Ada']);
  });
});

describe('a start under a name that ended without a result', () => {
  const refusalOf = async (request: ProvisioningRequest) =>
    (await errorOf(stage.audiences.start(request))) as EndedBeforeError;
  const namesOf = ({ leftBehind }: EndedBeforeError) => leftBehind?.map(({ kind, name }) => `${kind} ${name}`);

  it('is refused with what a failed one left behind, also when no worker is there', async () => {
    const request = ownWalkthrough('failed', { ...FAILS, models: WRONG_QUERY });
    await stage.audiences.start(request);
    await stage.withWorker(() => errorOf(stage.audiences.result(request.name)));
    const error = await refusalOf(request);
    expect(error).toMatchObject({ name: 'EndedBeforeError', state: 'failed' });
    expect(namesOf(error)).toEqual([`connection Snowflake ${request.name}`, `connection LinkedIn ${request.name}`]);
    for (const { id } of error.leftBehind ?? []) expect(error.message).toContain(id);
    expect(error.message).toContain('audience start --again');
  });

  it('starts anew with `again`', async () => {
    const request = ownWalkthrough('again');
    const first = await stage.audiences.start(request);
    await handleOf(request).terminate();
    const second = await stage.audiences.start(request, { again: true });
    expect(second.outcome).toBe('started');
    expect(second.runId).not.toBe(first.runId);
  });

  it('is refused with what a cancelled or terminated one left behind, which a worker knows', async () => {
    const cancelled = ownWalkthrough('cancelled');
    const terminated = ownWalkthrough('terminated');
    await stage.audiences.start(cancelled);
    await stage.audiences.start(terminated);
    await stage.withWorker(async () => {
      await stage.untilAsked(cancelled.name);
      await stage.audiences.cancel(cancelled.name);
      await errorOf(stage.audiences.result(cancelled.name));
      const ofCancelled = await refusalOf(cancelled);
      expect(ofCancelled.state).toBe('cancelled');
      expect(namesOf(ofCancelled)).toContain(`connection LinkedIn ${cancelled.name}`);

      await stage.untilAsked(terminated.name);
      await handleOf(terminated).terminate();
      const ofTerminated = await refusalOf(terminated);
      expect(ofTerminated.state).toBe('terminated');
      expect(namesOf(ofTerminated)).toContain(`connection LinkedIn ${terminated.name}`);
    });
  });

  it('says that a cancelled one left nothing if it had not begun', async () => {
    const request = ownWalkthrough('nothing');
    await stage.audiences.start(request);
    await stage.audiences.cancel(request.name);
    await stage.withWorker(() => errorOf(stage.audiences.result(request.name)));
    const error = await stage.withWorker(() => refusalOf(request));
    expect(error.leftBehind).toEqual([]);
    expect(error.message).toContain('It left nothing in Polytomic.');
  });

  it('says that nobody knows what it left behind if no worker is there to tell', async () => {
    const request = ownWalkthrough('nobody-knows');
    await startFromOutside(request.name, request, '1 second');
    await until('the run has timed out', async () => (await handleOf(request).describe()).status.name === 'TIMED_OUT');
    const error = await refusalOf(request);
    expect(error.state).toBe('timed_out');
    expect(error.leftBehind).toBeUndefined();
    expect(error.message).toMatch(/timed out\. What it left in Polytomic is not known: look at its history/);
  });
});
