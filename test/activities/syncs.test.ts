import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { InspectedAudience } from '../../src/activities/audiences.ts';
import { SIGHT_LASTS_MS } from '../../src/activities/idempotency.ts';
import type { ProvidedModel } from '../../src/activities/models.ts';
import type { SyncBody } from '../../src/polytomic/sync-shape.ts';
import type { SyncRequest } from '../../src/request/schema.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { type Received, withApi } from '../polytomic/api-server.ts';
import {
  activitiesOn,
  creates,
  failureOf,
  givenLinkedIn,
  givenSnowflake,
  letSendsEnd,
  newStep,
  SECRET_ENV,
  type Step,
  sceneForEachTest,
} from '../support/activity-step.ts';
import { ACCOUNT, AUDIENCE, existingSync, newSync } from '../support/walkthrough.ts';

const scene = sceneForEachTest();
const SYNCS = { method: 'POST', path: '/api/syncs' };
const EXISTING: InspectedAudience = { existing: AUDIENCE };
const CREATE = { name: 'New audience', type: 'user_audience', account: ACCOUNT.value };
const NEW: InspectedAudience = { create: CREATE };

let connection: Resource;
let model: ProvidedModel;
beforeEach(async () => {
  connection = await givenLinkedIn(scene.sandbox);
  const step = newStep('model active-users');
  model = await step.attempt(async () =>
    scene.activities.provideModel({
      step: step.context,
      spec: { name: 'Active Users', query: 'SELECT first_name, last_name, email, country FROM users' },
      columns: ['first_name', 'last_name', 'email'],
      connection: await givenSnowflake(scene.sandbox),
    }),
  );
});

const newSyncStep = () => newStep('sync');

function create(
  step: Step,
  sync: SyncRequest,
  audience: InspectedAudience,
  options: Parameters<Step['attempt']>[1] = {},
  activities = scene.activities,
) {
  const { context } = step;
  return step.attempt(() => activities.createSync({ step: context, sync, model, connection, audience }), options);
}

/** The body of the walkthrough's sync, as somebody else may send it. */
function bodyOf(changes: Partial<SyncBody> = {}): SyncBody {
  const source = (field: string) => ({ model_id: model.resource.id, field });
  return {
    name: 'Existing audience',
    mode: 'create',
    identity: { source: source('email'), target: 'Email', function: 'equality' },
    fields: [
      { target: 'FirstName', source: source('first_name') },
      { target: 'LastName', source: source('last_name') },
    ],
    schedule: { frequency: 'continuous' },
    target: { connection_id: connection.id, object: AUDIENCE.id },
    ...changes,
  };
}

const othersCreate = (changes: Partial<SyncBody> = {}) =>
  scene.sandbox.polytomic.syncs.create(bodyOf(changes), { idempotencyKey: randomUUID() });
const syncs = async () => (await scene.sandbox.state()).syncs;
const newAudiences = async () =>
  (await scene.sandbox.state()).audiences.filter(({ name }: { name: string }) => name === CREATE.name);
const sent = async () =>
  (await scene.sandbox.requests()).filter(({ method, path }) => method === 'POST' && path === '/api/syncs');
const keys = async () => (await creates(scene.sandbox, '/api/syncs')).map(({ key }) => key);

