import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { StepContext } from '../../src/activities/create-once.ts';
import { UNDER_WAY_MS } from '../../src/activities/idempotency.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { type ActivityRun, newRun } from '../support/activity-task.ts';
import { activeUsers, snowflakeConnection } from '../support/resources.ts';
import { newSandbox, type TestSandbox } from '../support/sandbox.ts';
import { until } from '../support/until.ts';
import { walkthrough } from '../support/walkthrough.ts';

let sandbox: TestSandbox;
beforeAll(async () => {
  sandbox = await newSandbox();
});

const { connection: snowflake } = walkthrough('any').snowflake;

function connect(
  run: ActivityRun,
  name: string,
  context: Partial<StepContext>,
  orUse = false,
  scheduledTimestampMs = Date.now(),
) {
  if (!('password' in snowflake)) throw new Error('the walkthrough makes its connection');
  const step = run.step('snowflake connection', context);
  return run.task(
    'provideSnowflakeConnection',
    { step, spec: { ...snowflake, name, orUse } },
    { scheduledTimestampMs },
  );
}

function provideModel(run: ActivityRun, name: string, connection: Resource, context: Partial<StepContext>) {
  const spec = { name, query: 'SELECT first_name, last_name, email FROM users' };
  return run.task('provideModel', { step: run.step('model a', context), spec, columns: [], connection }).result();
}

const models = async (name: string) => (await sandbox.polytomic.models.list()).filter((model) => model.name === name);

describe('a run that continues another', () => {
  it('makes a thing anew where it was continued as new: the run before is done with its steps', async () => {
    const connection = await snowflakeConnection(sandbox, false);
    const { name } = await activeUsers(sandbox, connection);
    const run = newRun(sandbox);
    // The chain's first run is another one; the history of this one begins with itself.
    const { resource } = await provideModel(run, name, connection, { firstRunId: randomUUID() });
    expect(resource.made).toBe(true);
    expect(await models(name)).toHaveLength(2);
  });

  it('meets what the run before a reset has made, by its key', async () => {
    const run = newRun(sandbox);
    const name = `Snowflake ${randomUUID()}`;
    const made = await connect(run, name, {}).result();
    expect(await connect(run, name, { originalRunId: 'the-run-before' }).result()).toEqual(made);
  });
});

const AGAIN = { generation: 2, afterUnclear: true } as const;

describe('a step that is tried again after it ended unclear', () => {
  it('takes what carries the evidence: a model on a connection that this run made', async () => {
    const connection = await snowflakeConnection(sandbox);
    const model = await activeUsers(sandbox, connection);
    const { resource } = await provideModel(newRun(sandbox), model.name, connection, {
      generation: 2,
      afterUnclear: true,
    });
    expect(resource).toEqual(model);
    expect(await models(model.name)).toHaveLength(1);
  });

  it('stays unclear where nothing proves whose it is, and makes no second one', async () => {
    const connection = await snowflakeConnection(sandbox, false);
    const { name } = await activeUsers(sandbox, connection);
    await expect(
      provideModel(newRun(sandbox), name, connection, { generation: 2, afterUnclear: true }),
    ).rejects.toMatchObject({ type: 'Unclear' });
    expect(await models(name)).toHaveLength(1);
  });

  it('uses what is there, as not its own, once it is told to', async () => {
    const { id, name } = await snowflakeConnection(sandbox);
    await expect(connect(newRun(sandbox), name, AGAIN).result()).rejects.toMatchObject({ type: 'Unclear' });
    expect(await connect(newRun(sandbox), name, AGAIN, true).result()).toEqual({ id, name, made: false });
  });

  it('makes it where nothing of its name is there once nothing is under way any more', async () => {
    const name = `Snowflake ${randomUUID()}`;
    const then = Date.now() - UNDER_WAY_MS;
    expect(await connect(newRun(sandbox), name, AGAIN, false, then).attempt()).toMatchObject({ made: true });
  });

  it('waits for what was sent before, and takes that for what it may be', async () => {
    const name = `Snowflake ${randomUUID()}`;
    const task = connect(newRun(sandbox), name, AGAIN);
    await expect(task.attempt()).rejects.toMatchObject({ type: 'InFlight', nonRetryable: false });
    await snowflakeConnection(sandbox, true, { name });
    await expect(task.result()).rejects.toMatchObject({ type: 'Unclear' });
  });
});

describe('a step that ended for good after an answer was lost', () => {
  it.each([
    ['is found out when its API key is refused on the way to ask again', { method: 'POST', path: '/api/models' }],
    ['is found out when it may not look', { method: 'GET', path: '/api/models' }],
  ])('%s', async (_, match) => {
    const connection = await snowflakeConnection(sandbox, false);
    const run = newRun(sandbox);
    const name = `Active Users ${randomUUID()}`;
    const spec = { name, query: 'SELECT first_name, last_name, email FROM users' };
    const asked = { step: run.step('model a'), spec, columns: [], connection };
    const task = run.task('provideModel', asked);
    const POST = { method: 'POST', path: '/api/models' };
    const byLookUp = match.method === 'GET';
    await sandbox.fault({
      match: POST,
      times: 1,
      ...(byLookUp ? { status: 500, when: 'after' } : { drop: true, when: 'after' }),
    });
    await expect(task.attempt()).rejects.toMatchObject({ nonRetryable: false });
    await until('the model is there', async () => (await models(name)).length > 0);
    await sandbox.fault({ match, times: 1, status: 401 });
    await expect(task.attempt()).rejects.toMatchObject({
      type: 'Unclear',
      message: expect.stringContaining('answered 401'),
    });
    // With the key back, a person has it tried again.
    const again = { ...asked, step: run.step('model a', { generation: 2, afterUnclear: true }) };
    await expect(run.task('provideModel', again).result()).rejects.toMatchObject({ type: 'Unclear' });
    expect(await models(name)).toHaveLength(1);
  });

  it('is what it says where nothing can have been made', async () => {
    const run = newRun(sandbox);
    await sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, times: 1, status: 401 });
    await expect(connect(run, `Snowflake ${randomUUID()}`, {}).result()).rejects.toMatchObject({
      type: 'ApiKeyRefused',
    });
  });
});
