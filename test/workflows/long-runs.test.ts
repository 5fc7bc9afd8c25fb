import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { idempotencyKey } from '../../src/activities/idempotency.ts';
import type { ProvisioningRequest } from '../../src/request/schema.ts';
import { temporalSettings } from '../../src/temporal/connection.ts';
import { type EmbeddedTemporal, startEmbeddedTemporal } from '../../src/temporal/embedded-server.ts';
import { SEARCH_ATTRIBUTES } from '../../src/temporal/search-attributes.ts';
import {
  chooseAudienceUpdate,
  findChoicesUpdate,
  refreshSignInLinkUpdate,
  retryStepUpdate,
  selectAccountsUpdate,
  signInLinkUpdate,
  undoEntriesQuery,
  WORKFLOW_TYPE,
  workflowIdOf,
} from '../../src/workflows/messages.ts';
import { newRunState } from '../../src/workflows/run-state.ts';
import { listedStagesIn } from '../support/listed-stages.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { withReceiver } from '../support/receiver.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, existingSync, newSync } from '../support/walkthrough.ts';

/** A stage on a server of its own, which suggests to continue as new after so many events. */
function onServer(suggestAfter: number): { readonly stage: Stage } {
  let directory: string;
  let server: EmbeddedTemporal;
  let stage: Stage;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'audience-temporal-'));
    const dynamicConfig = [`limit.historyCount.suggestContinueAsNew=${suggestAfter}`];
    server = await startEmbeddedTemporal({ directory, dynamicConfig });
    stage = await newStage({ server: temporalSettings(server.env) });
  });
  afterAll(async () => {
    await server.stop();
    await rm(directory, { recursive: true });
  });
  return {
    get stage() {
      return stage;
    },
  };
}

const SUGGEST_LATE = 130;
const late = onServer(SUGGEST_LATE);
const SUGGEST_SOON = 20;
const soon = onServer(SUGGEST_SOON);

const handleOf = ({ temporal }: Stage, name: string) => temporal.workflow.getHandle(workflowIdOf(name));

/** What Temporal and the run know of it, and a person may look at: all that must not change. */
async function everythingOf(stage: Stage, name: string) {
  const handle = handleOf(stage, name);
  const { runId, memo, typedSearchAttributes } = await handle.describe();
  const { runId: _, pendingActivities: __, ...report } = await stage.audiences.status(name);
  const known = {
    memo,
    searchAttributes: SEARCH_ATTRIBUTES.map((key) => typedSearchAttributes.get(key)),
    shown: await handle.query<unknown>('__temporal_workflow_metadata'),
    report,
    undo: await handle.query(undoEntriesQuery),
  };
  return { runId, known };
}

const runIdOf = async (stage: Stage, name: string) => (await handleOf(stage, name).describe()).runId;

/** Does what leaves no trace in the run, again and again, until the run has gone on as another. */
async function untilContinued(stage: Stage, name: string, nudge: () => Promise<unknown>): Promise<void> {
  const before = await runIdOf(stage, name);
  await until(
    'the run has gone on as another',
    async () => {
      await nudge();
      return (await runIdOf(stage, name)) !== before;
    },
    120_000,
  );
}

/** How many there are of each thing that bears the provisioning's name or a given one. */
async function namesMade(stage: Stage, name: string) {
  const { connections, models, syncs } = await stage.sandbox.state();
  const named = (things: Array<{ name: string }>) =>
    things.map((thing) => thing.name).filter((one) => one.includes(name));
  return { connections: named(connections).sort(), models: named(models), syncs: named(syncs).sort() };
}

