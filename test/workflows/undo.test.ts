/** What becomes of the things that a run made when it fails or is cancelled. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import {
  giveUpUpdate,
  type ProvisioningFailure,
  type ProvisioningStatus,
  retryStepUpdate,
  undoEntriesQuery,
  workflowIdOf,
} from '../../src/workflows/messages.ts';
import { json, type Received, withApi } from '../polytomic/api-server.ts';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { WRONG_QUERY } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { activeUsers, linkedInConnection, snowflakeConnection } from '../support/resources.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, CONTOSO, existingSync, NORTHWIND, newSync } from '../support/walkthrough.ts';

/** A sync that cannot be made. */
const BAD = existingSync({ name: 'Bad', fields: { no_such: 'FirstName', last_name: 'LastName' } });

const UNDO = { options: { onBlocked: 'fail', onFailure: 'undo' } } as const;

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});
afterEach(() => stage.sandbox.clearFaults());

const handleOf = (name: string) => stage.temporal.workflow.getHandle(workflowIdOf(name));

/** The details of the failure that the run ended with. */
async function failureOf(name: string): Promise<ProvisioningFailure> {
  const error = await errorOf(handleOf(name).result());
  if (!(error instanceof WorkflowFailedError && error.cause instanceof ApplicationFailure)) throw error;
  return error.cause.details?.[0] as ProvisioningFailure;
}

async function statusOf(name: string): Promise<ProvisioningStatus> {
  const { status } = await stage.audiences.status(name);
  if (status === undefined) throw new Error('no worker answers');
  return status;
}

async function stepOf(name: string, id: string) {
  return (await statusOf(name)).steps.find((step) => step.id === id);
}

/** Waits until the step is done. */
function untilDone(name: string, id: string) {
  return until(`${id} is done`, async () => (await stepOf(name, id))?.state === 'done');
}

/** The sandbox's things that bear the provisioning's name, or stand on those that do. */
async function thingsOf(name: string) {
  const { connections, models, syncs, audiences } = await stage.sandbox.state();
  const named = (list: Thing[]) => list.filter((one) => one.name.includes(name));
  const ids = named(connections).map(({ id }) => id);
  return {
    connections: named(connections).map((one) => one.name),
    models: models.filter((one: Thing) => ids.includes(one.connection_id ?? '')).length,
    syncs: syncs.filter((one: Thing) => ids.includes(one.target?.connection_id ?? '')).length,
    audiences: named(audiences).length,
  };
}

/** Waits until the answer to a model's create was lost, in a call with a number above `before`. */
function untilModelUnheard(before: number) {
  return until('the answer was lost', async () => {
    const requests = await stage.sandbox.requests(before);
    return requests.some(({ method, path, status }) => {
      return method === 'POST' && path.startsWith('/api/models') && status === null;
    });
  });
}

/** Whether a job makes the model of this name. */
function isOf(model: string) {
  return ({ request }: { request: { name: string } }) => request.name === model;
}

interface Thing {
  id: string;
  name: string;
  connection_id?: string;
  target?: { connection_id: string };
}

/** What was deleted, in the order in which the sandbox was told. */
async function deletions(since = 0): Promise<string[]> {
  const requests = await stage.sandbox.requests();
  return requests
    .filter(({ method, number, status }) => method === 'DELETE' && number > since && status !== null && status < 300)
    .map(({ path }) => path.replace('/api/', ''));
}

async function requestsSoFar(): Promise<number> {
  return (await stage.sandbox.requests()).at(-1)?.number ?? 0;
}

