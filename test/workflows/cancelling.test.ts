import { beforeAll, describe, expect, it } from '@jest/globals';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { existingSync } from '../support/walkthrough.ts';

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
      await people(stage, name).underWay('provideSnowflakeConnection', 'provideLinkedInConnection');
      await stage.audiences.cancel(name);
      return stage.failureOf(name);
    });
    await stage.sandbox.clearFaults();
    expect(failure.state).toBe('cancelled');
    expect(failure.leftBehind?.map(({ name: called }) => called)).toEqual([`Snowflake ${name}`, `LinkedIn ${name}`]);
  });

  it('ends as cancelled also during its very last call, and undoes what that made', async () => {
    const name = await stage.start('cancelled-at-last', { syncs: [existingSync()], options: { onFailure: 'undo' } });
    await stage.withWorker(async () => {
      await stage.sandbox.fault({ match: { method: 'POST', path: '/api/syncs' }, latencyMs: 1_000 });
      await stage.signIn(name);
      await people(stage, name).underWay('createSync');
      await stage.audiences.cancel(name);
      expect(await stage.failureOf(name)).toMatchObject({ state: 'cancelled', leftBehind: [] });
      await stage.sandbox.clearFaults();
      const { steps } = (await stage.audiences.status(name)).status ?? {};
      expect(steps?.find(({ id }) => id === `sync ${existingSync().name}`)?.state).toBe('undone');
    });
  });
});
