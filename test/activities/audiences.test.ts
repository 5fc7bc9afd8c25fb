import { describe, expect, it } from '@jest/globals';
import type { AudienceInspection } from '../../src/activities/audiences.ts';
import type { Ask } from '../../src/activities/choices.ts';
import { MAX_MESSAGE } from '../../src/activities/failures.ts';
import type { SyncRequest } from '../../src/request/schema.ts';
import type { Resource } from '../../src/workflows/messages.ts';
import { type Received, withApi } from '../polytomic/api-server.ts';
import {
  activitiesOn,
  failureOf,
  givenLinkedIn,
  givenSnowflake,
  newStep,
  sceneForEachTest,
} from '../support/activity-step.ts';
import { activeUsers, audienceSync } from '../support/resources.ts';
import { ACCOUNT, AUDIENCE, CONTOSO, existingSync, NORTHWIND, newSync } from '../support/walkthrough.ts';

const scene = sceneForEachTest();
const TRIAL_USERS = {
  name: 'User Audience: Trial Users',
  id: `${NORTHWIND.value}~user_audience.29728402`,
  otherId: `${CONTOSO.value}~user_audience.29728455`,
};

interface Asked {
  activities?: typeof scene.activities;
  /** Whether the run was reset. */
  reset?: boolean;
}

function look(connection: Resource, syncs: SyncRequest[], { activities = scene.activities, reset }: Asked = {}) {
  const first = newStep('audiences');
  const step = reset ? first.reset() : first;
  const { originalRunId } = step.context;
  return step.attempt(() => activities.inspectAudiences({ connection, syncs, originalRunId }));
}

/** What a look comes to, but for what it saw besides. */
async function inspect(...asked: Parameters<typeof look>): Promise<AudienceInspection[]> {
  return (await look(...asked)).map((inspection) => {
    if (!('audience' in inspection)) return inspection;
    const { seen: _, ...audience } = inspection.audience;
    return { audience };
  });
}

/** What is said of one sync, as the only one. */
async function problemOf(sync: SyncRequest, accounts = [ACCOUNT, NORTHWIND, CONTOSO]) {
  const [result] = await inspect(await givenLinkedIn(scene.sandbox, accounts), [sync]);
  return problemIn(result, sync);
}

function problemIn(result: AudienceInspection | undefined, { name }: SyncRequest) {
  if (result === undefined || !('problem' in result)) throw new Error('there is no problem');
  const { code, message } = result.problem;
  const front = `Sync “${name}”: `;
  expect(message.startsWith(front)).toBe(true);
  return { code, said: message.slice(front.length) };
}

/** What a person is asked about one sync, as the only one. */
async function askedOf(sync: SyncRequest): Promise<Ask> {
  const connection = await givenLinkedIn(scene.sandbox, [ACCOUNT, NORTHWIND, CONTOSO]);
  const [result] = await inspect(connection, [sync]);
  if (result === undefined || !('ask' in result)) throw new Error('it did not ask');
  return result.ask;
}

/** A sync into the user audience of Northwind. */
function userSync(changes: Partial<SyncRequest> = {}): SyncRequest {
  return existingSync({ audience: { existing: TRIAL_USERS.id }, ...changes });
}

describe('a look at audiences', () => {
  it('says meanwhile that it is alive: there may be many, and LinkedIn may be slow', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const step = newStep('audiences');
    const fields = '/api/connections/*/modelsync/target/fields';
    await scene.sandbox.fault({ match: { path: fields }, latencyMs: 5_600 });
    const syncs = [existingSync()];
    const { originalRunId } = step.context;
    await step.attempt(() => scene.activities.inspectAudiences({ connection, syncs, originalRunId }));
    expect(step.heartbeats.length).toBeGreaterThan(0);
  });
});

