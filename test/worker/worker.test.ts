import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { beforeAll, describe, expect, it } from '@jest/globals';
import fetch from 'node-fetch';
import { freePorts, isFree } from '../../src/processes/free-ports.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { ownWalkthrough } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { startTestWorker, stopWorker, temporal } from '../support/temporal.ts';
import { until } from '../support/until.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const workerWith = (env: Record<string, string>) =>
  startTestWorker({ ...stage.worker, env: { ...stage.worker.env, ...env } });

/** Starts a run whose model takes its time, and waits until it is being made. */
async function startSlowModel(about: string): Promise<string> {
  const query = 'SELECT first_name, last_name, email FROM users /* sandbox: takes 2s */';
  const { name } = await stage.audiences.start(
    ownWalkthrough(about, { models: { 'active-users': { name: 'Slow', query } } }),
  );
  return name;
}

const underWay = (name: string) =>
  until('the model is being made', async () => {
    const { status } = await stage.audiences.status(name);
    // Polytomic has been asked for it: the activity is past its look-up.
    return (
      status?.steps.some(({ id, state }) => id === 'model active-users' && state === 'running') &&
      (await stage.sandbox.state()).jobs.some(({ status: job }: { status: string }) => job === 'running')
    );
  });

const modelCompletions = async (name: string) => {
  const { events } = await stage.temporal.workflow.getHandle(workflowIdOf(name)).fetchHistory();
  const scheduled = events?.find(
    ({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name === 'provideModel',
  )?.eventId;
  return events?.filter(
    ({ activityTaskCompletedEventAttributes: one }) => String(one?.scheduledEventId) === String(scheduled),
  ).length;
};

describe('the health of a worker', () => {
  it('is 200 while it polls, with what it does, and 404 on any other path', async () => {
    const worker = await workerWith({ AUDIENCE_HEALTH_PORT: '0' });
    try {
      const answer = await fetch(`http://${worker.health}/health`);
      expect(answer.status).toBe(200);
      expect(await answer.json()).toEqual({ state: 'RUNNING', numInFlightActivities: 0, numCachedWorkflows: 0 });
      expect((await fetch(`http://${worker.health}/`)).status).toBe(404);
    } finally {
      await stopWorker(worker);
    }
    expect(await isFree(Number(worker.health?.split(':')[1]))).toBe(true);
  });

  it('is not served without a port', async () => {
    const worker = await workerWith({});
    expect(worker.health).toBeUndefined();
    await stopWorker(worker);
  });

  it('says which settings to change if its port is taken', async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    await expect(workerWith({ AUDIENCE_HEALTH_PORT: String(port) })).rejects.toMatchObject({
      name: 'WorkerSettingsError',
      message: expect.stringMatching(/EADDRINUSE.*AUDIENCE_HEALTH_PORT/s),
    });
    await new Promise((resolve) => holder.close(resolve));
  });
});

describe('a worker that is told to stop', () => {
  it('finishes what is under way, answers 503 meanwhile, and may be told twice', async () => {
    const worker = await workerWith({ AUDIENCE_HEALTH_PORT: '0', AUDIENCE_SHUTDOWN_GRACE_MS: '20000' });
    const name = await startSlowModel('drains');
    await underWay(name);
    worker.stop();
    worker.stop();
    expect((await fetch(`http://${worker.health}/health`)).status).toBe(503);
    await worker.ended;
    worker.stop();
    expect(await modelCompletions(name)).toBe(1);
  });

  it('leaves what takes longer than the grace to the next one, and nothing is made twice', async () => {
    const worker = await workerWith({ AUDIENCE_SHUTDOWN_GRACE_MS: '0' });
    const name = await startSlowModel('handed-over');
    await underWay(name);
    await stopWorker(worker);
    expect(await modelCompletions(name)).toBe(0);
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const result = await stage.audiences.result(name);
      const { models } = await stage.sandbox.state();
      const ofThisRun = models.filter(
        (one: { connection_id: string }) => one.connection_id === result.snowflakeConnection.id,
      );
      expect(ofThisRun.map(({ id }: { id: string }) => id)).toEqual([result.models['active-users']?.id]);
    });
  });
});

describe('a worker without a Temporal server', () => {
  // Its time limit is part of the promise: who starts it waits for the answer.
  it('says within seconds where it looked, and how to name another', async () => {
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    await expect(startTestWorker({ ...stage.worker, temporal: { ...temporal, address } })).rejects.toMatchObject({
      name: 'TemporalUnreachableError',
      message: expect.stringMatching(new RegExp(`${address}.*TEMPORAL_ADDRESS`, 's')),
    });
  }, 10_000);
});
