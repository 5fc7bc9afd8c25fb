import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Resource } from '../../src/workflows/messages.ts';
import { always, withApi } from '../polytomic/api-server.ts';
import { newRun } from '../support/activity-task.ts';
import { activeUsers, audienceSync, linkedInConnection, snowflakeConnection } from '../support/resources.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';

let sandbox: TestSandbox;
let model: Resource;
let connection: Resource;
beforeAll(async () => {
  sandbox = await newSandbox();
  connection = await linkedInConnection(sandbox);
  model = await activeUsers(sandbox, await snowflakeConnection(sandbox));
});

const newSync = (of = model) => audienceSync(sandbox, { model: of, connection });
const executionsOf = (sync: Resource) => sandbox.polytomic.syncs.listExecutions(sync.id);
const path = (sync: Resource, ...rest: string[]) => ['/api/syncs', sync.id, ...rest].join('/');
/** Fails the next call that starts an execution of this sync. */
const failStart = (sync: Resource, fault: Record<string, unknown>) =>
  sandbox.fault({ match: { method: 'POST', path: path(sync, 'executions') }, times: 1, ...fault });

/** An execution that stays as it is for longer than any test. */
async function neverEnding() {
  const slow = await newSandbox({ executionPaceMs: 600_000 });
  const sync = await audienceSync(slow, {
    model: await activeUsers(slow, await snowflakeConnection(slow)),
    connection: await linkedInConnection(slow),
  });
  const execution = await slow.polytomic.syncs.startExecution(sync.id, {}, { idempotencyKey: randomUUID() });
  return { slow, sync, execution };
}

describe('starting the first execution', () => {
  it('starts one', async () => {
    const sync = await newSync();
    const run = newRun(sandbox);
    const { id } = await run.task('startFirstExecution', { step: run.step('sync A'), sync }).result();
    expect((await executionsOf(sync)).map((one) => one.id)).toEqual([id]);
  });

  it.each([
    ['the answer was lost', { drop: true, when: 'after' }],
    ['the call was lost', { drop: true, when: 'before' }],
    ['a 500 came although it was started', { status: 500, when: 'after' }],
    ['a 500 came and it was not started', { status: 500, when: 'before' }],
    ['it was asked too often', { status: 429, when: 'before' }],
    ['the call was still in flight', { status: 409, when: 'before' }],
  ])('starts one, and not two, when %s', async (_, fault) => {
    const sync = await newSync();
    const run = newRun(sandbox);
    await failStart(sync, fault);
    const { id } = await run.task('startFirstExecution', { step: run.step('sync A'), sync }).result();
    expect((await executionsOf(sync)).map((one) => one.id)).toEqual([id]);
  });

  it('knows an execution from before its first send apart from its own, after a 500', async () => {
    const sync = await newSync();
    const { id: earlier } = await sandbox.polytomic.syncs.startExecution(sync.id, {}, { idempotencyKey: 'of-another' });
    await until('the earlier one ends', async () => (await sandbox.polytomic.syncs.status(sync.id)).last_execution);
    const run = newRun(sandbox);
    await failStart(sync, { status: 500, when: 'before' });
    const { id } = await run.task('startFirstExecution', { step: run.step('sync A'), sync }).result();
    expect(id).not.toBe(earlier);
    expect(await executionsOf(sync)).toHaveLength(2);
  });

  it('takes the one that is running already', async () => {
    const { slow, sync, execution } = await neverEnding();
    const run = newRun(slow);
    const taken = await run.task('startFirstExecution', { step: run.step('sync A'), sync }).attempt();
    expect(taken.id).toBe(execution.id);
    expect(await slow.polytomic.syncs.listExecutions(sync.id)).toHaveLength(1);
  });

  it('finds what the run before a reset has started, and starts no other', async () => {
    const sync = await newSync();
    const run = newRun(sandbox);
    const first = await run.task('startFirstExecution', { step: run.step('sync A'), sync }).result();
    const after = run.step('sync A', { originalRunId: 'the-run-before' });
    expect((await run.task('startFirstExecution', { step: after, sync }).result()).id).toBe(first.id);
    expect(await executionsOf(sync)).toHaveLength(1);
  });

  it('is unclear when the API key is refused after an answer was lost, and starts no other when tried again', async () => {
    const sync = await newSync();
    const run = newRun(sandbox);
    await failStart(sync, { drop: true, when: 'after' });
    const task = run.task('startFirstExecution', { step: run.step('sync A'), sync });
    await expect(task.attempt()).rejects.toMatchObject({ type: 'NoAnswer' });
    await until('it is started', async () => (await executionsOf(sync)).length === 1);
    await failStart(sync, { status: 401 });
    await expect(task.attempt()).rejects.toMatchObject({ type: 'Unclear', nonRetryable: true });
    const again = run.step('sync A', { generation: 2, afterUnclear: true });
    const { id } = await run.task('startFirstExecution', { step: again, sync }).attempt();
    expect((await executionsOf(sync)).map((one) => one.id)).toEqual([id]);
  });

  it('says that the API key is refused where nothing can have been started', async () => {
    const sync = await newSync();
    const run = newRun(sandbox);
    await failStart(sync, { status: 401 });
    const task = run.task('startFirstExecution', { step: run.step('sync A'), sync });
    await expect(task.attempt()).rejects.toMatchObject({ type: 'ApiKeyRefused', nonRetryable: true });
  });

  it.each([
    ['tried again after it ended unclear', { generation: 2, afterUnclear: true as const }],
    ['its run was reset', { originalRunId: 'the-run-before' }],
  ])('starts none while one may be under way when %s', async (_, context) => {
    const sync = await newSync();
    const run = newRun(sandbox);
    const task = run.task('startFirstExecution', { step: run.step('sync A', context), sync });
    await expect(task.attempt()).rejects.toMatchObject({ type: 'InFlight', nonRetryable: false });
    expect(await executionsOf(sync)).toEqual([]);
  });

  it('fails for good where the sync is gone', async () => {
    const sync = await newSync();
    await sandbox.polytomic.syncs.delete(sync.id);
    const run = newRun(sandbox);
    await expect(run.task('startFirstExecution', { step: run.step('sync A'), sync }).result()).rejects.toMatchObject({
      type: 'NotFound',
      nonRetryable: true,
    });
  });
});