describe('a run that is cancelled while a query runs, and is to undo', () => {
  it('hears the query out and deletes its model, which nobody would know of', async () => {
    const { id } = await snowflakeConnection(stage.sandbox, false, { name: newName('Warehouse') });
    const query = '/* sandbox: takes 2s */ SELECT first_name, last_name, email FROM users';
    const model = newName('Slow');
    const name = await stage.start('cancelled-in-a-query', {
      snowflake: { connection: { use: id } },
      models: { 'active-users': { name: model, query } },
      options: { onFailure: 'undo' },
    });
    await stage.withWorker(async () => {
      await until('the query runs', async () => (await stage.sandbox.state()).jobs.some(isOf(model)));
      await stage.audiences.cancel(name);
      expect(await stage.failureOf(name)).toMatchObject({ state: 'cancelled', leftBehind: [] });
    });
    const { jobs, models } = await stage.sandbox.state();
    expect(jobs.filter(isOf(model))).toEqual([expect.objectContaining({ status: 'done' })]);
    expect(models.filter((one: Thing) => one.name === model)).toEqual([]);
  });
});

describe('a run that fails and is to undo', () => {
  it('deletes what it made, last first, and reports the audience that stays', async () => {
    const before = await requestsSoFar();
    const name = await stage.start('undone', {
      ...UNDO,
      syncs: [newSync({ audience: { create: { name: 'Stays', type: 'user_audience', account: ACCOUNT.label } } }), BAD],
    });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const failure = await failureOf(name);
      const undone = failure.undone.map(({ kind, id }) => `${kind}s/${id}`);
      expect(undone.map((path) => path.split('/')[0])).toEqual(['syncs', 'models', 'connections', 'connections']);
      expect(await deletions(before)).toEqual(undone);
      expect(failure.undone.slice(2).map((one) => one.name)).toEqual([`LinkedIn ${name}`, `Snowflake ${name}`]);
      expect(failure.failures.map(({ step }) => step)).toEqual(['sync Bad']);
      expect(failure.leftBehind).toEqual([expect.objectContaining({ kind: 'audience', name: 'Stays', made: true })]);
      expect(failure.notUndone).toEqual([expect.stringMatching('^Audience “Stays” .* stays: ')]);
      expect(await thingsOf(name)).toEqual({ connections: [], models: 0, syncs: 0, audiences: 0 });

      const { stage: at, steps, warnings } = await statusOf(name);
      expect(at).toBe('failed');
      const states = Object.fromEntries(steps.map(({ id, state }) => [id, state]));
      expect(states).toMatchObject({
        'snowflake connection': 'undone',
        'linkedin connection': 'undone',
        'model active-users': 'undone',
        'sync New audience': 'undone',
        'sync Bad': 'failed',
      });
      expect(warnings).toEqual(failure.notUndone);
      await expect(handleOf(name).query(undoEntriesQuery)).resolves.toEqual([
        expect.objectContaining({ kind: 'sync', step: 'sync New audience' }),
      ]);
    });
  });

  it('keeps what it only used', async () => {
    const connection = await snowflakeConnection(stage.sandbox);
    const model = await activeUsers(stage.sandbox, connection);
    const name = await stage.start('used', {
      ...UNDO,
      snowflake: { connection: { use: connection.id } },
      models: { 'active-users': { use: model.id } },
      syncs: [BAD],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return failureOf(name);
    });
    expect(failure.undone.map((one) => one.name)).toEqual([`LinkedIn ${name}`]);
    expect(failure.leftBehind).toEqual([]);
    expect(failure.used.map(({ id }) => id)).toEqual(expect.arrayContaining([connection.id, model.id]));
    await expect(stage.sandbox.polytomic.models.get(model.id)).resolves.toMatchObject({ id: model.id });
  });

  it('leaves what others have built on since, and says why', async () => {
    const name = await stage.start('built-on', { ...UNDO, syncs: [BAD] });
    const failure = await stage.withWorker(async () => {
      await untilDone(name, 'model active-users');
      const [connection] = (await stepOf(name, 'snowflake connection'))?.resources ?? [];
      if (connection === undefined) throw new Error('no connection');
      const theirs = await activeUsers(stage.sandbox, connection);
      await stage.signIn(name);
      const ended = await failureOf(name);
      expect(ended.leftBehind).toEqual([{ ...connection, kind: 'connection' }]);
      expect(ended.notUndone).toEqual([
        expect.stringMatching(`^Connection .*${connection.id}.* stays: .*${theirs.name}`),
      ]);
      expect(await stepOf(name, 'snowflake connection')).toMatchObject({ state: 'done', resources: [connection] });
      return ended;
    });
    expect(failure.undone.map(({ kind }) => kind)).toEqual(['model', 'connection']);
  });

  it('takes back of a connection that was there before only the ad accounts that it added', async () => {
    const connection = await linkedInConnection(stage.sandbox, [NORTHWIND]);
    const name = await stage.start('accounts', {
      ...UNDO,
      linkedinAds: { connection: { use: connection.id }, accounts: [NORTHWIND.label, ACCOUNT.label] },
      syncs: [BAD],
    });
    await stage.withWorker(async () => {
      const failure = await failureOf(name);
      expect(failure.undone.map((one) => `${one.kind} ${one.name}`)).toEqual([
        'model Active Users',
        `connection Snowflake ${name}`,
      ]);
      expect(failure.notUndone).toEqual([]);
      expect(await stepOf(name, 'ad accounts')).toMatchObject({ state: 'undone', note: `took back ${ACCOUNT.label}` });
    });
    const { configuration } = await stage.sandbox.polytomic.connections.get(connection.id);
    expect(configuration['accounts']).toEqual([NORTHWIND]);
  });

  it('says that nobody knows which ad accounts it added, where an earlier try added them unheard', async () => {
    const connection = await linkedInConnection(stage.sandbox, [NORTHWIND]);
    const path = `/api/connections/${connection.id}`;
    await stage.sandbox.fault({ match: { method: 'PUT', path }, times: 1, drop: true, when: 'after' });
    // The sign-in is found, the first attempt reads what may be enabled and writes; the second one is refused.
    const reads = { method: 'GET', path: `${path}/parameter_values` };
    await stage.sandbox.fault({ match: reads, times: 2, latencyMs: 1 });
    await stage.sandbox.fault({ match: reads, times: 1, status: 401 });
    const name = await stage.start('accounts-unheard', {
      options: { onFailure: 'undo' },
      linkedinAds: { connection: { use: connection.id }, accounts: [NORTHWIND.label, ACCOUNT.label] },
      syncs: [BAD],
    });
    await stage.withWorker(async () => {
      const step = 'ad accounts';
      await until('the step is blocked', async () => (await stepOf(name, step))?.failure?.type === 'Unclear');
      await handleOf(name).executeUpdate(retryStepUpdate, { args: [{ step }] });
      await untilDone(name, step);
      await handleOf(name).executeUpdate(giveUpUpdate, { args: [{}] });
      const { notUndone } = await failureOf(name);
      expect(notUndone).toEqual([
        expect.stringMatching(
          new RegExp(`not known which ad accounts .*${connection.id}.*enabled are .*${ACCOUNT.value.slice(0, 9)}`),
        ),
      ]);
    });
    const { configuration } = await stage.sandbox.polytomic.connections.get(connection.id);
    expect(configuration['accounts']).toEqual([NORTHWIND, ACCOUNT]);
  });

  it('says so too where an earlier try could not keep all of them', async () => {
    const connection = await linkedInConnection(stage.sandbox, [NORTHWIND]);
    const path = `/api/connections/${connection.id}`;
    let disturbed = true;
    /** Passes every call on; of what is written somebody else takes one account back at once. */
    const passOn = async ({ method, url, headers, body }: Received, response: ServerResponse) => {
      const { configuration } = (body ?? {}) as { configuration?: { accounts?: Array<{ value: string }> } };
      if (disturbed && method === 'PUT' && url === path && configuration?.accounts !== undefined)
        configuration.accounts = configuration.accounts.filter(({ value }) => value !== ACCOUNT.value);
      const { host: _, 'content-length': __, ...rest } = headers as Record<string, string>;
      const sent = body === undefined ? {} : { body: JSON.stringify(body) };
      const answer = await fetch(`${stage.sandbox.url}${url}`, { method, headers: rest, ...sent });
      json(response, await answer.json(), answer.status);
    };
    const name = await stage.start('accounts-not-kept', {
      options: { onFailure: 'undo' },
      linkedinAds: { connection: { use: connection.id }, accounts: [CONTOSO.value, ACCOUNT.value] },
      syncs: [BAD],
    });
    const step = 'ad accounts';
    await withApi(passOn, ({ url: polytomicUrl }) =>
      withWorker({ ...stage.worker, polytomicUrl, impatience: { '1 second': '50 milliseconds' } }, async () => {
        await until('not all are kept', async () => (await stepOf(name, step))?.failure?.type === 'NotKept');
        disturbed = false;
        await handleOf(name).executeUpdate(retryStepUpdate, { args: [{ step }] });
        await untilDone(name, step);
      }),
    );
    await stage.withWorker(async () => {
      await handleOf(name).executeUpdate(giveUpUpdate, { args: [{}] });
      const { notUndone } = await failureOf(name);
      expect(notUndone).toEqual([expect.stringMatching(/not known which ad accounts .*enabled are .*Contoso/)]);
    });
  });

  it('does so when a person gives up, and names the step that was blocked', async () => {
    const name = await stage.start('given-up', { options: { onFailure: 'undo' }, models: WRONG_QUERY });
    const failure = await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await until('the model is blocked', async () => (await stepOf(name, 'model active-users'))?.state === 'blocked');
      await handleOf(name).executeUpdate(giveUpUpdate, { args: [{ reason: 'another time' }] });
      const ended = await failureOf(name);
      expect(await statusOf(name)).toMatchObject({ stage: 'failed', questions: [] });
      expect((await statusOf(name)).signIn).toBeUndefined();
      expect(await stepOf(name, 'model active-users')).toMatchObject({ state: 'failed' });
      return ended;
    });
    expect(failure.failures).toEqual([
      expect.objectContaining({ step: 'model active-users', type: 'Refused' }),
      { step: 'run', type: 'GivenUp', message: 'Given up: another time' },
    ]);
    expect(failure.undone.map((one) => one.name)).toEqual([`LinkedIn ${name}`, `Snowflake ${name}`]);
  });
});

