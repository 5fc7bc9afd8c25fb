import { beforeAll, describe, expect, it } from '@jest/globals';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

describe('a run that is cancelled', () => {
  it('ends as cancelled while it waits, and says what it made', async () => {
    const name = await stage.start('cancelled');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await stage.audiences.cancel(name);
      const failure = await stage.failureOf(name);
      expect(failure.state).toBe('cancelled');
      const report = await stage.audiences.status(name);
      expect(report.stage).toBe('cancelled');
      expect(failure.leftBehind?.map(({ name: called }) => called)).toContain(`LinkedIn ${name}`);
    });
  });

  it('ends as cancelled while a step is being tried again', async () => {
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, status: 503 });
    const name = await stage.start('cancelled-in-outage');
    await stage.withWorker(async () => {
      await until('the outage shows', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity, lastFailure }) => activity === 'provideModel' && lastFailure);
      });
      await stage.audiences.cancel(name);
      await expect(stage.failureOf(name)).resolves.toMatchObject({ state: 'cancelled', failures: [] });
    });
    await stage.sandbox.clearFaults();
  });

  it('has made nothing if it was cancelled before a worker was there', async () => {
    const name = await stage.start('cancelled-at-once');
    await stage.audiences.cancel(name);
    const failure = await stage.withWorker(() => stage.failureOf(name));
    expect(failure).toMatchObject({ state: 'cancelled', leftBehind: [] });
    const { connections } = await stage.sandbox.state();
    expect(connections.map((one: { name: string }) => one.name)).not.toContain(`LinkedIn ${name}`);
  });

  it('waits for a create that is under way, and lists what it made', async () => {
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, latencyMs: 1_000 });
    const name = await stage.start('cancelled-in-a-create');
    const failure = await stage.withWorker(async () => {
      await until('both creates are under way', async () => {
        const { raw } = await stage.temporal.workflow.getHandle(workflowIdOf(name)).describe();
        return raw.pendingActivities?.filter(({ lastStartedTime }) => lastStartedTime != null).length === 2;
      });
      await stage.audiences.cancel(name);
      return stage.failureOf(name);
    });
    await stage.sandbox.clearFaults();
    expect(failure.state).toBe('cancelled');
    expect(failure.leftBehind?.map(({ name: called }) => called)).toEqual([`Snowflake ${name}`, `LinkedIn ${name}`]);
  });
});