describe('an audience that is there', () => {
  it.each(['id', 'name'] as const)('is found by its %s', async (by) => {
    const connection = await givenLinkedIn(scene.sandbox);
    expect(await inspect(connection, [existingSync({ audience: { existing: AUDIENCE[by] } })])).toEqual([
      { audience: { existing: AUDIENCE } },
    ]);
  });

  it('is not there: says which there are for its mode in the accounts that are enabled', async () => {
    const { code, said } = await problemOf(existingSync({ audience: { existing: 'Nobody' } }), [ACCOUNT]);
    expect(code).toBe('NotFound');
    expect(said).toBe(
      `there is no audience “Nobody” that supports mode “create”; allowed are “${AUDIENCE.name} = ${AUDIENCE.id}”.`,
    );
  });

  it('is in an account that is not enabled: is not there', async () => {
    expect(await problemOf(userSync(), [ACCOUNT])).toMatchObject({ code: 'NotFound' });
  });

  it('has a name that several have: a person is asked, says why, and sees those first', async () => {
    const { why, choices, total } = await askedOf(userSync({ audience: { existing: TRIAL_USERS.name } }));
    expect(why).toContain(`audience “${TRIAL_USERS.name}” fits several: “${TRIAL_USERS.id}”, “${TRIAL_USERS.otherId}”`);
    expect(choices.slice(0, 2).map(({ value }) => value)).toEqual([TRIAL_USERS.id, TRIAL_USERS.otherId]);
    expect(total).toBe(4);
  });

  it('is left to a person: sees those that support the mode', async () => {
    const { why, choices } = await askedOf({ ...existingSync({ mode: 'update' }), audience: 'ask' });
    expect(why).toBeUndefined();
    expect(choices.map(({ value }) => value)).toEqual([TRIAL_USERS.id, TRIAL_USERS.otherId]);
  });

  it('is found by an id although several have its name', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [ACCOUNT, NORTHWIND, CONTOSO]);
    expect(await inspect(connection, [userSync()])).toEqual([
      { audience: { existing: { id: TRIAL_USERS.id, name: TRIAL_USERS.name } } },
    ]);
  });

  it('does not support the mode: says which it supports', async () => {
    expect(await problemOf(existingSync({ mode: 'replace' }))).toEqual({
      code: 'NotAllowed',
      said: `audience “${AUDIENCE.name}” does not support mode “replace”; it supports “create”, “remove”.`,
    });
  });

  it('needs an identity for the mode', async () => {
    const { identity: _, ...sync } = userSync({ mode: 'update', fields: { email: 'Email' } });
    expect(await problemOf(sync)).toEqual({
      code: 'NotAllowed',
      said: `mode “update” of audience “${TRIAL_USERS.name}” needs an identity.`,
    });
  });

  it('takes neither a mode for a single field nor a filter on its own fields', async () => {
    const { code, said } = await problemOf(
      existingSync({
        fields: [{ from: 'first_name', to: 'FirstName', mode: 'create' }],
        filters: [{ to: 'Country', function: 'IsNull' }],
      }),
    );
    expect(code).toBe('NotAllowed');
    expect(said).toMatch(/takes no mode for a single field\.\n.*takes no filter on a field of the audience/);
  });

  it('has not the fields: says which it has', async () => {
    const { code, said } = await problemOf(existingSync({ fields: { first_name: 'GivenName', last_name: 'Surname' } }));
    expect(code).toBe('NotAllowed');
    expect(said).toMatch(/has no field “GivenName”, “Surname”; there are .*“FirstName”, “LastName”/);
  });

  it('has not the field of the identity, of an override or of a filter', async () => {
    const { said } = await problemOf(
      existingSync({
        identity: { from: 'email', to: 'Mail', function: 'equality' },
        overrideFields: [{ to: 'Origin', override: 'crm' }],
        filters: [
          { to: 'Score', function: 'IsNull' },
          { from: 'score', function: 'IsNull' },
        ],
      }),
    );
    expect(said).toMatch(/has no field “Origin”, “Mail”, “Score”; there are/);
  });

  it('need not have the fields that Polytomic is to make', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const sync = existingSync({
      identity: { from: 'email', to: 'Mail', function: 'equality', newField: true },
      fields: [{ from: 'score', to: 'Score', new: true }],
    });
    expect(await inspect(connection, [sync])).toEqual([{ audience: { existing: AUDIENCE } }]);
  });

  it('requires a field that nothing fills', async () => {
    const { identity: _, ...sync } = userSync();
    expect(await problemOf(sync)).toEqual({
      code: 'NotAllowed',
      said: `audience “${TRIAL_USERS.name}” requires “Email”, which no field of the sync fills.`,
    });
  });

  it.each<[string, Partial<SyncRequest>]>([
    ['a mapping', { fields: { email: 'Email' } }],
    ['a fixed value', { overrideFields: [{ to: 'Email', override: 'nobody@example.com' }] }],
  ])('has the field that it requires from %s', async (_, changes) => {
    const connection = await givenLinkedIn(scene.sandbox, [NORTHWIND]);
    const { identity: _none, ...sync } = userSync(changes);
    expect(await inspect(connection, [sync])).toMatchObject([{ audience: {} }]);
  });

  it('cannot be identified by that field: says by which', async () => {
    const { said } = await problemOf(
      existingSync({ identity: { from: 'first_name', to: 'FirstName', function: 'equality' }, fields: {} }),
    );
    expect(said).toMatch(/^field “FirstName” cannot be the identity; these can: .*“Email”/);
  });

  it('cannot be identified by that function: says by which', async () => {
    const { said } = await problemOf(existingSync({ identity: { from: 'email', to: 'Email', function: 'OneOf' } }));
    expect(said).toBe('identity function “OneOf” is none of “Email”; allowed are “Equality”.');
  });

  it.each(['equality', 'Equality', 'EQUALITY'])('is identified by %s, in any case', async (identity) => {
    const connection = await givenLinkedIn(scene.sandbox);
    const sync = existingSync({ identity: { from: 'email', to: 'Email', function: identity } });
    expect(await inspect(connection, [sync])).toMatchObject([{ audience: {} }]);
  });
});

