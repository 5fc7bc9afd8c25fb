import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { CancelledFailure } from '@temporalio/activity';
import type { ModelRequest } from '../../src/request/schema.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { withApi } from '../polytomic/api-server.ts';
import {
  activitiesOn,
  creates,
  failureOf,
  givenSnowflake,
  letSendsEnd,
  newStep,
  SECRET_ENV,
  type Step,
  sceneForEachTest,
} from '../support/activity-step.ts';
import { snowflakeConnection } from '../support/resources.ts';
import { until } from '../support/until.ts';

const scene = sceneForEachTest();
const MODELS = { method: 'POST', path: '/api/models' };
const JOBS = { method: 'GET', path: '/api/jobs/*/*' };
const QUERY = 'SELECT first_name, last_name, email FROM users';
const SPEC = { name: 'Active Users', query: QUERY } satisfies ModelRequest;
const COLUMNS = ['email', 'first_name'];

const newModelStep = () => newStep('model active-users');

interface Asked {
  spec?: ModelRequest;
  columns?: string[];
  activities?: typeof scene.activities;
}

function provide(
  step: Step,
  connection: Resource,
  { spec = SPEC, columns = COLUMNS, activities = scene.activities }: Asked = {},
  options: Parameters<Step['attempt']>[1] = {},
) {
  return step.attempt(() => activities.provideModel({ step: step.context, spec, columns, connection }), options);
}

/** A model that somebody else made. */
async function givenModel({ id: connection_id }: Resource, changes: object = {}) {
  const body = { name: SPEC.name, connection_id, configuration: { query: QUERY }, ...changes };
  return scene.sandbox.polytomic.models.create(body, { idempotencyKey: randomUUID() });
}

const models = async () => (await scene.sandbox.state()).models;
const keys = async () => (await creates(scene.sandbox, '/api/models')).map(({ key }) => key);

describe('a model', () => {
  it('is made, and says which of the columns asked for it has', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const made = await provide(newModelStep(), connection, { columns: ['email', 'no_such'] });
    expect(made).toEqual({
      resource: { id: expect.any(String), name: 'Active Users', made: true },
      columns: ['email'],
    });
    expect(await models()).toMatchObject([{ id: made.resource.id, configuration: { query: QUERY } }]);
  });

  it('does not bring all columns of a wide table along', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const wide = Array.from({ length: 50 }, (_, n) => `${n} AS c${n}`).join(', ');
    const made = await provide(newModelStep(), connection, {
      spec: { name: 'Wide', query: `SELECT ${wide}` },
      columns: ['c49'],
    });
    expect(made).toEqual({ resource: expect.anything(), columns: ['c49'] });
  });

  it('is made with all that the request says, secrets under extra resolved', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    await provide(newModelStep(), connection, {
      spec: {
        ...SPEC,
        fields: ['email', 'first_name'],
        identifier: 'email',
        trackingColumns: ['first_name'],
        labels: ['crm'],
        extra: { policies: ['p'], enricher: { region: 'eu', token: { env: 'SYNC_PASSPHRASE' } } },
      },
    });
    const [model] = await models();
    expect(model.fields.map(({ name }: { name: string }) => name)).toEqual(['email', 'first_name']);
    expect(model.echoed).toEqual({
      identifier: 'email',
      tracking_columns: ['first_name'],
      labels: ['crm'],
      policies: ['p'],
    });
    const [call] = (await scene.sandbox.requests()).filter(({ path }) => path === '/api/models?async=true');
    expect(call?.body).toMatchObject({ enricher: { region: 'eu', token: '********' } });
  });

  it('is made without what the request does not say', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    await provide(newModelStep(), connection);
    const [call] = (await scene.sandbox.requests()).filter(({ path }) => path === '/api/models?async=true');
    expect(call?.body).toEqual({ name: SPEC.name, connection_id: connection.id, configuration: { query: QUERY } });
  });

  it('whose query is slow says that it is alive meanwhile, and forgets nothing', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    await provide(step, connection, { spec: { ...SPEC, query: `/* sandbox: takes 6s */ ${QUERY}` } });
    expect(step.heartbeats.length).toBeGreaterThanOrEqual(3);
    expect(step.heartbeats.at(-1)).toEqual(step.heartbeats[1]);
    const [{ id: job_id }] = (await scene.sandbox.state()).jobs;
    expect(step.details).toMatchObject({ send: 1, answer: { type: 'createmodel', job_id } });
  });

  it('whose query is wrong is refused in the engine’s words, and not tried again', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const failure = await failureOf(
      provide(newModelStep(), connection, { spec: { ...SPEC, query: 'SELECT nme FROM users' } }),
    );
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating model “Active Users”: Polytomic says: .*nme/s);
    expect(await models()).toEqual([]);
  });

  it('on a connection that is gone is refused', async () => {
    const gone = { id: 'gone', name: 'Warehouse', made: true };
    const failure = await failureOf(provide(newModelStep(), gone));
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating model “Active Users”: POST \/api\/models answered 422: .*gone/);
  });

  it('on a connection whose cache is not ready is tried again, later each time', async () => {
    await scene.sandbox.fault({ cacheNotReadyMs: 3_600_000, times: 1 });
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    for (const nextRetryDelay of [5_000, 10_000, 15_000])
      expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'NotReady', nextRetryDelay });
    expect(new Set(await keys()).size).toBe(3);
  });

  it('is made once the cache is ready', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 422, message: 'cache refresh in progress' });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'NotReady', nonRetryable: false });
    expect(await provide(step, connection)).toMatchObject({ resource: { made: true } });
  });

  it('is heard out when the run is cancelled, since its job makes it all the same', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    const made = provide(step, connection, { spec: { ...SPEC, query: `/* sandbox: takes 1s */ ${QUERY}` } });
    await until('its job runs', async () => (await scene.sandbox.state()).jobs.length > 0);
    step.cancel();
    const { resource } = await made;
    expect(resource.made).toBe(true);
    expect(await models()).toMatchObject([{ id: resource.id }]);
  });

  it('is left to another attempt when the worker stops', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    const ended = provide(step, connection, { spec: { ...SPEC, query: `/* sandbox: takes 60s */ ${QUERY}` } });
    const refused = expect(ended).rejects.toBeInstanceOf(CancelledFailure);
    await until('its job runs', async () => (await scene.sandbox.state()).jobs.length > 0);
    step.stop();
    await refused;
  });
});