describe('a sync', () => {
  it('into an audience that is there is made', async () => {
    const made = await create(newSyncStep(), existingSync(), EXISTING);
    expect(made).toEqual({
      resource: { id: expect.any(String), name: 'Existing audience', made: true },
      audience: { ...AUDIENCE, made: false },
    });
    expect(await syncs()).toMatchObject([
      { id: made.resource.id, mode: 'create', target: { connection_id: connection.id, object: AUDIENCE.id } },
    ]);
  });

  it('into a new audience is made with it', async () => {
    const made = await create(newSyncStep(), newSync(), NEW);
    const [audience] = await newAudiences();
    expect(audience).toMatchObject({ type: 'user_audience', account: ACCOUNT.value });
    expect(made.audience).toEqual({ id: audience.id, name: 'New audience', made: true });
    expect(await syncs()).toMatchObject([{ target: { object: audience.id } }]);
  });

  it('says no more than the request does', async () => {
    await create(newSyncStep(), existingSync(), EXISTING);
    expect((await sent()).map(({ body }) => body)).toEqual([bodyOf()]);
  });

  it('says all that the request does, in Polytomic’s words', async () => {
    const source = (field: string) => ({ model_id: model.resource.id, field });
    const sync = existingSync({
      identity: { from: 'email', to: 'Email', function: 'Equality', newField: false, remoteFieldTypeId: 'text' },
      fields: [
        { from: 'first_name', to: 'FirstName', mode: 'create', new: false, encrypt: true },
        { to: 'LastName', override: 'x' },
      ],
      overrideFields: [{ to: 'Country', override: 'DE' }],
      overrides: [{ from: 'email', function: 'IsNull', override: 'none' }],
      filters: [
        { from: 'email', function: 'IsNotNull', label: 'A' },
        { to: 'Country', function: 'Equality', value: 'DE', label: 'B' },
      ],
      filterLogic: 'A AND B',
      schedule: { frequency: 'weekly', dayOfWeek: '1', hour: '6' },
      active: false,
      syncAllRecords: true,
      onlyEnrichUpdates: true,
      skipInitialBackfill: true,
      encryptionPassphrase: { env: 'SYNC_PASSPHRASE' },
      extra: { policies: ['p'], destination: { region: 'eu', token: { env: 'SYNC_PASSPHRASE' } } },
    });
    const answer = ({ method }: Received, response: { end(text: string): void }) =>
      response.end(JSON.stringify({ data: method === 'POST' ? { id: 's', name: sync.name } : [] }));
    await withApi(answer, async ({ client, received }) => {
      await create(newSyncStep(), sync, EXISTING, {}, activitiesOn(client));
      const bodies = received.filter(({ method }) => method === 'POST').map(({ body }) => body);
      expect(bodies).toEqual([
        {
          ...bodyOf(),
          identity: {
            source: source('email'),
            target: 'Email',
            function: 'Equality',
            new_field: false,
            remote_field_type_id: 'text',
          },
          fields: [
            {
              target: 'FirstName',
              source: source('first_name'),
              sync_mode: 'create',
              new: false,
              encryption_enabled: true,
            },
            { target: 'LastName', override_value: 'x' },
          ],
          override_fields: [{ target: 'Country', override_value: 'DE' }],
          overrides: [{ field: source('email'), function: 'IsNull', override: 'none' }],
          filters: [
            { field_type: 'Model', field: source('email'), function: 'IsNotNull', label: 'A' },
            { field_type: 'Target', field_id: 'Country', function: 'Equality', value: 'DE', label: 'B' },
          ],
          filter_logic: 'A AND B',
          schedule: { frequency: 'weekly', day_of_week: '1', hour: '6' },
          active: false,
          sync_all_records: true,
          only_enrich_updates: true,
          skip_initial_backfill: true,
          encryption_passphrase: SECRET_ENV.SYNC_PASSPHRASE,
          policies: ['p'],
          destination: { region: 'eu', token: SECRET_ENV.SYNC_PASSPHRASE },
        },
      ]);
    });
  });

  it('without an identity, after other syncs, is made', async () => {
    const { id } = await othersCreate({ name: 'First' });
    const { identity: _, ...sync } = existingSync({
      schedule: { frequency: 'runafter', runAfter: { syncIds: [id] }, runAfterSuccessOnly: true },
    });
    await create(newSyncStep(), sync, EXISTING);
    expect((await sent()).at(-1)?.body).toMatchObject({
      schedule: { frequency: 'runafter', run_after: { sync_ids: [id] }, run_after_success_only: true },
    });
  });

  it('that reads columns which the model has not names them, with those that it has, and is not asked for', async () => {
    const sync = existingSync({ fields: { given_name: 'FirstName', family_name: 'LastName' } });
    const failure = await failureOf(create(newSyncStep(), sync, EXISTING));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(failure.message).toBe(
      'Creating sync “Existing audience”: model “Active Users” has no column “given_name”, “family_name”; there are “first_name”, “last_name”, “email”, “country”.',
    );
    expect(await sent()).toEqual([]);
  });

  it('that Polytomic refuses is not tried again, in its words', async () => {
    const sync = existingSync({ mode: 'replace' });
    const failure = await failureOf(create(newSyncStep(), sync, EXISTING));
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(
      /^Creating sync “Existing audience”: POST \/api\/syncs answered 422: .*does not support "replace"/,
    );
  });

  it('whose passphrase cannot be had is not asked for', async () => {
    const sync = existingSync({ encryptionPassphrase: { env: 'SYNC_UNSET' } });
    const failure = await failureOf(create(newSyncStep(), sync, EXISTING));
    expect(failure).toMatchObject({ type: 'SecretUnavailable', nonRetryable: true });
    expect(failure.message).toMatch(/^Creating sync “Existing audience”: secret { env: SYNC_UNSET }/);
    expect(await sent()).toEqual([]);
  });

  it('is made beside another of its name', async () => {
    const { id } = await othersCreate();
    const { resource } = await create(newSyncStep(), existingSync(), EXISTING);
    expect(resource.made).toBe(true);
    expect(resource.id).not.toBe(id);
  });

  it('into a new audience is refused when one of its name is there, which this run did not make', async () => {
    await othersCreate({ name: 'Other', target: { connection_id: connection.id, create: CREATE } });
    const failure = await failureOf(create(newSyncStep(), newSync(), NEW));
    const [{ id }] = await newAudiences();
    expect(failure).toMatchObject({ type: 'NameTaken', nonRetryable: true });
    expect(failure.message).toMatch(new RegExp(`^Creating sync “New audience”: there is one .*${id}`));
    expect(await newAudiences()).toHaveLength(1);
  });
});

