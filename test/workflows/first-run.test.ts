/** The first execution of each sync, as far as the request asks for it. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { defaultPayloadConverter } from '@temporalio/common';
import fetch from 'node-fetch';
import type { ExecutionProgress } from '../../src/activities/executions.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { retryStepUpdate, workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, newSync } from '../support/walkthrough.ts';

const STEP = 'first execution New audience';

let stage: Stage;
/** Here an execution takes some seconds. */
let slow: Stage;
beforeAll(async () => {
  stage = await newStage();
  slow = await newStage({ executionPaceMs: 1_500 });
});

type FirstRun = NonNullable<NonNullable<ProvisioningRequest['options']>['firstRun']>;

/** A run with one sync into a new audience, that does not run by itself. */
function startOn(
  on: Stage,
  firstRun: FirstRun | undefined,
  { rows = 4000, frequency = 'manual' }: { rows?: number; frequency?: 'manual' | 'continuous' } = {},
): Promise<string> {
  const query = `SELECT first_name, last_name, email FROM users WHERE email IS NOT NULL LIMIT ${rows}`;
  const audience = { create: { name: newName('audience'), type: 'user_audience', account: ACCOUNT.label } };
  return on.start('first-run', {
    models: { 'active-users': { name: 'Active Users', query } },
    syncs: [newSync({ audience, schedule: { frequency } })],
    ...(firstRun === undefined ? {} : { options: { firstRun } }),
  });
}

async function resultOf(on: Stage, name: string) {
  await on.signIn(name);
  const { syncs, warnings } = await on.audiences.result(name);
  const [sync] = syncs;
  if (sync === undefined) throw new Error('no sync');
  return { sync, warnings };
}

async function stepOf(on: Stage, name: string) {
  return (await on.audiences.status(name)).status?.steps.find(({ id }) => id === STEP);
}

/** What the pending activity shows of an execution that is followed. */
async function progressOf(on: Stage, name: string): Promise<ExecutionProgress | undefined> {
  const { raw } = await on.temporal.workflow.getHandle(workflowIdOf(name)).describe();
  const following = raw.pendingActivities?.find(({ activityType }) => activityType?.name === 'followExecution');
  const [details] = following?.heartbeatDetails?.payloads ?? [];
  return details == null ? undefined : defaultPayloadConverter.fromPayload(details);
}

async function executionsOf(on: Stage, name: string) {
  const { syncs } = await on.sandbox.state();
  const { status } = await on.audiences.status(name);
  const made = status?.steps.flatMap(({ resources }) => resources).find(({ kind }) => kind === 'sync');
  expect(syncs.map(({ id }: { id: string }) => id)).toContain(made?.id);
  return on.sandbox.polytomic.syncs.listExecutions(made?.id ?? '');
}

