import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ProvisioningRequest, SyncRequest } from '../../src/request/schema.ts';
import { newName } from '../support/new-name.ts';
import { withAccounts } from '../support/own-walkthrough.ts';
import { type People, people } from '../support/people.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { unsignedLinkedIn } from '../support/resources.ts';
import { withWorker } from '../support/temporal.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, existingSync, SECRETS } from '../support/walkthrough.ts';

const SNOWFLAKE = 'snowflake connection';
const LINKEDIN = 'linkedin connection';
const WRONG_PASSWORD = { SNOWFLAKE_PASSWORD: 'wrong' };

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

const start = (changes: Partial<ProvisioningRequest> = {}) =>
  stage.start('mended', { syncs: [existingSync()], ...changes });

function snowflake(password: { env: string }) {
  return { name: newName('Snowflake'), account: 'uc193736182', username: 'user', dbname: 'database', password };
}

describe('a Snowflake connection with a wrong password', () => {
  it('is made once the secret of the worker is right', async () => {
    const name = await start();
    const them = people(stage, name);
    await withWorker({ ...stage.worker, env: WRONG_PASSWORD }, async () => {
      const { failure, piece } = await them.step(SNOWFLAKE, 'blocked');
      expect(piece).toBe('snowflake.connection');
      expect(failure).toMatchObject({ type: 'Refused', message: expect.stringContaining('Incorrect username') });
    });
    await stage.withWorker(async () => {
      await them.retry(SNOWFLAKE);
      await stage.signIn(name);
      expect((await stage.audiences.result(name)).snowflakeConnection.made).toBe(true);
    });
  });

  it('is made once the request refers to another secret', async () => {
    const name = await start({ snowflake: { connection: snowflake({ env: 'SNOWFLAKE_OLD' }) } });
    const them = people(stage, name);
    await withWorker({ ...stage.worker, env: { ...SECRETS, SNOWFLAKE_OLD: 'wrong' } }, async () => {
      await them.step(SNOWFLAKE, 'blocked');
      await them.retry(SNOWFLAKE, snowflake({ env: 'SNOWFLAKE_NOT_THERE' }));
      expect((await them.step(SNOWFLAKE, 'blocked', 2)).failure?.type).toBe('SecretUnavailable');
      await them.retry(SNOWFLAKE, snowflake({ env: 'SNOWFLAKE_PASSWORD' }));
      await stage.signIn(name);
      expect((await stage.audiences.result(name)).snowflakeConnection.made).toBe(true);
    });
  });
});

describe('a LinkedIn Ads connection whose name is taken', () => {
  it('is the one that is there, once the request says so', async () => {
    const { connection } = await unsignedLinkedIn(stage.sandbox);
    const name = await start({ linkedinAds: { connection: { name: connection.name }, accounts: 'all' } });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      const { failure, piece } = await them.step(LINKEDIN, 'blocked');
      expect(piece).toBe('linkedinAds.connection');
      expect(failure).toMatchObject({ type: 'NameTaken', message: expect.stringContaining(connection.id) });
      await them.retry(LINKEDIN, { use: connection.id, reconnect: 'allowed' });
      await stage.signIn(name);
      const { linkedinConnection } = await stage.audiences.result(name);
      expect(linkedinConnection).toEqual({ ...connection, made: false });
    });
  });
});

describe('ad accounts that are not there', () => {
  async function blocked(play: (them: People) => Promise<void>): Promise<void> {
    const name = await start({ linkedinAds: withAccounts(['Fabrikam']) });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const them = people(stage, name);
      const { failure, piece } = await them.step('ad accounts', 'blocked');
      expect(piece).toBe('linkedinAds.accounts');
      expect(failure).toMatchObject({ type: 'NotAllowed', message: expect.stringContaining('“Fabrikam”') });
      await play(them);
      expect((await stage.audiences.result(name)).adAccounts).toEqual([ACCOUNT]);
    });
  }

  it('are others, once the request says so', async () => {
    await blocked(async (them) => void (await them.retry('ad accounts', [ACCOUNT.label])));
  });

  it('are asked for, once the request says so', async () => {
    await blocked(async (them) => {
      await them.retry('ad accounts', 'ask');
      await them.asked('ad accounts');
      await them.select([ACCOUNT.label]);
    });
  });
});

