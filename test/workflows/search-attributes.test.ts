import { beforeAll, describe, expect, it } from '@jest/globals';
import { BLOCKED_STEP, PROVISIONING_STAGE, REQUESTER } from '../../src/temporal/search-attributes.ts';
import { workflowIdOf } from '../../src/workflows/messages.ts';
import { newName } from '../support/new-name.ts';
import { WRONG_QUERY } from '../support/own-walkthrough.ts';
import { people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { existingSync } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

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