describe('the first execution', () => {
  it.each(['none', undefined] as const)('is not started with firstRun: %s', async (firstRun) => {
    const name = await startOn(stage, firstRun);
    await stage.withWorker(async () => {
      const { sync } = await resultOf(stage, name);
      expect(sync).not.toHaveProperty('firstExecution');
      expect(await stepOf(stage, name)).toBeUndefined();
      expect(await executionsOf(stage, name)).toEqual([]);
    });
  });

  it('is started and not waited for with firstRun: start', async () => {
    const name = await startOn(slow, 'start');
    await slow.withWorker(async () => {
      const { sync } = await resultOf(slow, name);
      const [execution, ...others] = await executionsOf(slow, name);
      expect(others).toEqual([]);
      expect(sync.firstExecution).toEqual({ id: execution?.id, status: 'created' });
      expect(['created', 'queued', 'running', 'processing']).toContain(execution?.status);
      expect(await stepOf(slow, name)).toMatchObject({ state: 'done', note: 'created' });
    });
  });

  it('is followed to its end with firstRun: await, and its counts are in the result and at the step', async () => {
    const name = await startOn(stage, 'await');
    await stage.withWorker(async () => {
      const { sync, warnings } = await resultOf(stage, name);
      const { counts } = sync.firstExecution ?? {};
      expect(sync.firstExecution).toMatchObject({ status: 'completed', counts: { error: 0 } });
      expect(counts?.insert).toBeGreaterThan(3_900);
      expect(counts?.total).toBe(counts?.insert);
      expect(await executionsOf(stage, name)).toHaveLength(1);
      expect(await stepOf(stage, name)).toMatchObject({
        state: 'done',
        note: `completed, total ${counts?.total}, insert ${counts?.insert}`,
      });
      expect(warnings).toEqual([]);
    });
  });

  it('is the one that runs already, where the sync runs by itself, and its progress can be seen', async () => {
    const name = await startOn(slow, 'await', { frequency: 'continuous' });
    await slow.withWorker(async () => {
      await slow.signIn(name);
      const progress = await until('the progress shows', () => progressOf(slow, name));
      expect(['created', 'queued', 'running', 'processing']).toContain(progress.status);
      expect((await slow.audiences.status(name)).stage).toBe('syncing');
      expect(await stepOf(slow, name)).toMatchObject({ state: 'running' });
      const { syncs } = await slow.audiences.result(name);
      const executions = await executionsOf(slow, name);
      expect(executions.map(({ id }) => id)).toEqual([syncs[0]?.firstExecution?.id]);
      const requests = await slow.sandbox.requests();
      const starts = requests.filter(({ method, path }) => method === 'POST' && /executions$/.test(path));
      expect(starts.at(-1)?.status).toBe(409);
    });
  });

  it('blocks its step where it does not complete, and is started anew when a person says so', async () => {
    const name = await startOn(slow, 'await');
    await slow.withWorker(async () => {
      await slow.signIn(name);
      await until('it is followed', () => progressOf(slow, name));
      const [first] = await executionsOf(slow, name);
      const { status } = await slow.audiences.status(name);
      const sync = status?.steps.flatMap(({ resources }) => resources).find(({ kind }) => kind === 'sync');
      await fetch(`${slow.sandbox.url}/api/syncs/${sync?.id}/cancel`, {
        method: 'POST',
        headers: { authorization: `Bearer ${slow.sandbox.apiKey}` },
      });
      const blocked = await until('it is blocked', async () => {
        const step = await stepOf(slow, name);
        return step?.state === 'blocked' && step;
      });
      expect(blocked.failure).toMatchObject({
        type: 'ExecutionFailed',
        message: expect.stringContaining(
          `Following execution ${first?.id} of sync “New audience”: it ended as canceled`,
        ),
      });
      expect((await slow.audiences.status(name)).stage).toBe('blocked');

      const handle = slow.temporal.workflow.getHandle(workflowIdOf(name));
      await handle.executeUpdate(retryStepUpdate, { args: [{ step: STEP }] });
      const { syncs } = await slow.audiences.result(name);
      expect(syncs[0]?.firstExecution).toMatchObject({ status: 'completed' });
      expect(syncs[0]?.firstExecution?.id).not.toBe(first?.id);
      expect(await executionsOf(slow, name)).toHaveLength(2);
    });
  });

  it('is left to itself when the run is cancelled meanwhile', async () => {
    const name = await startOn(slow, 'await');
    await slow.withWorker(async () => {
      await slow.signIn(name);
      await until('it is followed', () => progressOf(slow, name));
      await slow.audiences.cancel(name);
      expect(await slow.failureOf(name)).toMatchObject({ state: 'cancelled' });
      const [execution] = await executionsOf(slow, name);
      expect(['created', 'queued', 'running', 'processing', 'completed']).toContain(execution?.status);
      expect(await stepOf(slow, name)).toMatchObject({ state: 'pending', note: 'did not end' });
    });
  });
});

describe('an audience with few members', () => {
  it('is warned of below 300 records, with the rule of LinkedIn', async () => {
    const name = await startOn(stage, 'await', { rows: 299 });
    const { sync, warnings } = await stage.withWorker(() => resultOf(stage, name));
    expect(warnings).toEqual([
      `Sync New audience sent 299 records to audience ${sync.audience.name}. LinkedIn serves an audience only with at least 300 matched members, and takes 24 to 48 hours to match them.`,
    ]);
  });

  it('is not warned of with 300', async () => {
    const name = await startOn(stage, 'await', { rows: 300 });
    const { sync, warnings } = await stage.withWorker(() => resultOf(stage, name));
    expect(sync.firstExecution?.counts).toMatchObject({ total: 300, error: 0 });
    expect(warnings).toEqual([]);
  });
});
