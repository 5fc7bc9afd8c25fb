/** Cleaning up after a run that could not do so itself. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { undoEntriesOf } from '../../src/client/undo-entries-of.ts';
import {
  UNDO_WORKFLOW_TYPE,
  type UndoResult,
  undoStatusQuery,
  undoWorkflowIdOf,
  WORKFLOW_TYPE,
  workflowIdOf,
} from '../../src/workflows/messages.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, newSync } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

async function runOf(name: string): Promise<{ workflowId: string; runId: string }> {
  const { workflowId, runId } = await stage.audiences.status(name);
  return { workflowId, runId };
}

const terminate = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate('for a test');

/** Starts the workflow that cleans up. */
function startUndo(name: string, input: unknown) {
  return stage.temporal.workflow.start<(input: unknown) => Promise<UndoResult>>(UNDO_WORKFLOW_TYPE, {
    workflowId: undoWorkflowIdOf(name),
    taskQueue: stage.worker.taskQueue,
    args: [input],
  });
}

async function undo(name: string, input: unknown): Promise<UndoResult> {
  return (await startUndo(name, input)).result();
}

/** What it fails with. */
async function refusalOf(input: unknown): Promise<{ type: string | null | undefined; message: string }> {
  const error = await errorOf(undo(newName('refused'), input));
  if (!(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure)) throw error;
  return { type: error.cause.type, message: error.cause.message };
}

/** Starts a run and waits until only the person is missing. */
async function startAndWait(about: string): Promise<string> {
  const name = await stage.start(about, {
    syncs: [newSync({ audience: { create: { name: about, type: 'user_audience', account: ACCOUNT.label } } })],
  });
  await until('only the person is missing', async () => {
    const { status } = await stage.audiences.status(name);
    const isModelThere = status?.steps.some(({ id, state }) => id === 'model active-users' && state === 'done');
    return isModelThere && status?.signIn !== undefined;
  });
  return name;
}

async function connectionsOf(name: string): Promise<string[]> {
  const names = (await stage.sandbox.polytomic.connections.list()).map((connection) => connection.name);
  return names.filter((one) => one.includes(name));
}

describe('after a terminated run', () => {
  it('undoes what the run made, last first, and does no harm when it is started again', async () => {
    await stage.withWorker(async () => {
      const name = await startAndWait('terminated');
      await terminate(name);
      const run = await runOf(name);
      const handle = await startUndo(name, run);
      expect(handle.workflowId).toBe(`audience-undo/${name}`);
      const result = await handle.result();
      expect(result.undone.map((one) => ('name' in one ? `${one.kind} ${one.name}` : one.kind))).toEqual([
        'model Active Users',
        `connection LinkedIn ${name}`,
        `connection Snowflake ${name}`,
      ]);
      expect(result.left).toEqual([]);
      await expect(handle.query(undoStatusQuery)).resolves.toEqual(result);
      expect(await connectionsOf(name)).toEqual([]);
      await expect(undo(name, run)).resolves.toEqual(result);
    });
  });

  it('says what is left: a connection that somebody else has built on', async () => {
    await stage.withWorker(async () => {
      const name = await startAndWait('built-on');
      const { status } = await stage.audiences.status(name);
      const connection = status?.steps.flatMap(({ resources }) => resources).find(({ name }) => /^Snow/.test(name));
      const query = 'SELECT email FROM users';
      const theirs = { name: `Theirs ${name}`, connection_id: connection?.id ?? '', configuration: { query } };
      await stage.sandbox.polytomic.models.create(theirs, { idempotencyKey: name });
      await terminate(name);
      const { undone, left } = await undo(name, await runOf(name));
      expect(undone.map(({ kind }) => kind)).toEqual(['model', 'connection']);
      expect(left).toEqual([expect.stringMatching(`${connection?.id}.* stays: .*Theirs ${name}`)]);
    });
  });

  it('has nothing to do where the run ended before a worker was there', async () => {
    const name = await stage.start('never-begun');
    await terminate(name);
    const run = { workflowId: workflowIdOf(name), runId: await newestRun(name) };
    await expect(stage.withWorker(() => undo(name, run))).resolves.toEqual({ undone: [], left: [] });
  });

  it('goes on although somebody cancels it', async () => {
    await stage.withWorker(async () => {
      const name = await startAndWait('not-cancelled');
      await terminate(name);
      await stage.sandbox.fault({ match: { method: 'DELETE' }, status: 503 });
      const handle = await startUndo(name, await runOf(name));
      await until('the outage shows', async () => {
        const { raw } = await handle.describe();
        return raw.pendingActivities?.some(({ lastFailure }) => lastFailure != null);
      });
      await handle.cancel();
      await stage.sandbox.clearFaults();
      await expect(handle.result()).resolves.toMatchObject({ left: [] });
      expect(await connectionsOf(name)).toEqual([]);
    });
  });
});