describe('a sync that is made right after a look at the audiences', () => {
  const calls = async () =>
    (await scene.sandbox.requests()).map(({ method, path }) => `${method} ${path.split('?')[0]}`);
  /** What the step calls, where the look was `age` ms before it. */
  async function callsAfter(age: number, sync: SyncRequest, audience: InspectedAudience) {
    const before = (await calls()).length;
    await create(newSyncStep(), sync, { ...audience, seen: { at: Date.now() - age, syncs: [] } });
    return (await calls()).slice(before);
  }

  it.each([
    ['an audience that is there', existingSync(), EXISTING],
    ['a new audience', newSync(), NEW],
  ] as const)('(into %s) takes one call', async (_, sync, audience) => {
    expect(await callsAfter(0, sync, audience)).toEqual(['POST /api/syncs']);
  });

  it('looks again where that look is older than one that is made now can be', async () => {
    const list = `GET /api/connections/${connection.id}/modelsync/targetobjects`;
    const then = (await callsAfter(SIGHT_LASTS_MS + 1, newSync(), NEW)).toSorted();
    expect(then).toEqual(['GET /api/syncs', list, 'POST /api/syncs'].toSorted());
  });

  it.each([
    ['in a run that was reset', (step: Step) => step.reset()],
    ['when tried again after it ended unclear', (step: Step) => step.again()],
  ])(
    'looks for what an earlier send may have made %s, and does not make it while that is under way',
    async (_, later) => {
      const before = (await calls()).length;
      const audience = { ...EXISTING, seen: { at: Date.now(), syncs: [] } };
      const failure = await failureOf(create(later(newSyncStep()), existingSync(), audience));
      expect(failure).toMatchObject({ type: 'InFlight', nonRetryable: false });
      expect(failure.nextRetryDelay).toBeGreaterThan(0);
      expect((await calls()).slice(before)).toEqual(['GET /api/syncs']);
    },
  );

  it('knows by it what was there before, and does not take that for its own after a 500', async () => {
    const { id } = await othersCreate();
    const step = newSyncStep();
    const audience = { ...EXISTING, seen: { at: Date.now(), syncs: [id] } };
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
    await failureOf(create(step, existingSync(), audience));
    const { resource } = await create(step, existingSync(), audience);
    expect(resource).toMatchObject({ made: true });
    expect(resource.id).not.toBe(id);
    expect(await syncs()).toHaveLength(2);
  });

  it('is found after a 500 that made it, with its audience', async () => {
    const step = newSyncStep();
    const audience = { ...NEW, seen: { at: Date.now(), syncs: [] } };
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500, when: 'after' });
    await failureOf(create(step, newSync(), audience));
    const [only] = await syncs();
    expect(await create(step, newSync(), audience)).toMatchObject({ resource: { id: only.id, made: true } });
    expect(await syncs()).toHaveLength(1);
    expect(await newAudiences()).toHaveLength(1);
  });

  it('is not asked for where it reads columns which the model has not', async () => {
    const sync = existingSync({ fields: { given_name: 'FirstName' } });
    const audience = { ...EXISTING, seen: { at: Date.now(), syncs: [] } };
    const failure = await failureOf(create(newSyncStep(), sync, audience));
    expect(failure).toMatchObject({ type: 'NotAllowed', nonRetryable: true });
    expect(await sent()).toEqual([]);
  });
});