describe('a sync', () => {
  const create = { name: AUDIENCE.name, type: 'company_audience', account: ACCOUNT.label };
  const WRONG: Array<[string, Partial<SyncRequest>, string, RegExp]> = [
    ['an unknown field', { fields: { first_name: 'GivenName' } }, 'NotAllowed', /no field “GivenName”/],
    [
      'an unknown column',
      { fields: { given_name: 'FirstName' } },
      'NotAllowed',
      /no column “given_name”; .*first_name/,
    ],
    ['an unknown audience', { audience: { existing: 'Nobody' } }, 'NotFound', /no audience “Nobody”/],
    ['an audience to make that is there', { audience: { create } }, 'NameTaken', /already/],
  ];
  it.each(WRONG)('with %s is made once it is mended', async (_, wrong, type, words) => {
    const name = await start({ syncs: [existingSync({ ...wrong, name: 'Wrong' }), existingSync({ name: 'Right' })] });
    await stage.withWorker(async () => {
      await stage.signIn(name);
      const them = people(stage, name);
      const { failure, piece } = await them.step('sync Wrong', 'blocked');
      expect(piece).toBe('syncs[0]');
      expect(failure).toMatchObject({ type, message: expect.stringMatching(words) });
      await them.step('sync Right', 'done');
      // Another name, and a column that no sync had asked for when the model was made.
      await them.retry('sync Wrong', existingSync({ name: 'Mended', fields: { first_name: 'FirstName' } }));
      const { syncs } = await stage.audiences.result(name);
      expect(syncs.map((sync) => sync.name)).toEqual(['Mended', 'Right']);
      expect(syncs[0]?.audience).toEqual({ ...AUDIENCE, made: false });
    });
  });
});

describe('both branches blocked at once', () => {
  it.each([
    [SNOWFLAKE, LINKEDIN],
    [LINKEDIN, SNOWFLAKE],
  ])('are mended one after the other: %s, then %s', async (...order) => {
    const { connection } = await unsignedLinkedIn(stage.sandbox);
    const name = await start({
      snowflake: { connection: snowflake({ env: 'SNOWFLAKE_OLD' }) },
      linkedinAds: { connection: { name: connection.name }, accounts: 'all' },
    });
    const env = { ...SECRETS, SNOWFLAKE_OLD: 'wrong' };
    await withWorker({ ...stage.worker, env }, async () => {
      const them = people(stage, name);
      for (const step of order) await them.step(step, 'blocked');
      expect((await stage.audiences.status(name)).stage).toBe('blocked');
      const changes: Record<string, unknown> = {
        [SNOWFLAKE]: snowflake({ env: 'SNOWFLAKE_PASSWORD' }),
        [LINKEDIN]: { name: newName('LinkedIn') },
      };
      for (const step of order) {
        await them.retry(step, changes[step]);
        await them.step(step, 'done', 2);
      }
      await stage.signIn(name);
      expect(await stage.audiences.result(name)).toMatchObject({ name });
    });
  });
});

describe('a model of which it is unclear whether it was made', () => {
  it('is never made twice, however often it is retried, and is taken once it is clear', async () => {
    const model = { name: newName('Unclear'), query: 'SELECT first_name, last_name, email FROM users' };
    const called = async () => (await stage.sandbox.polytomic.models.list()).filter((one) => one.name === model.name);
    await stage.sandbox.fault({ match: { method: 'POST', path: '/api/models' }, times: 1, status: 500, when: 'after' });
    const name = await start({ models: { 'active-users': model } });
    await stage.withWorker(async () => {
      const them = people(stage, name);
      await until('the answer to the create is lost', async () => {
        const { pendingActivities } = await stage.audiences.status(name);
        return pendingActivities.some(({ activity, lastFailure }) => activity === 'provideModel' && lastFailure);
      });
      // Somebody else makes one of the same name before the run can look.
      await stage.sandbox.fault({ match: { method: 'GET', path: '/api/models' }, status: 503 });
      const status = await until('the connection is known', async () => (await stage.audiences.status(name)).status);
      const connectionId = status.steps.find(({ id }) => id === SNOWFLAKE)?.resources[0]?.id ?? '';
      const theirs = await stage.sandbox.polytomic.models.create(
        { name: model.name, connection_id: connectionId, configuration: { query: model.query } },
        { idempotencyKey: newName('theirs') },
      );
      await stage.sandbox.clearFaults();

      expect((await them.step('model active-users', 'blocked', 1)).failure?.type).toBe('Unclear');
      await them.retry('model active-users');
      expect((await them.step('model active-users', 'blocked', 2)).failure?.type).toBe('Unclear');
      expect(await called()).toHaveLength(2);

      await stage.sandbox.polytomic.models.delete(theirs.id);
      await them.retry('model active-users');
      await stage.signIn(name);
      const { models } = await stage.audiences.result(name);
      const [ours, ...others] = await called();
      expect(models['active-users']).toEqual({ id: ours?.id, name: model.name, made: true });
      expect(others).toEqual([]);
    });
  });
});