describe('the entries of a run that was terminated while something was being made', () => {
  it('are given once no attempt can be under way any more, with the time until which they were made', async () => {
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, status: 503 });
    await stage.withWorker(async () => {
      const name = await stage.start('unsure');
      await stage.untilAsked(name);
      await until('the model is tried again', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity, lastFailure }) => activity === 'provideModel' && lastFailure);
      });
      await terminate(name);
      const run = await runOf(name);
      const endedAt = (await stage.temporal.workflow.getHandle(run.workflowId).describe()).closeTime;
      const now = endedAt?.getTime() ?? 0;
      const client = stage.temporal as Client;
      expect(await errorOf(undoEntriesOf(client, run, now + 1_000))).toMatchObject({
        type: 'InFlight',
        nonRetryable: false,
        nextRetryDelay: 59_000,
      });
      const entries = await undoEntriesOf(client, run, now + 60_000);
      expect(entries.map(({ kind, until: latest }) => [kind, latest])).toEqual([
        ['connection', endedAt?.toISOString()],
        ['connection', endedAt?.toISOString()],
        ['model', endedAt?.toISOString()],
      ]);
      expect(entries.map((entry) => ('made' in entry ? entry.made?.made : undefined))).toEqual([true, true, undefined]);
    });
    await stage.sandbox.clearFaults();
  });
});

describe('a run that is not to be undone', () => {
  it('is refused, whichever way, with why', async () => {
    await stage.withWorker(async () => {
      const name = await startAndWait('running');
      const running = await runOf(name);
      expect(await refusalOf(running)).toEqual({ type: 'NotNow', message: expect.stringContaining('still runs') });

      await stage.signIn(name);
      await stage.audiences.result(name);
      expect(await refusalOf(running)).toEqual({ type: 'NotNow', message: expect.stringContaining('has completed') });
      expect(await connectionsOf(name)).toHaveLength(2);

      const other = await startUndo(newName('other'), 17);
      await errorOf(other.result());
      const ofOtherType = { workflowId: other.workflowId, runId: other.firstExecutionRunId };
      expect(await refusalOf(ofOtherType)).toEqual({
        type: 'NotNow',
        message: expect.stringContaining('is of type AudienceUndo'),
      });
      const unknown = { ...running, runId: '00000000-0000-4000-8000-000000000000' };
      expect(await refusalOf(unknown)).toEqual({ type: 'NotFound', message: expect.stringContaining('is not there') });
      expect(await refusalOf({ workflowId: workflowIdOf(newName('nobody')), runId: running.runId })).toMatchObject({
        type: 'NotFound',
      });
      expect(await refusalOf({ ...running, runId: 'the last one' })).toMatchObject({ type: 'InvalidRequest' });
    });
  });

  it('is one that was reset, and goes on with what there is', async () => {
    await stage.withWorker(async () => {
      const name = await startAndWait('reset');
      const first = await runOf(name);
      const { events } = await stage.history(name);
      const task = events?.findLast((event) => event.workflowTaskCompletedEventAttributes != null);
      await stage.temporal.workflowService.resetWorkflowExecution({
        namespace: stage.temporal.options.namespace,
        workflowExecution: first,
        reason: 'for a test',
        requestId: name,
        ...(task?.eventId == null ? {} : { workflowTaskFinishEventId: task.eventId }),
      });
      const { type, message } = await refusalOf(first);
      expect(type).toBe('NotNow');
      expect(message).toContain(`in use by run ${await newestRun(name)}`);
      expect(await connectionsOf(name)).toHaveLength(2);
    });
  });

  it('is one whose name was started again, and may use what there was', async () => {
    await stage.withWorker(async () => {
      const name = await startAndWait('again');
      const first = await runOf(name);
      await terminate(name);
      const second = await stage.temporal.workflow.start(WORKFLOW_TYPE, {
        workflowId: first.workflowId,
        taskQueue: stage.worker.taskQueue,
        args: [ownWalkthrough('second')],
      });
      const { type, message } = await refusalOf(first);
      expect(type).toBe('NotNow');
      expect(message).toContain(`in use by run ${second.firstExecutionRunId}`);
      expect(await connectionsOf(name)).toHaveLength(2);

      await terminate(name);
      await expect(undo(name, first)).resolves.toMatchObject({ left: [] });
      expect(await connectionsOf(name)).toEqual([]);
    });
  });

  it.each([undefined, null, 17, 'active-users', [], {}, { workflowId: 'w' }, { workflowId: 1, runId: 2 }])(
    'is %j, which is no run',
    async (input) => {
      expect(await stage.withWorker(() => refusalOf(input))).toEqual({
        type: 'InvalidRequest',
        message: expect.stringContaining('{"workflowId": "audience-provisioning/…", "runId": "…"}'),
      });
    },
  );
});

async function newestRun(name: string): Promise<string> {
  return (await stage.temporal.workflow.getHandle(workflowIdOf(name)).describe()).runId;
}