describe('following an execution', () => {
  async function started(sync: Resource): Promise<string> {
    return (await sandbox.polytomic.syncs.startExecution(sync.id, {}, { idempotencyKey: randomUUID() })).id;
  }

  it('returns its counts once it has completed', async () => {
    const sync = await newSync();
    const executionId = await started(sync);
    const followed = await newRun(sandbox).task('followExecution', { sync, executionId }).result();
    const { counts, status } = await sandbox.polytomic.syncs.getExecution(sync.id, executionId);
    expect(status).toBe('completed');
    expect(followed).toMatchObject({ id: executionId, status, counts });
    expect(counts?.insert).toBeGreaterThan(0);
  });

  it('returns ten errors of an execution that has more', async () => {
    // Many of the demo's users have no e-mail address.
    const sync = await newSync();
    const executionId = await started(sync);
    const followed = await newRun(sandbox).task('followExecution', { sync, executionId }).result();
    expect((await sandbox.polytomic.syncs.getExecution(sync.id, executionId)).errors?.length).toBeGreaterThan(10);
    expect(followed.errors).toHaveLength(10);
  });

  it('shows status and counts in the heartbeat details while it goes on', async () => {
    const { slow, sync, execution } = await neverEnding();
    const task = newRun(slow).task('followExecution', { sync, executionId: execution.id });
    const followed = task.attempt();
    await until('progress is shown', () => task.details() !== undefined);
    expect(task.details()).toEqual({ sync: sync.name, status: 'created', counts: {} });
    task.cancel();
    await expect(followed).rejects.toThrow();
  });

  it('stops following when it is cancelled, and leaves the execution alone', async () => {
    const { slow, sync, execution } = await neverEnding();
    const task = newRun(slow).task('followExecution', { sync, executionId: execution.id });
    const followed = task.attempt();
    await until('it follows', () => task.details() !== undefined);
    task.cancel();
    await expect(followed).rejects.toMatchObject({ name: 'CancelledFailure' });
    expect((await slow.polytomic.syncs.getExecution(sync.id, execution.id)).status).toBe('created');
  });

  it('fails for good, with what the execution says, when it failed', async () => {
    const lost = await activeUsers(sandbox, await snowflakeConnection(sandbox));
    const sync = await newSync(lost);
    await sandbox.polytomic.models.delete(lost.id);
    const executionId = await started(sync);
    await expect(newRun(sandbox).task('followExecution', { sync, executionId }).result()).rejects.toMatchObject({
      type: 'ExecutionFailed',
      nonRetryable: true,
      message: expect.stringMatching(`ended as failed; errors: model ${lost.id} was deleted`),
    });
  });

  it.each(['failed', 'canceled', 'interrupted'])(
    'ends with status, counts and cut errors of one that is %s',
    async (status) => {
      const data = { id: 'e1', status, counts: { total: 7, error: 7 }, errors: ['x'.repeat(900)] };
      const sync = { id: 's1', name: 'Sync', made: true };
      await withApi(always({ data }), async ({ url }) => {
        const failed = newRun({ url }).task('followExecution', { sync, executionId: 'e1' }).result();
        await expect(failed).rejects.toMatchObject({
          type: 'ExecutionFailed',
          message: `Following execution e1 of sync “Sync”: it ended as ${status}; counts: total 7, error 7; errors: ${'x'.repeat(499)}…. Mend its cause, then try the step again.`,
        });
      });
    },
  );

  it('goes on after an outage where the execution is by then', async () => {
    const sync = await newSync();
    const executionId = await started(sync);
    await sandbox.fault({ match: { path: path(sync, 'executions', executionId) }, times: 2, status: 503 });
    const followed = await newRun(sandbox).task('followExecution', { sync, executionId }).result();
    expect(followed.status).toBe('completed');
  });
});
