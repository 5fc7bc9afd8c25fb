/** A worker that is killed while what a run made is being deleted, or while a first execution is followed. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodedHistory } from '../../src/temporal/history.ts';
import { UNDO_WORKFLOW_TYPE, type UndoResult, undoWorkflowIdOf, workflowIdOf } from '../../src/workflows/messages.ts';
import { killed, type Machine, startMachine, untilUnderWay } from '../support/machine.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, newSync } from '../support/walkthrough.ts';

const IMPATIENT = { script: './impatient-worker.js' };

/** The first deletion takes so long that a kill meets it. */
const SLOW_DELETION = { match: { method: 'DELETE' }, latencyMs: 1_500, times: 1 };

let machine: Machine;
beforeEach(async () => {
  machine = await startMachine();
});
afterEach(() => machine.remove());

/** Waits until only the person is missing. */
async function onlyThePersonIsMissing(name: string): Promise<void> {
  await until('only the person is missing', async () => {
    const { status } = await machine.audiences.status(name);
    const isModelThere = status?.steps.some(({ id, state }) => id === 'model active-users' && state === 'done');
    return isModelThere && status?.signIn !== undefined;
  });
}

/** Waits until a deletion is under way. */
const whileDeleting = (workflowId: string) =>
  untilUnderWay(machine.temporal.workflow.getHandle(workflowId), 'undoEntry');

/** How many of each kind the sandbox has. */
async function things() {
  const { connections, models, syncs } = await machine.sandbox.state();
  return { connections: connections.length, models: models.length, syncs: syncs.length };
}

async function historyOf(workflowId: string): Promise<string> {
  const history = await machine.temporal.workflow.getHandle(workflowId).fetchHistory();
  return JSON.stringify(await decodedHistory(history));
}

describe('a worker that is killed while a run undoes', () => {
  it('is replaced by another one that finishes it', async () => {
    const first = await machine.startWorker(IMPATIENT);
    const name = await machine.start('killed-undoing', { options: { onFailure: 'undo' } });
    await onlyThePersonIsMissing(name);
    await machine.sandbox.fault(SLOW_DELETION);
    await machine.audiences.cancel(name);
    await whileDeleting(workflowIdOf(name));
    await killed(first);

    await machine.startWorker(IMPATIENT);
    expect(await machine.failureOf(name)).toMatchObject({ state: 'cancelled', leftBehind: [] });
    const { status } = await machine.audiences.status(name);
    expect(status?.steps.filter(({ state }) => state === 'undone')).toHaveLength(3);
    expect(await things()).toEqual({ connections: 0, models: 0, syncs: 0 });
    expect(await historyOf(workflowIdOf(name))).toContain('TIMEOUT_TYPE_START_TO_CLOSE');
  }, 120_000);
});

describe('a worker that is killed while it cleans up after a terminated run', () => {
  it('is replaced by another one that finishes it', async () => {
    const first = await machine.startWorker(IMPATIENT);
    const name = await machine.start('killed-cleaning');
    await onlyThePersonIsMissing(name);
    const { workflowId, runId } = await machine.audiences.status(name);
    await machine.temporal.workflow.getHandle(workflowId).terminate();
    await machine.sandbox.fault(SLOW_DELETION);
    const undo = await machine.temporal.workflow.start<(run: unknown) => Promise<UndoResult>>(UNDO_WORKFLOW_TYPE, {
      workflowId: undoWorkflowIdOf(name),
      taskQueue: 'audience-provisioning',
      args: [{ workflowId, runId }],
    });
    await whileDeleting(undo.workflowId);
    await killed(first);

    await machine.startWorker(IMPATIENT);
    const { undone, left } = await undo.result();
    expect(undone.map(({ kind }) => kind)).toEqual(['model', 'connection', 'connection']);
    expect(left).toEqual([]);
    expect(await things()).toEqual({ connections: 0, models: 0, syncs: 0 });
    expect(await historyOf(undo.workflowId)).toContain('TIMEOUT_TYPE_START_TO_CLOSE');
  }, 120_000);
});

describe('a worker that is killed while it follows a first execution', () => {
  it('is replaced by another one that follows the same to its end', async () => {
    const first = await machine.startWorker(IMPATIENT);
    // It takes as long in the model's own making, and in the execution.
    const query = 'SELECT first_name, last_name, email FROM users /* sandbox: takes 5s */';
    const audience = { create: { name: 'Followed', type: 'user_audience', account: ACCOUNT.label } };
    const name = await machine.start('killed-following', {
      models: { 'active-users': { name: 'Active Users', query } },
      syncs: [newSync({ audience, schedule: { frequency: 'manual' } })],
      options: { firstRun: 'await' },
    });
    await machine.signIn(name);
    await until('it is followed', async () => {
      const { raw } = await machine.temporal.workflow.getHandle(workflowIdOf(name)).describe();
      return raw.pendingActivities?.some(({ activityType, heartbeatDetails }) => {
        return activityType?.name === 'followExecution' && heartbeatDetails != null;
      });
    });
    await killed(first);

    await machine.startWorker(IMPATIENT);
    const { syncs } = await machine.audiences.result(name);
    expect(syncs[0]?.firstExecution).toMatchObject({ status: 'completed', counts: { total: 4000 } });
    const executions = await machine.sandbox.polytomic.syncs.listExecutions(syncs[0]?.id ?? '');
    expect(executions.map(({ id }) => id)).toEqual([syncs[0]?.firstExecution?.id]);
    expect(await historyOf(workflowIdOf(name))).toContain('TIMEOUT_TYPE_HEARTBEAT');
  }, 120_000);
});
