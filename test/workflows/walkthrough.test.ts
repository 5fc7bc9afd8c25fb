import { beforeAll, describe, expect, it } from '@jest/globals';
import { errorOf } from '../support/directions.ts';
import { newName } from '../support/new-name.ts';
import { newStage, type Stage } from '../support/provisioning.ts';
import { until } from '../support/until.ts';
import { ACCOUNT, AUDIENCE, existingSync, walkthrough } from '../support/walkthrough.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await newStage();
});

describe('a provisioning', () => {
  it('does the whole walkthrough and returns every id that it made or used', async () => {
    const name = await stage.start('whole');
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

  it('makes no call that it could do without', async () => {
    const name = await stage.start('calls');
    const before = (await stage.sandbox.requests()).length;
    await stage.withWorker(async () => {
      await stage.signIn(name);
      await stage.audiences.result(name);
    });
    const calls = (await stage.sandbox.requests())
      .slice(before)
      .filter(({ path }) => !path.startsWith('/api/jobs/'))
      .map(({ method, path }) => `${method} ${path.replace(/\?.*/, '').replaceAll(/[0-9a-f-]{36}/g, ':id')}`);
    expect(calls.toSorted()).toEqual(
      [
        // Snowflake, and the model.
        'GET /api/connections',
        'POST /api/connections',
        'POST /api/models',
        'GET /api/models/:id',
        // LinkedIn.
        'GET /api/connections',
        'POST /api/connections',
        // The sign-in, and the ad accounts.
        'GET /api/connections/:id/parameter_values',
        'GET /api/connections/:id',
        'PUT /api/connections/:id',
        // Audiences.
        'GET /api/connections/:id/modelsync/targetobjects',
        'GET /api/connections/:id/modelsync/targetobjects/properties/type',
        'GET /api/connections/:id/modelsync/targetobjects/properties/account',
        'GET /api/connections/:id/modelsync/target/fields',
        'GET /api/syncs',
        // Syncs.
        'POST /api/syncs',
        'POST /api/syncs',
      ].toSorted(),
    );
  });

  it('makes the model while a person is still to sign in', async () => {
    const name = await stage.start('side-by-side');
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
    const name = await stage.start('stages');
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
    const first = await stage.start('signed-in-before');
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
    const name = await stage.start('no-link', { linkedinAds: { connection: { use: id }, accounts: [ACCOUNT.value] } });
    await stage.withWorker(async () => {
      const { status } = await stage.untilAsked(name);
      expect(status?.signIn).toEqual({
        hint: expect.stringContaining('reconnect: allowed'),
        since: expect.any(String),
        until: expect.any(String),
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
    const name = await stage.start('reconnect', {
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