describe('an audience to create', () => {
  const create = (changes: object = {}) =>
    newSync({ audience: { create: { name: 'New', type: 'user_audience', account: ACCOUNT.value, ...changes } } });

  it.each([
    ['values', 'user_audience', ACCOUNT.value],
    ['labels', 'User Audience', ACCOUNT.label],
  ])('is described by %s', async (_, type, account) => {
    const connection = await givenLinkedIn(scene.sandbox);
    expect(await inspect(connection, [create({ type, account })])).toEqual([
      { audience: { create: { name: 'New', type: 'user_audience', account: ACCOUNT.value } } },
    ]);
  });

  it('has type and account that there are not: says which there are', async () => {
    const { code, said } = await problemOf(create({ type: 'people', account: NORTHWIND.label }), [ACCOUNT]);
    expect(code).toBe('NotAllowed');
    expect(said.split('\n')).toEqual([
      expect.stringContaining(
        'there is no audience type “people”; allowed are “Company Audience = company_audience”, “User Audience = user_audience”.',
      ),
      expect.stringContaining(
        `there is no enabled ad account “${NORTHWIND.label}”; allowed are “${ACCOUNT.label} = ${ACCOUNT.value}”.`,
      ),
    ]);
  });

  it('is there already: says how to use it', async () => {
    const { code, said } = await problemOf(create({ name: AUDIENCE.name }));
    expect(code).toBe('NameTaken');
    expect(said).toBe(
      `there is an audience “${AUDIENCE.name}” already (${AUDIENCE.id}); say \`existing: ${AUDIENCE.id}\` or choose another name.`,
    );
  });

  it('may have the name of one in another account', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [ACCOUNT, NORTHWIND]);
    const account = NORTHWIND.value;
    expect(await inspect(connection, [create({ name: AUDIENCE.name, account })])).toEqual([
      { audience: { create: { name: AUDIENCE.name, type: 'user_audience', account } } },
    ]);
  });

  it('is not refused in a run that was reset: the run before may have made it', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    expect(await inspect(connection, [create({ name: AUDIENCE.name })], { reset: true })).toMatchObject([
      { audience: { create: { name: AUDIENCE.name } } },
    ]);
  });

  it('asks for the allowed values once, however many there are', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    await inspect(connection, [create(), create({ name: 'Second' }), create({ name: 'Third' })]);
    const paths = (await scene.sandbox.requests()).map(({ path }) => path);
    expect(paths.filter((path) => path.endsWith('/properties/account'))).toHaveLength(1);
    expect(paths.filter((path) => path.endsWith('/properties/type'))).toHaveLength(1);
  });
});

