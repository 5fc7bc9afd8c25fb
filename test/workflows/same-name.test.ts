import { beforeAll, describe, expect, it } from '@jest/globals';
import { type StepStatus, undoEntriesQuery, workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { AUDIENCE, existingSync, walkthrough } from '../support/walkthrough.ts';

const SNOWFLAKE = 'snowflake connection';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

/** Starts two runs that ask for one Snowflake connection, and lets both look before either makes it. */
async function race(orUse: boolean): Promise<{ connection: string; names: string[]; steps: StepStatus[] }> {
  const connection = newName('Snowflake');
  const snowflake = { connection: { ...walkthrough('any').snowflake.connection, name: connection, orUse } };
  const models = { 'active-users': { name: newName('Active Users'), query: 'SELECT email, first_name FROM users' } };
  const changes = { snowflake, models, syncs: [existingSync({ fields: { first_name: 'FirstName' } })] };
  const names = await Promise.all(['one', 'other'].map((about) => stage.start(about, changes)));
  await stage.sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, latencyMs: 2_000 });
  const steps = await Promise.all(
    names.map((name) =>
      until(`the step of ${name} has come to something`, async () => {
        const { status } = await stage.audiences.status(name);
        return status?.steps.find(({ id, state }) => id === SNOWFLAKE && (state === 'done' || state === 'blocked'));
      }),
    ),
  );
  await stage.sandbox.clearFaults();
  return { connection, names, steps };
}

const idsOf = async (connection: string) =>
  (await stage.sandbox.polytomic.connections.list()).filter(({ name }) => name === connection).map(({ id }) => id);

describe('two runs that ask for the same connection name at once', () => {
  it('share the one that is made, where both may use it', async () => {
    await stage.withWorker(async () => {
      const { connection, names, steps } = await race(true);
      const ids = await idsOf(connection);
      expect(ids).toHaveLength(1);
      expect(steps.map(({ resources }) => resources[0]?.id)).toEqual([ids[0], ids[0]]);
      expect(steps.map(({ resources }) => resources[0]?.made).sort()).toEqual([false, true]);
      for (const name of names) {
        await stage.signIn(name);
        expect((await stage.audiences.result(name)).snowflakeConnection.id).toBe(ids[0]);
      }
    });
  });

  it('stop at the clash, where neither may: the second one is told the id, and goes on with it', async () => {
    await stage.withWorker(async () => {
      const { connection, names, steps } = await race(false);
      const [id, ...others] = await idsOf(connection);
      expect(others).toEqual([]);
      expect(steps.map(({ state }) => state).sort()).toEqual(['blocked', 'done']);
      const second = steps.findIndex(({ state }) => state === 'blocked');
      expect(steps[second]?.failure).toMatchObject({
        type: 'NameTaken',
        message: expect.stringContaining(`\`use: ${id}\``),
      });
      const name = names[second] ?? '';
      await people(stage, name).retry(SNOWFLAKE, { use: id });
      await stage.signIn(name);
      expect((await stage.audiences.result(name)).snowflakeConnection).toEqual({ id, name: connection, made: false });
    });
  });
});

/** Lets the run look for things under a path once, fails its create, and then lets it see nothing until faults are cleared. */
async function failAfterTheLook(path: string): Promise<void> {
  await stage.sandbox.fault({ match: { method: 'GET', path }, times: 1, latencyMs: 1 });
  await stage.sandbox.fault({ match: { method: 'GET', path }, status: 503 });
  await stage.sandbox.fault({ match: { method: 'POST', path }, times: 1, status: 500 });
}

const untilFailed = (name: string, activity: string) =>
  until(`${activity} of ${name} has failed`, async () => {
    const { pendingActivities } = await stage.audiences.status(name);
    return pendingActivities.some((one) => one.activity === activity && one.lastFailure !== undefined);
  });

describe('a clash that nobody can tell', () => {
  it('of a model ends when a person says which to use', async () => {
    const model = { name: newName('Unclear'), query: 'SELECT email, first_name, last_name FROM users' };
    const name = await stage.start('unclear-model', { models: { 'active-users': model }, syncs: [existingSync()] });
    await failAfterTheLook('/api/models');
    await stage.withWorker(async () => {
      const them = people(stage, name);
      const connection = (await them.step(SNOWFLAKE, 'done')).resources[0];
      await untilFailed(name, 'provideModel');
      const body = { name: model.name, connection_id: connection?.id ?? '', configuration: { query: model.query } };
      const theirs = [];
      for (const idempotencyKey of [newName('theirs'), newName('theirs')])
        theirs.push((await stage.sandbox.polytomic.models.create(body, { idempotencyKey })).id);
      await stage.sandbox.clearFaults();
      const { failure } = await them.step('model active-users', 'blocked');
      expect(failure?.type).toBe('Unclear');
      for (const id of theirs) expect(failure?.message).toContain(`\`use: ${id}\``);
      const [use] = theirs;
      await them.retry('model active-users', { use });
      await them.step('model active-users', 'done');
      // An undo would not take it for what the run may have made.
      const entries = await stage.temporal.workflow.getHandle(workflowIdOf(name)).query(undoEntriesQuery);
      expect(entries).toContainEqual(expect.objectContaining({ step: 'model active-users', uses: [use] }));
      await stage.signIn(name);
      const { models } = await stage.audiences.result(name);
      expect(models['active-users']).toEqual({ id: use, name: model.name, made: false });
    });
  });

  it.each(['they are deleted', 'it gets another name'])(
    'of a sync, which cannot be used, ends when %s',
    async (how) => {
      const sync = existingSync({ name: newName('Unclear') });
      const name = await stage.start('unclear-sync', { syncs: [sync] });
      await stage.withWorker(async () => {
        const them = people(stage, name);
        const model = (await them.step('model active-users', 'done')).resources[0]?.id ?? '';
        await failAfterTheLook('/api/syncs');
        await stage.signIn(name);
        await untilFailed(name, 'createSync');
        const connection = (await them.step('linkedin connection', 'done')).resources[0]?.id ?? '';
        const source = (field: string) => ({ model_id: model, field });
        const theirs = [];
        for (const idempotencyKey of [newName('theirs'), newName('theirs')]) {
          const { id } = await stage.sandbox.polytomic.syncs.create(
            {
              name: sync.name,
              mode: 'create',
              identity: { source: source('email'), target: 'Email', function: 'equality' },
              fields: [{ source: source('first_name'), target: 'FirstName' }],
              schedule: { frequency: 'manual' },
              target: { connection_id: connection, object: AUDIENCE.id },
            },
            { idempotencyKey },
          );
          theirs.push(id);
        }
        await stage.sandbox.clearFaults();
        const step = `sync ${sync.name}`;
        const { failure } = await them.step(step, 'blocked');
        expect(failure?.type).toBe('Unclear');
        expect(failure?.message).toMatch(/cannot be used. Delete it in Polytomic and try again, .*another name/);
        if (how === 'they are deleted') {
          for (const id of theirs) await stage.sandbox.polytomic.syncs.delete(id);
          await them.retry(step);
        } else {
          await them.retry(step, { ...sync, name: `${sync.name} again` });
        }
        const { syncs } = await stage.audiences.result(name);
        expect(syncs).toMatchObject([{ made: true }]);
        expect(theirs).not.toContain(syncs[0]?.id);
      });
    },
  );
});