describe('a run that is cancelled and is to undo', () => {
  it('deletes what it made, last first', async () => {
    const before = await requestsSoFar();
    const name = await stage.start('cancelled-undone', UNDO);
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await untilDone(name, 'model active-users');
      await stage.audiences.cancel(name);
      const ended = await stage.failureOf(name);
      expect(ended).toMatchObject({ state: 'cancelled', leftBehind: [] });
      expect((await statusOf(name)).steps.filter(({ state }) => state === 'undone').map(({ id }) => id)).toEqual([
        'snowflake connection',
        'model active-users',
        'linkedin connection',
      ]);
    });
    expect((await deletions(before)).map((path) => path.split('/')[0])).toEqual([
      'models',
      'connections',
      'connections',
    ]);
    expect(await thingsOf(name)).toEqual({ connections: [], models: 0, syncs: 0, audiences: 0 });
  });

  it('waits for an outage to end, and nothing that is said meanwhile changes what it does', async () => {
    const name = await stage.start('undone-late', { options: { onFailure: 'undo' } });
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await untilDone(name, 'model active-users');
      await stage.sandbox.fault({ status: 503 });
      await stage.audiences.cancel(name);
      const { status } = await until('the outage shows', async () => {
        const report = await stage.audiences.status(name);
        const shows = report.pendingActivities.some((one) => one.activity === 'undoEntry' && one.lastFailure);
        return shows && report;
      });
      expect(status?.stage).toBe('undoing');
      await stage.audiences.cancel(name);
      const refused = await errorOf(handleOf(name).executeUpdate(giveUpUpdate, { args: [undefined] }));
      expect(`${(refused as Error).cause}`).toContain('ending');
      const retry = { step: 'model active-users' };
      const late = await errorOf(handleOf(name).executeUpdate(retryStepUpdate, { args: [retry] }));
      expect(`${(late as Error).cause}`).toContain('ending');
      expect((await statusOf(name)).stage).toBe('undoing');
      await stage.sandbox.clearFaults();
      expect(await stage.failureOf(name)).toMatchObject({ state: 'cancelled', leftBehind: [] });
    });
    expect(await thingsOf(name)).toEqual({ connections: [], models: 0, syncs: 0, audiences: 0 });
  });

  it('finds and deletes what was made although its answer was lost', async () => {
    const before = await requestsSoFar();
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, drop: true, when: 'after' });
    const name = await stage.start('lost-answer', UNDO);
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await untilModelUnheard(before);
      await until('the model is there', async () => (await thingsOf(name)).models === 1);
      await stage.sandbox.fault({ match: { path: '/api/models' }, status: 503 });
      await stage.audiences.cancel(name);
      await until('it undoes', async () => (await statusOf(name)).stage === 'undoing');
      await stage.sandbox.clearFaults();
      expect(await stage.failureOf(name)).toMatchObject({ state: 'cancelled', leftBehind: [] });
      expect(await stepOf(name, 'model active-users')).toMatchObject({ state: 'undone' });
    });
    expect(await thingsOf(name)).toEqual({ connections: [], models: 0, syncs: 0, audiences: 0 });
  });

  it('takes a step for undone that never made anything', async () => {
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, status: 503 });
    const name = await stage.start('never-made', UNDO);
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await until('the model is tried again', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity, lastFailure }) => activity === 'provideModel' && lastFailure);
      });
      await stage.audiences.cancel(name);
      expect(await stage.failureOf(name)).toMatchObject({ state: 'cancelled', leftBehind: [] });
      expect(await stepOf(name, 'model active-users')).toEqual({
        id: 'model active-users',
        state: 'pending',
        note: 'did not end',
        resources: [],
        generation: 1,
      });
      expect((await statusOf(name)).warnings).toEqual([]);
    });
  });
});