describe('a look at the audiences', () => {
  it('also sees which syncs have the names that are wanted, when, and asks for them once', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const model = await activeUsers(scene.sandbox, await givenSnowflake(scene.sandbox));
    const there = await audienceSync(scene.sandbox, { model, connection, name: 'Existing audience' });
    await audienceSync(scene.sandbox, { model, connection });
    await audienceSync(scene.sandbox, {
      model,
      connection: await givenLinkedIn(scene.sandbox, [ACCOUNT], 'Another connection'),
      name: 'Existing audience',
    });
    const before = Date.now();
    const seen = (await look(connection, [existingSync(), newSync()])).map((inspection) =>
      'audience' in inspection ? inspection.audience.seen : undefined,
    );
    expect(seen.map((one) => one?.syncs)).toEqual([[there.id], []]);
    for (const one of seen) expect(one?.at).toBeGreaterThanOrEqual(before);
    for (const one of seen) expect(one?.at).toBeLessThanOrEqual(Date.now());
    const paths = (await scene.sandbox.requests()).map(({ method, path }) => `${method} ${path}`);
    expect(paths.filter((path) => path.startsWith('GET /api/syncs'))).toHaveLength(1);
  });

  it('in a run that was reset says nothing of what it saw: it did not look whether an audience to create is there', async () => {
    const [inspection] = await look(await givenLinkedIn(scene.sandbox), [newSync()], { reset: true });
    expect(inspection).toMatchObject({ audience: { create: {} } });
    expect(inspection).not.toHaveProperty('audience.seen');
  });

  it('asks for all that does not depend on the list of audiences beside it', async () => {
    const { polytomic } = scene.sandbox;
    const connection = await givenLinkedIn(scene.sandbox);
    let allAsked = () => {};
    const othersAsked = new Promise<void>((resolve) => {
      allAsked = resolve;
    });
    const asked: string[] = [];
    const ask = (what: string) => {
      asked.push(what);
      if (asked.length === 3) allAsked();
    };
    const { targets, syncs } = polytomic;
    const meeting = {
      ...polytomic,
      targets: {
        // Never answered, were it waited for before the others are asked for.
        list: async (id: string) => {
          await othersAsked;
          return targets.list(id);
        },
        propertyValues: (id: string, property: string) => {
          ask(property);
          return targets.propertyValues(id, property);
        },
        fields: (id: string, target: string) => targets.fields(id, target),
      },
      syncs: {
        list: (query: Parameters<typeof syncs.list>[0]) => {
          ask('syncs');
          return syncs.list(query);
        },
      },
    } as unknown as typeof polytomic;
    const inspected = await inspect(connection, [existingSync(), newSync()], { activities: activitiesOn(meeting) });
    expect(inspected).toMatchObject([{ audience: { existing: AUDIENCE } }, { audience: { create: {} } }]);
    expect(asked.toSorted()).toEqual(['account', 'syncs', 'type']);
  });

  it('takes no more room than a payload has, however many syncs there are and however much is to be said of each', async () => {
    const id = (i: number) => `a~user_audience.${i}`;
    const targets = Array.from({ length: 60 }, (_, i) => ({
      id: id(i),
      name: `${i}${'名'.repeat(200)}`,
      modes: [{ id: 'create' }],
    }));
    const audiences: Array<SyncRequest['audience']> = ['ask', { existing: 'Nobody' }, { existing: id(7) }];
    const requested = Array.from({ length: 200 }, (__, i): SyncRequest => {
      const { identity: _, ...sync } = existingSync({ name: `${i}`, audience: audiences[i % 3] ?? 'ask', fields: {} });
      return sync;
    });
    const namesakes = Array.from({ length: 1000 }, (_, i) => ({ id: `s${i}`, name: requested[2]?.name }));
    const answers: Record<string, object> = {
      targetobjects: { data: targets, target_creation: { supported: false } },
      fields: { data: { fields: [], modes: [] } },
      syncs: { data: namesakes },
    };
    await withApi(
      ({ url }, response) => response.end(JSON.stringify(answers[/\w+(?=\?|$)/.exec(url)?.[0] ?? ''])),
      async ({ client }) => {
        const connection = { id: 'c', name: 'LinkedIn Ads', made: true };
        const inspected = await look(connection, requested, { activities: activitiesOn(client) });
        expect(inspected[0]).toMatchObject({ ask: { total: 60, choices: [{ value: id(0) }, { value: id(1) }] } });
        expect(problemIn(inspected[1], requested[1] as SyncRequest).said).toMatch(/^there is no audience “Nobody”.*…$/);
        // Which of that many is its own, the sync has to look for itself.
        expect(inspected[2]).toEqual({ audience: { existing: { id: id(7), name: expect.stringMatching(/^7名+…$/) } } });
        expect(inspected[5]).toHaveProperty('audience.seen.syncs', []);
        expect(Buffer.byteLength(JSON.stringify(inspected))).toBeLessThan(512 * 1024);
      },
    );
  });

  it('does not ask for the values of audiences to create where no sync creates one', async () => {
    await inspect(await givenLinkedIn(scene.sandbox), [existingSync()]);
    const paths = (await scene.sandbox.requests()).map(({ path }) => path);
    expect(paths.filter((path) => path.includes('/properties/'))).toEqual([]);
  });

  it('answers in the order of the syncs, with nothing else', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [ACCOUNT, NORTHWIND, CONTOSO]);
    expect(await inspect(connection, [newSync(), existingSync(), userSync()])).toEqual([
      { audience: { create: { name: 'New audience', type: 'user_audience', account: ACCOUNT.value } } },
      { audience: { existing: AUDIENCE } },
      { audience: { existing: { id: TRIAL_USERS.id, name: TRIAL_USERS.name } } },
    ]);
  });

  it('names everything that is wrong with a sync, each with its own, and fails for none of them', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const one = existingSync({ name: 'One', mode: 'append', fields: { first_name: 'GivenName' } });
    const three = existingSync({ name: 'Three', audience: { existing: 'Nobody' } });
    const [first, second, third] = await inspect(connection, [one, existingSync({ name: 'Two' }), three]);
    const { code, said } = problemIn(first, one);
    expect(code).toBe('NotAllowed');
    expect(said.split('\n')).toEqual([
      expect.stringMatching(/does not support mode “append”/),
      expect.stringMatching(/^Sync “One”: .*no field “GivenName”/),
    ]);
    expect(second).toEqual({ audience: { existing: AUDIENCE } });
    expect(problemIn(third, three)).toEqual({ code: 'NotFound', said: expect.stringMatching('no audience “Nobody”') });
  });

  it('has a refusal of one audience as the problem of its sync alone', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    const match = { path: `/api/connections/${connection.id}/modelsync/target/fields` };
    await scene.sandbox.fault({ match, times: 1, status: 404, message: 'it was deleted a moment ago' });
    const sync = existingSync({ name: 'First' });
    const [first, second] = await inspect(connection, [sync, existingSync({ name: 'Second' })]);
    expect(problemIn(first, sync)).toEqual({ code: 'NotFound', said: expect.stringMatching('deleted a moment ago') });
    expect(second).toEqual({ audience: { existing: AUDIENCE } });
  });

  it('cuts what is wrong with a sync where there is too much of it', async () => {
    const fields = Array.from({ length: 40 }, (_, n) => ({ from: 'first_name', to: `${n}`.padStart(1000, 'x') }));
    const { said } = await problemOf(existingSync({ fields }));
    expect(said.length).toBeLessThanOrEqual(MAX_MESSAGE);
    expect(said.endsWith('…')).toBe(true);
  });

  it('is tried again while the connection’s cache is not ready', async () => {
    await scene.sandbox.fault({ cacheNotReadyMs: 3_600_000, times: 1 });
    const connection = await givenLinkedIn(scene.sandbox);
    const failure = await failureOf(inspect(connection, [existingSync()]));
    expect(failure).toMatchObject({ type: 'NotReady', nonRetryable: false, nextRetryDelay: 5_000 });
  });

  it('is tried again when Polytomic is down', async () => {
    const connection = await givenLinkedIn(scene.sandbox);
    await scene.sandbox.fault({ status: 502, times: 1 });
    expect(await failureOf(inspect(connection, [existingSync()]))).toMatchObject({ type: 'Unavailable' });
  });

  it('of a connection that has none says so', async () => {
    const failure = await failureOf(inspect(await givenSnowflake(scene.sandbox), [existingSync()]));
    expect(failure).toMatchObject({ type: 'Refused', nonRetryable: true });
    expect(failure.message).toMatch(/^Looking at the audiences of LinkedIn Ads connection “Warehouse”: /);
  });
});