describe('a model that is there already', () => {
  it('is looked for as long as that takes, with heartbeats', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const { id } = await givenModel(connection);
    const step = newModelStep();
    await scene.sandbox.fault({ match: { method: 'GET', path: '/api/models' }, latencyMs: 5_500 });
    await provide(step, connection, { spec: { use: id } });
    expect(step.heartbeats.length).toBeGreaterThan(0);
  });

  it.each(['id', 'name'] as const)('is used by its %s', async (by) => {
    const connection = await givenSnowflake(scene.sandbox);
    const { id, name } = await givenModel(connection);
    const used = await provide(newModelStep(), connection, { spec: { use: { id, name }[by] } });
    expect(used).toEqual({
      resource: { id, name, made: false },
      columns: ['email', 'first_name'],
    });
  });

  it('is found on a later page too', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    for (let n = 0; n < 51; n++) await givenModel(connection, { name: `Model ${n}` });
    for (const n of [0, 50]) {
      const { resource } = await provide(newModelStep(), connection, { spec: { use: `Model ${n}` } });
      expect(resource.name).toBe(`Model ${n}`);
    }
  });

  it('is not there: says which there are on the connection', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    await givenModel(connection, { name: 'Here' });
    await givenModel(await givenSnowflake(scene.sandbox, 'Other'), { name: 'There' });
    const failure = await failureOf(provide(newModelStep(), connection, { spec: { use: 'Nowhere' } }));
    expect(failure).toMatchObject({ type: 'NotFound', nonRetryable: true });
    expect(failure.message).toBe(
      'Using model “Nowhere”: Polytomic has none of this id or name. On connection “Warehouse” there are: “Here”.',
    );
  });

  it('has a name that several have: says their ids', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const ids = [(await givenModel(connection)).id, (await givenModel(connection)).id];
    const failure = await failureOf(provide(newModelStep(), connection, { spec: { use: SPEC.name } }));
    expect(failure).toMatchObject({ type: 'Ambiguous', nonRetryable: true });
    for (const id of ids) expect(failure.message).toContain(id);
    expect(failure.message).toMatch(/^Using model “Active Users”: several have this name .*Give the id\.$/);
  });

  it.each<[string, ModelRequest]>([
    ['is used', { use: SPEC.name }],
    ['may be used', { ...SPEC, orUse: true }],
  ])('is on another connection than the one that %s', async (_, spec) => {
    const connection = await givenSnowflake(scene.sandbox);
    const other = await givenSnowflake(scene.sandbox, 'Other');
    const { id } = await givenModel(other);
    const failure = await failureOf(provide(newModelStep(), connection, { spec }));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(failure.message).toContain(
      `model ${id} is not on connection “Warehouse” (${connection.id}), but on ${other.id}.`,
    );
  });

  it('is used where the request allows that', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const { id } = await givenModel(connection);
    const { resource } = await provide(newModelStep(), connection, { spec: { ...SPEC, orUse: true } });
    expect(resource).toEqual({ id, name: SPEC.name, made: false });
  });

  it('is not used where the request allows that and several have its name', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const ids = [(await givenModel(connection)).id, (await givenModel(connection)).id];
    const failure = await failureOf(provide(newModelStep(), connection, { spec: { ...SPEC, orUse: true } }));
    expect(failure).toMatchObject({ type: 'Ambiguous', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating model “Active Users”: there are several of this name /);
    for (const id of ids) expect(failure.message).toContain(`\`use: ${id}\``);
  });

  it('does not keep another of its name from being made', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const { id } = await givenModel(connection);
    const { resource } = await provide(newModelStep(), connection);
    expect(resource.made).toBe(true);
    expect(resource.id).not.toBe(id);
  });
});

