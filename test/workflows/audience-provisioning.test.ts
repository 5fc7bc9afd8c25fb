import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ProvisioningEndedError } from '../../src/client.ts';
import { oauthCompletedSignal, WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { errorOf, newStage, type Stage } from '../support/provisioning.ts';
import { newName } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, existingSync, newSync, walkthrough } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Connections have unique names, so each story has its own. */
function ownConnections(name: string) {
  const request = walkthrough(name);
  return {
    snowflake: { connection: { ...request.snowflake.connection, name: `Snowflake ${name}` } },
    linkedinAds: { ...request.linkedinAds, connection: { name: `LinkedIn ${name}` } },
    syncs: [existingSync(), newSync({ audience: { create: { name, type: 'user_audience', account: ACCOUNT.label } } })],
  };
}

const start = (about: string, changes = {}) => {
  const name = newName(about);
  return stage.audiences.start({ ...walkthrough(name, ownConnections(name)), ...changes }).then(() => name);
};

const failureOf = async (name: string) => (await errorOf(stage.audiences.result(name))) as ProvisioningEndedError;

describe('a provisioning', () => {
  it('does the whole walkthrough and returns every id that it made or used', async () => {
    const name = await start('whole');
    const result = await stage.withWorker(async () => {
      await stage.signIn(name);
      return stage.audiences.result(name);
    });
    const state = await stage.sandbox.state();
    const idOf = (kind: string, called: string) => state[kind].find((one: { name: string }) => one.name === called)?.id;
    expect(result).toEqual({
      name,
      snowflakeConnection: { id: idOf('connections', `Snowflake ${name}`), name: `Snowflake ${name}`, made: true },
      linkedinConnection: { id: idOf('connections', `LinkedIn ${name}`), name: `LinkedIn ${name}`, made: true },
      adAccounts: [ACCOUNT],
      models: { 'active-users': { id: expect.any(String), name: 'Active Users', made: true } },
      syncs: [
        {
          id: expect.any(String),
          name: 'Existing audience',
          made: true,
          model: 'active-users',
          audience: { ...AUDIENCE, made: false },
        },
        {
          id: expect.any(String),
          name: 'New audience',
          made: true,
          model: 'active-users',
          audience: { id: idOf('audiences', name), name, made: true },
        },
      ],
      warnings: [],
    });
    expect(idOf('audiences', name)).toMatch(/^512630692::urn:li:organization:28818517~user_audience\.\d+$/);
  });

  it('makes the model while a person is still to sign in', async () => {
    const name = await start('side-by-side');
    await stage.withWorker(async () => {
      const model = await until('the model is there', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.signIn && status.steps.find(({ id, state }) => id === 'model active-users' && state === 'done');
      });
      expect(model.resources).toEqual([{ kind: 'model', id: expect.any(String), name: 'Active Users', made: true }]);
      await stage.audiences.cancel(name);
      await errorOf(stage.audiences.result(name));
    });
  });

  it('goes through its stages, and the search attribute with it', async () => {
    const name = await start('stages');
    await stage.withWorker(async () => {
      const waiting = await stage.untilAsked(name);
      expect(waiting.stage).toBe('awaiting_sign_in');
      await until('it is listed as waiting', async () =>
        (await stage.audiences.list({ stage: 'awaiting_sign_in' })).some((one) => one.name === name),
      );
      await stage.signIn(name);
      await stage.audiences.result(name);
      await until('it is listed as completed', async () =>
        (await stage.audiences.list({ stage: 'completed' })).some((one) => one.name === name),
      );
      const report = await stage.audiences.status(name);
      expect(report).toMatchObject({ state: 'completed', stage: 'completed' });
      expect(report.status?.steps.every(({ state }) => state === 'done')).toBe(true);
    });
  });

  it('uses a LinkedIn connection that is signed in already without asking anybody', async () => {
    const first = await start('signed-in-before');
    const name = newName('no-question');
    const result = await stage.withWorker(async () => {
      await stage.signIn(first);
      const made = await stage.audiences.result(first);
      await stage.audiences.start({
        ...walkthrough(name),
        snowflake: { connection: { use: made.snowflakeConnection.id } },
        linkedinAds: { connection: { use: made.linkedinConnection.name }, accounts: 'all' },
        models: { 'active-users': { use: made.models['active-users']?.id ?? '' } },
        syncs: [existingSync({ name: 'Again' })],
      });
      return stage.audiences.result(name);
    });
    expect(result.linkedinConnection.made).toBe(false);
    expect(result.models['active-users']?.made).toBe(false);
    expect(result.adAccounts.length).toBeGreaterThan(1);
  });

  it('asks in Polytomic, without a link, where it may not reconnect a connection that it did not make', async () => {
    const { id, auth_url = '' } = await stage.sandbox.polytomic.connections.create(
      { name: newName('by hand'), type: 'linkedinads', configuration: {} },
      { idempotencyKey: newName('by-hand') },
    );
    const name = await start('no-link', { linkedinAds: { connection: { use: id }, accounts: [ACCOUNT.value] } });
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      expect(status?.signIn).toEqual({
        hint: expect.stringContaining('reconnect: allowed'),
        since: expect.any(String),
        claims: 0,
      });
      await stage.sandbox.signIn(auth_url);
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ linkedinConnection: { id, made: false } });
    });
  });

  it('gets a fresh sign-in link for a connection that it may reconnect', async () => {
    const { id, auth_url } = await stage.sandbox.polytomic.connections.create(
      { name: newName('to reconnect'), type: 'linkedinads', configuration: {} },
      { idempotencyKey: newName('to-reconnect') },
    );
    const name = await start('reconnect', {
      linkedinAds: { connection: { use: id, reconnect: 'allowed' }, accounts: [ACCOUNT.value] },
    });
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      expect(status?.signIn?.url).not.toBe(auth_url);
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
  });
});

