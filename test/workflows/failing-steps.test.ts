import { beforeAll, describe, expect, it } from '@jest/globals';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { FAILS } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { AUDIENCE, existingSync } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

describe('a step that fails for good', () => {
  it('fails the run with step, reason and what was made: a wrong query', async () => {
    const name = await stage.start('wrong-query', {
      ...FAILS,
      models: { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } },
    });
    const failure = await stage.withWorker(() => stage.failureOf(name));
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
    const name = await stage.start('not-for-nothing', {
      ...FAILS,
      models: { 'active-users': { name: 'Active Users', query: 'SELECT nothing FROM nowhere' } },
    });
    await stage.withWorker(() => stage.failureOf(name));
    const { status } = await stage.withWorker(() => stage.audiences.status(name));
    expect(status?.signIn).toBeUndefined();
    expect(status?.steps.find(({ id }) => id === 'sign-in')).toMatchObject({
      state: 'pending',
      note: expect.stringContaining('not waited for'),
    });
  });

  it('fails the run after the other branch has settled: a wrong password', async () => {
    const name = await stage.start('wrong-password', FAILS);
    const worker = { ...stage.worker, env: { SNOWFLAKE_PASSWORD: 'not-the-password' } };
    const failure = await withWorker(worker, () => stage.failureOf(name));
    expect(failure.failures).toEqual([
      { step: 'snowflake connection', type: 'Refused', message: expect.stringContaining(`Snowflake ${name}`) },
    ]);
    expect(failure.leftBehind?.map(({ name: called }) => called)).toEqual([`LinkedIn ${name}`]);
    expect(JSON.stringify(failure) + failure.message).not.toContain('not-the-password');
  });

  it('names the audiences there are when one is not there', async () => {
    const name = await stage.start('no-audience', {
      ...FAILS,
      syncs: [existingSync({ audience: { existing: 'Nobody' } })],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return stage.failureOf(name);
    });
    expect(failure.failures).toEqual([
      { step: 'sync Existing audience', type: 'NotFound', message: expect.stringContaining(AUDIENCE.name) },
    ]);
    expect(failure.leftBehind).toHaveLength(3);
  });

  it('names the fields there are when one is unknown, for all syncs at once', async () => {
    const name = await stage.start('no-field', {
      ...FAILS,
      syncs: [
        existingSync({ fields: { first_name: 'GivenName' } }),
        existingSync({ name: 'Second', audience: { existing: 'Nobody' } }),
      ],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return stage.failureOf(name);
    });
    expect(failure.failures).toEqual([
      {
        step: 'sync Existing audience',
        type: 'NotAllowed',
        message: expect.stringMatching(/GivenName.*FirstName/s),
      },
      { step: 'sync Second', type: 'NotFound', message: expect.stringContaining('Nobody') },
    ]);
  });

  it('names the columns there are when a sync reads another', async () => {
    const name = await stage.start('no-column', {
      ...FAILS,
      syncs: [existingSync({ fields: { given_name: 'FirstName', last_name: 'LastName' } })],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return stage.failureOf(name);
    });
    expect(failure.failures).toEqual([
      { step: 'sync Existing audience', type: 'NotAllowed', message: expect.stringMatching(/given_name.*first_name/s) },
    ]);
  });

  it('keeps the syncs that could be made', async () => {
    const name = await stage.start('one-of-two', {
      ...FAILS,
      syncs: [
        existingSync({ name: 'Good' }),
        existingSync({ name: 'Bad', fields: { no_such: 'FirstName', last_name: 'LastName' } }),
      ],
    });
    const failure = await stage.withWorker(async () => {
      await stage.signIn(name);
      return stage.failureOf(name);
    });
    expect(failure.failures.map(({ step }) => step)).toEqual(['sync Bad']);
    expect(failure.leftBehind?.map(({ kind, name: called }) => `${kind} ${called}`)).toContain('sync Good');
  });
});

describe('an outage', () => {
  it('is come back from by each step at a time of its own, not after exactly the interval of its policy', async () => {
    const other = await newStage();
    await other.sandbox.fault({ match: { path: '/api/connections' }, status: 503 });
    const name = await other.start('scattered');
    await other.withWorker(async () => {
      const shares = await until('each connection waits for less than its whole interval', async () => {
        const { raw } = await other.temporal.workflow.getHandle(workflowIdOf(name)).describe();
        const waits = (raw.pendingActivities ?? []).flatMap(({ attempt, currentRetryInterval }) => {
          if (currentRetryInterval == null) return [];
          const ms = Number(currentRetryInterval.seconds ?? 0) * 1_000 + (currentRetryInterval.nanos ?? 0) / 1e6;
          // The number is of the attempt to come, and the first of them waits for a second at most.
          return [ms / (1_000 * 2 ** ((attempt ?? 0) - 2))];
        });
        return waits.length === 2 && waits.every((share) => share < 1) && waits;
      });
      for (const share of shares) expect(share).toBeGreaterThanOrEqual(0.5);
      await other.sandbox.clearFaults();
      await other.untilAsked(name);
    });
  });
});
