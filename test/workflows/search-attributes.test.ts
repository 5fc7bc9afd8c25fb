import { beforeAll, describe, expect, it } from '@jest/globals';
import { BLOCKED_STEP, PROVISIONING_STAGE, REQUESTER } from '../../src/temporal/search-attributes.ts';
import { type ListedStage, WORKFLOW_TYPE, workflowIdOf } from '../../src/workflows/messages.ts';
import { listedStagesIn } from '../support/listed-stages.ts';
import { newName } from '../support/new-name.ts';
import { ownWalkthrough, WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { existingSync } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const stagesListed = async (name: string) => listedStagesIn(await stage.history(name));

/** The ids of the runs that Temporal lists for this. */
async function found(query: string): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of stage.temporal.workflow.list({ query })) ids.push(workflowId);
  return ids;
}

const attributesOf = async (name: string) =>
  (await stage.temporal.workflow.getHandle(workflowIdOf(name)).describe()).typedSearchAttributes;

describe('the search attributes of a run', () => {
  it('find it by its requester, its stage and each of its blocked steps, and by those no more once it is mended', async () => {
    const requester = newName('Ana');
    const name = await stage.start('found', {
      requester,
      models: WRONG_QUERY,
      syncs: [existingSync()],
    });
    const id = workflowIdOf(name);
    const ofHers = `${REQUESTER.name} = '${requester}'`;
    const blocked = `${BLOCKED_STEP.name} = 'model active-users' AND ${ofHers}`;
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await them.step('model active-users', 'blocked');
      await stage.signIn(name);
      await until('it is listed as blocked', async () =>
        (await found(`${blocked} AND ${PROVISIONING_STAGE.name} = 'blocked'`)).includes(id),
      );
      expect(await found(`${BLOCKED_STEP.name} = 'snowflake connection' AND ${ofHers}`)).toEqual([]);
      await them.retry('model active-users', { name: 'M', query: 'SELECT first_name, last_name, email FROM users' });
      await stage.audiences.result(name);
      await until('it is listed as completed', async () =>
        (await found(`${ofHers} AND ${PROVISIONING_STAGE.name} = 'completed'`)).includes(id),
      );
      expect(await found(blocked)).toEqual([]);
    });
  });

  it('tell only whom it waits for, and that it has ended: each change of them is billed', async () => {
    const name = await stage.start('working', { options: { firstRun: 'await' } });
    const isListedAt = async (at: ListedStage) =>
      (await stage.audiences.list({ stage: at })).some((one) => one.name === name && one.stage === at);
    await until('it is listed as working', () => isListedAt('working'));
    await stage.withWorker(async () => {
      await stage.untilAsked(name);
      await until('it is listed as waiting', () => isListedAt('awaiting_sign_in'));
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
    expect(await stagesListed(name)).toEqual(['working', 'awaiting_sign_in', 'working', 'completed']);
  });

  it('tell every stage of a run that no client has started, which is listed as working all the same', async () => {
    const request = ownWalkthrough('from-outside', { syncs: [existingSync()] });
    const { name } = request;
    const handle = await stage.temporal.workflow.start(WORKFLOW_TYPE, {
      workflowId: workflowIdOf(name),
      taskQueue: stage.worker.taskQueue,
      args: [request],
    });
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/connections' }, times: 2, latencyMs: 5_000 });
    await stage.withWorker(async () => {
      await until('it is listed as working', async () =>
        (await stage.audiences.list({ stage: 'working' })).some((one) => one.name === name),
      );
      await people(stage, name).step('snowflake connection', 'done');
      await stage.signIn(name);
      await handle.result();
    });
    expect(await stagesListed(name)).toEqual(['connecting', 'awaiting_sign_in', 'preparing', 'syncing', 'completed']);
  });

  it('name no blocked step any more once the run has been given up', async () => {
    const name = await stage.start('not-found', { models: WRONG_QUERY, syncs: [existingSync()] });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await them.step('model active-users', 'blocked');
      await them.giveUp();
      await stage.failureOf(name);
      const attributes = await attributesOf(name);
      expect(attributes.get(PROVISIONING_STAGE)).toBe('failed');
      expect(attributes.get(BLOCKED_STEP) ?? []).toEqual([]);
    });
  });

  it('hold as many blocked steps as Temporal takes, however many and long they are', async () => {
    const names = Array.from({ length: 6 }, (_, i) => `${i}${'名'.repeat(199)}`);
    const syncs = names.map((name) => existingSync({ name, audience: { existing: 'Nobody' } }));
    const name = await stage.start('long-names', { syncs });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await stage.signIn(name);
      for (const one of names) await them.step(`sync ${one}`, 'blocked');
      expect((await attributesOf(name)).get(BLOCKED_STEP)).toEqual(names.slice(0, 3).map((one) => `sync ${one}`));
      await them.giveUp();
      expect((await stage.failureOf(name)).failures).toHaveLength(7);
    });
  });
});