describe('a sync whose making goes wrong', () => {
  const both = [
    ['an audience that is there', existingSync(), EXISTING, 0],
    ['a new audience', newSync(), NEW, 1],
  ] as const;

  const whole = both.flatMap((one) => (['before', 'after'] as const).map((when) => [...one, when] as const));

  it.each(whole)('(into %s) is made once when its answer is lost %#', async (_, sync, audience, made, when) => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, drop: true, when });
    expect(await failureOf(create(step, sync, audience))).toMatchObject({ type: 'NoAnswer', nonRetryable: false });
    expect(await create(step, sync, audience)).toMatchObject({ resource: { made: true } });
    expect(await syncs()).toHaveLength(1);
    expect(await newAudiences()).toHaveLength(made);
    expect(new Set(await keys()).size).toBe(1);
  });

  const killed = both.flatMap((one) =>
    (['before its record arrived', 'after its record arrived'] as const).map((when) => [...one, when] as const),
  );

  it.each(killed)('(into %s) is made once when its worker is killed %#', async (_, sync, audience, made, when) => {
    const step = newSyncStep();
    await create(step, sync, audience, { killed: when });
    expect(await create(step, sync, audience)).toMatchObject({ resource: { made: true } });
    expect(await syncs()).toHaveLength(1);
    expect(await newAudiences()).toHaveLength(made);
  });

  it.each(both)('(into %s) is found after a 500 that made it', async (_, sync, audience, made) => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500, when: 'after' });
    expect(await failureOf(create(step, sync, audience))).toMatchObject({ type: 'Unavailable', nonRetryable: false });
    const found = await create(step, sync, audience);
    const [only] = await syncs();
    expect(found.resource).toEqual({ id: only.id, name: sync.name, made: true });
    expect(found.audience.id).toBe(only.target.object);
    expect(await syncs()).toHaveLength(1);
    expect(await newAudiences()).toHaveLength(made);
  });

  it.each(both)('(into %s) is made with another key after a 500 that made nothing', async (_, sync, audience, made) => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
    await failureOf(create(step, sync, audience));
    expect(await create(step, sync, audience)).toMatchObject({ resource: { made: true } });
    expect(await newAudiences()).toHaveLength(made);
    expect(new Set(await keys()).size).toBe(2);
  });

  it('after its audience builds on that audience', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500, when: 'partly' });
    await failureOf(create(step, newSync(), NEW));
    const outcome = await create(step, newSync(), NEW);
    const [audience, ...others] = await newAudiences();
    expect(others).toEqual([]);
    expect(outcome.audience).toEqual({ id: audience.id, name: 'New audience', made: true });
    expect(await syncs()).toMatchObject([{ target: { object: audience.id } }]);
  });

  it('after its audience, with a lost answer, builds on it once the key has told of the failure', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, drop: true, when: 'partly' });
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'NoAnswer' });
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'Unavailable' });
    letSendsEnd(step);
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'Unavailable' });
    await create(step, newSync(), NEW);
    expect(await newAudiences()).toHaveLength(1);
    expect(new Set(await keys()).size).toBe(2);
  });

  it('after its audience keeps to that audience when the next answer is lost', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500, when: 'partly' });
    await failureOf(create(step, newSync(), NEW));
    await scene.sandbox.fault({ match: SYNCS, times: 1, drop: true, when: 'after' });
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'NoAnswer' });
    await create(step, newSync(), NEW);
    const [, second, third] = await sent();
    expect(third?.body).toEqual(second?.body);
    expect(await newAudiences()).toHaveLength(1);
    expect(await syncs()).toHaveLength(1);
  });

  it('after its audience does not choose among several of that name', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500, when: 'partly' });
    await failureOf(create(step, newSync(), NEW));
    await othersCreate({ name: 'Other', target: { connection_id: connection.id, create: CREATE } });
    const failure = await failureOf(create(step, newSync(), NEW));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    for (const { id } of await newAudiences()) expect(failure.message).toContain(id);
  });

  it('after its audience is not made into one of another type that somebody else made meanwhile', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
    await failureOf(create(step, newSync(), NEW));
    const other = { ...CREATE, type: 'company_audience' };
    await othersCreate({ name: 'Other', target: { connection_id: connection.id, create: other } });
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'Unclear' });
  });

  it.each(['this', 'another'])(
    'is not made into one that came with a sync of another run on %s connection',
    async (which) => {
      const step = newSyncStep();
      await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
      await failureOf(create(step, newSync(), NEW));
      const theirs = which === 'this' ? connection : await givenLinkedIn(scene.sandbox, [ACCOUNT], 'Theirs');
      await othersCreate({ name: 'Theirs', target: { connection_id: theirs.id, create: CREATE } });
      const failure = await failureOf(create(step, newSync(), NEW));
      expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
      const [audience] = await newAudiences();
      expect(failure.message).toContain(audience.id);
      expect(await syncs()).toHaveLength(1);
    },
  );

  it('is not made into an audience that may have been there before its first send', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
    await create(step, newSync(), NEW, { killed: 'before its record arrived' }).catch(() => undefined);
    await othersCreate({ name: 'Other', target: { connection_id: connection.id, create: CREATE } });
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'Unavailable' });
    letSendsEnd(step);
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'Unavailable' });
    expect(await failureOf(create(step, newSync(), NEW))).toMatchObject({ type: 'Unclear' });
    expect(await syncs()).toHaveLength(1);
  });

  it.each<[string, (target: string) => Partial<SyncBody>]>([
    ['another schedule', () => ({ schedule: { frequency: 'manual' } })],
    ['other fields', () => ({ fields: bodyOf().fields.slice(1) })],
    ['another identity', () => ({ identity: { ...identityOf(bodyOf()), target: 'EmailDomain' } })],
    ['another audience', (object) => ({ target: { connection_id: connection.id, object } })],
  ])('is not taken for one with %s that somebody else made meanwhile', async (_, changes) => {
    await othersCreate({
      name: 'Other',
      target: { connection_id: connection.id, create: { ...CREATE, type: 'company_audience' } },
    });
    const [{ id: otherAudience }] = await newAudiences();
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
    await failureOf(create(step, existingSync(), EXISTING));
    const { id } = await othersCreate(changes(otherAudience));
    const failure = await failureOf(create(step, existingSync(), EXISTING));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(new RegExp(`^Creating sync “Existing audience”: an answer was lost.*${id}`));
  });

  it('into a new audience is not taken for one into another audience of the same account', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500 });
    await failureOf(create(step, newSync(), NEW));
    const { id } = await othersCreate({ name: 'New audience' });
    const failure = await failureOf(create(step, newSync(), NEW));
    expect(failure).toMatchObject({ type: 'Unclear' });
    expect(failure.message).toContain(id);
  });

  it.each([
    ['after a 500', { status: 500, when: 'after' }],
    ['before its record arrived', undefined],
  ])('%s is unclear when its model then has not the columns that it reads', async (_, fault) => {
    const step = newSyncStep();
    if (fault !== undefined) await scene.sandbox.fault({ match: SYNCS, times: 1, ...fault });
    const killed = fault === undefined ? { killed: 'before its record arrived' as const } : {};
    await create(step, existingSync(), EXISTING, killed).catch(() => undefined);
    expect(await syncs()).toHaveLength(1);
    const reading = existingSync({ fields: { given_name: 'FirstName' } });
    const failure = await failureOf(create(step, reading, EXISTING));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toMatch(/may have been made .*has no column “given_name”.*[^.]\. Mend that/s);
  });

  it('because of a limit waits as told', async () => {
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 429, retryAfter: 30 });
    const failure = await failureOf(create(newSyncStep(), existingSync(), EXISTING));
    expect(failure).toMatchObject({ type: 'RateLimited', nonRetryable: false });
    expect(failure.nextRetryDelay).toBeGreaterThanOrEqual(30_000);
  });
});