describe('a model on a connection that this run made', () => {
  const ownConnection = () => snowflakeConnection(scene.sandbox, true, { password: SECRET_ENV.SNOWFLAKE_PASSWORD });
  const looks = async () =>
    (await scene.sandbox.requests()).filter(
      ({ method, path }) => method === 'GET' && /^\/api\/models(\?|$)/.test(path),
    );

  it('is made without a look for others of its name, where nobody else can have made any', async () => {
    await provide(newModelStep(), await ownConnection());
    expect(await looks()).toEqual([]);
    expect(await models()).toHaveLength(1);
  });

  it.each(['before', 'after'])('is made once, by a 500 %s its effect, and is looked for then', async (when) => {
    const connection = await ownConnection();
    const step = newModelStep();
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500, when });
    await failureOf(provide(step, connection));
    if (when === 'after') await until('its job has made it', async () => (await models()).length === 1);
    letSendsEnd(step);
    expect(await provide(step, connection)).toMatchObject({ resource: { made: true } });
    expect(await models()).toHaveLength(1);
    expect(await looks()).not.toEqual([]);
  });

  it('is not held up, by a 500 that made nothing, by one of its name that others made on a connection of theirs', async () => {
    const connection = await ownConnection();
    const theirs = await givenModel(await givenSnowflake(scene.sandbox));
    const step = newModelStep();
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500 });
    await failureOf(provide(step, connection));
    letSendsEnd(step);
    const { resource } = await provide(step, connection);
    expect(resource).toMatchObject({ made: true });
    expect(resource.id).not.toBe(theirs.id);
  });

  it('is looked for where the request would use one that others have made on it meanwhile', async () => {
    const connection = await ownConnection();
    const { id } = await givenModel(connection);
    const { resource } = await provide(newModelStep(), connection, { spec: { ...SPEC, orUse: true } });
    expect(resource).toMatchObject({ id, made: false });
  });

  it.each([
    ['in a run that was reset', (step: Step) => step.reset()],
    ['when tried again after it ended unclear', (step: Step) => step.again()],
  ])('is looked for %s', async (_, later) => {
    const connection = await ownConnection();
    const step = newModelStep();
    const { resource } = await provide(step, connection);
    expect(await provide(later(step), connection)).toMatchObject({ resource });
    expect(await models()).toHaveLength(1);
  });
});