describe('a Polytomic whose audiences are others', () => {
  const CONNECTION = { id: 'c', name: 'LinkedIn Ads', made: true };
  const EMAIL = { id: 'Email', name: 'Email', required: true, supports_identity: true };
  const audience = (mode: string) => ({ id: 'a', name: 'A', modes: [{ id: mode }] });

  /** Answers with one audience of one mode and these fields. */
  const withAudience = (mode: string, fields: object[], play: Parameters<typeof withApi>[1], supported = true) =>
    withApi(({ url }: Received, response) => {
      const answer = url.includes('/target/fields')
        ? { data: { fields, modes: [{ id: mode }] } }
        : { target_creation: { supported }, data: [audience(mode)] };
      response.end(JSON.stringify(answer));
    }, play);

  it('creates no audiences', async () => {
    await withAudience(
      'create',
      [],
      async ({ client }) => {
        const [result] = await inspect(CONNECTION, [newSync()], { activities: activitiesOn(client) });
        expect(problemIn(result, newSync())).toEqual({
          code: 'NotAllowed',
          said: 'connection “LinkedIn Ads” cannot create audiences.',
        });
      },
      false,
    );
  });

  it.each([
    ['remove', true],
    ['update', true],
    ['create', false],
  ] as const)('need not have all that is required filled in mode %s: %s', async (mode, allowed) => {
    const company = { id: 'Company', name: 'Company', required: true };
    await withAudience(mode, [EMAIL, company], async ({ client }) => {
      const sync = existingSync({ audience: { existing: 'A' }, mode, fields: {} });
      const [result] = await inspect(CONNECTION, [sync], { activities: activitiesOn(client) });
      if (allowed) expect(result).toEqual({ audience: { existing: { id: 'a', name: 'A' } } });
      else expect(problemIn(result, sync).said).toContain('requires “Company”');
    });
  });

  it('leaves open by which functions it can be identified', async () => {
    await withAudience('create', [EMAIL], async ({ client }) => {
      const sync = existingSync({ audience: { existing: 'A' }, fields: {} });
      expect(await inspect(CONNECTION, [sync], { activities: activitiesOn(client) })).toMatchObject([{ audience: {} }]);
    });
  });
});

describe('a search for audiences', () => {
  it('finds those that support the mode and have every word', async () => {
    const connection = await givenLinkedIn(scene.sandbox, [ACCOUNT, NORTHWIND, CONTOSO]);
    const find = (mode: SyncRequest['mode'], search?: string) =>
      newStep('choices').attempt(() =>
        scene.activities.findAudiences({ connection, mode, ...(search === undefined ? {} : { search }) }),
      );
    expect((await find('create')).total).toBe(4);
    expect((await find('update')).total).toBe(2);
    expect((await find('create', 'accounts KEY')).choices.map(({ label }) => label)).toEqual([
      'Company Audience: Key Accounts',
    ]);
    expect(await find('update', 'key')).toEqual({ choices: [], total: 0 });
  });
});
