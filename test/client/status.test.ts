import { beforeAll, describe, expect, it } from '@jest/globals';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { existingSync } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = async (about: string) => (await stage.audiences.start(ownWalkthrough(about))).name;

describe('the status of a run', () => {
  it('is what the run says of itself, with its ids', async () => {
    const name = await start('says');
    await stage.withWorker(async () => {
      const report = await stage.untilAsked(name);
      expect(report).toMatchObject({
        name,
        workflowId: workflowIdOf(name),
        state: 'running',
        stage: 'awaiting_sign_in',
        status: { name, stage: 'awaiting_sign_in', signIn: { url: expect.stringContaining(stage.sandbox.url) } },
      });
      expect(report.problem).toBeUndefined();
      expect(report.endedAt).toBeUndefined();
    });
  });

  it('shows an outage of Polytomic: the attempt, why the last one failed, and when the next one comes', async () => {
    const other = await newStage();
    await other.sandbox.fault({ match: { path: '/api/connections' }, status: 503, message: 'maintenance' });
    const { name } = await other.audiences.start(ownWalkthrough('outage'));
    await other.withWorker(async () => {
      const report = await until('both connections are waiting for their next attempt', async () => {
        const now = await other.audiences.status(name);
        return now.pendingActivities.filter(({ nextAttemptAt }) => nextAttemptAt !== undefined).length === 2 && now;
      });
      for (const activity of ['provideSnowflakeConnection', 'provideLinkedInConnection']) {
        const pending = report.pendingActivities.find((one) => one.activity === activity);
        expect(pending?.attempt).toBeGreaterThan(1);
        expect(pending?.lastFailure).toContain('maintenance');
      }
      expect(report.state).toBe('running');

      await other.sandbox.clearFaults();
      await until('the outage is over', async () => {
        const after = await other.audiences.status(name);
        return (
          after.status?.signIn !== undefined && after.pendingActivities.every((one) => one.lastFailure === undefined)
        );
      });
    });
  });

  it('shows how far a first execution has come that is followed', async () => {
    const slow = await newStage({ executionPaceMs: 1_000 });
    const { name } = await slow.audiences.start(
      ownWalkthrough('followed', { syncs: [existingSync()], options: { firstRun: 'await' } }),
    );
    await slow.withWorker(async () => {
      await slow.signIn(name);
      const seen = await until('the execution goes on', async () => {
        const { pendingActivities } = await slow.audiences.status(name);
        return pendingActivities.find(({ execution }) => execution !== undefined);
      });
      expect(seen).toMatchObject({
        activity: 'followExecution',
        execution: { sync: 'Existing audience', status: expect.any(String), counts: expect.any(Object) },
      });
      const { syncs } = await slow.audiences.result(name);
      expect(syncs.map(({ firstExecution }) => firstExecution)).toMatchObject([
        { status: 'completed', counts: { total: 4000 } },
      ]);
    });
  });

  // Its time limit is part of the promise: a person waits for the answer.
  it('says within seconds that no worker answers, and shows the rest', async () => {
    const name = await start('no-worker');
    const report = await stage.audiences.status(name);
    expect(report).toMatchObject({ name, state: 'running', startedAt: expect.any(String), pendingActivities: [] });
    expect(report.status).toBeUndefined();
    expect(report.problem).toContain(`No worker answers on task queue ${stage.worker.taskQueue}`);
    expect(report.problem).toContain('audience worker');
  }, 10_000);

  it('shows the stage even when its worker is gone', async () => {
    const name = await start('worker-gone');
    await stage.withWorker(() => stage.untilAsked(name));
    const report = await stage.audiences.status(name);
    expect(report.status).toBeUndefined();
    expect(report.stage).toBe('awaiting_sign_in');
  });

  it('that was terminated is its end, not the stage at which it was', async () => {
    const name = await start('terminated');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await stage.temporal.workflow.getHandle(workflowIdOf(name)).terminate();
      const report = await stage.audiences.status(name);
      expect(report).toMatchObject({ state: 'terminated', endedAt: expect.any(String) });
      expect(report.stage).toBeUndefined();
      // Where it was can be seen in what it last said.
      expect(report.status?.stage).toBe('awaiting_sign_in');
    });
  });

  it('of an unknown name is an error that says so, whether a worker is there or not', async () => {
    const name = newName('unknown');
    const refused = { name: 'NotFoundError', message: expect.stringContaining(`no provisioning “${name}”`) };
    await expect(stage.audiences.status(name)).rejects.toMatchObject(refused);
    await stage.withWorker(() => expect(stage.audiences.status(name)).rejects.toMatchObject(refused));
  });
});