describe('signal oauthCompleted', () => {
  it('is kept if it comes before the wait', async () => {
    const name = await start('early');
    // No worker yet: the signal is in the history before the first workflow task.
    await stage.audiences.completeSignIn(name);
    await stage.withWorker(async () => {
      const report = await until('the early claim is checked', async () => {
        const now = await stage.audiences.status(name);
        return now.status?.signIn?.lastCheck && now;
      });
      expect(report.status?.signIn).toMatchObject({ claims: 1, lastCheck: { reason: expect.any(String) } });
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
  });

  it('may come twice, and late', async () => {
    const name = await start('twice');
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
      await expect(stage.audiences.completeSignIn(name)).rejects.toThrow(/is completed already/);
    });
  });

  it('is a hint: a false claim changes nothing but what the run says', async () => {
    const name = await start('false-claim');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.audiences.completeSignIn(name);
      const after = await until('the claim is checked', async () => {
        const now = await stage.audiences.status(name);
        return now.status?.signIn?.lastCheck && now;
      });
      expect(after.stage).toBe('awaiting_sign_in');
      expect(after.status?.signIn?.url).toBe(status?.signIn?.url);
      expect(after.status?.signIn?.lastCheck?.reason).toMatch(/sign/i);
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
  });

  it('is still false when the person clicked Deny', async () => {
    const name = await start('denied');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.sandbox.signIn(status?.signIn?.url ?? '', 'deny');
      await stage.audiences.completeSignIn(name);
      await until('the claim is checked', async () => (await stage.audiences.status(name)).status?.signIn?.lastCheck);
      await stage.audiences.cancel(name);
      await errorOf(stage.audiences.result(name));
    });
  });

  it('takes any payload, as a person may type one into the Web UI', async () => {
    const name = await start('payload');
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      await stage.sandbox.signIn(status?.signIn?.url ?? '');
      const handle = stage.temporal.workflow.getHandle(workflowIdOf(name));
      await handle.signal(oauthCompletedSignal.name, { any: ['thing', null] }, 'more');
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});

describe('a wait', () => {
  it('outlives its worker: nobody works for the whole of it', async () => {
    const name = await start('no-worker');
    const { status } = await stage.withWorker(() => stage.untilAsked(name));
    await stage.sandbox.signIn(status?.signIn?.url ?? '');
    await stage.audiences.completeSignIn(name);
    await stage.withWorker(() => expect(stage.audiences.result(name)).resolves.toMatchObject({ name }));
  });

  it('does not let the history grow', async () => {
    const name = await start('quiet');
    await stage.withWorker(async () => {
      await until('only the person is missing', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.signIn && status.steps.some(({ id, state }) => id === 'model active-users' && state === 'done');
      });
    });
    const before = (await stage.history(name)).events?.length;
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      expect((await stage.history(name)).events?.length).toBe(before);
      await stage.audiences.cancel(name);
      await errorOf(stage.audiences.result(name));
    });
  });
});