describe('a run that says nothing of it', () => {
  it.each(['fails', 'is cancelled'])('keeps what it made when it %s', async (how) => {
    const before = await requestsSoFar();
    const name = await stage.start('kept', { options: { onBlocked: 'fail' }, syncs: [BAD] });
    await stage.withWorker(async () => {
      await untilDone(name, 'model active-users');
      if (how === 'fails') await stage.signIn(name);
      else await stage.audiences.cancel(name);
      const ended = await stage.failureOf(name);
      expect(ended.leftBehind?.map(({ kind }) => kind)).toEqual(['connection', 'model', 'connection']);
      if (how === 'fails') expect(await failureOf(name)).toMatchObject({ undone: [], notUndone: [] });
    });
    expect(await deletions(before)).toEqual([]);
    expect((await thingsOf(name)).connections).toHaveLength(2);
  });

  it('looks for what it may have made, if it is cancelled before it has heard, and names it', async () => {
    const before = await requestsSoFar();
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, drop: true, when: 'after' });
    const name = await stage.start('kept-unheard');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await untilModelUnheard(before);
      await stage.audiences.cancel(name);
      expect(await stage.failureOf(name)).toMatchObject({ state: 'cancelled' });
      const { steps, warnings } = await statusOf(name);
      const found = steps.flatMap(({ resources }) => resources).filter(({ kind, made }) => kind === 'model' && made);
      const { id } = await stage.sandbox.polytomic.models.get(found[0]?.id ?? '');
      expect(found).toEqual([expect.objectContaining({ id })]);
      expect(warnings).toEqual([]);
    });
    await stage.sandbox.clearFaults();
    expect((await thingsOf(name)).models).toBe(1);
  });
});