function identityOf({ identity }: SyncBody) {
  if (identity === undefined) throw new Error('there is no identity');
  return identity;
}

describe('a run that was reset', () => {
  it('finds the sync and the audience that the run before made of its own model', async () => {
    model = { ...model, resource: { ...model.resource, made: true } };
    const step = newSyncStep();
    const before = await create(step, newSync(), NEW);
    expect(await create(step.reset(), newSync(), NEW)).toEqual(before);
    expect(await syncs()).toHaveLength(1);
    expect(await newAudiences()).toHaveLength(1);
  });

  it('does not guess whose a sync on somebody else’s model is', async () => {
    model = { ...model, resource: { ...model.resource, made: false } };
    const step = newSyncStep();
    const { resource } = await create(step, existingSync(), EXISTING);
    const failure = await failureOf(create(step.reset(), existingSync(), EXISTING));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(failure.message).toContain(resource.id);
  });

  it('does not guess whose an audience without a sync is', async () => {
    const step = newSyncStep();
    await scene.sandbox.fault({ match: SYNCS, times: 1, status: 500, when: 'partly' });
    await failureOf(create(step, newSync(), NEW));
    const failure = await failureOf(create(step.reset(), newSync(), NEW));
    expect(failure).toMatchObject({ type: 'Unclear', nonRetryable: true });
    expect(await newAudiences()).toHaveLength(1);
  });
});