describe('a model whose making goes wrong', () => {
  it.each(['before', 'after'])('by an answer that is lost %s the effect is made once', async (when) => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    await scene.sandbox.fault({ match: MODELS, times: 1, drop: true, when });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'NoAnswer', nonRetryable: false });
    expect(await provide(step, connection)).toMatchObject({ resource: { made: true } });
    expect(await models()).toHaveLength(1);
    expect(new Set(await keys()).size).toBe(1);
  });

  it.each(['before its record arrived', 'after its record arrived'] as const)(
    'by a worker that is killed %s is made once, beside one that was there',
    async (killed) => {
      const connection = await givenSnowflake(scene.sandbox);
      const { id } = await givenModel(connection);
      const step = newModelStep();
      await provide(step, connection, {}, { killed });
      const { resource } = await provide(step, connection);
      expect(resource.made).toBe(true);
      expect(resource.id).not.toBe(id);
      expect(await models()).toHaveLength(2);
    },
  );

  it('by a 500 after the effect is found, and this run’s own, though one of its name was there', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    await givenModel(connection);
    const step = newModelStep();
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500, when: 'after' });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    await until('the job is done', async () => (await models()).length === 2);
    const { resource } = await provide(step, connection);
    const [, second] = await models();
    expect(resource).toEqual({ id: second.id, name: SPEC.name, made: true });
    expect(await models()).toHaveLength(2);
  });

  it('by a 500 before the effect is made with another key, once no job that it began can make it any more', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500 });
    await failureOf(provide(step, connection));
    const waits = await failureOf(provide(step, connection));
    expect(waits).toMatchObject({ type: 'InFlight', nonRetryable: false });
    expect(waits.message).toMatch(/^Creating model “Active Users”: what was sent may still be carried out/);
    expect(waits.nextRetryDelay).toBeLessThanOrEqual(30_000);
    letSendsEnd(step);
    expect(await provide(step, connection)).toMatchObject({ resource: { made: true } });
    expect(await models()).toHaveLength(1);
    expect(new Set(await keys()).size).toBe(2);
  });

  it.each([
    ['another query', { configuration: { query: 'SELECT 1 AS email' } }],
    ['another identifier', { identifier: 'first_name' }],
    ['other tracked columns', { identifier: 'email', tracking_columns: ['last_name'] }],
    ['fewer columns', { identifier: 'email', tracking_columns: ['email'], fields: ['email'] }],
  ])('is not taken for one with %s that somebody else made meanwhile', async (_, changes) => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    const spec = {
      ...SPEC,
      fields: ['email', 'first_name', 'last_name'],
      identifier: 'email',
      trackingColumns: ['email'],
    };
    await scene.sandbox.fault({ match: MODELS, times: 1, status: 500 });
    await failureOf(provide(step, connection, { spec }));
    const { id } = await givenModel(connection, changes);
    const failure = await failureOf(provide(step, connection, { spec }));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(new RegExp(`^Creating model “Active Users”: an answer was lost.*${id}`));
  });

  it('by trouble with asking for its job goes on with the same job, and makes no other', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    await scene.sandbox.fault({ match: JOBS, times: 1, status: 503 });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    await scene.sandbox.fault({ match: JOBS, times: 1, drop: true });
    expect(await failureOf(provide(step, connection))).toMatchObject({ type: 'NoAnswer', nonRetryable: false });
    expect(await provide(step, connection)).toMatchObject({ resource: { made: true } });
    expect(await keys()).toHaveLength(1);
  });

  it('by a job that is not there any more is looked up', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    await scene.sandbox.fault({ match: JOBS, times: 1, status: 404 });
    const failure = await failureOf(provide(step, connection));
    expect(failure).toMatchObject({ type: 'UndocumentedAnswer', nonRetryable: false });
    expect(failure.message).toMatch(/^Creating model “Active Users”: job .* is not there any more\. Trying again\.$/);
    await until('the job is done', async () => (await models()).length === 1);
    expect(await provide(step, connection)).toMatchObject({ resource: { made: true } });
    expect(await models()).toHaveLength(1);
  });

  it.each([
    ['is done and names no model', { status: 'done' }, 'UndocumentedAnswer', /job j is done but names no model/],
    ['fails without a reason', { status: 'failed' }, 'Refused', /Polytomic says: the job failed, without a reason/],
    ['fails since a cache is not ready', { status: 'failed', error: 'cache refresh in progress' }, 'NotReady', /cache/],
  ])('by a job that %s', async (_, job, type, said) => {
    await withApi(
      ({ method, url }, response) => {
        const told = { job_id: 'j', type: 'createmodel', ...job };
        const data = method === 'GET' && url.startsWith('/api/models') ? [] : told;
        response.end(JSON.stringify({ data }));
      },
      async ({ client, received }) => {
        const step = newModelStep();
        const connection = { id: 'c', name: 'Warehouse', made: true };
        const activities = activitiesOn(client);
        const failure = await failureOf(provide(step, connection, { activities }));
        expect(failure.type).toBe(type);
        expect(failure.message).toMatch(said);
        // The job's end is what its key brings back, so another attempt takes another key.
        letSendsEnd(step);
        await failureOf(provide(step, connection, { activities }));
        const sent = received
          .filter(({ method }) => method === 'POST')
          .map(({ headers }) => headers['idempotency-key']);
        expect(new Set(sent).size).toBe(2);
      },
    );
  });
});

describe('a run that was reset', () => {
  it('finds the model that the run before made on its connection', async () => {
    const connection = { ...(await givenSnowflake(scene.sandbox)), made: true };
    const step = newModelStep();
    const before = await provide(step, connection);
    expect(await provide(step.reset(), connection)).toEqual(before);
    expect(await models()).toHaveLength(1);
  });

  it('does not guess whose a model on somebody else’s connection is', async () => {
    const connection = await givenSnowflake(scene.sandbox);
    const step = newModelStep();
    const { resource } = await provide(step, connection);
    const failure = await failureOf(provide(step.reset(), connection));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toContain(resource.id);
    expect(await models()).toHaveLength(1);
  });
});