describe('a run that has lived long', () => {
  it('goes on as another with all that it knows, and makes nothing twice', async () => {
    const { stage } = late;
    const mended = newName('mended');
    const request = ownWalkthrough('long', {
      requester: 'kim@example.com',
      models: WRONG_QUERY,
      options: { signIn: { timeout: '30d', linkTtl: '365d', poll: '365d' } },
    });
    const { name } = request;
    request.linkedinAds.accounts = 'ask';
    request.syncs = [
      existingSync({ name: `Existing ${name}`, audience: 'ask' }),
      newSync({
        name: `New ${name}`,
        audience: { create: { name, type: 'user_audience', account: ACCOUNT.label } },
      }),
    ];
    const { runId: firstRunId } = await stage.audiences.start(request);
    const handle = handleOf(stage, name);
    await stage.withWorker(async () => {
      const result = stage.audiences.result(name);
      const watched = last(stage.audiences.watch(name, { intervalMs: 200 }));
      const untilBlocked = (generation: number) =>
        until('the model is blocked', async () => {
          const { status } = await stage.audiences.status(name);
          return (
            status?.signIn && status.steps.some((step) => step.state === 'blocked' && step.generation === generation)
          );
        });
      await untilBlocked(1);
      await handle.executeUpdate(retryStepUpdate, { args: [{ step: 'model active-users' }] });
      await untilBlocked(2);
      await stage.audiences.completeSignIn(name);
      await until('the claim is checked', async () => {
        return (await stage.audiences.status(name)).status?.signIn?.lastCheck;
      });

      // While it waits for the sign-in.
      const asked = await everythingOf(stage, name);
      await untilContinued(stage, name, () => handle.executeUpdate(signInLinkUpdate));
      const askedStill = await everythingOf(stage, name);
      expect(askedStill.known).toEqual(asked.known);
      await until('it polls again', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'awaitSignIn');
      });
      expect(askedStill.known.report).toMatchObject({ state: 'running', stage: 'awaiting_sign_in' });
      expect(askedStill.known.undo.map(({ kind }) => kind).sort()).toEqual(['connection', 'connection']);
      expect(askedStill.known.memo).toMatchObject({ name, requestDigest: expect.any(String) });
      expect(askedStill.known.searchAttributes).toEqual([
        'awaiting_sign_in',
        'kim@example.com',
        ['model active-users'],
      ]);
      expect(await stage.audiences.start(request)).toMatchObject({ outcome: 'joined', runId: askedStill.runId });

      // While it waits for answers, one step being blocked.
      await stage.signIn(name);
      await until('both questions are asked', async () => {
        const { status } = await stage.audiences.status(name);
        return status?.questions.some(({ step }) => step === 'ad accounts');
      });
      const choosing = await everythingOf(stage, name);
      await untilContinued(stage, name, () =>
        handle.executeUpdate(findChoicesUpdate, { args: [{ step: 'ad accounts', search: 'Polytomic' }] }),
      );
      expect((await everythingOf(stage, name)).known).toEqual(choosing.known);

      // What comes before its question is kept too.
      await handle.executeUpdate(chooseAudienceUpdate, {
        args: [{ sync: `Existing ${name}`, audience: { existing: AUDIENCE.name } }],
      });
      await untilContinued(stage, name, () =>
        handle.executeUpdate(findChoicesUpdate, { args: [{ step: 'ad accounts', search: 'Polytomic' }] }),
      );
      await handle.executeUpdate(selectAccountsUpdate, { args: [{ accounts: [ACCOUNT.label] }] });
      const query = 'SELECT first_name, last_name, email FROM users';
      await handle.executeUpdate(retryStepUpdate, {
        args: [{ step: 'model active-users', change: { name: mended, query } }],
      });

      const done = await result;
      expect(done).toMatchObject({
        name,
        adAccounts: [ACCOUNT],
        models: { 'active-users': { name: mended, made: true } },
        syncs: [{ audience: { id: AUDIENCE.id, made: false } }, { audience: { name, made: true } }],
        warnings: [],
      });
      const resources = choosing.known.report.status?.steps.flatMap((step) => step.resources) ?? [];
      expect(resources).toContainEqual({ kind: 'connection', ...done.linkedinConnection });
      expect(resources).toContainEqual({ kind: 'connection', ...done.snowflakeConnection });
      expect(await namesMade(stage, name)).toEqual({
        connections: [`LinkedIn ${name}`, `Snowflake ${name}`],
        models: [],
        syncs: [`Existing ${name}`, `New ${name}`],
      });
      expect((await namesMade(stage, mended)).models).toEqual([mended]);
      await expect(watched).resolves.toMatchObject({ state: 'completed', stage: 'completed' });
    });

    // The last one too is listed as the client began the first.
    const listedAt = await listedStagesIn(await stage.history(name));
    expect(new Set(listedAt)).toEqual(new Set(['awaiting_choice', 'working', 'completed']));

    const workflowId = workflowIdOf(name);
    const keys = (await stage.sandbox.requests())
      .filter(({ method, path }) => method === 'POST' && path === '/api/syncs')
      .map((call) => call.idempotency_key);
    const key = (step: string) => idempotencyKey({ workflowId, firstRunId, step, generation: 1 }, 1);
    expect(keys.sort()).toEqual([key(`sync Existing ${name}`), key(`sync New ${name}`)].sort());
    const listed = await until('the list has it', async () => {
      const all = (await stage.audiences.list()).filter((one) => one.name === name);
      return all.some(({ state }) => state === 'completed') && all;
    });
    expect(listed).toHaveLength(1);
  });

  it('ends at the time that its first run set', async () => {
    const { stage } = soon;
    const name = await stage.start('deadline', { options: { signIn: { timeout: '6s', onTimeout: 'fail' } } });
    await stage.withWorker(async () => {
      const before = (await stage.untilAsked(name)).status?.signIn?.until;
      const first = await handleOf(stage, name).describe();
      const failure = await stage.failureOf(name);
      expect(failure.failures).toEqual([expect.objectContaining({ type: 'SignInTimedOut' })]);
      const last = await handleOf(stage, name).describe();
      expect(last.raw.workflowExecutionInfo?.firstRunId).toBe(first.raw.workflowExecutionInfo?.firstRunId);
      expect(last.runId).not.toBe(last.raw.workflowExecutionInfo?.firstRunId);
      expect(last.closeTime?.getTime()).toBeGreaterThanOrEqual(Date.parse(before ?? ''));
      const { events } = await stage.history(name);
      const timer = events?.find((event) => event.timerStartedEventAttributes != null)?.timerStartedEventAttributes;
      expect(Number(timer?.startToFireTimeout?.seconds)).toBeLessThan(6);
    });
  });

  it('goes on polling', async () => {
    const { stage } = soon;
    const name = await stage.start('long-polled', { options: { signIn: { poll: '1s' } } });
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      const { firstRunId } = (await handleOf(stage, name).describe()).raw.workflowExecutionInfo ?? {};
      await until('it has gone on as another', async () => (await runIdOf(stage, name)) !== firstRunId);
      await stage.sandbox.signIn((await stage.untilAsked(name)).status?.signIn?.url ?? '');
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('goes on reminding', async () => {
    const { stage } = soon;
    await withReceiver([{ status: 204 }], async ({ url, received }) => {
      const notify = { url, secret: { env: 'AUDIENCE_NOTICE_KEY' } };
      const name = await stage.start('long-reminded', { options: { signIn: { remindEvery: '1s' }, notify } });
      const env = {
        ...stage.worker.env,
        AUDIENCE_NOTICE_KEY: 'key of the notices',
        AUDIENCE_NOTIFY_ALLOW: '127.0.0.0/8',
      };
      await withWorker({ ...stage.worker, env }, async () => {
        await until('reminders of three runs', () => {
          const reminders = received.map(({ body }) => JSON.parse(body)).filter(({ event }) => /reminder/.test(event));
          return new Set(reminders.map(({ runId }) => runId)).size >= 3;
        });
        await stage.signIn(name);
        await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
      });
    });
  });

  it('loses no claim, although each may be the one with which it goes on as another', async () => {
    const { stage } = soon;
    const name = await stage.start('many-claims');
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      for (let claims = 1; claims <= 12; claims += 1) {
        await stage.audiences.completeSignIn(name);
        await until(`claim ${claims} is checked`, async () => {
          return (await stage.audiences.status(name)).status?.signIn?.claims === claims;
        });
      }
      await stage.sandbox.signIn((await stage.untilAsked(name)).status?.signIn?.url ?? '');
      await stage.audiences.completeSignIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });

  it('waits for an update that is under way', async () => {
    const { stage } = soon;
    const name = await stage.start('long-update');
    const handle = handleOf(stage, name);
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      const { firstRunId } = (await handle.describe()).raw.workflowExecutionInfo ?? {};
      await until('it has gone on as another', async () => (await runIdOf(stage, name)) !== firstRunId);
      await stage.sandbox.fault({
        match: { method: 'PUT', path: '/api/connections/*' },
        latencyMs: 4_000,
        times: 1,
      });
      const update = handle.executeUpdate(refreshSignInLinkUpdate);
      await until('the update is under way', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity }) => activity === 'startSignIn');
      });
      const runId = await runIdOf(stage, name);
      const length = async () =>
        (await stage.temporal.workflow.getHandle(workflowIdOf(name), runId).fetchHistory()).events?.length ?? 0;
      for (let claims = 1; (await length()) <= SUGGEST_SOON; claims += 1) {
        await stage.audiences.completeSignIn(name);
        await until('the claim is checked', async () => {
          return (await stage.audiences.status(name)).status?.signIn?.claims === claims;
        });
      }
      expect(await runIdOf(stage, name)).toBe(runId);
      const { url } = await update;
      await until('it has gone on as another again', async () => (await runIdOf(stage, name)) !== runId);
      expect((await stage.untilAsked(name)).status?.signIn?.url).toBe(url);
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
    });
  });
});