describe('a Polytomic whose new sync does not say its audience', () => {
  const answering = (audiences: () => object[]) => (request: Received, response: { end(text: string): void }) => {
    const answers = request.url.includes('/targetobjects')
      ? { target_creation: { supported: true }, data: audiences() }
      : { data: request.method === 'POST' ? { id: 's', name: 'New audience' } : [] };
    response.end(JSON.stringify(answers));
  };
  const LISTED = { id: `${ACCOUNT.value}~user_audience.1`, name: 'New audience', modes: [] };

  it('is asked which audiences there are', async () => {
    let made = false;
    await withApi(
      (request, response) => {
        made ||= request.method === 'POST';
        answering(() => (made ? [LISTED] : []))(request, response);
      },
      async ({ client }) => {
        const { audience } = await create(newSyncStep(), newSync(), NEW, {}, activitiesOn(client));
        expect(audience).toEqual({ id: LISTED.id, name: 'New audience', made: true });
      },
    );
  });

  it('and does not list it yet is asked again, with the same key', async () => {
    let found: object[] = [];
    await withApi(
      answering(() => found),
      async ({ client, received }) => {
        const step = newSyncStep();
        const activities = activitiesOn(client);
        const failure = await failureOf(create(step, newSync(), NEW, {}, activities));
        expect(failure).toMatchObject({ type: 'UndocumentedAnswer', nonRetryable: false });
        expect(failure.message).toMatch(/^Creating sync “New audience”: Polytomic made sync s, but does not list/);
        found = [LISTED];
        await create(step, newSync(), NEW, {}, activities);
        const posts = received.filter(({ method }) => method === 'POST');
        expect(new Set(posts.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
      },
    );
  });
});