describe('a step that fails for good', () => {
  it('fails the run with step, reason and what was made: a wrong query', async () => {
    const name = await start('wrong-query', {
      models: { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } },
    });
    const failure = await stage.withWorker(() => failureOf(name));
    expect(failure.state).toBe('failed');
    expect(failure.failures).toEqual([
      { step: 'model active-users', type: 'Refused', message: expect.stringContaining('nowhere') },
    ]);
    expect(failure.leftBehind?.map(({ kind, name: called }) => `${kind} ${called}`)).toEqual([
      `connection Snowflake ${name}`,
      `connection LinkedIn ${name}`,
    ]);
  });

  it('asks nobody to sign in for a run that will fail', async () => {
    const name = await start('not-for-nothing', {
      models: { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } },
    });
    await stage.withWorker(() => failureOf(name));
    const { status } = await stage.withWorker(() => stage.audiences.status(name));
    expect(status?.signIn).toBeUndefined();
    expect(status?.steps.find(({ id }) => id === 'sign-in')).toMatchObject({
      state: 'pending',
      note: /not waited for/.source && expect.stringContaining('not waited for'),
    });
  });

  it('fails the run after the other branch has settled: a wrong password', async () => {
    const name = await start('wrong-password');
    const worker = { ...stage.worker, env: { SNOWFLAKE_PASSWORD: 'not-the-password' } };
    const { withWorker } = await import('../support/temporal.ts');
    const failure = await withWorker(worker, () => failureOf(name));
    expect(failure.failures).toEqual([
      { step: 'snowflake connection', type: 'Refused', message: expect.stringContaining(`Snowflake ${name}`) },
    ]);
    expect(failure.leftBehind?.map(({ name: called }) => called)).toEqual([`LinkedIn ${name}`]);
    expect(JSON.stringify(failure) + failure.message).not.toContain('not-the-password');
  });

  it('names the audiences there are when one is not there', async () => {
    const name = await start('no-audience', { syncs: [existingSync({ audience: { existing: 'Nobody' } })] });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return failureOf(name);
    });
    expect(failure.failures).toEqual([
      { step: 'audiences', type: 'NotFound', message: expect.stringContaining(AUDIENCE.name) },
    ]);
    expect(failure.leftBehind).toHaveLength(3);
  });

  it('names the fields there are when one is unknown, for all syncs at once', async () => {
    const name = await start('no-field', {
      syncs: [
        existingSync({ fields: { first_name: 'GivenName' } }),
        existingSync({ name: 'Second', audience: { existing: 'Nobody' } }),
      ],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return failureOf(name);
    });
    expect(failure.failures[0]?.message).toMatch(/GivenName.*FirstName/s);
    expect(failure.failures[0]?.message).toContain('Nobody');
  });

  it('names the columns there are when a sync reads another', async () => {
    const name = await start('no-column', {
      syncs: [existingSync({ fields: { given_name: 'FirstName', last_name: 'LastName' } })],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return failureOf(name);
    });
    expect(failure.failures).toEqual([
      { step: 'sync Existing audience', type: 'NotAllowed', message: expect.stringMatching(/given_name.*first_name/s) },
    ]);
  });

  it('keeps the syncs that could be made', async () => {
    const name = await start('one-of-two', {
      syncs: [
        existingSync({ name: 'Good' }),
        existingSync({ name: 'Bad', fields: { no_such: 'FirstName', last_name: 'LastName' } }),
      ],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return failureOf(name);
    });
    expect(failure.failures.map(({ step }) => step)).toEqual(['sync Bad']);
    expect(failure.leftBehind?.map(({ kind, name: called }) => `${kind} ${called}`)).toContain('sync Good');
  });
});

describe('a run that is cancelled', () => {
  it('ends as cancelled while it waits, and says what it made', async () => {
    const name = await start('cancelled');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await stage.audiences.cancel(name);
      const failure = await failureOf(name);
      expect(failure.state).toBe('cancelled');
      const report = await stage.audiences.status(name);
      expect(report.stage).toBe('cancelled');
      expect(failure.leftBehind?.map(({ name: called }) => called)).toContain(`LinkedIn ${name}`);
    });
  });
});

describe('a start from outside', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'provision me'],
    ['a list', [1, 2, 3]],
    [
      'a request with an inline secret',
      {
        ...walkthrough('inline'),
        snowflake: { connection: { name: 'S', account: 'a', username: 'u', dbname: 'd', password: 'hunter2-hunter2' } },
      },
    ],
  ])('with %s as input ends with InvalidRequest, which echoes no value', async (_, input) => {
    const workflowId = workflowIdOf(newName('rubbish'));
    const handle = await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId,
      taskQueue: stage.worker.taskQueue,
      args: input === undefined ? [] : [input],
    });
    const error = await stage.withWorker(() => errorOf(handle.result()));
    expect(error).toMatchObject({ cause: { type: 'InvalidRequest', nonRetryable: true } });
    expect(JSON.stringify(error)).not.toContain('hunter2');
    expect(JSON.stringify(error)).not.toContain('provision me');
    const report = await stage.withWorker(() =>
      stage.audiences.status(workflowId.slice('audience-provisioning/'.length)),
    );
    expect(report).toMatchObject({ state: 'failed', status: { stage: 'failed', steps: [] } });
  });

  it('works without memo, as the Web UI starts it', async () => {
    const name = newName('from-outside');
    const handle = await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIdOf(name),
      taskQueue: stage.worker.taskQueue,
      args: [walkthrough(name, ownConnections(name))],
    });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await expect(handle.result()).resolves.toMatchObject({ name });
    });
  });
});