describe('a run that knows more than it could hand on', () => {
  it('stays the one it is, and completes', async () => {
    const { stage } = soon;
    const name = await stage.start('knows-much');
    await withWorker({ ...stage.worker, impatience: { '1_900_000': '100' } }, async () => {
      await stage.untilAsked(name);
      const runId = await runIdOf(stage, name);
      const length = async () => (await stage.history(name)).events?.length ?? 0;
      for (let claims = 1; (await length()) <= 2 * SUGGEST_SOON; claims += 1) {
        await stage.audiences.completeSignIn(name);
        await until('the claim is checked', async () => {
          return (await stage.audiences.status(name)).status?.signIn?.claims === claims;
        });
      }
      await stage.signIn(name);
      await expect(stage.audiences.result(name)).resolves.toMatchObject({ name });
      expect(await runIdOf(stage, name)).toBe(runId);
    });
  });
});

describe('a state that is given to a run from outside', () => {
  const foreign = (request: ProvisioningRequest) => ({
    ...newRunState(request, new Date(0), 'some-run'),
    results: { 'snowflake connection': { id: 'foreign', name: 'foreign', made: true } },
    undo: [{ kind: 'connection', step: 'x', since: new Date(0).toISOString(), name: 'foreign', type: 'snowflake' }],
    warnings: ['foreign'],
  });

  it.each([
    ['one of another run', foreign],
    ['nothing', () => null],
    ['rubbish', () => ['rubbish']],
  ])('is ignored: %s', async (_, stateOf) => {
    const { stage } = late;
    const request = ownWalkthrough('given-state');
    const { name } = request;
    await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIdOf(name),
      taskQueue: stage.worker.taskQueue,
      args: [request, stateOf(request)],
    });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const result = await stage.audiences.result(name);
      expect(result).toMatchObject({ snowflakeConnection: { name: `Snowflake ${name}`, made: true }, warnings: [] });
      expect(JSON.stringify(await handleOf(stage, name).query(undoEntriesQuery))).not.toContain('foreign');
    });
  });
});

async function last<T>(all: AsyncIterable<T>): Promise<T | undefined> {
  let one: T | undefined;
  for await (one of all);
  return one;
}
